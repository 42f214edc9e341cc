"""What a plain-text reply says, read strictly: a documented answer, a documented error, or `ProtocolError`.

Tolerated is the framing only: a byte order mark, spaces, CR/LF, trailing `;`, missing trailing fields, and a status
with or without `Status:` in front. Anything else is never guessed at. Pure: text in, values out.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from isms_data import errors
from isms_data.vocabulary import (
    CREDITS_MARK,
    ERROR_MARK,
    FAILED_CONTACT,
    HLR_FIELDS,
    ID_MARK,
    OK_WORD,
    OK_WORD_GREEK,
    OPEN_STATUSES,
    STATUS_MARK,
    ErrorSentence,
    HlrStatus,
    MessageStatus,
    words,
)

MAX_QUOTED: Final = 80
"""How much of a reply an error quotes."""

_WHAT_TO_DO: Final[dict[str, tuple[type[errors.GatewayError], str]]] = {
    ErrorSentence.AUTHENTICATION: (
        errors.AuthenticationError,
        "Check the user name and the password (ISMS_USERNAME, ISMS_PASSWORD).",
    ),
    ErrorSentence.NO_RECIPIENTS: (errors.NoRecipients, "Give at least one number."),
    ErrorSentence.INVALID_SENDER: (
        errors.InvalidSender,
        "A sender is up to 11 Latin letters and digits, or up to 16 digits, and may have to be approved first.",
    ),
    ErrorSentence.INSUFFICIENT_CREDITS: (
        errors.InsufficientCredits,
        "Top up the account, then call again: what is done is kept.",
    ),
    ErrorSentence.INVALID_SCHEDULE: (errors.InvalidSchedule, "Write a date like '2026-05-11 14:40' or '+1 day'."),
    ErrorSentence.NO_MESSAGE_ID: (errors.NoMessageId, "Give the id that the sending or lookup call returned."),
    ErrorSentence.NO_MOBILE: (errors.NoMobile, "Give the number that is asked about."),
    ErrorSentence.NO_SUCH_MESSAGE: (errors.NoSuchMessage, "Check the id and the number; ids may expire."),
    ErrorSentence.NO_SUCH_LOOKUP: (errors.NoSuchMessage, "Check the id and the number; ids may expire."),
    ErrorSentence.EMPTY_MOBILE: (errors.NoMobile, "Give the contact a number."),
    ErrorSentence.INVALID_MOBILE: (errors.InvalidMobile, "Clean the number with isms.clean_numbers first."),
}

_CREDITS: Final = re.compile(rf"{CREDITS_MARK}\s*(-?\d+(?:\.\d+)?)")
_ID: Final = re.compile(rf"{ID_MARK}\s*([A-Za-z0-9_-]{{1,64}})")
_STATUS: Final = re.compile(rf"(?:{STATUS_MARK}\s*)?([A-Za-z]+)")
_ERROR: Final = re.compile(rf"{ERROR_MARK}\s*(.+)")
_HLR_WORDS: Final = frozenset(words(HlrStatus))
_LONG_NUMBER: Final = re.compile(r"\d{9,}")
_FRAMING: Final = " \t\r\n\ufeff"


class HlrReply(NamedTuple):
    """One answer of hlrquery.php as received; a field that is empty or missing is None."""

    status: HlrStatus
    country: str | None
    operator: str | None
    imsi: str | None
    serving_msc: str | None
    error_code: str | None
    text: str
    """The reply without its framing, to be kept."""

    @property
    def is_final(self) -> bool:
        """Whether this is an answer, and not yet `Queued` or `Pending`."""
        return self.status not in OPEN_STATUSES

    @property
    def is_short(self) -> bool:
        """Whether trailing fields are missing: documented as possible, but also what a cut-off reply looks like."""
        return self.is_final and self.text.count(";") < len(HLR_FIELDS) - 1


def read_credits(text: str) -> Decimal:
    """The balance, as in `Credits:3948.47`.

    >>> read_credits("Credits:3948.47 ")
    Decimal('3948.47')
    """
    return Decimal(_matched(_CREDITS, text, "a balance like 'Credits:3948.47'"))


def read_id(text: str) -> str:
    """The id of an accepted call, as in `ID:I7I5R4HTAA`: text, whatever it looks like.

    >>> read_id("ID:0000001")
    '0000001'
    """
    return _matched(_ID, text, "an id like 'ID:I7I5R4HTAA'")


def read_status(text: str) -> MessageStatus:
    """The state of a message, as in `Status: Delivered`.

    >>> read_status("Status: Delivered").value
    'Delivered'
    """
    word = _matched(_STATUS, text.strip(_FRAMING + ";"), "a state like 'Status: Delivered'")
    try:
        return MessageStatus(word)
    except ValueError:
        raise _not_understood(text, "a state like 'Status: Delivered'") from None


def read_hlr(text: str) -> HlrReply:
    """The answer about one number: `Queued`, `Pending`, or `Status;Country;Operator;IMSI;ServingMSC;ErrorCode`.

    >>> read_hlr("Undelivered;GR;Cosmote;;;27")[:6]
    (<HlrStatus.UNDELIVERED: 'Undelivered'>, 'GR', 'Cosmote', None, None, '27')
    """
    expected = "a lookup's answer like 'Delivered;GR;Cosmote;…'"
    stripped = text.strip(_FRAMING)
    fields = [part.strip(_FRAMING) or None for part in stripped.split(";")]
    while len(fields) > 1 and fields[-1] is None:
        fields.pop()
    status = _hlr_status(fields[0])
    if status is None or len(fields) > len(HLR_FIELDS):
        raise documented_error(text) or _not_understood(text, expected)
    if status in OPEN_STATUSES and len(fields) > 1:
        raise _not_understood(text, expected)
    country, operator, imsi, serving_msc, error_code = fields[1:] + [None] * (len(HLR_FIELDS) - len(fields))
    return HlrReply(status, country, operator, imsi, serving_msc, error_code, stripped)


@lru_cache(maxsize=64)  # there are six words; a bulk lookup reads one of them ten thousand times a second
def _hlr_status(field: str | None) -> HlrStatus | None:
    match = _STATUS.fullmatch(field or "")
    return HlrStatus(match[1]) if match is not None and match[1] in _HLR_WORDS else None


def read_contact(text: str) -> None:
    """Nothing, where a contact was saved or deleted (`OK`, in Latin or in Greek capitals); else an error.

    >>> read_contact("ΟΚ")
    """
    word = text.strip(_FRAMING)
    if word in {OK_WORD, OK_WORD_GREEK}:
        return
    if word == FAILED_CONTACT:
        msg = "the gateway could not save or delete the contact and gives no reason (FAILED). Try again later."
        raise errors.ContactFailed(msg)
    raise documented_error(text) or _not_understood(text, "'OK'")


def documented_error(text: str) -> errors.GatewayError | None:
    """The error of a documented error sentence, None where the reply is not one."""
    match = _ERROR.fullmatch(text.strip(_FRAMING))
    if match is None or match[1] not in _WHAT_TO_DO:
        return None
    kind, advice = _WHAT_TO_DO[match[1]]
    return kind(f"the gateway says {match[1]!r}. {advice}")


def _matched(pattern: re.Pattern[str], text: str, expected: str) -> str:
    match = pattern.fullmatch(text.strip(_FRAMING))
    if match is None:
        raise documented_error(text) or _not_understood(text, expected)
    return match[1]


def _not_understood(text: str, expected: str) -> errors.ProtocolError:
    stripped = _LONG_NUMBER.sub(lambda found: errors.mask(found[0]), text.strip(_FRAMING))
    quoted = stripped if len(stripped) <= MAX_QUOTED else stripped[:MAX_QUOTED] + "…"
    msg = f"the gateway replied {quoted!r} where {expected} was expected. It is not guessed at."
    return errors.ProtocolError(msg)
