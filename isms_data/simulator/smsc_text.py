"""What a submit_sm says: its text, its place in a longer message, and the times it names.

3GPP TS 23.038 (alphabets, data_coding), 3GPP TS 23.040 9.2.3.24 (user data header), SMPP 3.4 5.2.19 (data_coding),
5.3.2.22-24 (sar_...) and 7.1.1 (times). One short message has room for 140 octets, its header included; the default
alphabet comes here with one septet in each octet and is packed on air.
"""

from __future__ import annotations

import re
from codecs import charmap_decode
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.simulator.segments import BASIC, EXTENSION, parts
from isms_data.simulator.smsc_codec import Rejected, Status, Tag
from isms_data.vocabulary import Coding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from isms_data.simulator.smsc_codec import Submit

DEFAULT_ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""TS 23.038 6.2.1, in the order of the codes."""

EXTENSION_CODES: Final = {
    0x0A: "\f", 0x14: "^", 0x1B: " ", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
"""TS 23.038 6.2.1.1, by the code that follows the escape; an escape after it is kept for later and shown as a space."""

UDH_INDICATOR: Final = 0x40
"""The bit of esm_class that says that a header comes first (5.2.12)."""

OCTETS: Final = 140
LENGTH_OF_HEADER: Final = 1
SAR_ELEMENT: Final = 5
"""What the server's own element takes on air where a message names its part by sar_...: an 8-bit reference."""

MOST_PARTS: Final = 255

_UNDEFINED: Final = "\ufffe"
_CHARMAP: Final = DEFAULT_ALPHABET + _UNDEFINED * 128
_ESCAPED: Final = re.compile("\x1b(.)", re.DOTALL)
_AFTER_ESCAPE: Final = {DEFAULT_ALPHABET[code]: character for code, character in EXTENSION_CODES.items()}
_ABSOLUTE: Final = re.compile(r"([0-9]{12})([0-9])([0-9]{2})([+-])")
_RELATIVE: Final = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})000R")


class Alphabet(StrEnum):
    """In which alphabet the octets are."""

    GSM = "gsm"
    LATIN_1 = "latin-1"
    UCS_2 = "ucs-2"


class Scheme(NamedTuple):
    """What a data_coding means; class 0 is shown at once (flash)."""

    alphabet: Alphabet
    message_class: int | None = None


SCHEMES: Final[dict[int, Scheme]] = {
    0x00: Scheme(Alphabet.GSM),
    0x03: Scheme(Alphabet.LATIN_1),
    0x08: Scheme(Alphabet.UCS_2),
    **{0x10 | number: Scheme(Alphabet.GSM, number) for number in range(4)},
    **{0x18 | number: Scheme(Alphabet.UCS_2, number) for number in range(4)},
    **{0xF0 | number: Scheme(Alphabet.GSM, number) for number in range(4)},
}
"""The data_codings that are taken: the plain ones, and those of TS 23.038 4 with a message class."""


class Part(NamedTuple):
    """Which part of which longer message; references of different kinds are different references."""

    kind: str
    reference: int
    total: int
    number: int


class Content(NamedTuple):
    """What is to be shown, and how many short messages it takes on air."""

    text: str
    coding: Coding
    flash: bool
    part: Part | None
    segments: tuple[str, ...]


def read_content(submit: Submit) -> Content:
    """The text of a submit_sm.

    Raises
    ------
    Rejected   an unknown data_coding, a header or sar_... that makes no sense, more than fits.
    """
    scheme = SCHEMES.get(submit.data_coding)
    if scheme is None:
        raise Rejected(Status.ESME_RINVDCS)
    octets, header, part = _unwrapped(submit)
    if scheme.alphabet is Alphabet.UCS_2 and len(octets) % 2:
        raise Rejected(Status.ESME_RINVMSGLEN)
    text = decode(octets, scheme.alphabet)
    coding = _coding(text, scheme.alphabet)
    if Tag.MESSAGE_PAYLOAD in submit.tlvs and not header:
        segments = tuple(parts(text, coding))
        fits = len(segments) <= MOST_PARTS
    else:
        segments = (text,)
        fits = _octets_on_air(octets, text, scheme.alphabet, coding) <= OCTETS - header
    if not fits:
        raise Rejected(Status.ESME_RINVMSGLEN)
    return Content(text, coding, scheme.message_class == 0, part, segments)


def _unwrapped(submit: Submit) -> tuple[bytes, int, Part | None]:
    """The octets of the text, how many a header takes on air, and the part that it or sar_... names; never both."""
    octets, header, part = submit.short_message, 0, None
    if Tag.MESSAGE_PAYLOAD in submit.tlvs:
        if octets:
            raise Rejected(Status.ESME_ROPTPARNOTALLWD)
        octets = submit.tlvs[Tag.MESSAGE_PAYLOAD]
    if submit.esm_class & UDH_INDICATOR:
        header, part = read_header(octets)
        octets = octets[header:]
    sar = read_sar(submit.tlvs) if submit.tlvs else None
    if sar and part:
        raise Rejected(Status.ESME_ROPTPARNOTALLWD)
    if sar:
        return octets, (header or LENGTH_OF_HEADER) + SAR_ELEMENT, sar
    return octets, header, part


def decode(octets: bytes, alphabet: Alphabet) -> str:
    """The characters; what is none in the alphabet becomes U+FFFD.

    >>> decode(bytes([0x47, 0x1B, 0x65, 0x10, 0x80]), Alphabet.GSM)
    'G€Δ�'
    """
    if alphabet is Alphabet.LATIN_1:
        return octets.decode("latin-1")
    if alphabet is Alphabet.UCS_2:
        return octets.decode("utf-16-be", "replace")
    text = charmap_decode(octets, "replace", _CHARMAP)[0]
    if "\x1b" not in text:
        return text
    return _ESCAPED.sub(lambda found: _AFTER_ESCAPE.get(found[1], found[1]), text).replace("\x1b", "\ufffd")


def read_header(octets: bytes) -> tuple[int, Part | None]:
    """The length of the user data header, and the part that it names (TS 23.040 9.2.3.24.1 and .8).

    >>> read_header(bytes.fromhex("05000342030161"))
    (6, Part(kind='udh8', reference=66, total=3, number=1))
    """
    end = 1 + octets[0] if octets else 1
    if end > len(octets):
        raise Rejected(Status.ESME_RINVESMCLASS)
    at, part = 1, None
    while at < end:
        value = octets[at + 2 : at + 2 + octets[at + 1]] if at + 1 < end else b""
        if at + 2 > end or at + 2 + octets[at + 1] > end:
            raise Rejected(Status.ESME_RINVESMCLASS)
        if octets[at] in {0x00, 0x08}:
            part = _named_part(octets[at], value)
        at += 2 + len(value)
    return end, part


def _named_part(identifier: int, value: bytes) -> Part:
    width = 1 if identifier == 0x00 else 2
    if len(value) != width + 2 or not 1 <= value[-1] <= value[-2]:
        raise Rejected(Status.ESME_RINVESMCLASS)
    return Part(f"udh{8 * width}", int.from_bytes(value[:width], "big"), value[-2], value[-1])


def read_sar(tlvs: Mapping[int, bytes]) -> Part | None:
    """The part that sar_msg_ref_num, sar_total_segments and sar_segment_seqnum name; all three or none."""
    tags = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
    values = [tlvs.get(tag) for tag in tags]
    found = [int.from_bytes(value, "big") for value in values if value is not None]
    if not found:
        return None
    if len(found) < len(tags):
        raise Rejected(Status.ESME_RMISSINGOPTPARAM)
    reference, total, number = found
    if not 1 <= number <= total:
        raise Rejected(Status.ESME_RINVOPTPARAMVAL)
    return Part("sar", reference, total, number)


def _coding(text: str, alphabet: Alphabet) -> Coding:
    """In which of the two codings it goes on air; Latin-1 has letters that the default alphabet lacks."""
    if alphabet is Alphabet.LATIN_1:
        return Coding.GSM if BASIC.union(EXTENSION).issuperset(text) else Coding.UTF8
    return Coding.UTF8 if alphabet is Alphabet.UCS_2 else Coding.GSM


def _octets_on_air(octets: bytes, text: str, alphabet: Alphabet, coding: Coding) -> int:
    if alphabet is Alphabet.LATIN_1:
        if coding is Coding.UTF8:
            return 2 * len(text)
        return _packed(len(text) + sum(character in EXTENSION for character in text))
    return len(octets) if alphabet is Alphabet.UCS_2 else _packed(len(octets))


def _packed(septets: int) -> int:
    """Seven bits each; behind a header they begin at a septet, which takes no further octet (TS 23.040 9.2.3.24)."""
    return (septets * 7 + 7) // 8


def moment(text: str, now: float) -> float | None:
    """The time that a field of 16 characters names, in seconds since 1970; None for one that names none (7.1.1).

    >>> moment("260401093000020+", 0.0), moment("000000000130000R", 100.0), moment("260231093000000+", 0.0)
    (1775017800.0, 190.0, None)
    """
    try:
        return _absolute(text) or _relative(text, now)
    except (ValueError, OverflowError):  # a day, month or hour that does not exist
        return None


def _absolute(text: str) -> float | None:
    """YYMMDDhhmmss, tenths of a second, and by how many quarters of an hour the clock is ahead of or behind UTC."""
    found = _ABSOLUTE.fullmatch(text)
    if not found or int(found[3]) > 48:
        return None
    clock = datetime.strptime("20" + found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    ahead = timedelta(minutes=15 * int(found[3]))
    local = clock + timedelta(milliseconds=100 * int(found[2]))
    return (local - ahead if found[4] == "+" else local + ahead).timestamp()


def _relative(text: str, now: float) -> float | None:
    """So many years, months, days, hours, minutes and seconds from now."""
    found = _RELATIVE.fullmatch(text)
    if not found:
        return None
    years, months, days, hours, minutes, seconds = map(int, found.groups())
    here = datetime.fromtimestamp(now, UTC)
    total = here.month - 1 + months
    first = here.replace(year=here.year + years + total // 12, month=total % 12 + 1, day=1)
    later = timedelta(days=here.day - 1 + days, hours=hours, minutes=minutes, seconds=seconds)
    return (first + later).timestamp()
