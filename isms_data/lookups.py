"""The bulk lookup: numbers in, each paid for once, every answer on disk; resumed by calling again.

It is the walk over a run: what the journal knows of each number, what must be paid for, what must be waited for, and
what another process is paying for meanwhile. At the end everything is read back from the journal.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isms_data.errors import ConfigurationError, GatewayError
from isms_data.journal.file import in_parts
from isms_data.journal.records import Asked
from isms_data.journal.standing import AnswerKind, Item, Lookups, Standing, Standings
from isms_data.polling import Poller, Question
from isms_data.runs import Run, Terms, opened
from isms_data.submitting import Paid, Parcel, Submitter
from isms_data.vocabulary import HLR, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from isms_data.account import Account
    from isms_data.journal.records import Claim

WATCH_S: Final = 0.5
"""How often the journal is read for numbers that another process holds."""


@dataclass
class Found:
    """What became of each number, in the order of the numbers."""

    outcomes: list[Outcome]
    replies: list[str | None]
    problems: list[str | None]
    message_ids: list[str | None]
    submitted_at: list[int | None]
    resolved_at: list[int | None]


class LookUp:
    """One walk: what is known, what must be paid for, what must be waited for, what another process holds."""

    def __init__(self, run: Run, numbers: Sequence[int], *, max_age_s: float, label: str | None) -> None:
        self._run, self._numbers = run, numbers
        self._began = run.journal.now()
        self.scope = Lookups(oldest=self._began - int(max_age_s * 1_000_000))
        self.label = label
        self.most, self.together, self.paced = run.account.max_per_call, 1, False
        self._wait_until = time.monotonic() + run.max_wait_s
        self._held: set[int] = set()
        self._parcel = Parcel(units=1, room=self._room())
        self._poller = Poller(run, run.gateway.hlr_query)
        self._submitter = Submitter(run, self)

    def _room(self) -> int:
        """The bytes that a request line has for numbers, each with a comma (of which the first needs none)."""
        room = self._run.gateway.room(HLR) - len("&mobiles=") + 1
        if room <= max(len(str(number)) for number in self._numbers):
            limit = self._run.account.max_line_bytes
            msg = f"max_line_bytes={limit} leaves no room for a number in the request line. Set it to 8190, say."
            raise ConfigurationError(msg)
        return room

    async def carry_out(self) -> Found:
        """Do all of it, until every number has its answer, or the wait or the budget is over."""
        run = self._run
        run.progress.total = len(self._numbers)
        for part in in_parts(self._numbers):
            await self._take_up(part)
        polling = asyncio.create_task(self._poller.work())
        polling.add_done_callback(lambda _: self._submitter.halt())
        try:
            await self._pursue(polling)
        finally:
            polling.cancel()
            await asyncio.wait([polling])
        if not polling.cancelled():
            polling.result()
        if self._submitter.stopped:
            run.warn(self._submitter.stopped)
        return await self._found()

    async def _pursue(self, polling: asyncio.Task[None]) -> None:
        while True:
            await self._submitter.drain()
            if polling.done():
                polling.result()
            if not self._held and self._poller.all_answered.is_set():
                return
            wait = max(0.0, self._wait_until - time.monotonic())
            await self._for_answers(polling, min(wait, WATCH_S) if self._held else wait)
            if self._held:
                await self._watch()
            if time.monotonic() >= self._wait_until:
                return

    async def _for_answers(self, polling: asyncio.Task[None], timeout_s: float) -> None:
        """Wait until everything is answered, or so long; an error that ends the run comes out here."""
        answered = asyncio.create_task(self._poller.all_answered.wait())
        awaited = [polling] if self._held else [polling, answered]  # what others hold is looked at now and then
        try:
            await asyncio.wait(awaited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answered.cancel()
        if polling.done():
            polling.result()

    # What the submitter asks of its errand

    def parcel(self, number: int) -> Parcel:  # noqa: ARG002 - every lookup is like every other
        """All lookups may share a call."""
        return self._parcel

    def why_not(self) -> None:
        """A lookup may be made at any time."""

    async def ready(self) -> None:
        """There is nothing to wait for: each call connects by itself."""

    def asked(self, numbers: list[int], parcel: Parcel) -> Asked:
        """A lookup has no text."""
        return Asked(numbers, parcel.units)

    async def submit(self, claims: Sequence[Claim]) -> AsyncGenerator[list[Paid], None]:
        """Look the numbers of the one call up."""
        (claim,) = claims
        try:
            message_id = await self._run.gateway.hlr(map(str, claim.taken))
        except GatewayError as error:
            told = Paid(claim, error=error)
        else:
            told = Paid(claim, message_id)
        yield [told]

    def met(self, standings: Standings) -> None:
        """Sort numbers by how they stand: to be paid for, to be asked about, held by another, or settled."""
        born = time.monotonic()
        for number, (standing, lookup) in standings.items():
            self._held.discard(number)
            if standing is Standing.FREE:
                self._submitter.todo.append(number)
            elif standing is Standing.HELD:
                self._held.add(number)
            elif standing is Standing.OPEN and lookup is not None and lookup.message_id is not None:
                age = max(0, self._run.journal.now() - lookup.intended_at) / 1_000_000
                self._poller.add(Question(number, lookup.item_id, lookup.message_id), born - age)
            else:
                self._run.progress.done += 1

    def accepted(self, claim: Claim, message_id: str) -> None:
        """Follow the numbers of a call that was accepted; the wait counts from the last one."""
        born = time.monotonic()
        self._wait_until = born + self._run.max_wait_s
        self._run.progress.credits = self._run.budget.spent
        for place, number in enumerate(claim.taken):
            self._poller.add(Question(number, claim.first_id + place, message_id), born)

    async def _take_up(self, numbers: Sequence[int]) -> None:
        """See how these numbers stand, and go on with what a run that has ended left open."""
        standings = await self._run.standings(numbers, self.scope)
        left = {lookup.call_id for standing, lookup in standings.values() if lookup and standing is Standing.OPEN}
        if left:
            await self._run.on_disk(self._run.journal.take_over, left)
        self.met(standings)

    async def _watch(self) -> None:
        """See what became of the numbers that another process holds."""
        for part in in_parts(sorted(self._held)):
            await self._take_up(part)

    async def _found(self) -> Found:
        found = Found([], [], [], [], [], [])
        for part in in_parts(self._numbers):
            for number, (standing, lookup) in (await self._run.standings(part, self.scope)).items():
                outcome, problem = self._outcome(number, standing, lookup)
                known = lookup if lookup is not None and standing is not Standing.FREE else None
                final = known is not None and known.kind == AnswerKind.FINAL
                found.outcomes.append(outcome)
                found.problems.append(problem)
                found.replies.append(known.reply if known and final else None)
                found.message_ids.append(sys.intern(known.message_id) if known and known.message_id else None)
                found.submitted_at.append(known.intended_at if known else None)
                found.resolved_at.append(known.answered_at if known and final else None)
        return found

    def _outcome(self, number: int, standing: Standing, lookup: Item | None) -> tuple[Outcome, str | None]:
        """The word for one number at the end of the run, and why."""
        if standing is Standing.FREE or lookup is None:
            if number in self._submitter.refusals:
                return Outcome.FAILED, self._submitter.refusals[number]
            return Outcome.NOT_ATTEMPTED, self._submitter.stopped or "the run ended before its turn came; call again"
        if standing is Standing.FRESH:
            now_answered = lookup.answered_at is not None and lookup.answered_at >= self._began
            return (Outcome.DONE if now_answered else Outcome.CACHED), None
        if standing is Standing.IN_DOUBT:
            why = lookup.reply if lookup.kind == AnswerKind.LOST else lookup.problem
            return Outcome.IN_DOUBT, f"{why} Not asked again by itself; isms.settle decides"
        if standing is Standing.OPEN and number in self._poller.problems:
            why = self._poller.problems[number]
            return Outcome.PENDING, f"no answer yet ({why}); call again to go on waiting, at no cost"
        return _WAITING[standing]


_WAITING: Final = {
    Standing.OPEN: (Outcome.PENDING, "no answer yet; call again to go on waiting, at no cost"),
    Standing.HELD: (Outcome.PENDING, "another process is asking for it; call again for its answer"),
    Standing.SKIPPED: (Outcome.SKIPPED, "was in doubt, and was settled by leaving it"),
}


async def look_up(
    account: Account, numbers: Sequence[int], terms: Terms, *, max_age_s: float, label: str | None
) -> Found:
    """Look the distinct numbers up, each paid for once; what became of each, in their order."""
    if not numbers:
        return Found([], [], [], [], [], [])
    async with opened(account, Lookups.operation, terms) as run:
        return await LookUp(run, numbers, max_age_s=max_age_s, label=label).carry_out()
