"""Rows of digits in one buffer."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from isms_data.cleaning.digits import SPARE, Digits, digit_values


@given(st.lists(st.one_of(st.none(), st.from_regex(r"[0-9]{0,20}", fullmatch=True))))
def test_digits_of_texts_are_the_texts(texts: list[str | None]) -> None:
    """What goes in comes out; a null is an empty row."""
    digits = Digits.of(pa.array(texts, pa.large_string()))

    assert digits.text().to_pylist() == [text or "" for text in texts]
    assert digits.length.tolist() == [len(text or "") for text in texts]
    assert len(digits) == len(texts)


def test_digits_of_anything_else_are_none() -> None:
    """A text with anything but ASCII digits is an empty row, and does not disturb its neighbours."""
    digits = Digits.of(pa.array(["12", "+12", "1 2", "１２", "", None, "34"]).slice(0, 7))

    assert digits.text().to_pylist() == ["12", "", "", "", "", "", "34"]


def test_slice_of_a_longer_array_is_read_where_it_begins() -> None:
    """An Arrow slice gives its own rows."""
    assert Digits.of(pa.array(["12", "34", "56"]).slice(1, 1)).text().to_pylist() == ["34"]


def test_rows_can_be_taken_cut_and_replaced() -> None:
    """Taking, skipping and putting rows leaves the others and the original as they were."""
    digits = Digits.of(pa.array(["123", "4", "56"]))
    other = Digits.of(pa.array(["789"]))

    assert digits.take(np.array([2, 0])).text().to_pylist() == ["56", "123"]
    assert digits.skip(2).text().to_pylist() == ["3", "", ""]
    assert digits.put(np.array([1]), other).text().to_pylist() == ["123", "789", "56"]
    assert digits.put(np.array([1]), digits.take(np.array([0]))).buffer is digits.buffer
    assert digits.put(np.zeros(0, np.int64), other) is digits
    assert digits.text().to_pylist() == ["123", "4", "56"]


def test_head_goes_on_behind_a_short_row() -> None:
    """The first digits are a number; at the end of the buffer zeros stand in."""
    digits = Digits.of(pa.array(["123", "4", "5"]))

    assert digits.head(3).tolist() == [123, 450, 500]
    assert digits.head(1).tolist() == [1, 4, 5]


def test_digit_values_have_room_behind_them() -> None:
    """Bytes that are no digits become zero, and spare zeros follow."""
    assert digit_values(np.frombuffer(b"1/:9", np.uint8)).tolist() == [1, 0, 0, 9] + [0] * SPARE
