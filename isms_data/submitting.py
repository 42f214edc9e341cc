"""The paid half of a run: numbers to batches, each batch claimed, sent once, and its outcome kept.

What must change together. Between the claim (the intent is on disk) and the outcome (accepted, refused, in doubt) a
batch belongs to nobody else. A refusal frees it and it may be tried again; whatever is not clearly a refusal is in
doubt, and is never sent again from here. A stop lets the calls that are under way come to their end for `GRACE_S`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from isms_data.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    InsufficientCredits,
    IsmsError,
    JournalError,
    ProtocolError,
    ReplyLost,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from isms_data.journal import Claim, Lookup, Standing
    from isms_data.runs import Run

AT_ONCE: Final = 4
"""Paid calls under way at once; what is under way at a crash is in doubt, so there are few."""

GRACE_S: Final = 5.0
"""How long a stop waits for the replies of the paid calls that are under way."""

PATIENCE_S: Final = 300.0
"""How long a gateway that refuses everything is tried again, `max_wait` at most; the rest is left unattempted then."""

DOUBTS_IN_A_ROW: Final = 5
"""So many paid calls without a usable reply, one after another: something is broken, and more would be money lost."""

HTTP_TOO_LONG: Final = 414
_PASSING: Final = frozenset({None, 408, 425, 429, 503})
"""Refusals that a later try may find gone; None stands for a gateway that was not reached."""


class Submitter:
    """Pays for the numbers in `todo`, in their order."""

    def __init__(
        self,
        run: Run,
        submit: Callable[[list[int]], Awaitable[str]],
        *,
        room: int,
        max_age: int,
        label: str | None,
        accepted: Callable[[Claim, str], None],
        met: Callable[[dict[int, tuple[Standing, Lookup]]], None],
    ) -> None:
        self.todo: deque[int] = deque()
        self.refusals: dict[int, str] = {}
        """Numbers that were refused for good in this run, and why."""
        self.stopped: str | None = None
        """Why no more is paid for, once that is so."""
        self._run, self._submit = run, submit
        self._room, self._max_age, self._label = room, max_age, label
        self._accepted, self._met = accepted, met
        self._stop = asyncio.Event()
        self._failure: IsmsError | None = None
        self._calls = 0
        self._price_known = False
        self._pause_until = 0.0
        self._refused_since: float | None = None
        self._refusals = 0
        self._doubts = 0

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
            self._stop.set()
            await asyncio.wait([paying], timeout=GRACE_S)
            paying.cancel()
            await asyncio.wait([paying])
            self._stop.clear()
        if not paying.cancelled():
            paying.result()
        if self._failure is not None:
            raise self._failure
        if self.todo and self.stopped is None:
            self.stopped = self._out_of_budget()

    async def _pay_all(self) -> None:
        if self._run.budget.balance is None:
            self._run.budget.balance = await self._run.balance()
        while self.todo and not self._price_known and not self._halted:
            if not await self._first_call():
                break
            await self._pause()
        await asyncio.gather(*(self._work() for _ in range(AT_ONCE)))

    async def _first_call(self) -> bool:
        """Make one call by itself, to see what it takes from the balance; False when the budget allows none.

        Under a hard limit it is for one number, so that a price higher than planned cannot run far over.
        """
        budget = self._run.budget
        alone = not await self._run.on_disk(self._run.journal.others_alive)
        batch = self._next_batch(most=1 if budget.max_credits is not None else None)
        if not batch:
            return False
        units = await self._pay(batch)
        if units:
            self._price_known = True
            if alone:
                await self._measure(units)
        return True

    async def _measure(self, units: int) -> None:
        planned = self._run.budget.price
        try:
            after = await self._run.balance()
        except GatewayError:
            return
        price = self._run.budget.measured(units, after)
        if price is not None:
            self._run.warn(
                f"a unit costs {price:f} credits, not {planned:f} as planned, so the run counts with {price:f}. "
                "Set it in the account (credits_per_lookup or credits_per_segment)."
            )

    async def _work(self) -> None:
        while not self._halted and (batch := self._next_batch()):
            await self._pay(batch)
            await self._pause()

    @property
    def _halted(self) -> bool:
        return self._stop.is_set() or self.stopped is not None or self._failure is not None

    def _next_batch(self, *, most: int | None = None) -> list[int]:
        """The next numbers that share a call: within the count, the request line and the budget."""
        budget = self._run.budget
        most = min(most or self._run.account.max_per_call, len(self.todo))
        count = budget.affordable(most)
        if not count and not self._calls and (budget.max_credits is None or budget.max_credits >= budget.price):
            count = min(1, most)  # the balance seems too small: the gateway shall say so itself
        batch: list[int] = []
        room = self._room
        while len(batch) < count and (room := room - len(str(self.todo[0])) - 1) >= 0:
            batch.append(self.todo.popleft())
        budget.take(len(batch))
        return batch

    async def _pay(self, batch: list[int]) -> int:
        """Claim, call, keep the outcome; how many units were accepted."""
        run = self._run
        try:
            claim = await run.on_disk(
                run.journal.claim, batch, max_age=self._max_age, label=self._label, price=run.budget.price
            )
        except JournalError as error:
            self._failure = error
            return 0
        self._met(claim.others)
        run.budget.give_back(len(batch) - len(claim.taken))
        if not claim.taken:
            return 0
        if self._stop.is_set():
            await self._free(claim, "the run was stopped before the call left")
            return 0
        self._calls += 1
        return await self._call(claim)

    async def _call(self, claim: Claim) -> int:
        gate = self._run.gate
        ticket = gate.started()
        try:
            message_id = await self._submit(claim.taken)
        except GatewayUnavailable as error:
            gate.pushed_back(ticket)
            await self._refused(claim, error)
        except (ReplyLost, ProtocolError) as error:
            gate.ended()
            await self._doubtful(claim, error)
        except GatewayError as error:
            gate.ended()
            await self._rejected(claim, error)
        else:
            gate.succeeded(ticket)
            return await self._keep(claim, message_id)
        return 0

    async def _keep(self, claim: Claim, message_id: str) -> int:
        try:
            await self._run.on_disk(self._run.journal.accepted, claim.call_id, message_id)
        except JournalError as error:
            note = f" The last call was accepted as {message_id} ({len(claim.taken)} numbers); write this id down."
            self._failure = JournalError(str(error) + note)
            return 0
        self._refused_since, self._refusals, self._doubts = None, 0, 0
        self._accepted(claim, message_id)
        return len(claim.taken)

    async def _refused(self, claim: Claim, error: GatewayUnavailable) -> None:
        """Nothing was charged: put the numbers back, and wait as long as the gateway asks, or longer and longer."""
        if error.status == HTTP_TOO_LONG and len(claim.taken) > 1:
            self._room = sum(len(str(number)) + 1 for number in claim.taken) // 2
            await self._free(claim, str(error))
            return
        await self._free(claim, str(error))
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
        await self._write(self._run.journal.in_doubt, claim.call_id, str(error))
        self._doubts += 1
        if self._doubts >= DOUBTS_IN_A_ROW:
            self.stopped = f"{self._doubts} paid calls in a row had no usable reply, so no more are made: {error}"

    async def _rejected(self, claim: Claim, error: GatewayError) -> None:
        """A documented error sentence: nothing was charged, and trying again would change nothing."""
        await self._write(self._run.journal.refused, claim.call_id, str(error))
        self._run.budget.give_back(len(claim.taken))
        if isinstance(error, (AuthenticationError, InsufficientCredits)):
            self.todo.extendleft(reversed(claim.taken))
            self._failure = error
        else:
            self.refusals.update(dict.fromkeys(claim.taken, str(error)))

    async def _free(self, claim: Claim, problem: str) -> None:
        await self._write(self._run.journal.refused, claim.call_id, problem)
        self._run.budget.give_back(len(claim.taken))
        self.todo.extendleft(reversed(claim.taken))

    async def _write(self, write: Callable[[int, str], None], call_id: int, problem: str) -> None:
        try:
            await self._run.on_disk(write, call_id, problem)
        except JournalError as error:
            self._failure = error

    async def _pause(self) -> None:
        while not self._halted and (wait := self._pause_until - time.monotonic()) > 0:
            await _until(self._stop, wait)

    def _out_of_budget(self) -> str:
        budget = self._run.budget
        needed = budget.price * len(self.todo)
        return (
            f"{budget.limited_by} is used up: {len(self.todo):,} numbers were not attempted, which would take "
            f"{needed:f} credits more ({budget.spent:f} spent in this run)."
        )


async def _until(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for the event, so long at most."""
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return
