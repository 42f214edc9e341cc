"""`checked_sender`: nothing passes that the other side refuses, and the error names the character that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import InvalidSender
from isms_data.senders import checked_sender
from isms_data.simulator.accounts import is_sender


@pytest.mark.parametrize(
    "sender", ["MyShop", "A", "Shop 24 GR", "ElevenChars", "302101234567", "1234567890123456", "5"]
)
def test_sender_that_is_one(sender: str) -> None:
    """Up to 11 Latin letters, digits and spaces, or up to 16 digits, are a sender and stay as they are."""
    assert checked_sender(sender) == sender


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("TwelveLetter", "is 12 characters long"),
        ("12345678901234567", "is 17 characters long"),
        ("69123456789A", "is 12 characters long"),
        ("+302101234567", r"without it: '302101234567'"),
        (" Shop", "begins or ends with a space"),
        ("Shop ", "begins or ends with a space"),
        ("Shop!", r"'!' at position 4 \(EXCLAMATION MARK\)"),
        ("Shop\n", r"'\\n' at position 4 \(U\+000A\)"),
        ("My\u00a0Shop", r"'\\xa0' at position 2 \(NO-BREAK SPACE\)"),
        ("Μy Shop", r"at position 0 \(GREEK CAPITAL LETTER MU, not the Latin M that it looks like\)"),
        ("Shοp", r"at position 2 \(GREEK SMALL LETTER OMICRON, not the Latin o that it looks like\)"),
        ("Shop Ω", r"at position 5 \(GREEK CAPITAL LETTER OMEGA\)"),
        ("Ѕhop", r"at position 0 \(CYRILLIC CAPITAL LETTER DZE\)"),
        (
            "Κατάστημα",
            r"'Κ' at position 0 .*'α' at position 1 .*'τ' at position 2 \(GREEK SMALL LETTER TAU\) and 6 more",
        ),
        ("٣٠٢١", r"ARABIC-INDIC DIGIT THREE"),
    ],
)
def test_sender_that_is_none(sender: str, told: str) -> None:
    """What is wrong is said: the length, or which character where, Greek letters that look Latin by name."""
    with pytest.raises(InvalidSender, match=told):
        checked_sender(sender)


@pytest.mark.parametrize("sender", [None, 302101234567, b"Shop", float("nan")])
def test_sender_that_is_no_text(sender: object) -> None:
    """Anything but text is refused with its type."""
    with pytest.raises(InvalidSender, match=f"is a {type(sender).__name__}"):
        checked_sender(sender)  # type: ignore[arg-type]


@given(st.text("AZaz09 .-_&!+Α\n\u00a0", max_size=18) | st.text(max_size=12) | st.from_regex(r"[A-Za-z0-9 ]{0,17}"))
def test_sender_is_one_for_the_other_side_too(sender: str) -> None:
    """What passes here the sandbox takes; what it takes passes, but for spaces at an end."""
    try:
        passed = checked_sender(sender) == sender
    except InvalidSender:
        passed = False

    assert passed == (is_sender(sender) and sender == sender.strip())
