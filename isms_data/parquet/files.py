"""One Arrow table as one Parquet file, compact and readable by everybody; what it is about lies in its metadata.

With a key the file is encrypted as the Parquet format has it (modular encryption, AES-GCM, one key for the footer and
all columns), so that any reader that knows the format and is given the key can read it. The key is in no file.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from isms_data.errors import ConfigurationError, TableError
from isms_data.parquet.places import readable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from isms_data.parquet.arrow_frames import Layout
    from isms_data.parquet.places import Place

METADATA_KEY: Final = b"isms_data"

LONG_NUMBERS: Final = frozenset({"msisdn", "imsi"})
"""Text with a value of its own in nearly every row: a dictionary of it would only cost time and space."""

KEY_BYTES: Final = (16, 24, 32)
"""The sizes of an AES key."""

_ENCRYPTED: Final = b"PARE"
"""The first bytes of a Parquet file whose footer is encrypted."""


def checked_key(key: bytes | str | None) -> bytes | None:
    """The key as bytes, None where there is none.

    Raises
    ------
    ConfigurationError   it is neither bytes nor text, or of a size that AES does not have. It is not quoted.
    """
    if key is None:
        return None
    if not isinstance(key, (bytes, str)):
        msg = f"key is a {type(key).__name__}. Give 32 bytes, as secrets.token_bytes(32) makes them."
        raise ConfigurationError(msg)
    raw = key.encode() if isinstance(key, str) else key
    if len(raw) not in KEY_BYTES:
        msg = (
            f"key has {len(raw)} bytes; one to encrypt with has 16, 24 or 32. Make it with secrets.token_bytes(32), or "
            "as text with secrets.token_hex(16), and keep it: without it the file cannot be read."
        )
        raise ConfigurationError(msg)
    return raw


def write(table: pa.Table, about: Layout, path: Path, *, key: bytes | None = None) -> None:
    """Write one file, encrypted where there is a key; numbers stay text for every reader.

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
        encryption_properties=_encryption(key),
    )


def read(path: Place, *, key: bytes | None = None) -> tuple[pa.Table, Layout | None]:
    """One file and what it is about, None where this package did not write it.

    Raises
    ------
    TableError   as `opened`.
    """
    with opened(path, key=key) as file:
        return file.read(), description(file.schema_arrow)


@contextmanager
def opened(path: Place, *, key: bytes | None = None) -> Iterator[Any]:
    """One file, as Arrow's `ParquetFile`.

    Raises
    ------
    TableError   it is no Parquet file, or only a part of one; it is encrypted and the key is missing or another; it is
                 not encrypted, and a key was given.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - as in `write`

    encrypted = is_encrypted(path)
    if encrypted != (key is not None):
        raise TableError(_KEY_MISSING.format(str(path)) if encrypted else _NOT_ENCRYPTED.format(str(path)))
    try:
        with readable(path) as source, pq.ParquetFile(source, decryption_properties=decryption(key)) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        if encrypted:
            raise TableError(_WRONG_KEY.format(str(path))) from None
        msg = f"{str(path)!r} is no Parquet file, or only a part of one ({error}). For CSV or Excel: isms.read_list."
        raise TableError(msg) from None


def description(schema: pa.Schema) -> Layout | None:
    """What a file says it is about, None where this package did not write it."""
    found = (schema.metadata or {}).get(METADATA_KEY)
    return json.loads(found) if found else None


_KEY_MISSING: Final = "{!r} is encrypted. Load it with the key that it was saved with: load_table(path, key=...)."
_NOT_ENCRYPTED: Final = "{!r} is not encrypted, so it is not the file that was saved with a key. Without key= it loads."
_WRONG_KEY: Final = "{!r} is encrypted with another key than the one given, or it is damaged. Nothing of it was read."


def is_encrypted(path: Place) -> bool:
    """Whether the file says that it is an encrypted Parquet file."""
    with path.open("rb") as file:
        return file.read(len(_ENCRYPTED)) == _ENCRYPTED


def decryption(key: bytes | None) -> Any:
    """What Arrow needs to read with that key; None where there is none."""
    if key is None:
        return None
    from pyarrow.parquet import encryption  # noqa: PLC0415 - few files are encrypted

    return encryption.create_decryption_properties(footer_key=key)


def _encryption(key: bytes | None) -> Any:
    if key is None:
        return None
    from pyarrow.parquet import encryption  # noqa: PLC0415 - as in `decryption`

    return encryption.create_encryption_properties(footer_key=key)


def _encoding(field: pa.Field) -> str | None:
    if field.name in LONG_NUMBERS and _is_text(field.type):
        return "DELTA_BYTE_ARRAY"
    return "DELTA_BINARY_PACKED" if pa.types.is_timestamp(field.type) else None


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string())


def _is_words(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) or _is_text(kind)
