"""What a unit really costs: seen by what the first paid calls of a run take from the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.errors import AuthenticationError, GatewayError

if TYPE_CHECKING:
    from decimal import Decimal

    from isms_data.runs import Run

PROBES: Final = 5
"""So many times at most the price is tried."""


class Probe(NamedTuple):
    """Accepted units, between two readings of the balance."""

    units: int
    before: Decimal
    after: Decimal


class Pricing:
    """The price of a run's unit. Under a hard limit the first call is for one number, so that a price higher than
    planned cannot run far over; it is tried again, with more units where rounding hides the price, until it is known.
    """

    def __init__(self, run: Run) -> None:
        self.known = False
        """Whether no more is to be tried."""
        self.measured = False
        """Whether the price is known and not only planned."""
        self.stopped: str | None = None
        """Why nothing may be paid for, if so."""
        self.reading: Decimal | None = None
        """The balance, as long as no call was made since it was read."""
        self._run = run
        self._probes: list[Probe] = []
        self._tries = 0
        self._alone = True
        """Whether no other run paid from the same account since the first probe."""

    def distrust(self) -> None:
        """A call may have been charged: what was read before tells nothing now."""
        self.reading = None
        self._probes.clear()

    def probe_units(self) -> int | None:
        """For how many units the next call may be; None where there is no hard limit."""
        if not self._limited:
            return None
        return self._run.budget.more_units(*self._all_probes()) if self._alone and self._probes else 1

    async def balance_before(self) -> Decimal | None:
        """The balance with no call of this run under way; only the first question for it may fail the run."""
        first = self._run.budget.balance is None
        try:
            reading = self.reading if self.reading is not None else await self._run.balance()
        except GatewayError as error:
            if first or isinstance(error, AuthenticationError):
                raise
            self.stopped = f"the balance cannot be read any more: {error}"
            return None
        if first:
            self._run.budget.balance = reading
        return reading

    async def learn(self, before: Decimal, units: int, since: int) -> None:
        """So many units were accepted since the balance was read, at `since`, as `before`."""
        run = self._run
        after = self.reading = await self._balance_after(before)
        self._alone = self._alone and await run.on_disk(run.journal.alone_since, since)
        if after is not None and after < before:
            self._probes.append(Probe(units, before, after))
        await self._conclude()

    async def _balance_after(self, before: Decimal) -> Decimal | None:
        """The balance after a charge; asked twice where it shows none, because some show it one question late."""
        try:
            after = await self._run.balance()
            return after if after != before else await self._run.balance()
        except GatewayError:
            return None

    @property
    def _limited(self) -> bool:
        return self._run.budget.max_credits is not None

    def _all_probes(self) -> Probe:
        """All probes as one: what they took together is the less rounded."""
        units = sum(probe.units for probe in self._probes)
        return Probe(units, self._probes[0].before, self._probes[-1].after)

    async def _conclude(self) -> None:
        """Another run's charges make the price seem higher, never lower: then the lowest of several readings counts."""
        limited, budget = self._limited, self._run.budget
        self._tries += 1
        last_try = not limited or self._tries >= PROBES
        if not self._probes:
            self.known = last_try and (not limited or self.reading is not None)
            if last_try and not self.known:
                self.stopped = "the balance cannot be read, so the price is not known and max_credits cannot be kept"
        elif self._alone:
            exact = budget.measured(*self._all_probes())
            self.known = exact or last_try
            if exact:
                await self._confirm()
        elif limited:
            lowest = min(self._probes, key=lambda probe: (probe.before - probe.after) / probe.units)
            exact = budget.measured(*lowest)
            self.known = last_try or (exact and budget.price == budget.planned)
        else:
            self.known = True

    async def _confirm(self) -> None:
        price, planned = self._run.budget.price, self._run.budget.planned
        self.measured = True
        await self._run.on_disk(self._run.journal.confirm_price, price)
        if price != planned:
            self._run.warn(
                f"a unit costs {price:f} credits, not {planned:f} as planned, so the run counts with {price:f}. "
                "Set it in the account (credits_per_lookup or credits_per_segment)."
            )
