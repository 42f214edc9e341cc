"""The SMSC without sockets: it takes, prices, keeps and reports short messages, and answers for them.

What a link hands in is a body; what it gets back is a message id or `Rejected`. All that lasts is here and in the
ledger, so that several binds of one account share one rate, one set of messages and one queue of receipts.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from itertools import count
from random import SystemRandom
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.simulator.ledger import Cancellation, Charge, ChargeKind, InjectedFault, ReceiptAttempt, Segment
from isms_data.simulator.smsc_codec import (
    Rejected,
    Status,
    command_name,
    read_bind,
    read_cancel,
    read_query,
    read_submit,
    status_name,
)
from isms_data.simulator.smsc_faults import SmscFault, SmscFaults
from isms_data.simulator.smsc_messages import Arrival, Fate, Kept, State, fate, whole
from isms_data.simulator.smsc_receipts import Receipt
from isms_data.simulator.smsc_rules import FAILURE_ONLY, INTERMEDIATE, WHAT_IS_ASKED, order
from isms_data.simulator.smsc_settings import ID_FORMS, SmscSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from isms_data.simulator.accounts import Account
    from isms_data.simulator.smsc_text import Content
    from isms_data.simulator.world import World

FIRST_IDS: Final = (2**40, 2**44)
"""Where the ids of a run begin, by chance, so that two runs have none in common."""

SECOND: Final = 1.0

Key = tuple[str, str, str, str, int, int]
"""Account, sender, recipient; kind of the reference, the reference, how many parts: as a phone tells messages apart."""


class Bound(NamedTuple):
    """An account on a link, and whether the client knows optional parameters (interface_version, 4.1.1)."""

    account: Account
    knows_tlvs: bool


class Asker(NamedTuple):
    """Who hands in a submit_sm: the account, the number of the link, the sequence_number."""

    account: Account
    session: int
    sequence: int


class Smsc:
    """The state of the SMSC; `settings` and `faults` may be changed while it runs, `url` is where it listens.

    `waiting` has the receipts that are due, by account; a link takes them from there and says how each was answered.
    """

    def __init__(
        self,
        world: World,
        accounts: dict[str, Account],
        *,
        settings: SmscSettings,
        faults: SmscFaults,
        # what it shares with the other doors
        clock: Callable[[], float],
        numbers: Iterator[int],
        lock: threading.Lock,
    ) -> None:
        self.settings = settings
        self.faults = faults
        self.clock = clock
        self.url = ""
        self.ledger = world.ledger
        self.waiting: dict[str, deque[Receipt]] = defaultdict(deque)
        self._world = world
        self._accounts = accounts
        self._numbers = numbers
        self._lock = lock
        self._ids = count(SystemRandom().randrange(*FIRST_IDS))
        self._kept: dict[str, Kept] = {}
        self._incomplete: dict[Key, dict[int, tuple[Kept, Content]]] = {}
        self._to_report: list[tuple[float, int, Receipt]] = []
        self._order = count()
        self._taken: dict[str, deque[float]] = defaultdict(deque)

    @property
    def incomplete(self) -> int:
        """How many long messages lack a part."""
        return len(self._incomplete)

    def bind(self, body: bytes) -> Bound:
        """Let an account in."""
        asked = read_bind(body)
        account = self._accounts.get(asked.system_id)
        if account is None or account.smpp_password != asked.password:
            usual = Status.ESME_RINVSYSID if account is None else Status.ESME_RINVPASWD
            raise Rejected(usual if self.settings.bind_refusal is None else self.settings.bind_refusal)
        return Bound(account, asked.interface_version >= 0x34)

    def submit(self, asker: Asker, body: bytes, fault: SmscFault | None = None) -> str:
        """Take, charge and keep a short message; its id as the response writes it."""
        now = self.clock()
        self._keep_rate(asker.account.username, now)
        submit = read_submit(body)
        arrival = Arrival(now, body, submit, order(submit, now), fault)
        with self._lock:
            return self._accept(asker, arrival)

    def query(self, account: Account, body: bytes) -> tuple[str, float | None, State, int]:
        """The id asked for, when its state became final (None: it is not), the state, and the error (4.8.2)."""
        asked = read_query(body)
        kept = self._find(account, asked.message_id)
        if kept.segment.sender != asked.source:
            raise Rejected(Status.ESME_RQUERYFAIL)
        state = kept.state_at(self.clock())
        if state is State.ENROUTE:
            return asked.message_id, None, state, 0
        return asked.message_id, kept.fate.final_at, state, kept.fate.error

    def cancel(self, account: Account, body: bytes) -> None:
        """Take back one message that has not left, or all of a sender to a recipient that have not (4.9)."""
        asked = read_cancel(body)
        now = self.clock()
        if asked.message_id:
            named = self._find(account, asked.message_id)
            same = named.segment.sender == asked.source and asked.destination in {"", named.segment.msisdn}
            chosen = [named] if same else []
        else:
            wanted = (account.username, asked.source, asked.destination)
            chosen = [kept for kept in self._kept.values() if kept.segment[3:4] + kept.segment[5:7] == wanted]
        ahead = [kept for kept in chosen if now < min(kept.fate.leaves_at, kept.fate.final_at)]
        if not ahead:
            raise Rejected(Status.ESME_RCANCELFAIL)
        for kept in ahead:
            self._take_back(kept, now)

    def due(self) -> None:
        """Put the receipts that are due into the queues of their accounts."""
        now = self.clock()
        while self._to_report and self._to_report[0][0] <= now:
            receipt = heapq.heappop(self._to_report)[2]
            if not receipt.void:
                self.waiting[receipt.kept.segment.account].append(receipt)

    def answered(self, receipt: Receipt, session: int, status: int | None, *, again_in: float = 0.0) -> None:
        """Write down how a receipt was answered (None: not at all); but for ESME_ROK it comes again."""
        segment, now = receipt.kept.segment, self.clock()
        self.ledger.receipts.append(
            ReceiptAttempt(
                now,
                session,
                segment.account,
                receipt.kept.receipt_id,
                segment.msisdn,
                receipt.state.name,
                receipt.attempts,
                status,
            )
        )
        if status != Status.ESME_ROK:
            self._report(receipt, now + again_in)

    def count(self, command: int, status: int) -> None:
        """Count a command and its answer."""
        name = command_name(command)
        self.ledger.request_counts[name] += 1
        self.ledger.carried_out_counts[name] += status == Status.ESME_ROK
        self.ledger.smpp_statuses[f"{name} {status_name(status)}"] += 1

    def faulted(self, command: int, kind: SmscFault) -> None:
        """Write a fault down."""
        self.ledger.faults.append(
            InjectedFault(next(self._numbers), self.clock(), command_name(command), kind, kind.carried_out)
        )

    def _keep_rate(self, username: str, now: float) -> None:
        """Refuse what comes beyond the rate; what is refused so does not count."""
        if self.settings.rate is None:
            return
        taken = self._taken[username]
        while taken and taken[0] <= now - SECOND:
            taken.popleft()
        if len(taken) >= self.settings.rate:
            raise Rejected(Status.ESME_RTHROTTLED)
        taken.append(now)

    def _accept(self, asker: Asker, arrival: Arrival) -> str:
        """Charge and keep; a part that is there already is charged again, and no part of the text."""
        account, content, part = asker.account, arrival.order.content, arrival.part
        price = account.price_per_segment * len(content.segments)
        if price > account.balance:
            raise Rejected(self.settings.no_credits)
        key = (account.username, arrival.submit.source, arrival.submit.destination, *part[:3])
        siblings = self._incomplete.get(key) or {}
        repeated = part.number in siblings
        kept = self._keep(asker, arrival, repeated=repeated)
        self._charge(kept, account, price, continues=bool(siblings) and not repeated)
        siblings.setdefault(part.number, (kept, content))
        if len(siblings) == part.total:
            self._incomplete.pop(key, None)
            self.ledger.messages.append(whole([siblings[number] for number in sorted(siblings)]))
        else:
            self._incomplete[key] = siblings
        self._promise_receipts(kept, arrival.submit.registered_delivery, arrival.fault)
        return kept.segment.message_id

    def _keep(self, asker: Asker, arrival: Arrival, *, repeated: bool) -> Kept:
        submit, content, part = arrival.submit, arrival.order.content, arrival.part
        in_response, in_receipt = ID_FORMS[self.settings.ids]
        number = next(self._ids)
        segment = Segment(
            arrival.at,
            asker.session,
            asker.sequence,
            asker.account.username,
            in_response.format(number),
            submit.source,
            submit.destination,
            content.text,
            part.reference,
            part.number,
            part.total,
            len(content.segments),
            repeated,
            arrival.body,
        )
        recipient = self._world.message_fate(submit.destination)
        ahead = fate(arrival, recipient, self._world.median_latency_s)
        kept = Kept(segment, in_receipt.format(number), arrival.order.scheduled_for, ahead)
        self._kept[segment.message_id] = kept
        self.ledger.segments.append(segment)
        return kept

    def _charge(self, kept: Kept, account: Account, price: Decimal, *, continues: bool) -> None:
        segment = kept.segment
        account.spent += price
        self.ledger.charges.append(
            Charge(
                next(self._numbers),
                segment.at,
                segment.account,
                ChargeKind.MESSAGE,
                segment.message_id,
                segment.msisdn,
                price,
                segment.text,
                continues,
            )
        )

    def _promise_receipts(self, kept: Kept, asked: int, fault: SmscFault | None = None) -> None:
        """Plan the receipts that registered_delivery asks for (5.2.17)."""
        if not asked:
            return
        later = self.faults.late_s if fault is SmscFault.RECEIPT_LATE else 0.0
        final = asked & WHAT_IS_ASKED
        kinds = [False] * bool(asked & INTERMEDIATE and kept.state_at(kept.segment.at) is State.ENROUTE)
        kinds += [True] * bool(final and (final != FAILURE_ONLY or kept.fate.state is not State.DELIVERED))
        copies = 2 if fault is SmscFault.RECEIPT_TWICE else 1
        kept.receipts = tuple(Receipt(kept, final=is_final) for is_final in kinds * copies)
        for receipt in kept.receipts:
            self._report(receipt, receipt.at + later)

    def _report(self, receipt: Receipt, at: float) -> None:
        heapq.heappush(self._to_report, (at, next(self._order), receipt))

    def _take_back(self, kept: Kept, now: float) -> None:
        """A message that is taken back is final at once; nothing is paid back."""
        for receipt in kept.receipts:
            receipt.void = True
        kept.fate = Fate(now, now, now, State.DELETED, 0)
        segment = kept.segment
        self.ledger.cancellations.append(Cancellation(now, segment.account, segment.message_id, segment.msisdn))
        self._promise_receipts(kept, kept.submit.registered_delivery)

    def _find(self, account: Account, message_id: str) -> Kept:
        kept = self._kept.get(message_id)
        if kept is None or kept.segment.account != account.username:
            raise Rejected(Status.ESME_RINVMSGID)
        return kept
