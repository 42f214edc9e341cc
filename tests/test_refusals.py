"""The words for what is wrong with a cell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from isms_data.cleaning.refusals import KNOT_WORDS, problems
from isms_data.cleaning.spelling import PARTED, Knot, read
from isms_data.numbering import judge


def said(*cells: str) -> list[str | None]:
    texts = pa.array(cells, pa.large_string())
    spelled = read(texts)
    judged = judge(spelled.digits, spelled.plus, "GR")
    found: list[str | None] = problems(texts, spelled.knot, judged, spelled, "GR").to_pylist()
    return found


@pytest.mark.parametrize("knot", [knot for knot in Knot if knot not in {Knot.NONE, PARTED[0]}])
def test_every_knot_has_words(knot: Knot) -> None:
    """Nothing is refused without a reason, and a reason says nothing of the number."""
    assert KNOT_WORDS[knot]
    assert not any(sign.isdigit() for sign in KNOT_WORDS[knot])


def test_reasons_go_to_their_rows() -> None:
    """Each row has its own reason, a mobile none, in the order of the cells."""
    assert said("691", "6912345678", "2101234567", "6.91E9", "x", "6921234567", "+882", " 6.5E9 ") == [
        "3 digits, a Greek mobile has 10",
        None,
        "a fixed line, not a mobile",
        "lost digits: 6.91E9 shows 3 of 10 digits",
        "no digits in it",
        "starts with 692, which is paging in Greece",
        "0 digits, a mobile of +882 has 7 or 8 or 9 or 10 or 12",
        "lost digits: 6.5E9 shows 2 of 10 digits",
    ]


def test_numbers_of_other_countries_are_recognised() -> None:
    """Digits that lack only their plus are told so; a plus that leads nowhere too; a code without mobiles as well."""
    assert said(
        "447911123456", "+9990", "+979123", "6811234567", "+491", "+49" + "1" * 30, "870773111632", "+97912"
    ) == [
        "12 digits, a Greek mobile has 10; with + in front it is a number of GG",
        "begins with + or an international prefix, but with no country's calling code",
        "starts with 123, in no range that +979 uses",
        "starts with 681, in no range that Greece uses",
        "1 digit, a mobile of DE has 10 or 11",
        "more than 20 digits, a mobile of DE has 10 or 11",
        "12 digits, a Greek mobile has 10",
        "2 digits, too few for a number of +979",
    ]


def test_mobiles_have_no_problem() -> None:
    """A list without a fault has nulls only."""
    assert said("6912345678", "+12015550123") == [None, None]
    assert problems(
        pa.array([], pa.large_string()),
        np.zeros(0, np.int64),
        judge(read(pa.array([], pa.large_string())).digits, np.zeros(0, np.bool_), "GR"),
        read(pa.array([], pa.large_string())),
        "GR",
    ).equals(pa.array([], pa.large_string()))
