"""What a text costs and which characters make it dearer: against other libraries, and a column against one text."""

from __future__ import annotations

import gsm0338
import numpy as np
import pandas as pd
import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data.code_points import CHUNK, CodePoints, TextColumn
from isms_data.errors import ColumnError, ConfigurationError, TextError
from isms_data.gsm0338 import ALPHABET, CAPACITY, EXTENSION, width
from isms_data.text_segments import Offending, count_segments, offending, segments
from isms_data.vocabulary import Coding

GREEK = "".join(chr(code) for code in (*range(0x370, 0x400), *range(0x1F00, 0x2000)))
CLUSTERS = [
    *("👨‍👩‍👧", "🇬🇷", "👋🏽", "❤️", "1️⃣", "é", "e\u0301", "ά", "α\u0301", "ᾧ"),
    *"\ud7ff\ue000\uffff\U00010000\U0010ffff\x00\x1b\x7f`ç\u00a0\u200b",
    *sorted(EXTENSION),
    *"\r\n @Δaaaaaaaaaaaaaaaa",
]
CODEC = gsm0338.Codec()

gsm_text = st.lists(st.sampled_from(sorted(ALPHABET)) | st.just("a" * 50), min_size=1, max_size=500).map("".join)
any_text = st.one_of(
    st.text(max_size=300),
    st.text(GREEK, max_size=150),
    st.lists(st.sampled_from(CLUSTERS) | st.just("€" * 40), max_size=250).map("".join),
)


def counted(texts: list[str | None], *, coding: str = "auto", dtype: str = "object") -> list[dict[str, object]]:
    """What is counted, a dictionary a row, with None for nulls."""
    frame = count_segments(pd.Series(texts, dtype=dtype), coding=coding)
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_alphabet_is_the_one_of_an_independent_table() -> None:
    """Exactly the characters that another codec encodes are in the alphabet, at the same width."""
    widths = {}
    for character in map(chr, range(0x10000)):
        try:
            widths[character] = len(CODEC.encode(character)[0])
        except UnicodeError:
            continue
    widths.pop("\x1b")  # the escape itself is no character

    assert widths == {character: width(character, Coding.GSM) for character in ALPHABET}


@given(gsm_text)
def test_segments_of_gsm_are_those_of_an_independent_splitter(text: str) -> None:
    """GSM text is cut where another implementation cuts it, and its units are the septets of another codec."""
    found = segments(text)

    assert found.coding is Coding.GSM
    assert list(found.parts) == [part.content for part in smsutil.gsm_split(text).parts]
    assert found.units == len(CODEC.encode(text)[0])


@given(any_text)
def test_segments_of_ucs2_are_those_of_an_independent_splitter(text: str) -> None:
    """UCS-2 text is cut where another implementation cuts it, and its units are those of UTF-16."""
    found = segments(text, coding="UTF-8")

    assert list(found.parts) == [part.content for part in smsutil.unicode_split(text).parts]
    assert found.units * 2 == len(text.encode("utf-16-be"))


@given(any_text)
def test_segments_coding_is_that_of_an_independent_table(text: str) -> None:
    """GSM is chosen exactly where another implementation would."""
    allowed = not text or (smsutil.is_valid_gsm(text) and "\x1b" not in text)

    assert (segments(text).coding is Coding.GSM) is allowed


@given(any_text | gsm_text)
def test_segments_lose_nothing_and_fit(text: str) -> None:
    """Joined, the parts are the text; each fits, as encoded by others, and none ends within an escape pair."""
    found = segments(text)
    alone, room = CAPACITY[found.coding]
    gsm = found.coding is Coding.GSM
    encoded = [CODEC.encode(part)[0] if gsm else part.encode("utf-16-be") for part in found.parts]
    sizes = [len(part) // (1 if gsm else 2) for part in encoded]

    assert "".join(found.parts) == text
    assert found.count == len(found.parts)
    assert max(sizes) + found.units_left * (found.count == 1) <= (alone if found.count == 1 else room)
    assert found.units_left == (alone if found.count == 1 else room) - sizes[-1]
    assert not any(gsm and part.endswith(b"\x1b") for part in encoded)


@given(any_text | gsm_text)
def test_segments_are_as_few_as_can_be(text: str) -> None:
    """A text is only cut if it must be, and no part could have taken the first character of the next."""
    found = segments(text)
    alone, room = CAPACITY[found.coding]
    sizes = [sum(width(character, found.coding) for character in part) for part in found.parts]

    assert found.count == 1 or found.units > alone
    for size, following in zip(sizes[:-1], found.parts[1:], strict=True):
        assert size + width(following[0], found.coding) > room


@pytest.mark.parametrize(
    ("text", "count", "units", "left"),
    [
        ("", 1, 0, 160),
        ("a" * 160, 1, 160, 0),
        ("a" * 161, 2, 161, 145),
        ("a" * 306, 2, 306, 0),
        ("a" * 307, 3, 307, 152),
        ("\r\n" * 80, 1, 160, 0),
        ("\r\n" * 80 + "a", 2, 161, 145),
        ("€" * 80, 1, 160, 0),
        ("{[~^|]}\\\f€" * 8, 1, 160, 0),
        ("a" * 152 + "€" + "a" * 152, 3, 306, 152),
        ("a" * 151 + "€" + "a" * 153, 2, 306, 0),
        ("α" * 70, 1, 70, 0),
        ("α" * 71, 2, 71, 63),
        ("α" * 134, 2, 134, 0),
        ("α" * 135, 3, 135, 66),
        ("😀" * 35, 1, 70, 0),
        ("😀" * 36, 2, 72, 61),
        ("😀" * 67, 3, 134, 65),
        ("€" * 69 + "’", 1, 70, 0),
    ],
)
def test_segments_at_their_limits(text: str, count: int, units: int, left: int) -> None:
    """160/153 septets and 70/67 units, with pairs at the seam, for one text and for a column."""
    found = segments(text)

    assert (found.count, found.units, found.units_left) == (count, units, left)
    assert counted([text])[0]["segments"] == count


def test_segments_coding_asked_for() -> None:
    """A coding that is asked for is used, whatever the text could do without."""
    assert segments("a" * 71, coding="UTF-8").count == 2
    assert segments("a" * 71, coding=Coding.GSM).count == 1
    assert [row["segments"] for row in counted(["a" * 71, "b"], coding="UTF-8")] == [2, 1]


def test_segments_gsm_that_does_not_fit() -> None:
    """GSM asked for in vain is an error that names the characters and where they stand."""
    text = "It’s isn’t – ά α ’ ’"
    expected = (
        r"'’' \(RIGHT SINGLE QUOTATION MARK\) at position 2, 8, 17; '–' \(EN DASH\) at position 11; "
        r"'ά' \(.*\) at position 13 and 1 more character"
    )
    with pytest.raises(TextError, match=expected):
        segments(text, coding="GSM")
    with pytest.raises(TextError, match=r"hold '’' \([A-Z ]*\) at position 0\. Replace"):
        segments("’", coding="GSM")


@pytest.mark.parametrize("text", ["ab\ud83d", "ab\udc4b\ud83d", "ab\udfff👋"])
def test_segments_half_a_character(text: str) -> None:
    """Half a surrogate pair is refused, with its position."""
    with pytest.raises(TextError, match=r"half a character \(U\+D[8-F]\w\w at position 2\)"):
        segments(text)


@pytest.mark.parametrize("coding", ["utf8", "UCS-2", "", None])
def test_coding_unknown(coding: str) -> None:
    """A coding that there is not is an error that names those there are."""
    with pytest.raises(ConfigurationError, match="'auto', 'GSM', 'UTF-8'"):
        segments("a", coding=coding)
    with pytest.raises(ConfigurationError, match="'auto', 'GSM', 'UTF-8'"):
        count_segments(pd.Series(["a"]), coding=coding)


def test_offending_names_and_positions() -> None:
    """Each character once, in the order in which they come, by its Unicode name or number, and wherever it stands."""
    assert offending("a’é\x07’😀 \u00a0{€}") == [
        Offending("’", "RIGHT SINGLE QUOTATION MARK", (1, 4)),
        Offending("\x07", "U+0007", (3,)),
        Offending("😀", "GRINNING FACE", (5,)),
        Offending("\u00a0", "NO-BREAK SPACE", (7,)),
    ]
    assert offending("{}[]~^|\\€\f\r\n@£ΔΩ") == []


@settings(deadline=None)
@given(st.lists(st.none() | any_text | gsm_text, max_size=12), st.sampled_from(["auto", "UTF-8"]))
def test_column_counts_as_one_text(texts: list[str | None], coding: str) -> None:
    """A column gives for each text what counting it alone gives, and nothing for a null."""
    expected = []
    for text in texts:
        one = None if text is None else segments(text, coding=coding)
        expected.append(
            {
                "coding": one and one.coding,
                "segments": one and one.count,
                "offending": (one and one.offending) or None,
                "problem": None,
            }
        )

    assert counted(texts, coding=coding) == expected


@settings(deadline=None)
@given(st.lists(any_text | gsm_text, max_size=8))
def test_column_gsm_asked_for(texts: list[str]) -> None:
    """Under GSM a text that does not fit is not counted, and its problem names the characters."""
    for text, row in zip(texts, counted(texts, coding="GSM"), strict=True):
        foreign = {each.character for each in offending(text)}

        assert set(row["offending"] or "") == foreign
        assert row["problem"] == (f"not in the GSM alphabet: {row['offending']}" if foreign else None)
        assert row["segments"] == (None if foreign else segments(text).count)
        assert row["coding"] == (None if foreign else "GSM")


def test_column_beyond_a_chunk() -> None:
    """Rows keep their place over the seams of the chunks in which a column is counted."""
    few = ["a", "α" * 71, "€" * 81, "😀" * 36, "", "’" * 2]
    texts = [few[row * row % 7 % 6] for row in range(2 * CHUNK + 5)]
    alone = {text: segments(text) for text in few}
    found = count_segments(pd.Series(texts, dtype="str"))

    assert found["segments"].tolist() == [alone[text].count for text in texts]
    assert found["offending"].fillna("").tolist() == [alone[text].offending for text in texts]


@pytest.mark.parametrize("coding", ["auto", "GSM", "UTF-8"])
def test_column_half_a_character_whatever_the_coding(coding: str) -> None:
    """Half a character is the problem of a row under any coding."""
    assert counted(["b\ud83d"], coding=coding)[0]["problem"] == "half a character (an emoji cut in two)"


def test_column_half_a_character() -> None:
    """A row with half a character has a problem in place of a count; the other rows are not touched by it."""
    found = counted(["a", "b\ud83d", None, "γ"])

    assert [row["segments"] for row in found] == [1, None, None, 1]
    assert [row["coding"] for row in found] == ["GSM", None, None, "UTF-8"]
    assert [row["problem"] for row in found] == [None, "half a character (an emoji cut in two)", None, None]


@pytest.mark.parametrize("dtype", ["str", "string", "string[python]", "category", "object"])
@pytest.mark.parametrize("texts", [["a", None, "γ", "a"], ["a"], [], [None, None]])
def test_column_of_any_kind(texts: list[str | None], dtype: str) -> None:
    """The dtypes are the same for no, one and many rows and all nulls, however pandas holds the text."""
    index = pd.MultiIndex.from_tuples([("x", 1)] * len(texts), names=["a", "b"])
    series = pd.Series(texts, index=index, dtype=dtype)
    found = count_segments(series)

    assert {name: str(kind) for name, kind in found.dtypes.items()} == {
        "coding": "category",
        "segments": "Int32",
        "offending": "str",
        "problem": "str",
    }
    assert found["coding"].cat.categories.tolist() == ["GSM", "UTF-8"]
    assert found.index.equals(index)
    assert found["segments"].isna().tolist() == [text is None for text in texts]


@pytest.mark.parametrize("nothing", [np.nan, pd.NA, None])
def test_column_nulls_of_any_kind(nothing: object) -> None:
    """Whatever stands for nothing is null."""
    assert count_segments(pd.Series(["a", nothing], dtype=object))["segments"].isna().tolist() == [False, True]


@pytest.mark.parametrize("values", [["a", 5], [1, 2], [0.5, None], [b"\xff", "a"]])
def test_column_of_something_else(values: list[object]) -> None:
    """A value that is no text is an error that says what it is and where."""
    with pytest.raises(ColumnError, match=r"a (int|int64|float|float64|bytes) \(row \d, label 'x'\)"):
        count_segments(pd.Series(values, index=["x"] * len(values)))


def test_column_that_is_none() -> None:
    """A single text is not taken for a column."""
    with pytest.raises(ColumnError, match="got str"):
        count_segments("text")


@given(st.lists(st.text(max_size=20), max_size=9))
def test_code_points_there_and_back(texts: list[str]) -> None:
    """A column taken apart into code points and put together again is the same."""
    column = TextColumn.of(pd.Series(texts, dtype="str"))
    points = CodePoints.of(column.texts)

    assert [len(points), points.texts().to_pylist()] == [len(texts), texts]
    assert points.codes.tolist() == [ord(character) for text in texts for character in text]
