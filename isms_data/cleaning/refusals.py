"""Why a cell is not a mobile number, in words; null where nothing is wrong.

The words name what was found and what was expected, and never the number itself, so that they can be counted and
shown. Only lost digits are quoted: what is left of them is nobody's number.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from isms_data.cleaning.number_patterns import LONGEST, RULED, WORLD, Kind, metadata, regions, regions_of, rulings
from isms_data.cleaning.spelling import Knot, mantissa
from isms_data.numbering import Judged, is_mobile, judge

if TYPE_CHECKING:
    from isms_data.cleaning.digits import Ints
    from isms_data.cleaning.spelling import Spelled

KNOT_WORDS: Final = {
    Knot.EMPTY: "the cell is empty",
    Knot.NO_DIGITS: "no digits in it",
    Knot.LOST_DIGITS: "lost digits",
    Knot.NOT_WHOLE: "not a whole number",
    Knot.TOO_LARGE: "larger than a float holds exactly, so digits are missing",
    Knot.EXPONENT: "scientific notation with other text in the cell",
    Knot.SEVERAL: "several groups of digits, none of them a number by itself",
    Knot.LETTERS: "letters or signs between the digits",
    Knot.TWO_NUMBERS: "two numbers or more in one cell: split=True takes them apart",
    Knot.MORE_DIGITS: "a number and other digits in one cell: split=True takes the number",
}

_KIND_WORDS: Final = {
    Kind.PREMIUM_RATE: "a premium-rate number",
    Kind.TOLL_FREE: "a toll-free number",
    Kind.SHARED_COST: "a shared-cost number",
    Kind.VOIP: "an internet telephony number",
    Kind.PERSONAL_NUMBER: "a personal number that is forwarded",
    Kind.PAGER: "a pager",
    Kind.UAN: "a company's number",
    Kind.VOICEMAIL: "a voicemail box",
    Kind.FIXED_LINE: "a fixed line",
}
_ADJECTIVES: Final = {"GR": "Greek", "CY": "Cypriot"}
_NAMES: Final = {"GR": "Greece", "CY": "Cyprus"}

_STEP: Final = 1 << 12
"""Wider than any of the small numbers that `_keys` packs into one of 64 bits: knot, kind, code, length, region."""


def problems(cells: pa.Array, knot: Ints, judged: Judged, spelled: Spelled, region: str) -> pa.Array:
    """The words for each row, null for mobiles; each distinct reason is put into words once."""
    fine = (knot == Knot.NONE) & is_mobile(judged.kind)
    rows = np.flatnonzero(~fine)
    keys = _keys(knot[rows], judged.take(rows), _hints(knot, judged, spelled, region)[rows])
    distinct, reason = np.unique(keys, return_inverse=True)
    words = pa.array([_words(int(key)) for key in distinct], pa.large_string())
    index = np.zeros(len(knot), np.int64)
    index[rows] = reason
    found = words.take(pa.array(index, mask=fine))
    return _with_lost_digits(found, cells, np.flatnonzero(knot == Knot.LOST_DIGITS))


def _hints(knot: Ints, judged: Judged, spelled: Spelled, region: str) -> Ints:
    """For numbers that are none: the region that they would be of with a plus in front, -1 for most."""
    hints = np.full(len(knot), -1, np.int64)
    rows = np.flatnonzero((knot == Knot.NONE) & (judged.kind == Kind.INVALID) & ~spelled.plus)
    found = judge(spelled.digits.take(rows), np.ones(len(rows), np.bool_), region).region
    hints[rows] = np.where(found == regions().index(WORLD), -1, found)
    return hints


def _keys(knot: Ints, judged: Judged, hint: Ints) -> Ints:
    """Everything that the words depend on, packed into one integer a row."""
    national = judged.dialled.national
    invalid = (knot == Knot.NONE) & (judged.kind == Kind.INVALID)
    parts = (
        np.where(knot == Knot.NONE, judged.kind, 0),
        np.where(invalid, judged.dialled.code, 0),
        np.where(invalid, np.minimum(national.length, LONGEST + 1), 0),
        np.where(invalid, hint + 1, 0),
    )
    key = knot.astype(np.int64)
    for part in parts:
        key = key * _STEP + part
    by_head = invalid & _possible()[judged.dialled.code, np.minimum(national.length, LONGEST + 1)]
    return key * 1000 + np.where(by_head, national.head(3), 0)


@cache
def _possible() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """By calling code and number of digits: whether mobiles are that long, so that the beginning is what is wrong."""
    possible = np.zeros((1000, LONGEST + 2), np.bool_)
    for code in COUNTRY_CODE_TO_REGION_CODE:
        lengths = _mobile_lengths(code)
        possible[code, 3:] = np.isin(np.arange(3, LONGEST + 2), lengths) | (not lengths)
    return possible


def _mobile_lengths(code: int) -> tuple[int, ...]:
    """The lengths of the mobiles of a calling code's main region; none where it has no mobiles."""
    mobile = metadata(code, regions_of(code)[0]).mobile
    return tuple(mobile.possible_length) if mobile is not None and mobile.national_number_pattern else ()


def _words(key: int) -> str:
    """One reason, from its key."""
    key, head = divmod(key, 1000)
    key, hint = divmod(key, _STEP)
    key, length = divmod(key, _STEP)
    key, code = divmod(key, _STEP)
    knot, kind = divmod(key, _STEP)
    if knot:
        return KNOT_WORDS[Knot(knot)]
    if kind >= RULED:
        return rulings()[kind - RULED].problem
    if kind:
        return f"{_KIND_WORDS[Kind(kind)]}, not a mobile"
    return _invalid(code, length, head) + (f"; with + in front it is a number of {regions()[hint - 1]}" if hint else "")


def _invalid(code: int, length: int, head: int) -> str:
    """What is wrong with digits that are no number: how many they are, or how they begin."""
    if not code:
        return "begins with + or an international prefix, but with no country's calling code"
    place = regions_of(code)[0]
    name = f"+{code}" if place == WORLD else place
    lengths = _mobile_lengths(code)
    digits = f"{length} digit{'s' * (length != 1)}" if length <= LONGEST else f"more than {LONGEST} digits"
    if length not in lengths and lengths:
        whose = f"a {_ADJECTIVES[place]} mobile" if place in _ADJECTIVES else f"a mobile of {name}"
        return f"{digits}, {whose} has {' or '.join(map(str, lengths))}"
    if length < 3:
        return f"{digits}, too few for a number of {name}"
    return f"starts with {head:03d}, in no range that {_NAMES.get(place, name)} uses"


def _with_lost_digits(found: pa.Array, cells: pa.Array, rows: Ints) -> pa.Array:
    """Lost digits with what is left of them, and how many the number had."""
    if not len(rows):
        return found
    lost = cells.take(pa.array(rows))
    shown, needed = (pa.array(count).cast(pa.large_string()) for count in mantissa(lost)[1:])
    said = ("lost digits: ", pc.utf8_trim_whitespace(lost), " shows ", shown, " of ", needed, " digits", "")
    texts = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in said]
    where = np.zeros(len(found), np.bool_)
    where[rows] = True
    return pc.replace_with_mask(found, pa.array(where), pc.binary_join_element_wise(*texts))
