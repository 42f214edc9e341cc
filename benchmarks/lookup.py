"""A whole bulk lookup, journal and typed frame included, against clients that only ask; at a server that is faster.

    python benchmarks/lookup.py                               about a minute
    python benchmarks/lookup.py --numbers 50000 --rounds 7
    python benchmarks/lookup.py --memory 1000000              one lookup: its memory, and where the time goes

The server is a process of its own, on a core of its own where the system can pin one, and answers from memory. An
answer is there at once, so a number takes about one question: measured is what a question costs, not when it is asked
(polling.py does that). `bare` is aiohttp at its best: uvloop, one session, as many workers as a lookup has calls in
flight, one GET for each number, the text read and thrown away. `requests` is 64 threads with a session each, on fewer
numbers. The ways take turns; only the ratios mean anything, and on a busy machine that of the CPU time is the steadier.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiohttp
import pandas as pd
from yarl import URL

import isms_data as isms

try:
    import uvloop
except ImportError:
    uvloop = None

try:
    import requests
except ImportError:
    requests = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

IN_FLIGHT: Final = 64
"""The default of `Account.max_in_flight`."""

REQUESTS_SHARE: Final = 10
"""`requests` gets a tenth of the numbers: a number costs it the same, however many there are."""

FIRST_NUMBER: Final = 306970000000


# The server.


class Counts(NamedTuple):
    """What the server counted, and when (on the monotonic clock, which all processes share)."""

    calls: int = 0
    questions: int = 0
    first_call: float = 0.0
    last_question: float = 0.0


class Gateway(asyncio.Protocol):
    """Answers the pages of a lookup and of a campaign, and `counts`, which starts the counts anew."""

    counts = Counts()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        self._transport: Any = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        *whole, self._read = (self._read + data).split(b"\r\n\r\n")
        for request in whole:
            body = self._body(request[: request.index(b" HTTP/1.1")])
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._transport.write(head + body)

    def _body(self, target: bytes) -> bytes:
        calls, questions, first_call, last_question = Gateway.counts
        if b"/hlrquery.php?" in target:
            Gateway.counts = Counts(calls, questions + 1, first_call, time.monotonic())
            return b"Delivered;Greece;COSMOTE;20201%b;306970000002;0" % target[-10:]
        if b"/hlr.php?" in target or b"/send.php?" in target:
            Gateway.counts = Counts(calls + 1, questions, first_call or time.monotonic(), last_question)
            return b"ID:%07x" % calls
        if b"/credits.php?" in target:
            return b"Credits:100000000.00"
        told, Gateway.counts = Gateway.counts, Counts()
        return json.dumps(told).encode()


async def serve() -> None:
    """Serve until the standard input ends; the first line of the output is the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Gateway, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def served() -> Iterator[str]:
    """The server in a process of its own; its base address."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this file
        port = process.stdout.readline().strip() if process.stdout else ""
        pin(1)
        try:
            yield f"http://127.0.0.1:{port}/api/http/"
        finally:
            process.communicate()


def pin(place: int) -> None:
    """Stay on one core, where there are two and the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[place % len(cores)]})


def counts(base_url: str) -> Counts:
    """What the server counted since it was last asked."""
    with urllib.request.urlopen(base_url + "counts") as reply:  # noqa: S310 - loopback
        return Counts(*json.load(reply))


# The clients: each asks for so many numbers.


def lookup(base_url: str, numbers: int) -> None:
    """`isms.hlr_lookup`, from a frame of text to the typed frame, in a new journal."""
    frame = pd.DataFrame({"msisdn": pd.Series(range(FIRST_NUMBER, FIRST_NUMBER + numbers)).astype("str")})
    with tempfile.TemporaryDirectory() as home:
        account = isms.Account("user", "secret", base_url=base_url, home=home, progress=False)
        found = isms.hlr_lookup(frame, "msisdn", account=account)
    if not (found["outcome"] == "done").all():
        sys.exit(f"not every number was answered: {found['outcome'].value_counts().to_dict()}")


def bare(base_url: str, numbers: int) -> None:
    """Aiohttp and nothing else."""
    with asyncio.Runner(loop_factory=uvloop and uvloop.new_event_loop) as runner:
        runner.run(_bare(question(base_url), iter(range(FIRST_NUMBER, FIRST_NUMBER + numbers))))


async def _bare(prefix: str, numbers: Iterator[int]) -> None:
    async def work() -> None:
        for number in numbers:
            async with session.get(URL(prefix + str(number), encoded=True)) as response:
                await response.text()

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


def threads(base_url: str, numbers: int) -> None:
    """`requests`, in threads."""
    prefix, rest, lock = question(base_url), iter(range(FIRST_NUMBER, FIRST_NUMBER + numbers)), threading.Lock()

    def work() -> None:
        with requests.Session() as session:
            while True:
                with lock:
                    number = next(rest, None)
                if number is None:
                    return
                _ = session.get(prefix + str(number)).text

    pool = [threading.Thread(target=work) for _ in range(IN_FLIGHT)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()


def question(base_url: str) -> str:
    """The address of a question, up to the number."""
    return f"{base_url}hlrquery.php?username=user&password=secret&mid=0adgre1&mobile="


# What is measured.


class Cost(NamedTuple):
    """What a number cost, in seconds and in questions."""

    wall: float
    cpu: float
    questions: float


def cost(client: Callable[[str, int], None], base_url: str, numbers: int) -> Cost:
    """One run of a client."""
    counts(base_url)
    wall, cpu = time.perf_counter(), time.process_time()
    client(base_url, numbers)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall / numbers, cpu / numbers, counts(base_url).questions / numbers)


def compare(base_url: str, numbers: int, rounds: int) -> None:
    """Print the rates and the ratios; the ways take turns."""
    clients = {"bare": (bare, numbers), "lookup": (lookup, numbers)}
    if requests is not None:
        clients["requests"] = (threads, numbers // REQUESTS_SHARE)
    for client, _ in clients.values():
        client(base_url, 500)
    found: dict[str, list[Cost]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, (client, share) in clients.items():
            found[name].append(cost(client, base_url, share))
    print(f"{numbers:,} numbers, medians of {rounds} alternating runs, {'uvloop' if uvloop else 'the stock loop'}")
    for name, costs in found.items():
        wall, cpu, questions = (statistics.median(values) for values in zip(*costs, strict=True))
        print(f"{name:9} {1 / wall:>9,.0f}/s   CPU {cpu * 1e4:6.2f} s for 10,000   questions a number {questions:.3f}")
    for name in [name for name in found if name != "lookup"]:
        wall, cpu = (ratio(found[name], found["lookup"], place) for place in (0, 1))
        print(f"lookup is {wall:.2f} x as fast as {name}, {cpu:.2f} x in CPU time")
    if requests is None:
        print("requests is not installed, so it was not measured (pip install requests)")


def ratio(others: Sequence[Cost], ours: Sequence[Cost], place: int) -> float:
    """The median of the ratios of runs that followed one another."""
    return statistics.median(other[place] / mine[place] for other, mine in zip(others, ours, strict=True))


def memory(base_url: str, numbers: int) -> None:
    """Print what one lookup takes, and how long it does what is not asking."""
    lookup(base_url, 1)
    before, began = peak_mib(), time.monotonic()
    counts(base_url)
    lookup(base_url, numbers)
    ended, told = time.monotonic(), counts(base_url)
    before_call, after_questions = told.first_call - began, ended - told.last_question
    print(
        f"{numbers:,} numbers: peak {peak_mib():,.0f} MiB, {before:,.0f} of them before; {ended - began:.1f} s, "
        f"of which {before_call:.1f} s before the first paid call and {after_questions:.1f} s after the last question; "
        f"{told.calls:,} paid calls, {told.questions / numbers:.3f} questions a number"
    )


def peak_mib() -> float:
    """The most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, metavar="NUMBERS", help="measure one lookup instead of comparing")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        pin(0)
        with asyncio.Runner(loop_factory=uvloop and uvloop.new_event_loop) as runner:
            runner.run(serve())
        return
    with served() as base_url:
        if chosen.memory:
            memory(base_url, chosen.memory)
        else:
            compare(base_url, chosen.numbers, chosen.rounds)


if __name__ == "__main__":
    main()
