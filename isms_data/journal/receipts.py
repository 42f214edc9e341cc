"""SMPP receipts as they came in, and what they say of the parts of messages.

What must change together. A receipt names the part of a message by the id that the submit_sm got, spelled as it was,
or in hexadecimal where it was decimal, or the other way round: as it was is believed first, another spelling only where
the number is the same too. Where the response with the id was lost, number and `user_message_reference` (which every
submit_sm carries, and which a receipt repeats) name the part, and prove that it was accepted. A receipt that fits no
part is kept, and tried again when ids become known: it may have been quicker than the response. A message is delivered
when each of its parts is, and has failed when one has.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.journal.answers import KEEP_ANSWER
from isms_data.journal.connection import JournalConnection, transaction
from isms_data.journal.file import in_parts
from isms_data.journal.reports import NEXT_REPORT, PROVEN
from isms_data.journal.standing import AnswerKind, CallState
from isms_data.transports.smpp_text import Receipt, id_spellings
from isms_data.vocabulary import OPEN_STATUSES, MessageStatus, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from isms_data.journal.database import Database
    from isms_data.journal.place import Place

REFERENCE_BITS: Final = 0xFFFF
"""`user_message_reference` holds the lower 16 bits of the sequence number."""

MOST_DIGITS: Final = 15
"""Of a number, by E.164."""

LEAST_DIGITS: Final = 7
"""A number without its country code is taken for the same number as long as it has so many digits."""


class _Part(NamedTuple):
    """One part of a message that receipts may be about."""

    call_id: int
    part: int
    message_id: str | None
    item_id: int
    msisdn: int


_BY_ID: Final = (
    "SELECT s.call_id, s.part, s.message_id, i.item_id, i.msisdn "
    "FROM segments s CROSS JOIN calls c CROSS JOIN items i "
    "WHERE s.message_id IS NOT NULL AND s.message_id {among} AND c.call_id = s.call_id AND i.item_id = c.first_id "
    "AND coalesce(c.account, '') = ?"
)
_BY_REFERENCE: Final = (
    "SELECT s.call_id, s.part, s.message_id, i.item_id, i.msisdn "
    "FROM items i CROSS JOIN calls c CROSS JOIN segments s "
    "WHERE i.msisdn = ? AND c.call_id = i.call_id AND s.call_id = c.call_id AND coalesce(c.account, '') = ? "
    "AND s.message_id IS NULL AND s.sequence & ? = ? AND coalesce(c.state, '') IN (?, ?)"
)
"""SQLite takes tables that are crossed in the order in which they stand; PostgreSQL does, as `server` sets it up;
by themselves they begin with all calls of the account, which takes a thousand times as long. `coalesce` keeps the index
of the accounts out of it."""


class ReceiptBook(JournalConnection):
    """Keeps the receipts of an account. One that was kept before changes nothing."""

    def __init__(self, place: Place, account: str) -> None:
        super().__init__(place)
        self._account = account

    @transaction()
    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Keep the receipts, durably and all together.

        Raises
        ------
        JournalError   they cannot be written; then none of them is kept.
        """
        self._db.check(room=True)
        at = self._db.now()
        for receipt in receipts:
            report_id = self._is_new(receipt, at)
            if report_id is not None:
                _attribute(self._db, self._account, report_id, receipt, at)

    def _is_new(self, receipt: Receipt, at: int) -> int | None:
        """Write the receipt itself down; None where it was there."""
        fields = json.dumps(receipt._asdict())
        digest = blake2b(f"{self._account}\n{fields}".encode(), digest_size=16).digest()
        found = self._db.execute(
            "INSERT INTO reports (report_id, digest, received_at, reference, status, fields, account) "
            f"VALUES ({NEXT_REPORT}, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (digest) DO NOTHING RETURNING report_id",
            (digest, at, receipt.message_id, receipt.status, fields, self._account),
        ).fetchone()
        return found and int(found[0])


def match_early(db: Database, account: str, message_ids: Iterable[str]) -> None:
    """These ids are known from now on: attribute the receipts that came before."""
    waiting = "FROM reports WHERE account = ? AND item_id IS NULL"
    if db.execute(f"SELECT 1 {waiting} LIMIT 1", (account,)).fetchone() is None:
        return
    spelled = [spelling for message_id in message_ids for spelling in id_spellings(message_id)]
    for part in in_parts(spelled):
        rows = db.execute(
            f"SELECT report_id, fields, received_at {waiting} AND reference {db.among(part)} ORDER BY report_id",
            (account, *db.given(part)),
        )
        for report_id, fields, received_at in rows.fetchall():
            _attribute(db, account, report_id, _read(fields), received_at)


def _read(fields: str) -> Receipt:
    """A receipt as it was kept."""
    kept = json.loads(fields)
    status = kept["status"] and MessageStatus(kept["status"])
    return Receipt(**(kept | {"status": status}))


def _attribute(db: Database, account: str, report_id: int, receipt: Receipt, at: int) -> None:
    """Find the part that the receipt is about, and keep what it says of it and of its message."""
    part = _by_id(db, account, receipt) or _by_reference(db, account, receipt)
    if part is None:
        return
    db.execute("UPDATE reports SET item_id = ? WHERE report_id = ?", (part.item_id, report_id))
    if part.message_id is None:
        _prove(db, part, receipt.message_id)
    if receipt.status is not None:
        db.execute(
            "UPDATE segments SET status = ?, detail = ? WHERE call_id = ? AND part = ? "
            f"AND (status IS NULL OR status {db.among(_OPEN)})",
            (receipt.status, receipt.state, part.call_id, part.part, *db.given(_OPEN)),
        )
        _answer(db, part, at)


_OPEN: Final = sorted(OPEN_STATUSES)


def _by_id(db: Database, account: str, receipt: Receipt) -> _Part | None:
    spelled = id_spellings(receipt.message_id)
    rows = db.execute(_BY_ID.format(among=db.among(spelled)), (*db.given(spelled), account))
    found = [part for part in map(_Part._make, rows.fetchall()) if _may_be(receipt.msisdn, part.msisdn)]
    as_it_is = [part for part in found if part.message_id == receipt.message_id]
    respelled = [part for part in found if receipt.msisdn]
    return _only(as_it_is) or (None if as_it_is else _only(respelled))


def _by_reference(db: Database, account: str, receipt: Receipt) -> _Part | None:
    """The part whose id is not known, because its response was lost or has not come."""
    number = receipt.msisdn
    is_number = number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS
    if receipt.reference is None or not receipt.message_id or not is_number:
        return None
    rows = db.execute(
        _BY_REFERENCE,
        (
            *(int(number), account, REFERENCE_BITS, receipt.reference),
            *(CallState.INTENDED, CallState.IN_DOUBT),
        ),
    )
    return _only(list(map(_Part._make, rows.fetchall())))


def _only(parts: Sequence[_Part]) -> _Part | None:
    """The one that there is; of several none, because nobody can tell which is meant."""
    return parts[0] if len(parts) == 1 else None


def _may_be(named: str, msisdn: int) -> bool:
    """Whether a receipt that names this number, or none, can be about that one; some leave out the country code."""
    number = str(msisdn)
    return named in {"", number} or (len(named) >= LEAST_DIGITS and number.endswith(named.lstrip("0")))


def _prove(db: Database, part: _Part, message_id: str) -> None:
    """The part was accepted under this id; where each part of its message was, the message was."""
    db.execute(
        "UPDATE segments SET message_id = ? WHERE call_id = ? AND part = ?", (message_id, part.call_id, part.part)
    )
    db.execute(
        "UPDATE calls SET state = ?, problem = ?, message_id = "
        "(SELECT message_id FROM segments WHERE call_id = calls.call_id AND part = 0) "
        "WHERE call_id = ? AND state IN (?, ?) "
        "AND NOT EXISTS (SELECT 1 FROM segments WHERE call_id = calls.call_id AND message_id IS NULL)",
        (CallState.ACCEPTED, PROVEN, part.call_id, CallState.INTENDED, CallState.IN_DOUBT),
    )


def _answer(db: Database, part: _Part, at: int) -> None:
    """What the parts say together is the state of the message."""
    said = db.execute("SELECT status, detail FROM segments WHERE call_id = ?", (part.call_id,)).fetchall()
    failed = next((each for each in said if each[0] == MessageStatus.FAILED), None)
    waiting = next((each for each in said if each[0] != MessageStatus.DELIVERED), None)
    status, detail = failed or waiting or said[0]
    kind = AnswerKind.FINAL if failed or not waiting else AnswerKind.OPEN
    status = status if kind is AnswerKind.FINAL else MessageStatus.PENDING
    db.execute(KEEP_ANSWER, (part.item_id, kind, at, status, Source.RECEIPT, detail))
