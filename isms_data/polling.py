"""The free half of a run: ask for each open number's answer, when it has probably come, until it has.

Asking costs nothing but time, so a question whose reply is lost is asked again. Answers go to the journal in batches.
Whose turn it is, `pacing.PollQueue` decides, and how many may be asked at once, `pacing.Gate`. There is no task per
question: `work` starts workers while turns have come and the gate has room, and a worker asks one question after
another until no turn is left.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from isms_data.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    InsufficientCredits,
    NoSuchMessage,
)
from isms_data.journal.standing import AnswerKind
from isms_data.pacing import PollQueue, Waiting
from isms_data.runs import Slot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from isms_data.runs import Run
    from isms_data.vocabulary import Source

SLOT_S: Final = 0.01
"""How often a question looks for a place while calls that are more urgent take them all."""

FLUSH_S: Final = 0.5
"""How long an answer waits for others before it is written down."""

FLUSH_AT: Final = 2000
"""So many answers are written at once without waiting longer."""

UNKNOWN_TIMES: Final = 3
"""So often the gateway must say that it does not know an id that it gave before it is believed."""

UNKNOWN_S: Final = 30.0
"""How old the lookup must be for that, in seconds: one of several servers may hear of a new id a little later."""


class Reply(Protocol):
    """What a question brings: of a lookup or of a message."""

    @property
    def is_final(self) -> bool:
        """Whether it is an answer, and not yet `Queued` or `Pending`."""

    @property
    def is_short(self) -> bool:
        """Whether it may be cut off."""

    @property
    def text(self) -> str:
        """What is kept of it."""


@dataclass(slots=True)
class Question:
    """One number that is waiting for its answer."""

    number: int
    item_id: int
    message_id: str
    failures: int = 0
    """How often in a row it got no usable reply."""
    unknown: int = 0
    """How often the gateway said that it does not know it."""
    said: str | None = None
    """The last reply that was not final."""
    settled: bool = False
    """Whether its answer is known."""
    short: str | None = None
    """A final reply with fields missing; believed when it comes a second time, because a cut-off one looks the same."""


class Poller:
    """Asks until every number that was added has its answer."""

    def __init__(
        self,
        run: Run,
        ask: Callable[[str, str], Awaitable[Reply]],
        *,
        source: Source | None = None,
        not_known: AnswerKind = AnswerKind.LOST,
    ) -> None:
        """`source` goes into the journal with each answer; `not_known` is what an id is that is not known any more."""
        self.problems: dict[int, str] = {}
        """Why the last question about a number went without a usable reply."""
        self.all_answered = asyncio.Event()
        """Set while every number that was added has its answer, on disk."""
        self.all_answered.set()
        self._run, self._ask, self._source, self._lost = run, ask, source, not_known
        self._queue: PollQueue[Question] = PollQueue()
        self._again: list[tuple[float, int, Waiting[Question]]] = []
        """Questions without a usable reply, by the time at which to ask them again."""
        self._count = itertools.count()
        self._open = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._answers: list[tuple[int, AnswerKind, int, str | None]] = []
        self._flush_by = 0.0
        self._not_before = 0.0
        self._sleeps_until = 0.0
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    def add(self, question: Question, since: float) -> None:
        """Follow one more number, submitted at `since` on the monotonic clock."""
        self._open += 1
        self.all_answered.clear()
        self._queue.put(Waiting(question, since, next(self._count)))
        self._stir()

    def drop(self, question: Question) -> None:
        """Ask about this number no more: its answer is in the journal."""
        if not question.settled:
            self._settle(question)
            self._changed.set()

    async def work(self) -> None:
        """Ask until cancelled; then everything that was answered is on disk.

        Raises
        ------
        GatewayError   one that ends the run: authentication.
        JournalError   answers cannot be written down.
        """
        try:
            while self._failure is None:
                self._start_workers()
                if self._flush_is_due():
                    await self._flush()
                await self._sleep()
            raise self._failure
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            await self._flush()

    # Whose turn it is

    def _next(self) -> Waiting[Question] | None:
        """The question whose turn has come, if any, as far as the gate and the gateway allow."""
        clock = time.monotonic()
        if clock < self._not_before or not self._run.places.spare:
            return None
        while (waiting := self._take(clock)) is not None and waiting.item.settled:
            pass  # it was dropped while it waited
        return waiting

    def _take(self, clock: float) -> Waiting[Question] | None:
        if self._again and self._again[0][0] <= clock:
            return heapq.heappop(self._again)[2]
        return self._queue.take(clock)

    def _wake_at(self) -> float:
        again = self._again[0][0] if self._again else self._queue.wake_at()
        return max(min(again, self._queue.wake_at()), self._not_before)

    def _start_workers(self) -> None:
        while (waiting := self._next()) is not None:
            slot = Slot(self._run.places)
            worker = asyncio.create_task(self._work(waiting, slot))
            self._workers.add(worker)
            worker.add_done_callback(partial(self._ended, slot))

    def _ended(self, slot: Slot, worker: asyncio.Task[None]) -> None:
        slot.ended()  # of a worker that was cancelled before it began
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self._failure = self._failure or error
        self._changed.set()

    async def _work(self, first: Waiting[Question], slot: Slot) -> None:
        waiting: Waiting[Question] | None = first
        while waiting is not None:
            try:
                await self._ask_one(waiting, slot)
            finally:
                slot.ended()
            if (waiting := self._next()) is not None:
                slot = Slot(self._run.places)
            self._start_workers()
        self._stir()

    async def _sleep(self) -> None:
        """Until a turn comes, or answers have waited long enough, or something has changed."""
        clock = time.monotonic()
        self._sleeps_until = self._wake_at() if self._run.places.spare else clock + SLOT_S
        if self._answers:
            self._sleeps_until = min(self._sleeps_until, self._flush_by)
        self._changed.clear()
        try:  # not wait_for, which up to Python 3.11 loses a cancellation that comes together with the event
            async with asyncio.timeout(max(0.0, min(self._sleeps_until - clock, FLUSH_S))):
                await self._changed.wait()
        except TimeoutError:
            return

    def _stir(self) -> None:
        """Wake `work` where a turn comes before it means to wake."""
        if self._wake_at() < self._sleeps_until:
            self._changed.set()

    # What a question brings

    async def _ask_one(self, waiting: Waiting[Question], slot: Slot) -> None:
        question, asked_at = waiting.item, time.monotonic()
        try:
            reply = await self._ask(question.message_id, str(question.number))
        except (AuthenticationError, InsufficientCredits):
            raise
        except NoSuchMessage as error:
            slot.succeeded()
            self._not_known(waiting, error, asked_at)
        except GatewayUnavailable as error:
            slot.pushed_back()
            self._no_reply(waiting, error, error.retry_after)
        except GatewayError as error:
            self._no_reply(waiting, error)
        else:
            slot.succeeded()
            question.failures = 0
            self.problems.pop(question.number, None)
            self._read(waiting, reply, asked_at)

    def _read(self, waiting: Waiting[Question], reply: Reply, asked_at: float) -> None:
        question = waiting.item
        if not reply.is_final:
            question.said = reply.text
            self._queue.still_pending(waiting, asked_at)
        elif reply.is_short and reply.text != question.short:
            question.short = reply.text
            self._ask_again(waiting, 0.0)
        else:
            self._queue.answered(waiting, asked_at)
            self._keep(question, AnswerKind.FINAL, reply.text)

    def _not_known(self, waiting: Waiting[Question], error: GatewayError, asked_at: float) -> None:
        question = waiting.item
        question.unknown += 1
        if question.unknown < UNKNOWN_TIMES or asked_at - waiting.since < UNKNOWN_S:
            self._no_reply(waiting, error)
            return
        problem = f"accepted and charged as {question.message_id}, which the gateway does not know now."
        self._keep(question, self._lost, problem)

    def _no_reply(self, waiting: Waiting[Question], error: GatewayError, retry_after: float | None = None) -> None:
        """Ask again later; while the gateway wants to be left alone, ask nothing."""
        self.problems[waiting.item.number] = str(error)
        if retry_after is not None:
            self._not_before = max(self._not_before, time.monotonic() + self._run.delay(0, retry_after))
        self._ask_again(waiting, self._run.delay(waiting.item.failures))
        waiting.item.failures += 1

    def _ask_again(self, waiting: Waiting[Question], wait_s: float) -> None:
        heapq.heappush(self._again, (time.monotonic() + wait_s, next(self._count), waiting))

    # What is answered

    def _keep(self, question: Question, kind: AnswerKind, text: str) -> None:
        if question.settled:
            return  # it was dropped while its question was under way
        if not self._answers:
            self._flush_by = time.monotonic() + FLUSH_S
        self._answers.append((question.item_id, kind, self._run.journal.now(), text))
        self._settle(question)
        if self._flush_is_due():
            self._changed.set()

    def _settle(self, question: Question) -> None:
        question.settled = True
        self._open -= 1
        self._run.progress.done += 1

    def _flush_is_due(self) -> bool:
        if not self._open:
            return not self.all_answered.is_set()
        return bool(self._answers) and (len(self._answers) >= FLUSH_AT or time.monotonic() >= self._flush_by)

    async def _flush(self) -> None:
        """Write the answers down; they are kept until then, because a stop takes back what waits for the disk."""
        answers = self._answers[:]
        self._flush_by = time.monotonic() + FLUSH_S
        if answers:
            await self._run.on_disk(self._run.journal.answer, answers, source=self._source)
            del self._answers[: len(answers)]
        if not self._open and not self._answers:
            self.all_answered.set()
