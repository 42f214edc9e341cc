"""The lasting list of numbers that no message may go to; of the journal, so it holds for every account and campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from isms_data.journal.connection import JournalConnection, transaction
from isms_data.journal.file import in_parts

if TYPE_CHECKING:
    from collections.abc import Sequence


class Suppression(NamedTuple):
    """One number, why it is on the list, and for how long (microseconds; None: for ever)."""

    msisdn: int
    reason: str | None
    since: int
    until: int | None


class SuppressionList(JournalConnection):
    """The list; every change is durable when its method returns."""

    @transaction()
    def add(self, msisdns: Sequence[int], *, reason: str | None, until: int | None) -> int:
        """Put the numbers on the list, or give those that are on it the new reason and end; how many are new.

        A number is never freed earlier by being added again: of two ends the later one counts.
        """
        rows = [(number, reason, self._db.now(), until) for number in msisdns]
        self._db.execute("DELETE FROM suppressions WHERE until <= ?", (self._db.now(),))
        (before,) = self._db.execute("SELECT count(*) FROM suppressions").fetchone()
        self._db.executemany(
            "INSERT INTO suppressions VALUES (?, ?, ?, ?) ON CONFLICT (msisdn) DO UPDATE SET "
            "reason = coalesce(excluded.reason, suppressions.reason), "
            "until = CASE WHEN suppressions.until IS NULL OR excluded.until IS NULL THEN NULL "
            "WHEN suppressions.until > excluded.until THEN suppressions.until ELSE excluded.until END",
            rows,
        )
        (after,) = self._db.execute("SELECT count(*) FROM suppressions").fetchone()
        return int(after) - int(before)

    @transaction()
    def remove(self, msisdns: Sequence[int]) -> int:
        """Take the numbers off the list; how many were on it."""
        removed = 0
        for part in in_parts(msisdns):
            where = f"msisdn {self._db.among(part)}"
            removed += self._db.execute(f"DELETE FROM suppressions WHERE {where}", self._db.given(part)).rowcount
        return removed

    @transaction(durable=False)
    def entries(self) -> list[Suppression]:
        """Everything that is on the list now, by number."""
        rows = self._db.execute("SELECT * FROM suppressions WHERE until IS NULL OR until > ?", (self._db.now(),))
        return sorted(map(Suppression._make, rows))
