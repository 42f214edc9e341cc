"""Where received reports are written down, and where the gateway is asked about those that cannot be believed.

The journal lives on one thread. While it waits for the disk, reports gather, and the next transaction takes them
all: a disk makes some hundred flushes a second, and a gateway may send more reports than that.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from isms_data.errors import IsmsError, JournalError
from isms_data.journal.reports import Attributed, Kept, Report, ReportBook
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from isms_data.account import Account
    from isms_data.journal.place import Place

T = TypeVar("T")

AT_ONCE: Final = 500
"""Reports in one transaction: so long (some 30 ms) a run that pays may have to wait for the journal."""

MOST_WAITING: Final = 5_000
"""Reports that wait for a slow disk; those that come then are to come again, so that the memory has an end."""

MOST_QUESTIONS: Final = 1_000
"""Questions that wait for the gateway; more are not asked here, `delivery_status` asks them in its time."""

_LOGGER: Final = logging.getLogger("isms_data")


class Desk:
    """The journal's reports, on a thread of their own; made by `opened`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._book: ReportBook | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="isms_reports")
        self._waiting: list[tuple[Report, asyncio.Future[Kept]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._broken = False

    async def keep(self, report: Report) -> Kept:
        """Keep the report, durably; what it was taken for.

        Raises
        ------
        JournalError   it is not kept.
        """
        if len(self._waiting) >= MOST_WAITING:
            msg = f"{MOST_WAITING:,} delivery reports wait for the disk of the journal; this one has to come again."
            raise JournalError(msg)
        done: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await done

    async def on_disk(self, task: Callable[[ReportBook], T]) -> T:
        """Do this with the book, on its thread. A cancellation ends the waiting, never the writing."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._disk, self._with_book, task))

    async def is_writable(self) -> bool:
        """Whether a report could be kept now."""
        try:
            await self.on_disk(ReportBook.check)
        except JournalError:
            return False
        return True

    async def close(self) -> None:
        """Write down what waits, then close the journal."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        await asyncio.get_running_loop().run_in_executor(self._disk, self._put_away)
        self._disk.shutdown()

    async def _write(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._write_together([report for report, _ in together], [done for _, done in together])
        finally:
            self._writing = None

    async def _write_together(self, reports: list[Report], waiting: list[asyncio.Future[Kept]]) -> None:
        try:
            kept = await self.on_disk(lambda book: book.keep(reports))
        except Exception as error:  # noqa: BLE001 - raised where each of them is awaited
            self._tell(error)
            for done in waiting:
                if not done.done():
                    done.set_exception(error)
        else:
            self._tell(None)
            for done, what in zip(waiting, kept, strict=True):
                if not done.done():
                    done.set_result(what)

    def _tell(self, error: Exception | None) -> None:
        """Say once that reports cannot be kept, and once that they can be again."""
        if error is not None and not self._broken:
            _LOGGER.warning("delivery reports cannot be kept now, and their senders are told to come again: %s", error)
        elif error is None and self._broken:
            _LOGGER.warning("delivery reports are kept again")
        self._broken = error is not None

    def _with_book(self, task: Callable[[ReportBook], T]) -> T:
        """With the book that is open; after an error it is opened anew, because its file may be another by then."""
        if self._book is None:
            self._book = ReportBook(self._place)
        try:
            return task(self._book)
        except JournalError:
            self._put_away()
            raise

    def _put_away(self) -> None:
        if self._book is not None:
            self._book.__exit__()
            self._book = None


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Desk]:
    """A desk whose journal is there; on leaving, all that waited is written.

    Raises
    ------
    JournalError   the journal cannot be used.
    """
    desk = Desk(place)
    try:
        await desk.on_disk(ReportBook.check)
        yield desk
    finally:
        await asyncio.shield(desk.close())


class Inquiry:
    """Asks the gateway, one after the other, about messages whose report cannot be believed."""

    def __init__(self, desk: Desk, account: Account | None) -> None:
        self._desk = desk
        self._account = account
        self._questions: asyncio.Queue[Attributed] = asyncio.Queue(MOST_QUESTIONS)
        self._queued: set[int] = set()

    def ask(self, message: Attributed) -> None:
        """Ask about it once, soon; not where another account sent it, or too many wait."""
        if self._account is None or message.account != self._account.label:
            return
        if message.item_id not in self._queued and not self._questions.full():
            self._queued.add(message.item_id)
            self._questions.put_nowait(message)

    async def work(self) -> None:
        """Ask what there is to ask, until cancelled. What fails is not asked again: `delivery_status` will."""
        if self._account is None:
            return
        async with HttpGateway(self._account) as gateway:
            while True:
                message = await self._questions.get()
                self._queued.discard(message.item_id)
                try:
                    await self._settle(gateway, message)
                except IsmsError as error:  # without its text, which may quote a reply with a number in it
                    _LOGGER.info("the question behind a delivery report failed (%s)", type(error).__name__)

    async def _settle(self, gateway: HttpGateway, message: Attributed) -> None:
        status = await gateway.query(message.message_id, str(message.msisdn))
        await self._desk.on_disk(lambda book: book.answered(message, status))


@asynccontextmanager
async def inquiring(desk: Desk, account: Account | None) -> AsyncIterator[Inquiry]:
    """An inquiry at work."""
    inquiry = Inquiry(desk, account)
    work = asyncio.create_task(inquiry.work())
    try:
        yield inquiry
    finally:
        work.cancel()
        await asyncio.wait([work])
