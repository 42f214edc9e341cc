"""Data as they are stored, a frame or Parquet files, as tables that DuckDB can read.

Rows that are stored alike make a *part*: a frame is one, files with the same columns are one. Each part knows of its
columns the name in SQL, the Arrow type and how they go back into pandas, so that differences between files are settled
column by column, where a metric asks for one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa

from isms_data import columns, tables
from isms_data.errors import ColumnError, TableError
from isms_data.parquet.arrow_frames import Layout, to_arrow
from isms_data.parquet.files import METADATA_KEY, is_encrypted
from isms_data.parquet.places import StorePath, below, matches, place, readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from isms_data.parquet.places import AnyPlace, Place

Data = pd.DataFrame | str | os.PathLike[str]
"""A frame; or a Parquet file, a folder of them, or a pattern such as `"out/2026-*.parquet"`, here or in a store."""

_WORDS: Final = {"dtype": "category", "ordered": False, "words": [], "values": None}
"""How the folders' names of a dataset that is not ours go into pandas."""


@dataclass(frozen=True)
class Column:
    """A column as one part has it."""

    sql: str
    type: pa.DataType


@dataclass(frozen=True)
class Part:
    """Rows that are stored alike."""

    table: str
    columns: dict[str, Column]
    layout: Layout = field(repr=False)
    """How each column goes back into pandas, as `arrow_frames` writes it down."""


def quoted(name: str) -> str:
    """A name as SQL takes any: between quotes.

    >>> print(quoted('κόστος "net" ;'))
    "κόστος ""net"" ;"
    """
    return '"' + name.replace('"', '""') + '"'


def parts_of(connection: duckdb.DuckDBPyConnection, data: Data, wanted: Iterable[str], *, name: str) -> list[Part]:
    """The parts of the data, as tables of this connection; of a frame only the wanted columns.

    Raises
    ------
    ColumnError         the data are neither a frame nor a path, or a frame has a column twice.
    TableError          a file is no Parquet, or of a newer version; or a column of a frame cannot be stored.
    FileNotFoundError   there is no such file, or none in the folder.
    """
    if isinstance(data, pd.DataFrame):
        return [_of_frame(connection, data, wanted, name)]
    if isinstance(data, (str, os.PathLike)):
        return _of_files(connection, os.fspath(data), set(wanted), name)
    msg = f"expected a pandas DataFrame or the path of Parquet files, got {type(data).__name__}."
    raise ColumnError(msg)


# A frame


def _of_frame(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, wanted: Iterable[str], name: str) -> Part:
    """The wanted columns under names that cannot clash: to DuckDB `Network` and `network` are one."""
    chosen = {column: columns.pick(frame, column).array for column in wanted if column in frame.columns}
    table, layout = to_arrow(pd.DataFrame(chosen, index=pd.RangeIndex(len(frame)), copy=False))
    names = [f"c{number}" for number in range(len(chosen))]
    plain = {sql: _lengths_as_numbers(table.column(column)) for sql, column in zip(names, chosen, strict=True)}
    connection.register(name, pa.table(plain | {"nothing": pa.nulls(len(frame))}))  # no table is without columns
    types = [table.schema.field(column).type for column in chosen]
    found = {column: Column(sql, kind) for column, sql, kind in zip(chosen, names, types, strict=True)}
    named = {column: found.get(column, _UNREAD) for column in frame.columns if isinstance(column, str)}
    return Part(name, named, layout["columns"])


_UNREAD: Final = Column("NULL", pa.null())
"""A column of the frame that nobody asked for: named in errors, never read."""


def _lengths_as_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lengths of time as Parquet has them for DuckDB: numbers."""
    return values.cast(pa.int64()) if pa.types.is_duration(values.type) else values


# Files


@dataclass(frozen=True)
class _File:
    """A file, and what its footer and its folders say."""

    path: Place
    schema: pa.Schema
    folders: tuple[str, ...]
    """The names before the "=" of its folders, as they are written there."""
    about: Layout


def _of_files(connection: duckdb.DuckDBPyConnection, path: str, wanted: set[str], name: str) -> list[Part]:
    alike: dict[Any, list[_File]] = {}
    for file in _files(path):
        plain = file.schema.remove_metadata()
        alike.setdefault((plain.to_string(), file.folders), []).append(file)
    return [_part(connection, files, wanted, f"{name}_{number}") for number, files in enumerate(alike.values())]


def _part(connection: duckdb.DuckDBPyConnection, files: list[_File], wanted: set[str], name: str) -> Part:
    first = files[0]
    if isinstance(first.path, StorePath) and not connection.filesystem_is_registered(first.path.scheme):
        connection.register_filesystem(first.path.store)
    paths = ", ".join(_literal(file.path) for file in files)
    partitioned = "true, hive_types_autocast = false" if first.folders else "false"
    connection.execute(f"CREATE VIEW {name} AS FROM read_parquet([{paths}], hive_partitioning = {partitioned})")
    # DuckDB names columns that differ in case only apart; they come in the order of the file.
    names = connection.view(name).columns
    found = {field.name: Column(quoted(sql), field.type) for field, sql in zip(first.schema, names, strict=False)}
    if "layout" in first.about:
        layout = first.about["layout"]["columns"]
        found = {name: column for name, column in found.items() if name in layout}  # index levels are no columns
    else:
        layout = _foreign_layout(first.schema, wanted)
    for key, kind in _partition_types(first).items():
        found[key] = Column(_folder_sql(first, key, kind), kind)
        layout = {key: _WORDS} | layout
    return Part(name, found, layout)


def _literal(path: Place) -> str:
    """A path as SQL text that means this one file, whatever is in its name."""
    exact = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
    return "'" + exact.replace("'", "''") + "'"


def _partition_types(file: _File) -> dict[str, pa.DataType]:
    """The columns that are in the folders' names; a dataset of ours without rows has them in no folder."""
    told = {key: pa.type_for_alias(kind) for key, kind in file.about.get("types", {}).items()}
    return {unquote(folder): pa.string() for folder in file.folders} | told


def _folder_sql(file: _File, key: str, kind: pa.DataType) -> str:
    folder = next((folder for folder in file.folders if unquote(folder) == key), None)
    if folder is None:
        return "NULL"
    sql = quoted(folder)
    return sql if kind == pa.string() else f"{sql}::{'BOOLEAN' if kind == pa.bool_() else 'BIGINT'}"


def _foreign_layout(schema: pa.Schema, wanted: set[str]) -> Layout:
    """How pandas would read columns that something else wrote."""
    frame = schema.empty_table().to_pandas().reset_index()
    layout: Layout = to_arrow(frame[[name for name in schema.names if name in wanted]])[1]["columns"]
    of_words = [name for name in layout if pa.types.is_dictionary(schema.field(name).type)]
    return layout | dict.fromkeys(of_words, _WORDS)  # a schema does not say which categories there are


def _files(path: str) -> list[_File]:
    root = place(path)
    if root.exists():
        found = _parquet_in(root)
    else:
        root, matching = matches(path)
        found = [each for match in matching for each in _parquet_in(match)]
    if not found:
        msg = f"there is no Parquet file at {path!r}. Give a file, a folder, or a pattern such as 'out/*.parquet'."
        raise FileNotFoundError(msg)
    return [_read(each, root) for each in dict.fromkeys(found)]


def _parquet_in(path: AnyPlace) -> list[AnyPlace]:
    """The file, or the Parquet files of the folder, as `load_table` finds them."""
    if not path.is_dir():
        return [path]
    return [each for each in below(path, "*.parquet") if not each.name.startswith((".", "_"))]


def _read(path: Place, root: Place) -> _File:
    import pyarrow.parquet as pq  # noqa: PLC0415 - importing the package must stay cheap

    if path.is_file() and is_encrypted(path):
        msg = f"{str(path)!r} is encrypted. Load it with isms.load_table(path, key=...) and give the frame."
        raise TableError(msg)
    try:
        with readable(path) as source:
            schema = pq.read_schema(source)
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        msg = f"{str(path)!r} is no Parquet file, or only a part of one ({error})."
        raise TableError(msg) from None
    about = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    if about.get("schema_version", 0) > tables.SCHEMA_VERSION:
        msg = f"{str(path)!r} was written by a newer isms_data ({about['isms_data']}). Upgrade isms_data."
        raise TableError(msg)
    within = path.parts[len(root.parts) : -1]
    folders = tuple(part.split("=", 1)[0] for part in within if "=" in part)
    return _File(path, schema, folders, about)
