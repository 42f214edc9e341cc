"""What goes out on an SMPP link, and how: at once, later, after the next, octet by octet, spoilt, or not at all."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Final

from isms_data.simulator.smsc_codec import HEADER, LAST_SEQUENCE, RESPONSE, Command, frame
from isms_data.simulator.smsc_faults import SmscFault

if TYPE_CHECKING:
    from isms_data.simulator.smsc_faults import SmscFaults

STRAY: Final = 0x2000_0000
"""A stray response has a sequence_number so far from the right one: no client has so many unanswered."""

HUGE: Final = 0x7FFF_FFFF


class Outlet:
    """The outgoing half of a link. Frames are gathered until `flush`, so that what one read brings makes one write."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.sequences = count(1)
        self.over = False
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gathered: list[bytes] = []
        self._held: list[bytes] = []
        self._slowly = bytearray()
        self._timers: set[asyncio.TimerHandle] = set()

    def put(self, data: bytes) -> None:
        """Send with the next flush, and after it what waits for that."""
        self._gathered.append(data)
        if self._held:
            self._gathered += self._held
            self._held.clear()

    def flush(self) -> None:
        """Write what was gathered, behind anything that is still going out octet by octet."""
        if not self._gathered or self.over or self._transport.is_closing():
            return
        data = b"".join(self._gathered)
        self._gathered.clear()
        if self._slowly:
            self._slowly += data
        else:
            self._transport.write(data)

    def hold(self, data: bytes, seconds: float) -> None:
        """Send after whatever goes out next, or after so many seconds."""
        self._held.append(data)
        self._after(seconds, b"")

    def later(self, data: bytes, seconds: float) -> None:
        """Send after so many seconds."""
        self._after(seconds, data)

    def drip(self, data: bytes) -> None:
        """Send octet by octet, one in each turn of the loop."""
        self.flush()
        if not self._slowly:
            self._loop.call_soon(self._drop)
        self._slowly += data

    def close(self) -> None:
        """Send what was put, then end the link."""
        self.flush()
        self.over = True
        self._transport.close()

    def cut(self) -> None:
        """End the link; what was put before is written, as far as it goes without waiting."""
        self.flush()
        self.over = True
        self._transport.abort()

    def stop(self) -> None:
        """The link is gone: nothing goes out any more."""
        self.over = True
        for timer in self._timers:
            timer.cancel()
        self._slowly.clear()

    def spoil(self, kind: SmscFault, reply: bytes, faults: SmscFaults) -> None:
        """Send a response as a fault has it; a kind that does nothing to responses leaves it whole."""
        match kind:
            case SmscFault.SILENCE_AFTER_ACCEPT:
                pass
            case SmscFault.DROP_AFTER_ACCEPT:
                self.cut()
            case SmscFault.HALF_RESPONSE:
                self.put(reply[: len(reply) // 2])
                self.close()
            case SmscFault.OUT_OF_ORDER:
                self.hold(reply, faults.slow_s)
            case SmscFault.SLOW:
                self.later(reply, faults.slow_s)
            case SmscFault.FRAGMENTS:
                self.drip(reply)
            case SmscFault.GARBAGE:
                self.put(faults.octets(len(reply)))
            case _:
                self.put(self._spoilt(kind, reply))

    def _spoilt(self, kind: SmscFault, reply: bytes) -> bytes:
        _length, command, status, sequence = HEADER.unpack_from(reply)
        match kind:
            case SmscFault.HUGE_LENGTH:
                return HEADER.pack(HUGE, command, status, sequence)
            case SmscFault.WRONG_COMMAND:
                other = Command.DATA_SM if command == Command.DELIVER_SM | RESPONSE else Command.DELIVER_SM
                return frame(other | RESPONSE, sequence, reply[16:], status)
            case SmscFault.WRONG_SEQUENCE:
                stray = (sequence + STRAY) & LAST_SEQUENCE or 1
                return frame(command, stray, b"STRAY\0", status) + reply
            case SmscFault.TWICE:
                return reply * 2
            case SmscFault.GLUED:
                return self._enquiry() + reply + self._enquiry()
            case _:
                return reply

    def _enquiry(self) -> bytes:
        return frame(Command.ENQUIRE_LINK, next(self.sequences))

    def _after(self, seconds: float, data: bytes) -> None:
        def put() -> None:
            self._timers.discard(timer)
            self.put(data)
            self.flush()

        timer = self._loop.call_later(seconds, put)
        self._timers.add(timer)

    def _drop(self) -> None:
        if self._slowly and not self.over:
            self._transport.write(self._slowly[:1])
            del self._slowly[:1]
            self._loop.call_soon(self._drop)
