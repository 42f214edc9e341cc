"""What the error codes of mobile networks (GSM MAP) mean, and the verdict that a reply's status and code add up to.

The codes are a table with provenance, `data/map_errors.csv`, and a user whose gateway means something else by a code
replaces it. HLR providers agree on the names and differ on some meanings: what is not settled is class `unknown` and
decides nothing. "Permanent" is said of the subscriber here; some providers say it of the message. Pure.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.errors import ColumnError
from isms_data.networks import read_table
from isms_data.vocabulary import OPEN_STATUSES, ErrorClass, HlrStatus, Verdict, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

COLUMNS: Final = ("code", "name", "class", "verdict", "reason")
"""What a table of error codes has; `name` and `reason` may be empty."""

MAX_CODE: Final = 32_767
"""What fits the column, an Int16; the codes of the standard end at 255."""

_DECIMAL: Final = re.compile(r"-?[0-9]+")
_HEXADECIMAL: Final = re.compile(r"-?(?:0[xX])?[0-9a-fA-F]+")
_TELLTALE: Final = re.compile(r"(?:0[xX])?0{0,2}(?=.?[a-fA-F])[0-9a-fA-F]{1,2}")
"""A code of the standard's one byte that can only be hexadecimal; longer ones could be words, like `bad`."""


class MapError(NamedTuple):
    """One line of the table."""

    code: int
    name: str | None
    error_class: str
    verdict: str
    reason: str


ErrorTable = dict[int, MapError]


class Finding(NamedTuple):
    """What a status and a code add up to; None where there is nothing to say."""

    verdict: str | None
    problem: str | None


@cache
def standard_table() -> ErrorTable:
    """The table of this package.

    >>> standard_table()[27].name
    'absentSubscriber'
    """
    return _table(read_table("map_errors.csv"))


def table_of(frame: pd.DataFrame) -> ErrorTable:
    """A user's own table, checked.

    Raises
    ------
    ColumnError   a column is missing, a code is no whole number or stands twice, a class or verdict is no known word.
    """
    missing = [name for name in COLUMNS[:-1] if name not in frame.columns]
    if missing:
        msg = f"error_codes lacks {', '.join(map(repr, missing))}. Its columns are: {', '.join(COLUMNS)} (optional)."
        raise ColumnError(msg)
    given = frame.reindex(columns=list(COLUMNS)).astype(object)
    rows = given.where(given.notna(), "").astype("str").to_dict("records")
    return _table({str(name): str(value).strip() for name, value in row.items()} for row in rows)


def is_hexadecimal(texts: Iterable[str]) -> bool:
    """Whether a column of codes is in hexadecimal: one letter in one code tells it of all.

    >>> is_hexadecimal(["1", "1b"]), is_hexadecimal(["1", "27"])
    (True, False)
    """
    return any(_TELLTALE.fullmatch(text) for text in texts)


def code_of(text: str, *, hexadecimal: bool) -> int | None:
    """The code that a text says, None where it is no whole number or too large to be one.

    >>> code_of("1b", hexadecimal=True), code_of("27", hexadecimal=False), code_of("none", hexadecimal=False)
    (27, 27, None)
    """
    pattern, base = (_HEXADECIMAL, 16) if hexadecimal else (_DECIMAL, 10)
    if len(text) > 8 or not pattern.fullmatch(text):
        return None
    code = int(text, base)
    return code if abs(code) <= MAX_CODE else None


def judge(status: str, code: int | None, table: ErrorTable) -> Finding:
    """The verdict on a reply that was understood, and its reason in words.

    >>> judge("Undelivered", 27, standard_table())
    Finding(verdict='retry_later', problem='absentSubscriber (27): the phone was off or out of coverage; try later')
    >>> judge("Delivered", 0, standard_table())
    Finding(verdict='deliverable', problem=None)
    """
    if status in OPEN_STATUSES:
        return Finding(None, None)
    known = table.get(code) if code is not None else None
    if status == HlrStatus.DELIVERED:
        return _delivered(code, known)
    if status == HlrStatus.UNKNOWN:
        also = f", and names {_named(code, known)}" if code else ""
        return Finding(Verdict.UNKNOWN.value, f"the network could not be asked (Unknown){also}")
    if not code:
        return Finding(Verdict.UNKNOWN.value, f"{status} without an error code: no reason was given")
    if known is None:
        return Finding(Verdict.UNKNOWN.value, f"{_named(code, known)}: not in the table of error codes")
    return Finding(known.verdict, f"{_named(code, known)}: {known.reason or 'no reason in the table'}")


def _delivered(code: int | None, known: MapError | None) -> Finding:
    """The subscriber answered; a code with a settled meaning beside that contradicts it, any other is only noted."""
    if not code:
        return Finding(Verdict.DELIVERABLE.value, None)
    if known is not None and known.error_class != ErrorClass.UNKNOWN:
        return Finding(
            Verdict.UNKNOWN.value, f"Delivered and {_named(code, known)} at once: the two contradict each other"
        )
    return Finding(Verdict.DELIVERABLE.value, f"Delivered, with {_named(code, known)}, whose meaning is not settled")


def _named(code: int | None, known: MapError | None) -> str:
    return f"{known.name} ({code})" if known is not None and known.name else f"error code {code}"


def _table(rows: Iterable[Mapping[str, str]]) -> ErrorTable:
    table: ErrorTable = {}
    for number, row in enumerate(rows):
        code = code_of(row["code"].removesuffix(".0"), hexadecimal=False)
        if code is None or code in table:
            trouble = "no whole number" if code is None else "there twice"
            msg = f"error_codes: code {row['code']!r} (row {number}) is {trouble}. Give each code once, in decimal."
            raise ColumnError(msg)
        for column, allowed in (("class", words(ErrorClass)), ("verdict", words(Verdict))):
            if row[column] not in allowed:
                msg = f"error_codes: {column} {row[column]!r} (row {number}) is none of {', '.join(allowed)}."
                raise ColumnError(msg)
        table[code] = MapError(code, row["name"] or None, row["class"], row["verdict"], row["reason"])
    return table
