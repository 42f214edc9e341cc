"""SMPP PDUs: against two other implementations, fed in pieces, and fed with what is none.

What the others cannot read or write, and is held against the specification by hand here: smpp34 knows the bodies of
submit_sm and deliver_sm only, and no text beyond ASCII; smpplib has no cancel_sm, drops or refuses unknown optional
fields, puts those it knows into an order of its own, writes one interface_version only, and cuts texts that are too
long without a word.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import smpp34
import smpplib.command_codes
import smpplib.consts
import smpplib.smpp
from hypothesis import example, given
from hypothesis import strategies as st
from smpplib.client import SimpleSequenceGenerator

from isms_data.errors import ProtocolError
from isms_data.transports.smpp_pdu import (
    RESPONSE,
    Bind,
    BindResp,
    CancelSm,
    Command,
    DataSm,
    Fault,
    MessageId,
    Pdu,
    PduError,
    QueryResp,
    QuerySm,
    ShortMessage,
    Splitter,
    Status,
    Tag,
    Tlv,
    find_tlv,
    frame,
    status_name,
)

BIND_SAMPLE = (
    "0000002F 00000002 00000000 00000001 53 4D 50 50 33 54 45 53 54 00 73 65 63 72 65 74 30 38 00 "
    "53 55 42 4D 49 54 31 00 00 01 01 00"
)
"""The bind_transmitter that the specification explains octet by octet."""

LATIN_1 = st.characters(min_codepoint=1, max_codepoint=255)
ASCII = st.characters(min_codepoint=1, max_codepoint=127)

octet = st.integers(0, 255)
word = st.integers(0, 0xFFFF_FFFF)
moment = st.just("") | st.text(ASCII, min_size=16, max_size=16)
tlvs = st.lists(st.builds(Tlv, st.integers(0, 0xFFFF), st.binary(max_size=80)), max_size=5).map(tuple)


def text(room: int, characters: st.SearchStrategy[str] = LATIN_1) -> st.SearchStrategy[str]:
    """A C-octet string's text; `room` counts the NUL, as the specification's tables do."""
    return st.text(characters, max_size=room - 1)


def short_messages(
    characters: st.SearchStrategy[str] = LATIN_1, fields: st.SearchStrategy[tuple[Tlv, ...]] = tlvs
) -> st.SearchStrategy[ShortMessage]:
    address = (octet, octet, text(21, characters))
    numbers = (octet, octet, octet)
    return st.builds(
        ShortMessage,
        *(text(6, characters), *address, *address, *numbers, moment, moment, octet, *numbers),
        *(st.binary(max_size=254), fields),
    )


bind = st.builds(Bind, text(16), text(9), text(13), octet, octet, octet, text(41))
bind_resp = st.builds(BindResp, text(16), tlvs)
message_id = st.builds(MessageId, text(65), tlvs)
long_address = (octet, octet, text(65))
data_sm = st.builds(DataSm, text(6), *long_address, *long_address, octet, octet, octet, tlvs)
query = st.builds(QuerySm, text(65), octet, octet, text(21))
query_resp = st.builds(QueryResp, text(65), text(17), octet, octet)
cancel = st.builds(CancelSm, text(6), text(65), octet, octet, text(21), octet, octet, text(21))
bodies = st.one_of(bind, bind_resp, short_messages(), message_id, data_sm, query, query_resp, cancel)
CLASSES = (Bind, BindResp, ShortMessage, MessageId, DataSm, QuerySm, QueryResp, CancelSm)

pdus = st.builds(Pdu, word, word, word, st.binary(max_size=60))


def framed(pdu: Pdu) -> bytes:
    return frame(pdu.command, pdu.sequence, pdu.body, pdu.status)


# Round trips


@given(bodies)
def test_body_written_and_read_is_the_same(body: Any) -> None:
    """Whatever fits the fields of a body comes back from its octets, unknown optional fields in their order."""
    octets = body.encode()

    assert type(body).decode(octets) == body
    assert type(body).decode(octets).encode() == octets


@pytest.mark.parametrize("kind", CLASSES)
@given(octets=st.one_of(st.binary(max_size=120), bodies.map(lambda body: body.encode())), cut=st.integers(0, 40))
@example(octets=b"", cut=0)
def test_octets_of_anything_give_a_body_or_a_named_fault(kind: Any, octets: bytes, cut: int) -> None:
    """Garbage and cut bodies are a PduError and nothing else; what can be read is written back to the octet."""
    octets = octets[: len(octets) - cut]
    again = None
    with suppress(PduError):
        again = kind.decode(octets).encode()

    assert again in {octets or b"\0", None}


def test_bind_of_the_specification() -> None:
    """The PDU that the specification shows is read as it explains it, and written to the same octets."""
    octets = bytes.fromhex(BIND_SAMPLE)
    (pdu,) = Splitter().feed(octets)

    assert pdu[:3] == (Command.BIND_TRANSMITTER, Status.ESME_ROK, 1)
    assert Bind.decode(pdu.body) == Bind("SMPP3TEST", "secret08", "SUBMIT1", 0, 1, 1, "")
    assert framed(pdu) == octets


def test_cancel_sm_and_query_sm_as_the_tables_of_the_specification() -> None:
    """The fields stand in the order of the specification's tables (4.8.1, 4.8.2, 4.9.1)."""
    cancel = CancelSm("CMT", "17", 5, 0, "MyShop", 1, 1, "306900000000")

    assert cancel.encode() == b"CMT\x0017\0\5\0MyShop\0\1\x01306900000000\0"
    assert QuerySm("17", 5, 0, "MyShop").encode() == b"17\0\5\0MyShop\0"
    assert QueryResp("17", "", 1, 0).encode() == b"17\0\0\1\0"


@pytest.mark.parametrize("kind", [BindResp, MessageId])
def test_response_without_a_body_is_read(kind: Any) -> None:
    """A refusal comes without a body (4.1.2, 4.4.2); it reads as one without a name."""
    assert kind.decode(b"") == kind("")


def test_first_optional_field_of_a_tag_is_found() -> None:
    """A field is found by its tag, the first where there are more, None where there is none."""
    fields = (Tlv(0x1401, b"x"), Tlv(Tag.MESSAGE_STATE, b"\2"), Tlv(Tag.MESSAGE_STATE, b"\5"))

    assert find_tlv(fields, Tag.MESSAGE_STATE) == b"\2"
    assert find_tlv(fields, Tag.NETWORK_ERROR_CODE) is None


# The stream


@given(st.lists(pdus, max_size=6), st.lists(st.integers(0, 500), max_size=10), st.binary(max_size=3))
def test_stream_gives_the_same_pdus_however_it_is_cut(sent: list[Pdu], cuts: list[int], tail: bytes) -> None:
    """Whole, in any pieces, and with a tail that is no PDU yet: what comes out is what went in."""
    octets = b"".join(map(framed, sent)) + tail
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    splitter = Splitter()
    found = [pdu for begin, end in pairwise(places) for pdu in splitter.feed(octets[begin:end])]

    assert found == sent


@given(st.lists(pdus, max_size=3))
def test_stream_fed_octet_by_octet_gives_each_pdu_with_its_last_octet(sent: list[Pdu]) -> None:
    """A PDU is there with its last octet, not earlier and not later."""
    splitter = Splitter()
    for pdu in sent:
        *open_, last = (splitter.feed(bytes([each])) for each in framed(pdu))

        assert not any(open_)
        assert last == [pdu]


@given(st.lists(pdus, max_size=3), st.integers(0, 15) | st.integers(65_537, 0xFFFF_FFFF), st.binary(max_size=99))
def test_impossible_length_is_named_at_once_and_loses_nothing(sent: list[Pdu], length: int, more: bytes) -> None:
    """An impossible length is an error with its four octets; the PDUs before it are in the error, once."""
    splitter = Splitter()
    with pytest.raises(PduError, match=f"says that it has {length} octets") as caught:
        splitter.feed(b"".join(map(framed, sent)) + length.to_bytes(4, "big"))
    with pytest.raises(PduError, match=f"says that it has {length} octets") as again:
        splitter.feed(more)

    assert caught.value.fault is again.value.fault is (Fault.TOO_SHORT if length < 16 else Fault.TOO_LONG)
    assert (caught.value.before, again.value.before) == (tuple(sent), ())


def test_longest_pdu_is_the_limit_that_was_set() -> None:
    """A PDU of the longest length is read, one of an octet more is refused before its body is there."""
    longest = frame(Command.DATA_SM, 1, bytes(84))

    assert [pdu.body for pdu in Splitter(100).feed(longest)] == [bytes(84)]
    with pytest.raises(PduError, match="one has 16 to 100"):
        Splitter(100).feed(frame(Command.DATA_SM, 1, bytes(85))[:16])


# Faults


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (Bind("s" * 16, "p"), "system_id has 16 characters, and SMPP 3.4 has room for 15"),
        (Bind("s", "p" * 9), "password has 9 characters, and SMPP 3.4 has room for 8"),
        (ShortMessage(source="Α1"), "source has U\\+0391 at position 0, which Latin-1 does not have"),
        (ShortMessage(source="a\0b"), "source has a NUL at position 1"),
        (ShortMessage(destination="3" * 21), "destination has 21 characters"),
        (ShortMessage(schedule_delivery_time="261224"), "schedule_delivery_time has 6 characters. A time has 16"),
        (ShortMessage(priority=256), "priority is 256, and one octet holds 0 to 255"),
        (ShortMessage(source_ton=-1), "source_ton is -1"),
        (ShortMessage(short_message=bytes(255)), "short_message has 255 octets, .* use message_payload"),
        (ShortMessage(tlvs=(Tlv(0x1401, b""), Tlv(0x424, bytes(65_536)))), "0x1401 with 0 octets, 0x0424 with 65536"),
        (MessageId(tlvs=(Tlv(0x1_0000, b"1"),)), "0x10000 with 1 octets"),
    ],
)
def test_value_that_does_not_fit_is_refused_by_name(body: Any, words: str) -> None:
    """What the specification has no room for is not cut, as others do, but refused with its field."""
    with pytest.raises(PduError, match=words) as caught:
        body.encode()

    assert caught.value.fault is Fault.UNFIT


@pytest.mark.parametrize(
    ("kind", "octets", "fault", "words"),
    [
        (MessageId, b"abc", Fault.NO_TERMINATOR, "message_id, at octet 0 of a body of 3, has no NUL"),
        (QuerySm, b"17\0\1", Fault.CUT_OFF, "source_npi takes 1 octets at octet 4, and the body has 4"),
        (ShortMessage, ShortMessage().encode()[:-1] + b"\5abc", Fault.CUT_OFF, "short_message takes 5 octets"),
        (MessageId, b"\0\4\x27\0", Fault.CUT_OFF, "tlvs takes 4 octets at octet 1"),
        (MessageId, b"\0\4\x27\0\2\1", Fault.CUT_OFF, "tlvs takes 2 octets at octet 5"),
        (QuerySm, b"17\0\1\1\0\4\x27\0\1\2", Fault.LEFT_OVER, "5 octets follow the last field, which ends at octet 6"),
    ],
)
def test_body_that_is_none_is_refused_by_name(kind: Any, octets: bytes, fault: Fault, words: str) -> None:
    """An error says which field is missing, where, and what to do."""
    with pytest.raises(PduError, match=f"^{fault}: .*{words}.*close the connection") as caught:
        kind.decode(octets)

    assert caught.value.fault is fault


def test_error_keeps_what_it_knows() -> None:
    """The error is a ProtocolError, and travels between processes whole."""
    error = PduError(Fault.TOO_LONG, "a PDU of 4 GB.", (Pdu(0x15, 0, 1, b""),))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own octets

    assert isinstance(error, ProtocolError)
    assert (str(copy), copy.fault, copy.before) == (str(error), error.fault, error.before)


def test_password_is_never_shown() -> None:
    """Neither the repr of a bind nor the refusal of a password has the password in it."""
    with pytest.raises(PduError) as caught:
        Bind("shop", "secret-too-long").encode()

    assert "secret" not in f"{caught.value!r} {Bind('shop', 'secret')!r}"


# The numbers


def test_commands_are_those_of_another_library() -> None:
    """Every command has the name and the number that smpplib gives it."""
    assert {command.name.lower(): command.value for command in Command} == smpplib.command_codes.commands


def test_statuses_are_those_of_another_library() -> None:
    """Every status has the name and the number that smpplib gives it, and an unknown one is shown as a number."""
    known = {name: code for name, code in vars(smpplib.consts).items() if name.startswith("SMPP_ESME_")}

    assert {f"SMPP_{status.name}": status.value for status in Status} == known
    assert [status_name(code) for code in (0x14, 0x400)] == ["ESME_RMSGQFUL", "0x00000400"]


def test_tags_are_those_of_two_other_libraries() -> None:
    """Every tag has the name and the number that smpplib and smpp34 give it."""
    tags = {tag.name: tag.value for tag in Tag}

    assert tags == {name.upper(): code for name, code in smpplib.consts.OPTIONAL_PARAMS.items()}
    assert tags == {name[4:]: code for name, code in vars(smpp34).items() if name.startswith("TLV_")}


# smpp34

SPELLED = {"source": "source_addr", "destination": "destination_addr", "priority": "priority_flag"} | {
    "source_ton": "source_addr_ton",
    "source_npi": "source_addr_npi",
    "dest_ton": "dest_addr_ton",
    "dest_npi": "dest_addr_npi",
    "replace_if_present": "replace_if_present_flag",
}


def in_their_names(message: Any) -> dict[str, Any]:
    """The mandatory fields, called as the specification calls them."""
    named = {SPELLED.get(name, name): value for name, value in message._asdict().items()}
    return {name: value for name, value in named.items() if name != "tlvs"}


@pytest.mark.parametrize("command", [Command.SUBMIT_SM, Command.DELIVER_SM])
@given(message=short_messages(ASCII), sequence=word)
def test_smpp34_reads_our_short_message(command: Command, message: ShortMessage, sequence: int) -> None:
    """smpp34 reads every field and optional field of what is written here, and writes it to the same octets."""
    octets = frame(command, sequence, message.encode())
    read = smpp34.decode(octets)

    assert {name: getattr(read, name) for name in in_their_names(message)} == in_their_names(message)
    assert tuple(Tlv(each.tag, each.value) for each in read.tlvs) == message.tlvs
    assert (read.sequence_number, read.encode()) == (sequence, octets)


@pytest.mark.parametrize("kind", [smpp34.SubmitSm, smpp34.DeliverSm])
@given(message=short_messages(ASCII), sequence=word)
def test_short_message_of_smpp34_is_read(kind: Any, message: ShortMessage, sequence: int) -> None:
    """What smpp34 writes is read here field by field, and written back to the octet."""
    fields = [smpp34.Tlv(*each) for each in message.tlvs]
    octets = kind(**in_their_names(message), tlvs=fields, sequence_number=sequence).encode()
    (pdu,) = Splitter().feed(octets)

    assert ShortMessage.decode(pdu.body) == message
    assert framed(pdu) == octets


@given(st.sampled_from([command for command in Command if command & RESPONSE]), word, word, message_id)
def test_smpp34_reads_the_header_of_our_responses(command: int, status: int, sequence: int, body: MessageId) -> None:
    """smpp34 finds the same four numbers in front of the same body."""
    octets = frame(command, sequence, body.encode(), status)
    read = smpp34.decode(octets)

    assert read.command_length == len(octets)
    assert (read.command_id, read.command_status, read.sequence_number) == (command, status, sequence)
    assert bytes(read.body) == body.encode()


# smpplib

KNOWN_NUMBERS = {Tag.USER_MESSAGE_REFERENCE: 2, Tag.SAR_MSG_REF_NUM: 2, Tag.SAR_TOTAL_SEGMENTS: 1}
known_tlvs = st.lists(st.sampled_from(list(KNOWN_NUMBERS)), unique=True).flatmap(
    lambda tags: st.tuples(
        *(st.builds(Tlv, st.just(int(tag)), st.binary(min_size=size, max_size=size))
          for tag, size in KNOWN_NUMBERS.items() if tag in tags)
    )
)  # fmt: skip
"""Those that smpplib has in the same order and writes as numbers."""


def smpplib_reads(command: Command, body: bytes) -> SimpleNamespace:
    """The fields that smpplib finds in a PDU of ours, its octets as Latin-1."""
    octets = frame(command, 7, body)
    read = smpplib.smpp.parse_pdu(octets, client=SimpleSequenceGenerator())
    found = {name: getattr(read, name) for name in read.params}
    texts = {name: str(value, "latin-1") for name, value in found.items() if isinstance(value, bytes)}
    return SimpleNamespace(**{**found, "short_message": "", **texts, "sequence": read.sequence, "status": read.status})


def smpplib_writes(command: Command, **fields: Any) -> bytes:
    """The body that smpplib writes."""
    written = smpplib.smpp.make_pdu(command.name.lower(), client=SimpleSequenceGenerator())
    vars(written).update(fields)
    return bytes(written.generate()[16:])


def numbers_of(fields: tuple[Tlv, ...]) -> dict[str, int]:
    return {Tag(tag).name.lower(): int.from_bytes(value, "big") for tag, value in fields}


@pytest.mark.parametrize("command", [Command.SUBMIT_SM, Command.DELIVER_SM])
@given(message=short_messages(fields=known_tlvs))
def test_smpplib_agrees_on_short_messages(command: Command, message: ShortMessage) -> None:
    """What is written here has the same fields for smpplib, which writes the same octets from them."""
    fields = in_their_names(message)
    numbers = numbers_of(message.tlvs)
    read = smpplib_reads(command, message.encode())
    shown = {**fields, "short_message": message.short_message.decode("latin-1")}

    assert {name: getattr(read, name) for name in {**shown, **numbers}} == {**shown, **numbers}
    assert smpplib_writes(command, **fields, **numbers) == message.encode()


@given(data_sm.map(lambda message: message._replace(source=message.source[:20], destination=message.destination[:20])))
def test_smpplib_agrees_on_data_sm(message: DataSm) -> None:
    """smpplib, which has room for 20 digits only, reads and writes the same data_sm."""
    message = message._replace(tlvs=())
    read = smpplib_reads(Command.DATA_SM, message.encode())

    assert {name: getattr(read, name) for name in in_their_names(message)} == in_their_names(message)
    assert smpplib_writes(Command.DATA_SM, **in_their_names(message)) == message.encode()


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (Command.BIND_TRANSMITTER, bind),
        (Command.BIND_RECEIVER, bind),
        (Command.BIND_TRANSCEIVER, bind),
        (Command.BIND_TRANSCEIVER_RESP, bind_resp),
        (Command.SUBMIT_SM_RESP, message_id),
        (Command.DELIVER_SM_RESP, message_id),
        (Command.DATA_SM_RESP, message_id),
        (Command.QUERY_SM_RESP, query_resp),
        (Command.QUERY_SM, query.filter(lambda body: bool(body.message_id))),  # smpplib sends no query without an id
    ],
)
@given(data=st.data())
def test_smpplib_agrees_on_the_other_bodies(command: Command, body: st.SearchStrategy[Any], data: Any) -> None:
    """What is written here has the same fields for smpplib, which writes the same octets from them."""
    drawn = data.draw(body)
    own = drawn._replace(tlvs=()) if "tlvs" in drawn._fields else drawn
    fields = in_their_names(own)
    read = smpplib_reads(command, own.encode())

    assert {name: getattr(read, name) for name in fields} == fields
    assert smpplib_writes(command, **fields) == own.encode()


@pytest.mark.parametrize("command", [Command.UNBIND, Command.ENQUIRE_LINK, Command.GENERIC_NACK])
def test_smpplib_agrees_on_headers_without_a_body(command: Command) -> None:
    """A PDU that is a header only has the same sixteen octets there and here."""
    written = smpplib.smpp.make_pdu(command.name.lower(), client=SimpleSequenceGenerator())
    written.sequence, written.status = 77, 3

    assert written.generate() == frame(command, 77, status=3)
