"""Persons taken out of the journal, of every account in it, so that its file holds nothing of them any more.

What goes: a number's items and answers; its reports, raw fields included; its contact; and the text of a call once
nobody is left of those that it went to. What stays says nothing of the person: that a call was made, when, for how
many numbers, at what price, so that the sums of the balance stay right. The suppression list is another thing
(`suppression`).

What must change together. Ids of items and reports are counted on from the highest, and calls know their items by a
range of ids; so the highest id is never freed: behind it comes an entry that names nobody. `mentioned` looks through
every column that may hold a text that is not ours.
"""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from isms_data.cleaning.mentions import Texts
from isms_data.journal.connection import JournalConnection, transaction
from isms_data.journal.file import AT_ONCE
from isms_data.journal.standing import AnswerKind, CallState, Campaign
from isms_data.leases import LIVE, lives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from isms_data.cleaning.mentions import Mention
    from isms_data.journal.place import Place

PATIENCE_DAYS: Final = 7
"""So long after it left, a message or lookup without a last word counts as under way; networks try for two or three."""

NOBODY: Final = 0
"""The number of an item that is only there for its id."""

_TEXTS: Final = {
    "calls": ("label", "message_id", "problem"),
    "answers": ("reply",),
    "messages": ("sender", "text", "schedule"),
    "reports": ("fields",),
    "contacts": ("surname", "name", "comments"),
    "suppressions": ("reason",),
}
"""The columns that hold what others wrote."""


class Removed(NamedTuple):
    """How many records of one number were taken out."""

    lookups: int = 0
    messages: int = 0
    reports: int = 0
    contacts: int = 0


class _Open(NamedTuple):
    """An item without a last word."""

    msisdn: int
    state: str
    kind: str | None
    operation: str
    label: str | None
    left_at: int


class _Item(NamedTuple):
    item_id: int
    msisdn: int
    call_id: int
    operation: str


class Forgetting(JournalConnection):
    """The journal, opened to take persons out of it."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._db.overwrite_deleted()  # should `compact` not come

    @transaction()
    def forget(self, mentions: Sequence[Mention]) -> tuple[dict[str, Removed], dict[str, str]]:
        """Take these numbers out, durably; what was taken of each, and why others had to stay.

        A number stays wholly or goes wholly. It stays while a paid call with it is under way, in doubt, or without an
        answer that may yet come: its answer, coming later, would bring the number back.
        """
        kept = self._reasons_to_stay([int(mention.msisdn) for mention in mentions])
        leaving = [mention for mention in mentions if int(mention.msisdn) not in kept]
        items = [item for mention in leaving for item in self._items(int(mention.msisdn))]
        last_item, last_report = self._last("items", "item_id"), self._last("reports", "report_id")
        reports = self._take_reports(items, leaving)
        self._take_items(items)
        if self._last("items", "item_id") < last_item:
            self._db.execute("INSERT INTO items SELECT ?, ?, max(call_id) FROM calls", (last_item + 1, NOBODY))
        if self._last("reports", "report_id") < last_report:
            self._db.execute(
                "INSERT INTO reports (report_id, digest, received_at, reference, fields) "
                "VALUES (?, ?, ?, 'forgotten', '[]')",
                (last_report + 1, secrets.token_bytes(16), self._db.now()),
            )
        contacts = {mention.msisdn: self._take_contact(int(mention.msisdn)) for mention in leaving}
        counts = Counter((str(item.msisdn), item.operation == Campaign.operation) for item in items)
        removed = {
            number: Removed(counts[number, False], counts[number, True], reports[number], contacts[number])
            for number in reports
        }
        return removed, {str(number): reason for number, reason in kept.items()}

    def compact(self) -> None:
        """Write the file anew, so that no byte is left of what was ever deleted or overwritten in it.

        Raises
        ------
        JournalError   it cannot be; or another program is reading, so that its log cannot be emptied.
        """
        self._db.compact()

    @transaction(durable=False)
    def mentioned(self, mentions: Sequence[Mention]) -> dict[str, int]:
        """In how many texts of the journal each number is still named: messages to others, campaigns, ..."""
        found = dict.fromkeys((mention.msisdn for mention in mentions), 0)
        for table, columns in _TEXTS.items():
            with self._db.stream(f"SELECT {', '.join(columns)} FROM {table}") as rows:
                for part in _parts(text for row in rows for text in row if text is not None):
                    texts = Texts.of(pa.array(part, pa.large_string()))
                    for mention in mentions:
                        found[mention.msisdn] += int(mention.within(texts).sum())
        return found

    # Who must stay

    def _reasons_to_stay(self, numbers: Sequence[int]) -> dict[int, str]:
        """Why a number cannot be forgotten now; the weightiest reason of each."""
        a_run_lives = self._a_run_lives()
        reasons: dict[int, str] = {}
        for part in _parts(numbers):
            rows = self._db.execute(
                "SELECT i.msisdn, c.state, a.kind, c.operation, c.label, "
                "CASE WHEN m.scheduled_for > c.intended_at THEN m.scheduled_for ELSE c.intended_at END "
                "FROM items i JOIN calls c ON c.call_id = i.call_id "
                "LEFT JOIN answers a ON a.item_id = i.item_id LEFT JOIN messages m ON m.call_id = c.call_id "
                f"WHERE i.msisdn {self._db.among(part)} AND c.state <> ? "
                "AND (a.kind IS NULL OR a.kind IN (?, ?)) ORDER BY i.item_id",
                (*self._db.given(part), CallState.REFUSED, AnswerKind.OPEN, AnswerKind.LOST),
            )
            for item in map(_Open._make, rows):
                reason = _reason_to_stay(item, a_run_lives=a_run_lives, now=self._db.now())
                if reason is not None:
                    reasons.setdefault(item.msisdn, reason)
        return reasons

    def _a_run_lives(self) -> bool:
        rows = self._db.execute("SELECT run_id, host, pid, born, lease_end FROM runs WHERE ended_at IS NULL")
        here, now = self._db.here(), self._db.now()
        return any(run_id in LIVE or lives(*where, here=here, now=now) for run_id, *where in rows)

    # What goes

    def _items(self, number: int) -> list[_Item]:
        rows = self._db.execute(
            "SELECT i.item_id, i.msisdn, i.call_id, c.operation FROM items i JOIN calls c ON c.call_id = i.call_id "
            "WHERE i.msisdn = ?",
            (number,),
        )
        return list(map(_Item._make, rows))

    def _take_contact(self, number: int) -> int:
        return self._db.execute("DELETE FROM contacts WHERE mobile = ?", (number,)).rowcount

    def _last(self, table: str, column: str) -> int:
        (last,) = self._db.execute(f"SELECT max({column}) FROM {table}").fetchone()
        return last or 0

    def _take_items(self, items: Sequence[_Item]) -> None:
        """The items and their answers; of calls that nobody is left of, the text and what points to it elsewhere."""
        ids = [(item.item_id,) for item in items]
        self._db.executemany("DELETE FROM answers WHERE item_id = ?", ids)
        self._db.executemany("DELETE FROM items WHERE item_id = ?", ids)
        empty = [(call_id,) for call_id in sorted({item.call_id for item in items}) if self._is_empty(call_id)]
        self._db.executemany("DELETE FROM messages WHERE call_id = ?", empty)
        self._db.executemany("DELETE FROM segments WHERE call_id = ?", empty)
        self._db.executemany("UPDATE calls SET message_id = NULL, problem = NULL WHERE call_id = ?", empty)

    def _is_empty(self, call_id: int) -> bool:
        query = (
            "SELECT 1 FROM calls c JOIN items i ON i.item_id BETWEEN c.first_id AND c.first_id + c.numbers - 1 "
            "WHERE c.call_id = ?"
        )
        return self._db.execute(query, (call_id,)).fetchone() is None

    def _take_reports(self, items: Sequence[_Item], leaving: Sequence[Mention]) -> dict[str, int]:
        """The reports of these items, of calls to one of these numbers alone, and that name one; how many of each."""
        owners = {item.item_id: str(item.msisdn) for item in items}
        alone = self._references_of_one({item.call_id: str(item.msisdn) for item in items})
        counts = dict.fromkeys((mention.msisdn for mention in leaving), 0)
        gone: list[tuple[int]] = []
        with self._db.stream("SELECT report_id, item_id, reference, fields FROM reports") as rows:
            for part in _parts(rows):
                texts = Texts.of(pa.array([fields for *_, fields in part], pa.large_string()))
                naming = {mention.msisdn: mention.within(texts) for mention in leaving}
                for place, (report_id, item_id, reference, _) in enumerate(part):
                    named = next((number for number, flags in naming.items() if flags[place]), None)
                    owner = owners.get(item_id) or alone.get(reference) or (named if item_id is None else None)
                    if owner is not None:
                        counts[owner] += 1
                        gone.append((report_id,))
        self._db.executemany("DELETE FROM reports WHERE report_id = ?", gone)
        return counts

    def _references_of_one(self, calls: dict[int, str]) -> dict[str, str]:
        """Of the calls that went to one number, the reference and that number."""
        found: dict[str, str] = {}
        for part in _parts(calls):
            rows = self._db.execute(
                "SELECT m.reference, m.call_id FROM messages m JOIN calls c ON c.call_id = m.call_id "
                f"WHERE c.numbers = 1 AND m.call_id {self._db.among(part)}",
                self._db.given(part),
            )
            found |= {reference: calls[call_id] for reference, call_id in rows}
        return found


def _reason_to_stay(item: _Open, *, a_run_lives: bool, now: int) -> str | None:
    """Why the number of this item cannot be forgotten now; None where it can."""
    named = "settle()" if item.operation != Campaign.operation else f"settle({item.label!r})"
    if item.state == CallState.INTENDED:
        return f"a paid call with it is under way or was cut off: when no run goes on, isms.{named} shows it"
    if item.state == CallState.IN_DOUBT or item.kind == AnswerKind.LOST:
        return f"a paid call with it is in doubt: decide it with isms.{named}, then forget the number"
    until = item.left_at + PATIENCE_DAYS * 86_400_000_000
    if not a_run_lives and until < now:
        return None
    what = "message" if item.operation == Campaign.operation else "lookup"
    again = "delivery_status" if item.operation == Campaign.operation else "hlr_lookup"
    end = datetime.fromtimestamp(until / 1_000_000, UTC)
    return (
        f"its {what} has no last word yet, which would bring the number back: call {again} until it is final, or "
        f"forget the number after {end:%Y-%m-%d %H:%M} UTC, while no run goes on"
    )


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The values in lists that are not too long."""
    rest = iter(values)
    while part := list(islice(rest, AT_ONCE)):
        yield part
