"""The bodies of SMPP 3.4 PDUs: octets in, values out, and back, without any I/O.

"SMPP Protocol Specification v3.4, Issue 1.2" (SMPP Developers Forum, 1999). A body is mandatory fields in a fixed order
(chapter 4), then optional ones as tag, length, value (3.2.4.1). Numbers here are single octets; texts are C-octet
strings (3.1: closed by a NUL, each with a longest size of its own), read and written as Latin-1, in which every octet
is a character.

`Splitter` (`smpp_frames`) leaves the bodies unread; whoever has a `Pdu` knows by its command which class reads it.
Reading is liberal (a field longer than the specification says is read) and byte-exact: what was read and is written
again gives the same octets. Writing is strict. Each class has a layout in front of it: the kinds of its fields, in the
same order.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self

from isms_data.transports.smpp_codes import RESPONSE, Command, Status, Tag, status_name
from isms_data.transports.smpp_frames import Fault, Pdu, PduError, Splitter, frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "RESPONSE",
    "Bind",
    "BindResp",
    "CancelSm",
    "Command",
    "DataSm",
    "Fault",
    "MessageId",
    "Pdu",
    "PduError",
    "QueryResp",
    "QuerySm",
    "ShortMessage",
    "Splitter",
    "Status",
    "Tag",
    "Tlv",
    "find_tlv",
    "frame",
    "status_name",
]

_TLV_HEAD: Final = struct.Struct("!HH")


class Tlv(NamedTuple):
    """One optional field; tags that nobody knows are kept, and so is the order."""

    tag: int
    value: bytes


def find_tlv(tlvs: Iterable[Tlv], tag: int) -> bytes | None:
    """The value of the first optional field of this tag; None where there is none."""
    return next((value for each, value in tlvs if each == tag), None)


# The kinds of fields


class _Field(Protocol):
    """How a value becomes octets, and back: `read` gives the value and where the next field begins."""

    def write(self, name: str, value: Any) -> bytes: ...

    def read(self, name: str, body: bytes, at: int) -> tuple[Any, int]: ...


_Layout = tuple[_Field, ...]


class _Text(NamedTuple):
    """A C-octet string; `room` counts its NUL."""

    room: int

    def write(self, name: str, value: str) -> bytes:
        try:
            octets = value.encode("latin-1")
        except UnicodeEncodeError as error:
            found = f"U+{ord(value[error.start]):04X} at position {error.start}"
            raise PduError(Fault.UNFIT, f"{name} has {found}, which Latin-1 does not have.") from None
        if len(octets) >= self.room:
            message = f"{name} has {len(octets)} characters, and SMPP 3.4 has room for {self.room - 1}."
            raise PduError(Fault.UNFIT, message)
        if 0 in octets:
            message = f"{name} has a NUL at position {octets.index(0)}, which would end it there."
            raise PduError(Fault.UNFIT, message)
        return octets + b"\0"

    def read(self, name: str, body: bytes, at: int) -> tuple[str, int]:
        end = body.find(0, at)
        if end < 0:
            message = f"{name}, at octet {at} of a body of {len(body)}, has no NUL behind it. {_FOREIGN}"
            raise PduError(Fault.NO_TERMINATOR, message)
        return str(body[at:end], "latin-1"), end + 1


class _Moment(_Text):
    """A time: a C-octet string of 16 characters (7.1.1), or an empty one."""

    def write(self, name: str, value: str) -> bytes:
        if len(value) not in {0, 16}:
            raise PduError(Fault.UNFIT, f"{name} has {len(value)} characters. A time has 16, or none.")
        return super().write(name, value)


class _Number:
    """One octet."""

    def write(self, name: str, value: int) -> bytes:
        try:
            return value.to_bytes(1)
        except OverflowError:
            raise PduError(Fault.UNFIT, f"{name} is {value}, and one octet holds 0 to 255.") from None

    def read(self, name: str, body: bytes, at: int) -> tuple[int, int]:
        if at >= len(body):
            raise _cut_off(name, 1, body, at)
        return body[at], at + 1


class _Message:
    """sm_length and short_message, which 3.4 ends at 254 octets (4.4.1)."""

    def write(self, name: str, value: bytes) -> bytes:
        if len(value) > 254:
            message = f"{name} has {len(value)} octets, and SMPP 3.4 has room for 254. Cut it, or use message_payload."
            raise PduError(Fault.UNFIT, message)
        return len(value).to_bytes(1) + value

    def read(self, name: str, body: bytes, at: int) -> tuple[bytes, int]:
        size, at = _NUMBER.read("sm_length", body, at)
        if at + size > len(body):
            raise _cut_off(name, size, body, at)
        return body[at : at + size], at + size


class _Tlvs:
    """All that follows, as optional fields."""

    def write(self, name: str, value: tuple[Tlv, ...]) -> bytes:
        try:
            return b"".join([_TLV_HEAD.pack(tag, len(octets)) + octets for tag, octets in value])
        except struct.error:
            shown = ", ".join(f"0x{tag:04X} with {len(octets)} octets" for tag, octets in value)
            raise PduError(Fault.UNFIT, f"{name} are {shown}. A tag and a length hold 0 to 65535.") from None

    def read(self, name: str, body: bytes, at: int) -> tuple[tuple[Tlv, ...], int]:
        found = []
        while at < len(body):
            begin = at + _TLV_HEAD.size
            if begin > len(body):
                raise _cut_off(name, _TLV_HEAD.size, body, at)
            tag, size = _TLV_HEAD.unpack_from(body, at)
            at = begin + size
            if at > len(body):
                raise _cut_off(name, size, body, begin)
            found.append(Tlv(tag, body[begin:at]))
        return tuple(found), at


_FOREIGN: Final = "The other side does not keep to SMPP 3.4 here: close the connection."


def _cut_off(name: str, size: int, body: bytes, at: int) -> PduError:
    message = f"{name} takes {size} octets at octet {at}, and the body has {len(body)}. {_FOREIGN}"
    return PduError(Fault.CUT_OFF, message)


def _write(layout: _Layout, names: Sequence[str], values: Iterable[Any]) -> bytes:
    return b"".join([field.write(name, value) for field, name, value in zip(layout, names, values, strict=True)])


def _read(layout: _Layout, names: Sequence[str], body: bytes) -> list[Any]:
    at = 0
    values = []
    for field, name in zip(layout, names, strict=True):
        value, at = field.read(name, body, at)
        values.append(value)
    if at < len(body):
        message = f"{len(body) - at} octets follow the last field, which ends at octet {at} of the body. {_FOREIGN}"
        raise PduError(Fault.LEFT_OVER, message)
    return values


# Bodies

_NUMBER: Final = _Number()
_MOMENT: Final = _Moment(17)
_MESSAGE: Final = _Message()
_TLVS: Final = _Tlvs()
_SERVICE: Final = _Text(6)
_ADDRESS: Final = (_NUMBER, _NUMBER, _Text(21))
_LONG_ADDRESS: Final = (_NUMBER, _NUMBER, _Text(65))
_MESSAGE_ID: Final = _Text(65)


_BIND_LAYOUT: Final[_Layout] = (_Text(16), _Text(9), _Text(13), *[_NUMBER] * 3, _Text(41))


class Bind(NamedTuple):
    """bind_transmitter, bind_receiver, bind_transceiver (4.1.1, 4.1.3, 4.1.5)."""

    system_id: str
    password: str
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def __repr__(self) -> str:
        return f"Bind(system_id={self.system_id!r}, system_type={self.system_type!r})"

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_BIND_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_BIND_LAYOUT, cls._fields, body))


_BIND_RESP_LAYOUT: Final[_Layout] = (_Text(16), _TLVS)


class BindResp(NamedTuple):
    """The answer to a bind (4.1.2, 4.1.4, 4.1.6). A refusal has no body; that reads as an empty `system_id`."""

    system_id: str
    tlvs: tuple[Tlv, ...] = ()

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_BIND_RESP_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_BIND_RESP_LAYOUT, cls._fields, body or b"\0"))


_SHORT_MESSAGE_LAYOUT: Final[_Layout] = (
    _SERVICE,
    *_ADDRESS,
    *_ADDRESS,
    *[_NUMBER] * 3,
    _MOMENT,
    _MOMENT,
    *[_NUMBER] * 4,
    _MESSAGE,
    _TLVS,
)


class ShortMessage(NamedTuple):
    """submit_sm and deliver_sm (4.4.1, 4.6.1)."""

    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    dest_ton: int = 0
    dest_npi: int = 0
    destination: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: tuple[Tlv, ...] = ()

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_SHORT_MESSAGE_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_SHORT_MESSAGE_LAYOUT, cls._fields, body))


_MESSAGE_ID_LAYOUT: Final[_Layout] = (_MESSAGE_ID, _TLVS)


class MessageId(NamedTuple):
    """submit_sm_resp, deliver_sm_resp, data_sm_resp (4.4.2, 4.6.2, 4.7.2).

    A refusal has no body; that reads as an empty `message_id`.
    """

    message_id: str = ""
    tlvs: tuple[Tlv, ...] = ()

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_MESSAGE_ID_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_MESSAGE_ID_LAYOUT, cls._fields, body or b"\0"))


_DATA_SM_LAYOUT: Final[_Layout] = (_SERVICE, *_LONG_ADDRESS, *_LONG_ADDRESS, *[_NUMBER] * 3, _TLVS)


class DataSm(NamedTuple):
    """data_sm (4.7.1); its text is the optional field message_payload."""

    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    dest_ton: int = 0
    dest_npi: int = 0
    destination: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: tuple[Tlv, ...] = ()

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_DATA_SM_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_DATA_SM_LAYOUT, cls._fields, body))


_QUERY_SM_LAYOUT: Final[_Layout] = (_MESSAGE_ID, *_ADDRESS)


class QuerySm(NamedTuple):
    """query_sm (4.8.1): what became of a message; the source is the one that it was submitted with."""

    message_id: str
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_QUERY_SM_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_QUERY_SM_LAYOUT, cls._fields, body))


_QUERY_RESP_LAYOUT: Final[_Layout] = (_MESSAGE_ID, _Text(17), _NUMBER, _NUMBER)


class QueryResp(NamedTuple):
    """query_sm_resp (4.8.2); `final_date` is empty until the state is final, and may come without its last 4 octets."""

    message_id: str
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_QUERY_RESP_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_QUERY_RESP_LAYOUT, cls._fields, body))


_CANCEL_SM_LAYOUT: Final[_Layout] = (_SERVICE, _MESSAGE_ID, *_ADDRESS, *_ADDRESS)


class CancelSm(NamedTuple):
    """cancel_sm (4.9.1)."""

    service_type: str = ""
    message_id: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    dest_ton: int = 0
    dest_npi: int = 0
    destination: str = ""

    def encode(self) -> bytes:
        """The body's octets."""
        return _write(_CANCEL_SM_LAYOUT, self._fields, self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body."""
        return cls(*_read(_CANCEL_SM_LAYOUT, cls._fields, body))
