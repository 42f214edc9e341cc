"""A DataFrame as an Arrow table and back, exactly: index, order, dtypes, unused categories and all.

Parquet keeps values, not frames. Left to the defaults it loses the categories that no row uses, the order of the
others, the dtype of an empty or all-null column, and the frequency of an index. So the frame is described beside the
values (the *layout*, plain JSON), and what comes back is built from both. For other readers the table carries the
usual pandas metadata too. Pure: nothing here reads or writes a file.

`to_arrow` and `to_frame` are two halves of one thing: a kind of column that one learns, the other must.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

from isms_data.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

Layout = dict[str, Any]
"""The description of a frame, of JSON's types only."""

WORD: Final = pa.dictionary(pa.int32(), pa.string())
"""How every categorical column is stored; one type for any number of categories, so that files can be joined."""

_SECRET: Final = re.compile(r'"[^"]*(?:password|passwd|secret|token|credential)[^"]*":', re.IGNORECASE)
_CANNOT: Final = (pa.ArrowException, TypeError, ValueError, OverflowError)

_NULLS: Final = {"None": None, "<NA>": pd.NA, "nan": np.nan, "NaT": pd.NaT}

log = logging.getLogger("isms_data")


def to_arrow(frame: pd.DataFrame) -> tuple[pa.Table, Layout]:
    """The frame's columns and index levels as an Arrow table, and the layout that makes a frame of it again.

    Raises
    ------
    TableError   a column's name is not text or not the only one, or a value has no place in Arrow: which, and where.
    """
    _check_names(frame)
    arrays, columns = {}, {}
    for name, series in frame.items():
        arrays[name], columns[name] = _stored(series, f"column {name!r}")
    pandas_metadata = _for_other_readers(frame)
    levels, index = _index_stored(frame.index, json.loads(pandas_metadata)["index_columns"])
    table = pa.table(arrays | levels).replace_schema_metadata({b"pandas": pandas_metadata})
    layout = {
        "columns": columns,
        "columns_name": _label(frame.columns.name),
        "columns_dtype": str(frame.columns.dtype),
        "index": index,
        "attrs": _kept(frame.attrs),
    }
    return table, layout


def to_frame(table: pa.Table, layout: Layout) -> pd.DataFrame:
    """The frame that `to_arrow` was given; a range that no longer fits the number of rows starts at 0 again."""
    data = {name: pd.Series(_restored(table.column(name), spec)) for name, spec in layout["columns"].items()}
    index = _index_restored(table, layout["index"])
    frame = pd.DataFrame(data, copy=False).set_axis(index) if data else pd.DataFrame(index=index)
    if layout["columns_dtype"] in {"str", "object"}:
        frame.columns = pd.Index(list(data), dtype=layout["columns_dtype"])
    frame.columns.name = layout["columns_name"]
    frame.attrs = layout["attrs"]
    return frame


def joined(layouts: Sequence[Layout]) -> Layout:
    """The layout of several frames, one after the other, as one frame: that of the first, with the words of all.

    Words that are in order in each frame are in order in the whole; otherwise further ones follow those of the first.
    """
    first = layouts[0]
    columns = {name: _all_words([each["columns"].get(name, {}) for each in layouts]) for name in first["columns"]}
    indexes = [each["index"] for each in layouts]
    index = next((each for each in indexes if "levels" in each), None)
    if index is None:
        index = indexes[0] | {"ranges": [each["range"] for each in indexes]}
    else:
        levels = [each["levels"] for each in indexes if "levels" in each]
        index = index | {"levels": {name: _all_words([each[name] for each in levels]) for name in index["levels"]}}
    return first | {"columns": columns, "index": index}


def _all_words(specs: Sequence[Layout]) -> Layout:
    lists = [spec.get("words", []) for spec in specs]
    if all(words == lists[0] for words in lists) or specs[0]["values"] is not None:
        return specs[0]
    known = list(dict.fromkeys(word for words in lists for word in words))
    return specs[0] | {"words": sorted(known) if all(words == sorted(words) for words in lists) else known}


def with_index(table: pa.Table, layout: Layout, index: Layout) -> pa.Table:
    """The table with the index that its layout describes as a range, where the whole has a column for it."""
    if "range" not in layout["index"] or "levels" not in index:
        return table
    return table.append_column(next(iter(index["levels"])), pa.array(np.arange(*layout["index"]["range"])))


def categorical(words: pa.Array, categories: pd.Index, *, ordered: bool = False) -> pd.Categorical[Any]:
    """A dictionary-encoded Arrow array as a Categorical with just these categories (text) in this order."""
    position = categories.get_indexer(pd.Index(words.dictionary.to_pylist(), dtype="str"))
    codes = np.append(position, -1)[words.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered=ordered))


def as_words(column: pa.ChunkedArray | pa.Array) -> pa.DictionaryArray:
    """A column of words, encoded or not, in one piece with one dictionary."""
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    encoded = chunked if pa.types.is_dictionary(chunked.type) else chunked.cast(pa.string()).dictionary_encode()
    whole = encoded.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _for_other_readers(frame: pd.DataFrame) -> bytes:
    """The metadata by which pandas finds index and dtypes without us.

    Left out is what it could not read again: an index name that is not text, and the dtype of a column of lists.
    """
    lists = [name for name, kind in frame.dtypes.items() if isinstance(kind, pd.ArrowDtype)]
    bare = frame.iloc[:0].astype(dict.fromkeys(lists, object))
    bare.attrs = {}
    plain = [name if isinstance(name, str) else None for name in frame.index.names]
    bare.index.names = plain if len(set(plain)) == len(plain) else [None] * len(plain)
    metadata: bytes = pa.Schema.from_pandas(bare).metadata[b"pandas"]
    return metadata


# What a column is stored as


def _stored(values: pd.Series, where: str) -> tuple[Any, Layout]:
    """A column as Arrow holds it, and what is needed to restore it."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _words_stored(values, where)
    spec = _spec(dtype)
    if spec is None:
        msg = f"{where} holds {dtype}, which Parquet cannot keep. Convert it first, e.g. with .astype('str')."
        raise TableError(msg)
    try:
        array = pa.array(values, from_pandas=True)
    except _CANNOT:
        raise _misfit(values, where) from None
    if values.dtype == object:
        spec["null"] = _null_of(values)
    return (array.cast(pa.large_string()) if pa.types.is_null(array.type) else array), spec


def _null_of(values: pd.Series) -> str:
    """Which null an object column uses; one that uses several comes back with None."""
    used = {str(null) for null in values[values.isna().to_numpy()].tolist()}
    return used.pop() if len(used) == 1 and used <= _NULLS.keys() else "None"


def _spec(dtype: Any) -> Layout | None:
    """How a dtype is written down; None where it would not be the same again when read."""
    if isinstance(dtype, pd.StringDtype):
        return {"dtype": "text", "storage": dtype.storage, "nan": dtype.na_value is not pd.NA}
    if isinstance(dtype, pd.ArrowDtype):
        return {"dtype": "arrow"}
    spec = {"dtype": str(dtype)}
    try:
        same = _dtype(spec) == dtype
    except _CANNOT:
        same = False
    return spec if same and (isinstance(dtype, np.dtype) or hasattr(dtype, "__from_arrow__")) else None


def _words_stored(values: pd.Series, where: str) -> tuple[Any, Layout]:
    """A categorical: its categories as words in the file, so that every reader sees them; their own type beside."""
    categories = values.cat.categories
    words = [str(category) for category in categories]
    if len(set(words)) < len(words):
        msg = f"{where} has categories that read the same ({_repeated(words)!r}). Make their type one first."
        raise TableError(msg)
    codes = values.cat.codes.to_numpy()
    array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), pa.array(words, pa.string()))
    spec: Layout = {"dtype": "category", "ordered": bool(values.cat.ordered), "words": words, "values": None}
    if categories.dtype != "str":
        plain, inner = _stored(_as_series(categories), f"the categories of {where}")
        spec["values"] = {"spec": inner, "arrow": _packed(plain)}
    return array, spec


def _as_series(values: pd.Index) -> pd.Series:
    """An index as a column of the very same dtype, labelled by position."""
    return pd.Series(values.array, dtype=values.dtype)


def _repeated(words: list[str]) -> str:
    return next(word for position, word in enumerate(words) if word in words[:position])


def _misfit(values: pd.Series, where: str) -> TableError:
    """Which row cannot be stored beside the rows before it, found by halving: a prefix that fails stays failing."""
    fits, fails = 0, len(values)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        try:
            pa.array(values.iloc[:middle], from_pandas=True)
            fits = middle
        except _CANNOT:
            fails = middle
    kind = type(values.iloc[fits]).__name__
    return TableError(
        f"{where} holds a {kind} that does not go with the values above it (row {fits}, label {values.index[fits]!r}). "
        "Give the column one type, e.g. with .astype('str'), or leave it out."
    )


# How it comes back


def _restored(column: pa.ChunkedArray, spec: Layout) -> Any:
    """A column as pandas held it."""
    if spec["dtype"] == "category":
        return _words_restored(as_words(column), spec)
    if spec["dtype"] == "arrow":
        return pd.arrays.ArrowExtensionArray(column)
    if spec["dtype"] == "object":
        values = np.fromiter(column.to_pylist(), dtype=object, count=len(column))
        values[column.is_null().to_numpy()] = _NULLS[spec["null"]]
        return pd.Index(values, dtype=object, tupleize_cols=False)
    dtype = _dtype(spec)
    if isinstance(dtype, ExtensionDtype):
        return dtype.__from_arrow__(column)  # type: ignore[attr-defined]
    return column.to_pandas().to_numpy().astype(dtype, copy=False)


def _dtype(spec: Layout) -> Any:
    if spec["dtype"] == "text":
        return pd.StringDtype(spec["storage"], na_value=np.nan if spec["nan"] else pd.NA)
    return pd.api.types.pandas_dtype(spec["dtype"])


def _words_restored(words: pa.DictionaryArray, spec: Layout) -> pd.Categorical[Any]:
    known = spec["words"]
    fresh = sorted(set(words.dictionary.to_pylist()) - set(known) - {None})
    if fresh and spec["values"] is not None:
        msg = f"the files differ in the categories of a column ({fresh[0]!r} is in one only). Load them one by one."
        raise TableError(msg)
    restored = categorical(words, pd.Index([*known, *fresh], dtype="str"), ordered=spec["ordered"])
    if spec["values"] is None:
        return restored
    categories = _as_index(_restored(_unpacked(spec["values"]["arrow"]), spec["values"]["spec"]))
    return pd.Categorical.from_codes(restored.codes, dtype=pd.CategoricalDtype(categories, ordered=spec["ordered"]))


def _as_index(values: Any) -> pd.Index:
    """Restored values as an index; one of objects is one already, and must not be inferred anew."""
    return values if isinstance(values, pd.Index) else pd.Index(values)


def _packed(array: Any) -> str:
    table = pa.table({"values": array})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(sink.getvalue()).decode("ascii")


def _unpacked(text: str) -> pa.ChunkedArray:
    with pa.ipc.open_stream(base64.b64decode(text)) as stream:
        return stream.read_all().column("values")


# The index, the names, the attributes


def _index_stored(index: pd.Index, names: list[Any]) -> tuple[dict[str, Any], Layout]:
    """The index's levels as columns under the names that pandas gives them; a range needs none."""
    described: Layout = {"names": [_label(name) for name in index.names]}
    if isinstance(index, pd.RangeIndex):
        return {}, described | {"range": [index.start, index.stop, index.step]}
    arrays, levels = {}, {}
    for number, name in enumerate(names):
        level = _as_series(index.get_level_values(number))
        arrays[name], levels[name] = _stored(level, f"index level {number}")
    return arrays, described | {"levels": levels, "freq": getattr(index, "freqstr", None)}


def _index_restored(table: pa.Table, described: Layout) -> pd.Index:
    names = described["names"]
    if "ranges" in described:
        first, *others = [pd.RangeIndex(range(*each), name=names[0]) for each in described["ranges"]]
        return first.append(others)
    if "range" in described:
        kept = range(*described["range"])
        fits = len(kept) == table.num_rows or table.num_columns == 0
        return pd.RangeIndex(kept if fits else range(table.num_rows), name=names[0])
    levels = [_as_index(_restored(table.column(name), spec)) for name, spec in described["levels"].items()]
    if len(levels) > 1:
        return pd.MultiIndex.from_arrays(levels, names=names)
    index = levels[0].rename(names[0])
    return _with_frequency(index, described["freq"])


def _with_frequency(index: pd.Index, freq: str | None) -> pd.Index:
    """The index with its frequency, where rows that were added or dropped have not broken it."""
    if freq is None or isinstance(index, pd.PeriodIndex):
        return index
    regular = index.copy()
    try:
        regular.freq = freq  # type: ignore[attr-defined]  # only an index of times has a frequency
    except ValueError:
        return index
    return regular


def _label(name: Any) -> Any:
    """The name of an index level or of the columns, if JSON gives it back as it was."""
    if name is None or isinstance(name, (str, int)):
        return name
    msg = f"an index is called {name!r}, a {type(name).__name__}. Call it by a text (frame.rename_axis)."
    raise TableError(msg)


def _check_names(frame: pd.DataFrame) -> None:
    for position, name in enumerate(frame.columns):
        if not isinstance(name, str):
            msg = (
                f"column {position} is called {name!r}, a {type(name).__name__}; in Parquet a name is text. "
                "Rename it: frame.rename(columns=str)."
            )
            raise TableError(msg)
    if not frame.columns.is_unique:
        msg = f"more than one column is called {frame.columns[frame.columns.duplicated()][0]!r}. Rename all but one."
        raise TableError(msg)


def _kept(attrs: dict[Any, Any]) -> dict[str, Any]:
    """The attributes that JSON gives back as they were and that name no secret; the log names the others."""
    kept = {name: value for name, value in attrs.items() if _is_plain(name, value)}
    left_out = ", ".join(str(name) for name in attrs if name not in kept)
    if left_out:
        log.info("attributes of the frame that are not kept in the file: %s", left_out)
    return kept


def _is_plain(name: Any, value: Any) -> bool:
    try:
        text = json.dumps({name: value})
    except (TypeError, ValueError):
        return False
    return bool(json.loads(text) == {name: value}) and not _SECRET.search(text)
