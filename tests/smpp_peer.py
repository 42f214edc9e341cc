"""An SMSC of the tests' own: it counts what arrives and answers with exactly the given octets. No codec of ours."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from isms_data.transports.smpp import Outgoing
from isms_data.transports.smpp_settings import SmppSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from isms_data.errors import GatewayError
    from isms_data.transports.smpp import SmppGateway

GENERIC_NACK, QUERY, SUBMIT, DELIVER, UNBIND, ENQUIRE = 0x8000_0000, 0x03, 0x04, 0x05, 0x06, 0x15
RECEIVER, TRANSMITTER, TRANSCEIVER = 0x01, 0x02, 0x09
ANSWER = 0x8000_0000

CUT = b"CUT"
"""In place of octets: end the connection here and now."""


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """The octets of a PDU."""
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


class Heard(NamedTuple):
    """A PDU that arrived, and over which connection, counted from 0."""

    connection: int
    command: int
    status: int
    sequence: int
    body: bytes


def accept(heard: Heard) -> bytes:
    """What a friendly SMSC answers: every message gets the id `m` and its sequence number."""
    if heard.command in {RECEIVER, TRANSMITTER, TRANSCEIVER}:
        return pdu(heard.command | ANSWER, heard.sequence, b"smsc\0")
    if heard.command == SUBMIT:
        return pdu(SUBMIT | ANSWER, heard.sequence, b"m%d\0" % heard.sequence)
    if heard.command in {ENQUIRE, UNBIND}:
        return pdu(heard.command | ANSWER, heard.sequence)
    return b""


def silent_about(*commands: int) -> Callable[[Heard], bytes]:
    """As `accept`, without an answer to these."""
    return lambda heard: b"" if heard.command in commands else accept(heard)


def refuse(command: int, status: int) -> Callable[[Heard], bytes]:
    """As `accept`, but one command gets this status and no body."""
    return lambda heard: (
        pdu(command | ANSWER, heard.sequence, status=status) if heard.command == command else accept(heard)
    )


class Smsc:
    """A server on loopback, in the loop of the test; `answer` says which octets come back for what arrives."""

    def __init__(self, answer: Callable[[Heard], bytes] = accept, *, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.greeting = b""
        """What it says first, to whoever connects."""
        self.heard: list[Heard] = []
        self._tls = tls
        self._changed = asyncio.Event()
        self._connections: list[asyncio.StreamWriter] = []
        self._reading: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.transport.abort()
        if self._reading:
            await asyncio.wait(self._reading)
        await self._server.wait_closed()

    def settings(self, query: str = "") -> SmppSettings:
        """How to reach it."""
        scheme = "smpps" if self._tls else "smpp"
        return SmppSettings.of(f"{scheme}://shop:s3cr3t!x@127.0.0.1:{self.port}?{query}")

    def count(self, command: int) -> int:
        """How many of a command arrived."""
        return sum(heard.command == command for heard in self.heard)

    def of(self, command: int) -> list[Heard]:
        """Those of a command."""
        return [heard for heard in self.heard if heard.command == command]

    @property
    def connections(self) -> int:
        """How many connections were ever made."""
        return len(self._connections)

    def say(self, octets: bytes, connection: int = -1) -> None:
        """Write to a connection, by default the latest; `CUT` ends it."""
        if octets == CUT:
            self._connections[connection].transport.abort()
        elif octets:
            self._connections[connection].write(octets)

    async def until(self, so: Callable[[], object], *, within_s: float = 20.0) -> None:
        """Wait until something has arrived; that never takes so long."""
        async with asyncio.timeout(within_s):
            while not so():
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._reading.add(task)
        place = len(self._connections)
        self._connections.append(writer)
        self.say(self.greeting)
        self._changed.set()
        try:
            while True:
                length, command, status, sequence = struct.unpack(">IIII", await reader.readexactly(16))
                heard = Heard(place, command, status, sequence, await reader.readexactly(length - 16))
                self.heard.append(heard)
                self.say(self.answer(heard), place)
                self._changed.set()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self._reading.discard(task)
            self._changed.set()


class Told:
    """What `post` told, in order."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[Any, str | GatewayError]] = []
        self._changed = asyncio.Event()

    def __call__(self, item: Outgoing, outcome: str | GatewayError) -> None:
        self.outcomes.append((item.key, outcome))
        self._changed.set()

    async def number(self, count: int) -> list[tuple[Any, str]]:
        """So many outcomes, errors by their class."""
        async with asyncio.timeout(20):
            while len(self.outcomes) < count:
                self._changed.clear()
                await self._changed.wait()
        return [(key, each if isinstance(each, str) else type(each).__name__) for key, each in self.outcomes]


def parts(gateway: SmppGateway, keys: Iterable[Any]) -> list[Outgoing]:
    """A message for each key, its number reserved."""
    reserved = [(key, *gateway.reserve(1)) for key in keys]
    return [Outgoing(key, session, sequence, b"body") for key, session, sequence in reserved]
