"""The ledger: what the sandbox was asked, what it did, and what it charged. The truth that tests read.

Entries are immutable and lists only grow, so another thread may read them while the server writes; `requests` and
`contacts`, which also shrink, it reads through `entries`. Times are seconds since 1970 on the sandbox's clock.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isms_data.vocabulary import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from isms_data.vocabulary import Coding, MessageStatus


class ChargeKind(StrEnum):
    """What a charge was for."""

    MESSAGE = "message"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the sandbox; `params` never has the password, `reply` is what was sent or was to be."""

    number: int
    at: float
    method: str
    page: str
    params: Mapping[str, str]
    carried_out: bool = False
    fault: str | None = None
    http_status: int = 0
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """One amount taken for one number in one call; `request` is the number of the request that caused it.

    By SMPP each segment is a call of its own. `continues` says that it goes on with a message of which another segment
    was charged before, so that the charges without it are the messages.
    """

    request: int
    at: float
    account: str
    kind: ChargeKind
    call_id: str
    msisdn: str
    amount: Decimal
    text: str | None
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """One accepted lookup, with the answer that it will give from `final_at` on."""

    account: str
    call_id: str
    msisdn: str
    accepted_at: float
    pending_at: float
    final_at: float
    reply: str


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted message to one number, with the status that it will have from `final_at` on.

    `text` is as the client wrote it, `parts` as the phone shows it. By SMPP a message is accepted with the last of its
    segments to arrive; `segment_ids` are theirs in the order of the text, and the first is `call_id`.
    """

    account: str
    call_id: str
    msisdn: str
    sender: str
    text: str
    coding: Coding
    parts: tuple[str, ...]
    flash: bool
    accepted_at: float
    scheduled_for: float | None
    pending_at: float
    final_at: float
    status: MessageStatus
    dlr_url: str
    transport: Transport = Transport.HTTP
    segment_ids: tuple[str, ...] = ()


class Segment(NamedTuple):
    """One submit_sm that was accepted: `body` as it came, and what was read in it.

    `reference`, `part` and `parts` say where in a longer message it belongs; `charged` is how many short messages were
    charged for it (more than one for a message_payload); `repeated`: this part of the message was there already.
    """

    at: float
    session: int
    sequence: int
    account: str
    message_id: str
    sender: str
    msisdn: str
    text: str
    reference: int | None
    part: int
    parts: int
    charged: int
    repeated: bool
    body: bytes


class ReceiptAttempt(NamedTuple):
    """One attempt to tell a receipt to a bind; `status` is the command_status of its answer, None where none came."""

    at: float
    session: int
    account: str
    message_id: str
    msisdn: str
    state: str
    attempt: int
    status: int | None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """One scheduled message taken back by cancel_sm."""

    at: float
    account: str
    message_id: str
    msisdn: str


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact as it stands."""

    account: str
    mobile: str
    surname: str
    name: str
    comments: str
    saved_at: float


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One fault done to one request."""

    request: int
    at: float
    page: str
    kind: str
    carried_out: bool


@dataclass(frozen=True, slots=True)
class ReportAttempt:
    """One attempt to tell a dlr-url what became of a message; `http_status` is None where no answer came."""

    at: float
    call_id: str
    msisdn: str
    url: str
    attempt: int
    http_status: int | None
    problem: str


KINDS: Final = (
    "requests", "charges", "messages", "lookups", "contacts", "faults", "reports", "segments", "receipts",
    "cancellations",
)  # fmt: skip
"""The parts of the ledger, as `/sandbox/ledger?kind=` names them."""


@dataclass(slots=True)
class Ledger:
    """Everything that happened, newest last. Of `requests` only the last ones are kept, `request_counts` counts all.

    SMPP commands are counted there too, by name, but not kept; `smpp_statuses` counts what they were answered with.
    """

    requests: deque[Request]
    request_counts: Counter[str] = field(default_factory=Counter)
    carried_out_counts: Counter[str] = field(default_factory=Counter)
    charges: list[Charge] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    contacts: dict[tuple[str, str], Contact] = field(default_factory=dict)
    faults: list[InjectedFault] = field(default_factory=list)
    reports: list[ReportAttempt] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    receipts: list[ReceiptAttempt] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    smpp_statuses: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0

    def record(self, request: Request) -> None:
        """Write a request down once its reply is known."""
        self.requests.append(request)
        self.request_counts[request.page] += 1
        self.carried_out_counts[request.page] += request.carried_out
        if request.fault:
            self.faults.append(
                InjectedFault(request.number, request.at, request.page, request.fault, request.carried_out)
            )

    def entered(self) -> None:
        """A request has arrived and is not answered yet."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def left(self) -> None:
        """A request is answered, or its connection gone."""
        self.in_flight -= 1

    def charged(self, *, account: str | None = None, kind: str | None = None) -> Decimal:
        """The sum of the charges, of one account or kind where named."""
        return sum((charge.amount for charge in self._charges(account, kind)), Decimal(0))

    def times_charged(self, *, account: str | None = None, kind: str | None = None) -> Counter[str]:
        """How many times each number was charged: the question behind "at most once".

        The segments of one message are one time, a segment that came twice is one more.
        """
        return Counter(charge.msisdn for charge in self._charges(account, kind) if not charge.continues)

    def _charges(self, account: str | None, kind: str | None) -> Iterator[Charge]:
        return (c for c in self.charges if account in {None, c.account} and kind in {None, c.kind})

    def entries(self, kind: str) -> list[Any]:
        """The entries of one of `KINDS` as they stand now."""
        entries = getattr(self, kind)
        return list(entries.values()) if isinstance(entries, dict) else list(entries)

    def summary(self) -> dict[str, Any]:
        """The counts, as JSON knows them."""
        return {
            "requests": dict(self.request_counts),
            "carried_out": dict(self.carried_out_counts),
            "charged": {kind.value: str(self.charged(kind=kind)) for kind in ChargeKind},
            "entries": {kind: len(getattr(self, kind)) for kind in KINDS},
            "smpp_statuses": dict(self.smpp_statuses),
            "faults": dict(Counter(fault.kind for fault in self.faults)),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
        }


def row(entry: Any) -> dict[str, Any]:
    """One entry as JSON knows it, amounts as text and octets in hexadecimal."""
    return {name: _plain(getattr(entry, name)) for name in entry.__match_args__}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, Decimal) else value
