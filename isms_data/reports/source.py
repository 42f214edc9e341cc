"""One way to the rows, be they a pandas frame or Parquet files larger than memory: SQL by DuckDB over either.

A metric says which columns it needs and by what it counts, and then writes SQL over the table `rows`:

    with opened(data, needs={"sent": ("outcome",), "delivery": ("final", "status")}, by=by) as source:
        return source.grouped({"messages": "count(*)", "delivered": "count_if(status = 'Delivered')"}, where="final")

In `rows` each needed column stands under its own name and in one type, whatever the data are stored as:

    words, text      VARCHAR
    truth            BOOLEAN
    whole numbers    BIGINT
    times, lengths   BIGINT, in microseconds (times since 1970 UTC)

A column that is only wanted (`wants=`) is null where the data do not have it. Where `submitted_at` is needed there is
`left_at` too: when the message left, the later of submitted_at and scheduled_for. The columns to count by are `by_0`,
`by_1`, ... and all of them, with commas, `source.keys`.

Nothing of the data becomes part of the SQL but the names of columns and files, quoted. Nothing is downloaded, and no
file is read but the given ones; what does not fit into memory goes to a temporary folder that is removed at the end.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa

from isms_data import tables
from isms_data.errors import ColumnError
from isms_data.parquet.arrow_frames import Layout, to_frame
from isms_data.reports.stored import Column, Data, Part, parts_of
from isms_data.reports.time_buckets import BUCKETS, bucket_sql, bucket_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    Needs = Mapping[str, Sequence[str]]
    """Columns by the table of `isms_data.tables` they belong to: `{"sent": ("outcome",), "delivery": ("final",)}`."""

ROWS: Final = "rows"
ATHENS: Final = "Europe/Athens"

_MAKERS: Final = {
    "numbers": "isms.clean_numbers",
    "hlr": "isms.hlr_lookup",
    "plan": "isms.plan_messages",
    "sent": "isms.send_messages",
    "delivery": "isms.delivery_status",
}

_MICROSECONDS: Final = {"s": "{} * 1000000", "ms": "{} * 1000", "us": "{}", "ns": "{} // 1000"}

_KEY: Final = re.compile(r"by_\d+")

_SETTINGS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",  # a name in SQL never means a variable of the caller's
    "preserve_insertion_order": "false",  # results are sorted anyway, and keeping the order takes memory
}


@dataclass(frozen=True)
class Group:
    """A column to count by: what it is called, and how its values go back into pandas."""

    name: str
    type: pa.DataType | None
    """What numbers from DuckDB mean, where that is not plain from themselves."""
    layout: Layout


@dataclass(frozen=True)
class Source:
    """Data that are open for SQL; see the head of this module."""

    connection: duckdb.DuckDBPyConnection
    groups: tuple[Group, ...] = ()

    @property
    def keys(self) -> str:
        """The columns to count by, as SQL lists them: `by_0, by_1`."""
        return ", ".join(f"by_{number}" for number in range(len(self.groups)))

    def grouped(self, select: Mapping[str, str], *, where: str = "true", adding: Sequence[str] = ()) -> pd.DataFrame:
        """One row for each group, sorted; the columns to count by first, then each expression under its name.

        `adding` are the columns that the metric adds itself: none to count by may be called so.

        Without columns to count by it is one row, even of no rows. So that dtypes never depend on the data, whole
        numbers must not be null (a sum is `coalesce(sum(x), 0)::BIGINT`), and what may be null is a `::DOUBLE`.
        """
        refuse_taken([group.name for group in self.groups], [*select, *adding])
        listed = ", ".join(filter(None, [self.keys, *(f'{sql} AS "{name}"' for name, sql in select.items())]))
        by = f"GROUP BY {self.keys}" if self.groups else ""
        return self.restored(self.query(f"SELECT {listed} FROM {ROWS} WHERE {where} {by}"))  # noqa: S608 - our own SQL

    def query(self, sql: str) -> pa.Table:
        """What SQL over `rows` gives, as Arrow.

        Raises
        ------
        ColumnError   a column that should hold times, numbers, ... holds text.
        """
        import duckdb  # noqa: PLC0415 - importing the package must stay cheap

        try:
            found: pa.Table = self.connection.sql(sql).to_arrow_table()
        except duckdb.InvalidInputException as error:
            raise _said(error) from None
        return found

    def batches(self, sql: str, *, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """The same in batches, for what may not fit into memory; at least one, so that the columns are known."""
        import duckdb  # noqa: PLC0415 - as above

        try:
            reader = self.connection.sql(sql).to_arrow_reader(rows)
            yield pa.RecordBatch.from_pylist([], reader.schema)
            yield from reader
        except duckdb.InvalidInputException as error:
            raise _said(error) from None

    def restored(self, found: pa.Table, *, then: Sequence[str] = ()) -> pd.DataFrame:
        """A result with the columns to count by as the data have them, sorted by them (null last) and by `then`."""
        names = [group.name for group in self.groups]
        others = [name for name in found.column_names if not _KEY.fullmatch(name)]
        keys = [_typed(found.column(f"by_{number}"), group) for number, group in enumerate(self.groups)]
        frame = _framed(keys, self.groups, found.num_rows)
        joined: pd.DataFrame = pd.concat([frame, found.select(others).to_pandas()], axis=1)
        order = [*names, *then]
        if order:
            joined = joined.sort_values(order, kind="stable", ignore_index=True)
        return joined

    def beside(self, data: Data, *, name: str, needs: Needs, wants: Needs | None = None) -> None:
        """Further data as a table of that name, to be joined with `rows` in SQL."""
        _add_view(self.connection, data, name, _Wish(needs, wants or {}))


@contextmanager
def opened(
    data: Data,
    *,
    needs: Needs,
    wants: Needs | None = None,
    by: str | Sequence[str] = (),
    timezone: str = ATHENS,
    # the machine
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Iterator[Source]:
    """Data as the table `rows`, with the columns that are needed, wanted, and counted by.

    Parameters
    ----------
    data : DataFrame or path
        A frame; or a Parquet file, a folder of them (also one of `save_table`'s, with partitions), or a pattern.
    needs, wants : mapping of str to list of str
        Columns by their table (see `tables.SCHEMAS`); those that are only wanted may be missing.
    by : str or list of str
        Any columns of the data; or "hour", "day", "week", "hour_of_week" of when the message left. A column wins over a
        bucket of the same name.
    timezone : str, default "Europe/Athens"
        Whose clock the buckets go by.
    memory_limit : str, optional
        As "1GB"; what is over it goes to a temporary folder. By default 80 % of the machine's memory.
    threads : int, optional
        By default one for each core.

    Raises
    ------
    ColumnError          a column is not there, holds something else, or cannot be counted by.
    ConfigurationError   there is no such time zone.
    FileNotFoundError, TableError   as `load_table`.
    """
    import duckdb  # noqa: PLC0415 - importing the package must stay cheap

    limits = {"memory_limit": memory_limit, "threads": threads}
    settings: dict[str, Any] = _SETTINGS | {name: str(value) for name, value in limits.items() if value is not None}
    with TemporaryDirectory(prefix="isms_") as folder:
        connection = duckdb.connect(config=settings | {"temp_directory": folder})
        try:
            wish = _Wish(needs, wants or {}, key_names(by), timezone)
            yield Source(connection, _add_view(connection, data, ROWS, wish))
        finally:
            connection.close()


def key_names(by: str | Sequence[str]) -> tuple[str, ...]:
    """The columns to count by, each once."""
    names = (by,) if isinstance(by, str) else tuple(by)
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        msg = f"by names {wrong!r}, which is no text. Give the names of columns, and rename one that is called so."
        raise ColumnError(msg)
    return tuple(dict.fromkeys(names))


def refuse_taken(keys: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a column to count by that is called like one of the result's."""
    taken = next((key for key in keys if key in names), None)
    if taken is not None:
        msg = f"column {taken!r} is to be counted by, and the result has one of that name. Rename yours."
        raise ColumnError(msg)


# From the parts of the data to one table


@dataclass(frozen=True)
class _Wish:
    """What a metric asks of the data."""

    needs: Needs
    wants: Needs
    by: tuple[str, ...] = ()
    timezone: str = ATHENS


def _add_view(connection: duckdb.DuckDBPyConnection, data: Data, name: str, wish: _Wish) -> tuple[Group, ...]:
    """Make the table that a metric sees; what it counts by."""
    needed, wanted = _by_column(wish.needs), _by_column(wish.wants)
    times = {"submitted_at": "hlr" if "hlr" in wish.needs else "sent", "scheduled_for": "sent"}
    read = [*needed, *wanted, *wish.by]
    if not _TIMED.isdisjoint(read):
        read += times
    parts = parts_of(connection, data, dict.fromkeys(read), name=f"{name}_of")
    buckets = {number: each for number, each in enumerate(wish.by) if each in BUCKETS and not _having(parts, each)}
    if buckets:
        needed = {"submitted_at": times["submitted_at"]} | needed
    if "submitted_at" in needed:
        wanted = {"scheduled_for": times["scheduled_for"]} | wanted
    for column, table in needed.items():
        _check_there(parts, column, f": {_MAKERS[table]} makes it")
    groups = [_bucket(each, wish.timezone) if each in buckets.values() else _group(parts, each) for each in wish.by]
    stored = {f"by_{number}": each for number, each in enumerate(wish.by) if number not in buckets}
    rows = " UNION ALL ".join(_selected(part, wanted | needed, stored) for part in parts)
    seen = ["*", "greatest(submitted_at, scheduled_for) AS left_at"] if "submitted_at" in needed else ["*"]
    seen += [f"{bucket_sql(each, 'left_at', wish.timezone)} AS by_{number}" for number, each in buckets.items()]
    connection.execute(f"CREATE VIEW {name} AS SELECT {', '.join(seen)} FROM ({rows})")  # noqa: S608 - quoted
    return tuple(groups)


_TIMED: Final = {"submitted_at", *BUCKETS}
"""Where one of these is asked for, the times are read."""


def _by_column(needs: Needs) -> dict[str, str]:
    return {name: table for table, names in needs.items() for name in names}


def _having(parts: list[Part], name: str) -> list[Part]:
    return [part for part in parts if name in part.columns]


def _check_there(parts: list[Part], name: str, what_then: str) -> None:
    if not _having(parts, name):
        known = dict.fromkeys(column for part in parts for column in part.columns)
        listed = ", ".join(map(repr, known)) or "none"
        msg = f"there is no column {name!r}{what_then}. The columns are: {listed}."
        raise ColumnError(msg)


def _selected(part: Part, ours: Mapping[str, str], by: Mapping[str, str]) -> str:
    """A part's rows with our columns in their types, and what is counted by."""
    listed = [f"{_sql_of_ours(part.columns.get(name), name, table)} AS {name}" for name, table in ours.items()]
    listed += [f"{_sql_of_key(part.columns.get(name))} AS {alias}" for alias, name in by.items()]
    return f"SELECT {', '.join(listed)} FROM {part.table}"  # noqa: S608 - names of columns, quoted


# A column that the package makes


def _sql_of_ours(column: Column | None, name: str, table: str) -> str:
    """The column in the type that `rows` has it in; null where the part lacks it."""
    wanted = tables.SCHEMAS[table].field(name).type
    kind, (what, sql_type) = _kind(wanted), _KINDS[_kind(wanted)]
    if column is None:
        return f"NULL::{sql_type}"
    if _kind(column.type) == kind:
        return f"({_plain_sql(column)})::{sql_type}"
    msg = f"{_OURS}column {name!r} holds {column.type}. It should hold {what}, as {_MAKERS[table]} makes it."
    told = "'" + msg.replace("'", "''") + "'"
    return f"CASE WHEN {column.sql} IS NOT NULL THEN error({told})::{sql_type} END"


_OURS: Final = "isms_data: "
"""Marks an error that a query of ours raises in DuckDB."""

_KINDS: Final = {
    "text": ("words", "VARCHAR"),
    "time": ("times in UTC (datetime64[us, UTC])", "BIGINT"),
    "length": ("lengths of time (timedelta64[us])", "BIGINT"),
    "truth": ("truth values (boolean)", "BOOLEAN"),
    "whole": ("whole numbers (Int32)", "BIGINT"),
}


def _kind(kind: pa.DataType) -> str:
    """What an Arrow type is to a metric; any other type, times without a zone among them, is itself."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value):
        return "text"
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return "time"
    if pa.types.is_duration(kind):
        return "length"
    if pa.types.is_boolean(kind):
        return "truth"
    return "whole" if pa.types.is_integer(value) else str(value)


def _plain_sql(column: Column) -> str:
    if pa.types.is_timestamp(column.type):
        return f"epoch_us({column.sql}::TIMESTAMPTZ)"
    if pa.types.is_duration(column.type):
        return _MICROSECONDS[column.type.unit].format(column.sql)
    return column.sql


def _said(error: Exception) -> Exception:
    """The error that a query of ours raised, or what DuckDB itself has to say."""
    _before, ours, message = str(error).partition(_OURS)
    return ColumnError(message) if ours else error


# What is counted by


def _sql_of_key(column: Column | None) -> str:
    if column is None:
        return "NULL"
    if pa.types.is_floating(column.type):
        return f"CASE WHEN NOT isnan({column.sql}) THEN {column.sql} END"  # to pandas NaN is null
    return _plain_sql(column) if pa.types.is_duration(column.type) else column.sql


def _group(parts: list[Part], name: str) -> Group:
    """How a column of the data goes back into pandas: as the first part has it."""
    _check_there(parts, name, f", and a bucket of time is one of {', '.join(BUCKETS)}")
    having = _having(parts, name)
    types = {_kind(part.columns[name].type): part.columns[name].type for part in having}
    types.pop("null", None)
    strange = next((kind for kind in types.values() if _is_nested(kind)), None)
    if strange is not None:
        msg = f"column {name!r} holds {strange}, which cannot be counted by. Make text of it first."
        raise ColumnError(msg)
    if len(types) > 1:
        msg = f"column {name!r} is {' in one file and '.join(map(str, types.values()))} in another. Make it one type."
        raise ColumnError(msg)
    return Group(name, pa.duration("us") if "length" in types else None, having[0].layout[name])


def _is_nested(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType)


def _bucket(name: str, timezone: str) -> Group:
    kind, dtype = bucket_type(name, timezone)
    return Group(name, kind, {"dtype": dtype})


def _typed(values: pa.ChunkedArray, group: Group) -> pa.ChunkedArray:
    return values if group.type is None else values.cast(pa.int64()).cast(group.type)


def _framed(keys: list[pa.ChunkedArray], groups: tuple[Group, ...], rows: int) -> pd.DataFrame:
    """The columns to count by with the dtypes that they have in the data."""
    names = [group.name for group in groups]
    layout: Layout = {
        "columns": {group.name: group.layout for group in groups},
        "columns_name": None,
        "columns_dtype": "str",
        "index": {"names": [None], "range": [0, rows, 1]},
        "attrs": {},
    }
    return to_frame(pa.table(keys, names=names), layout) if names else pd.DataFrame(index=pd.RangeIndex(rows))
