"""What the two halves of a run share: the paid one, `submitting`, and the free one, `polling`.

The gateway, the journal on a thread of its own, the gate, the budget and the lease. Decisions are in `pacing` and
`budget`, durability is in `journal`; `lookups` is the walk that uses all of it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import random
import time
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from isms_data import pacing
from isms_data.budget import Budget
from isms_data.errors import (
    GatewayUnavailable,
    IsmsWarning,
    JournalError,
    ProtocolError,
    ReplyLost,
)
from isms_data.journal.calls import Journal
from isms_data.journal.shares import Limit
from isms_data.journal.standing import Standing
from isms_data.progress import Progress, counted
from isms_data.sharing import shared
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from decimal import Decimal

    from isms_data.account import Account
    from isms_data.journal.standing import Scope, Standings

P = ParamSpec("P")
T = TypeVar("T")

_RANDOM: Final = random.Random()  # noqa: S311 - it spreads retries, it keeps no secret

HTTP: Final = "http"
"""What the journal calls the calls that are under way at once."""

BALANCE_PATIENCE_S: Final = 20.0
"""How long the question for the balance, with which paying begins, is repeated when the gateway does not answer."""


class Slot:
    """A place in the gate, and what became of its call; a call of which nothing is said ended without telling."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._ticket: int | None = places.gate.started()

    def succeeded(self) -> None:
        """The call was served."""
        self._give_back(self._places.gate.succeeded)

    def pushed_back(self) -> None:
        """The call was refused for its number."""
        self._give_back(self._places.gate.pushed_back)

    def ended(self) -> None:
        """The call is over."""
        self._give_back(lambda _: self._places.gate.ended())

    def _give_back(self, tell: Callable[[int], None]) -> None:
        if self._ticket is not None:
            tell(self._ticket)
            self._ticket = None
            self._places.hand_on()


class Places:
    """The gate, and the line of calls that wait for a place in it. Who waits goes before who only asks (`spare`)."""

    def __init__(self, gate: pacing.Gate) -> None:
        self.gate = gate
        self._line: deque[asyncio.Future[Slot]] = deque()

    @property
    def spare(self) -> bool:
        """Whether there is a place that nobody waits for."""
        return not self._line and self.gate.free > 0

    async def next(self) -> Slot:
        """A place, in the order of arrival."""
        if self.spare:
            return Slot(self)
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                turn.result().ended()
            raise

    # As a user of the account's share (`sharing.User`)

    @property
    def in_use(self) -> int:
        """Calls that are out."""
        return self.gate.in_flight

    def limit(self, share: int, sure_until: float) -> None:  # noqa: ARG002 - a claim is renewed with each call
        """Have so many places at most."""
        self.gate.bound(share)
        self.hand_on()

    def lapsed(self) -> None:
        """A call leaves as soon as it is claimed, so none waits."""

    def hand_on(self) -> None:
        """Give the places that are free to those who wait."""
        while self._line and self.gate.free > 0:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(Slot(self))


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
    places: Places
    remarks: list[str] = field(default_factory=list)
    _waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    async def on_disk(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this on the journal's thread, so that a slow disk does not hold up the network."""
        return await _on(self.disk, partial(function, *args, **kwargs))

    def in_one_flush(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Do this on the journal's thread, in one transaction with all that waits for the disk by then.

        A paid call needs two flushes of its own otherwise, and a disk makes some hundred of them a second. It will be
        done whether or not it is awaited.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        done.add_done_callback(
            lambda ended: ended.cancelled() or ended.exception()
        )  # who asked may have been cancelled
        self._waiting.append((partial(function, *args, **kwargs), done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return asyncio.shield(done)

    async def _write(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            try:
                results = await self.on_disk(self.journal.together, [task for task, _ in together])
            except Exception as error:  # noqa: BLE001 - raised where each of them is awaited
                for _, done in together:
                    done.set_exception(error)
            else:
                for (_, done), result in zip(together, results, strict=True):
                    if isinstance(result, Exception):
                        done.set_exception(result)
                    else:
                        done.set_result(result)
        self._writing = None

    async def written(self) -> None:
        """Wait until everything that was to be written is."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def standings(self, numbers: Sequence[int], scope: Scope) -> Standings:
        """How each of the numbers stands, those of which nothing is known as free; for one of `file.in_parts`."""
        found: Standings = dict.fromkeys(numbers, (Standing.FREE, None))
        return found | await self.on_disk(self.journal.standings, numbers, scope)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Room for a call that is more urgent than a question."""
        slot = await self.places.next()
        try:
            yield slot
        finally:
            slot.ended()

    async def balance(self) -> Decimal:
        """The balance, asked again for a while where the gateway does not answer, and kept as evidence."""
        began, since = time.monotonic(), self.journal.now()
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
        await self.on_disk(self.journal.keep_balance, balance, since)
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

    max_wait_s: float
    price: Decimal
    max_credits: Decimal | None = None


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
        run = Run(account, gateway, journal, progress, budget, terms.max_wait_s, disk, Places(gate))
        try:
            async with shared(run, Limit(HTTP, account.max_in_flight, least=1, settle_s=0.0), run.places):
                yield run
        finally:
            await run.written()
    for remark in run.remarks:
        warnings.warn(remark, IsmsWarning, stacklevel=2)


@asynccontextmanager
async def _journal_thread(account: Account, operation: str) -> AsyncIterator[tuple[ThreadPoolExecutor, Journal]]:
    """The journal of a run, on its one thread. What is opened there is closed there, wherever a cancellation falls."""
    disk, journals = ThreadPoolExecutor(1, thread_name_prefix="isms_journal"), []

    def open_it() -> Journal:
        journals.append(Journal(account.journal_place, account.label, operation).__enter__())
        return journals[0]

    def close_it() -> None:
        for journal in journals:
            try:
                journal.__exit__(None, None, None)
            except JournalError as error:  # what the run did or what ended it matters more than that it ended
                logging.getLogger("isms_data").warning("the end of the run is not written down: %s", error)

    try:
        yield disk, await _on(disk, open_it)
    finally:
        closing = _on(disk, close_it)
        disk.shutdown(wait=False)
        await closing


def _on(disk: ThreadPoolExecutor, function: Callable[[], T]) -> asyncio.Future[T]:
    """Do it on that thread. A cancellation ends the waiting, never the writing: what is queued will be written."""
    return asyncio.shield(asyncio.get_running_loop().run_in_executor(disk, function))
