"""What became of the messages of campaigns: asked for where it is not known, and reported meanwhile.

The free half of sending. A message that went by HTTP or SOAP is asked about there by `polling`, when it has probably an
answer; delivery reports, which `isms receive` writes into the same journal, are looked for while that goes on, and
whichever comes first counts. For messages that went by SMPP a receiver is bound, and their receipts are kept as they
come. At the end everything is read back from the journal.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.errors import GatewayError, GatewayUnavailable
from isms_data.journal.file import in_parts
from isms_data.journal.standing import AnswerKind, CallState
from isms_data.polling import Poller, Question
from isms_data.runs import Run, Terms, opened
from isms_data.smpp_carrier import collected
from isms_data.transports.smpp import SmppGateway
from isms_data.transports.soap import SoapGateway
from isms_data.vocabulary import OPEN_STATUSES, MessageStatus, Source, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.account import Account
    from isms_data.journal.records import Sent

LISTEN_S: Final = 0.5
"""How often the journal is read for delivery reports."""

PROOF_S: Final = 2.0
"""How long at least receipts are awaited that may prove what is in doubt: a server hands over what it has at once."""


class StatusReply(NamedTuple):
    """One answer of query.php, as the poller reads it."""

    text: MessageStatus

    @property
    def is_final(self) -> bool:
        """Whether this is an answer, and not yet `Queued` or `Pending`."""
        return self.text not in OPEN_STATUSES

    @property
    def is_short(self) -> bool:
        """It is one word: there is nothing to be cut off."""
        return False


class Followed(NamedTuple):
    """A campaign's messages at the end, and for each number the last answer of a lookup, where there was one."""

    messages: dict[str, list[Sent]]
    hlr_replies: dict[int, str]


class Following:
    """One walk: ask for what is not final, and listen to the reports."""

    def __init__(self, run: Run, campaigns: Sequence[str]) -> None:
        self._run, self._campaigns = run, campaigns
        self._poller = Poller(run, self._ask, source=Source.POLL, not_known=AnswerKind.OPEN)
        self._open: dict[int, Question] = {}
        self._by_soap: set[str] = set()
        """Ids of calls that went by SOAP, and are asked about there."""
        self._by_smpp: set[int] = set()
        """Messages that wait for a receipt."""
        self._in_doubt = False
        """Whether a receipt may prove that a message in doubt was sent."""
        self._soap: SoapGateway | None = None
        self._heard = 0

    async def carry_out(self) -> Followed:
        """Follow the messages until each is final, or the wait is over."""
        await self._take_up()
        async with AsyncExitStack() as gateways:
            await self._open_gateways(gateways)
            polling = asyncio.create_task(self._poller.work())
            try:
                await self._listen(polling)
            finally:
                polling.cancel()
                await asyncio.wait([polling])
            if not polling.cancelled():
                polling.result()
        await self._keep_open_ones()
        messages = await self._messages()
        numbers = sorted({sent.msisdn for each in messages.values() for sent in each})
        return Followed(messages, await self._hlr_replies(numbers))

    async def _messages(self) -> dict[str, list[Sent]]:
        journal = self._run.journal
        return {name: await self._run.on_disk(journal.messages, name) for name in self._campaigns}

    async def _take_up(self) -> None:
        self._heard = await self._run.on_disk(self._run.journal.last_report)
        clock, wall = time.monotonic(), self._run.journal.now()
        messages = [sent for each in (await self._messages()).values() for sent in each]
        self._run.progress.total = len(messages)
        for sent in messages:
            if sent.kind == AnswerKind.FINAL:
                self._run.progress.done += 1
            elif sent.transport == Transport.SMPP and sent.state == CallState.ACCEPTED:
                self._by_smpp.add(sent.item_id)
            elif sent.transport == Transport.SMPP and sent.kind is None:
                self._in_doubt = True
            elif sent.state == CallState.ACCEPTED and sent.message_id is not None:
                if sent.transport == Transport.SOAP:
                    self._by_soap.add(sent.message_id)
                question = Question(sent.msisdn, sent.item_id, sent.message_id)
                self._open[sent.item_id] = question
                left = max(min(sent.submitted_at, wall), sent.scheduled_for or 0)  # the clock may have been put back
                self._poller.add(question, clock - (wall - left) / 1_000_000)
            else:
                self._run.progress.done += 1

    async def _open_gateways(self, gateways: AsyncExitStack) -> None:
        """Those beside HTTP that have something to say; none where nobody waits for it."""
        if self._run.max_wait_s <= 0:
            return
        if self._by_soap:
            self._soap = await gateways.enter_async_context(SoapGateway(self._run.account))
        if self._by_smpp or self._in_doubt:
            receiver = await gateways.enter_async_context(SmppGateway(self._run.account, mode="receiver"))
            await gateways.enter_async_context(collected(self._run, receiver))

    async def _ask(self, message_id: str, mobile: str) -> StatusReply:
        if message_id not in self._by_soap:
            return StatusReply(await self._run.gateway.query(message_id, mobile))
        if self._soap is None:
            msg = "it went by SOAP, which is not open"
            raise GatewayUnavailable(msg)
        return StatusReply(await self._soap.query(message_id, mobile))

    async def _listen(self, polling: asyncio.Task[None]) -> None:
        """Until everything is final, or the wait is over; an error that ends the run comes out here."""
        answered = asyncio.create_task(self._poller.all_answered.wait())
        until = time.monotonic() + PROOF_S if self._in_doubt else 0.0
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._run.max_wait_s):
                    while not polling.done() and not (
                        answered.done() and not self._by_smpp and time.monotonic() >= until
                    ):
                        awaited = {polling, answered} if not answered.done() else {polling}
                        await asyncio.wait(awaited, timeout=LISTEN_S, return_when=asyncio.FIRST_COMPLETED)
                        await self._hear()
        finally:
            answered.cancel()
        if polling.done():
            polling.result()

    async def _hear(self) -> None:
        """Take in the reports that have come: a final one answers, one that cannot be read makes it worth asking."""
        self._heard, told = await self._run.on_disk(self._run.journal.heard_since, self._heard)
        for item_id, kind in told:
            if kind is AnswerKind.FINAL and item_id in self._by_smpp:
                self._by_smpp.remove(item_id)
                self._run.progress.done += 1
            question = self._open.get(item_id)
            if question is None or question.settled:
                continue
            if kind is AnswerKind.FINAL:
                self._poller.drop(question)
            elif kind is None:
                await self._ask_now(question)

    async def _ask_now(self, question: Question) -> None:
        try:
            async with self._run.slot() as slot:
                reply = await self._ask(question.message_id, str(question.number))
                slot.succeeded()
        except GatewayError:
            return  # the poller asks again in its own time, and knows what to make of errors
        if reply.is_final:
            answer = (question.item_id, AnswerKind.FINAL, self._run.journal.now(), reply.text)
            await self._run.on_disk(self._run.journal.answer, [answer], source=Source.POLL)
            self._poller.drop(question)

    async def _keep_open_ones(self) -> None:
        """Write down what was said so far of what is not final, so that the result can say it."""
        said = [
            (question.item_id, AnswerKind.OPEN, self._run.journal.now(), question.said)
            for question in self._open.values()
            if not question.settled and question.said is not None
        ]
        if said:
            await self._run.on_disk(self._run.journal.answer, said, source=Source.POLL)

    async def _hlr_replies(self, numbers: Sequence[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for part in in_parts(numbers):
            found |= await self._run.on_disk(self._run.journal.last_replies, part)
        return found


def left_at(sent: Sent) -> int:
    """When a message left, or is to leave, in microseconds."""
    return max(sent.submitted_at, sent.scheduled_for or 0)


async def follow(account: Account, campaigns: Sequence[str], terms: Terms) -> Followed:
    """Follow these campaigns' messages until each is final, or the wait is over."""
    async with opened(account, "delivery", terms) as run:
        return await Following(run, campaigns).carry_out()
