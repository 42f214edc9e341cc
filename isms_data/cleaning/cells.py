"""A pandas column of anything as text cells, without a digit lost on the way.

Numbers come as text, integers, floats or a mixture, as pandas happened to read them. Integers are exact. A float
holds every whole number below 2**53 exactly (float32: 2**24), so a phone number in a float64 column has lost
nothing; a fraction or a larger value is refused, since what was there before is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from isms_data.cleaning.spelling import Knot
from isms_data.errors import ColumnError

if TYPE_CHECKING:
    from isms_data.cleaning.digits import Ints


def text_cells(series: pd.Series) -> tuple[pa.Array, Ints]:
    """The cells as a large_string array (null where empty), and a `Knot` where a value cannot be a number.

    >>> text_cells(pd.Series([6912345678.0, 0.5, None]))[0].to_pylist()
    ['6912345678', None, None]

    Raises
    ------
    ColumnError   the column holds dates, truth values or another type that no number is written in.
    """
    kind = series.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _of_categories(series)
    if pd.api.types.is_object_dtype(kind):
        return _of_objects(series.tolist())
    if pd.api.types.is_string_dtype(kind):
        return _of_texts(series), np.zeros(len(series), np.int64)
    if pd.api.types.is_integer_dtype(kind):
        whole = pa.array(series, from_pandas=True)
        return _one_chunk(whole).cast(pa.large_string()), np.zeros(len(series), np.int64)
    if pd.api.types.is_float_dtype(kind):
        exact = 2.0 ** (24 if kind in ("float32", "Float32", "float[pyarrow]") else 53)
        return _of_floats(series.to_numpy(np.float64, na_value=np.nan), exact)
    if series.isna().all():
        return pa.nulls(len(series), pa.large_string()), np.zeros(len(series), np.int64)
    msg = (
        f"column {series.name!r} holds {kind}, and numbers are text or whole numbers. Read the file again with "
        "dtype='str', or name the column that holds the numbers."
    )
    raise ColumnError(msg)


def _of_categories(series: pd.Series) -> tuple[pa.Array, Ints]:
    """Each category is converted once."""
    texts, knot = text_cells(series.cat.categories.to_series(name=series.name))
    codes = series.cat.codes.to_numpy().astype(np.int64)
    missing = codes < 0
    padded = np.append(knot, 0)
    return texts.take(pa.array(codes, mask=missing)), padded[codes]


def _of_texts(series: pd.Series) -> pa.Array:
    return _one_chunk(pa.array(series, from_pandas=True)).cast(pa.large_string())


def _one_chunk(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _of_objects(values: list[Any]) -> tuple[pa.Array, Ints]:
    """A mixture: texts and integers as they stand, floats as in a column of floats."""
    try:
        return pa.array(values, pa.large_string(), from_pandas=True), np.zeros(len(values), np.int64)
    except (pa.ArrowException, UnicodeError):
        pass
    texts = [_text(value) for value in values]
    rows = [row for row, value in enumerate(values) if isinstance(value, (float, np.floating))]
    floats, knots = _of_floats(np.array([values[row] for row in rows], np.float64), 2.0**53)
    knot = np.zeros(len(values), np.int64)
    knot[rows] = knots
    for row, text in zip(rows, floats.to_pylist(), strict=True):
        texts[row] = text
    return pa.array(texts, pa.large_string()), knot


def _text(value: Any) -> str | None:
    """One value as text; half a character, which no encoding has, becomes a question mark."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    return str(value).encode("utf-8", "replace").decode()


def _of_floats(values: np.ndarray[tuple[int], np.dtype[np.float64]], exact: float) -> tuple[pa.Array, Ints]:
    """Floats as digits where they are whole and below `exact`, from where on digits are missing."""
    missing = np.isnan(values)
    whole = np.isfinite(values) & (np.floor(values) == values)
    safe = whole & (np.abs(values) < exact)
    texts = pa.array(np.where(safe, values, 0).astype(np.int64), mask=~safe).cast(pa.large_string())
    return texts, np.select([missing, ~whole, ~safe], [Knot.NONE, Knot.NOT_WHOLE, Knot.TOO_LARGE], Knot.NONE)
