"""The durable record of everything that was paid for: one SQLite file in a folder of its own.

What must change together. A paid call is written down twice: its *intent*, durably, before it leaves
(`Journal.claim`), and its *outcome* after (`accepted`, `refused`, `in_doubt`). A claim is one exclusive transaction
that first reads what is known of each number and takes only the free ones, so two processes never pay for the same
number. An intent whose run has died is in doubt: it may have left. Nothing here decides when or whether to ask;
`standing` says what a number's last lookup is worth, and that is the one place where it is said.

Times are whole microseconds since 1970 (UTC); a number is stored as an integer (E.164: 15 digits at most), which makes
its index small and quick. The SQL of the project is in this file and in `journal_file`, which has the tables; which
runs live, `leases` says.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from isms_data.errors import JournalError
from isms_data.journal_file import FILE_NAME, make_private, opened
from isms_data.leases import LIVE, born_of, lease_end, lives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

RESERVE_BYTES: Final = 16 * 1024 * 1024
"""Free space that a new paid call requires, so that the outcomes of those under way can still be written."""

SETTLING: Final = "settle"
"""The operation of a run that pays nothing, and so does not disturb what the balance tells."""

AT_ONCE: Final = 10_000
"""Numbers in one question to SQLite, whose limit is 32,766 parameters."""


class CallState(StrEnum):
    """What is known of a paid call."""

    INTENDED = "intended"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


class AnswerKind(StrEnum):
    """The last word on one lookup."""

    FINAL = "final"
    """The gateway's answer."""
    LOST = "lost"
    """The call was accepted under an id that the gateway does not know any more."""
    RESEND = "resend"
    """In doubt, and the user (or the balance) said: ask again."""
    SKIP = "skip"
    """In doubt, and the user (or the balance) said: leave it."""


class Standing(StrEnum):
    """What the last lookup of a number is worth to a run."""

    FREE = "free"
    FRESH = "fresh"
    OPEN = "open"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"


class Lookup(NamedTuple):
    """The last lookup of one number, with its call and its answer."""

    msisdn: int
    lookup_id: int
    call_id: int
    state: str
    run_id: str
    message_id: str | None
    intended_at: int
    problem: str | None
    kind: str | None
    answered_at: int | None
    reply: str | None


class Doubt(NamedTuple):
    """One lookup that may have been paid for, with what is known of its call."""

    msisdn: int
    lookup_id: int
    call_id: int
    state: str
    label: str | None
    intended_at: int
    price: str
    problem: str | None


@dataclass(frozen=True)
class Claim:
    """What a claim took: the call that may now be made with these numbers, and how the others stand."""

    call_id: int
    first_id: int
    taken: list[int]
    others: dict[int, tuple[Standing, Lookup]]
    """Numbers that were not free after all, because another run was quicker."""


_LOOKUP_COLUMNS: Final = """
    l.msisdn, l.lookup_id, l.call_id, c.state, c.run_id, c.message_id, c.intended_at, c.problem,
    a.kind, a.answered_at, a.reply
"""


class Journal:
    """One run's connection to the journal of an account; every method is one transaction, and blocks.

    Use it from one thread only. `now` gives the time in microseconds.
    """

    def __init__(self, folder: Path, account: str, operation: str) -> None:
        folder = folder.absolute()  # the program may change its working folder in mid-run
        self._path = folder / FILE_NAME
        self._account = account
        self._operation = operation
        self.run_id = uuid.uuid4().hex
        with self._clear_errors():
            make_private(folder)
            self._db = opened(self._path)
            self._inode = self._path.stat().st_ino

    def __enter__(self) -> Self:
        """Register the run as alive."""
        me = (socket.gethostname(), os.getpid(), born_of(os.getpid()))
        row = (self.run_id, self._account, self._operation, *me, now(), lease_end())
        try:
            with self._transaction():
                self._end_forgotten(*me)
                self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", row)
        except BaseException:
            self._db.close()
            raise
        LIVE.add(self.run_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run: what it intended and did not learn the outcome of is in doubt from now on."""
        LIVE.discard(self.run_id)
        try:
            with self._transaction():
                self._db.execute("UPDATE runs SET ended_at = ? WHERE run_id = ?", (now(), self.run_id))
                self._give_up([self.run_id])
        finally:
            self._db.close()

    def _end_forgotten(self, host: str, pid: int, born: str) -> None:
        """End the runs of this very process that are over and could not write it down (a disk was full, say)."""
        live = sorted(LIVE)
        self._db.execute(
            "UPDATE runs SET ended_at = ? WHERE ended_at IS NULL AND host = ? AND pid = ? AND born = ? "
            f"AND run_id NOT IN ({_marks(live)})",
            (now(), host, pid, born, *live),
        )

    def renew(self) -> None:
        """Say that this run is still alive."""
        with self._transaction(durable=False):
            self._db.execute("UPDATE runs SET lease_end = ? WHERE run_id = ?", (lease_end(), self.run_id))

    def alone_since(self, since: int) -> bool:
        """Whether no other run paid from the same account after `since` (microseconds), so that the balance tells."""
        rows = self._db.execute(
            "SELECT run_id, host, pid, born, lease_end, ended_at FROM runs WHERE account = ? AND run_id <> ? "
            "AND operation <> ? AND (ended_at IS NULL OR ended_at >= ?)",
            (self._account, self.run_id, SETTLING, since),
        )
        return not any(ended_at is not None or run_id in LIVE or lives(*where) for run_id, *where, ended_at in rows)

    # What is known

    def standings(self, msisdns: Sequence[int], *, oldest: int) -> dict[int, tuple[Standing, Lookup]]:
        """How each number stands that was ever looked up; a number that is not in it is free.

        At most `AT_ONCE` numbers; an answer from before `oldest` (microseconds) is worth nothing, unless it is this
        run's own. Intents of dead runs become in doubt on the way.
        """
        with self._transaction():
            self._bury_dead()
            return self._standings(msisdns, oldest=oldest)

    def _standings(self, msisdns: Sequence[int], *, oldest: int) -> dict[int, tuple[Standing, Lookup]]:
        alive = self._alive()
        rows = self._db.execute(
            f"SELECT {_LOOKUP_COLUMNS} FROM lookups l JOIN calls c ON c.call_id = l.call_id "
            "LEFT JOIN answers a ON a.lookup_id = l.lookup_id "
            f"WHERE l.msisdn IN ({_marks(msisdns)}) AND c.account = ? AND c.state <> ? ORDER BY l.lookup_id",
            (*msisdns, self._account, CallState.REFUSED),
        )
        return {
            lookup.msisdn: (standing(lookup, oldest=oldest, mine=self.run_id, alive=alive), lookup)
            for lookup in map(Lookup._make, rows)
        }

    # Paid calls

    def claim(
        self, msisdns: Sequence[int], *, oldest: int, label: str | None, price: Decimal, measured: bool = False
    ) -> Claim:
        """Write down the intent to pay for the numbers that are free, durably, before the call is made.

        `measured` says whether the price is known and not only planned.

        Raises
        ------
        JournalError   the intent cannot be written, or the disk has too little room for the outcome.
        """
        self._check_place()
        with self._transaction():
            known = self._standings(msisdns, oldest=oldest)
            others = {number: known[number] for number in known if known[number][0] is not Standing.FREE}
            taken = [number for number in msisdns if number not in others]
            first_id = self._next("lookups", "lookup_id")
            call_id = self._next("calls", "call_id")
            if taken:
                self._write_intent(call_id, first_id, taken, label=label, price=price, measured=measured)
        return Claim(call_id, first_id, taken, others)

    def _write_intent(
        self, call_id: int, first_id: int, taken: list[int], *, label: str | None, price: Decimal, measured: bool
    ) -> None:
        self._db.execute(
            "INSERT INTO calls (call_id, account, operation, label, run_id, state, first_id, numbers, price, measured, "
            "intended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(call_id, self._account, self._operation, label, self.run_id, CallState.INTENDED),
                *(first_id, len(taken), str(price), measured, now()),
            ),
        )
        rows = ((first_id + place, number, call_id) for place, number in enumerate(taken))
        self._db.executemany("INSERT INTO lookups VALUES (?, ?, ?)", rows)

    def accepted(self, call_id: int, message_id: str) -> None:
        """The call was accepted under this id."""
        self._outcome(call_id, CallState.ACCEPTED, message_id=message_id)

    def refused(self, call_id: int, problem: str) -> None:
        """The call was refused, nothing was charged: its numbers are free again."""
        self._outcome(call_id, CallState.REFUSED, problem=problem)

    def in_doubt(self, call_id: int, problem: str) -> None:
        """The call may have been carried out."""
        self._outcome(call_id, CallState.IN_DOUBT, problem=problem)

    def _outcome(
        self, call_id: int, state: CallState, *, message_id: str | None = None, problem: str | None = None
    ) -> None:
        with self._transaction():
            self._db.execute(
                "UPDATE calls SET state = ?, message_id = ?, problem = ?, answered_at = ? WHERE call_id = ?",
                (state, message_id, problem, now(), call_id),
            )

    # Answers

    def answer(self, answers: Iterable[tuple[int, AnswerKind, int, str | None]], *, durable: bool = False) -> None:
        """Keep the last words on lookups: (lookup_id, kind, answered_at, reply). A final one is never overwritten.

        Answers need not be durable: one that a power cut takes can be asked for again, free of charge. What a user
        decided must be.
        """
        with self._transaction(durable=durable):
            self._db.executemany(
                "INSERT INTO answers VALUES (?, ?, ?, ?) ON CONFLICT (lookup_id) DO UPDATE SET kind = excluded.kind, "
                f"answered_at = excluded.answered_at, reply = excluded.reply WHERE kind <> '{AnswerKind.FINAL}'",
                answers,
            )

    def take_over(self, call_ids: Iterable[int]) -> None:
        """Make the open calls of runs that have ended this run's own, so that others see who asks for them."""
        with self._transaction(durable=False):
            self._db.executemany(
                "UPDATE calls SET run_id = ? WHERE call_id = ?", [(self.run_id, call) for call in call_ids]
            )

    def confirm_price(self, price: Decimal) -> None:
        """The calls of this run really cost this per number: only by such prices can the balance be reckoned."""
        with self._transaction():
            self._db.execute("UPDATE calls SET price = ?, measured = 1 WHERE run_id = ?", (str(price), self.run_id))

    # In doubt

    def doubts(self) -> list[Doubt]:
        """Every lookup of this account that is in doubt, the oldest first."""
        with self._transaction():
            self._bury_dead()
            rows = self._db.execute(
                "SELECT l.msisdn, l.lookup_id, l.call_id, c.state, c.label, c.intended_at, c.price, "
                "coalesce(a.reply, c.problem) FROM calls c "
                "JOIN lookups l ON l.call_id = c.call_id LEFT JOIN answers a ON a.lookup_id = l.lookup_id "
                "WHERE c.account = ? AND (c.state = ? AND a.kind IS NULL OR a.kind = ?) ORDER BY l.lookup_id",
                (self._account, CallState.IN_DOUBT, AnswerKind.LOST),
            )
            return list(map(Doubt._make, rows))

    # Balances

    def keep_balance(self, balance: Decimal, since: int) -> None:
        """Keep a reading of the balance that was asked for at `since`, as evidence for what a call in doubt has cost.

        It knows after which call it was taken, not when: clocks are put back.
        """
        with self._transaction():
            self._db.execute(
                "INSERT INTO balances (account, run_id, after_call, alone, read_at, credits) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(self._account, self.run_id, self._next("calls", "call_id") - 1),
                    *(self.alone_since(since), now(), str(balance)),
                ),
            )

    def expected_balance(self, before_call: int) -> Decimal | None:
        """What the account should have, going from its last reading before a call by what was accepted after it.

        None where there is no reading that was taken while no other run was paying, where one is paying now, or where
        what an accepted call has cost was never measured.
        """
        with self._transaction():
            reading = self._db.execute(
                "SELECT credits, after_call FROM balances WHERE account = ? AND alone AND after_call < ? "
                "ORDER BY balance_id DESC LIMIT 1",
                (self._account, before_call),
            ).fetchone()
            if reading is None or not self.alone_since(now()):
                return None
            balance, after_call = reading
            accepted = self._db.execute(
                "SELECT price, numbers, measured FROM calls WHERE account = ? AND state = ? AND call_id > ?",
                (self._account, CallState.ACCEPTED, after_call),
            ).fetchall()
            if not all(measured for *_, measured in accepted):
                return None
            return Decimal(balance) - sum((Decimal(price) * numbers for price, numbers, _ in accepted), Decimal(0))

    # Inside

    def _alive(self) -> dict[str, bool]:
        """The runs that live, and whether each renews its lease: one that does not may be stopped."""
        rows = self._db.execute(
            "SELECT run_id, host, pid, born, lease_end FROM runs WHERE ended_at IS NULL AND account = ?",
            (self._account,),
        )
        return {run_id: where[-1] > now() for run_id, *where in rows if run_id in LIVE or lives(*where)}

    def _bury_dead(self) -> None:
        alive = self._alive()
        rows = self._db.execute(
            "SELECT DISTINCT run_id FROM calls WHERE state = ? AND account = ?", (CallState.INTENDED, self._account)
        )
        self._give_up([run_id for (run_id,) in rows if run_id not in alive])

    def _give_up(self, run_ids: list[str]) -> None:
        problem = "the run ended before the reply came; the call may have been carried out and charged."
        self._db.executemany(
            "UPDATE calls SET state = ?, problem = ? WHERE run_id = ? AND state = ?",
            [(CallState.IN_DOUBT, problem, run_id, CallState.INTENDED) for run_id in run_ids],
        )

    def _next(self, table: str, column: str) -> int:
        (last,) = self._db.execute(f"SELECT max({column}) FROM {table}").fetchone()
        return (last or 0) + 1

    def _check_place(self) -> None:
        """The file is still the one that was opened, and its disk has room for what a call will bring."""
        with self._clear_errors():
            if self._path.stat().st_ino != self._inode:
                msg = "its file was replaced while it was in use"
                raise OSError(msg)
            free = shutil.disk_usage(self._path.parent).free
        if free < RESERVE_BYTES:
            msg = (
                f"the disk of the journal ({self._path}) has {free // 1024:,} kB left, less than the "
                f"{RESERVE_BYTES // 1024:,} kB that a paid call's outcome may need. Nothing more was paid for. "
                "Make room, then call again: what is done is kept."
            )
            raise JournalError(msg)

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[None]:
        with self._clear_errors():
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            msg = (
                f"the journal ({self._path}) cannot be used: {error}. Nothing is paid for without it, and what is "
                "in it is kept. Make room or give write access, or set ISMS_HOME to another folder; then call again."
            )
            raise JournalError(msg) from error


def standing(lookup: Lookup, *, oldest: int, mine: str, alive: Mapping[str, bool]) -> Standing:
    """What the last lookup of a number is worth; answers from before `oldest` (microseconds) are worth nothing.

    An answer to a run's own call is fresh for that run, whatever the clock says. What a living run means to pay for
    is its own; what it has paid for may be asked about by others too once it does not renew its lease.
    """
    if lookup.kind == AnswerKind.LOST:
        return Standing.IN_DOUBT
    if lookup.kind == AnswerKind.RESEND:
        return Standing.FREE
    if lookup.answered_at is not None:
        kept = Standing.FRESH if lookup.kind == AnswerKind.FINAL else Standing.SKIPPED
        return kept if lookup.answered_at >= oldest or lookup.run_id == mine else Standing.FREE
    if lookup.state == CallState.IN_DOUBT:
        return Standing.IN_DOUBT
    others = lookup.run_id != mine and lookup.run_id in alive
    if lookup.state == CallState.ACCEPTED:
        return Standing.HELD if others and alive[lookup.run_id] else Standing.OPEN
    return Standing.HELD if others else Standing.IN_DOUBT


def now() -> int:
    """The time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
