"""A client of the tests' own for the sandbox's SMSC: octets from the standard over a socket, no codec of ours."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from isms_data.simulator.smsc_desk import Asker

if TYPE_CHECKING:
    import ssl

    from isms_data.simulator import Simulator

NACK = 0x8000_0000
RESPONSE = 0x8000_0000
RECEIVER, TRANSMITTER, TRANSCEIVER = 0x01, 0x02, 0x09
QUERY, SUBMIT, DELIVER, UNBIND, CANCEL, ENQUIRE, DATA = 0x03, 0x04, 0x05, 0x06, 0x08, 0x15, 0x103
NUMBER = "306970000004"
NOW = 1_795_478_400.0  # 2026-11-24 00:00 UTC
GREEK = "Γεια σου, κόσμε 😀"


class Pdu(NamedTuple):
    """One PDU that came."""

    command: int
    status: int
    sequence: int
    body: bytes

    @property
    def text(self) -> str:
        """The first text field of the body."""
        return self.body.split(b"\0")[0].decode("latin-1")


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """The octets of a PDU."""
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def bind_body(who: str = "demo", word: str = "sandbox1", *, version: int = 0x34) -> bytes:
    """The body of a bind."""
    return f"{who}\0{word}\0\0".encode() + bytes([version, 0, 0, 0])


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return struct.pack(">HH", tag, len(value)) + value


def submit_body(
    text: bytes = b"Hello",
    *,
    service: str = "",
    ton: int = 5,
    npi: int = 0,
    sender: str = "MyShop",
    to_ton: int = 1,
    to_npi: int = 1,
    to: str = NUMBER,
    esm: int = 0,
    priority: int = 0,
    schedule: str = "",
    validity: str = "",
    receipt: int = 0,
    replace: int = 0,
    coding: int = 0,
    canned: int = 0,
    tlvs: bytes = b"",
) -> bytes:
    """The body of a submit_sm."""
    return b"".join(
        (
            f"{service}\0".encode() + bytes([ton, npi]) + f"{sender}\0".encode("latin-1"),
            bytes([to_ton, to_npi]) + f"{to}\0".encode("latin-1") + bytes([esm, 0, priority]),
            f"{schedule}\0{validity}\0".encode() + bytes([receipt, replace, coding, canned, len(text)]) + text + tlvs,
        )
    )


def query_body(message_id: str, sender: str = "MyShop") -> bytes:
    """The body of a query_sm."""
    return f"{message_id}\0\x05\0{sender}\0".encode()


def cancel_body(message_id: str, sender: str = "MyShop", to: str = NUMBER) -> bytes:
    """The body of a cancel_sm."""
    return f"\0{message_id}\0\x05\0{sender}\0\x01\x01{to}\0".encode()


def part(text: bytes, number: int, total: int, *, reference: int = 7, wide: bool = False) -> bytes:
    """A text behind a header that says which part it is."""
    head = [6, 8, 4, reference >> 8, reference & 255] if wide else [5, 0, 3, reference]
    return bytes([*head, total, number]) + text


def fields(text: str) -> dict[str, str]:
    """The fields of a receipt's text."""
    words, _, shown = text.partition(" Text:")
    words = words.replace("submit date", "submit_date").replace("done date", "done_date")
    return dict(word.split(":", 1) for word in words.split()) | {"Text": shown}


def receipt_of(heard: Pdu) -> tuple[int, bytes, dict[int, bytes]]:
    """The esm_class, the text and the optional parameters of a deliver_sm."""
    at = heard.body.index(0) + 3
    at = heard.body.index(0, at) + 3
    at = heard.body.index(0, at) + 1
    esm, length = heard.body[at], heard.body[at + 9]
    text, rest = heard.body[at + 10 : at + 10 + length], heard.body[at + 10 + length :]
    found = {}
    while rest:
        tag, size = struct.unpack_from(">HH", rest)
        found[tag], rest = rest[4 : 4 + size], rest[4 + size :]
    return esm, text, found


class Clock:
    """A clock that a test moves by hand."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def submit(gateway: Simulator, *args: bytes, account: str = "demo", **changed: Any) -> str:
    """Hand a submit_sm to the SMSC itself, without sockets; the id of the message."""
    return gateway.smsc.submit(Asker(gateway.accounts[account], 1, 1), submit_body(*args, **changed))


class Wire:
    """A connection to the SMSC; answers are waited for, for up to ten seconds."""

    def __init__(
        self, url: str, mode: int | None = None, *, version: int = 0x34, tls: ssl.SSLContext | None = None
    ) -> None:
        where = urlsplit(url)
        self.socket = socket.create_connection((where.hostname or "", where.port or 0), timeout=10)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=where.hostname)
        self._rest = b""
        self._sequence = 0
        if mode is not None:
            assert self.ask(mode, bind_body(version=version)).status == 0

    def send(self, command: int, body: bytes = b"", *, sequence: int | None = None, status: int = 0) -> int:
        """Send a PDU; its sequence number."""
        self._sequence += sequence is None
        number = self._sequence if sequence is None else sequence
        self.socket.sendall(pdu(command, number, body, status))
        return number

    def read(self) -> Pdu:
        """The next PDU that comes."""
        size, command, status, sequence = struct.unpack(">IIII", self._take(16))
        return Pdu(command, status, sequence, self._take(size - 16))

    def ask(self, command: int, body: bytes = b"") -> Pdu:
        """Send a PDU and read the next one, which is its answer."""
        number = self.send(command, body)
        answer = self.read()
        assert answer.sequence == number
        return answer

    def acknowledge(self, heard: Pdu, status: int = 0) -> None:
        """Answer a receipt."""
        self.send(heard.command | RESPONSE, b"" if status else b"\0", sequence=heard.sequence, status=status)

    def ended(self) -> bool:
        """Whether the server ends the connection, nothing else being sent before."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """End the connection without a word."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            data = self.socket.recv(65_536)
            if not data:
                msg = "the server has ended the connection"
                raise ConnectionError(msg)
            self._rest += data
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
