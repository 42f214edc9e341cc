"""The SOAP API: two operations, `send` and `query`, in the form that a WSDL gives them.

The provider's page names no WSDL. `Account.soap_wsdl` is the address or the path of one; without it the one of this
package is used, made from the page, and asked beside the HTTP API: `/api/http/` becomes `/api/soap/`. Whatever a WSDL
says, no host is asked but the account's own gateway, and no plain http where the gateway has https: the credentials are
in every call. What it imports is read from that host, from files beside it, or from the schemas that are bundled.

`send` is paid and made once, as in `transports.http`; `once` says how. How an answer counts:

    a value                                     accepted (an id), or the state
    a fault, or a value, of a documented text   refused: that error
    any 4xx, and 503                            refused: GatewayUnavailable
    another fault; anything that is no answer   may have been carried out: ProtocolError
    500, 502, 504 without a fault; cut off      may have been carried out: ReplyLost
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from yarl import URL

from isms_data import replies
from isms_data.errors import ConfigurationError, GatewayUnavailable, ProtocolError, ReplyLost
from isms_data.transports import once, soap_replies, soap_wsdl
from isms_data.vocabulary import Coding, MessageStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    import aiohttp

    from isms_data.account import Account

T = TypeVar("T")

HTTP_TOO_MANY: Final = 429

HTTP_PATH: Final = "/api/http/"
SOAP_PATH: Final = "/api/soap/"

MAX_WSDL_BYTES: Final = 1_000_000
"""A WSDL of two operations has a few thousand; the limit stops a runaway page from filling the memory."""

MOST_IMPORTS: Final = 20
"""So many documents a WSDL may import; the limit ends a chain that a server makes up as it is followed."""


class SoapGateway:
    """One method per documented operation; use as `async with SoapGateway(account) as gateway:`.

    Entering reads the WSDL, which costs nothing; leaving closes the connections. Methods, values and errors are those
    of `HttpGateway`.

    Raises
    ------
    ConfigurationError   on entering: zeep is not installed, or the WSDL cannot be used; the message names the setting.
    GatewayUnavailable   on entering: the WSDL was not reached.

    Examples
    --------
    >>> import asyncio, isms_data as isms
    >>> async def one(account):
    ...     async with SoapGateway(account) as gateway:
    ...         message_id = await gateway.send("MyShop", ["306970000004"], "Hello")
    ...         return await gateway.query(message_id, "306970000004")
    >>> with isms.sandbox(seed=7, median_latency_s=0) as account:
    ...     asyncio.run(one(account)).value
    'Delivered'
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None
        self._service: soap_wsdl.Service | None = None
        self._endpoint = URL()
        self._wsdl = _place(account.soap_wsdl)
        self._setting = "ISMS_SOAP_WSDL" if account.soap_wsdl else "ISMS_BASE_URL"

    async def __aenter__(self) -> Self:
        self._session = once.session(self._account)
        try:
            self._service = await self._read_wsdl(self._session)
            address = self._service.address if self._account.soap_wsdl else _beside_http(self._account.base_url)
            self._endpoint = _gateways_own(address, self._account, "the address in the WSDL")
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def offers(self, name: str) -> bool:
        """Whether `send` has this parameter in the WSDL, by its name on the wire: `schedule`, `dlr-url`, `message`."""
        return self._opened()[1].offers(name)

    @staticmethod
    def check_text(text: str) -> None:
        """Refuse a text that XML cannot hold, as `send` would.

        Raises
        ------
        TextError   a control character; the message says which.
        """
        soap_wsdl.check_characters({soap_wsdl.MESSAGE: text})

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
        """Send one text to all recipients; the id of the call. Paid, never repeated.

        Raises
        ------
        ConfigurationError   the WSDL has no `schedule` or no `dlr-url`, and one is given; nothing was sent.
        TextError            the text has a character that XML cannot hold; nothing was sent.
        """
        optional = {"schedule": schedule, "dlr-url": dlr_url}
        asked = {name: value for name, value in optional.items() if value is not None}
        for name in asked:
            if not self.offers(name):
                msg = f"the WSDL has no {name!r} ({self._setting}), so SOAP cannot carry it. Nothing was sent."
                raise ConfigurationError(msg)
        fields = {"from": sender, "to": list(to), "message": text, "coding": coding.value, "flash": flash, **asked}
        return await self._ask(soap_wsdl.SEND_NAME, fields, soap_replies.message_id, paid=True)

    async def query(self, message_id: str, mobile: str) -> MessageStatus:
        """What became of a message to one recipient."""
        fields = {"message_id": message_id, "mobile": mobile}
        return await self._ask(soap_wsdl.QUERY_NAME, fields, replies.read_status)

    async def _ask(self, name: str, fields: Mapping[str, Any], reader: Callable[[str], T], *, paid: bool = False) -> T:
        session, service = self._opened()
        login = {"username": self._account.username, "password": self._account.password}
        post = service.operations[name].post({**login, **fields})
        request = once.Request("POST", self._endpoint, f"{name} (SOAP)", self._setting, *post, paid=paid)
        answer = await once.ask(session, request)
        reply = soap_replies.read(answer.body)
        failure: ProtocolError
        try:
            return reader(_value(request, answer, reply))
        except ProtocolError as error:
            failure = error
        if once.shows(self._account.password, reply.told):
            failure = ProtocolError("the gateway's reply is not understood; it repeats the password and is not shown.")
        raise failure

    async def _read_wsdl(self, session: aiohttp.ClientSession) -> soap_wsdl.Service:
        """The WSDL with all that it imports; read again for each import that turns up, which is hardly ever one."""
        wsdl = self._wsdl
        document = await self._document(session, wsdl) if wsdl else soap_wsdl.packaged(soap_wsdl.SHIPPED)
        imported: dict[str, bytes] = {}
        while len(imported) <= MOST_IMPORTS:
            try:
                return await asyncio.to_thread(soap_wsdl.read, document, wsdl, imported)
            except soap_wsdl.Wanted as wanted:
                url = wanted.url
            imported[url] = await self._document(session, url)
        msg = f"the WSDL {wsdl!r} imports more than {MOST_IMPORTS} documents (ISMS_SOAP_WSDL)."
        raise ConfigurationError(msg)

    async def _document(self, session: aiohttp.ClientSession, url: str) -> bytes:
        """A WSDL or what it imports: from the gateway, or, where the WSDL is a file, from a file."""
        if _is_url(url):
            what = "the WSDL" if url == self._wsdl else f"{url!r}, which the WSDL imports,"
            return await self._fetched(session, _gateways_own(url, self._account, what))
        if self._wsdl is None or _is_url(self._wsdl) or "://" in url:
            msg = f"the WSDL imports {url!r}, which is neither at the gateway nor bundled (ISMS_SOAP_WSDL)."
            raise ConfigurationError(msg)
        try:
            return await asyncio.to_thread(Path(url).read_bytes)
        except OSError as error:
            msg = f"the WSDL {url!r} cannot be read: {error.strerror}. Check ISMS_SOAP_WSDL."
        raise ConfigurationError(msg)

    async def _fetched(self, session: aiohttp.ClientSession, url: URL) -> bytes:
        request = once.Request("GET", url, f"the WSDL {str(url)!r}", "ISMS_SOAP_WSDL", max_reply_bytes=MAX_WSDL_BYTES)
        status: int | None = None
        problem = ""
        try:
            answer = await once.ask(session, request)
        except ReplyLost:
            pass  # it was a question, and may be asked again
        except ProtocolError:
            problem = f"is longer than {MAX_WSDL_BYTES:,} bytes"
        else:
            if answer.status == once.HTTP_OK:
                return answer.body
            status = answer.status
            if status < 500 and status != HTTP_TOO_MANY:
                problem = f"is not there (HTTP {status}); redirects are not followed"
        if problem:
            msg = f"{request.what} {problem}. Check the address (ISMS_SOAP_WSDL)."
            raise ConfigurationError(msg)
        msg = f"{request.what} did not arrive; nothing was sent. Try again later."
        raise GatewayUnavailable(msg, status=status)

    def _opened(self) -> tuple[aiohttp.ClientSession, soap_wsdl.Service]:
        if self._session is None or self._service is None:
            msg = "the gateway is not open. Use it as `async with SoapGateway(account) as gateway:`."
            raise ConfigurationError(msg)
        return self._session, self._service

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _value(request: once.Request, answer: once.Answer, reply: soap_replies.Reply) -> str:
    """The value of an answer that is one; else the error that it stands for."""
    known = soap_replies.documented(reply.told)
    if known:
        raise known
    if reply.value is not None and answer.status == once.HTTP_OK:
        return reply.value
    if answer.status == once.HTTP_OK or (reply.fault is not None and not answer.refuses):
        raise soap_replies.not_understood(reply)
    raise once.failed(request, answer)


def _beside_http(base_url: str) -> str:
    """Where the SOAP API is when no WSDL says so.

    >>> _beside_http("https://cp.isms.gr/api/http/")
    'https://cp.isms.gr/api/soap/'
    """
    if base_url.endswith(HTTP_PATH):
        return base_url.removesuffix(HTTP_PATH) + SOAP_PATH
    msg = f"base_url={base_url!r} (ISMS_BASE_URL) does not end in {HTTP_PATH}, so where SOAP is asked cannot be told "
    msg += "from it. Set soap_wsdl (ISMS_SOAP_WSDL) to a WSDL that names the address."
    raise ConfigurationError(msg)


def _gateways_own(address: str, account: Account, what: str) -> URL:
    """An address that may be asked: on the gateway's host, and no less protected than the gateway's.

    Raises
    ------
    ConfigurationError   any other.
    """
    gateway = URL(account.base_url)
    try:
        url = URL(address)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.password or url.fragment:
        msg = f"{what} is no bare address such as https://host/api/soap/ (ISMS_SOAP_WSDL)."
        raise ConfigurationError(msg)
    if url.host != gateway.host:
        msg = (
            f"{what} is at {url.host!r}, and the account's gateway at {gateway.host!r}: nothing is asked of another "
            "host, because the credentials would go there. Set base_url (ISMS_BASE_URL) to that host if it is your "
            "gateway, or soap_wsdl (ISMS_SOAP_WSDL) to a copy of the WSDL in which this is put right."
        )
        raise ConfigurationError(msg)
    if url.scheme == "http" and gateway.scheme == "https" and not account.allow_plaintext:
        msg = (
            f"{what} is {str(url)!r}, plain http: the password would travel readable in every request. Use a WSDL "
            "(ISMS_SOAP_WSDL) with https://, or, if your account has no https, set allow_plaintext=True "
            "(ISMS_ALLOW_PLAINTEXT=1) as well."
        )
        raise ConfigurationError(msg)
    return url


def _place(wsdl: str | None) -> str | None:
    """An address as it is, a path in full."""
    return wsdl if not wsdl or _is_url(wsdl) else str(Path(wsdl).expanduser().absolute())


def _is_url(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))
