"""A process that is killed at any moment pays for nothing twice and loses no answer.

A lookup of many numbers runs in a process of its own and is killed with SIGKILL at a seeded random moment, again and
again, until it comes to its end; then the sandbox's ledger is held against the final frame. ISMS_KILLS says how often
to kill in all (`make proofs`: 200), ISMS_KILL_NUMBERS how long the list is.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

import isms_data as isms
from isms_data import submitting
from tests.test_runs import assert_right

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

KILLS = int(os.environ.get("ISMS_KILLS", "6"))
NUMBERS = int(os.environ.get("ISMS_KILL_NUMBERS", "2000"))
PER_CALL = 20
KILLS_A_LIST = 6
"""A list is killed so often and then comes to its end; the next kills go to a fresh list."""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["isms_data.doors", "isms_data.hlr_result", "isms_data.tables"])


def frame_of(count: int) -> pd.DataFrame:
    return pd.DataFrame({"msisdn": [str(306970000000 + place) for place in range(count)]}, dtype="str")


def look_up(username: str, password: str, base_url: str, home: Path) -> None:
    """The whole work of a process that will be killed."""
    account = isms.Account(username, password, base_url=base_url, home=home, progress=False, max_per_call=PER_CALL)
    isms.hlr_lookup(frame_of(NUMBERS), "msisdn", account=account)


def started(account: SandboxAccount, home: Path) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=look_up, args=(account.username, account.password, account.base_url, home))
    process.start()
    return process


def killed(account: SandboxAccount, home: Path, wait_s: float) -> bool:
    """Start a run, kill it after so long; False where it had come to its end before."""
    process = started(account, home)
    process.join(wait_s)
    process.kill()
    process.join()
    return process.exitcode == -9


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Whenever it is killed, no number is paid for twice, doubtful ones say so, and the final frame is right."""
    chance, kills = random.Random(2026), 0
    for attempt in range(KILLS):
        if kills >= KILLS:
            break
        kills += killed_list(tmp_path / str(attempt), chance, min(KILLS_A_LIST, KILLS - kills))

    assert kills >= min(KILLS, 3)


def killed_list(home: Path, chance: random.Random, most: int) -> int:
    """One list, killed up to so many times; how many times it really was."""
    with isms.sandbox(seed=7, credits=100_000, median_latency_s=0.01) as account:
        began = time.monotonic()
        clean = started(account, home / "unharmed")
        clean.join()
        whole_run_s = time.monotonic() - began
    with isms.sandbox(seed=8, credits=100_000, median_latency_s=0.01) as account:
        kills = 0
        for _ in range(most):
            kills += killed(account, home, chance.uniform(0, whole_run_s))
        mine = isms.Account(
            account.username, account.password, base_url=account.base_url, home=home, max_per_call=PER_CALL
        )
        frame = isms.hlr_lookup(frame_of(NUMBERS), "msisdn", account=mine)

        assert clean.exitcode == 0
        assert_right(frame, account)
        assert set(frame["outcome"]) <= {"done", "cached", "in_doubt"}
        assert Counter(frame["outcome"])["in_doubt"] <= kills * submitting.AT_ONCE * PER_CALL
        in_doubt = set(frame.loc[frame["outcome"] == "in_doubt", "msisdn"])
        assert set(isms.settle(account=mine)["msisdn"]) == in_doubt
    return kills


def test_two_processes_at_once(tmp_path: Path) -> None:
    """Two processes with one journal and one list: both end normally, and each number is paid for once."""
    with isms.sandbox(seed=7, median_latency_s=0.01) as account:
        processes = [started(account, tmp_path) for _ in range(2)]
        for process in processes:
            process.join(120)
        mine = isms.Account(account.username, account.password, base_url=account.base_url, home=tmp_path)
        frame = isms.hlr_lookup(frame_of(NUMBERS), "msisdn", account=mine)

        assert [process.exitcode for process in processes] == [0, 0]
        assert dict(Counter(frame["outcome"].astype("str"))) == {"cached": NUMBERS}
        assert account.gateway.simulator.ledger.charged() == NUMBERS
        assert_right(frame, account)
