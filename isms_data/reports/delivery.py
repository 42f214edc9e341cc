"""What became of the messages: rates, times, costs. Frame or Parquet in, frame out, each in one pass over the rows.

Everywhere here the same rows are messages, and the same words hold:

    message     outcome is accepted or already_sent; a row with any other outcome, or none, was never sent
    in doubt    outcome is in_doubt: it may have been sent; counted apart, and part of no rate
    delivered   final, and its status is Delivered
    failed      final, and its status is any other
    pending     a message that is not final: not known yet, and never taken for failed

A null in a column to count by is a group of its own. A group without a message, sent or in doubt, does not appear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from isms_data.errors import ConfigurationError
from isms_data.reports.source import ATHENS, opened
from isms_data.reports.statistics import share, wilson
from isms_data.vocabulary import MessageStatus, SendOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.reports.stored import Data

STAGES: Final = ("planned", "sent", "final", "delivered")

_LONG: Final = ("stage", "messages", "share")
_OF_RATES: Final = ("rate", "low", "high", "rate_if_pending_fail", "rate_if_pending_deliver")

NEEDS: Final = {"sent": ("outcome",), "delivery": ("status", "final")}
"""What tells a message and what became of it."""

SENT: Final = f"outcome IN ('{SendOutcome.ACCEPTED}', '{SendOutcome.ALREADY_SENT}')"
IN_DOUBT: Final = f"outcome = '{SendOutcome.IN_DOUBT}'"
FINAL: Final = f"({SENT} AND final)"
DELIVERED: Final = f"({FINAL} AND status = '{MessageStatus.DELIVERED}')"
FAILED: Final = f"({FINAL} AND status IS DISTINCT FROM '{MessageStatus.DELIVERED}')"
"""The words above, as SQL over the rows."""


def counted(condition: str) -> str:
    """How many rows a condition holds for, as SQL."""
    return f"count(*) FILTER (WHERE {condition})"


def delivery_funnel(data: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Count how many messages came how far: planned, sent, final, delivered.

    Parameters
    ----------
    data : DataFrame or path
        What `delivery_status` gives; or Parquet files of it: a file, a folder, a pattern.
    by : str or list of str
        Columns to count by, or "hour", "day", "week", "hour_of_week" of when the message left.
    timezone : str, default "Europe/Athens"
        The clock that these go by.

    Returns
    -------
    DataFrame
        four rows for each group, in the order of the stages
        ...       as in the data   the columns of `by`
        stage     category         planned: all but what the plan skipped; sent: accepted by the gateway;
                                   final: of these, the last word is known; delivered: and it is Delivered
        messages  int64
        share     float64          of the stage before; null where that is empty

    Raises
    ------
    ColumnError   `outcome`, `status`, `final` or a column of `by` is not there, or holds something else.

    Notes
    -----
    Cost: none. Repeatable: yes. What is sent and not final is pending: the step to "final" is no loss.

    Examples
    --------
    >>> import isms_data as isms
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 3, "status": ["Delivered", "Failed", None]})
    >>> messages["final"] = messages["status"].notna()
    >>> delivery_funnel(messages)
           stage  messages     share
    0    planned         3       NaN
    1       sent         3  1.000000
    2      final         2  0.666667
    3  delivered         1  0.500000
    """
    planned = f"outcome <> '{SendOutcome.SKIPPED}'"
    stages = dict(zip(STAGES, ("true", SENT, FINAL, DELIVERED), strict=True))
    with opened(data, needs=NEEDS, by=by, timezone=timezone) as source:
        wide = source.grouped({stage: counted(where) for stage, where in stages.items()}, where=planned, adding=_LONG)
    keys = wide.columns[: -len(STAGES)]
    long = wide[keys].loc[wide.index.repeat(len(STAGES))].reset_index(drop=True)
    messages = wide[list(STAGES)].to_numpy(np.int64)
    before = np.concatenate([np.zeros((len(wide), 1)), messages[:, :-1]], axis=1)
    long["stage"] = pd.Categorical(list(STAGES) * len(wide), categories=STAGES)
    long["messages"] = messages.ravel()
    long["share"] = share(messages, before).ravel()
    return long


def delivery_rates(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    confidence: float = 0.95,
    percentiles: Sequence[float] = (),
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Count what was delivered, and say how sure that is. Pending is not known yet, never failed.

    Parameters
    ----------
    data : DataFrame or path
        What `delivery_status` gives; or Parquet files of it: a file, a folder, a pattern.
    by : str or list of str
        Columns to count by, or "hour", "day", "week", "hour_of_week" of when the message left.
    confidence : float, default 0.95
        Of the interval.
    percentiles : list of float, optional
        Add these of `delivery_times`, in the same pass; this needs `latency`.
    timezone : str, default "Europe/Athens"
        The clock that the buckets of time go by.

    Returns
    -------
    DataFrame
        one row for each group, sorted; one row where nothing is counted by
        ...                      as in the data  the columns of `by`
        messages                 int64    sent
        final                    int64    of these, the last word is known
        delivered, failed        int64    and it is this
        pending                  int64    it is not known yet
        in_doubt                 int64    may have been sent; in none of the others
        rate                     float64  delivered of final; null where nothing is final
        low, high                float64  Wilson's interval of the rate
        rate_if_pending_fail     float64  delivered of messages: as low as the rate of these messages can become
        rate_if_pending_deliver  float64  and as high
        p50, ...                 timedelta64[us]  where asked for

    Raises
    ------
    ColumnError          `outcome`, `status`, `final` or a column of `by` is not there, or holds something else.
    ConfigurationError   the confidence is not between 0 and 1, or a percentile is not from 0 to 1.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/statistics.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 4, "status": ["Delivered", "Delivered", "Failed", None]})
    >>> messages["final"] = messages["status"].notna()
    >>> delivery_rates(messages)[["messages", "final", "pending", "rate", "rate_if_pending_fail"]]
       messages  final  pending      rate  rate_if_pending_fail
    0         4      3        1  0.666667                   0.5
    """
    quantiles = _quantiles(percentiles)
    counts = {
        "messages": counted(SENT),
        "final": counted(FINAL),
        "delivered": counted(DELIVERED),
        "failed": counted(FAILED),
        "pending": counted(f"{SENT} AND final IS NOT TRUE"),
        "in_doubt": counted(IN_DOUBT),
    }
    needs = NEEDS | ({"delivery": (*NEEDS["delivery"], "latency")} if quantiles else {})
    with opened(data, needs=needs, by=by, timezone=timezone) as source:
        rates = source.grouped(counts | quantiles, where=f"{SENT} OR {IN_DOUBT}", adding=_OF_RATES)
    times = [_as_length(rates.pop(name)) for name in quantiles]
    rates["rate"] = share(rates["delivered"], rates["final"])
    rates["low"], rates["high"] = wilson(rates["delivered"], rates["final"], confidence=confidence)
    rates["rate_if_pending_fail"] = share(rates["delivered"], rates["messages"])
    rates["rate_if_pending_deliver"] = share(rates["delivered"] + rates["pending"], rates["messages"])
    return pd.concat([rates, *times], axis=1)


def delivery_times(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    percentiles: Sequence[float] = (0.5, 0.9, 0.95, 0.99),
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Tell how long the delivered messages took: exact percentiles of their latency.

    Of messages that are still pending this knows nothing, so while many are, the times look better than they will be;
    `cumulative_delivery` takes them into account.

    Parameters
    ----------
    data, by, timezone
        As for `delivery_rates`.
    percentiles : list of float, default (0.5, 0.9, 0.95, 0.99)
        From 0 to 1.

    Returns
    -------
    DataFrame
        one row for each group, sorted; one row where nothing is counted by
        ...         as in the data   the columns of `by`
        delivered   int64
        p50, ...    timedelta64[us]  that share was there after so long (between two values: in proportion); null
                                     where none is delivered, or no latency known

    Raises
    ------
    ColumnError          `outcome`, `status`, `final`, `latency` or a column of `by` is not there.
    ConfigurationError   a percentile is not from 0 to 1.

    Notes
    -----
    Cost: none. Repeatable: yes. A latency that was learned by asking is as exact as the asking.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered"] * 2, "final": True})
    >>> messages["latency"] = pd.to_timedelta([2, 6], unit="s")
    >>> delivery_times(messages, percentiles=[0.5])
       delivered             p50
    0          2 0 days 00:00:04
    """
    quantiles = _quantiles(percentiles)
    needs = NEEDS | {"delivery": (*NEEDS["delivery"], "latency")}
    with opened(data, needs=needs, by=by, timezone=timezone) as source:
        times = source.grouped({"delivered": counted(DELIVERED)} | quantiles, where=f"{SENT} OR {IN_DOUBT}")
    return pd.concat([times, *[_as_length(times.pop(name)) for name in quantiles]], axis=1)


def _quantiles(percentiles: Sequence[float]) -> dict[str, str]:
    """Percentiles of the delivered messages' latency, in microseconds, as SQL; one list, so that it is kept once."""
    wrong = next((each for each in percentiles if not 0 <= each <= 1), None)
    if wrong is not None:
        msg = f"percentiles names {wrong!r}. Write 0.95 for the time within which 95 % were delivered."
        raise ConfigurationError(msg)
    asked = [float(each) for each in percentiles]
    values = f"quantile_cont(latency, {asked}) FILTER (WHERE {DELIVERED})"
    return {f"p{100 * each:.6g}": f"({values})[{place}]::DOUBLE" for place, each in enumerate(asked, start=1)}


def _as_length(microseconds: pd.Series) -> pd.Series:
    """Whole microseconds as lengths of time."""
    found = microseconds.round().astype("Int64").to_numpy("int64", na_value=np.iinfo(np.int64).min)
    return pd.Series(found.view("timedelta64[us]"), index=microseconds.index, name=microseconds.name)
