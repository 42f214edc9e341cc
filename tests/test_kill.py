"""A process that is killed at any moment pays for nothing twice, writes to nobody twice and loses no answer.

A lookup of many numbers, or a campaign, runs in a process of its own and is killed with SIGKILL at a seeded random
moment, again and again, until it comes to its end; then the sandbox's ledger is held against the final frame.
ISMS_KILLS says how often to kill in all (`make proofs`: 200), ISMS_KILL_NUMBERS how long the list is.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import isms_data as isms
from isms_data import submitting
from isms_data.journal.place import ServerAddress
from isms_data.smpp_carrier import LOAD
from isms_data.transports.smpp_rate import Pace
from tests.postgres import new_journal
from tests.test_campaigns import assert_once, plan_of
from tests.test_runs import assert_right

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isms_data.journal.place import Place
    from isms_data.trial import SandboxAccount

KILLS = int(os.environ.get("ISMS_KILLS", "6"))
NUMBERS = int(os.environ.get("ISMS_KILL_NUMBERS", "2000"))
PER_CALL = 20
RATE = NUMBERS // KILLS
"""Messages a second, of three processes together: a campaign lasts as long as it is killed."""
LONGEST_LIFE_S = 2.0
KILLS_A_LIST = 6
"""A list is killed so often and then comes to its end; the next kills go to a fresh list."""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["isms_data.doors", "isms_data.hlr_result", "isms_data.tables"])


def frame_of(count: int) -> pd.DataFrame:
    return pd.DataFrame({"msisdn": [str(306970000000 + place) for place in range(count)]}, dtype="str")


def account_at(username: str, password: str, base_url: str, smpp: str, place: Place) -> isms.Account:
    kept = {"journal": place.url} if isinstance(place, ServerAddress) else {"home": place}
    return isms.Account(username, password, base_url=base_url, smpp=smpp, progress=False, max_per_call=PER_CALL, **kept)


def own(account: SandboxAccount, place: Place) -> isms.Account:
    """The account as the killed processes have it."""
    return account_at(*where(account, place))


def where(account: SandboxAccount, place: Place, rate: int = 5000) -> tuple[str, str, str, str, Place]:
    return account.username, account.password, account.base_url, f"{account.smpp}?rate={rate}", place


def look_up(*account: Any) -> None:
    """The whole work of a process that will be killed."""
    isms.hlr_lookup(frame_of(NUMBERS), "msisdn", account=account_at(*account))


def campaign_of(count: int, account: isms.Account) -> pd.DataFrame:
    """Half of the messages are the same for all, half are personal."""
    people = frame_of(count).assign(name=["you" if place % 2 else f"number {place}" for place in range(count)])
    return plan_of(people, account, text="Hello {name}")


def send(*account: Any) -> None:
    """The same for a campaign, planned as in a cell that is run again."""
    mine = account_at(*account)
    isms.send_messages(campaign_of(NUMBERS, mine), account=mine)


def send_by_smpp(*account: Any) -> None:
    """The same over SMPP."""
    mine = account_at(*account)
    isms.send_messages(campaign_of(NUMBERS, mine), transport="smpp", account=mine)


def started(
    work: Callable[..., None], account: SandboxAccount, place: Place, rate: int = 5000, *more: Any
) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=work, args=(*where(account, place, rate), *more))
    process.start()
    return process


def killed(work: Callable[..., None], account: SandboxAccount, home: Path, wait_s: float) -> bool:
    """Start a run, kill it after so long; False where it had come to its end before."""
    process = started(work, account, home)
    process.join(wait_s)
    process.kill()
    process.join()
    return process.exitcode == -9


def lasts(work: Callable[..., None], home: Path) -> float:
    """How long the work takes when nothing happens to it, in seconds."""
    with isms.sandbox(seed=7, credits=100_000, median_latency_s=0.01, smpp_rate=None) as account:
        began = time.monotonic()
        unharmed = started(work, account, home)
        unharmed.join()

        assert unharmed.exitcode == 0
        return time.monotonic() - began


@pytest.mark.parametrize("work", [look_up, send, send_by_smpp])
def test_killed_at_random_moments(work: Callable[..., None], tmp_path: Path) -> None:
    """Whenever it is killed, no number is paid for twice, doubtful ones say so, and the final frame is right."""
    chance, kills = random.Random(2026), 0
    whole_run_s = lasts(work, tmp_path / "unharmed")
    for attempt in range(KILLS):
        if kills >= KILLS:
            break
        with isms.sandbox(seed=8, credits=100_000, median_latency_s=0.01, smpp_rate=None) as account:
            home, times = tmp_path / str(attempt), min(KILLS_A_LIST, KILLS - kills)
            here = sum(killed(work, account, home, chance.uniform(0, whole_run_s)) for _ in range(times))
            kills += here
            ASSERTED[work](own(account, home), account, here)

    assert kills >= min(KILLS, 3)


def assert_looked_up(mine: isms.Account, account: SandboxAccount, kills: int) -> None:
    """The list comes to its end: everything answered, but for what was under way at a kill."""
    frame = isms.hlr_lookup(frame_of(NUMBERS), "msisdn", account=mine)

    assert_right(frame, account)
    assert set(frame["outcome"]) <= {"done", "cached", "in_doubt"}
    assert_doubts(frame, kills, isms.settle(account=mine))


def assert_sent(mine: isms.Account, account: SandboxAccount, kills: int) -> None:
    """The campaign comes to its end: everything sent, but for what was under way at a kill; then reports tell."""
    plan = campaign_of(NUMBERS, mine).assign(action="send", reason=None)
    frame = isms.send_messages(plan, account=mine)
    status = isms.delivery_status(frame, account=mine)

    assert_once(frame, account)
    assert set(frame["outcome"]) <= {"accepted", "already_sent", "in_doubt"}
    assert status["final"].equals(frame["outcome"].ne("in_doubt").astype("boolean").where(lambda known: known))
    assert_doubts(frame, kills, isms.settle("spring", account=mine))


def assert_sent_by_smpp(mine: isms.Account, account: SandboxAccount, kills: int) -> None:
    """The same over SMPP, where the receipts tell of what was in doubt and had arrived; none that was safe is lost."""
    plan = campaign_of(NUMBERS, mine).assign(action="send", reason=None)
    isms.send_messages(plan, transport="smpp", account=mine)
    status = isms.delivery_status("spring", account=mine)
    frame = isms.send_messages(plan, transport="smpp", account=mine)
    ledger = account.gateway.simulator.ledger

    assert_once(frame, account)
    there = {message.msisdn: message.status for message in ledger.messages}
    assert set(frame.loc[frame["outcome"].eq("already_sent"), "msisdn"]) == set(there)
    assert status.loc[status["outcome"].eq("accepted"), "final"].all()
    told = status.set_index("msisdn")["status"].astype("str")
    safe = {receipt.msisdn for receipt in ledger.receipts if receipt.status == 0}
    assert {number: told[number] for number in safe} == {number: there[number] for number in safe}
    in_doubt = set(frame.loc[frame["outcome"] == "in_doubt", "msisdn"])
    assert in_doubt | set(there) == set(frame["msisdn"])
    assert len(in_doubt) <= kills * submitting.AT_ONCE * LOAD
    assert set(isms.settle("spring", account=mine)["msisdn"]) == in_doubt


ASSERTED = {look_up: assert_looked_up, send: assert_sent, send_by_smpp: assert_sent_by_smpp}


def assert_doubts(frame: pd.DataFrame, kills: int, doubts: pd.DataFrame) -> None:
    in_doubt = set(frame.loc[frame["outcome"] == "in_doubt", "msisdn"])

    assert len(in_doubt) <= kills * submitting.AT_ONCE * PER_CALL
    assert set(doubts["msisdn"]) == in_doubt


def test_two_processes_look_up_at_once(tmp_path: Path) -> None:
    """Two processes with one journal and one list: both end normally, and each number is paid for once."""
    with isms.sandbox(seed=7, median_latency_s=0.01) as account:
        both(look_up, account, tmp_path)
        mine = own(account, tmp_path)
        frame = isms.hlr_lookup(frame_of(NUMBERS), "msisdn", account=mine)

        assert dict(Counter(frame["outcome"].astype("str"))) == {"cached": NUMBERS}
        assert account.gateway.simulator.ledger.charged() == NUMBERS
        assert_right(frame, account)


def test_two_processes_send_the_same_campaign_at_once(tmp_path: Path) -> None:
    """Two processes with one journal and one campaign: both end normally, and each number gets one message."""
    with isms.sandbox(seed=7, median_latency_s=0.01) as account:
        both(send, account, tmp_path)
        mine = own(account, tmp_path)
        frame = isms.send_messages(campaign_of(NUMBERS, mine).assign(action="send", reason=None), account=mine)

        assert dict(Counter(frame["outcome"].astype("str"))) == {"already_sent": NUMBERS}
        assert account.gateway.simulator.ledger.charged() == NUMBERS
        assert_once(frame, account)


def both(work: Callable[..., None], account: SandboxAccount, home: Path) -> None:
    processes = [started(work, account, home) for _ in range(2)]
    for process in processes:
        process.join(120)

    assert [process.exitcode for process in processes] == [0, 0]


@pytest.mark.parametrize("work", [look_up, send_by_smpp])
def test_three_processes_of_one_server_are_killed(work: Callable[..., None], server: str, tmp_path: Path) -> None:
    """Three processes, on a server's journal, killed one after another: nothing twice, and never above the rate."""
    chance, kills = random.Random(2027), 0
    for _ in range(KILLS):
        if kills < KILLS:
            kills += three_killed(work, new_journal(server), chance, KILLS - kills, tmp_path)

    assert kills >= min(KILLS, 3)


def three_killed(work: Callable[..., None], place: Place, chance: random.Random, times: int, tmp_path: Path) -> int:
    """Kill one of three, so often at most, and start it again; then let them end. How many were killed."""
    kills, log = 0, tmp_path / f"{times}.log"
    with isms.sandbox(seed=9, credits=100_000, median_latency_s=0.01, smpp_rate=None) as account:
        ledger = account.gateway.simulator.ledger
        running = [started(noted, account, place, RATE, work, log) for _ in range(3)]
        while kills < times and ledger.charged() < NUMBERS:
            victim = chance.randrange(3)
            running[victim].join(chance.uniform(0, LONGEST_LIFE_S))
            running[victim].kill()
            running[victim].join()
            kills += running[victim].exitcode == -9
            running[victim] = started(noted, account, place, RATE, work, log)
        for process in running:
            process.join(300)
        ASSERTED[work](own(account, place), account, kills)
        busiest = most_within([float(line) for line in log.read_text(encoding="ascii").split()])
        told = f"{work.__name__}: {kills} kills, {ledger.charged()} charged, at most {busiest} of {RATE} in a second"
        print(told)  # noqa: T201 - what the long proof tells

    assert [process.exitcode for process in running] == [0, 0, 0]
    assert max(ledger.times_charged().values()) == 1
    assert busiest <= RATE
    return kills


def noted(*given: Any) -> None:
    """Do the work, and note when each message leaves, by the clock that all processes of a machine share."""
    *account, work, log = given
    take, note = Pace.take, os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def noting(pace: Pace, wanted: int, now: float) -> int:
        count = take(pace, wanted, now)
        os.write(note, f"{now!r}\n".encode() * count)
        return count

    Pace.take = noting  # type: ignore[method-assign]
    work(*account)


def most_within(times: list[float], seconds: float = 1.0) -> int:
    """The most of these moments that lie within so many seconds of one another."""
    ordered, first, most = sorted(times), 0, 0
    for place, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, place + 1 - first)
    return most
