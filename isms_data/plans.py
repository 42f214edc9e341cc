"""A plan, read: which of a frame's columns are the plan's, what it would cost, and how a campaign is called.

A plan is a frame with the columns of the table `plan`, perhaps under a prefix. What its rows do not tell, the price and
the balance at the time, is in its `attrs`, as values that JSON knows, so that a saved plan keeps it.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from isms_data import tables
from isms_data.errors import ColumnError, ConfigurationError
from isms_data.vocabulary import Action

PREFIX: Final = "plan_prefix"
SUMMARY: Final = "plan_summary"
"""What a plan has in its `attrs`."""

MAX_CAMPAIGN: Final = 100
"""Characters of a campaign's name; more is a text in the wrong place."""

_UNSEEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of characters that nobody sees: with one of them, two names that look the same would be two campaigns."""


def plan_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Under which name the frame has each column of the plan.

    Raises
    ------
    ColumnError   the frame is no plan: which columns it lacks.
    """
    prefix = frame.attrs.get(PREFIX, "") if isinstance(frame, pd.DataFrame) else ""
    known = frame.columns if isinstance(frame, pd.DataFrame) else []
    names = {name: prefix + name for name in tables.names("plan")}
    missing = [name for name in names.values() if name not in known]
    if missing:
        msg = f"this is no plan: it lacks {', '.join(map(repr, missing))}. Make one with isms.plan_messages."
        raise ColumnError(msg)
    return names


def plan_summary(plan: pd.DataFrame) -> pd.Series:
    """What a plan, or the part of it that is given, would cost.

    Parameters
    ----------
    plan : DataFrame
        What `plan_messages` gave, or some of its rows.

    Returns
    -------
    Series of object
        rows                  int       of the plan
        recipients            int       rows whose action is `send`
        skipped               int       the others
        segments              int       of the recipients
        credits_per_segment   Decimal   the account's price, by which the plan counts
        estimated_credits     Decimal   segments times price
        balance               Decimal   of the account when the plan was made; None where it could not be asked for
        balance_after         Decimal   what would be left; None likewise

        Price, balance and what follows from them are None where the frame has lost its `attrs` (as in `pd.concat`).

    Raises
    ------
    ColumnError   the frame is no plan.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> people = pd.DataFrame({"mobile": ["6970000001", "6970000002"], "name": ["Μαρία", None]})
    >>> with isms.sandbox() as account:
    ...     plan = isms.plan_messages(
    ...         people, "mobile", campaign="spring", sender="MyShop", text="Γεια {name}", account=account
    ...     )
    >>> isms.plan_summary(plan)
    rows                          2
    recipients                    1
    skipped                       1
    segments                      1
    credits_per_segment           1
    estimated_credits             1
    balance                10000.00
    balance_after           9999.00
    dtype: object
    """
    told = plan.attrs.get(SUMMARY, {}) if isinstance(plan, pd.DataFrame) else {}
    return summed(plan, price=_amount(told.get("credits_per_segment")), balance=_amount(told.get("balance")))


def summed(plan: pd.DataFrame, *, price: Decimal | None, balance: Decimal | None) -> pd.Series:
    """The summary of a plan at this price, from an account with this balance."""
    names = plan_columns(plan)
    sent = plan[names["action"]].eq(Action.SEND.value).to_numpy(dtype=bool, na_value=False)
    segments = int(plan[names["segments"]].to_numpy(dtype="int64", na_value=0)[sent].sum())
    cost = None if price is None else price * segments
    summary = {
        "rows": len(plan),
        "recipients": int(sent.sum()),
        "skipped": int((~sent).sum()),
        "segments": segments,
        "credits_per_segment": price,
        "estimated_credits": cost,
        "balance": balance,
        "balance_after": None if cost is None or balance is None else balance - cost,
    }
    return pd.Series(summary, dtype=object)


def kept(summary: pd.Series) -> dict[str, Any]:
    """A summary as values that JSON knows, amounts as text."""
    return {str(name): str(value) if isinstance(value, Decimal) else value for name, value in summary.items()}


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def checked_campaign(name: str) -> str:
    """The name by which the journal knows a campaign: without blanks at its ends, doubled ones, or loose accents.

    It is the key by which a number is written to once, so two names that look the same are the same.

    Raises
    ------
    ConfigurationError   no text, empty, longer than 100 characters, or with a character that cannot be seen.

    Examples
    --------
    >>> checked_campaign(" spring  2026 ")
    'spring 2026'
    """
    if not isinstance(name, str):
        msg = f"campaign={name!r} is a {type(name).__name__}. Call the campaign by a text, as in 'spring-2026'."
        raise ConfigurationError(msg)
    unseen = next((place for place, sign in enumerate(name) if unicodedata.category(sign) in _UNSEEN), None)
    if unseen is not None:
        msg = (
            f"campaign={name!r} has a character that cannot be seen (U+{ord(name[unseen]):04X} at position {unseen}). "
            "Leave it out: the name is the key by which each number is written to once."
        )
        raise ConfigurationError(msg)
    plain = unicodedata.normalize("NFC", " ".join(name.split()))
    if not plain or len(plain) > MAX_CAMPAIGN:
        msg = f"campaign={name!r} has {len(plain)} characters. Give it a name of 1 to {MAX_CAMPAIGN}."
        raise ConfigurationError(msg)
    return plain
