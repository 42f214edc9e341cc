"""The sender identity: what a provider of this family takes, checked before anything is paid.

The page documents an error for a wrong sender and no rule. Siblings of the gateway say: up to 11 Latin characters, or
up to 16 digits. Which signs count as Latin characters nobody says, so this rule is the narrow one: letters, digits, and
spaces between them. A Greek Α, Β or Ε looks like a Latin letter and is none; that mistake is the hardest to see.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from isms_data.errors import InvalidSender

MAX_NAME: Final = 11
"""Characters of a sender with a letter in it; 11 is what GSM 03.40 has room for, at 7 bits each in 10 bytes."""

MAX_DIGITS: Final = 16

_STRANGE: Final = re.compile(r"[^A-Za-z0-9 ]")
_SHOWN: Final = 3
"""So many characters are named in an error."""

_LOOK_ALIKE: Final = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺονϲϳ", "ABEZHIKMNOPTYXCMovcj", strict=True))
"""Greek letters that cannot be told from Latin ones by eye."""


def checked_sender(sender: str) -> str:
    """The sender as it may be sent, unchanged.

    Raises
    ------
    InvalidSender   empty, too long, or with a character in it that is not a Latin letter, a digit or a space.

    Examples
    --------
    >>> checked_sender("MyShop 24"), checked_sender("302101234567")
    ('MyShop 24', '302101234567')
    >>> checked_sender("ΑΒΓ Shop")
    Traceback (most recent call last):
    ...
    isms_data.errors.InvalidSender: sender='ΑΒΓ Shop' has 'Α' at position 0 (GREEK CAPITAL LETTER ALPHA, not the ...
    """
    if not isinstance(sender, str):
        msg = f"sender={sender!r} is a {type(sender).__name__}. Write it as text: at most {_RULE}."
        raise InvalidSender(msg)
    if problem := _problem(sender):
        msg = f"sender={sender!r} {problem}"
        raise InvalidSender(msg)
    return sender


_RULE: Final = f"{MAX_NAME} Latin letters, digits and spaces, or {MAX_DIGITS} digits"


def _problem(sender: str) -> str | None:
    if not sender.strip():
        return f"is empty. Give at most {_RULE}."
    if re.fullmatch(r"\+[0-9]+", sender):
        return f"begins with '+'. Write the number without it: {sender[1:]!r}."
    if found := list(_STRANGE.finditer(sender)):
        named = ", ".join(f"{each[0]!r} at position {each.start()} ({_name(each[0])})" for each in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"has {named}{more}. A sender is at most {_RULE}."
    if sender != sender.strip():
        return "begins or ends with a space, which no phone shows. Leave it out."
    longest = MAX_DIGITS if sender.isdigit() else MAX_NAME
    if len(sender) > longest:
        return f"is {len(sender)} characters long. A sender is at most {_RULE}."
    return None


def _name(character: str) -> str:
    """What a character is, so that a letter that only looks right is found."""
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    latin = _LOOK_ALIKE.get(character)
    return f"{name}, not the Latin {latin} that it looks like" if latin else name
