"""When to ask, how many at once, whether to try again, and how many share a call."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isms_data.errors import ConfigurationError
from isms_data.latency import SHORTEST
from isms_data.pacing import LONGEST, Backoff, Gate, PollPlan, PollQueue, Waiting, retry_after_seconds

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ages = st.floats(0, 1e7)
seen = st.lists(st.tuples(st.floats(0, 1e5), st.floats(1e-3, 1e4), st.booleans()), max_size=20)


def taught(trials: list[tuple[float, float, bool]]) -> PollPlan:
    """A plan that has seen these trials: pending at, so much later, answered or not."""
    plan = PollPlan()
    for before, later, answered in trials:
        (plan.observe if answered else plan.still_pending)(before, before + later)
    return plan


# When to ask


@given(seen, ages, st.integers(0, 5000))
@example([], 0.0, 0)
@example([(0.0, 1.0, True)], 3e6, 64)
@settings(max_examples=60, deadline=None)
def test_next_poll_is_later_within_its_bounds(trials: list[tuple[float, float, bool]], age: float, index: int) -> None:
    """Whatever was seen, the next question comes SHORTEST to LONGEST after the last."""
    plan = taught(trials)

    assert plan.first_poll(index) > 0
    assert age + SHORTEST <= plan.next_poll(age, index) <= age + LONGEST


def test_next_poll_comes_before_the_age_has_tripled() -> None:
    """However little hope there is, a pending number is asked when its age has tripled."""
    plan = taught([(0.0, 1.0, True)] * 50 + [(0.0, 500.0, False)] * 5000)

    assert all(plan.next_poll(age, 9) <= 3.1 * age for age in (2.0, 30.0, 400.0, 3000.0))


def test_plan_without_an_answer_lets_the_scouts_climb() -> None:
    """Until something is seen the first eight ask within 0.6 s, then at doubled ages; the others wait an hour."""
    plan = taught([(0.0, 0.3, False), (0.3, 0.6, False)])

    assert not plan.known
    assert all(0.3 <= plan.first_poll(index) < 0.6 for index in (*range(8), 512))
    assert len({plan.first_poll(index) for index in range(8)}) == 8
    assert plan.next_poll(100.0, 3) == pytest.approx(200.0, rel=0.03)
    assert {plan.first_poll(index) for index in (8, 63, 64, 511)} == {3600.0}


def test_plan_changes_with_the_first_answer_and_then_seldom() -> None:
    """One answer makes a plan; 20,000 more make a few dozen."""
    plan = taught([(0.0, 10.0, True)])
    assert plan.known

    for _ in range(20_000):
        plan.observe(0.0, 10.0)
    assert plan.revision < 60


@pytest.mark.parametrize("poll_cost", [0, -1.0, math.nan])
def test_plan_refuses_a_question_without_a_price(poll_cost: float) -> None:
    """A free question would be asked without end."""
    with pytest.raises(ConfigurationError, match="poll_cost"):
        PollPlan(poll_cost=poll_cost)


def test_plan_asks_less_often_when_questions_cost_more() -> None:
    """The price of a question decides how often is asked."""
    latency = 5 * np.exp(np.random.default_rng(1).standard_normal(600))
    asked = [run(latency, PollPlan(poll_cost=price))[0] for price in (0.05, 0.2, 1.0)]

    assert asked == sorted(asked, reverse=True)


# The queue


def test_queue_is_empty_at_first_and_in_the_end() -> None:
    """Nothing waits, nothing is due, and what is taken is gone."""
    queue = PollQueue[str]()
    assert (queue.take(1e9), queue.wake_at(), len(queue)) == (None, math.inf, 0)

    queue.put(Waiting("a", 0.0, 0))
    queue.put(Waiting("b", 0.0, 0))
    assert [waiting.item for waiting in (queue.take(1e9), queue.take(1e9)) if waiting] == ["a", "b"]
    assert (queue.take(1e9), queue.wake_at(), len(queue)) == (None, math.inf, 0)


def test_queue_gives_nothing_before_its_time_and_in_order() -> None:
    """Turns come in the order of their times, none before."""
    queue = PollQueue[int]()
    for place in range(8):
        queue.put(Waiting(place, 100.0, place))
    due = []
    while queue:
        wake = queue.wake_at()
        assert queue.take(math.nextafter(wake, 0)) is None
        turn = queue.take(wake)
        assert turn is not None
        due.append(queue.plan.first_poll(turn.place))

    assert due == sorted(due)
    assert len(due) == 8


def test_queue_calls_all_who_wait_when_the_scale_is_known() -> None:
    """Numbers parked for an hour are due at once when a scout has shown that answers take a second."""
    queue = PollQueue[int]()
    for place in range(1000):
        queue.put(Waiting(place, 0.0, place))
    scout = queue.take(0.4)
    assert scout is not None
    assert [queue.take(0.4) for _ in range(8)].count(None) >= 1
    queue.answered(scout, 0.4)

    assert queue.wake_at() < 5


def test_queue_puts_back_what_is_still_pending() -> None:
    """A pending number keeps its birth and its place, and remembers its age when it was asked."""
    queue = PollQueue[str]()
    queue.put(Waiting("a", 50.0, 3))
    turn = queue.take(60.0)
    assert turn is not None
    queue.still_pending(turn, asked_at=60.0)

    assert queue.take(1e9) == Waiting("a", 50.0, 3, 10.0)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.001, 50)), max_size=80))
@settings(max_examples=20, deadline=None)
def test_queue_loses_nobody(numbers: list[tuple[float, float]]) -> None:
    """Every number gets its answer, once, whatever the times of submitting and the latencies."""
    numbers = sorted(numbers)
    asked, _ = run(np.array([latency for _, latency in numbers]), PollPlan(), [since for since, _ in numbers])

    assert asked >= (1 if numbers else 0)


# The queue against the optimum


def run(latency: np.ndarray, plan: PollPlan, since: list[float] | None = None) -> tuple[float, float]:
    """Questions per number and mean staleness in seconds, when a question takes no time; each is answered once."""
    queue: PollQueue[float] = PollQueue(plan)
    for place, (item, born) in enumerate(zip(latency, since or [0.0] * len(latency), strict=True)):
        queue.put(Waiting(float(item), born, place))
    asked, stale, answered = 0, 0.0, 0
    while queue:
        clock = queue.wake_at()
        turn = queue.take(clock)
        assert turn is not None
        asked += 1
        late = clock - turn.since - turn.item
        if late >= 0:
            stale, answered = stale + late, answered + 1
            queue.answered(turn, clock)
        else:
            queue.still_pending(turn, clock)
    assert answered == len(latency)
    count = max(1, len(latency))
    return asked / count, stale / count


def least_cost(latency: np.ndarray, price: float, points: int = 500) -> float:
    """The least mean staleness + price x questions for these very latencies, by dynamic programming over ages."""
    latency = np.sort(latency)
    ages = np.concatenate(([0.0], np.quantile(latency, np.linspace(0.002, 1, points))))
    sums = np.concatenate(([0.0], np.cumsum(latency)))
    upto = np.searchsorted(latency, ages, side="right")
    upto[0] = 0
    best = np.zeros(points + 1)
    for at in range(points - 1, -1, -1):
        caught = upto[at + 1 :] - upto[at]
        late = ages[at + 1 :] * caught - (sums[upto[at + 1 :]] - sums[upto[at]])
        best[at] = (price * (len(latency) - upto[at]) + late + best[at + 1 :]).min()
    return float(best[0]) / len(latency)


@pytest.mark.parametrize("scale", [1.0, 600.0])
@pytest.mark.parametrize("law", ["log-normal", "bimodal"])
def test_queue_comes_near_the_optimum_without_knowing_the_law(law: str, scale: float) -> None:
    """Learning included, a run of 1,500 costs at most 1.25 of what full knowledge of its latencies makes possible."""
    random = np.random.default_rng(7)
    shape = np.exp((1.0 if law == "log-normal" else 0.4) * random.standard_normal(1500))
    latency = scale * shape * (np.where(random.random(1500) < 0.7, 1.0, 12.0) if law == "bimodal" else 1.0)
    price = 0.2 * float(np.median(latency))
    asked, stale = run(latency, PollPlan())

    assert stale + price * asked <= 1.25 * least_cost(latency, price)


# The gate


@given(st.lists(st.sampled_from(["start", "good", "bad", "other"]), max_size=300), st.integers(1, 5), st.integers(0, 9))
def test_gate_stays_within_its_bounds(events: list[str], minimum: int, span: int) -> None:
    """Whatever happens, the limit stays between minimum and maximum, and free never exceeds what the limit leaves."""
    gate = Gate(start=minimum, minimum=minimum, maximum=minimum + span)
    tickets: list[int] = []
    for event in events:
        if event == "start" and gate.free:
            tickets.append(gate.started())
        elif event != "start" and tickets:
            ends = {"good": gate.succeeded, "bad": gate.pushed_back, "other": lambda _: gate.ended()}
            ends[event](tickets.pop(0))
        assert minimum <= gate.limit <= minimum + span
        assert gate.in_flight == len(tickets)
        assert 0 <= gate.free <= gate.limit


def test_gate_doubles_in_a_round_trip_until_it_is_pushed_back() -> None:
    """Four round trips take it from 8 to 128; afterwards one round trip adds one."""
    gate = Gate(start=8, maximum=1000)
    for _ in range(4):
        for ticket in [gate.started() for _ in range(gate.free)]:
            gate.succeeded(ticket)
            gate.started()
        for _ in range(gate.in_flight):
            gate.ended()
    assert gate.limit == 128

    gate.pushed_back(gate.started())
    for ticket in [gate.started() for _ in range(gate.free)]:
        gate.succeeded(ticket)
        gate.started()
    assert gate.limit == pytest.approx(65, abs=0.1)


def test_gate_steps_back_once_for_all_that_were_in_flight() -> None:
    """A whole window refused halves the limit once, the next one takes 30 % off."""
    gate = Gate(start=40, maximum=100)
    for ticket in [gate.started() for _ in range(40)]:
        gate.pushed_back(ticket)
    assert gate.limit == 20

    for ticket in [gate.started() for _ in range(20)]:
        gate.pushed_back(ticket)
    assert gate.limit == 14


def test_gate_does_not_grow_unused() -> None:
    """One call at a time says nothing about forty at once."""
    gate = Gate(start=40, maximum=100)
    for _ in range(500):
        gate.succeeded(gate.started())

    assert gate.limit == 40


@pytest.mark.parametrize("bounds", [{"minimum": 0}, {"start": 300}, {"start": 1, "minimum": 2}])
def test_gate_refuses_bounds_out_of_order(bounds: dict[str, int]) -> None:
    """A gate that could never open, or begins outside of its bounds, is a mistake in the settings."""
    with pytest.raises(ConfigurationError, match="in this order"):
        Gate(**bounds)


@pytest.mark.parametrize(("slots", "share"), [(3, 0.2), (20, 0.03), (80, 0.02)])
def test_gate_finds_the_limit_of_a_gateway(slots: int, share: float) -> None:
    """Against a gateway that refuses above so many at once, few calls are refused and most of its slots are in use."""
    gate = Gate()
    refused = used = 0
    for _ in range(600):
        tickets = [gate.started() for _ in range(gate.free)]
        used += min(slots, len(tickets))
        for place, ticket in enumerate(tickets):
            refused += place >= slots
            (gate.succeeded if place < slots else gate.pushed_back)(ticket)
            gate.started()
        for _ in range(gate.in_flight):
            gate.ended()

    assert used > 0.7 * 600 * slots
    assert refused < share * used


# Trying again


@given(st.integers(0, 5000), st.none() | st.floats(0, 1e9), st.integers())
def test_backoff_waits_as_long_as_it_was_told(attempt: int, retry_after: float | None, seed: int) -> None:
    """At least what the gateway asked for, up to the bound, and at most a minute of jitter on top."""
    backoff = Backoff(patience=math.inf)
    delay = backoff.delay(attempt, waited=0.0, random=Random(seed), retry_after=retry_after)
    asked = min(retry_after or 0.0, backoff.max_retry_after)

    assert delay is not None
    assert asked <= delay <= asked + min(60.0, 0.5 * 2.0 ** min(attempt, 60))


def test_backoff_spreads_over_the_whole_of_a_growing_span() -> None:
    """Full jitter: the mean is half of 0.5 s, 1 s, 2 s and so on, until 60 s."""
    random, backoff = Random(3), Backoff()

    for attempt, span in ((0, 0.5), (1, 1.0), (4, 8.0), (9, 60.0)):
        delays = [backoff.delay(attempt, waited=0.0, random=random) or 0.0 for _ in range(2000)]
        assert np.mean(delays) == pytest.approx(span / 2, rel=0.1)


def test_backoff_gives_up_when_patience_would_be_over() -> None:
    """A wait that ends behind the patience is not begun."""
    backoff = Backoff(patience=100.0)

    assert backoff.delay(0, waited=10.0, random=Random(1), retry_after=80.0) is not None
    assert backoff.delay(0, waited=30.0, random=Random(1), retry_after=80.0) is None
    assert backoff.delay(0, waited=100.1, random=Random(1)) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0),
        (" 120\t", 120),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90),
        ("Monday, 23-Nov-26 12:01:30 GMT", 90),
        ("Mon Nov 23 12:01:30 2026", 90),
        ("Tue Dec  1 12:00:00 2026", 8 * 86400),
        ("Mon, 23 Nov 2026 12:00:60 GMT", 59),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
    ],
)
def test_retry_after_is_read_in_every_form(header: str, expected: float) -> None:
    """Seconds, and the three forms of a date (RFC 9110, 5.6.7); what is past is now."""
    assert retry_after_seconds(header, NOW) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "-1",
        "+5",
        "1.5",
        "1e3",
        "٣",
        "9" * 13,
        "120, 5",
        "Tue, 23 Nov 2026 12:01:30 GMT",
        "Mon, 23 Nov 2026 12:01:30 +0200",
        "Mon, 23 Nov 2026 12:01:30",
        "Mon, 31 Feb 2026 12:00:00 GMT",
        "Mon, 23 Foo 2026 12:00:00 GMT",
        "Mon, 23 Nov 2026 25:00:00 GMT",
        "mon, 23 nov 2026 12:00:00 gmt",
        "Mon, 23 Nov 0000 12:00:00 GMT",
    ],
)
def test_retry_after_is_never_guessed(header: str) -> None:
    """What is none of the forms, or a date that does not exist, is no wait at all rather than a wrong one."""
    assert retry_after_seconds(header, NOW) is None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))  # noqa: DTZ001 - made aware below
def test_retry_after_reads_what_the_standard_library_writes(when: datetime) -> None:
    """A date as `email.utils` writes it is read to the second."""
    when = when.replace(tzinfo=UTC, microsecond=0)
    expected = max(timedelta(), when - NOW).total_seconds()

    assert retry_after_seconds(format_datetime(when, usegmt=True), NOW) == expected
