"""Replies are read exactly as documented, and never guessed at."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data import errors, replies
from isms_data.vocabulary import ErrorSentence, HlrStatus, MessageStatus, words

FRAMINGS = ["{}", "\ufeff{}", "{}\r\n", "  {} \n", "\ufeff\r\n{}\r\n"]

DOCUMENTED = {
    "Authentication error.": errors.AuthenticationError,
    "No recipients.": errors.NoRecipients,
    "Invalid sender identity.": errors.InvalidSender,
    "Insufficient credits.": errors.InsufficientCredits,
    "Invalid scheduling date.": errors.InvalidSchedule,
    "No message ID defined.": errors.NoMessageId,
    "No mobile defined.": errors.NoMobile,
    "No such message or recipient.": errors.NoSuchMessage,
    "No such message ID or mobile.": errors.NoSuchMessage,
    "Mobile number is empty.": errors.NoMobile,
    "Invalid mobile number.": errors.InvalidMobile,
}

NONSENSE = [
    "",
    " ",
    "OK!",
    "ID",
    "ID:",
    "ID: two words",
    "Credits:",
    "Credits:12,50",
    "Credits:1e5",
    "Delivere",
    "delivered",
    "Status:",
    "Status: Gone",
    "Delivered;a;b;c;d;e;f",
    "Pending;GR",
    "Error: Something new.",
    "<html>502 Bad Gateway</html>",
    "Warning: mysql_connect() in /var/www/api.php on line 3\nID:0adgre1",
    "Warning: x\nDelivered;GR;Cosmote;202010000000000;306942190000;0",
]

READERS = [replies.read_credits, replies.read_id, replies.read_status, replies.read_hlr, replies.read_contact]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_replies_documented_in_any_framing(framing: str) -> None:
    """A byte order mark, spaces and line ends around a documented reply change nothing."""
    assert replies.read_credits(framing.format("Credits:3948.47")) == Decimal("3948.47")
    assert replies.read_id(framing.format("ID:I7I5R4HTAA")) == "I7I5R4HTAA"
    assert replies.read_status(framing.format("Status: Queued")) is MessageStatus.QUEUED
    assert replies.read_hlr(framing.format("Pending")).status is HlrStatus.PENDING
    replies.read_contact(framing.format("OK"))
    replies.read_contact(framing.format("\u039f\u039a"))


@pytest.mark.parametrize("message_id", ["I7I5R4HTAA", "0008FABD", "0adgre1", "0000001"])
def test_id_of_any_shape_stays_text(message_id: str) -> None:
    """Ids of the family's shapes come back letter by letter, leading zeros included."""
    assert replies.read_id(f"ID:{message_id}") == message_id


@pytest.mark.parametrize(("sentence", "kind"), DOCUMENTED.items())
@pytest.mark.parametrize("reader", READERS)
def test_error_documented_has_its_own_class(reader: object, sentence: str, kind: type[Exception]) -> None:
    """Each documented error sentence raises its own error, whichever call it answers."""
    with pytest.raises(kind, match=sentence):
        reader(f"Error: {sentence}\r\n")  # type: ignore[operator]


def test_error_sentences_are_all_known() -> None:
    """No sentence of the vocabulary lacks its error."""
    assert set(DOCUMENTED) == set(words(ErrorSentence))


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("reader", READERS)
def test_reply_undocumented_is_not_guessed_at(reader: object, text: str) -> None:
    """Anything that the documentation does not know is a ProtocolError, a right reply behind a warning included."""
    with pytest.raises(errors.ProtocolError, match="not guessed at"):
        reader(text)  # type: ignore[operator]


def test_error_quotes_little_and_masks_numbers() -> None:
    """The error for a reply that is not understood quotes 80 characters of it at most, and no whole number."""
    with pytest.raises(errors.ProtocolError) as caught:
        replies.read_id("no idea about 306912345678 " + "x" * 500)

    assert "306912345678" not in str(caught.value)
    assert "3069•••678" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_status_with_and_without_its_mark() -> None:
    """`Status: X` and a bare `X` say the same, of messages and of lookups."""
    assert replies.read_status("Delivered") is replies.read_status("Status: Delivered")
    assert replies.read_hlr("Status: Queued").status is replies.read_hlr("Queued").status


def test_contact_failed_without_a_reason() -> None:
    """The bare FAILED of the contact calls is an error of its own."""
    with pytest.raises(errors.ContactFailed, match="FAILED"):
        replies.read_contact("FAILED")


@pytest.mark.parametrize("status", words(HlrStatus))
def test_hlr_final_unless_queued_or_pending(status: str) -> None:
    """Only Queued and Pending are worth asking again for."""
    assert replies.read_hlr(status).is_final == (status not in {"Queued", "Pending"})


def test_hlr_short_reply_is_told() -> None:
    """A final reply with fields missing says so, because a cut-off reply looks the same."""
    assert replies.read_hlr("Failed").is_short
    assert replies.read_hlr("Failed;;;;").is_short
    assert not replies.read_hlr("Failed;;;;;").is_short
    assert not replies.read_hlr("Pending").is_short


FIELD = st.text(st.characters(exclude_characters=";", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=12)


@given(
    st.sampled_from(["Delivered", "Undelivered", "Failed", "Unknown"]),
    st.lists(FIELD.filter(lambda text: "\ufeff" not in text), min_size=5, max_size=5),
    st.sampled_from(["", ";", ";;", "\r\n", " "]),
)
def test_hlr_fields_come_back_in_their_places(status: str, fields: list[str], tail: str) -> None:
    """Whatever the six fields hold, they come back as they are, an empty one as None."""
    reply = replies.read_hlr(";".join([status, *fields]) + tail)

    assert reply[:6] == (status, *(field.strip() or None for field in fields))
