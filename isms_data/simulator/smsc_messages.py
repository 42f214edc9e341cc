"""Short messages as the SMSC keeps them, and what becomes of them: the fates of HTTP in the words of SMPP."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.simulator.ledger import Message
from isms_data.simulator.pages import QUEUED_SHARE
from isms_data.simulator.smsc_codec import read_submit
from isms_data.simulator.smsc_faults import SmscFault
from isms_data.simulator.smsc_text import Part
from isms_data.simulator.subscribers import Kind
from isms_data.vocabulary import MessageStatus, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.simulator.ledger import Segment
    from isms_data.simulator.smsc_codec import Submit
    from isms_data.simulator.smsc_receipts import Receipt
    from isms_data.simulator.smsc_rules import Order
    from isms_data.simulator.smsc_text import Content
    from isms_data.simulator.subscribers import MessageFate


class State(IntEnum):
    """message_state (5.2.28)."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


FAILURES: Final = {Kind.ABSENT: State.EXPIRED, Kind.NONSENSE: State.REJECTED}
"""How a message that is not delivered ends; to the other kinds it is undeliverable."""

SYSTEM_FAILURE: Final = 34
ERRORS: Final = {
    Kind.ABSENT: 27,
    Kind.BARRED: 13,
    Kind.NO_SMS_SERVICE: 11,
    Kind.DEAD: 1,
    Kind.NOT_MOBILE: 1,
    Kind.NONSENSE: 1,
}
"""The MAP error (3GPP TS 29.002) of a message that is not delivered; the other kinds have a system failure."""

ALONE: Final = Part("alone", 0, 1, 1)
"""A short message that names no part is all of its message."""


class Arrival(NamedTuple):
    """One submit_sm that may be taken, and the fault that is due for it."""

    at: float
    body: bytes
    submit: Submit
    order: Order
    fault: SmscFault | None

    @property
    def part(self) -> Part:
        """Which part of a message it is."""
        return self.order.content.part or ALONE


class Fate(NamedTuple):
    """When a message leaves, is on its way and final, and what it is then."""

    leaves_at: float
    pending_at: float
    final_at: float
    state: State
    error: int


@dataclass(slots=True, eq=False)
class Kept:
    """One short message: what came, how it is called in receipts, what becomes of it, and the receipts to come.

    What can be read again in `segment.body` is, so that a million of them fit in the memory.
    """

    segment: Segment
    receipt_id: str
    scheduled_for: float | None
    fate: Fate
    receipts: tuple[Receipt, ...] = ()

    @property
    def submit(self) -> Submit:
        """What came, read again."""
        return read_submit(self.segment.body)

    def state_at(self, now: float) -> State:
        """The state at a moment."""
        return self.fate.state if now >= self.fate.final_at else State.ENROUTE


def fate(arrival: Arrival, recipient: MessageFate, median_latency_s: float) -> Fate:
    """What becomes of a short message."""
    leaves_at = arrival.order.scheduled_for or arrival.at
    final_at = leaves_at + recipient.latency * median_latency_s
    delivered = recipient.status is MessageStatus.DELIVERED and arrival.fault is not SmscFault.UNDELIVERABLE
    state = State.DELIVERED if delivered else FAILURES.get(recipient.kind, State.UNDELIVERABLE)
    expires_at = arrival.order.expires_at
    if expires_at is not None and final_at > expires_at:
        state, final_at = State.EXPIRED, expires_at
    if arrival.fault is SmscFault.RECEIPT_FIRST:
        leaves_at = final_at = arrival.at
    error = 0 if state is State.DELIVERED else ERRORS.get(recipient.kind, SYSTEM_FAILURE)
    return Fate(leaves_at, leaves_at + QUEUED_SHARE * (final_at - leaves_at), final_at, state, error)


def whole(parts: Sequence[tuple[Kept, Content]]) -> Message:
    """The message that these parts are, in the order of its text: delivered when all of them are."""
    first, content = parts[0]
    segment = first.segment
    fates = [kept.fate for kept, _content in parts]
    segments = [shown for _kept, content in parts for shown in content.segments]
    delivered = all(each.state is State.DELIVERED for each in fates)
    return Message(
        account=segment.account,
        call_id=segment.message_id,
        msisdn=segment.msisdn,
        sender=segment.sender,
        text="".join(segments),
        coding=content.coding,
        parts=tuple(segments),
        flash=content.flash,
        accepted_at=max([kept.segment.at for kept, _content in parts]),
        scheduled_for=first.scheduled_for,
        pending_at=max([each.pending_at for each in fates]),
        final_at=max([each.final_at for each in fates]),
        status=MessageStatus.DELIVERED if delivered else MessageStatus.FAILED,
        dlr_url="",
        transport=Transport.SMPP,
        segment_ids=tuple([kept.segment.message_id for kept, _content in parts]),
    )
