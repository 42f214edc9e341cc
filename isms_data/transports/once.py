"""A request over the web that leaves this machine once: what the web transports share.

What must change together: a paid call may leave once only. aiohttp repeats an idempotent method by itself when a kept
connection turns out dead (`ServerDisconnectedError`, `ClientOSError`); `_never_repeat` turns those errors into ours
before aiohttp sees them, and connections are kept for `KEPT_OPEN_S` only, so that a call seldom meets a dead one.
No redirect is followed: the credentials would go along. No text of an aiohttp error, which may quote the address, gets
into ours, and errors are raised outside `except` blocks so that none hangs behind them.
"""

from __future__ import annotations

import html
import os
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_plus

import aiohttp

from isms_data import pacing
from isms_data.errors import GatewayError, GatewayUnavailable, ProtocolError, ReplyLost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

    from isms_data.account import Account

KEPT_OPEN_S: Final = 2.0
"""Servers close idle connections after a few seconds (Apache: 5); one that is older than this is not used again."""

MAX_REPLY_BYTES: Final = 65_536
"""A documented reply is short; the limit stops a runaway page from filling the memory."""

HTTP_OK: Final = 200
HTTP_UNAVAILABLE: Final = 503


class Request(NamedTuple):
    """What is asked, and in which words errors speak of it: `what` is the call, `setting` where its address is set."""

    method: str
    url: URL
    what: str
    setting: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    paid: bool = False
    max_reply_bytes: int = MAX_REPLY_BYTES


class Answer(NamedTuple):
    """What came back, whole."""

    status: int
    body: bytes
    charset: str | None
    retry_after: str

    @property
    def text(self) -> str:
        """The body as text; bytes that are not in its character set become U+FFFD, so that the rest can be read."""
        try:
            return self.body.decode(self.charset or "utf-8", "replace")
        except (LookupError, UnicodeError):  # no such character set, or one that refuses to replace
            return self.body.decode("utf-8", "replace")

    @property
    def refuses(self) -> bool:
        """Whether the status says that nothing was done: any 4xx, and 503."""
        return 400 <= self.status < 500 or self.status == HTTP_UNAVAILABLE


def session(account: Account) -> aiohttp.ClientSession:
    """Where requests are made; closed by its user."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "isms_data"},
        timeout=_timeout(account),
        middlewares=(_never_repeat,),
    )


async def ask(session: aiohttp.ClientSession, request: Request) -> Answer:
    """Make a request once; what came back, whatever its status.

    Raises
    ------
    GatewayUnavailable   not reached: not one byte was sent.
    ReplyLost            sent, and the reply did not come back whole, or not in time.
    ProtocolError        the reply is longer than any that there can be.
    """
    failure: GatewayError
    try:
        async with session.request(
            request.method, request.url, data=request.body, headers=request.headers, allow_redirects=False
        ) as response:
            body = await _body(response, request.max_reply_bytes)
            return Answer(response.status, body, response.charset, response.headers.get("Retry-After", ""))
    except _NOT_SENT as error:
        address = request.url.with_query(None)
        failure = GatewayUnavailable(
            f"{address} cannot be reached ({_name(error)}); nothing was sent. Check the address ({request.setting}) "
            "and the network, then call again."
        )
    except (aiohttp.ClientError, TimeoutError, OSError, _ConnectionDied) as error:
        failure = ReplyLost(
            f"{request.what} was called and its reply did not arrive whole ({_name(error)}); "
            f"it may have been carried out{' and charged' if request.paid else ''}."
        )
    raise failure


def failed(request: Request, answer: Answer, *, advice: str = "Try again later.") -> GatewayError:
    """What a status other than 200 means: 4xx and 503 refuse; behind anything else the call may have been done."""
    if answer.refuses:
        return GatewayUnavailable(
            f"the gateway refused {request.what} (HTTP {answer.status}); nothing was charged. {advice}",
            retry_after=pacing.retry_after_seconds(answer.retry_after, datetime.now(UTC)),
            status=answer.status,
        )
    if answer.status >= 500:
        return ReplyLost(
            f"the gateway failed on {request.what} (HTTP {answer.status}); the call may have been carried out."
        )
    return ProtocolError(
        f"the gateway answered {request.what} with HTTP {answer.status}, which is not documented; redirects are not "
        f"followed, because the credentials would go along. Check the address ({request.setting})."
    )


def shows(secret: str, text: str) -> bool:
    """Whether the text has the secret in it, as it is or as pages spell what they echo."""
    spelled = {text, html.unescape(text), unquote_plus(text), unquote_plus(unquote_plus(text))}
    shown = any(secret.casefold() in each.casefold() for each in spelled)
    return shown or b64encode(secret.encode()).decode() in text


def _timeout(account: Account) -> aiohttp.ClientTimeout:
    """Connecting has a limit of its own, so that the limit of the whole is never reached before anything was sent."""
    connect = min(account.connect_timeout_s, account.timeout_s)
    return aiohttp.ClientTimeout(total=connect + account.timeout_s, connect=connect)


class _ConnectionDied(Exception):
    """Stands in for the two errors on which aiohttp would send a GET again."""


_NOT_SENT: Final = (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ServerFingerprintMismatch)
"""Errors of making the connection: not one byte of the request was written."""


async def _never_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except _NOT_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        died = _ConnectionDied(_name(error))
    raise died


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if (response.content_length or 0) > limit:
        msg = f"the reply is {response.content_length:,} bytes long; none that is documented is over {limit:,}."
        raise ProtocolError(msg)
    told = response.content_length is not None and "Content-Encoding" not in response.headers  # packed, it may unfold
    return await (response.read() if told else _limited(response.content, limit))


async def _limited(content: aiohttp.StreamReader, limit: int) -> bytes:
    """What comes of a body that does not say how long it is, as far as a reply may be."""
    body = await content.read(limit)
    while len(body) < limit and not content.at_eof():
        body += await content.read(limit - len(body))
    return body


def _name(error: BaseException) -> str:
    """What kind of error it was, in the system's words: the error's own text may quote the address."""
    reason = getattr(error, "os_error", error)
    detail = os.strerror(reason.errno) if isinstance(reason, OSError) and reason.errno else ""
    return f"{type(error).__name__}{': ' + detail if detail else ''}"
