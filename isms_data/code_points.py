"""A column of text as one array of code points: what counting and rewriting a million texts at once works on.

A text is `codes[offsets[row]:offsets[row + 1]]`. A loop over characters costs Python some 50 ns each; a step over the
array costs 1 to 4 ns. Columns are taken `CHUNK` rows at a time, so that the array of a step stays in the cache and the
memory needed does not grow with the column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.cleaning.digits import text_buffers
from isms_data.errors import ColumnError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.cleaning.digits import Flags, Ints

Codes: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint32]]

CHUNK: Final = 8_192

TEXT: Final[Any] = pd.StringDtype(na_value=np.nan)
"""The dtype of every column of text that this package makes."""

HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
"""One half of a surrogate pair without the other: what is left of an emoji that was cut in two. No encoding has it."""


@dataclass(frozen=True, slots=True)
class CodePoints:
    """Rows of code points in one array."""

    codes: Codes
    offsets: Ints

    @classmethod
    def of(cls, texts: pa.Array) -> CodePoints:
        """The code points of a large_string array without nulls.

        >>> CodePoints.of(pa.array(["aΩ", "", "😀"], pa.large_string()))
        CodePoints(codes=array([    97,    937, 128512], dtype=uint32), offsets=array([0, 2, 2, 3]))
        """
        spans, content = text_buffers(texts)
        whole = content[spans[0] : spans[-1]].tobytes().decode()
        codes = np.frombuffer(whole.encode("utf-32-le"), np.uint32)
        return cls(codes, offsets(pc.utf8_length(texts).to_numpy()))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def texts(self) -> pa.Array:
        """The rows as a large_string array.

        >>> CodePoints.of(pa.array(["aΩ", "", "😀"], pa.large_string())).texts().to_pylist()
        ['aΩ', '', '😀']
        """
        content = self.codes.tobytes().decode("utf-32-le").encode()
        ends = self.offsets
        if len(content) > len(self.codes):
            size = np.ones(len(self.codes), np.uint8)
            for first_longer in (0x80, 0x800, 0x10000):
                size += self.codes >= first_longer
            ends = offsets(size)[self.offsets]
        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(ends), pa.py_buffer(content))


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of text in Arrow; where `broken`, the text holds half a character and stands there as null."""

    texts: pa.Array
    broken: Flags

    @classmethod
    def of(cls, series: pd.Series) -> TextColumn:
        """The column, which must hold text or nothing at all.

        Raises
        ------
        ColumnError   it is no Series, or a value is no text: which, and where.
        """
        if not isinstance(series, pd.Series):
            msg = f"expected a pandas Series of text, got {type(series).__name__}."
            raise ColumnError(msg)
        if isinstance(series.dtype, pd.CategoricalDtype):
            series = series.astype(series.cat.categories.dtype)
        whole = np.zeros(len(series), np.bool_)
        if series.isna().all():
            return cls(pa.nulls(len(series), pa.large_string()), whole)
        try:
            return cls(_one_array(series), whole)
        except UnicodeEncodeError:
            texts = [None if pd.isna(text) else text for text in series]
            broken = np.array([text is not None and HALF_CHARACTER.search(text) is not None for text in texts])
            return cls(_one_array(series.mask(broken)), broken)
        except pa.ArrowException:
            raise _not_text(series) from None

    def chunks(self) -> Iterator[pa.Array]:
        """The texts, at least one chunk of them, with nothing where one is null."""
        for start in range(0, max(len(self.texts), 1), CHUNK):
            yield pc.fill_null(self.texts.slice(start, CHUNK), "")


def offsets(lengths: np.ndarray[tuple[int], np.dtype[Any]]) -> Ints:
    """Where rows of these lengths begin, and where the last one ends.

    >>> offsets(np.array([2, 0, 1])).tolist()
    [0, 2, 2, 3]
    """
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends


def _one_array(series: pd.Series) -> pa.Array:
    array = pa.array(series, pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _not_text(series: pd.Series) -> ColumnError:
    row = next(row for row, value in enumerate(series) if not isinstance(value, str) and not pd.isna(value))
    return ColumnError(
        f"the texts hold a {type(series.iloc[row]).__name__} (row {row}, label {series.index[row]!r}). "
        "Make it text first, e.g. with .astype('str')."
    )
