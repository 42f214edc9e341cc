"""The simulation in benchmarks/: what it must not get wrong, whatever the costs."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from model.one_run import Costs, Outcome, Place, Simulation, Work

COSTS = Costs(
    run=0.05,
    number=2e-6,
    request=2e-4,
    there_number=0.0,
    there_request=0.0,
    flush=1e-3,
    row=2e-6,
    answer=2e-6,
    disk=130.0,
)
NUMBERS = 1500


def simulated(kind: str = "lookup", numbers: int = NUMBERS, costs: Costs = COSTS, **place: float) -> Outcome:
    return Simulation(Work(kind, numbers), costs, Place(**place)).run()


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["lookup", "personal", "one text", "smpp"]),
    numbers=st.integers(1, NUMBERS),
    reply_s=st.floats(0.0, 1.0),
    latency_s=st.floats(0.0, 100.0),
)
def test_a_run_whatever_its_gateway(kind: str, numbers: int, reply_s: float, latency_s: float) -> None:
    """Every run ends, with every number settled and no resource used more than all of the time."""
    found = simulated(kind, numbers, reply_s=reply_s, latency_s=latency_s)

    assert found.seen <= found.wall
    assert found.requests >= (numbers if kind != "one text" else numbers / 500)
    assert all(share <= 1.02 for share in found.busy.values())


@pytest.mark.parametrize("in_flight", [1, 8, 64])
def test_lookups_at_a_slow_gateway(in_flight: int) -> None:
    """No more requests are under way than may be, so so many replies take that long at least, and little longer."""
    found = simulated(reply_s=0.2, in_flight=in_flight)

    least = found.requests * 0.2 / in_flight
    assert least <= found.wall <= 1.25 * least + 1.5
    assert found.limit == "gateway"


def test_messages_over_smpp() -> None:
    """In no second do more leave than the rate; a window that is full of unanswered ones makes it fewer."""
    paced, held_up = simulated("smpp", in_flight=100), simulated("smpp", in_flight=100, reply_s=1.0)

    assert NUMBERS / 700 <= paced.seen <= 1.1 * NUMBERS / 700
    assert held_up.seen >= NUMBERS / 100
    assert (paced.limit, held_up.limit) == ("gateway", "window")


@pytest.mark.parametrize(
    ("changed", "limit"), [({"request": 0.05}, "client CPU"), ({"row": 0.05}, "journal"), ({}, "latency")]
)
def test_the_limit_of_a_run(changed: dict[str, float], limit: str) -> None:
    """What is made slow is named; where nothing is, the run waits for answers."""
    found = simulated(costs=COSTS._replace(**changed), latency_s=1.0)

    assert found.limit == limit


def test_one_number_for_many() -> None:
    """Four times the numbers take as long as these, each of them standing for four."""
    many = simulated(numbers=4 * NUMBERS, reply_s=0.2, latency_s=0.5)
    for_many = simulated(reply_s=0.2, latency_s=0.5, each=4.0)

    assert for_many.seen == pytest.approx(many.seen, rel=0.2)
    assert for_many.requests == pytest.approx(many.requests, rel=0.2)


def test_a_gateway_that_refuses() -> None:
    """Refused questions are asked again until all are answered, and cost requests and time."""
    refused, free = simulated(reply_s=0.05, refuses_above=4.0), simulated(reply_s=0.05)

    assert refused.requests > free.requests
    assert refused.seen >= NUMBERS * 0.05 / 4
