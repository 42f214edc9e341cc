"""Spelling undone: what each cell's digits are, and what is in their way."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.cleaning.spelling import Knot, mantissa, pieces, read


def texts(*cells: str | None) -> pa.Array:
    return pa.array(list(cells), pa.large_string())


def spelled(cell: str | None) -> tuple[str, bool, Knot]:
    found = read(texts(cell))
    return found.digits.text()[0].as_py(), bool(found.plus[0]), Knot(found.knot[0])


def apart(cell: str) -> list[str]:
    found, _ = pieces(texts(cell))
    return [
        ("+" if plus else "") + digits for plus, digits in zip(found.plus, found.digits.text().to_pylist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("cell", "digits", "plus", "knot"),
    [
        ("691", "691", False, Knot.NONE),
        ("+30 691", "30691", True, Knot.NONE),
        ("(+30) 691", "30691", True, Knot.NONE),
        ("++30", "30", True, Knot.NONE),
        ("691+", "691", False, Knot.NONE),
        ("691.0", "691", False, Knot.NONE),
        ("691,00 ", "691", False, Knot.NONE),
        ("691.000", "691000", False, Knot.NONE),
        ("69.10.0", "69100", False, Knot.NONE),
        ("0", "0", False, Knot.NONE),
        (".0", "0", False, Knot.NONE),
        ("00", "00", False, Knot.NONE),
        ("", "", False, Knot.EMPTY),
        (None, "", False, Knot.EMPTY),
        (" .-()'", "", False, Knot.EMPTY),
        ("/", "", False, Knot.NO_DIGITS),
        ("+", "", True, Knot.NO_DIGITS),
        ("κιν", "", False, Knot.NO_DIGITS),
        ("κιν: 691", "691", False, Knot.NONE),
        ("691 κιν.", "691", False, Knot.NONE),
        ("691/2", "6912", False, Knot.SLASHED),
        ("691;2", "6912", False, Knot.SEVERAL),
        ("691+2", "6912", False, Knot.SEVERAL),
        ("691\n2", "6912", False, Knot.SEVERAL),
        ("69A1/2;3", "69123", False, Knot.LETTERS),
        ("69中1", "691", False, Knot.LETTERS),
        ("6.91E2", "691", False, Knot.NONE),
        ("6,91e+02", "691", False, Knot.NONE),
        ("6.9100E2", "691", False, Knot.NONE),
        ("7000E0", "7000", False, Knot.NONE),
        ("6.91E5", "", False, Knot.LOST_DIGITS),
        ("6.915E2", "", False, Knot.NOT_WHOLE),
        ("6.91E-2", "6912", False, Knot.LETTERS),
        ("+6.91E2", "6912", True, Knot.EXPONENT),
        ("6E2 κιν", "62", False, Knot.EXPONENT),
        ("69O1", "6901", False, Knot.NONE),
        ("ΟΟ30l", "00301", False, Knot.NONE),
        ("OlO", "", False, Knot.NO_DIGITS),
        ("2101234 εσωτ. 12", "2101234", False, Knot.NONE),
        ("2101234 доб. 12", "2101234", False, Knot.NONE),
        ("x12", "12", False, Knot.NONE),
        ("\ufeff\u200e691\u202c", "691", False, Knot.NONE),
        ("691\u2028691", "691691", False, Knot.SEVERAL),
        ("𝟔𝟗𝟏", "691", False, Knot.NONE),
        ("69①1", "691", False, Knot.LETTERS),
        ("\u201869\u20191", "691", False, Knot.NONE),
        ("6\x009\x1f1", "691", False, Knot.NONE),
    ],
)
def test_cell_is_read(cell: str | None, digits: str, plus: bool, knot: Knot) -> None:  # noqa: FBT001 - a parameter
    """Each cell gives its digits, whether a plus stood first, and what keeps it from being a number."""
    assert spelled(cell) == (digits, plus, knot)


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("691", ["691"]),
        ("691 / 697", ["691", "697"]),
        ("691, 697; 698 & 699", ["691", "697", "698", "699"]),
        ("691+30697", ["691", "+30697"]),
        ("691 και +30697", ["691", "+30697"]),
        ("6912345678 6971234567 6981234567 6991234567", ["6912345678", "6971234567", "6981234567", "6991234567"]),
        ("691 234 5678", ["6912345678"]),
        ("691 x12", ["691"]),
        ("abc", []),
        ("", []),
    ],
)
def test_cell_is_taken_apart(cell: str, parts: list[str]) -> None:
    """The pieces are what stands between separators, letters and whole numbers, in order."""
    assert apart(cell) == parts


def test_pieces_know_their_rows() -> None:
    """Pieces come in the order of the rows, with the row that each is of."""
    found, row = pieces(texts("1/2", None, "x", "3"))

    assert found.digits.text().to_pylist() == ["1", "2", "3"]
    assert row.tolist() == [0, 0, 3]


def test_mantissa_counts_what_is_left() -> None:
    """Scientific notation shows some digits of a number that has more."""
    digits, shown, needed = mantissa(texts("6.91235E+09", "'7,5e3 "))

    assert digits.to_pylist() == ["691235", "75"]
    assert shown.tolist() == [6, 2]
    assert needed.tolist() == [10, 4]


@given(st.integers(min_value=10, max_value=10**15), st.sampled_from(".,"), st.sampled_from(["E", "e+", "E+0"]))
def test_scientific_notation_is_exact_or_refused(number: int, point: str, sign: str) -> None:
    """With all its digits a mantissa gives exactly the number, with one less it gives none."""
    text = str(number)
    exponent = f"{sign}{len(text) - 1}" if len(text) < 11 else f"E{len(text) - 1}"

    assert spelled(f"{text[0]}{point}{text[1:]}{exponent}") == (text, False, Knot.NONE)
    assert spelled(f"{text[0]}{point}{text[1:-1]}{exponent}")[2] == Knot.LOST_DIGITS


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_gives_its_own_digits_at_most(cell: str) -> None:
    """No digit comes from nowhere, whatever the text, and reading it alone or among others is the same."""
    digits, _, knot = spelled(cell)
    alone = read(texts("691", cell, "697"))

    assert re.fullmatch("[0-9]*", digits)
    assert len(digits) <= len(cell)
    assert alone.digits.text().to_pylist() == ["691", digits, "697"]
    assert alone.knot[1] == knot
