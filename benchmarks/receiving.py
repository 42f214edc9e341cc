"""Delivery reports received, each durable before it is answered, against a server that stores nothing.

    python benchmarks/receiving.py                             about a minute
    python benchmarks/receiving.py --reports 50000 --rounds 7

The server is a process of its own, on a core of its own where the system can pin one. `bare` is an aiohttp.web server
that answers OK and does nothing else; `receiver` is the receiver; `one by one` is the receiver with a transaction for
each report. The client keeps so many connections, each with one report under way, as a gateway would. Every report is
another one. The ways take turns; only ratios mean anything. What was answered with 200 is then counted in the journal.

Last comes the promise of the issue: 500 reports a second for ten seconds at an even pace, none of which may be lost,
with how long each waited for its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiohttp import web

from isms_data import dlr
from isms_data.dlr_key import secret
from isms_data.journal.calls import Journal
from isms_data.journal.file import FILE_NAME
from isms_data.journal.records import Accepted, Asked, Message
from isms_data.journal.standing import Campaign
from isms_data.receiver import DeliveryReceiver
from isms_data.receiving import desk

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS: Final = 64
"""What the other benchmarks have under way as well."""

FIRST_NUMBER: Final = 306970000000
NUMBERS: Final = 5_000
"""In the one call that the reports are about: the receiver looks each of them up."""

ONE_BY_ONE_SHARE: Final = 10
"""A transaction for each report is slow, so that way gets a tenth of the reports: each costs the same."""

RATE: Final = 500
SECONDS: Final = 10
SERIAL: Final = count()


# The servers.


async def serve(way: str) -> None:
    """Serve until the standard input ends; the first line of the output is the port."""
    loop = asyncio.get_running_loop()
    if way == "bare":
        runner = web.ServerRunner(web.Server(_ok, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        await runner.cleanup()
        return
    if way == "one by one":
        desk.AT_ONCE = 1  # type: ignore[misc]
    async with DeliveryReceiver(port=0, max_per_second=1_000_000) as receiver:
        print(receiver.url.rpartition(":")[2], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


async def _ok(_: web.BaseRequest) -> web.Response:
    return web.Response(text="OK")


@contextmanager
def served(way: str, home: str) -> Iterator[int]:
    """The server in a process of its own; its port."""
    command = [sys.executable, __file__, "--serve", way]
    environment = os.environ | {"ISMS_HOME": home}
    with subprocess.Popen(  # noqa: S603 - this file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        port = process.stdout.readline() if process.stdout else ""
        try:
            yield int(port)
        finally:
            process.communicate()


def pin(place: int) -> None:
    """Stay on one core, where there are two and the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[place % len(cores)]})


# The client.


class Sender(asyncio.Protocol):
    """One connection with one report under way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        self._transport: Any = transport
        self._answer: asyncio.Future[bool] | None = None
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Give the answer out once it is whole."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
        if end and len(body) >= int(length) and self._answer:
            self._read = b""
            self._answer.set_result(head.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, _error: Exception | None) -> None:
        """What was under way is not answered."""
        if self._answer and not self._answer.done():
            self._answer.set_result(False)

    async def send(self, target: str) -> bool:
        """Send one report; whether it was answered with 200."""
        serial = next(SERIAL)
        body = f"mid=a1&mobile={FIRST_NUMBER + serial % NUMBERS}&status=Delivered&date={serial}"
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return await self._answer


async def senders(port: int) -> list[Sender]:
    """The connections."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Sender, "127.0.0.1", port) for _ in range(CONNECTIONS)]
    return [sender for _, sender in made]


async def as_fast_as_possible(port: int, target: str, reports: int) -> tuple[float, int]:
    """Seconds that so many reports took, and how many of them were answered with 200."""
    rest, answered = iter(range(reports)), 0

    async def work(sender: Sender) -> None:
        nonlocal answered
        for _ in rest:
            right = await sender.send(target)
            answered += right  # not across the await, during which others count too

    connections = await senders(port)
    began = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    return time.perf_counter() - began, answered


async def evenly(port: int, target: str) -> list[float]:
    """How long each answer took, in seconds, from the moment that its report was due; only 200 counts."""
    free: asyncio.Queue[Sender] = asyncio.Queue()
    for sender in await senders(port):
        free.put_nowait(sender)
    took: list[float] = []
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one(due: float) -> None:
        sender = await free.get()
        if await sender.send(target):
            took.append(loop.time() - due)
        free.put_nowait(sender)

    async with asyncio.TaskGroup() as group:
        for place in range(RATE * SECONDS):
            due = began + place / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(one(due))
    return took


# What is measured.


class Home(NamedTuple):
    """A journal with one call, and where its reports go."""

    folder: Path
    target: str

    def kept(self) -> int:
        """How many reports are in the journal."""
        db = sqlite3.connect(self.folder / FILE_NAME)
        (reports,) = db.execute("SELECT count(*) FROM reports").fetchone()
        db.close()
        return int(reports)


@contextmanager
def new_home() -> Iterator[Home]:
    """A journal of its own with one accepted call."""
    with tempfile.TemporaryDirectory() as name:
        folder, reference = Path(name), dlr.new_reference()
        message = Message(
            reference, "MyShop", "hello", "GSM", flash=False, scheduled_for=None, schedule=None, transport="http"
        )
        with Journal(folder, "me", "send") as journal:
            numbers = list(range(FIRST_NUMBER, FIRST_NUMBER + NUMBERS))
            claimed = journal.claim(
                [Asked(numbers, message=message)], Campaign("bench"), label="bench", price=Decimal(1)
            )
            journal.accepted([Accepted(claimed.calls[0].call_id, "a1")])
        yield Home(folder, "/" + dlr.token(secret(folder), reference))


def rate(way: str, reports: int) -> float:
    """Reports a second; ends where one that was answered with 200 is not kept."""
    with new_home() as home:
        with served(way, str(home.folder)) as port:
            seconds, answered = asyncio.run(as_fast_as_possible(port, home.target, reports))
        if answered != reports or (way != "bare" and home.kept() != answered):
            sys.exit(f"{way}: {reports:,} sent, {answered:,} answered with 200, {home.kept():,} kept")
    return reports / seconds


def compare(reports: int, rounds: int) -> None:
    """The three ways in turns."""
    shares = {"bare": 1, "receiver": 1, "one by one": ONE_BY_ONE_SHARE}
    rates: dict[str, list[float]] = {way: [] for way in shares}
    for _ in range(rounds):
        for way, share in shares.items():
            rates[way].append(rate(way, reports // share))
    print(f"{reports:,} reports over {CONNECTIONS} connections, medians of {rounds} rounds")
    for way, found in rates.items():
        ratio = statistics.median(mine / bare for mine, bare in zip(found, rates["bare"], strict=True))
        print(f"{way:<12} {statistics.median(found):>8,.0f} reports/s   {ratio:.2f} of bare")


def promise() -> None:
    """So many a second at an even pace."""
    with new_home() as home:
        with served("receiver", str(home.folder)) as port:
            took = sorted(asyncio.run(evenly(port, home.target)))
        kept = home.kept()
    sent = RATE * SECONDS
    print(f"{RATE} a second for {SECONDS} s: {sent:,} sent, {len(took):,} answered with 200, {kept:,} kept")
    median, late, last = (took[int(share * (len(took) - 1))] * 1000 for share in (0.5, 0.99, 1))
    print(f"answered within {median:.1f} ms (median), {late:.1f} ms (99 %), {last:.1f} ms (all)")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        pin(0)
        asyncio.run(serve(chosen.serve))
        return
    pin(1)
    compare(chosen.reports, chosen.rounds)
    promise()


if __name__ == "__main__":
    main()
