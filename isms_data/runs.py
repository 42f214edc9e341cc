"""The bulk engine: numbers in, each asked once, every answer on disk; resumed by calling again.

`Run` is what the two halves of a run share (the paid one, `submitting`; the free one, `polling`): the gateway, the
journal on a thread of its own, the gate, the budget and the lease. `look_up` is the walk: what the journal knows, what
must be paid for, what must be waited for, and what another process is paying for meanwhile.
Decisions are in `pacing` and `budget`, durability is in `journal`; what is here is the crossing.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import random
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from isms_data import pacing
from isms_data.budget import Budget
from isms_data.errors import (
    ConfigurationError,
    GatewayUnavailable,
    IsmsWarning,
    JournalError,
    ProtocolError,
    ReplyLost,
)
from isms_data.journal import AT_ONCE, LEASE_S, AnswerKind, Claim, Journal, Lookup, Standing, now
from isms_data.polling import Poller, Question
from isms_data.progress import Progress, counted
from isms_data.submitting import Submitter
from isms_data.transports.http import HttpGateway
from isms_data.vocabulary import HLR, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from isms_data.account import Account

P = ParamSpec("P")
T = TypeVar("T")

_RANDOM: Final = random.Random()  # noqa: S311 - it spreads retries, it keeps no secret

WATCH_S: Final = 0.5
"""How often the journal is read for numbers that another process holds."""

BALANCE_PATIENCE_S: Final = 20.0
"""How long the question for the balance, with which paying begins, is repeated when the gateway does not answer."""


SLOT_S: Final = 0.01
"""How often an urgent call looks for a place; it waits for one reply at most."""


class Slot:
    """A place in the gate, and what became of its call; a call of which nothing is said ended without telling."""

    def __init__(self, gate: pacing.Gate) -> None:
        self._gate = gate
        self._ticket: int | None = gate.started()

    def succeeded(self) -> None:
        """The call was served."""
        if self._ticket is not None:
            self._gate.succeeded(self._ticket)
            self._ticket = None

    def pushed_back(self) -> None:
        """The call was refused for its number."""
        if self._ticket is not None:
            self._gate.pushed_back(self._ticket)
            self._ticket = None

    def ended(self) -> None:
        """The call is over."""
        if self._ticket is not None:
            self._gate.ended()
            self._ticket = None


@dataclass(eq=False)
class Run:
    """What one run shares; made by `opened`."""

    account: Account
    gateway: HttpGateway
    journal: Journal
    progress: Progress
    budget: Budget
    max_wait_s: float
    disk: ThreadPoolExecutor
    gate: pacing.Gate
    urgent: int = 0
    """How many calls wait for a place that no question may take."""
    remarks: list[str] = field(default_factory=list)

    async def on_disk(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this on the journal's thread, so that a slow disk does not hold up the network."""
        return await asyncio.get_running_loop().run_in_executor(self.disk, partial(function, *args, **kwargs))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Room for a call that is more urgent than a question: questions leave it the next place in the gate."""
        self.urgent += 1
        try:
            while not self.gate.free:  # noqa: ASYNC110 - the gate is pure and wakes nobody
                await asyncio.sleep(SLOT_S)
            slot = Slot(self.gate)
        finally:
            self.urgent -= 1
        try:
            yield slot
        finally:
            slot.ended()

    async def balance(self) -> Decimal:
        """The balance, asked again for a while where the gateway does not answer, and kept as evidence."""
        began = time.monotonic()
        for attempt in itertools.count():
            try:
                async with self.slot():
                    balance = await self.gateway.credits()
            except (GatewayUnavailable, ReplyLost, ProtocolError) as error:
                retry_after = getattr(error, "retry_after", None)
                waited = time.monotonic() - began
                wait = self.delay(attempt, retry_after, waited=waited, patience_s=BALANCE_PATIENCE_S)
                if wait == math.inf:
                    raise
                await asyncio.sleep(wait)
            else:
                break
        await self.on_disk(self.journal.keep_balance, balance)
        return balance

    def delay(
        self, attempt: int, retry_after: float | None = None, *, waited: float = 0.0, patience_s: float = math.inf
    ) -> float:
        """Seconds until the next try, after so many before it; infinity where patience would be over by then."""
        backoff = pacing.Backoff(patience=min(patience_s, self.max_wait_s) if patience_s < math.inf else math.inf)
        wait = backoff.delay(attempt, waited=waited, random=_RANDOM, retry_after=retry_after)
        return math.inf if wait is None else wait

    def warn(self, remark: str) -> None:
        """Tell the caller something when the run has ended; a warning raised here would break off paid work."""
        self.remarks.append(remark)


@dataclass(frozen=True)
class Terms:
    """What the caller of a run decides."""

    max_age_s: float
    max_wait_s: float
    max_credits: Decimal | None
    price: Decimal
    label: str | None


@dataclass
class Found:
    """What became of each number, in the order of the numbers."""

    outcomes: list[Outcome]
    replies: list[str | None]
    problems: list[str | None]
    message_ids: list[str | None]
    submitted_at: list[int | None]
    resolved_at: list[int | None]


@asynccontextmanager
async def opened(account: Account, operation: str, terms: Terms) -> AsyncIterator[Run]:
    """A run with its journal, its gateway and its lease; on leaving, all of them are closed, in this order reversed."""
    async with (
        _journal_thread(account, operation) as (disk, journal),
        HttpGateway(account) as gateway,
        counted(operation, shown=account.shows_progress) as progress,
    ):
        budget = Budget(terms.price, terms.max_credits)
        gate = pacing.Gate(start=min(8, account.max_in_flight), maximum=account.max_in_flight)
        run = Run(account, gateway, journal, progress, budget, terms.max_wait_s, disk, gate)
        lease = asyncio.create_task(_keep_lease(run))
        try:
            yield run
        finally:
            lease.cancel()
            await asyncio.wait([lease])
    for remark in run.remarks:
        warnings.warn(remark, IsmsWarning, stacklevel=2)


@asynccontextmanager
async def _journal_thread(account: Account, operation: str) -> AsyncIterator[tuple[ThreadPoolExecutor, Journal]]:
    """The journal of a run, on its one thread. What is opened there is closed there, wherever a cancellation falls."""
    disk, journals = ThreadPoolExecutor(1, thread_name_prefix="isms_journal"), []

    def open_it() -> Journal:
        journals.append(Journal(account.journal_folder, account.label, operation).__enter__())
        return journals[0]

    def close_it() -> None:
        for journal in journals:
            try:
                journal.__exit__(None, None, None)
            except JournalError as error:  # what the run did or what ended it matters more than that it ended
                logging.getLogger("isms_data").warning("the end of the run is not written down: %s", error)

    try:
        yield disk, await asyncio.get_running_loop().run_in_executor(disk, open_it)
    finally:
        closing = asyncio.get_running_loop().run_in_executor(disk, close_it)
        disk.shutdown(wait=False)
        await closing


async def _keep_lease(run: Run) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 4)
        with suppress(JournalError):  # a disk that is full for a moment; who claims next will say so
            await run.on_disk(run.journal.renew)


Standings = dict[int, tuple[Standing, Lookup | None]]
"""How each number stands; without a lookup where there never was one."""


class LookUp:
    """One walk: what is known, what must be paid for, what must be waited for, what another process holds."""

    def __init__(self, run: Run, numbers: Sequence[int], terms: Terms) -> None:
        self._run, self._numbers, self._terms = run, numbers, terms
        self._began = now()
        self._oldest = self._began - int(terms.max_age_s * 1_000_000)
        self._wait_until = time.monotonic() + terms.max_wait_s
        self._held: set[int] = set()
        self._poller = Poller(run, run.gateway.hlr_query)
        self._submitter = Submitter(
            run,
            lambda batch: run.gateway.hlr(map(str, batch)),
            room=self._room(),
            oldest=self._oldest,
            label=terms.label,
            accepted=self._accepted,
            met=self._meet,
        )

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
        for part in _parts(self._numbers):
            await self._take_up(part)
        polling = asyncio.create_task(self._poller.work())
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
        try:
            await asyncio.wait([polling, answered], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answered.cancel()
        if polling.done():
            polling.result()

    async def _standings(self, numbers: Sequence[int]) -> Standings:
        """How each of the numbers stands."""
        journal = self._run.journal
        found: Standings = dict.fromkeys(numbers, (Standing.FREE, None))
        found.update(await self._run.on_disk(journal.standings, numbers, oldest=self._oldest))
        return found

    def _meet(self, standings: Mapping[int, tuple[Standing, Lookup | None]]) -> None:
        """Sort numbers by how they stand: to be paid for, to be asked about, held by another, or settled."""
        born = time.monotonic()
        for number, (standing, lookup) in standings.items():
            self._held.discard(number)
            if standing is Standing.FREE:
                self._submitter.todo.append(number)
            elif standing is Standing.HELD:
                self._held.add(number)
            elif standing is Standing.OPEN and lookup is not None and lookup.message_id is not None:
                age = max(0, now() - lookup.intended_at) / 1_000_000
                self._poller.add(Question(number, lookup.lookup_id, lookup.message_id), born - age)
            else:
                self._run.progress.done += 1

    def _accepted(self, claim: Claim, message_id: str) -> None:
        """Follow the numbers of a call that was accepted; the wait counts from the last one."""
        born = time.monotonic()
        self._wait_until = born + self._terms.max_wait_s
        self._run.progress.credits = self._run.budget.spent
        for place, number in enumerate(claim.taken):
            self._poller.add(Question(number, claim.first_id + place, message_id), born)

    async def _take_up(self, numbers: Sequence[int]) -> None:
        """See how these numbers stand, and go on with what a run that has ended left open."""
        standings = await self._standings(numbers)
        left = {lookup.call_id for standing, lookup in standings.values() if lookup and standing is Standing.OPEN}
        if left:
            await self._run.on_disk(self._run.journal.take_over, left)
        self._meet(standings)

    async def _watch(self) -> None:
        """See what became of the numbers that another process holds."""
        for part in _parts(sorted(self._held)):
            await self._take_up(part)

    async def _found(self) -> Found:
        found = Found([], [], [], [], [], [])
        for part in _parts(self._numbers):
            for number, (standing, lookup) in (await self._standings(part)).items():
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

    def _outcome(self, number: int, standing: Standing, lookup: Lookup | None) -> tuple[Outcome, str | None]:
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


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE))


async def look_up(account: Account, numbers: Sequence[int], terms: Terms) -> Found:
    """Look the distinct numbers up, each paid for once; what became of each, in their order."""
    if not numbers:
        return Found([], [], [], [], [], [])
    async with opened(account, "hlr", terms) as run:
        return await LookUp(run, numbers, terms).carry_out()
