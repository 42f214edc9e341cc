"""The HTTP API: seven pages, one GET per call, plain-text replies.

The credentials are in the address, so no text that may quote it gets into an error. A paid call leaves once only, and
no redirect is followed: `once` says how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote_plus, urlencode

from yarl import URL

from isms_data import replies
from isms_data.errors import ConfigurationError, ProtocolError
from isms_data.transports import once
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

    import aiohttp

    from isms_data.account import Account

T = TypeVar("T")

HTTP_TOO_LONG: Final = 414


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
        self._session = once.session(self._account)
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
        request = once.Request("GET", url, call.page, "ISMS_BASE_URL", paid=call.paid)
        answer = await once.ask(self._session, request)
        if answer.status == once.HTTP_OK:
            return answer.text
        advice = "The request line is too long; send fewer numbers in a call, or a shorter text."
        failure = once.failed(request, answer, **({"advice": advice} if answer.status == HTTP_TOO_LONG else {}))
        raise (replies.documented_error(answer.text) if answer.refuses else None) or failure

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
            if not once.shows(self._account.password, text):
                raise
        return reader("(a reply that repeats the password and is not shown)")


def _send_fields(
    sender: str, text: str, coding: Coding, *, flash: bool, schedule: str | None, dlr_url: str | None
) -> dict[str, str]:
    fields = {"from": sender, "message": text, "coding": coding, "flash": str(int(flash))}
    optional = {"schedule": schedule, "dlr-url": dlr_url}
    return fields | {name: value for name, value in optional.items() if value is not None}


def encoded(fields: Mapping[str, str]) -> str:
    """The fields as they stand in a request line: percent-encoded UTF-8, commas left bare as in the page's examples.

    >>> encoded({"mid": "0adgre1", "message": "Γ, 1+1"})
    '&mid=0adgre1&message=%CE%93,+1%2B1'
    """
    return "".join([f"&{name}={_quoted(value)}" for name, value in fields.items()])


def _quoted(value: str) -> str:
    plain = value.isascii() and value.isalnum()  # as ids and numbers are, so that quoting them takes 2 % of a question
    return value if plain else quote_plus(value, safe=",")
