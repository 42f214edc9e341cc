"""The sandbox's SMSC against the standard: on the other side octets, smpplib and smpp34, never our client."""

import asyncio
import json
import socket
import ssl
import struct
import subprocess
import threading
import time
import warnings
from collections import Counter
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import smpp34
import smpplib.client
import smpplib.gsm

from isms_data.simulator import Simulator, SimulatorServer, smsc
from isms_data.simulator.smsc_codec import Rejected
from tests.smsc_wire import (
    CANCEL,
    DATA,
    DELIVER,
    ENQUIRE,
    GREEK,
    NACK,
    NOW,
    NUMBER,
    QUERY,
    RECEIVER,
    RESPONSE,
    SUBMIT,
    TRANSCEIVER,
    TRANSMITTER,
    UNBIND,
    Clock,
    Wire,
    bind_body,
    cancel_body,
    fields,
    pdu,
    query_body,
    receipt_of,
    submit,
    submit_body,
    tlv,
)


@pytest.fixture(scope="module")
def shared():
    """A sandbox for tests that leave nothing behind that another could trip over."""
    with SimulatorServer(Simulator(seed=7, median_latency_s=0, smpp_rate=None)) as server:
        yield server


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


# Binding


@pytest.mark.parametrize("mode", [RECEIVER, TRANSMITTER, TRANSCEIVER])
def test_bind_is_answered_with_name_and_version(shared, mode):
    """Each kind of bind gets the server's system_id and sc_interface_version."""
    with Wire(shared.smpp_url) as wire:
        answer = wire.ask(mode, bind_body())

    assert answer == (mode | RESPONSE, 0, 1, b"isms-sandbox\0" + tlv(0x0210, b"\x34"))


def test_bind_of_an_older_client_gets_no_optional_parameter(shared):
    """A client of SMPP 3.3 is sent nothing that it cannot read."""
    with Wire(shared.smpp_url) as wire:
        assert wire.ask(TRANSMITTER, bind_body(version=0x33)).body == b"isms-sandbox\0"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (bind_body("nobody"), 0x0F),
        (bind_body(word="sandbox2"), 0x0E),
        (bind_body("a" * 16), 0x0F),
        (bind_body(word="123456789"), 0x0E),
        (bind_body()[:-1], 0x02),
        (bind_body() + b"\0", 0x02),
        (b"demo\0sandbox1\0" + b"a" * 13 + b"\0\x34\0\0\0", 0x53),
        (b"demo\0sandbox1\0\0\x34\0\0" + b"1" * 41 + b"\0", 0x0D),
    ],
)
def test_bind_is_refused(shared, body, status):
    """A wrong name, password or field has its own status and no body, and the link stays for another try."""
    with Wire(shared.smpp_url) as wire:
        assert wire.ask(TRANSCEIVER, body) == (TRANSCEIVER | RESPONSE, status, 1, b"")
        assert wire.ask(TRANSCEIVER, bind_body()).status == 0


def test_bind_refusal_is_a_setting(server):
    """Servers that say no more than ESME_RBINDFAIL are imitated."""
    server.simulator.smsc.settings.bind_refusal = 0x0D
    with Wire(server.smpp_url) as wire:
        assert wire.ask(TRANSCEIVER, bind_body("nobody")).status == 0x0D
        assert wire.ask(TRANSCEIVER, bind_body(word="x")).status == 0x0D


def test_binds_of_one_account_are_many_or_limited(server):
    """An account binds as often as it likes, up to the limit where there is one; a link binds once."""
    server.simulator.smsc.settings.max_binds = 2
    with Wire(server.smpp_url, TRANSCEIVER) as one, Wire(server.smpp_url, RECEIVER), Wire(server.smpp_url) as third:
        assert third.ask(TRANSCEIVER, bind_body()).status == 0x05
        assert one.ask(RECEIVER, bind_body()).status == 0x05


@pytest.mark.parametrize("command", [SUBMIT, QUERY, CANCEL, ENQUIRE, UNBIND])
def test_command_before_the_bind_is_refused(shared, command):
    """Nothing but a bind is taken on an open link."""
    with Wire(shared.smpp_url) as wire:
        assert wire.ask(command) == (command | RESPONSE, 0x04, 1, b"")


@pytest.mark.parametrize("command", [SUBMIT, QUERY, CANCEL])
def test_receiver_may_not_send(shared, command):
    """A receiver is for receipts only."""
    with Wire(shared.smpp_url, RECEIVER) as wire:
        assert wire.ask(command, submit_body()).status == 0x04


def test_unbind_is_answered_and_ends_the_link(shared):
    """After its response the server hangs up."""
    with Wire(shared.smpp_url, TRANSCEIVER) as wire:
        assert wire.ask(UNBIND) == (UNBIND | RESPONSE, 0, 2, b"")
        assert wire.ended()


# The wire


@pytest.mark.parametrize("command", [0x07, 0x21, DATA, 0x0B, 0x99, DELIVER])
def test_command_that_is_not_offered_gets_a_nack(shared, command):
    """What the server does not know or offer is answered with generic_nack, ESME_RINVCMDID."""
    with Wire(shared.smpp_url, TRANSCEIVER) as wire:
        assert wire.ask(command) == (NACK, 0x03, 2, b"")


@pytest.mark.parametrize("length", [0, 15, 70_001, 0xFFFF_FFFF])
def test_impossible_length_ends_the_link(shared, length):
    """Where no PDU can begin the link ends with generic_nack, ESME_RINVCMDLEN."""
    with Wire(shared.smpp_url, TRANSCEIVER) as wire:
        wire.socket.sendall(struct.pack(">IIII", length, SUBMIT, 0, 2))

        assert wire.read() == (NACK, 0x02, 0, b"")
        assert wire.ended()


def test_pdus_are_found_in_any_cut(shared):
    """Octet by octet or many at once: each PDU is answered once, in order."""
    three = b"".join(pdu(SUBMIT, number, submit_body()) for number in (11, 12, 13))
    with Wire(shared.smpp_url, TRANSCEIVER) as wire:
        wire.socket.sendall(three)
        for octet in three:
            wire.socket.sendall(bytes([octet]))

        assert [wire.read()[:3] for _ in range(6)] == [(SUBMIT | RESPONSE, 0, n) for n in (11, 12, 13) * 2]


def test_enquire_link_and_unbind_have_no_body(shared):
    """A body where none belongs is ESME_RINVCMDLEN."""
    with Wire(shared.smpp_url, TRANSCEIVER) as wire:
        assert wire.ask(ENQUIRE, b"\0").status == 0x02
        assert wire.ask(UNBIND, b"\0").status == 0x02


def test_sequence_number_out_of_range_is_noted(server):
    """A sequence_number of 0 or above 0x7FFFFFFF is answered, and the ledger tells."""
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        for sequence in (0, 0x8000_0000):
            wire.send(ENQUIRE, sequence=sequence)
            assert wire.read().sequence == sequence

    assert server.simulator.ledger.smpp_statuses["sequence_number out of range"] == 2


def test_server_enquires_and_cuts_the_silent(server):
    """A silent client is asked whether it is there; one that answers stays, one that does not is cut."""
    settings = server.simulator.smsc.settings
    settings.enquire_s, settings.timeout_s = 0.05, 5.0
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        first = wire.read()
        wire.send(ENQUIRE | RESPONSE, sequence=first.sequence)
        second = wire.read()
        settings.timeout_s = 0.1

        assert (first.command, second.command) == (ENQUIRE, ENQUIRE)
        assert second.sequence != first.sequence
        assert wire.ended()


def test_link_that_does_not_bind_is_cut(server):
    """Who says nothing does not keep a link."""
    server.simulator.smsc.settings.timeout_s = 0.05
    with Wire(server.smpp_url) as wire:
        assert wire.ended()


# Ids, queries, cancelling


@pytest.mark.parametrize(
    ("form", "same"),
    [
        ("text", lambda sent, told: sent == told and sent.startswith("S")),
        ("decimal", lambda sent, told: sent == told and sent.isdecimal()),
        ("hexadecimal", lambda sent, told: sent == told and int(sent, 16)),
        ("hex_then_decimal", lambda sent, told: int(sent, 16) == int(told)),
        ("decimal_then_hex", lambda sent, told: int(sent) == int(told, 16)),
        ("padded", lambda sent, told: sent == told.lstrip("0") and len(told) == 20),
        ("other_case", lambda sent, told: sent.lower() == told),
    ],
)
def test_message_ids_have_the_form_that_is_set(server, form, same):
    """The id of the response and that of the receipt are the same in the way that the setting says."""
    server.simulator.smsc.settings.change({"ids": form})
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        sent = wire.ask(SUBMIT, submit_body(receipt=1)).text
        _esm, text, tlvs = receipt_of(wire.read())

    told = fields(text.decode())["id"]
    assert tlvs[0x001E] == told.encode() + b"\0"
    assert same(sent, told)


def test_message_ids_never_come_again():
    """Neither within a run nor in the next one of the same seed."""
    ids = [submit(gateway) for gateway in (Simulator(seed=7), Simulator(seed=7)) for _ in range(500)]

    assert len(set(ids)) == 1000


def test_query_is_answered(server):
    """query_sm tells state and time of a message to the account and sender that sent it, and to nobody else."""
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        message_id = wire.ask(SUBMIT, submit_body()).text
        answer = wire.ask(QUERY, query_body(message_id))
        strangers = [wire.ask(QUERY, query_body(*who)).status for who in ((message_id, "Other"), ("S1", "MyShop"))]

    final_at = time.strftime("%y%m%d%H%M%S", time.gmtime(server.simulator.ledger.messages[0].final_at))
    assert answer.body == f"{message_id}\0{final_at}000+\0\x02\0".encode()
    assert strangers == [0x67, 0x0C]


def test_query_of_another_account_finds_nothing(gateway):
    """An id is known to its own account only."""
    other = gateway.add_account("other", "secret", credits=1)
    message_id = submit(gateway)

    with pytest.raises(Rejected, match="12"):
        gateway.smsc.query(other, query_body(message_id))


def test_scheduled_message_is_cancelled(gateway, clock):
    """What has not left is taken back, named or by its ways; what has left is not; the money stays spent."""
    account = gateway.accounts["demo"]
    ids = [submit(gateway, schedule="261125000000000+") for _ in range(3)]
    submit(gateway, schedule="261125000000000+", to="306970000005")
    gateway.smsc.cancel(account, cancel_body(ids[0]))
    gateway.smsc.cancel(account, cancel_body(ids[1], to=""))
    gateway.smsc.cancel(account, cancel_body(""))
    clock.now = NOW + 7 * 86_400

    assert [each.message_id for each in gateway.ledger.cancellations] == ids
    assert [gateway.smsc.query(account, query_body(each))[2] for each in ids] == [4, 4, 4]
    assert gateway.ledger.charged() == 4


@pytest.mark.parametrize(
    ("status", "who"),
    [
        (0x0C, lambda _sent: ("S1",)),
        (0x11, lambda sent: (sent,)),
        (0x11, lambda sent: (sent, "Other")),
        (0x11, lambda sent: (sent, "MyShop", "306970000005")),
        (0x11, lambda _sent: ("", "MyShop", "306970000005")),
    ],
)
def test_cancel_is_refused(server, status, who):
    """A message that has left, is another's or does not exist cannot be taken back."""
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        message_id = wire.ask(SUBMIT, submit_body()).text

        assert wire.ask(CANCEL, cancel_body(*who(message_id))).status == status


# The oracles


def test_smpplib_sends_and_is_told(server):
    """A client that others wrote binds, sends a long Greek message, and reads its receipts."""
    where = urlsplit(server.smpp_url)
    text = GREEK * 8
    receipts, responses = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client = smpplib.client.Client(where.hostname, where.port, timeout=10)
    client.set_message_received_handler(lambda **heard: receipts.append(heard["pdu"]))
    client.set_message_sent_handler(lambda **heard: responses.append(heard["pdu"]))
    client.connect()
    client.bind_transceiver(system_id="demo", password="sandbox1")
    parts, coding, esm = smpplib.gsm.make_parts(text)
    for each in parts:
        client.send_message(
            source_addr_ton=5, source_addr="MyShop", dest_addr_ton=1, dest_addr_npi=1, destination_addr=NUMBER,
            short_message=each, data_coding=coding, esm_class=esm, registered_delivery=True,
        )  # fmt: skip
    while len(receipts) < len(parts):
        client.read_once()
    client.unbind()
    client.disconnect()

    (message,) = server.simulator.ledger.messages
    assert message.text == text
    assert [pdu.message_id.decode() for pdu in responses] == list(message.segment_ids)
    assert [pdu.receipted_message_id.decode() for pdu in receipts] == list(message.segment_ids)
    assert {(pdu.message_state, pdu.esm_class) for pdu in receipts} == {(2, 4)}


def test_smpp34_encodes_for_it_and_reads_it(server):
    """A codec that others wrote makes a submit_sm with every field, and reads the response and the receipt."""
    order = smpp34.SubmitSm(
        "306900000001", NUMBER, b"Hello", service_type="CMT", source_addr_ton=1, source_addr_npi=1, dest_addr_ton=1,
        dest_addr_npi=1, esm_class=3, priority_flag=1, validity_period="000002000000000R", registered_delivery=1,
        tlvs=[smpp34.Tlv(0x0204, b"\0\x2a"), smpp34.Tlv(0x1401, b"vendor")], sequence_number=77,
    )  # fmt: skip
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.socket.sendall(order.encode())
        response, heard = wire.read(), wire.read()

    (message,) = server.simulator.ledger.messages
    receipt = smpp34.decode(pdu(*heard[:1], heard.sequence, heard.body))
    assert response == (SUBMIT | RESPONSE, 0, 77, message.call_id.encode() + b"\0")
    assert isinstance(receipt, smpp34.DeliverSm)
    assert (receipt.source_addr, receipt.destination_addr, receipt.esm_class) == (NUMBER, "306900000001", 4)
    assert receipt.short_message.startswith(f"id:{message.call_id} ".encode())
    assert {tlv.tag: tlv.value for tlv in receipt.tlvs}[0x0204] == b"\0\x2a"


# The server


def test_tls_is_spoken_where_a_context_is_given(tmp_path):
    """With a certificate the port speaks TLS, and its address says so."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run(  # noqa: S603 - the arguments are this test's own
        [*made.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=certificate)
    theirs.load_cert_chain(certificate, key)
    with SimulatorServer(Simulator(seed=7, median_latency_s=0), smpp_tls=theirs) as server:
        with Wire(server.smpp_url, TRANSCEIVER, tls=ours) as wire:
            answer = wire.ask(SUBMIT, submit_body(receipt=1))
            heard = wire.read()
        assert server.smpp_url.startswith("smpps://demo:sandbox1@127.0.0.1:")

    assert (answer.status, heard.command) == (0, DELIVER)


def test_stop_ends_every_link():
    """After the stop no client has a link, no thread is left, and the port is free."""
    threads = threading.active_count()
    server = SimulatorServer(Simulator(seed=7)).start()
    with Wire(server.smpp_url, TRANSCEIVER) as bound, Wire(server.smpp_url) as open_only:
        server.stop()
        assert bound.ended()
        assert open_only.ended()

    assert threading.active_count() == threads
    port = urlsplit(server.smpp_url).port
    with SimulatorServer(Simulator(), smpp_port=port) as again:
        assert urlsplit(again.smpp_url).port == port


def test_port_that_is_taken_is_an_error():
    """A port that another has is told at the start, and nothing is left running."""
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        SimulatorServer(Simulator(), smpp_port=taken.getsockname()[1]).start()

    assert threading.active_count() == threads


@pytest.mark.parametrize("reads_again", [True, False])
async def test_client_that_does_not_read_is_not_read(reads_again):
    """A client that does not read does not fill the memory; when it reads it is read again; the end is quick."""
    gateway, count = Simulator(seed=7), 60_000
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    async with smsc.listening(gateway.smsc, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=1024)
        writer.write(pdu(TRANSCEIVER, 1, bind_body()) + pdu(ENQUIRE, 5) * count)
        for _ in range(500):
            await asyncio.sleep(0)
        answered = gateway.ledger.request_counts["enquire_link"]
        if reads_again:
            assert len(await reader.readexactly(34 + 16 * count)) == 34 + 16 * count
    writer.close()

    assert answered < count
    assert gateway.ledger.request_counts["enquire_link"] == (count if reads_again else answered)


def ask_page(server, method, body=None):
    where = urlsplit(server.base_url)
    connection = HTTPConnection(where.hostname, where.port, timeout=10)
    connection.request(method, "/sandbox/smpp", body=body and json.dumps(body))
    response = connection.getresponse()
    try:
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_settings_and_faults_are_changed_from_outside(server):
    """Another process reads and sets how the SMSC behaves; a name or value that does not exist is told."""
    script = [{"kind": "throttle", "times": 1}]
    changed = {"settings": {"rate": 9, "ids": "padded"}, "faults": {"rates": {"slow": 0.5}, "script": script}}
    status, text = ask_page(server, "PUT", changed)

    assert status == 200
    assert json.loads(text) == json.loads(ask_page(server, "GET")[1])
    assert json.loads(text)["settings"]["rate"] == server.simulator.smsc.settings.rate == 9
    assert json.loads(text)["faults"]["rates"] == {"slow": 0.5}
    assert server.simulator.smsc.faults.draw("submit_sm")[0] == "throttle"
    for wrong in ({"settings": {"speed": 1}}, {"settings": {"ids": "roman"}}, {"faults": {"rates": {"x": 1}}}, []):
        assert ask_page(server, "PUT", wrong)[0] == 400


def test_settings_are_keywords_of_the_simulator():
    """Each setting can be given at the start; one that does not exist is an error that names those that do."""
    assert Simulator(smpp_rate=5, smpp_ids="padded").smsc.settings.rate == 5
    with pytest.raises(TypeError, match="smpp_speed is no setting of the sandbox; there are smpp_bind_refusal, "):
        Simulator(smpp_speed=5)
    with pytest.raises(ValueError, match="smpp_receipts='none' is none of both, text, tlv"):
        Simulator(smpp_receipts="none")


def test_ledger_is_readable_from_outside(server):
    """Segments and receipts come as JSON, octets in hexadecimal."""
    with Wire(server.smpp_url, TRANSCEIVER) as wire:
        wire.ask(SUBMIT, submit_body())
    where = urlsplit(server.base_url)
    connection = HTTPConnection(where.hostname, where.port, timeout=10)
    connection.request("GET", "/sandbox/ledger?kind=segments&kind=messages")
    told = json.loads(connection.getresponse().read())
    connection.close()

    assert told["segments"][0]["body"] == submit_body().hex()
    assert told["messages"][0]["transport"] == "smpp"
    assert Counter(told["summary"]["smpp_statuses"])["submit_sm ESME_ROK"] == 1
