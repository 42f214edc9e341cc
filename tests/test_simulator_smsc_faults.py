"""Faults of the sandbox's SMSC on request: each does on the wire what it says, and leaves its trace in the ledger."""

import asyncio
import socket
import struct
from collections import Counter

import pytest

from isms_data.simulator import Simulator, SimulatorServer, SmscFault, SmscFaults, smsc
from tests.peers import until
from tests.smsc_wire import (
    DATA,
    DELIVER,
    ENQUIRE,
    NACK,
    NUMBER,
    QUERY,
    RESPONSE,
    SUBMIT,
    TRANSCEIVER,
    UNBIND,
    Wire,
    bind_body,
    part,
    pdu,
    query_body,
    submit_body,
)

BEFORE = {"cut_before_accept", "silence_before_accept", "refuse", "throttle", "queue_full", "generic_nack"}
ANSWER = SUBMIT | RESPONSE


@pytest.fixture
def server():
    """A sandbox whose messages are final at once."""
    with SimulatorServer(Simulator(seed=7, median_latency_s=0)) as running:
        yield running


@pytest.fixture
def faults(server):
    """What goes wrong at `server`."""
    return server.simulator.smsc.faults


@pytest.fixture
def wire(server):
    """A transceiver at `server`."""
    with Wire(server.smpp_url, TRANSCEIVER) as bound:
        yield bound


@pytest.mark.parametrize("kind", SmscFault)
def test_fault_is_carried_out_or_not_as_documented(server, faults, wire, kind):
    """Six kinds are refusals, after all others the message is accepted and charged; the ledger says which it was."""
    ledger = server.simulator.ledger
    faults.script(kind)
    wire.send(SUBMIT, submit_body())
    until(lambda: ledger.faults)

    (fault,) = ledger.faults
    assert (fault.kind, fault.page, fault.carried_out) == (kind, "submit_sm", kind not in BEFORE)
    until(lambda: len(ledger.charges) == len(ledger.messages) == (kind not in BEFORE))


@pytest.mark.parametrize("kind", ["cut_before_accept", "drop_after_accept"])
def test_link_is_cut(faults, wire, kind):
    """The link ends without an octet for that message; what was asked before in the same breath is answered."""
    faults.script(kind)
    wire.send(ENQUIRE)
    wire.send(SUBMIT, submit_body())

    assert wire.read().command == ENQUIRE | RESPONSE
    assert wire.ended()


def test_nothing_after_the_cut_is_taken(server, faults, wire):
    """What stands behind the fatal message in the same write has not arrived."""
    faults.script("drop_after_accept", after=2)
    wire.socket.sendall(b"".join(pdu(SUBMIT, number, submit_body()) for number in range(11, 21)))

    assert [wire.read().sequence for _ in range(2)] == [11, 12]
    assert wire.ended()
    assert [segment.sequence for segment in server.simulator.ledger.segments] == [11, 12, 13]


@pytest.mark.parametrize("kind", ["silence_before_accept", "silence_after_accept"])
def test_no_response_comes(faults, wire, kind):
    """The link stays open, and the next question is answered."""
    faults.script(kind)
    wire.send(SUBMIT, submit_body())

    assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE


@pytest.mark.parametrize(
    ("kind", "status", "answer"),
    [
        ("refuse", None, (ANSWER, 0x08)),
        ("refuse", 0x0B, (ANSWER, 0x0B)),
        ("refuse", 0x400, (ANSWER, 0x400)),
        ("throttle", None, (ANSWER, 0x58)),
        ("queue_full", None, (ANSWER, 0x14)),
        ("generic_nack", None, (NACK, 0xFF)),
    ],
)
def test_message_is_refused(server, wire, kind, status, answer):
    """A refusal has the status that it is named after or that was asked for, no body, and costs nothing."""
    server.simulator.smsc.faults.script(kind, status=status)

    assert wire.ask(SUBMIT, submit_body()) == (*answer, 2, b"")
    assert server.simulator.ledger.charges == []
    assert wire.ask(SUBMIT, submit_body()).status == 0


def test_bind_and_others_can_be_refused(server, faults):
    """A script may name any command."""
    faults.script("refuse", command="bind_transceiver", status=0x0D)
    faults.script("refuse", command="query_sm", status=0x67)
    faults.script("silence_before_accept", command="enquire_link")
    with Wire(server.smpp_url) as wire:
        assert wire.ask(TRANSCEIVER, bind_body()).status == 0x0D
        assert wire.ask(TRANSCEIVER, bind_body()).status == 0
        message_id = wire.ask(SUBMIT, submit_body()).text
        assert wire.ask(QUERY, query_body(message_id)).status == 0x67
        wire.send(ENQUIRE)
        assert wire.ask(QUERY, query_body(message_id)).status == 0


def test_half_of_the_response_comes(faults, wire):
    """A response that is cut in two is followed by the end of the link."""
    faults.script("half_response")
    wire.send(SUBMIT, submit_body())
    heard = b"".join(iter(lambda: wire.socket.recv(100), b""))

    assert 8 <= len(heard) < 16


def test_garbage_comes_in_place_of_the_response(faults, wire):
    """The octets can be no PDU: the length that they begin with is impossible."""
    faults.script("garbage")
    wire.send(SUBMIT, submit_body())

    assert wire.socket.recv(100)[0] == 0xFF


def test_huge_length_comes_in_place_of_the_response(faults, wire):
    """The header promises two gigabytes."""
    faults.script("huge_length")
    wire.send(SUBMIT, submit_body())

    assert wire.socket.recv(100) == bytes.fromhex("7fffffff800000040000000000000002")


@pytest.mark.parametrize(("asked", "body", "other"), [(SUBMIT, submit_body(), DELIVER), (ENQUIRE, b"", DELIVER)])
def test_response_has_a_wrong_command(faults, wire, asked, body, other):
    """It has the right sequence number and status, and is another response."""
    faults.script("wrong_command", command=None)

    assert wire.ask(asked, body).command == other | RESPONSE


def test_stray_response_comes_first(server, faults, wire):
    """A response to a sequence number that was never sent names another message; the right one follows."""
    faults.script("wrong_sequence")
    number = wire.send(SUBMIT, submit_body())
    stray, right = wire.read(), wire.read()

    assert (stray.command, stray.text, right.sequence) == (ANSWER, "STRAY", number)
    assert stray.sequence - number > 1_000_000
    assert right.text == server.simulator.ledger.messages[0].call_id


def test_response_comes_twice(faults, wire):
    """The same response, octet for octet."""
    faults.script("twice")
    wire.send(SUBMIT, submit_body())

    assert wire.read() == wire.read()


def test_responses_come_out_of_order(faults, wire):
    """A response waits for the next one, or for so long; each names its own message."""
    faults.slow_s = 0.05
    faults.script("out_of_order", times=1)
    faults.script("out_of_order", times=1, after=2)
    numbers = [wire.send(SUBMIT, submit_body()) for _ in range(4)]
    heard = [wire.read() for _ in range(4)]

    assert [each.sequence for each in heard] == [numbers[1], numbers[0], numbers[2], numbers[3]]
    assert len({each.text for each in heard}) == 4


def test_slow_response_comes_later(server, faults, wire):
    """The message is accepted at once and answered after the others."""
    faults.slow_s = 0.05
    faults.script("slow")
    numbers = [wire.send(SUBMIT, submit_body()) for _ in range(2)]
    first = wire.read()

    assert len(server.simulator.ledger.messages) == 2
    assert [first.sequence, wire.read().sequence] == numbers[::-1]


def test_slow_response_of_a_dead_link_is_forgotten(server, faults):
    """A client that does not wait leaves nothing behind."""
    faults.slow_s = 30
    faults.script("slow")
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.send(SUBMIT, submit_body())
    until(lambda: server.simulator.ledger.messages)
    server.stop()


async def test_response_comes_in_fragments():
    """Octet by octet, a turn of the loop between each; what is answered meanwhile waits behind it."""
    gateway = Simulator(seed=7)
    gateway.smsc.faults.script("fragments", times=2)
    orders = b"".join(pdu(SUBMIT, number, submit_body()) for number in (2, 3, 4))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with smsc.listening(gateway.smsc, listener):  # in the loop of the client, so that they take turns
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(pdu(TRANSCEIVER, 1, bind_body()) + orders)
            pieces = [await reader.read(100)]
            while sum(map(len, pieces)) < 34 + 3 * 29:
                pieces.append(await reader.read(100))
            writer.close()

    assert len(pieces) > 29
    heard = b"".join(pieces)[34:]
    assert [heard[at : at + 16] for at in (0, 29, 58)] == [
        struct.pack(">IIII", 29, ANSWER, 0, number) for number in (2, 3, 4)
    ]


def test_response_comes_glued_to_others(faults, wire):
    """Three PDUs in one piece: the response is the one in the middle."""
    faults.script("glued")
    number = wire.send(SUBMIT, submit_body())
    heard = [wire.read() for _ in range(3)]

    assert [each.command for each in heard] == [ENQUIRE, ANSWER, ENQUIRE]
    assert heard[1].sequence == number


def test_server_unbinds(server, faults, wire):
    """The response, then unbind; what comes meanwhile is taken, no receipt is told, and the link ends when agreed."""
    faults.script("unbind")
    numbers = [wire.send(SUBMIT, submit_body(receipt=1)) for _ in range(2)]
    heard = [wire.read() for _ in range(3)]
    unbind = next(each for each in heard if each.command == UNBIND)
    assert {each.sequence for each in heard if each.command == ANSWER} == set(numbers)
    until(lambda: len(server.simulator.smsc.waiting["demo"]) == 2)
    wire.send(UNBIND | RESPONSE, sequence=unbind.sequence)

    assert wire.ended()


def test_server_does_not_wait_for_an_unbind_for_ever(server, faults, wire):
    """An unbind that is not answered ends the link too."""
    server.simulator.smsc.settings.timeout_s = 0.05
    faults.script("unbind")
    wire.ask(SUBMIT, submit_body())

    assert wire.read().command == UNBIND
    assert wire.ended()


def test_receipt_comes_before_the_response(server, faults, wire):
    """The message is final at once, and its receipt is the first that the client hears of its id."""
    server.simulator.pin(NUMBER, latency_s=3600)
    faults.script("receipt_first")
    wire.send(SUBMIT, submit_body(receipt=1))
    receipt, response = wire.read(), wire.read()

    assert (receipt.command, response.command) == (DELIVER, ANSWER)
    assert response.text.encode() in receipt.body


def test_receipts_come_twice(faults, wire):
    """Two receipts of one message, equal but for their sequence numbers."""
    faults.script("receipt_twice")
    wire.ask(SUBMIT, submit_body(receipt=1))
    first, second = wire.read(), wire.read()

    assert first.body == second.body
    assert first.sequence != second.sequence


def test_receipt_comes_late():
    """Later than the message was final, by so many seconds."""
    now = [1_795_478_400.0]
    gateway = Simulator(seed=7, median_latency_s=0, clock=lambda: now[0], smpp_faults=SmscFaults(late_s=600))
    gateway.smsc.faults.script("receipt_late")
    with SimulatorServer(gateway) as server, Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.ask(SUBMIT, submit_body(receipt=1))
        now[0] += 599
        wire.ask(SUBMIT, submit_body(receipt=1, to="306970000005"))
        assert b"306970000005" in wire.read().body
        now[0] += 1
        assert NUMBER.encode() in wire.read().body


def test_one_segment_of_a_message_is_not_delivered(server, faults, wire):
    """The fault makes one segment fail: its message is not delivered, the other segment is."""
    faults.script("undeliverable", after=1)
    for number in (1, 2):
        wire.send(SUBMIT, submit_body(part(b"a", number, 2), esm=0x40, receipt=1))
    receipts = [each for each in (wire.read() for _ in range(4)) if each.command == DELIVER]

    assert [b"stat:DELIVRD" in each.body for each in receipts] == [True, False]
    assert server.simulator.ledger.messages[0].status == "Failed"


@pytest.mark.parametrize("kind", ["receipt_first", "receipt_twice", "undeliverable", "unbind"])
def test_fault_of_receipts_leaves_other_commands_alone(faults, wire, kind):
    """What makes no sense for a command does nothing to its response."""
    faults.script(kind, command="enquire_link")

    assert wire.ask(ENQUIRE) == (ENQUIRE | RESPONSE, 0, 2, b"")


def test_receipt_is_answered_with_data_sm_resp(server, wire):
    """A receipt in data_sm is answered by data_sm_resp; a response to nothing is passed over."""
    server.simulator.smsc.settings.change({"receipt_command": "data_sm"})
    wire.ask(SUBMIT, submit_body(receipt=1))
    heard = wire.read()
    wire.send(DATA | RESPONSE, b"\0", sequence=heard.sequence + 5)
    wire.send(SUBMIT | RESPONSE, b"\0", sequence=heard.sequence)
    wire.acknowledge(heard)

    assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE
    assert [receipt.status for receipt in server.simulator.ledger.receipts] == [0]


# Rates and scripts


def test_rates_are_shares_and_seeded():
    """The n-th submit_sm meets the same fault for the same seed, about as often as the rate says; others meet none."""
    one, two = (SmscFaults({"throttle": 0.2, "twice": 0.1}, seed=3) for _ in range(2))
    drawn = [one.draw("submit_sm") for _ in range(2000)]
    counts = Counter(kind and kind[0] for kind in drawn)

    assert drawn == [two.draw("submit_sm") for _ in range(2000)]
    assert 340 < counts["throttle"] < 460
    assert 150 < counts["twice"] < 250
    assert {one.draw("query_sm") for _ in range(100)} == {None}


def test_one_rate_is_every_kinds():
    """A single number is the rate of each kind."""
    faults = SmscFaults(1 / len(SmscFault))

    assert {faults.draw("submit_sm")[0] for _ in range(2000)} == set(SmscFault)


def test_script_goes_before_the_rates():
    """A script is used up in its order, then the rates hold again, until all is cleared."""
    faults = SmscFaults({"twice": 1.0})
    faults.script("refuse", times=2, status=0x14)
    faults.script("throttle", command=None)
    drawn = [faults.draw("submit_sm") for _ in range(4)]
    faults.clear()

    assert [(kind.value, status) for kind, status in drawn] == [
        ("refuse", 20),
        ("refuse", 20),
        ("throttle", 8),
        ("twice", 8),
    ]
    assert faults.draw("submit_sm") is None
    assert faults.pending is False


@pytest.mark.parametrize("rates", [{"throttle": 1.5}, {"throttle": -0.1}, {"throttle": 0.6, "twice": 0.6}, 0.5])
def test_rates_that_are_no_shares_are_refused(rates):
    """Shares lie between 0 and 1, each and together."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        SmscFaults(rates)


def test_unknown_words_are_told():
    """A kind or command that does not exist is an error that names those that do."""
    with pytest.raises(ValueError, match="'explode' is no fault of the sandbox's SMSC; there are cut_before_accept, "):
        SmscFaults({"explode": 0.1})
    with pytest.raises(ValueError, match=r"'send' is no command of SMPP 3\.4; there are bind_receiver, "):
        SmscFaults().script("twice", command="send")


def test_every_kind_at_once_loses_no_count(server, faults):
    """Under all faults at a rate, what the ledger charged is what it accepted, and every number at most as often."""
    faults.set(dict.fromkeys(SmscFault, 0.03))
    faults.slow_s = faults.late_s = 0.01
    sent = 0
    while sent < 300:
        with Wire(server.smpp_url, TRANSCEIVER) as wire:
            try:
                while sent < 300:
                    sent += 1
                    wire.send(SUBMIT, submit_body(receipt=1, to=f"30697{sent:07d}"))
            except ConnectionError:
                continue
            wire.ended()

    server.stop()
    ledger = server.simulator.ledger
    assert ledger.charged() == len(ledger.charges) == len(ledger.segments) == len(ledger.messages) <= 300
    assert set(ledger.times_charged().values()) == {1}
