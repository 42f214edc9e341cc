"""The SMPP gateway sends, asks and hears what became of it; what it says of money is what the server charged."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from isms_data.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    InvalidMobile,
    InvalidSchedule,
    InvalidSender,
    NoSuchMessage,
    ProtocolError,
    ReplyLost,
)
from isms_data.simulator.server import SimulatorServer
from isms_data.simulator.simulator import Simulator
from isms_data.simulator.smsc_faults import SmscFault, SmscFaults
from isms_data.transports import smpp
from isms_data.transports.smpp import Outgoing, SmppGateway, submit_body
from isms_data.transports.smpp_settings import SmppSettings
from isms_data.transports.smpp_text import wires
from isms_data.vocabulary import Coding, MessageStatus
from tests.smpp_peer import (
    ANSWER,
    CUT,
    DELIVER,
    ENQUIRE,
    QUERY,
    SUBMIT,
    Heard,
    Smsc,
    Told,
    accept,
    pdu,
    refuse,
    silent_about,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from isms_data.trial import SandboxAccount

NUMBER = "306970000001"
RECEIPT = b"id:%s sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:DELIVRD err:000 text:"


def receipt(sequence: int, message_id: bytes = b"m1") -> bytes:
    """A deliver_sm with a receipt, as appendix B has it."""
    text = RECEIPT % message_id
    head = b"\0\1\1" + NUMBER.encode() + b"\0\5\0MyShop\0\x04\0\0\0\0\0\0\0\0"
    return pdu(DELIVER, sequence, head + bytes([len(text)]) + text)


def incoming(sequence: int) -> bytes:
    """A deliver_sm that a phone has written."""
    return pdu(DELIVER, sequence, b"\0\1\1" + NUMBER.encode() + b"\0\5\0MyShop\0\0\0\0\0\0\0\0\0\0\4STOP")


def in_state(state: int) -> Callable[[Heard], bytes]:
    """An SMSC whose messages are all in this state."""
    answer = b"m1\0\0%c\0" % state
    return lambda heard: pdu(QUERY | ANSWER, heard.sequence, answer) if heard.command == QUERY else accept(heard)


# One message


async def test_message_on_the_wire() -> None:
    """A message has sender, recipient, schedule, validity and text where SMPP wants them, and asks for a receipt."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    async with Smsc() as smsc, SmppGateway(smsc.settings("validity=2d")) as gateway:
        ids = await gateway.send("MyShop", NUMBER, "5€ off", schedule=moment)

        assert ids == ("m2",)
        assert smsc.of(SUBMIT)[0].body == (
            b"\0\5\0MyShop\0\1\1"
            + NUMBER.encode()
            + b"\0\0\0\0"
            + f"{moment:%y%m%d%H%M%S}000+".encode()
            + b"\0"
            + b"000002000000000R"
            + b"\0\1\0\0\0\7"
            + b"5\x1be off"
        )


async def test_long_message_is_one_of_its_own() -> None:
    """The segments of a message share a reference, and two messages to one recipient never have the same."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()) as gateway:
        ids = [await gateway.send("MyShop", NUMBER, "ώ" * 100, coding=Coding.UTF8) for _ in range(3)]
        headers = [heard.body[heard.body.index(b"\5\0\3") :][:6] for heard in smsc.of(SUBMIT)]

        assert [len(each) for each in ids] == [2, 2, 2]
        assert [header[4:] for header in headers] == [b"\2\1", b"\2\2"] * 3
        assert len({header[3] for header in headers}) == 3


async def test_references_are_not_remembered_for_ever() -> None:
    """The memory of reference numbers has a limit; what was used longest ago goes."""
    gateway = SmppGateway(SmppSettings.of("smpp://u:p@localhost"))
    for number in ["first", "second", *map(str, range(smpp.MAX_REFERENCES - 2)), "first", "last"]:
        gateway._reference("MyShop", number)

    assert len(gateway._references) == smpp.MAX_REFERENCES
    assert ("MyShop", "first") in gateway._references
    assert ("MyShop", "second") not in gateway._references


async def test_schedule_without_a_moment() -> None:
    """A phrase that counts from the gateway's clock, and a moment that is past, are refused here."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()) as gateway:
        for schedule in ("+1 day", datetime(2020, 1, 1, tzinfo=UTC)):
            with pytest.raises(InvalidSchedule):
                await gateway.send("MyShop", NUMBER, "Hello", schedule=schedule)

        assert smsc.count(SUBMIT) == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0x0A, InvalidSender),
        (0x0B, InvalidMobile),
        (0x61, InvalidSchedule),
        (0x58, GatewayUnavailable),
        (0x45, GatewayError),
    ],
)
async def test_refused_message(status: int, kind: type[GatewayError]) -> None:
    """A refusal is the error that fits."""
    async with Smsc(refuse(SUBMIT, status)) as smsc, SmppGateway(smsc.settings()) as gateway:
        with pytest.raises(kind) as caught:
            await gateway.send("MyShop", NUMBER, "Hello")

        assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ("ok throttled", ReplyLost),
        ("ok refused", ReplyLost),
        ("throttled refused", InvalidMobile),
        ("throttled throttled", GatewayUnavailable),
        ("refused cut", ReplyLost),
    ],
)
async def test_message_whose_segments_differ(answers: str, kind: type[GatewayError]) -> None:
    """Nothing is called free that may have cost: a message of which a segment was accepted is not simply refused."""
    said = {"ok": accept, "throttled": refuse(SUBMIT, 0x58), "refused": refuse(SUBMIT, 0x0B), "cut": lambda _: CUT}
    left = answers.split()

    def answer(heard: Heard) -> bytes:
        return said[left.pop(0)](heard) if heard.command == SUBMIT else accept(heard)

    async with Smsc(answer) as smsc, SmppGateway(smsc.settings()) as gateway:
        with pytest.raises(kind) as caught:
            await gateway.send("MyShop", NUMBER, "ώ" * 100, coding=Coding.UTF8)

    assert type(caught.value) is kind


async def test_send_given_up() -> None:
    """An answer that nobody waits for any more disturbs nothing."""
    async with Smsc(silent_about(SUBMIT)) as smsc, SmppGateway(smsc.settings()) as gateway:
        sending = asyncio.create_task(gateway.send("MyShop", NUMBER, "Hello"))
        await smsc.until(lambda: smsc.count(SUBMIT))
        sending.cancel()
        await asyncio.wait([sending])
        smsc.answer = accept
        smsc.say(accept(smsc.of(SUBMIT)[0]))

        assert await gateway.send("MyShop", NUMBER, "Hello") == ("m3",)


@pytest.mark.parametrize(
    ("state", "status"),
    [(1, "Pending"), (2, "Delivered"), (3, "Failed"), (4, "Failed"), (5, "Failed"), (6, "Pending"), (8, "Failed")],
)
async def test_query(state: int, status: str) -> None:
    """A state comes in the documented words; the question names id and sender."""
    async with Smsc(in_state(state)) as smsc, SmppGateway(smsc.settings()) as gateway:
        found = await gateway.query("m1", "MyShop")

    assert found == MessageStatus(status)
    assert smsc.of(QUERY)[0].body == b"m1\0\5\0MyShop\0"


@pytest.mark.parametrize("state", [0, 7, 99])
async def test_query_that_says_nothing(state: int) -> None:
    """A state that says nothing is never guessed at."""
    async with Smsc(in_state(state)) as smsc, SmppGateway(smsc.settings()) as gateway:
        with pytest.raises(ProtocolError, match=f"message_state {state}"):
            await gateway.query("m1", "MyShop")


async def test_query_for_nothing() -> None:
    """A message that the SMSC does not know is a NoSuchMessage."""
    async with Smsc(refuse(QUERY, 0x67)) as smsc, SmppGateway(smsc.settings()) as gateway:
        with pytest.raises(NoSuchMessage, match="ESME_RQUERYFAIL"):
            await gateway.query("m1", "MyShop")


# Receipts


async def test_receipt_is_acknowledged_when_the_next_is_asked_for() -> None:
    """Until then it may be lost with us, and must come again."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()) as gateway:
        receipts = gateway.receipts()
        smsc.say(receipt(11, b"one") + receipt(12, b"two"))
        first = await anext(receipts)
        early = smsc.count(DELIVER | ANSWER)
        second = await anext(receipts)
        await smsc.until(lambda: smsc.count(DELIVER | ANSWER))

        assert (first.message_id, second.message_id, early) == ("one", "two", 0)
        assert smsc.of(DELIVER | ANSWER) == [Heard(0, DELIVER | ANSWER, 0, 11, b"\0")]


async def test_batch_of_receipts() -> None:
    """A batch has all that have come, and is acknowledged as one when the next is asked for."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()) as gateway:
        smsc.say(b"".join(receipt(number) for number in range(1, 6)))
        smsc.say(pdu(ENQUIRE, 1))
        await smsc.until(lambda: smsc.count(ENQUIRE | ANSWER))
        batches = []
        async for batch in gateway.receipt_batches():
            batches.append([each.status for each in batch])
            if len(batches) == 2:
                break
            early = smsc.count(DELIVER | ANSWER)
            smsc.say(receipt(6))
        await smsc.until(lambda: smsc.count(DELIVER | ANSWER) == 5)

    assert batches == [[MessageStatus.DELIVERED] * 5, [MessageStatus.DELIVERED]]
    assert early == 0


async def test_receipts_end_with_the_gateway() -> None:
    """The iterator ends when the gateway is left; what was not acknowledged comes again at the next bind."""
    async with Smsc() as smsc:
        async with SmppGateway(smsc.settings()) as gateway:

            async def collect() -> list[str]:
                return [receipt.message_id async for receipt in gateway.receipts()]

            collecting = asyncio.create_task(collect())
            smsc.say(receipt(11, b"one"))
            smsc.say(pdu(ENQUIRE, 1))
            await smsc.until(lambda: smsc.count(DELIVER | ANSWER))

        assert await collecting == ["one"]


async def test_receipts_of_several_binds() -> None:
    """Each is acknowledged over the bind by which it came; one whose bind has ended is not."""
    async with Smsc() as smsc, SmppGateway(smsc.settings("binds=2")) as gateway:
        batches = gateway.receipt_batches()
        smsc.say(receipt(21), connection=0)
        smsc.say(receipt(22), connection=1)
        taken = await anext(batches)
        while len(taken) < 2:
            taken += await anext(batches)
        asking = asyncio.create_task(anext(batches))
        await smsc.until(lambda: smsc.count(DELIVER | ANSWER) == 2)
        asking.cancel()
        await asyncio.wait([asking])

        assert sorted((heard.connection, heard.sequence) for heard in smsc.of(DELIVER | ANSWER)) == [(0, 21), (1, 22)]


async def test_what_is_no_receipt(caplog: pytest.LogCaptureFixture) -> None:
    """A message of a phone is acknowledged and logged without its number; what cannot be read is refused for good."""
    caplog.set_level(logging.DEBUG, "isms_data")
    async with Smsc() as smsc, SmppGateway(smsc.settings()):
        smsc.say(incoming(31) + pdu(DELIVER, 32, b"\0\1\1306970000001") + pdu(0x0103, 33, b""))
        await smsc.until(lambda: len(smsc.heard) == 4)

    assert [(heard.command, heard.status, heard.sequence) for heard in smsc.heard[1:4]] == [
        (DELIVER | ANSWER, 0, 31),
        (DELIVER | ANSWER, 0x65, 32),
        (0x8000_0103, 0x65, 33),
    ]
    assert "is no receipt" in caplog.text
    assert "30697" not in caplog.text


async def test_inbox_that_nobody_empties() -> None:
    """Its size is bounded; beyond, the SMSC hears that the queue is full and keeps the receipt."""
    async with Smsc() as smsc, SmppGateway(smsc.settings()):
        smsc.say(b"".join(receipt(number + 1) for number in range(smpp.MAX_INBOX + 1)))
        await smsc.until(lambda: smsc.count(DELIVER | ANSWER))

        assert [(heard.status, heard.sequence) for heard in smsc.of(DELIVER | ANSWER)] == [(0x14, smpp.MAX_INBOX + 1)]


# The sandbox


async def test_messages_over_the_sandbox(account: SandboxAccount) -> None:
    """Against a server written from the standard alone: its texts are ours, and each segment has its receipt."""
    texts = {"Hello": Coding.GSM, "Γεια σου, " * 12: Coding.UTF8, "[5€] " * 60: Coding.GSM, "😀": Coding.UTF8}
    async with SmppGateway(account) as gateway:
        ids = [await gateway.send("MyShop", NUMBER, text, coding=coding) for text, coding in texts.items()]
        open_ids = {each for message in ids for each in message}
        async for found in gateway.receipts():
            open_ids.discard(found.message_id)
            if not open_ids:
                break

    assert [len(message) for message in ids] == [1, 2, 4, 1]
    assert [message.text for message in account.gateway.simulator.ledger.messages] == list(texts)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_outcomes_agree_with_what_the_server_charged(seed: int) -> None:
    """Whatever goes wrong: an id is a charge, nothing sent is no charge, and each message is told once."""
    faults = SmscFaults(dict.fromkeys(SmscFault, 0.012), seed=seed, slow_s=0.05)
    simulator = Simulator(seed=seed, smpp_rate=None, smpp_faults=faults)
    told, texts = Told(), [f"message {number}" for number in range(300)]
    with SimulatorServer(simulator) as server:
        settings = SmppSettings.of(f"{server.smpp_url}?timeout=300ms&window=10&rate=100000&binds=2")
        async with SmppGateway(settings) as gateway:
            for number, text in enumerate(texts):
                await gateway.ready()
                body = submit_body(settings, "MyShop", NUMBER, *wires(text, Coding.GSM, reference=0))
                gateway.post([Outgoing(text, *gateway.reserve(1), body)], told)
                outcomes = await told.number(number - 20)
            outcomes = await told.number(len(texts))
    charged = {segment.text: segment.message_id for segment in simulator.ledger.segments}

    assert sorted(text for text, _ in outcomes) == sorted(texts)
    assert all(charged[text] == outcome for text, outcome in outcomes if outcome in charged.values())
    free = {"GatewayUnavailable", "GatewayError"}
    assert not {text for text, outcome in outcomes if outcome in free} & set(charged)
    assert {text for text, outcome in outcomes if outcome not in free | {"ReplyLost"}} <= set(charged)


async def test_query_over_the_sandbox(account: SandboxAccount) -> None:
    """The sandbox's SMSC answers query_sm (this number is never reached), and knows no ids but its own."""
    async with SmppGateway(account) as gateway:
        (message_id,) = await gateway.send("MyShop", NUMBER, "Hello")

        assert await gateway.query(message_id, "MyShop") in {MessageStatus.PENDING, MessageStatus.FAILED}
        with pytest.raises(NoSuchMessage):
            await gateway.query("nonsense", "MyShop")


async def test_wrong_password_at_the_sandbox(account: SandboxAccount) -> None:
    """The sandbox's SMSC refuses a password that is not the account's."""
    assert account.smpp
    wrong = SmppSettings.of(account.smpp.replace("sandbox1", "sandbox2"))

    with pytest.raises(AuthenticationError, match="ESME_RINVPASWD"):
        await SmppGateway(wrong).__aenter__()
