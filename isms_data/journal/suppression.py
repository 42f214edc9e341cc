"""The lasting list of numbers that no message may go to; of the journal, so it holds for every account and campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from isms_data.journal.file import JournalFile, in_parts, marks, now

if TYPE_CHECKING:
    from collections.abc import Sequence


class Suppression(NamedTuple):
    """One number, why it is on the list, and for how long (microseconds; None: for ever)."""

    msisdn: int
    reason: str | None
    since: int
    until: int | None


class SuppressionList(JournalFile):
    """The list; every change is durable when its method returns."""

    def add(self, msisdns: Sequence[int], *, reason: str | None, until: int | None) -> int:
        """Put the numbers on the list, or give those that are on it the new reason and end; how many are new.

        A number is never freed earlier by being added again: of two ends the later one counts.
        """
        rows = [(number, reason, now(), until) for number in msisdns]
        with self._transaction():
            self._db.execute("DELETE FROM suppressions WHERE until <= ?", (now(),))
            (before,) = self._db.execute("SELECT count(*) FROM suppressions").fetchone()
            self._db.executemany(
                "INSERT INTO suppressions VALUES (?, ?, ?, ?) ON CONFLICT (msisdn) DO UPDATE SET "
                "reason = coalesce(excluded.reason, reason), "
                "until = CASE WHEN until IS NULL OR excluded.until IS NULL THEN NULL "
                "ELSE max(until, excluded.until) END",
                rows,
            )
            (after,) = self._db.execute("SELECT count(*) FROM suppressions").fetchone()
        return int(after) - int(before)

    def remove(self, msisdns: Sequence[int]) -> int:
        """Take the numbers off the list; how many were on it."""
        removed = 0
        with self._transaction():
            for part in in_parts(msisdns):
                where = f"msisdn IN ({marks(part)})"
                removed += self._db.execute(f"DELETE FROM suppressions WHERE {where}", tuple(part)).rowcount
        return removed

    def entries(self) -> list[Suppression]:
        """Everything that is on the list now, by number."""
        with self._transaction(durable=False):
            rows = self._db.execute("SELECT * FROM suppressions WHERE until IS NULL OR until > ?", (now(),))
            return sorted(map(Suppression._make, rows))
