"""A campaign planned over a dask frame: of each number at most one row of the dataset is to be sent.

The journal is read here, never in a task: it lies on this machine. What it knows of a partition's numbers goes to the
partition's task with it.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow.compute as pc

from isms_data import plans, tables
from isms_data.account import resolve
from isms_data.blocking import blocking
from isms_data.dask.cleaning import listed, with_first_rows
from isms_data.dask.partitions import Frame, fetched, frame_of, mapped
from isms_data.dask.repeats import EMPTY, Standing, repeated, repeats
from isms_data.journal.calls import Journal
from isms_data.operations.plan import balance_of, barred_of, names_of
from isms_data.planning import SENT_TO, checked_wording, drafted, finished
from isms_data.vocabulary import Action

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from isms_data.account import Account
    from isms_data.planning import Draft, Wording


def plan_messages(  # noqa: PLR0913 - the contract's; all but the data by name, in groups
    frame: Frame,
    column: str,
    *,
    # what is said
    campaign: str,
    sender: str,
    text: str,
    coding: str = "auto",
    greek: str = "keep",
    flash: bool = False,
    # who is left out
    suppress: Iterable[Any] | str | os.PathLike[str] | None = None,
    region: str = "GR",
    max_segments: int = 10,
    only: Iterable[str | None] | str | None = SENT_TO,
    # how the result looks
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> dd.DataFrame:
    """Plan a campaign over a dask frame: each row's text and what it costs, and who is left out, and why.

    As `isms.plan_messages` of all rows at once: same columns, dtypes and words. Of each number at most one row of the
    dataset is to be sent, the first that can be; later ones name its row, counted over the dataset. Nothing is sent.

    Parameters
    ----------
    frame : dask DataFrame or path
        The path of Parquet files stands for `load_table(path)`.
    column, campaign, sender, text, coding, greek, flash, suppress, region, max_segments, only, prefix, replace, account
        As for `isms.plan_messages`. A file of suppressed numbers is read here, once.

    Returns
    -------
    dask DataFrame
        Of the same partitions; see `isms.plan_messages`. What it would cost in all says `plan_summary`.

    Raises
    ------
    See `isms.plan_messages`. What is wrong with the values of a column is said when they are computed.

    Warns
    -----
    IsmsWarning   the balance could not be asked for. Whether it covers the plan is seen by `plan_summary`.

    Notes
    -----
    Two passes: the first starts at once and finds the repeated numbers; the second is lazy. The journal is read at
    once: of a campaign that has begun, for the numbers of each partition. The suppression list goes to all tasks.
    Cost: none; the balance is all that is asked for. Repeatable: yes. Source: docs/scale.md, docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> people = pd.DataFrame({"mobile": ["6970000001", "2101234567", "6970000001"]})
    >>> with isms.sandbox() as account:
    ...     plan = plan_messages(
    ...         dd.from_pandas(people, npartitions=3), "mobile", campaign="spring", sender="MyShop", text="Hello",
    ...         account=account,
    ...     )
    >>> plan.compute()[["action", "reason"]]
      action                       reason
    0   send                          NaN
    1   skip   a fixed line, not a mobile
    2   skip  the same number as in row 0
    """
    data = frame_of(frame)
    wording = checked_wording(
        campaign=campaign,
        sender=sender,
        text=text,
        coding=coding,
        greek=greek,
        flash=flash,
        max_segments=max_segments,
        only=only,
    )
    example = data._meta  # noqa: SLF001 - how dask calls its example
    names = names_of(example, column, prefix=prefix, replace=replace)
    account = resolve(account)
    drafting = partial(drafted, column=column, wording=wording, region=region, suppress=listed(suppress, region))
    planning = partial(
        _planned,
        drafting=drafting,
        wording=wording,
        names=names,
        suppressed=barred_of(account, wording.campaign, []),
        attrs={plans.PREFIX: prefix, plans.SUMMARY: _told(account)},
    )
    sent = _sent(account, wording.campaign, data, drafting)
    again = repeats(data, partial(_standing_in, drafting=drafting))
    return mapped(planning, data, again, sent, meta=planning(example, EMPTY, _NONE_SENT))


def plan_summary(plan: Frame) -> pd.Series:
    """What a plan, or the part of it that is given, would cost.

    Parameters
    ----------
    plan : dask DataFrame or path
        What `plan_messages` gave, or some of its rows; the path of Parquet files stands for `load_table(path)`.

    Returns
    -------
    Series of object
        As `isms.plan_summary`.

    Raises
    ------
    ColumnError   the frame is no plan.

    Notes
    -----
    Runs at once: works the whole plan out, without keeping it. Cost: none. Repeatable: yes.

    Examples
    --------
    >>> import isms_data as isms
    >>> people = dd.from_pandas(pd.DataFrame({"mobile": ["6970000001", "6970000002"]}), npartitions=2)
    >>> with isms.sandbox() as account:
    ...     plan = plan_messages(people, "mobile", campaign="spring", sender="MyShop", text="Hello", account=account)
    >>> plan_summary(plan)[["recipients", "balance_after"]].tolist()
    [2, Decimal('9998.00')]
    """
    data = frame_of(plan)
    summary = plans.plan_summary(data._meta)  # noqa: SLF001 - how dask calls its example
    counted = fetched(dask.delayed(_counts)(part) for part in data.to_delayed())
    summary[_COUNTS] = pd.DataFrame(counted).sum().tolist()
    if summary["credits_per_segment"] is not None:
        summary["estimated_credits"] = summary["credits_per_segment"] * summary["segments"]
    if summary["balance_after"] is not None:
        summary["balance_after"] = summary["balance"] - summary["estimated_credits"]
    return summary


_COUNTS: Final = ["rows", "recipients", "skipped", "segments"]


def _counts(part: pd.DataFrame) -> dict[str, int]:
    return {name: plans.plan_summary(part)[name] for name in _COUNTS}


# In the tasks


def _standing_in(part: pd.DataFrame, *, drafting: Callable[[pd.DataFrame], Draft]) -> Standing:
    return _standing(drafting(part))


def _standing(draft: Draft) -> Standing:
    """The rows that could be sent as far as they tell themselves."""
    reason = pc.coalesce(draft.number_reason, draft.texts.reason, draft.verdict_reason)
    rows = np.flatnonzero(reason.is_null().to_numpy(zero_copy_only=False))
    return Standing(draft.numbers[rows], rows, len(draft.numbers))


def _candidates(part: pd.DataFrame, *, drafting: Callable[[pd.DataFrame], Draft]) -> list[int]:
    return drafting(part).candidates


def _planned(
    part: pd.DataFrame,
    table: pd.DataFrame,
    sent: pd.DataFrame,
    *,
    drafting: Callable[[pd.DataFrame], Draft],
    wording: Wording,
    names: Mapping[str, str],
    suppressed: dict[int, str],
    attrs: Mapping[str, Any],
) -> pd.DataFrame:
    """A partition as it is in the whole: of the rows that can be sent those whose number came before are skipped."""
    draft = drafting(part)
    barred = dict(zip(sent["number"], sent["reason"], strict=True)) | suppressed
    plan = finished(part, draft, wording, barred=barred, names=names)
    rows, first = repeated(_standing(draft), table)
    free = ~pd.Series(draft.numbers[rows]).isin(list(barred)).to_numpy()
    rows, first = rows[free], first[free]
    actions = plan[names["action"]].array.copy()
    actions[rows] = Action.SKIP.value
    reasons = tables.column("plan", "reason", with_first_rows(plan[names["reason"]], rows, first))
    plan[names["action"]], plan[names["reason"]] = actions, reasons
    plan.attrs.update(attrs)
    return plan


# Here


_NONE_SENT: Final = pd.DataFrame({"number": np.zeros(0, np.int64), "reason": pd.array([], dtype="str")})


def _told(account: Account) -> dict[str, Any]:
    """Price and balance, as the attributes of a plan have them."""
    price, balance = Decimal(account.credits_per_segment), blocking(balance_of)(account)
    return plans.kept(pd.Series({"credits_per_segment": price, "balance": balance}, dtype=object))


def _sent(
    account: Account, campaign: str, frame: dd.DataFrame, drafting: Callable[[pd.DataFrame], Draft]
) -> dd.DataFrame:
    """For each partition, which of its numbers the campaign forbids, and why."""
    with Journal(account.journal_place, account.label, "plan") as journal:
        begun = campaign in journal.campaigns()
    if begun:
        told = dask.delayed(partial(_candidates, drafting=drafting))
        numbers = fetched(told(part) for part in frame.to_delayed())
        known = [_forbidden(account, campaign, each) for each in numbers]
    else:
        known = [_NONE_SENT] * frame.npartitions
    with dask.config.set({"dataframe.convert-string": False}):
        found: dd.DataFrame = dd.from_map(_as_it_is, known, meta=_NONE_SENT)
    return found


def _forbidden(account: Account, campaign: str, numbers: list[int]) -> pd.DataFrame:
    barred = barred_of(account, campaign, numbers)
    found = [number for number in numbers if number in barred]
    reasons = pd.array([barred[number] for number in found], dtype="str")
    return pd.DataFrame({"number": np.array(found, np.int64), "reason": reasons})


def _as_it_is(table: pd.DataFrame) -> pd.DataFrame:
    return table
