"""The limit is hard, and what may have been spent counts as spent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.budget import Budget

AMOUNT = st.decimals(min_value=0, max_value=1000, places=2)
PRICE = st.decimals(min_value="0.01", max_value=10, places=2)


@given(PRICE, AMOUNT, AMOUNT, st.lists(st.integers(0, 50)))
def test_budget_is_never_passed(price: Decimal, limit: Decimal, balance: Decimal, wishes: list[int]) -> None:
    """However many units are asked for, what is taken stays within the limit and the balance."""
    budget = Budget(price, limit, balance)
    for wish in wishes:
        budget.take(budget.affordable(wish))

    assert budget.spent <= min(limit, balance)


@given(PRICE, AMOUNT, st.integers(1, 50))
def test_budget_takes_what_fits(price: Decimal, limit: Decimal, wish: int) -> None:
    """One unit more than is affordable would not fit."""
    budget = Budget(price, limit)
    units = budget.affordable(wish)

    assert units == wish or price * (units + 1) > limit


def test_budget_without_limit() -> None:
    """Nothing limits a run whose caller set no limit and whose balance is not known; nothing limits what is free."""
    assert Budget(Decimal(1)).affordable(7) == 7
    assert Budget(Decimal(0), Decimal(0)).affordable(7) == 7


def test_budget_refused_units_come_back() -> None:
    """What was refused can be spent again."""
    budget = Budget(Decimal(2), Decimal(10))
    budget.take(5)
    budget.give_back(3)

    assert (budget.affordable(9), budget.spent) == (3, 4)


def test_budget_measures_the_price() -> None:
    """What accepted calls took tells the price, and the limit counts with it from then on."""
    budget = Budget(Decimal(1), Decimal(100), Decimal(1000))
    budget.take(10)

    assert budget.measured(10, Decimal("1000.00"), Decimal("985.00"))
    assert (budget.price, budget.spent, budget.affordable(1000)) == (Decimal("1.5"), 15, 56)


def test_budget_keeps_the_planned_price() -> None:
    """A price as planned is confirmed; a balance that did not fall tells nothing."""
    budget = Budget(Decimal(1), balance=Decimal(100))
    budget.take(10)

    assert not budget.measured(10, Decimal("100.00"), Decimal("100.00"))
    assert budget.measured(10, Decimal("100.00"), Decimal("90.00"))
    assert (budget.price, budget.spent) == (1, 10)


@pytest.mark.parametrize("after", ["9.99", "9.98"])
def test_budget_takes_an_uncertain_price_at_its_upper_bound(after: str) -> None:
    """A price that rounding leaves open is never counted for less than it may be, and more units are asked for."""
    budget = Budget(Decimal("0.014"))
    readings = Decimal("10.00"), Decimal(after)

    assert not budget.measured(1, *readings)
    assert budget.price == readings[0] - readings[1] + Decimal("0.01")
    assert budget.more_units(1, *readings) * budget.price + readings[0] - readings[1] >= 1


def test_budget_forgives_rounding() -> None:
    """A difference that the rounding of the balance explains is no other price."""
    budget = Budget(Decimal("0.01435"))

    assert budget.measured(100, Decimal("10.00"), Decimal("8.57"))
    assert budget.price == Decimal("0.01435")


def test_budget_measures_where_the_plan_was_free() -> None:
    """A lookup planned as free that costs something after all is counted."""
    budget = Budget(Decimal(0), balance=Decimal(100))
    budget.take(10)

    assert budget.more_units(10, Decimal("100.00"), Decimal("99.99")) == 1
    assert budget.measured(10, Decimal("100.00"), Decimal("80.00"))
    assert (budget.price, budget.spent) == (2, 20)


def test_budget_names_the_nearer_limit() -> None:
    """The message about what ended a run names the limit that did."""
    assert Budget(Decimal(1), Decimal(5), Decimal(9)).limited_by == "max_credits"
    assert Budget(Decimal(1), Decimal(9), Decimal(5)).limited_by == "the balance"
    assert Budget(Decimal(1), None, Decimal(5)).limited_by == "the balance"
