"""The receiver starts, receives what the sandbox reports, and ends, however it is ended, without losing a report."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest

import isms_data as isms
from isms_data import dlr
from isms_data.dlr_key import secret
from isms_data.errors import ConfigurationError, JournalError
from isms_data.journal.calls import Journal
from isms_data.journal.file import FILE_NAME, KEY_NAME
from isms_data.journal.records import Accepted, Message
from isms_data.journal.standing import Campaign
from isms_data.receiver import DeliveryReceiver
from isms_data.simulator import ReportSettings
from tests.callers import A, B, ask, get, messages, sent, stored, words
from tests.claims import claim
from tests.peers import until

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.account import Account

REACHABLE, DEAD = "306970000004", "306970000010"
PROCESSES = multiprocessing.get_context("forkserver")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the receivers of these tests keep their journal."""
    return tmp_path / "home"


def receive(home: str, ready: Any) -> None:
    """The whole work of a process that will be killed."""
    os.environ["ISMS_HOME"] = home
    DeliveryReceiver(port=0).run(on_ready=ready.send)


def deliver(url: str, token: str, mine: range, acknowledged: list[int]) -> None:
    """Send reports over one connection until it breaks; note each that was answered with 200."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        for serial in mine:
            connection.request("GET", f"/{token}?mobile={A}&status=Pending&x={serial}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            acknowledged.append(serial)
    except (OSError, HTTPException):
        return
    finally:
        connection.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0), (signal.SIGINT, 0)])
def test_receiver_that_is_ended_in_mid_stream(home: Path, number: signal.Signals, code: int) -> None:
    """Whenever and however it ends, every report that was answered with 200 is in the journal."""
    token, acknowledged = sent(home, A), []
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=receive, args=(str(home), theirs))
    process.start()
    url = ours.recv()
    senders = [
        threading.Thread(
            target=deliver, args=(url, token, range(place * 1_000_000, (place + 1) * 1_000_000), acknowledged)
        )
        for place in range(8)
    ]
    for sender in senders:
        sender.start()
    until(lambda: len(acknowledged) >= 300)
    os.kill(process.pid, number)
    for sender in (*senders, process):
        sender.join(30)

    kept = {int(fields["x"]) for fields in stored(home)}
    assert process.exitcode == code
    assert len(acknowledged) >= 300
    assert set(acknowledged) <= kept
    assert len(kept) - len(acknowledged) <= len(senders)


async def test_receiver_in_a_notebook(home: Path) -> None:
    """The plain `with` works while a loop runs, and leaves no thread; a receiver can be started again."""
    token, before = sent(home, A, B), set(threading.enumerate())
    receiver = DeliveryReceiver(port=0)
    for number in (A, B):
        with receiver:
            status = await asyncio.to_thread(get, receiver, token, mobile=number, status="Failed")
            assert status == 200

    assert words(home) == {A: "Failed", B: "Failed"}
    assert not [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("isms")]


async def test_receiver_runs_once_at_a_time() -> None:
    """A receiver that is running is not started a second time, and goes on running."""
    async with DeliveryReceiver(port=0) as receiver:
        with pytest.raises(RuntimeError, match="another"):
            await receiver.__aenter__()
        with pytest.raises(RuntimeError, match="another"), receiver:
            pass
        status, *_ = await asyncio.to_thread(ask, receiver.url + "/health")

        assert status == 200


async def test_stop_waits_for_what_is_under_way(home: Path) -> None:
    """A stop lets no report be answered with 200 that is not kept, and leaves no sender without an end."""
    token = sent(home, A)
    async with aiohttp.ClientSession() as session:

        async def send(serial: int) -> int:
            try:
                async with session.get(f"{url}/{token}?s=Pending&x={serial}") as response:
                    return serial if response.status == 200 else -1
            except aiohttp.ClientError:
                return -1

        async with DeliveryReceiver(port=0) as receiver:
            url = receiver.url
            senders = [asyncio.create_task(send(serial)) for serial in range(200)]
            await asyncio.wait(senders, return_when=asyncio.FIRST_COMPLETED)
        acknowledged = set(await asyncio.gather(*senders)) - {-1}

    assert acknowledged
    assert acknowledged <= {int(fields["x"]) for fields in stored(home)}


@pytest.mark.parametrize("turns", range(6))
async def test_stop_ends_connections_that_have_just_come(turns: int) -> None:
    """A connection that is made at the moment of the stop is closed, at whichever turn of the loop it falls."""
    async with DeliveryReceiver(port=0) as receiver:
        address = urlsplit(receiver.url)
        connections = [socket.create_connection((address.hostname, address.port), timeout=30) for _ in range(20)]
        for _ in range(turns):
            await asyncio.sleep(0)  # a turn, no time
    ends = await asyncio.gather(*(asyncio.to_thread(end_of, connection) for connection in connections))

    assert ends == [b""] * 20


def end_of(connection: socket.socket) -> bytes:
    with connection:
        try:
            return connection.recv(1)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ""])  # noqa: S104 - for a moment
def test_receiver_says_where_it_is(host: str) -> None:
    """The address names a host that this machine reaches it by."""
    with DeliveryReceiver(host=host, port=0, path="sms/dlr/") as receiver:
        assert receiver.url.endswith("/sms/dlr")
        assert ask(receiver.url + "/health")[0] == 200


def test_receiver_where_another_listens() -> None:
    """A port that is taken, or a host that is not here, is an error that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for where in ({"port": port}, {"port": 0, "host": "192.0.2.1"}, {"port": 0, "host": "::g"}):
            with pytest.raises(ConfigurationError, match="cannot listen"), DeliveryReceiver(**where):
                pass


@pytest.mark.parametrize(
    "setting",
    [
        {"port": 65_536},
        {"port": -1},
        {"path": "/a b"},
        {"path": "/x?y"},
        {"max_body_bytes": 0},
        {"max_per_second": -1},
        {"body_within_s": 0.0},
    ],
)
def test_receiver_setting_that_is_none(setting: dict[str, Any]) -> None:
    """A setting that cannot be used is named at once."""
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        DeliveryReceiver(**setting)


def test_receiver_without_its_secret_or_journal(home: Path) -> None:
    """A secret that is none and a journal that cannot be opened are told at the start."""
    home.mkdir()
    (home / KEY_NAME).write_bytes(b"short")
    with pytest.raises(ConfigurationError, match=KEY_NAME), DeliveryReceiver(port=0):
        pass
    (home / KEY_NAME).unlink()
    (home / FILE_NAME).write_bytes(b"a list of numbers" * 100)
    with pytest.raises(JournalError, match=FILE_NAME), DeliveryReceiver(port=0):
        pass


@pytest.mark.parametrize(
    "form",
    [
        ReportSettings(),
        ReportSettings(method="GET", copies=2),
        ReportSettings(id_field="smsid", mobile_field="to", status_field="dlr", time_field="", copies=2),
        ReportSettings(method="GET", id_field="", mobile_field="recipient", status_field="STATE"),
    ],
)
async def test_sandbox_reports_what_became_of_messages(form: ReportSettings) -> None:
    """Messages that are sent with a dlr-url are reported by the sandbox, in any form, as often as it likes."""
    with (
        isms.sandbox(seed=7, median_latency_s=0.005, reports=form) as account,
        DeliveryReceiver(account=account, port=0) as receiver,
    ):
        await send_through(account, receiver.url)
        await asyncio.to_thread(until, lambda: receiver.counts.received == 2 * form.copies)
        found = messages(account.journal_place, account.label)
        attempts = [report.http_status for report in account.gateway.simulator.ledger.reports]

    assert {number: (told.reply, told.source) for number, told in found.items()} == {
        int(REACHABLE): ("Delivered", "report"),
        int(DEAD): ("Failed", "report"),
    }
    assert set(attempts) <= {200}
    assert (receiver.counts.believed, receiver.counts.repeated) == (2, 2 * form.copies - 2)


async def send_through(account: Account, base: str) -> None:
    """A message to two numbers as the package sends it: intent, call, outcome."""
    reference = dlr.new_reference()
    message = Message(reference, "MyShop", "hello", "GSM", False, None, None, "http")
    url = dlr.url(base, dlr.token(secret(account.journal_place), reference))
    with Journal(account.journal_place, account.label, "send") as journal:
        numbers = [int(REACHABLE), int(DEAD)]
        taken = claim(journal, numbers, Campaign("spring"), label="spring", message=message)
        async with isms.HttpGateway(account) as gateway:
            mid = await gateway.send("MyShop", [REACHABLE, DEAD], "hello", dlr_url=url)
        journal.accepted([Accepted(taken.call_id, mid)])


async def test_sandbox_repeats_until_the_receiver_is_there() -> None:
    """Reports that find nobody come again, and are believed when the receiver is up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    form = ReportSettings(attempts=1_000, repeat_after_s=0.02)
    with isms.sandbox(seed=7, median_latency_s=0.005, reports=form) as account:
        reports = account.gateway.simulator.ledger.reports
        await send_through(account, f"http://127.0.0.1:{port}")
        await asyncio.to_thread(until, lambda: len(reports) >= 4)
        with DeliveryReceiver(account=account, port=port) as receiver:
            await asyncio.to_thread(until, lambda: receiver.counts.believed == 2)
        found = messages(account.journal_place, account.label)

    assert [told.reply for told in found.values()] == ["Delivered", "Failed"]
    assert reports[0].http_status is None
