"""What a run may still spend. Pure: it counts, it asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass
class Budget:
    """The hard limit of a run, in credits, counted before each paid call.

    What is under way or in doubt counts as spent: it may have been.
    """

    price: Decimal
    """Credits per unit (a lookup, a segment): the plan's, until `measured` corrects it."""
    max_credits: Decimal | None = None
    balance: Decimal | None = None
    """What the account had before the run's first paid call; None while not known."""
    spent: Decimal = Decimal(0)

    @property
    def limited_by(self) -> str:
        """Which limit is the nearer one: `max_credits` or `the balance`."""
        by_user = self.max_credits is not None and (self.balance is None or self.max_credits <= self.balance)
        return "max_credits" if by_user else "the balance"

    def affordable(self, units: int) -> int:
        """How many of so many units may be paid for now."""
        limits = [limit for limit in (self.max_credits, self.balance) if limit is not None]
        if not limits or self.price == 0:
            return units
        return max(0, min(units, int((min(limits) - self.spent) // self.price)))

    def take(self, units: int) -> None:
        """Count the units as spent; `give_back` what was not charged."""
        self.spent += self.price * units

    def give_back(self, units: int) -> None:
        """These units were refused, or not asked for after all."""
        self.spent -= self.price * units

    def measured(self, units: int, balance_after: Decimal) -> Decimal | None:
        """Compare the plan's price with what the run's first accepted call really took from the balance.

        Returns the measured price where it differs, and counts with it from then on. A balance that did not fall says
        nothing (the charge may come late): then the plan's price stays.
        """
        if self.balance is None:
            return None
        price = (self.balance - balance_after) / units
        if price <= 0 or price == self.price:
            return None
        self.spent = price * (self.spent / self.price if self.price else units)
        self.price = price
        return price
