"""The text of hlrquery.php's replies, cut into its six fields, a whole column at once.

`replies.read_hlr` reads one reply and is the rule. This does the same to millions: slices of the column are joined
into texts, a line a reply, and read by Arrow's CSV reader, which cuts and encodes; every core takes a slice. That
needs lines with just five `;` and no line break inside, so first the framing that the protocol tolerates is taken off,
short replies are filled up, and those with too much are blanked. Words are then tidied over the distinct values, not
the rows. Pure.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.parquet.arrow_frames import as_words
from isms_data.vocabulary import HLR_FIELDS, OPEN_STATUSES, STATUS_MARK, HlrStatus, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Codes = npt.NDArray[np.signedinteger[Any]]

FRAMING: Final = " \t\r\n\ufeff"
"""What may stand around a reply and its fields and says nothing."""

STATUSES: Final = words(HlrStatus)

_SEPARATORS: Final = len(HLR_FIELDS) - 1
_ROWS: Final = 1 << 16
"""Replies that one core takes at a time; cutting them releases the interpreter, so threads do run side by side."""

_BLOCK: Final = 1 << 30
"""The reader takes a slice in one piece."""

_NO_ROWS: Final = pa.schema(
    [(name, pa.large_string() if name == "imsi" else pa.dictionary(pa.int32(), pa.string())) for name in HLR_FIELDS]
).empty_table()


class Words(NamedTuple):
    """A column of words: each row's place in `texts`, -1 where it is null."""

    codes: Codes
    texts: tuple[str, ...]

    @classmethod
    def of(cls, codes: Codes, texts: Sequence[str | None], *, fixed: Sequence[str] | None = None) -> Words:
        """The words that rows get through the texts of their codes: sorted, each once, or in a fixed order."""
        values = tuple(sorted({text for text in texts if text})) if fixed is None else tuple(fixed)
        place = {value: number for number, value in enumerate(values)}
        places = np.array([place.get(text or "", -1) for text in texts] + [-1], dtype=np.int32)
        return cls(places[codes], values)

    def used(self) -> Words:
        """The same column with only those values that a row has."""
        present = np.zeros(len(self.texts) + 1, dtype=bool)
        present[self.codes] = True
        return Words.of(
            self.codes, [value if there else None for value, there in zip(self.texts, present, strict=False)]
        )

    def at(self, rows: npt.NDArray[Any]) -> Words:
        """The column's words in some rows only."""
        return Words(self.codes[rows], self.texts)

    def replaced(self, rows: npt.NDArray[Any], by: Words) -> Words:
        """The same column with other words in some rows; equal values may then stand in `texts` twice."""
        codes = self.codes.copy()
        codes[rows] = np.where(by.codes < 0, -1, by.codes + len(self.texts))
        return Words(codes, self.texts + by.texts)

    def arrow(self) -> pa.DictionaryArray:
        """The column as Arrow has it."""
        return pa.DictionaryArray.from_arrays(_nullable(self.codes), pa.array(self.texts, pa.string()))

    def text(self) -> pa.Array:
        """The column as plain text."""
        return pa.array(self.texts, pa.large_string()).take(_nullable(self.codes))


class HlrFields(NamedTuple):
    """The six fields, and which replies are not understood; those have no fields at all."""

    status: Words
    country: Words
    operator: Words
    imsi: pa.Array
    serving_msc: Words
    error_code: Words
    refused: npt.NDArray[np.bool_]


def split(replies: pa.Array) -> HlrFields:
    """Cut a column of replies (large text; null: no reply) into its fields."""
    slices = [replies.slice(start, _ROWS) for start in range(0, len(replies), _ROWS)]
    with ThreadPoolExecutor() as threads:
        table = pa.concat_tables([_NO_ROWS, *threads.map(_cut, slices)])
    fields = {name: _words(table.column(name)) for name in HLR_FIELDS if name != "imsi"}
    status = Words.of(fields["status"].codes, [_status(text) for text in fields["status"].texts], fixed=STATUSES)
    imsi = _text(table.column("imsi"))
    understood = (status.codes >= 0) & ~_open_and_answered(status, [*fields.values()][1:], imsi)
    refused = replies.is_valid().to_numpy(zero_copy_only=False) & ~understood
    kept = HlrFields(**(fields | {"status": status, "imsi": imsi}), refused=refused)
    return _without(kept, refused) if refused.any() else kept


def _joined(replies: pa.Array) -> pa.Buffer:
    """The replies as one text: a line each, with exactly five `;`; blank where framing does not explain what is odd."""
    lines = pc.utf8_rtrim(pc.utf8_ltrim(replies.fill_null(""), characters=FRAMING), characters=FRAMING + ";")
    data, bounds = _bytes(lines)
    count = np.diff(np.searchsorted(np.flatnonzero(data == ord(";")), bounds))
    hopeless = count > _SEPARATORS
    if data.min(initial=ord(" ")) < ord(" "):
        hopeless |= pc.match_substring_regex(lines, "[\r\n]").to_numpy(zero_copy_only=False)
    if hopeless.any():
        lines = pc.if_else(pa.array(hopeless), pa.scalar("", pa.large_string()), lines)
        count[hopeless] = 0
    endings = pa.array([";" * missing + "\n" for missing in range(_SEPARATORS, -1, -1)], pa.large_string())
    whole = pc.binary_join_element_wise(lines, endings.take(pa.array(count)), pa.scalar("", pa.large_string()))
    return pa.py_buffer(_bytes(whole)[0])


def _cut(replies: pa.Array) -> pa.Table:
    """The replies as a table of six columns. Nothing is quoted, only an empty field is null, no line is skipped."""
    from pyarrow import csv  # noqa: PLC0415 - importing the package must stay cheap

    return csv.read_csv(
        pa.BufferReader(_joined(replies)),
        read_options=csv.ReadOptions(column_names=HLR_FIELDS, use_threads=False, block_size=_BLOCK),
        parse_options=csv.ParseOptions(
            delimiter=";", quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=False
        ),
        convert_options=csv.ConvertOptions(
            check_utf8=False,
            null_values=[""],
            strings_can_be_null=True,
            column_types=_NO_ROWS.schema,
        ),
    )


def _words(column: pa.ChunkedArray) -> Words:
    """A column of words, its distinct values free of framing."""
    encoded = as_words(column)
    values = [value.strip(FRAMING) for value in encoded.dictionary.to_pylist()]
    return Words.of(encoded.indices.fill_null(-1).to_numpy(), values)


def _text(column: pa.ChunkedArray) -> pa.Array:
    """A column of text in one piece and free of framing; what is then empty is null."""
    texts = pa.concat_arrays(column.chunks)
    data, _ = _bytes(texts)
    if data.min(initial=255) > ord(" ") and data.max(initial=0) < ord("\x7f"):
        return texts
    trimmed = pc.utf8_trim(texts, characters=FRAMING)
    return pc.if_else(pc.equal(pc.binary_length(trimmed), 0), pa.scalar(None, pa.large_string()), trimmed)


def _status(text: str) -> str:
    """The word of a status field, which may have `Status:` in front."""
    return text.removeprefix(STATUS_MARK).strip(FRAMING)


def _open_and_answered(status: Words, others: list[Words], imsi: pa.Array) -> npt.NDArray[np.bool_]:
    """The rows that say both "not yet" and what the answer is: the protocol knows no such reply."""
    is_open = np.array([*(word in OPEN_STATUSES for word in STATUSES), False])[status.codes]
    rows = np.flatnonzero(is_open)
    is_open[rows] = imsi.take(pa.array(rows)).is_valid().to_numpy(zero_copy_only=False)
    for column in others:
        is_open[rows] |= column.codes[rows] >= 0
    return is_open


def _without(fields: HlrFields, refused: npt.NDArray[np.bool_]) -> HlrFields:
    """The fields with nothing in the rows that are not understood."""
    kept: dict[str, Any] = {
        name: Words(np.where(refused, -1, value.codes), value.texts)
        for name, value in fields._asdict().items()
        if isinstance(value, Words)
    }
    imsi = pc.if_else(pa.array(refused), pa.scalar(None, pa.large_string()), fields.imsi)
    return fields._replace(**kept, imsi=imsi)


def _nullable(codes: Codes) -> pa.Array:
    return pa.array(codes, pa.int32(), mask=codes < 0)


def _bytes(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes of all the texts, one after the other, and where in them each text begins; at last their end."""
    bounds = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    whole = np.frombuffer(data if data is not None else b"", np.uint8)
    return whole[bounds[0] : bounds[-1]], bounds - bounds[0]
