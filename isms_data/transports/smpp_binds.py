"""The connections of an SMPP account: so many binds, each held by a task of its own, and what leaves over them.

A task connects, binds, waits for the end and begins again, after a pause that grows (`pacing.Backoff`). Messages have
neither task nor future: `post` puts them in the queue of their session, and `_pump`, once a turn of the loop, writes
what window and pace allow, in one write for each connection. The rules of a session are in `smpp_session`, those of the
pace in `smpp_rate`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isms_data.errors import AuthenticationError, ConfigurationError, GatewayUnavailable
from isms_data.pacing import Backoff
from isms_data.transports.smpp_pdu import Command
from isms_data.transports.smpp_rate import Pace
from isms_data.transports.smpp_session import Outgoing, Request, Session, State, never_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isms_data.errors import GatewayError
    from isms_data.transports.smpp_pdu import Pdu
    from isms_data.transports.smpp_settings import SmppSettings

CONNECT_S: Final = 10.0
"""How long making a connection may take, TLS included."""

PATIENCE_S: Final = 60.0
"""How long `ready` waits while no bind is up."""

DRAIN_S: Final = 2.0
UNBIND_S: Final = 1.0
"""How long closing waits for the answers to what was written, and for unbind_resp: a stop has 10 s for everything."""

LINGER_S: Final = 1.0
"""How long the last octets may take to leave, unbind_resp among them."""

_BACKOFF: Final = Backoff(longest=15.0, patience=math.inf)
_RANDOM: Final = random.Random()  # noqa: S311 - it spreads retries, it keeps no secret

log = logging.getLogger("isms_data")


class Reserved(NamedTuple):
    """The session in which a message shall go, and the first of its sequence numbers; "" and 0 where none is up."""

    session: str
    sequence: int


class News:
    """Wakes whoever waits until something is so."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Something may have become so."""
        self._event.set()
        self._event.clear()

    async def until(self, so: Callable[[], object]) -> None:
        """Wait until it is."""
        while not so():
            await self._event.wait()


class Binds:
    """So many sessions of one account; `came` gets what the SMSC delivers."""

    def __init__(
        self, settings: SmppSettings, came: Callable[[Session, Pdu], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._came = came
        self._tls = (tls or ssl.create_default_context()) if settings.tls else None
        self._pace = Pace(settings.rate)
        self._sessions: dict[str, Session] = {}
        """Those that may be written to, by name."""
        self._turn = 0
        self._links: set[Link] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._failures: dict[int, GatewayError | None] = {}
        """What the last try of each keeper came to."""
        self._news = News()
        self._down_since = 0.0
        self._is_open = False
        self._pumping: asyncio.Handle | None = None

    async def open(self) -> None:
        """Bind, each once; what fails is tried again in the background as long as one is up.

        Raises
        ------
        AuthenticationError, GatewayUnavailable   not one bind was made.
        """
        self._is_open = True
        self._down_since = _now()
        self._failures.clear()
        self._keepers = [asyncio.create_task(self._keep(place)) for place in range(self._settings.binds)]
        for keeper in self._keepers:
            keeper.add_done_callback(lambda _: self._news.tell())
        try:
            await self._news.until(self._all_tried)
        except BaseException:
            await self._end_keepers()
            raise
        if not self._sessions:
            await self._end_keepers()
            raise self._why_down()

    async def close(self) -> None:
        """Write nothing more, wait for the answers to what was written, unbind, hang up."""
        self._is_open = False
        self._sessions.clear()
        try:
            sessions = [link.session for link in self._links]
            for session in sessions:
                session.withdraw("the gateway was closed")
            await self._within(DRAIN_S, lambda: not any(session.unanswered for session in sessions))
            for session in sessions:
                session.unbind(_now())
            await self._within(UNBIND_S, lambda: all(session.state is State.CLOSED for session in sessions))
        finally:
            await self._end_keepers()

    async def ready(self) -> None:
        """Wait until a bind is up.

        Raises
        ------
        AuthenticationError, GatewayUnavailable   none has been for 60 s; why the last try failed.
        ConfigurationError                        the gateway is not open.
        """
        if not self._sessions and self._is_open:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._down_since + PATIENCE_S):
                    await self._news.until(lambda: self._sessions or not self._is_open)
        if not self._is_open:
            msg = "the gateway is not open. Use it as `async with SmppGateway(account) as gateway:`."
            raise ConfigurationError(msg)
        if not self._sessions:
            raise self._why_down()

    def reserve(self, count: int) -> Reserved:
        """So many sequence numbers in a row, in the session that has most room."""
        if not self._sessions:
            return Reserved("", 0)
        session = max(self._sessions.values(), key=lambda session: session.room)
        return Reserved(session.name, session.reserve(count))

    def post(
        self, items: Iterable[Outgoing], told: Callable[[Outgoing, Any], object], command: int = Command.SUBMIT_SM
    ) -> None:
        """Write these in their order, each in its session, as soon as pace and window allow."""
        too_late = []
        for item in items:
            session = self._sessions.get(item.session)
            if session is None:
                too_late.append(item)
            else:
                session.put(Request(command, item, told))
        if too_late:
            asyncio.get_running_loop().call_soon(_tell_too_late, too_late, told)
        self._wake()

    # What leaves

    def limit(self, rate: float, sure_until: float) -> None:
        """So many messages a second from now on, and none once that time has come (seconds of the loop's clock)."""
        self._pace.limit(rate, sure_until)
        self._wake()

    def withdraw(self, why: str) -> None:
        """Let nothing of what waits leave."""
        for session in list(self._sessions.values()):
            session.withdraw(why)

    def _wake(self) -> None:
        """Pump in the next turn of the loop, when everybody has posted; where the pace holds back, it is awaited."""
        if self._pumping is None:
            self._pumping = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = None
        now = _now()
        held_back = False
        for session in self._in_turn():
            wanted = session.writable
            count = self._pace.take(wanted, now) if wanted else 0
            if count:
                session.write(count, now)
            held_back = held_back or count < wanted
        if held_back and (due := self._pace.due()) < math.inf:
            self._pumping = asyncio.get_running_loop().call_at(due, self._pump)

    def _in_turn(self) -> list[Session]:
        """Each is the first in its turn: where the pace is short, the first has most of it."""
        sessions = list(self._sessions.values())
        self._turn += 1
        first = self._turn % len(sessions) if sessions else 0
        return sessions[first:] + sessions[:first]

    # What sessions say (`smpp_session.Owner`)

    def bound(self, session: Session) -> None:
        """It may be used from now on."""
        if self._is_open:
            self._sessions[session.name] = session
            log.info("SMPP: bound to %s", self._settings.address)
        self._news.tell()

    def answered(self, session: Session) -> None:  # noqa: ARG002 - all sessions have one pump
        """There may be room, and who closes waits for all answers."""
        self._wake()
        self._news.tell()

    def slow_down(self) -> None:
        """The gateway throttles."""
        self._pace.throttled(_now())

    def came(self, session: Session, pdu: Pdu) -> None:
        """Something was delivered."""
        self._came(session, pdu)

    def ended(self, session: Session) -> None:
        """It is not written to any more."""
        if self._sessions.pop(session.name, None) is not None and not self._sessions:
            self._down_since = _now()
        self._news.tell()

    # What keeps sessions up

    async def _keep(self, place: int) -> None:
        """Hold one bind, again and again."""
        failures = 0
        while True:
            failures = 0 if await self._hold(place) else failures + 1
            await asyncio.sleep(_BACKOFF.delay(failures, waited=0.0, random=_RANDOM) or 0.0)

    async def _hold(self, place: int) -> bool:
        """Bind once and wait for the end; whether it was of any use."""
        try:
            link = await connect(self._settings, self, self._tls)
        except GatewayUnavailable as error:
            self._tried(place, error)
            return False
        self._links.add(link)
        try:
            await self._news.until(lambda: link.session.state is not State.OPEN)
            failure = link.session.error
            self._tried(place, failure)
            await link.ended.wait()
            if failure is None:
                log.info("SMPP: %s", link.session.error)
            return link.session.served
        finally:
            self._links.discard(link)
            link.cut()
            await link.ended.wait()

    def _all_tried(self) -> bool:
        return len(self._failures) == self._settings.binds or any(keeper.done() for keeper in self._keepers)

    def _tried(self, place: int, failure: GatewayError | None) -> None:
        if failure is not None:
            first = place not in self._failures  # it is raised, where no bind is up
            log.log(logging.DEBUG if first else logging.INFO, "SMPP: %s", failure)
        self._failures[place] = failure
        self._news.tell()

    def _why_down(self) -> GatewayError:
        """Why no bind is up; a refusal says more than a connection that was not made."""
        failures = [failure for failure in self._failures.values() if failure is not None]
        refused = [failure for failure in failures if isinstance(failure, AuthenticationError)]
        why = (refused or failures or [GatewayUnavailable(f"{self._settings.address} has not answered.")])[0]
        return type(why)(str(why))

    async def _within(self, seconds: float, so: Callable[[], object]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.until(so)

    async def _end_keepers(self) -> None:
        self._is_open = False
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.wait(self._keepers)
        if self._pumping is not None:
            self._pumping.cancel()
            self._pumping = None
        self._news.tell()
        for keeper in self._keepers:
            if not keeper.cancelled():
                keeper.result()  # nothing but a fault of this file ends one, and it shall be seen


def _now() -> float:
    return asyncio.get_running_loop().time()


def _tell_too_late(items: list[Outgoing], told: Callable[[Outgoing, Any], object]) -> None:
    for item in items:
        told(item, never_written(item))


class Link(asyncio.Protocol):
    """One connection with its session: octets between the two, the session's clock, and the end of both."""

    def __init__(self, settings: SmppSettings, binds: Binds, loop: asyncio.AbstractEventLoop) -> None:
        self.session = Session(settings, binds, write=self._write, hang_up=self._hang_up)
        self.ended = asyncio.Event()
        """Set when the connection is closed for good."""
        self._binds, self._loop = binds, loop
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bind at once."""
        self._transport = transport
        self.session.bind(self._loop.time())
        self._look_at_the_clock()

    def data_received(self, data: bytes) -> None:
        """All that came at once is read at once."""
        self.session.receive(data, self._loop.time())

    def pause_writing(self) -> None:
        """The other side does not read as fast as we write."""
        self.session.paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self.session.paused = False
        self._binds.answered(self.session)

    def connection_lost(self, error: Exception | None) -> None:
        """The end, whoever made it."""
        self.session.lost("by the other side" if error is None else reason(error))
        if self._timer is not None:
            self._timer.cancel()
        self.ended.set()

    def cut(self) -> None:
        """End the connection now."""
        self.session.lost("by this side")
        self._transport.abort()

    def _write(self, octets: bytes) -> None:
        self._transport.write(octets)

    def _hang_up(self, in_order: bool) -> None:  # noqa: FBT001 - the session has one thing to say
        if self._timer is not None:
            self._timer.cancel()
        if in_order:
            self._transport.close()
            self._timer = self._loop.call_later(LINGER_S, self._transport.abort)
        else:
            self._transport.abort()

    def _look_at_the_clock(self) -> None:
        again = self.session.tick(self._loop.time())
        if again < math.inf:
            self._timer = self._loop.call_at(again, self._look_at_the_clock)


async def connect(settings: SmppSettings, binds: Binds, tls: ssl.SSLContext | None) -> Link:
    """A new connection, its bind on the way.

    Raises
    ------
    GatewayUnavailable   it cannot be made.
    """
    loop = asyncio.get_running_loop()
    link = Link(settings, binds, loop)
    try:
        async with asyncio.timeout(CONNECT_S):
            await loop.create_connection(lambda: link, settings.host, settings.port, ssl=tls)
    except (OSError, UnicodeError) as error:
        why = reason(error)
    else:
        return link
    msg = (
        f"{settings.address} cannot be reached ({why}); nothing was sent. Check the address (ISMS_SMPP) and the "
        "network, then try again."
    )
    raise GatewayUnavailable(msg)


def reason(error: BaseException) -> str:
    """What kind of error it was, in the system's words."""
    words = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    if not words and isinstance(error, OSError) and error.errno:
        words = os.strerror(error.errno)
    return f"{type(error).__name__}{f': {words}' if words else ''}"
