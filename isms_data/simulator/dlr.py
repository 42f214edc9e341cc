"""Delivery reports, the form: what a call to a dlr-url looks like, and where the sandbox may call.

The provider documents no more than that there is such a call. So its shape is a setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from isms_data.simulator.ledger import Message


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What a delivery report looks like and how often it comes.

    Parameters
    ----------
    method : "GET" or "POST"
        GET puts the fields behind the query of the dlr-url, POST sends them as a form.
    id_field, mobile_field, status_field, time_field : str
        The names of the fields; an empty name leaves the field out. The time is written in UTC, ISO 8601.
    copies : int
        How many times the same report is made.
    attempts, repeat_after_s
        A copy that is not answered with 200 comes again after so many seconds, so many times in all.
    """

    method: Literal["GET", "POST"] = "POST"
    id_field: str = "mid"
    mobile_field: str = "mobile"
    status_field: str = "status"
    time_field: str = "date"
    copies: int = 1
    attempts: int = 5
    repeat_after_s: float = 1.0

    def fields(self, message: Message) -> dict[str, str]:
        """The fields that tell of a message."""
        values = {
            self.id_field: message.call_id,
            self.mobile_field: message.msisdn,
            self.status_field: message.status.value,
            self.time_field: datetime.fromtimestamp(message.final_at, UTC).isoformat(timespec="seconds"),
        }
        return {name: value for name, value in values.items() if name}


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine; the sandbox calls no other.

    >>> is_loopback("http://127.0.0.1:8080/dlr?x=1"), is_loopback("https://example.org/dlr")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in {"http", "https"} and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
