"""A folder of Parquet files that is one table: a folder per value of the partition columns, as Hive lays them out.

Other readers take the partition values from the folders' names, as text. `load` takes them from each file's
metadata, where null, "" and numbers stay what they were, and puts the rows back into the order in which they
were saved by a column of their positions.

The files of a dask frame are its partitions: each says which one it is, and describes itself. Their description as one
is worked out in loading (`arrow_frames.joined`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from isms_data.errors import TableError
from isms_data.parquet import files
from isms_data.parquet.arrow_frames import Layout, joined, with_index
from isms_data.parquet.places import AnyPlace, Place, StorePath, below
from isms_data.parquet.safe_files import replaced_file, replaced_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

Reader = Callable[[Place], tuple[pa.Table, Layout | None]]

MAX_PARTITIONS: Final = 1_024
"""More folders than this are a slip (a column of numbers); opening them all would take longer than reading."""

ROW: Final = "__isms_row__"
"""The column of the rows' positions in the table that was saved."""

_NULL_FOLDER: Final = "__HIVE_DEFAULT_PARTITION__"


PART: Final = "part"
"""In a file's description: which partition of a dask frame it holds."""


def save(table: pa.Table, about: Layout, target: Place, keys: list[str], *, secret: bytes | None = None) -> None:
    """Replace the folder by one that holds this table; with a `secret` its files are encrypted, not their names.

    Raises
    ------
    TableError   a key is not a column or not of a type that can name a folder, there are too many values, or the
                 folder holds something that is no dataset.
    """
    _check_keys(table, keys)
    check_replaceable(target)
    groups = list(_groups(table, keys))
    types = {name: str(_key_type(table.schema.field(name).type)) for name in keys}
    numbered = table.append_column(ROW, pa.array(np.arange(table.num_rows)))
    with replaced_folder(target) as fresh:
        for number, (values, rows) in enumerate(groups):
            folder = fresh.joinpath(*(_folder(name, value) for name, value in values.items()))
            folder.mkdir(parents=True, exist_ok=True)
            part = numbered.take(rows).drop_columns(keys)
            with replaced_file(folder / f"part-{number}.parquet") as path:
                files.write(part, about | {"partition": values, "types": types}, path, key=secret)


def load(folder: Place, *, read: Reader, secret: bytes | None = None) -> tuple[pa.Table, Layout | None]:
    """All rows of the folder's files as one table, in their saved order, and what they say it is about."""
    parts = [read(path) for path in paths_in(folder)]
    if any(about is None for _, about in parts):
        return _foreign(folder, secret), None
    parts = sorted(parts, key=lambda part: (part[1] or {}).get(PART, 0))
    about = whole([about or {} for _, about in parts])
    try:
        table = pa.concat_tables(_of_one_type([_as_part(part, its or {}, about) for part, its in parts]))
    except pa.ArrowInvalid as error:
        msg = f"the files in {str(folder)!r} do not hold the same columns: {error}. Load them one by one."
        raise TableError(msg) from None
    if ROW in table.column_names and len({(about or {})["created_at"] for _, about in parts}) == 1:
        table = table.sort_by(ROW)
    return table, about


def whole(abouts: list[Layout]) -> Layout:
    """What the files of a folder, in their order, are about together."""
    first = abouts[0]
    if any(PART not in about for about in abouts):
        return first
    return first | {"layout": joined([about["layout"] for about in abouts])}


def paths_in(folder: AnyPlace) -> list[AnyPlace]:
    """The files of a folder that hold its table, sorted; a hidden one is of no table.

    Raises
    ------
    TableError   there is none.
    """
    paths = [path for path in below(folder, "*.parquet") if not path.name.startswith((".", "_"))]
    if not paths:
        msg = f"there is no Parquet file in {str(folder)!r}."
        raise TableError(msg)
    return paths


def _foreign(folder: Place, secret: bytes | None) -> pa.Table:
    import pyarrow.parquet as pq  # noqa: PLC0415 - importing the package must stay cheap

    store = {"filesystem": folder.store} if isinstance(folder, StorePath) else {}
    where = folder.path if isinstance(folder, StorePath) else folder
    return pq.read_table(where, decryption_properties=files.decryption(secret), **store)


def _groups(table: pa.Table, keys: list[str]) -> Iterator[tuple[dict[str, Any], pa.Array]]:
    """Each combination of values with its rows' positions; one group of all rows where there is no key or no row."""
    if not keys or not table.num_rows:
        yield {}, pa.array(np.arange(table.num_rows))
        return
    plain = pa.table({name: _plain(table.column(name)) for name in keys})
    counted = plain.append_column(ROW, pa.array(np.arange(table.num_rows)))
    grouped = counted.group_by(keys).aggregate([(ROW, "list")])
    if grouped.num_rows > MAX_PARTITIONS:
        msg = (
            f"partition_by={keys!r} would make {grouped.num_rows} folders, over {MAX_PARTITIONS}. "
            "Take a column with fewer values."
        )
        raise TableError(msg)
    for group in grouped.to_batches():
        for row in range(group.num_rows):
            values = {name: group.column(name)[row].as_py() for name in keys}
            yield values, group.column(f"{ROW}_list")[row].values


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A key column as one of the three types that a folder's name and JSON both hold."""
    return column.cast(_key_type(column.type))


def _key_type(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_boolean(kind):
        return pa.bool_()
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return pa.int64()
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return None


def _as_part(part: pa.Table, about: Layout, of: Layout) -> pa.Table:
    """A file's rows with the columns that its folder stands for, and the index that the others have."""
    if PART in about:
        part = with_index(part, about["layout"], of["layout"]["index"])
    return with_partition(part, about).replace_schema_metadata(None)


def _of_one_type(parts: list[pa.Table]) -> list[pa.Table]:
    """The parts with columns that hold nothing in the type that they have where they hold something."""
    known = {field.name: field.type for part in reversed(parts) for field in part.schema if _holds(part, field.name)}
    return [_with_types(part, known) for part in parts]


def _with_types(part: pa.Table, known: dict[str, pa.DataType]) -> pa.Table:
    for place, field in enumerate(part.schema):
        kind = known.get(field.name, field.type)
        if field.type != kind and not _holds(part, field.name):
            part = part.set_column(place, field.name, pa.nulls(part.num_rows, kind))
    return part


def _holds(part: pa.Table, name: str) -> bool:
    return bool(part.column(name).null_count < part.num_rows)


def with_partition(part: pa.Table, about: Layout) -> pa.Table:
    """A file's rows with the columns that its folder stands for."""
    for name, kind in about.get("types", {}).items():
        value = pa.scalar(about["partition"].get(name), pa.type_for_alias(kind))
        part = part.append_column(name, pa.repeat(value, part.num_rows))
    return part


def _folder(name: str, value: Any) -> str:
    text = _NULL_FOLDER if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"{quote(name, safe='')}={quote(text, safe='')}"


def _check_keys(table: pa.Table, keys: list[str]) -> None:
    for name in keys:
        if name not in table.column_names:
            msg = f"partition_by names {name!r}, which is no column of the frame."
            raise TableError(msg)
        kind = table.schema.field(name).type
        if _key_type(kind) is None:
            msg = f"column {name!r} is {kind}; partition by words, text, whole numbers or booleans."
            raise TableError(msg)


def check_replaceable(target: Place) -> None:
    """Refuse to replace a folder with anything in it that a dataset does not have.

    Raises
    ------
    TableError   what is in the way.
    """
    if target.is_dir():
        strange = next((path for path in below(target, "*") if not _is_part(path)), None)
    else:
        strange = target if target.exists() else None
    if strange is not None:
        msg = (
            f"{str(target)!r} is to become a folder of Parquet files, and {str(strange)!r} is in the way. "
            "Take another path, or move it."
        )
        raise TableError(msg)


def _is_part(path: Place) -> bool:
    return "=" in path.name if path.is_dir() else path.suffix == ".parquet"
