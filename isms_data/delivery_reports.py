"""What a delivery report says: which number, which message, what became of it; pure.

The provider documents that there are reports and nothing about their form. So the names of the fields are a setting,
by default all that are in use at comparable gateways, and the words are a table. A report is read only where
everything in it agrees; where it does not, nothing of it is believed, and it pays to ask the gateway.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from isms_data.errors import ConfigurationError
from isms_data.vocabulary import MessageStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

STATUS_WORDS: Final = {
    # query.php of this gateway, and the word that its hlrquery.php has for Failed
    "QUEUED": MessageStatus.QUEUED,
    "PENDING": MessageStatus.PENDING,
    "DELIVERED": MessageStatus.DELIVERED,
    "FAILED": MessageStatus.FAILED,
    "UNDELIVERED": MessageStatus.FAILED,
    # SMPP 3.4, appendix B: the `stat` of a delivery receipt; its UNKNOWN says nothing, and so is not read
    "DELIVRD": MessageStatus.DELIVERED,
    "UNDELIV": MessageStatus.FAILED,
    "EXPIRED": MessageStatus.FAILED,
    "DELETED": MessageStatus.FAILED,
    "REJECTD": MessageStatus.FAILED,
    "ACCEPTD": MessageStatus.PENDING,
    "ENROUTE": MessageStatus.PENDING,
}
"""The words for a status that are understood, in capitals."""

KEPT_FIELDS: Final = 50
KEPT_NAME: Final = 100
KEPT_VALUE: Final = 1_000
"""What the journal keeps of a report: so many fields, so many characters of each. A report has some ten short ones; the
limits stop somebody who has found a dlr-url from filling the disk quickly."""


@dataclass(frozen=True)
class ReportFields:
    """The names that the fields of a report may have, in any case of letters.

    The defaults are the names in use at comparable gateways. Name fewer where a report uses one of them for something
    else: two fields that contradict each other make a report unreadable.

    Parameters
    ----------
    id, number, status : tuple of str
        The id of the call, the recipient, what became of the message.
    error, time : tuple of str
        Handed on as they came: neither the codes nor the clock is documented.
    """

    id: tuple[str, ...] = ("mid", "id", "msgid", "smsid", "message_id", "messageid")
    number: tuple[str, ...] = ("mobile", "to", "msisdn", "recipient", "phone", "number")
    status: tuple[str, ...] = ("status", "stat", "s", "dlr", "state")
    error: tuple[str, ...] = ("err", "error", "errorcode", "code")
    time: tuple[str, ...] = ("date", "time", "t", "ts", "donedate", "timestamp")

    def __post_init__(self) -> None:
        for field in fields(self):
            names = getattr(self, field.name)
            if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
                msg = f"ReportFields({field.name}={names!r}) must be a tuple of names, such as ('{field.name}',)."
                raise ConfigurationError(msg)
            object.__setattr__(self, field.name, tuple(name.lower() for name in names))


class Reading(NamedTuple):
    """What a report says. Where there is a `problem` there is no status; the number and the id are those that it has
    without doubt, so that the gateway can be asked.
    """

    msisdn: int | None
    message_id: str | None
    status: MessageStatus | None
    problem: str | None
    """Why it cannot be read; with no value of the report in it, so that it may be logged."""
    error: str | None
    time: str | None


def read_report(report: Sequence[tuple[str, str]], names: ReportFields) -> Reading:
    """What the fields of a report say.

    A number or an id that is missing is no problem, because the token of the dlr-url names the call. A status that is
    missing is one, and so is any of the three that is not understood or contradicts itself.

    >>> read_report([("mid", "0adgre1"), ("mobile", "+306970000001"), ("status", "DELIVRD")], ReportFields())[:4]
    (306970000001, '0adgre1', <MessageStatus.DELIVERED: 'Delivered'>, None)
    >>> read_report([("to", "306970000001"), ("status", "7")], ReportFields())[:4]
    (306970000001, None, None, 'its status is not understood')
    """
    values = {field.name: _values(report, getattr(names, field.name)) for field in fields(names)}
    problems: list[str] = []
    msisdn = _agreed("number", map(_number, values["number"]), problems)
    message_id = _agreed("id", map(_message_id, values["id"]), problems)
    status = _agreed("status", map(_status, values["status"]), problems)
    if not values["status"]:
        problems.append("it has no status")
    error, time = (next(iter(values[name]), None) for name in ("error", "time"))
    problem = problems[0] if problems else None
    return Reading(msisdn, message_id, None if problem else status, problem, error, time)


def _values(report: Sequence[tuple[str, str]], names: tuple[str, ...]) -> list[str]:
    """The values under any of the names, spaces around them taken off; an empty one says nothing."""
    values = (value.strip() for name, value in report if name.lower() in names)
    return [value for value in values if value]


def _agreed(what: str, read: Iterable[T | None], problems: list[str]) -> T | None:
    """What all the values of a field are understood as; None where there is none, or a problem."""
    found = set(read)
    if None in found:
        problems.append(f"its {what} is not understood")
    elif len(found) > 1:
        problems.append(f"its {what} contradicts itself")
    else:
        return next(iter(found), None)
    return None


def _number(text: str) -> int | None:
    """A number with its country code: 306..., +306... or 00306...; E.164 has 15 digits at most."""
    form = re.fullmatch(r"(?:\+|00)?([1-9][0-9]{4,14})", text)
    return int(form[1]) if form else None


def _message_id(text: str) -> str | None:
    return text if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) else None


def _status(text: str) -> MessageStatus | None:
    return STATUS_WORDS.get(text.upper()) if text.isascii() else None


def as_kept(report: Sequence[tuple[str, str]]) -> str:
    """The report as the journal keeps it: JSON, cut where it is too long.

    Reports that differ are kept differently: where something was cut, a digest of the whole stands at the end.

    >>> as_kept([("mid", "0adgre1"), ("status", "Delivered")])
    '[["mid", "0adgre1"], ["status", "Delivered"]]'
    """
    kept = [(name[:KEPT_NAME], value[:KEPT_VALUE]) for name, value in report[:KEPT_FIELDS]]
    if kept != list(report):
        kept.append(("cut; the whole", blake2b(json.dumps(report).encode(), digest_size=16).hexdigest()))
    return json.dumps(kept)
