"""Binds are held, left and made again, messages leave at their pace, and each is told once what it came to."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from pathlib import Path

import pytest

from isms_data.account import Account
from isms_data.errors import (
    AuthenticationError,
    ConfigurationError,
    GatewayUnavailable,
    ReplyLost,
)
from isms_data.transports.smpp import Outgoing, SmppGateway
from isms_data.transports.smpp_binds import PATIENCE_S
from isms_data.transports.smpp_settings import SmppSettings
from tests.smpp_peer import (
    ANSWER,
    CUT,
    ENQUIRE,
    RECEIVER,
    SUBMIT,
    TRANSCEIVER,
    UNBIND,
    Heard,
    Smsc,
    Told,
    accept,
    parts,
    pdu,
    refuse,
    silent_about,
)

NUMBER = "306970000001"
CERTIFICATE = Path(__file__).parent / "localhost.pem"


# Binding


async def test_bind_and_stop() -> None:
    """Entering binds as often as asked, leaving unbinds each and closes every connection."""
    async with Smsc() as smsc:
        async with SmppGateway(smsc.settings("binds=3&system_type=SMPP")):
            bound = smsc.count(TRANSCEIVER)
        await smsc.until(lambda: smsc.count(UNBIND) == 3)

        assert bound == 3
        assert {heard.body for heard in smsc.of(TRANSCEIVER)} == {b"shop\0s3cr3t!x\0SMPP\0\x34\0\0\0"}


async def test_mode_of_the_gateway_wins() -> None:
    """`mode=` binds otherwise than the address says; a receiver does not send."""
    async with Smsc() as smsc, SmppGateway(smsc.settings(), mode="receiver") as gateway:
        with pytest.raises(ConfigurationError, match="only gets receipts"):
            await gateway.send("MyShop", NUMBER, "Hello")
        with pytest.raises(ConfigurationError, match="only gets receipts"):
            await gateway.query("m1", "MyShop")

        assert (smsc.count(RECEIVER), smsc.count(TRANSCEIVER)) == (1, 0)


@pytest.mark.parametrize(
    ("status", "name"), [(0x0E, "ESME_RINVPASWD"), (0x0F, "ESME_RINVSYSID"), (0x0D, "ESME_RBINDFAIL")]
)
async def test_bind_refused_for_the_credentials(status: int, name: str) -> None:
    """Entering fails with the status by its name; neither error nor traceback nor log has the password."""
    async with Smsc(refuse(TRANSCEIVER, status)) as smsc:
        with pytest.raises(AuthenticationError, match=name) as caught:
            async with SmppGateway(smsc.settings("binds=2")):
                pass

        assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
        assert smsc.count(TRANSCEIVER) == 2


async def test_bind_refused_for_now() -> None:
    """Any other refusal is one that may pass."""
    async with Smsc(refuse(TRANSCEIVER, 0x05)) as smsc:
        with pytest.raises(GatewayUnavailable, match="ESME_RALYBND"):
            async with SmppGateway(smsc.settings()):
                pass


async def test_one_bind_of_two_is_enough() -> None:
    """Where the account may bind once, the gateway works with that."""
    async with Smsc() as smsc:
        smsc.answer = lambda heard: accept(heard) if heard.connection == 0 else refuse(TRANSCEIVER, 0x0D)(heard)
        async with SmppGateway(smsc.settings("binds=2")) as gateway:
            await gateway.ready()

            assert await gateway.send("MyShop", NUMBER, "Hello") == ("m2",)


async def test_nobody_there() -> None:
    """A port where nobody listens is an error that names address, reason and setting."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = SmppSettings.of(f"smpp://shop:s3cr3t!x@127.0.0.1:{port}")

    with pytest.raises(
        GatewayUnavailable, match=rf"127.0.0.1:{port} cannot be reached \(ConnectionRefusedError: .*ISMS_SMPP"
    ):
        async with SmppGateway(settings):
            pass


async def test_no_such_host() -> None:
    """A host that cannot be one is an error of the same kind."""
    settings = SmppSettings.of(f"smpp://shop:s3cr3t!x@{'a' * 64}.example", plaintext=True)

    with pytest.raises(GatewayUnavailable, match="cannot be reached"):
        async with SmppGateway(settings):
            pass


async def test_stop_while_binding() -> None:
    """Whoever gives up while the SMSC is silent leaves no connection behind."""
    async with Smsc(silent_about(TRANSCEIVER)) as smsc:
        entering = asyncio.create_task(SmppGateway(smsc.settings()).__aenter__())
        await smsc.until(lambda: smsc.count(TRANSCEIVER))
        entering.cancel()
        await asyncio.wait([entering])

        assert entering.cancelled()


def certified() -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_tls() -> None:
    """`smpps://` binds and sends inside TLS."""
    async with Smsc(tls=certified()) as smsc:
        async with SmppGateway(smsc.settings(), tls=ssl.create_default_context(cafile=CERTIFICATE)) as gateway:
            assert await gateway.send("MyShop", NUMBER, "Hello") == ("m2",)
        await smsc.until(lambda: smsc.count(UNBIND))


async def test_tls_with_a_certificate_nobody_knows() -> None:
    """A certificate that the system does not trust is refused and said, and the password never leaves."""
    async with Smsc(tls=certified()) as smsc:
        with pytest.raises(GatewayUnavailable, match="self-signed certificate"):
            await SmppGateway(smsc.settings()).__aenter__()

    assert smsc.heard == []


async def test_tls_with_a_server_that_has_none() -> None:
    """A server that speaks plain SMPP where TLS was asked for is refused."""
    async with Smsc() as plain:
        plain.greeting = pdu(ENQUIRE, 1)
        settings = SmppSettings.of(f"smpps://shop:s3cr3t!x@127.0.0.1:{plain.port}")
        with pytest.raises(GatewayUnavailable, match="SSLError: WRONG_VERSION_NUMBER"):
            await SmppGateway(settings).__aenter__()


def test_account_without_smpp() -> None:
    """An account that has no SMPP address says how to give it one."""
    with pytest.raises(ConfigurationError, match="ISMS_SMPP"):
        SmppGateway(Account("shop", "secret"))


async def test_gateway_that_is_not_open() -> None:
    """Before entering and after leaving, there is nothing to wait for or to send over; that is said, not waited for."""
    async with Smsc() as smsc:
        gateway = SmppGateway(smsc.settings())
        with pytest.raises(ConfigurationError, match="not open"):
            await gateway.ready()
        async with gateway:
            waiting = parts(gateway, "a")
        told = Told()
        gateway.post(waiting, told)

        assert gateway.reserve(1) == ("", 0)
        assert await told.number(1) == [("a", "GatewayUnavailable")]
        with pytest.raises(ConfigurationError, match="not open"):
            await gateway.send("MyShop", NUMBER, "Hello")


# Many messages


async def test_window_is_really_held() -> None:
    """The SMSC never has more than the window to answer, and each answer brings the next."""
    async with Smsc(silent_about(SUBMIT)) as smsc, SmppGateway(smsc.settings("window=5&rate=100000")) as gateway:
        told = Told()
        gateway.post(parts(gateway, range(12)), told)
        await smsc.until(lambda: smsc.count(SUBMIT) == 5)
        smsc.say(pdu(ENQUIRE, 1))
        await smsc.until(lambda: smsc.count(ENQUIRE | ANSWER))
        held = smsc.count(SUBMIT)
        smsc.answer = accept
        smsc.say(b"".join(accept(heard) for heard in smsc.of(SUBMIT)))

        assert held == 5
        assert await told.number(12) == [(key, f"m{key + 2}") for key in range(12)]


async def test_messages_leave_in_their_order_and_together() -> None:
    """What is posted in one turn of the loop leaves in one write, in its order."""
    async with Smsc() as smsc, SmppGateway(smsc.settings("rate=100000")) as gateway:
        told = Told()
        items = parts(gateway, range(60))
        for item in items:
            gateway.post([item], told)
        await told.number(60)

        assert [heard.sequence for heard in smsc.of(SUBMIT)] == [item.sequence for item in items]


async def test_binds_share_the_messages() -> None:
    """What is reserved goes where most room is, and every bind has its share of a short pace."""
    async with Smsc() as smsc, SmppGateway(smsc.settings("binds=3&rate=400&window=20")) as gateway:
        told = Told()
        gateway.post(parts(gateway, range(60)), told)
        await told.number(60)
        by_bind = [sum(heard.connection == bind for heard in smsc.of(SUBMIT)) for bind in range(3)]
        first = [heard.connection for heard in smsc.of(SUBMIT)[:15]]

        assert by_bind == [20, 20, 20]
        assert set(first) == {0, 1, 2}


async def test_binds_share_the_pace() -> None:
    """Where one a second may leave, one leaves over all binds; what has not left at the end is given back."""
    async with Smsc() as smsc:
        told = Told()
        async with SmppGateway(smsc.settings("binds=3&rate=1")) as gateway:
            gateway.post(parts(gateway, "abcdef"), told)
            await told.number(1)
            for bind in range(3):
                smsc.say(pdu(ENQUIRE, 1), bind)
            await smsc.until(lambda: smsc.count(ENQUIRE | ANSWER) == 3)
            left = smsc.count(SUBMIT)
        kinds = await told.number(6)

    assert left == smsc.count(SUBMIT) == 1
    assert [outcome for _, outcome in kinds] == ["m2"] + ["GatewayUnavailable"] * 5


async def test_slow_reader_is_not_overrun() -> None:
    """While the SMSC does not read, no more is written than the connection takes; afterwards all of it goes."""
    big = b"x" * 60_000
    async with Smsc() as smsc, SmppGateway(smsc.settings("window=10000&rate=1000000")) as gateway:
        told = Told()
        gateway.post([item._replace(body=big) for item in parts(gateway, range(400))], told)

        assert len(await told.number(400)) == 400
        assert smsc.count(SUBMIT) == 400


async def test_throttled_message_is_not_sent_again_from_here() -> None:
    """ESME_RTHROTTLED is told and slows down what follows; nothing is repeated by itself."""
    async with Smsc(refuse(SUBMIT, 0x58)) as smsc, SmppGateway(smsc.settings("rate=1000")) as gateway:
        told = Told()
        gateway.post(parts(gateway, "ab"), told)

        assert await told.number(2) == [("a", "GatewayUnavailable"), ("b", "GatewayUnavailable")]
        assert gateway._binds._pace.share(asyncio.get_running_loop().time()) < 0.8
        assert smsc.count(SUBMIT) == 2


# Links that end


async def test_link_lost_with_messages_under_way() -> None:
    """Written and unanswered is in doubt, not written is not; then the gateway binds again under another name."""
    async with Smsc(silent_about(SUBMIT)) as smsc, SmppGateway(smsc.settings("window=2&rate=100000")) as gateway:
        told, before = Told(), gateway.reserve(1).session
        gateway.post(parts(gateway, "abcd"), told)
        await smsc.until(lambda: smsc.count(SUBMIT) == 2)
        smsc.say(CUT)
        kinds = await told.number(4)
        smsc.answer = accept
        await gateway.ready()
        gateway.post([Outgoing("e", before, 99, b"body"), *parts(gateway, "f")], told)

        assert sorted(kinds) == [
            ("a", "ReplyLost"),
            ("b", "ReplyLost"),
            ("c", "GatewayUnavailable"),
            ("d", "GatewayUnavailable"),
        ]
        assert sorted((await told.number(6))[4:]) == [("e", "GatewayUnavailable"), ("f", "m2")]
        assert before != gateway.reserve(1).session


@pytest.mark.parametrize(
    "garbage", [b"\xff\xff\xff\xff", b"HTTP/1.1 400 Bad Request\r\n", pdu(SUBMIT | ANSWER, 2, b"m2")]
)
async def test_garbage_ends_the_link(garbage: bytes) -> None:
    """Octets that cannot be read close the connection; a late answer over it would meet nobody."""
    smsc = Smsc(lambda heard: garbage if heard.command == SUBMIT else accept(heard))
    async with smsc, SmppGateway(smsc.settings()) as gateway:
        with pytest.raises(ReplyLost, match="cannot be read"):
            await gateway.send("MyShop", NUMBER, "Hello")
        await gateway.ready()

    assert smsc.connections == 2


async def test_half_an_answer_is_no_answer() -> None:
    """An answer that is cut off by the end of the link leaves the message in doubt."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()) as gateway:

        def half(heard: Heard) -> bytes:
            if heard.command == SUBMIT:
                smsc.say(accept(heard)[:-2], heard.connection)
                return b""
            return accept(heard)

        smsc.answer = half
        sending = asyncio.create_task(gateway.send("MyShop", NUMBER, "Hello"))
        await smsc.until(lambda: smsc.count(SUBMIT))
        smsc._connections[-1].close()
        await asyncio.wait([sending])

        assert isinstance(sending.exception(), ReplyLost)


async def test_silence_closes_the_link() -> None:
    """An answer that does not come within the time-out closes the connection; the message is in doubt."""
    async with Smsc(silent_about(SUBMIT)) as smsc, SmppGateway(smsc.settings("timeout=400ms")) as gateway:
        with pytest.raises(ReplyLost, match=r"no answer came within 0\.4 s"):
            await gateway.send("MyShop", NUMBER, "Hello")
        await smsc.until(lambda: smsc.count(TRANSCEIVER) == 2)


async def test_dead_link_is_found_without_messages() -> None:
    """Both sides are asked whether they are there: who does not answer is left, and bound to again."""
    async with Smsc(silent_about(ENQUIRE)) as smsc:
        async with SmppGateway(smsc.settings("enquire=20ms&timeout=400ms")):
            smsc.say(pdu(ENQUIRE, 7))
            await smsc.until(lambda: smsc.count(TRANSCEIVER) == 2)

        assert smsc.of(ENQUIRE | ANSWER)[0].sequence == 7
        assert smsc.count(ENQUIRE) >= 1


async def test_unbind_by_the_smsc() -> None:
    """It is answered, what was written is waited for, and then bound again."""
    async with Smsc(silent_about(SUBMIT)) as smsc, SmppGateway(smsc.settings("window=1")) as gateway:
        told = Told()
        gateway.post(parts(gateway, "ab"), told)
        await smsc.until(lambda: smsc.count(SUBMIT))
        smsc.say(pdu(UNBIND, 5))
        await smsc.until(lambda: smsc.count(UNBIND | ANSWER))
        smsc.say(accept(smsc.of(SUBMIT)[0]))
        kinds = await told.number(2)
        await smsc.until(lambda: smsc.count(TRANSCEIVER) == 2)

        assert sorted(kinds) == [("a", "m2"), ("b", "GatewayUnavailable")]
        assert smsc.of(UNBIND | ANSWER)[0].sequence == 5


async def test_link_down_for_long() -> None:
    """`ready` has patience with a link that is down, and then says why."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()) as gateway:
        smsc.answer = refuse(TRANSCEIVER, 0x0E)
        smsc.say(CUT)
        await smsc.until(lambda: smsc.count(TRANSCEIVER) == 2)
        gateway._binds._down_since -= PATIENCE_S

        with pytest.raises(AuthenticationError, match="ESME_RINVPASWD"):
            await gateway.ready()


# Stopping


async def test_stop_waits_for_what_was_written() -> None:
    """Leaving gives back what was not written, waits for the answers to what was, and unbinds after them."""
    async with Smsc(silent_about(SUBMIT)) as smsc:
        told = Told()
        async with SmppGateway(smsc.settings("window=2&rate=100000")) as gateway:
            gateway.post(parts(gateway, "abc"), told)
            await smsc.until(lambda: smsc.count(SUBMIT) == 2)
            leaving = asyncio.create_task(told.number(1))
            leaving.add_done_callback(lambda _: smsc.say(b"".join(accept(heard) for heard in smsc.of(SUBMIT))))

        assert await told.number(3) == [("c", "GatewayUnavailable"), ("a", "m2"), ("b", "m3")]
        assert smsc.count(UNBIND) == 1


async def test_stop_does_not_wait_for_ever() -> None:
    """An SMSC that answers neither messages nor unbind is left; what it had is in doubt."""
    async with Smsc(silent_about(SUBMIT, UNBIND)) as smsc:
        told = Told()
        async with SmppGateway(smsc.settings()) as gateway:
            gateway.post(parts(gateway, "a"), told)
            await smsc.until(lambda: smsc.count(SUBMIT))

        assert await told.number(1) == [("a", "ReplyLost")]
        assert smsc.count(UNBIND) == 1


async def test_stop_broken_off() -> None:
    """A second stop cuts the connections; everything is told all the same."""
    async with Smsc(silent_about(SUBMIT)) as smsc:
        told, gateway = Told(), SmppGateway(smsc.settings())
        await gateway.__aenter__()
        gateway.post(parts(gateway, "a"), told)
        await smsc.until(lambda: smsc.count(SUBMIT))
        leaving = asyncio.create_task(gateway.__aexit__(None, None, None))
        await asyncio.wait([leaving], timeout=0.01)
        leaving.cancel()
        await asyncio.wait([leaving])

        assert await told.number(1) == [("a", "ReplyLost")]


async def test_gateway_entered_again() -> None:
    """A gateway that was left can be entered once more."""
    async with Smsc() as smsc:
        gateway = SmppGateway(smsc.settings())
        for _ in range(2):
            async with gateway:
                assert await gateway.send("MyShop", NUMBER, "Hello") == ("m2",)
