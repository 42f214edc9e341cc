"""The messages of a campaign over SMPP: each part of each is a submit_sm, its number journaled before it is written.

What must change together. A part leaves with the session and the sequence number that the claim wrote down, or not at
all: a session that has ended meanwhile says so, and the message is claimed anew. What a message comes to is read from
its parts: all accepted is accepted; all refused is refused; a part of which nothing is known makes it in doubt, and so
does a part that was refused for good beside one that was accepted, because the message must not be sent whole again.
A part that was only put off leaves again by itself, under a new number that is written down first.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from isms_data.errors import (
    ConfigurationError,
    GatewayError,
    GatewayUnavailable,
    InvalidSchedule,
    JournalError,
    ProtocolError,
    ReplyLost,
)
from isms_data.journal.receipts import REFERENCE_BITS, ReceiptBook
from isms_data.journal.records import Parts
from isms_data.journal.shares import Limit
from isms_data.sharing import shared
from isms_data.submitting import Paid, Text
from isms_data.transports.smpp import Outgoing, SmppGateway, submit_body
from isms_data.transports.smpp_pdu import Tag, Tlv
from isms_data.transports.smpp_text import absolute_time, wires
from isms_data.vocabulary import Coding

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from isms_data.journal.records import Claim
    from isms_data.runs import Run
    from isms_data.transports.smpp_text import Receipt, Wire

SMPP: Final = "smpp"
"""What the journal calls the messages that leave in a second."""

SETTLE_S: Final = 1.2
"""The second over which a gateway counts, and a bit for what is still on its way."""

LOAD: Final = 100
"""Messages that are claimed together, at most: a flush of the disk serves all of them."""

LOADS_A_SECOND: Final = 10
"""At a low rate fewer are, so that what is claimed leaves soon: at a crash it is in doubt."""

GATHERED: Final = 10
"""Answers, and receipts, wait for each other as long as so many messages take to leave: one flush of the disk serves
them. At 700 a second that is 14 ms, and saves a third of the processor's time."""

ANY_LENGTH: Final = 1 << 30
"""The room for numbers, in bytes, where there is no request line that bounds it."""

SURELY_FITS: Final = 10_000
"""Characters of a text that is not too long in any coding."""

KEEP_AGAIN_S: Final = 1.0
"""How long after a failure receipts are written again; they are not acknowledged before."""

log = logging.getLogger("isms_data")


@asynccontextmanager
async def opened_smpp(run: Run, *, phrase: str | None, reports: bool) -> AsyncIterator[SmppCarrier]:
    """The carrier of a run, bound; receipts that come meanwhile are kept.

    Raises
    ------
    ConfigurationError, InvalidSchedule   what SMPP cannot carry; nothing was sent.
    AuthenticationError                   the bind was refused.
    GatewayUnavailable                    the server is not there.
    """
    if reports:
        msg = "over SMPP receipts come by themselves, so dlr= has no meaning with transport='smpp'. Leave it out."
        raise ConfigurationError(msg)
    if phrase is not None:
        msg = f"schedule={phrase!r} counts from the gateway's clock, which SMPP does not ask. Give a date and a time."
        raise InvalidSchedule(msg)
    gateway = SmppGateway(run.account)
    if gateway.settings.mode == "receiver":
        msg = "ISMS_SMPP says mode=receiver, which gets receipts and sends nothing. Leave mode= out. Nothing was sent."
        raise ConfigurationError(msg)
    async with gateway, collected(run, gateway):
        carrier = SmppCarrier(run, gateway)
        async with shared(run, Limit(SMPP, gateway.settings.rate, least=0, settle_s=SETTLE_S), carrier):
            yield carrier


@asynccontextmanager
async def collected(run: Run, gateway: SmppGateway) -> AsyncIterator[None]:
    """Keep the receipts that come, each acknowledged when it is on disk."""
    book = await run.on_disk(ReceiptBook, run.account.journal_place, run.account.label)
    collecting = asyncio.create_task(_collect(run, gateway, book))
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.wait([collecting])
        await run.on_disk(book.__exit__, None, None, None)
        if not collecting.cancelled():
            collecting.result()


async def _collect(run: Run, gateway: SmppGateway, book: ReceiptBook) -> None:
    async for receipts in gateway.receipt_batches(gather_s=GATHERED / gateway.settings.rate):
        await _keep(run, book, receipts)


async def _keep(run: Run, book: ReceiptBook, receipts: list[Receipt]) -> None:
    """Write these down, again and again where the disk is full, say; they are acknowledged when this returns."""
    while True:
        try:
            await run.on_disk(book.keep, receipts)
        except JournalError as error:
            log.warning("receipts cannot be written down: %s", error)
            await asyncio.sleep(KEEP_AGAIN_S)
        else:
            return


@dataclass(slots=True)
class _Leaving:
    """A message whose parts are on their way."""

    claim: Claim
    wires: tuple[Wire, ...]
    ids: list[str | None]
    errors: dict[int, GatewayError]
    """Why a part was not accepted; of a part that leaves again, no more."""
    waits_for: int

    def outcome(self) -> Paid | None:
        """What became of it, once nothing is waited for; None where some parts have to leave again."""
        if not self.errors:
            return Paid(self.claim, self.ids[0] or "", part_ids=self.ids)
        untold = [error for error in self.errors.values() if isinstance(error, (ReplyLost, ProtocolError))]
        if untold:
            return Paid(self.claim, error=untold[0], part_ids=self.ids)
        final = [error for error in self.errors.values() if not isinstance(error, GatewayUnavailable)]
        accepted = sum(each is not None for each in self.ids)
        if not accepted:
            return Paid(self.claim, error=(final or list(self.errors.values()))[0])
        if not final:
            return None
        problem = f"{accepted} of its {len(self.ids)} segments were accepted, another was refused: {final[0]}"
        return Paid(self.claim, error=ReplyLost(problem), part_ids=self.ids)


class _Load:
    """The messages of a load, until each is accepted, refused or in doubt."""

    def __init__(self, leaving: Sequence[_Leaving]) -> None:
        self.under_way = {each.claim.call_id: each for each in leaving}
        self._ended: list[_Leaving] = []
        self._told = asyncio.Event()

    def tell(self, part: Outgoing, result: str | GatewayError) -> None:
        """What became of a part."""
        leaving, number = part.key
        if isinstance(result, str):
            leaving.ids[number] = result
        else:
            leaving.errors[number] = result
        leaving.waits_for -= 1
        if not leaving.waits_for:
            self._ended.append(leaving)
            self._told.set()

    async def ended(self, gather_s: float) -> list[_Leaving]:
        """Those of which nothing more is waited for; where there are others, a moment is given to them."""
        await self._told.wait()
        if len(self._ended) < len(self.under_way):
            await asyncio.sleep(gather_s)
        self._told.clear()
        ended, self._ended = self._ended, []
        return ended


class SmppCarrier:
    """By SMPP: a load of calls, each for one number."""

    most: Final = 1
    paced: Final = True

    def __init__(self, run: Run, gateway: SmppGateway) -> None:
        self.together = max(1, min(LOAD, gateway.settings.rate // LOADS_A_SECOND))
        self._run, self._gateway, self._settings = run, gateway, gateway.settings
        self._gather_s = GATHERED / self._settings.rate
        self._wires = lru_cache(maxsize=1024)(self._cut)
        self._may_send = asyncio.Event()

    # As a user of the account's share (`sharing.User`)

    in_use: Final = 0

    def lapsed(self) -> None:
        """Claim anew what has not left: it may be in doubt by now, and decided otherwise."""
        self._gateway.withdraw("the journal was out of reach for too long")

    def limit(self, share: int, sure_until: float) -> None:
        """Use so much of the rate."""
        self._gateway.limit(share, sure_until)
        if share:
            self._may_send.set()
        else:
            self._may_send.clear()

    def room(self, text: Text, *, schedule: str | None, dlr_url: str | None) -> int:  # noqa: ARG002 - as all carriers
        """Any; but not any text: it may be too long, or not in the alphabet that was chosen."""
        if self._settings.alphabet != "gsm" or len(text.text) > SURELY_FITS:
            self._wires(text.text, text.coding, text.flash, 0)
        return ANY_LENGTH

    async def ready(self) -> None:
        """Wait until there is a bind, and a share of the account's rate."""
        await self._may_send.wait()
        await self._gateway.ready()

    def parts(self, units: int) -> Parts:
        """The numbers of so many segments; a text that goes whole, as payload, is one part."""
        count = 1 if self._settings.concatenation == "payload" else units
        session, sequence = self._gateway.reserve(count)
        return Parts(session, sequence, count)

    async def submit(
        self,
        claims: Sequence[Claim],
        dlr_url: Callable[[str], str] | None,  # noqa: ARG002 - as all carriers
    ) -> AsyncGenerator[list[Paid], None]:
        """Post all parts; what became of each message, as its responses come."""
        load = _Load([self._leaving(claim) for claim in claims])
        self._gateway.post([part for each in load.under_way.values() for part in self._outgoing(each)], load.tell)
        try:
            while load.under_way:
                settled = [await self._settled(load, each) for each in await load.ended(self._gather_s)]
                if told := [each for each in settled if each is not None]:
                    yield told
        finally:
            for each in load.under_way.values():  # broken off: what is known of the parts is kept
                if any(each.ids):
                    problem = "the run was stopped while its segments were on their way"
                    self._run.in_one_flush(self._run.journal.in_doubt, each.claim.call_id, problem, each.ids)

    async def _settled(self, load: _Load, leaving: _Leaving) -> Paid | None:
        """What became of a message; None where some of its parts leave again."""
        outcome = leaving.outcome()
        if outcome is None:
            self._gateway.post(await self._once_more(leaving), load.tell)
        else:
            del load.under_way[leaving.claim.call_id]
        return outcome

    def _leaving(self, claim: Claim) -> _Leaving:
        message, parts = claim.asked.message, claim.asked.parts
        assert message is not None  # noqa: S101 - a campaign's claims have one
        assert parts is not None  # noqa: S101 - `parts` made them
        cut = self._wires(message.text, message.coding, message.flash, claim.earlier & 0xFF if parts.number > 1 else 0)
        return _Leaving(claim, cut, [None] * parts.number, {}, parts.number)

    def _cut(self, text: str, coding: str, flash: bool, reference: int) -> tuple[Wire, ...]:  # noqa: FBT001 - cached by position
        return wires(
            text,
            Coding(coding),
            flash=flash,
            alphabet=self._settings.alphabet,
            concatenation=self._settings.concatenation,
            reference=reference,
        )

    def _outgoing(self, leaving: _Leaving) -> list[Outgoing]:
        parts = leaving.claim.asked.parts
        assert parts is not None  # noqa: S101 - as above
        return [self._part(leaving, number, parts.session, parts.sequence + number) for number in range(parts.number)]

    def _part(self, leaving: _Leaving, number: int, session: str, sequence: int) -> Outgoing:
        message = leaving.claim.asked.message
        assert message is not None  # noqa: S101 - as above
        at = message.scheduled_for
        body = submit_body(
            self._settings,
            message.sender,
            str(leaving.claim.taken[0]),
            leaving.wires[number],
            schedule="" if at is None else absolute_time(datetime.fromtimestamp(at / 1_000_000, UTC)),
            tlvs=(_reference(sequence),),
        )
        return Outgoing((leaving, number), session, sequence, body)

    async def _once_more(self, leaving: _Leaving) -> list[Outgoing]:
        """The parts that were put off, under new numbers."""
        await self._gateway.ready()
        put_off = sorted(leaving.errors)
        session, sequence = self._gateway.reserve(len(put_off))
        again = [(number, session, sequence + place) for place, number in enumerate(put_off)]
        await self._run.in_one_flush(self._run.journal.number_again, leaving.claim.call_id, again)
        leaving.errors.clear()
        leaving.waits_for = len(again)
        return [self._part(leaving, *part) for part in again]


def _reference(sequence: int) -> Tlv:
    """What a receipt repeats: it names the part even where the response with its id was lost."""
    return Tlv(Tag.USER_MESSAGE_REFERENCE, (sequence & REFERENCE_BITS).to_bytes(2, "big"))
