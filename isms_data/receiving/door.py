"""What each request to the door of delivery reports is answered with.

What must change together. A report is answered with 200 when it is durable and not before, because its sender repeats
what is not answered with 200. Whoever has no right token gets the same 404 whatever is wrong with it, before anything
of the body is read; only then is it looked at how much, how fast, and what.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import HttpVersion11, web

from isms_data.delivery_reports import ReportFields, as_kept, read_report
from isms_data.dlr import reference_of
from isms_data.errors import JournalError
from isms_data.journal.file import now
from isms_data.journal.reports import Report
from isms_data.receiving.bodies import read_body, read_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from isms_data.receiving.desk import Desk, Inquiry

HEALTH: Final = "health"
"""The page that tells whether reports can be kept; no token is so short."""

HEALTH_KEPT_S: Final = 1.0
"""What was found out about health is told for so long, because each finding out is a flush of the disk."""

HEALTH_WITHIN_S: Final = 5.0
"""A journal that has not been written within so long cannot be written."""

COME_AGAIN_S: Final = {HTTPStatus.TOO_MANY_REQUESTS: 1, HTTPStatus.SERVICE_UNAVAILABLE: 10}
"""When who is put off should come again; a disk is not full for a second only."""

_LOGGER: Final = logging.getLogger("isms_data")


@dataclass
class Counts:
    """What a receiver has counted since it was made."""

    received: int = 0
    """Reports that are kept, each durably: the sum of the next four."""
    believed: int = 0
    repeated: int = 0
    """Kept before; nothing is changed by them."""
    unreadable: int = 0
    """Their status, or which message they are about, cannot be made out."""
    disbelieved: int = 0
    """At odds with the journal: another number or id than the call's, or a call that is not in it."""
    put_off: int = 0
    """With a right token and not kept: over the rate, too long, too slow, cut off, or the journal cannot be written."""
    refused: int = 0
    """Without a right token, or by another method than GET and POST."""


@dataclass(frozen=True)
class Terms:
    """What a door opens for, and how far."""

    secret: bytes
    path: str
    """In front of the token."""
    fields: ReportFields
    reply: str
    max_body_bytes: int
    max_per_second: int
    body_within_s: float


class Door:
    """Answers requests; give it to `aiohttp.web.Server`."""

    def __init__(self, terms: Terms, desk: Desk, inquiry: Inquiry, counts: Counts) -> None:
        self._terms = terms
        self._desk = desk
        self._inquiry = inquiry
        self._counts = counts
        self._with_token, self._without = Bucket(terms.max_per_second), Bucket(terms.max_per_second)
        self._health: asyncio.Task[bool] | None = None
        self._health_since = 0.0

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        page = self._page(request.path)
        if page == HEALTH and request.method == "GET":
            return await self._tell_health()
        reference = reference_of(self._terms.secret, page)
        if reference is None or request.method not in {"GET", "POST"}:
            return self._refuse(request.method)
        status = await self._receive(reference, request)
        if status is HTTPStatus.OK:
            return _answer(status, self._terms.reply)
        self._counts.put_off += 1
        return _answer(status)

    def _page(self, path: str) -> str:
        """What follows the path of this door; empty where another path was asked for."""
        *front, page = segments(path) or [""]
        return page if front == segments(self._terms.path) else ""

    def _refuse(self, method: str) -> web.Response:
        self._counts.refused += 1
        if not self._without.takes_one():
            return _answer(HTTPStatus.TOO_MANY_REQUESTS)
        if method in {"GET", "POST"}:
            return _answer(HTTPStatus.NOT_FOUND)
        answer = _answer(HTTPStatus.METHOD_NOT_ALLOWED)
        answer.headers["Allow"] = "GET, POST"
        return answer

    async def _receive(self, reference: str, request: web.BaseRequest) -> HTTPStatus:
        """Take a report in; OK where it is durable."""
        if not self._with_token.takes_one():
            return HTTPStatus.TOO_MANY_REQUESTS
        try:
            async with asyncio.timeout(self._terms.body_within_s):
                body = await _body(request, self._terms.max_body_bytes)
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT
        except (web.RequestPayloadError, ConnectionError):  # not to be made out, or cut off
            return HTTPStatus.BAD_REQUEST
        if body is None:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        came = read_form(request.rel_url.raw_query_string) + read_body(request.headers.get("Content-Type", ""), body)
        try:
            await self._keep(reference, came)
        except JournalError:
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.OK

    async def _keep(self, reference: str, came: list[tuple[str, str]]) -> None:
        reading = read_report(came, self._terms.fields)
        report = Report(reference, reading.msisdn, reading.message_id, reading.status, as_kept(came), now())
        kept = await self._desk.keep(report)
        self._counts.received += 1
        setattr(self._counts, kept.belief, getattr(self._counts, kept.belief) + 1)
        if kept.ask is not None:
            _LOGGER.info("a delivery report cannot be believed (%s)", reading.problem or "it is at odds with its call")
            self._inquiry.ask(kept.ask)

    async def _tell_health(self) -> web.Response:
        if self._health is None or (self._health.done() and time.monotonic() > self._health_since + HEALTH_KEPT_S):
            self._health, self._health_since = asyncio.create_task(self._desk.is_writable()), time.monotonic()
        try:
            well = await asyncio.wait_for(asyncio.shield(self._health), HEALTH_WITHIN_S)
        except TimeoutError:
            well = False
        counts = asdict(self._counts)
        told = {"status": "ok" if well else "the journal cannot be written", "reports": counts.pop("received")}
        text = json.dumps(told | counts)
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return _answer(status, text, content_type="application/json")


class Bucket:
    """Lets so many through in a second, and as many at once after a quiet second.

    >>> seconds = iter([0.0, 0.0, 0.0, 0.0, 0.5, 0.5])
    >>> bucket = Bucket(2, clock=lambda: next(seconds))
    >>> [bucket.takes_one() for _ in range(5)]
    [True, True, False, True, False]
    """

    def __init__(self, per_second: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = self._left = float(per_second)
        self._clock = clock
        self._at = clock()

    def takes_one(self) -> bool:
        """Whether one more may come now; then it has."""
        at = self._clock()
        self._left = min(self._per_second, self._left + (at - self._at) * self._per_second)
        self._at = at
        if self._left < 1:
            return False
        self._left -= 1
        return True


def segments(path: str) -> list[str]:
    """The segments of a path, however many slashes a proxy has put between, before or behind them.

    >>> segments("//sms/dlr/")
    ['sms', 'dlr']
    """
    return [segment for segment in path.split("/") if segment]


async def _body(request: web.BaseRequest, most: int) -> bytes | None:
    """The body; None as soon as it is too long."""
    if (request.content_length or 0) > most:
        return None
    if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # that was no part of the answer
    body = bytearray()
    while not request.content.at_eof():
        body += await request.content.readany()
        if len(body) > most:
            return None
    return bytes(body)


def _answer(status: HTTPStatus, text: str | None = None, *, content_type: str = "text/plain") -> web.Response:
    headers = {"Cache-Control": "no-store", "Server": "isms_data"}
    if wait := COME_AGAIN_S.get(status):
        headers["Retry-After"] = str(wait)
    text = status.phrase if text is None else text
    return web.Response(status=status, text=text, content_type=content_type, headers=headers)
