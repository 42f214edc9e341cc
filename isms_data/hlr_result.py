"""Reply text of lookups to typed columns: the six fields, what follows from them, and a verdict with its reason.

Rows are many and what they say is few: everything is worked out once per distinct value (an IMSI's first digits, an
operator's name, a pair of status and error code) and handed to the rows through integer codes. Pure.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data import columns, map_errors, networks, numbering, tables
from isms_data.errors import ColumnError, GatewayError, mask
from isms_data.hlr_fields import Words, split
from isms_data.map_errors import Finding
from isms_data.replies import read_hlr
from isms_data.vocabulary import ErrorClass, Verdict, words

if TYPE_CHECKING:
    import numpy.typing as npt

    from isms_data.hlr_fields import Codes, HlrFields
    from isms_data.map_errors import ErrorTable

log = logging.getLogger("isms_data")

COLUMNS: Final = (*tables.names("hlr")[: tables.names("hlr").index("outcome")], "problem")
"""What `parse_hlr` gives: of the columns of a lookup those that follow from the reply alone."""

_PREFIX: Final = 6
"""Digits of an IMSI that name country and network at most: three and three."""

_QUOTED: Final = 20
"""How much of an error code that is none is quoted."""

_LONG_NUMBER: Final = re.compile(r"[0-9]{6,}")


def parse_hlr(
    replies: pd.Series,
    *,
    msisdn: pd.Series | None = None,
    error_codes: pd.DataFrame | None = None,
    hexadecimal: bool | None = None,
) -> pd.DataFrame:
    """Read the replies of lookups: the six fields, typed, and what follows from them.

    One row in, one row out, same index and order. What is not understood is never guessed at and never raises: its
    row has the verdict `unknown` and says why.

    Parameters
    ----------
    replies : Series of str
        `Status;Country;Operator;IMSI;ServingMSC;ErrorCode` as hlrquery.php gives it; null where there is no reply.
    msisdn : Series of str, optional
        The numbers that were asked about, row by row in position; without them `ported` is not known.
    error_codes : DataFrame, optional
        A table in place of ours: code, name, class, verdict, and reason if you like.
    hexadecimal : bool, optional
        Whether error codes are hexadecimal. By default they are if any of them in this column has a letter a-f;
        a column of few codes may have none by chance, so say it if you know it.

    Returns
    -------
    DataFrame
        status                  category  word of vocabulary.HlrStatus
        country, operator       category  free text as received
        imsi, serving_msc       str       as received
        error_code              Int16     MAP error, decimal
        mcc, mnc                str       3 and 2-3 digits; null where no table says how many
        network                 category  where the number is now, under one name per operator
        ported                  boolean   that network is not who first held the number's range
        roaming                 boolean   the serving exchange is not in the IMSI's country
        serving_country         category  ISO 3166 alpha-2
        error_name, error_class category
        verdict                 category  deliverable, retry_later, barred, no_sms_service, dead, invalid, unknown
        problem                 str       the verdict's reason, or what does not fit; null where nothing is to say

    Raises
    ------
    ColumnError   replies or msisdn is not text or not of equal length, or error_codes is no such table.

    Notes
    -----
    Cost: none. Repeatable: yes, the replies are in the journal. Source: docs/results.md.

    Examples
    --------
    >>> replies = pd.Series(["Delivered;Greece;WIND HELLAS;202101234567890;306930000000;0", "Undelivered;;;;;27", "?"])
    >>> parse_hlr(replies)[["status", "network", "roaming", "verdict"]]
            status network  roaming      verdict
    0    Delivered    Nova    False  deliverable
    1  Undelivered     NaN     <NA>  retry_later
    2          NaN     NaN     <NA>      unknown
    """
    texts = text_of(replies, "replies")
    numbers = None if msisdn is None else text_of(msisdn, "msisdn")
    if numbers is not None and len(numbers) != len(texts):
        msg = f"msisdn has {len(numbers)} rows and replies {len(texts)}; they go together by position."
        raise ColumnError(msg)
    table = map_errors.standard_table() if error_codes is None else map_errors.table_of(error_codes)
    fields = split(texts)
    places, doubts = _places(fields, numbers)
    codes = codes_of(fields, hexadecimal=hexadecimal)
    found, reasons = _errors(fields, codes, table)
    problem = _with_refusals(_with_doubts(reasons, doubts), texts, fields.refused)
    typed = six(fields, codes) | places | found | {"problem": problem.text()}
    return pd.DataFrame({name: tables.column("hlr", name, typed[name]) for name in COLUMNS}, index=replies.index)


def text_of(series: pd.Series, name: str) -> pa.Array:
    """A column of text as one Arrow array."""
    if not isinstance(series, pd.Series):
        msg = f"{name} is a {type(series).__name__}; give a pandas Series of text."
        raise ColumnError(msg)
    text = columns.pick_text(series.to_frame(name), name)
    plain = text if isinstance(text.dtype, pd.StringDtype) else text.astype(object)
    array = pa.array(plain, type=pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def codes_of(fields: HlrFields, *, hexadecimal: bool | None) -> list[int | None]:
    """The number that each distinct error code says, None where it says none."""
    texts = fields.error_code.texts
    if hexadecimal is None and map_errors.is_hexadecimal(texts):
        hexadecimal = True
        log.info("the error codes have letters in them: the whole column is read as hexadecimal")
    return [map_errors.code_of(text, hexadecimal=bool(hexadecimal)) for text in texts]


def six(fields: HlrFields, codes: list[int | None]) -> dict[str, pa.Array]:
    """The six fields, as received but for the error code."""
    return {
        "status": fields.status.arrow(),
        "country": fields.country.arrow(),
        "operator": fields.operator.arrow(),
        "imsi": fields.imsi,
        "serving_msc": fields.serving_msc.text(),
        "error_code": pa.array([*codes, None], pa.int16()).take(pa.array(_wrapped(fields.error_code))),
    }


# Where the SIM card is from, where the phone is, and whose customer it is


class Doubts(NamedTuple):
    """Rows whose operator text and IMSI name two different operators, and how to say so."""

    rows: Codes
    notes: Words


def _places(fields: HlrFields, numbers: pa.Array | None) -> tuple[dict[str, pa.Array], Doubts]:
    """Countries and networks, and the rows in which two sources of them disagree."""
    prefixes = pc.utf8_slice_codeunits(fields.imsi, 0, _PREFIX).dictionary_encode()
    homes = [networks.home_network(prefix) for prefix in prefixes.dictionary.to_pylist()]
    home = prefixes.indices.fill_null(-1).to_numpy()
    brands = _brands(fields)
    names = sorted({home.network for home in homes if home.network} | set(brands.texts))
    by_imsi = Words.of(home, [home.network for home in homes], fixed=names)
    by_text = Words.of(brands.codes, brands.texts, fixed=names)
    network = Words(np.where(by_imsi.codes >= 0, by_imsi.codes, by_text.codes), by_imsi.texts)
    serving = _serving_country(fields.serving_msc)
    places = {
        "mcc": Words.of(home, [home.mcc for home in homes]).text(),
        "mnc": Words.of(home, [home.mnc for home in homes]).text(),
        "network": network.used().arrow(),
        "ported": _ported(network, numbers),
        "serving_country": serving.arrow(),
        "roaming": _differ(serving, Words.of(home, [home.country for home in homes])),
    }
    return places, _doubts(by_text, by_imsi)


def _brands(fields: HlrFields) -> Words:
    """The operator that each row's text names; the row's country text decides whose brand a name is."""
    countries = [*(networks.country_named(text) for text in fields.country.texts), None]
    rows, pairs = _paired(fields.operator, fields.country)
    return Words.of(rows, [networks.brand(name, countries[place]) if name else None for name, _, place in pairs])


def _serving_country(exchanges: Words) -> Words:
    """The country of each exchange's address, a number like any other."""
    addresses = pd.Series([address.removeprefix("+") for address in exchanges.texts], dtype="str")
    countries = numbering.country_of(addresses).astype(object)
    return Words.of(exchanges.codes, countries.where(countries.notna(), None).tolist())


def _ported(network: Words, numbers: pa.Array | None) -> pa.Array:
    """Whether the network of today is not the one that first held the number's range; by our own names only."""
    if numbers is None:
        return pa.nulls(len(network.codes), pa.bool_())
    holders = numbering.range_operator(numbers).array
    holder = Words(holders.codes, tuple(holders.categories))
    return _differ(_comparable(network), _comparable(holder))


def _comparable(operators: Words) -> Words:
    ours = networks.canonical_names()
    return Words.of(operators.codes, [name if name in ours else None for name in operators.texts])


def _differ(left: Words, right: Words) -> pa.Array:
    """Row by row, whether two columns of words differ; null where either is."""
    other = Words.of(right.codes, right.texts, fixed=[*left.texts, *(set(right.texts) - set(left.texts))])
    return pa.array(left.codes != other.codes, mask=(left.codes < 0) | (other.codes < 0))


def _doubts(by_text: Words, by_imsi: Words) -> Doubts:
    """The rows where both name an operator of ours, and not the same."""
    text, imsi = _comparable(by_text), _comparable(by_imsi)
    rows = np.flatnonzero(_differ(text, imsi).fill_null(False).to_numpy(zero_copy_only=False))
    both, pairs = _paired(text.at(rows), imsi.at(rows))
    notes = tuple(f"operator text says {said}, IMSI says {is_so}" for said, is_so, _ in pairs)
    return Doubts(rows, Words(both, notes))


# What the error code means, and what it all adds up to


def _errors(fields: HlrFields, codes: list[int | None], table: ErrorTable) -> tuple[dict[str, pa.Array], Words]:
    """What the codes mean and the verdicts, and the verdicts' reasons."""
    known = [None if code is None else table.get(code) for code in codes]
    classes = [error.error_class if error else ErrorClass.UNKNOWN for error in known]
    settled = [None if code is None else word for code, word in zip(codes, classes, strict=True)]
    rows, findings = _findings(fields, codes, table)
    verdict = Words.of(rows, [finding.verdict for finding in findings], fixed=words(Verdict))
    verdict.codes[fields.refused] = words(Verdict).index(Verdict.UNKNOWN)
    found = {
        "error_name": Words.of(fields.error_code.codes, [error.name if error else None for error in known]).arrow(),
        "error_class": Words.of(fields.error_code.codes, settled, fixed=words(ErrorClass)).arrow(),
        "verdict": verdict.arrow(),
    }
    return found, Words.of(rows, [finding.problem for finding in findings])


def _findings(fields: HlrFields, codes: list[int | None], table: ErrorTable) -> tuple[Codes, list[Finding]]:
    """What each pair of status and error code that occurs adds up to, and which of them is each row's."""
    numbers = [*codes, None]
    rows, pairs = _paired(fields.status, fields.error_code)
    return rows, [_finding(status, text, numbers[place], table) for status, text, place in pairs]


def _finding(status: str | None, text: str | None, code: int | None, table: ErrorTable) -> Finding:
    """The verdict of one status and code; a code that is no number decides nothing and is quoted."""
    if status is None:
        return Finding(None, None)
    finding = map_errors.judge(status, code, table)
    if text is None or code is not None:
        return finding
    quoted = _LONG_NUMBER.sub(lambda found: mask(found[0]), text[:_QUOTED])
    return finding._replace(problem=f"{status}, with {quoted!r} for an error code, which is no code")


def _with_doubts(reasons: Words, doubts: Doubts) -> Words:
    """The reasons, with the note on the operator behind them in the rows that have one."""
    both, pairs = _paired(reasons.at(doubts.rows), doubts.notes)
    joined = tuple("; ".join(filter(None, (reason, note))) for reason, note, _ in pairs)
    return reasons.replaced(doubts.rows, Words(both, joined))


def _with_refusals(reasons: Words, replies: pa.Array, refused: npt.NDArray[np.bool_]) -> Words:
    """The reasons, and in the rows that are not understood what the gateway said instead."""
    rows = np.flatnonzero(refused)
    texts = replies.take(pa.array(rows)).dictionary_encode()
    said = tuple(_refusal(text) for text in texts.dictionary.to_pylist())
    return reasons.replaced(rows, Words(texts.indices.to_numpy(), said))


def _refusal(reply: str) -> str:
    """Why a reply is not understood, in the words of the rule for one reply; numbers in it are masked."""
    try:
        read_hlr(reply)
    except GatewayError as error:
        return str(error)
    return "the gateway's reply has a line break inside a field. It is not guessed at."


def _paired(left: Words, right: Words) -> tuple[Codes, list[tuple[str | None, str | None, int]]]:
    """Which pair of words each row has, and the pairs that occur: both words, and the place of the second one.

    A null counts as a word here; its place is behind the last.
    """
    size = len(right.texts) + 1
    rows, distinct = pd.factorize(_wrapped(left) * size + _wrapped(right))
    lefts, rights = [*left.texts, None], [*right.texts, None]
    return rows, [(lefts[pair // size], rights[pair % size], pair % size) for pair in distinct.tolist()]


def _wrapped(column: Words) -> npt.NDArray[np.int64]:
    """The codes with the null behind the last word instead of before the first, to count with."""
    return column.codes.astype(np.int64) % (len(column.texts) + 1)
