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
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from isms_data import pacing
from isms_data.budget import Budget
from isms_data.errors import (
    GatewayUnavailable,
    IsmsWarning,
    JournalError,
    ProtocolError,
    ReplyLost,
)
from isms_data.journal import Journal, now
from isms_data.leases import LEASE_S
from isms_data.progress import Progress, counted
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from decimal import Decimal

    from isms_data.account import Account

P = ParamSpec("P")
T = TypeVar("T")

_RANDOM: Final = random.Random()  # noqa: S311 - it spreads retries, it keeps no secret

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
        return await _on(self.disk, partial(function, *args, **kwargs))

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
        began, since = time.monotonic(), now()
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

    max_age_s: float
    max_wait_s: float
    max_credits: Decimal | None
    price: Decimal
    label: str | None


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
        yield disk, await _on(disk, open_it)
    finally:
        closing = _on(disk, close_it)
        disk.shutdown(wait=False)
        await closing


def _on(disk: ThreadPoolExecutor, function: Callable[[], T]) -> asyncio.Future[T]:
    """Do it on that thread. A cancellation ends the waiting, never the writing: what is queued will be written."""
    return asyncio.shield(asyncio.get_running_loop().run_in_executor(disk, function))


async def _keep_lease(run: Run) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 4)
        with suppress(JournalError):  # a disk that is full for a moment; who claims next will say so
            await run.on_disk(run.journal.renew)
