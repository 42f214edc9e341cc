"""What the digits of a number say: how it is dialled, its country, its type, who first held its range.

Everything here takes whole columns. Countries and types come from libphonenumber's metadata (`number_patterns`), so
they agree with `phonenumbers`; the regulator's word goes before it where the two differ (data/number_rulings.csv).
Who first held a range comes from our own dated table for Greece and Cyprus (data/ranges.csv) and from libphonenumber's
carrier data for the rest of the world. Numbers are portable: the range names the original operator only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from isms_data.cleaning.dialling import TENS, Dialled, dial, split_code
from isms_data.cleaning.digits import Digits, Flags, Ints
from isms_data.cleaning.number_patterns import (
    RULED,
    WORLD,
    Kind,
    Plan,
    metadata,
    plan_for,
    regions,
    regions_of,
    rulings,
    walk,
)
from isms_data.networks import read_table
from isms_data.vocabulary import NumberStatus, words

PLACES: Final = 18
"""Numbers are compared with prefixes as this many digits, filled up with zeros; 64 bits hold no more of all."""
_HIGHEST: Final = 10**PLACES


def country_of(numbers: pd.Series | pa.Array) -> pd.Series:
    """The country of each number in international form, as ISO 3166 alpha-2, by position.

    Agrees with `phonenumbers.region_code_for_number`. Where that has no answer, because the digits are no valid
    subscriber's number (a switch's address, a number cut short), it is the country whose numbers begin most like
    it, so the address of an exchange in Kazakhstan (+7 701...) is not taken for a Russian one.

    Parameters
    ----------
    numbers : Series or Arrow array of text
        Digits with the country's calling code in front, no "+", no "00".

    Returns
    -------
    Series of category (`country_dtype`), with the index of a Series that was given
        Null for anything but digits, for calling codes that no country has, and for those of no country (satellites).

    Examples
    --------
    >>> country_of(pd.Series(["306912345678", "7701", "14165550123", "x"])).to_list()
    ['GR', 'KZ', 'CA', nan]
    """
    dialled = split_code(Digits.of(_texts(numbers)))
    plan = plan_for(_occurring(dialled.code))
    state, _ = walk(plan, dialled.code, dialled.national)
    found = np.where(plan.region[state] >= 0, plan.region[state], plan.nearest[state])
    return _series(countries(found), numbers)


def range_operator(numbers: pd.Series | pa.Array) -> pd.Series:
    """Who first held the range of each number, by the longest prefix that a table has; by position.

    Parameters
    ----------
    numbers : Series or Arrow array of text
        MSISDNs: digits with the country's calling code in front, no "+", no "00".

    Returns
    -------
    Series of category (`operator_dtype`), with the index of a Series that was given
        Null where no table knows the range, or where sources disagree. Not the operator of today: numbers are ported.

    Examples
    --------
    >>> range_operator(pd.Series(["306971234567", "35796123456", "306921234567"])).to_list()
    ['Cosmote', 'Epic', nan]
    """
    digits = Digits.of(_texts(numbers))
    _, number = walk(plan_for(frozenset()), np.zeros(len(digits), np.int64), digits)
    found = pd.Categorical.from_codes(holders(number, digits.length), dtype=operator_dtype())
    return _series(found, numbers)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of each row of digits."""

    number: Ints
    """In international form, as an integer; 0 where it is no number."""
    length: Ints
    """How many digits that has."""
    kind: Ints
    """A `Kind`, or a ruling from `RULED` on."""
    region: Ints
    """An index into `regions()`; -1 where it is no number."""
    dialled: Dialled

    def take(self, rows: Ints) -> Judged:
        """These rows, in this order."""
        dialled = Dialled(self.dialled.code[rows], self.dialled.national.take(rows))
        return Judged(self.number[rows], self.length[rows], self.kind[rows], self.region[rows], dialled)

    def put(self, rows: Ints, other: Judged) -> Judged:
        """The same with the number, kind and region of those rows replaced; how they were dialled stays."""
        number, length, kind, region = self.number.copy(), self.length.copy(), self.kind.copy(), self.region.copy()
        number[rows], length[rows], kind[rows], region[rows] = other.number, other.length, other.kind, other.region
        return Judged(number, length, kind, region, self.dialled)


def is_mobile(kind: Ints) -> Flags:
    """Which kinds can receive an SMS as far as their range says; where mobiles look like fixed lines, both can."""
    return np.equal(_status_of_kind()[kind], _MOBILE)


def has_holder(kind: Ints) -> Flags:
    """Which kinds have ranges that tables of operators know: mobiles and pagers, as in `phonenumbers.carrier`."""
    return is_mobile(kind) | np.equal(kind, Kind.PAGER) | np.greater_equal(kind, RULED)


def statuses(kind: Ints) -> Ints:
    """The status of each kind, as an index into `words(NumberStatus)`."""
    return _status_of_kind()[kind]


_STATUSES: Final = words(NumberStatus)
_MOBILE: Final = _STATUSES.index(NumberStatus.MOBILE)


@cache
def _status_of_kind() -> Ints:
    plain = dict.fromkeys(Kind, NumberStatus.OTHER_TYPE) | {
        Kind.INVALID: NumberStatus.INVALID,
        Kind.MOBILE: NumberStatus.MOBILE,
        Kind.FIXED_LINE_OR_MOBILE: NumberStatus.MOBILE,
        Kind.FIXED_LINE: NumberStatus.FIXED_LINE,
    }
    ruled = [ruling.status for ruling in rulings()]
    return np.array([_STATUSES.index(status) for status in [*plain.values(), *ruled]])


def judge(digits: Digits, plus: Flags, region: str) -> Judged:
    """Country and type of each number as it is dialled from a region; `plus` where it is in international form.

    A zero in front of a national number that is none with it is dropped where the country has no national prefix:
    people write +30 (0) 691... although nothing is dialled there.
    """
    dialled = dial(digits, plus, region)
    plan = plan_for(_occurring(dialled.code))
    state, number = walk(plan, dialled.code, dialled.national)
    dialled = _without_trunk_zero(plan, dialled, state)
    kind = plan.kind[state]
    valid = kind != Kind.INVALID
    size = dialled.national.length
    number = np.where(valid, number + dialled.code * TENS[np.minimum(size, PLACES)], 0)
    length = np.where(valid, size + _digits_in(dialled.code), 0)
    return Judged(number, length, kind, np.where(valid, plan.region[state], -1), dialled)


def _without_trunk_zero(plan: Plan, dialled: Dialled, state: Ints) -> Dialled:
    """The numbers, and in `state` their end, where nothing but a zero in front keeps them from being one."""
    national = dialled.national
    zero = (plan.kind[state] == Kind.INVALID) & (national.length > 1) & (national.buffer[national.start] == 0)
    rows = np.flatnonzero(zero & ~_with_prefix()[dialled.code])
    shorter = national.take(rows).skip(1)
    again, _ = walk(plan, dialled.code[rows], shorter)
    found = np.flatnonzero(plan.kind[again] != Kind.INVALID)
    state[rows[found]] = again[found]
    return Dialled(dialled.code, national.put(rows[found], shorter.take(found)))


@cache
def _with_prefix() -> Flags:
    """By calling code: whether a national prefix is dialled."""
    found = np.zeros(1000, np.bool_)
    for code in COUNTRY_CODE_TO_REGION_CODE:
        found[code] = bool(metadata(code, regions_of(code)[0]).national_prefix_for_parsing)
    return found


def _digits_in(code: Ints) -> Ints:
    return 1 + (code >= 10) + (code >= 100).astype(np.int64)


def _occurring(code: Ints) -> frozenset[int]:
    return frozenset(np.flatnonzero(np.bincount(code)).tolist())


@cache
def country_dtype() -> pd.CategoricalDtype:
    """The categories of a country column: every country of libphonenumber, whichever of them occur."""
    return pd.CategoricalDtype(pd.Index(regions()[:-1], dtype="str"))


def countries(region: Ints) -> pd.Categorical:
    """A country column from indices into `regions()`; calling codes of no country are null."""
    return pd.Categorical.from_codes(np.where(region == regions().index(WORLD), -1, region), dtype=country_dtype())


@cache
def operator_dtype() -> pd.CategoricalDtype:
    """The categories of an operator column: everybody who first held a range, whichever of them occur."""
    return pd.CategoricalDtype(pd.Index(_ranges()[2], dtype="str"))


def holders(number: Ints, length: Ints) -> Ints:
    """Who first held the range of each number (0: none) of so many digits, as codes of `operator_dtype`; -1: unknown.

    A list is mostly of one country: only the ranges between its lowest and highest number are searched.
    """
    bounds, owner, _ = _ranges()
    filled = np.where(length <= PLACES, number, 0) * TENS.take(np.maximum(PLACES - length, 0))
    lowest = filled.min(initial=_HIGHEST, where=filled > 0)
    low, high = np.searchsorted(bounds, [lowest, filled.max(initial=0)], side="right")
    place = low + np.searchsorted(bounds[low:high], filled, side="right")
    return np.where(filled > 0, owner.take(place), -1)


@cache
def _ranges() -> tuple[Ints, Ints, tuple[str, ...]]:
    """Where ranges begin, who holds the numbers from there on (-1: nobody known), and the names."""
    known = _prefixes()
    names = tuple(sorted({name for name in known.values() if name}))
    ends = [f"{int(prefix) + 1}" for prefix in known]
    starts = sorted({text.ljust(PLACES, "0") for text in (*known, *ends)})
    index = {name: place for place, name in enumerate(names)}
    found = [index.get(_longest(known, start), -1) for start in starts]
    return np.array([int(start) for start in starts]), np.array([-1, *found], np.int16), names


def _longest(known: dict[str, str], number: str) -> str:
    """The holder of the longest prefix of this number."""
    return next((known[number[:size]] for size in range(PLACES, 0, -1) if number[:size] in known), "")


def _prefixes() -> dict[str, str]:
    """Prefix to first holder: our own table, and libphonenumber's for the calling codes that it does not cover."""
    from phonenumbers.carrierdata import CARRIER_DATA  # noqa: PLC0415 - 29,000 prefixes, read when first asked for

    own = {row["prefix"]: row["operator"] for row in read_table("ranges.csv")}
    covered = ("30", "357")
    return {
        prefix: names["en"]
        for prefix, names in CARRIER_DATA.items()
        if "en" in names and not prefix.startswith(covered)
    } | own


def _texts(numbers: pd.Series | pa.Array) -> pa.Array:
    """One contiguous Arrow text array."""
    texts = pa.array(numbers, type=pa.large_string(), from_pandas=True) if isinstance(numbers, pd.Series) else numbers
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _series(values: pd.Categorical, like: pd.Series | pa.Array) -> pd.Series:
    return pd.Series(values, index=like.index if isinstance(like, pd.Series) else None)
