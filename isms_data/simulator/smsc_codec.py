"""SMPP 3.4 as the server reads and writes it: frames, fields, optional parameters, and the codes of the standard.

Written from the standard ("Short Message Peer to Peer Protocol Specification v3.4", 12-Oct-1999, Issue 1.2); numbers
in brackets are its sections. What cannot be read is `Rejected`, with the command_status of the answer. Reading stops at
the first fault, as it does in a real server.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER: Final = Struct(">IIII")
"""command_length, command_id, command_status, sequence_number (3.2)."""

RESPONSE: Final = 0x8000_0000
"""Set in the command_id of every response (5.1.2.1)."""

LONGEST_PDU: Final = 70_000
"""A message_payload of 64 KiB and what goes with it; a longer command_length can only be garbage."""

LAST_SEQUENCE: Final = 0x7FFF_FFFF
"""Sequence numbers go from 1 to this one (3.2)."""


class Command(IntEnum):
    """The command_ids (5.1.2.1)."""

    GENERIC_NACK = 0x8000_0000
    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    SUBMIT_MULTI = 0x21
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103


class Status(IntEnum):
    """The command_statuses (5.1.3), and one of SMPP 5.0 that servers of 3.4 use as well."""

    ESME_ROK = 0x00
    ESME_RINVMSGLEN = 0x01
    ESME_RINVCMDLEN = 0x02
    ESME_RINVCMDID = 0x03
    ESME_RINVBNDSTS = 0x04
    ESME_RALYBND = 0x05
    ESME_RINVPRTFLG = 0x06
    ESME_RINVREGDLVFLG = 0x07
    ESME_RSYSERR = 0x08
    ESME_RINVSRCADR = 0x0A
    ESME_RINVDSTADR = 0x0B
    ESME_RINVMSGID = 0x0C
    ESME_RBINDFAIL = 0x0D
    ESME_RINVPASWD = 0x0E
    ESME_RINVSYSID = 0x0F
    ESME_RCANCELFAIL = 0x11
    ESME_RREPLACEFAIL = 0x13
    ESME_RMSGQFUL = 0x14
    ESME_RINVSERTYP = 0x15
    ESME_RINVNUMDESTS = 0x33
    ESME_RINVDLNAME = 0x34
    ESME_RINVDESTFLAG = 0x40
    ESME_RINVSUBREP = 0x42
    ESME_RINVESMCLASS = 0x43
    ESME_RCNTSUBDL = 0x44
    ESME_RSUBMITFAIL = 0x45
    ESME_RINVSRCTON = 0x48
    ESME_RINVSRCNPI = 0x49
    ESME_RINVDSTTON = 0x50
    ESME_RINVDSTNPI = 0x51
    ESME_RINVSYSTYP = 0x53
    ESME_RINVREPFLAG = 0x54
    ESME_RINVNUMMSGS = 0x55
    ESME_RTHROTTLED = 0x58
    ESME_RINVSCHED = 0x61
    ESME_RINVEXPIRY = 0x62
    ESME_RINVDFTMSGID = 0x63
    ESME_RX_T_APPN = 0x64
    ESME_RX_P_APPN = 0x65
    ESME_RX_R_APPN = 0x66
    ESME_RQUERYFAIL = 0x67
    ESME_RINVOPTPARSTREAM = 0xC0
    ESME_ROPTPARNOTALLWD = 0xC1
    ESME_RINVPARLEN = 0xC2
    ESME_RMISSINGOPTPARAM = 0xC3
    ESME_RINVOPTPARAMVAL = 0xC4
    ESME_RDELIVERYFAILURE = 0xFE
    ESME_RUNKNOWNERR = 0xFF
    ESME_RINVDCS = 0x104


class Tag(IntEnum):
    """The optional parameters that the server reads or writes itself (5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


_ANY: Final = range(65_536)
SUBMIT_TAGS: Final[dict[int, range]] = {
    0x0005: range(1, 2),  # dest_addr_subunit
    0x000D: range(1, 2),  # source_addr_subunit
    0x0019: range(1, 2),  # payload_type
    0x0030: range(1, 2),  # ms_msg_wait_facilities
    0x0201: range(1, 2),  # privacy_indicator
    0x0202: range(2, 24),  # source_subaddress
    0x0203: range(2, 24),  # dest_subaddress
    Tag.USER_MESSAGE_REFERENCE: range(2, 3),
    0x0205: range(1, 2),  # user_response_code
    0x020A: range(2, 3),  # source_port
    0x020B: range(2, 3),  # destination_port
    Tag.SAR_MSG_REF_NUM: range(2, 3),
    0x020D: range(1, 2),  # language_indicator
    Tag.SAR_TOTAL_SEGMENTS: range(1, 2),
    Tag.SAR_SEGMENT_SEQNUM: range(1, 2),
    0x0302: range(1, 2),  # callback_num_pres_ind
    0x0303: range(66),  # callback_num_atag
    0x0304: range(1, 2),  # number_of_messages
    0x0381: range(4, 20),  # callback_num
    Tag.MESSAGE_PAYLOAD: _ANY,
    0x0426: range(1, 2),  # more_messages_to_send
    0x0501: range(1, 2),  # ussd_service_op
    0x1201: range(1, 2),  # display_time
    0x1203: range(2, 3),  # sms_signal
    0x1204: range(1, 2),  # ms_validity
    0x130C: range(1),  # alert_on_message_delivery
    0x1380: range(1, 2),  # its_reply_type
    0x1383: range(2, 3),  # its_session_info
}
"""The optional parameters of submit_sm (4.4.1), with the lengths that their definitions allow."""

NO_TLVS: Final[Mapping[int, bytes]] = {}

OTHER_TAGS: Final = frozenset(
    {0x0006, 0x0007, 0x0008, 0x000E, 0x000F, 0x0010, 0x0017, 0x001D, Tag.RECEIPTED_MESSAGE_ID, Tag.SC_INTERFACE_VERSION}
    | {0x0420, 0x0421, 0x0422, Tag.NETWORK_ERROR_CODE, 0x0425, Tag.MESSAGE_STATE}
)
"""What the standard defines for other commands only. Any other tag is unknown, and passed over (3.3)."""


class Rejected(Exception):
    """A request that cannot be read or carried out; `status` is the answer, and nothing has changed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Bind(NamedTuple):
    """The body of the three binds (4.1); where from and to addresses are meant is of no interest here."""

    system_id: str
    password: str
    interface_version: int


class Submit(NamedTuple):
    """The body of submit_sm (4.4.1); texts as Latin-1, what is to be sent as it came."""

    service_type: str
    source_ton: int
    source_npi: int
    source: str
    dest_ton: int
    dest_npi: int
    destination: str
    esm_class: int
    protocol_id: int
    priority: int
    schedule: str
    validity: str
    registered_delivery: int
    replace_if_present: int
    data_coding: int
    default_message: int
    short_message: bytes
    tlvs: Mapping[int, bytes]


class Query(NamedTuple):
    """The body of query_sm (4.8.1)."""

    message_id: str
    source: str


class Cancel(NamedTuple):
    """The body of cancel_sm (4.9.1)."""

    service_type: str
    message_id: str
    source: str
    destination: str


class Reader:
    """The fields of a body, one after the other."""

    __slots__ = ("at", "body")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def text(self, size: int, fault: Status) -> str:
        """A C-octet string of at most `size` octets with its NUL (3.1)."""
        end = self.body.find(0, self.at, self.at + size)
        if end < 0:
            raise Rejected(Status.ESME_RINVCMDLEN if len(self.body) < self.at + size else fault)
        text = self.body[self.at : end].decode("latin-1")
        self.at = end + 1
        return text

    def moment(self, fault: Status) -> str:
        """A time: 16 characters or none (7.1.1)."""
        text = self.text(17, fault)
        if len(text) not in {0, 16}:
            raise Rejected(fault)
        return text

    def octets(self, count: int, fault: Status = Status.ESME_RINVCMDLEN) -> bytes:
        """So many octets."""
        octets = self.body[self.at : self.at + count]
        if len(octets) < count:
            raise Rejected(fault)
        self.at += count
        return octets

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self.body):
            raise Rejected(Status.ESME_RINVCMDLEN)


def read_bind(body: bytes) -> Bind:
    """The body of a bind: system_id, password, system_type, interface_version, and the addresses served (4.1.1)."""
    reader = Reader(body)
    system_id = reader.text(16, Status.ESME_RINVSYSID)
    password = reader.text(9, Status.ESME_RINVPASWD)
    reader.text(13, Status.ESME_RINVSYSTYP)
    version, _ton, _npi = reader.octets(3)
    reader.text(41, Status.ESME_RBINDFAIL)
    reader.end()
    return Bind(system_id, password, version)


def read_submit(body: bytes) -> Submit:
    """The body of a submit_sm, its optional parameters checked for place and length."""
    reader = Reader(body)
    service_type = reader.text(6, Status.ESME_RINVSERTYP)
    source_ton, source_npi = reader.octets(2)
    source = reader.text(21, Status.ESME_RINVSRCADR)
    dest_ton, dest_npi = reader.octets(2)
    destination = reader.text(21, Status.ESME_RINVDSTADR)
    esm_class, protocol_id, priority = reader.octets(3)
    schedule = reader.moment(Status.ESME_RINVSCHED)
    validity = reader.moment(Status.ESME_RINVEXPIRY)
    registered_delivery, replace, data_coding, default_message, length = reader.octets(5)
    if length > 254:
        raise Rejected(Status.ESME_RINVMSGLEN)
    short_message = reader.octets(length, Status.ESME_RINVMSGLEN)
    return Submit(
        service_type,
        source_ton,
        source_npi,
        source,
        dest_ton,
        dest_npi,
        destination,
        esm_class,
        protocol_id,
        priority,
        schedule,
        validity,
        registered_delivery,
        replace,
        data_coding,
        default_message,
        short_message,
        read_tlvs(body, reader.at) if reader.at < len(body) else NO_TLVS,
    )


def read_query(body: bytes) -> Query:
    """The body of a query_sm."""
    reader = Reader(body)
    message_id = reader.text(65, Status.ESME_RINVMSGID)
    reader.octets(2)
    source = reader.text(21, Status.ESME_RINVSRCADR)
    reader.end()
    return Query(message_id, source)


def read_cancel(body: bytes) -> Cancel:
    """The body of a cancel_sm."""
    reader = Reader(body)
    service_type = reader.text(6, Status.ESME_RINVSERTYP)
    message_id = reader.text(65, Status.ESME_RINVMSGID)
    reader.octets(2)
    source = reader.text(21, Status.ESME_RINVSRCADR)
    reader.octets(2)
    destination = reader.text(21, Status.ESME_RINVDSTADR)
    reader.end()
    return Cancel(service_type, message_id, source, destination)


def read_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    """The optional parameters behind the mandatory ones (3.2.4); the first of a tag counts."""
    found: dict[int, bytes] = {}
    while at < len(body):
        tag, length = int.from_bytes(body[at : at + 2], "big"), int.from_bytes(body[at + 2 : at + 4], "big")
        value = body[at + 4 : at + 4 + length]
        if at + 4 > len(body) or len(value) < length:
            raise Rejected(Status.ESME_RINVOPTPARSTREAM)
        if tag in OTHER_TAGS:
            raise Rejected(Status.ESME_ROPTPARNOTALLWD)
        if length not in SUBMIT_TAGS.get(tag, _ANY):
            raise Rejected(Status.ESME_RINVPARLEN)
        found.setdefault(tag, value)
        at += 4 + length
    return found


def frame(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """A whole PDU.

    >>> frame(Command.ENQUIRE_LINK, 7).hex()
    '00000010000000150000000000000007'
    """
    return HEADER.pack(16 + len(body), command, status, sequence) + body


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def c_octets(text: str) -> bytes:
    """A text field with its NUL."""
    return text.encode("latin-1") + b"\0"


def command_name(command: int) -> str:
    """The name under which a command is counted.

    >>> command_name(0x04), command_name(0x80000005), command_name(0x80000000), command_name(0x99)
    ('submit_sm', 'deliver_sm_resp', 'generic_nack', '0x00000099')
    """
    name = _NAMES.get(command)
    request = _NAMES.get(command & ~RESPONSE)
    return name or (f"{request}_resp" if request else f"0x{command:08X}")


def status_name(status: int) -> str:
    """The name under which a command_status is counted.

    >>> status_name(0x58), status_name(0x400)
    ('ESME_RTHROTTLED', '0x00000400')
    """
    return _STATUS_NAMES.get(status) or f"0x{status:08X}"


_STATUS_NAMES: Final = {status.value: status.name for status in Status}
_NAMES: Final = {command.value: command.name.lower() for command in Command}
