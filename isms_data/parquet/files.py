"""One Arrow table as one Parquet file, compact and readable by everybody; what it is about lies in its metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from isms_data.errors import TableError

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.parquet.arrow_frames import Layout

METADATA_KEY: Final = b"isms_data"

LONG_NUMBERS: Final = frozenset({"msisdn", "imsi"})
"""Text with a value of its own in nearly every row: a dictionary of it would only cost time and space."""


def write(table: pa.Table, about: Layout, path: Path) -> None:
    """Write one file; numbers stay text for every reader.

    Encodings and statistics are what measuring left (docs/results.md): least and greatest value of a column of words
    take a quarter of the time to write and exclude no row group.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - importing the package must stay cheap

    metadata = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(about, ensure_ascii=False).encode()}
    encodings = {field.name: encoding for field in table.schema if (encoding := _encoding(field))}
    pq.write_table(
        table.replace_schema_metadata(metadata),
        path,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in table.column_names if name not in encodings],
        column_encoding=encodings,
        write_statistics=[field.name for field in table.schema if field.name in encodings or not _is_words(field.type)],
    )


def read(path: Path) -> tuple[pa.Table, Layout | None]:
    """One file and what it is about, None where this package did not write it.

    Raises
    ------
    TableError   it is no Parquet file, or only a part of one.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - as in `write`

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        msg = f"{str(path)!r} is no Parquet file, or only a part of one ({error}). For CSV or Excel: isms.read_list."
        raise TableError(msg) from None
    found = (table.schema.metadata or {}).get(METADATA_KEY)
    return table, json.loads(found) if found else None


def _encoding(field: pa.Field) -> str | None:
    if field.name in LONG_NUMBERS and _is_text(field.type):
        return "DELTA_BYTE_ARRAY"
    return "DELTA_BINARY_PACKED" if pa.types.is_timestamp(field.type) else None


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string())


def _is_words(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) or _is_text(kind)
