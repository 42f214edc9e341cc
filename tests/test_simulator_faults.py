"""Faults on request: each does what it says, leaves its trace, and comes as often as it was told to."""

from collections import Counter
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.simulator import Fault, Faults, Simulator
from isms_data.simulator.faults import PHP_WARNING_TEXT
from isms_data.simulator.responses import Ending

WHO = {"username": "demo", "password": "sandbox-password"}
LOOKUP = WHO | {"mobiles": "306970000004"}
NOW = 1_800_000_000.4
BEFORE = {"error_500", "bad_gateway_502", "unavailable_503", "too_many_429", "reset_before"}


@pytest.fixture
def gateway():
    """A sandbox whose clock stands still."""
    return Simulator(seed=7, clock=lambda: NOW)


@pytest.mark.parametrize("kind", Fault)
def test_fault_is_carried_out_or_not_as_documented(gateway, kind):
    """Five kinds are refusals, after all others the call is done and charged; the ledger says which it was."""
    gateway.faults.script(kind)

    gateway.respond("hlr.php", LOOKUP)

    assert len(gateway.ledger.charges) == (0 if kind in BEFORE else 1)
    (fault,) = gateway.ledger.faults
    assert (fault.kind, fault.page, fault.request) == (kind, "hlr.php", 1)
    assert fault.carried_out is gateway.ledger.requests[0].carried_out is (kind not in BEFORE)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("error_500", 500, "<html><head><title>500 Internal Server Error"),
        ("error_500_after_charge", 500, "<html><head><title>500 Internal Server Error"),
        ("bad_gateway_502", 502, "<html><head><title>502 Bad Gateway"),
        ("bad_gateway_502_after_charge", 502, "<html><head><title>502 Bad Gateway"),
        ("gateway_timeout_504", 504, "<html><head><title>504 Gateway Timeout"),
        ("unavailable_503", 503, "<html><head><title>503 Service Unavailable"),
        ("too_many_429", 429, "<html><head><title>429 Too Many Requests"),
        ("slow", 200, "ID:"),
        ("empty", 200, ""),
        ("php_warning", 200, PHP_WARNING_TEXT + "ID:"),
    ],
)
def test_fault_spoils_the_reply_in_its_way(gateway, kind, status, body):
    """What goes out is the page or the text that the kind is named after, and only `slow` takes its time."""
    gateway.faults.script(kind)

    response = gateway.respond("hlr.php", LOOKUP)

    assert (response.http_status, response.ending) == (status, Ending.WHOLE)
    assert response.body.startswith(body)
    assert bool(response.body) is bool(body)
    assert response.delay_s == (gateway.faults.slow_s if kind == "slow" else 0)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("reset_before", "reset"), ("drop_after_charge", "dropped"), ("truncated", "cut short")],
)
def test_fault_breaks_the_connection_in_its_way(gateway, kind, ending):
    """What a broken connection looks like is decided here; tests/test_simulator_http.py sees it on the wire."""
    gateway.faults.script(kind)

    assert gateway.respond("hlr.php", LOOKUP).ending == ending


@pytest.mark.parametrize("kind", ["unavailable_503", "too_many_429"])
def test_retry_after_comes_in_every_form(gateway, kind):
    """Retry-After is seconds, a date that is not too early, or missing; `mixed` has all three."""
    seen = set()
    gateway.faults.script(kind, times=60)
    for _ in range(60):
        value = gateway.respond("hlr.php", LOOKUP).retry_after
        seen.add(value)

    (date,) = (value for value in seen if value and value.endswith("GMT"))
    assert seen == {None, "1", date}
    assert 1 <= parsedate_to_datetime(date).timestamp() - NOW < 2


@pytest.mark.parametrize(("form", "expected"), [("seconds", "3"), ("none", None)])
def test_retry_after_in_a_chosen_form(gateway, form, expected):
    """A test that wants one form gets that one, in whole seconds."""
    gateway.faults.set_retry_after(form, 2.5)
    gateway.faults.script("unavailable_503")

    assert gateway.respond("hlr.php", LOOKUP).retry_after == expected


def test_script_goes_before_the_rates_and_keeps_to_its_page(gateway):
    """The next calls of a page are spoilt in the order of the scripts, other pages are left alone."""
    gateway.faults.script("empty", page="hlr.php", times=2)
    gateway.faults.script("error_500", page="hlr.php")
    gateway.respond("credits.php", WHO)
    for _ in range(4):
        gateway.respond("hlr.php", LOOKUP)

    assert [request.fault for request in gateway.ledger.requests] == [None, "empty", "empty", "error_500", None]


def test_script_for_every_page_spoils_whatever_comes_next(gateway):
    """A script without a page takes the next call, whichever it is."""
    gateway.faults.script("empty")

    assert gateway.respond("credits.php", WHO).body == ""
    assert gateway.respond("credits.php", WHO).body == "Credits:10000.00"


def test_rates_are_met_and_keep_to_their_pages():
    """Each kind comes at its rate, on the pages named and on no other."""
    faults = Faults({"empty": 0.1, "slow": 0.3}, pages=["hlr.php"], seed=7)

    drawn = Counter(faults.draw("hlr.php") for _ in range(10_000))

    assert drawn["empty"] == pytest.approx(1000, abs=120)
    assert drawn["slow"] == pytest.approx(3000, abs=180)
    assert drawn[None] == 10_000 - drawn["empty"] - drawn["slow"]
    assert {faults.draw("send.php") for _ in range(100)} == {None}


def test_rates_as_one_number_are_for_every_kind():
    """One number means each kind at that rate; the sum stays a share."""
    drawn = Counter(Faults(1 / len(Fault)).draw("hlr.php") for _ in range(5))
    all_kinds = Faults(1 / len(Fault), seed=1)

    assert None not in drawn
    assert {all_kinds.draw("hlr.php") for _ in range(1000)} == set(Fault)


@given(st.integers())
def test_faults_of_a_seed_come_again(seed):
    """The n-th draw of a seed is the same each time."""
    series = [
        [faults.draw("hlr.php") for _ in range(30)] for faults in (Faults(0.05, seed=seed), Faults(0.05, seed=seed))
    ]

    assert series[0] == series[1]


def test_faults_cleared_are_gone():
    """After `clear` neither rate nor script is left."""
    faults = Faults({"empty": 1.0})
    faults.script("slow", times=3)
    faults.clear()

    assert [faults.draw("hlr.php") for _ in range(3)] == [None] * 3


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: Faults({"error500": 0.1}), "no fault of the sandbox; there are error_500, "),
        (lambda: Faults({"empty": 1.1}), "each and together between 0 and 1"),
        (lambda: Faults({"empty": -0.1}), "each and together between 0 and 1"),
        (lambda: Faults(0.5), "each and together between 0 and 1"),
        (lambda: Faults(pages=["hlr"]), "no page of the gateway; there are credits.php, "),
        (lambda: Faults(retry_after="later"), "none of seconds, date, none, mixed"),
        (lambda: Faults().script("empty", page="hlr"), "no page of the gateway"),
        (lambda: Faults().script("boom"), "no fault of the sandbox"),
    ],
)
def test_fault_that_does_not_exist_is_an_error(make, hint):
    """A word that means nothing is refused, with the words that do."""
    with pytest.raises(ValueError, match=hint):
        make()
