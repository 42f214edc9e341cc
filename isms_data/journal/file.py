"""The journal's file: opened privately, brought to today's version, and written in whole transactions."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from isms_data.errors import JournalError
from isms_data.journal.migrations import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

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


class JournalFile:
    """One connection to the journal in a folder; each public method of its classes is one transaction, and blocks.

    Use it from one thread only.
    """

    def __init__(self, folder: Path) -> None:
        folder = folder.absolute()  # the program may change its working folder in mid-run
        self._path = folder / FILE_NAME
        with self._clear_errors():
            make_private(folder)
            self._db = opened(self._path)
            self._inode = self._path.stat().st_ino

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def together(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Do several of this journal's tasks in one transaction, that they share its flush; what each gave or raised.

        A task that fails takes back what it wrote itself; where the transaction fails, none of them is done.
        """
        with self._transaction():
            return [self._apart(task) for task in tasks]

    def _apart(self, task: Callable[[], Any]) -> Any:
        self._db.execute("SAVEPOINT apart")
        try:
            done = task()
        except Exception as error:  # noqa: BLE001 - raised where the task is awaited
            self._db.execute("ROLLBACK TO apart")
            done = error
        self._db.execute("RELEASE apart")
        return done

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[None]:
        """All of it or nothing; within another transaction, a part of that one. Durable: it outlives a power cut."""
        with self._clear_errors():
            if self._db.in_transaction:
                yield
                return
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    def _check_place(self) -> None:
        """The file is still the one that was opened, and its disk has room for what a call will bring."""
        with self._clear_errors():
            if self._path.stat().st_ino != self._inode:
                msg = "its file was replaced while it was in use"
                raise OSError(msg)
            free = shutil.disk_usage(self._path.parent).free
        if free < RESERVE_BYTES:
            msg = (
                f"the disk of the journal ({self._path}) has {free // 1024:,} kB left, less than the "
                f"{RESERVE_BYTES // 1024:,} kB that a paid call's outcome may need. Nothing more was paid for. "
                "Make room, then call again: what is done is kept."
            )
            raise JournalError(msg)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except JournalError:
            raise
        except (sqlite3.Error, OSError) as error:
            msg = (
                f"the journal ({self._path}) cannot be used: {error}. Nothing is paid for without it, and what is "
                "in it is kept. Make room or give write access, or set ISMS_HOME to another folder; then call again."
            )
            raise JournalError(msg) from error


def make_private(folder: Path) -> None:
    """Make the folder, for its owner only; one that holds other things too is the user's, and keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = all(entry.name.startswith((FILE_NAME, KEY_NAME)) for entry in folder.iterdir())
    if ours and os.name == "posix" and folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


def opened(path: Path) -> sqlite3.Connection:
    """The database at this path, private and of the newest version."""
    new = not path.exists()
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
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


def in_parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
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
