"""What a run may still spend. Pure: it counts, it asks nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil
from typing import Final

from isms_data.errors import ConfigurationError


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
    planned: Decimal = field(init=False)
    """The price of the plan, to be told from a measured one."""

    def __post_init__(self) -> None:
        self.planned = self.price

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

    def measured(self, units: int, before: Decimal, after: Decimal) -> bool:
        """Count with what accepted calls for so many units really took from the balance; whether that is exact.

        The balance is rounded. Where rounding explains the difference, the plan stands; where it leaves the price
        open, the upper bound counts, so that a limit is kept, until more units tell it exactly.
        """
        taken, rounding = before - after, self.rounding(before, after)
        if taken <= 0:
            return False
        exact = rounding <= EXACT * taken
        if not exact:
            self._count_with(max(self.planned, (taken + rounding) / units), units)
        elif abs(taken - self.planned * units) < rounding:
            self._count_with(self.planned, units)
        else:
            self._count_with(taken / units, units)
        return exact

    def more_units(self, units: int, before: Decimal, after: Decimal) -> int:
        """How many units more would tell the price exactly, by what is known of it so far."""
        missing = self.rounding(before, after) / EXACT - (before - after)
        return max(1, ceil(missing / self.price)) if self.price and units else 1

    def _count_with(self, price: Decimal, units: int) -> None:
        self.spent = price * (self.spent / self.price if self.price else units)
        self.price = price

    @staticmethod
    def rounding(before: Decimal, after: Decimal) -> Decimal:
        """How far two readings of the balance may be off: one in the last decimal that they show."""
        return max(_last_place(before), _last_place(after))


EXACT: Final = Decimal("0.01")
"""A balance whose last decimal is at most this part of what was taken tells the price exactly enough."""


def credit_limit(max_credits: float | Decimal | None) -> Decimal | None:
    """What a caller gave as `max_credits`, checked.

    >>> credit_limit(12.5)
    Decimal('12.5')
    """
    if max_credits is None:
        return None
    limit = Decimal(str(max_credits))
    if limit.is_nan() or limit < 0:
        msg = f"max_credits={max_credits!r} is not an amount of credits."
        raise ConfigurationError(msg)
    return limit


def _last_place(amount: Decimal) -> Decimal:
    """The value of one in the last decimal that an amount shows."""
    return Decimal(1).scaleb(int(amount.as_tuple().exponent))
