"""The formulas agree with independent implementations: statsmodels, scipy, and exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, betabinom, binom, ecdf
from statsmodels.duration.survfunc import CumIncidenceRight
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    samplesize_proportions_2indep_onetail,
)

from isms_data.errors import ConfigurationError
from isms_data.reports.statistics import (
    aalen_johansen,
    beta_binomial_fit,
    beta_binomial_tail,
    needed_per_group,
    newcombe,
    share,
    wilson,
)

counts = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.5, 0.9, 0.95, 0.999])


def table(ages: np.ndarray, state: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """At risk, delivered (1) and failed (2) at each age, ties together, counted one by one."""
    distinct = np.unique(ages)
    return (
        [int((ages >= age).sum()) for age in distinct],
        [int(((ages == age) & (state == 1)).sum()) for age in distinct],
        [int(((ages == age) & (state == 2)).sum()) for age in distinct],
    )


# Shares and intervals


@given(counts, confidences)
def test_wilson_agrees_with_statsmodels(count: tuple[int, int], confidence: float) -> None:
    """The interval of any count, 0 of n and n of n among them, is the one of statsmodels."""
    low, high = wilson(*count, confidence=confidence)

    expected = proportion_confint(*count, alpha=1 - confidence, method="wilson")
    assert (float(low), float(high)) == pytest.approx(expected, abs=1e-12)


@given(counts)
def test_wilson_holds_the_rate_and_stays_between_0_and_1(count: tuple[int, int]) -> None:
    """The rate is never outside its interval, and 0 of n and n of n touch the ends exactly."""
    low, high = wilson(*count)

    assert 0 <= low <= share(*count) <= high <= 1
    assert (low == 0) == (count[0] == 0)
    assert (high == 1) == (count[0] == count[1])


def test_nothing_of_nothing_has_no_share_and_no_interval() -> None:
    """0 of 0 is null, not 0 and not 1."""
    assert np.isnan([share(0, 0), *wilson(0, 0), *newcombe(0, 0, 1, 2), *newcombe(1, 2, 0, 0)]).all()


@given(counts, counts, confidences)
def test_newcombe_agrees_with_statsmodels(a: tuple[int, int], b: tuple[int, int], confidence: float) -> None:
    """The interval of the difference of any two rates is the one of statsmodels."""
    difference, low, high = newcombe(*a, *b, confidence=confidence)

    expected = confint_proportions_2indep(*b, *a, method="newcomb", compare="diff", alpha=1 - confidence)
    assert (float(low), float(high)) == pytest.approx(expected, abs=1e-12)
    assert low <= difference <= high


@given(st.integers(1, 99), st.integers(1, 99), st.sampled_from([0.8, 0.95]), st.sampled_from([0.5, 0.8, 0.99]))
def test_needed_per_group_agrees_with_statsmodels(a: int, b: int, confidence: float, power: float) -> None:
    """The number of messages is the one of statsmodels, rounded up; equal rates need a number that there is not."""
    needed = needed_per_group(a / 100, b / 100, confidence=confidence, power=power)

    if a == b:
        assert np.isnan(needed)
    else:
        expected = samplesize_proportions_2indep_onetail((a - b) / 100, b / 100, power, alpha=1 - confidence)
        assert abs(float(needed) - float(expected)) < 1 + 1e-6 * float(expected)


def test_needed_per_group_is_what_the_difference_takes_in_simulation() -> None:
    """With that many messages in each group about 80 of 100 trials tell the two rates apart."""
    random = np.random.default_rng(1)
    needed = int(needed_per_group(0.80, 0.86))
    a, b = random.binomial(needed, [[0.80], [0.86]], (2, 20_000))

    told = newcombe(a, needed, b, needed).low > 0

    assert told.mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, -0.5])
def test_confidence_that_is_none_is_refused(confidence: float) -> None:
    """A confidence is between 0 and 1; 95 is a slip, and the message says what to write."""
    with pytest.raises(ConfigurationError, match=r"confidence=.* is not between 0 and 1. Write 0.95 for 95 %"):
        wilson(1, 2, confidence=confidence)
    with pytest.raises(ConfigurationError, match=r"power=1\.0 is not"):
        needed_per_group(0.1, 0.2, power=1.0)


# Curves


@settings(max_examples=60)
@given(st.integers(2, 60), st.integers(1, 20), st.integers(0, 10**6))
def test_curve_and_variance_agree_with_statsmodels(rows: int, ages: int, seed: int) -> None:
    """With ties, failures and pending messages the curve and its variance are those of statsmodels."""
    random = np.random.default_rng(seed)
    age, state = random.integers(1, ages + 1, rows), random.integers(0, 3, rows)
    state[:2] = 1, 2  # statsmodels wants both kinds

    found = aalen_johansen(*table(age, state))

    with np.errstate(all="ignore"):
        expected = CumIncidenceRight(age, state)
    events = np.isin(np.unique(age), expected.times)
    np.testing.assert_allclose(found.incidence[events], expected.cinc[0], atol=1e-12)
    usable = np.isfinite(expected.cinc_se[0])
    np.testing.assert_allclose(np.sqrt(found.variance[events])[usable], expected.cinc_se[0][usable], atol=1e-7)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 10**6))
def test_curve_without_failures_is_one_less_kaplan_and_meiers(rows: int, seed: int) -> None:
    """Where nothing fails the curve is the one of scipy for the times until delivery."""
    random = np.random.default_rng(seed)
    age, pending = random.integers(1, 15, rows), random.random(rows) < 0.3

    found = aalen_johansen(*table(age, np.where(pending, 0, 1)))

    curve = ecdf(CensoredData(uncensored=age[~pending], right=age[pending])).cdf
    np.testing.assert_allclose(found.incidence, curve.evaluate(np.unique(age)), atol=1e-12)


def test_curve_without_pending_messages_is_the_plain_share() -> None:
    """Where everything is final the curve ends at delivered of final, with the binomial variance."""
    age, state = np.arange(10), np.array([1, 1, 2, 1, 1, 2, 1, 1, 1, 2])

    found = aalen_johansen(*table(age, state))

    np.testing.assert_allclose(found.incidence, np.cumsum(state == 1) / 10)
    np.testing.assert_allclose(found.variance, found.incidence * (1 - found.incidence) / 10, atol=1e-12)


def test_curve_of_pending_messages_only_is_flat() -> None:
    """If all are pending nothing is delivered by any age, and the interval is null."""
    found = aalen_johansen([3, 2, 1], [0, 0, 0], [0, 0, 0])

    assert found.incidence.tolist() == [0, 0, 0]
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize(("delivered", "failed", "end"), [([1], [0], 1.0), ([0], [1], 0.0)])
def test_curve_of_one_message(delivered: list[int], failed: list[int], end: float) -> None:
    """One message makes a step to 1 or none; of how sure that is the formula says nothing."""
    found = aalen_johansen([1], delivered, failed)

    assert found.incidence.tolist() == [end]
    assert np.isnan([found.low, found.high]).all()
    assert all(len(each) == 0 for each in aalen_johansen([], [], []))


def test_interval_of_the_curve_covers_the_truth_as_often_as_it_says() -> None:
    """In simulated campaigns, a fifth failing and many pending, about 95 of 100 intervals hold the true share."""
    random = np.random.default_rng(2)
    truth, covered = 0.8 * (1 - np.exp(-1.0)), []
    for _ in range(600):
        took, seen = random.exponential(1.0, 200), random.uniform(0.5, 4.0, 200)
        state = np.where(took > seen, 0, np.where(random.random(200) < 0.8, 1, 2))
        age = np.minimum(took, seen)
        order = np.argsort(age)
        found = aalen_johansen(200 - np.arange(200), state[order] == 1, state[order] == 2)
        at = np.searchsorted(age[order], 1.0) - 1
        covered.append(found.low[at] <= truth <= found.high[at])

    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


# What is out of the ordinary


def exact_tail(k: int, n: int, mean: float, correlation: float) -> float:
    """The tail by fractions, from the products that define the distribution."""
    m, spread = Fraction(mean), Fraction(correlation) / (1 - Fraction(correlation))
    total = Fraction(0)
    for events in range(k, n + 1):
        term = Fraction(comb(n, events))
        for step in range(events):
            term *= m + step * spread
        for step in range(n - events):
            term *= 1 - m + step * spread
        total += term
    for step in range(n):
        total /= 1 + step * spread
    return float(total)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.001, 0.999), st.floats(0, 0.99))
def test_tail_is_exact(k: int, n: int, mean: float, correlation: float) -> None:
    """The probability of that many or more is right to ten digits, far out in the tail too."""
    assert float(beta_binomial_tail(k, n, mean, correlation)) == pytest.approx(
        exact_tail(k, n, mean, correlation), rel=1e-10
    )


def test_tail_agrees_with_scipy_for_many_messages() -> None:
    """Rows of very different sizes are worked out together; scipy gives the same, the binomial among them."""
    random = np.random.default_rng(3)
    n = random.integers(1, 20_000, 300)
    k, mean, correlation = random.binomial(n, 0.1), random.uniform(0.02, 0.3, 300), random.uniform(0.01, 0.3, 300)
    size = (1 - correlation) / correlation

    found = beta_binomial_tail(k, n, mean, correlation)
    plain = beta_binomial_tail(k, n, mean, 0)

    np.testing.assert_allclose(found, betabinom.sf(k - 1, n, mean * size, (1 - mean) * size), rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(plain, binom.sf(k - 1, n, mean), rtol=1e-8, atol=1e-290)


def test_tail_at_its_ends() -> None:
    """0 or more is certain, more than all impossible; a rate of 0 or 1 leaves no choice; a null mean gives null."""
    found = beta_binomial_tail([0, 6, 1, 5, 1, 0], [5, 5, 5, 5, 5, 0], [0.5, 0.5, 0.0, 1.0, np.nan, 0.5], 0.1)

    np.testing.assert_array_equal(found, [1, 0, 0, 1, np.nan, 1])
    assert beta_binomial_tail([], [], [], 0.1).shape == (0,)
    assert beta_binomial_tail([[1], [2]], 5, 0.5, 0.1).shape == (2, 1)


@pytest.mark.parametrize("correlation", [0.0, 0.02, 0.3])
def test_fit_finds_the_correlation_that_data_were_made_with(correlation: float) -> None:
    """From many hours of uneven size in cells of different means the fit comes back with mean and correlation."""
    random = np.random.default_rng(4)
    cell = np.repeat(np.arange(20), 400)
    mean = np.linspace(0.05, 0.4, 20)[cell]
    n = random.integers(5, 200, len(cell))
    size = (1 - correlation) / correlation if correlation else np.inf
    rate = random.beta(mean * size, (1 - mean) * size) if correlation else mean

    found = beta_binomial_fit(random.binomial(n, rate), n, cell)

    assert found.correlation == pytest.approx(correlation, abs=0.003 + 0.05 * correlation)
    np.testing.assert_allclose(found.mean, mean, atol=0.08)


def test_fit_of_little_says_chance() -> None:
    """Nothing, one hour, hours without messages, and hours that all agree have no more than chance in them."""
    assert beta_binomial_fit([], []).correlation == 0
    assert beta_binomial_fit([3], [10]).correlation == 0
    assert beta_binomial_fit([1, 1, 1], [10, 10, 10]).correlation == 0
    fit = beta_binomial_fit([0, 5], [0, 10], np.array([0, 1]))
    np.testing.assert_array_equal(fit.mean, [np.nan, 0.5])
