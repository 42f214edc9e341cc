"""Sending a campaign, with its journal, against a client that only sends; at a server that is faster than both.

    python benchmarks/sending.py                              about a minute
    python benchmarks/sending.py --numbers 20000 --rounds 7

Personal texts are one call each, the worst case: every one is claimed durably before it leaves and its outcome is
written after. `bare` is aiohttp at its best: uvloop, one session, as many workers as a campaign has calls in flight,
the same request lines, the ids thrown away. The ways take turns; only the ratios mean anything, and on a busy machine
that of the CPU time is the steadier. The plan is made before the clock starts (planning.py measures that). The rate of
one text for all, 500 numbers to a call, stands beside it. The server is that of lookup.py.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp
import pandas as pd
from lookup import IN_FLIGHT, counts, served, uvloop
from yarl import URL

import isms_data as isms
from isms_data.transports.http import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PERSONAL: Final = "Γεια σου {name}, 20% σε όλα έως το Σάββατο."
FIRST_NUMBER: Final = 306970000000


class Cost(NamedTuple):
    """What a message cost, in seconds."""

    wall: float
    cpu: float


def people(count: int) -> pd.DataFrame:
    """So many numbers, each with a name of its own."""
    return pd.DataFrame(
        {
            "msisdn": pd.Series(range(FIRST_NUMBER, FIRST_NUMBER + count)).astype("str"),
            "name": pd.Series([f"Πελάτη {place}" for place in range(count)], dtype="str"),
        }
    )


def campaign(base_url: str, numbers: int, text: str = PERSONAL) -> Cost:
    """`isms.send_messages`, from a plan to the frame with the outcomes, in a new journal."""
    with tempfile.TemporaryDirectory() as home:
        account = isms.Account("user", "secret", base_url=base_url, home=home, progress=False)
        plan = isms.plan_messages(people(numbers), "msisdn", campaign="c", sender="MyShop", text=text, account=account)
        wall, cpu = time.perf_counter(), time.process_time()
        sent = isms.send_messages(plan, account=account)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if not (sent["outcome"] == "accepted").all():
        raise SystemExit(sent["outcome"].value_counts().to_string())
    return Cost(wall / numbers, cpu / numbers)


def bare(base_url: str, numbers: int) -> Cost:
    """Aiohttp and nothing else; the addresses are made on the way, as ours are."""
    wall, cpu = time.perf_counter(), time.process_time()
    with asyncio.Runner(loop_factory=uvloop and uvloop.new_event_loop) as runner:
        runner.run(_bare(base_url, numbers))
    return Cost((time.perf_counter() - wall) / numbers, (time.process_time() - cpu) / numbers)


async def _bare(base_url: str, numbers: int) -> None:
    addresses = _addresses(base_url, numbers)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for address in addresses:
                async with session.get(address) as reply:
                    await reply.text()

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


def _addresses(base_url: str, numbers: int) -> Iterator[URL]:
    login = f"{base_url}send.php?username=user&password=secret"
    for place in range(numbers):
        text = PERSONAL.format(name=f"Πελάτη {place}")
        fields = {"to": str(FIRST_NUMBER + place), "from": "MyShop", "message": text, "coding": "UTF-8", "flash": "0"}
        yield URL(login + encoded(fields), encoded=True)


def same_text(base_url: str, numbers: int) -> Cost:
    """One text for all, 500 numbers to a call."""
    return campaign(base_url, numbers, "20% off everything until Saturday")


def main() -> None:
    """Print the rates and the ratios; the ways take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    ways: dict[str, Callable[[str, int], Cost]] = {"bare": bare, "personal": campaign, "same text": same_text}
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    with served() as base_url:
        for way in ways.values():
            way(base_url, 200)
        for _ in range(chosen.rounds):
            for name, way in ways.items():
                counts(base_url)
                found[name].append(way(base_url, chosen.numbers))
    print(f"{chosen.numbers:,} messages, medians of {chosen.rounds} alternating runs")
    for name, costs in found.items():
        wall, cpu = (statistics.median(each) for each in zip(*costs, strict=True))
        print(f"{name:10} {1 / wall:>9,.0f}/s   CPU {cpu * 1e4:6.2f} s for 10,000")
    pairs = list(zip(found["bare"], found["personal"], strict=True))
    wall, cpu = (statistics.median(other[place] / mine[place] for other, mine in pairs) for place in (0, 1))
    print(f"personal is {wall:.2f} x as fast as bare, {cpu:.2f} x in CPU time")


if __name__ == "__main__":
    main()
