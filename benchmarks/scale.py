"""What much more would need: accounts x latency x rate, by simulation, from what one machine was measured to take.

    python benchmarks/scale.py                                about five minutes
    python benchmarks/scale.py --only-check                   measure, and hold the simulation against it; no tables
    python benchmarks/scale.py --journal 3000000              what a claim takes as the journal grows; nothing else
    python benchmarks/scale.py --numbers 2000 --sample 5000   shorter, and less sure

Three steps. *Measure*: small runs of `hlr_lookup` and `send_messages` at a sandbox in a process of its own give what a
run, a number and a request cost (CPU time here and there, memory, octets on disk); calls of the journal alone give the
time of a flush and of a row. *Check*: other runs (other sizes, latencies, reply times) are simulated from these costs,
and made. The requests must agree within 25 %, and so must the wall time; where the client or the sandbox computes for
more than half of it, other work on the machine decides with them, and the CPU time must agree instead. A run that does
not agree is made again a few times, and the shortest counts; then the script ends there. *Extrapolate*: the tables. The
simulation is model/one_run.py; a run of more numbers than `--sample` is simulated with one number for many.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from model.one_run import FIRST_NUMBER, PER_CALL, SEEN, SMPP_LOAD, Costs, Outcome, Place, Simulation, Work

import isms_data as isms
from isms_data.journal.calls import Journal
from isms_data.journal.file import FILE_NAME
from isms_data.journal.records import Accepted, Asked, Message, Parts
from isms_data.journal.standing import AnswerKind, Campaign, Lookups
from isms_data.simulator import Simulator, SimulatorServer
from isms_data.simulator.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TOLERANCE: Final = 0.25
WINDOW: Final = 100
"""The default of an SMPP bind."""

REPLY: Final = "Delivered;Greece;COSMOTE;202017064858369;306970019890;0"

LOOPBACK_S: Final = 0.001
"""To the sandbox and back, where it does not wait."""


# What is measured.


class Run(NamedTuple):
    """A run that was made: this process's and the sandbox's CPU time, and the octets of its journal."""

    numbers: int
    requests: int
    wall: float
    cpu: float
    there: float
    octets: int


def serve(settings: dict[str, Any]) -> None:
    """A sandbox until the standard input ends: first its addresses, then, for each line, what it did so far."""
    faults = Faults({"slow": 1.0} if settings["reply_s"] else 0.0, slow_s=settings["reply_s"])
    pages = ("hlr.php", "hlrquery.php", "send.php")
    simulator = Simulator(median_latency_s=settings["latency_s"], faults=faults, credits=10**9)
    with SimulatorServer(simulator) as server:
        print(json.dumps([server.base_url, server.smpp_url]), flush=True)
        for _ in sys.stdin:
            ledger = simulator.ledger
            requests = sum(ledger.request_counts[page] for page in pages) + len(ledger.segments)
            print(json.dumps([requests, time.process_time()]), flush=True)


@contextmanager
def sandbox(
    home: str, latency_s: float, reply_s: float
) -> Iterator[tuple[isms.Account, Callable[[], tuple[int, float]]]]:
    """A sandbox in a process of its own: an account at it, and a function that gives its requests and CPU time."""
    command = [sys.executable, __file__, "--serve", json.dumps({"latency_s": latency_s, "reply_s": reply_s})]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this file
        write, read = process.stdin, process.stdout
        assert write is not None  # noqa: S101 - both are pipes
        assert read is not None  # noqa: S101 - as above
        base_url, smpp = json.loads(read.readline())

        def told() -> tuple[int, float]:
            write.write("\n")
            write.flush()
            requests, cpu = json.loads(read.readline())
            return requests, cpu

        try:
            yield (
                isms.Account("demo", "sandbox-password", base_url=base_url, smpp=smpp, home=home, progress=False),
                told,
            )
        finally:
            process.communicate()


def made(work: Work, latency_s: float = 0.0, reply_s: float = 0.0, *, again: bool = False) -> Run:
    """Make one run, in a new journal; or once more, where every answer is known."""
    with tempfile.TemporaryDirectory() as home, sandbox(home, latency_s, reply_s) as (account, told):
        rows = people(work, account)
        if again:
            carried_out(work, rows, account)
        before, there = told()
        wall, cpu = time.perf_counter(), time.process_time()
        carried_out(work, rows, account)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        after, there_after = told()
        octets = sum(file.stat().st_size for file in Path(home).glob(FILE_NAME + "*"))
    return Run(work.numbers, after - before, wall, cpu, there_after - there, octets)


def carried_out(work: Work, rows: pd.DataFrame, account: isms.Account) -> None:
    """The run itself."""
    if work.kind == "lookup":
        found = isms.hlr_lookup(rows, "msisdn", account=account)
    else:
        found = isms.send_messages(rows, transport="smpp" if work.kind == "smpp" else "http", account=account)
    if not found["outcome"].isin(["done", "cached", "accepted"]).all():
        sys.exit(f"not every number was settled: {found['outcome'].value_counts().to_dict()}")


def least(tries: int, work: Work, *, again: bool = False) -> Run:
    """The shortest of a few such runs, and the least CPU time: what else the machine does only adds to both."""
    return shorter(*(made(work, again=again) for _ in range(tries)))


def shorter(*runs: Run) -> Run:
    """The shortest of these runs, with the least CPU time of any."""
    best = min(runs, key=lambda run: run.wall)
    return best._replace(cpu=min(run.cpu for run in runs), there=min(run.there for run in runs))


def people(work: Work, account: isms.Account) -> pd.DataFrame:
    """What the run is given: numbers, or a plan that is made before the clock starts."""
    frame = pd.DataFrame({"msisdn": pd.Series(range(FIRST_NUMBER, FIRST_NUMBER + work.numbers)).astype("str")})
    if work.kind == "lookup":
        return frame
    frame["name"] = pd.Series([f"number {place}" for place in range(work.numbers)], dtype="str")
    text = "20% off everything until Saturday" if work.kind == "one text" else "{name}: 20% off until Saturday"
    return isms.plan_messages(frame, "msisdn", campaign="scale", sender="MyShop", text=text, account=account)


def solved(runs: Sequence[Run], values: Sequence[float]) -> tuple[float, float, float]:
    """What a run, a number and a request take, from three runs; from two, a number and its request count as one."""
    numbers = [run.numbers * (len(runs) > 2) for run in runs]
    table = np.column_stack([np.ones(len(runs)), numbers, [run.requests for run in runs]])
    run, number, request = np.maximum(np.linalg.lstsq(table, np.array(values), rcond=None)[0], 0.0).tolist()
    return run, number, request


def journal_times(kind: str, repeats: int = 15) -> tuple[float, float, float]:
    """The seconds of a flush, of a number paid for, and of an answer: medians; what a row takes is CPU time."""
    asks = {"lookup": 1, "personal": 64, "one text": 1, "smpp": SMPP_LOAD}[kind]
    scope: Any = Lookups(oldest=0) if kind == "lookup" else Campaign("scale")
    flushes, fixed, rows, answers = [], [], [], []
    with tempfile.TemporaryDirectory() as home, Journal(Path(home), "scale", scope.operation) as journal:
        for turn in range(repeats):
            first, each = FIRST_NUMBER + 1000 * turn, PER_CALL[kind]
            wall, cpu, _ = _paid(journal, scope, [_asked(kind, first, 1)])
            flushes.append(wall / 2)
            fixed.append(cpu)
            asked = [_asked(kind, first + 1 + place * each, each) for place in range(asks)]
            _, cpu, items = _paid(journal, scope, asked)
            rows.append(cpu)
            began = time.thread_time()
            journal.answer([(item, AnswerKind.FINAL, 0, REPLY) for item in items])
            answers.append((time.thread_time() - began) / len(items))
    row = (statistics.median(rows) - statistics.median(fixed)) / (asks * PER_CALL[kind])
    return statistics.median(flushes), row, row if kind == "smpp" else statistics.median(answers)


def _asked(kind: str, first: int, count: int) -> Asked:
    numbers = list(range(first, first + count))
    if kind == "lookup":
        return Asked(numbers)
    transport = "smpp" if kind == "smpp" else "http"
    message = Message(f"{kind}{first}", "MyShop", "20% off until Saturday", "GSM", False, None, None, transport)
    return Asked(numbers, 1, message, Parts("session", first, 1) if kind == "smpp" else None)


def _paid(journal: Journal, scope: Any, asked: list[Asked]) -> tuple[float, float, list[int]]:
    """Wall and CPU time of a claim and its outcome, each a transaction; the items."""
    wall, cpu = time.perf_counter(), time.thread_time()
    claims = journal.claim(asked, scope, label="scale", price=Decimal(1)).calls
    ids = [(f"id{each.call_id}",) for each in claims]
    smpp = asked[0].parts is not None
    journal.accepted([Accepted(each.call_id, *own, own if smpp else ()) for each, own in zip(claims, ids, strict=True)])
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    return wall, cpu, [each.first_id + place for each in claims for place in range(len(each.taken))]


def measured(numbers: int, tries: int) -> dict[str, Costs]:
    """The costs of each kind of run."""
    made(Work("lookup", 200))
    some, half = max(1, numbers // 100), numbers // 2
    lookups = [least(tries, Work("lookup", count)) for count in (some, numbers)]
    known = least(tries, Work("lookup", numbers), again=True)
    personal = [least(tries, Work("personal", count)) for count in (some, half)]
    one_text = [least(tries, Work("one text", count)) for count in (some, numbers)]
    smpp = [least(tries, Work("smpp", count)) for count in (some, half)]
    return {
        "lookup": costs_of("lookup", lookups, [*lookups, known]),
        "personal": costs_of("personal", personal, [*personal, one_text[1]]),
        "one text": costs_of("one text", one_text, [*personal, one_text[1]]),
        "smpp": costs_of("smpp", smpp, smpp),
    }


def costs_of(kind: str, own: Sequence[Run], runs: Sequence[Run]) -> Costs:
    """From its own runs, a small and a large one, and others that tell a number's cost from a request's."""
    few, many = own
    client = solved(runs, [run.cpu for run in runs])
    asked = [run for run in runs if run.requests]  # there, a number that is not asked about costs nothing
    _, number, request = solved(asked, [run.there for run in asked])
    disk = (many.octets - few.octets) / (many.numbers - few.numbers)
    return Costs(*client, number, request, *journal_times(kind), disk)


def memory_of(numbers: int) -> float:
    """The memory of a lookup, octets for a number, in a process of its own that has done nothing before."""
    command = [sys.executable, __file__, "--memory", str(numbers)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)  # noqa: S603 - this file


def grown(numbers: int) -> float:
    """By how much the peak of this process grows with such a lookup, for each of its numbers."""
    made(Work("lookup", numbers // 4))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made(Work("lookup", numbers))
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return kib * (1 if sys.platform == "darwin" else 1024) / (numbers - numbers // 4)


def growing(numbers: int) -> None:
    """Print what a claim of 500 takes while the journal grows, with numbers in order and in none."""
    for name, step in (("in order", 1), ("in no order", 7_919_000_033)):  # a prime: it visits every number once
        lot = [FIRST_NUMBER + place * step % 1_000_000_000 for place in range(numbers)]
        with tempfile.TemporaryDirectory() as home, Journal(Path(home), "scale", "lookup") as journal:
            seconds = [
                _paid(journal, Lookups(oldest=0), [Asked(lot[at : at + 500])])[:2] for at in range(0, numbers, 500)
            ]
            size = (Path(home) / FILE_NAME).stat().st_size
        for part in np.array_split(np.array(seconds), 10):
            wall, cpu = 1e6 * np.median(part, axis=0) / 500
            print(f"{name}: {wall:5.1f} µs a number, {cpu:5.1f} of them CPU")
        print(f"{size / numbers:.0f} octets a number, answers not among them")


# The simulation held against what was measured.


def check(costs: dict[str, Costs], numbers: int, tries: int) -> None:
    """Print simulated against measured; end where they do not agree."""
    runs = (
        (Work("lookup", numbers), 0.2, 0.0),
        (Work("lookup", numbers // 10), 0.5, 0.0),
        (Work("lookup", numbers), 0.0, 0.1),
        (Work("lookup", 2 * numbers), 0.0, 0.0),
        (Work("personal", numbers), 0.0, 0.1),
        (Work("personal", numbers), 0.0, 0.0),
        (Work("one text", 4 * numbers), 0.0, 0.1),
        (Work("smpp", numbers), 0.0, 0.0),
    )
    print("\nSimulated / measured; what is judged is bold.\n")
    print("| run | latency | reply | wall time | requests | client CPU | limited by |\n|---|--:|--:|--:|--:|--:|---|")
    wrong = [line for run in runs if (line := held_against(costs, *run, tries))]
    if wrong:
        sys.exit(
            f"\nThe simulation does not reproduce {', '.join(wrong)} within {TOLERANCE:.0%}; the rest is left out."
        )


def held_against(costs: dict[str, Costs], work: Work, latency_s: float, reply_s: float, tries: int) -> str | None:
    """Print one line; the name of the run where it does not agree."""
    place = Place(latency_s=latency_s, reply_s=reply_s or LOOPBACK_S, in_flight=in_flight(work.kind))
    simulated = Simulation(work, costs[work.kind], place).run()
    cpu_decides = max(simulated.busy["client CPU"], simulated.busy["sandbox"]) > 0.5
    judged = {1, 2} if cpu_decides else {0, 1}
    ours, real = (simulated.wall, simulated.requests, simulated.cpu), None
    for _ in range(tries):
        run = made(work, latency_s, reply_s)
        real = shorter(run, real) if real else run
        theirs = (real.wall, real.requests, real.cpu)
        agrees = all(1 / (1 + TOLERANCE) <= ours[each] / theirs[each] <= 1 + TOLERANCE for each in judged)
        if agrees:
            break
    cells = []
    for place_, (mine, true) in enumerate(zip(ours, theirs, strict=True)):
        ratio = f"**{mine / true:.2f}**" if place_ in judged else f"{mine / true:.2f}"
        cells.append(f"{mine:,.0f} / {true:,} = {ratio}" if place_ == 1 else f"{mine:.2f} / {true:.2f} s = {ratio}")
    name = f"{work.kind} {work.numbers:,}"
    print(f"| {name} | {latency_s:g} s | {reply_s:g} s | {' | '.join(cells)} | {simulated.limit} |", flush=True)
    return None if agrees else name


def in_flight(kind: str) -> int:
    """HTTP requests at once (`Account.max_in_flight`), or the window of a bind."""
    return WINDOW if kind == "smpp" else 64


def print_costs(costs: dict[str, Costs], memory: float) -> None:
    """What was measured."""
    print("| kind | run | number | request | sandbox: number | request | flush | row | answer | journal |")
    print("|---|" + "--:|" * 9)
    for kind, each in costs.items():
        times = [f"{1e3 * each.run:.0f} ms", *(f"{1e6 * seconds:,.1f} µs" for seconds in each[1:-1])]
        print(f"| {kind} | {' | '.join(times)} | {each.disk:,.0f} octets |")
    print(f"memory of a lookup: {memory:,.0f} octets a number")


# What much more would take.


class Fleet(NamedTuple):
    """Accounts, and the machines that they are spread over."""

    accounts: int
    machines: int

    def place(self, place: Place, numbers: float, options: argparse.Namespace) -> Place:
        """One account's place: its share of a core and of a journal."""
        here = math.ceil(self.accounts / self.machines)
        each = max(1.0, numbers / self.accounts / options.sample)
        crowd = max(1.0, here / options.cores)
        return place._replace(each=each, crowd=crowd, writers=1 if options.own_journals else here)

    def __str__(self) -> str:
        return f"{self.accounts:,} on {self.machines:,}"


FLEETS: Final = (Fleet(1, 1), Fleet(10, 1), Fleet(100, 10), Fleet(1000, 100))


@cache
def outcome(kind: str, numbers: int, costs: Costs, place: Place) -> Outcome:
    """Of one account's run; a gateway is as quick as `place` says, whatever the sandbox takes."""
    each = place.each
    return Simulation(
        Work(kind, round(numbers / each)), costs._replace(there_number=0.0, there_request=0.0), place
    ).run()


def lookups(costs: Costs, memory: float, options: argparse.Namespace) -> None:
    """Print what so many lookups take."""
    print(f"\nLookups: until {SEEN:.0%} of the answers are here (limited by); reply {options.reply:g} s, 64 at once;")
    print(f"{options.cores} cores a machine; disk and memory for each machine, for the whole list in one call.\n")
    print(f"| numbers | accounts on machines | {' | '.join(map(lasting, LATENCIES))} | disk | memory | credits |")
    print("|--:|---|" + "--:|" * (len(LATENCIES) + 3))
    for numbers in (10**power for power in range(5, 10)):
        for fleet in FLEETS:
            if numbers / fleet.accounts < 10_000:
                continue
            cells = []
            for median in LATENCIES:
                place = fleet.place(Place(latency_s=median, reply_s=options.reply), numbers, options)
                found = outcome("lookup", numbers // fleet.accounts, costs, place)
                cells.append(f"{lasting(found.seen)} ({found.limit})")
            share = numbers / fleet.machines
            cells += [f"{share * costs.disk / 1e9:,.1f} GB", f"{share * memory / 1e9:,.1f} GB", f"{numbers:,}"]
            print(f"| {numbers:,} | {fleet} | {' | '.join(cells)} |", flush=True)


LATENCIES: Final = (1.0, 60.0, 600.0, 3600.0)
REPLIES: Final = (0.01, 0.1, 0.4)


def smpp(costs: Costs, options: argparse.Namespace) -> None:
    """Print how many messages a second leave by SMPP."""
    print("\nSMPP, 700 a second and account, window 100: messages a second in all (limited by, how much used).\n")
    print(f"| accounts on machines | journals | {' | '.join(f'reply {reply:g} s' for reply in REPLIES)} |")
    print("|---|---|" + "--:|" * len(REPLIES))
    for fleet in (*FLEETS[:2], Fleet(15, 1), Fleet(15, 2), Fleet(15, 5), *FLEETS[2:]):
        for own in (False, True):
            cells = []
            for reply in REPLIES:
                place = fleet.place(Place(reply_s=reply, in_flight=WINDOW), 0, options)
                place = place._replace(writers=1) if own else place
                found = outcome("smpp", options.sample, costs, place)
                rate = fleet.accounts * options.sample / found.seen
                cells.append(f"{rate:,.0f} ({found.limit}, {found.busy.get(found.limit, 0):.0%})")
            print(f"| {fleet} | {'one each' if own else 'one a machine'} | {' | '.join(cells)} |", flush=True)


def http(costs: dict[str, Costs], options: argparse.Namespace) -> None:
    """Print how many numbers a second one account gets through by HTTP."""
    print(
        "\nHTTP, one account, latency 1 s: numbers a second (limited by). Refuses above: 503 beyond so many at once.\n"
    )
    replies = (0.02, 0.05, 0.2, 1.0)
    print(f"| run | at once | refuses above | {' | '.join(f'reply {reply:g} s' for reply in replies)} |")
    print("|---|--:|--:|" + "--:|" * len(replies))
    limits = [("lookup", at_once, math.inf) for at_once in (8, 64, 256)] + [("lookup", 64, above) for above in (4, 20)]
    limits += [(kind, 64, math.inf) for kind in ("personal", "one text")]
    for kind, at_once, above in limits:
        cells = []
        for reply in replies:
            place = Place(latency_s=1.0, reply_s=reply, in_flight=at_once, refuses_above=above)
            found = outcome(kind, options.sample, costs[kind], place)
            cells.append(f"{options.sample / found.seen:,.0f} ({found.limit})")
        print(
            f"| {kind} | {at_once} | {'never' if above == math.inf else f'{above:g}'} | {' | '.join(cells)} |",
            flush=True,
        )


def lasting(seconds: float) -> str:
    """A duration, in words."""
    for size, unit in ((86400 * 365.25, "years"), (86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=5_000, help="of the measured runs")
    parser.add_argument("--tries", type=int, default=3, help="how often a run is made at most")
    parser.add_argument("--sample", type=int, default=20_000, help="simulated numbers of an account, at most")
    parser.add_argument("--reply", type=float, default=0.05, help="seconds that a gateway takes to reply")
    parser.add_argument("--cores", type=int, default=8, help="of a machine")
    parser.add_argument("--own-journals", action="store_true", help="a journal for each account, not for each machine")
    parser.add_argument("--journal", type=int, metavar="NUMBERS", help="only: what a growing journal takes")
    parser.add_argument("--only-check", action="store_true")
    parser.add_argument("--serve", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return
    if chosen.journal:
        growing(chosen.journal)
        return
    if chosen.memory:
        print(grown(chosen.memory))
        return
    memory = memory_of(20 * chosen.numbers)
    costs = measured(chosen.numbers, min(2, chosen.tries))
    print_costs(costs, memory)
    check(costs, chosen.numbers, chosen.tries)
    if not chosen.only_check:
        http(costs, chosen)
        lookups(costs["lookup"], memory, chosen)
        smpp(costs["smpp"], chosen)


if __name__ == "__main__":
    main()
