"""Who calls the receiver in the tests, and what they then find in its journal."""

from __future__ import annotations

import json
import socket
import sqlite3
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from isms_data import dlr
from isms_data.dlr_key import secret
from isms_data.journal.calls import Journal
from isms_data.journal.file import FILE_NAME
from isms_data.journal.records import Accepted, Message
from isms_data.journal.standing import Campaign
from tests.claims import claim

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.journal.records import Sent
    from isms_data.receiver import DeliveryReceiver

A, B, C = 306970000001, 306970000002, 306970000003


def sent(home: Path, *numbers: int, label: str = "me", mid: str | None = "a1") -> str:
    """One call to these numbers, accepted under that id, or in doubt; its token."""
    reference = dlr.new_reference()
    message = Message(reference, "MyShop", "hello", "GSM", False, None, None, "http")
    with Journal(home, label, "send") as journal:
        taken = claim(journal, list(numbers), Campaign("spring"), label="spring", message=message)
        if mid:
            journal.accepted([Accepted(taken.call_id, mid)])
        else:
            journal.in_doubt(taken.call_id, "reply lost")
    return dlr.token(secret(home), reference)


def messages(home: Path, label: str = "me") -> dict[int, Sent]:
    with Journal(home, label, "delivery") as journal:
        return {message.msisdn: message for message in journal.messages("spring")}


def words(home: Path) -> dict[int, str | None]:
    return {number: message.reply for number, message in messages(home).items()}


def stored(home: Path) -> list[dict[str, str]]:
    """The fields of every report in the journal."""
    db = sqlite3.connect(home / FILE_NAME)
    rows = db.execute("SELECT fields FROM reports ORDER BY report_id").fetchall()
    db.close()
    return [dict(json.loads(fields)) for (fields,) in rows]


def ask(url: str, *, method: str | None = None, body: bytes | None = None, kind: str = "") -> tuple[int, str, Any]:
    """Status, text and headers of an answer."""
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - loopback
    if kind:
        request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
            return response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode(), refused.headers


def get(receiver: DeliveryReceiver, token: str, **fields: object) -> int:
    return ask(f"{dlr.url(receiver.url, token)}?{urlencode(fields)}")[0]


def raw(receiver: DeliveryReceiver, data: bytes, *, end: bool = False) -> bytes:
    """All that comes back for these bytes, until the receiver closes."""
    address = urlsplit(receiver.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    return answer


def head(target: str, *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", *lines, "", ""]).encode()
