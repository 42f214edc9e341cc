"""The SMPP API: messages out at the account's pace, receipts in, over binds that are kept up.

`smpp_binds` holds the connections, `smpp_session` the rules of each; here is what a user of them says and hears.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from isms_data import scheduling
from isms_data.errors import (
    ConfigurationError,
    GatewayError,
    GatewayUnavailable,
    InvalidSchedule,
    ProtocolError,
    ReplyLost,
)
from isms_data.transports.smpp_binds import Binds, News, Reserved
from isms_data.transports.smpp_pdu import Command, DataSm, PduError, QueryResp, QuerySm, ShortMessage, Status
from isms_data.transports.smpp_session import Outgoing
from isms_data.transports.smpp_settings import SmppSettings
from isms_data.transports.smpp_text import (
    STATES,
    STATUSES,
    Receipt,
    absolute_time,
    read_receipt,
    recipient_address,
    sender_address,
    wires,
)
from isms_data.vocabulary import Coding, MessageStatus

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable
    from types import TracebackType

    from isms_data.account import Account
    from isms_data.transports.smpp_pdu import Pdu, Tlv
    from isms_data.transports.smpp_session import Session
    from isms_data.transports.smpp_settings import Mode
    from isms_data.transports.smpp_text import Wire

__all__ = ["Outgoing", "Receipt", "Reserved", "SmppGateway", "submit_body"]

MAX_INBOX: Final = 10_000
"""Receipts that wait to be taken; beyond, the SMSC is told that the queue is full, and keeps them."""

MAX_REFERENCES: Final = 65_536
"""Pairs of sender and recipient whose last reference number is remembered."""

WITH_RECEIPT: Final = 0x01
"""`registered_delivery` (SMPP 3.4, 5.2.17): a receipt once the message is delivered or has failed."""

_ATHENS: Final = "Europe/Athens"

log = logging.getLogger("isms_data")


class SmppGateway:
    """Binds to the SMSC; use as `async with SmppGateway(account) as gateway:`.

    `send` and `query` are for one message, `receipts` for what becomes of it. `ready`, `reserve` and `post` are for
    many: they cost no task and no future for each, and let the sequence number of a message be written down before it
    leaves. Links that end are made again in the background; a message is never sent again from here.

    Parameters
    ----------
    account : Account or SmppSettings
    mode : {"transceiver", "transmitter", "receiver"}, optional
        Instead of that of the address.
    tls : SSLContext, optional
        For `smpps://`, instead of the system's certificates.

    Raises
    ------
    ConfigurationError    the account has no SMPP address, or one that cannot be used.
    AuthenticationError   on entering: the bind was refused with ESME_RINVPASWD, ESME_RINVSYSID or ESME_RBINDFAIL.
    GatewayUnavailable    on entering: not reached, or refused for another reason.

    Examples
    --------
    >>> import asyncio, isms_data as isms
    >>> async def greet(account):
    ...     async with SmppGateway(account) as gateway:
    ...         ids = await gateway.send("MyShop", "306970000001", "Hello")
    ...         async for receipt in gateway.receipts():
    ...             return receipt.message_id == ids[0]
    >>> with isms.sandbox(seed=7, median_latency_s=0.01) as account:
    ...     asyncio.run(greet(account))
    True
    """

    def __init__(
        self, account: Account | SmppSettings, *, mode: Mode | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        settings = account if isinstance(account, SmppSettings) else _settings(account)
        self.settings = settings if mode is None else replace(settings, mode=mode)
        """Where and how it is bound."""
        self._timezone = _ATHENS if isinstance(account, SmppSettings) else account.timezone
        self._inbox = Inbox()
        self._binds = Binds(self.settings, self._inbox.came, tls)
        self._references: dict[tuple[str, str], int] = {}

    async def __aenter__(self) -> Self:
        self._inbox.open()
        await self._binds.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inbox.close()
        await self._binds.close()

    # One message

    async def send(
        self,
        sender: str,
        to: str,
        text: str,
        *,
        coding: Coding = Coding.GSM,
        flash: bool = False,
        schedule: datetime | None = None,
    ) -> tuple[str, ...]:
        """Send one text to one recipient; the ids of its segments, in order. Paid, never repeated.

        Raises
        ------
        TextError            the alphabet lacks a character.
        GatewayUnavailable   not written, or put off (ESME_RTHROTTLED, ESME_RMSGQFUL): nothing was charged.
        ReplyLost            written, and the link ended; or some segments were accepted and others were not.
        GatewayError         refused: InvalidSender, InvalidMobile, InvalidSchedule, or the status by its name.
        """
        self._check_sends()
        settings = self.settings
        cut = wires(
            text,
            coding,
            flash=flash,
            alphabet=settings.alphabet,
            concatenation=settings.concatenation,
            reference=self._reference(sender, to),
        )
        moment = self._moment(schedule)
        bodies = [submit_body(settings, sender, to, wire, schedule=moment) for wire in cut]
        return _ids(await self._asked(Command.SUBMIT_SM, bodies))

    async def query(self, message_id: str, sender: str) -> MessageStatus:
        """What became of a segment; `sender` as it was sent with."""
        self._check_sends()
        source = sender_address(sender)
        body = QuerySm(message_id, source.ton, source.npi, source.digits).encode()
        (answer,) = await self._asked(Command.QUERY_SM, [body])
        if isinstance(answer, GatewayError):
            raise answer
        return _status(answer)

    def receipts(self) -> AsyncIterator[Receipt]:
        """The receipts, as they come; each is acknowledged when the next is asked for, and comes again otherwise.

        Ends when the gateway is closed. Whoever stops in between gets the last one again, at the next bind.
        """
        return _Singles(_Batches(self._inbox, most=1))

    def receipt_batches(self, *, gather_s: float = 0.0) -> AsyncIterator[list[Receipt]]:
        """As `receipts`, all that have come at once; a receipt waits so many seconds for others."""
        return _Batches(self._inbox, most=MAX_INBOX, gather_s=gather_s)

    # Many messages

    async def ready(self) -> None:
        """Wait until a bind is up.

        Raises
        ------
        AuthenticationError, GatewayUnavailable   none has been for 60 s; why the last try failed.
        """
        await self._binds.ready()

    def limit(self, rate: float, sure_until: float) -> None:
        """Keep to this rate instead of that of the settings, and to none once that time has come; 0 waits.

        For those who share the account's rate with others; `sure_until` is by the clock of the loop.
        """
        self._binds.limit(rate, sure_until)

    def withdraw(self, why: str) -> None:
        """Take back what waits to be written; each is told to be GatewayUnavailable."""
        self._binds.withdraw(why)

    def reserve(self, segments: int) -> Reserved:
        """The session with the most room, and the first of so many sequence numbers in a row; ("", 0): none is up."""
        return self._binds.reserve(segments)

    def post(self, segments: Iterable[Outgoing], told: Callable[[Outgoing, str | GatewayError], object]) -> None:
        """Write these in their order, as soon as pace and window allow; each number was reserved, and is used once.

        `told` hears of each exactly once, in the loop, and must not raise: the message id, or
        GatewayUnavailable (not written: its session has ended; or put off by ESME_RTHROTTLED, ESME_RMSGQFUL or
        ESME_RINVBNDSTS), ReplyLost (written, and the link ended without its answer), or why it was refused.
        """
        self._binds.post(segments, told)

    # Inside

    async def _asked(self, command: int, bodies: list[bytes]) -> list[Any]:
        """What the answers to these say, in order; errors are among them."""
        await self._binds.ready()
        session, first = self._binds.reserve(len(bodies))
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[Any]] = [loop.create_future() for _ in bodies]
        items = [
            Outgoing(answer, session, first + place, body)
            for place, (answer, body) in enumerate(zip(answers, bodies, strict=True))
        ]
        self._binds.post(items, _keep, command)
        return await asyncio.gather(*answers)

    def _reference(self, sender: str, to: str) -> int:
        """One more than in the message before from this sender to this recipient."""
        last = self._references.pop((sender, to), None)
        reference = secrets.randbelow(0x1_0000) if last is None else (last + 1) % 0x1_0000
        self._references[sender, to] = reference
        if len(self._references) > MAX_REFERENCES:
            del self._references[next(iter(self._references))]
        return reference

    def _moment(self, schedule: datetime | None) -> str:
        if schedule is None:
            return ""
        moment = scheduling.schedule_of(schedule, timezone=self._timezone, now=datetime.now(UTC)).moment
        if moment is None:
            msg = f"schedule={schedule!r} counts from the gateway's clock, which SMPP cannot ask for. Give a datetime."
            raise InvalidSchedule(msg)
        return absolute_time(moment)

    def _check_sends(self) -> None:
        if self.settings.mode == "receiver":
            msg = "a gateway that is bound as receiver only gets receipts. Use mode='transceiver' or 'transmitter'."
            raise ConfigurationError(msg)


def submit_body(
    settings: SmppSettings, sender: str, to: str, wire: Wire, *, schedule: str = "", tlvs: tuple[Tlv, ...] = ()
) -> bytes:
    """The body of a submit_sm; `schedule` as `absolute_time` writes it."""
    source, recipient = sender_address(sender), recipient_address(to)
    return ShortMessage(
        source_ton=source.ton,
        source_npi=source.npi,
        source=source.digits,
        dest_ton=recipient.ton,
        dest_npi=recipient.npi,
        destination=recipient.digits,
        esm_class=wire.esm_class,
        schedule_delivery_time=schedule,
        validity_period=settings.validity_period,
        registered_delivery=WITH_RECEIPT,
        data_coding=wire.data_coding,
        short_message=wire.short_message,
        tlvs=wire.tlvs + tlvs,
    ).encode()


def _settings(account: Account) -> SmppSettings:
    if account.smpp is None:
        msg = (
            "the account has no SMPP address. Set ISMS_SMPP (or Account(smpp=...)) to what the provider gave you: "
            "smpp://user:password@host:port, or smpps:// for TLS."
        )
        raise ConfigurationError(msg)
    return SmppSettings.of(account.smpp, plaintext=account.allow_plaintext)


def _keep(item: Outgoing, outcome: object) -> None:
    """Who asked may have been cancelled meanwhile."""
    if not item.key.done():
        item.key.set_result(outcome)


def _ids(outcomes: list[str | GatewayError]) -> tuple[str, ...]:
    """The ids of all segments, or what the message as a whole came to."""
    ids = tuple([outcome for outcome in outcomes if isinstance(outcome, str)])
    errors = [outcome for outcome in outcomes if isinstance(outcome, GatewayError)]
    if not errors:
        return ids
    worst = min(errors, key=_how_sure)
    if ids and not isinstance(worst, ReplyLost):
        msg = f"{len(ids)} of the {len(outcomes)} segments were accepted and charged, the others not: {worst}"
        raise ReplyLost(msg)
    raise worst


def _how_sure(error: GatewayError) -> int:
    """In doubt before refused before put off."""
    return 0 if isinstance(error, ReplyLost) else 2 if isinstance(error, GatewayUnavailable) else 1


def _status(answer: QueryResp) -> MessageStatus:
    status = STATUSES.get(STATES.get(answer.message_state, ""))
    if status is None:
        msg = f"query_sm_resp has message_state {answer.message_state}, which says nothing about the message."
        raise ProtocolError(msg)
    return status


# Receipts


class _Came(NamedTuple):
    """A receipt, and what is to be acknowledged for it."""

    session: Session
    pdu: Pdu
    receipt: Receipt


class Inbox:
    """What the SMSC delivered and nobody has taken yet."""

    def __init__(self) -> None:
        self._waiting: deque[_Came] = deque()
        self._news = News()
        self._closed = True

    def open(self) -> None:
        """Begin with nothing: what an earlier connection delivered comes again."""
        self._waiting.clear()
        self._closed = False

    def came(self, session: Session, pdu: Pdu) -> None:
        """Keep a receipt; what is none is acknowledged and forgotten."""
        try:
            receipt = read_receipt((ShortMessage if pdu.command == Command.DELIVER_SM else DataSm).decode(pdu.body))
        except PduError as error:
            log.warning("SMPP: something was delivered that cannot be read, and is refused for good: %s", error)
            session.acknowledge([(pdu, Status.ESME_RX_P_APPN)])
            return
        if receipt is None:
            log.info("SMPP: a message that is no receipt came; nobody reads it")
            session.acknowledge([(pdu, Status.ESME_ROK)])
        elif len(self._waiting) >= MAX_INBOX:
            session.acknowledge([(pdu, Status.ESME_RMSGQFUL)])
        else:
            self._waiting.append(_Came(session, pdu, receipt))
            self._news.tell()

    async def take(self, most: int, gather_s: float) -> list[_Came]:
        """What has come, a moment after there is some; nothing when the gateway is closed."""
        await self._news.until(lambda: self._waiting or self._closed)
        if gather_s:
            await asyncio.sleep(gather_s)
        if self._closed:
            return []
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def close(self) -> None:
        """Nobody takes any more; what is left comes again at the next bind."""
        self._closed = True
        self._news.tell()


class _Batches:
    """Receipts in batches; one is acknowledged when the next is asked for."""

    def __init__(self, inbox: Inbox, *, most: int, gather_s: float = 0.0) -> None:
        self._inbox, self._most, self._gather_s = inbox, most, gather_s
        self._taken: list[_Came] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Receipt]:
        taken, self._taken = self._taken, []
        by_session: dict[Session, list[tuple[Pdu, int]]] = {}
        for each in taken:
            by_session.setdefault(each.session, []).append((each.pdu, Status.ESME_ROK))
        for session, answers in by_session.items():
            session.acknowledge(answers)
        self._taken = await self._inbox.take(self._most, self._gather_s)
        if not self._taken:
            raise StopAsyncIteration
        return [each.receipt for each in self._taken]


class _Singles:
    """Receipts one by one."""

    def __init__(self, batches: _Batches) -> None:
        self._batches = batches

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Receipt:
        (receipt,) = await anext(self._batches)
        return receipt
