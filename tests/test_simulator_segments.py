"""What a message costs: the sandbox's own count, checked against libraries that share nothing with it."""

import gsm0338
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from isms_data.simulator.segments import BASIC, EXTENSION, on_air, parts
from isms_data.vocabulary import Coding

gsm_text = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), min_size=1, max_size=700)
any_text = st.text(max_size=400)


def test_alphabet_is_the_one_of_an_independent_table():
    """Exactly the characters that another GSM 03.38 codec encodes are in the alphabet, at the same width."""
    codec = gsm0338.Codec()
    widths = {}
    for character in map(chr, range(0x10000)):
        try:
            widths[character] = len(codec.encode(character)[0])
        except UnicodeError:
            continue
    widths.pop("\x1b", None)  # the escape itself is no character

    assert widths == dict.fromkeys(BASIC, 1) | dict.fromkeys(EXTENSION, 2)


@given(gsm_text)
def test_gsm_parts_are_those_of_an_independent_splitter(text):
    """GSM text is cut where another implementation cuts it."""
    assert parts(text, Coding.GSM) == [part.content for part in smsutil.gsm_split(text).parts]


@given(any_text)
def test_ucs2_parts_are_those_of_an_independent_splitter(text):
    """UCS-2 text is cut where another implementation cuts it."""
    expected = [part.content for part in smsutil.unicode_split(text).parts or [smsutil.Part("")]]

    assert parts(text, Coding.UTF8) == expected


@given(any_text, st.sampled_from(Coding))
def test_parts_joined_are_the_text_on_air(text, coding):
    """Cutting loses nothing, and one character never becomes two."""
    assert "".join(parts(text, coding)) == on_air(text, coding)
    assert len(on_air(text, coding)) == len(text)


@pytest.mark.parametrize(
    ("text", "coding", "expected"),
    [
        ("", "GSM", 1),
        ("a" * 160, "GSM", 1),
        ("a" * 161, "GSM", 2),
        ("a" * 306, "GSM", 2),
        ("a" * 307, "GSM", 3),
        ("€" * 80, "GSM", 1),
        ("€" * 81, "GSM", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM", 3),
        ("α" * 70, "UTF-8", 1),
        ("α" * 71, "UTF-8", 2),
        ("α" * 134, "UTF-8", 2),
        ("α" * 135, "UTF-8", 3),
        ("😀" * 35, "UTF-8", 1),
        ("😀" * 36, "UTF-8", 2),
        ("😀" * 67, "UTF-8", 3),
        ("a" * 71, "UTF-8", 2),
        ("α" * 160, "GSM", 1),
    ],
)
def test_segments_at_their_limits(text, coding, expected):
    """160/153 septets and 70/67 units; neither an escape pair nor a surrogate pair is cut in two."""
    assert len(parts(text, Coding(coding))) == expected
