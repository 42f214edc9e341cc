r"""libphonenumber's patterns as one table of steps, walked by all rows at once.

What a number is (its country, its type) is written in libphonenumber as regular expressions over its national
digits, dozens for each calling code. They are read from the installed `phonenumbers` when a calling code is first
met, so they age with it, and turned into a `Plan`: an automaton that has a state for "everything the patterns could
still become" and a table that says which state each digit leads to. A million rows then take one step together per
digit, whatever their countries, and the state in which a row ends answers everything. This is exact, needs no row
by row remainder, and replaces some two thousand matches of regular expressions.

The patterns use a small part of the syntax: digits, `\d`, `[...]`, groups, `|`, `?` and `{...}`. Because they match
whole numbers of a few lengths, each is a finite set of sequences of digit sets (`sequences`), and a state is the set
of what is left of them. `libphonenumber` decides in an order that `Plan` keeps: see `_verdict`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS
from phonenumbers.phonemetadata import PhoneMetadata

from isms_data.networks import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isms_data.cleaning.digits import Digits, Ints

Sequence = tuple[int, ...]
"""One way to spell a number: for each place the digits allowed there, as ten bits."""

ANY_DIGIT: Final = 0b1111111111
WORLD: Final = "001"
"""libphonenumber's region for calling codes of no country (satellites, freephone of the world)."""


class Kind(IntEnum):
    """What a number is for: libphonenumber's types; those behind `INVALID` in the order in which it asks."""

    INVALID = 0
    PREMIUM_RATE = 1
    TOLL_FREE = 2
    SHARED_COST = 3
    VOIP = 4
    PERSONAL_NUMBER = 5
    PAGER = 6
    UAN = 7
    VOICEMAIL = 8
    FIXED_LINE = 9
    MOBILE = 10
    FIXED_LINE_OR_MOBILE = 11


RULED: Final = len(Kind)
"""From here on a kind is a line of data/number_rulings.csv, where a regulator says otherwise than libphonenumber."""

_GENERAL: Final = -1
_LEADING: Final = -2
_NEAREST: Final = -3
"""What a sequence stands for besides a kind: the country's general pattern, its leading digits, a memory of it."""


class Ruling(NamedTuple):
    """A range where the regulator is followed instead of libphonenumber."""

    country: str
    pattern: str
    status: str
    problem: str
    source: str
    date: str


@cache
def rulings() -> tuple[Ruling, ...]:
    """The exceptions to libphonenumber, from data/number_rulings.csv."""
    return tuple(Ruling(**row) for row in read_table("number_rulings.csv"))


class _Item(NamedTuple):
    """What is left of one sequence on the way through it, and what the whole of it would mean."""

    place: int
    """Which of the calling code's regions it is of."""
    meaning: int
    """A `Kind`, a ruling, or one of the marks above."""
    rest: Sequence


State = frozenset[_Item]

_DIGITS_IN: Final = tuple(tuple(digit for digit in range(10) if bits >> digit & 1) for bits in range(1024))
_TOKEN: Final = re.compile(r"\\d|\[(?:\d(?:-\d)?|\\d)+\]|\(\?:|[()|?]|\{\d+(?:,\d+)?\}|\d")


def sequences(pattern: str) -> frozenset[Sequence]:
    r"""Every way through a pattern, each place as the set of digits that may stand there.

    >>> sorted(len(way) for way in sequences(r"68[57-9]\d{2}|9\d?"))
    [1, 2, 5]

    Raises
    ------
    ValueError   the pattern uses more of the syntax than libphonenumber has done so far.
    """
    tokens = _TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        msg = f"the installed phonenumbers has a pattern that this version cannot read: {pattern!r}. Update isms_data."
        raise ValueError(msg)
    return frozenset(_alternatives(iter([*tokens, ")"])))


def _alternatives(tokens: Iterator[str]) -> set[Sequence]:
    """What stands up to the closing bracket, which is consumed."""
    finished: set[Sequence] = set()
    before: set[Sequence] = {()}
    last: set[Sequence] = {()}
    while True:
        part = next(tokens)
        if part == "?" or part[0] == "{":
            last = _repeated(last, part)
            continue
        before = _joined(before, last)
        if part in "|)":
            finished |= before
            before, last = {()}, {()}
            if part == ")":
                return finished
        else:
            last = _alternatives(tokens) if part[0] == "(" else {(_digit_set(part),)}


def _joined(first: set[Sequence], second: set[Sequence]) -> set[Sequence]:
    return {left + right for left in first for right in second}


def _repeated(atom: set[Sequence], quantifier: str) -> set[Sequence]:
    bounds = [0, 1] if quantifier == "?" else [int(bound) for bound in quantifier[1:-1].split(",")]
    found: set[Sequence] = set()
    run: set[Sequence] = {()}
    for count in range(bounds[-1] + 1):
        if count >= bounds[0]:
            found |= run
        run = _joined(run, atom)
    return found


def _digit_set(part: str) -> int:
    if part == r"\d":
        return ANY_DIGIT
    ranges = re.findall(r"(\d)(?:-(\d))?", part.replace(r"\d", "0-9"))
    digits = {digit for low, high in ranges for digit in range(int(low), int(high or low) + 1)}
    return sum(1 << digit for digit in digits)


def regions_of(code: int) -> tuple[str, ...]:
    """The regions that share a calling code, the main one first."""
    return tuple(COUNTRY_CODE_TO_REGION_CODE[code])


@cache
def metadata(code: int, region: str) -> PhoneMetadata:
    """The metadata of a region, or of a calling code that belongs to none."""
    found = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if found is None:
        msg = f"the installed phonenumbers has no metadata for region {region!r}, calling code {code}."
        raise ValueError(msg)
    return found


def _items(place: int, region: str, code: int) -> list[_Item]:
    """Everything a region says of its numbers.

    The general pattern counts for any length, as in `parse`; that of a type for the lengths that the type has.
    """
    data = metadata(code, region)
    parts = [(int(kind), getattr(data, kind.name.lower())) for kind in Kind if 0 < kind <= Kind.MOBILE]
    found: list[tuple[int, Iterable[Sequence]]] = []
    for meaning, part in [(_GENERAL, data.general_desc), *parts]:
        if part is not None and part.national_number_pattern:
            lengths = part.possible_length if meaning != _GENERAL else ()
            ways = sequences(part.national_number_pattern)
            found.append((meaning, [way for way in ways if not lengths or len(way) in lengths]))
    if data.leading_digits is not None:
        found.append((_LEADING, sequences(data.leading_digits)))
    for line, ruling in enumerate(rulings()):
        if ruling.country == region:
            found.append((RULED + line, sequences(ruling.pattern)))
    return [_Item(place, meaning, way) for meaning, ways in found for way in ways]


def _after(state: State) -> list[State]:
    """What is left after each of the ten digits: leading digits once matched stay so, and the nearest region too."""
    left: list[set[_Item]] = [{item for item in state if item.meaning == _LEADING and not item.rest} for _ in range(10)]
    for place, meaning, rest in state:
        if rest:
            item = _Item(place, meaning, rest[1:])
            for digit in _DIGITS_IN[rest[0]]:
                left[digit].add(item)
    memory = _Item(_nearest(state), _NEAREST, ())
    return [frozenset(items if any(item.meaning >= 0 for item in items) else {*items, memory}) for items in left]


def _nearest(state: State) -> int:
    """The first region that still has numbers beginning like this, or the last that had."""
    return min((item.place for item in state if item.meaning >= 0 or item.meaning == _NEAREST), default=0)


def _verdict(state: State, code: int) -> tuple[int, int]:
    """Which region (-1: none) and which kind libphonenumber gives a number that ends in this state.

    A calling code of one region is that region's. Shared ones go by the leading digits where a region has them, by
    full validity where it has not, in the order of the regions.
    """
    done = {(item.place, item.meaning) for item in state if not item.rest}
    regions = regions_of(code)
    for place, region in enumerate(regions):
        kind = _kind(place, done, same=bool(metadata(code, region).same_mobile_and_fixed_line_pattern))
        by_digits = metadata(code, region).leading_digits is not None
        if len(regions) == 1 or ((place, _LEADING) in done if by_digits else kind):
            return place, kind
    return -1, Kind.INVALID


def _kind(place: int, done: set[tuple[int, int]], *, same: bool) -> int:
    """The first type that matches, in libphonenumber's order; a ruling comes before all of them."""
    found = sorted(meaning for region, meaning in done if region == place and meaning >= 0)
    if found and found[-1] >= RULED:
        return found[-1]
    if not found or (place, _GENERAL) not in done:
        return Kind.INVALID
    first = found[0]
    if first == Kind.FIXED_LINE and (same or Kind.MOBILE in found):
        return Kind.FIXED_LINE_OR_MOBILE
    return Kind.INVALID if first == Kind.MOBILE and same else first


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbers of one or more calling codes, as states. A row that ends in state s is what the arrays say at s."""

    entry: dict[int, int]
    """Where the national number of each calling code begins."""
    step: Ints
    """`step[10 * s + d]` is ten times the state that digit d leads to from s."""
    region: Ints
    """The region, as an index into `regions()`; -1 where libphonenumber has none."""
    nearest: Ints
    """The same for numbers that are none, or not whole: the region whose numbers begin most like it."""
    kind: Ints
    """A `Kind`, or a ruling from `RULED` on."""
    viable: Ints
    """Bit p: the general pattern of the calling code's region p matches."""


@cache
def regions() -> tuple[str, ...]:
    """Every region that libphonenumber knows, in alphabetical order, and `WORLD` last."""
    return (*sorted(SUPPORTED_REGIONS), WORLD)


@cache
def plan_of(code: int) -> Plan:
    """The plan of one calling code; a few milliseconds when it is first asked for."""
    own = regions_of(code)
    start = frozenset(item for place, region in enumerate(own) for item in _items(place, region, code))
    found = {start: 0}
    states = [start]
    step: list[int] = []
    for state in states:
        for after in _after(state):
            if after not in found:
                found[after] = len(states)
                states.append(after)
            step.append(10 * found[after])
    verdicts = [_verdict(state, code) for state in states]
    index = [regions().index(region) for region in own]
    return Plan(
        entry={code: 0},
        step=np.array(step, np.int32),
        region=np.array([index[place] if place >= 0 else -1 for place, _ in verdicts], np.int16),
        nearest=np.array([index[_nearest(state)] for state in states], np.int16),
        kind=np.array([kind for _, kind in verdicts], np.int8),
        viable=np.array([_viable(state) for state in states], np.int32),
    )


def _viable(state: State) -> int:
    return sum(1 << place for place in {item.place for item in state if item.meaning == _GENERAL and not item.rest})


def _nowhere() -> Plan:
    """The plan of calling code 0, which stands for none: every number is invalid."""
    none = np.array([-1], np.int16)
    nothing = np.zeros(1, np.int8)
    return Plan({0: 0}, np.zeros(10, np.int32), region=none, nearest=none, kind=nothing, viable=nothing)


@lru_cache(maxsize=8)
def plan_for(codes: frozenset[int]) -> Plan:
    """The plans of several calling codes (0: none) as one table, so that rows of all of them walk together."""
    known = [0, *sorted(codes - {0})]
    parts = [_nowhere(), *(plan_of(code) for code in known[1:])]
    offsets = np.cumsum([0, *(len(part.kind) for part in parts[:-1])])
    return Plan(
        entry={code: int(offset) for code, offset in zip(known, offsets, strict=True)},
        step=np.concatenate(
            [part.step + 10 * offset for part, offset in zip(parts, offsets, strict=True)], dtype=np.int32
        ),
        region=np.concatenate([part.region for part in parts]),
        nearest=np.concatenate([part.nearest for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        viable=np.concatenate([part.viable for part in parts]),
    )


LONGEST: Final = 20
"""Digits that are looked at: more than any number has, so that a cell full of digits costs no more than others."""


def walk(plan: Plan, codes: Ints, national: Digits) -> tuple[Ints, Ints]:
    """The state in which each row's national digits end, and the digits as an integer (while 64 bits hold them).

    Rows of one length go together: most rows of a list do, and none of them needs a look at its end.
    """
    entries = np.zeros(max(plan.entry) + 1, np.int32)
    entries[list(plan.entry)] = [10 * entry for entry in plan.entry.values()]
    states = entries[codes]
    numbers = np.zeros(len(codes), np.int64)
    lengths = np.minimum(national.length, LONGEST)
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        rows = np.flatnonzero(lengths == length)
        place, state, number = national.start[rows], states[rows], numbers[rows]
        for _ in range(length):
            digit = national.buffer.take(place)
            state += digit
            state = plan.step.take(state)
            number *= 10
            number += digit
            place += 1
        states[rows], numbers[rows] = state, number
    return states // 10, numbers
