"""What the journal takes and gives: a paid call that is to be made, one that was, what is known of its numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.journal.standing import Standings


class Message(NamedTuple):
    """What a call that sends has beyond the rest."""

    reference: str
    """What its dlr-url names it by."""
    sender: str
    text: str
    coding: str
    flash: bool
    scheduled_for: int | None
    """Microseconds; None for at once, and where only the gateway knows."""
    schedule: str | None
    transport: str


class Parts(NamedTuple):
    """The parts of a message that goes by SMPP: so many, with sequence numbers from the first one on."""

    session: str
    sequence: int
    number: int


class Asked(NamedTuple):
    """One paid call that is to be made."""

    msisdns: Sequence[int]
    units: int = 1
    """What each number costs, in units of the price."""
    message: Message | None = None
    """None for lookups."""
    parts: Parts | None = None
    """Only over SMPP, where a call has one number."""


class Claim(NamedTuple):
    """A call that may now be made, with these numbers."""

    call_id: int
    first_id: int
    taken: list[int]
    asked: Asked
    earlier: int = 0
    """Over SMPP, how many records its number had before: it tells one message to it from the next."""


class Claimed(NamedTuple):
    """What a claim took, and how the other numbers stand."""

    calls: list[Claim]
    others: Standings
    """Numbers that were not free after all: another run was quicker, or they may not be written to."""


class Accepted(NamedTuple):
    """A call was accepted under this id; over SMPP each of its parts has one, and the first stands for all."""

    call_id: int
    message_id: str
    part_ids: Sequence[str | None] = ()


class Doubt(NamedTuple):
    """One item that may have been paid for, with what is known of its call."""

    msisdn: int
    item_id: int
    call_id: int
    operation: str
    state: str
    label: str | None
    intended_at: int
    price: str
    units: int
    problem: str | None

    @property
    def cost(self) -> Decimal:
        """What it has cost, in credits, if it was charged."""
        return Decimal(self.price) * self.units


class Sent(NamedTuple):
    """One message of a campaign, as far as its call was not refused, with the last word on it."""

    item_id: int
    msisdn: int
    state: str
    run_id: str
    message_id: str | None
    submitted_at: int
    problem: str | None
    segments: int
    sender: str
    text: str
    coding: str
    flash: int
    scheduled_for: int | None
    transport: str
    kind: str | None
    answered_at: int | None
    reply: str | None
    source: str | None
    detail: str | None
