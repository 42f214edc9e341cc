"""Receipts of the sandbox's SMSC: what they say, when they come, and that none is lost."""

import pytest

from isms_data.simulator import Simulator, SimulatorServer
from tests.peers import until
from tests.smsc_wire import (
    DATA,
    DELIVER,
    ENQUIRE,
    NACK,
    NUMBER,
    RECEIVER,
    RESPONSE,
    SUBMIT,
    TRANSCEIVER,
    TRANSMITTER,
    Clock,
    Wire,
    bind_body,
    cancel_body,
    fields,
    part,
    receipt_of,
    submit,
    submit_body,
    tlv,
)


@pytest.fixture
def server():
    """A sandbox whose messages are final at once."""
    with SimulatorServer(Simulator(seed=7, median_latency_s=0)) as running:
        yield running


@pytest.fixture
def clock():
    """The time of `gateway`."""
    return Clock()


@pytest.fixture
def gateway(clock):
    """A sandbox without sockets whose clock stands still."""
    return Simulator(seed=7, median_latency_s=60, clock=clock)


def test_receipt_says_it_in_text_and_parameters(server):
    """A receipt comes from the number, to the sender, with the state in both forms and the client's own reference."""
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        message_id = wire.ask(SUBMIT, submit_body(receipt=1, tlvs=tlv(0x0204, b"\x12\x34"))).text
        heard = wire.read()
        wire.acknowledge(heard)

    esm, text, tlvs = receipt_of(heard)
    assert heard.body.startswith(b"\0\x01\x01" + NUMBER.encode() + b"\0\x05\0MyShop\0\x04\0\0\0\0\0\0\0\0")
    assert esm == 0x04
    assert tlvs == {0x001E: message_id.encode() + b"\0", 0x0427: b"\x02", 0x0204: b"\x12\x34"}
    assert fields(text.decode()) | {"submit_date": "", "done_date": ""} == {
        "id": message_id, "sub": "001", "dlvrd": "001", "submit_date": "", "done_date": "", "stat": "DELIVRD",
        "err": "000", "Text": "Hello",
    }  # fmt: skip
    until(lambda: [receipt.status for receipt in server.simulator.ledger.receipts] == [0])


@pytest.mark.parametrize(
    ("kind", "word", "state", "error"),
    [
        ("absent", "EXPIRED", 3, 27),
        ("dead", "UNDELIV", 5, 1),
        ("barred", "UNDELIV", 5, 13),
        ("nonsense", "REJECTD", 8, 1),
    ],
)
def test_receipt_of_a_failure_says_why(server, kind, word, state, error):
    """What becomes of a message is what becomes of it over HTTP, in the words and codes of SMPP."""
    numbers = (f"3069700{number:05d}" if kind != "nonsense" else "99900000000" for number in range(10_000))
    world = server.simulator.world
    number = next(n for n in numbers if world.subscriber(n).kind == kind and world.message_fate(n).status == "Failed")
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        assert wire.ask(SUBMIT, submit_body(receipt=1, to=number)).status == 0
        _esm, text, tlvs = receipt_of(wire.read())

    told = fields(text.decode())
    assert (told["stat"], told["err"], told["dlvrd"]) == (word, f"{error:03d}", "000")
    assert (tlvs[0x0427], tlvs[0x0423]) == (bytes([state]), b"\x03" + error.to_bytes(2, "big"))
    assert server.simulator.ledger.messages[0].status == "Failed"


@pytest.mark.parametrize(
    ("form", "has_text", "has_tlvs"), [("both", True, True), ("text", True, False), ("tlv", False, True)]
)
@pytest.mark.parametrize("command", ["deliver_sm", "data_sm"])
def test_receipt_has_the_form_that_is_set(server, form, has_text, has_tlvs, command):
    """Servers tell by text, by parameters or both, in deliver_sm or data_sm."""
    server.simulator.smsc.settings.change({"receipts": form, "receipt_command": command})
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.ask(SUBMIT, submit_body(receipt=1))
        heard = wire.read()

    assert heard.command == (DATA if command == "data_sm" else DELIVER)
    assert (b"stat:DELIVRD" in heard.body) is has_text
    assert (b"\x04\x27\x00\x01\x02" in heard.body) is has_tlvs
    assert (b"\x04\x24\x00" in heard.body) is (command == "data_sm" and has_text)


def test_receipt_of_an_older_client_is_text_only(server):
    """A client of SMPP 3.3 reads no optional parameters and knows no data_sm."""
    server.simulator.smsc.settings.change({"receipts": "tlv", "receipt_command": "data_sm"})
    with (
        Wire(server.smpp_url, TRANSMITTER, version=0x33) as sending,
        Wire(server.smpp_url, RECEIVER, version=0) as wire,
    ):
        sending.ask(SUBMIT, submit_body(receipt=1))
        heard = wire.read()

    _esm, text, tlvs = receipt_of(heard)
    assert (heard.command, tlvs) == (DELIVER, {})
    assert b"stat:DELIVRD" in text


@pytest.mark.parametrize(
    ("asked", "delivered", "states"),
    [
        (0x00, True, []),
        (0x01, True, ["DELIVERED"]),
        (0x01, False, ["UNDELIVERABLE"]),
        (0x02, True, []),
        (0x02, False, ["UNDELIVERABLE"]),
        (0x10, True, ["ENROUTE"]),
        (0x11, True, ["ENROUTE", "DELIVERED"]),
    ],
)
def test_receipts_are_those_that_were_asked_for(gateway, clock, asked, delivered, states):
    """registered_delivery: none, each, failures only, and a note on the way; each when it is time."""
    gateway.pin(NUMBER, reply="Delivered" if delivered else "Failed")
    submit(gateway, receipt=asked)
    gateway.smsc.due()
    assert not gateway.smsc.waiting["demo"]

    clock.now += 300 * 60
    gateway.smsc.due()
    assert [receipt.state.name for receipt in gateway.smsc.waiting["demo"]] == states


def test_note_on_the_way_is_marked_as_such(server):
    """An intermediate notification has an esm_class of its own."""
    server.simulator.pin(NUMBER, latency_s=0.1)
    server.simulator.world.median_latency_s = 1
    server.simulator.pin(NUMBER, latency_s=0.1)
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.ask(SUBMIT, submit_body(receipt=0x11))
        heard = [receipt_of(wire.read()) for _ in range(2)]

    assert [(esm, tlvs[0x0427]) for esm, _text, tlvs in heard] == [(0x20, b"\x01"), (0x04, b"\x02")]


def test_receipt_of_a_cancelled_message_says_deleted(gateway, clock):
    """Who asked for a receipt hears that the message was taken back, and nothing later."""
    message_id = submit(gateway, receipt=1, schedule="261125000000000+")
    gateway.smsc.cancel(gateway.accounts["demo"], cancel_body(message_id))
    clock.now += 7 * 86_400
    gateway.smsc.due()

    assert [receipt.state.name for receipt in gateway.smsc.waiting["demo"]] == ["DELETED"]


def test_receipts_of_a_long_message_are_one_for_each_segment(server):
    """Each segment that asked is told of, under its own id."""
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.send(SUBMIT, submit_body(part(b"a", 1, 2), esm=0x40, receipt=1))
        wire.send(SUBMIT, submit_body(part(b"b", 2, 2), esm=0x40, receipt=1))
        heard = [wire.read() for _ in range(4)]

    told = [receipt_of(each)[2][0x001E].decode().rstrip("\0") for each in heard if each.command == DELIVER]
    assert tuple(told) == server.simulator.ledger.messages[0].segment_ids


def test_receipts_wait_for_a_receiver(server):
    """A transmitter gets none; the receiver that binds later gets them, those of its own account only."""
    server.simulator.add_account("other", "secret", credits=1, smpp_password="other")
    with Wire(server.smpp_url, TRANSMITTER) as wire, Wire(server.smpp_url) as other:
        message_id = wire.ask(SUBMIT, submit_body(receipt=1)).text
        assert other.ask(TRANSCEIVER, bind_body("other", "other")).status == 0
        until(lambda: server.simulator.smsc.waiting["demo"])
        with Wire(server.smpp_url, RECEIVER) as receiver:
            heard = receiver.read()
        assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE
        assert other.ask(ENQUIRE).command == ENQUIRE | RESPONSE

    assert message_id.encode() in heard.body


@pytest.mark.parametrize("status", [0x64, 0x14, 0x08])
def test_receipt_that_is_refused_comes_again(server, status):
    """Only ESME_ROK ends it; each attempt is in the ledger."""
    server.simulator.smsc.settings.repeat_after_s = 0.01
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.ask(SUBMIT, submit_body(receipt=1))
        first = wire.read()
        wire.acknowledge(first, status)
        second = wire.read()
        wire.send(NACK, sequence=second.sequence, status=0x03)
        third = wire.read()
        wire.acknowledge(third)
        assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE

    assert first.body == second.body == third.body
    assert len({first.sequence, second.sequence, third.sequence}) == 3
    attempts = [(receipt.attempt, receipt.status) for receipt in server.simulator.ledger.receipts]
    assert attempts == [(1, status), (2, 0x03), (3, 0)]


def test_receipt_without_an_answer_comes_again(server):
    """Left unanswered, or the link gone: it comes again, on whichever link there is."""
    settings = server.simulator.smsc.settings
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.ask(SUBMIT, submit_body(receipt=1))
        first = wire.read()
    with Wire(server.smpp_url, RECEIVER) as wire:
        second = wire.read()
        settings.repeat_after_s = settings.timeout_s = 0.05
        third = wire.read()
        wire.acknowledge(third)
        wire.acknowledge(third)
        assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE

    assert first.body == second.body == third.body
    assert [receipt.status for receipt in server.simulator.ledger.receipts] == [None, None, 0]


def test_receipt_window_is_held(server):
    """No more receipts are under way on a bind than the window has room for; an answer makes room."""
    server.simulator.smsc.settings.receipt_window = 2
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        for _ in range(5):
            wire.ask(SUBMIT, submit_body())
        for _ in range(5):
            wire.send(SUBMIT, submit_body(receipt=1))
        heard = [wire.read() for _ in range(7)]
        receipts = [each for each in heard if each.command == DELIVER]
        until(lambda: len(server.simulator.smsc.waiting["demo"]) == 3)
        assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE
        wire.acknowledge(receipts[1])
        assert wire.read().command == DELIVER
        assert wire.ask(ENQUIRE).command == ENQUIRE | RESPONSE

    assert len(receipts) == 2


def test_receipts_are_shared_by_the_binds(server):
    """Several receivers of one account share the receipts, none gets what another has."""
    server.simulator.smsc.settings.receipt_window = 3
    with Wire(server.smpp_url, TRANSCEIVER) as one, Wire(server.smpp_url, RECEIVER) as two:
        for number in range(6):
            one.send(SUBMIT, submit_body(receipt=1, to=f"30697000000{number}"))
        first = [each for each in (one.read() for _ in range(9)) if each.command == DELIVER]
        second = [two.read() for _ in range(3)]

    assert len({receipt_of(each)[2][0x001E] for each in first + second}) == 6
