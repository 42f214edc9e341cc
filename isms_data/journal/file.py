"""The journal in a file of SQLite: opened privately, brought to today's version; one writer at a time."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from isms_data.errors import JournalError
from isms_data.journal.migrations import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

T = TypeVar("T")

FILE_NAME: Final = "journal.sqlite3"
KEY_NAME: Final = "dlr.key"
"""The secret that signs dlr-urls; it lives beside the journal."""

BUSY_S: Final = 30.0
"""How long a transaction of another process is waited for."""

LOOK_S: Final = 0.01
"""How often that is tried where SQLite does not wait by itself."""

RESERVE_BYTES: Final = 16 * 1024 * 1024
"""Free space that a new paid call requires, so that the outcomes of those under way can still be written."""

AT_ONCE: Final = 10_000
"""Numbers in one question to SQLite, whose limit is 32,766 parameters."""


class FileDatabase(sqlite3.Connection):
    """One connection to the journal's file (`database.Database`)."""

    path: Path
    inode: int

    def among(self, values: Sequence[Any], /) -> str:
        """A mark for each: SQLite has no lists."""
        return f"IN ({marks(values)})"

    def given(self, values: Sequence[Any], /) -> Sequence[Any]:
        """As they are."""
        return values

    def stream(self, sql: str, /) -> AbstractContextManager[sqlite3.Cursor]:
        """SQLite reads on as rows are taken."""
        return closing(self.execute(sql))

    def begin(self, *, durable: bool) -> None:
        """Be the only writer; others wait."""
        self.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write it."""
        self.execute("COMMIT")

    def repeated(self, transaction: Callable[[], T], /) -> T:
        """Once: a file is not lost on the way."""
        return transaction()

    def check(self, *, room: bool) -> None:
        """The file is still the one that was opened, and its disk has room for what a call will bring."""
        with self.clear_errors():
            if self.path.stat().st_ino != self.inode:
                msg = "its file was replaced while it was in use"
                raise OSError(msg)
            free = shutil.disk_usage(self.path.parent).free
        if room and free < RESERVE_BYTES:
            msg = (
                f"the disk of the journal ({self.path}) has {free // 1024:,} kB left, less than the "
                f"{RESERVE_BYTES // 1024:,} kB that a paid call's outcome may need. Nothing more was paid for. "
                "Make room, then call again: what is done is kept."
            )
            raise JournalError(msg)

    def now(self) -> int:
        """The time of this machine, which is the only one."""
        return now()

    def here(self) -> str:
        """Its name."""
        return socket.gethostname()

    def overwrite_deleted(self) -> None:
        """Zeros in place of what is deleted."""
        with self.clear_errors():
            self.execute("PRAGMA secure_delete = ON")

    def compact(self) -> None:
        """Write the file anew, and empty its log."""
        with self.clear_errors():
            self.execute("VACUUM")
            busy, *_ = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            msg = (
                f"the journal ({self.path}) is in use by another program, so bytes of what was deleted may still lie "
                "in its log. Nothing refers to them. Call again when that program has ended."
            )
            raise JournalError(msg)

    def clear_errors(self) -> AbstractContextManager[None]:
        """SQLite's errors, and those of its file."""
        return _clear_errors(self.path)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except JournalError:
        raise
    except (sqlite3.Error, OSError) as error:
        msg = (
            f"the journal ({path}) cannot be used: {error}. Nothing is paid for without it, and what is "
            "in it is kept. Make room or give write access, or set ISMS_HOME to another folder; then call again."
        )
        raise JournalError(msg) from error


def make_private(folder: Path) -> None:
    """Make the folder, for its owner only; one that holds other things too is the user's, and keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = all(entry.name.startswith((FILE_NAME, KEY_NAME)) for entry in folder.iterdir())
    if ours and os.name == "posix" and folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


def opened(folder: Path) -> FileDatabase:
    """The journal in this folder, private and of the newest version."""
    folder = folder.absolute()  # the program may change its working folder in mid-run
    path = folder / FILE_NAME
    with _clear_errors(path):
        make_private(folder)
        db = _connected(path)
        db.path, db.inode = path, path.stat().st_ino
    return db


def _connected(path: Path) -> FileDatabase:
    new = not path.exists()
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False, factory=FileDatabase)
    try:
        if new:
            path.chmod(0o600)
        _to_wal(db)
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def now() -> int:
    """The time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def in_parts(numbers: Sequence[T]) -> Iterator[Sequence[T]]:
    """The numbers, in parts of which each fits into one question."""
    return (numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE))


def marks(values: Sequence[Any]) -> str:
    """A question mark for each value."""
    return ",".join("?" * len(values))


def _to_wal(db: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; while another process does the same, SQLite gives up at once instead of waiting."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)
        else:
            return


def _migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        msg = f"it is of version {version}, made by a newer isms_data; this one knows {len(MIGRATIONS)}. Update it"
        raise sqlite3.DatabaseError(msg)
    if version == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for step in MIGRATIONS[version:]:
        for statement in filter(str.strip, step.split(";")):
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("COMMIT")
