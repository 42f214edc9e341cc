"""The HTTP API: seven pages, one GET per call, plain-text replies.

What must change together: a paid call may leave this machine once only. aiohttp repeats a GET by itself when a kept
connection turns out dead (`ServerDisconnectedError`, `ClientOSError`); `_never_repeat` turns those errors into ours
before aiohttp sees them, and connections are kept for `KEPT_OPEN_S` only, so that a call seldom meets a dead one.
No redirect is followed: the credentials are in the address. For the same reason no text of an aiohttp error, which may
quote the address, gets into ours, and errors are raised outside `except` blocks so that none hangs behind them.
"""

from __future__ import annotations

import html
import os
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote_plus, unquote_plus, urlencode

import aiohttp
from yarl import URL

from isms_data import pacing, replies
from isms_data.errors import ConfigurationError, GatewayError, GatewayUnavailable, ProtocolError, ReplyLost
from isms_data.vocabulary import (
    CALLS,
    CREDITS,
    DELETE_CONTACT,
    HLR,
    HLR_QUERY,
    QUERY,
    SAVE_CONTACT,
    SEND,
    Call,
    Coding,
    MessageStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal
    from types import TracebackType

    from isms_data.account import Account

T = TypeVar("T")

KEPT_OPEN_S: Final = 2.0
"""Servers close idle connections after a few seconds (Apache: 5); one that is older than this is not used again."""

MAX_REPLY_BYTES: Final = 65_536
"""The longest documented reply is under 200 bytes; the limit stops a runaway page from filling the memory."""

HTTP_OK: Final = 200
HTTP_TOO_LONG: Final = 414
HTTP_UNAVAILABLE: Final = 503


class HttpGateway:
    """One method per documented call; use as `async with HttpGateway(account) as gateway:`.

    Each method returns a typed value or raises: a documented error as its own class, `GatewayUnavailable` where
    nothing was charged, `ReplyLost` where the call may have been carried out, `ProtocolError` for a reply that the
    documentation does not know. Nothing is repeated here. Empty recipients, ids and numbers are passed on, so that the
    provider's own error comes back.

    Examples
    --------
    >>> import asyncio, isms_data as isms
    >>> async def balance(account):
    ...     async with HttpGateway(account) as gateway:
    ...         return await gateway.credits()
    >>> with isms.sandbox(credits=100) as account:
    ...     asyncio.run(balance(account))
    Decimal('100.00')
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None
        login = urlencode({"username": account.username, "password": account.password})
        self._login = login
        self._pages = {call: URL(account.base_url + call.page, encoded=True) for call in CALLS}

    async def __aenter__(self) -> Self:
        account = self._account
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "isms_data"},
            timeout=_timeout(account),
            middlewares=(_never_repeat,),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def credits(self) -> Decimal:
        """The balance in credits."""
        return self._read(replies.read_credits, await self.ask(CREDITS))

    async def send(
        self,
        sender: str,
        to: Iterable[str],
        text: str,
        *,
        coding: Coding = Coding.GSM,
        flash: bool = False,
        schedule: str | None = None,
        dlr_url: str | None = None,
    ) -> str:
        """Send one text to all recipients; the id of the call. Paid, never repeated."""
        fields = _send_fields(sender, text, coding, flash=flash, schedule=schedule, dlr_url=dlr_url)
        return self._read(replies.read_id, await self.ask(SEND, to=",".join(to), **fields))

    def send_room(
        self,
        sender: str,
        text: str,
        *,
        coding: Coding = Coding.GSM,
        flash: bool = False,
        schedule: str | None = None,
        dlr_url: str | None = None,
    ) -> int:
        """How many bytes the request line of such a `send` has for recipients, each with a comma; below 0: none."""
        fields = _send_fields(sender, text, coding, flash=flash, schedule=schedule, dlr_url=dlr_url)
        return self.room(SEND) - len(encoded({"to": ""} | fields)) + 1  # the first recipient needs no comma

    async def query(self, message_id: str, mobile: str) -> MessageStatus:
        """What became of a message to one recipient."""
        return self._read(replies.read_status, await self.ask(QUERY, mid=message_id, mobile=mobile))

    async def hlr(self, mobiles: Iterable[str]) -> str:
        """Look all the numbers up; the id of the call. Paid, never repeated."""
        return self._read(replies.read_id, await self.ask(HLR, mobiles=",".join(mobiles)))

    async def hlr_query(self, message_id: str, mobile: str) -> replies.HlrReply:
        """What a lookup says about one number, so far."""
        return self._read(replies.read_hlr, await self.ask(HLR_QUERY, mid=message_id, mobile=mobile))

    async def save_contact(self, *, mobile: str, surname: str = "", name: str = "", comments: str = "") -> None:
        """Save a contact in the account's address book, or overwrite it."""
        fields = {"surname": surname, "name": name, "mobile": mobile, "comments": comments}
        self._read(replies.read_contact, await self.ask(SAVE_CONTACT, **fields))

    async def delete_contact(self, mobile: str) -> None:
        """Delete a contact from the account's address book."""
        self._read(replies.read_contact, await self.ask(DELETE_CONTACT, mobile=mobile))

    def room(self, call: Call) -> int:
        """How many bytes a request line has left for the fields, once all that is the same in each call is in it."""
        return self._account.max_line_bytes - len(f"GET {self._address(call, {}).raw_path_qs} HTTP/1.1")

    async def ask(self, call: Call, **fields: str) -> str:
        """The text of the reply to one call, as it came.

        Raises
        ------
        GatewayUnavailable   not reached, or refused with a 4xx or 503: nothing was charged.
        ReplyLost            the call went out; 500, 502, 504, cut off, timed out, connection lost.
        ProtocolError        a redirect or another status that the documentation does not know.
        GatewayError         a 4xx whose text is a documented error sentence: that error.
        """
        if self._session is None:
            msg = "the gateway is not open. Use it as `async with HttpGateway(account) as gateway:`."
            raise ConfigurationError(msg)
        url = self._address(call, fields)
        failure: GatewayError
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                text = await _body(response)
                if response.status == HTTP_OK:
                    return text
                failure = _refusal(call, response, text)
        except _NOT_SENT as error:
            failure = GatewayUnavailable(
                f"{self._account.base_url} cannot be reached ({_name(error)}); nothing was sent. "
                "Check the address (ISMS_BASE_URL) and the network, then call again."
            )
        except (aiohttp.ClientError, TimeoutError, OSError, _ConnectionDied) as error:
            failure = ReplyLost(
                f"{call.page} was called and its reply did not arrive whole ({_name(error)}); "
                f"it may have been carried out{' and charged' if call.paid else ''}."
            )
        raise failure

    def _address(self, call: Call, fields: Mapping[str, str]) -> URL:
        """Built of its parts, because yarl would parse a whole address, which takes 3 % of a question's time."""
        page, query = self._pages[call], self._login + encoded(fields)
        return URL.build(
            scheme=page.scheme, authority=page.raw_authority, path=page.raw_path, query_string=query, encoded=True
        )

    def _read(self, reader: Callable[[str], T], text: str) -> T:
        """What the reply says; where it is not understood and repeats the password, the error does not quote it."""
        try:
            return reader(text)
        except ProtocolError:
            if not self._shows_password(text):
                raise
        return reader("(a reply that repeats the password and is not shown)")

    def _shows_password(self, text: str) -> bool:
        """Whether the text has the password in it, as it is or as pages spell what they echo."""
        spelled = {text, html.unescape(text), unquote_plus(text), unquote_plus(unquote_plus(text))}
        shown = any(self._account.password.casefold() in each.casefold() for each in spelled)
        return shown or b64encode(self._account.password.encode()).decode() in text


def _send_fields(
    sender: str, text: str, coding: Coding, *, flash: bool, schedule: str | None, dlr_url: str | None
) -> dict[str, str]:
    fields = {"from": sender, "message": text, "coding": coding, "flash": str(int(flash))}
    optional = {"schedule": schedule, "dlr-url": dlr_url}
    return fields | {name: value for name, value in optional.items() if value is not None}


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


async def _body(response: aiohttp.ClientResponse) -> str:
    """The reply as text; bytes that are not in its character set become U+FFFD, so that the rest can still be read."""
    if (response.content_length or 0) > MAX_REPLY_BYTES:
        msg = f"the reply is {response.content_length:,} bytes long; no documented reply is over 200."
        raise ProtocolError(msg)
    body = await (response.read() if response.content_length is not None else _limited(response.content))
    try:
        return body.decode(response.charset or "utf-8", "replace")
    except (LookupError, UnicodeError):  # no such character set, or one that refuses to replace
        return body.decode("utf-8", "replace")


async def _limited(content: aiohttp.StreamReader) -> bytes:
    """What comes of a body that does not say how long it is, as far as a reply may be."""
    body = await content.read(MAX_REPLY_BYTES)
    while len(body) < MAX_REPLY_BYTES and not content.at_eof():
        body += await content.read(MAX_REPLY_BYTES - len(body))
    return body


def _refusal(call: Call, response: aiohttp.ClientResponse, text: str) -> GatewayError:
    """What a status other than 200 means: 4xx and 503 refuse; behind anything else the call may have been done."""
    status = response.status
    if 400 <= status < 500 or status == HTTP_UNAVAILABLE:
        wait = pacing.retry_after_seconds(response.headers.get("Retry-After", ""), datetime.now(UTC))
        advice = (
            "The request line is too long; send fewer numbers in a call, or a shorter text."
            if status == HTTP_TOO_LONG
            else "Try again later."
        )
        return replies.documented_error(text) or GatewayUnavailable(
            f"the gateway refused {call.page} (HTTP {status}); nothing was charged. {advice}",
            retry_after=wait,
            status=status,
        )
    if status >= 500:
        return ReplyLost(f"the gateway failed on {call.page} (HTTP {status}); the call may have been carried out.")
    return ProtocolError(
        f"the gateway answered {call.page} with HTTP {status}, which is not documented; redirects are not followed, "
        "because the credentials are in the address. Check base_url (ISMS_BASE_URL)."
    )


def encoded(fields: Mapping[str, str]) -> str:
    """The fields as they stand in a request line: percent-encoded UTF-8, commas left bare as in the page's examples.

    >>> encoded({"mid": "0adgre1", "message": "Γ, 1+1"})
    '&mid=0adgre1&message=%CE%93,+1%2B1'
    """
    return "".join([f"&{name}={_quoted(value)}" for name, value in fields.items()])


def _quoted(value: str) -> str:
    plain = value.isascii() and value.isalnum()  # as ids and numbers are, so that quoting them takes 2 % of a question
    return value if plain else quote_plus(value, safe=",")


def _name(error: BaseException) -> str:
    """What kind of error it was, in the system's words: the error's own text may quote the address."""
    reason = getattr(error, "os_error", error)
    detail = os.strerror(reason.errno) if isinstance(reason, OSError) and reason.errno else ""
    return f"{type(error).__name__}{': ' + detail if detail else ''}"
