"""Rows of digits in one buffer: what every step of reading a number works on, without making a string in between.

A row is the span `buffer[start:stop]` of a shared array, one byte a digit. Dropping a prefix moves `start`, cutting
a tail moves `stop`; nothing is copied. `SPARE` zeros stand behind the last digit, so that looking at the first
few digits of a row needs no bounds check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints: TypeAlias = np.ndarray[tuple[int], np.dtype[np.signedinteger[Any]]]
Bytes: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint8]]
Flags: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]

SPARE = 4
"""Zeros behind the buffer: one more than the longest calling code."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Rows of digits: `buffer` holds 0-9, row i is `buffer[start[i]:stop[i]]`."""

    buffer: Bytes
    start: Ints
    stop: Ints

    @classmethod
    def of(cls, texts: pa.Array) -> Digits:
        """The rows of a text array that are ASCII digits and nothing else; any other row, null too, is empty."""
        texts = texts.cast(pa.large_string())
        offsets, content = text_buffers(texts)
        start, stop = offsets[:-1], offsets[1:].copy()
        plain = np.asarray(pc.fill_null(pc.ascii_is_decimal(texts), False).to_numpy(zero_copy_only=False))
        stop[~plain] = start[~plain]
        return cls(digit_values(content), start, stop)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def length(self) -> Ints:
        """How many digits each row has."""
        return self.stop - self.start

    def take(self, rows: Ints) -> Digits:
        """These rows, in this order."""
        return Digits(self.buffer, self.start.take(rows), self.stop.take(rows))

    def skip(self, count: Ints | int) -> Digits:
        """The rows without their first `count` digits; a row that has fewer is empty."""
        return Digits(self.buffer, np.minimum(self.start + count, self.stop), self.stop)

    def put(self, rows: Ints, other: Digits) -> Digits:
        """The same with those rows replaced."""
        if not len(rows):
            return self
        buffer = self.buffer if other.buffer is self.buffer else np.concatenate([self.buffer, other.buffer])
        moved = 0 if buffer is self.buffer else len(self.buffer)
        start, stop = self.start.copy(), self.stop.copy()
        start[rows], stop[rows] = other.start + moved, other.stop + moved
        return Digits(buffer, start, stop)

    def text(self) -> pa.Array:
        """The rows as text."""
        offsets = np.concatenate([[0], np.cumsum(self.length)]).astype(np.int64)
        index = np.arange(offsets[-1]) + np.repeat(self.start - offsets[:-1], self.length)
        content = self.buffer[index] + np.uint8(ord("0"))
        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(content))

    def head(self, count: int) -> Ints:
        """The first `count` digits (at most `SPARE`) as a number; a shorter row goes on with what stands behind it."""
        number = self.buffer.take(self.start).astype(np.int64)
        for place in range(1, count):
            number *= 10
            number += self.buffer.take(self.start + place)
        return number


def text_buffers(texts: pa.Array) -> tuple[Ints, Bytes]:
    """The offsets and the bytes behind a large_string array; a null is a span whose bytes mean nothing."""
    _, offsets, content = texts.buffers()
    spans = np.frombuffer(offsets, np.int64, count=len(texts) + 1, offset=texts.offset * 8) if len(texts) else _NONE
    return spans, np.frombuffer(content if content is not None else b"", np.uint8)


def digit_values(content: Bytes) -> Bytes:
    """The digits of ASCII text as 0-9 with the spare zeros behind them; anything else becomes 0."""
    values = np.zeros(len(content) + SPARE, np.uint8)
    np.subtract(content, ord("0"), out=values[: len(content)])
    values[values > 9] = 0
    return values


_NONE = np.zeros(1, np.int64)
