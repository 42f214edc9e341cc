"""Patterns as automata: they accept what the regular expressions accept."""

from __future__ import annotations

import re

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data.cleaning.digits import Digits
from isms_data.cleaning.number_patterns import (
    LONGEST,
    Kind,
    metadata,
    plan_for,
    plan_of,
    regions,
    regions_of,
    sequences,
    walk,
)

DIGIT_SETS = st.sampled_from([r"\d", "0", "7", "[0-9]", "[135]", "[2-46-8]", r"[\d]"])
QUANTIFIERS = st.sampled_from(["", "", "?", "{2}", "{1,2}", "{0,2}"])


RUNS = st.lists(st.tuples(DIGIT_SETS, QUANTIFIERS).map("".join), min_size=1, max_size=2).map("".join)
GROUPS = st.lists(RUNS, min_size=1, max_size=3).map("|".join).map("(?:{})".format)
NESTED = st.tuples(RUNS, GROUPS, st.sampled_from(["", "?", "{2}"]), RUNS).map("".join)
PATTERNS = st.lists(st.one_of(RUNS, NESTED), min_size=1, max_size=2).map("|".join)


@given(PATTERNS, st.text("0123456789", max_size=8))
@settings(deadline=None)
def test_sequences_are_what_the_pattern_matches(pattern: str, digits: str) -> None:
    """A number is one of the sequences exactly where the regular expression matches the whole of it."""
    among = any(
        len(way) == len(digits) and all(bits >> int(digit) & 1 for bits, digit in zip(way, digits, strict=True))
        for way in sequences(pattern)
    )

    assert among == bool(re.fullmatch(pattern, digits))


@pytest.mark.parametrize("pattern", ["1+", "1*", "[^1]", "[a-z]", "a", "^1", "1$", "1.", "(?=1)", r"\w"])
def test_unknown_syntax_is_refused(pattern: str) -> None:
    """A pattern that is written otherwise than so far is an error, never read wrongly."""
    with pytest.raises(ValueError, match="Update isms_data"):
        sequences(pattern)


def test_every_installed_pattern_can_be_read() -> None:
    """The installed phonenumbers uses nothing that this version cannot read, and each calling code has a plan."""
    plan = plan_for(frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))

    assert len(plan.entry) == 1 + len(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    assert plan.step.max() < 10 * len(plan.kind)
    assert set(plan.kind.tolist()) >= set(Kind)


def test_regions_share_calling_codes() -> None:
    """The main region comes first, and a region that does not exist has no metadata."""
    assert regions_of(7) == ("RU", "KZ")
    assert regions()[-1] == "001"
    with pytest.raises(ValueError, match="no metadata"):
        metadata(30, "XX")


def test_walk_ends_where_the_patterns_do() -> None:
    """Rows of any length and calling code walk together; the integer is the digits'."""
    codes = np.array([30, 30, 7, 0, 30, 1])
    national = Digits.of(pa.array(["6912345678", "69", "7011234567", "123", "", "2015550123"]))
    plan = plan_for(frozenset({30, 7, 1}))
    state, number = walk(plan, codes, national)

    assert plan.kind[state].tolist() == [*(Kind.MOBILE, 0, Kind.MOBILE, 0, 0), Kind.FIXED_LINE_OR_MOBILE]
    assert number.tolist() == [6912345678, 69, 7011234567, 123, 0, 2015550123]
    assert [regions()[place] if place >= 0 else None for place in plan.region[state]] == [
        *("GR", "GR", "KZ", None, "GR", "US")
    ]


def test_walk_of_no_rows_is_empty() -> None:
    """Nothing in, nothing out."""
    state, number = walk(plan_for(frozenset()), np.zeros(0, np.int64), Digits.of(pa.array([], pa.large_string())))

    assert len(state) == len(number) == 0


def test_walk_looks_at_no_more_digits_than_a_number_has() -> None:
    """What is longer than any number is none, however long."""
    national = Digits.of(pa.array(["6912345678" * 3, "6" * (LONGEST + 1)]))
    state, _ = walk(plan_of(30), np.array([30, 30]), national)

    assert plan_of(30).kind[state].tolist() == [Kind.INVALID, Kind.INVALID]
