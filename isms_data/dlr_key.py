"""The secret that signs dlr-urls: 32 random bytes, made on first use, beside the journal or on its server."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from isms_data.errors import ConfigurationError
from isms_data.journal.file import KEY_NAME, make_private
from isms_data.journal.keys import KeyBook
from isms_data.journal.place import ServerAddress

if TYPE_CHECKING:
    from isms_data.journal.place import Place

KEY_BYTES: Final = 32
"""As long as what HMAC-SHA256 makes of it."""


def secret(place: Place, *, create: bool = True) -> bytes:
    """The secret of the journal at this place; made where there is none yet, in a folder for its owner only.

    Processes that make it at the same time all get the same one.

    Raises
    ------
    ConfigurationError   there is none and `create` is False; it cannot be read or written; the file is another one.
    """
    if isinstance(place, ServerAddress):
        with KeyBook(place) as book:
            found = book.secret(secrets.token_bytes(KEY_BYTES) if create else None)
    else:
        place = Path(place).absolute() / KEY_NAME
        found = _of_file(place, create=create)
    if found is None:
        msg = f"there is no secret of delivery reports at {place}. Is that the journal that messages are sent from "
        msg += "(ISMS_HOME, ISMS_JOURNAL)?"
        raise ConfigurationError(msg)
    if len(found) != KEY_BYTES:
        msg = (
            f"{place} is not a secret of {KEY_BYTES} bytes, so it is cut off or another file. Put the right one back "
            "from a backup; or remove it, and reports of what was sent until now are refused."
        )
        raise ConfigurationError(msg)
    return found


def _of_file(path: Path, *, create: bool) -> bytes | None:
    try:
        found = _read(path)
        if found is None and create:
            _make(path)
            found = _read(path)
    except OSError as error:
        msg = f"the secret of the delivery reports ({path}) cannot be used: {error.strerror or error}. Give access, or "
        msg += "set ISMS_HOME to another folder."
        raise ConfigurationError(msg) from error
    return found


def _read(path: Path) -> bytes | None:
    """What is there, as far as it may be long, with one byte more to tell."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(KEY_BYTES + 1)
    return None


def _make(path: Path) -> None:
    """Write it whole beside its place and link it there: who comes second finds the first one's, never half of it."""
    make_private(path.parent)
    fresh = path.with_name(f"{KEY_NAME}.{uuid4().hex}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    _to_disk(path.parent)


def _to_disk(folder: Path) -> None:
    """Let the name outlive a power cut too; only POSIX systems can do that for a folder."""
    if os.name != "posix":
        return  # pragma: no cover - the tests run on POSIX systems
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
