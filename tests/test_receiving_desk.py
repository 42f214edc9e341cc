"""Reports are durable or come again, and what they do not tell the gateway is asked for."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import isms_data as isms
from isms_data import dlr
from isms_data.errors import ConfigurationError, JournalError
from isms_data.journal.file import FILE_NAME, now
from isms_data.journal.reports import Kept, Report
from isms_data.receiver import DeliveryReceiver
from isms_data.receiving import desk as desk_module
from isms_data.receiving.desk import AT_ONCE, MOST_WAITING
from tests.callers import A, B, C, ask, get, messages, sent, stored, words
from tests.peers import Peer, reply, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the receivers of these tests keep their journal."""
    return tmp_path / "home"


def test_unreadable_report_makes_the_gateway_be_asked(home: Path) -> None:
    """What a report does not tell, the gateway is asked for, once, and its word is kept."""
    with Peer(lambda _: reply("Status: Delivered")) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url, home=home)
        token = sent(home, A, B, label=account.label)
        with DeliveryReceiver(account=account, port=0) as receiver:
            get(receiver, token, mobile=A, status="7")
            until(lambda: messages(home, account.label)[A].reply)
            get(receiver, token, mobile=A, status="8")
        found = messages(home, account.label)

    assert (found[A].reply, found[A].source, found[B].reply) == ("Delivered", "poll", None)
    assert [target.partition("&mid=")[2] for target in peer.targets] == [f"a1&mobile={A}"]


def test_question_that_fails_is_let_be(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A question without an answer costs nothing but a line in the log, and the next one is asked."""
    replies = iter(["Error: No such message or recipient.", f"{A} is a number", "Status: Failed"])
    caplog.set_level(logging.INFO)
    with Peer(lambda _: reply(next(replies))) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url, home=home)
        token = sent(home, A, B, C, label=account.label)
        with DeliveryReceiver(account=account, port=0) as receiver:
            for number in (A, B, C):
                get(receiver, token, mobile=number, status="7")
            until(lambda: messages(home, account.label)[C].reply)

    assert ("NoSuchMessage" in caplog.text, "ProtocolError" in caplog.text, str(A) in caplog.text) == (
        True,
        True,
        False,
    )


def test_question_that_nobody_has_time_for(home: Path, monkeypatch) -> None:
    """Where too many questions wait, more are not asked here, and receiving goes on."""
    monkeypatch.setattr(desk_module, "MOST_QUESTIONS", 1)
    release = threading.Event()
    with Peer(lambda _: reply("Status: Failed" if release.wait(30) else "")) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url, home=home)
        token = sent(home, A, B, C, label=account.label)
        with DeliveryReceiver(account=account, port=0) as receiver:
            get(receiver, token, mobile=A, status="7")
            until(lambda: peer.targets)
            statuses = [get(receiver, token, mobile=number, status="7") for number in (B, C)]
            release.set()
            until(lambda: messages(home, account.label)[B].reply)

    assert statuses == [200, 200]
    assert [target[-12:] for target in peer.targets] == [str(A), str(B)]


def test_message_of_another_account_is_not_asked_about(home: Path) -> None:
    """Nobody is asked about what another account sent."""
    with Peer(lambda _: reply("Status: Delivered")) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url, home=home)
        tokens = sent(home, A, label="another"), sent(home, B, label=account.label)
        with DeliveryReceiver(account=account, port=0) as receiver:
            for token in tokens:
                get(receiver, token, status="7")
            until(lambda: messages(home, account.label)[B].reply)

    assert len(peer.targets) == 1


def test_account_of_the_environment_asks(home: Path, monkeypatch) -> None:
    """Without an account it is the one of the environment that asks; a wrong setting there is told."""
    with Peer(lambda _: reply("Status: Failed")) as peer:
        for name, value in {"USERNAME": "shop", "PASSWORD": "secret", "BASE_URL": peer.base_url}.items():
            monkeypatch.setenv(f"ISMS_{name}", value)
        label = isms.Account.from_env().label
        token = sent(home, A, label=label)
        with DeliveryReceiver(port=0) as receiver:
            get(receiver, token, status="7")
            until(lambda: messages(home, label)[A].reply)
    monkeypatch.setenv("ISMS_BASE_URL", "nonsense")
    with pytest.raises(ConfigurationError, match="ISMS_BASE_URL"), DeliveryReceiver(port=0):
        pass


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_puts_reports_off(home: Path) -> None:
    """While the disk (here: the allowed file size) is full, reports are to come again; then none is missing."""
    token = sent(home, *range(A, A + 200))
    reports = [{"mobile": A + place, "status": "Delivered", "padding": "x" * 900} for place in range(200)]
    with DeliveryReceiver(port=0) as receiver:
        with full_disk(150_000):
            answers = [get(receiver, token, **report) for report in reports]
        kept = {int(fields["mobile"]) - A for fields in stored(home)}
        again = [get(receiver, token, **report) for report in reports]

    assert set(answers) == {200, 503}
    assert {place for place, status in enumerate(answers) if status == 200} == kept
    assert (set(again), set(words(home).values()), len(stored(home))) == ({200}, {"Delivered"}, 200)


def test_full_disk_shows_in_health(home: Path) -> None:
    """Health says whether the journal can be written; a report that cannot be kept is told when to come again."""
    token = sent(home, A)
    with DeliveryReceiver(port=0) as receiver:
        with full_disk(0):
            health = ask(receiver.url + "/health")
            status, _, headers = ask(f"{dlr.url(receiver.url, token)}?s=Failed")
        until(lambda: ask(receiver.url + "/health")[0] == 200)

    assert (health[0], json.loads(health[1])["status"]) == (503, "the journal cannot be written")
    assert (status, headers["Retry-After"], receiver.counts.put_off, stored(home)) == (503, "10", 1, [])


def test_busy_journal_shows_in_health(home: Path, monkeypatch) -> None:
    """A journal that another program keeps locked is not waited for: health says that it cannot be written."""
    monkeypatch.setattr("isms_data.receiving.door.HEALTH_WITHIN_S", 0.05)
    with DeliveryReceiver(port=0) as receiver:
        other = sqlite3.connect(home / FILE_NAME, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        status, *_ = ask(receiver.url + "/health")
        other.close()

    assert status == 503


def test_journal_that_was_put_elsewhere(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A journal that vanishes under the receiver is noticed before a report is lost in it, and used again later."""
    token = sent(home, A)
    with DeliveryReceiver(port=0) as receiver:
        (home / FILE_NAME).rename(home / "aside")
        away = get(receiver, token, status="Failed")
        (home / "aside").rename(home / FILE_NAME)
        back = get(receiver, token, status="Failed")

    assert (away, back, words(home)) == (503, 200, {A: "Failed"})
    assert caplog.text.count("cannot be kept now") == caplog.text.count("are kept again") == 1


def unreadable(reference: str, serial: int) -> Report:
    return Report(reference, None, None, None, json.dumps([["x", str(serial)]]), now())


async def test_reports_wait_in_memory_up_to_a_limit(home: Path) -> None:
    """Reports that come together wait for one disk; those beyond the limit are to come again."""
    reference = sent(home, A)[:12]
    reports = [unreadable(reference, place) for place in range(MOST_WAITING + 1)]
    async with desk_module.opened(home) as desk:
        *kept, refused = await asyncio.gather(*map(desk.keep, reports), return_exceptions=True)

    assert {type(each) for each in kept} == {Kept}
    assert isinstance(refused, JournalError)
    assert len(stored(home)) == MOST_WAITING


async def test_reports_that_wait_at_the_end_are_kept(home: Path) -> None:
    """What was taken in when the desk is closed is written down."""
    reference = sent(home, A)[:12]
    async with desk_module.opened(home) as desk:
        waiting = [asyncio.create_task(desk.keep(unreadable(reference, serial))) for serial in range(AT_ONCE + 1)]
        await asyncio.wait(waiting, timeout=0)

    assert len(stored(home)) == len(waiting)
    assert all(task.done() for task in waiting)


async def test_sender_that_went_away(home: Path) -> None:
    """A report whose sender waits no longer is kept all the same, whether the disk is well or not."""
    reference = sent(home, A)[:12]
    async with desk_module.opened(home) as desk:
        for room in (0, 10_000_000):
            gone = asyncio.create_task(desk.keep(unreadable(reference, room)))
            stays = asyncio.create_task(desk.keep(unreadable(reference, 1)))
            await asyncio.wait([gone], timeout=0)
            gone.cancel()
            with full_disk(room):
                await asyncio.wait([gone, stays])
            assert (gone.cancelled(), isinstance(stays.exception(), JournalError)) == (True, room == 0)

    assert len(stored(home)) == 2
