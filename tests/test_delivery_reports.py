"""A delivery report is read in any of its forms, and not read where there is a doubt."""

from __future__ import annotations

import json
import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.delivery_reports import KEPT_FIELDS, KEPT_VALUE, STATUS_WORDS, ReportFields, as_kept, read_report
from isms_data.errors import ConfigurationError
from isms_data.receiving.bodies import read_body, read_form
from isms_data.vocabulary import MessageStatus

ALL = ReportFields()
NUMBER = 306970000001
WORDS = {
    MessageStatus.QUEUED: ["Queued"],
    MessageStatus.PENDING: ["Pending", "ACCEPTD", "ENROUTE"],
    MessageStatus.DELIVERED: ["Delivered", "DELIVRD"],
    MessageStatus.FAILED: ["Failed", "Undelivered", "UNDELIV", "EXPIRED", "DELETED", "REJECTD"],
}
NAMES = {
    "id": "mid id msgid smsid message_id messageid",
    "number": "mobile to msisdn recipient phone number",
    "status": "status stat s dlr state",
    "error": "err error errorcode code",
    "time": "date time t ts donedate timestamp",
}
PAIRS = st.lists(st.tuples(st.sampled_from(" ".join(NAMES.values()).split()) | st.text(), st.text()))


def read(*report: tuple[str, str], names: ReportFields = ALL) -> tuple[int | None, str | None, str | None, str | None]:
    return read_report(report, names)[:4]


def test_names_are_those_in_use() -> None:
    """Every name that a comparable gateway uses is known, unless the setting says otherwise."""
    assert {field.name: " ".join(getattr(ALL, field.name)) for field in fields(ReportFields)} == NAMES


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
@pytest.mark.parametrize(("role", "name"), [(role, name) for role in NAMES for name in NAMES[role].split()])
def test_field_under_each_name(role: str, name: str, spell) -> None:
    """A field is found under each of its names, in any case of letters."""
    values = {"id": "0adgre1", "number": str(NUMBER), "status": "Delivered", "error": "27", "time": "now"}
    reading = read_report([(spell(name), values[role]), ("status", "Delivered")], ALL)._asdict()

    found = {"id": "message_id", "number": "msisdn"}.get(role, role)
    assert str(reading[found]) == values[role]
    assert reading["problem"] is None


@pytest.mark.parametrize(("status", "word"), [(status, word) for status in WORDS for word in WORDS[status]])
def test_status_words(status: MessageStatus, word: str) -> None:
    """Each known word stands for its status, in any case of letters and with spaces around it."""
    for spelled in (word, word.lower(), word.upper(), f" {word}\r\n"):
        assert read(("status", spelled)) == (None, None, status, None)


def test_status_words_are_no_others() -> None:
    """The table has the words of this list and no more."""
    assert sorted(STATUS_WORDS) == sorted(word.upper() for words in WORDS.values() for word in words)


@pytest.mark.parametrize("word", ["UNKNOWN", "1", "Delivered;", "De livered", "ﬀailed", "Expıred", "delivered to SMSC"])
def test_status_that_is_not_understood(word: str) -> None:
    """Another word is never guessed at; the message it is about is known all the same."""
    assert read(("mobile", str(NUMBER)), ("status", word)) == (NUMBER, None, None, "its status is not understood")


@pytest.mark.parametrize("text", ["306970000001", "+306970000001", "00306970000001", " 306970000001 "])
def test_number_in_each_spelling(text: str) -> None:
    """A number may have + or 00 in front; a + that was not encoded is a space by then."""
    assert read(("to", text), ("s", "Failed"))[0] == NUMBER


@pytest.mark.parametrize(
    "text", ["0306970000001", "30697000000x", "3069 70000001", "٣٠٦٩٧٠٠٠٠٠٠١", "+", "1234", "1" * 16, "3.0697e11", "-3"]
)
def test_number_that_is_none(text: str) -> None:
    """What is no number makes the report unreadable."""
    assert read(("to", text), ("s", "Failed")) == (None, None, None, "its number is not understood")


@pytest.mark.parametrize("text", ["I7I5R4HTAA", "0adgre1", "0000001", "a-b_c", "x" * 64])
def test_message_id(text: str) -> None:
    """An id is text, and keeps its zeros."""
    assert read(("mid", text), ("s", "Failed"))[1:3] == (text, MessageStatus.FAILED)


@pytest.mark.parametrize("text", ["x" * 65, "a b", "ταυτότητα", "a;b", "'"])
def test_message_id_that_is_none(text: str) -> None:
    """What is no id makes the report unreadable."""
    assert read(("mid", text), ("s", "Failed")) == (None, None, None, "its id is not understood")


def test_fields_that_agree() -> None:
    """A field may come twice, under two names and in two spellings, as long as it says the same."""
    report = [("mobile", "+306970000001"), ("to", "306970000001"), ("stat", "DELIVRD"), ("status", "Delivered")]

    assert read(*report) == (NUMBER, None, MessageStatus.DELIVERED, None)


@pytest.mark.parametrize(
    ("more", "problem", "msisdn", "message_id"),
    [
        (("to", "306970000002"), "number", None, "a1"),
        (("to", "myself"), "number", None, "a1"),
        (("id", "b2"), "id", NUMBER, None),
        (("status", "Failed"), "status", NUMBER, "a1"),
        (("s", "3"), "status", NUMBER, "a1"),
    ],
)
def test_fields_that_contradict_each_other(more, problem: str, msisdn: int | None, message_id: str | None) -> None:
    """One contradiction and the status is not believed; what is beyond doubt stays, to ask by."""
    told = read(("mid", "a1"), ("mobile", str(NUMBER)), ("status", "Delivered"), more)

    assert told[:3] == (msisdn, message_id, None)
    assert problem in str(told[3])


def test_empty_fields_say_nothing() -> None:
    """A field without a value is as good as missing; a report needs a status and nothing else."""
    assert read(("mid", ""), ("mobile", " "), ("status", "Failed")) == (None, None, MessageStatus.FAILED, None)
    assert read(("mid", "a1"), ("status", "")) == read(("mid", "a1")) == (None, "a1", None, "it has no status")


def test_fields_of_other_names() -> None:
    """Names are a setting; where it says fewer, the others mean nothing."""
    mine = ReportFields(status=("Zustand",), id=())

    told = read(("id", "row 7"), ("zustand", "Failed"), ("status", "?"), names=mine)
    assert told == (None, None, MessageStatus.FAILED, None)


@pytest.mark.parametrize("names", ["status", ("",), (1,)])
def test_fields_setting_that_is_none(names) -> None:
    """A text where a tuple of names belongs is refused, with the setting named."""
    with pytest.raises(ConfigurationError, match="ReportFields"):
        ReportFields(status=names)


@given(PAIRS)
def test_report_of_anything(report: list[tuple[str, str]]) -> None:
    """Nothing raises; there is a status or a problem; a number fits E.164; an id has no odd characters."""
    msisdn, message_id, status, problem, *_ = read_report(report, ALL)

    assert (status is None) == (problem is not None)
    assert msisdn is None or 10_000 <= msisdn < 10**15
    assert message_id is None or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", message_id)


@given(PAIRS)
def test_report_is_kept_as_it_came(report: list[tuple[str, str]]) -> None:
    """A report of usual size is kept whole, whatever characters are in it."""
    kept = as_kept(report)

    assert kept.isascii()
    assert [tuple(pair) for pair in json.loads(kept)] == report


@pytest.mark.parametrize("report", [[("x", "y" * 10_000)], [("x" * 10_000, "")], [("x", "y")] * 10_000])
def test_report_that_is_too_long_is_cut(report: list[tuple[str, str]]) -> None:
    """What is kept has an end, and two that are cut alike are still told apart."""
    last = [*report[:-1], (report[-1][0], report[-1][1] + "z")]

    assert len(json.loads(as_kept(report))) <= KEPT_FIELDS + 1
    assert max(len(value) for _, value in json.loads(as_kept(report))) <= KEPT_VALUE
    assert as_kept(report) != as_kept(last)
    assert as_kept(report) == as_kept(list(report))


MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="mid"\r\n\r\n0adgre1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="status"\r\n\r\nDelivered\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"mid=0adgre1&status=Delivered"),
        ("Application/X-WWW-Form-URLencoded; charset=UTF-8", b"mid=0adgre1&status=Delivered"),
        ("multipart/form-data; boundary=x", MULTIPART),
        ('multipart/form-data; boundary="x"', MULTIPART),
        ("application/json", b'{"mid": "0adgre1", "status": "Delivered"}'),
        ("application/json; charset=utf-8", b' {"mid":"0adgre1","status":"Delivered"}\r\n'),
    ],
)
def test_body_of_each_kind(kind: str, body: bytes) -> None:
    """Forms, multipart forms and JSON objects give the same fields."""
    assert read_body(kind, body) == [("mid", "0adgre1"), ("status", "Delivered")]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"to": 306970000001}', [("to", "306970000001")]),
        ('{"t": 1.50, "e": 1e400, "n": NaN}', [("t", "1.50"), ("e", "1e400"), ("n", "NaN")]),
        ('{"s": null, "f": true}', [("s", ""), ("f", "true")]),
        ('{"s": "a", "s": "b"}', [("s", "a"), ("s", "b")]),
        ('{"s": {"a": "b"}, "l": [1]}', [("s", '[["a", "b"]]'), ("l", '["1"]')]),
        ('[{"s": "a"}]', [("", '[{"s": "a"}]')]),
        ('"Delivered"', [("", '"Delivered"')]),
        ("{", [("", "{")]),
        ("{}", [("", "{}")]),
        ("[" * 5_000, [("", "[" * 5_000)]),
    ],
)
def test_body_of_json(text: str, fields: list[tuple[str, str]]) -> None:
    """Numbers stay as they are written, repeated names both count, and what is no object is kept as a text."""
    assert read_body("application/json", text.encode()) == fields


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/xml", "multipart/form-data", "multipart/mixed; boundary=x"]
)
def test_body_of_another_kind(kind: str) -> None:
    """A body of a kind that is not read is kept as a text."""
    assert read_body(kind, "Παραδόθηκε".encode()) == [("", "Παραδόθηκε")]


def test_body_that_is_not_there() -> None:
    """No body has no fields."""
    assert read_body("application/json", b"") == []


def test_form_without_fields() -> None:
    """A form in which no field can be found is kept as a text."""
    assert read_body("application/x-www-form-urlencoded", b"&&") == [("", "&&")]


def test_multipart_with_odd_parts() -> None:
    """A part without a name, with a file, or with a name in another spelling is kept with what it has."""
    body = (
        b'--x\r\n\r\nfirst\r\n--x\r\nContent-Disposition: form-data; name="f"; filename="r.txt"\r\n\r\nsecond\r\n'
        b"--x\r\nContent-Disposition: form-data; name*=utf-8''s\r\n\r\nthird\r\n"
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nfourth\r\n--y--\r\n--x--"
    )

    assert read_body("multipart/form-data; boundary=x", body) == [
        ("", "first"),
        ("f", "second"),
        ("", "third"),
        ("", ""),
    ]


def test_query_string() -> None:
    """A query string keeps empty and repeated fields, and bytes that are no UTF-8 spoil nothing."""
    assert read_form("s=&s=a&x=%ff&y=%zz&+") == [("s", ""), ("s", "a"), ("x", "\ufffd"), ("y", "%zz"), (" ", "")]


KINDS = st.sampled_from(["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"])


@given(KINDS | st.text(), st.binary() | st.binary().map(lambda part: b"--x\r\n" + part + b"\r\n--x--"))
def test_body_of_anything(kind: str, body: bytes) -> None:
    """Nothing raises, and what comes out can be read and kept."""
    report = read_body(kind, body)
    read_report(report, ALL)

    assert json.loads(as_kept(report)) is not None
    assert bool(report) or not body
