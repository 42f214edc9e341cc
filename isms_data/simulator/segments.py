"""The sandbox's own count of message parts, by which it charges.

3GPP TS 23.038 and 23.040: a message of up to 160 septets (GSM 03.38, 7 bits a character, the characters of the
extension table two septets) or 70 UTF-16 units (UCS-2) travels alone; a longer one is cut into parts of 153 septets
or 67 units, since each part carries a header. Neither an escape pair nor a surrogate pair is ever cut in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.vocabulary import Coding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = frozenset("\f^{}\\[~]|€")


class Capacity(NamedTuple):
    """How many units fit in a message that travels alone, and in each part of a longer one."""

    alone: int
    part: int


SEPTETS: Final = Capacity(160, 153)
UTF16_UNITS: Final = Capacity(70, 67)


def on_air(text: str, coding: Coding) -> str:
    """The text as a phone shows it: under `GSM`, what the alphabet does not hold has become a question mark.

    >>> on_air("Γεια {1}", Coding.GSM), on_air("Γεια {1}", Coding.UTF8)
    ('Γ??? {1}', 'Γεια {1}')
    """
    if coding is Coding.UTF8:
        return text
    return "".join(character if character in BASIC or character in EXTENSION else "?" for character in text)


def parts(text: str, coding: Coding) -> list[str]:
    """The text on air, cut into the parts it travels in; an empty message is one empty part.

    >>> [len(part) for part in parts("a" * 161, Coding.GSM)], [len(part) for part in parts("α" * 71, Coding.UTF8)]
    ([153, 8], [67, 4])
    """
    shown = on_air(text, coding)
    widths = [_width(character, coding) for character in shown]
    capacity = UTF16_UNITS if coding is Coding.UTF8 else SEPTETS
    if sum(widths) <= capacity.alone:
        return [shown]
    return list(_filled(zip(shown, widths, strict=True), capacity.part))


def _width(character: str, coding: Coding) -> int:
    wide = character > "\uffff" if coding is Coding.UTF8 else character in EXTENSION
    return 2 if wide else 1


def _filled(characters: Iterable[tuple[str, int]], room: int) -> Iterator[str]:
    part: list[str] = []
    used = 0
    for character, width in characters:
        if used + width > room:
            yield "".join(part)
            part, used = [], 0
        part.append(character)
        used += width
    yield "".join(part)
