"""The body of a delivery report as names and values, whatever content type it comes as; never raises.

Read are forms (a sibling of the provider's panel is known to POST), multipart forms, and a JSON object. Anything else
is kept as a text, under an empty name.
"""

from __future__ import annotations

import json
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl


def read_body(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The fields of a body.

    >>> read_body("application/x-www-form-urlencoded", b"mid=0adgre1&status=Delivered")
    [('mid', '0adgre1'), ('status', 'Delivered')]
    >>> read_body("application/json; charset=utf-8", b'{"to": 306970000001, "status": "Delivered"}')
    [('to', '306970000001'), ('status', 'Delivered')]
    >>> read_body("text/plain", b"Delivered")
    [('', 'Delivered')]
    """
    if not body:
        return []
    kind = content_type.partition(";")[0].strip().lower()
    text = body.decode("utf-8", "replace")
    if kind == "application/x-www-form-urlencoded":
        read = read_form(text)
    elif kind == "multipart/form-data":
        read = _multipart(content_type, body)
    elif kind == "application/json":
        read = _json(text)
    else:
        read = []
    return read or [("", text)]


def read_form(text: str) -> list[tuple[str, str]]:
    """The fields of a query string or a form.

    >>> read_form("mobile=%2B306970000001&status=")
    [('mobile', '+306970000001'), ('status', '')]
    """
    return parse_qsl(text, keep_blank_values=True, errors="replace")


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii", "replace")
    parts = message_from_bytes(head + body).get_payload()
    return [_part(part) for part in parts] if isinstance(parts, list) else []


def _part(part: Any) -> tuple[str, str]:
    name, value = part.get_param("name", "", "content-disposition"), part.get_payload(decode=True)
    return (name if isinstance(name, str) else "", (value or b"").decode("utf-8", "replace"))


def _json(text: str) -> list[tuple[str, str]]:
    """The members of an object, numbers as they are written; nothing where it is no object that can be read."""
    try:
        read = json.loads(text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str)
        return [(name, _as_text(value)) for name, value in read] if isinstance(read, _Object) else []
    except (ValueError, RecursionError):  # no JSON; thousands of brackets
        return []


class _Object(list[tuple[str, Any]]):
    """A JSON object as its members, those of one name included; a plain list is a JSON array."""


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)
