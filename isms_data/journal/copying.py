"""A journal moved from its file to a server, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isms_data.errors import JournalError
from isms_data.journal import file
from isms_data.leases import LIVE, lives

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from isms_data.journal.database import Database
    from isms_data.journal.file import FileDatabase
    from isms_data.journal.place import ServerAddress
    from isms_data.journal.server import ServerDatabase

TABLES: Final = (
    *("runs", "calls", "items", "answers", "balances", "messages"),
    *("reports", "suppressions", "contacts", "segments", "shares"),
)
"""All there are, in any order: nothing refers to what is not there yet as far as the engines know."""


def copy(folder: Path, address: ServerAddress) -> dict[str, int]:
    """Copy the journal in this folder to an empty one on that server, in one transaction; how many rows of each table.

    The secret of the dlr-urls goes along. The file is left as it is, and must not be used any more: the two know
    nothing of each other.

    Raises
    ------
    JournalError         there is no journal in the folder, a run uses it, or that on the server is not empty.
    ConfigurationError   the driver for servers is not installed.
    """
    from isms_data.journal import server  # noqa: PLC0415 - its driver is an optional extra

    if not (folder / file.FILE_NAME).exists():
        msg = f"there is no journal in {folder}, so nothing was copied. Give the folder that ISMS_HOME names."
        raise JournalError(msg)
    source = file.opened(folder)
    try:
        target = server.opened(address)
        try:
            return _copied(source, target, _secret(folder))
        finally:
            target.close()
    finally:
        source.close()


def _copied(source: FileDatabase, target: ServerDatabase, secret: bytes | None) -> dict[str, int]:
    with source.clear_errors(), target.clear_errors():
        source.begin(durable=True)  # nobody writes meanwhile
        try:
            _check_idle(source)
            target.begin(durable=True)
            _check_empty(target)
            for table in TABLES:
                names = [name for _, name, *_ in source.execute(f"PRAGMA table_info({table})")]
                with source.stream(f"SELECT {', '.join(names)} FROM {table}") as rows:
                    target.load(table, names, rows)
            if secret is not None:
                target.execute("UPDATE journal SET dlr_key = ?", (secret,))
            found, copied = _counts(source), _counts(target)
            _check_equal(found, copied)
            target.commit()
        finally:
            target.rollback()
            source.rollback()
    return copied


def _counts(journal: Database) -> dict[str, int]:
    return {table: int(journal.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TABLES}


def _check_idle(source: FileDatabase) -> None:
    rows = source.execute("SELECT run_id, host, pid, born, lease_end FROM runs WHERE ended_at IS NULL")
    here, now = source.here(), source.now()
    if any(run_id in LIVE or lives(*where, here=here, now=now) for run_id, *where in rows):
        msg = "a run uses this journal now, so nothing was copied. Call again when it has ended."
        raise JournalError(msg)


def _check_empty(target: ServerDatabase) -> None:
    kept = {table: count for table, count in _counts(target).items() if count}
    if kept:
        named = ", ".join(f"{count:,} {table}" for table, count in kept.items())
        msg = f"the journal on the server is not empty ({named}), so nothing was copied. Give an empty database."
        raise JournalError(msg)


def _check_equal(found: Mapping[str, int], copied: Mapping[str, int]) -> None:
    missing = [table for table in TABLES if found[table] != copied[table]]
    if missing:
        msg = f"not every row arrived ({', '.join(missing)}), so nothing was kept on the server. Call again."
        raise JournalError(msg)


def _secret(folder: Path) -> bytes | None:
    path = folder / file.KEY_NAME
    return path.read_bytes() if path.exists() else None
