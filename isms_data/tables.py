"""The tables of this package: one explicit schema each, its dtypes in pandas, and Parquet out and in.

A *table* here is a set of columns that belong together: `numbers` is what `clean_numbers` adds, `hlr` what a lookup
adds. A frame may hold several of them and the caller's own columns besides.

`SCHEMA_VERSION` counts the steps in `_STEPS`. To change a schema: change it below and append one function that makes
a table of the new version from one of the version before; never edit an old step. That is all.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from isms_data.errors import TableError
from isms_data.parquet import datasets, files
from isms_data.parquet.arrow_frames import WORD, Layout, as_words, categorical, to_arrow, to_frame
from isms_data.parquet.places import place
from isms_data.parquet.safe_files import replaced_file
from isms_data.vocabulary import (
    Action,
    Coding,
    ContactOutcome,
    ErrorClass,
    HlrStatus,
    MessageStatus,
    NumberStatus,
    Outcome,
    SendOutcome,
    Source,
    Transport,
    Verdict,
    words,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from enum import StrEnum

    from pandas.api.extensions import ExtensionArray

    from isms_data.parquet.places import Place

log = logging.getLogger("isms_data")

TEXT: Final = pa.large_string()
TIME: Final = pa.timestamp("us", tz="UTC")
LENGTH: Final = pa.duration("us")


def _word(name: str, vocabulary: type[StrEnum]) -> pa.Field:
    """A column of words in the fixed order of their vocabulary."""
    return pa.field(name, WORD, metadata={"words": json.dumps(words(vocabulary))})


SCHEMAS: Final[dict[str, pa.Schema]] = {
    "numbers": pa.schema(
        [
            pa.field("msisdn", TEXT),
            _word("number_status", NumberStatus),
            pa.field("number_problem", TEXT),
            pa.field("country_code", WORD),
            pa.field("range_operator", WORD),
            pa.field("other_msisdns", pa.list_(pa.string())),
        ]
    ),
    "hlr": pa.schema(
        [
            _word("status", HlrStatus),
            pa.field("country", WORD),
            pa.field("operator", WORD),
            pa.field("imsi", TEXT),
            pa.field("serving_msc", TEXT),
            pa.field("error_code", pa.int16()),
            pa.field("mcc", TEXT),
            pa.field("mnc", TEXT),
            pa.field("network", WORD),
            pa.field("ported", pa.bool_()),
            pa.field("roaming", pa.bool_()),
            pa.field("serving_country", WORD),
            pa.field("error_name", WORD),
            _word("error_class", ErrorClass),
            _word("verdict", Verdict),
            _word("outcome", Outcome),
            pa.field("problem", TEXT),
            pa.field("message_id", TEXT),
            pa.field("submitted_at", TIME),
            pa.field("resolved_at", TIME),
        ]
    ),
    "plan": pa.schema(
        [
            pa.field("campaign", WORD),
            pa.field("sender", WORD),
            pa.field("msisdn", TEXT),
            pa.field("flash", pa.bool_()),
            pa.field("text", TEXT),
            _word("coding", Coding),
            pa.field("segments", pa.int32()),
            pa.field("offending", TEXT),
            _word("action", Action),
            pa.field("reason", TEXT),
        ]
    ),
    "sent": pa.schema(
        [
            _word("outcome", SendOutcome),
            pa.field("message_id", TEXT),
            pa.field("submitted_at", TIME),
            pa.field("scheduled_for", TIME),
            pa.field("problem", TEXT),
            _word("transport", Transport),
        ]
    ),
    "delivery": pa.schema(
        [
            _word("status", MessageStatus),
            pa.field("state_detail", WORD),
            pa.field("final", pa.bool_()),
            pa.field("resolved_at", TIME),
            pa.field("latency", LENGTH),
            pa.field("pending_since", TIME),
            _word("source", Source),
            pa.field("network", WORD),
        ]
    ),
    "contacts": pa.schema([_word("contact_outcome", ContactOutcome), pa.field("problem", TEXT)]),
}
"""Every table's columns, in order. `other_msisdns` is there only where cells were split."""

_PLAIN: Final = {
    TEXT: pd.StringDtype(na_value=np.nan),
    TIME: pd.DatetimeTZDtype("us", "UTC"),
    LENGTH: np.dtype("timedelta64[us]"),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""The pandas dtype of each type of Arrow that is neither words nor a list."""

OPTIONAL: Final = frozenset({"other_msisdns"})

_STEPS: Final[tuple[Callable[[pa.Table], pa.Table], ...]] = ()
"""Step number i makes a table of schema version i + 2 from one of version i + 1."""

SCHEMA_VERSION: Final = 1 + len(_STEPS)


def names(table: str) -> tuple[str, ...]:
    """A table's columns, in order."""
    return tuple(SCHEMAS[table].names)


def dtype(table: str, name: str) -> Any:
    """The pandas dtype of a column; for words without a fixed vocabulary the categories come with the values.

    >>> dtype("hlr", "error_code"), dtype("hlr", "imsi")
    (Int16Dtype(), <StringDtype(na_value=nan)>)
    """
    field = SCHEMAS[table].field(name)
    if pa.types.is_dictionary(field.type):
        return pd.CategoricalDtype(_vocabulary(field))
    if pa.types.is_list(field.type):
        return pd.ArrowDtype(field.type)
    return _PLAIN[field.type]


def column(table: str, name: str, values: Any) -> ExtensionArray:
    """Values as the pandas array that the table's column has: right dtype for none, one or many, or all null.

    Parameters
    ----------
    table, name : str
        As in `SCHEMAS`.
    values : list, Series or Arrow array
        None, NaN and NA are null alike. For words: text or categories of the vocabulary.

    Raises
    ------
    TableError   a value is not of the column's type, or not a word of its vocabulary.

    Examples
    --------
    >>> column("hlr", "ported", [True, None])
    <BooleanArray>
    [True, <NA>]
    Length: 2, dtype: boolean
    """
    field = SCHEMAS[table].field(name)
    try:
        array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values, from_pandas=True)
        if pa.types.is_dictionary(field.type):
            return _word_column(as_words(array), field)
        if field.type == TEXT and not _is_text(array.type):
            msg = f"column {name!r} is text; it was given {array.type}"
            raise TableError(msg)
        chunked = pa.chunked_array([array.cast(field.type)]) if isinstance(array, pa.Array) else array.cast(field.type)
    except (pa.ArrowException, OverflowError) as error:
        msg = f"column {name!r} is {field.type}; it was given something else: {error}"
        raise TableError(msg) from None
    found: ExtensionArray
    if pa.types.is_list(field.type):
        found = pd.arrays.ArrowExtensionArray(chunked)
    elif field.type == LENGTH:
        found = chunked.to_pandas().array
    else:
        found = dtype(table, name).__from_arrow__(chunked)
    return found


def empty(table: str, rows: int) -> dict[str, ExtensionArray]:
    """Every column of a table with that many rows, all null.

    >>> list(empty("numbers", 0))[:2]
    ['msisdn', 'number_status']
    """
    return {name: column(table, name, pa.nulls(rows)) for name in names(table)}


def save_table(
    frame: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    partition_by: str | Sequence[str] | None = None,
    key: bytes | str | None = None,
) -> None:
    """Save a frame so that `load_table` gives the same one back: rows, index, order, dtypes, attributes.

    Parameters
    ----------
    frame : DataFrame
        Any frame whose columns are called by text; ours and the caller's own.
    path : str or path
        A file such as `out/hlr.parquet`; or a folder (no suffix, a slash at the end, or `partition_by`) for a dataset.
        Also in an object store, `s3://bucket/out/hlr.parquet`, where a file is replaced whole too, and a folder file by
        file.
    partition_by : str or list of str, optional
        Columns of words, text, whole numbers or booleans: one folder per value, as Hive, DuckDB and Arrow read them.
    key : bytes or str, optional
        Encrypt with it: values, column names and metadata, by Parquet's own encryption (AES-GCM). 16, 24 or 32 bytes,
        or a text of that size, as `secrets.token_hex(16)` makes it. It is written nowhere: keep it, or the file is
        lost. What stays readable are the names of files and folders, so the values of `partition_by`, and sizes.

    Raises
    ------
    TableError           there is no such folder to save in, the folder holds something else, or a column cannot be
                         stored.
    ConfigurationError   the key is not of such a size; the driver of the store is not installed.
    OSError              the disk is full or may not be written. The old file is as it was.

    Notes
    -----
    Cost: none. Repeatable: yes, the old file is replaced whole or not at all. Metadata: tables, schema version,
    version of this package, time, `frame.attrs`; never a credential. Source: docs/results.md.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_table(pd.DataFrame({"msisdn": ["306900000000", None]}), f"{folder}/numbers.parquet")
    ...     load_table(f"{folder}/numbers.parquet")
             msisdn
    0  306900000000
    1           NaN
    """
    if not isinstance(frame, pd.DataFrame):
        msg = f"expected a pandas DataFrame, got {type(frame).__name__}. For a Series use series.to_frame()."
        raise TableError(msg)
    keys = [partition_by] if isinstance(partition_by, str) else list(partition_by or ())
    secret = files.checked_key(key)
    table, about = described(frame)
    target = place(path).resolve()
    if keys or _means_folder(path):
        datasets.save(table, about, target, keys, secret=secret)
        return
    if target.is_dir():
        msg = f"{str(target)!r} is a folder. Name a file in it, or end the path with a slash to save a dataset."
        raise TableError(msg)
    with replaced_file(target) as fresh:
        files.write(table, about, fresh, key=secret)


def load_table(path: str | os.PathLike[str], *, key: bytes | str | None = None) -> pd.DataFrame:
    """The frame that `save_table` saved, from a file or a folder.

    A Parquet file that something else wrote is loaded as pandas would load it, with a remark in the log; the columns
    of a table that is complete get this package's dtypes.

    Parameters
    ----------
    path : str or path
        The file or folder, also in an object store (`s3://bucket/out/`).
    key : bytes or str, optional
        What it was encrypted with. Every file of a folder has the same.

    Raises
    ------
    FileNotFoundError    there is no such file or folder.
    TableError           it is not Parquet, or a newer version of this package wrote it; it is encrypted and the key is
                         missing or another; it is not encrypted, and a key was given.
    ConfigurationError   the key is not of a size that a key has; the driver of the store is not installed.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/results.md.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_table(pd.DataFrame({"msisdn": ["306912345678", None]}), Path(folder) / "numbers.parquet")
    ...     load_table(Path(folder) / "numbers.parquet").msisdn.tolist()
    ['306912345678', nan]
    """
    target, secret = place(path), files.checked_key(key)
    if target.is_dir():
        table, about = datasets.load(target, read=partial(_read, key=secret), secret=secret)
    else:
        table, about = _read(target, key=secret)
    if about is None:
        log.info("%s was not written by isms_data: loaded as plain Parquet", target)
        return _with_our_dtypes(table)
    return to_frame(table, about["layout"])


def migrated(table: pa.Table, since: int, *, steps: Sequence[Callable[[pa.Table], pa.Table]] = _STEPS) -> pa.Table:
    """A table of an older schema version as one of today's."""
    for step in steps[since - 1 :]:
        table = step(table)
    return table


def described(frame: pd.DataFrame) -> tuple[pa.Table, Layout]:
    """The frame as an Arrow table, and what its file is to say about it.

    Raises
    ------
    TableError   a column cannot be stored.
    """
    table, layout = to_arrow(frame)
    return table, _about(table) | {"layout": layout}


def _read(path: Place, *, key: bytes | None) -> tuple[pa.Table, Layout | None]:
    """One file as a table of today's schema version, and what it is about."""
    table, about = files.read(path, key=key)
    return (table, None) if about is None else (of_today(table, about, path), about)


def of_today(table: pa.Table, about: Layout, path: Place) -> pa.Table:
    """What was read from a file of ours, as a table of today's schema version.

    Raises
    ------
    TableError   a newer version of this package wrote it.
    """
    if about["schema_version"] > SCHEMA_VERSION:
        msg = (
            f"{str(path)!r} was written by isms_data {about['isms_data']} with schema version "
            f"{about['schema_version']}; this one reads up to {SCHEMA_VERSION}. Upgrade isms_data."
        )
        raise TableError(msg)
    return migrated(table, about["schema_version"])


def _about(table: pa.Table) -> Layout:
    return {
        "tables": _tables_in(table.schema),
        "schema_version": SCHEMA_VERSION,
        "isms_data": version("isms_data"),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _tables_in(schema: pa.Schema, *, types_too: bool = True) -> list[str]:
    """The tables whose columns are all there, with their types."""
    return [
        table
        for table, ours in SCHEMAS.items()
        if all(
            field.name in schema.names and (not types_too or schema.field(field.name).type == field.type)
            for field in ours
            if field.name not in OPTIONAL
        )
    ]


def _with_our_dtypes(table: pa.Table) -> pd.DataFrame:
    """A frame of a foreign file; a column that does not fit our type stays what it is."""
    frame: pd.DataFrame = table.to_pandas()
    for name in _tables_in(table.schema, types_too=False):
        for field in SCHEMAS[name]:
            if field.name in frame.columns:
                try:
                    frame[field.name] = column(name, field.name, table.column(field.name))
                except TableError as error:
                    log.info("%s", error)
    return frame


def _word_column(array: pa.DictionaryArray, field: pa.Field) -> pd.Categorical[Any]:
    values = [value for value in array.dictionary.to_pylist() if value is not None]
    vocabulary = _vocabulary(field)
    if vocabulary is None:
        return categorical(array, pd.Index(sorted(set(values)), dtype="str"))
    strange = next((value for value in values if value not in vocabulary), None)
    if strange is not None:
        msg = f"{strange!r} is not a word of column {field.name!r}. The words are: {', '.join(vocabulary)}."
        raise TableError(msg)
    return categorical(array, vocabulary)


def _vocabulary(field: pa.Field) -> pd.Index | None:
    fixed = (field.metadata or {}).get(b"words")
    return pd.Index(json.loads(fixed), dtype="str") if fixed else None


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.null(), pa.string(), pa.large_string())


def _means_folder(path: str | os.PathLike[str]) -> bool:
    return str(path).endswith(("/", "\\")) or not Path(path).suffix
