"""The SOAP gateway asks as its WSDL says, the gateway's host only, pays once, and keeps the password to itself."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

import isms_data as isms
from isms_data import errors
from isms_data.account import Account
from isms_data.simulator import Fault, SoapSettings
from isms_data.simulator.soap_envelopes import answer, fault
from isms_data.simulator.soap_wsdl import OPTIONAL, Style, wsdl
from isms_data.transports.soap import MOST_IMPORTS, SoapGateway
from isms_data.transports.soap_wsdl import SHIPPED, packaged
from isms_data.vocabulary import Coding, MessageStatus, Transport
from tests.peers import DROP, RESET, Peer, _is_cut_off, reply

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from isms_data.trial import SandboxAccount

PASSWORD = "p&ss wörd/1%"
NUMBERS = ["306970000004", "306930000001"]
ID = answer("send", Style.RPC_ENCODED, "I7I5R4HTAA")


class SoapPeer(Peer):
    """A server of the test's own; `answer` gets "GET /path" or "POST /path", `bodies` has what was posted."""

    bodies: tuple[bytes, ...] = ()

    @property
    def posted(self) -> int:
        """How many calls have arrived."""
        return sum(target.startswith("POST") for target in self.targets)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(ConnectionError), connection, connection.makefile("rb") as stream:
            while first := stream.readline():
                head = b"".join(iter(stream.readline, b"\r\n"))
                length = re.search(rb"(?i)content-length: (\d+)", head)
                self.bodies += (stream.read(int(length[1])) if length else b"",)
                self.targets.append(first.decode().rpartition(" ")[0])
                response = self._answer(self.targets[-1])
                if response == RESET:
                    connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
                if response in {DROP, RESET}:
                    break
                connection.sendall(response)
                if _is_cut_off(response):
                    break
        self._open.discard(connection)


def ask(peer: Peer, question: Callable[[SoapGateway], Awaitable[Any]], **settings: Any) -> Any:
    """One question to a peer, with a gateway of its own."""
    return asked(Account("shop", PASSWORD, **{"base_url": peer.base_url, **settings}), question)


def asked(account: Account, question: Callable[[SoapGateway], Awaitable[Any]]) -> Any:
    async def asking() -> Any:
        async with SoapGateway(account) as gateway:
            return await question(gateway)

    return asyncio.run(asking())


def sending(gateway: SoapGateway) -> Awaitable[str]:
    return gateway.send("MyShop", NUMBERS, "hello")


async def offered(gateway: SoapGateway) -> tuple[bool, ...]:
    return tuple(gateway.offers(name) for name in OPTIONAL)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("offers", [OPTIONAL, ()])
def test_campaign_of_any_style_is_the_same_message(style: Style, offers: tuple[str, ...]) -> None:
    """In each style, with and without the optional parameters, the sandbox gets what was meant, and answers."""
    options = {"schedule": "2099-07-17 10:00", "dlr_url": "http://127.0.0.1:9/?a=1&b=2"} if offers else {}

    async def send_and_query(g: SoapGateway) -> tuple[str, MessageStatus]:
        sent = await g.send("MyShop", NUMBERS, "Γεια, 1 < 2\r\n ", coding=Coding.UTF8, flash=True, **options)
        return sent, await g.query(sent, NUMBERS[0])

    with isms.sandbox(seed=7, median_latency_s=0, soap=SoapSettings(style=style, offers=offers)) as account:
        sent, status = asked(account, send_and_query)
        messages = account.gateway.simulator.ledger.messages

    assert status == (MessageStatus.QUEUED if offers else MessageStatus.DELIVERED)
    assert [(m.call_id, m.msisdn) for m in messages] == [(sent, number) for number in NUMBERS]
    assert {(m.sender, m.text, m.coding, m.flash) for m in messages} == {("MyShop", "Γεια, 1 < 2\r\n ", "UTF-8", True)}
    assert {(m.transport, m.dlr_url) for m in messages} == {(Transport.SOAP, options.get("dlr_url", ""))}
    assert all((m.scheduled_for is not None) == bool(offers) for m in messages)


def test_shipped_wsdl_is_the_default(account: SandboxAccount) -> None:
    """Without a WSDL of its own an account uses the one of the package, beside its HTTP API; it names the text only."""
    plain = replace(account, soap_wsdl=None)

    assert asked(plain, offered) == (True, False, False)
    assert asked(plain, sending) == account.gateway.simulator.ledger.messages[0].call_id


@pytest.mark.parametrize("style", Style)
def test_wsdl_may_be_a_file(style: Style, account: SandboxAccount, tmp_path: Path) -> None:
    """A path works as an address does, what it imports lying beside it."""
    endpoint = f"{account.base_url.replace('/http/', '/soap/')}?style={style}"
    imported = '<xsd:import namespace="urn:other" schemaLocation="other.xsd"/>'
    text = re.sub("(<xsd:schema [^>]*>)", rf"\1{imported}", wsdl(style, frozenset(), endpoint))
    (tmp_path / "my sms.wsdl").write_text(text, encoding="utf-8")
    schema = '<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other"/>'
    (tmp_path / "other.xsd").write_text(schema, encoding="utf-8")

    assert asked(replace(account, soap_wsdl=str(tmp_path / "my sms.wsdl")), sending)


@pytest.mark.parametrize("offers", [("message", "schedule"), ("dlr-url",)])
def test_what_the_wsdl_does_not_offer_is_not_sent(offers: tuple[str, ...]) -> None:
    """Asking for a schedule or a report that the WSDL has no parameter for is an error before anything is sent."""
    missing = {"schedule": "+1 day"} if "dlr-url" in offers else {"dlr_url": "http://x"}
    with isms.sandbox(soap=SoapSettings(offers=offers)) as account:
        with pytest.raises(errors.ConfigurationError, match=r"schedule|dlr-url"):
            asked(account, lambda g: g.send("MyShop", NUMBERS, "x", **missing))
        offered_ones = dict(zip(OPTIONAL, asked(account, offered), strict=True))
        requests = account.gateway.simulator.ledger.request_counts

    assert requests == {}
    assert offered_ones == {name: name in offers for name in OPTIONAL}


def test_text_that_xml_cannot_hold_is_not_sent(account: SandboxAccount) -> None:
    """A control character is an error before anything is sent, by itself too."""
    with pytest.raises(errors.TextError, match=re.escape("U+000C")):
        asked(account, lambda g: g.send("MyShop", NUMBERS, "a\fb"))
    with pytest.raises(errors.TextError):
        SoapGateway.check_text("a\fb")

    assert account.gateway.simulator.ledger.request_counts == {}
    assert SoapGateway.check_text("a\tb\r\n€") is None


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        (lambda g: g.send("MyShop", [], "x"), errors.NoRecipients),
        (lambda g: g.send("Κατάστημα", NUMBERS, "x"), errors.InvalidSender),
        (lambda g: g.send("MyShop", NUMBERS * 9, "x"), errors.InsufficientCredits),
        (lambda g: g.send("MyShop", NUMBERS, "x", schedule="never"), errors.InvalidSchedule),
        (lambda g: g.query("", NUMBERS[0]), errors.NoMessageId),
        (lambda g: g.query("1", ""), errors.NoMobile),
        (lambda g: g.query("1", NUMBERS[0]), errors.NoSuchMessage),
    ],
)
@pytest.mark.parametrize("style", Style)
def test_documented_faults_come_from_the_sandbox(style: Style, question: Any, kind: type[Exception]) -> None:
    """Each documented fault is its exception, in each style; nothing is charged, empty values are passed on."""
    with isms.sandbox(credits=10, soap=SoapSettings(style=style)) as account:
        with pytest.raises(kind):
            asked(account, question)
        with pytest.raises(errors.AuthenticationError, match="ISMS_PASSWORD"):
            asked(replace(account, password="wrong"), question)
        ledger = account.gateway.simulator.ledger

    assert (len(ledger.requests), ledger.charges) == (2, [])


def packed(body: str) -> bytes:
    """A reply that nobody asked to have packed."""
    raw = gzip.compress(body.encode())
    return f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw


CHARGED_OR_NOT = [
    (reply(fault("Insufficient credits."), status="500 Error"), errors.InsufficientCredits),
    (reply(fault("Exception:  No\n recipients. ")), errors.NoRecipients),
    (reply(fault("Authentication error."), status="403 Forbidden"), errors.AuthenticationError),
    (reply(fault("Invalid sender identity."), status="503 Service Unavailable"), errors.InvalidSender),
    (reply(answer("send", Style.RPC_LITERAL, "Error: Insufficient credits.")), errors.InsufficientCredits),
    (reply(fault("Try later"), status="503 Service Unavailable"), errors.GatewayUnavailable),
    (reply("", status="503 Service Unavailable", headers="Retry-After: 7\r\n"), errors.GatewayUnavailable),
    (reply("", status="429 Too Many Requests"), errors.GatewayUnavailable),
    (reply("Not here", status="404 Not Found"), errors.GatewayUnavailable),
    (reply(fault("Internal error"), status="500 Error"), errors.ProtocolError),
    (reply(fault("Internal error", "Client")), errors.ProtocolError),
    (reply(ID, status="500 Internal Server Error"), errors.ReplyLost),
    (reply("", status="500 Internal Server Error"), errors.ReplyLost),
    (reply("<html>Bad gateway</html>", status="502 Bad Gateway"), errors.ReplyLost),
    (reply("", status="504 Gateway Timeout"), errors.ReplyLost),
    (reply(ID, length=len(ID) + 9), errors.ReplyLost),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<?xml\r\n", errors.ReplyLost),
    (b"not HTTP at all\r\n\r\n", errors.ReplyLost),
    (DROP, errors.ReplyLost),
    (RESET, errors.ReplyLost),
    (reply(""), errors.ProtocolError),
    (reply("<b>Warning</b>: x in y\n" + ID), errors.ProtocolError),
    (reply(answer("send", Style.DOCUMENT, "not an id")), errors.ProtocolError),
    (reply("<!DOCTYPE x>" + ID.partition("?>")[2]), errors.ProtocolError),
    (reply(ID, status="202 Accepted"), errors.ProtocolError),
    (reply("", status="302 Found", headers="Location: http://127.0.0.1:1/\r\n"), errors.ProtocolError),
    (reply("x" * 70_000), errors.ProtocolError),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: y\r\n\r\n" + b"x" * 70_000, errors.ProtocolError),
    (packed(" " * 20_000_000 + ID), errors.ProtocolError),
]


@pytest.mark.parametrize(("response", "kind"), CHARGED_OR_NOT)
def test_paid_call_is_made_once_whatever_comes_back(response: bytes, kind: type[Exception]) -> None:
    """Whatever the gateway does to a paid call, it arrives once, and the error tells refused from may-be-charged."""
    with SoapPeer(lambda _: response) as peer, pytest.raises(kind) as caught:
        ask(peer, sending)

    assert peer.targets == ["POST /api/soap/"]
    assert type(caught.value) is kind


def test_packed_reply_is_read() -> None:
    """A reply that is packed although that was not asked for counts like any other."""
    with SoapPeer(lambda _: packed(ID)) as peer:
        assert ask(peer, sending) == "I7I5R4HTAA"


@pytest.mark.parametrize("end", [DROP, RESET])
def test_paid_call_on_a_kept_connection_is_made_once(end: bytes) -> None:
    """A connection that dies under a paid call after serving others does not make it leave again."""
    state = reply(answer("query", Style.RPC_ENCODED, "Pending"))
    answers = iter([state, state, end, reply(ID)])

    async def three(gateway: SoapGateway) -> None:
        await gateway.query("1", NUMBERS[0])
        await gateway.query("1", NUMBERS[0])
        await sending(gateway)

    with SoapPeer(lambda _: next(answers)) as peer, pytest.raises(errors.ReplyLost, match="charged"):
        ask(peer, three)

    assert peer.posted == 3


IN_DOUBT = (errors.ReplyLost, errors.ProtocolError)
REFUSED = {Fault.UNAVAILABLE_503, Fault.TOO_MANY_429}


@pytest.mark.parametrize("kind", Fault)
@pytest.mark.parametrize("style", Style)
def test_every_fault_of_the_sandbox_charges_once_at_most(kind: Fault, style: Style) -> None:
    """Dropped after charging, cut short, slow, refused: no number is charged twice, none in vain without doubt."""
    with isms.sandbox(soap=SoapSettings(style=style)) as account:
        account.gateway.simulator.faults.slow_s = 0.01
        account.gateway.simulator.faults.script(kind, page="send.php")
        try:
            told: object = asked(account, sending)
        except errors.GatewayError as error:
            told = error
        ledger = account.gateway.simulator.ledger

    assert ledger.request_counts["send.php"] == 1
    assert set(ledger.times_charged().values()) == ({1} if kind.carried_out else set())
    if kind is Fault.SLOW:
        assert told == ledger.messages[0].call_id
    else:
        assert isinstance(told, errors.GatewayUnavailable if kind in REFUSED else IN_DOUBT)


def test_timeout_is_a_lost_reply() -> None:
    """A paid call whose reply does not come in time may have been carried out; it is not repeated."""
    late = threading.Event()
    with SoapPeer(lambda _: reply(ID) if late.wait(10) else b"") as peer:
        try:
            with pytest.raises(errors.ReplyLost, match="charged"):
                ask(peer, sending, timeout_s=0.2)
        finally:
            late.set()

    assert peer.posted == 1


def test_nobody_there_is_unavailable() -> None:
    """A connection that is not made has charged nothing, and the error says which setting to check."""
    nobody = "http://127.0.0.1:9/api/http/"  # a port that is never given out
    with pytest.raises(errors.GatewayUnavailable, match=r"nothing was sent.*ISMS_BASE_URL"):
        asked(Account("shop", PASSWORD, base_url=nobody), sending)
    with pytest.raises(errors.GatewayUnavailable, match="ISMS_SOAP_WSDL"):
        asked(Account("shop", PASSWORD, base_url=nobody, soap_wsdl="http://127.0.0.1:9/x.wsdl"), sending)


def test_retry_after_is_told() -> None:
    """What the gateway asks for in Retry-After comes with the error, in seconds."""
    busy = reply("", status="503 Service Unavailable", headers="Retry-After: 7\r\n")
    with SoapPeer(lambda _: busy) as peer, pytest.raises(errors.GatewayUnavailable) as caught:
        ask(peer, sending)

    assert (caught.value.retry_after, caught.value.status) == (7, 503)


ECHOES: list[Callable[[SoapPeer], bytes]] = [
    lambda _: reply(fault(f"cannot log in {PASSWORD}"), status="500 Error"),
    lambda _: reply(answer("send", Style.RPC_LITERAL, f"bad {PASSWORD}")),
    lambda _: reply(fault("x" * 70 + PASSWORD)),
    lambda peer: reply(peer.bodies[-1].decode()),
    lambda _: reply(f"<p>{escape(PASSWORD)}</p>", status="404 Not Found"),
    lambda _: DROP,
]


@pytest.mark.parametrize("echo", ECHOES)
def test_password_is_in_no_error_and_no_log(
    echo: Callable[[SoapPeer], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """With all loggers at their chattiest, whatever is echoed, the password is in no error, traceback, repr or log."""
    caplog.set_level(logging.DEBUG)
    for name in ("zeep", "aiohttp", "asyncio", "isms_data", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=name)
    gateways: list[SoapGateway] = []
    with SoapPeer(lambda _: echo(peer)) as peer, pytest.raises(errors.GatewayError) as caught:
        ask(peer, lambda g: gateways.append(g) or sending(g))
    told = "".join(traceback.format_exception(caught.value, chain=True)) + caplog.text + repr(gateways)

    assert "zeep" in caplog.text  # it did log, and nothing of the call
    assert caught.value.__context__ is None
    assert not any(spelling in told for spelling in (PASSWORD, escape(PASSWORD), "p&ss", "p&amp;", NUMBERS[0]))


def test_wsdl_comes_from_the_gateway_with_what_it_imports() -> None:
    """The WSDL and its imports are asked at the gateway's host, each once, without the password; then the call."""
    imported = '<xsd:import namespace="urn:other" schemaLocation="../other.xsd?v=1"/>'
    schema = '<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other"/>'
    with SoapPeer(lambda target: reply(pages[target])) as peer:
        endpoint = peer.base_url.replace("/http/", "/other/")
        text = re.sub("(<xsd:schema [^>]*>)", rf"\1{imported}", wsdl(Style.DOCUMENT, frozenset(), endpoint))
        pages = {"GET /a/sms.wsdl": text, "GET /other.xsd?v=1": schema, "POST /api/other/": ID}
        ask(peer, sending, soap_wsdl=peer.base_url.replace("/api/http/", "/a/sms.wsdl"))

    assert peer.targets == [*pages]
    assert [PASSWORD.replace("&", "&amp;").encode() in body for body in peer.bodies] == [False, False, True]


ELSEWHERE = [
    ('location="[^"]*"/>', 'location="http://localhost:1/x"/>', "localhost.*credentials would go there"),
    ('location="[^"]*"/>', 'location="https://isms.example/x"/>', "isms.example"),
    ('location="[^"]*"/>', 'location="http://127.0.0.1@isms.example/x"/>', "no bare address"),
    ('location="[^"]*"/>', 'location="ftp://127.0.0.1/x"/>', "no bare address"),
    ('location="[^"]*"/>', 'location="http://[x/"/>', "no bare address"),
    ('location="[^"]*"/>', 'location=""/>', "no bare address"),
    ("(<xsd:schema [^>]*>)", r'\1<xsd:import namespace="u" schemaLocation="http://isms.example/x"/>', "isms.example"),
    ("(<xsd:schema [^>]*>)", r'\1<xsd:import namespace="u" schemaLocation="file:///etc/hostname"/>', "neither"),
    ("(<xsd:schema [^>]*>)", r'\1<xsd:include schemaLocation="//isms.example/x"/>', "isms.example"),
    ("(<types>)", r'<import namespace="u" location="http://isms.example/x"/>\1', "isms.example"),
]


@pytest.mark.parametrize(("place", "put", "problem"), ELSEWHERE)
def test_wsdl_that_leads_elsewhere_is_refused(place: str, put: str, problem: str) -> None:
    """An address or an import at another host, or in a file of this machine, is a ConfigurationError that names it."""
    with SoapPeer(lambda target: reply(text if target.startswith("GET") else ID)) as peer:
        text = re.sub(place, put, wsdl(Style.DOCUMENT, frozenset(), peer.base_url))
        with pytest.raises(errors.ConfigurationError, match=problem) as caught:
            ask(peer, sending, soap_wsdl=peer.base_url + "sms.wsdl")

    assert "ISMS_SOAP_WSDL" in str(caught.value)
    assert peer.targets == ["GET /api/http/sms.wsdl"]


def test_wsdl_at_another_host_is_refused(tmp_path: Path) -> None:
    """A WSDL that is not at the gateway is not fetched; an address that shows credentials is not shown."""
    with pytest.raises(errors.ConfigurationError, match=r"isms\.example.*cp\.isms\.gr.*ISMS_BASE_URL"):
        asked(Account("shop", PASSWORD, soap_wsdl="https://isms.example/sms.wsdl"), sending)
    with pytest.raises(errors.ConfigurationError, match="no bare address") as caught:
        asked(Account("shop", PASSWORD, soap_wsdl="https://shop:hidden@cp.isms.gr/sms.wsdl"), sending)
    with pytest.raises(errors.ConfigurationError, match="cannot be read: No such file"):
        asked(Account("shop", PASSWORD, soap_wsdl=str(tmp_path / "none.wsdl")), sending)

    assert "hidden" not in str(caught.value)


def test_plain_http_beside_https_is_refused(tmp_path: Path) -> None:
    """A WSDL that would take the password over plain http is refused, unless that is allowed."""
    (tmp_path / "a.wsdl").write_text(wsdl(Style.DOCUMENT, frozenset(), "http://cp.isms.gr/api/soap/"))
    account = Account("shop", PASSWORD, soap_wsdl=str(tmp_path / "a.wsdl"))
    with pytest.raises(errors.ConfigurationError, match=r"password would travel readable.*ISMS_ALLOW_PLAINTEXT=1"):
        asked(account, offered)
    with pytest.raises(errors.ConfigurationError, match="plain http"):
        asked(replace(account, soap_wsdl="http://cp.isms.gr/sms.wsdl"), offered)

    assert asked(replace(account, allow_plaintext=True), offered) == (False, False, False)


def test_address_beside_an_odd_base_url_is_not_guessed() -> None:
    """Where the HTTP API is not under /api/http/, the shipped WSDL does not say where SOAP is."""
    with pytest.raises(errors.ConfigurationError, match="ISMS_SOAP_WSDL"):
        asked(Account("shop", PASSWORD, base_url="https://cp.isms.gr/sms/"), sending)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (reply("", status="503 Service Unavailable"), errors.GatewayUnavailable),
        (reply("", status="429 Too Many Requests"), errors.GatewayUnavailable),
        (reply("<defin", length=900), errors.GatewayUnavailable),
        (DROP, errors.GatewayUnavailable),
        (reply("", status="404 Not Found"), errors.ConfigurationError),
        (reply("", status="301 Moved", headers="Location: http://127.0.0.1:9/\r\n"), errors.ConfigurationError),
        (reply("<html/>"), errors.ConfigurationError),
        (reply(" " * 1_100_000), errors.ConfigurationError),
    ],
)
def test_wsdl_that_does_not_arrive_has_sent_nothing(response: bytes, kind: type[Exception]) -> None:
    """A WSDL that cannot be had ends the run before anything is sent, and asks for it once."""
    with SoapPeer(lambda _: response) as peer, pytest.raises(kind):
        ask(peer, sending, soap_wsdl=peer.base_url + "sms.wsdl")

    assert peer.targets == ["GET /api/http/sms.wsdl"]


def test_chain_of_imports_has_an_end() -> None:
    """A server that makes up one import after another is left after a while."""

    def imports_another(target: str) -> bytes:
        number = len(peer.targets)
        chain = f'<s:import namespace="urn:{number}" schemaLocation="{number}.xsd"/>'
        if number == 1:
            text = wsdl(Style.DOCUMENT, frozenset(), peer.base_url)
            return reply(re.sub("(<xsd:schema [^>]*>)", rf"\1{chain.replace('s:', 'xsd:', 1)}", text))
        xmlns = f'xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:{number - 1}"'
        return reply(f"<s:schema {xmlns}>{chain}</s:schema>")

    with SoapPeer(imports_another) as peer, pytest.raises(errors.ConfigurationError, match="imports more than"):
        ask(peer, sending, soap_wsdl=peer.base_url + "sms.wsdl")

    assert len(peer.targets) == MOST_IMPORTS + 2


async def test_gateway_outside_its_block_says_so(account: SandboxAccount) -> None:
    """A gateway that was not entered, or was left, says how to use it."""
    async with SoapGateway(account) as left:
        pass
    for gateway in (SoapGateway(account), left):
        with pytest.raises(errors.ConfigurationError, match="async with"):
            await gateway.query("1", NUMBERS[0])


WATCHED = """
import asyncio, json, os, sys
sys.dont_write_bytecode = True
seen = {"socket.connect": [], "socket.getaddrinfo": [], "open": []}
def watch(event, arguments):
    if event == "socket.connect":
        seen[event].append(list(arguments[1]))
    elif event == "socket.getaddrinfo":
        seen[event].append(arguments[0])
    elif event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        seen[event].append(str(arguments[0]))
sys.addaudithook(watch)
from isms_data.account import Account
from isms_data.transports.soap import SoapGateway
async def main(account):
    async with SoapGateway(account) as gateway:
        sent = await gateway.send("MyShop", ["306970000004"], "hello")
        await gateway.query(sent, "306970000004")
for wsdl in sys.argv[2:]:
    asyncio.run(main(Account("demo", "sandbox-password", base_url=sys.argv[1], soap_wsdl=wsdl or None)))
print(json.dumps(seen))
"""


def test_nobody_but_the_gateway_is_asked(account: SandboxAccount) -> None:
    """Every connection of a process that works by SOAP, in any style, is to the gateway; nothing goes to disk."""
    places = [f"{account.soap_wsdl}?style={style}" for style in Style]
    command = [sys.executable, "-c", WATCHED, account.base_url, "", *places]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])  # noqa: S603
    seen = json.loads(done.stdout)
    port = urlsplit(account.base_url).port

    assert {(host, asked_port) for host, asked_port in seen["socket.connect"]} == {("127.0.0.1", port)}
    assert set(seen["socket.getaddrinfo"]) <= {"127.0.0.1"}
    assert seen["open"] == []
    assert len(account.gateway.simulator.ledger.messages) == 1 + len(Style)


def test_shipped_wsdl_names_the_providers_address() -> None:
    """The shipped WSDL is for the provider: its address is the one that the default base_url gives."""
    assert b'location="https://cp.isms.gr/api/soap/"' in packaged(SHIPPED)
