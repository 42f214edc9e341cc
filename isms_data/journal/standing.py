"""What the last record of a number is worth to a run; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class CallState(StrEnum):
    """What is known of a paid call."""

    INTENDED = "intended"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


class AnswerKind(StrEnum):
    """The last word on one item."""

    FINAL = "final"
    """The gateway's answer."""
    OPEN = "open"
    """What the gateway said so far of a message that is on its way."""
    LOST = "lost"
    """The lookup was accepted under an id that the gateway does not know any more."""
    RESEND = "resend"
    """In doubt, and the user (or the balance) said: ask, or send, again."""
    SKIP = "skip"
    """In doubt, and the user (or the balance) said: leave it."""


class Standing(StrEnum):
    """What the last record of a number is worth to a run."""

    FREE = "free"
    FRESH = "fresh"
    OPEN = "open"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"
    SENT = "sent"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True)
class Lookups:
    """What a lookup competes with: the lookups of the account, of which answers from before `oldest` do not count."""

    oldest: int
    """Microseconds."""

    operation: ClassVar[str] = "hlr"


@dataclass(frozen=True)
class Campaign:
    """What a message competes with: the messages of its campaign."""

    name: str

    operation: ClassVar[str] = "send"


Scope = Lookups | Campaign


class Item(NamedTuple):
    """The last record of one number, with its call and its answer."""

    msisdn: int
    item_id: int
    call_id: int
    state: str
    run_id: str
    message_id: str | None
    intended_at: int
    problem: str | None
    kind: str | None
    answered_at: int | None
    reply: str | None
    scheduled_for: int | None
    transport: str | None


Standings = dict[int, tuple[Standing, Item | None]]
"""How numbers stand, each with its last record where there is one."""


def standing(item: Item, scope: Scope, *, mine: str, alive: Mapping[str, bool]) -> Standing:
    """What the last record of a number is worth to the run `mine`.

    `alive` names the runs that live, and whether each renews its lease.
    """
    if isinstance(scope, Campaign):
        return _of_message(item, mine=mine, alive=alive)
    return _of_lookup(item, oldest=scope.oldest, mine=mine, alive=alive)


def _of_lookup(item: Item, *, oldest: int, mine: str, alive: Mapping[str, bool]) -> Standing:
    """An answer to a run's own call is fresh for that run, whatever the clock says.

    What a living run means to pay for is its own; what it has paid for may be asked about by others too once it does
    not renew its lease.
    """
    if item.kind == AnswerKind.LOST:
        return Standing.IN_DOUBT
    if item.kind == AnswerKind.RESEND:
        return Standing.FREE
    if item.answered_at is not None:
        kept = Standing.FRESH if item.kind == AnswerKind.FINAL else Standing.SKIPPED
        return kept if item.answered_at >= oldest or item.run_id == mine else Standing.FREE
    if item.state == CallState.ACCEPTED:
        others = item.run_id != mine and item.run_id in alive
        return Standing.HELD if others and alive[item.run_id] else Standing.OPEN
    return _unanswered(item, mine=mine, alive=alive)


def _of_message(item: Item, *, mine: str, alive: Mapping[str, bool]) -> Standing:
    """What was accepted is sent for ever, even where it was decided before that it should be sent again."""
    if item.state == CallState.ACCEPTED:
        return Standing.SENT
    if item.kind == AnswerKind.RESEND:
        return Standing.FREE
    if item.kind == AnswerKind.SKIP:
        return Standing.SKIPPED
    return _unanswered(item, mine=mine, alive=alive)


def _unanswered(item: Item, *, mine: str, alive: Mapping[str, bool]) -> Standing:
    held = item.state == CallState.INTENDED and item.run_id != mine and item.run_id in alive
    return Standing.HELD if held else Standing.IN_DOUBT
