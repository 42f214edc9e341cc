"""One simulated run of an account: its gateway, its client, its journal, on a clock of its own.

Events in the order of their time. Whose turn it is to be asked, how many at once, and the pace of SMPP are decided by
the real `PollQueue`, `Gate` and `Pace`. The client and the journal do one thing after another, and so does the process
of a sandbox; a gateway answers everybody `reply_s` after it was asked. Numbers are those of the sandbox, with their
latencies. One may stand for many: it then costs so many times as much (`Place.each`). Accounts are alike, so one is
simulated, with its share of its machine (`crowd`, `writers`).

What must change together: this, and the walk in `lookups`, `campaigns`, `submitting`, `polling` and `smpp_carrier`;
scale.py holds the one against the other.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.pacing import Backoff, Gate, PollQueue, Waiting
from isms_data.polling import FLUSH_S
from isms_data.simulator.subscribers import subscriber
from isms_data.submitting import AT_ONCE
from isms_data.transports.smpp_rate import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Resume = Callable[[], None]
    Step = Callable[[Resume], None]
    """What a process yields: it is given what to do when the step is over."""

FIRST_NUMBER: Final = 306970000000
SEEN: Final = 0.99
"""The duration of a lookup is the time until so many of the answers are here: the last one comes very late."""

PER_CALL: Final = {"lookup": 500, "personal": 1, "one text": 500, "smpp": 1}
"""The kinds of runs, and how many numbers a call of each has."""

SMPP_LOAD: Final = 70
"""Messages that are claimed together at 700 a second (`SmppCarrier.together`)."""

OCTETS: Final = {"lookup": 700, "personal": 900, "one text": 7000, "smpp": 750}
"""Of a request on the network, both ways: 194 and 243 of HTTP for a question, with TCP, IP and TLS round them; an SMPP
message with its answer, its receipt and the answer to that. Reckoned, not measured."""

NETWORK: Final = 1e9 / 8
"""Octets a second of a machine's network: 1 Gbit/s."""


class Work(NamedTuple):
    """A run."""

    kind: str
    numbers: int


class Costs(NamedTuple):
    """What a kind of run was measured to cost, in seconds and octets."""

    run: float
    number: float
    request: float
    """The client's CPU time: once, for each number, for each request."""
    there_number: float
    there_request: float
    """The CPU time of the sandbox, which serves one request after another; a real gateway's is not known."""
    flush: float
    row: float
    answer: float
    """The journal's time: for a transaction, a number paid for, an answer."""
    disk: float
    """Octets of the journal for a number."""


class Place(NamedTuple):
    """Where a run takes place: its gateway, and its share of the machine."""

    latency_s: float = 0.0
    """The median time until the answer about a number is there."""
    reply_s: float = 0.001
    """How long a request takes to the gateway and back."""
    in_flight: int = 64
    """HTTP requests at once at most, or the window of an SMPP bind."""
    refuses_above: float = math.inf
    """So many requests at once the gateway serves; others are refused with 503."""
    rate: float = 700.0
    """Of SMPP, messages a second."""
    each: float = 1.0
    """Real numbers for each simulated one."""
    crowd: float = 1.0
    """Runs on each core."""
    writers: int = 1
    """Runs that share a journal."""


class Outcome(NamedTuple):
    """What a run came to."""

    wall: float
    seen: float
    """Seconds until `SEEN` of the numbers had their answers (of messages: were accepted)."""
    requests: float
    cpu: float
    busy: dict[str, float]
    """Of the time until `seen`, how much each resource was used."""

    @property
    def limit(self) -> str:
        """What limits the run, and how much of it is used; where nothing is used much, it is waiting."""
        name = max(self.busy, key=lambda each: self.busy[each])
        return name if self.busy[name] >= 0.5 else "latency"


# The simulation.


class Server:
    """Does one thing after another."""

    def __init__(self) -> None:
        self.busy = 0.0
        self._free_at = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """When it will have done this too."""
        self.busy += seconds
        self._free_at = max(now, self._free_at) + seconds
        return self._free_at


class Simulation:
    """One run. A process is a generator of steps; `_start` carries it from one to the next."""

    def __init__(self, work: Work, costs: Costs, place: Place) -> None:
        self._work, self._place = work, place
        self._costs = Costs(*(cost * place.each for cost in costs))
        self._per_call, self._left = PER_CALL[work.kind], work.numbers
        self._together = SMPP_LOAD if work.kind == "smpp" else 1
        self._now, self._order = 0.0, 0
        self._events: list[tuple[float, int, Resume]] = []
        self._client, self._there, self._disk = Server(), Server(), Server()
        self._to_write: list[tuple[float, bool, Resume]] = []
        self._writing = False
        self._gate = Gate(start=min(8, place.in_flight), maximum=place.in_flight)
        self._line: deque[Resume] = deque()
        self._queue: PollQueue[int] = PollQueue()
        self._wakes_at, self._answers, self._settled = math.inf, 0, 0
        self._at_gateway, self._requests, self._paid = 0, 0, 0
        self._seen: list[float] = []
        self._backoff, self._random = Backoff(patience=math.inf), Random(0)
        self._pace, self._unanswered = Pace(place.rate / place.each), 0
        self._pumps_at = -math.inf
        self._unsent: deque[Resume] = deque()

    def run(self) -> Outcome:
        """All of it."""
        self._start(self._walk())
        while self._events:
            self._now, _, action = heapq.heappop(self._events)
            action()
        if self._settled != self._work.numbers:
            msg = f"the simulation ended with {self._settled:,} of {self._work.numbers:,} numbers settled"
            raise SystemExit(msg)
        return self._outcome()

    def _outcome(self) -> Outcome:
        work, place = self._work, self._place
        requests = self._requests * place.each
        seen = sorted(self._seen)[math.ceil(SEEN * work.numbers) - 1]
        share = 1 / max(seen, 1e-9)
        octets = requests * OCTETS[work.kind] * place.writers
        busy = {"client CPU": self._client.busy * share, "journal": self._disk.busy * share}
        busy |= {"network": octets * share / NETWORK, "sandbox": self._there.busy * share}
        busy["gateway"] = requests * place.reply_s / min(place.in_flight, place.refuses_above) * share
        if work.kind == "smpp":
            busy["window"] = busy["gateway"]
            busy["gateway"] = requests / place.rate * share
        return Outcome(self._now, seen, requests, self._client.busy / place.crowd, busy)

    # Steps

    def _at(self, when: float, action: Resume) -> None:
        self._order += 1
        heapq.heappush(self._events, (when, self._order, action))

    def _start(self, process: Iterator[Step]) -> None:
        step = next(process, None)
        if step is not None:
            step(partial(self._start, process))

    def _think(self, seconds: float) -> Step:
        """The client's CPU."""
        return lambda resume: self._at(self._client.serve(self._now, seconds * self._place.crowd), resume)

    def _exchange(self, numbers: int) -> Step:
        """To the gateway and back; the client's part comes before it leaves."""
        seconds = self._costs.there_request + numbers * self._costs.there_number

        def leave(resume: Resume) -> None:
            served = self._there.serve(self._now, seconds)
            self._at(served + self._place.reply_s * self._place.each, resume)

        return leave

    def _write(self, seconds: float, *, durable: bool = True) -> Step:
        """The journal: what waits while it is busy shares the next transaction."""

        def ask(resume: Resume) -> None:
            self._to_write.append((seconds * self._place.writers, durable, resume))
            if not self._writing:
                self._transact()

        return ask

    def _transact(self) -> None:
        together, self._to_write = self._to_write, []
        self._writing = bool(together)
        if together:
            flush = self._costs.flush * self._place.writers * any(durable for _, durable, _ in together)
            self._at(self._disk.serve(self._now, flush + sum(each[0] for each in together)), self._transact)
            for _, _, resume in together:
                self._at(self._disk.serve(self._now, 0.0), resume)

    def _have_place(self) -> Step:
        """Wait for a place in the gate, before those who only ask."""

        def stand_in_line(resume: Resume) -> None:
            self._line.append(resume)
            self._hand_on()

        return stand_in_line

    def _hand_on(self) -> None:
        while self._line and self._gate.free:
            self._line.popleft()()
        while self._gate.free and (waiting := self._queue.take(self._now)) is not None:
            self._start(self._ask(waiting, self._gate.started()))
        if self._gate.free and (wake_at := self._queue.wake_at()) < self._wakes_at:
            self._wakes_at = wake_at
            self._at(max(wake_at, self._now), self._wake)

    def _wake(self) -> None:
        self._wakes_at = math.inf
        self._hand_on()

    # The walk, as `LookUp`, `Dispatch` and `Submitter` go it

    def _walk(self) -> Iterator[Step]:
        """Before the first call, half of what the numbers cost; the first call alone, between two balances."""
        yield self._think(self._costs.run / self._place.each + self._work.numbers * self._costs.number / 2)
        yield self._exchange(0)
        yield from self._pay()
        yield self._exchange(0)
        full = PER_CALL["one text"] if self._work.kind == "personal" else 1
        for _ in range(min(self._place.in_flight, AT_ONCE * full)):
            self._start(self._pay_on())

    def _pay_on(self) -> Iterator[Step]:
        while self._left:
            yield from self._pay()

    def _pay(self) -> Iterator[Step]:
        """Claim, call, keep the outcome."""
        yield self._have_place()
        count = min(self._per_call * self._together, self._left)
        if not count:
            return
        self._left -= count
        ticket = self._gate.started()
        yield self._write(count * self._costs.row)
        calls = math.ceil(count / self._per_call)
        self._requests += calls
        yield self._think(calls * self._costs.request)
        yield self._submit(count) if self._work.kind == "smpp" else self._exchange(count)
        self._gate.succeeded(ticket)
        self._hand_on()
        yield self._write(0.0)
        self._accepted(count)

    def _accepted(self, count: int) -> None:
        if self._work.kind != "lookup":
            self._settle(count)
            if self._work.kind == "smpp":  # its receipts, some time
                self._start(iter([self._write(count * self._costs.answer)]))
            return
        for number in range(self._paid, self._paid + count):
            self._queue.put(Waiting(number, self._now, number))
        self._paid += count
        self._hand_on()

    def _submit(self, count: int) -> Step:
        """Post messages to the bind; over when all of them are answered."""
        waits_for = count

        def post(resume: Resume) -> None:
            def answered() -> None:
                nonlocal waits_for
                waits_for -= 1
                self._unanswered -= 1
                if not waits_for:
                    resume()
                self._pump()

            self._unsent.extend([answered] * count)
            self._pump()

        return post

    def _pump(self) -> None:
        """As `Binds._pump`: what the window and the pace allow."""
        wanted = min(len(self._unsent), self._place.in_flight - self._unanswered)
        leaving = self._pace.take(wanted, self._now) if wanted > 0 else 0
        self._unanswered += leaving
        for _ in range(leaving):
            self._exchange(1)(self._unsent.popleft())
        if leaving < wanted and self._pumps_at <= self._now:
            self._pumps_at = max(self._pace.due(), self._now + 1e-6)
            self._at(self._pumps_at, self._pump)

    # The questions, as `Poller` asks them

    def _ask(self, waiting: Waiting[int], ticket: int) -> Iterator[Step]:
        yield self._think(self._costs.request)
        asked_at = self._now
        self._requests += 1
        self._at_gateway += 1
        refused = self._at_gateway > self._place.refuses_above
        yield self._exchange(0)
        self._at_gateway -= 1
        if refused:
            self._gate.pushed_back(ticket)
            wait = self._backoff.delay(0, waited=0.0, random=self._random) or 0.0
            self._at(self._now + wait, partial(self._put, waiting))
        else:
            self._gate.succeeded(ticket)
            self._read(waiting, asked_at)
        self._hand_on()

    def _put(self, waiting: Waiting[int]) -> None:
        self._queue.put(waiting)
        self._hand_on()

    def _read(self, waiting: Waiting[int], asked_at: float) -> None:
        if asked_at - waiting.since < latency(waiting.item) * self._place.latency_s:
            self._queue.still_pending(waiting, asked_at)
            return
        self._queue.answered(waiting, asked_at)
        self._settle(1)
        self._answers += 1
        if self._answers == 1:
            self._at(self._now + FLUSH_S, self._flush)

    def _settle(self, count: int) -> None:
        self._seen += [self._now] * count
        self._settled += count
        if self._settled == self._work.numbers:
            self._flush()
            self._start(iter([self._think(self._work.numbers * self._costs.number / 2)]))

    def _flush(self) -> None:
        if self._answers:
            self._start(iter([self._write(self._answers * self._costs.answer, durable=False)]))
            self._answers = 0


@cache
def latency(number: int) -> float:
    """How long the answer about this number takes at the sandbox, in medians."""
    return subscriber(0, str(FIRST_NUMBER + number)).lookup_latency
