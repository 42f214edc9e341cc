"""Every word of the protocol, once.

The words are the provider's (https://www.isms.gr, "Τρόποι διασύνδεσης"; our reading of what that page
leaves open is in docs/protocol.md) or, from `Outcome` on, this project's own. Nothing here computes.
A new status word or error sentence is added here and nowhere else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Call(NamedTuple):
    """One documented call: its page, its parameters in the documented order, and whether it costs credits."""

    page: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    paid: bool = False


CREDITS: Final = Call("credits.php", ("username", "password"))
SEND: Final = Call(
    "send.php",
    ("username", "password", "from", "to"),
    ("message", "coding", "flash", "schedule", "dlr-url"),
    paid=True,
)
QUERY: Final = Call("query.php", ("username", "password", "mid", "mobile"))
HLR: Final = Call("hlr.php", ("username", "password", "mobiles"), paid=True)
HLR_QUERY: Final = Call("hlrquery.php", ("username", "password", "mid", "mobile"))
SAVE_CONTACT: Final = Call("savecontact.php", ("username", "password", "surname", "name", "mobile", "comments"))
DELETE_CONTACT: Final = Call("deletecontact.php", ("username", "password", "mobile"))

CALLS: Final = (CREDITS, SEND, QUERY, HLR, HLR_QUERY, SAVE_CONTACT, DELETE_CONTACT)

CREDITS_MARK: Final = "Credits:"
ID_MARK: Final = "ID:"
STATUS_MARK: Final = "Status:"
ERROR_MARK: Final = "Error:"
OK_WORD: Final = "OK"
OK_WORD_GREEK: Final = "\u039f\u039a"
"""The page types its OK with Greek capitals; both spellings are accepted."""
FAILED_CONTACT: Final = "FAILED"


class ErrorSentence(StrEnum):
    """The sentences that follow `Error: ` in a reply; the same texts are the SOAP faults."""

    AUTHENTICATION = "Authentication error."
    NO_RECIPIENTS = "No recipients."
    INVALID_SENDER = "Invalid sender identity."
    INSUFFICIENT_CREDITS = "Insufficient credits."
    INVALID_SCHEDULE = "Invalid scheduling date."
    NO_MESSAGE_ID = "No message ID defined."
    NO_MOBILE = "No mobile defined."
    NO_SUCH_MESSAGE = "No such message or recipient."
    NO_SUCH_LOOKUP = "No such message ID or mobile."
    EMPTY_MOBILE = "Mobile number is empty."
    INVALID_MOBILE = "Invalid mobile number."


class Coding(StrEnum):
    """`coding` of send.php; the documented default is GSM."""

    GSM = "GSM"
    UTF8 = "UTF-8"


class MessageStatus(StrEnum):
    """The states of a message, as query.php words them."""

    QUEUED = "Queued"
    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"


class HlrStatus(StrEnum):
    """The states of a lookup, as hlrquery.php words them; `Queued` and `Pending` come without the other fields."""

    QUEUED = "Queued"
    PENDING = "Pending"
    DELIVERED = "Delivered"
    UNDELIVERED = "Undelivered"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


OPEN_STATUSES: Final = frozenset({"Queued", "Pending"})
"""The states that are not yet an answer: it pays to ask again."""

HLR_FIELDS: Final = ("status", "country", "operator", "imsi", "serving_msc", "error_code")
"""`Status;Country;Operator;IMSI;ServingMSC;ErrorCode`, under the column names of this project."""


class NumberStatus(StrEnum):
    """What `clean_numbers` says of a cell."""

    MOBILE = "mobile"
    FIXED_LINE = "fixed_line"
    OTHER_TYPE = "other_type"
    INVALID = "invalid"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"


class Outcome(StrEnum):
    """What became of a row that was to be looked up."""

    DONE = "done"
    CACHED = "cached"
    PENDING = "pending"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    NOT_ATTEMPTED = "not_attempted"
    SKIPPED = "skipped"


class Action(StrEnum):
    """What a plan means to do with a row."""

    SEND = "send"
    SKIP = "skip"


class SendOutcome(StrEnum):
    """What became of a row that was to be sent."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"
    NOT_ATTEMPTED = "not_attempted"
    ALREADY_SENT = "already_sent"
    SKIPPED = "skipped"


class ContactOutcome(StrEnum):
    """What became of a row that was to be a contact; `to_save` is what a dry run would save."""

    SAVED = "saved"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    TO_SAVE = "to_save"
    FAILED = "failed"
    NOT_ATTEMPTED = "not_attempted"
    SKIPPED = "skipped"


class Transport(StrEnum):
    """By which of the provider's APIs a message went."""

    HTTP = "http"
    SOAP = "soap"
    SMPP = "smpp"


class Source(StrEnum):
    """How a message's state became known: asked for, reported to the dlr-url, or by an SMPP receipt."""

    POLL = "poll"
    REPORT = "report"
    RECEIPT = "receipt"


class ErrorClass(StrEnum):
    """How long a MAP error lasts."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What a list cleaner acts on."""

    DELIVERABLE = "deliverable"
    RETRY_LATER = "retry_later"
    BARRED = "barred"
    NO_SMS_SERVICE = "no_sms_service"
    DEAD = "dead"
    INVALID = "invalid"
    UNKNOWN = "unknown"


def words(vocabulary: type[StrEnum]) -> tuple[str, ...]:
    """The words of a vocabulary in their fixed order, as plain text.

    >>> words(ErrorClass)
    ('permanent', 'temporary', 'unknown')
    """
    return tuple(word.value for word in vocabulary)
