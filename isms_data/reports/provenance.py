"""What data a report is of: their columns, rows, files, times; and the lookups in data that hold more than lookups."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa

from isms_data import tables
from isms_data.parquet.arrow_frames import WORD
from isms_data.parquet.files import METADATA_KEY
from isms_data.parquet.places import Place, below, matches, place, readable
from isms_data.reports.source import ROWS, opened
from isms_data.reports.stored import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.reports.stored import Data


@dataclass(frozen=True)
class Provenance:
    """Where data are from."""

    columns: frozenset[str]
    rows: int
    name: str
    """Of the file or folder, without the folders that it is in; empty for a frame that was not read from one."""
    files: int
    schema_version: int
    first: pd.Timestamp | None
    """When the first message left or the first number was looked up."""
    last: pd.Timestamp | None


def provenance(data: Data, timezone: str) -> Provenance:
    """Where these data are from; times on that clock.

    Raises
    ------
    As `source.opened`.
    """
    wants = {"sent": ("submitted_at", "scheduled_for")}
    with opened(data, needs={}, wants=wants, timezone=timezone) as source:
        sql = "count(*) AS n, min(submitted_at) AS first, max(submitted_at) AS last"
        row = source.query(f"SELECT {sql} FROM {ROWS}").to_pylist()[0]  # noqa: S608 - our own SQL
    columns, name, files, schema = _of_frame(data) if isinstance(data, pd.DataFrame) else _of_path(os.fspath(data))
    first, last = (_moment(row[key], timezone) for key in ("first", "last"))
    return Provenance(columns, int(row["n"]), name, files, schema, first, last)


def _moment(microseconds: int | None, timezone: str) -> pd.Timestamp | None:
    return None if microseconds is None else pd.Timestamp(microseconds, unit="us", tz="UTC").tz_convert(timezone)


def _of_frame(frame: pd.DataFrame) -> tuple[frozenset[str], str, int, int]:
    read = frame.attrs.get("read_list", {})
    name = Path(str(read.get("file", ""))).name if isinstance(read, dict) else ""
    return frozenset(map(str, frame.columns)), name, 1, tables.SCHEMA_VERSION


def _of_path(path: str) -> tuple[frozenset[str], str, int, int]:
    """The columns of all files, those in folders' names among them; the schema version of the first that tells it."""
    import duckdb  # noqa: PLC0415 - importing the package must stay cheap
    from pyarrow import parquet  # noqa: PLC0415 - as above

    with duckdb.connect() as connection:
        parts = parts_of(connection, path, (), name=ROWS)
    columns = frozenset(name for part in parts for name in part.columns)
    files = _files(place(path))
    with readable(files[0]) as opened_file:
        metadata = parquet.read_schema(opened_file).metadata or {}
    told = json.loads(metadata.get(METADATA_KEY, b"{}")).get("schema_version", tables.SCHEMA_VERSION)
    return columns, place(path).name, len(files), int(told)


def _files(path: Place) -> list[Place]:
    """The Parquet files that a path means, as `stored` reads them."""
    if path.is_file():
        return [path]
    if path.is_dir():
        return [each for each in below(path, "*.parquet") if not each.name.startswith((".", "_"))]
    return [file for each in matches(str(path))[1] for file in _files(each)]


# Lookups beside deliveries


PREFIX: Final = "hlr_"
"""What the lookup's columns are called where those of sending or delivery have taken their names."""

_LOOKUP: Final = (
    *("verdict", "network", "outcome", "error_code", "error_name", "error_class"),
    *("roaming", "serving_country", "number_status", "range_operator"),
)
_TAKEN: Final = frozenset({"outcome"})
"""Of these, what means something else in delivery data."""


@contextmanager
def lookups_of(data: Data, columns: frozenset[str]) -> Iterator[tuple[Data, frozenset[str]]]:
    """The lookups in these data, under the names that `hlr_lookup` gives them.

    Data that hold nothing else are given back as they are. Of others the columns that are counted are written once more
    to a temporary folder, where their names are free.
    """
    if "final" not in columns:
        yield data, columns
        return
    names = {name: _found(name, columns) for name in _LOOKUP}
    kept = {name: found for name, found in names.items() if found is not None}
    with TemporaryDirectory(prefix="isms_") as folder:
        path = Path(folder) / "lookups.parquet"
        _write(data, kept, path)
        yield path, frozenset(kept)


def _found(name: str, columns: frozenset[str]) -> str | None:
    """Under which name the data have a column of the lookup."""
    if PREFIX + name in columns:
        return PREFIX + name
    return name if name in columns and name not in _TAKEN else None


def _write(data: Data, names: dict[str, str], path: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - importing the package must stay cheap

    types = {field.name: field.type for table in ("numbers", "hlr") for field in tables.SCHEMAS[table]}
    schema = pa.schema([(name, tables.TEXT if types[name] == WORD else types[name]) for name in names])
    listed = ", ".join(f"by_{number}" for number in range(len(names)))
    with (
        opened(data, needs={}, by=list(names.values())) as source,
        pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer,
    ):
        for batch in source.batches(f"SELECT {listed} FROM {ROWS}"):  # noqa: S608 - names of our own
            arrays = [column.cast(kind) for column, kind in zip(batch.columns, schema.types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
