"""How people, spreadsheets and programs write a number, undone: any cell to its digits, or to what is wrong with it.

What a cell is read as does not depend on the way that it takes through this file, and docs/cleaning.md promises it.

1. `_fold`: every character becomes ASCII. Digits of any script, all dashes, blanks and invisible marks, Greek
   letters by their look or sound. Only cells with anything but ASCII pay for it.
2. `_scan`: one pass over the bytes. Digits stay, blanks and grouping (space . - ( ) ' ") go, a plus in front is noted,
   a decimal tail (.0 ,00) is cut, and so is text before the first and behind the last digit. For most cells that is
   all; those with letters, separators or another plus go on.
3. `_untie`: scientific notation, O for 0 and l for 1, extensions. Then they are scanned again, and `_marked` notes what
   stands between their digits.
4. What has letters or separators there may be two numbers: `pieces` takes it apart.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.cleaning.digits import Bytes, Digits, Flags, Ints, digit_values, text_buffers


class Knot(IntEnum):
    """What keeps a cell from being one row of digits; nothing, for most."""

    NONE = 0
    EMPTY = 1
    NO_DIGITS = 2
    LOST_DIGITS = 3
    NOT_WHOLE = 4
    EXPONENT = 5
    """Scientific notation with more in the cell."""
    SLASHED = 6
    """A slash, comma or colon between the digits: one number, or two."""
    SEVERAL = 7
    """A separator between the digits that no single number has."""
    LETTERS = 8
    """Letters or signs between the digits."""
    TOO_LARGE = 9
    """A float that does not hold all the digits."""
    TWO_NUMBERS = 10
    """Taken apart, there are more numbers than one."""
    MORE_DIGITS = 11
    """Taken apart, there is one number, and digits that are none."""


PARTED: Final = (Knot.SLASHED, Knot.SEVERAL, Knot.LETTERS)
"""The knots that `pieces` may undo."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """A column of cells as digits: `plus` where the cell began with one, `knot` (a `Knot`) where it is not a number."""

    digits: Digits
    plus: Flags
    knot: Ints


# Classes of bytes, in the order of what they mean for a cell: the highest one in a cell decides how it is read.
_BLANK, _DIGIT, _PLUS, _SLASH, _SEPARATOR, _LETTER = range(6)


def _classes() -> Bytes:
    table = np.full(256, _LETTER, np.uint8)
    table[:32] = table[127] = _BLANK
    for characters, kind in (
        ("0123456789", _DIGIT),
        ("+", _PLUS),
        ("/,:", _SLASH),
        (";|&\n\r\\", _SEPARATOR),
        (" .-()[]'\"`~_", _BLANK),
    ):
        table[[ord(character) for character in characters]] = kind
    return table


_CLASS: Final = _classes()

_MAX_INT32: Final = 2**31

_KNOT_OF: Final = {_SLASH: Knot.SLASHED, _PLUS: Knot.SEVERAL, _SEPARATOR: Knot.SEVERAL, _LETTER: Knot.LETTERS}
"""What a byte between two digits of a cell means for it."""

_SCIENTIFIC: Final = r"^(?P<whole>[0-9]+)(?:[.,](?P<fraction>[0-9]*))?[eE]\+?(?P<exponent>[0-9]{1,2})$"
_EXPONENT: Final = r"[0-9][.,]?[eE]\+?[0-9]"
_LOOKALIKES_ONLY: Final = r"^[^A-HJ-NP-Za-kmnp-z?]*[0-9][^A-HJ-NP-Za-kmnp-z?]*$"
_LOOKALIKES: Final = {"O": "0", "o": "0", "l": "1", "I": "1"}
_EXTENSION: Final = (
    r"(?i)([0-9][ )]*)[;, (]*(?:ext(?:ension|n)?|es(?:wt(?:eriko)?)?|anexo|dob|int|x|#)[ .:=)]*[0-9]{1,7}[ )]*$"
)
_NEXT_NUMBER: Final = r"([0-9][ .)-]*)\+"
_TWO_IN_A_ROW: Final = r"([0-9]{10,})[ -]+(\+?[0-9]{8,})"
_BETWEEN: Final = r"[^0-9 .()'\"\[\]`~_+\x00-\x09\x0b\x0c\x0e-\x1f\x7f-]+"

_NOTHING: Final = pa.scalar("", pa.large_string())

_GREEK: Final = dict(zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς", "ABGDEZHQIKLMNJOPRSTYFXCWS", strict=True))
_CYRILLIC: Final = {"О": "O", "о": "o", "д": "d", "б": "b"}


def read(cells: pa.Array) -> Spelled:
    """The digits of each cell of a large_string array; a null is an empty cell.

    >>> spelled = read(pa.array(["+30 691-234.5678", "６９１２３４５６７８.0", "6.91E+09", None], pa.large_string()))
    >>> spelled.digits.text().to_pylist(), spelled.plus.tolist(), spelled.knot.tolist()
    (['306912345678', '6912345678', '', ''], [True, False, False, False], [0, 0, 3, 1])
    """
    texts = _fold(pc.fill_null(cells, ""))
    spelled, layout = _scan(texts)
    rows = np.flatnonzero(layout.worst >= _PLUS)
    if not len(rows):
        return spelled
    untied, knot = _untie(texts.take(pa.array(rows)))
    again = _marked(*_scan(untied))
    spelled.plus[rows], spelled.knot[rows] = again.plus, np.where(knot, knot, again.knot)
    return Spelled(spelled.digits.put(rows, again.digits), spelled.plus, spelled.knot)


def pieces(cells: pa.Array) -> tuple[Spelled, Ints]:
    """The cells taken apart where a number may end: all pieces that hold digits, and the row each comes from.

    Numbers with nothing but a blank between them are parted in two rounds: a match takes both neighbours, so that the
    first round leaves every other gap.
    """
    texts = _cut_extension(_fold(pc.fill_null(cells, "")))
    texts = pc.replace_substring_regex(texts, _NEXT_NUMBER, r"\1;+")
    for _ in range(2):
        texts = pc.replace_substring_regex(texts, _TWO_IN_A_ROW, r"\1;\2")
    lists = pc.split_pattern_regex(texts, _BETWEEN)
    spelled = _marked(*_scan(pc.list_flatten(lists)))
    row = pc.list_parent_indices(lists).to_numpy()
    kept = np.flatnonzero(spelled.digits.length)
    return Spelled(spelled.digits.take(kept), spelled.plus[kept], spelled.knot[kept]), row[kept]


def mantissa(cells: pa.Array) -> tuple[pa.Array, Ints, Ints]:
    """Cells in scientific notation: the digits they show, how many these are, and how many the number has.

    >>> mantissa(pa.array(["6.91235E+09"], pa.large_string()))[0].to_pylist()
    ['691235']
    """
    parts = pc.extract_regex(_bare(_fold(cells)), _SCIENTIFIC)
    whole, fraction, exponent = (pc.struct_field(parts, name) for name in ("whole", "fraction", "exponent"))
    digits = pc.binary_join_element_wise(whole, fraction, _NOTHING)
    needed = pc.add(pc.binary_length(whole), exponent.cast(pa.int64()))
    return digits, pc.binary_length(digits).to_numpy(), needed.to_numpy()


def _fold(texts: pa.Array) -> pa.Array:
    """The texts in ASCII, character by character."""
    foreign = pc.invert(pc.string_is_ascii(texts))
    if not pc.any(foreign).as_py():
        return texts
    some = texts.filter(foreign)
    offsets, content = text_buffers(some)
    code_points = np.frombuffer(content[offsets[0] : offsets[-1]].tobytes().decode().encode("utf-32-le"), np.uint32)
    seen = np.flatnonzero(np.bincount(code_points))
    table = np.zeros(seen[-1] + 1, np.uint8)
    table[seen] = [ord(_ascii(chr(code_point))) for code_point in seen]
    ends = np.concatenate([[0], np.cumsum(pc.utf8_length(some).to_numpy())]).astype(np.int64)
    folded = pa.LargeStringArray.from_buffers(len(some), pa.py_buffer(ends), pa.py_buffer(table[code_points]))
    return pc.replace_with_mask(texts, foreign, folded)


def _ascii(character: str) -> str:
    r"""One ASCII character for any: what it is or looks like, a blank for what cannot be seen, "?" for the rest.

    >>> [_ascii(character) for character in "７٣–\u200bέ;中"]
    ['7', '3', '-', ' ', 'E', ';', '?']
    """
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    if category[0] in "ZCM" and category != "Cn":
        return "\n" if character in "\n\r\x85\u2028\u2029" else " "
    if character in "\u2018\u2019\u201b\u2032\u00b4":
        return "'"
    plain = unicodedata.normalize("NFKD", character)[0]
    plain = _CYRILLIC.get(plain, _GREEK.get(plain.upper(), plain))
    return plain if plain.isascii() and not plain.isdigit() else "?"


class _Layout(NamedTuple):
    """What `_scan` has seen of its texts, byte by byte and row by row."""

    kind: Bytes
    """The class of each byte; a plus that is a text's first byte counts as blank."""
    begin: Ints
    """Where each text begins."""
    before: Any
    """How many digits stand before each byte."""
    worst: Bytes
    """The highest class in each text."""


def _scan(texts: pa.Array) -> tuple[Spelled, _Layout]:
    """The digits of ASCII texts without nulls; all there is to say of those with only grouping and a plus in front."""
    offsets, content = text_buffers(texts)
    content = content[offsets[0] : offsets[-1]]
    begin, end = offsets[:-1] - offsets[0], offsets[1:] - offsets[0]
    kind = _CLASS.take(content)
    plus = _leading_plus(kind, begin, end)
    is_digit = kind == _DIGIT
    position = np.flatnonzero(is_digit)
    before = np.zeros(len(content) + 1, np.int32 if len(content) < _MAX_INT32 else np.int64)
    np.cumsum(is_digit, out=before[1:])
    digits = Digits(digit_values(content.take(position)), before[begin].astype(np.int64), before[end].astype(np.int64))
    digits = _without_decimals(digits, position, content, texts)
    layout = _Layout(kind, begin, before, _worst(kind, begin, end))
    empty = (layout.worst == _BLANK) & ~plus
    knot = np.where(digits.length, Knot.NONE, np.where(empty, Knot.EMPTY, Knot.NO_DIGITS))
    return Spelled(digits, plus, knot), layout


def _leading_plus(kind: Bytes, begin: Ints, end: Ints) -> Flags:
    """Which texts begin with a plus; in `kind` it is a blank from then on."""
    plus = np.zeros(len(begin), np.bool_)
    filled = np.flatnonzero(end > begin)
    plus[filled] = kind.take(begin[filled]) == _PLUS
    kind[begin[plus]] = _BLANK
    return plus


def _worst(kind: Bytes, begin: Ints, end: Ints) -> Bytes:
    """The highest class in each text; `_BLANK` for an empty one."""
    worst = np.zeros(len(begin), np.uint8)
    filled = np.flatnonzero(end > begin)
    if len(filled):
        worst[filled] = np.maximum.reduceat(kind, begin[filled])
    return worst


def _without_decimals(digits: Digits, position: Ints, content: Bytes, texts: pa.Array) -> Digits:
    """Without the .0 or ,00 of a program that took the number for a fraction; more such signs are grouping."""
    stop = digits.stop.copy()
    rows = np.arange(len(digits))
    for zeros in (1, 2):
        rows = rows[digits.length[rows] > zeros]
        rows = rows[digits.buffer[digits.stop[rows] - zeros] == 0]
        before = content[position[digits.stop[rows] - 1] - zeros]
        for sign in ".,":
            found = rows[before == ord(sign)]
            single = pc.equal(pc.count_substring(texts.take(pa.array(found)), sign), 1)
            stop[found[single.to_numpy(zero_copy_only=False)]] -= zeros
    return Digits(digits.buffer, digits.start, stop)


def _marked(spelled: Spelled, layout: _Layout) -> Spelled:
    """With what stands in front of the first digit and between the digits of each text noted in `plus` and `knot`."""
    position = np.flatnonzero(layout.kind >= _PLUS)
    row = np.searchsorted(layout.begin, position, side="right") - 1
    passed = layout.before[position]
    kind = layout.kind[position]
    first = passed == spelled.digits.start[row]
    spelled.plus[row[first & (kind == _PLUS)]] = True
    inside = np.flatnonzero(~first & (passed < spelled.digits.stop[row]))
    for seen, meaning in _KNOT_OF.items():
        found = row[inside[kind[inside] == seen]]
        spelled.knot[found] = np.maximum(spelled.knot[found], meaning)
    return spelled


def _untie(texts: pa.Array) -> tuple[pa.Array, Ints]:
    """The texts with what only needed reading read, and a `Knot` where nothing more can be done."""
    knot = np.zeros(len(texts), np.int64)
    bare = _bare(texts)
    scientific = pc.match_substring_regex(bare, _SCIENTIFIC)
    rows = np.flatnonzero(scientific.to_numpy(zero_copy_only=False))
    odd = pc.and_not(pc.match_substring_regex(bare, _EXPONENT), scientific).to_numpy(zero_copy_only=False)
    texts = _cut_extension(_without_lookalikes(texts))
    if len(rows):
        numbers, knot[rows] = _expanded(bare.take(pa.array(rows)))
        texts = pc.replace_with_mask(texts, scientific, numbers)
    knot[odd] = Knot.EXPONENT
    return texts, knot


def _bare(texts: pa.Array) -> pa.Array:
    return pc.ascii_trim(texts, " '\"\t")


def _expanded(cells: pa.Array) -> tuple[pa.Array, Ints]:
    """Numbers in scientific notation written out, where the mantissa has all their digits."""
    digits, shown, needed = mantissa(cells)
    surplus = pc.binary_length(pc.ascii_rtrim(digits, "0")).to_numpy() > needed
    knot = np.select([shown < needed, surplus], [Knot.LOST_DIGITS, Knot.NOT_WHOLE], Knot.NONE)
    longer = np.flatnonzero(shown > needed)
    if len(longer):
        cut = [
            text[:size] for text, size in zip(digits.take(pa.array(longer)).to_pylist(), needed[longer], strict=True)
        ]
        digits = pc.replace_with_mask(digits, pa.array(shown > needed), pa.array(cut, pa.large_string()))
    return pc.if_else(pa.array(knot == Knot.NONE), digits, _NOTHING), knot


def _without_lookalikes(texts: pa.Array) -> pa.Array:
    """O read as 0 and l, I as 1 in texts that hold digits and no other letters."""
    typed = pc.match_substring_regex(texts, _LOOKALIKES_ONLY)
    found = texts.filter(typed)
    for letter, digit in _LOOKALIKES.items():
        found = pc.replace_substring(found, letter, digit)
    return pc.replace_with_mask(texts, typed, found) if len(found) else texts


def _cut_extension(texts: pa.Array) -> pa.Array:
    """The texts without "ext. 12" and the like at the end."""
    extended = pc.match_substring_regex(texts, _EXTENSION)
    found = pc.replace_substring_regex(texts.filter(extended), _EXTENSION, r"\1")
    return pc.replace_with_mask(texts, extended, found) if len(found) else texts
