"""What goes out on the wire, and how: the whole reply, half of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class Ending(StrEnum):
    """What happens on the wire."""

    WHOLE = "whole"
    CUT_SHORT = "cut short"
    DROPPED = "dropped"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Response:
    """What is to go out, and how; `delay_s` passes before it does."""

    http_status: int
    body: str
    content_type: str = "text/plain"
    retry_after: str | None = None
    delay_s: float = 0.0
    ending: Ending = Ending.WHOLE


def plain_page(reply: str) -> Response:
    """A reply as the HTTP API gives it: text, and nothing around it."""
    return Response(200, reply)


def error_page(status: int, *, retry_after: str | None = None) -> Response:
    """The page that a web server, not the provider's program, answers with.

    >>> error_page(502).body
    '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>'
    """
    title = f"{status} {HTTPStatus(status).phrase}"
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(status, body, content_type="text/html", retry_after=retry_after)
