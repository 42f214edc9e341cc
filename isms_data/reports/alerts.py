"""Hours in which more messages fail than is usual: for each network and hour of the week, with few false alarms.

What is usual is learned from the data themselves, from all other hours of the same group. The rate of failures is
allowed to differ between the hours of the week, and to vary within each more than by chance, as it does where messages
share a fate: failures of an hour then follow a beta-binomial law, the correlation being how much they share.

What must change together. `usual` says what to expect of each hour without that hour itself; the law that it gives is
wider where little is known, or else data of a few weeks would raise more false alarms than asked for. `simulate_alerts`
proves that, by judging data that were made from that very law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from isms_data.errors import ColumnError, ConfigurationError
from isms_data.reports.delivery import FAILED, FINAL, NEEDS, SENT, counted
from isms_data.reports.source import ATHENS, key_names, opened, refuse_taken
from isms_data.reports.statistics import Floats, beta_binomial_fit, beta_binomial_tail, share, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isms_data.reports.stored import Data

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]

HOURS_OF_WEEK: Final = 168

ROUNDS: Final = 2
"""So often what is usual is learned again without the hours that are not: at first a long outage hides a short one."""

WILD: Final = 0.05
"""Of the hours that are left out of what is usual, so many may be left out by mistake (the false discovery rate). Where
nothing is wrong, that leaves out hardly ever an hour, which would make the rest look calmer than it is."""


class Usual(NamedTuple):
    """What to expect of each hour of a group."""

    mean: Floats
    """The rate of failures; null where there is no other hour."""
    correlation: Floats
    """How widely the rate of an hour is spread around it, so far as the other hours tell."""
    within: float
    """How much of that is in the hours themselves, and not only in what is not known of them."""


class Hours(NamedTuple):
    """The hours of a group: final messages, failed ones, and which hour of the week it is."""

    final: Floats
    failed: Floats
    of_week: Ints


def delivery_alerts(
    data: Data,
    *,
    by: str | Sequence[str] = "network",
    false_alarms: float = 0.01,
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Find the hours in which more messages failed than is usual for that group and hour of the week.

    Parameters
    ----------
    data : DataFrame or path
        What `delivery_status` gives; or Parquet files of it: a file, a folder, a pattern. Some weeks of it: an hour is
        compared with the same hour of other weeks, and as far as these are few, with the other hours.
    by : str or list of str, default "network"
        Columns to watch separately.
    false_alarms : float, default 0.01
        Of the hours in which nothing is wrong, so many raise an alarm: 1 % are 1.7 a week for each group. See
        `simulate_alerts`.
    timezone : str, default "Europe/Athens"
        The clock that the hours go by.

    Returns
    -------
    DataFrame
        one row for each group and hour in which messages left, sorted
        ...          as in the data        the columns of `by`
        hour         datetime64[us, zone]  its beginning
        messages     int64                 sent
        final        int64                 of these, the last word is known; the others are in no comparison
        failed       int64                 and it is not Delivered
        expected     float64               so many failures are usual among so many final ones
        probability  float64               of that many or more, if the hour is a usual one (of exactly that many, half)
        alarm        boolean               probability is at most `false_alarms`; null where nothing is final, or there
                                           is no other hour to compare with

    Raises
    ------
    ColumnError          `outcome`, `status`, `final`, `submitted_at` or a column of `by` is not there, or holds
                         something else; or the data have a column `hour`.
    ConfigurationError   false_alarms is not between 0 and 1.

    Notes
    -----
    Failures are known later than deliveries (a phone that is off is tried for days), so the alarm for the last hours
    may come late, and never because messages are still pending. Cost: none. Repeatable: yes.
    Source: docs/statistics.md.

    Examples
    --------
    >>> left = pd.date_range("2026-03-02", periods=4 * 7 * 24, freq="h", tz="UTC").repeat(20)
    >>> failed = (pd.RangeIndex(len(left)) % 20 == 0) | ((left >= "2026-03-20 10:00") & (left < "2026-03-20 11:00"))
    >>> messages = pd.DataFrame({"network": "Nova", "outcome": "accepted", "submitted_at": left, "final": True})
    >>> messages["status"] = pd.Series(failed).map({True: "Failed", False: "Delivered"})
    >>> alerts = delivery_alerts(messages)
    >>> alerts.loc[alerts["alarm"], ["network", "hour", "final", "failed"]]
        network                      hour  final  failed
    442    Nova 2026-03-20 12:00:00+02:00     20      20
    """
    _check_rate(false_alarms)
    names = _names(by)
    table = _counts(data, names, timezone)
    expected, probability = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for rows in _groups(table, names):
        hours = _hours(table, rows)
        law = usual(hours)
        expected[rows] = hours.final * law.mean
        probability[rows] = _probability(hours.failed, hours.final, law)
    table["expected"], table["probability"] = expected, probability
    table["alarm"] = pd.array(probability <= false_alarms, dtype="boolean")
    table["alarm"] = table["alarm"].mask(np.isnan(probability))
    return table.drop(columns="hour_of_week")


def simulate_alerts(
    data: Data,
    *,
    by: str | Sequence[str] = "network",
    false_alarms: float = 0.01,
    worse: float = 2.0,
    # the simulation
    runs: int = 10,
    seed: int = 0,
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Try the alarms on made-up failures: how many are false, and how many bad hours they find.

    The hours and their final messages are those of the data. Their failures are made anew, so many times, from what is
    usual in the data, so that nothing is wrong in any hour; every alarm is then a false one.

    Parameters
    ----------
    data, by, false_alarms, timezone
        As for `delivery_alerts`.
    worse : float, default 2.0
        A bad hour fails so many times as often as is usual (at most always).
    runs : int, default 10
        So often the failures are made.
    seed : int, default 0
        The same seed makes the same failures.

    Returns
    -------
    DataFrame
        one row for each group, sorted
        ...        as in the data  the columns of `by`
        hours      int64           judged, over all runs
        alarms     int64           all of them false
        rate       float64         alarms by hours: to be compared with `false_alarms`
        low, high  float64         Wilson's interval of the rate, 95 %
        found      float64         of single bad hours, the share that raises an alarm

    Raises
    ------
    ColumnError          as for `delivery_alerts`.
    ConfigurationError   false_alarms is not between 0 and 1, worse is below 0, or runs below 1.

    Notes
    -----
    Where hours have few messages, the rate falls short of what was asked: then no count of failures is just so rare.
    Cost: none. Repeatable: yes, with the same seed. Source: docs/statistics.md.

    Examples
    --------
    >>> left = pd.date_range("2026-03-02", periods=4 * 7 * 24, freq="h", tz="UTC").repeat(50)
    >>> messages = pd.DataFrame({"network": "Nova", "outcome": "accepted", "submitted_at": left, "final": True})
    >>> messages["status"] = ["Failed", *["Delivered"] * 9] * (len(messages) // 10)
    >>> simulated = simulate_alerts(messages, worse=4)
    >>> simulated[["network", "hours"]].assign(asked=simulated["low"].le(0.01) & simulated["high"].ge(0.01))
      network  hours  asked
    0    Nova   6720   True
    """
    _check_rate(false_alarms)
    if runs < 1 or worse < 0:
        msg = f"runs={runs!r} and worse={worse!r}: at least one run, and a rate is not made less than nothing."
        raise ConfigurationError(msg)
    names, random = _names(by), np.random.default_rng(seed)
    table = _counts(data, names, timezone)
    groups = _groups(table, names)
    tried = [_tried(_hours(table, rows), random, false_alarms, worse, runs) for rows in groups]
    found = table.loc[[rows[0] for rows in groups], list(names)].reset_index(drop=True)
    hours, alarms, bad = np.array(tried, dtype=np.int64).reshape(-1, 3).T
    low, high = wilson(alarms, hours)
    results = {"hours": hours, "alarms": alarms, "rate": share(alarms, hours), "low": low, "high": high}
    return found.assign(**results, found=share(bad, hours))


def usual(hours: Hours) -> Usual:
    """What to expect of each hour, learned from the other ones that are not themselves far out of the usual."""
    seen = hours.final > 0
    law = _learned(hours, seen)
    for _ in range(ROUNDS):
        law = _learned(hours, seen & ~_wild(_probability(hours.failed, hours.final, law)))
    return law


def _wild(probability: Floats) -> Flags:
    """The hours that are no usual ones: where more of them are improbable than chance would make so.

    Source: Y. Benjamini and Y. Hochberg, Journal of the Royal Statistical Society B 57 (1995), 289-300.
    """
    known = np.sort(probability[~np.isnan(probability)])
    below = known <= WILD * np.arange(1, len(known) + 1) / max(len(known), 1)
    limit = known[below].max(initial=-1.0)
    return np.asarray(probability <= limit, dtype=np.bool_)


def _learned(hours: Hours, kept: Flags) -> Usual:
    """The law of each hour's failures by the kept hours other than itself.

    The rates of the hours of the week are themselves taken to vary around the group's, by a beta law whose correlation
    the data tell: where they hardly differ, or little is known of one, it is near the group's. What is known counts as
    independent messages: n of one hour with correlation r are worth n / (1 + (n - 1) r). The law of an hour's rate
    given all this is a beta law again, in good approximation, whose variance is the sum of both.

    Source: A. Gelman and others, Bayesian Data Analysis, 3rd ed. (2013), 5.3, for the two levels; L. Kish, Survey
    Sampling (1965), 8.2, for the worth of messages that share a fate.
    """
    final, failed = np.where(kept, hours.final, 0), np.where(kept, hours.failed, 0)
    within = beta_binomial_fit(failed[kept], final[kept], hours.of_week[kept]).correlation
    worth = 1 / (1 + np.maximum(final - 1, 0) * within)
    n, x = final * worth, failed * worth
    of_cell = [np.bincount(hours.of_week, weights, HOURS_OF_WEEK) for weights in (x, n)]
    between = beta_binomial_fit(*of_cell).correlation
    all_x, all_n = x.sum() - x, n.sum() - n
    rate = np.where(all_n > 0, (all_x + 0.5) / (all_n + 1), np.nan)  # half a failure, so that none is not never
    cell_x, cell_n = (cell[hours.of_week] - own for cell, own in zip(of_cell, (x, n), strict=True))
    prior = 1 / (between + 1 / (all_n + 1)) - 1
    with np.errstate(invalid="ignore"):
        mean = (cell_x + prior * rate) / (cell_n + prior)
    not_known = 1 / (cell_n + prior + 1)
    return Usual(mean, within + (1 - within) * not_known, within)


def _probability(failed: Floats, final: Floats, law: Usual) -> Floats:
    """Of so many failures or more, those of exactly so many counted half, so that alarms come as often as asked for."""
    or_more, more = (beta_binomial_tail(count, final, law.mean, law.correlation) for count in (failed, failed + 1))
    return np.where(final > 0, (or_more + more) / 2, np.nan)


def _tried(
    hours: Hours, random: np.random.Generator, false_alarms: float, worse: float, runs: int
) -> tuple[int, int, int]:
    """How many hours were judged, raised an alarm though nothing was wrong, and raised one because it was."""
    law = usual(hours)
    known = np.flatnonzero(~np.isnan(law.mean) & (hours.final > 0))
    real = Hours(hours.final[known], hours.failed[known], hours.of_week[known])
    judged = alarms = found = 0
    for _ in range(runs):
        made = real._replace(failed=_made(random, real.final, law.mean[known], law.within))
        learned = usual(made)
        bad = _made(random, real.final, np.minimum(worse * law.mean[known], 1), law.within)
        judged += len(known)
        alarms += int((_probability(made.failed, made.final, learned) <= false_alarms).sum())
        found += int((_probability(bad, made.final, learned) <= false_alarms).sum())
    return judged, alarms, found


def _made(random: np.random.Generator, final: Floats, mean: Floats, correlation: float) -> Floats:
    """Failures of hours with these rates, which vary with this correlation."""
    if correlation > 0:
        spread = 1 / correlation - 1
        mean = random.beta(np.maximum(mean * spread, _TINY), np.maximum((1 - mean) * spread, _TINY))
    return random.binomial(final.astype(np.int64), mean).astype(np.float64)


_TINY: Final = 1e-12
"""A beta law needs two positive numbers."""


# From the data


def _names(by: str | Sequence[str]) -> tuple[str, ...]:
    """What to watch separately; the hours are watched in any case."""
    names = tuple(name for name in key_names(by) if name not in _CLOCK)
    refuse_taken(names, ("messages", "final", "failed", "expected", "probability", "alarm", "hours", "alarms", "rate"))
    return names


_CLOCK: Final = ("hour", "hour_of_week")


def _counts(data: Data, names: tuple[str, ...], timezone: str) -> pd.DataFrame:
    """Messages, final and failed ones of each group and hour; a message without a time is in none."""
    needs = {"sent": ("outcome", "submitted_at"), "delivery": NEEDS["delivery"]}
    counts = {"messages": counted(SENT), "final": counted(FINAL), "failed": counted(FAILED)}
    with opened(data, needs=needs, by=(*names, *_CLOCK), timezone=timezone) as source:
        table = source.grouped(counts, where=f"{SENT} AND submitted_at IS NOT NULL")
    if not isinstance(table["hour"].dtype, pd.DatetimeTZDtype) or table["hour_of_week"].dtype != "Int16":
        msg = (
            "the data have a column 'hour' or 'hour_of_week', which stands for the hour that a message left. Rename it."
        )
        raise ColumnError(msg)
    return table


def _groups(table: pd.DataFrame, names: tuple[str, ...]) -> list[Ints]:
    """The rows of each group, in the order of the groups."""
    if not len(table):
        return []
    if not names:
        return [np.arange(len(table))]
    number = table.groupby(list(names), dropna=False, observed=True, sort=False).ngroup().to_numpy()
    return np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])


def _hours(table: pd.DataFrame, rows: Ints) -> Hours:
    final, failed = (table[name].to_numpy(np.float64)[rows] for name in ("final", "failed"))
    return Hours(final, failed, table["hour_of_week"].to_numpy(np.int64)[rows])


def _check_rate(false_alarms: float) -> None:
    if not 0 < false_alarms < 1:
        msg = f"false_alarms={false_alarms!r} is not between 0 and 1. Write 0.01 for one hour in a hundred."
        raise ConfigurationError(msg)
