"""The journal's file: its tables, how an older one becomes today's, and who may read it.

To change a table, append a step to `MIGRATIONS`; an old step is never edited, because files of every version are about.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "journal.sqlite3"

BUSY_S: Final = 30.0
"""How long a transaction of another process is waited for."""

LOOK_S: Final = 0.01
"""How often that is tried where SQLite does not wait by itself."""

MIGRATIONS: Final = (
    """
    CREATE TABLE runs (
        run_id     TEXT PRIMARY KEY,
        account    TEXT NOT NULL,
        operation  TEXT NOT NULL,
        host       TEXT NOT NULL,
        pid        INTEGER NOT NULL,
        born       TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        lease_end  INTEGER NOT NULL,
        ended_at   INTEGER
    );
    CREATE TABLE calls (
        call_id     INTEGER PRIMARY KEY,
        account     TEXT NOT NULL,
        operation   TEXT NOT NULL,
        label       TEXT,
        run_id      TEXT NOT NULL REFERENCES runs (run_id),
        state       TEXT NOT NULL,
        first_id    INTEGER NOT NULL,
        numbers     INTEGER NOT NULL,
        price       TEXT NOT NULL,
        measured    INTEGER NOT NULL,
        intended_at INTEGER NOT NULL,
        answered_at INTEGER,
        message_id  TEXT,
        problem     TEXT
    );
    CREATE INDEX calls_open ON calls (state, account);
    CREATE TABLE lookups (
        lookup_id INTEGER PRIMARY KEY,
        msisdn    INTEGER NOT NULL,
        call_id   INTEGER NOT NULL REFERENCES calls (call_id)
    );
    CREATE INDEX lookups_of_number ON lookups (msisdn);
    CREATE TABLE answers (
        lookup_id   INTEGER PRIMARY KEY REFERENCES lookups (lookup_id),
        kind        TEXT NOT NULL,
        answered_at INTEGER NOT NULL,
        reply       TEXT
    );
    CREATE TABLE balances (
        balance_id INTEGER PRIMARY KEY,
        account    TEXT NOT NULL,
        run_id     TEXT NOT NULL,
        after_call INTEGER NOT NULL,
        alone      INTEGER NOT NULL,
        read_at    INTEGER NOT NULL,
        credits    TEXT NOT NULL
    );
    """,
)


def make_private(folder: Path) -> None:
    """Make the folder, for its owner only; one that holds other things too is the user's, and keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = all(entry.name.startswith(FILE_NAME) for entry in folder.iterdir())
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
