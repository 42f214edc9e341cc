"""Delivery reports: they arrive, as told, until they are answered with 200, and on this machine only."""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from urllib.parse import parse_qsl, urlsplit

import pytest

from isms_data.simulator import ReportSettings, Simulator, SimulatorServer
from isms_data.simulator.dlr import is_loopback

WHO = {"username": "demo", "password": "sandbox-password"}
REACHABLE, DEAD = "306970000004", "306970000010"


class Receiver(HTTPServer):
    """A plain receiver that notes every report and answers with the codes it was given, then 200."""

    def __init__(self, *codes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.codes = list(codes)
        self.seen = Queue()
        self.url = f"http://127.0.0.1:{self.server_port}/dlr?token=a%2Fb"


class Handler(BaseHTTPRequestHandler):
    """One report."""

    def answer(self):
        """Note the report and answer it."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        self.server.seen.put((self.command, self.path, dict(parse_qsl(body or urlsplit(self.path).query))))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_):
        """No log."""


@pytest.fixture
def receiver():
    """A receiver that is content at once."""
    with Receiver() as server:
        yield from running(server)


@pytest.fixture
def grumpy():
    """A receiver that wants every report three times."""
    with Receiver(500, 404) as server:
        yield from running(server)


def running(server):
    """The receiver, served by a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def send(simulator, url, to=REACHABLE):
    """Send with a dlr-url; the id."""
    return simulator.handle("send.php", WHO | {"from": "MyShop", "to": to, "dlr-url": url}).removeprefix("ID:")


def test_report_arrives_when_a_message_is_final(receiver):
    """Each message of a call is reported, by POST, with id, number, state and time, on the URL it was given."""
    simulator = Simulator(seed=7, median_latency_s=0.01)
    with SimulatorServer(simulator):
        mid = send(simulator, receiver.url, f"{REACHABLE},{DEAD}")
        reports = [receiver.seen.get(timeout=10) for _ in range(2)]

    assert {(method, path) for method, path, _ in reports} == {("POST", "/dlr?token=a%2Fb")}
    assert {(form["mid"], form["mobile"], form["status"]) for _, _, form in reports} == {
        (mid, REACHABLE, "Delivered"),
        (mid, DEAD, "Failed"),
    }
    assert {datetime.fromisoformat(form["date"]).tzinfo for _, _, form in reports} == {UTC}


def test_report_waits_for_the_end(receiver):
    """Nothing is reported of a message that is not final; the clock decides."""
    now = [1_800_000_000.0]
    simulator = Simulator(seed=7, median_latency_s=1000, clock=lambda: now[0])
    send(simulator, receiver.url)

    assert simulator.due_reports() == []
    now[0] += 100_000
    assert [message.msisdn for message in simulator.due_reports()] == [REACHABLE]
    assert simulator.due_reports() == []


def test_report_has_the_shape_that_is_set(receiver):
    """Method and names are settings; GET puts the fields behind the query, an empty name leaves one out."""
    shape = ReportSettings(method="GET", id_field="msgid", status_field="s", time_field="")
    simulator = Simulator(seed=7, median_latency_s=0, reports=shape)
    with SimulatorServer(simulator):
        mid = send(simulator, receiver.url)
        method, path, fields = receiver.seen.get(timeout=10)

    assert (method, path.startswith("/dlr?token=a%2Fb&msgid=")) == ("GET", True)
    assert fields == {"token": "a/b", "msgid": mid, "mobile": REACHABLE, "s": "Delivered"}


def test_report_comes_again_until_it_is_answered_with_200(grumpy):
    """Other answers bring the same report again, and the ledger has every attempt."""
    simulator = Simulator(seed=7, median_latency_s=0, reports=ReportSettings(repeat_after_s=0.01))
    with SimulatorServer(simulator):
        send(simulator, grumpy.url)
        reports = [grumpy.seen.get(timeout=10) for _ in range(3)]

    assert reports[0] == reports[1] == reports[2]
    attempts = [(report.attempt, report.http_status) for report in simulator.ledger.reports]
    assert attempts[:2] == [(1, 500), (2, 404)]


def test_report_comes_in_as_many_copies_as_set(receiver):
    """Reports that come twice are part of the trade."""
    simulator = Simulator(seed=7, median_latency_s=0, reports=ReportSettings(copies=3))
    with SimulatorServer(simulator):
        send(simulator, receiver.url)
        reports = [receiver.seen.get(timeout=10) for _ in range(3)]

    assert reports[0] == reports[1] == reports[2]


class Attempts(Queue):
    """A ledger's list of attempts that a test can wait at."""

    append = Queue.put


@pytest.mark.parametrize(
    "url", ["http://example.org/dlr", "https://192.0.2.1/", "ftp://127.0.0.1/", "nonsense", "http://["]
)
def test_report_to_another_machine_is_not_made(url):
    """The sandbox calls nobody but this machine; the ledger says so instead."""
    simulator = Simulator(seed=7, median_latency_s=0)
    simulator.ledger.reports = Attempts()
    with SimulatorServer(simulator):
        send(simulator, url)
        attempt = simulator.ledger.reports.get(timeout=10)

    assert not is_loopback(url)
    assert (attempt.http_status, attempt.url) == (None, url)
    assert "loopback" in attempt.problem


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:99999/"])
def test_report_that_reaches_nobody_is_tried_as_often_as_set(url):
    """A receiver that is not there costs its attempts and nothing else."""
    simulator = Simulator(seed=7, median_latency_s=0, reports=ReportSettings(attempts=2, repeat_after_s=0.01))
    simulator.ledger.reports = Attempts()
    with SimulatorServer(simulator):
        send(simulator, url)
        attempts = [simulator.ledger.reports.get(timeout=10) for _ in range(2)]

    assert is_loopback(url)
    assert [(attempt.attempt, attempt.http_status) for attempt in attempts] == [(1, None), (2, None)]


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "http://127.3.2.1:80/", "https://localhost/", "http://[::1]:9/"])
def test_loopback_is_known_in_every_spelling(url):
    """All of 127/8, ::1 and localhost are this machine."""
    assert is_loopback(url)
