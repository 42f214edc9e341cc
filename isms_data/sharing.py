"""One account, one rate: what a run may use of the account's limits, while others use them too, on any machine.

A run looks once a second who else lives. Where it must give something up it does so first and says so in the journal
afterwards; where it may have more, the journal says so first and it waits until what the others gave up is no more
remembered. So a run that joins has its share within a few seconds, and at no moment do all together have more than the
whole. A share is held no longer than the lease: a run that cannot renew it, because it is cut off from the journal,
stops by itself before the others take it for dead.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from isms_data.errors import JournalError
from isms_data.leases import LEASE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from isms_data.journal.shares import Limit
    from isms_data.runs import Run

LOOK_S: Final = 1.0
"""How often a run looks who else lives."""

SURE_S: Final = LEASE_S * 0.8
"""How long after a look a share is sure: less than the lease, for the way there and a machine that was busy."""


class User(Protocol):
    """What keeps to a share."""

    @property
    def in_use(self) -> int:
        """How much of it cannot be given up at once."""

    def limit(self, share: int, sure_until: float) -> None:
        """Use so much from now on, and nothing once that time has come (seconds, monotonic)."""

    def lapsed(self) -> None:
        """Others may have taken the run for dead: what it has claimed and not begun must not leave any more."""


class Sharing:
    """A run's share of one limit."""

    def __init__(self, run: Run, limit: Limit, user: User) -> None:
        self._run, self._limit, self._user = run, limit, user
        self._sure_until = math.inf
        self._used = 0
        """What is in use, as far as the user was told."""
        self._held: int | None = None
        """What the journal says."""
        self._growing: asyncio.TimerHandle | None = None

    async def look(self) -> None:
        """See what is fair now, and go there."""
        journal, sure_until = self._run.journal, time.monotonic() + SURE_S
        fair = await self._run.on_disk(journal.fair_share, self._limit)
        if time.monotonic() >= self._sure_until:
            self._user.lapsed()
        if fair < self._used:
            self._tell(fair, sure_until)
        if fair == self._held and (fair == self._used or self._growing is not None):
            self._tell(self._used, sure_until)
            return
        share = await self._run.on_disk(journal.take_share, self._limit, in_use=self._user.in_use)
        self._held = share.held
        self.stop()
        if share.after_s <= 0 or share.granted <= self._used:
            self._tell(share.granted, sure_until)
        else:
            self._tell(self._used, sure_until)
            self._growing = asyncio.get_running_loop().call_later(share.after_s, self._grow, share.granted, sure_until)

    def _grow(self, share: int, sure_until: float) -> None:
        self._growing = None
        self._tell(share, sure_until)

    def _tell(self, share: int, sure_until: float) -> None:
        self._used, self._sure_until = share, sure_until
        self._user.limit(share, sure_until)

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            with suppress(JournalError):  # what is sure stays so for a while; who claims next will say so
                await self.look()

    def stop(self) -> None:
        """Do not grow to what was waited for."""
        if self._growing is not None:
            self._growing.cancel()
            self._growing = None


@asynccontextmanager
async def shared(run: Run, limit: Limit, user: User) -> AsyncIterator[None]:
    """Keep to the run's share of this limit."""
    sharing = Sharing(run, limit, user)
    await sharing.look()
    keeping = asyncio.create_task(sharing.keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        sharing.stop()
