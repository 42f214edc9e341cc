"""What a text, a sender, a time and a receipt look like in SMPP 3.4.

"SMPP Protocol Specification v3.4, Issue 1.2" (SMPP Developers Forum, 1999), and where it leaves the air interface to
others: 3GPP TS 23.038 (alphabets, data coding) and 23.040, 9.2.3.24.1 (the header that joins segments). GSM text goes
as unpacked septets, one an octet; the message centre packs them.

A text is cut here as octets and in `text_segments` as characters, in the same places: what is sent is what was priced.
The tests hold the two against each other.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from isms_data.errors import InvalidSchedule, TextError
from isms_data.gsm0338 import CAPACITY, CODES, ESCAPE
from isms_data.transports.smpp_pdu import DataSm, ShortMessage, Tag, Tlv, find_tlv
from isms_data.vocabulary import Coding, MessageStatus

if TYPE_CHECKING:
    from collections.abc import Callable

Alphabet = Literal["gsm", "latin-1"]
Concatenation = Literal["udh", "sar", "payload"]

UDH_INDICATOR: Final = 0x40
"""In `esm_class` (5.2.12): short_message begins with a user data header."""

MAX_SEGMENTS: Final = 255
"""Of one message: they are counted in one octet."""


# Texts


class Wire(NamedTuple):
    """What one segment of a text adds to a submit_sm."""

    esm_class: int
    data_coding: int
    short_message: bytes
    tlvs: tuple[Tlv, ...]


def wires(
    text: str,
    coding: Coding,
    *,
    flash: bool = False,
    alphabet: Alphabet = "gsm",
    concatenation: Concatenation = "udh",
    reference: int,
) -> tuple[Wire, ...]:
    r"""The segments of a text, cut as `text_segments.segments` cuts it.

    Parameters
    ----------
    text : str
    coding : Coding
        GSM, or UTF-8, which is UCS-2 on air.
    flash : bool
        Message class 0: shown at once and not stored. data_coding 0x10 or 0x18 as in 3GPP TS 23.038, chapter 4, which
        message centres pass on; for Latin-1, which has no class there, the optional field dest_addr_subunit (5.3.2.1).
    alphabet : {"gsm", "latin-1"}
        What GSM texts are written in. Where a message centre takes data_coding 0 for something else than the GSM
        alphabet, Latin-1 says what is meant; it is cut, and costs, as GSM.
    concatenation : {"udh", "sar", "payload"}
        How the segments of a long text are joined: by a header in each, by the sar_ fields, or not cut here at all but
        sent as one message_payload. A text that fits into one message is sent alone.
    reference : int
        What the segments of one message have in common: modulo 256 in the header, 65,536 in the sar_ fields. The header
        could have 16 bits too, but is then an octet longer, and a text would cost more segments than it was priced at.

    Raises
    ------
    TextError   a character that the alphabet does not have, half a character, or more than 255 segments.

    Examples
    --------
    >>> wires("5€", Coding.GSM, reference=1)
    (Wire(esm_class=0, data_coding=0, short_message=b'5\x1be', tlvs=()),)
    >>> [len(wire.short_message) for wire in wires("Γεια σου " * 8, Coding.UTF8, reference=1)]
    [140, 16]
    """
    pieces = _gsm_pieces(text) if coding is Coding.GSM else _ucs2_pieces(text)
    if len(pieces) > MAX_SEGMENTS:
        msg = f"the text takes {len(pieces)} segments, and one message has at most {MAX_SEGMENTS}. Shorten it."
        raise TextError(msg)
    tlvs: tuple[Tlv, ...] = ()
    if coding is Coding.UTF8:
        data_coding = 0x18 if flash else 0x08
    elif alphabet == "gsm":
        data_coding = 0x10 if flash else 0x00
    else:
        data_coding = 0x03
        pieces = _in_latin_1(text, pieces)
        tlvs = _ON_DISPLAY if flash else ()
    if len(pieces) == 1:
        return (Wire(0, data_coding, pieces[0], tlvs),)
    joined = _JOINED[concatenation](pieces, reference)
    return tuple([Wire(esm_class, data_coding, message, tlvs + own) for esm_class, message, own in joined])


_Parts = list[tuple[int, bytes, tuple[Tlv, ...]]]
"""Of each segment its esm_class, its short_message and the fields of its own."""

_ON_DISPLAY: Final = (Tlv(Tag.DEST_ADDR_SUBUNIT, b"\x01"),)


def _by_header(pieces: list[bytes], reference: int) -> _Parts:
    """Information element 0, three octets long: reference, how many there are, which this is."""
    head = (0x05, 0x00, 0x03, reference % 0x100, len(pieces))
    return [(UDH_INDICATOR, bytes((*head, number)) + piece, ()) for number, piece in enumerate(pieces, 1)]


def _by_fields(pieces: list[bytes], reference: int) -> _Parts:
    same = (
        Tlv(Tag.SAR_MSG_REF_NUM, (reference % 0x1_0000).to_bytes(2, "big")),
        Tlv(Tag.SAR_TOTAL_SEGMENTS, bytes([len(pieces)])),
    )
    return [(0, piece, (*same, Tlv(Tag.SAR_SEGMENT_SEQNUM, bytes([number])))) for number, piece in enumerate(pieces, 1)]


def _whole(pieces: list[bytes], _reference: int) -> _Parts:
    return [(0, b"", (Tlv(Tag.MESSAGE_PAYLOAD, b"".join(pieces)),))]


_JOINED: Final = {"udh": _by_header, "sar": _by_fields, "payload": _whole}


def _gsm_pieces(text: str) -> list[bytes]:
    alone, room = CAPACITY[Coding.GSM]
    return _cut(gsm_encode(text), alone, room, lambda octets, end: 1 if octets[end - 1] == ESCAPE else 0)


def _ucs2_pieces(text: str) -> list[bytes]:
    alone, room = CAPACITY[Coding.UTF8]
    try:
        octets = text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        msg = (
            f"the text holds half a character (U+{ord(text[error.start]):04X} at position {error.start}), as is left "
            "of an emoji that was cut in two. Take it out, or cut the text elsewhere."
        )
        raise TextError(msg) from None
    return _cut(octets, 2 * alone, 2 * room, lambda octets, end: 2 if 0xD8 <= octets[end - 2] <= 0xDB else 0)


def _cut(octets: bytes, alone: int, room: int, begun: Callable[[bytes, int], int]) -> list[bytes]:
    """Pieces as full as they can be; `begun` is how much of a pair a cut at this place would leave behind."""
    if len(octets) <= alone:
        return [octets]
    pieces, at = [], 0
    while at < len(octets):
        end = at + room
        if end < len(octets):
            end -= begun(octets, end)
        pieces.append(octets[at:end])
        at = end
    return pieces


def _in_latin_1(text: str, pieces: list[bytes]) -> list[bytes]:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise _lacks(text, error.start, alphabet="Latin-1") from None
    return [gsm_decode(piece).encode("latin-1") for piece in pieces]


def _lacks(text: str, position: int, *, alphabet: str) -> TextError:
    character = text[position]
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return TextError(
        f"{alphabet} does not have {character!r} ({name}) at position {position}. Replace it, or send the text as "
        "UTF-8."
    )


def gsm_encode(text: str) -> bytes:
    """The septets of a text, one an octet (3GPP TS 23.038, 6.2.1).

    Raises
    ------
    TextError   the alphabet does not have a character of it.

    Examples
    --------
    >>> gsm_encode("@5€").hex(" ")
    '00 35 1b 65'
    """
    try:
        return b"".join([CODES[character] for character in text])
    except KeyError as error:
        raise _lacks(text, text.index(error.args[0]), alphabet="the GSM alphabet") from None


def gsm_decode(octets: bytes) -> str:
    """The text of septets that come one an octet.

    What follows an escape and is not in the extension table reads as if there were no escape (3GPP TS 23.038, 6.2.1.1);
    what is no septet at all is U+FFFD.

    >>> gsm_decode(bytes.fromhex("00 35 1b 65"))
    '@5€'
    """
    found = []
    escaped = b""
    for octet in octets:
        if octet == ESCAPE and not escaped:
            escaped = bytes([ESCAPE])
        else:
            single = bytes([octet])
            found.append(_CHARACTERS.get(escaped + single) or _CHARACTERS.get(single, "\ufffd"))
            escaped = b""
    return "".join(found)


_CHARACTERS: Final = {code: character for character, code in CODES.items()}


# Addresses


class Address(NamedTuple):
    """A number or a name, with its type of number and numbering plan (5.2.5, 5.2.6)."""

    ton: int
    npi: int
    digits: str


MAX_SHORT_CODE: Final = 8
"""Digits of a short code at most."""


def sender_address(sender: str) -> Address:
    """A sender: a name is alphanumeric, up to eight digits are a short code of the network, more are international.

    5.2.5 only names the types. 5/0, 3/0 and 1/1 for names, short codes and long numbers is what providers publish.

    >>> [tuple(sender_address(sender)) for sender in ("MyShop", "54321", "306900000000")]
    [(5, 0, 'MyShop'), (3, 0, '54321'), (1, 1, '306900000000')]
    """
    if not (sender.isascii() and sender.isdigit()):
        return Address(5, 0, sender)
    if len(sender) <= MAX_SHORT_CODE:
        return Address(3, 0, sender)
    return Address(1, 1, sender)


def recipient_address(msisdn: str) -> Address:
    """A cleaned number: international, E.164."""
    return Address(1, 1, msisdn)


# Times (7.1.1.1, 7.1.1.2)


def absolute_time(moment: datetime) -> str:
    """A moment as `YYMMDDhhmmsstnnp`, in UTC; parts of a tenth of a second are left out.

    Raises
    ------
    InvalidSchedule   without a time zone, or not in this century, which the two digits of the year do not tell.

    Examples
    --------
    >>> absolute_time(datetime(2026, 12, 24, 16, 30, tzinfo=UTC))
    '261224163000000+'
    """
    if moment.utcoffset() is None:
        msg = f"schedule={moment.isoformat(' ')} has no time zone. Give it one, such as moment.replace(tzinfo=UTC)."
        raise InvalidSchedule(msg)
    utc = moment.astimezone(UTC)
    if utc.year // 100 != 20:
        msg = f"schedule={moment.isoformat(' ')} is not in this century, and SMPP has two digits for the year."
        raise InvalidSchedule(msg)
    return f"{utc:%y%m%d%H%M%S}{utc.microsecond // 100_000}00+"


MAX_RELATIVE: Final = timedelta(days=31)
"""The days have two digits and a month no length; no message centre keeps a message longer anyway."""


def relative_time(span: timedelta) -> str:
    """A span from the moment when the message centre takes the message, in started seconds.

    Raises
    ------
    InvalidSchedule   nothing, less, or more than 31 days.

    Examples
    --------
    >>> relative_time(timedelta(days=2, hours=12))
    '000002120000000R'
    """
    if not timedelta(0) < span <= MAX_RELATIVE:
        msg = f"a relative time of {span} is not more than nothing and at most {MAX_RELATIVE.days} days."
        raise InvalidSchedule(msg)
    seconds = -(-span // timedelta(seconds=1))
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"


# Receipts


class Receipt(NamedTuple):
    """What a message centre says became of one segment."""

    message_id: str
    msisdn: str
    """The recipient, digits as they were sent; may be empty."""
    state: str
    """The word of the specification (appendix B); another one as it is."""
    status: MessageStatus | None
    """None where the state says nothing."""
    error: str | None
    reference: int | None
    """The `user_message_reference` of the submit_sm."""
    text: str
    """The receipt's own text, at most its first 500 characters."""


STATES: Final = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
"""The words of `message_state` (5.2.28), as receipts spell them."""

STATUSES: Final = {
    "ENROUTE": MessageStatus.PENDING,
    "DELIVRD": MessageStatus.DELIVERED,
    "EXPIRED": MessageStatus.FAILED,
    "DELETED": MessageStatus.FAILED,
    "UNDELIV": MessageStatus.FAILED,
    "ACCEPTD": MessageStatus.PENDING,
    "REJECTD": MessageStatus.FAILED,
    "FAILED": MessageStatus.FAILED,
}
"""ACCEPTD is no proof that a phone has the message, so it stays open; UNKNOWN says nothing. FAILED is not the
specification's, and comes."""

_SPELLED_OUT: Final = {
    "DELIVERED": "DELIVRD",
    "UNDELIVERABLE": "UNDELIV",
    "UNDELIVERED": "UNDELIV",
    "ACCEPTED": "ACCEPTD",
    "REJECTED": "REJECTD",
}

_KIND: Final = 0b0011_1100
_RECEIPT: Final = 0b0000_0100
_INTERMEDIATE: Final = 0b0010_0000
"""Bits 5-2 of `esm_class` (5.2.12): a receipt, and the notice that an attempt failed and others follow."""

_MAX_TEXT: Final = 500
_OWN_TEXT: Final = re.compile(r"(?:^|\s)text\s*:.*", re.IGNORECASE | re.DOTALL)
"""The first words of the message itself, which may hold anything, even `stat:`."""
_FIELDS: Final = re.compile(
    r"(?:^|\s)(id|stat|err)\s*:\s*(?!(?:id|sub|dlvrd|submit date|done date|stat|err)\s*:)(\S+)", re.IGNORECASE
)


def read_receipt(message: ShortMessage | DataSm) -> Receipt | None:
    """Read a receipt; None where the message is none.

    It is one by its `esm_class`, or by the optional field receipted_message_id, which nothing else has. It is never one
    by its text alone: anybody can write such a text to a short code. The optional fields are believed before the text
    `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…` (appendix B), which message centres spell as they
    like.

    >>> text = b"id:0123456789 sub:001 dlvrd:001 stat:DELIVRD err:000 text:Hello"
    >>> receipt = read_receipt(ShortMessage(source="306900000000", esm_class=4, short_message=text))
    >>> receipt.message_id, receipt.msisdn, receipt.state, receipt.status, receipt.error
    ('0123456789', '306900000000', 'DELIVRD', <MessageStatus.DELIVERED: 'Delivered'>, '000')
    """
    kind = message.esm_class & _KIND
    receipted = find_tlv(message.tlvs, Tag.RECEIPTED_MESSAGE_ID)
    if kind not in {_RECEIPT, _INTERMEDIATE} and (kind or receipted is None):
        return None
    text = _text(message)
    said = {name.lower(): value for name, value in reversed(_FIELDS.findall(_OWN_TEXT.sub("", text)))}
    state = _state(find_tlv(message.tlvs, Tag.MESSAGE_STATE), said.get("stat", ""))
    status = MessageStatus.PENDING if kind == _INTERMEDIATE else STATUSES.get(state)
    return Receipt(
        (receipted or b"").partition(b"\0")[0].decode("latin-1") or said.get("id", ""),
        _digits(message.source),
        state,
        status,
        _error(find_tlv(message.tlvs, Tag.NETWORK_ERROR_CODE)) or said.get("err"),
        _reference(find_tlv(message.tlvs, Tag.USER_MESSAGE_REFERENCE)),
        text[:_MAX_TEXT],
    )


def _text(message: ShortMessage | DataSm) -> str:
    octets = message.short_message if isinstance(message, ShortMessage) else b""
    octets = octets or find_tlv(message.tlvs, Tag.MESSAGE_PAYLOAD) or b""
    return octets.decode("utf-16-be" if message.data_coding == 0x08 else "latin-1", "replace")


def _state(value: bytes | None, word: str) -> str:
    if value and (known := STATES.get(value[0])):
        return known
    upper = word.upper()
    state = _SPELLED_OUT.get(upper, upper)
    if state in STATUSES or state == "UNKNOWN":
        return state
    return word or (str(value[0]) if value else "")


def _digits(source: str) -> str:
    digits = source.removeprefix("+")
    return digits if digits.isascii() and digits.isdigit() else ""


def _error(value: bytes | None) -> str | None:
    """The code behind the octet that says whose network's it is (5.3.2.31)."""
    return str(int.from_bytes(value[1:], "big")) if value and len(value) == 3 else None


def _reference(value: bytes | None) -> int | None:
    return int.from_bytes(value, "big") if value and len(value) <= 2 else None


def id_spellings(message_id: str) -> tuple[str, ...]:
    """A message id as it is, then the other ways in which message centres write the same id.

    The response may have it in hexadecimal and the receipt in decimal, or the other way round, in either case, with
    zeros in front up to the widths that are in use (8 and 16, in decimal 10 and 16) or without.

    >>> id_spellings("8fabd")[:6]
    ('8fabd', '8FABD', '588477', '0000588477', '0000000000588477', '0008fabd')
    >>> id_spellings("I7I5R4HTAA")
    ('I7I5R4HTAA', 'i7i5r4htaa')
    """
    found = [message_id, message_id.lower(), message_id.upper()]
    for digits, base in ((r"[0-9]+", 10), (r"[0-9A-Fa-f]+", 16)):
        if re.fullmatch(digits, message_id):
            number = int(message_id, base)
            found += [f"{number:{form}}" for form in _ID_FORMS]
    return tuple(dict.fromkeys(found))


_ID_FORMS: Final = ("d", "010d", "016d", "x", "X", "08x", "08X", "016x", "016X")
