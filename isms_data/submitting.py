"""The paid half of a run: numbers to batches, each batch claimed, sent once, and its outcome kept.

What must change together. Between the claim (the intent is on disk) and the outcome (accepted, refused, in doubt) a
batch belongs to nobody else. A refusal frees it and it may be tried again; whatever is not clearly a refusal is in
doubt, and is never sent again from here. A stop lets the calls that are under way come to their end for `GRACE_S`.
What is paid for, a lookup or a message, is the `Errand`'s business, and so is how: one call for many numbers, or a load
of many calls, each for one number, that share a claim and a place.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from isms_data.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    InsufficientCredits,
    JournalError,
    ProtocolError,
    ReplyLost,
)
from isms_data.journal.records import Accepted
from isms_data.pricing import Pricing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from isms_data.journal.records import Asked, Claim
    from isms_data.journal.standing import Scope, Standings
    from isms_data.runs import Run, Slot
    from isms_data.vocabulary import Coding

AT_ONCE: Final = 4
"""Full calls under way at once, and no more numbers than they have: what is under way at a crash is in doubt."""

GRACE_S: Final = 5.0
"""How long a stop waits for the replies of the paid calls that are under way."""

PATIENCE_S: Final = 300.0
"""How long a gateway that refuses everything is tried again, `max_wait` at most; the rest is left unattempted then."""

DOUBTS_IN_A_ROW: Final = 5
"""So many paid calls without a usable reply, one after another: something is broken, and more would be money lost."""

HTTP_TOO_LONG: Final = 414
_PASSING: Final = frozenset({None, 408, 425, 429, 503})
"""Refusals that a later try may find gone; None stands for a gateway that was not reached."""


class Text(NamedTuple):
    """What every message of a call says, and how."""

    sender: str
    text: str
    coding: Coding
    flash: bool


class Parcel(NamedTuple):
    """What the numbers of one call have in common."""

    units: int
    """What each of them costs, in units of the price."""
    room: int
    """The bytes that the request line has for them, each with a comma."""
    text: Text | None = None
    """None for lookups."""


class Paid(NamedTuple):
    """What became of a call that was made: an id, or why there is none."""

    claim: Claim
    message_id: str = ""
    error: GatewayError | None = None
    part_ids: Sequence[str | None] = ()
    """Over SMPP, the ids of its parts, as far as they were accepted."""


class Errand(Protocol):
    """What a run pays for, how, and who is told what became of it."""

    @property
    def scope(self) -> Scope:
        """What its numbers compete with."""

    @property
    def label(self) -> str | None:
        """What the journal calls its calls."""

    @property
    def most(self) -> int:
        """How many numbers a call has at most."""

    @property
    def together(self) -> int:
        """How many calls make a load."""

    @property
    def paced(self) -> bool:
        """Whether its gateway slows down by itself when it is refused something."""

    def parcel(self, number: int) -> Parcel:
        """The parcel of a number; numbers next to each other that have the same one share a call."""

    def why_not(self) -> str | None:
        """Why no further call may be made at this moment, if so; it ends the run."""

    async def ready(self) -> None:
        """Wait until a call can be made. GatewayUnavailable where that takes too long; it ends the run."""

    def asked(self, numbers: list[int], parcel: Parcel) -> Asked:
        """What the journal is to know of a call, made anew for each."""

    def submit(self, claims: Sequence[Claim]) -> AsyncGenerator[list[Paid], None]:
        """Make the calls of a load; what became of each, once for each, as it becomes known. Paid, never repeated."""

    def accepted(self, claim: Claim, message_id: str) -> None:
        """The call for a claim was accepted, and that is on disk."""

    def met(self, standings: Standings) -> None:
        """These numbers were not free after all."""


class Submitter:
    """Pays for the numbers in `todo`, in their order."""

    def __init__(self, run: Run, errand: Errand) -> None:
        self.todo: deque[int] = deque()
        self.refusals: dict[int, str] = {}
        """Numbers that were refused for good in this run, and why."""
        self.stopped: str | None = None
        """Why no more is paid for, once that is so."""
        self._run, self._errand = run, errand
        self._stopping = False
        self._failure: Exception | None = None
        self._unwritten: list[str] = []
        """What was accepted and could not be written down."""
        self._calls = 0
        self._under_way = 0
        """Numbers whose call is under way."""
        self._head = asyncio.Lock()
        """Of the workers, who has it takes the next batch."""
        self._changed = asyncio.Event()
        """A call has landed, or no more is paid for: who has the head looks again."""
        self._most = errand.most
        self._pricing = Pricing(run)
        self._ended = False
        self._pause_until = 0.0
        self._refused_since: float | None = None
        self._refusals = 0
        self._doubts = 0

    def halt(self) -> None:
        """Pay for nothing more: the other half of the run has ended."""
        self._ended = True
        self._changed.set()

    async def drain(self) -> None:
        """Pay for everything in `todo`, as far as the budget goes; cancelled, it lets calls under way come to an end.

        Raises
        ------
        AuthenticationError, InsufficientCredits, JournalError   they end the run; what is done is kept.
        """
        if not self.todo or self.stopped:
            return
        paying = asyncio.create_task(self._pay_all())
        try:
            await asyncio.wait([paying])
        finally:
            self._stopping = True
            self._changed.set()
            await _brought_to_end(paying)
            self._stopping = False
        if self._failure is not None:
            raise self._told(self._failure)
        if self.todo and self.stopped is None and not self._ended:
            self.stopped = self._out_of_budget()

    async def _pay_all(self) -> None:
        """An error that ends the run is kept in `_failure`: every worker sees it, and none is broken off by another."""
        try:
            while self.todo and not self._pricing.known and not self._halted:
                if not await self._first_call():
                    break
        except Exception as error:  # noqa: BLE001 - raised by `drain`, when the calls under way are done
            self._fail(error)
        await asyncio.gather(*(self._work() for _ in range(self._run.account.max_in_flight)))

    async def _first_call(self) -> bool:
        """Pay once, to see what it takes from the balance; False when nothing may be paid for."""
        pricing, since = self._pricing, self._run.journal.now()
        before = await pricing.balance_before()
        turn = None if before is None else await self._turn(units=pricing.probe_units())
        if before is not None and turn is not None:
            pricing.reading = before  # a refusal leaves it true
            units = await self._pay(*turn)
            if units:
                await pricing.learn(before, units, since)
        self.stopped = self.stopped or pricing.stopped
        return turn is not None

    async def _work(self) -> None:
        try:
            while (turn := await self._turn()) is not None:
                await self._pay(*turn)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    async def _turn(self, *, units: int | None = None) -> tuple[list[list[int]], Slot] | None:
        """The next load and a place for it, for one worker after another; None when there is no more to pay for.

        The load is taken last: what would forbid it (a failure, a pause, quiet hours) may come about while the worker
        waits for the place.
        """
        async with self._head:
            while self.todo and not self._halted:
                self._changed.clear()
                if self._pause_s > 0:
                    await _until(self._changed, self._pause_s)
                elif self._under_way > (AT_ONCE - 1) * self._most * self._errand.together:
                    await self._changed.wait()
                elif await self._is_ready():
                    slot = await self._run.places.next()
                    paused = self._pause_s > 0
                    if not paused and (load := self._next_load(units=units)):
                        return load, slot
                    slot.ended()
                    if not paused:
                        return None
        return None

    async def _is_ready(self) -> bool:
        try:
            await self._errand.ready()
        except GatewayUnavailable as error:
            self.stopped = f"the gateway cannot be reached, so no more is paid for: {error}"
            return False
        return True

    @property
    def _pause_s(self) -> float:
        """How long the gateway wants to be left alone."""
        return self._pause_until - time.monotonic()

    def _fail(self, error: Exception) -> None:
        """End the run with the first error: what comes after it is its consequence."""
        self._failure = self._failure or error

    @property
    def _halted(self) -> bool:
        return self._ended or self._stopping or self.stopped is not None or self._failure is not None

    def _next_load(self, *, units: int | None) -> list[list[int]]:
        """The numbers of the next calls: for so many `units` at most, and one number in any case."""
        if self._halted or not self.todo:
            return []
        if (why := self._errand.why_not()) is not None:
            self.stopped = why
            return []
        load: list[list[int]] = []
        while self.todo and len(load) < self._errand.together and (units is None or units > 0 or not load):
            parcel = self._errand.parcel(self.todo[0])
            batch = self._next_batch(parcel, units=units, first=not load)
            if not batch:
                break
            load.append(batch)
            units = None if units is None else units - len(batch) * parcel.units
        return load

    def _next_batch(self, parcel: Parcel, *, units: int | None, first: bool) -> list[int]:
        """The next numbers that share a call: within the count, the request line and the budget."""
        budget = self._run.budget
        most = min(self._most, max(1, (units or self._most * parcel.units) // parcel.units))
        count = budget.affordable(most * parcel.units) // parcel.units
        cost = budget.price * parcel.units
        if first and not count and not self._calls and (budget.max_credits is None or budget.max_credits >= cost):
            count = 1  # the balance seems too small: the gateway shall say so itself
        batch: list[int] = []
        room = parcel.room
        while len(batch) < count and self.todo and self._errand.parcel(self.todo[0]) is parcel:
            room -= len(str(self.todo[0])) + 1
            if room < 0:
                break
            batch.append(self.todo.popleft())
        budget.take(len(batch) * parcel.units)
        self._under_way += len(batch)
        return batch

    async def _pay(self, load: list[list[int]], slot: Slot) -> int:
        """Claim, call, keep the outcomes; how many units were accepted, 0 where it is not known of all of them."""
        try:
            return await self._claim_and_call(load, slot)
        finally:
            slot.ended()
            self._under_way -= sum(map(len, load))
            self._changed.set()

    async def _claim_and_call(self, load: list[list[int]], slot: Slot) -> int:
        run, errand = self._run, self._errand
        claimed = await run.in_one_flush(
            run.journal.claim,
            [errand.asked(batch, errand.parcel(batch[0])) for batch in load],
            errand.scope,
            label=errand.label,
            price=run.budget.price,
            measured=self._pricing.measured,
        )
        errand.met(claimed.others)
        run.budget.give_back(sum(errand.parcel(number).units for number in claimed.others))
        if not claimed.calls:
            return 0
        if self._stopping or self._failure is not None:
            await self._free([Paid(claim) for claim in claimed.calls], "the run was stopped before the call left")
            return 0
        self._calls += len(claimed.calls)
        accepted, doubts = 0, 0
        async with aclosing(errand.submit(claimed.calls)) as told:
            async for outcomes in told:
                accepted += await self._settle(outcomes, slot)
                doubts += sum(isinstance(each.error, _DOUBTFUL) for each in outcomes)
        return 0 if doubts else accepted

    async def _settle(self, outcomes: Sequence[Paid], slot: Slot) -> int:
        """Keep what became of these calls; how many units were accepted.

        What it means for other calls is settled before it is written down: they go on meanwhile.
        """
        refused = [each for each in outcomes if isinstance(each.error, GatewayUnavailable)]
        doubtful = [each for each in outcomes if isinstance(each.error, _DOUBTFUL)]
        accepted = [each for each in outcomes if each.error is None]
        if refused:
            slot.pushed_back()
            await self._refused(refused)
        elif accepted:
            slot.succeeded()
        if doubtful:
            await self._doubtful(doubtful)
        for each in outcomes:
            if each.error is not None and not isinstance(each.error, (GatewayUnavailable, *_DOUBTFUL)):
                await self._rejected(each)
        return await self._keep(accepted) if accepted else 0

    async def _keep(self, outcomes: Sequence[Paid]) -> int:
        calls = [Accepted(each.claim.call_id, each.message_id, each.part_ids) for each in outcomes]
        try:
            await self._run.in_one_flush(self._run.journal.accepted, calls)
        except JournalError as error:
            self._unwritten += [f"{each.message_id} ({len(each.claim.taken):,} numbers)" for each in outcomes]
            self._fail(error)
            return 0
        self._refused_since, self._refusals, self._doubts = None, 0, 0
        for each in outcomes:
            self._errand.accepted(each.claim, each.message_id)
        return sum(_units(each.claim) for each in outcomes)

    async def _refused(self, outcomes: Sequence[Paid]) -> None:
        """Nothing was charged: put the numbers back, and wait as long as the gateway asks, or longer and longer."""
        first = outcomes[0]
        assert isinstance(first.error, GatewayUnavailable)  # noqa: S101 - `_settle` chose them so
        taken = first.claim.taken
        if first.error.status == HTTP_TOO_LONG and len(taken) > 1:
            self._most = len(taken) // 2
        elif first.error.status == HTTP_TOO_LONG and first.claim.asked.message is not None:
            await self._rejected(first)  # its text is too long for this gateway; others may not be
            return
        else:
            self._put_off(outcomes, first.error)
        await self._free(outcomes, str(first.error))

    def _put_off(self, outcomes: Sequence[Paid], error: GatewayUnavailable) -> None:
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        waited = now - self._refused_since
        wait = self._run.delay(self._refusals, error.retry_after, waited=waited, patience_s=PATIENCE_S)
        self._refusals += 1
        if error.status not in _PASSING or wait == math.inf:
            self.refusals.update({number: str(error) for each in outcomes for number in each.claim.taken})
            self.stopped = f"the gateway refuses, so no more is paid for: {error}"
        if not self._errand.paced:
            self._pause_until = max(self._pause_until, now + wait)

    async def _doubtful(self, outcomes: Sequence[Paid]) -> None:
        """Calls that were lost together count as one: it was one link."""
        self._pricing.distrust()  # it may have been charged: what was read before tells nothing now
        self._doubts += 1
        if self._doubts >= DOUBTS_IN_A_ROW:
            self.stopped = (
                f"{self._doubts} paid calls in a row had no usable reply, so no more are made: {outcomes[0].error}"
            )
        in_doubt = self._run.journal.in_doubt
        await asyncio.gather(
            *(self._run.in_one_flush(in_doubt, each.claim.call_id, str(each.error), each.part_ids) for each in outcomes)
        )

    async def _rejected(self, outcome: Paid) -> None:
        """A documented error sentence: nothing was charged, and trying again would change nothing."""
        claim, problem = outcome.claim, str(outcome.error)
        if isinstance(outcome.error, (AuthenticationError, InsufficientCredits)):
            self._fail(outcome.error)
            await self._free([outcome], problem)
            return
        self.refusals.update(dict.fromkeys(claim.taken, problem))
        await self._run.in_one_flush(self._run.journal.refused, claim.call_id, problem)
        self._run.budget.give_back(_units(claim))

    async def _free(self, outcomes: Sequence[Paid], problem: str) -> None:
        refused, claims = self._run.journal.refused, [each.claim for each in outcomes]
        await asyncio.gather(*(self._run.in_one_flush(refused, claim.call_id, problem) for claim in claims))
        self._run.budget.give_back(sum(map(_units, claims)))
        self.todo.extendleft(reversed([number for claim in claims for number in claim.taken]))

    def _told(self, failure: Exception) -> Exception:
        """The failure, with the ids that are kept nowhere else."""
        if not self._unwritten:
            return failure
        ids = ", ".join(self._unwritten)
        return JournalError(f"{failure} Calls that could not be written down were accepted as {ids}; keep these ids.")

    def _out_of_budget(self) -> str:
        budget = self._run.budget
        needed = budget.price * sum(self._errand.parcel(number).units for number in self.todo)
        return (
            f"{budget.limited_by} is used up: {len(self.todo):,} numbers were not attempted, which would take "
            f"{needed:f} credits more ({budget.spent:f} spent in this run)."
        )


_DOUBTFUL: Final = (ReplyLost, ProtocolError)
"""What says that a call may have been carried out."""


def _units(claim: Claim) -> int:
    """What a call costs, in units of the price."""
    return len(claim.taken) * claim.asked.units


async def _brought_to_end(task: asyncio.Task[None]) -> None:
    """Give the task `GRACE_S` to end by itself; a cancellation meanwhile, or the end of that time, cancels it."""
    try:
        await asyncio.wait([task], timeout=GRACE_S)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _until(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for the event, so long at most. (`asyncio.wait_for` of Python 3.11 may swallow a cancellation.)"""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
