"""No second sees more messages than the account may send, and little less where there are enough."""

from __future__ import annotations

import math
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data.transports.smpp_rate import CATCH_UP_S, ONE_CAUSE_S, SLACK_S, SLOWER, SLOWEST, Pace

BEGIN = 1_000_000.0
"""A clock that has run for days, where floats are coarser."""


def most_in(times: list[float], window: float) -> int:
    """The most messages in any window of so many seconds, both ends counted; times in order."""
    return max((bisect_right(times, time + window) - place for place, time in enumerate(times)), default=0)


def sent(pace: Pace, wakes: list[tuple[float, int, bool]], begin: float = BEGIN) -> list[float]:
    """When messages leave: after each pause so many are wanted, and some of them are throttled."""
    now, times = begin, []
    for pause, wanted, throttled in wakes:
        now += pause
        times += [now] * pace.take(wanted, now)
        if throttled:
            pace.throttled(now)
    return times


def steadily(pace: Pace, seconds: float, step: float, begin: float = BEGIN) -> list[float]:
    """When messages leave while there is always one to send and the clock is looked at in such steps."""
    return sent(pace, [(step, 1_000_000, False)] * round(seconds / step), begin)


WAKES = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 0.01), st.floats(0, 3), st.just(0.0)),
        st.one_of(st.integers(-1, 5), st.just(1_000_000)),
        st.integers(0, 19).map(lambda one: one == 0),
    ),
    max_size=200,
)


@given(rate=st.one_of(st.integers(1, 50), st.integers(1, 100_000)), wakes=WAKES)
def test_no_second_sees_more_than_the_rate(rate: int, wakes: list[tuple[float, int, bool]]) -> None:
    """Whatever is wanted and whenever, no second has more than the rate, even where the way there squeezes it."""
    times = sent(Pace(rate), wakes)

    assert most_in(times, 1.0 + SLACK_S * 0.99) <= rate


@pytest.mark.parametrize("rate", [1, 10, 700, 5_000])
@pytest.mark.parametrize("step", [0.000_25, 0.001, CATCH_UP_S * 0.9])
def test_pace_is_held_however_coarse_the_clock(rate: int, step: float) -> None:
    """A loop that wakes at least every few milliseconds sends at 98 % of the rate or more."""
    times = steadily(Pace(rate), 20.0, step)

    assert 0.98 * rate * 20.0 <= len(times) + 1 <= rate * 20.0 + 1


def test_messages_are_evenly_spread() -> None:
    """Nobody waits for a second to begin: each 20 ms have their share of 700 a second, give or take the catching up."""
    times = steadily(Pace(700), 5.0, 0.000_25)
    counts = [
        bisect_right(times, BEGIN + place * 0.02) - bisect_right(times, BEGIN + place * 0.02 - 0.02)
        for place in range(1, 250)
    ]

    assert {12, 13, 14, 15, 16, 17, 18} >= set(counts)


def test_idle_time_is_not_saved_up() -> None:
    """After an hour without messages only those of the catching-up leave at once."""
    pace = Pace(1_000)
    pace.take(1, BEGIN)

    assert pace.take(1_000, BEGIN + 3_600) == int(CATCH_UP_S * 1_000 / 1.01) + 1


def test_due_is_when_the_next_may_leave() -> None:
    """At that moment one may leave, a moment before none."""
    pace = Pace(700)
    pace.take(100, BEGIN)

    assert pace.take(100, pace.due() - 1e-6) == 0
    assert pace.take(100, pace.due() + 1e-6) == 1


def test_throttling_slows_down_once_for_one_cause() -> None:
    """Fifty throttling answers at once take off 30 %; one a second later takes off 30 % again."""
    pace = Pace(700)
    for _ in range(50):
        pace.throttled(BEGIN)
    once = pace.share(BEGIN)
    pace.throttled(BEGIN + ONE_CAUSE_S)

    assert once == pytest.approx(SLOWER)
    assert pace.share(BEGIN + ONE_CAUSE_S) == pytest.approx(SLOWER * (SLOWER + 0.02))


def test_throttled_pace_is_what_leaves() -> None:
    """After throttling, fewer leave in the next second, by what the pace lost."""
    fast, slow = Pace(700), Pace(700)
    slow.throttled(BEGIN)

    assert len(steadily(slow, 1.0, 0.001)) == pytest.approx(0.71 * len(steadily(fast, 1.0, 0.001)), rel=0.01)


def test_pace_recovers_evenly() -> None:
    """2 % of the full pace come back each second, up to the full pace and no further."""
    pace = Pace(700)
    pace.throttled(BEGIN)

    assert [round(pace.share(BEGIN + after), 2) for after in (0, 5, 10, 15, 60)] == [0.7, 0.8, 0.9, 1.0, 1.0]


def test_endless_throttling_ends_at_a_crawl() -> None:
    """A gateway that throttles everything is still tried now and then, no slower than 1 % of the pace."""
    pace = Pace(700)
    for second in range(1_000):
        pace.throttled(BEGIN + second)

    assert SLOWEST <= pace.share(BEGIN + 999) < 0.1


def test_pace_settles_at_what_the_gateway_takes() -> None:
    """A gateway that takes 300 a second gets between 60 % and 100 % of that, once the pace has found it."""
    pace, now, taken, refused = Pace(700), BEGIN, [], 0
    for _ in range(120_000):
        now += 0.001
        for _ in range(pace.take(10, now)):
            if len(taken) >= 300 and now - taken[-300] < 1.0:
                pace.throttled(now)
                refused += 1
            else:
                taken.append(now)

    assert len(taken) > 0.6 * 300 * 120
    assert refused < 0.1 * len(taken)


def test_limit_of_nothing_waits_for_another() -> None:
    """With no share nothing leaves and nothing is due; a share that is no longer sure is none."""
    pace = Pace(100)
    pace.limit(0)
    nothing = (pace.take(10, BEGIN), pace.due())
    pace.limit(50, BEGIN + 10)

    assert nothing == (0, math.inf)
    assert pace.take(10, BEGIN + 9.9) > 0
    assert (pace.take(10, BEGIN + 10), pace.due()) == (0, math.inf)
    pace.limit(50)
    assert pace.take(10, BEGIN + 11) > 0


@given(st.integers(1, 1000), st.lists(st.tuples(st.floats(0, 2.5), st.integers(0, 5)), max_size=8))
@settings(max_examples=30)
def test_runs_that_come_and_go_stay_within_the_rate(rate: int, events: list[tuple[float, int]]) -> None:
    """Shares that are given up at once and taken up when the second is over add up to the rate in any second."""
    runs = [(Pace(rate), rate)]
    fair, times, now, settled = [rate], [], BEGIN, BEGIN
    for pause, event in [*events, (2.5, 9)]:
        until = now + pause
        while now < until:
            now += 0.004
            if now >= settled:
                runs = [limited(pace, used, share) for (pace, used), share in zip(runs, fair, strict=True)]
            times += [now] * sum(pace.take(1000, now) for pace, _ in runs)
        if event < len(runs) and len(runs) > 1:
            del runs[event]
        elif event < 6 and len(runs) < 6:
            runs.append(limited(Pace(rate), rate, 0))
        each, left = divmod(rate, len(runs))
        fair, settled = [each + (place < left) for place in range(len(runs))], now + 1.2
        runs = [limited(pace, used, min(used, share)) for (pace, used), share in zip(runs, fair, strict=True)]

    assert most_in(times, 1.0) <= rate


def limited(pace: Pace, used: int, share: int) -> tuple[Pace, int]:
    if share != used:
        pace.limit(share)
    return pace, share
