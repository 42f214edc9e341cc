"""Numbers taken out of saved files: rows that are about them dropped, other cells that name them emptied.

A row is about a number if that is its `msisdn`; where it has none, if any of its cells is nothing but the number. In
all other rows a cell that names the number is emptied, and a list loses it. What names it outside the cells (a word of
a categorical that no row uses, an attribute of the frame) goes too. Each file is replaced whole, with everything else
as it was, its layout and its time of writing included.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from isms_data.cleaning.mentions import Texts
from isms_data.errors import TableError, mask
from isms_data.parquet import datasets, files
from isms_data.parquet.safe_files import replaced_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from isms_data.cleaning.digits import Flags, Ints
    from isms_data.cleaning.mentions import Mention
    from isms_data.parquet.arrow_frames import Layout

MSISDN: Final = "msisdn"

_APART: Final = "\n\n\n\n"
"""More than may stand between two digits of one number."""


class Erased(NamedTuple):
    """What was taken out."""

    rows: int = 0
    cells: int = 0
    """Where the file names the number in no cell: the words and attributes that do."""

    def plus(self, other: Erased) -> Erased:
        """Both together."""
        return Erased(self.rows + other.rows, self.cells + other.cells)


def files_of(path: Path) -> list[Path]:
    """The files at a path, which is one or a folder of them.

    Raises
    ------
    FileNotFoundError   there is nothing.
    TableError          the folder has no Parquet file.
    """
    if path.is_dir():
        return datasets.paths_in(path)
    path.stat()
    return [path]


def check(path: Path, mentions: Sequence[Mention], *, key: bytes | None) -> set[str]:
    """Read a file to see whether the numbers could be taken out of it; the columns that get a first null by that.

    Raises
    ------
    TableError   this package did not write it, or a number stands where it cannot be taken out.
    """
    table, about = _read(path, key)
    _described_without(path, about, mentions)
    cells = _Cells.of(table)
    dropped = cells.about_any(mentions)
    return {
        name
        for name, texts in cells.columns.items()
        if any((texts.within(mention) & ~dropped).any() for mention in mentions) and not table.column(name).null_count
    }


def erase(path: Path, mentions: Sequence[Mention], *, key: bytes | None, nullable: set[str]) -> list[Erased]:
    """Take the numbers out of a file; what was taken out for each. A file that names none of them is not touched.

    `nullable` are the columns that got a null in any file of the same folder, for all of them have one layout.

    Raises
    ------
    TableError   as for `check`.
    OSError      the file could not be replaced; it is as it was.
    """
    table, old = _read(path, key)
    about, words = _described_without(path, old, mentions)
    _allow_nulls(about["layout"], nullable)
    cells = _Cells.of(table)
    dropped = cells.about_any(mentions)
    done = [Erased(rows=int(np.count_nonzero(cells.rows_about(mention)))) for mention in mentions]
    for name, texts in cells.columns.items():
        for place, mention in enumerate(mentions):
            rows = np.flatnonzero(texts.within(mention) & ~dropped)
            if len(rows):
                done[place] = done[place].plus(Erased(cells=len(rows)))
                table = _emptied(table, name, rows, mention)
    done = [erased if any(erased) else Erased(cells=count) for erased, count in zip(done, words, strict=True)]
    if any(map(any, done)) or about != old:
        kept = table.filter(pa.array(~dropped))
        kept = _with_used_words(kept, [name for name, texts in cells.columns.items() if texts.names_any(mentions)])
        with replaced_file(path) as fresh:
            files.write(kept, about, fresh, key=key)
    return done


def _read(path: Path, key: bytes | None) -> tuple[pa.Table, Layout]:
    table, about = files.read(path, key=key)
    if about is None:
        msg = f"{str(path)!r} was not saved by isms_data. Take the number out of it with what made it."
        raise TableError(msg)
    return table, about


# What the cells say


class _Column:
    """A column's distinct texts, and which of them each row has (-1: none)."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = _encoded(column)
        self.codes: Ints = encoded.indices.fill_null(-1).to_numpy()
        self._texts = Texts.of(encoded.dictionary.cast(pa.large_string()))

    def within(self, mention: Mention) -> Flags:
        """Which rows name the number."""
        return np.append(mention.within(self._texts), False)[self.codes]

    def alone(self, mention: Mention) -> Flags:
        """Which rows are nothing but the number."""
        return np.append(mention.alone(self._texts), False)[self.codes]

    def names_any(self, mentions: Sequence[Mention]) -> bool:
        """Whether one of the texts names one of the numbers, be there a row with it or not."""
        return any(mention.within(self._texts).any() for mention in mentions)


class _Cells(NamedTuple):
    """The columns that can name a number."""

    rows: int
    columns: dict[str, _Column]

    @classmethod
    def of(cls, table: pa.Table) -> _Cells:
        named = {name: table.column(name) for name in table.column_names}
        return cls(table.num_rows, {name: _Column(each) for name, each in named.items() if _can_name(each.type)})

    def rows_about(self, mention: Mention) -> Flags:
        """The rows that are about the number."""
        if MSISDN not in self.columns:
            about, nobody = np.zeros(self.rows, np.bool_), np.ones(self.rows, np.bool_)
        else:
            about, nobody = self.columns[MSISDN].alone(mention), self.columns[MSISDN].codes < 0
        for column in self.columns.values() if nobody.any() else ():
            about = about | (nobody & column.alone(mention))
        return about

    def about_any(self, mentions: Sequence[Mention]) -> Flags:
        """The rows that are about one of the numbers."""
        found = np.zeros(self.rows, np.bool_)
        for mention in mentions:
            found = found | self.rows_about(mention)
        return found


def _can_name(kind: pa.DataType) -> bool:
    return not (pa.types.is_temporal(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind))


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The column's texts as words; unused words of a column of words stay."""
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = pa.chunked_array([pa.array(map(_spelt, column.to_pylist()), pa.large_string())])
    elif not pa.types.is_dictionary(kind):
        column = column.cast(pa.large_string())
    words = column if pa.types.is_dictionary(kind) else column.dictionary_encode()
    whole = words.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _spelt(value: Any) -> str | None:
    """A value of several parts as one text."""
    if isinstance(value, (list, tuple)):
        return _APART.join(text for text in map(_spelt, value) if text)
    if isinstance(value, dict):
        return _spelt(list(value.values()))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


# What is taken out


def _emptied(table: pa.Table, name: str, rows: Ints, mention: Mention) -> pa.Table:
    """The table with nothing in these cells; of a list only the number goes."""
    column = table.column(name)
    if pa.types.is_list(column.type) and column.type.value_type in (pa.string(), pa.large_string()):
        lists = column.to_pylist()
        for row in rows.tolist():
            gone = _naming(mention, lists[row])
            lists[row] = [value for value, out in zip(lists[row], gone, strict=True) if not out] or None
        column = pa.array(lists, column.type)
    else:
        mask = np.zeros(table.num_rows, np.bool_)
        mask[rows] = True
        column = column.take(pa.array(np.arange(table.num_rows), mask=mask))
    return table.set_column(table.column_names.index(name), table.schema.field(name), column)


def _allow_nulls(layout: Layout, names: set[str]) -> None:
    """Columns of plain integers have no null; these become nullable ones of their size."""
    for specs in (layout["columns"], layout["index"].get("levels", {})):
        for name in names & set(specs):
            kind = specs[name]["dtype"]
            if kind.startswith(("int", "uint")):
                specs[name]["dtype"] = kind.replace("uint", "UInt").replace("int", "Int")


def _with_used_words(table: pa.Table, names: list[str]) -> pa.Table:
    """The table with those columns of words encoded anew, so that no word is left that no row has."""
    for name in names:
        field = table.schema.field(name)
        if pa.types.is_dictionary(field.type):
            column = table.column(name).cast(field.type.value_type).dictionary_encode().cast(field.type)
            table = table.set_column(table.column_names.index(name), field, column)
    return table


def _described_without(path: Path, about: Layout, mentions: Sequence[Mention]) -> tuple[Layout, list[int]]:
    """The file's description without the numbers, and how many words and attributes went for each.

    Raises
    ------
    TableError   a number stands in what cannot be taken out: a name of a column or folder, or categories of numbers.
    """
    about, counts = json.loads(json.dumps(about)), []
    layout = about["layout"]
    for mention in mentions:
        words = sum(_take_words(path, spec, mention) for spec in _specs(layout))
        spoken = [name for name, value in layout["attrs"].items() if any(_naming(mention, [json.dumps([name, value])]))]
        for name in spoken:
            del layout["attrs"][name]
        if any(_naming(mention, [json.dumps(about, ensure_ascii=False)])):
            shown = str(path).replace(mention.national, mask(mention.national))
            msg = (
                f"a number stands in the name of a column or a folder of {shown!r}, where it cannot be taken out. "
                "Save the frame again under other names, or partitioned by another column."
            )
            raise TableError(msg)
        counts.append(words + len(spoken))
    return about, counts


def _specs(layout: Layout) -> list[Layout]:
    """The columns and index levels of words."""
    both = [*layout["columns"].values(), *layout["index"].get("levels", {}).values()]
    return [spec for spec in both if "words" in spec]


def _take_words(path: Path, spec: Layout, mention: Mention) -> int:
    """Take the number out of a categorical's words; how many named it."""
    naming = _naming(mention, spec["words"])
    if any(naming) and spec["values"] is not None:
        msg = f"{str(path)!r} has numbers as categories of another type than text. Save the column as text first."
        raise TableError(msg)
    spec["words"] = [word for word, out in zip(spec["words"], naming, strict=True) if not out]
    return sum(naming)


def _naming(mention: Mention, texts: Sequence[str]) -> list[bool]:
    return mention.within(Texts.of(pa.array(texts, pa.large_string()))).tolist()
