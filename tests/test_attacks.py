"""What an adversary tried on the paid lookup: each test is one attack, held against what the other side counted.

Money first, then rows, hangs, the journal, and secrets. ISMS_CANCELS=1 and ISMS_JOURNAL_FAILURES=1 are the steps
between two attacks in the two sweeps (`make proofs`); by default they take larger ones.
"""

from __future__ import annotations

import asyncio
import base64
import html
import itertools
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

import isms_data as isms
from isms_data import blocking, leases, polling, runs, sharing, submitting
from isms_data.journal.calls import Journal
from isms_data.journal.file import now
from isms_data.journal.standing import AnswerKind, Lookups
from isms_data.simulator.faults import Faults
from tests.claims import claim
from tests.peers import DROP, Peer, reply
from tests.test_runs import assert_right, numbers, outcomes, scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from isms_data.journal.records import Accepted
    from isms_data.trial import SandboxAccount

CANCEL_STEP = int(os.environ.get("ISMS_CANCELS", "9"))
FAILURE_STEP = int(os.environ.get("ISMS_JOURNAL_FAILURES", "4"))
TERMS = runs.Terms(max_wait_s=10, price=Decimal(1))
ANSWER = "Delivered;GR;Cosmote;202011234567890;306942190000;0"


def like(account: isms.Account, **settings: Any) -> isms.Account:
    """The same account with other settings."""
    return isms.Account(account.username, account.password, base_url=account.base_url, **settings)


def at(peer: Peer, **settings: Any) -> isms.Account:
    return isms.Account("shop", "secret", base_url=peer.base_url, **settings)


def gateway(hlr: Callable[[str], bytes], *, question: str = ANSWER, balance: Callable[[], str] = lambda: "100") -> Any:
    """What a peer answers: `hlr` decides the paid call, the rest is plain."""

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            return hlr(target)
        return reply(question if "hlrquery" in target else f"Credits:{balance()}")

    return answer


def asked_for(target: str) -> list[str]:
    return target.partition("mobiles=")[2].split(",")


# Charged, and told as if it were not


def test_answer_older_than_max_age_at_the_end_is_given(account: SandboxAccount) -> None:
    """What this run paid for and learned is in its frame, even where `max_age` is over when the frame is made."""
    frame = isms.hlr_lookup(numbers(5), "msisdn", max_age="0s", account=account)

    assert outcomes(frame) == {"done": 5}
    assert_right(frame, account)


def test_clock_that_leaps_over_max_age_in_mid_run(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps 40 days ahead while the answers are written down makes none of them `not_attempted`."""
    true_time, leap, write = time.time_ns, [0], Journal.answer

    def leaping(*args: Any, **kwargs: Any) -> None:
        leap[0] = 40 * 86_400 * 10**9
        write(*args, **kwargs)

    monkeypatch.setattr(time, "time_ns", lambda: true_time() + leap[0])
    monkeypatch.setattr(Journal, "answer", leaping)
    frame = isms.hlr_lookup(numbers(3), "msisdn", account=account)

    assert outcomes(frame) == {"done": 3}


# Charged twice, by way of `settle(decision="balance")`


def test_accepted_call_whose_id_was_forgotten_is_never_resent_by_the_balance(account: SandboxAccount) -> None:
    """What was accepted was charged: the balance cannot show the contrary, and the number is not paid for again."""
    account.gateway.simulator.pin("306970000000", latency_s=60.0)
    isms.hlr_lookup(numbers(1), "msisdn", max_wait="0s", account=account)
    with Journal(account.journal_place, account.label, "hlr") as journal:
        journal.answer([(1, AnswerKind.LOST, now(), "the gateway does not know its id now.")])
    told = isms.settle(decision="balance", account=account)
    isms.hlr_lookup(numbers(1), "msisdn", max_wait="0s", account=account)

    assert told["msisdn"].tolist() == ["306970000000"]
    assert "resend" not in told["decision"].tolist()
    assert account.gateway.simulator.ledger.times_charged() == {"306970000000": 1}


@pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")
def test_planned_price_too_high_is_no_evidence() -> None:
    """Calls are subtracted from the balance at what they cost, not at what was planned; a charged one is not resent."""
    with isms.sandbox(median_latency_s=0.002, faults=scripted("drop_after_charge")) as account:
        dear = like(account, credits_per_lookup=2, max_per_call=1)
        isms.hlr_lookup(numbers(2), "msisdn", account=dear)
        isms.settle(decision="balance", account=dear)
        isms.hlr_lookup(numbers(2), "msisdn", account=dear)

        assert set(account.gateway.simulator.ledger.times_charged().values()) == {1}


def test_clock_put_back_is_no_evidence(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock put back by an hour does not make the balance show that a charged call was not."""
    true_time, behind = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: true_time() - behind[0])
    isms.hlr_lookup(numbers(2), "msisdn", account=account)
    behind[0] = 3600 * 10**9
    account.gateway.simulator.faults.script("drop_after_charge", page="hlr.php")
    isms.hlr_lookup(numbers(2, first=306970000100), "msisdn", account=account)
    isms.settle(decision="balance", account=account)
    isms.hlr_lookup(numbers(2, first=306970000100), "msisdn", account=account)

    assert set(account.gateway.simulator.ledger.times_charged().values()) == {1}


def test_call_that_may_still_be_under_way_is_not_resent_by_the_balance() -> None:
    """A call that timed out here and is charged a moment later there is not paid for twice by settling in between."""
    done, paid = threading.Event(), itertools.count(1)

    def hlr(_: str) -> bytes:
        if next(paid) == 1:
            done.wait(10)
        return reply("ID:1")

    with Peer(gateway(hlr)) as peer:
        isms.hlr_lookup(numbers(1), "msisdn", account=at(peer, timeout_s=0.3))
        isms.settle(decision="balance", account=at(peer))
        frame = isms.hlr_lookup(numbers(1), "msisdn", account=at(peer))
        done.set()

    assert outcomes(frame) == {"in_doubt": 1}
    assert peer.asked("hlr.php") == 1


def test_resend_asks_again_though_an_older_answer_is_there(account: SandboxAccount) -> None:
    """`settle(decision="resend")` makes the next lookup ask, also where an answer from before the doubt is fresh."""
    isms.hlr_lookup(numbers(1), "msisdn", account=account)
    account.gateway.simulator.faults.script("drop_after_charge", page="hlr.php")
    isms.hlr_lookup(numbers(1), "msisdn", max_age="0s", account=account)
    isms.settle(decision="resend", account=account)

    assert outcomes(isms.hlr_lookup(numbers(1), "msisdn", account=account)) == {"done": 1}


def test_stopped_process_is_not_taken_for_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of this machine that lives (stopped, or asleep with the machine) keeps its call, however old its lease.

    Given up, the call would be settled and paid for by another, and then leave all the same.
    """
    under_way, done, clock = threading.Event(), threading.Event(), time.time_ns
    script = (
        "import sys, isms_data as isms, pandas as pd\n"
        "account = isms.Account('shop', 'secret', base_url=sys.argv[1], home=sys.argv[2], progress=False)\n"
        "isms.hlr_lookup(pd.DataFrame({'msisdn': ['306970000000']}, dtype='str'), 'msisdn', account=account)\n"
    )

    def hlr(_: str) -> bytes:
        under_way.set()
        done.wait(10)
        return reply("ID:1")

    with Peer(gateway(hlr)) as peer:
        child = subprocess.Popen([sys.executable, "-c", script, peer.base_url, str(tmp_path)])  # noqa: S603 - the text above
        under_way.wait(10)
        with monkeypatch.context() as patch:
            patch.setattr(time, "time_ns", lambda: clock() + int(3 * leases.LEASE_S * 1e9))
            doubts = isms.settle(account=at(peer, home=tmp_path))
        done.set()
        child.wait(20)

    assert doubts.empty
    assert child.returncode == 0


# More than `max_credits`


def pricey(price: int, *, refuse_second: bool = False) -> tuple[list[str], Callable[[str], bytes]]:
    """A gateway of 100 credits whose lookups cost `price`; the numbers it was paid for, and its answers."""
    paid: list[str] = []
    questions = itertools.count(1)

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            paid.extend(asked_for(target))
            return reply("ID:1")
        if "hlrquery" in target:
            return reply(ANSWER)
        if next(questions) == 2 and refuse_second:
            return reply("", status="429 Too Many Requests", headers="Retry-After: 30\r\n")
        return reply(f"Credits:{100 - price * len(paid)}.00")

    return paid, answer


@pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")
def test_max_credits_where_the_price_cannot_be_measured_at_once() -> None:
    """A balance that is refused after the first call does not make the run go on with a price that is too low."""
    paid, answer = pricey(2, refuse_second=True)
    with Peer(answer) as peer:
        isms.hlr_lookup(numbers(30), "msisdn", max_credits=10, account=at(peer))

    assert 2 * len(paid) <= 10


@pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")
def test_max_credits_of_two_runs_at_once() -> None:
    """Two runs with 20 credits each spend 40 at most, also where a lookup costs twice what was planned."""
    with isms.sandbox(median_latency_s=0.002, price_per_lookup=2) as account:

        async def both() -> None:
            lists = numbers(50), numbers(50, first=306970000100)
            await asyncio.gather(
                *(isms.aio.hlr_lookup(frame, "msisdn", max_credits=20, account=account) for frame in lists)
            )

        asyncio.run(both())

        assert account.gateway.simulator.ledger.charged() <= 40


@pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")
def test_max_credits_with_a_rounded_balance() -> None:
    """The balance has two decimals: a price below them, measured on one number, is not taken for less than it is."""
    with isms.sandbox(median_latency_s=0.002, price_per_lookup="0.014", credits="10000.009") as account:
        isms.hlr_lookup(numbers(1000), "msisdn", max_credits=5, account=like(account, credits_per_lookup="0.014"))

        assert account.gateway.simulator.ledger.charged() <= 5


def test_doubtful_first_call_does_not_double_the_price() -> None:
    """What a call in doubt took from the balance is not added to the price of the next one."""
    faults = scripted("drop_after_charge")
    with isms.sandbox(median_latency_s=0.002, faults=faults, credits=1000) as account:
        frame = isms.hlr_lookup(numbers(900), "msisdn", account=like(account, max_per_call=100))

        assert outcomes(frame) == {"in_doubt": 100, "done": 800}


@pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")
def test_runs_cancelled_while_they_start_are_not_taken_for_alive() -> None:
    """A run that is cancelled while its journal opens is over; taken for alive, it would keep others from measuring."""
    with isms.sandbox(median_latency_s=0.002, price_per_lookup=2) as account:

        async def cancelled_after(turns: int) -> None:
            run = asyncio.create_task(isms.aio.hlr_lookup(numbers(3), "msisdn", account=account))
            for _ in range(turns):
                await asyncio.sleep(0)
            run.cancel()
            await asyncio.wait([run])

        for turns in range(1, 30):
            asyncio.run(cancelled_after(turns))
        isms.hlr_lookup(numbers(50, first=306970000100), "msisdn", max_credits=20, account=account)
        last = [name for name in account.gateway.simulator.ledger.times_charged() if name >= "306970000100"]

        assert 2 * len(last) <= 20


# Rows that say the wrong thing


def test_id_that_is_known_a_little_later() -> None:
    """A gateway that learns of an id a moment after it gave it (replicas do) is asked again, not doubted for good."""
    asked: Counter[str] = Counter()

    def answer(target: str) -> bytes:
        if "hlrquery" in target:
            asked[target] += 1
            return reply(ANSWER if asked[target] > 3 else "Error: No such message ID or mobile.")
        return reply("ID:1" if "hlr.php" in target else "Credits:50")

    with Peer(answer) as peer:
        frame = isms.hlr_lookup(numbers(2), "msisdn", account=at(peer))

    assert outcomes(frame) == {"done": 2}


def test_odd_error_to_one_question_costs_the_others_nothing() -> None:
    """A documented error that makes no sense for a question is that row's matter; the others get their answers."""

    def answer(target: str) -> bytes:
        if "hlrquery" in target:
            return reply("Error: No mobile defined." if target.endswith("0") else ANSWER)
        return reply("ID:1" if "hlr.php" in target else "Credits:50")

    with Peer(answer) as peer:
        frame = isms.hlr_lookup(numbers(3), "msisdn", max_wait="1500ms", account=at(peer))

    assert frame["outcome"].tolist() == ["pending", "done", "done"]


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined"])
def test_character_set_that_cannot_be_decoded_is_in_doubt(charset: str) -> None:
    """A reply to a paid call in a character set that raises is a reply that cannot be read: in doubt, not a crash."""
    odd = reply("ID:1ή", headers=f"Content-Type: text/plain; charset={charset}\r\n")
    with Peer(gateway(lambda _: odd)) as peer:
        frame = isms.hlr_lookup(numbers(2), "msisdn", account=at(peer))

    assert outcomes(frame) == {"in_doubt": 2}


def test_line_too_short_for_any_number_is_told_before_anything() -> None:
    """A request line that not even one number fits into is the setting's fault, and not `the balance is used up`."""
    with Peer(gateway(lambda _: reply("ID:1"))) as peer, pytest.raises(isms.ConfigurationError, match="max_line_bytes"):
        isms.hlr_lookup(numbers(2), "msisdn", account=at(peer, max_line_bytes=60))

    assert peer.asked("hlr.php") == 0


def test_short_lines_with_numbers_of_all_lengths() -> None:
    """A gateway that takes one number in a line gets one in a line, whatever the lengths of those before it."""
    mixed = numbers(4)
    mixed["msisdn"] = ["35799000001", "35799000002", "306970000001", "306970000002"]

    def hlr(target: str) -> bytes:
        return reply("ID:1") if len(asked_for(target)) == 1 else reply("", status="414 URI Too Long")

    with Peer(gateway(hlr)) as peer:
        frame = isms.hlr_lookup(mixed, "msisdn", account=at(peer))

    assert outcomes(frame) == {"done": 4}


def test_connection_that_takes_longer_than_the_whole_call_may_is_no_doubt() -> None:
    """Where `timeout_s` ends while the connection is being made, nothing was sent, and the error says so."""

    async def paid_call(port: int) -> None:
        lost = isms.Account("shop", "secret", base_url=f"http://127.0.0.1:{port}/", timeout_s=0.3)
        async with isms.HttpGateway(lost) as paying:
            await paying.hlr(["306970000001"])

    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # its queue is full from now on, so that the next connection is not answered
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with pytest.raises(isms.GatewayUnavailable, match="nothing was sent"):
            asyncio.run(paid_call(listener.getsockname()[1]))


def test_no_more_calls_at_once_than_allowed() -> None:
    """`max_in_flight` holds for paid calls and questions together."""
    faults = Faults({"slow": 1.0}, pages=["hlr.php"], slow_s=0.05)
    with isms.sandbox(median_latency_s=0.002, faults=faults) as account:
        isms.hlr_lookup(numbers(12), "msisdn", account=like(account, max_in_flight=1, max_per_call=2))

        assert account.gateway.simulator.ledger.max_in_flight == 1


def test_problem_of_another_number_is_not_told_of_this_one() -> None:
    """A refused question is a pending row's problem only where it was the last word on that very row."""
    with isms.sandbox(median_latency_s=0.002, faults=scripted("unavailable_503", page="hlrquery.php")) as account:
        account.gateway.simulator.pin("306970000001", latency_s=60.0)
        frame = isms.hlr_lookup(numbers(2), "msisdn", max_wait="1500ms", account=account)

        assert outcomes(frame) == {"done": 1, "pending": 1}
        assert "refused" not in frame["problem"].iloc[1]


# Hangs, and what is left behind


@pytest.mark.parametrize("turns", range(5))
def test_poller_cancelled_as_it_wakes_ends(turns: int, account: SandboxAccount) -> None:
    """A cancellation that meets the poller's waking is not swallowed (Python 3.11's `asyncio.wait_for` does that)."""

    async def attack() -> bool:
        async with runs.opened(account, "hlr", TERMS) as run:
            poller = polling.Poller(run, run.gateway.hlr_query)
            work = asyncio.create_task(poller.work())
            for _ in range(20):
                await asyncio.sleep(0)
            poller._changed.set()
            for _ in range(turns):
                await asyncio.sleep(0)
            work.cancel()
            ended, _ = await asyncio.wait([work], timeout=1)
            work.cancel()
            await asyncio.wait([work])
        return bool(ended)

    assert asyncio.run(attack())


class CancellingLoop(asyncio.SelectorEventLoop):
    """A loop that cancels `victim` at its n-th turn, wherever it is then."""

    turns_left = -1
    victim: asyncio.Task[Any] | None = None

    def _run_once(self) -> None:
        if self.victim is not None:
            self.turns_left -= 1
            if self.turns_left == 0:
                self.victim.cancel()
        super()._run_once()  # what asyncio's own loop does at each turn


async def within(seconds: float, task: asyncio.Task[Any]) -> bool:
    ended, _ = await asyncio.wait([task], timeout=seconds)
    return bool(ended)


def test_cancelled_at_any_turn_of_the_loop() -> None:
    """Cancelled wherever it stands, a run ends at once, leaves no task, and the next call ends right: all paid once."""
    with isms.sandbox(median_latency_s=0.005) as account:
        for turn in itertools.count(1, CANCEL_STEP):
            frame, loop = numbers(6, first=306970000000 + 6 * turn), CancellingLoop()
            run = loop.create_task(isms.aio.hlr_lookup(frame, "msisdn", account=like(account, max_per_call=2)))
            loop.turns_left, loop.victim = turn, run

            assert loop.run_until_complete(within(5, run)), f"hangs when cancelled at turn {turn}"
            loop.run_until_complete(asyncio.sleep(0))
            assert asyncio.all_tasks(loop) == set()
            loop.close()
            if not run.cancelled():
                break
        everything = isms.hlr_lookup(numbers(6 * turn + 6), "msisdn", account=account)

        assert outcomes(everything).keys() == {"done", "cached"}
        assert set(account.gateway.simulator.ledger.times_charged().values()) == {1}


def test_cancelled_twice_leaves_nothing_running() -> None:
    """A second cancellation while the paid call under way is waited for ends the run, and no task pays on behind it."""
    under_way, done = threading.Event(), threading.Event()

    def hlr(_: str) -> bytes:
        under_way.set()
        done.wait(10)
        return reply("ID:1")

    async def attack(account: isms.Account) -> set[asyncio.Task[Any]]:
        run = asyncio.create_task(isms.aio.hlr_lookup(numbers(3), "msisdn", account=account))
        await asyncio.to_thread(under_way.wait, 10)
        for _ in range(2):
            run.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        done.set()
        await asyncio.wait([run], timeout=10)
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    with Peer(gateway(hlr)) as peer:
        left = asyncio.run(attack(at(peer)))

    assert left == set()


def test_interrupt_while_the_loop_thread_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt between making the loop and starting its thread does not make every later call hang."""
    thread = blocking._LoopThread()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            thread.running_loop()
    turned = threading.Event()
    thread.running_loop().call_soon_threadsafe(turned.set)

    assert turned.wait(2)
    thread.stop()


def test_child_of_a_fork_does_not_take_its_parents_runs_for_its_own(tmp_path: Path) -> None:
    """A process forked in mid-run knows the run as its parent's, so that it notices when the parent dies."""
    fork = multiprocessing.get_context("fork")
    with Journal(tmp_path, "a", "hlr") as journal, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python 3.12 warns of forking with threads; that is the point
        child = fork.Process(target=lambda: os._exit(journal.run_id in leases.LIVE))
        child.start()
        child.join(10)

    assert child.exitcode == 0


# The journal


def test_journal_removed_in_mid_run_stops_paying(tmp_path: Path) -> None:
    """Where the journal's file is deleted meanwhile, nothing more is paid for: the record would be lost with it."""

    def hlr(_: str) -> bytes:
        for path in tmp_path.glob("journal*"):
            path.unlink()
        return reply("ID:1")

    with Peer(gateway(hlr)) as peer:
        with pytest.raises(isms.JournalError):
            isms.hlr_lookup(numbers(30), "msisdn", account=at(peer, max_per_call=1, home=tmp_path))

        assert peer.asked("hlr.php") <= 1 + submitting.AT_ONCE


def test_journal_goes_on_after_a_commit_that_failed(tmp_path: Path) -> None:
    """One COMMIT that fails costs that one transaction: the next does not stumble over its remains."""

    def no_commit(action: int, name: str | None, *_: object) -> int:
        denied = action == sqlite3.SQLITE_TRANSACTION and name == "COMMIT"
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    with Journal(tmp_path, "a", "hlr") as journal:
        journal._db.set_authorizer(no_commit)
        with pytest.raises(isms.JournalError):
            journal.keep_balance(Decimal(5), now())
        journal._db.set_authorizer(None)
        journal.keep_balance(Decimal(7), now())

        assert journal.expected_balance(now()) == 7


def test_lease_is_renewed_after_a_renewal_that_failed(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be written for a moment does not end the renewing of the lease."""
    monkeypatch.setattr(sharing, "LOOK_S", 0.005)

    async def attack() -> set[asyncio.Task[Any]]:
        async with runs.opened(account, "hlr", TERMS) as run:
            lease = [task for task in asyncio.all_tasks() if "Sharing.keep" in repr(task)]
            assert len(lease) == 1
            await run.on_disk(run.journal._db.execute, "PRAGMA query_only = 1")
            ended, _ = await asyncio.wait(lease, timeout=0.1)
            await run.on_disk(run.journal._db.execute, "PRAGMA query_only = 0")
        return ended

    assert asyncio.run(attack()) == set()


def test_id_that_cannot_be_written_is_told_though_nothing_can(
    account: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk stays full to the end of the run, the error still gives the id of the accepted call."""
    accepted = Journal.accepted

    def full(journal: Journal, calls: Sequence[Accepted]) -> None:
        journal._db.execute("PRAGMA query_only = 1")
        accepted(journal, calls)

    monkeypatch.setattr(Journal, "accepted", full)
    with pytest.raises(isms.JournalError, match=r"accepted as \w+ \(3 numbers\)"):
        isms.hlr_lookup(numbers(3), "msisdn", account=account)


def test_answers_that_cannot_be_written_at_the_end_are_an_error(
    account: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that came and cannot be kept are told as that, and not as `pending`."""

    def full(*_: object, **__: object) -> None:
        msg = "the disk is full"
        raise isms.JournalError(msg)

    account.gateway.simulator.pin("306970000001", latency_s=60.0)
    monkeypatch.setattr(Journal, "answer", full)
    with pytest.raises(isms.JournalError, match="full"):
        isms.hlr_lookup(numbers(3), "msisdn", max_wait="600ms", account=account)


def test_journal_that_fails_at_any_transaction(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only from the n-th transaction on: the run ends with the clear error; the next call pays nothing twice."""
    transaction, left = Journal._transaction, [0]

    def failing(journal: Journal, **kwargs: Any) -> Any:
        left[0] -= 1
        journal._db.execute(f"PRAGMA query_only = {int(left[0] < 0)}")
        return transaction(journal, **kwargs)

    monkeypatch.setattr(Journal, "_transaction", failing)
    small = like(account, max_per_call=2)
    for count in itertools.count(0, FAILURE_STEP):
        left[0] = count
        try:
            isms.hlr_lookup(numbers(6, first=306970000000 + 6 * count), "msisdn", account=small)
        except isms.JournalError:
            continue
        break
    left[0] = 2**30
    everything = isms.hlr_lookup(numbers(6 * count + 6), "msisdn", account=small)

    assert count > FAILURE_STEP
    assert outcomes(everything).keys() <= {"done", "cached", "in_doubt"}
    assert set(account.gateway.simulator.ledger.times_charged().values()) == {1}


def test_threads_and_loops_at_once(account: SandboxAccount) -> None:
    """Three threads and a loop with the same list pay for it once, and each gets every answer."""
    small, frames = like(account, max_per_call=20), []
    threads = [
        threading.Thread(target=lambda: frames.append(isms.hlr_lookup(numbers(200), "msisdn", account=small)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    frames.append(asyncio.run(isms.aio.hlr_lookup(numbers(200), "msisdn", account=small)))
    for thread in threads:
        thread.join()

    assert len(frames) == 4
    for frame in frames:
        assert_right(frame, account)
        assert outcomes(frame).keys() <= {"done", "cached"}


# Secrets

PASSWORD = "pä'ss&w*rd~\"<x>;ö"
SPELLINGS = {
    "as it is": PASSWORD,
    "URL": quote_plus(PASSWORD),
    "URL, in lower case": quote(PASSWORD, safe="").lower(),
    "URL, as PHP writes it": quote_plus(PASSWORD).replace("~", "%7E"),
    "URL, twice": quote_plus(quote_plus(PASSWORD)),
    "HTML, as Python writes it": html.escape(PASSWORD),
    "HTML, as PHP writes it": html.escape(PASSWORD).replace("&#x27;", "&#039;"),
    "HTML, quotes left alone": html.escape(PASSWORD, quote=False),
    "HTML, in numbers": html.escape(PASSWORD).encode("ascii", "xmlcharrefreplace").decode(),
    "base64": base64.b64encode(PASSWORD.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_reply_that_echoes_the_password(spelling: str) -> None:
    """However a page spells the password that it echoes, neither the frame nor the journal holds it."""
    with Peer(gateway(lambda _: reply(f"no access: {spelling} (line 1)"))) as peer:
        account = isms.Account("shop", PASSWORD, base_url=peer.base_url)
        frame = isms.hlr_lookup(numbers(1), "msisdn", account=account)
    files = b"".join(path.read_bytes() for path in account.journal_place.iterdir())

    assert outcomes(frame) == {"in_doubt": 1}
    assert spelling not in frame["problem"].iloc[0]
    assert spelling.encode() not in files


@pytest.mark.parametrize("base_url", ["shop:geheim@host/api/http/", "https:shop:geheim@host/", "http:/shop:geheim@h"])
def test_address_with_a_password_in_it_is_not_quoted(base_url: str) -> None:
    """An address that holds a password is refused without being repeated, also where it is not well-formed."""
    with pytest.raises(isms.ConfigurationError) as told:
        isms.Account("shop", "geheim", base_url=base_url)

    assert "geheim" not in str(told.value)


def test_nothing_is_in_the_chain_of_an_error() -> None:
    """No error that comes out of a lost call carries another behind it, whose text or address could tell."""

    async def lost(account: isms.Account) -> BaseException:
        async with isms.HttpGateway(account) as paying:
            with pytest.raises(isms.ReplyLost) as told:
                await paying.hlr(["306970000001"])
        return told.value

    with Peer(lambda _: DROP) as peer:
        error = asyncio.run(lost(isms.Account("shop", PASSWORD, base_url=peer.base_url)))

    assert (error.__cause__, error.__context__) == (None, None)
    assert "306970000001" not in str(error)


# The second attack, on what was mended after the first

remarks_allowed = pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")

LOOK_UP_IN_CHILD = """
import sys, pandas as pd, isms_data as isms
account = isms.Account("shop", "secret", base_url=sys.argv[1], home=sys.argv[2], progress=False)
isms.hlr_lookup(pd.DataFrame({"n": ["306970000000"]}), "n", account=account)
"""


def child(peer: Peer, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", LOOK_UP_IN_CHILD, peer.base_url, str(home)])  # noqa: S603


def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: clock() + 3600 * 10**9)


@remarks_allowed
def test_price_not_measured_beside_another_run_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls whose price was never measured cannot be subtracted from the balance; a charged one is not resent."""
    with isms.sandbox(median_latency_s=0.002) as account:
        dear = like(account, credits_per_lookup=2)
        isms.hlr_lookup(numbers(1, first=306970000100), "msisdn", account=dear)
        with Journal(dear.journal_place, dear.label, "hlr"):
            isms.hlr_lookup(numbers(1, first=306970000200), "msisdn", account=dear)
            account.gateway.simulator.faults.script("drop_after_charge", page="hlr.php")
            isms.hlr_lookup(numbers(1), "msisdn", account=dear)
        an_hour_later(monkeypatch)
        isms.settle(decision="balance", account=dear)
        isms.hlr_lookup(numbers(1), "msisdn", account=dear)

        assert set(account.gateway.simulator.ledger.times_charged().values()) == {1}


@remarks_allowed
def test_price_that_could_not_be_read_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the balance could not be read after the first call, it is no evidence later either."""
    paid: list[str] = []
    questions = itertools.count(1)

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            paid.extend(asked_for(target))
            return DROP if len(paid) == 2 else reply("ID:1")
        if "hlrquery" in target:
            return reply(ANSWER)
        if next(questions) == 2:
            return reply("", status="429 Too Many Requests", headers="Retry-After: 30\r\n")
        return reply(f"Credits:{100 - len(paid)}.00")

    with Peer(answer) as peer:
        dear = at(peer, credits_per_lookup=2, max_per_call=1)
        isms.hlr_lookup(numbers(2), "msisdn", account=dear)
        an_hour_later(monkeypatch)
        isms.settle(decision="balance", account=dear)
        isms.hlr_lookup(numbers(2), "msisdn", account=dear)

    assert len(paid) == len(set(paid))


@remarks_allowed
def test_max_credits_where_rounding_hides_the_price() -> None:
    """A price far over the plan that two decimals cannot show on one number does not pass the limit."""
    with isms.sandbox(median_latency_s=0.002, price_per_lookup="0.0099") as account:
        isms.hlr_lookup(numbers(1000), "msisdn", max_credits=1, account=like(account, credits_per_lookup="0.001"))

        assert account.gateway.simulator.ledger.charged() <= Decimal("1.01")


@remarks_allowed
def test_max_credits_where_the_balance_lags() -> None:
    """A balance that shows each charge one question late does not pass the limit."""
    paid: list[str] = []
    shown = [100]

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            paid.extend(asked_for(target))
            return reply("ID:1")
        if "hlrquery" in target:
            return reply(ANSWER)
        told, shown[0] = shown[0], 100 - 2 * len(paid)
        return reply(f"Credits:{told}.00")

    with Peer(answer) as peer:
        isms.hlr_lookup(numbers(30), "msisdn", max_credits=10, account=at(peer))

    assert 2 * len(paid) <= 10


def test_question_that_refuses_the_account_stops_paying() -> None:
    """When a question ends the run (the password was changed meanwhile), no further call is paid for."""
    paid: list[str] = []
    refused = threading.Event()

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            if len(paid) > 5:
                refused.wait(10)
            paid.extend(asked_for(target))
            return reply("ID:1")
        if "hlrquery" in target:
            refused.set()
            return reply("Error: Authentication error.")
        return reply(f"Credits:{1000 - len(paid)}.00")

    with Peer(answer) as peer, pytest.raises(isms.AuthenticationError):
        isms.hlr_lookup(numbers(400), "msisdn", account=at(peer, max_per_call=1))

    assert len(paid) < 400


def test_run_that_starts_during_the_probe_does_not_raise_the_price() -> None:
    """What another run paid between the two readings of the balance is not taken for a higher price."""
    paid: list[str] = []
    first, done, frames = threading.Event(), threading.Event(), []

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            paid.extend(asked_for(target))
            if not first.is_set():
                first.set()
                done.wait(10)
            return reply("ID:1")
        return reply(ANSWER if "hlrquery" in target else f"Credits:{10 - len(paid)}.00")

    with Peer(answer) as peer:
        account = at(peer, max_per_call=1)
        thread = threading.Thread(target=lambda: frames.append(isms.hlr_lookup(numbers(6), "msisdn", account=account)))
        thread.start()
        first.wait(10)
        isms.hlr_lookup(numbers(1, first=306970000100), "msisdn", account=account)
        done.set()
        thread.join(20)

    assert outcomes(frames[0]) == {"done": 6}


def test_number_held_by_another_is_looked_at_now_and_then(
    account: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for what another process holds costs a look at the journal twice a second, not a core."""
    looks, standings = itertools.count(), Journal.standings

    def counted(*args: Any, **kwargs: Any) -> Any:
        next(looks)
        return standings(*args, **kwargs)

    with Journal(account.journal_place, account.label, "hlr") as other:
        claim(other, [306970000000], Lookups(0))
        monkeypatch.setattr(Journal, "standings", counted)
        frame = isms.hlr_lookup(numbers(1), "msisdn", max_wait="1500ms", account=account)

    assert outcomes(frame) == {"pending": 1}
    assert next(looks) <= 10


def test_killed_process_that_nobody_has_reaped_is_dead(tmp_path: Path) -> None:
    """A killed process whose parent has not asked for its end yet is dead all the same."""
    under_way, done = threading.Event(), threading.Event()

    def hlr(_: str) -> bytes:
        under_way.set()
        done.wait(10)
        return reply("ID:1")

    with Peer(gateway(hlr)) as peer:
        process = child(peer, tmp_path)
        under_way.wait(20)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        doubts = isms.settle(account=at(peer, home=tmp_path))
        done.set()
    process.wait(5)

    assert len(doubts) == 1


def test_answers_of_a_stopped_process_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process has paid for, and does not ask about because it was stopped, another may ask about, free."""
    asked, text = threading.Event(), ["Pending"]

    def answer(target: str) -> bytes:
        if "hlrquery" in target:
            asked.set()
            return reply(text[0])
        return reply("ID:1" if "hlr.php" in target else "Credits:100")

    with Peer(answer) as peer:
        process = child(peer, tmp_path)
        asked.wait(20)
        os.kill(process.pid, signal.SIGSTOP)
        text[0] = ANSWER
        an_hour_later(monkeypatch)
        frame = isms.hlr_lookup(numbers(1), "msisdn", max_wait="2s", account=at(peer, home=tmp_path))
        process.kill()
        process.wait(5)

    assert outcomes(frame) == {"done": 1}
    assert peer.asked("hlr.php") == 1


def test_cancelled_while_the_journal_is_busy_the_run_ends_all_the_same(account: SandboxAccount) -> None:
    """However often it is cancelled while the disk is busy, a run that has ended is not taken for alive."""
    before = set(leases.LIVE)
    account.gateway.simulator.pin("306970000001", latency_s=60.0)

    async def attack() -> None:
        run = asyncio.create_task(isms.aio.hlr_lookup(numbers(3), "msisdn", account=account))
        while not account.gateway.simulator.ledger.request_counts["hlrquery.php"]:  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.01)
        lock = sqlite3.connect(account.journal_place / "journal.sqlite3", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            run.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        lock.execute("COMMIT")
        lock.close()
        await asyncio.wait([run], timeout=10)

    asyncio.run(attack())
    for thread in threading.enumerate():
        if thread.name.startswith("isms_journal"):
            thread.join(10)

    assert before == leases.LIVE


def test_worker_cancelled_before_it_began_gives_its_place_back(account: SandboxAccount) -> None:
    """A place in the gate is never lost, be a worker cancelled before its first step."""

    async def attack() -> int:
        terms = runs.Terms(max_wait_s=10, price=Decimal(1))
        async with runs.opened(account, "hlr", terms) as run:
            poller = polling.Poller(run, run.gateway.hlr_query)
            work = asyncio.create_task(poller.work())
            await asyncio.sleep(0)
            for place in range(3):
                question = polling.Question(306970000000 + place, place + 1, "x")
                poller.add(question, time.monotonic() - 10_000)
            poller._start_workers()
            work.cancel()
            await asyncio.wait([work])
            await asyncio.sleep(0)
            return run.places.gate.in_flight

    assert asyncio.run(attack()) == 0


def test_refused_numbers_under_a_limit_ask_for_the_balance_once(account: SandboxAccount) -> None:
    """A refusal charged nothing, so the balance need not be asked for again before the next call."""
    with Peer(gateway(lambda _: reply("Error: Invalid mobile number."))) as peer:
        frame = isms.hlr_lookup(numbers(5), "msisdn", max_credits=5, account=at(peer))

    assert outcomes(frame) == {"failed": 5}
    assert peer.asked("credits.php") == 1
