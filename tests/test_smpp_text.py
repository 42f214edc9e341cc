"""Texts, addresses, times, receipts: against other alphabets and cutters, and receipts as providers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import gsm0338
import pytest
import smpp34
import smpplib.gsm
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from isms_data.errors import InvalidSchedule, TextError
from isms_data.gsm0338 import ALPHABET, EXTENSION
from isms_data.text_segments import segments
from isms_data.transports.smpp_pdu import DataSm, ShortMessage, Tag, Tlv, frame
from isms_data.transports.smpp_text import (
    STATES,
    STATUSES,
    Address,
    Receipt,
    Wire,
    absolute_time,
    gsm_decode,
    gsm_encode,
    id_spellings,
    read_receipt,
    recipient_address,
    relative_time,
    sender_address,
    wires,
)
from isms_data.vocabulary import Coding, MessageStatus

CODEC = gsm0338.Codec()
AWKWARD = [*sorted(EXTENSION), "😀", "👨‍👩‍👧", "ά", "\ue000", "\uffff", "a" * 50, "Δ" * 60, "ξ" * 30]

gsm_text = st.lists(st.sampled_from(sorted(ALPHABET)) | st.just("a" * 50), max_size=300).map("".join)
any_text = gsm_text | st.lists(st.sampled_from(AWKWARD) | st.characters(exclude_categories=["Cs"])).map("".join)


def body_of(wire: Wire) -> bytes:
    """The octets of a text without the header that joins it to others."""
    return wire.short_message[6:] if wire.esm_class else wire.short_message


def text_of(wire: Wire) -> str:
    """The text of a segment, read by other codecs."""
    octets = body_of(wire)
    return octets.decode("utf-16-be") if wire.data_coding & 0x08 else CODEC.decode(octets)[0]


def coding_of(text: str) -> Coding:
    return segments(text).coding


# The alphabet


@given(gsm_text)
def test_gsm_octets_are_those_of_another_codec(text: str) -> None:
    """Septets, one an octet, are those of another codec, and are read back to the same text."""
    octets = gsm_encode(text)

    assert octets == CODEC.encode(text)[0]
    assert gsm_decode(octets) == text


def test_gsm_octets_are_those_of_smpplib() -> None:
    """The library smpplib has the same code for every character but §, where its table has a slip."""
    shown = "".join(sorted(ALPHABET - set("§\f")))

    assert gsm_encode(shown) == smpplib.gsm.gsm_encode(shown)


@given(st.binary(max_size=200))
def test_gsm_text_is_read_whatever_the_octets_are(octets: bytes) -> None:
    """No octets are an error, and what is no septet is shown as such."""
    text = gsm_decode(octets)

    assert set(text) <= ALPHABET | {"\ufffd"}
    assert text.count("\ufffd") <= sum(octet > 0x7F or octet == 0x1B for octet in octets)


def test_gsm_escape_without_a_meaning_is_left_out() -> None:
    """An escape in front of what the extension table does not hold is as if it were not there; so is one at the end."""
    assert gsm_decode(b"\x1ba\x1b\x65\x1b") == "a€"
    assert gsm_decode(b"\x1b\x1be\x80") == "\ufffde\ufffd"


# Cutting


@given(any_text, st.integers(0, 2**31))
@example("a" * 152 + "€" + "a" * 10, 255)
@example("ξ" * 66 + "😀" + "ξ" * 10, 65_536)
def test_text_is_cut_where_it_is_priced(text: str, reference: int) -> None:
    """The segments that leave are those that `segments` counts, and each has the header of its place."""
    priced = segments(text)
    sent = wires(text, priced.coding, reference=reference)
    head = bytes((5, 0, 3, reference % 256, len(sent)))

    assert tuple(map(text_of, sent)) == priced.parts
    assert [wire.esm_class for wire in sent] == [0x40 if priced.count > 1 else 0] * priced.count
    assert priced.count == 1 or [wire.short_message[:6] for wire in sent] == [
        head + bytes([number]) for number in range(1, priced.count + 1)
    ]


@given(any_text)
def test_segments_are_those_of_an_independent_splitter(text: str) -> None:
    """Another library cuts a text into as many segments, and none holds more than fits on air."""
    sent = wires(text, coding_of(text), reference=1)
    bits = 8 if coding_of(text) is Coding.UTF8 else 7

    assert len(sent) == len(smsutil.split(text).parts)
    assert all(len(body_of(wire)) * bits <= (140 if len(sent) == 1 else 134) * 8 for wire in sent)


@given(any_text, st.sampled_from(["udh", "sar", "payload"]))
def test_segment_goes_into_a_submit_sm_that_another_library_reads(text: str, joined: Any) -> None:
    """What a text adds to a submit_sm fits, and smpp34 finds it there."""
    for wire in wires(text, coding_of(text), concatenation=joined, reference=7):
        message = ShortMessage("", *(5, 0, "MyShop"), *recipient_address("306900000000"))._replace(**wire._asdict())
        read = smpp34.decode(frame(4, 1, message.encode()))

        assert (read.esm_class, read.data_coding, read.short_message) == wire[:3]
        assert tuple(Tlv(each.tag, each.value) for each in read.tlvs) == wire.tlvs


@given(any_text, st.integers(0, 2**31))
def test_fields_join_segments_instead_of_a_header(text: str, reference: int) -> None:
    """With the sar_ fields the octets are those behind the header, and the fields say what the header says."""
    coding = coding_of(text)
    by_header = wires(text, coding, reference=reference)
    by_fields = wires(text, coding, concatenation="sar", reference=reference)
    numbers = [{Tag(tag).name: int.from_bytes(value, "big") for tag, value in wire.tlvs} for wire in by_fields]

    assert [wire.short_message for wire in by_fields] == [body_of(wire) for wire in by_header]
    assert {wire.esm_class for wire in by_fields} == {0}
    assert len(by_fields) == 1 or numbers == [
        {
            "SAR_MSG_REF_NUM": reference % 65_536,
            "SAR_TOTAL_SEGMENTS": len(by_fields),
            "SAR_SEGMENT_SEQNUM": number,
        }
        for number in range(1, len(by_fields) + 1)
    ]


@given(any_text)
def test_payload_is_the_whole_text_uncut(text: str) -> None:
    """With message_payload there is one submit_sm, and what does not fit into short_message is in the field alone."""
    coding = coding_of(text)
    (wire,) = wires(text, coding, concatenation="payload", reference=1)
    cut = wires(text, coding, reference=1)
    whole = b"".join(map(body_of, cut))

    assert (wire.short_message, wire.tlvs) == (
        (whole, ()) if len(cut) == 1 else (b"", (Tlv(Tag.MESSAGE_PAYLOAD, whole),))
    )


@pytest.mark.parametrize(
    ("coding", "options", "data_coding", "tlvs"),
    [
        (Coding.GSM, {}, 0x00, ()),
        (Coding.GSM, {"flash": True}, 0x10, ()),
        (Coding.GSM, {"alphabet": "latin-1"}, 0x03, ()),
        (Coding.GSM, {"alphabet": "latin-1", "flash": True}, 0x03, (Tlv(Tag.DEST_ADDR_SUBUNIT, b"\1"),)),
        (Coding.UTF8, {}, 0x08, ()),
        (Coding.UTF8, {"alphabet": "latin-1"}, 0x08, ()),
        (Coding.UTF8, {"flash": True}, 0x18, ()),
    ],
)
def test_data_coding_names_alphabet_and_class(
    coding: Coding, options: dict[str, Any], data_coding: int, tlvs: tuple[Tlv, ...]
) -> None:
    """Each alphabet, stored or flashed, has its data_coding, in every segment."""
    for text in ("Hello", "Hello " * 40):
        sent = wires(text, coding, reference=1, **options)

        assert {(wire.data_coding, wire.tlvs) for wire in sent} == {(data_coding, tlvs)}


@given(st.text(st.sampled_from(sorted(c for c in ALPHABET if c < "\u0100")), max_size=600))
def test_latin_1_is_cut_and_costs_as_gsm(text: str) -> None:
    """Latin-1 changes the octets of a segment and neither its text nor its place."""
    sent = wires(text, Coding.GSM, alphabet="latin-1", reference=1)

    assert tuple(body_of(wire).decode("latin-1") for wire in sent) == segments(text, coding="GSM").parts


@pytest.mark.parametrize(
    ("text", "coding", "alphabet", "words"),
    [
        ("5€ ά", Coding.GSM, "gsm", "the GSM alphabet does not have 'ά' .*ALPHA WITH TONOS.* at position 3"),
        ("5€", Coding.GSM, "latin-1", "Latin-1 does not have '€' .EURO SIGN. at position 1"),
        ("a\x1b", Coding.GSM, "gsm", "'.x1b' .U.001B. at position 1"),
        ("a\ud83d", Coding.UTF8, "gsm", r"half a character \(U\+D83D at position 1\)"),
        ("a" * (255 * 153 + 1), Coding.GSM, "gsm", "takes 256 segments, and one message has at most 255"),
    ],
)
def test_text_that_cannot_be_sent_is_refused(text: str, coding: Coding, alphabet: Any, words: str) -> None:
    """What an alphabet does not have, half a character, and what is too long are named."""
    with pytest.raises(TextError, match=words):
        wires(text, coding, alphabet=alphabet, reference=1)


# Addresses and times


@pytest.mark.parametrize(
    ("sender", "ton", "npi"),
    [
        *(("MyShop", 5, 0), ("24 7", 5, 0), ("1a", 5, 0), ("٣٤٥", 5, 0)),
        *(("123", 3, 0), ("54321", 3, 0), ("12345678", 3, 0)),
        *(("302101234567", 1, 1), ("123456789", 1, 1)),
    ],
)
def test_sender_has_the_type_that_it_looks_like(sender: str, ton: int, npi: int) -> None:
    """A name is alphanumeric, a short code the network's, a long number international."""
    assert sender_address(sender) == Address(ton, npi, sender)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)), st.integers(-47, 48))  # noqa: DTZ001 - zones follow
def test_absolute_time_is_the_moment_in_utc(wall: datetime, quarters: int) -> None:
    """Whatever its time zone, a moment is written in UTC, to the tenth of a second."""
    moment = wall.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    written = absolute_time(moment)
    read = datetime.strptime(written[:12] + "+0000", "%y%m%d%H%M%S%z") if wall.year < 2068 else None  # it ends at 69

    assert written[13:] == "00+"
    assert read is None or timedelta(0) <= moment - read - timedelta(seconds=int(written[12]) / 10) < timedelta(
        seconds=0.1
    )


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 12, 24, 18, 30), "has no time zone"),  # noqa: DTZ001 - that is the point
        (datetime(2100, 1, 1, tzinfo=UTC), "not in this century"),
        (datetime(1999, 12, 31, tzinfo=UTC), "not in this century"),
    ],
)
def test_absolute_time_that_would_be_another_is_refused(moment: datetime, words: str) -> None:
    """A moment that two digits of a year or no time zone would change is refused."""
    with pytest.raises(InvalidSchedule, match=words):
        absolute_time(moment)


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=31)))
def test_relative_time_is_the_span_in_started_seconds(span: timedelta) -> None:
    """A span is written in days, hours, minutes and seconds, never shorter than it is."""
    written = relative_time(span)
    days, hours, minutes, seconds = (int(written[at : at + 2]) for at in (4, 6, 8, 10))
    read = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    assert (written[:4], written[12:]) == ("0000", "000R")
    assert timedelta(0) <= read - span < timedelta(seconds=1)
    assert (hours < 24, minutes < 60, seconds < 60) == (True, True, True)


@pytest.mark.parametrize("span", [timedelta(0), timedelta(seconds=-1), timedelta(days=31, seconds=1)])
def test_relative_time_out_of_range_is_refused(span: timedelta) -> None:
    """No time, time past, and more days than a month may have are refused."""
    with pytest.raises(InvalidSchedule, match="at most 31 days"):
        relative_time(span)


# Receipts

DELIVERED, FAILED, PENDING = MessageStatus.DELIVERED, MessageStatus.FAILED, MessageStatus.PENDING
DATES = "submit date:2612241200 done date:2612241201"
TEXTS = [
    (f"id:0123456789 sub:001 dlvrd:001 {DATES} stat:DELIVRD err:000 text:Hello", "0123456789", "DELIVRD", "000"),
    (f"id:0000000012345678 sub:001 {DATES} stat:DELIVRD err:000 text:none", "0000000012345678", "DELIVRD", "000"),
    (f"id:1526758174 {DATES} stat:DELIVRD err:000 text:hellow", "1526758174", "DELIVRD", "000"),
    (f"id:123A456B sub:1 dlvrd:1 {DATES} stat:EXPIRED err:0 text: hello", "123A456B", "EXPIRED", "0"),
    ("ID: 17  SUB: 001 Done Date: 261224120109 Stat: undeliv Err: 075 Text: -PROFILE", "17", "UNDELIV", "075"),
    ("id:17 submit date:2612241200 done\r\ndate:2612241201 stat:ACCEPTD err:0 Text:x", "17", "ACCEPTD", "0"),
    ("id : 17 stat : REJECTED", "17", "REJECTD", None),
    ("id:3f2a1b0c-77aa-4b1e-9c55 sub:001 stat:DELIVERED err:", "3f2a1b0c-77aa-4b1e-9c55", "DELIVRD", None),
    (f"id:17 sub:001 dlvrd:000 {DATES} stat:ENROUTE err:000", "17", "ENROUTE", "000"),
    (f"id:17 sub:001 dlvrd:000 {DATES} stat:DELETED err: text:", "17", "DELETED", None),
    (f"id:17 sub:001 dlvrd:000 {DATES} stat:BUFFERD err:x1f text:", "17", "BUFFERD", "x1f"),
    (f"id:17 sub:001 dlvrd:000 {DATES} stat:Failed err:000", "17", "FAILED", "000"),
    (f"id:17 sub:001 dlvrd:000 {DATES} stat:UNKNOWN err:000", "17", "UNKNOWN", "000"),
    (f"id: sub:001 dlvrd:000 {DATES} stat:UNDELIV err:001 text:id:9 stat:DELIVRD", "", "UNDELIV", "001"),
    ("err:5 id:17 text:stat:DELIVRD", "17", "", "5"),
    ("", "", "", None),
]  # fmt: skip
"""As providers and their users publish them, numbers changed; some with what a message's own text could add."""


def receipt_of(text: str, *tlvs: Tlv, esm_class: int = 0x04, data_coding: int = 0) -> Receipt:
    octets = text.encode("utf-16-be" if data_coding == 8 else "latin-1")
    receipt = read_receipt(
        ShortMessage(
            source="306900000000", esm_class=esm_class, data_coding=data_coding, short_message=octets, tlvs=tlvs
        )
    )
    assert receipt is not None
    return receipt


@pytest.mark.parametrize(("text", "message_id", "state", "error"), TEXTS)
@pytest.mark.parametrize("data_coding", [0, 3, 8])
def test_receipt_is_read_from_its_text(
    text: str, message_id: str, state: str, error: str | None, data_coding: int
) -> None:
    """Id, state and error are found in the texts that message centres write, whatever their case, spaces and coding."""
    text = text[:120]  # as UCS-2 no more fits
    receipt = receipt_of(text, data_coding=data_coding)

    assert (receipt.message_id, receipt.state, receipt.error) == (message_id, state, error)
    assert (receipt.msisdn, receipt.text, receipt.reference) == ("306900000000", text, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("DELIVRD", DELIVERED),
        *((word, FAILED) for word in ("EXPIRED", "DELETED", "UNDELIV", "REJECTD", "FAILED", "UNDELIVERABLE")),
        *((word, PENDING) for word in ("ENROUTE", "ACCEPTD", "ACCEPTED")),
        *((word, None) for word in ("UNKNOWN", "SOMETHING", "")),
    ],
)
def test_state_is_one_of_our_words_or_says_nothing(word: str, status: MessageStatus | None) -> None:
    """Only what proves it is Delivered or Failed; what says nothing has no status."""
    assert receipt_of(f"id:17 stat:{word} err:0").status is status


def test_fields_are_believed_before_the_text() -> None:
    """Where optional fields and text disagree, the fields are right; each that is missing is read from the text."""
    text = "id:999 sub:001 stat:UNDELIV err:027"
    fields = (
        Tlv(Tag.RECEIPTED_MESSAGE_ID, b"0FAB\0"),
        Tlv(Tag.MESSAGE_STATE, b"\2"),
        Tlv(Tag.NETWORK_ERROR_CODE, b"\3\1\5"),
        Tlv(Tag.USER_MESSAGE_REFERENCE, b"\x12\x34"),
    )

    assert receipt_of(text, *fields)[:6] == ("0FAB", "306900000000", "DELIVRD", DELIVERED, "261", 0x1234)
    assert receipt_of(text, fields[1])[:6] == ("999", "306900000000", "DELIVRD", DELIVERED, "027", None)
    assert receipt_of("", *fields)[:6] == receipt_of(text, *fields)[:6]


@pytest.mark.parametrize("tag", [Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE, Tag.USER_MESSAGE_REFERENCE])
@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00\x00", b"\x63" * 9])
def test_field_of_the_wrong_size_is_as_if_it_were_not_there(tag: Tag, value: bytes) -> None:
    """A broken optional field does not cost the receipt: the text is read."""
    receipt = receipt_of("id:17 stat:DELIVRD err:027", Tlv(tag, value))

    assert receipt[2:6] == ("DELIVRD", DELIVERED, "027", None)


def test_unknown_state_of_a_field_is_read_from_the_text_or_kept_as_a_number() -> None:
    """A message_state that the specification does not know leaves the word to the text, and is shown without one."""
    unknown = Tlv(Tag.MESSAGE_STATE, b"\x09")

    assert [receipt_of(text, unknown).state for text in ("id:17 stat:DELIVRD", "id:17 stat:sKIPPED", "id:17")] == [
        *("DELIVRD", "sKIPPED", "9")
    ]


@pytest.mark.parametrize(
    ("classes", "state"),
    [((0x04, 0x44, 0x07, 0x20), "DELIVRD"), ((0x00, 0x08, 0x10, 0x18, 0x40), None)],
)
def test_message_is_a_receipt_by_its_class_and_never_by_its_text(classes: tuple[int, ...], state: str | None) -> None:
    """Anybody can write a text that looks like a receipt; the class of the message is the message centre's."""
    text = b"id:17 sub:001 dlvrd:001 stat:DELIVRD err:000"
    found = [read_receipt(ShortMessage(esm_class=esm_class, short_message=text)) for esm_class in classes]

    assert {receipt and receipt.state for receipt in found} == {state}


def test_message_is_a_receipt_by_its_field() -> None:
    """A message without a class is a receipt by the id of the message that it is about; an acknowledgement is none."""
    field = Tlv(Tag.RECEIPTED_MESSAGE_ID, b"17\0")

    assert receipt_of("stat:DELIVRD", field, esm_class=0x00)[:4] == ("17", "306900000000", "DELIVRD", DELIVERED)
    assert read_receipt(ShortMessage(esm_class=0x08, tlvs=(field,))) is None


def test_intermediate_notification_is_never_final() -> None:
    """A notice that one attempt failed is no failure: the message centre goes on trying."""
    assert receipt_of("id:17 stat:UNDELIV err:027", esm_class=0x20)[2:5] == ("UNDELIV", PENDING, "027")


@pytest.mark.parametrize("source", ["+306900000000", "306900000000", "MyShop", ""])
def test_receipt_names_the_number_or_none(source: str) -> None:
    """Digits are taken as they are sent, without a plus; anything else is no number."""
    receipt = read_receipt(ShortMessage(source=source, esm_class=0x04))

    assert receipt is not None
    assert receipt.msisdn == ("306900000000" if "3" in source else "")


def test_receipt_in_a_payload_is_read_and_its_text_is_cut() -> None:
    """The text may be in message_payload, of a deliver_sm or a data_sm; 500 characters of it are kept."""
    text = "id:17 stat:DELIVRD text:" + "x" * 1_000
    payload = (Tlv(Tag.MESSAGE_PAYLOAD, text.encode()),)
    receipts = [read_receipt(kind(source="306900000000", esm_class=4, tlvs=payload)) for kind in (ShortMessage, DataSm)]

    assert receipts == [Receipt("17", "306900000000", "DELIVRD", DELIVERED, None, None, text[:500])] * 2


@given(
    st.binary(max_size=254),
    st.integers(0, 255),
    st.lists(st.builds(Tlv, st.sampled_from(Tag), st.binary(max_size=70)), max_size=5).map(tuple),
)
def test_octets_of_anything_are_a_receipt_or_none(octets: bytes, data_coding: int, tlvs: tuple[Tlv, ...]) -> None:
    """Nothing that a message centre can send is an error, and no status comes without its word."""
    message = ShortMessage(esm_class=4, data_coding=data_coding, short_message=octets, tlvs=tlvs)
    receipt = read_receipt(message)

    assert receipt is not None
    assert len(receipt.text) <= 500
    assert receipt.status is STATUSES.get(receipt.state)


def test_states_have_the_numbers_of_the_specification() -> None:
    """The words of message_state stand at the numbers of 5.2.28."""
    words = ["ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"]

    assert dict(enumerate(words, 1)) == STATES


# Ids

ID_FORMS = ["d", "010d", "016d", "x", "X", "08x", "08X", "016x", "016X"]


@given(st.integers(0, 2**64 - 1), st.sampled_from(ID_FORMS))
def test_id_is_found_in_every_way_of_writing_its_number(number: int, form: str) -> None:
    """Decimal or hexadecimal, in either case, with zeros in front or without: each leads to the others."""
    written = f"{number:{form}}"
    found = id_spellings(written)

    assert found[0] == written
    assert {f"{number:{other}}" for other in ID_FORMS} <= set(found)
    assert len(found) == len(set(found)) <= 21


@given(st.text(max_size=64))
def test_id_that_is_no_number_is_itself_in_either_case(start: str) -> None:
    """Any text is an id, itself first; what is no number has no other spelling than its case."""
    message_id = start + "Z"

    assert id_spellings(message_id) == tuple(dict.fromkeys((message_id, message_id.lower(), message_id.upper())))


def test_id_of_other_digits_is_no_number() -> None:
    """Only ASCII digits count: no message centre writes others."""
    assert id_spellings("٣٤٥") == ("٣٤٥",)
