"""The alphabet of a cheap message: which characters GSM 03.38 holds, and how much fits in a segment.

3GPP TS 23.038, 6.2.1 (the default alphabet, 7 bits a character, called a septet) and 6.2.1.1 (the extension table,
reached by an escape, so that each of its characters takes two). A message in any other alphabet goes as UCS-2, in
UTF-16 units, of which a character outside the Basic Multilingual Plane (an emoji) takes two. The lengths are those of
140 bytes: alone, or behind a header of 6 bytes that joins the segments of a long message (3GPP TS 23.040, 9.2.3.24.1).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from isms_data.vocabulary import Coding

_TABLE: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"  # 0x1B, the escape, is no character
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""Sixteen characters a line, in the order of their codes."""

ESCAPE: Final = 0x1B

_EXTENSION_CODES: Final = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip

EXTENSION: Final = frozenset(_EXTENSION_CODES)
"""Two septets each."""

ALPHABET: Final = frozenset(_TABLE) | EXTENSION

CODES: Final = {
    **{character: bytes([code + (code >= ESCAPE)]) for code, character in enumerate(_TABLE)},
    **{character: bytes([ESCAPE, code]) for character, code in _EXTENSION_CODES.items()},
}
"""The septets of each character, one an octet."""


class Capacity(NamedTuple):
    """How many units a message takes that travels alone, and each segment of a longer one."""

    alone: int
    segment: int


CAPACITY: Final = {Coding.GSM: Capacity(160, 153), Coding.UTF8: Capacity(70, 67)}


def width(character: str, coding: Coding) -> int:
    """The units that a character takes: septets of GSM, UTF-16 units otherwise.

    >>> [width(character, Coding.GSM) for character in "e€"], [width(character, Coding.UTF8) for character in "€😀"]
    ([1, 2], [1, 2])
    """
    wide = character in EXTENSION if coding is Coding.GSM else character > "\uffff"
    return 2 if wide else 1
