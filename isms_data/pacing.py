"""When to ask again, how many at once, whether to try once more: decisions only, nothing here waits or sends.

Time and randomness are arguments, so that every rule can be tried by simulation (benchmarks/polling.py; docs/pacing.md
has the figures). `PollQueue` says which number to ask next, `Gate` how many calls may be in flight, `Backoff` how
long to wait after a refusal.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import numpy as np

from isms_data.errors import ConfigurationError
from isms_data.latency import EDGES, LAST_CELL, SHORTEST, LatencyLaw, best_windows, cell

if TYPE_CHECKING:
    from random import Random

    from isms_data.latency import Array, Cells

Item = TypeVar("Item")

LONGEST: Final = 6 * 3600.0
"""Seconds; what is pending is asked at least this often, however little hope the law leaves."""

_SCOUTS: Final = 8
_SCOUT_EVERY: Final = 512
"""Besides the first eight, so that a first call whose numbers all fail does not leave the run blind."""
_EXPLORER_EVERY: Final = 64
_LADDER_START: Final = 0.3
_LADDER_STEP: Final = 2.0
_EXPLORER_STEP: Final = 1.4
_LONGEST_STEP: Final = 3.0
"""Everything is asked at least when its age has tripled, so that no plan made of little evidence does great harm."""
_UNKNOWN_WAIT: Final = 3600.0
"""Seconds that the others wait for the scouts before they look for themselves."""
_PHASES: Final = 8
_PHASE: Final = (0, 4, 2, 6, 1, 5, 3, 7)
"""Eight numbers in a row are spread evenly over the window of good ages, and so are the first two and four."""
_GROWTH: Final = 0.3
"""A new plan is made when the trials since the last number 30 % of the answers."""


def _lane(index: int) -> int:
    """The column of the plan for a number: 0-7 most numbers, 8-15 explorers, 16-23 scouts."""
    if index < _SCOUTS:
        return 2 * _PHASES + _PHASE[index]
    if index % _EXPLORER_EVERY:
        return _PHASE[index % _PHASES]
    phase = _PHASE[index // _EXPLORER_EVERY % _PHASES]
    return (_PHASES if index % _SCOUT_EVERY else 2 * _PHASES) + phase


class PollPlan:
    """The ages at which to ask for an answer, learned from the answers.

    The aim is the least mean staleness + `poll_cost` * questions, staleness being the time between an answer being
    there and its being seen, both in medians of the latency. Nothing is known at first: the scouts (the first eight
    numbers, then one in 512) ask at doubling ages from 0.3 s, the others wait for them. As soon as one answer is seen
    there is a plan, made anew as the answers grow. Where several ages are as good, the numbers are spread over
    them; one number in 64 (the explorers) asks more often, so that the law is seen between the usual ages too.

    Ages are seconds since the number was submitted; `index` counts the numbers of the run. The plan changes as it
    learns, and with it what `first_poll` and `next_poll` say (`revision` counts the changes): `PollQueue` follows it.

    Cost: `next_poll` below a microsecond; a new plan about 2.5 ms, about 160 of them for 20,000 numbers at once.

    >>> plan = PollPlan()
    >>> plan.known, plan.first_poll(0), plan.first_poll(8)
    (False, 0.3, 3600.0)
    >>> for _ in range(8):
    ...     plan.still_pending(0.0, 50.0)
    >>> plan.observe(50.0, 100.0)
    >>> plan.known, 25.0 < plan.first_poll(8) < 150.0
    (True, True)
    """

    def __init__(self, *, poll_cost: float = 0.2) -> None:
        if not poll_cost > 0:
            msg = f"poll_cost={poll_cost!r} must be positive: the price of a question in medians of the latency."
            raise ConfigurationError(msg)
        self.poll_cost = poll_cost
        self.revision = 0
        self._law = LatencyLaw()
        self._trials = 0
        self._plan_at = 0.0
        self._ages = _ladder()

    @property
    def known(self) -> bool:
        """Whether an answer has been seen, and with it the scale of the latency."""
        return self.revision > 0

    def first_poll(self, index: int) -> float:
        """The age at which to ask number `index` of the run for the first time."""
        return float(self._ages.item(0, _lane(index)))

    def next_poll(self, age: float, index: int) -> float:
        """The age at which to ask again what was pending at `age`: at least SHORTEST, at most LONGEST later."""
        planned = self._ages.item(cell(age), _lane(index))
        return min(max(planned, age + SHORTEST), age + LONGEST)

    def observe(self, pending_at: float, final_at: float) -> None:
        """A question sent at `final_at` brought the answer; the one before it was sent at `pending_at` (0: none)."""
        self._law.ended(*_trial(pending_at, final_at))
        self._count_trial()

    def still_pending(self, pending_at: float, age: float) -> None:
        """A question sent at `age` found no answer; the one before it was sent at `pending_at` (0: none)."""
        self._law.survived(*_trial(pending_at, age))
        self._count_trial()

    def _count_trial(self) -> None:
        self._trials += 1
        if self._trials >= self._plan_at and self._law.answers:
            self._make_plan()

    def _make_plan(self) -> None:
        survival = self._law.survival()
        first, last = best_windows(survival, self.poll_cost * self._law.median(survival))
        self._ages = _spread(first, last)
        self._plan_at = self._trials + max(1.0, _GROWTH * self._law.answers)
        self.revision += 1


def _trial(before: float, age: float) -> tuple[int, int]:
    start = min(cell(before), LAST_CELL - 1)
    return start, max(cell(age), start + 1)


def _ladder() -> Array:
    """The plan while nothing is known: the scouts double their ages, each from another start; the others wait."""
    doubled = np.repeat(EDGES[:, None] * _LADDER_STEP, 3 * _PHASES, axis=1)
    others, scouts = np.hsplit(doubled, [2 * _PHASES])
    others[:] = np.maximum(others, _UNKNOWN_WAIT)
    scouts[0] = _LADDER_START * _LADDER_STEP ** (np.arange(_PHASES) / _PHASES)
    return _open_ended(doubled)


def _spread(first: Cells, last: Cells) -> Array:
    """The plan per edge and lane: the phases spread over the window; explorers and scouts take smaller steps."""
    phases = np.arange(_PHASES) / (_PHASES - 1)
    usual = EDGES[np.rint(first[:, None] + (last - first)[:, None] * phases).astype(np.int64)]
    usual[1:] = np.minimum(usual[1:], EDGES[1:, None] * _LONGEST_STEP)
    often = np.minimum(usual, EDGES[:, None] * _EXPLORER_STEP)
    often[0] = usual[0] * (np.arange(_PHASES) + 1) / _PHASES
    return _open_ended(np.hstack((usual, often, often)))


def _open_ended(ages: Array) -> Array:
    """Behind the end of the grid only LONGEST counts."""
    ages[LAST_CELL] = math.inf
    return ages


class Waiting(NamedTuple, Generic[Item]):
    """A number that has no answer yet."""

    item: Item
    since: float
    """When it was submitted, on the clock of the run."""
    place: int
    """Its place in the run, counted from 0: the first ones are the scouts."""
    pending_at: float = 0.0
    """Its age when the last question that found it pending was sent; 0 before the first."""


class PollQueue(Generic[Item]):
    """Which number to ask next, and when: every number without an answer waits here.

    A number's turn depends on its age when last found pending, by cell of the grid, and on its lane. So all numbers
    of one cell and lane wait in one line, first in, first out, and only the heads of the lines are kept sorted: a
    new plan re-sorts some hundred heads, however many numbers wait. (In a line, ages differ by up to 4 %, so a turn
    may come that much late.)

    What the engine does, on any clock in seconds that never goes back:

    1. after a submit, `put(Waiting(item, since, place))` for each number;
    2. `take(now)` gives the next number whose turn has come, or None: then sleep until `wake_at()`, or until
       anything was put or answered, for that may change the plan;
    3. the answer was there: `answered(waiting, asked_at)`. It was not: `still_pending(waiting, asked_at)`, which puts
       it back. The question failed: `put(waiting)` when it may be tried again. Both times are those of the question,
       so that the way there counts as part of the latency, as it should.

    Cost: 3 microseconds for a turn, new plans aside; about 250 bytes for each number that waits.

    >>> queue = PollQueue[str]()
    >>> queue.put(Waiting("306900000000", since=100.0, place=0))
    >>> queue.take(now=100.0) is None, queue.wake_at()
    (True, 100.3)
    >>> turn = queue.take(now=100.4)
    >>> queue.still_pending(turn, asked_at=100.4)
    >>> round(queue.wake_at() - 100.0, 1)
    0.8
    """

    def __init__(self, plan: PollPlan | None = None) -> None:
        self.plan = plan or PollPlan()
        self._lines: dict[tuple[int, int], deque[Waiting[Item]]] = {}
        self._heads: list[tuple[float, tuple[int, int]]] = []
        self._revision = self.plan.revision
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, waiting: Waiting[Item]) -> None:
        """Let a number wait for its turn."""
        self._count += 1
        key = cell(waiting.pending_at), _lane(waiting.place)
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = deque((waiting,))
            heapq.heappush(self._heads, (self._due(waiting), key))
        else:
            line.append(waiting)

    def take(self, now: float) -> Waiting[Item] | None:
        """The number to ask now, which no longer waits; None where no turn has come."""
        if self.wake_at() > now:
            return None
        self._count -= 1
        key = self._heads[0][1]
        line = self._lines[key]
        waiting = line.popleft()
        if line:
            heapq.heapreplace(self._heads, (self._due(line[0]), key))
        else:
            heapq.heappop(self._heads)
            del self._lines[key]
        return waiting

    def wake_at(self) -> float:
        """When the next turn comes by the present plan; infinity where no number waits."""
        if self._revision != self.plan.revision:
            self._revision = self.plan.revision
            self._heads = [(self._due(line[0]), key) for key, line in self._lines.items()]
            heapq.heapify(self._heads)
        return self._heads[0][0] if self._heads else math.inf

    def still_pending(self, waiting: Waiting[Item], asked_at: float) -> None:
        """The question sent at `asked_at` found no answer: learn from it, and let the number wait again."""
        age = asked_at - waiting.since
        self.plan.still_pending(waiting.pending_at, age)
        self.put(waiting._replace(pending_at=age))

    def answered(self, waiting: Waiting[Item], asked_at: float) -> None:
        """The question sent at `asked_at` brought the answer: learn from it."""
        self.plan.observe(waiting.pending_at, asked_at - waiting.since)

    def _due(self, waiting: Waiting[Item]) -> float:
        return waiting.since + self.plan.next_poll(waiting.pending_at, waiting.place)


class Gate:
    """How many calls may be in flight: additive increase, multiplicative decrease, with a slow start.

    `limit` starts at `start` and doubles per round trip until the first push-back (429, 503, a time-out), then grows
    by one per round trip; it grows only while at least half of it is in use. A push-back halves it the first time and
    takes off 30 % later, once for all calls that were in flight together: what was started before the last decrease
    says nothing about the limit after it. What bounds it is the gateway's push-back, or `maximum`: a gateway that
    queues without end and never refuses has `maximum` calls at once.

    >>> gate = Gate(start=2, maximum=100)
    >>> tickets = [gate.started(), gate.started()]
    >>> gate.free
    0
    >>> gate.succeeded(tickets[0])
    >>> gate.limit, gate.free
    (3.0, 2)
    """

    def __init__(self, *, start: int = 8, minimum: int = 1, maximum: int = 256) -> None:
        if not 1 <= minimum <= start <= maximum:
            msg = f"minimum={minimum}, start={start}, maximum={maximum} must be in this order, from 1 on."
            raise ConfigurationError(msg)
        self.limit = float(start)
        self.in_flight = 0
        self._minimum, self._maximum = float(minimum), float(maximum)
        self._decreases = 0

    def bound(self, maximum: int) -> None:
        """Let so many be in flight at most from now on; calls that are out come to their end."""
        self._maximum = max(self._minimum, float(maximum))
        self.limit = min(self.limit, self._maximum)

    @property
    def free(self) -> int:
        """How many more calls may be started now."""
        return max(0, int(self.limit) - self.in_flight)

    def started(self) -> int:
        """A call goes out; its ticket comes back with what became of it, in exactly one of the three below."""
        self.in_flight += 1
        return self._decreases

    def succeeded(self, ticket: int) -> None:
        """The call was served."""
        used = 2 * self.in_flight >= self.limit
        self.in_flight -= 1
        if used and ticket == self._decreases:
            step = 1 / self.limit if self._decreases else 1.0
            self.limit = min(self._maximum, self.limit + step)

    def pushed_back(self, ticket: int) -> None:
        """The call was refused for the number of calls (429, 503), or timed out."""
        self.in_flight -= 1
        if ticket == self._decreases:
            factor = 0.7 if self._decreases else 0.5
            self.limit = max(self._minimum, self.limit * factor)
            self._decreases += 1

    def ended(self) -> None:
        """The call ended in a way that says nothing about the limit: cancelled, or not understood."""
        self.in_flight -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before what was refused is tried again: exponential with full jitter, in seconds.

    Only for what was refused (429, 503), never written (connect failed), or costs nothing (a status question). A wait
    that the gateway asks for is kept, up to `max_retry_after`, and the jitter comes on top, so that calls refused
    together do not come back together. `patience` is the longest time from the first refusal to the last try.

    >>> from random import Random
    >>> backoff = Backoff(patience=60.0)
    >>> 0 <= backoff.delay(3, waited=0.0, random=Random(1)) <= 4.0
    True
    >>> backoff.delay(0, waited=0.0, random=Random(1), retry_after=120.0) is None
    True
    """

    base: float = 0.5
    longest: float = 60.0
    patience: float = 900.0
    max_retry_after: float = 3600.0

    def delay(self, attempt: int, *, waited: float, random: Random, retry_after: float | None = None) -> float | None:
        """Seconds until the next try; None where patience would be over by then.

        `attempt` counts the refusals before this one, from 0; `waited` is the time since the first.
        """
        jitter = random.uniform(0, min(self.longest, self.base * 2.0 ** min(attempt, 60)))
        wait = jitter + min(retry_after or 0.0, self.max_retry_after)
        return wait if waited + wait <= self.patience else None


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS: Final = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_CLOCK: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DATE_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"(?P<name>\w{{3}}), (?P<day>\d\d) (?P<month>\w{{3}}) (?P<year>\d{{4}}) {_CLOCK} GMT",
        rf"(?P<name>{_LONG_DAYS}), (?P<day>\d\d)-(?P<month>\w{{3}})-(?P<year>\d\d) {_CLOCK} GMT",
        rf"(?P<name>\w{{3}}) (?P<month>\w{{3}}) (?P<day>\d\d| \d) {_CLOCK} (?P<year>\d{{4}})",
    )
)


def retry_after_seconds(header: str, now: datetime) -> float | None:
    """The wait that a Retry-After header asks for, None where it cannot be read; a date that is past is 0.

    RFC 9110, 10.2.3: delay-seconds or HTTP-date, the latter in any of the three forms of 5.6.7. `now` is aware.

    >>> now = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    >>> retry_after_seconds("120", now), retry_after_seconds("Mon, 23 Nov 2026 12:00:30 GMT", now)
    (120.0, 30.0)
    >>> retry_after_seconds("soon", now) is None
    True
    """
    text = header.strip(" \t")
    if re.fullmatch(r"[0-9]{1,12}", text):
        return float(text)
    when = _http_date(text, now)
    return None if when is None else max(0.0, (when - now).total_seconds())


def _http_date(text: str, now: datetime) -> datetime | None:
    found = next(filter(None, (form.fullmatch(text) for form in _DATE_FORMS)), None)
    if found is None or found["month"] not in _MONTHS:
        return None
    year, month = int(found["year"]), _MONTHS.index(found["month"]) + 1
    if len(found["year"]) == 2:
        year += now.year // 100 * 100
        year -= 100 * (year > now.year + 50)  # RFC 9110: more than 50 years ahead is meant as the past
    day, hour, minute, second = (int(found[part]) for part in ("day", "hour", "minute", "second"))
    try:
        when = datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC)
    except ValueError:
        return None
    return when if _DAYS[when.weekday()] == found["name"][:3] else None
