"""Delivery over time, with the messages that are pending still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from isms_data.reports.delivery import DELIVERED, FAILED, FINAL, SENT, counted
from isms_data.reports.source import ATHENS, key_names, opened, refuse_taken
from isms_data.reports.statistics import aalen_johansen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isms_data.reports.source import Source
    from isms_data.reports.stored import Data

    Counts = NDArray[np.int64]

MAX_AGES: Final = 200
"""Ages at which a curve is told: more cannot be seen in a picture."""

_EXACT: Final = 1_000
"""From here on ages are kept to three digits (12.3 s): asking knows no more, and they are few enough for memory."""

_COUNTS: Final = ("age", "delivered", "failed", "gone")
_CURVE: Final = ("age", "at_risk", "delivered", "failed", "incidence", "low", "high")


def cumulative_delivery(
    data: Data, *, by: str | Sequence[str] = (), confidence: float = 0.95, timezone: str = ATHENS
) -> pd.DataFrame:
    """Tell which share is delivered by which age, from those that are pending still as well.

    A message that is pending counts as long as it has been watched: until the last moment that the data know of, when
    any message left or became final. It is taken neither for failed nor for delivered. A failed one never will be
    delivered, and stays in the number that the share is of.

    Parameters
    ----------
    data, by, timezone
        As for `delivery_rates`.
    confidence : float, default 0.95
        Of the interval.

    Returns
    -------
    DataFrame
        for each group at most 200 ages: 0, some at which messages were delivered, and the last one
        ...         as in the data   the columns of `by`
        age         timedelta64[us]  since the message left, to three digits
        at_risk     int64            messages that were open when they reached that age
        delivered   int64            by then
        failed      int64            by then
        incidence   float64          share delivered by then (Aalen and Johansen)
        low, high   float64          its interval; null where it is 0 or 1

    Raises
    ------
    ColumnError          a column of `delivery_status` or of `by` is not there, or holds something else.
    ConfigurationError   the confidence is not between 0 and 1.

    Notes
    -----
    Cost: none. Repeatable: yes. Left out are messages whose age is not known (no time of leaving, or a last word
    without a latency) and those that are to leave later. Source: docs/statistics.md.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": "accepted", "status": ["Delivered", "Failed", None]})
    >>> messages["final"] = messages["status"].notna()
    >>> messages["submitted_at"] = pd.Timestamp("2026-11-02T09:00", tz="UTC")
    >>> messages["latency"] = pd.to_timedelta([5, 20, None], unit="s")
    >>> messages["resolved_at"] = messages["submitted_at"] + messages["latency"]
    >>> cumulative_delivery(messages)[["age", "at_risk", "delivered", "incidence"]]
                  age  at_risk  delivered  incidence
    0 0 days 00:00:00        3          0   0.000000
    1 0 days 00:00:05        3          1   0.333333
    2 0 days 00:00:20        2          1   0.333333
    """
    needs = {"sent": ("outcome", "submitted_at"), "delivery": ("status", "final", "latency", "resolved_at")}
    refuse_taken(key_names(by), _CURVE)
    with opened(data, needs=needs, by=by, timezone=timezone) as source:
        ages = source.restored(source.query(_ages_sql(source)), then=["age"])
    starts = np.flatnonzero(ages["isms_group"].diff().ne(0).to_numpy())
    counts = [np.split(ages[name].to_numpy(np.int64), starts[1:]) for name in _COUNTS]
    curves = [_curve(*each, confidence=confidence) for each in zip(*counts, strict=True)]
    told = {name: np.concatenate(values) for name, values in zip(_CURVE, zip(*curves, strict=True), strict=True)}
    keys = ages.columns[: -len(_COUNTS) - 1]
    rows = np.repeat(starts, [len(curve[0]) for curve in curves][: len(starts)])
    curve = pd.DataFrame(told | {"age": told["age"].view("timedelta64[us]")}).iloc[: len(rows)]
    return pd.concat([ages[keys].iloc[rows].reset_index(drop=True), curve], axis=1)


def _ages_sql(source: Source) -> str:
    """How many were delivered, failed, and went out of sight at each age of each group."""
    keys = f"{source.keys}, " if source.groups else ""
    order = f"ORDER BY {source.keys}" if source.groups else ""
    rounded = f"CASE WHEN age < {_EXACT} THEN age ELSE (age + unit // 2) // unit * unit END"
    return f"""
        WITH known AS (SELECT greatest(max(resolved_at), max(submitted_at)) AS last FROM rows),
        aged AS (
            SELECT {keys} {DELIVERED} AS delivered, {FAILED} AS failed,
                CASE WHEN {FINAL} THEN latency ELSE last - left_at END AS age,
            FROM rows, known WHERE {SENT}
        ),
        digits AS (
            SELECT *, pow(10, floor(log10(greatest(age, {_EXACT}))) - 2)::BIGINT AS unit FROM aged WHERE age >= 0
        )
        SELECT {keys} dense_rank() OVER ({order}) AS isms_group, {rounded} AS age,
            {counted("delivered")} AS delivered, {counted("failed")} AS failed, count(*) AS gone
        FROM digits GROUP BY {keys} {rounded}
    """  # noqa: S608 - our own SQL


def _curve(age: Counts, delivered: Counts, failed: Counts, gone: Counts, *, confidence: float) -> list[NDArray[Any]]:
    """One group's curve from its ages in rising order: the columns of `_CURVE`."""
    age, delivered, failed, gone = (np.concatenate([[0], counts]) for counts in (age, delivered, failed, gone))
    at_risk = gone.sum() - np.cumsum(gone) + gone
    estimate = aalen_johansen(at_risk, delivered, failed, confidence=confidence)
    so_far = np.cumsum(delivered)
    rows = _told(age, so_far)
    curve = [age, at_risk, so_far, np.cumsum(failed), estimate.incidence, estimate.low, estimate.high]
    return [values[rows] for values in curve]


def _told(age: Counts, delivered: Counts) -> Counts:
    """Which ages to tell: all, or the first, the last, and between them those at even steps of what is delivered."""
    once = np.flatnonzero(np.append(np.diff(age) > 0, True))  # 0 is there twice where something was final at once
    if len(once) <= MAX_AGES:
        return once
    steps = np.searchsorted(delivered, np.linspace(1, max(delivered[-1], 1), MAX_AGES - 2))
    return np.unique(np.concatenate([once[:1], np.minimum(steps, once[-1]), once[-1:]]))
