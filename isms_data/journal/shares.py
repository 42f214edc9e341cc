"""How much of each limit of an account its runs may use: written down, so that together they never use more than all.

What must change together. Each run that uses a limit (calls under way by HTTP, messages a second by SMPP) has a row
here, and uses no more than the row says. The rows of the runs that live never add up to more than the whole, because
each is written in a transaction that sees all others. A run that finds the others too many writes a smaller share; one
that finds room, a larger one. What was given up lately is not yet free: a gateway that counts over a second still
remembers it, so `freed_at` is kept, and who grows waits for the limit's `settle_s` from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from isms_data.journal.database import Database


class Limit(NamedTuple):
    """Something of which an account has so much in all."""

    resource: str
    whole: int
    least: int
    """What each run has in any case, though the sum is more than the whole then."""
    settle_s: float
    """How long what was given up is not free yet."""


class Share(NamedTuple):
    """What a run may use, once so much time has passed; and what it holds, because that much is in use still."""

    granted: int
    held: int
    after_s: float


class _Row(NamedTuple):
    run_id: str
    share: int
    freed_at: int
    started_at: int
    ended_at: int | None


def fair(db: Database, account: str, run_id: str, limit: Limit, lives: Callable[[str], bool]) -> int:
    """What is this run's, if all who use the limit now have the same of it; the oldest runs have what is left over."""
    return _fair(_rows(db, account, limit), run_id, limit, lives)


def take(db: Database, account: str, run_id: str, limit: Limit, lives: Callable[[str], bool], *, in_use: int) -> Share:
    """Write down what this run may use from now on: its fair share, as far as the others have given it up.

    What is `in_use` cannot be given up at once.
    """
    rows, now = _rows(db, account, limit), db.now()
    others = [row for row in rows if row.run_id != run_id]
    living = [row for row in others if row.ended_at is None and lives(row.run_id)]
    gone = [row for row in others if row not in living]
    mine = next((row for row in rows if row.run_id == run_id), None)
    room = limit.whole - sum(row.share for row in living)
    granted = max(min(_fair(rows, run_id, limit, lives), room), limit.least, 0)
    held = max(granted, in_use)
    shrinks = mine is not None and held < mine.share
    freed_at = max(
        now if shrinks else 0,
        mine.freed_at if mine else 0,
        *(now if row.ended_at is None else max(row.freed_at, row.ended_at) for row in gone),
        0,
    )
    db.executemany(
        "DELETE FROM shares WHERE run_id = ? AND resource = ?", [(row.run_id, limit.resource) for row in gone]
    )
    db.execute(
        "INSERT INTO shares VALUES (?, ?, ?, ?, ?) ON CONFLICT (run_id, resource) DO UPDATE SET "
        "share = excluded.share, freed_at = excluded.freed_at",
        (run_id, limit.resource, account, held, freed_at),
    )
    last = max(freed_at, *(row.freed_at for row in living), 0)
    return Share(granted, held, max(0.0, limit.settle_s - (now - last) / 1_000_000))


def _rows(db: Database, account: str, limit: Limit) -> list[_Row]:
    found = db.execute(
        "SELECT s.run_id, s.share, s.freed_at, r.started_at, r.ended_at FROM shares s "
        "JOIN runs r ON r.run_id = s.run_id WHERE s.account = ? AND s.resource = ?",
        (account, limit.resource),
    )
    return list(map(_Row._make, found))


def _fair(rows: list[_Row], run_id: str, limit: Limit, lives: Callable[[str], bool]) -> int:
    living = {
        row.run_id: row.started_at
        for row in rows
        if row.run_id == run_id or (row.ended_at is None and lives(row.run_id))
    }
    older = sorted((started_at, other) for other, started_at in living.items())
    rank = next((place for place, (_, other) in enumerate(older) if other == run_id), len(older))
    each, left = divmod(limit.whole, max(len(older), rank + 1))
    return max(each + (rank < left), limit.least)
