"""The frames of SMPP 3.4: a stream of octets cut into PDUs, and a PDU put together.

Each PDU begins with four 32-bit numbers in network order: the length of the whole, command, status, sequence (3.2). The
bodies are left unread here; `smpp_pdu` reads them.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Final, NamedTuple

from isms_data.errors import ProtocolError

_HEADER: Final = struct.Struct("!LLLL")
_LENGTH: Final = struct.Struct("!L")


class Pdu(NamedTuple):
    """One PDU of a stream, its body not yet read."""

    command: int
    status: int
    sequence: int
    body: bytes


class Fault(StrEnum):
    """What is wrong with a PDU."""

    TOO_SHORT = "command_length is too short"
    TOO_LONG = "command_length is too long"
    CUT_OFF = "a field is cut off"
    NO_TERMINATOR = "a text has no terminator"
    LEFT_OVER = "length and body disagree"
    UNFIT = "a value does not fit its field"


class PduError(ProtocolError):
    """Octets that are no PDU of SMPP 3.4, or a value that does not go into one.

    `fault` is what is wrong. `before` are the PDUs that were whole in front of an impossible length: they came in the
    same `Splitter.feed`, and they count.
    """

    def __init__(self, fault: Fault, message: str, before: tuple[Pdu, ...] = ()) -> None:
        super().__init__(fault, message, before)
        self.fault = fault
        self.before = before

    def __str__(self) -> str:
        return f"{self.fault}: {self.args[1]}"


class Splitter:
    """Cuts the octets of one connection into PDUs, wherever the network has cut them.

    `longest` is the longest PDU taken, in octets with its header: nothing of garbage that reads as a length of two
    gigabytes is waited for or stored.

    >>> splitter = Splitter()
    >>> octets = frame(0x15, 1) + frame(0x06, 2)
    >>> splitter.feed(octets[:20])
    [Pdu(command=21, status=0, sequence=1, body=b'')]
    >>> splitter.feed(octets[20:])
    [Pdu(command=6, status=0, sequence=2, body=b'')]
    """

    def __init__(self, longest: int = 65_536) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Pdu]:
        """The PDUs that are whole now; the tail is kept.

        Raises
        ------
        PduError   a length that no PDU has, as soon as it is there. What was whole before it is in the error's
                   `before`. Where the next PDU begins is lost for good, so every further call raises, too.
        """
        rest = self._rest
        rest += data
        pdus: list[Pdu] = []
        at, end = 0, len(rest)
        while end - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(rest, at)
            if not _HEADER.size <= length <= self._longest:
                rest[:] = rest[at : at + _LENGTH.size]
                raise self._impossible(length, pdus)
            if end - at < length:
                break
            _, command, status, sequence = _HEADER.unpack_from(rest, at)
            pdus.append(Pdu(command, status, sequence, bytes(rest[at + _HEADER.size : at + length])))
            at += length
        del rest[:at]
        return pdus

    def _impossible(self, length: int, before: list[Pdu]) -> PduError:
        fault = Fault.TOO_SHORT if length < _HEADER.size else Fault.TOO_LONG
        message = (
            f"a PDU says that it has {length} octets, and one has {_HEADER.size} to {self._longest}. The other side "
            "does not speak SMPP, or octets were lost: close the connection."
        )
        return PduError(fault, message, tuple(before))


def frame(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """A whole PDU: the header, and the body behind it.

    >>> frame(0x15, 7).hex(" ", 4)
    '00000010 00000015 00000000 00000007'
    """
    return _HEADER.pack(_HEADER.size + len(body), command, status, sequence) + body
