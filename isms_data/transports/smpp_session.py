"""One SMPP session without its connection: octets come in, octets go out, and each request is told what it came to.

SMPP 3.4, chapter 2. A session is `open` when its bind is on the way, `bound` from the answer on, `unbinding` once
either side said unbind, and `closed`; `Session.HEARD` is the table of what may come in which state. Nothing here waits
or connects: times are arguments, `tick` says when to look at the clock again, and `Owner` hears what happened.

What must change together. A request is told exactly once. It is in the queue until it is written, and from then on
among the unanswered until its answer comes; `_end` empties both, and says of the first that nothing was sent, of the
second that nobody knows. Written means handed to `write`, for there is no telling how far it came from there. An answer
is taken only for a request that is unanswered and of its command; any other is left alone, and the request it might
have been for runs into its time-out, which ends the session: what comes too late meets nobody.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol

from isms_data.errors import GatewayError, GatewayUnavailable, ReplyLost
from isms_data.transports.smpp_pdu import (
    RESPONSE,
    Bind,
    BindResp,
    Command,
    MessageId,
    Pdu,
    PduError,
    QueryResp,
    Splitter,
    Status,
    frame,
    status_name,
)
from isms_data.transports.smpp_refusals import BINDS, BUSY, refusal, request_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from isms_data.transports.smpp_settings import SmppSettings

    _Heard = dict[int, Callable[["Session", Pdu], None]]

LAST_SEQUENCE: Final = 0x7FFF_FFFF
"""Sequence numbers go from 1 to here (3.2), and begin again."""

_BIND: Final = {
    "transceiver": Command.BIND_TRANSCEIVER,
    "transmitter": Command.BIND_TRANSMITTER,
    "receiver": Command.BIND_RECEIVER,
}

_NACK: Final = int(Command.GENERIC_NACK)

log = logging.getLogger("isms_data")


class State(StrEnum):
    """Where a session is."""

    OPEN = "open"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class Outgoing(NamedTuple):
    """A request to be written: the session and the number reserved for it, and the octets of its body."""

    key: Any
    """Whatever the caller knows it by."""
    session: str
    sequence: int
    body: bytes


class Request(NamedTuple):
    """A request with its command, and who is told what it came to: what the answer says, or why there is none."""

    command: int
    item: Outgoing
    told: Callable[[Outgoing, Any], object]


class Owner(Protocol):
    """Who holds sessions, and hears of them."""

    def bound(self, session: Session) -> None:
        """It may be used from now on."""

    def answered(self, session: Session) -> None:
        """There may be more room than there was."""

    def slow_down(self) -> None:
        """The gateway said that more came than it takes."""

    def came(self, session: Session, pdu: Pdu) -> None:
        """A deliver_sm or data_sm, to be answered with `acknowledge`."""

    def ended(self, session: Session) -> None:
        """Nothing more is written in it. Comes again when the last answers have come or will not come."""


class Session:
    """One bind, from the connection being there to its end.

    `write` takes octets for the other side, `hang_up` ends the connection: in good order, what was written being sent,
    or at once.
    """

    def __init__(
        self,
        settings: SmppSettings,
        owner: Owner,
        *,
        write: Callable[[bytes], object],
        hang_up: Callable[[bool], object],
    ) -> None:
        self.name = secrets.token_hex(8)
        self.state = State.OPEN
        self.error: GatewayError | None = None
        """Why it has ended."""
        self.served = False
        """Whether anything was answered or delivered once it was bound."""
        self.paused = False
        """Whether the connection takes no more for now."""
        self._settings, self._owner, self._write, self._hang_up = settings, owner, write, hang_up
        self._splitter = Splitter()
        self._queue: deque[Request] = deque()
        self._unanswered: dict[int, tuple[Request, float]] = {}
        """By sequence number, with the time of writing; in the order of writing."""
        self._sequence = 0
        self._reserved = 0
        """Numbers given out and not yet used."""
        self._heard_at = -math.inf

    @property
    def room(self) -> int:
        """How much of the window nobody has asked for; below 0 where more was."""
        return self._settings.window - len(self._unanswered) - len(self._queue) - self._reserved

    @property
    def unanswered(self) -> int:
        """How many requests were written and are not answered."""
        return len(self._unanswered)

    @property
    def writable(self) -> int:
        """How many of those that wait may be written now."""
        if self.state is not State.BOUND or self.paused:
            return 0
        return max(0, min(len(self._queue), self._settings.window - len(self._unanswered)))

    def reserve(self, count: int) -> int:
        """The first of so many sequence numbers in a row, which nobody else gets."""
        self._reserved += count
        return self._numbers(count)

    def put(self, request: Request) -> None:
        """Let a request wait for its turn; its number was reserved."""
        self._reserved -= 1
        self._queue.append(request)

    def write(self, count: int, now: float) -> None:
        """Write the next so many of `writable`."""
        frames = []
        for _ in range(count):
            request = self._queue.popleft()
            command, (_, _, sequence, body), _ = request
            self._unanswered[sequence] = request, now
            frames.append(frame(command, sequence, body))
        self._write(b"".join(frames))

    def bind(self, now: float) -> None:
        """Begin: the connection is there."""
        self._heard_at = now
        settings = self._settings
        body = Bind(settings.user, settings.password, settings.system_type).encode()
        self._ask(_BIND[settings.mode], body, self._bind_answered, now)

    def unbind(self, now: float) -> None:
        """End in good order: write nothing more, and hang up when the other side says unbind_resp."""
        if self.state is State.BOUND:
            self._leave()
            self._ask(Command.UNBIND, b"", self._unbind_answered, now)

    def withdraw(self, why: str) -> None:
        """Take back what waits to be written."""
        waiting, self._queue = self._queue, deque()
        for request in waiting:
            request.told(request.item, _unsent(request, why))

    def receive(self, data: bytes, now: float) -> None:
        """What came through the connection."""
        self._heard_at = now
        broken = None
        try:
            pdus: Iterable[Pdu] = self._splitter.feed(data)
        except PduError as error:
            pdus, broken = error.before, error
        before = len(self._unanswered)
        for pdu in pdus:
            self._hear(pdu)
        if broken is not None:
            self._end(f"what came cannot be read: {broken}")
        elif len(self._unanswered) != before:
            self._owner.answered(self)
        if self.state is State.UNBINDING and not self._unanswered:
            self._end("the session was unbound", in_order=True)

    def tick(self, now: float) -> float:
        """Do what is due by the clock; when to look again."""
        if self.state is State.CLOSED:
            return math.inf
        oldest = next(iter(self._unanswered.values()), None)
        due = (now if oldest is None else oldest[1]) + self._settings.timeout_s
        if due <= now:
            self._end(f"no answer came within {self._settings.timeout_s:g} s")
            return math.inf
        enquire_s = self._settings.enquire_s
        if self.state is not State.BOUND:
            return min(due, now + enquire_s)
        if self._heard_at + enquire_s <= now:
            self._heard_at = now  # ask again only after another silence
            self._ask(Command.ENQUIRE_LINK, b"", _nobody, now)
        return min(due, self._heard_at + enquire_s)

    def lost(self, why: str) -> None:
        """The connection has ended."""
        self._end(f"the connection ended ({why})")

    def acknowledge(self, answers: Iterable[tuple[Pdu, int]]) -> None:
        """Answer what `came`, each with a status; too late where the session has ended."""
        if self.state is State.BOUND:
            self._write(
                b"".join([frame(pdu.command | RESPONSE, pdu.sequence, b"\0", status) for pdu, status in answers])
            )

    # What comes

    def _hear(self, pdu: Pdu) -> None:
        handle = self.HEARD[self.state].get(pdu.command)
        if handle is not None:
            handle(self, pdu)
        elif self.state is State.CLOSED or pdu.command & RESPONSE:
            log.debug("SMPP: 0x%08X came in a session that is %s", pdu.command, self.state)
        elif pdu.command in _REQUESTS:
            self._write(frame(pdu.command | RESPONSE, pdu.sequence, status=Status.ESME_RINVBNDSTS))
        else:
            self._write(frame(Command.GENERIC_NACK, pdu.sequence, status=Status.ESME_RINVCMDID))

    def _answer(self, pdu: Pdu) -> None:
        """An answer to one of ours, or a generic_nack in place of one."""
        request, _ = self._unanswered.get(pdu.sequence, (None, 0.0))
        if request is None or (pdu.command != request.command | RESPONSE and pdu.command != _NACK):
            log.warning("SMPP: an answer came that nothing waits for (%s)", status_name(pdu.status))
            return
        outcome: Any
        if pdu.status or pdu.command == _NACK:
            outcome = refusal(request.command, pdu.status)
            if pdu.status in BUSY:
                self._owner.slow_down()
        else:
            try:
                outcome = _READ[request.command](pdu.body)
            except PduError as error:
                self._end(f"what came cannot be read: {error}")
                return
        del self._unanswered[pdu.sequence]
        self.served = self.served or self.state is State.BOUND
        request.told(request.item, outcome)

    def _bind_answered(self, _item: Outgoing, outcome: BindResp | GatewayError) -> None:
        if isinstance(outcome, BindResp):
            self.state = State.BOUND
            self._owner.bound(self)
        else:
            self.error = outcome
            self._end("the bind was refused", in_order=True)

    def _unbind_answered(self, _item: Outgoing, _outcome: object) -> None:
        self._end("the session was unbound", in_order=True)

    def _is_alive(self, pdu: Pdu) -> None:
        self._write(frame(Command.ENQUIRE_LINK_RESP, pdu.sequence))

    def _unbound(self, pdu: Pdu) -> None:
        """The other side ends the session: what it has not answered it may still answer."""
        self._leave()
        self._write(frame(Command.UNBIND_RESP, pdu.sequence))

    def _deliver(self, pdu: Pdu) -> None:
        self.served = True
        self._owner.came(self, pdu)

    def _ignore(self, pdu: Pdu) -> None:
        """Nothing to answer, or nothing that may still be answered: the other side keeps it."""

    _ANSWERS: ClassVar[_Heard] = dict.fromkeys(
        (Command.SUBMIT_SM_RESP, Command.QUERY_SM_RESP, Command.ENQUIRE_LINK_RESP), _answer
    )
    _ALWAYS: ClassVar[_Heard] = {
        Command.ENQUIRE_LINK: _is_alive,
        Command.GENERIC_NACK: _answer,
        Command.OUTBIND: _ignore,
        Command.ALERT_NOTIFICATION: _ignore,
    }
    HEARD: ClassVar[Mapping[State, _Heard]] = {
        State.OPEN: {
            **_ALWAYS,
            **dict.fromkeys(
                (Command.BIND_TRANSCEIVER_RESP, Command.BIND_TRANSMITTER_RESP, Command.BIND_RECEIVER_RESP), _answer
            ),
        },
        State.BOUND: {
            **_ALWAYS,
            **_ANSWERS,
            Command.UNBIND: _unbound,
            Command.DELIVER_SM: _deliver,
            Command.DATA_SM: _deliver,
        },
        State.UNBINDING: {
            **_ALWAYS,
            **_ANSWERS,
            Command.UNBIND: _unbound,
            Command.UNBIND_RESP: _answer,
            Command.DELIVER_SM: _ignore,
            Command.DATA_SM: _ignore,
        },
        State.CLOSED: {},
    }
    """What may come in which state, and what is done about it."""

    # What goes

    def _numbers(self, count: int) -> int:
        first = self._sequence + 1 if self._sequence + count <= LAST_SEQUENCE else 1
        self._sequence = first + count - 1
        return first

    def _ask(self, command: int, body: bytes, told: Callable[[Outgoing, Any], object], now: float) -> None:
        """Write a request of the session's own, which has no turn to wait for."""
        item = Outgoing(None, self.name, self._numbers(1), body)
        self._unanswered[item.sequence] = Request(command, item, told), now
        self._write(frame(command, item.sequence, body))

    def _leave(self) -> None:
        """Write nothing more."""
        self.state = State.UNBINDING
        self._owner.ended(self)
        self.withdraw("the session is being unbound")

    def _end(self, why: str, *, in_order: bool = False) -> None:
        """Close, and tell everybody; what is told may already ask for another session."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.error = self.error or GatewayUnavailable(f"the SMPP session with {self._settings.address} ended: {why}.")
        unanswered, self._unanswered = self._unanswered, {}
        self._owner.ended(self)
        self._hang_up(in_order)
        for request, _ in unanswered.values():
            request.told(request.item, _lost(request, why))
        self.withdraw(why)


def _nobody(_item: Outgoing, _outcome: object) -> None:
    """Who asked wanted to hear anything at all."""


def _lost(request: Request, why: str) -> GatewayError:
    name = request_name(request.command)
    if request.command in BINDS:
        return GatewayUnavailable(f"{name} was not answered: {why}. Nothing was sent; try again later.")
    paid = " and charged" if request.command == Command.SUBMIT_SM else ""
    return ReplyLost(f"{name} was written and its answer did not come: {why}. It may have been carried out{paid}.")


def _unsent(request: Request, why: str) -> GatewayError:
    return GatewayUnavailable(f"{request_name(request.command)} was not written: {why}. Nothing was sent.")


def never_written(item: Outgoing) -> GatewayError:
    """What is told of a message whose session has ended before it was posted."""
    session = f"session {item.session} has ended" if item.session else "there was no session"
    return GatewayUnavailable(f"submit_sm was not written: {session}. Nothing was sent.")


_READ: Final[Mapping[int, Callable[[bytes], Any]]] = {
    **dict.fromkeys(BINDS, BindResp.decode),
    Command.SUBMIT_SM: lambda body: MessageId.decode(body).message_id,
    Command.QUERY_SM: QueryResp.decode,
    Command.ENQUIRE_LINK: lambda body: body,
    Command.UNBIND: lambda body: body,
}
"""What the answer to each request says."""

_REQUESTS: Final = frozenset(each for each in Command if not each & RESPONSE and each | RESPONSE in set(Command))
"""The commands that have an answer."""
