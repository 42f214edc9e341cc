"""How many segments a text costs, and which characters make it dearer.

A text goes as GSM 03.38 where that alphabet holds every character, else as UCS-2 (the gateway's `UTF-8`): 160 or 70
units alone, 153 or 67 a segment beyond that (`gsm0338`). Neither an escape pair nor a surrogate pair is cut in two,
so segments are counted by filling them, one after the other, and not by dividing. An empty text is one segment.
A CR LF is two characters. Half a character (a lone surrogate) cannot be sent by any encoding and is refused.

`segments` does one text, character by character, and `count_segments` a column, array by array; the tests hold the
two against each other and against other implementations.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.code_points import HALF_CHARACTER, TEXT, CodePoints, TextColumn, offsets
from isms_data.errors import ConfigurationError, TextError
from isms_data.gsm0338 import ALPHABET, CAPACITY, EXTENSION, Capacity, width
from isms_data.vocabulary import Coding, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.cleaning.digits import Flags, Ints

SEGMENT_COLUMNS: Final = ("coding", "segments", "offending", "problem")
"""What `count_segments` gives."""

_CODINGS: Final = pd.CategoricalDtype(pd.Index(words(Coding), dtype="str"), ordered=False)
_ALPHABET: Final = np.array(sorted(map(ord, ALPHABET)), np.int64)
_EXTENSION: Final = np.array(sorted(map(ord, EXTENSION)), np.int64)
_FIRST_ASTRAL: Final = 0x10000

_NULL: Final = pa.scalar(None, pa.large_string())
_NOTHING: Final = pa.scalar("", pa.large_string())
_HALF: Final = pa.scalar("half a character (an emoji cut in two)", pa.large_string())
_NOT_GSM: Final = pa.scalar("not in the GSM alphabet: ", pa.large_string())


class Offending(NamedTuple):
    """A character that the GSM alphabet does not hold, its Unicode name, and where it stands (from 0)."""

    character: str
    name: str
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segments:
    """What one text costs: `units` are septets (GSM) or UTF-16 units, `units_left` those free in the last segment."""

    coding: Coding
    count: int
    units: int
    units_left: int
    parts: tuple[str, ...]
    offending: str
    """The distinct characters that the GSM alphabet does not hold, sorted."""


def segments(text: str, *, coding: str = "auto") -> Segments:
    """Count and cut one text as it is billed.

    Parameters
    ----------
    text : str
    coding : {"auto", "GSM", "UTF-8"}
        auto: GSM where the alphabet holds every character, else UTF-8, which is UCS-2 on air.

    Raises
    ------
    TextError            the text holds half a character, or one that the GSM asked for does not have.
    ConfigurationError   there is no such coding.

    Notes
    -----
    Source: 3GPP TS 23.038, 6.2.1; 3GPP TS 23.040, 9.2.3.24.1.

    Examples
    --------
    >>> segments("20% off: 5€")
    Segments(coding=<Coding.GSM: 'GSM'>, count=1, units=12, units_left=148, parts=('20% off: 5€',), offending='')
    >>> [len(part) for part in segments("Γεια σου " * 8).parts]
    [67, 5]
    """
    asked = _asked(coding)
    half = HALF_CHARACTER.search(text)
    if half:
        msg = (
            f"the text holds half a character (U+{ord(half[0]):04X} at position {half.start()}), as is left of an "
            "emoji that was cut in two. Take it out, or cut the text elsewhere."
        )
        raise TextError(msg)
    foreign = "".join(sorted(set(text) - ALPHABET))
    if asked is Coding.GSM and foreign:
        raise _misfit(text)
    used = asked or (Coding.UTF8 if foreign else Coding.GSM)
    parts = tuple(_filled(text, used))
    size = [sum(width(character, used) for character in part) for part in parts]
    room = CAPACITY[used].alone if len(parts) == 1 else CAPACITY[used].segment
    return Segments(used, len(parts), sum(size), room - size[-1], parts, foreign)


def offending(text: str) -> list[Offending]:
    """The characters that force a text out of GSM, in the order in which they come, with all their positions.

    >>> offending("It’s 5€, isn’t it")
    [Offending(character='’', name='RIGHT SINGLE QUOTATION MARK', positions=(2, 12))]
    """
    found: dict[str, list[int]] = {}
    for position, character in enumerate(text):
        if character not in ALPHABET:
            found.setdefault(character, []).append(position)
    return [Offending(character, _name(character), tuple(positions)) for character, positions in found.items()]


def count_segments(texts: pd.Series, *, coding: str = "auto") -> pd.DataFrame:
    """Count the segments of each text of a column, and name the characters that make it dearer.

    One row in, one row out, same index and order.

    Parameters
    ----------
    texts : Series of str
        The texts as they are to be sent, templates filled.
    coding : {"auto", "GSM", "UTF-8"}
        As in `segments`.

    Returns
    -------
    DataFrame
        coding      category   word of vocabulary.Coding; null where the text is, or where there is a problem
        segments    Int32      what the text costs; null likewise
        offending   str        the distinct characters that GSM does not hold, sorted; null where there are none
        problem     str        why it cannot be sent: half a character, or not in the GSM asked for; null where it can

    Raises
    ------
    ColumnError          a value is no text.
    ConfigurationError   there is no such coding.

    Notes
    -----
    Cost: no paid call; about a microsecond a row. Repeatable: yes. Source: as `segments`.

    Examples
    --------
    >>> count_segments(pd.Series(["Special offer", "Ειδική προσφορά", None]))
      coding  segments    offending problem
    0    GSM         1          NaN     NaN
    1  UTF-8         1  Εάήδικοπρσφ     NaN
    2    NaN      <NA>          NaN     NaN
    """
    asked = _asked(coding)
    column = TextColumn.of(texts)
    tallies = [_tally(CodePoints.of(chunk), asked) for chunk in column.chunks()]
    foreign = pa.concat_arrays([tally.foreign for tally in tallies])
    problem = pc.if_else(pa.array(column.broken), _HALF, _NULL)
    if asked is Coding.GSM:
        problem = pc.coalesce(problem, pc.binary_join_element_wise(_NOT_GSM, foreign, _NOTHING))
    unknown = pc.or_(pc.is_null(column.texts), pc.is_valid(problem)).to_numpy(zero_copy_only=False)
    utf8 = np.concatenate([tally.utf8 for tally in tallies])
    count = np.concatenate([tally.segments for tally in tallies])
    added = {
        "coding": pd.Categorical.from_codes(np.where(unknown, -1, utf8), dtype=_CODINGS),
        "segments": pd.arrays.IntegerArray(count, unknown),
        "offending": TEXT.__from_arrow__(foreign),
        "problem": TEXT.__from_arrow__(problem),
    }
    return pd.DataFrame(added, index=texts.index)


def _asked(coding: str) -> Coding | None:
    """The coding that was asked for, None where the text decides."""
    if coding == "auto":
        return None
    if coding in words(Coding):
        return Coding(coding)
    msg = f"coding={coding!r} is none of 'auto', {', '.join(map(repr, words(Coding)))}."
    raise ConfigurationError(msg)


# One text


def _misfit(text: str) -> TextError:
    found = offending(text)
    named = [
        f"{each.character!r} ({each.name}) at position {', '.join(map(str, each.positions[:3]))}" for each in found[:3]
    ]
    more = f" and {len(found) - 3} more characters" if len(found) > 3 else ""
    return TextError(
        f"the GSM alphabet does not hold {'; '.join(named)}{more}. Replace them, say coding='auto', or write Greek in "
        "capitals (greek='capitals')."
    )


def _name(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")


def _filled(text: str, coding: Coding) -> Iterator[str]:
    """The text in segments, each as full as it can be without cutting a character in two."""
    capacity = CAPACITY[coding]
    sizes = [width(character, coding) for character in text]
    room = capacity.alone if sum(sizes) <= capacity.alone else capacity.segment
    start, used = 0, 0
    for position, size in enumerate(sizes):
        if used + size > room:
            yield text[start:position]
            start, used = position, 0
        used += size
    yield text[start:]


# A column


class _Tally(NamedTuple):
    """Of each text: its segments, whether it goes as UTF-8, and its foreign characters (null where it has none)."""

    segments: Ints
    utf8: Flags
    foreign: pa.Array


def _tally(texts: CodePoints, asked: Coding | None) -> _Tally:
    present = np.flatnonzero(np.bincount(texts.codes))
    foreign = present[~np.isin(present, _ALPHABET)]
    holds = _holds(texts, foreign)
    dearer: Flags = np.logical_or.reduce(holds, axis=1)
    utf8 = dearer if asked is None else np.full(len(texts), asked is Coding.UTF8)
    wide = {Coding.GSM: present[np.isin(present, _EXTENSION)], Coding.UTF8: present[present >= _FIRST_ASTRAL]}
    count = np.empty(len(texts), np.int32)
    for coding, rows in ((Coding.GSM, np.flatnonzero(~utf8)), (Coding.UTF8, np.flatnonzero(utf8))):
        count[rows] = _counts(texts, rows, wide[coding], CAPACITY[coding])
    row, which = np.nonzero(holds)
    spelled = CodePoints(foreign[which].astype(np.uint32), offsets(np.bincount(row, minlength=len(texts)))).texts()
    return _Tally(count, utf8, pc.if_else(pa.array(dearer), spelled, _NULL))


def _holds(texts: CodePoints, characters: Ints) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """A line for each text, a column for each of these characters: whether the text holds it."""
    if not len(characters):
        return np.zeros((len(texts), 0), np.bool_)
    across = len(characters) + 1
    column = np.zeros(int(characters[-1]) + 2, np.int64)
    column[characters] = np.arange(1, across)
    cell = np.take(column, texts.codes, mode="clip")
    cell += np.repeat(np.arange(len(texts)) * across, np.diff(texts.offsets))
    holds = np.zeros(len(texts) * across, np.bool_)
    holds[cell] = True
    return holds.reshape(len(texts), across)[:, 1:]


def _counts(texts: CodePoints, rows: Ints, wide: Ints, capacity: Capacity) -> Ints:
    """The segments of these rows, where the characters `wide` take two units and all others one."""
    begin, end = texts.offsets[rows], texts.offsets[rows + 1]
    if not len(wide):
        units = end - begin
        return np.where(units <= capacity.alone, 1, -(-units // capacity.segment))
    size = np.ones(int(wide[-1]) + 2, np.uint8)
    size[wide] = 2
    reach = offsets(np.take(size, texts.codes, mode="clip"))
    count = np.ones(len(rows), np.int64)
    long = np.flatnonzero(reach[end] - reach[begin] > capacity.alone)
    count[long] = _packed(reach, begin[long], end[long], capacity.segment)
    return count


def _packed(reach: Ints, begin: Ints, end: Ints, room: int) -> Ints:
    """Fill one segment after the other, in all texts at once; `reach` is the units in front of each character."""
    count = np.zeros(len(begin), np.int64)
    at, unfinished = begin.copy(), np.arange(len(begin))
    while len(unfinished):
        here = at[unfinished]
        at[unfinished] = np.searchsorted(reach, reach[here] + room, side="right") - 1
        count[unfinished] += 1
        unfinished = unfinished[at[unfinished] < end[unfinished]]
    return count
