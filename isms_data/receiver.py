"""The receiver of delivery reports: a web server whose address goes with each message as its dlr-url.

It listens, opens the journal and stops in good order; what a request is answered with is in `receiving.door`, what
becomes of a report in `receiving.desk`. Neither a token nor a number is in any log: there is no access log, and what
aiohttp says of requests that it cannot read, which it quotes, goes through `_without_quotes`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
import traceback
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from isms_data.account import NO_ACCOUNT, Account, journal_place
from isms_data.delivery_reports import ReportFields
from isms_data.dlr_key import secret
from isms_data.errors import ConfigurationError
from isms_data.receiving.desk import inquiring, opened
from isms_data.receiving.door import Counts, Door, Terms, segments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from isms_data.journal.place import Place

BODY_WITHIN_S: Final = 10.0
"""How long a body may take; one that trickles in would hold its connection for ever."""

IDLE_S: Final = 30.0
"""How long a connection may be silent, or at the head of a request; then it is closed."""

LINGER_S: Final = 1.0
"""How long a body that nobody wants is thrown away, so that its sender gets to read the answer."""

SHUTDOWN_S: Final = 3.0
"""How long a report that is under way at the stop has left to come in and to be written."""

BACKLOG: Final = 1024
MOST_PORT: Final = 65_535

TURNS_TO_ARRIVE: Final = 5
"""Turns of the loop that a connection takes, once accepted, to reach its handler, and some more. One that the stop
catches in between is neither served nor closed, and its sender would wait for good."""

_PATH: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_ALL_FIELDS: Final = ReportFields()
_LOGGER: Final = logging.getLogger("isms_data.receiver")


def _without_quotes(record: logging.LogRecord) -> bool:
    """Let through what went wrong and where, and no error's text: it may quote the request.

    A request that cannot be read is no event at all: on a public port they come all day.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        lines = "".join(traceback.format_tb(error.__traceback__))
        record.msg, record.args = "a request failed: %s\n%s", (type(error).__name__, lines)
        record.exc_info = record.exc_text = None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


_LOGGER.addFilter(_without_quotes)


class DeliveryReceiver:
    """A web server that receives delivery reports and keeps them in the journal.

    Use it as `with DeliveryReceiver(...) as receiver:` in a script or a notebook (it runs in a thread of its own), as
    `async with` in a service, or let `run` be the whole work of a process. In front of it, towards the internet,
    belongs a web server with TLS; docs/delivery_reports.md shows one. It needs no credentials; with an account it asks
    the gateway about messages whose report cannot be believed.

    Parameters
    ----------
    account : Account, optional
        Whose journal, and who asks. By default the account of the environment; where there is none, the journal in
        the folder `ISMS_HOME` or `./.isms`, and nobody asks.
    host : str
    port : int
        Where to listen; 0 is any free port.
    path : str
        What stands in front of the token in the addresses that reach this server.
    fields : ReportFields
        The names that the fields of a report may have.
    reply : str
        The text of the answer 200: some senders repeat what is not answered with a certain word.
    max_body_bytes : int
        Longer bodies are answered with 413.
    max_per_second : int
        More reports are answered with 429; requests without a right token are counted apart.
    body_within_s : float
        A body that takes longer is answered with 408.

    Raises
    ------
    ConfigurationError   a setting cannot be used, the port is taken, or the secret beside the journal is none.
    JournalError         the journal cannot be written.

    Examples
    --------
    >>> import isms_data as isms
    >>> from urllib.request import urlopen
    >>> with isms.sandbox() as account, DeliveryReceiver(account=account, port=0) as receiver:
    ...     urlopen(receiver.url + "/health").status
    200
    """

    def __init__(
        self,
        *,
        account: Account | None = None,
        # where
        host: str = "127.0.0.1",
        port: int = 8080,
        path: str = "/",
        # what
        fields: ReportFields = _ALL_FIELDS,
        reply: str = "OK",
        # how much
        max_body_bytes: int = 16_384,
        max_per_second: int = 2_000,
        body_within_s: float = BODY_WITHIN_S,
    ) -> None:
        if not _PATH.fullmatch(path):
            msg = f"path={path!r} is not the path of an address, such as '/sms/dlr'."
            raise ConfigurationError(msg)
        if not 0 <= port <= MOST_PORT:
            msg = f"port={port!r} is no port: 1 to {MOST_PORT}, or 0 for any that is free."
            raise ConfigurationError(msg)
        for name, value in {
            "max_body_bytes": max_body_bytes,
            "max_per_second": max_per_second,
            "body_within_s": body_within_s,
        }.items():
            if not value > 0:
                msg = f"{name}={value!r} must be more than 0."
                raise ConfigurationError(msg)
        self.counts = Counts()
        self._account = account
        self._host, self._port = host, port
        self._path = "/".join(["", *segments(path)])
        self._terms = partial(
            Terms,
            path=self._path,
            fields=fields,
            reply=reply,
            max_body_bytes=max_body_bytes,
            max_per_second=max_per_second,
            body_within_s=body_within_s,
        )
        self._url = ""
        self._in_loop: AsyncExitStack | None = None
        self._in_thread: _Thread | None = None

    @property
    def url(self) -> str:
        """The address to pass as `dlr=`, as this machine sees it; empty before the start.

        Where a proxy stands in front, pass the proxy's public address instead.
        """
        return self._url

    async def __aenter__(self) -> Self:
        if self._in_loop is not None:
            msg = "the receiver is running already; make another DeliveryReceiver for a second one."
            raise RuntimeError(msg)
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._listening())
            self._in_loop = opening.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._in_loop is not None:
            stopping, self._in_loop = self._in_loop, None
            await stopping.aclose()

    def __enter__(self) -> Self:
        thread = _Thread(self)
        thread.start()
        self._in_thread = thread
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_thread is not None:
            stopping, self._in_thread = self._in_thread, None
            stopping.stop()

    async def serve(self, *, on_ready: Callable[[str], object] = lambda _url: None) -> None:
        """Receive until cancelled; `on_ready` gets the address once the server answers."""
        async with self:
            on_ready(self.url)
            await asyncio.Event().wait()

    def run(self, *, on_ready: Callable[[str], object] = lambda _url: None) -> None:
        """Receive until SIGINT or SIGTERM, in the main thread; `on_ready` gets the address once the server answers.

        Returns when what had been received by then is written down and answered.
        """

        async def until_stopped() -> None:
            serving = asyncio.create_task(self.serve(on_ready=on_ready))
            with suppress(NotImplementedError):  # Windows, where an interrupt ends asyncio.run
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
            with suppress(asyncio.CancelledError):
                await serving

        with suppress(KeyboardInterrupt):
            asyncio.run(until_stopped())

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts; on leaving, no more is accepted, and what came in is written."""
        account, place = _whose(self._account)
        terms = self._terms(secret=await asyncio.to_thread(secret, place))
        async with opened(place) as desk, inquiring(desk, account) as inquiry:
            listener = _listener(self._host, self._port)
            runner = web.ServerRunner(_server(Door(terms, desk, inquiry, self.counts)), shutdown_timeout=SHUTDOWN_S)
            try:
                await runner.setup()
                await web.SockSite(runner, listener, backlog=BACKLOG).start()
                self._url = f"http://{_name(self._host)}:{listener.getsockname()[1]}{self._path}"
                yield
            finally:
                await _accept_no_more(listener)
                await runner.cleanup()
                listener.close()


class _Thread:
    """A receiver in a daemon thread with its own loop."""

    def __init__(self, receiver: DeliveryReceiver) -> None:
        self._receiver = receiver
        self._ready: Future[None] = Future()
        self._thread = Thread(target=self._run, name="isms-receiver", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def start(self) -> None:
        """Listen; on return the server answers."""
        self._thread.start()
        try:
            self._ready.result()
        except Exception:
            self._thread.join()
            raise

    def stop(self) -> None:
        """End it; afterwards there is no thread, task or socket left."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._receiver:
            self._ready.set_result(None)
            await self._stop.wait()


def _whose(account: Account | None) -> tuple[Account | None, Place]:
    """The account that asks, if there is one, and where the journal is."""
    try:
        account = account or Account.from_env()
    except ConfigurationError as error:
        if str(error) != NO_ACCOUNT:
            raise
    return account, journal_place(account)


def _server(door: Door) -> web.Server:
    return web.Server(door, logger=_LOGGER, access_log=None, keepalive_timeout=IDLE_S, lingering_time=LINGER_S)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        msg = (
            f"the receiver cannot listen on port {port} of {host!r}: {error.strerror or error}. "
            "Choose another port (port=0 takes any free one) or host, or stop what uses it."
        )
        raise ConfigurationError(msg) from error


async def _accept_no_more(listener: socket.socket) -> None:
    """Stop accepting, and let those arrive that were accepted."""
    with suppress(NotImplementedError):  # the loop of Windows has no readers
        asyncio.get_running_loop().remove_reader(listener)
    for _ in range(TURNS_TO_ARRIVE):
        await asyncio.sleep(0)


def _name(host: str) -> str:
    """The host as a client on this machine writes it in an address.

    >>> _name("0.0.0.0"), _name("::1"), _name("localhost")
    ('127.0.0.1', '[::1]', 'localhost')
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host or "127.0.0.1"
    if address.is_unspecified:
        return "[::1]" if address.version == 6 else "127.0.0.1"
    return f"[{host}]" if address.version == 6 else host
