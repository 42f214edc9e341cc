"""How sure a number is: intervals, curves of what is not finished yet, and what is out of the ordinary. Pure.

Everything takes and gives numpy arrays, one value for each group, and null (NaN) where there is nothing to say: a share
of nothing, an interval around it. What an interval means, and what it does not, is in docs/statistics.md.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isms_data.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float64]

_CELLS: Final = 1 << 20
"""Probabilities that are worked out at once; more would only take more memory."""


class Interval(NamedTuple):
    """From where to where, for each group."""

    low: Floats
    high: Floats


class Difference(NamedTuple):
    """The difference of two rates, and from where to where it may be."""

    difference: Floats
    low: Floats
    high: Floats


class Incidence(NamedTuple):
    """The share that has had the event by each age, its variance, and from where to where it may be."""

    incidence: Floats
    variance: Floats
    low: Floats
    high: Floats


class BetaBinomial(NamedTuple):
    """How often the event is to be expected, and how much more than by chance it varies.

    `mean` has a value for each observation; `correlation` is 0 where it varies as by chance, and near 1 where all
    messages of an hour share one fate.
    """

    mean: Floats
    correlation: float


def share(part: ArrayLike, whole: ArrayLike) -> Floats:
    """The quotient, null where there is nothing to share.

    >>> share([1, 0], [4, 0]).tolist()
    [0.25, nan]
    """
    parts, wholes = np.broadcast_arrays(_floats(part), _floats(whole))
    quotient: Floats = np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)
    return quotient


def wilson(events: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a rate: the rates that such a count would not be surprising for.

    Unlike rate ± error it stays between 0 and 1, and says something of 0 of n and n of n too. Null where n is 0.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212; recommended by
    L. D. Brown, T. T. Cai and A. DasGupta, Statistical Science 16 (2001), 101-133.

    >>> low, high = wilson([0, 45, 0], [20, 50, 0])
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.786, nan], [0.161, 0.957, nan])
    """
    z = _two_sided(confidence)
    counted, number = np.broadcast_arrays(_floats(events), _floats(trials))
    rate = share(counted, number)
    n = np.where(number > 0, number, np.nan)
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    low = np.where(counted == 0, 0 * n, centre - reach)
    high = np.where(counted == number, 0 * n + 1, centre + reach)
    return Interval(np.clip(low, 0, 1), np.clip(high, 0, 1))


def newcombe(
    events_a: ArrayLike, trials_a: ArrayLike, events_b: ArrayLike, trials_b: ArrayLike, *, confidence: float = 0.95
) -> Difference:
    """The difference of two rates (b less a) with Newcombe's hybrid score interval. Null where either n is 0.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10.

    >>> [round(float(value), 4) for value in newcombe(48, 80, 56, 70)]
    [0.2, 0.0524, 0.3339]
    """
    rate_a, rate_b = share(events_a, trials_a), share(events_b, trials_b)
    a, b = wilson(events_a, trials_a, confidence=confidence), wilson(events_b, trials_b, confidence=confidence)
    difference = rate_b - rate_a
    low = difference - np.hypot(rate_b - b.low, a.high - rate_a)
    high = difference + np.hypot(b.high - rate_b, rate_a - a.low)
    return Difference(difference, low, high)


def needed_per_group(rate_a: ArrayLike, rate_b: ArrayLike, *, confidence: float = 0.95, power: float = 0.8) -> Floats:
    """Messages with a final status that each of two groups needs, so that a test would tell these rates apart.

    Tells: with that power, at that confidence, two-sided. Null where the rates are equal or one is null: no number
    tells what is not there.

    Source: J. L. Fleiss, B. Levin and M. C. Paik, Statistical Methods for Rates and Proportions, 3rd ed. (2003), 4.1,
    without the correction for continuity.

    >>> needed_per_group([0.80, 0.90], [0.85, 0.90]).tolist()
    [906.0, nan]
    """
    a, b = np.broadcast_arrays(_floats(rate_a), _floats(rate_b))
    middle = (a + b) / 2
    at_random = _two_sided(confidence) * np.sqrt(2 * middle * (1 - middle))
    as_told = _quantile(power, "power") * np.sqrt(a * (1 - a) + b * (1 - b))
    apart = np.where(a == b, np.nan, (a - b) ** 2)
    needed: Floats = np.ceil((at_random + as_told) ** 2 / apart)
    return needed


def aalen_johansen(
    at_risk: ArrayLike, delivered: ArrayLike, failed: ArrayLike, *, confidence: float = 0.95
) -> Incidence:
    """The share delivered by each age, when some have failed (and never will be) and some are not finished yet.

    The ages are in rising order, each once: `at_risk` are the messages that were neither final nor out of sight before
    that age, `delivered` and `failed` those that became final at it. What is pending is at risk up to its own age and
    then leaves: nothing is assumed of it but that it will do as those that were watched longer. Without failures this
    is one less Kaplan and Meier's curve, without pending ones it is the plain share.

    The variance is the delta method's; the interval is symmetric in log(-log(share)), so it stays between 0 and 1. It
    is null where the share is 0 or 1, of which that formula says nothing.

    Source: O. O. Aalen and S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150; variance: G. E. Dinse
    and M. G. Larson, Biometrika 73 (1986), 379-386; interval: J. D. Kalbfleisch and R. L. Prentice, The Statistical
    Analysis of Failure Time Data (1980), 1.3.

    >>> aalen_johansen([4, 3, 1], [1, 0, 1], [0, 1, 0]).incidence.tolist()
    [0.25, 0.25, 0.75]
    """
    n, d, ended = _floats(at_risk), _floats(delivered), _floats(delivered) + _floats(failed)
    open_after = np.cumprod(1 - share(ended, n))
    open_before = np.concatenate([[1.0], open_after])[: len(n)]
    steps = open_before * share(d, n)
    incidence = np.minimum(np.cumsum(steps), 1)
    # sum over j of (I(t) - I(j))^2 * a_j, and of (I(t) - I(j)) * b_j, by their parts that do not depend on t
    a = share(ended, n * (n - ended))
    a[np.isnan(a)] = 0  # nobody is left: there is no later t
    b = open_before * share(d, n**2)
    c = open_before**2 * share(d * (n - d), n**3)
    squares = incidence**2 * np.cumsum(a) - 2 * incidence * np.cumsum(a * incidence) + np.cumsum(a * incidence**2)
    products = incidence * np.cumsum(b) - np.cumsum(b * incidence)
    variance = np.maximum(squares + np.cumsum(c) - 2 * products, 0)
    return Incidence(incidence, variance, *_log_log(incidence, variance, confidence))


_ROUNDING: Final = 1e-12
"""What a sum of shares may lack to 1 by rounding; by fewer messages than a million million it lacks more or nothing."""


def _log_log(rate: Floats, variance: Floats, confidence: float) -> Interval:
    inner = np.where((rate > 0) & (rate < 1 - _ROUNDING), rate, np.nan)
    spread = np.exp(_two_sided(confidence) * np.sqrt(variance) / (inner * -np.log(inner)))
    return Interval(inner**spread, inner ** (1 / spread))


def beta_binomial_fit(events: ArrayLike, trials: ArrayLike, cell: NDArray[np.int64] | None = None) -> BetaBinomial:
    """How often events are to be expected in each cell, and one correlation for all, by the method of moments.

    Parameters
    ----------
    events, trials
        Of each observation, such as the failed ones and the final ones of an hour.
    cell : array of int64, optional
        Which observations have one mean, numbered from 0: the hours of the week, say. By default all.

    The mean of a cell is its events by its trials (null without any). The correlation r is what makes the squared
    distances from the means as large as they are: in each cell the model's n_i (x_i / n_i - m)^2 add up, in
    expectation, to m (1 - m) ((1 - r) sum(1 - n_i / N) + r sum(n_i (1 - n_i / N))). It is not let below 0.

    Source: J. C. Kleinman, Journal of the American Statistical Association 68 (1973), 46-54.

    >>> beta_binomial_fit([0, 10, 0, 10], [10, 10, 10, 10])
    BetaBinomial(mean=array([0.5, 0.5, 0.5, 0.5]), correlation=0.99...)
    """
    x, n = np.broadcast_arrays(_floats(events), _floats(trials))
    where = np.zeros(len(n), np.int64) if cell is None else cell
    mean = share(np.bincount(where, x), np.bincount(where, n))[where] if len(n) else _floats([])
    seen = n > 0
    x, n, m, where = x[seen], n[seen], mean[seen], where[seen]
    own = 1 - n / np.bincount(where, n)[where] if len(n) else n
    chance = m * (1 - m)
    found = np.sum(n * (x / n - m) ** 2 - chance * own)
    largest = np.sum(chance * own * (n - 1))
    correlation = float(np.clip(found / largest, 0, _SHARED)) if largest > 0 else 0.0
    return BetaBinomial(mean, correlation)


_SHARED: Final = 1 - 1e-9
"""The largest correlation: at 1 the hours would be all or nothing, and the formulas divide by 0."""


def beta_binomial_tail(events: ArrayLike, trials: ArrayLike, mean: ArrayLike, correlation: ArrayLike) -> Floats:
    """How probable that many events or more are, if the rate varies around the mean with this correlation.

    With a correlation of 0 it is the binomial tail. Null where the mean is. Exact: all probabilities from 0 to n are
    built up from the ratio of each to the one before and add up to 1, so it costs as much as there are trials, and
    nothing is lost to large factorials.

    Source: J. G. Skellam, Journal of the Royal Statistical Society B 10 (1948), 257-261.

    >>> beta_binomial_tail([3, 3], [10, 10], 0.1, [0.0, 0.2]).round(4).tolist()
    [0.0702, 0.1459]
    """
    k, n, m, r = (each.ravel() for each in np.broadcast_arrays(*map(_floats, (events, trials, mean, correlation))))
    tail = np.where(k > n, 0.0, 1.0)
    open_ = (k > 0) & (k <= n) & (m < 1)
    for rows in _blocks(np.flatnonzero(open_), n):
        tail[rows] = _tail_block(k[rows], n[rows], m[rows], r[rows] / (1 - r[rows]))
    tail[np.isnan(m)] = np.nan
    return tail.reshape(np.broadcast_shapes(*(np.shape(each) for each in (events, trials, mean, correlation))))


def _blocks(rows: NDArray[np.int64], n: Floats) -> Iterator[NDArray[np.int64]]:
    """The rows, those with about as many trials together, in blocks that fit into memory."""
    rows = rows[np.argsort(n[rows], kind="stable")]
    while len(rows):
        width = n[rows[-1]]
        size = max(1, int(_CELLS // (width + 1)))
        yield rows[-size:]
        rows = rows[:-size]


def _tail_block(k: Floats, n: Floats, m: Floats, spread: Floats) -> Floats:
    """The tail of each row: a table of log probabilities, a row for each and a column for each count from 1."""
    count = np.arange(1, n.max() + 1)
    left = n[:, None] - count
    with np.errstate(divide="ignore", invalid="ignore"):  # behind a row's n, where nothing is looked at, and at m = 0
        up = np.log((left + 1) / count) + np.log(m[:, None] + (count - 1) * spread[:, None])
        ratio = np.where(left >= 0, up - np.log((1 - m)[:, None] + left * spread[:, None]), -np.inf)
    logs = np.cumsum(np.concatenate([np.zeros((len(n), 1)), ratio], axis=1), axis=1)
    probability = np.exp(logs - logs.max(axis=1, keepdims=True))
    above = np.arange(n.max() + 1) >= k[:, None]
    tail: Floats = np.minimum(np.sum(probability, axis=1, where=above) / np.sum(probability, axis=1), 1.0)
    return tail


# What is allowed


def _two_sided(confidence: float) -> float:
    """How many standard deviations an interval reaches to either side."""
    return _quantile((1 + confidence) / 2 if 0 < confidence < 1 else confidence, "confidence")


def _quantile(probability: float, name: str) -> float:
    if not 0 < probability < 1:
        msg = f"{name}={probability!r} is not between 0 and 1. Write 0.95 for 95 %."
        raise ConfigurationError(msg)
    return NormalDist().inv_cdf(probability)


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)
