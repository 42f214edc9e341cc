"""What is paid for: calls, their numbers, their outcomes, their answers; and what the balance was.

What must change together. A paid call is written down twice: its *intent*, durably, before it leaves
(`Journal.claim`), and its *outcome* after (`accepted`, `refused`, `in_doubt`). A claim is one exclusive transaction
that first reads what is known of each number and takes only the free ones, so two processes never pay for the same
number. An intent whose run has died is in doubt: it may have left. Nothing here decides when or whether to ask;
`standing` says what a number's last record is worth, and that is the one place where it is said. Which runs live,
`leases` says.
"""

from __future__ import annotations

import os
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from isms_data.journal import shares
from isms_data.journal.answers import KEEP_ANSWER
from isms_data.journal.connection import JournalConnection, transaction
from isms_data.journal.file import marks
from isms_data.journal.receipts import match_early
from isms_data.journal.records import Claim, Claimed, Doubt, Sent
from isms_data.journal.standing import (
    AnswerKind,
    CallState,
    Campaign,
    Item,
    Lookups,
    Scope,
    Standing,
    Standings,
    standing,
)
from isms_data.leases import LIVE, born_of, lease_end, lives

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from isms_data.journal.place import Place
    from isms_data.journal.records import Accepted, Asked, Parts
    from isms_data.journal.shares import Limit, Share
    from isms_data.vocabulary import Source

FREE: Final = ("settle", "plan", "delivery", "contacts")
"""The operations of runs that pay nothing, and so do not disturb what the balance tells."""


_ITEM_COLUMNS: Final = """
    i.msisdn, i.item_id, i.call_id, c.state, c.run_id, c.message_id, c.intended_at, c.problem,
    a.kind, a.answered_at, a.reply
"""


_WHOSE: Final = "coalesce(c.account, '') = ? AND coalesce(c.operation, '') = ?"
_LABEL: Final = "AND coalesce(c.label, '') = ?"
"""Of calls found by their numbers: `coalesce` keeps the engines from beginning with all calls of a campaign."""


class Journal(JournalConnection):
    """One run's connection to the journal of an account."""

    def __init__(self, place: Place, account: str, operation: str) -> None:
        super().__init__(place)
        self._account = account
        self._operation = operation
        self.run_id = uuid.uuid4().hex

    def __enter__(self) -> Self:
        """Register the run as alive."""
        LIVE.add(self.run_id)  # before another thread can see the run, and take it for one that is over
        try:
            self._register()
        except BaseException:
            LIVE.discard(self.run_id)
            self._db.close()
            raise
        return self

    @transaction()
    def _register(self) -> None:
        me, now = (self._db.here(), os.getpid(), born_of(os.getpid())), self._db.now()
        self._end_forgotten(*me)
        row = (self.run_id, self._account, self._operation, *me, now, lease_end(now))
        self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", row)

    def __exit__(self, *_: object) -> None:
        """End the run: what it intended and did not learn the outcome of is in doubt from now on."""
        LIVE.discard(self.run_id)
        try:
            self._end()
        finally:
            self._db.close()

    @transaction()
    def _end(self) -> None:
        self._db.execute("UPDATE runs SET ended_at = ? WHERE run_id = ?", (self._db.now(), self.run_id))
        self._give_up([self.run_id])

    def _end_forgotten(self, host: str, pid: int, born: str) -> None:
        """End the runs of this very process that are over and could not write it down (a disk was full, say)."""
        live = sorted(LIVE)
        self._db.execute(
            "UPDATE runs SET ended_at = ? WHERE ended_at IS NULL AND host = ? AND pid = ? AND born = ? "
            f"AND NOT run_id {self._db.among(live)}",
            (self._db.now(), host, pid, born, *self._db.given(live)),
        )

    @transaction(durable=False)
    def renew(self) -> None:
        """Say that this run is still alive."""
        self._db.execute("UPDATE runs SET lease_end = ? WHERE run_id = ?", (lease_end(self._db.now()), self.run_id))

    @transaction(durable=False)
    def fair_share(self, limit: Limit) -> int:
        """What this run should have of a limit of the account, with all who use it now; it is alive on the way."""
        self.renew()
        return shares.fair(self._db, self._account, self.run_id, limit, self._alive().__contains__)

    @transaction(durable=False)
    def take_share(self, limit: Limit, *, in_use: int = 0) -> Share:
        """Write down what this run may use of a limit from now on."""
        return shares.take(self._db, self._account, self.run_id, limit, self._alive().__contains__, in_use=in_use)

    @transaction(durable=False)
    def alone_since(self, since: int) -> bool:
        """Whether no other run paid from the same account after `since` (microseconds), so that the balance tells."""
        rows = self._db.execute(
            "SELECT run_id, host, pid, born, lease_end, ended_at FROM runs WHERE account = ? AND run_id <> ? "
            f"AND NOT operation {self._db.among(FREE)} AND (ended_at IS NULL OR ended_at >= ?)",
            (self._account, self.run_id, *self._db.given(FREE), since),
        )
        return not any(ended_at is not None or self._lives(run_id, *where) for run_id, *where, ended_at in rows)

    # What is known

    @transaction()
    def standings(self, msisdns: Sequence[int], scope: Scope) -> Standings:
        """How each number stands that was ever paid for in that scope, or is suppressed; any other is free.

        One of `file.in_parts`. Intents of dead runs become in doubt on the way.
        """
        self._bury_dead()
        return self._standings(msisdns, scope)

    def _standings(self, msisdns: Sequence[int], scope: Scope) -> Standings:
        """Of a number's records the last one counts; in a campaign the last that is proven to be sent, if any is."""
        alive = self._alive()
        campaign = [scope.name] if isinstance(scope, Campaign) else []
        rows = self._db.execute(
            f"SELECT {_ITEM_COLUMNS}, {'m.scheduled_for, m.transport' if campaign else 'NULL, NULL'} FROM items i "
            "JOIN calls c ON c.call_id = i.call_id LEFT JOIN answers a ON a.item_id = i.item_id "
            f"{'JOIN messages m ON m.call_id = i.call_id' if campaign else ''} "
            f"WHERE i.msisdn {self._db.among(msisdns)} "
            f"AND {_WHOSE} AND c.state <> ? "
            f"{_LABEL if campaign else ''} ORDER BY c.operation = ? AND c.state = ?, i.item_id",
            (
                *(*self._db.given(msisdns), self._account, scope.operation, CallState.REFUSED, *campaign),
                *(Campaign.operation, CallState.ACCEPTED),
            ),
        )
        found: Standings = {
            item.msisdn: (standing(item, scope, mine=self.run_id, alive=alive), item) for item in map(Item._make, rows)
        }
        if campaign:
            for number in self._suppressed(msisdns):
                if number not in found or found[number][0] is Standing.FREE:
                    found[number] = (Standing.SUPPRESSED, None)
        return found

    def _suppressed(self, msisdns: Sequence[int]) -> list[int]:
        rows = self._db.execute(
            f"SELECT msisdn FROM suppressions WHERE msisdn {self._db.among(msisdns)} AND (until IS NULL OR until > ?)",
            (*self._db.given(msisdns), self._db.now()),
        )
        return [number for (number,) in rows]

    # Paid calls

    @transaction()
    def claim(
        self, asked: Sequence[Asked], scope: Scope, *, label: str | None, price: Decimal, measured: bool = False
    ) -> Claimed:
        """Write down the intent to pay for the numbers that are free, durably, before the calls are made.

        `price` is that of a unit; `measured` says whether it is known and not only planned.

        Raises
        ------
        JournalError   the intent cannot be written, or the disk has too little room for the outcome.
        """
        self._db.check(room=True)
        self.renew()  # nobody shall take this run for dead while these calls are under way
        known = self._standings([number for each in asked for number in each.msisdns], scope)
        others = {number: known[number] for number in known if known[number][0] is not Standing.FREE}
        earlier = self._earlier([each.msisdns[0] for each in asked if each.parts])
        call_id, item_id = self._next("calls", "call_id"), self._next("items", "item_id")
        claims: list[Claim] = []
        for each in asked:
            taken = [number for number in each.msisdns if number not in others]
            if taken:
                claims.append(Claim(call_id, item_id, taken, each, earlier.get(taken[0], 0)))
                call_id, item_id = call_id + 1, item_id + len(taken)
        self._intend(claims, scope, label=label, price=price, measured=measured)
        return Claimed(claims, others)

    def _intend(
        self, claims: Sequence[Claim], scope: Scope, *, label: str | None, price: Decimal, measured: bool
    ) -> None:
        whose = (self._account, scope.operation, label, self.run_id, CallState.INTENDED)
        at, price_text = self._db.now(), str(price)
        self._db.executemany(
            "INSERT INTO calls (call_id, account, operation, label, run_id, state, first_id, numbers, price, units, "
            "measured, intended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (each.call_id, *whose, each.first_id, len(each.taken), price_text, each.asked.units, measured, at)
                for each in claims
            ],
        )
        self._db.executemany(
            "INSERT INTO items VALUES (?, ?, ?)",
            [
                (each.first_id + place, number, each.call_id)
                for each in claims
                for place, number in enumerate(each.taken)
            ],
        )
        messages = [(each.call_id, *each.asked.message) for each in claims if each.asked.message is not None]
        if messages:
            self._db.executemany(f"INSERT INTO messages VALUES ({marks(messages[0])})", messages)
        self._number([(each.call_id, each.asked.parts) for each in claims if each.asked.parts is not None])

    def _number(self, parts: Iterable[tuple[int, Parts]]) -> None:
        self._db.executemany(
            "INSERT INTO segments (call_id, part, session, sequence) VALUES (?, ?, ?, ?)",
            [
                (call_id, part, session, sequence + part)
                for call_id, (session, sequence, number) in parts
                for part in range(number)
            ],
        )

    def _earlier(self, msisdns: Sequence[int]) -> dict[int, int]:
        """How many records each of these numbers has."""
        if not msisdns:
            return {}
        query = f"SELECT msisdn, count(*) FROM items WHERE msisdn {self._db.among(msisdns)} GROUP BY msisdn"
        return dict(self._db.execute(query, self._db.given(msisdns)).fetchall())

    @transaction()
    def number_again(self, call_id: int, parts: Collection[tuple[int, str, int]]) -> None:
        """These parts of a message were refused for now and leave once more: (part, session, sequence)."""
        self._db.executemany(
            "UPDATE segments SET session = ?, sequence = ? WHERE call_id = ? AND part = ?",
            [(session, sequence, call_id, part) for part, session, sequence in parts],
        )

    @transaction()
    def accepted(self, calls: Sequence[Accepted]) -> None:
        """These calls were accepted."""
        at = self._db.now()
        self._db.executemany(
            "UPDATE calls SET state = ?, message_id = ?, problem = NULL, answered_at = ? WHERE call_id = ?",
            [(CallState.ACCEPTED, each.message_id, at, each.call_id) for each in calls],
        )
        self._identify([(each.call_id, each.part_ids) for each in calls if each.part_ids])

    def _identify(self, parts: Sequence[tuple[int, Sequence[str | None]]]) -> None:
        """Keep the ids of the parts of these calls, and read the receipts that came before them."""
        known = [
            (message_id, call_id, part)
            for call_id, part_ids in parts
            for part, message_id in enumerate(part_ids)
            if message_id is not None
        ]
        if known:
            self._db.executemany("UPDATE segments SET message_id = ? WHERE call_id = ? AND part = ?", known)
            match_early(self._db, self._account, [message_id for message_id, *_ in known])

    @transaction()
    def refused(self, call_id: int, problem: str) -> None:
        """The call was refused, nothing was charged: its numbers are free again."""
        self._not_accepted(call_id, CallState.REFUSED, problem)

    @transaction()
    def in_doubt(self, call_id: int, problem: str, part_ids: Sequence[str | None] = ()) -> None:
        """The call may have been carried out; over SMPP perhaps some of its parts were, under these ids."""
        self._not_accepted(call_id, CallState.IN_DOUBT, problem)
        self._identify([(call_id, part_ids)])

    def _not_accepted(self, call_id: int, state: CallState, problem: str) -> None:
        """Unless a delivery report has come meanwhile: it proves that the call was accepted, whatever was replied."""
        self._db.execute(
            "UPDATE calls SET state = ?, problem = ?, answered_at = ? WHERE call_id = ? AND state = ?",
            (state, problem, self._db.now(), call_id, CallState.INTENDED),
        )

    @transaction()
    def was_charged(self, call_ids: Collection[int], problem: str) -> None:
        """The balance shows that these calls in doubt were accepted, under ids that nobody knows."""
        self._db.executemany(
            "UPDATE calls SET state = ?, problem = ? WHERE call_id = ? AND state = ?",
            [(CallState.ACCEPTED, problem, call_id, CallState.IN_DOUBT) for call_id in call_ids],
        )

    # Answers

    def answer(
        self,
        answers: Collection[tuple[int, AnswerKind, int, str | None]],
        *,
        source: Source | None = None,
        durable: bool = False,
    ) -> None:
        """Keep the last words on items: (item_id, kind, answered_at, reply). A final one is never overwritten.

        Answers need not be durable: one that a power cut takes can be asked for again, free of charge. What a user
        decided must be.
        """
        rows = [(*answer, source, None) for answer in answers]
        self._whole(lambda: self._db.executemany(KEEP_ANSWER, rows), durable=durable)

    @transaction(durable=False)
    def take_over(self, call_ids: Collection[int]) -> None:
        """Make the open calls of runs that have ended this run's own, so that others see who asks for them."""
        self._db.executemany(
            "UPDATE calls SET run_id = ? WHERE call_id = ?", [(self.run_id, call) for call in call_ids]
        )

    @transaction()
    def confirm_price(self, price: Decimal) -> None:
        """The calls of this run really cost this per unit: only by such prices can the balance be reckoned."""
        self._db.execute("UPDATE calls SET price = ?, measured = 1 WHERE run_id = ?", (str(price), self.run_id))

    # Messages

    @transaction()
    def messages(self, campaign: str) -> list[Sent]:
        """Every message of a campaign that may have gone out, the oldest first.

        Of several to one number the last counts, or the last that is proven to be sent, if any is.
        """
        self._bury_dead()
        rows = self._db.execute(
            "SELECT i.item_id, i.msisdn, c.state, c.run_id, c.message_id, c.intended_at, c.problem, c.units, "
            "m.sender, m.text, m.coding, m.flash, m.scheduled_for, m.transport, "
            "a.kind, a.answered_at, a.reply, a.source, a.detail FROM calls c "
            "JOIN messages m ON m.call_id = c.call_id "
            "JOIN items i ON i.item_id BETWEEN c.first_id AND c.first_id + c.numbers - 1 "
            "LEFT JOIN answers a ON a.item_id = i.item_id "
            "WHERE c.account = ? AND c.operation = ? AND c.label = ? AND c.state <> ? "
            "ORDER BY c.state = ?, i.item_id",
            (self._account, Campaign.operation, campaign, CallState.REFUSED, CallState.ACCEPTED),
        )
        return sorted({sent.msisdn: sent for sent in map(Sent._make, rows)}.values())

    @transaction(durable=False)
    def campaigns(self) -> list[str]:
        """The names of the account's campaigns, sorted."""
        rows = self._db.execute(
            "SELECT DISTINCT label FROM calls WHERE account = ? AND operation = ?",
            (self._account, Campaign.operation),
        )
        return sorted(name for (name,) in rows)

    @transaction(durable=False)
    def last_report(self) -> int:
        """The id of the last delivery report."""
        return self._next("reports", "report_id") - 1

    @transaction(durable=False)
    def heard_since(self, report_id: int) -> tuple[int, list[tuple[int, AnswerKind | None]]]:
        """The delivery reports after that one: the last one's id, and for each item what its report said.

        None stands for a report that could not be read: then it pays to ask.
        """
        rows = self._db.execute(
            "SELECT r.report_id, r.item_id, r.status, a.kind FROM reports r "
            "LEFT JOIN answers a ON a.item_id = r.item_id WHERE r.report_id > ? ORDER BY r.report_id",
            (report_id,),
        ).fetchall()
        told = [
            (item_id, AnswerKind(kind) if status and kind else None) for _, item_id, status, kind in rows if item_id
        ]
        return (rows[-1][0] if rows else report_id), told

    @transaction(durable=False)
    def last_replies(self, msisdns: Sequence[int]) -> dict[int, str]:
        """The last answer of a lookup of each number, whatever its age; for one of `file.in_parts`."""
        rows = self._db.execute(
            "SELECT i.msisdn, a.reply FROM items i JOIN calls c ON c.call_id = i.call_id "
            "JOIN answers a ON a.item_id = i.item_id "
            f"WHERE i.msisdn {self._db.among(msisdns)} "
            f"AND {_WHOSE} AND a.kind = ? "
            "ORDER BY i.item_id",
            (*self._db.given(msisdns), self._account, Lookups.operation, AnswerKind.FINAL),
        )
        return dict(rows.fetchall())

    # In doubt

    @transaction()
    def doubts(self) -> list[Doubt]:
        """Every item of this account that is in doubt, the oldest first."""
        self._bury_dead()
        rows = self._db.execute(
            "SELECT i.msisdn, i.item_id, i.call_id, c.operation, c.state, c.label, c.intended_at, c.price, "
            "c.units, coalesce(a.reply, c.problem) FROM calls c "
            "JOIN items i ON i.item_id BETWEEN c.first_id AND c.first_id + c.numbers - 1 "
            "LEFT JOIN answers a ON a.item_id = i.item_id WHERE c.account = ? "
            "AND (c.state = ? AND a.kind IS NULL OR c.state = ? AND a.kind = ?) ORDER BY i.item_id",
            (self._account, CallState.IN_DOUBT, CallState.ACCEPTED, AnswerKind.LOST),
        )
        return list(map(Doubt._make, rows))

    # Balances

    @transaction()
    def keep_balance(self, balance: Decimal, since: int) -> None:
        """Keep a reading of the balance that was asked for at `since`, as evidence for what a call in doubt has cost.

        It knows after which call it was taken, not when: clocks are put back.
        """
        self._db.execute(
            "INSERT INTO balances (balance_id, account, run_id, after_call, alone, read_at, credits) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._next("balances", "balance_id"), self._account, self.run_id, self._next("calls", "call_id") - 1),
                *(self.alone_since(since), self._db.now(), str(balance)),
            ),
        )

    @transaction()
    def expected_balance(self, before_call: int) -> Decimal | None:
        """What the account should have, going from its last reading before a call by what was accepted after it.

        None where there is no reading that was taken while no other run was paying, where one is paying now, or where
        what an accepted call has cost was never measured.
        """
        reading = self._db.execute(
            "SELECT credits, after_call FROM balances WHERE account = ? AND alone = 1 AND after_call < ? "
            "ORDER BY balance_id DESC LIMIT 1",
            (self._account, before_call),
        ).fetchone()
        if reading is None or not self.alone_since(self._db.now()):
            return None
        balance, after_call = reading
        accepted = self._db.execute(
            "SELECT price, units * numbers, measured FROM calls WHERE account = ? AND state = ? AND call_id > ?",
            (self._account, CallState.ACCEPTED, after_call),
        ).fetchall()
        if not all(measured for *_, measured in accepted):
            return None
        return Decimal(balance) - sum((Decimal(price) * units for price, units, _ in accepted), Decimal(0))

    # Inside

    def _alive(self) -> dict[str, bool]:
        """The runs that live, and whether each renews its lease: one that does not may be stopped."""
        rows = self._db.execute(
            "SELECT run_id, host, pid, born, lease_end FROM runs WHERE ended_at IS NULL AND account = ?",
            (self._account,),
        )
        return {run_id: where[-1] > self._db.now() for run_id, *where in rows if self._lives(run_id, *where)}

    def _lives(self, run_id: str, *where: Any) -> bool:
        return run_id in LIVE or lives(*where, here=self._db.here(), now=self._db.now())

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
