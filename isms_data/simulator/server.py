"""The sandbox on a port: in a thread of its own, or as the whole work of a process."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from isms_data.simulator.gate import BASE_PATH, Gate
from isms_data.simulator.reporter import report
from isms_data.simulator.smsc import listening as smpp_listening
from isms_data.simulator.soap import WSDL_PATH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from ssl import SSLContext

    from isms_data.simulator.simulator import Simulator

LOOPBACK: Final = "127.0.0.1"

LONGEST_LINE: Final = 1_000_000
"""What aiohttp takes as a request line, so that the line that is too long for the gateway is refused by `Gate`."""

SHUTDOWN_S: Final = 0.1
"""How long a reply that is on its way at the stop has left."""

BACKLOG: Final = 1024

TURNS_TO_ARRIVE: Final = 5
"""A connection reaches its handler two turns of the loop after it was accepted. One that is caught in between by the
closing of the server is neither served nor closed by asyncio and aiohttp, and its client would wait for good."""

_LOGGER: Final = logging.getLogger("isms_data.simulator")
_LOGGER.addFilter(
    # aiohttp quotes a request that it cannot read, and the password stands in the request.
    lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
)


class SimulatorServer:
    """A simulator behind HTTP and SMPP, in a daemon thread with its own event loop.

    `base_url` is where the seven pages are, `smpp_url` the other port; with `smpp_tls` that one speaks TLS. It listens
    on loopback unless told otherwise: whoever reaches it can read its ledger.

    Raises
    ------
    OSError   the port is taken.

    Examples
    --------
    >>> from urllib.request import urlopen
    >>> from isms_data.simulator import Simulator
    >>> with SimulatorServer(Simulator(seed=7)) as server:
    ...     urlopen(server.base_url + "credits.php?username=demo&password=sandbox-password").read()
    b'Credits:10000.00'
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        smpp_port: int = 0,
        smpp_tls: SSLContext | None = None,
    ) -> None:
        self.simulator = simulator
        self._host = host
        self._port = port
        self._smpp_port = smpp_port
        self._smpp_tls = smpp_tls
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """The address of the pages, ending in `/api/http/`; empty before the start."""
        return self._base_url

    @property
    def soap_wsdl(self) -> str:
        """The address of the WSDL of the SOAP API."""
        return self._base_url.removesuffix(BASE_PATH) + WSDL_PATH

    @property
    def smpp_url(self) -> str:
        """The address of the SMPP API with the first account's name and password; empty before the start."""
        return self.simulator.smsc.url

    def start(self) -> Self:
        """Listen; on return the server answers."""
        if self._thread:
            msg = "the sandbox is running already; make another SimulatorServer for a second one"
            raise RuntimeError(msg)
        ready: Future[str] = Future()
        thread = Thread(target=self._run, args=(ready,), name="isms-sandbox", daemon=True)
        thread.start()
        try:
            self._base_url = ready.result()
        except Exception:
            thread.join()
            raise
        self._thread = thread
        return self

    def stop(self) -> None:
        """End it, replies on their way included; afterwards there is no thread, task or socket left."""
        if self._thread:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, ready: Future[str]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, ready: Future[str]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        doors = listening(self.simulator, self._host, self._port, smpp_port=self._smpp_port, smpp_tls=self._smpp_tls)
        async with doors as base_url:
            ready.set_result(base_url)
            await self._stop.wait()


def serve(
    simulator: Simulator,
    host: str = LOOPBACK,
    port: int = 0,
    *,
    smpp_port: int = 0,
    smpp_tls: SSLContext | None = None,
    on_ready: Callable[[str], object] = lambda _base_url: None,
) -> None:
    """Serve until SIGINT or SIGTERM, in the main thread; `on_ready` gets the base URL once the server answers.

    `simulator.smsc.url` is then where SMPP is.

    Raises
    ------
    OSError   the port is taken.
    """

    async def until_stopped() -> None:
        stop = asyncio.Event()
        with suppress(NotImplementedError):  # Windows, where an interrupt ends asyncio.run
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with listening(simulator, host, port, smpp_port=smpp_port, smpp_tls=smpp_tls) as base_url:
            on_ready(base_url)
            await stop.wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(until_stopped())


@asynccontextmanager
async def listening(
    simulator: Simulator, host: str, port: int, *, smpp_port: int = 0, smpp_tls: SSLContext | None = None
) -> AsyncIterator[str]:
    """Listen on both ports for as long as the block lasts; the base URL."""
    listener = _listener(host, smpp_port)
    account = simulator.accounts[simulator.username]
    who = f"{quote(account.username, safe='')}:{quote(account.smpp_password, safe='')}"
    scheme = "smpps" if smpp_tls else "smpp"
    simulator.smsc.url = f"{scheme}://{who}@{_name(host)}:{listener.getsockname()[1]}"
    async with smpp_listening(simulator.smsc, listener, smpp_tls), _pages(simulator, host, port) as base_url:
        yield base_url


@asynccontextmanager
async def _pages(simulator: Simulator, host: str, port: int) -> AsyncIterator[str]:
    server = web.Server(
        Gate(simulator),
        logger=_LOGGER,
        access_log=None,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
        lingering_time=0,
    )
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    listener = _listener(host, port)
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    reporter = asyncio.create_task(report(simulator))
    try:
        yield f"http://{_name(host)}:{listener.getsockname()[1]}{BASE_PATH}"
    finally:
        reporter.cancel()
        await _accept_no_more(listener)
        await runner.cleanup()
        with suppress(asyncio.CancelledError):
            await reporter


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


async def _accept_no_more(listener: socket.socket) -> None:
    """Stop accepting, and let those arrive that were accepted."""
    with suppress(NotImplementedError):  # the loop of Windows has no readers
        asyncio.get_running_loop().remove_reader(listener)
    for _ in range(TURNS_TO_ARRIVE):
        await asyncio.sleep(0)


def _name(host: str) -> str:
    """The host as a client on this machine writes it in a URL.

    >>> _name("0.0.0.0"), _name("::1"), _name("localhost")
    ('127.0.0.1', '[::1]', 'localhost')
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "[::1]" if address.version == 6 else LOOPBACK
    return f"[{host}]" if address.version == 6 else host
