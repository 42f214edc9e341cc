"""The errors, all derived from `IsmsError`, each also from the builtin that fits.

    IsmsError
    ├── ConfigurationError (ValueError)      nothing or something wrong is set: which setting, and how to set it
    ├── ColumnError (ValueError)             the frame cannot be worked on: which column, which row
    ├── ListError (ValueError)               a file could not be read as a list
    ├── TableError (ValueError)              a Parquet file is not one of ours, or cannot hold the frame
    ├── TextError (ValueError)               a text cannot be sent as it is asked for: which characters, where
    ├── JournalError (OSError)               the journal cannot be read or written; nothing more is paid for
    ├── BudgetExceeded                       the price is over what was allowed
    └── GatewayError                         the gateway said no, or nothing that can be understood
        ├── AuthenticationError (PermissionError)
        ├── NoRecipients (ValueError)
        ├── InvalidSender (ValueError)
        ├── InsufficientCredits
        ├── InvalidSchedule (ValueError)
        ├── NoMessageId (ValueError)
        ├── NoMobile (ValueError)
        ├── NoSuchMessage (LookupError)
        ├── InvalidMobile (ValueError)
        ├── ContactFailed
        ├── GatewayUnavailable (ConnectionError)   refused or not reached: nothing was charged, try again
        ├── ReplyLost (ConnectionError)            a call went out and its reply did not come back
        └── ProtocolError (ValueError)             a reply that the documentation does not know

A message says what happened, to which number or row, and what to do next. Numbers in it are masked
(`mask`), passwords never appear.
"""

from __future__ import annotations

__all__ = [
    "AuthenticationError",
    "BudgetExceeded",
    "ColumnError",
    "ConfigurationError",
    "ContactFailed",
    "GatewayError",
    "GatewayUnavailable",
    "InsufficientCredits",
    "InvalidMobile",
    "InvalidSchedule",
    "InvalidSender",
    "IsmsError",
    "IsmsWarning",
    "JournalError",
    "ListError",
    "NoMessageId",
    "NoMobile",
    "NoRecipients",
    "NoSuchMessage",
    "ProtocolError",
    "ReplyLost",
    "TableError",
    "TextError",
]


class IsmsError(Exception):
    """The root of every error of this package."""


class ConfigurationError(IsmsError, ValueError):
    """A setting is missing or cannot be used; the message names it."""


class ColumnError(IsmsError, ValueError):
    """A column is missing, in the way, or of a type that has lost digits."""


class ListError(IsmsError, ValueError):
    """A file could not be read as a list."""


class TableError(IsmsError, ValueError):
    """A frame or a Parquet file does not fit the tables of this package."""


class TextError(IsmsError, ValueError):
    """A text cannot be sent in the coding that was asked for, or holds half a character."""


class JournalError(IsmsError, OSError):
    """The journal cannot be read or written. No paid call is made without it."""


class BudgetExceeded(IsmsError):
    """The price is over the budget that was given."""


class GatewayError(IsmsError):
    """The gateway refused a call, or its reply is missing or makes no sense."""


class AuthenticationError(GatewayError, PermissionError):
    """The gateway does not accept the user name or the password."""


class NoRecipients(GatewayError, ValueError):
    """A call named no recipient."""


class InvalidSender(GatewayError, ValueError):
    """The gateway does not accept the sender identity."""


class InsufficientCredits(GatewayError):
    """The balance does not cover the call."""


class InvalidSchedule(GatewayError, ValueError):
    """The gateway does not accept the scheduling date."""


class NoMessageId(GatewayError, ValueError):
    """A status question named no message id."""


class NoMobile(GatewayError, ValueError):
    """A call named no mobile number."""


class NoSuchMessage(GatewayError, LookupError):
    """The gateway does not know this pair of message id and number."""


class InvalidMobile(GatewayError, ValueError):
    """The gateway does not accept the number as a mobile number."""


class ContactFailed(GatewayError):
    """The gateway could not save or delete the contact; it gives no reason."""


class GatewayUnavailable(GatewayError, ConnectionError):
    """The gateway was not reached or refused for now: nothing was charged, the call may be made again.

    `retry_after` is the wait in seconds that the gateway asked for, None where it named none.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class ReplyLost(GatewayError, ConnectionError):
    """The call left this machine and no usable reply came back: it may have been carried out and charged."""


class ProtocolError(GatewayError, ValueError):
    """The reply is not one that the documentation knows. It is never guessed at."""


class IsmsWarning(UserWarning):
    """A result stands, and there is something about it that the caller should know."""


def mask(number: str) -> str:
    """A number as it may stand in a message or a log: its first four and last three digits.

    >>> mask("306912345678")
    '3069•••678'
    >>> mask("12345")
    '•••'
    """
    return f"{number[:4]}•••{number[-3:]}" if len(number) > 8 else "•••"
