"""The door answers 200 to what is durable, and tells nobody anything."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from isms_data import dlr
from isms_data.receiver import DeliveryReceiver
from tests.callers import A, B, ask, get, head, raw, sent, stored, words

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the receivers of these tests keep their journal."""
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", None),
        ("application/x-www-form-urlencoded", b"mobile=%2B306970000001&status=DELIVRD"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="s"\r\n\r\nDelivered\r\n--x--',
        ),
        ("application/json", b'{"msisdn": 306970000001, "state": "delivered"}'),
    ],
)
def test_report_in_each_form(home: Path, kind: str, body: bytes | None) -> None:
    """GET, form, multipart form and JSON are read, kept and answered with the reply that is set."""
    token = sent(home, A)
    with DeliveryReceiver(port=0, path="/sms/dlr/", reply="ACK") as receiver:
        query = "" if body else "?mobile=306970000001&status=Delivered"
        status, text, headers = ask(dlr.url(receiver.url, token) + query, body=body, kind=kind)

    assert (status, text, headers["Cache-Control"]) == (200, "ACK", "no-store")
    assert words(home) == {A: "Delivered"}
    assert len(stored(home)) == receiver.counts.believed == receiver.counts.received == 1


def test_report_of_another_kind(home: Path) -> None:
    """A body of a kind that nobody foresaw is kept as it came, and answered with 200."""
    token = sent(home, A)
    with DeliveryReceiver(port=0) as receiver:
        status, *_ = ask(dlr.url(receiver.url, token), body=b"<Delivered/>", kind="application/xml")

    assert (status, stored(home), receiver.counts.unreadable) == (200, [{"": "<Delivered/>"}], 1)


@pytest.mark.parametrize("front", ["/sms/dlr/", "//sms//dlr//", "http://elsewhere/sms/dlr/", "/sms/dlr/%2E/../dlr/"])
def test_report_by_way_of_a_proxy(home: Path, front: str) -> None:
    """Slashes too many and another host in the request change nothing; another path is not found."""
    token = sent(home, A)
    with DeliveryReceiver(port=0, path="sms/dlr") as receiver:
        answer = raw(receiver, head(f"{front}{token}/?s=Failed", "X-Forwarded-Prefix: /x", "Connection: close"))

    assert answer.startswith(b"HTTP/1.1 404" if ".." in front else b"HTTP/1.1 200")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_report_by_another_method(home: Path, method: str) -> None:
    """Other methods than GET and POST are refused, right token or not."""
    token = sent(home, A)
    with DeliveryReceiver(port=0) as receiver:
        answers = [raw(receiver, head(f"/{page}", "Connection: close", method=method)) for page in (token, "x")]

    assert all(answer.startswith(b"HTTP/1.1 405") and b"\r\nAllow: GET, POST\r\n" in answer for answer in answers)
    assert stored(home) == []


def without_date(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"Date:")]


def test_wrong_token(home: Path) -> None:
    """Whatever is wrong with a token, the answer is the same, and comes before the body."""
    token = sent(home, A)
    reference, _, signature = token.partition(".")
    wrong = ["", "x", reference, f"{reference}.{signature[::-1]}", dlr.token(bytes(32), reference), f"{token}/x", "%ff"]
    with DeliveryReceiver(port=0) as receiver:
        requests = [head(f"/{page}", "Content-Length: 9", method="POST") for page in (*wrong, f"elsewhere/{token}")]
        with ThreadPoolExecutor(len(requests)) as senders:
            answers = list(senders.map(partial(raw, receiver), requests))

    assert answers[0].startswith(b"HTTP/1.1 404")
    assert len({tuple(without_date(answer)) for answer in answers}) == 1
    assert (stored(home), receiver.counts.refused, receiver.counts.received) == ([], len(answers), 0)


@pytest.mark.parametrize("announced", [True, False])
def test_body_that_is_too_long(home: Path, *, announced: bool) -> None:
    """A body over the limit is refused, whether it says how long it is or not."""
    target = f"/{sent(home, A)}"
    body = b"s=" + b"x" * 100
    chunked = (
        head(target, "Transfer-Encoding: chunked", "Connection: close", method="POST")
        + b"66\r\n"
        + body
        + b"\r\n0\r\n\r\n"
    )
    plain = head(target, "Content-Length: 102", "Connection: close", method="POST") + body
    with DeliveryReceiver(port=0, max_body_bytes=101) as receiver:
        answer = raw(receiver, plain if announced else chunked)
    with DeliveryReceiver(port=0, max_body_bytes=102) as larger:
        taken = raw(larger, plain if announced else chunked)

    assert (answer[:12], taken[:12]) == (b"HTTP/1.1 413", b"HTTP/1.1 200")
    assert (receiver.counts.put_off, larger.counts.received) == (1, 1)


def test_body_that_does_not_come(home: Path) -> None:
    """A body that takes too long gets no report kept and no connection held."""
    target = f"/{sent(home, A)}"
    with DeliveryReceiver(port=0, body_within_s=0.05) as receiver:
        answer = raw(receiver, head(target, "Content-Length: 9", method="POST") + b"s=Fai")

    assert (answer[:12], stored(home)) == (b"HTTP/1.1 408", [])


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ("Content-Length: 9", b"s=Fai"),
        ("Content-Encoding: gzip\r\nContent-Length: 5", b"s=Fai"),
        ("Transfer-Encoding: chunked", b"z"),
    ],
)
def test_body_that_is_cut_off_or_garbled(home: Path, lines: str, body: bytes) -> None:
    """A body that cannot be had whole is no report, and what the sender sent so far is forgotten."""
    target = f"/{sent(home, A)}"
    with DeliveryReceiver(port=0) as receiver:
        answer = raw(receiver, head(target, lines, method="POST") + body, end=True)

    assert b" 200 " not in answer
    assert stored(home) == []


def test_body_that_waits_to_be_asked_for(home: Path) -> None:
    """A sender that asks before it sends a body is told to go on, if its token is right."""
    token = sent(home, A)
    with DeliveryReceiver(port=0) as receiver:
        lines = ("Expect: 100-continue", "Content-Length: 8", "Connection: close")
        right = raw(receiver, head(f"/{token}", *lines, method="POST") + b"s=Failed")
        wrong = raw(receiver, head("/x", *lines, method="POST"))

    assert right.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert wrong.startswith(b"HTTP/1.1 404")


def test_flood_without_a_token_starves_nobody(home: Path) -> None:
    """Requests over the rate are put off, and those without a right token are counted apart."""
    token = sent(home, A)
    with DeliveryReceiver(port=0, max_per_second=1) as receiver:
        flood = raw(receiver, head("/x") * 50 + head("/x", "Connection: close"))
        right = raw(receiver, head(f"/{token}?s=Failed") * 50 + head(f"/{token}", "Connection: close"))
        health = ask(receiver.url + "/health")[0]

    assert (flood.count(b" 404 "), right.count(b" 200 "), health) >= (1, 1, 200)
    assert flood.count(b" 429 ") == flood.count(b"Retry-After: 1") == 51 - flood.count(b" 404 ") > 0
    assert right.count(b" 429 ") == receiver.counts.put_off == 51 - right.count(b" 200 ") > 0


def test_health(home: Path) -> None:
    """Whoever asks learns whether reports can be kept and how many were, and nothing about anybody."""
    token = sent(home, A)
    with DeliveryReceiver(port=0, path="/sms") as receiver:
        get(receiver, token, mobile=A, status="Failed")
        status, text, headers = ask(receiver.url + "/health")

    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(text).items() >= {"status": "ok", "reports": 1, "believed": 1, "refused": 0}.items()
    assert set(map(type, json.loads(text).values())) == {str, int}
    assert stored(home) == [{"mobile": str(A), "status": "Failed"}]


def test_nothing_of_a_request_is_logged(home: Path, caplog: pytest.LogCaptureFixture, capfd) -> None:
    """Neither a token nor a number gets into a log, however broken the request is."""
    token = sent(home, A, B)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "isms_data.receiver")
    garbage = [
        f"GET /{token} {A} HTTP/1.1\r\n\r\n",
        f"\x16\x03\x01 /{token}?mobile={A}\r\n\r\n",
        f"GET /{token}?mobile={A}" + "a" * 9_000 + " HTTP/1.1\r\n\r\n",
        f"POST /{token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx{A}\r\n{token}\r\n",
        f"POST /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\nContent-Encoding: gzip\r\n\r\nmobile={A}",
        f"GET /{token}?mobile={A}&mid=b2&status=Failed HTTP/1.0\r\n\r\n",
        f"GET /{token}?mobile={A}&status={A} HTTP/1.0\r\n\r\n",
        f"POST /{token} HTTP/1.1\r\n{A}: {token}\r\n{token}\r\n\r\n",
        f"{A}{token}\r\n\r\n",
    ]
    with DeliveryReceiver(port=0) as receiver:
        for request in garbage:
            raw(receiver, request.encode())

    said = caplog.text + "".join(capfd.readouterr())
    assert not any(part in said for part in (token, *token.split("."), str(A)))
    assert receiver.counts.received == 2


def test_error_of_our_own_is_logged_without_its_words(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:
    """An error that nobody foresaw is answered with 500 and logged with its place, not with its text."""

    def fail(*_: object) -> None:
        raise LookupError(A)

    token = sent(home, A)
    monkeypatch.setattr("isms_data.receiving.door.read_report", fail)
    with DeliveryReceiver(port=0) as receiver:
        status = get(receiver, token, mobile=A)

    assert (status, stored(home)) == (500, [])
    assert "LookupError" in caplog.text
    assert "read_report" in caplog.text
    assert str(A) not in caplog.text
