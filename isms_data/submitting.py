"""The paid half of a run: numbers to batches, each batch claimed, sent once, and its outcome kept.

What must change together. Between the claim (the intent is on disk) and the outcome (accepted, refused, in doubt) a
batch belongs to nobody else. A refusal frees it and it may be tried again; whatever is not clearly a refusal is in
doubt, and is never sent again from here. A stop lets the calls that are under way come to their end for `GRACE_S`.
What is paid for, a lookup or a message, is the `Errand`'s business.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import suppress
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
from isms_data.journal.file import now

if TYPE_CHECKING:
    from decimal import Decimal

    from isms_data.journal.calls import Claim, Message
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


PROBES: Final = 5
"""So many calls at most are made one by one to learn the price."""


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


class Errand(Protocol):
    """What a run pays for, and who is told what became of it."""

    @property
    def scope(self) -> Scope:
        """What its numbers compete with."""

    @property
    def label(self) -> str | None:
        """What the journal calls its calls."""

    def parcel(self, number: int) -> Parcel:
        """The parcel of a number; numbers next to each other that have the same one share a call."""

    def why_not(self) -> str | None:
        """Why no further call may be made at this moment, if so; it ends the run."""

    def message(self, parcel: Parcel) -> Message | None:
        """What the journal is to know of a call, made anew for each."""

    async def submit(self, numbers: list[int], parcel: Parcel, message: Message | None) -> str:
        """Make the call; its id. Paid, never repeated."""

    def accepted(self, claim: Claim, message_id: str) -> None:
        """The call for a claim was accepted, and that is on disk."""

    def met(self, standings: Standings) -> None:
        """These numbers were not free after all."""


class Probe(NamedTuple):
    """Accepted units, between two readings of the balance."""

    units: int
    before: Decimal
    after: Decimal


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
        self._most = run.account.max_per_call
        self._price_known = False
        self._reading: Decimal | None = None
        """The balance, as long as no call was made since it was read."""
        self._probes: list[Probe] = []
        self._tries = 0
        self._alone = True
        """Whether no other run paid from the same account since the first probe."""
        self._measured = False
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
            while self.todo and not self._price_known and not self._halted:
                if not await self._first_call():
                    break
        except Exception as error:  # noqa: BLE001 - raised by `drain`, when the calls under way are done
            self._fail(error)
        await asyncio.gather(*(self._work() for _ in range(self._run.account.max_in_flight)))

    async def _first_call(self) -> bool:
        """Make one call by itself, to see what it takes from the balance; False when no call may be made.

        Under a hard limit the first is for one number, so that a price higher than planned cannot run far over; it is
        repeated, for more numbers where rounding hides the price, until the price is known.
        """
        run, limited, since = self._run, self._run.budget.max_credits is not None, now()
        before = await self._balance_before()
        if before is None:
            return False
        turn = await self._turn(units=self._probe_size() if limited else None)
        if turn is None:
            return False
        self._reading = before  # a refusal leaves it true
        claim = await self._pay(*turn)
        if claim is not None:
            after = self._reading = await self._balance_after(before)
            self._alone = self._alone and await run.on_disk(run.journal.alone_since, since)
            if after is not None and after < before:
                units = len(claim.taken) * self._errand.parcel(claim.taken[0]).units
                self._probes.append(Probe(units, before, after))
            await self._learn_price(limited=limited)
        return True

    def _probe_size(self) -> int:
        return self._run.budget.more_units(*self._all_probes()) if self._alone and self._probes else 1

    def _all_probes(self) -> Probe:
        """All probes as one: what they took together is the less rounded."""
        units = sum(probe.units for probe in self._probes)
        return Probe(units, self._probes[0].before, self._probes[-1].after)

    async def _learn_price(self, *, limited: bool) -> None:
        """Another run's charges make the price seem higher, never lower: then the lowest of several readings counts."""
        self._tries += 1
        last_try = not limited or self._tries >= PROBES
        if not self._probes:
            self._price_known = last_try and (not limited or self._reading is not None)
            if last_try and not self._price_known:
                self.stopped = "the balance cannot be read, so the price is not known and max_credits cannot be kept"
        elif self._alone:
            exact = self._run.budget.measured(*self._all_probes())
            self._price_known = exact or last_try
            if exact:
                await self._confirm_price()
        elif limited:
            lowest = min(self._probes, key=lambda probe: (probe.before - probe.after) / probe.units)
            exact = self._run.budget.measured(*lowest)
            self._price_known = last_try or (exact and self._run.budget.price == self._run.budget.planned)
        else:
            self._price_known = True

    async def _confirm_price(self) -> None:
        price, planned = self._run.budget.price, self._run.budget.planned
        self._measured = True
        await self._run.on_disk(self._run.journal.confirm_price, price)
        if price != planned:
            self._run.warn(
                f"a unit costs {price:f} credits, not {planned:f} as planned, so the run counts with {price:f}. "
                "Set it in the account (credits_per_lookup or credits_per_segment)."
            )

    async def _balance_before(self) -> Decimal | None:
        """The balance with no call of this run under way; only the first question for it may fail the run."""
        first = self._run.budget.balance is None
        try:
            reading = self._reading if self._reading is not None else await self._run.balance()
        except GatewayError as error:
            if first or isinstance(error, AuthenticationError):
                raise
            self.stopped = f"the balance cannot be read any more: {error}"
            return None
        if first:
            self._run.budget.balance = reading
        return reading

    async def _balance_after(self, before: Decimal) -> Decimal | None:
        """The balance after a charge; asked twice where it shows none, because some show it one question late."""
        try:
            after = await self._run.balance()
            return after if after != before else await self._run.balance()
        except GatewayError:
            return None

    async def _work(self) -> None:
        try:
            while (turn := await self._turn()) is not None:
                await self._pay(*turn)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    async def _turn(self, *, units: int | None = None) -> tuple[list[int], Slot] | None:
        """The next batch and a place for its call, for one worker after another; None when there is no more to pay for.

        The batch is taken last: what would forbid it (a failure, a pause, quiet hours) may come about while the worker
        waits for the place.
        """
        async with self._head:
            while self.todo and not self._halted:
                self._changed.clear()
                if self._pause_s > 0:
                    await _until(self._changed, self._pause_s)
                elif self._under_way > (AT_ONCE - 1) * self._most:
                    await self._changed.wait()
                else:
                    slot = await self._run.places.next()
                    paused = self._pause_s > 0
                    if not paused and (batch := self._next_batch(units=units)):
                        return batch, slot
                    slot.ended()
                    if not paused:
                        return None
        return None

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

    def _next_batch(self, *, units: int | None = None) -> list[int]:
        """The next numbers that share a call: within the count, the request line and the budget.

        `units` says for how many units it may be at most; one number it is in any case.
        """
        if self._halted or not self.todo:
            return []
        if (why := self._errand.why_not()) is not None:
            self.stopped = why
            return []
        budget, parcel = self._run.budget, self._errand.parcel(self.todo[0])
        most = min(self._most, max(1, (units or self._most * parcel.units) // parcel.units))
        count = budget.affordable(most * parcel.units) // parcel.units
        cost = budget.price * parcel.units
        if not count and not self._calls and (budget.max_credits is None or budget.max_credits >= cost):
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

    async def _pay(self, batch: list[int], slot: Slot) -> Claim | None:
        """Claim, call, keep the outcome; the claim where the call was accepted."""
        try:
            return await self._claim_and_call(batch, slot)
        finally:
            slot.ended()
            self._under_way -= len(batch)
            self._changed.set()

    async def _claim_and_call(self, batch: list[int], slot: Slot) -> Claim | None:
        run, errand, parcel = self._run, self._errand, self._errand.parcel(batch[0])
        message = errand.message(parcel)
        claim = await run.in_one_flush(
            run.journal.claim,
            batch,
            errand.scope,
            label=errand.label,
            price=run.budget.price,
            units=parcel.units,
            measured=self._measured,
            message=message,
        )
        errand.met(claim.others)
        self._give_back(len(batch) - len(claim.taken), parcel)
        if not claim.taken:
            return None
        if self._stopping or self._failure is not None:
            await self._free(claim, parcel, "the run was stopped before the call left")
            return None
        self._calls += 1
        return await self._call(claim, parcel, message, slot)

    def _give_back(self, numbers: int, parcel: Parcel) -> None:
        self._run.budget.give_back(numbers * parcel.units)

    async def _call(self, claim: Claim, parcel: Parcel, message: Message | None, slot: Slot) -> Claim | None:
        try:
            message_id = await self._errand.submit(claim.taken, parcel, message)
        except GatewayUnavailable as error:
            slot.pushed_back()
            await self._refused(claim, parcel, error)
        except (ReplyLost, ProtocolError) as error:
            await self._doubtful(claim, error)
        except GatewayError as error:
            await self._rejected(claim, parcel, error)
        else:
            slot.succeeded()
            return await self._keep(claim, message_id)
        return None

    async def _keep(self, claim: Claim, message_id: str) -> Claim | None:
        try:
            await self._run.in_one_flush(self._run.journal.accepted, claim.call_id, message_id)
        except JournalError as error:
            self._unwritten.append(f"{message_id} ({len(claim.taken):,} numbers)")
            self._fail(error)
            return None
        self._refused_since, self._refusals, self._doubts = None, 0, 0
        self._errand.accepted(claim, message_id)
        return claim

    async def _refused(self, claim: Claim, parcel: Parcel, error: GatewayUnavailable) -> None:
        """Nothing was charged: put the numbers back, and wait as long as the gateway asks, or longer and longer.

        What it means for other calls is settled before it is written down: they go on meanwhile.
        """
        if error.status == HTTP_TOO_LONG and len(claim.taken) > 1:
            self._most = len(claim.taken) // 2
        elif error.status == HTTP_TOO_LONG and parcel.text is not None:
            await self._rejected(claim, parcel, error)  # its text is too long for this gateway; others may not be
            return
        else:
            self._put_off(claim, error)
        await self._free(claim, parcel, str(error))

    def _put_off(self, claim: Claim, error: GatewayUnavailable) -> None:
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        waited = now - self._refused_since
        wait = self._run.delay(self._refusals, error.retry_after, waited=waited, patience_s=PATIENCE_S)
        self._refusals += 1
        if error.status not in _PASSING or wait == math.inf:
            self.refusals.update(dict.fromkeys(claim.taken, str(error)))
            self.stopped = f"the gateway refuses, so no more is paid for: {error}"
        self._pause_until = max(self._pause_until, now + wait)

    async def _doubtful(self, claim: Claim, error: GatewayError) -> None:
        self._reading = None  # it may have been charged: what was read before tells nothing now
        self._probes.clear()
        self._doubts += 1
        if self._doubts >= DOUBTS_IN_A_ROW:
            self.stopped = f"{self._doubts} paid calls in a row had no usable reply, so no more are made: {error}"
        await self._run.in_one_flush(self._run.journal.in_doubt, claim.call_id, str(error))

    async def _rejected(self, claim: Claim, parcel: Parcel, error: GatewayError) -> None:
        """A documented error sentence: nothing was charged, and trying again would change nothing."""
        if isinstance(error, (AuthenticationError, InsufficientCredits)):
            self._fail(error)
            await self._free(claim, parcel, str(error))
            return
        self.refusals.update(dict.fromkeys(claim.taken, str(error)))
        await self._run.in_one_flush(self._run.journal.refused, claim.call_id, str(error))
        self._give_back(len(claim.taken), parcel)

    async def _free(self, claim: Claim, parcel: Parcel, problem: str) -> None:
        await self._run.in_one_flush(self._run.journal.refused, claim.call_id, problem)
        self._give_back(len(claim.taken), parcel)
        self.todo.extendleft(reversed(claim.taken))

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
