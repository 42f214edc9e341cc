"""A column of any dtype as text cells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from isms_data.cleaning.cells import text_cells
from isms_data.cleaning.spelling import Knot
from isms_data.errors import ColumnError


def cells(values: Any, dtype: Any = None) -> list[str | None]:
    texts, knot = text_cells(pd.Series(values, dtype=dtype, name="phone"))
    assert texts.type == pa.large_string()
    assert len(texts) == len(knot)
    found: list[str | None] = texts.to_pylist()
    return found


@pytest.mark.parametrize(
    "dtype", ["str", "string", "object", pd.StringDtype("python"), pd.ArrowDtype(pa.string()), "category"]
)
def test_texts_stay(dtype: Any) -> None:
    """Text of every kind that pandas has comes out as it is, nulls as nulls."""
    assert cells(["691", None, "x"], dtype) == ["691", None, "x"]


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "int64[pyarrow]", "object", "category"])
def test_integers_are_exact(dtype: Any) -> None:
    """Whole numbers keep every digit, however many."""
    assert cells([9_007_199_254_740_993, 6912345678], dtype) == ["9007199254740993", "6912345678"]


def test_integers_with_gaps_keep_them() -> None:
    """A missing integer is a null."""
    assert cells([1, None], "Int64") == ["1", None]


@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]", "object"])
def test_whole_floats_are_exact(dtype: Any) -> None:
    """A float below 2**53 that is whole gives its digits; a missing one is a null."""
    assert cells([6912345678.0, None, -1.0], dtype) == ["6912345678", None, "-1"]


def test_floats_that_lost_digits_are_refused() -> None:
    """Fractions, infinities and floats too large to be exact give no text, and say which of these they are."""
    values = [0.5, np.inf, 2.0**53, 2.0**53 - 1, np.nan]
    for dtype in ("float64", "object"):
        texts, knot = text_cells(pd.Series(values, dtype=dtype))
        assert texts.to_pylist() == [None, None, None, "9007199254740991", None]
        assert knot.tolist() == [Knot.NOT_WHOLE, Knot.NOT_WHOLE, Knot.TOO_LARGE, Knot.NONE, Knot.NONE]


@pytest.mark.parametrize("dtype", ["float32", "Float32", "float[pyarrow]"])
def test_short_floats_hold_fewer_digits(dtype: str) -> None:
    """A float32 is exact up to 2**24 only, so a phone number in it has lost digits."""
    texts, knot = text_cells(pd.Series([6912345678.0, 16_777_215.0], dtype=dtype))

    assert texts.to_pylist() == [None, "16777215"]
    assert knot.tolist() == [Knot.TOO_LARGE, Knot.NONE]


def test_mixture_is_read_value_by_value() -> None:
    """Texts, integers, floats and nulls side by side, as a spreadsheet leaves them."""
    mixed = ["+30 691", 6912345678, 6912345678.0, np.int64(7), np.float64(8), None, pd.NA, np.nan, pd.NaT, 0.5]

    assert cells(mixed, "object") == ["+30 691", "6912345678", "6912345678", "7", "8", None, None, None, None, None]
    assert cells([Decimal(5), True, [1]], "object") == ["5", "True", "[1]"]


def test_half_a_character_is_no_error() -> None:
    """Text that no encoding can hold is read all the same."""
    assert cells(["691\ud800", "5"], "object") == ["691?", "5"]


def test_categories_keep_gaps_and_order() -> None:
    """A category is read once for each distinct value."""
    series = pd.Series(pd.Categorical([0.5, 691.0, None, 691.0]))
    texts, knot = text_cells(series)

    assert texts.to_pylist() == [None, "691", None, "691"]
    assert knot.tolist() == [Knot.NOT_WHOLE, Knot.NONE, Knot.NONE, Knot.NONE]


def test_nothing_but_nulls_is_empty_in_any_dtype() -> None:
    """A column of nulls says nothing against itself."""
    assert cells([None, None], "datetime64[us]") == [None, None]
    assert cells([], "bool") == []


@pytest.mark.parametrize("values", [[True], [pd.Timestamp("2026-01-01")], [pd.Timedelta("1s")], [1 + 2j]])
def test_other_types_are_an_error(values: list[Any]) -> None:
    """A column of dates or truth values is the wrong column; the error names it and its type."""
    with pytest.raises(ColumnError, match="'phone' holds"):
        text_cells(pd.Series(values, name="phone"))
