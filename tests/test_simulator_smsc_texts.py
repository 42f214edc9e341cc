"""What the sandbox's SMSC takes and refuses, reads, puts together and charges."""

import gsm0338
import pytest
import smpplib.client
import smpplib.gsm
from hypothesis import given
from hypothesis import strategies as st

from isms_data.simulator import Simulator, SimulatorServer
from isms_data.simulator.smsc_codec import Rejected, Status
from isms_data.simulator.smsc_desk import Asker
from isms_data.simulator.smsc_text import Alphabet, decode, moment
from tests.smsc_wire import (
    GREEK,
    NOW,
    NUMBER,
    SUBMIT,
    TRANSCEIVER,
    Clock,
    Wire,
    part,
    query_body,
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


def refusal(gateway, *args, **kwargs):
    """The name of the status with which a submit_sm is refused."""
    with pytest.raises(Rejected) as refused:
        submit(gateway, *args, **kwargs)
    return Status(refused.value.status).name


# What is refused


@pytest.mark.parametrize(
    ("status", "changed"),
    [
        ("ESME_RINVSERTYP", {"service": "ABC"}),
        ("ESME_RINVSERTYP", {"service": "ABCDEF"}),
        ("ESME_RINVSRCTON", {"ton": 7}),
        ("ESME_RINVSRCNPI", {"npi": 2}),
        ("ESME_RINVSRCADR", {"sender": ""}),
        ("ESME_RINVSRCADR", {"sender": "TwelveLetter"}),
        ("ESME_RINVSRCADR", {"sender": "ΑΒ".encode().decode("latin-1")}),
        ("ESME_RINVSRCADR", {"sender": "1" * 21}),
        ("ESME_RINVSRCADR", {"sender": "1" * 12, "ton": 5}),
        ("ESME_RINVSRCADR", {"sender": "MyShop", "ton": 1}),
        ("ESME_RINVSRCADR", {"sender": "MyShop", "ton": 0}),
        ("ESME_RINVSRCADR", {"sender": "12345", "ton": 1}),
        ("ESME_RINVDSTTON", {"to_ton": 2}),
        ("ESME_RINVDSTTON", {"to_ton": 5}),
        ("ESME_RINVDSTNPI", {"to_npi": 8}),
        ("ESME_RINVDSTADR", {"to": "+306970000004"}),
        ("ESME_RINVDSTADR", {"to": "3069700"}),
        ("ESME_RINVDSTADR", {"to": "3" * 16}),
        ("ESME_RINVDSTADR", {"to": ""}),
        ("ESME_RINVDSTADR", {"to": "30697000000²"}),
        ("ESME_RINVDSTADR", {"to": "3" * 21}),
        ("ESME_RINVESMCLASS", {"esm": 0x01}),
        ("ESME_RINVESMCLASS", {"esm": 0x02}),
        ("ESME_RINVESMCLASS", {"esm": 0x04}),
        ("ESME_RINVESMCLASS", {"esm": 0x80}),
        ("ESME_RINVPRTFLG", {"priority": 4}),
        ("ESME_RINVSCHED", {"schedule": "261124"}),
        ("ESME_RINVSCHED", {"schedule": "261332000000000+"}),
        ("ESME_RINVSCHED", {"schedule": "261125000000049+"}),
        ("ESME_RINVSCHED", {"schedule": "261123235959000+"}),
        ("ESME_RINVSCHED", {"schedule": "tomorrow at noon"}),
        ("ESME_RINVEXPIRY", {"validity": "261123235959000+"}),
        ("ESME_RINVEXPIRY", {"validity": "2d"}),
        ("ESME_RINVEXPIRY", {"schedule": "000000020000000R", "validity": "000000010000000R"}),
        ("ESME_RINVREGDLVFLG", {"receipt": 0x03}),
        ("ESME_RINVREGDLVFLG", {"receipt": 0x20}),
        ("ESME_RINVREPFLAG", {"replace": 1}),
        ("ESME_RINVDFTMSGID", {"canned": 1}),
        ("ESME_RINVDCS", {"coding": 1}),
        ("ESME_RINVDCS", {"coding": 2}),
        ("ESME_RINVDCS", {"coding": 4}),
        ("ESME_RINVDCS", {"coding": 0x14}),
        ("ESME_RINVDCS", {"coding": 0xF4}),
        ("ESME_ROPTPARNOTALLWD", {"tlvs": tlv(0x0424, b"twice")}),
        ("ESME_ROPTPARNOTALLWD", {"tlvs": tlv(0x0427, b"\x02")}),
        ("ESME_RINVPARLEN", {"tlvs": tlv(0x0204, b"\x02")}),
        ("ESME_RINVOPTPARSTREAM", {"tlvs": b"\x02\x04\x00"}),
        ("ESME_RINVOPTPARSTREAM", {"tlvs": b"\x02\x04\x00\x02\x01"}),
        ("ESME_RMISSINGOPTPARAM", {"tlvs": tlv(0x020C, b"\0\x01") + tlv(0x020E, b"\x02")}),
        ("ESME_RINVOPTPARAMVAL", {"tlvs": tlv(0x020C, b"\0\x01") + tlv(0x020E, b"\x02") + tlv(0x020F, b"\x03")}),
        ("ESME_RINVOPTPARAMVAL", {"tlvs": tlv(0x020C, b"\0\x01") + tlv(0x020E, b"\x02") + tlv(0x020F, b"\x00")}),
    ],
)
def test_submit_is_refused_field_by_field(gateway, status, changed):
    """Each field that the standard or the provider forbids has its own refusal, and costs nothing."""
    assert refusal(gateway, **changed) == status
    assert gateway.ledger.charges == gateway.ledger.segments == gateway.ledger.messages == []


@pytest.mark.parametrize(
    ("status", "text", "changed"),
    [
        ("ESME_RINVMSGLEN", b"a" * 161, {}),
        ("ESME_RINVMSGLEN", b"\x1b\x65" * 80 + b"a", {}),
        ("ESME_RINVMSGLEN", b"a" * 255, {}),
        ("ESME_RINVMSGLEN", b"\x03\xb1" * 71, {"coding": 8}),
        ("ESME_RINVMSGLEN", b"\x03\xb1\x03", {"coding": 8}),
        ("ESME_RINVMSGLEN", b"{" * 81, {"coding": 3}),
        ("ESME_RINVMSGLEN", b"\xe7" * 71, {"coding": 3}),  # ç is no letter of the default alphabet
        ("ESME_RINVMSGLEN", part(b"a" * 154, 1, 2), {"esm": 0x40}),
        ("ESME_RINVMSGLEN", part(b"a" * 153, 1, 2, wide=True), {"esm": 0x40}),
        ("ESME_RINVMSGLEN", part(b"\x03\xb1" * 68, 1, 2), {"esm": 0x40, "coding": 8}),
        ("ESME_RINVESMCLASS", b"", {"esm": 0x40}),
        ("ESME_RINVESMCLASS", b"\x05\x00\x03", {"esm": 0x40}),
        ("ESME_RINVESMCLASS", b"\x01\x00", {"esm": 0x40}),
        ("ESME_RINVESMCLASS", b"\x02\x00\x03ab", {"esm": 0x40}),
        ("ESME_RINVESMCLASS", part(b"a", 3, 2), {"esm": 0x40}),
        ("ESME_RINVESMCLASS", part(b"a", 0, 2), {"esm": 0x40}),
        ("ESME_RINVESMCLASS", b"\x04\x00\x02\x01\x01a", {"esm": 0x40}),
    ],
)
def test_text_that_does_not_fit_is_refused(gateway, status, text, changed):
    """One short message carries 140 octets, its header included; a header must say what it promises."""
    assert refusal(gateway, text, **changed) == status


def test_sar_and_header_together_are_refused(gateway):
    """A part is named once."""
    sar = tlv(0x020C, b"\0\x01") + tlv(0x020E, b"\x02") + tlv(0x020F, b"\x01")

    assert refusal(gateway, part(b"a", 1, 2), esm=0x40, tlvs=sar) == "ESME_ROPTPARNOTALLWD"
    assert refusal(gateway, b"a" * 154, tlvs=sar) == "ESME_RINVMSGLEN"
    assert submit(gateway, b"a" * 153, tlvs=sar)


@pytest.mark.parametrize("cut", range(1, len(submit_body(b"")) - 1))
def test_body_that_is_cut_off_is_refused(gateway, cut):
    """A body that ends within a mandatory field is refused, wherever it ends."""
    with pytest.raises(Rejected) as refused:
        gateway.smsc.submit(Asker(gateway.accounts["demo"], 1, 1), submit_body(b"")[:cut])

    assert refused.value.status == 0x02
    assert gateway.ledger.segments == []


def test_length_beyond_the_body_is_refused(gateway):
    """sm_length promises no more than there is."""
    with pytest.raises(Rejected) as refused:
        gateway.smsc.submit(Asker(gateway.accounts["demo"], 1, 1), submit_body(b"Hello")[:-1])

    assert refused.value.status == 0x01


@pytest.mark.parametrize(
    "changed",
    [
        {"service": "CMT"},
        {"ton": 1, "npi": 1, "sender": "306900000001"},
        {"ton": 3, "sender": "54321"},
        {"ton": 0, "sender": "12345"},
        {"to_ton": 0, "to_npi": 0},
        {"esm": 0x03, "priority": 3},
        {"receipt": 0x1E},
        {"tlvs": tlv(0x1400, b"vendor") + tlv(0x0204, b"\0\x07")},
        {"schedule": "261125093000008+", "validity": "261126093000008+"},
    ],
)
def test_submit_is_taken(gateway, changed):
    """What the standard allows is taken; optional parameters that nobody knows are passed over."""
    assert submit(gateway, **changed) == gateway.ledger.messages[0].call_id


# Texts


def test_default_alphabet_is_the_oracles():
    """Every code, escaped or not, is the character that an independent table has."""
    codec = gsm0338.Codec()

    for code in set(range(128)) - {0x1B}:
        assert decode(bytes([code]), Alphabet.GSM) == codec.decode(bytes([code]))[0]
    assert decode(bytes.fromhex("1b0a1b141b281b291b2f1b3c1b3d1b3e1b401b65"), Alphabet.GSM) == "\f^{}\\[~]|€"
    assert decode(bytes.fromhex("1b1b1b411b"), Alphabet.GSM) == " A�"


@pytest.mark.parametrize(
    ("coding", "octets", "text", "flash"),
    [
        (0x00, b"\x00Hi \x1b\x65\x10", "@Hi €Δ", False),
        (0x03, b"na\xefve \xa3", "naïve £", False),
        (0x08, GREEK.encode("utf-16-be"), GREEK, False),
        (0x10, b"Now!", "Now!", True),
        (0x11, b"Later", "Later", False),
        (0x18, "Τώρα".encode("utf-16-be"), "Τώρα", True),
        (0xF0, b"Now!", "Now!", True),
        (0x00, b"\xce\x93", "��", False),
    ],
)
def test_text_is_read_in_its_alphabet(gateway, coding, octets, text, flash):
    """data_coding says which alphabet it is and whether it is flash; what is no character is not passed over."""
    submit(gateway, octets, coding=coding)

    assert (gateway.ledger.messages[0].text, gateway.ledger.messages[0].flash) == (text, flash)
    assert gateway.ledger.segments[0].body == submit_body(octets, coding=coding)


@given(st.text(st.sampled_from("aΩ€{}\n£ ñ"), max_size=300), st.permutations(range(5)), st.integers(0, 255))
def test_long_message_is_put_together_in_any_order(text, order, reference):
    """The parts that an independent encoder cut give the text back, whichever comes first."""
    gateway = Simulator(seed=7)
    parts, coding, esm = smpplib.gsm.make_parts(text)
    stamped = [bytes(each) for each in parts]
    if len(stamped) > 1:
        stamped = [each[:3] + bytes([reference]) + each[4:] for each in stamped]
    for number in order:
        if number < len(stamped):
            assert len(gateway.ledger.messages) == 0
            submit(gateway, stamped[number], coding=coding, esm=esm)

    (message,) = gateway.ledger.messages
    assert message.text == text
    assert len(message.parts) == len(message.segment_ids) == len(stamped)
    assert sum(segment.charged for segment in gateway.ledger.segments) == gateway.ledger.charged() == len(stamped)
    assert gateway.ledger.times_charged() == {NUMBER: 1}
    assert gateway.smsc.incomplete == 0


def test_header_of_another_kind_is_no_part(gateway):
    """Ports or anything else in a header take their room, and the message is whole."""
    submit(gateway, bytes.fromhex("060504158200000048690a")[:9] + b"Hi", esm=0x40)

    assert gateway.ledger.messages[0].text.endswith("Hi")
    assert gateway.ledger.segments[0].parts == 1


def test_part_that_comes_twice_is_noted_and_charged(gateway):
    """A repeated part costs again, is one more time that the number was charged, and adds nothing to the text."""
    for number in (1, 1, 2):
        submit(gateway, part(b"ab"[number - 1 : number], number, 2), esm=0x40)

    assert [segment.repeated for segment in gateway.ledger.segments] == [False, True, False]
    assert [message.text for message in gateway.ledger.messages] == ["ab"]
    assert gateway.ledger.charged() == 3
    assert gateway.ledger.times_charged() == {NUMBER: 2}


def test_references_are_told_apart(gateway):
    """Parts belong together by account, sender, recipient, kind of reference, reference and total."""
    sar = tlv(0x020C, b"\0\x07") + tlv(0x020E, b"\x02") + tlv(0x020F, b"\x02")
    gateway.add_account("other", "secret", credits=10)
    submit(gateway, part(b"a", 1, 2), esm=0x40)
    submit(gateway, part(b"b", 2, 3), esm=0x40)
    submit(gateway, part(b"b", 2, 2, wide=True), esm=0x40)
    submit(gateway, part(b"b", 2, 2, reference=8), esm=0x40)
    submit(gateway, part(b"b", 2, 2), esm=0x40, sender="Other")
    submit(gateway, part(b"b", 2, 2), esm=0x40, to="306970000005")
    submit(gateway, part(b"b", 2, 2), esm=0x40, account="other")
    submit(gateway, b"b", tlvs=sar)

    assert gateway.ledger.messages == []
    assert gateway.smsc.incomplete == 8
    submit(gateway, part(b"!", 2, 2), esm=0x40)
    assert [message.text for message in gateway.ledger.messages] == ["a!"]


def test_reference_can_be_used_again(gateway):
    """Once a message is whole its reference begins another: two messages to one number, and so it is counted."""
    for number in (1, 2, 1, 2):
        submit(gateway, part(b"ab"[number - 1 : number], number, 2), esm=0x40)

    assert [message.text for message in gateway.ledger.messages] == ["ab", "ab"]
    assert gateway.ledger.times_charged() == {NUMBER: 2}


def test_sar_segments_are_put_together(gateway):
    """The sar_... parameters do what a header does."""
    for number in (2, 1):
        submit(
            gateway,
            b"ab"[number - 1 : number],
            tlvs=tlv(0x020C, b"\x12\x34") + tlv(0x020E, b"\x02") + tlv(0x020F, bytes([number])),
        )

    assert [message.text for message in gateway.ledger.messages] == ["ab"]
    assert [(each.reference, each.part, each.parts) for each in gateway.ledger.segments] == [
        (0x1234, 2, 2),
        (0x1234, 1, 2),
    ]


@pytest.mark.parametrize(
    ("octets", "coding", "count"),
    [(b"a" * 160, 0, 1), (b"a" * 161, 0, 2), (GREEK.encode("utf-16-be") * 20, 8, 6), (b"\xe7" * 71, 3, 2)],
)
def test_message_payload_costs_what_it_takes(gateway, octets, coding, count):
    """A message_payload is one message with one id, charged for as many short messages as it takes on air."""
    submit(gateway, b"", coding=coding, tlvs=tlv(0x0424, octets))

    (message,) = gateway.ledger.messages
    assert len(message.parts) == count == gateway.ledger.charged()
    assert message.segment_ids == (message.call_id,)
    assert gateway.ledger.times_charged() == {NUMBER: 1}


def test_message_payload_has_its_limit(gateway):
    """No message has more than 255 parts."""
    assert refusal(gateway, b"", tlvs=tlv(0x0424, b"a" * (255 * 153 + 1))) == "ESME_RINVMSGLEN"
    assert submit(gateway, b"", tlvs=tlv(0x0424, b"a" * (255 * 153)))


# Times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("261124000000000+", 0.0),
        ("261124000001500+", 1.5),
        ("261124020000008+", 0.0),
        ("261123190000020-", 0.0),
        ("000000000000000R", 0.0),
        ("000007010203000R", 7 * 86_400 + 3723),
        ("000100000000000R", 30 * 86_400),
        ("010000000000000R", 365 * 86_400),
    ],
)
def test_time_is_read(text, seconds):
    """Absolute times know their distance from UTC in quarters of an hour, relative ones the calendar."""
    assert moment(text, NOW) == NOW + seconds


@pytest.mark.parametrize("text", ["", "261124000000000Z", "260230000000000+", "26112400000000+", "000000000000001R"])
def test_time_that_is_none_is_told(text):
    """Anything else is no time."""
    assert moment(text, NOW) is None


def test_scheduled_message_leaves_when_it_is_time(gateway, clock):
    """A scheduled message is charged at once and final only after its time."""
    message_id = submit(gateway, schedule="261125000000000+")
    account = gateway.accounts["demo"]
    message = gateway.ledger.messages[0]

    assert message.scheduled_for == NOW + 86_400
    assert gateway.ledger.charged() == 1
    clock.now = message.final_at - 0.001
    assert gateway.smsc.query(account, query_body(message_id)) == (message_id, None, 1, 0)
    clock.now = message.final_at
    assert gateway.smsc.query(account, query_body(message_id)) == (message_id, message.final_at, 2, 0)


def test_message_expires(gateway, clock):
    """A message that is not delivered within its validity period has expired when that ends."""
    gateway.pin(NUMBER, latency_s=3600)
    message_id = submit(gateway, validity="000000003000000R")
    clock.now += 1800

    assert gateway.ledger.messages[0].status == "Failed"
    assert gateway.smsc.query(gateway.accounts["demo"], query_body(message_id)) == (message_id, NOW + 1800, 3, 34)


# Money and rate


def test_message_that_cannot_be_paid_is_refused(gateway):
    """A message that the balance does not cover is refused, with the status that is set, and costs nothing."""
    gateway.accounts["demo"].credits = 2
    assert refusal(gateway, b"", tlvs=tlv(0x0424, b"a" * 400)) == "ESME_RSUBMITFAIL"
    gateway.smsc.settings.no_credits = 0x08
    assert refusal(gateway, b"", tlvs=tlv(0x0424, b"a" * 400)) == "ESME_RSYSERR"

    submit(gateway, b"", tlvs=tlv(0x0424, b"a" * 306))
    assert gateway.accounts["demo"].balance == 0


def test_charges_of_all_transports_are_in_one_ledger(gateway):
    """A number is charged once for each message, whichever way it came and however long it was."""
    http = {"username": "demo", "password": "sandbox-password", "from": "MyShop", "message": "a" * 161}
    gateway.handle("send.php", http | {"to": NUMBER})
    for number in (1, 2):
        submit(gateway, part(b"a", number, 2), esm=0x40, to="306970000005")
    submit(gateway)

    assert gateway.ledger.times_charged(kind="message") == {NUMBER: 2, "306970000005": 1}
    assert gateway.ledger.charged() == 5
    assert [message.transport for message in gateway.ledger.messages] == ["http", "smpp", "smpp"]
    assert len({charge.request for charge in gateway.ledger.charges}) == 4


def test_rate_holds_in_every_second(gateway, clock):
    """At most so many are taken in any second, over all binds of the account; what is throttled does not count."""
    gateway.smsc.settings.rate = 3
    gateway.add_account("other", "secret", credits=10)
    times = (0.0, 0.4, 0.8, 0.9, 0.999, 1.0, 1.3, 1.4, 1.7, 1.8)
    statuses = []
    for clock.now in (NOW + seconds for seconds in times):
        try:
            submit(gateway)
            statuses.append(0)
        except Rejected as refused:
            statuses.append(refused.status)

    assert statuses == [0, 0, 0, 0x58, 0x58, 0, 0x58, 0, 0x58, 0]
    assert submit(gateway, account="other")


def test_no_rate_takes_all(gateway):
    """Without a rate nothing is throttled."""
    gateway.smsc.settings.rate = None

    assert len({submit(gateway) for _ in range(1000)}) == 1000


def test_throttled_submit_is_counted(server):
    """Over the wire too, and the ledger knows how often."""
    server.simulator.smsc.settings.rate = 2
    with Wire(server.smpp_url, TRANSCEIVER) as one, Wire(server.smpp_url, TRANSCEIVER) as two:
        statuses = [wire.ask(SUBMIT, submit_body()).status for wire in (one, two, one, two)]

    assert statuses == [0, 0, 0x58, 0x58]
    assert server.simulator.ledger.smpp_statuses["submit_sm ESME_RTHROTTLED"] == 2
    assert server.simulator.ledger.request_counts["submit_sm"] == 4
    assert server.simulator.ledger.carried_out_counts["submit_sm"] == 2
