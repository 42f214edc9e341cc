"""What a run may still spend. Pure: it counts, it asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


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

    def measured(self, units: int, before: Decimal, after: Decimal) -> Decimal | None:
        """Compare the plan's price with what accepted calls for so many units really took from the balance.

        Returns the measured price where it surely differs, and counts with it from then on. The balance is rounded:
        the plan stands as long as rounding can explain the difference, and a price too small to be read exactly is
        taken at its upper bound. A balance that did not fall says nothing, because a charge may come late.
        """
        taken, rounding = before - after, max(_last_place(before), _last_place(after))
        if taken <= 0 or abs(taken - self.price * units) < rounding:
            return None
        exact = rounding <= EXACT * taken
        price = (taken if exact else taken + rounding) / units
        self.spent = price * (self.spent / self.price if self.price else units)
        self.price = price
        return price


EXACT: Final = Decimal("0.01")
"""A balance whose last decimal is at most this part of what was taken tells the price exactly enough."""


def _last_place(amount: Decimal) -> Decimal:
    """The value of one in the last decimal that an amount shows."""
    return Decimal(1).scaleb(int(amount.as_tuple().exponent))
