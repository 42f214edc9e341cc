"""A cluster of two processes loses a worker in the middle of the work: same result, and nothing is paid for twice.

A worker is killed by the very partition that it works out, with SIGKILL, at a chosen visit: the first visit to a
partition is that of a first pass, a later one that of a second pass.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import isms_data as isms
import isms_data.dask as isms_dask
from isms_data.dask.partitions import together
from isms_data.simulator.ledger import ChargeKind
from tests.messages import made_up
from tests.test_dask_cleaning import in_parts, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import dask.dataframe as dd
    from distributed import Nanny

    from isms_data.trial import SandboxAccount

PARTS = 6
FATAL = 3
"""The partition that kills."""

WORKERS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two workers in processes of their own; a nanny starts another where one dies.

    15 s after each loss a cluster looks for the worker and gives its nanny up if there is none; in these tests that may
    be in the middle of the next loss.
    """
    folder = tmp_path_factory.mktemp("workers")
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(folder),
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def client(cluster: Client) -> Client:
    """The cluster, when the worker that another test has killed is replaced.

    A worker that dies while its nanny is still starting it is never replaced, so every nanny must be done with that.
    """
    cluster.wait_for_workers(WORKERS)
    cluster.sync(nannies_done, cluster.cluster.workers.values())
    return cluster


async def nannies_done(nannies: Iterable[Nanny]) -> None:
    for nanny in nannies:
        await nanny.process.running.wait()


def killing(part: pd.DataFrame, *, visits: Path, fatal: int) -> pd.DataFrame:
    """The partition; at the fatal visit, and only then, it takes the worker with it."""
    if len(part) and part["fatal"].any():
        number = len(list(visits.iterdir()))
        (visits / f"{number}-{os.getpid()}").touch()
        if number == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
    return part


def deadly(frame: pd.DataFrame, visits: Path, fatal: int) -> dd.DataFrame:
    """The rows in partitions of which one kills the worker that works it out for the so-many-th time."""
    visits.mkdir()
    size = -(-len(frame) // PARTS)
    rows = frame.assign(fatal=np.arange(len(frame)) // size == FATAL)
    lazy = in_parts(rows, range(size, len(frame), size))
    return lazy.map_partitions(killing, visits=visits, fatal=fatal, meta=rows.iloc[:0])


def was_killed(visits: Path, fatal: int) -> bool:
    """Whether the fatal visit came, and another worker's visit after it."""
    return len(list(visits.iterdir())) > fatal + 1


def people(count: int) -> pd.DataFrame:
    """Numbers of which every third stands elsewhere too."""
    endings = np.random.default_rng(5).integers(0, count, count)
    return pd.DataFrame({"mobile": [f"69700{ending:05}" for ending in endings]})


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("fatal", [0, 1])
def test_cleaning_with_a_worker_killed(tmp_path: Path, fatal: int) -> None:
    """In the first pass or in the second, the loss of a worker changes nothing of the result."""
    frame = people(600)
    cleaned = isms_dask.clean_numbers(deadly(frame, tmp_path / "visits", fatal), "mobile").compute()

    same(cleaned.drop(columns="fatal"), isms.clean_numbers(frame, "mobile"))
    assert was_killed(tmp_path / "visits", fatal)


def test_cleaning_when_the_first_pass_is_lost(client: Client) -> None:
    """When all workers are gone that held what the first pass told, it is worked out again."""
    frame = people(600)
    lazy = isms_dask.clean_numbers(in_parts(frame, range(100, 600, 100)), "mobile")
    for process in client.run(os.getpid).values():
        os.kill(process, signal.SIGKILL)

    same(lazy.compute(), isms.clean_numbers(frame, "mobile"))


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("fatal", [0, 1])
def test_planning_with_a_worker_killed(tmp_path: Path, fatal: int, account: SandboxAccount) -> None:
    """A plan too is the same, each number once."""
    frame, how = people(300), {"campaign": "spring", "sender": "MyShop", "text": "Hello", "account": account}
    plan = isms_dask.plan_messages(deadly(frame, tmp_path / "visits", fatal), "mobile", **how).compute()

    same(plan.drop(columns="fatal"), isms.plan_messages(frame, "mobile", **how))
    assert was_killed(tmp_path / "visits", fatal)


@pytest.mark.usefixtures("client")
def test_report_with_a_worker_killed(tmp_path: Path) -> None:
    """A metric counts every row once."""
    rows = made_up(600, seed=4)
    rates = isms_dask.delivery_rates(deadly(rows, tmp_path / "visits", 0), by="network")

    same(rates, isms.delivery_rates(rows, by="network"))
    assert was_killed(tmp_path / "visits", 0)


@pytest.mark.usefixtures("client")
def test_saving_with_a_worker_killed(tmp_path: Path) -> None:
    """A folder holds every partition once, and no half file."""
    rows = made_up(600, seed=4)
    isms_dask.save_table(deadly(rows, tmp_path / "visits", 0), tmp_path / "rows")

    same(isms.load_table(tmp_path / "rows").drop(columns="fatal"), rows)
    assert len(list((tmp_path / "rows").iterdir())) == PARTS
    assert was_killed(tmp_path / "visits", 0)


@pytest.mark.usefixtures("client")
def test_lookup_with_a_worker_killed(tmp_path: Path, account: SandboxAccount) -> None:
    """Every number is answered, and the gateway has charged for each once."""
    frame = pd.DataFrame({"msisdn": "30" + people(120)["mobile"]})
    found = isms_dask.hlr_lookup(deadly(frame, tmp_path / "visits", 0), "msisdn", tmp_path / "hlr", account=account)

    assert found.compute()["outcome"].eq("done").all()
    assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(frame["msisdn"], 1)
    assert was_killed(tmp_path / "visits", 0)


@pytest.mark.usefixtures("client")
def test_sending_with_a_worker_killed(tmp_path: Path, account: SandboxAccount) -> None:
    """Every number gets one message."""
    frame = people(120)
    how = {"campaign": "spring", "sender": "MyShop", "text": "Hello", "account": account}
    plan = isms_dask.plan_messages(deadly(frame, tmp_path / "visits", 2), "mobile", **how)
    sent = isms_dask.send_messages(plan, tmp_path / "sent", account=account).compute()

    assert set(sent["outcome"]) == {"accepted", "skipped"}
    assert charged(account, ChargeKind.MESSAGE) == dict.fromkeys("30" + frame["mobile"], 1)
    assert was_killed(tmp_path / "visits", 2)


def charged(account: SandboxAccount, kind: ChargeKind) -> dict[str, int]:
    return dict(account.gateway.simulator.ledger.times_charged(kind=kind))


def test_partitions_are_fetched_as_many_as_there_are_threads(client: Client) -> None:
    """What is in memory here at a time is what the workers can work on at a time."""
    assert together() == sum(client.nthreads().values()) == WORKERS
