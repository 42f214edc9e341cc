"""Errands to the account's address book at the gateway: contacts to save, numbers to delete.

They cost nothing, and doing one twice is the same as once; so a call whose reply is lost is made again. Each is written
down before and after (`journal.contacts`), so that what the gateway has is known, or known not to be known.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.errors import (
    AuthenticationError,
    ContactFailed,
    GatewayError,
    GatewayUnavailable,
    ProtocolError,
    ReplyLost,
)
from isms_data.journal.contacts import Contact, ContactBook, Entry
from isms_data.runs import Run, Terms, opened
from isms_data.transports.http import encoded
from isms_data.vocabulary import SAVE_CONTACT, ContactOutcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from isms_data.account import Account

TRIES: Final = 5
"""So often a call is made whose reply is lost or that is refused for now, before it has `failed`."""

PATIENCE_S: Final = 60.0
"""A gateway that answers nothing for so long, or asks to wait longer, is left alone: the rest is `not_attempted`."""


class Result(NamedTuple):
    """What became of one number."""

    outcome: ContactOutcome
    problem: str | None = None


class _Errand(NamedTuple):
    """One number's call: save this, or delete (None). `entry` is what was remembered of the number before."""

    number: int
    contact: Contact | None
    entry: Entry | None


def remembered(account: Account) -> dict[int, Entry]:
    """What is known of the account's contacts, by number; it blocks."""
    with ContactBook(account.journal_place, account.label) as book:
        return book.entries()


async def carry_out(account: Account, saves: Iterable[Contact], deletes: Iterable[int]) -> dict[int, Result]:
    """Save and delete these, each number once; what became of each.

    Raises
    ------
    AuthenticationError, JournalError   they end the run; what is done is remembered.
    """
    saves, deletes = list(saves), list(deletes)
    if not saves and not deletes:
        return {}
    terms = Terms(max_wait_s=PATIENCE_S, price=Decimal(0))
    async with opened(account, "contacts", terms) as run, _open_book(run) as book:
        known = await run.on_disk(book.entries)
        await run.on_disk(book.intend, saves, deletes)
        errands = [_Errand(each.mobile, each, known.get(each.mobile)) for each in saves]
        errands += [_Errand(number, None, known.get(number)) for number in deletes]
        return await _Errands(run, book, errands).carry_out()


@asynccontextmanager
async def _open_book(run: Run) -> AsyncIterator[ContactBook]:
    """The book on the journal's thread, where it is opened, used and closed."""
    book = await run.on_disk(ContactBook, run.account.journal_place, run.account.label)
    try:
        yield book
    finally:
        await run.on_disk(book.__exit__)


class _Errands:
    """Carries errands to the gateway until each has its result."""

    def __init__(self, run: Run, book: ContactBook, errands: Iterable[_Errand]) -> None:
        self._run, self._book = run, book
        self._todo = deque(errands)
        self._room = run.gateway.room(SAVE_CONTACT)
        self._results: dict[int, Result] = {}
        self._stopped: str | None = None
        """Why no more is asked, once that is so."""
        self._answered_at = time.monotonic()
        """When the gateway last answered, or the run began."""
        self._not_before = 0.0
        """When it wants to be asked again."""
        self._saved: list[int] = []
        self._gone: list[int] = []
        self._pen = asyncio.Lock()

    async def carry_out(self) -> dict[int, Result]:
        """Do them all; stopped on the way, what was answered is remembered."""
        self._run.progress.total = len(self._todo)
        count = min(len(self._todo), self._run.account.max_in_flight)
        workers = [asyncio.create_task(self._work()) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._write_down()
        if self._todo:
            self._run.warn(f"{len(self._todo):,} contacts were not attempted: {self._stopped}. Call again later.")
        left = Result(ContactOutcome.NOT_ATTEMPTED, self._stopped)
        return self._results | {errand.number: left for errand in self._todo}

    async def _work(self) -> None:
        while self._todo and self._stopped is None:
            errand = self._todo.popleft()
            self._results[errand.number] = await self._do(errand)
            self._run.progress.done += 1

    async def _do(self, errand: _Errand) -> Result:
        """Make the call, and again while its reply is lost or it is refused for now."""
        if errand.contact and (too_long := self._too_long(errand.contact)):
            await self._forget(errand)
            return Result(ContactOutcome.SKIPPED, too_long)
        unsure = errand.entry is not None and not errand.entry.sure
        for attempt in range(TRIES):
            try:
                await self._call(errand)
            except (GatewayUnavailable, ReplyLost, ProtocolError) as error:
                problem = f"{error} ({attempt + 1} of {TRIES} tries)"
                unsure = unsure or not isinstance(error, GatewayUnavailable)
                wait = self._wait_after(attempt, error)
                if self._stopped is not None or attempt == TRIES - 1:
                    break
                await asyncio.sleep(wait)
            except AuthenticationError:
                raise
            except GatewayError as error:
                self._answered_at = time.monotonic()
                await self._forget(errand)
                return _refusal(errand, error, unsure=unsure)
            else:
                self._answered_at = time.monotonic()
                await self._note(errand.number, self._saved if errand.contact else self._gone)
                return Result(ContactOutcome.SAVED if errand.contact else ContactOutcome.DELETED)
        return Result(ContactOutcome.FAILED, problem)

    async def _call(self, errand: _Errand) -> None:
        gateway, contact, mobile = self._run.gateway, errand.contact, str(errand.number)
        async with self._run.slot() as slot:
            while (wait := self._not_before - time.monotonic()) > 0:  # noqa: ASYNC110 - it may be put off meanwhile
                await asyncio.sleep(wait)
            try:
                if contact is None:
                    await gateway.delete_contact(mobile)
                else:
                    texts = {"surname": contact.surname, "name": contact.name, "comments": contact.comments}
                    await gateway.save_contact(mobile=mobile, **texts)
            except GatewayUnavailable:
                slot.pushed_back()
                raise
            slot.succeeded()

    def _wait_after(self, attempt: int, error: GatewayError) -> float:
        """Seconds until the next try; where the gateway asks for a wait all wait, and where it is long all give up."""
        clock, asked = time.monotonic(), getattr(error, "retry_after", None)
        waited = clock - self._answered_at
        wait = self._run.delay(attempt, asked, waited=waited, patience_s=PATIENCE_S)
        if wait == math.inf:
            self._stopped = f"the gateway could not be used for a minute, or asks for a longer wait ({error})"
        elif asked is not None:
            self._not_before = max(self._not_before, clock + asked)
        return wait

    def _too_long(self, contact: Contact) -> str | None:
        """Why a contact cannot be sent, every call being one request line; None where it can."""
        over = len(encoded(contact._asdict() | {"mobile": str(contact.mobile)})) - self._room
        if over <= 0:
            return None
        return (
            f"its texts are {over:,} bytes too long for a request line (a Greek letter takes 6); shorten the comments"
        )

    # What is remembered

    async def _forget(self, errand: _Errand) -> None:
        """Remember that there is no such contact; unless one was there before and only its change was refused."""
        if errand.contact is None or errand.entry is None:
            await self._note(errand.number, self._gone)

    async def _note(self, number: int, news: list[int]) -> None:
        """Remember it; who comes while the disk is busy shares the next write with all others."""
        news.append(number)
        async with self._pen:
            await self._write_down()

    async def _write_down(self) -> None:
        saved, gone = self._saved, self._gone
        self._saved, self._gone = [], []
        if saved or gone:
            await self._run.on_disk(self._book.keep, saved, gone)


def _refusal(errand: _Errand, error: GatewayError, *, unsure: bool) -> Result:
    """What a documented refusal means; FAILED comes without a reason."""
    if not isinstance(error, ContactFailed):
        return Result(ContactOutcome.FAILED, str(error))
    if errand.contact is None:
        if unsure:  # an earlier call, whose reply did not come, may have deleted it: it is not there, as was asked
            return Result(ContactOutcome.DELETED)
        return Result(ContactOutcome.FAILED, _NOT_DELETED)
    whole = errand.contact.surname and errand.contact.name
    return Result(ContactOutcome.FAILED, str(error) if whole else _NO_NAME)


_NO_NAME: Final = (
    "the gateway answered FAILED, which has no documented reason; surname or name is empty here, and it probably wants "
    "both"
)
_NOT_DELETED: Final = (
    "the gateway answered FAILED, which has no documented reason; probably it has no contact with this number"
)
