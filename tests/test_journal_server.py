"""A journal on a server keeps its promises when the connection, the server or a clock does not keep its own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import psycopg
import pytest

import isms_data as isms
from isms_data.dlr_key import secret
from isms_data.errors import ConfigurationError, JournalError
from isms_data.journal import copying
from isms_data.journal import server as journal_server
from isms_data.journal.calls import Journal
from isms_data.journal.place import ServerAddress
from isms_data.journal.records import Accepted
from isms_data.journal.standing import AnswerKind, Lookups, Standing
from isms_data.journal.suppression import SuppressionList
from isms_data.receiver import DeliveryReceiver
from tests import postgres
from tests.claims import claim
from tests.pg_proxy import Proxy, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.trial import SandboxAccount

A, B, C = 306970000001, 306970000002, 306970000003


@pytest.fixture
def address(server: str) -> ServerAddress:
    """A journal on the server, still empty."""
    return postgres.new_journal(server)


@pytest.fixture
def between(server: str) -> Iterator[Proxy]:
    """What stands between us and the server."""
    with proxy(server) as between:
        yield between


def through(between: Proxy, address: ServerAddress) -> ServerAddress:
    host = address.url.partition("host=")[2].partition("&")[0]
    return ServerAddress(address.url.replace(host, between.folder))


def stands(journal: Journal, *numbers: int) -> list[Standing | None]:
    found = journal.standings(numbers, Lookups(0))
    return [found[number][0] if number in found else None for number in numbers]


@contextmanager
def beside(address: ServerAddress) -> Iterator[psycopg.Connection[Any]]:
    """A connection that is not the journal's."""
    with psycopg.connect(address.url, autocommit=True) as connection:
        yield connection


def cut(address: ServerAddress, *, name: str = "isms_data") -> None:
    """End every connection of journals at the server."""
    with beside(address) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,))


@pytest.mark.parametrize("loses", ["commit", "answer"])
def test_claim_whose_commit_is_lost(address: ServerAddress, between: Proxy, loses: str) -> None:
    """Whether the COMMIT was lost or only its answer, the claim exists once, and its number is taken."""
    with Journal(through(between, address), "me", "hlr") as journal:
        between.loses = loses
        taken = claim(journal, [A, B], Lookups(0))

        assert between.lost == 1
        assert taken.taken == [A, B]
        assert len(postgres.rows(address)["calls"]) == 1
        assert [row[:2] for row in postgres.rows(address)["items"]] == [(1, A), (2, B)]


def test_claim_of_which_nothing_is_known(
    address: ServerAddress, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server cannot be asked what became of a claim, it is an error, and the number is in doubt."""
    monkeypatch.setattr(journal_server, "PATIENCE_S", 0.5)
    lost = Journal(through(between, address), "me", "hlr").__enter__()
    between.loses, between.refuses = "answer", True
    for last in (lambda: claim(lost, [A], Lookups(0)), lost.__exit__):
        with pytest.raises(JournalError, match="Nothing is paid for"):
            last()
    with Journal(address, "me", "hlr") as later:
        assert stands(later, A) == [Standing.IN_DOUBT]
        assert claim(later, [A], Lookups(0)).taken == []


@pytest.mark.parametrize("loses", ["commit", "answer"])
def test_outcome_whose_commit_is_lost(address: ServerAddress, between: Proxy, loses: str) -> None:
    """The outcomes of calls that share a transaction are written once, however it was lost."""
    with Journal(through(between, address), "me", "hlr") as journal:
        calls = [claim(journal, [number], Lookups(0)).call_id for number in (A, B)]
        between.loses = loses
        journal.together([lambda: journal.accepted([Accepted(calls[0], "a")]), lambda: journal.refused(calls[1], "no")])

        assert stands(journal, A, B) == [Standing.OPEN, None]


def test_journal_waits_for_a_server_that_crashed(address: ServerAddress) -> None:
    """A server that crashes and comes back loses nothing that was committed, and the run goes on."""
    with Journal(address, "me", "hlr") as journal:
        claim(journal, [A], Lookups(0))
        with beside(address) as other:
            os.kill(other.info.backend_pid, signal.SIGKILL)  # the server ends all others, recovers, starts again
            with pytest.raises(psycopg.OperationalError):
                other.execute("SELECT pg_sleep(60)")

        assert claim(journal, [A, B], Lookups(0)).taken == [B]


def test_transaction_that_is_the_victim_of_a_deadlock(address: ServerAddress) -> None:
    """Another program that locks rows in another order costs a second, and no transaction."""
    with Journal(address, "me", "hlr") as journal, beside(address) as other:
        call_id, begun = claim(journal, [A], Lookups(0)).call_id, threading.Event()
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("BEGIN")
        other.execute("SELECT 1 FROM calls FOR UPDATE")
        (schema,) = other.execute("SELECT hashtext(current_schema())").fetchone() or (0,)

        def lock_the_journal() -> None:
            begun.wait()
            other.execute(f"SELECT pg_advisory_xact_lock({journal_server.LOCK}, {schema})")
            other.execute("ROLLBACK")

        def accept() -> None:
            tries.append(None)
            begun.set()
            journal.accepted([Accepted(call_id, "a")])

        tries: list[None] = []
        other_program = threading.Thread(target=lock_the_journal)
        other_program.start()
        journal.together([accept])
        other_program.join()

        assert len(tries) == 2
        assert stands(journal, A) == [Standing.OPEN]


def test_machine_that_falls_asleep_in_a_transaction(address: ServerAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the journal without a word is put out by the server; the others go on, and it begins again."""
    monkeypatch.setattr(journal_server, "IDLE_S", 0.2)
    with Journal(address, "me", "hlr") as sleeper:
        monkeypatch.undo()
        with Journal(address, "me", "hlr") as other:
            woken: list[list[int]] = []

            def nap() -> Any:
                if not woken:
                    woken.append(claim(other, [A], Lookups(0)).taken)  # waits until the sleeper is put out
                return claim(sleeper, [A, B], Lookups(0)).taken

            assert sleeper.together([nap]) == [[B]]
            assert woken == [[A]]


def test_run_goes_on_when_its_connections_are_cut(server: str) -> None:
    """Connections that are cut all the time cost a lookup and a campaign nothing but time."""
    address, over = postgres.new_journal(server), threading.Event()

    def cut_all_the_time() -> None:
        while not over.wait(0.15):
            cut(address)

    with isms.sandbox(seed=7, median_latency_s=0.05, smpp_rate=None) as sandbox:
        account = at(sandbox, address, max_per_call=5)
        people = pd.DataFrame({"msisdn": [str(A + place) for place in range(400)]}, dtype="str")
        cutter = threading.Thread(target=cut_all_the_time)
        cutter.start()
        try:
            looked_up = isms.hlr_lookup(people, "msisdn", account=account)
            plan = isms.plan_messages(
                people, "msisdn", campaign="spring", sender="MyShop", text="Hello", account=account
            )
            sent = isms.send_messages(plan, transport="smpp", account=account)
        finally:
            over.set()
            cutter.join()
        ledger = sandbox.gateway.simulator.ledger

        assert Counter(looked_up["outcome"].astype("str")) == {"done": 400}
        assert Counter(sent["outcome"].astype("str")) == {"accepted": 400}
        assert set(Counter(message.msisdn for message in ledger.messages).values()) == {1}
        assert ledger.charged() == 800


def at(sandbox: SandboxAccount, address: ServerAddress, **settings: Any) -> isms.Account:
    return isms.Account(
        sandbox.username,
        sandbox.password,
        base_url=sandbox.base_url,
        smpp=f"{sandbox.smpp}?rate=1000",
        journal=address.url,
        progress=False,
        **settings,
    )


def test_clock_is_the_servers(address: ServerAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is an hour fast or slow sees the same runs alive, and the same answers fresh."""
    minute = 60_000_000
    with Journal(address, "me", "hlr") as far:
        taken = claim(far, [A, B], Lookups(0))
        far.accepted([Accepted(taken.call_id, "a")])
        far.answer([(taken.first_id, AnswerKind.FINAL, far.now(), "Delivered")])
        claim(far, [C], Lookups(0))
        monkeypatch.setattr("isms_data.journal.calls.LIVE", set())
        monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
        for wrong in (-3600, 3600):
            true_time = time.time_ns
            with monkeypatch.context() as patched, Journal(address, "me", "hlr") as near:
                patched.setattr("time.time_ns", lambda: true_time() + wrong * 10**9)  # noqa: B023
                assert abs(near.now() - true_time() // 1000) < minute
                assert stands(near, A, B, C) == [Standing.FRESH, Standing.HELD, Standing.HELD]
                assert near.standings([A], Lookups(near.now() - minute))[A][0] is Standing.FRESH


def test_machines_of_one_name_are_two(monkeypatch: pytest.MonkeyPatch, address: ServerAddress) -> None:
    """A run in another container is not looked for among the processes of this one, whatever both are called."""
    with Journal(address, "me", "hlr") as far:
        claim(far, [A], Lookups(0))
        monkeypatch.setattr("isms_data.journal.calls.LIVE", set())
        monkeypatch.setattr("pathlib.Path.readlink", lambda _: Path("pid:[1]"))
        with Journal(address, "me", "hlr") as near:
            held = stands(near, A)
            with beside(address) as other:
                other.execute("UPDATE runs SET lease_end = 1")

            assert (held, stands(near, A)) == ([Standing.HELD], [Standing.IN_DOUBT])


def test_secret_is_in_the_journal(address: ServerAddress) -> None:
    """Whoever shares the journal signs with the same secret; where there is none and none is made, that is told."""
    with pytest.raises(ConfigurationError, match="ISMS_JOURNAL"):
        secret(address, create=False)

    assert len({secret(address), secret(address), secret(address, create=False)}) == 1


def test_receiver_on_another_machine(address: ServerAddress, tmp_path: Path) -> None:
    """A report that comes to a receiver elsewhere settles the message of the campaign that was sent from here."""
    with isms.sandbox(median_latency_s=0.01) as sandbox:
        here, there = (at(sandbox, address, home=tmp_path / name) for name in ("here", "there"))
        plan = isms.plan_messages(
            pd.DataFrame({"n": [str(A)]}), "n", campaign="spring", sender="MyShop", text="Hello", account=here
        )
        with DeliveryReceiver(port=0, account=there) as receiver:
            isms.send_messages(plan, dlr=receiver.url, account=here)
            while not receiver.counts.believed:
                time.sleep(0.01)
        status = isms.delivery_status("spring", account=here)

        assert status["source"].tolist() == ["report"]
        assert not (tmp_path / "here").exists()


def test_password_is_in_no_error(server: str, address: ServerAddress) -> None:
    """Neither the account's repr nor the address nor an error of a server that refuses us holds the password."""
    url = f"postgresql://nobody:s3cret%21word@{address.url.partition('@')[2]}"
    wrong = ServerAddress.of(url)
    account = isms.Account("shop", "secret", journal=url)
    with pytest.raises(JournalError, match="ISMS_JOURNAL") as told:
        SuppressionList(wrong)

    shown = f"{account!r} {wrong!r} {wrong} {told.value} {told.value.__cause__} {account.label}"
    assert "s3cret" not in shown
    assert "postgresql://nobody@" in shown


@pytest.mark.parametrize("url", ["mysql://a:s3cret@b/c", "postgresql://a:s3cret@b:port/c", "s3cret", "postgresql://x"])
def test_address_that_is_none(url: str) -> None:
    """What is no address is refused when the account is made, and not repeated."""
    with pytest.raises(ConfigurationError, match="ISMS_JOURNAL") as told:
        isms.Account("shop", "secret", journal=url)

    assert "s3cret" not in str(told.value)


def test_newer_journal_is_left_alone(address: ServerAddress) -> None:
    """A journal from the future is not touched; the error says to update."""
    with Journal(address, "me", "hlr"), beside(address) as other:
        other.execute("UPDATE journal SET version = 99")
    with pytest.raises(JournalError, match="newer isms_data"):
        Journal(address, "me", "hlr")


def test_texts_that_the_server_has_no_room_for(address: ServerAddress) -> None:
    """A reply with a NUL in it is kept, with a sign in its place."""
    with Journal(address, "me", "hlr") as journal:
        taken = claim(journal, [A], Lookups(0))
        journal.answer([(taken.first_id, AnswerKind.FINAL, journal.now(), "a\0b")])

        assert journal.standings([A], Lookups(0))[A][1].reply == "a�b"


# Copying


def test_copy_moves_everything(address: ServerAddress, tmp_path: Path) -> None:
    """Every row and the secret arrive, so the server's journal answers as the file's did; the file is as it was."""
    with isms.sandbox(seed=7, median_latency_s=0.01, home=tmp_path) as sandbox:
        people = pd.DataFrame({"n": [str(A), str(B)]})
        isms.hlr_lookup(people, "n", account=sandbox)
        plan = isms.plan_messages(people, "n", campaign="x", sender="MyShop", text="Hello", account=sandbox)
        isms.send_messages(plan, transport="smpp", account=sandbox)
        isms.suppress([str(C)], account=sandbox)
        key, before = secret(tmp_path), isms.delivery_status("x", account=sandbox)
        copied = copying.copy(tmp_path, address)
        moved = at(sandbox, address)

        assert (copied["items"], copied["segments"], copied["suppressions"]) == (4, 2, 1)
        assert secret(address) == key
        assert isms.hlr_lookup(people, "n", account=moved)["outcome"].tolist() == ["cached"] * 2
        assert isms.send_messages(plan, account=moved)["outcome"].tolist() == ["already_sent"] * 2
        pd.testing.assert_frame_equal(isms.delivery_status("x", account=moved), before)


def test_copy_into_a_journal_that_is_used(address: ServerAddress, tmp_path: Path) -> None:
    """A journal that is not empty is not added to, and one that a run uses is not copied."""
    with Journal(tmp_path, "me", "hlr") as mine:
        claim(mine, [A], Lookups(0))
        with pytest.raises(JournalError, match="a run uses"):
            copying.copy(tmp_path, address)
    copying.copy(tmp_path, address)
    with pytest.raises(JournalError, match="1 calls"):
        copying.copy(tmp_path, address)

    assert len(postgres.rows(address)["calls"]) == 1


def test_copy_of_nothing(address: ServerAddress, tmp_path: Path) -> None:
    """A folder without a journal is an error, and stays without one."""
    with pytest.raises(JournalError, match="ISMS_HOME"):
        copying.copy(tmp_path, address)

    assert list(tmp_path.iterdir()) == []
