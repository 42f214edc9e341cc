"""Dask frames to folders of Parquet files and back: a file for each partition, as `isms.load_table` reads them too.

Each file says which partition it is and describes itself (`parquet.arrow_frames`), so that nothing depends on the order
in which tasks happen to run, and a task that runs twice writes the same file. What is read together is a row group, so
that a large file is several partitions.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import dask
import dask.dataframe as dd
import pandas as pd

from isms_data import tables
from isms_data.errors import TableError
from isms_data.parquet import datasets, files
from isms_data.parquet.arrow_frames import to_frame
from isms_data.parquet.places import place
from isms_data.parquet.safe_files import replaced_file, replaced_folder

if TYPE_CHECKING:
    import os

    import pyarrow as pa

    from isms_data.parquet.arrow_frames import Layout
    from isms_data.parquet.places import Place


class Piece(NamedTuple):
    """Rows that are read together: a row group of a file."""

    path: Place
    group: int
    about: Layout
    """Of the file."""
    labels: range | None
    """What the rows are called; None where a column holds that."""
    by_row: bool = False
    """Whether the labels are those of the whole table, of which a column tells the positions."""


class _File(NamedTuple):
    path: Place
    schema: pa.Schema
    about: Layout
    """Empty where something else wrote it."""
    rows: list[int]
    """Of each row group."""


def save_table(frame: dd.DataFrame, path: str | os.PathLike[str], *, key: bytes | str | None = None) -> None:
    """Save a dask frame as a folder of Parquet files, one for each partition, so that `load_table` gives it back.

    Parameters
    ----------
    frame : dask DataFrame
        Its index has one level.
    path : str or path
        A folder that every worker reaches, or one in an object store (`s3://bucket/out/`).
    key : bytes or str, optional
        Encrypt with it, as `isms.save_table`.

    Raises
    ------
    TableError           the folder holds something else, or a column cannot be stored.
    ConfigurationError   the key is not of such a size; the driver of the store is not installed.
    OSError              the disk is full or may not be written. The old folder is as it was.

    Notes
    -----
    Runs at once; the partitions are worked out once and one by one, so no more than a few are in memory. The folder is
    replaced when all of it is written; in an object store file by file then. Cost: none. Repeatable: yes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import dask.dataframe as dd
    >>> numbers = dd.from_pandas(pd.DataFrame({"msisdn": ["306900000000", None]}), npartitions=2)
    >>> with TemporaryDirectory() as folder:
    ...     save_table(numbers, f"{folder}/numbers")
    ...     load_table(f"{folder}/numbers").npartitions
    2
    """
    if not isinstance(frame, dd.DataFrame):
        msg = f"expected a dask DataFrame, got {type(frame).__name__}. For a pandas DataFrame: isms.save_table."
        raise TableError(msg)
    secret, target = files.checked_key(key), place(path).resolve()
    datasets.check_replaceable(target)
    with replaced_folder(target) as fresh:
        parts = enumerate(frame.to_delayed())
        dask.compute(*[_written(part, fresh / file_name(number), number, secret) for number, part in parts])


def file_name(number: int) -> str:
    """How the file of a partition is called."""
    return f"part-{number:05}.parquet"


def write_part(
    frame: pd.DataFrame, path: Place, number: int, *, key: bytes | None = None, more: Layout | None = None
) -> None:
    """One partition as one file of a folder that is there, replaced whole or not at all.

    `more` is written into its description.
    """
    table, about = tables.described(frame)
    with replaced_file(path, make_folder=False) as fresh:
        files.write(table, about | {datasets.PART: number} | (more or {}), fresh, key=key)


_written = dask.delayed(lambda part, path, number, key: write_part(part, path, number, key=key))


def load_table(path: str | os.PathLike[str], *, key: bytes | str | None = None) -> dd.DataFrame:
    """The table that `save_table` saved, of this module or of `isms_data`, as a dask frame.

    What `isms.load_table` gives, in partitions: dtypes, categories and index are the same, and so is the order of the
    rows, but for a folder that was saved with `partition_by`, whose rows come file by file.

    Parameters
    ----------
    path : str or path
        A file or a folder that every worker reaches, or one in an object store.
    key : bytes or str, optional
        What it was encrypted with.

    Returns
    -------
    dask DataFrame
        A partition for each row group (at most 1,048,576 rows). Where the index counts the rows, `divisions` are known.
        Of files that something else wrote, what `dask.dataframe.read_parquet` gives.

    Raises
    ------
    FileNotFoundError    there is no such file or folder.
    TableError           as `isms.load_table`; or the index has several levels, which dask has no place for.
    ConfigurationError   the key is not of a size that a key has; the driver of the store is not installed.

    Notes
    -----
    Lazy: only what the files are about is read at once. Columns that are not used are not read.
    Cost: none. Repeatable: yes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     tables.save_table(pd.DataFrame({"msisdn": ["306900000000", None]}), f"{folder}/numbers.parquet")
    ...     load_table(f"{folder}/numbers.parquet").compute()
             msisdn
    0  306900000000
    1           NaN
    """
    target, secret = place(path).resolve(), files.checked_key(key)
    paths = datasets.paths_in(target) if target.is_dir() else [target]
    found = [_opened(each, secret) for each in paths]
    ours = [file for file in found if file.about]
    return _frame(ours, secret) if len(ours) == len(found) else dd.read_parquet(str(target))


def about_file(path: Place) -> Layout:
    """What a file says it is about; empty where something else wrote it."""
    return _opened(path, None).about


def _opened(path: Place, key: bytes | None) -> _File:
    with files.opened(path, key=key) as file:
        schema, metadata = file.schema_arrow, file.metadata
        rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        return _File(path, schema, files.description(schema) or {}, rows)


def _frame(found: list[_File], key: bytes | None) -> dd.DataFrame:
    found = sorted(found, key=lambda file: file.about.get(datasets.PART, 0))
    layout = datasets.whole([file.about for file in found])["layout"]
    if len(layout["index"]["names"]) > 1:
        msg = f"{str(found[0].path)!r} has an index of several levels, and dask knows one. Use frame.reset_index first."
        raise TableError(msg)
    pieces = _pieces(found, layout)
    meta = _restored(found[0].schema.empty_table(), pieces[0]._replace(labels=range(0)), layout)
    with dask.config.set({"dataframe.convert-string": False}):  # what was saved has its dtypes
        frame: dd.DataFrame = dd.from_map(
            _read, pieces, meta=meta, divisions=_divisions(pieces), enforce_metadata=False, layout=layout, key=key
        )
    return frame


def _pieces(found: list[_File], layout: Layout) -> list[Piece]:
    """The row groups of the files, with their labels where these are a range."""
    pieces, begin, total = [], 0, sum(sum(file.rows) for file in found)
    counted = layout["index"].get("range")
    if counted and len(range(*counted)) != total:
        counted = [0, total, 1]  # as `to_frame` has it
    by_row = all(datasets.ROW in file.schema.names for file in found) and _saved_together(found)
    for file in found:
        whole, start = counted, begin
        if datasets.PART in file.about:
            whole, start = file.about["layout"]["index"].get("range"), 0
        for group, rows in enumerate(file.rows or [0]):
            end = start + rows
            labels = None if whole is None else range(*whole) if by_row else range(*whole)[start:end]
            pieces.append(Piece(file.path, group, file.about, labels, by_row))
            start = end
        begin += sum(file.rows)
    return pieces


def _saved_together(found: list[_File]) -> bool:
    return len({file.about["created_at"] for file in found}) == 1


def _divisions(pieces: list[Piece]) -> list[int] | None:
    """Between which labels each piece lies, where they ascend throughout."""
    ranges = [piece.labels for piece in pieces if piece.labels and not piece.by_row]
    if len(ranges) < len(pieces) or any(each.step < 0 for each in ranges):
        return None
    ascending = all(one[-1] < other[0] for one, other in pairwise(ranges))
    return [*(each[0] for each in ranges), ranges[-1][-1]] if ascending else None


def _read(piece: Piece, columns: list[str] | None = None, *, layout: Layout, key: bytes | None) -> pd.DataFrame:
    """The rows of a piece; of the columns only those that are wanted."""
    wanted = None if columns is None else _stored_names(piece, columns)
    with files.opened(piece.path, key=key) as file:
        groups = [piece.group] if file.metadata.num_row_groups else []
        table = file.read_row_groups(groups, columns=wanted)
    return _restored(tables.of_today(table, piece.about, piece.path), piece, layout, columns)


def _stored_names(piece: Piece, columns: list[str]) -> list[str] | None:
    """What must be read for these columns; all, where an older version of this package wrote the file."""
    if piece.about["schema_version"] < tables.SCHEMA_VERSION:
        return None
    levels = piece.about["layout"]["index"].get("levels", {})
    return [*columns, *levels, *([datasets.ROW] if piece.by_row else [])]


def _restored(table: pa.Table, piece: Piece, layout: Layout, columns: list[str] | None = None) -> pd.DataFrame:
    """Stored rows as a frame, with the words that the column has in all files."""
    table = datasets.with_partition(table, piece.about)
    index = piece.about["layout"]["index"]
    if piece.labels is not None:
        labels = piece.labels
        index = {"names": index["names"], "range": [labels.start, labels.stop, labels.step]}
    specs = layout["columns"] if columns is None else {name: layout["columns"][name] for name in columns}
    if piece.by_row and piece.labels is not None:
        rows = table.column(datasets.ROW).to_numpy()
        frame = to_frame(table, layout | {"columns": specs, "index": index | {"range": [0, len(rows), 1]}})
        return frame.set_axis(pd.RangeIndex(piece.labels, name=index["names"][0]).take(rows))
    return to_frame(table, layout | {"columns": specs, "index": index})
