"""What learning when to ask costs, against the best that is possible when the law of the latency is known.

    python benchmarks/polling.py                     about a minute
    python benchmarks/polling.py --numbers 2000 --seeds 12 --first-seed 300
    python benchmarks/polling.py --numbers 2000 --seeds 4 --others
    python benchmarks/polling.py --gate

The cost of a run is mean staleness (time between an answer being there and its being seen, in medians of the latency)
+ 0.2 x questions per number. The optimum knows the law and computes its schedule by dynamic programming on the exact
distribution function, by code that shares nothing with the package; each figure is a cost divided by the optimum's on
the same latencies, learning included. `isms_data.pacing` is run as the engine runs it, with one setting for all.
"""

from __future__ import annotations

import argparse
import heapq
import math
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from isms_data.pacing import Backoff, Gate, PollPlan, PollQueue, Waiting

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

POLL_COST = 0.2
SCALES = (1.0, 10.0, 60.0, 600.0, 3600.0)
BATCH = 500
TARGET = 1.15


@dataclass(frozen=True)
class Law:
    """A mixture of log-normal laws (weight, median, sigma) or, where `tail` is given, a log-logistic of that index."""

    name: str
    parts: tuple[tuple[float, float, float], ...] = ()
    tail: float = 0.0

    def survival(self, age: Array) -> Array:
        """P(T > age), T in the law's own unit."""
        if self.tail:
            return np.asarray(1 / (1 + age**self.tail))
        logs = np.log(np.maximum(age, 1e-300))
        erfc = np.vectorize(math.erfc)
        return np.asarray(sum(w * erfc((logs - math.log(m)) / (s * math.sqrt(2))) / 2 for w, m, s in self.parts))

    def draw(self, random: np.random.Generator, count: int) -> Array:
        """So many latencies, in the law's own unit."""
        if self.tail:
            return np.asarray((1 / random.random(count) - 1) ** (1 / self.tail))
        weights, medians, sigmas = (np.array(column) for column in zip(*self.parts, strict=True))
        part = random.choice(len(weights), count, p=weights)
        return np.asarray(medians[part] * np.exp(sigmas[part] * random.standard_normal(count)))

    def median(self) -> float:
        """The median, in the law's own unit."""
        ages = np.geomspace(1e-2, 1e3, 100_000)
        return float(ages[np.searchsorted(-self.survival(ages), -0.5)])


LAWS = (
    Law("log-normal", ((1.0, 1.0, 1.0),)),
    Law("bimodal", ((0.7, 1.0, 0.4), (0.3, 12.0, 0.4))),
    Law("slow tail", tail=1.5),
    Law("nearly constant", ((1.0, 1.0, 0.1),)),
    Law("operators", ((0.5, 1.0, 0.5), (0.3, 3.0, 0.5), (0.2, 10.0, 0.7))),
)
OTHER_LAWS = (
    Law("sigma 0.5", ((1.0, 1.0, 0.5),)),
    Law("sigma 1.5", ((1.0, 1.0, 1.5),)),
    Law("constant to 2 %", ((1.0, 1.0, 0.02),)),
    Law("a tenth 20 x faster", ((0.1, 0.05, 0.2), (0.9, 1.0, 0.3))),
    Law("half 100 x slower", ((0.5, 1.0, 0.3), (0.5, 100.0, 0.3))),
    Law("1, 5 and 40, narrow", ((0.4, 1.0, 0.2), (0.4, 5.0, 0.2), (0.2, 40.0, 0.2))),
    Law("tail of index 1.2", tail=1.2),
)
"""Laws that no setting was chosen on."""


def optimum(law: Law, points: int = 3000) -> Array:
    """The ages, in medians, at which to ask when the law is known."""
    median = law.median()
    ages = np.concatenate(([0.0], np.geomspace(0.02, 3e4 if law.tail else 300.0, points)))
    alive = np.maximum(law.survival(ages * median), 1e-12)
    area = np.concatenate(([0.0], np.cumsum((alive[1:] + alive[:-1]) / 2 * np.diff(ages))))
    to_go, then = np.full(points + 1, POLL_COST), np.full(points + 1, points)
    for now in range(points - 1, -1, -1):
        late = (ages[now + 1 :] - ages[now]) - (area[now + 1 :] - area[now]) / alive[now]
        cost = POLL_COST + late + to_go[now + 1 :] * alive[now + 1 :] / alive[now]
        then[now] = now + 1 + int(cost.argmin())
        to_go[now] = cost.min()
    schedule = [int(then[0])]
    while schedule[-1] < points:
        schedule.append(int(then[schedule[-1]]))
    return np.asarray(ages[schedule])


def follow(schedule: Array, latency: Array) -> tuple[float, float]:
    """Questions per number and mean staleness when the ages to ask at are given."""
    seen = np.minimum(np.searchsorted(schedule, latency), len(schedule) - 1)
    return float(seen.mean() + 1), float((schedule[seen] - latency).mean())


def every(interval: float, latency: Array) -> tuple[float, float]:
    """Questions per number and mean staleness at a fixed interval."""
    asked = np.maximum(1, np.ceil(latency / interval))
    return float(asked.mean()), float((asked * interval - latency).mean())


def cost(asked: float, stale: float) -> float:
    """What is to be small."""
    return stale + POLL_COST * asked


def learn(latency: Array, submitted: Array, *, poll_s: float = 0.0) -> tuple[float, float, PollPlan]:
    """Questions per number and mean staleness, in seconds, of `PollQueue`; a question takes `poll_s` of the asker."""
    queue: PollQueue[float] = PollQueue(PollPlan(poll_cost=POLL_COST))
    asked, stale, clock, count = 0, 0.0, 0.0, 0
    while count < len(latency) or queue:
        wake = queue.wake_at()
        if count < len(latency) and submitted[count] <= max(clock, wake):
            clock = max(clock, submitted[count])
            queue.put(Waiting(latency[count], clock, count))
            count += 1
            continue
        clock = max(clock, wake) + poll_s
        turn = queue.take(clock)
        assert turn is not None  # noqa: S101 - the clock stands at or behind its turn
        asked += 1
        if clock - turn.since >= turn.item:
            stale += clock - turn.since - turn.item
            queue.answered(turn, clock)
        else:
            queue.still_pending(turn, clock)
    return asked / len(latency), stale / len(latency), queue.plan


@dataclass(frozen=True)
class Arrival:
    """How the numbers come: so many, all at once or in calls of 500 spread over so many medians."""

    numbers: int
    over: float

    def times(self) -> Array:
        """When each number is submitted, in medians."""
        return np.asarray(np.arange(self.numbers) // BATCH * BATCH * (self.over / self.numbers))

    def __str__(self) -> str:
        return f"{self.numbers:,} " + (f"over {self.over:g}" if self.over else "at once")


def ratios(law: Law, scale: float, arrivals: tuple[Arrival, ...], seeds: range) -> dict[str, list[float]]:
    """One row of the table: ours, per way of arriving, and the simple rules, against the optimum."""
    schedule, median = optimum(law), law.median()
    row: dict[str, list[float]] = {}
    for arrival in arrivals:
        for seed in seeds:
            latency = law.draw(np.random.default_rng(seed), arrival.numbers) / median
            best = cost(*follow(schedule, latency))
            asked, stale, _ = learn(latency * scale, arrival.times() * scale)
            row.setdefault("asked", []).append(asked)
            row.setdefault("stale", []).append(stale / scale)
            row.setdefault(str(arrival), []).append(cost(asked, stale / scale) / best)
            fixed = min(cost(*every(interval, latency)) for interval in np.geomspace(0.05, 5, 60))
            row.setdefault("best fixed", []).append(fixed / best)
            row.setdefault("30 s", []).append(cost(*every(30 / scale, latency)) / best)
            row.setdefault("10 min", []).append(cost(*every(600 / scale, latency)) / best)
            doubling = np.cumsum(2.0 ** np.arange(40)) / scale
            row.setdefault("back-off", []).append(cost(*follow(doubling, latency)) / best)
    return row


def polling_table(laws: tuple[Law, ...], arrivals: tuple[Arrival, ...], seeds: range) -> None:
    """Print the table of laws and scales."""
    others = ("best fixed", "30 s", "10 min", "back-off")
    print("cost / optimum's cost; questions and staleness per number, staleness in medians\n")
    print(
        "| law (optimum) | median | asked | stale | "
        + " | ".join(map(str, arrivals))
        + " | "
        + " | ".join(others)
        + " |"
    )
    print("|---|" + "--:|" * (3 + len(arrivals) + len(others)))
    single: list[float] = []
    for law in laws:
        latency = law.draw(np.random.default_rng(99), 400_000) / law.median()
        asked, stale = follow(optimum(law), latency)
        for scale in SCALES:
            row = ratios(law, scale, arrivals, seeds)
            single += [value for arrival in arrivals for value in row[str(arrival)]]
            mean = {name: float(np.mean(values)) for name, values in row.items()}
            cells = [f"{law.name} ({asked:.1f}, {stale:.2f})", f"{scale:g} s", f"{mean['asked']:.2f}"]
            cells += [f"{mean['stale']:.2f}", *(f"**{mean[str(arrival)]:.2f}**" for arrival in arrivals)]
            print(f"| {' | '.join(cells + [f'{mean[name]:.3g}' for name in others])} |", flush=True)
    over = sum(value > TARGET for value in single)
    print(f"\n{len(single)} runs: mean {np.mean(single):.3f}, worst {max(single):.3f}, {over} over {TARGET}")


class Server:
    """A gateway that serves `slots` calls at once, `call_s` each, and refuses more at once or lets them queue."""

    def __init__(self, slots: int, call_s: float, *, queues: bool, seed: int = 1) -> None:
        self.requests = 0
        self._slots, self._call_s, self._queues = slots, call_s, queues
        self._busy: list[float] = []
        self._random = Random(seed)

    def ask(self, now: float) -> tuple[float, bool]:
        """When the reply is there, and whether the call was served."""
        self.requests += 1
        while self._busy and self._busy[0] <= now:
            heapq.heappop(self._busy)
        if len(self._busy) < self._slots:
            begin = now
        elif self._queues:
            begin = heapq.heappop(self._busy)
        else:
            return now + 0.1 * self._call_s, False
        end = begin + self._call_s * self._random.uniform(0.5, 1.5)
        heapq.heappush(self._busy, end)
        return end, True


def drive(server: Server, calls: int, gate: Gate | None, fixed: int = 0) -> tuple[float, list[float]]:
    """Make so many calls through a gate, or as many at once as `fixed`; refused ones again after a back-off."""
    random, backoff = Random(2), Backoff(base=0.1, patience=math.inf)
    again: list[tuple[float, int]] = []
    flying: list[tuple[float, bool, int, int]] = []
    served: list[float] = []
    clock, fresh = 0.0, calls
    while len(served) < calls:
        while (gate.free if gate else fixed - len(flying)) and (fresh or (again and again[0][0] <= clock)):
            attempt = heapq.heappop(again)[1] if again and again[0][0] <= clock else 0
            fresh -= attempt == 0
            heapq.heappush(flying, (*server.ask(clock), attempt, gate.started() if gate else 0))
        if not flying or (again and again[0][0] < flying[0][0] and (gate.free if gate else fixed > len(flying))):
            clock = max(clock, again[0][0])
            continue
        clock, fine, attempt, ticket = heapq.heappop(flying)
        if fine:
            served.append(clock)
        else:
            wait = backoff.delay(attempt, waited=0.0, random=random)
            heapq.heappush(again, (clock + (wait or 0.0), attempt + 1))
        if gate:
            (gate.succeeded if fine else gate.pushed_back)(ticket)
    return clock, served


def gate_table(calls: int = 20_000) -> None:
    """Print requests and time of the gate and of fixed numbers in flight, against what the server can do."""
    print("\n| server | client | requests per call served | time / least possible |\n|---|---|--:|--:|")
    for slots in (4, 20, 50, 150):
        for name, gate, fixed in (("gate", Gate(), 0), ("fixed 20", None, 20), ("fixed 200", None, 200)):
            server = Server(slots, 0.05, queues=False)
            took, _ = drive(server, calls, gate, fixed)
            least = calls * 0.05 / slots
            print(f"| refuses above {slots} | {name} | {server.requests / calls:.2f} | {took / least:.2f} |")
    gate = Gate()
    _, served = drive(Server(100, 0.01, queues=True), calls, gate)
    full = next(i for i in range(len(served)) if served[i + 100] - served[i] <= 100 / 9_000)
    print(f"\n10,000 calls a second, queueing: nine tenths of it {served[full]:.3f} s after the start")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=0, help="one size of run instead of the three usual ways")
    parser.add_argument("--over", type=float, default=0.0, help="medians over which those numbers are submitted")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0, help="the seeds count from here")
    parser.add_argument("--others", action="store_true", help="laws that no setting was chosen on")
    parser.add_argument("--gate", action="store_true", help="the gate only")
    options = parser.parse_args()
    began = time.perf_counter()
    if not options.gate:
        usual = (Arrival(2_000, 0), Arrival(2_000, 5), Arrival(20_000, 0))
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        chosen = (Arrival(options.numbers, options.over),) if options.numbers else usual
        polling_table(OTHER_LAWS if options.others else LAWS, chosen, seeds)
    gate_table()
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
