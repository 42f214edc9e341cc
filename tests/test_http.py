"""The HTTP gateway asks exactly as documented, once, and says of each failure whether it may have been charged."""

from __future__ import annotations

import asyncio
import threading
import traceback
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from isms_data import errors
from isms_data.account import Account
from isms_data.transports.http import HttpGateway, encoded
from isms_data.vocabulary import HLR, Coding, HlrStatus, MessageStatus
from tests.peers import DROP, RESET, Peer, reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PASSWORD = "p&ss wörd/1%"
NUMBERS = ["306970000001", "306970000002"]


def ask(peer: Peer, question: Callable[[HttpGateway], Awaitable[Any]], **settings: Any) -> Any:
    """One question to a peer, with a gateway of its own."""

    async def asking() -> Any:
        account = Account("shop", PASSWORD, **{"base_url": peer.base_url, **settings})
        async with HttpGateway(account) as gateway:
            return await question(gateway)

    return asyncio.run(asking())


def parameters(target: str) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(target).query, keep_blank_values=True).items()}


def test_every_call_as_documented() -> None:
    """Each method asks its page with the documented parameters, and gives a typed value."""
    pages = {"credits": "Credits:3948.47", "send": "ID:I7I5", "query": "Status: Queued", "hlr": "ID:0adgre1"}
    pages |= {"hlrquery": "Delivered;GR;;;;0", "savecontact": "\u039f\u039a", "deletecontact": "OK"}

    async def everything(g: HttpGateway) -> list[Any]:
        return [
            await g.credits(),
            await g.send(
                "myself", NUMBERS, "Γεια, 1+1", coding=Coding.UTF8, flash=True, schedule="+1 day", dlr_url="x"
            ),
            await g.query("0008FABD", NUMBERS[0]),
            await g.hlr(NUMBERS),
            (await g.hlr_query("0adgre1", NUMBERS[0])).status,
            await g.save_contact(mobile=NUMBERS[0], surname="Παππά", name="Α&Β", comments=""),
            await g.delete_contact(NUMBERS[0]),
        ]

    with Peer(lambda target: reply(pages[target.split("/")[-1].split(".php")[0]])) as peer:
        values = ask(peer, everything)

    assert values[:2] == [Decimal("3948.47"), "I7I5"]
    assert values[2:] == [MessageStatus.QUEUED, "0adgre1", HlrStatus.DELIVERED, None, None]
    login = {"username": "shop", "password": PASSWORD}
    assert [parameters(target) for target in peer.targets] == [
        login,
        login
        | {"from": "myself", "to": ",".join(NUMBERS), "message": "Γεια, 1+1", "coding": "UTF-8", "flash": "1"}
        | {"schedule": "+1 day", "dlr-url": "x"},
        login | {"mid": "0008FABD", "mobile": NUMBERS[0]},
        login | {"mobiles": ",".join(NUMBERS)},
        login | {"mid": "0adgre1", "mobile": NUMBERS[0]},
        login | {"surname": "Παππά", "name": "Α&Β", "mobile": NUMBERS[0], "comments": ""},
        login | {"mobile": NUMBERS[0]},
    ]


def test_commas_stay_bare() -> None:
    """Numbers are separated by bare commas, as in the page's examples; everything else is encoded."""
    assert encoded({"mobiles": ",".join(NUMBERS)}) == "&mobiles=306970000001,306970000002"
    assert encoded({"message": "100% & more;"}) == "&message=100%25+%26+more%3B"


@pytest.mark.parametrize("count", [0, 1, 7])
def test_room_is_what_the_request_line_has_left(count: int) -> None:
    """`room` plus what is fixed is the limit of the whole request line, to the byte."""
    lines: list[str] = []
    with Peer(lambda target: reply("ID:1") if lines.append(f"GET {target} HTTP/1.1") is None else b"") as peer:
        room = ask(peer, lambda gateway: asyncio.sleep(0, gateway.room(HLR)))
        ask(peer, lambda gateway: gateway.hlr(["3" * 12] * count))
        spent = len(encoded({"mobiles": ",".join(["3" * 12] * count)}))

    assert len(lines[0]) + room - spent == 8190


CHARGED_OR_NOT = [
    (reply("", status="503 Service Unavailable", headers="Retry-After: 7\r\n"), errors.GatewayUnavailable),
    (reply("", status="429 Too Many Requests"), errors.GatewayUnavailable),
    (reply("Not here", status="404 Not Found"), errors.GatewayUnavailable),
    (reply("", status="414 URI Too Long"), errors.GatewayUnavailable),
    (reply("Error: Authentication error.", status="403 Forbidden"), errors.AuthenticationError),
    (reply("Error: Insufficient credits."), errors.InsufficientCredits),
    (reply("Error: No recipients."), errors.NoRecipients),
    (reply("", status="500 Internal Server Error"), errors.ReplyLost),
    (reply("<html>Bad gateway</html>", status="502 Bad Gateway"), errors.ReplyLost),
    (reply("", status="504 Gateway Timeout"), errors.ReplyLost),
    (reply("ID:0adgre1", length=25), errors.ReplyLost),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nID:0a\r\n", errors.ReplyLost),
    (b"not HTTP at all\r\n\r\n", errors.ReplyLost),
    (DROP, errors.ReplyLost),
    (RESET, errors.ReplyLost),
    (reply(""), errors.ProtocolError),
    (reply("PHP Warning: x in y\nID:0adgre1"), errors.ProtocolError),
    (reply("", status="302 Found", headers="Location: http://127.0.0.1:1/\r\n"), errors.ProtocolError),
    (reply("x" * 70_000), errors.ProtocolError),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: y\r\n\r\n" + b"x" * 70_000, errors.ProtocolError),
]


@pytest.mark.parametrize(("answer", "kind"), CHARGED_OR_NOT)
def test_paid_call_is_made_once_whatever_comes_back(answer: bytes, kind: type[Exception]) -> None:
    """Whatever the gateway does to a paid call, it arrives once, and the error tells refused from may-be-charged."""
    with Peer(lambda _: answer) as peer, pytest.raises(kind) as caught:
        ask(peer, lambda gateway: gateway.hlr(NUMBERS))

    assert peer.asked("hlr.php") == 1
    assert type(caught.value) is kind


@pytest.mark.parametrize("fault", [DROP, RESET])
def test_paid_call_on_a_kept_connection_is_made_once(fault: bytes) -> None:
    """A connection that dies under a paid call after serving others is the case in which aiohttp repeats a GET."""
    answers = iter([reply("Credits:5"), reply("Credits:5"), fault, reply("ID:2")])

    async def three(gateway: HttpGateway) -> None:
        await gateway.credits()
        await gateway.credits()
        await gateway.hlr(NUMBERS)

    with Peer(lambda _: next(answers)) as peer, pytest.raises(errors.ReplyLost):
        ask(peer, three)

    assert (peer.asked("credits.php"), peer.asked("hlr.php")) == (2, 1)


def test_plain_aiohttp_would_have_paid_twice() -> None:
    """The danger is real: the same peer sees two GETs from an aiohttp session as it comes."""
    answers = iter([reply("Credits:5"), DROP, reply("ID:2")])

    async def plain(peer: Peer) -> str:
        async with aiohttp.ClientSession() as session:
            for page in ("credits.php?a=1", "hlr.php?a=1"):
                async with session.get(peer.base_url + page) as response:
                    text = await response.text()
            return text

    with Peer(lambda _: next(answers)) as peer:
        text = asyncio.run(plain(peer))

    assert (text, peer.asked("hlr.php")) == ("ID:2", 2)


def test_timeout_is_a_lost_reply() -> None:
    """A paid call whose reply does not come in time may have been carried out; it is not repeated."""
    late = threading.Event()
    with Peer(lambda _: reply("ID:1") if late.wait(10) else b"") as peer:
        try:
            with pytest.raises(errors.ReplyLost, match="charged"):
                ask(peer, lambda gateway: gateway.hlr(NUMBERS), timeout_s=0.2)
        finally:
            late.set()

    assert peer.asked("hlr.php") == 1


def test_nobody_there_is_unavailable() -> None:
    """A connection that is not made has charged nothing, and the error says what to check."""
    nobody = "http://127.0.0.1:9/api/http/"  # a port that is never given out
    with (
        Peer(lambda _: b"") as peer,
        pytest.raises(errors.GatewayUnavailable, match=r"nothing was sent.*ISMS_BASE_URL"),
    ):
        ask(peer, lambda gateway: gateway.hlr(NUMBERS), base_url=nobody)

    assert peer.targets == []


def test_retry_after_is_told() -> None:
    """What the gateway asks for in Retry-After comes with the error, in seconds."""
    busy = reply("", status="503 Service Unavailable", headers="Retry-After: 7\r\n")
    with Peer(lambda _: busy) as peer, pytest.raises(errors.GatewayUnavailable) as caught:
        ask(peer, lambda gateway: gateway.credits())

    assert (caught.value.retry_after, caught.value.status) == (7, 503)


def test_redirect_is_not_followed() -> None:
    """A redirect would carry the credentials elsewhere: the other address is never asked."""
    with Peer(lambda _: reply("Credits:1")) as other:
        moved = reply("", status="301 Moved", headers=f"Location: {other.base_url}credits.php\r\n")
        with Peer(lambda _: moved) as peer, pytest.raises(errors.ProtocolError, match="ISMS_BASE_URL"):
            ask(peer, lambda gateway: gateway.credits())

    assert other.targets == []


@pytest.mark.parametrize(
    "answer", [lambda target: reply(f"Invalid: {target}"), lambda _: reply(f"<p>{PASSWORD}</p>"), lambda _: DROP]
)
def test_password_is_in_no_error(answer: Callable[[str], bytes]) -> None:
    """A page that echoes the address or the password does not bring it into the error or its traceback."""
    with Peer(answer) as peer, pytest.raises(errors.GatewayError) as caught:
        ask(peer, lambda gateway: gateway.hlr(NUMBERS))
    told = "".join(traceback.format_exception(caught.value, chain=True))
    spellings = parameters(f"/?{encoded({'p': PASSWORD})[1:]}")["p"], encoded({"": PASSWORD})[2:], "p%26ss"

    assert caught.value.__context__ is None or isinstance(caught.value.__context__, errors.GatewayError)
    assert not any(spelling in told for spelling in spellings)


@pytest.mark.parametrize(("to", "mid", "mobile"), [([], "", "")])
def test_empty_values_are_passed_on(to: list[str], mid: str, mobile: str) -> None:
    """Empty recipients, ids and numbers go out, so that the provider's own error comes back."""
    with Peer(lambda _: reply("Error: No recipients.")) as peer:
        for question in (lambda g: g.hlr(to), lambda g: g.send("me", to, "x"), lambda g: g.hlr_query(mid, mobile)):
            with suppress(errors.NoRecipients):
                ask(peer, question)
    asked = [parameters(target) for target in peer.targets]

    assert (asked[0]["mobiles"], asked[1]["to"], asked[2]["mid"]) == ("", "", "")


def test_reply_in_another_character_set() -> None:
    """The declared character set is used; bytes outside it do not lose the rest of the reply."""
    greek = "Delivered;Ελλάδα;;;;0".encode("iso8859_7")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(greek)}\r\nContent-Type: text/plain; charset="
    for charset, country in (("iso-8859-7", "Ελλάδα"), ("utf-8", "������"), ("klingon", "������")):
        with Peer(lambda _, c=charset: f"{head}{c}\r\n\r\n".encode() + greek) as peer:
            found = ask(peer, lambda gateway: gateway.hlr_query("1", NUMBERS[0]))

        assert (found.status, found.country) == (HlrStatus.DELIVERED, country)


async def test_gateway_outside_its_block_says_so() -> None:
    """A gateway that was not entered says how to use it."""
    with pytest.raises(errors.ConfigurationError, match="async with"):
        await HttpGateway(Account("shop", PASSWORD)).credits()


def test_sandbox_through_the_gateway(account: Account) -> None:
    """Against the sandbox: a wrong password and an id that never was are the documented errors."""

    async def asking(who: Account, question: Callable[[HttpGateway], Awaitable[Any]]) -> Any:
        async with HttpGateway(who) as gateway:
            return await question(gateway)

    wrong = Account(account.username, "wrong", base_url=account.base_url)
    with pytest.raises(errors.AuthenticationError, match="ISMS_PASSWORD"):
        asyncio.run(asking(wrong, lambda gateway: gateway.credits()))
    with pytest.raises(errors.NoSuchMessage):
        asyncio.run(asking(account, lambda gateway: gateway.hlr_query("nothing", NUMBERS[0])))
    with pytest.raises(errors.NoRecipients):
        asyncio.run(asking(account, lambda gateway: gateway.hlr([])))
