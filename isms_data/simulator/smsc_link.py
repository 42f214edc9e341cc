"""One SMPP link: octets in, commands carried out in the states that allow them, octets out; receipts and their answers.

States (2.2): open, bound as transmitter, receiver or transceiver; on the way out after an unbind of the server. A
command out of its state (2.3) is refused with ESME_RINVBNDSTS and changes nothing. What one read brings is answered in
one write.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, cast

from isms_data.simulator.smsc_codec import (
    HEADER,
    LAST_SEQUENCE,
    LONGEST_PDU,
    RESPONSE,
    Command,
    Rejected,
    Status,
    Tag,
    c_octets,
    command_name,
    frame,
    tlv,
)
from isms_data.simulator.smsc_desk import Asker
from isms_data.simulator.smsc_faults import SmscFault
from isms_data.simulator.smsc_outlet import Outlet

if TYPE_CHECKING:
    from isms_data.simulator.smsc_desk import Bound, Smsc
    from isms_data.simulator.smsc_receipts import Receipt

SYSTEM_ID: Final = "isms-sandbox"
INTERFACE_VERSION: Final = b"\x34"

BINDS: Final = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER})
SENDING: Final = frozenset({Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER})
RECEIVING: Final = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSCEIVER})
ALLOWED: Final[dict[int, frozenset[Command]]] = {
    Command.SUBMIT_SM: SENDING,
    Command.QUERY_SM: SENDING,
    Command.CANCEL_SM: SENDING,
    Command.ENQUIRE_LINK: BINDS,
    Command.UNBIND: BINDS,
}
"""Which binds may send what (2.3); all other commands are not offered."""

REFUSALS: Final = {
    SmscFault.THROTTLE: Status.ESME_RTHROTTLED,
    SmscFault.QUEUE_FULL: Status.ESME_RMSGQFUL,
    SmscFault.GENERIC_NACK: Status.ESME_RUNKNOWNERR,
}


class Exchange(Protocol):
    """What a link knows of the others."""

    links: dict[int, Link]

    def feed(self, username: str) -> None:
        """Give the waiting receipts of an account to its links."""


class Link(asyncio.Protocol):
    """One connection; `number` tells it from the others in the ledger."""

    def __init__(self, desk: Smsc, exchange: Exchange, number: int) -> None:
        self.number = number
        self.bound: Bound | None = None
        self._desk = desk
        self._exchange = exchange
        self._mode: Command | None = None
        self._rest = b""
        self._clock = asyncio.get_running_loop().time
        self._opened = self._heard = self._clock()
        self._enquired: tuple[int, float] | None = None
        self._leaving: float | None = None
        self._choked = False
        self._untold: dict[int, tuple[Receipt, float]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)
        self.outlet = Outlet(self._transport)
        self._exchange.links[self.number] = self

    def connection_lost(self, _error: Exception | None) -> None:
        """The link is gone; receipts without an answer are told to another."""
        self._exchange.links.pop(self.number, None)
        self.outlet.stop()
        for receipt, _at in self._untold.values():
            self._desk.answered(receipt, self.number, None)
        self._untold.clear()

    def pause_writing(self) -> None:
        """A client that does not read is not read either."""
        self._choked = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._choked = False
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Carry out every PDU that is whole; the rest waits for more."""
        self._heard = self._clock()
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at >= HEADER.size and not self.outlet.over:
            length, command, status, sequence = HEADER.unpack_from(data, at)
            if not HEADER.size <= length <= LONGEST_PDU:
                self._give_up()
                return
            if end - at < length:
                break
            self._take(command, status, sequence, data[at + HEADER.size : at + length])
            at += length
        self._rest = data[at:]
        self.outlet.flush()

    @property
    def username(self) -> str | None:
        """Whose link it is."""
        return self.bound.account.username if self.bound else None

    @property
    def room(self) -> int:
        """How many more receipts it takes now."""
        if self._mode not in RECEIVING or self._leaving or self._choked or self.outlet.over:
            return 0
        return self._desk.settings.receipt_window - len(self._untold)

    def tell(self, receipt: Receipt) -> None:
        """Send a receipt with the next flush."""
        settings = self._desk.settings
        knows_tlvs = self.bound is not None and self.bound.knows_tlvs
        form = settings.receipts if knows_tlvs else None
        command = Command.DATA_SM if knows_tlvs and settings.receipt_command == "data_sm" else Command.DELIVER_SM
        sequence = next(self.outlet.sequences)
        receipt.attempts += 1
        self._untold[sequence] = receipt, self._clock()
        body = receipt.data_sm(settings.receipts) if command is Command.DATA_SM else receipt.deliver_sm(form)
        self.outlet.put(frame(command, sequence, body))

    def look(self) -> None:
        """See what has taken too long: the bind, an answer to an enquiry or an unbind, a receipt's; and enquire."""
        now, settings = self._clock(), self._desk.settings
        since = self._opened if self.bound is None else self._leaving or (self._enquired and self._enquired[1])
        if since is not None and now - since > settings.timeout_s:
            self.outlet.cut()
            return
        while self._untold and now - next(iter(self._untold.values()))[1] > settings.timeout_s:
            receipt, _at = self._untold.pop(next(iter(self._untold)))
            self._desk.answered(receipt, self.number, None, again_in=settings.repeat_after_s)
        if self.bound and not self._enquired and now - self._heard > settings.enquire_s:
            self._enquired = next(self.outlet.sequences), now
            self.outlet.put(frame(Command.ENQUIRE_LINK, self._enquired[0]))
            self.outlet.flush()

    def unbind(self) -> None:
        """The server wants to end the link: no more receipts, and the end when the client agrees."""
        self._leaving = self._clock()
        self.outlet.put(frame(Command.UNBIND, next(self.outlet.sequences)))

    def _take(self, command: int, status: int, sequence: int, body: bytes) -> None:
        """One PDU; a sequence_number that is none (3.2) is noted, and answered as servers do."""
        if not 1 <= sequence <= LAST_SEQUENCE and command != Command.GENERIC_NACK:
            self._desk.ledger.smpp_statuses["sequence_number out of range"] += 1
        if command & RESPONSE:
            self._answered(command, status, sequence)
            return
        faults = self._desk.faults
        fault = faults.draw(command_name(command)) if faults.pending else None
        if fault is None:
            self.outlet.put(self._reply(command, sequence, body, None))
        else:
            self._desk.faulted(command, fault[0])
            self._take_spoilt(fault, command, sequence, body)
        if command in BINDS and self.username:
            self._exchange.feed(self.username)
        elif command == Command.UNBIND and self._mode is None:
            self.outlet.close()

    def _take_spoilt(self, fault: tuple[SmscFault, int], command: int, sequence: int, body: bytes) -> None:
        kind, refusal = fault
        if kind.carried_out:
            reply = self._reply(command, sequence, body, kind)
            if kind is SmscFault.RECEIPT_FIRST and self.username:
                self._desk.due()
                self._exchange.feed(self.username)
            self.outlet.spoil(kind, reply, self._desk.faults)
            if kind is SmscFault.UNBIND:
                self.unbind()
            return
        if kind is SmscFault.CUT_BEFORE_ACCEPT:
            self.outlet.cut()
        elif kind is not SmscFault.SILENCE_BEFORE_ACCEPT:
            status = REFUSALS.get(kind, refusal)
            self._desk.count(command, status)
            answer = Command.GENERIC_NACK if kind is SmscFault.GENERIC_NACK else command | RESPONSE
            self.outlet.put(frame(answer, sequence, status=status))

    def _reply(self, command: int, sequence: int, body: bytes, fault: SmscFault | None) -> bytes:
        """Carry out a command; its response, which has no body where it is a refusal (4.4.2)."""
        status, answer = 0, b""
        try:
            answer = self._carry_out(command, sequence, body, fault)
        except Rejected as refusal:
            status = refusal.status
        self._desk.count(command, status)
        offered = command in ALLOWED or command in BINDS
        return frame(command | RESPONSE if offered else Command.GENERIC_NACK, sequence, answer, status)

    def _carry_out(self, command: int, sequence: int, body: bytes, fault: SmscFault | None) -> bytes:
        if command in BINDS:
            return self._bind(Command(command), body)
        allowed = ALLOWED.get(command)
        if allowed is None:
            raise Rejected(Status.ESME_RINVCMDID)
        if self._mode not in allowed or self.bound is None:
            raise Rejected(Status.ESME_RINVBNDSTS)
        account = self.bound.account
        if command == Command.SUBMIT_SM:
            return c_octets(self._desk.submit(Asker(account, self.number, sequence), body, fault))
        if command == Command.QUERY_SM:
            message_id, final_at, state, error = self._desk.query(account, body)
            return c_octets(message_id) + c_octets(_written(final_at)) + bytes([state, error])
        if command == Command.CANCEL_SM:
            self._desk.cancel(account, body)
        elif body:
            raise Rejected(Status.ESME_RINVCMDLEN)
        elif command == Command.UNBIND:
            self._mode = None
        return b""

    def _bind(self, mode: Command, body: bytes) -> bytes:
        if self.bound:
            raise Rejected(Status.ESME_RALYBND)
        bound = self._desk.bind(body)
        most = self._desk.settings.max_binds
        others = sum(link.username == bound.account.username for link in self._exchange.links.values())
        if most is not None and others >= most:
            raise Rejected(Status.ESME_RALYBND)
        self.bound, self._mode = bound, mode
        return c_octets(SYSTEM_ID) + (tlv(Tag.SC_INTERFACE_VERSION, INTERFACE_VERSION) if bound.knows_tlvs else b"")

    def _answered(self, command: int, status: int, sequence: int) -> None:
        """A response to what the server sent; one that answers nothing is passed over."""
        request = command & ~RESPONSE
        if request == Command.UNBIND and self._leaving:
            self.outlet.close()
        elif request == Command.ENQUIRE_LINK and self._enquired and self._enquired[0] == sequence:
            self._enquired = None
        elif request in {Command.DELIVER_SM, Command.DATA_SM, 0} and sequence in self._untold:
            receipt, _at = self._untold.pop(sequence)
            status = status or (0 if request else Status.ESME_RUNKNOWNERR)
            self._desk.answered(receipt, self.number, status, again_in=self._desk.settings.repeat_after_s)
            if self.username and self._desk.waiting[self.username]:
                self._exchange.feed(self.username)

    def _give_up(self) -> None:
        """Where a PDU begins nobody knows any more: the sequence_number is 0 (3.2), and the link ends."""
        self.outlet.put(frame(Command.GENERIC_NACK, 0, status=Status.ESME_RINVCMDLEN))
        self.outlet.close()


def _written(at: float | None) -> str:
    """A time in UTC (7.1.1), or none."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%y%m%d%H%M%S") + "000+"
