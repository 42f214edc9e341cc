"""Delivery reports as they came in, and what they say of the messages they name.

What must change together. A report is believed for the one message that its call (named by the signed reference) and
its number single out, and where it names an id, only under the id of that call. Whatever it says, its coming proves
that the gateway accepted the call: what was in doubt is so no more. What cannot be attributed or read is kept too, and
where it is about a message that can be singled out, the gateway can be asked about that one.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.journal.answers import KEEP_ANSWER
from isms_data.journal.connection import JournalConnection, transaction
from isms_data.journal.standing import AnswerKind, CallState
from isms_data.vocabulary import OPEN_STATUSES, MessageStatus, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

PROVEN: Final = "its reply did not say so; a delivery report proved that it was accepted"


NEXT_REPORT: Final = "(SELECT coalesce(max(report_id), 0) + 1 FROM reports)"
"""The id of a new report; one more than the highest, in every engine."""


class Report(NamedTuple):
    """One report whose token was right."""

    reference: str
    """Of the call, from the token."""
    msisdn: int | None
    message_id: str | None
    status: MessageStatus | None
    """None where it cannot be read."""
    fields: str
    """All that it carried, as JSON; two reports with the same are the same report."""
    received_at: int


class Attributed(NamedTuple):
    """The message that a report was found to belong to: what there is to ask the gateway for."""

    account: str
    item_id: int
    message_id: str
    msisdn: int


class Belief(StrEnum):
    """What a report was taken for."""

    BELIEVED = "believed"
    REPEATED = "repeated"
    """It was kept before, and changes nothing."""
    UNREADABLE = "unreadable"
    """Of a call of ours; what it says, or of which number, cannot be made out."""
    DISBELIEVED = "disbelieved"
    """At odds with the journal: another number or id than the call's, or a call that is not in this journal."""


class Kept(NamedTuple):
    """What became of a report."""

    belief: Belief
    ask: Attributed | None = None
    """The message that the gateway should be asked about instead."""


class _Call(NamedTuple):
    call_id: int
    state: str
    account: str
    message_id: str | None
    first_id: int
    numbers: int


class _Item(NamedTuple):
    item_id: int
    msisdn: int


class ReportBook(JournalConnection):
    """Keeps reports. A report that was kept before changes nothing."""

    @transaction()
    def keep(self, reports: Sequence[Report]) -> list[Kept]:
        """Keep the reports, durably and all together; what each was taken for.

        Raises
        ------
        JournalError   they cannot be written; then none of them is kept.
        """
        self._db.check(room=False)
        return [self._keep(report) for report in reports]

    @transaction(durable=False)
    def answered(self, message: Attributed, status: MessageStatus) -> None:
        """Keep what the gateway says of a message, asked because its report could not be believed."""
        self._db.check(room=False)
        self._answer(message.item_id, status, self._db.now(), Source.POLL)

    @transaction()
    def check(self) -> None:
        """Try whether reports can be kept: write one that is gone when this returns.

        Raises
        ------
        JournalError   they cannot.
        """
        self._db.check(room=False)
        self._is_new(Report("", None, None, None, "", self._db.now()), None)
        self._db.execute("DELETE FROM reports WHERE reference = ''")

    def _keep(self, report: Report) -> Kept:
        call = self._call(report.reference)
        item = call and self._item(report, call)
        fits = call is not None and report.message_id in {None, call.message_id or report.message_id}
        if not self._is_new(report, item if fits else None):
            return Kept(Belief.REPEATED)
        if call is None:
            return Kept(Belief.DISBELIEVED)
        if not fits or (item is None and report.msisdn is not None):
            return Kept(Belief.DISBELIEVED, self._to_ask(report, call, item))
        if call.state != CallState.ACCEPTED:
            self._prove(call, report.message_id)
        if item is None or report.status is None:
            return Kept(Belief.UNREADABLE, self._to_ask(report, call, item))
        self._answer(item.item_id, report.status, report.received_at, Source.REPORT)
        return Kept(Belief.BELIEVED)

    def _call(self, reference: str) -> _Call | None:
        found = self._db.execute(
            "SELECT c.call_id, c.state, c.account, c.message_id, c.first_id, c.numbers FROM messages m "
            "JOIN calls c ON c.call_id = m.call_id WHERE m.reference = ?",
            (reference,),
        ).fetchone()
        return found and _Call._make(found)

    def _item(self, report: Report, call: _Call) -> _Item | None:
        """The item that the report is about; None where it names none of several, or one of another call."""
        within = (call.first_id, call.first_id + call.numbers - 1)
        query = "SELECT item_id, msisdn FROM items WHERE item_id BETWEEN ? AND ?"
        if report.msisdn is not None:
            found = self._db.execute(f"{query} AND msisdn = ?", (*within, report.msisdn)).fetchone()
        elif call.numbers == 1:
            found = self._db.execute(query, within).fetchone()
        else:
            found = None
        return found and _Item._make(found)

    def _is_new(self, report: Report, item: _Item | None) -> bool:
        """Write the report itself down; False where it was there."""
        digest = blake2b(f"{report.reference}\n{report.fields}".encode(), digest_size=16).digest()
        row = (digest, report.received_at, report.reference, item and item.item_id, report.status, report.fields)
        written = self._db.execute(
            f"INSERT INTO reports (report_id, digest, received_at, reference, item_id, status, fields) "
            f"VALUES ({NEXT_REPORT}, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (digest) DO NOTHING",
            row,
        )
        return written.rowcount == 1

    def _prove(self, call: _Call, message_id: str | None) -> None:
        """A report has come for a call that was not known to be accepted: the gateway has accepted it.

        It may be quicker than the reply, which then brings the id.
        """
        problem = None if call.state == CallState.INTENDED else PROVEN
        self._db.execute(
            "UPDATE calls SET state = ?, message_id = coalesce(message_id, ?), problem = ? WHERE call_id = ?",
            (CallState.ACCEPTED, message_id, problem, call.call_id),
        )

    def _answer(self, item_id: int, status: MessageStatus, at: int, source: Source) -> None:
        kind = AnswerKind.OPEN if status in OPEN_STATUSES else AnswerKind.FINAL
        self._db.execute(KEEP_ANSWER, (item_id, kind, at, status, source, None))

    def _to_ask(self, report: Report, call: _Call, item: _Item | None) -> Attributed | None:
        """The message to ask about, where one is singled out whose id is known and whose end is not."""
        message_id = call.message_id or report.message_id
        if item is None or message_id is None or self._is_final(item.item_id):
            return None
        return Attributed(call.account, item.item_id, message_id, item.msisdn)

    def _is_final(self, item_id: int) -> bool:
        query = "SELECT 1 FROM answers WHERE item_id = ? AND kind = ?"
        return self._db.execute(query, (item_id, AnswerKind.FINAL)).fetchone() is not None
