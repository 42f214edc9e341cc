"""Greek texts in letters that cost less: capitals that the GSM alphabet holds, or Latin letters.

A text with one lower-case Greek letter goes as UCS-2, 70 characters a segment in place of 160 (docs/texts.md).

keep        the text as it is.
capitals    Of the Greek capitals the GSM alphabet holds ten; the other fourteen look like Latin ones, which are put in
            their place. Accents are lost.
greeklish   The transcription of ELOT 743 (2nd edition, 2001) and ISO 843:1997, type 2, which Greek passports use.
            Accents are lost; where they part two vowels (άυ, αϋ) they decide the reading first.

Both put quotes, dashes, dots and blanks that the alphabet does not hold in ASCII. They leave alone what is not Greek,
and addresses: from `http(s)://` or `www.`, or from a name with an ending in small Latin letters (`shop.gr/προσφορά`,
`info@παράδειγμα.gr`), up to the next blank or quote, since a letter changed there is another address. Archaic letters
and signs (ϟ, ϡ) stay. What is rendered already is not changed again.

Rendering is arrays in, arrays out (`code_points`): a letter's neighbours are the same array, moved by one.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.code_points import TEXT, CodePoints, TextColumn, offsets
from isms_data.errors import ConfigurationError, mask
from isms_data.plans import plan_columns
from isms_data.templates import Template, fill
from isms_data.text_segments import count_segments
from isms_data.vocabulary import Action, Coding, words

if TYPE_CHECKING:
    from isms_data.cleaning.digits import Bytes
    from isms_data.code_points import Codes


class Rendering(StrEnum):
    """How Greek is written; the words of `greek=`."""

    KEEP = "keep"
    CAPITALS = "capitals"
    GREEKLISH = "greeklish"


_LETTERS: Final = "αβγδεζηθικλμνξοπρστυφχψω"
_CAPITALS: Final = "ABΓΔEZHΘIKΛMNΞOΠPΣTYΦXΨΩ"
"""Latin where the GSM alphabet has no Greek capital."""
_LATIN: Final = (*"avgdezi", "th", *"iklmnxoprstyf", "ch", "ps", "o")
_ALPHA, _GAMMA, _EPSILON, _ETA, _MU, _XI, _OMICRON, _PI, _UPSILON, _CHI = (_LETTERS.index(c) + 1 for c in "αγεημξοπυχ")
_VOICED: Final = [_LETTERS.index(letter) + 1 for letter in "αβγδεζηιλμνορυω"]
"""The letters before which αυ, ευ, ηυ are read av, ev, iv: vowels and voiced consonants."""

# What is known of a character, in a byte: which letter it is (from 1; 0 for none), and these marks.
_LETTER, _MARKED, _PARTED, _UPPER = (np.uint8(bits) for bits in (31, 32, 64, 128))

_SIGNS: Final = {
    '"': "«»\u201c\u201d\u201e\u201f\u2033",
    "'": "`´\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u02b9\u02bc\u0374\u0384\u0385"
    "\u1fbd\u1fbf\u1fc0\u1fc1\u1fcd\u1fce\u1fcf\u1fdd\u1fde\u1fdf\u1fed\u1fee\u1fef\u1ffd\u1ffe",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f",
    ";": "\u037e",
    ".": "\u00b7\u0387",
}
"""ASCII for signs that are not in the GSM alphabet, Greek accents that stand alone among them."""
_ELLIPSIS: Final = "\u2026"

# An address, and in RE2's dialect every text that may hold one with other than ASCII in it. Whatever an address begins
# with, it takes all up to the next edge: so a second rendering, which sees fewer edges, finds the same or longer ones.
# The look-behind keeps a long word from being searched from each of its letters.
_EDGE: Final = re.escape("".join(_SIGNS.values()) + '"<>')
_NAME: Final = r"\w\u0300-\u036f"
_ADDRESS: Final = re.compile(
    rf"((?:(?i:https?://|www\.)|(?<![{_NAME}.+@-])[{_NAME}.+@-]*[{_NAME}]\.[a-z]{{2,}}(?![{_NAME}]))[^\s{_EDGE}]*)"
)
_MAY_HOLD_ADDRESS: Final = r"(?i)(?:://|www\.|\.[a-z][a-z])\S*[^\x00-\x7F]|[^\x00-\x7F]\S*\.[a-z][a-z]"

_COMBINING: Final = r"[\x{0300}-\x{036F}]"
_COMBINING_ON_GREEK: Final = r"([\x{0370}-\x{03FF}\x{1F00}-\x{1FFF}])\p{M}+"

_NUMBER: Final = re.compile(r"\+?\d(?:[\s().\-/]{0,2}\d){7,}")


def render(text: str, how: str) -> str:
    """One text in a rendering; see `render_column`.

    >>> text = "Χρόνια πολλά, Θεόφιλε! «Ευρώπη» – https://shop.gr/Προσφορά"
    >>> render(text, "capitals")
    'XPONIA ΠOΛΛA, ΘEOΦIΛE! "EYPΩΠH" - https://shop.gr/Προσφορά'
    >>> render(text, "greeklish")
    'Chronia polla, Theofile! "Evropi" - https://shop.gr/Προσφορά'
    """
    rendered: str = render_column(pd.Series([text], dtype=object), how).iloc[0]
    return rendered


def render_column(texts: pd.Series, how: str) -> pd.Series:
    """Write each text of a column in a rendering.

    One row in, one row out, same index, order and name.

    Parameters
    ----------
    texts : Series of str
        The texts as they are to be sent, templates filled.
    how : {"keep", "capitals", "greeklish"}
        See the head of this module.

    Returns
    -------
    Series of str
        null where the text is. A text with half a character comes back as it is (and the Series as object then).

    Raises
    ------
    ColumnError          a value is no text.
    ConfigurationError   there is no such rendering.

    Notes
    -----
    Cost: no paid call; 1 to 4 microseconds a row. Repeatable: yes, a rendered text stays as it is.
    Source: ELOT 743 / ISO 843, type 2; 3GPP TS 23.038 for what the capitals may be.

    Examples
    --------
    >>> render_column(pd.Series(["Καλημέρα κ. Μπάμπη", None]), "greeklish").tolist()
    ['Kalimera k. Bampi', nan]
    """
    rendering = _known(how)
    column = TextColumn.of(texts)
    rendered = pa.concat_arrays([_rendered(chunk, rendering) for chunk in column.chunks()])
    rendered = pc.if_else(pc.is_null(column.texts), pa.scalar(None, pa.large_string()), rendered)
    result = pd.Series(TEXT.__from_arrow__(rendered), index=texts.index, name=texts.name)
    if not column.broken.any():
        return result
    values = result.to_numpy(object)
    values[column.broken] = texts.to_numpy(object)[column.broken]
    return pd.Series(values, index=texts.index, name=texts.name, dtype=object)


def compare_renderings(data: pd.DataFrame | pd.Series, *, text: str | None = None) -> pd.DataFrame:
    """What each rendering would cost over these texts.

    Parameters
    ----------
    data : DataFrame or Series
        A frame, from whose rows `text` is filled; a plan, of which the rows to be sent count; or texts as they are to
        be sent. Rows without a text, and texts with half a character, do not count.
    text : str, optional
        As for `plan_messages`: `{name}` takes the row's column `name`.

    Returns
    -------
    DataFrame
        one row for each rendering, which is the index
        rows            int64     texts that count
        segments        int64     what they cost
        gsm_rows        int64     of the rows, those that go as GSM
        utf8_rows       int64     and those that go as UTF-8
        mean_segments   Float64   segments a row; null where there are none
        saved           int64     segments less than with keep
        saved_share     Float64   the same as a share of keep's; null where there are none
        example         str       the same typical row in each rendering (a median one of those with the most frequent
                                  cost), with numbers that may be telephone numbers masked; null where there is none

    Raises
    ------
    ColumnError          a value is no text, the frame is no plan, or a column of the text is not there.
    TextError            the text is empty or has a brace too many.
    ConfigurationError   there is a text, and the data are texts already.

    Notes
    -----
    Cost: no paid call; about 10 microseconds a row. Repeatable: yes. A plan has been rendered already: what it would
    cost in another rendering is told of a plan that was made with greek="keep".

    Examples
    --------
    >>> compared = compare_renderings(pd.Series(["Καλημέρα σας! Η παραγγελία σας είναι έτοιμη " * 3]))
    >>> compared[["segments", "saved", "saved_share"]]
               segments  saved  saved_share
    keep              2      0          0.0
    capitals          1      1          0.5
    greeklish         1      1          0.5
    """
    texts = _texts(data, text)
    rendered = {how: render_column(texts, how) for how in Rendering}
    counted = {how: count_segments(written) for how, written in rendered.items()}
    typical = _typical(rendered[Rendering.KEEP], counted[Rendering.KEEP]["segments"])
    compared = pd.DataFrame([_costs(each) for each in counted.values()], index=pd.Index(words(Rendering)))
    compared["mean_segments"] = _share(compared["segments"], compared["rows"])
    compared["saved"] = compared["segments"].iloc[0] - compared["segments"]
    compared["saved_share"] = _share(compared["saved"], compared["segments"].iloc[[0] * len(compared)])
    examples = [None if typical is None else _without_numbers(each.iloc[typical]) for each in rendered.values()]
    compared["example"] = pd.array(examples, dtype="str")
    return compared


def _texts(data: pd.DataFrame | pd.Series, text: str | None) -> pd.Series:
    """The texts that are to be compared."""
    if not isinstance(data, pd.DataFrame):
        if text is not None:
            msg = "text= is filled from the rows of a frame, and this is none. Give the frame, or the texts alone."
            raise ConfigurationError(msg)
        return data
    if text is not None:
        return pd.Series(TEXT.__from_arrow__(fill(data, Template.of(text)).texts))
    names = plan_columns(data)
    return data.loc[data[names["action"]].eq(Action.SEND.value).to_numpy(dtype=bool, na_value=False), names["text"]]


def _known(how: str) -> Rendering:
    if how in words(Rendering):
        return Rendering(how)
    msg = f"greek={how!r} is none of {', '.join(map(repr, words(Rendering)))}."
    raise ConfigurationError(msg)


# A chunk of texts


def _rendered(texts: pa.Array, how: Rendering) -> pa.Array:
    """The texts, around the addresses in them."""
    if how is Rendering.KEEP:
        return texts
    texts = pc.replace_substring(texts, _ELLIPSIS, "...")
    suspects = pc.match_substring_regex(texts, _MAY_HOLD_ADDRESS)
    if not pc.any(suspects).as_py():
        return _written(texts, how)
    rest = pc.if_else(suspects, pa.scalar("", pa.large_string()), texts)
    return pc.replace_with_mask(_written(rest, how), suspects, _around_addresses(texts.filter(suspects), how))


def _around_addresses(texts: pa.Array, how: Rendering) -> pa.Array:
    """Taken apart at the addresses, every other piece rendered, and put together again."""
    pieces = [_ADDRESS.split(text) for text in texts.to_pylist()]
    between = pa.array([piece for row in pieces for piece in row[::2]], pa.large_string())
    written = iter(_written(between, how).to_pylist())
    for row in pieces:
        row[::2] = [next(written) for _ in row[::2]]
    return pa.array(["".join(row) for row in pieces], pa.large_string())


def _written(texts: pa.Array, how: Rendering) -> pa.Array:
    letters = CodePoints.of(_composed(texts))
    return (_in_capitals if how is Rendering.CAPITALS else _in_latin)(letters).texts()


def _composed(texts: pa.Array) -> pa.Array:
    """Each letter and its accents in one character; accents for which a Greek letter has none are dropped."""
    loose = pc.match_substring_regex(texts, _COMBINING)
    if not pc.any(loose).as_py():
        return texts
    composed = pc.utf8_normalize(texts.filter(loose), "NFC")
    return pc.replace_with_mask(texts, loose, pc.replace_substring_regex(composed, _COMBINING_ON_GREEK, r"\1"))


def _in_capitals(texts: CodePoints) -> CodePoints:
    return CodePoints(_table(_CAPITALS)[texts.codes], texts.offsets)


def _in_latin(texts: CodePoints) -> CodePoints:
    """ELOT 743, type 2: first what each letter is by itself, then what its neighbours make of it."""
    known = np.take(_knowledge(), texts.codes, mode="clip")
    before, after = _neighbours(known, texts)
    letter, latin = known & _LETTER, _table("".join(sound[0] for sound in _LATIN))[texts.codes]
    _read_upsilon(latin, known, before, after)
    gamma = np.flatnonzero(letter == _GAMMA)
    latin[gamma[np.isin(after[gamma] & _LETTER, [_GAMMA, _XI, _CHI])]] = ord("n")
    size = np.ones(len(latin), np.uint8)
    _read_mu_pi(latin, size, letter, before & _LETTER, after & _LETTER)
    capital = np.flatnonzero(known & _UPPER)
    latin[capital] -= ord("a") - ord("A")

    second = _SECOND[letter]
    double = np.flatnonzero(second)
    size[double] = 2
    ends = offsets(size)
    whole = np.repeat(latin, size)
    whole[ends[double + 1] - 1] = second[double] - _raised(known[double], before[double], after[double])
    return CodePoints(whole, ends[texts.offsets])


def _neighbours(known: Bytes, texts: CodePoints) -> tuple[Bytes, Bytes]:
    """What is known of the character before each, and of the one after it; nothing at the ends of a text."""
    before, after = np.zeros_like(known), np.zeros_like(known)
    before[1:], after[:-1] = known[:-1], known[1:]
    inner = texts.offsets[(texts.offsets > 0) & (texts.offsets < len(known))]
    before[inner], after[inner - 1] = 0, 0
    return before, after


def _read_upsilon(latin: Codes, known: Bytes, before: Bytes, after: Bytes) -> None:
    """ου is ou; αυ, ευ, ηυ are av, ev, iv or af, ef, if by what follows; neither where an accent parts them."""
    upsilon = np.flatnonzero((known & (_LETTER | _PARTED)) == _UPSILON)
    vowel = before[upsilon] & (_LETTER | _MARKED)
    latin[upsilon[vowel == _OMICRON]] = ord("u")
    joined = upsilon[np.isin(vowel, [_ALPHA, _EPSILON, _ETA])]
    voiced = np.isin(after[joined] & _LETTER, _VOICED)
    latin[joined] = np.where(voiced, ord("v"), ord("f"))


def _read_mu_pi(latin: Codes, size: Bytes, letter: Bytes, before: Bytes, after: Bytes) -> None:
    """μπ is b at the beginning and the end of a word, mp within it."""
    mu = np.flatnonzero((letter == _MU) & (after == _PI))
    outer = mu[(before[mu] == 0) | (after[mu + 1] == 0)]
    latin[outer] = ord("b")
    size[outer + 1] = 0


def _raised(known: Bytes, before: Bytes, after: Bytes) -> Bytes:
    """What makes the second letter of TH, CH, PS a capital: the whole word is in capitals (ΘΕΟΣ, not Θεός)."""
    last = (after & _LETTER) == 0
    around = np.where(last, before, after)
    return np.where(known & around & _UPPER, ord("a") - ord("A"), 0).astype(np.uint8)


# What is known of characters

_SECOND: Final = np.array([0, *(ord(sound[1:] or "\0") for sound in _LATIN)] + [0] * 7, np.uint8)
"""The second Latin letter of a Greek one, 0 where it has one only."""


@cache
def _knowledge() -> Bytes:
    """A byte for each code point up to the last Greek one."""
    known = np.zeros(0x2128, np.uint8)
    for code in (*range(0x370, 0x400), *range(0x1F00, 0x2000), 0x2126):
        base, *marks = list(unicodedata.normalize("NFKD", chr(code)))
        letter = _LETTERS.find(base.lower().replace("ς", "σ")) + 1
        if letter:
            parted = _PARTED if "\u0308" in marks else 0
            known[code] = letter | parted | (_MARKED if marks else 0) | (_UPPER if base.isupper() else 0)
    return known


@cache
def _table(letters: str) -> Codes:
    """The code point to write for each there is, Greek ones as `letters` has them."""
    table = np.arange(0x110000, dtype=np.uint32)
    for sign, others in _SIGNS.items():
        table[[ord(other) for other in others]] = ord(sign)
    known = _knowledge() & _LETTER
    greek = np.flatnonzero(known)
    table[greek] = np.array([ord(letter) for letter in letters])[known[greek] - 1]
    return table


# What the renderings cost


def _costs(counted: pd.DataFrame) -> dict[str, int]:
    goes_as = counted["coding"].value_counts()
    return {
        "rows": int(goes_as.sum()),
        "segments": int(counted["segments"].sum()),
        "gsm_rows": int(goes_as[Coding.GSM.value]),
        "utf8_rows": int(goes_as[Coding.UTF8.value]),
    }


def _share(part: pd.Series, whole: pd.Series) -> pd.arrays.FloatingArray:
    """The quotient, null where there is nothing to share."""
    parts, wholes = part.to_numpy(np.float64), whole.to_numpy(np.float64)
    empty = wholes == 0
    return pd.arrays.FloatingArray(parts / np.where(empty, 1, wholes), empty)


def _typical(texts: pd.Series, segments: pd.Series) -> int | None:
    """The position of the row of median length among those with the most frequent cost."""
    cost = segments.to_numpy(np.float64, na_value=np.nan)
    if np.isnan(cost).all():
        return None
    values, frequency = np.unique(cost[~np.isnan(cost)], return_counts=True)
    rows = np.flatnonzero(cost == values[frequency.argmax()])
    length = texts.iloc[rows].str.len().to_numpy()
    return int(rows[np.argsort(length, kind="stable")[(len(rows) - 1) // 2]])


def _without_numbers(text: str) -> str:
    return _NUMBER.sub(lambda found: mask(re.sub(r"\D", "", found[0])), text)
