"""From dialled digits to calling code and national number, by the rules of libphonenumber's `parse`, for whole columns.

What `parse` does for one number is done here for all of them in the same order, with the same conditions, on the same
metadata: the plus or the international prefix, the calling code, the home country's own code written without either,
the national prefix (which some countries rewrite instead of dropping). Where a step changes, `parse` has changed:
compare the two, then run the agreement of benchmarks/cleaning.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, country_code_for_region

from isms_data.cleaning.digits import Digits, Flags, Ints
from isms_data.cleaning.number_patterns import LONGEST, metadata, plan_of, regions_of, walk

TENS: Final = 10 ** np.arange(19, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Dialled:
    """Numbers as calling code (0: none that exists) and national digits."""

    code: Ints
    national: Digits


def split_code(digits: Digits) -> Dialled:
    """The calling code and what follows it, of numbers in international form."""
    head = digits.head(3)
    lengths = _code_lengths()[head]
    lengths = np.where(lengths <= digits.length, lengths, 0)
    code = head // TENS[3 - lengths]
    return Dialled(np.where(lengths > 0, code, 0), digits.skip(lengths))


def dial(digits: Digits, plus: Flags, region: str) -> Dialled:
    """The numbers as they are reached from a region; `plus` says which were written in international form."""
    home = country_code_for_region(region)
    abroad = split_code(digits)
    international = plus & (abroad.code > 0)
    rest = np.flatnonzero(~international)
    inland = _from_home(digits.take(rest), plus[rest], home, region)
    code = abroad.code.copy()
    code[rest] = inland.code
    national = abroad.national.put(rest, inland.national)
    own = np.zeros(len(digits), np.bool_)
    own[rest] = inland.own_plan
    return Dialled(code, _without_national_prefixes(code, own, national, home, region))


@dataclass(frozen=True, slots=True)
class _Inland(Dialled):
    own_plan: Flags
    """Which rows gave no calling code, so that the region's own rules go on, not those of the code's main region."""


def _from_home(digits: Digits, plus: Flags, home: int, region: str) -> _Inland:
    """Numbers without a plus, or with one before no calling code that exists."""
    prefix = _after_international_prefix(digits, metadata(home, region).international_prefix or "")
    abroad = np.flatnonzero(prefix)
    dialled = split_code(digits.take(abroad).skip(prefix[abroad]))
    named, without_code = _names_home(digits, home, region)
    named[abroad] = False
    own_plan = (prefix == 0) & ~named
    code = np.where(own_plan & plus, 0, home)
    code[abroad] = dialled.code
    national = digits.put(abroad, dialled.national)
    return _Inland(code, national.put(np.flatnonzero(named), without_code.take(np.flatnonzero(named))), own_plan)


def _after_international_prefix(digits: Digits, pattern: str) -> Ints:
    """How many digits of international prefix each number has; none where a zero follows: no code begins with one."""
    size = _prefix_length(digits, pattern)
    after = digits.skip(size)
    return np.where((after.length > 0) & (after.buffer[after.start] == 0), 0, size)


def _names_home(digits: Digits, home: int, region: str) -> tuple[Flags, Digits]:
    """Which numbers begin with the home code although nothing says so, and all of them without it.

    They do if they are no number of the region with it and are one without it, or if they are too long with it.
    """
    begins = _prefix_length(digits, str(home)) > 0
    rows = np.flatnonzero(begins)
    whole = digits.take(rows)
    rest = whole.skip(len(str(home)))
    rest = rest.put(*_shortened(rest, home, region))
    better = ~_viable(whole, home, region) & _viable(rest, home, region)
    begins[rows] = better | _lengths(home, region).too_long[np.minimum(whole.length, LONGEST)]
    return begins, digits.put(rows, rest)


def _without_national_prefixes(code: Ints, own: Flags, national: Digits, home: int, region: str) -> Digits:
    """Every number without its national prefix: by the region's own rules, or by those of the code's main region."""
    for foreign in np.flatnonzero(np.bincount(code[~own])).tolist():
        if foreign and metadata(foreign, regions_of(foreign)[0]).national_prefix_for_parsing:
            national = _stripped(national, np.flatnonzero((code == foreign) & ~own), foreign, regions_of(foreign)[0])
    return _stripped(national, np.flatnonzero(own), home, region)


def _stripped(national: Digits, rows: Ints, code: int, region: str) -> Digits:
    """These rows without their national prefix, where what is left is long enough for a number."""
    changed, shorter = _shortened(national.take(rows), code, region)
    fits = np.flatnonzero(_lengths(code, region).fits[np.minimum(shorter.length, LONGEST)])
    return national.put(rows[changed[fits]], shorter.take(fits))


def _shortened(national: Digits, code: int, region: str) -> tuple[Ints, Digits]:
    """The rows that begin with a national prefix and what they are without it; a number never becomes none."""
    data = metadata(code, region)
    pattern = data.national_prefix_for_parsing
    size = _prefix_length(national, pattern) if pattern else np.zeros(len(national), np.int64)
    rows = np.flatnonzero(size)
    before = national.take(rows)
    rule = data.national_prefix_transform_rule
    after = _rewritten(before, pattern, rule) if pattern and rule else before.skip(size[rows])
    kept = np.flatnonzero(~_viable(before, code, region) | _viable(after, code, region))
    return rows[kept], after.take(kept)


def _prefix_length(digits: Digits, pattern: str) -> Ints:
    """How many digits the pattern takes from the beginning of each number."""
    if pattern.isdigit():
        found = (digits.length >= len(pattern)) & (digits.head(len(pattern)) == int(pattern))
        return np.where(found, len(pattern), 0)
    rest = pc.replace_substring_regex(digits.text(), f"^(?:{pattern})", "", max_replacements=1)
    length: Ints = digits.length - pc.binary_length(rest).to_numpy()
    return length


def _rewritten(digits: Digits, pattern: str, rule: str) -> Digits:
    """The numbers with the prefix rewritten where the pattern's last group took part, dropped where it did not."""
    texts = digits.text()
    last = pc.replace_substring_regex(texts, f"^(?:{pattern}).*$", f"\\{re.compile(pattern).groups}")
    dropped = pc.replace_substring_regex(texts, f"^(?:{pattern})", "", max_replacements=1)
    changed = pc.replace_substring_regex(texts, f"^(?:{pattern})", rule, max_replacements=1)
    return Digits.of(pc.if_else(pc.equal(last, ""), dropped, changed))


def _viable(national: Digits, code: int, region: str) -> Flags:
    """Which numbers the region's general pattern matches."""
    state, _ = walk(plan_of(code), np.full(len(national), code), national)
    return (plan_of(code).viable[state] >> regions_of(code).index(region) & 1).astype(np.bool_)


class _Lengths(NamedTuple):
    """By number of digits (the last stands for all above): what `parse` asks of a length."""

    fits: Flags
    """A number of the region can be as long as that, or it is longer than any."""
    too_long: Flags


@cache
def _lengths(code: int, region: str) -> _Lengths:
    general = metadata(code, region).general_desc
    possible, local = (
        (general.possible_length, general.possible_length_local_only) if general is not None else ((0,), ())
    )
    length = np.arange(LONGEST + 1)
    too_long = (length > max(possible)) & ~np.isin(length, local)
    return _Lengths(np.isin(length, list(set(possible) - set(local))) | too_long, too_long)


@cache
def _code_lengths() -> Ints:
    """How long the calling code is, by the first three digits of a number; 0 where there is none."""
    lengths = np.zeros(1000, np.int64)
    for code in COUNTRY_CODE_TO_REGION_CODE:
        span = 10 ** (3 - len(str(code)))
        lengths[code * span : (code + 1) * span] = len(str(code))
    return lengths
