"""The seven pages of the gateway, as the provider documents them.

Each page is a function from one call to the text of its reply, and checks in the order in which the provider lists the
errors of that page; authentication has passed before. A parameter that is there and empty counts as missing, as in PHP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.simulator.accounts import is_sender
from isms_data.simulator.chance import Lot
from isms_data.simulator.ledger import Charge, ChargeKind, Contact, Lookup, Message
from isms_data.simulator.networks import range_of
from isms_data.simulator.schedules import scheduled_at
from isms_data.simulator.segments import parts
from isms_data.simulator.world import LOOKUP_ID, MESSAGE_ID
from isms_data.vocabulary import (
    CREDITS,
    CREDITS_MARK,
    DELETE_CONTACT,
    FAILED_CONTACT,
    HLR,
    HLR_QUERY,
    ID_MARK,
    OK_WORD,
    OK_WORD_GREEK,
    QUERY,
    SAVE_CONTACT,
    SEND,
    STATUS_MARK,
    Coding,
    ErrorSentence,
    MessageStatus,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from isms_data.simulator.accounts import Account
    from isms_data.simulator.world import Key, World

QUEUED_SHARE: Final = 0.2
"""So much of its latency an answer is `Queued`; for the rest it is `Pending`."""


class Refused(Exception):
    """The call is answered with an error sentence; nothing has changed."""

    def __init__(self, sentence: ErrorSentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call."""

    world: World
    account: Account
    params: Mapping[str, str]
    number: int
    at: float
    transport: Transport = Transport.HTTP

    def __getitem__(self, name: str) -> str:
        return self.params.get(name, "")


class _Order(NamedTuple):
    """What the messages of one call have in common beyond its parameters."""

    call_id: str
    coding: Coding
    parts: tuple[str, ...]
    scheduled_for: float | None


def credits_page(call: Call) -> str:
    """credits.php."""
    return f"{CREDITS_MARK}{call.account.shown_balance}"


def send_page(call: Call) -> str:
    """send.php: one id for the whole call, each number its own message; a number given twice gets two."""
    recipients = _list(call, "to")
    if not is_sender(call["from"]):
        raise Refused(ErrorSentence.INVALID_SENDER)
    coding = Coding.UTF8 if call["coding"] == Coding.UTF8 else Coding.GSM
    segments = tuple(parts(call["message"], coding))
    price = call.account.price_per_segment * len(segments)
    _afford(call, price * len(recipients))
    scheduled = _schedule(call)
    order = _Order(call.world.new_id(MESSAGE_ID), coding, segments, scheduled)
    for msisdn in recipients:
        message = _message(call, order, msisdn)
        call.world.accept_message(message)
        _charge(call, message, price)
    return f"{ID_MARK}{order.call_id}"


def query_page(call: Call) -> str:
    """query.php."""
    message = call.world.messages.get(_key(call))
    if message is None:
        raise Refused(ErrorSentence.NO_SUCH_MESSAGE)
    return f"{STATUS_MARK} {phase(message, call.at) or message.status}"


def hlr_page(call: Call) -> str:
    """hlr.php: every number is charged when the call is accepted, the dead and the repeated too."""
    mobiles = _list(call, "mobiles")
    price = call.account.price_per_lookup
    _afford(call, price * len(mobiles))
    call_id = call.world.new_id(LOOKUP_ID)
    for msisdn in mobiles:
        lookup = _lookup(call, call_id, msisdn)
        call.world.accept_lookup(lookup)
        _charge(call, lookup, price)
    return f"{ID_MARK}{call_id}"


def hlr_query_page(call: Call) -> str:
    """hlrquery.php."""
    lookup = call.world.lookups.get(_key(call))
    if lookup is None:
        raise Refused(ErrorSentence.NO_SUCH_LOOKUP)
    return phase(lookup, call.at) or lookup.reply


def save_contact_page(call: Call) -> str:
    """savecontact.php: a mobile that is there already gets the new names. FAILED: a parameter is missing."""
    mobile = _contact_mobile(call)
    if not (call["surname"] and call["name"] and "comments" in call.params):
        return FAILED_CONTACT
    contact = Contact(call.account.username, mobile, call["surname"], call["name"], call["comments"], call.at)
    call.world.ledger.contacts[call.account.username, mobile] = contact
    return _ok(call, mobile)


def delete_contact_page(call: Call) -> str:
    """deletecontact.php. FAILED: there is no such contact."""
    mobile = _contact_mobile(call)
    deleted = call.world.ledger.contacts.pop((call.account.username, mobile), None)
    return _ok(call, mobile) if deleted else FAILED_CONTACT


PAGES: Final[dict[str, Callable[[Call], str]]] = {
    CREDITS.page: credits_page,
    SEND.page: send_page,
    QUERY.page: query_page,
    HLR.page: hlr_page,
    HLR_QUERY.page: hlr_query_page,
    SAVE_CONTACT.page: save_contact_page,
    DELETE_CONTACT.page: delete_contact_page,
}


def phase(entry: Lookup | Message, now: float) -> MessageStatus | None:
    """`Queued`, then `Pending`, then None: the answer is there."""
    if now < entry.pending_at:
        return MessageStatus.QUEUED
    return MessageStatus.PENDING if now < entry.final_at else None


def _list(call: Call, name: str) -> list[str]:
    """The numbers of a list as they are written; nothing between two commas is no number."""
    numbers = [number for number in call[name].split(",") if number]
    if not numbers:
        raise Refused(ErrorSentence.NO_RECIPIENTS)
    return numbers


def _afford(call: Call, price: Decimal) -> None:
    if price > call.account.balance:
        raise Refused(ErrorSentence.INSUFFICIENT_CREDITS)


def _schedule(call: Call) -> float | None:
    """When a message is to leave; None: at once, as for a moment that has passed."""
    if not call["schedule"]:
        return None
    moment = scheduled_at(call["schedule"], call.at)
    if moment is None:
        raise Refused(ErrorSentence.INVALID_SCHEDULE)
    return moment


def _charge(call: Call, entry: Lookup | Message, amount: Decimal) -> None:
    kind, text = (ChargeKind.MESSAGE, entry.text) if isinstance(entry, Message) else (ChargeKind.LOOKUP, None)
    call.account.spent += amount
    call.world.ledger.charges.append(
        Charge(call.number, call.at, entry.account, kind, entry.call_id, entry.msisdn, amount, text)
    )


def _lookup(call: Call, call_id: str, msisdn: str) -> Lookup:
    asked = call.world.subscriber(msisdn)
    latency = asked.lookup_latency * call.world.median_latency_s
    return Lookup(
        account=call.account.username,
        call_id=call_id,
        msisdn=msisdn,
        accepted_at=call.at,
        pending_at=call.at + QUEUED_SHARE * latency,
        final_at=call.at + latency,
        reply=asked.reply,
    )


def _message(call: Call, order: _Order, msisdn: str) -> Message:
    recipient = call.world.subscriber(msisdn)
    latency = recipient.message_latency * call.world.median_latency_s
    leaves_at = call.at if order.scheduled_for is None else max(call.at, order.scheduled_for)
    return Message(
        account=call.account.username,
        call_id=order.call_id,
        msisdn=msisdn,
        sender=call["from"],
        text=call["message"],
        coding=order.coding,
        parts=order.parts,
        flash=call["flash"] == "1",
        accepted_at=call.at,
        scheduled_for=order.scheduled_for,
        pending_at=leaves_at + QUEUED_SHARE * latency,
        final_at=leaves_at + latency,
        status=recipient.message_status,
        dlr_url=call["dlr-url"],
        transport=call.transport,
    )


def _key(call: Call) -> Key:
    """What a status question asks for; only the account that made a call can ask."""
    if not call["mid"]:
        raise Refused(ErrorSentence.NO_MESSAGE_ID)
    if not call["mobile"]:
        raise Refused(ErrorSentence.NO_MOBILE)
    return call.account.username, call["mid"], call["mobile"]


def _contact_mobile(call: Call) -> str:
    if not call["mobile"]:
        raise Refused(ErrorSentence.EMPTY_MOBILE)
    place = range_of(call["mobile"])
    if place is None or not place.mobile:
        raise Refused(ErrorSentence.INVALID_MOBILE)
    return call["mobile"]


def _ok(call: Call, mobile: str) -> str:
    """The page types its OK with Greek capitals; half of the numbers get it so, the others in Latin."""
    return OK_WORD_GREEK if Lot(call.world.seed, mobile).share("greek ok") < 0.5 else OK_WORD
