"""The law of the latency as it is learned, and the plan that follows from it, against laws that are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data.latency import EDGES, LAST_CELL, MEMORY, RATIO, SHORTEST, LatencyLaw, best_windows, cell

edges = st.integers(0, LAST_CELL - 1)
trials = st.lists(st.tuples(edges, edges, st.booleans()), min_size=1, max_size=60)


def learned(latencies: np.ndarray, ages: np.ndarray) -> LatencyLaw:
    """A law that saw each latency through questions at these ages only."""
    law = LatencyLaw()
    for latency in latencies:
        asked = [0, *(cell(age) for age in ages)]
        for (start, end), age in zip(pairwise(asked), ages, strict=True):
            if latency <= age:
                law.ended(start, end)
                break
            law.survived(start, end)
    return law


@given(st.floats(0, 1e6))
def test_cell_is_the_nearest_edge(age: float) -> None:
    """An age and the edge that stands for it differ by 2 % at most."""
    edge = EDGES[cell(age)]

    assert abs(edge - age) <= max(age * (RATIO**0.5 - 1) * 1.001, SHORTEST / 2)


def test_cell_ends_with_the_grid() -> None:
    """Ages behind the end of the grid all belong to its last edge."""
    assert [cell(0.0), cell(0.024), cell(0.026), cell(1e9)] == [0, 0, 1, LAST_CELL]


@given(trials)
@settings(deadline=None)
def test_survival_is_a_law_whatever_was_seen(seen: list[tuple[int, int, bool]]) -> None:
    """Any trials at all give chances that start at 1, fall, and never reach 0; the median is an age of the grid."""
    law = LatencyLaw()
    law.ended(3, 40)
    for start, span, ended in seen:
        end = min(LAST_CELL, start + 1 + span % 50)
        (law.ended if ended else law.survived)(start, end)
    survival = law.survival()

    assert survival[0] == 1
    assert (np.diff(survival) < 0).all()
    assert survival[-1] > 0
    assert 0 < law.median(survival) <= EDGES[-1]


def test_survival_comes_to_the_truth_between_the_questions() -> None:
    """Questions at ages that differ from number to number show the law, although no latency is ever seen itself."""
    random = np.random.default_rng(5)
    latencies = 20 * np.exp(random.standard_normal(1500))
    law = LatencyLaw()
    for latency in latencies:
        ages = random.uniform(1, 1.5) * 1.5 ** np.arange(20)
        asked = [0, *map(cell, ages)]
        last = int(np.searchsorted(ages, latency))
        for start, end in pairwise(asked[: last + 1]):
            law.survived(start, end)
        law.ended(asked[last], asked[last + 1])
    survival = law.survival()

    for age in (5, 10, 20, 40, 80):
        assert survival[cell(age)] == pytest.approx((latencies > EDGES[cell(age)]).mean(), abs=0.04)
    assert law.median(survival) == pytest.approx(20, rel=0.1)


def test_survival_beyond_all_evidence_falls_like_a_power() -> None:
    """Far from what was seen, the pending fall with the square of the age: neither silence nor certainty."""
    law = learned(np.full(300, 10.0), np.array([5.0, 9.0, 11.0]))
    law.survived(cell(11.0), cell(12.0))
    survival = law.survival()

    far, farther = cell(3000.0), cell(4200.0)
    assert survival[farther] / survival[far] == pytest.approx((EDGES[far] / EDGES[farther]) ** 2, rel=1e-3)


def test_median_leaves_out_what_never_answers() -> None:
    """Where 70 % never answer, the median is that of the others."""
    latencies = np.concatenate((np.full(90, 10.0), np.full(210, np.inf)))
    law = learned(latencies, 8.0 * 1.1 ** np.arange(60))
    for _ in range(5):
        survival = law.survival()

    assert survival[cell(1000.0)] == pytest.approx(0.7, abs=0.03)
    assert law.median(survival) == pytest.approx(10.0, rel=0.1)


def test_memory_follows_a_law_that_changes() -> None:
    """What was seen long ago counts for less: after as many answers again the new law is believed."""
    law = LatencyLaw()
    old, new = cell(10.0), cell(100.0)
    for _ in range(MEMORY + 1):
        law.ended(0, old)
    law.survival()
    for turn in range(4 * MEMORY):
        law.survived(0, new - 1)
        law.ended(new - 1, new)
        if turn % 1000 == 0:
            law.survival()
    survival = law.survival()

    assert law.answers <= MEMORY + 1000
    assert law.median(survival) == pytest.approx(100.0, rel=0.1)


def test_memory_drops_what_has_faded() -> None:
    """A kind of trial that is not seen any more is forgotten in the end, so that fits stay cheap."""
    law = LatencyLaw()
    law.ended(5, 50)
    for _ in range(12):
        law.ended(100, 101)
        law.answers = MEMORY + 1
        law.survival()

    assert list(law._ended) == [(100, 101)]


def brute_force(survival: np.ndarray, price: float, cells: range) -> float:
    """The least cost of asking at one or two edges and then at the last of the cells, by trying them all."""
    area = np.concatenate(([0.0], np.cumsum((survival[1:] + survival[:-1]) / 2 * np.diff(EDGES))))

    def step(start: int, end: int) -> float:
        return (price + EDGES[end] - EDGES[start]) * survival[start] - (area[end] - area[start])

    last = cells[-1]
    two = min(step(0, a) + step(a, b) + step(b, last) for a in cells for b in cells if a < b < last)
    return min(two, step(0, last), *(step(0, a) + step(a, last) for a in cells if a < last))


def test_windows_hold_the_best_schedule() -> None:
    """Following the plan costs no more than the best of all schedules with up to three questions, found by trial."""
    hazard = np.full(LAST_CELL, 1e-6)
    begin, end = cell(8.0), cell(20.0)
    hazard[begin:end] = 0.2
    hazard[end:] = 0.79
    survival = np.concatenate(([1.0], np.cumprod(1 - hazard)))
    first, last = best_windows(survival, 2.0)
    area = np.concatenate(([0.0], np.cumsum((survival[1:] + survival[:-1]) / 2 * np.diff(EDGES))))

    at, cost = 0, 0.0
    while survival[at] > 1e-3:
        then = int(first[at] + last[at]) // 2
        cost += (2.0 + EDGES[then] - EDGES[at]) * survival[at] - (area[then] - area[at])
        at = then
    assert cost <= brute_force(survival, 2.0, range(begin, cell(30.0))) * 1.02


@given(st.floats(0.05, 2.0), st.floats(-1, 9), st.floats(0.01, 3.0))
@settings(max_examples=30, deadline=None)
def test_windows_lie_ahead(sigma: float, log_median: float, poll_cost: float) -> None:
    """For any law and price, the next question comes later than the last and inside the grid."""
    ages = np.log(np.maximum(EDGES, 1e-9))
    survival = np.clip(1 / (1 + np.exp((ages - log_median) * 1.7 / sigma)), 1e-200, 1)
    survival[0] = 1
    first, last = best_windows(survival, poll_cost * float(np.exp(log_median)))

    here = np.arange(LAST_CELL)
    assert (first[:-1] > here).all()
    assert (last >= first).all()
    assert last.max() <= LAST_CELL
