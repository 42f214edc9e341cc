"""A SOAP reply is read by the standard's rule, whatever its names, and nothing in it is guessed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data import errors
from isms_data.transports import soap_replies
from isms_data.transports.soap_replies import DEEPEST, ENVELOPE, Reply, documented, message_id, not_understood, read
from isms_data.vocabulary import ErrorSentence

ENCODED = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'


def envelope(inside: str, *, before: str = "") -> bytes:
    return f'{before}<s:Envelope xmlns:s="{ENVELOPE}"><s:Header/><s:Body>{inside}</s:Body></s:Envelope>'.encode()


@pytest.mark.parametrize(
    "inside",
    [
        f'<n:sendResponse xmlns:n="urn:x"><return xsi:type="xsd:string" {ENCODED}>I7I5</return></n:sendResponse>',
        '<sendResponse xmlns="urn:isms"><return>I7I5</return></sendResponse>',
        "<sendResponse><sendResult> I7I5\n</sendResult></sendResponse>",
        "<sendResponse>I7I5</sendResponse>",
        '<r><return href="#1"/></r><multiRef id="1">I7I5</multiRef>',
        "<a><b>\n <c>I7I5</c>\n</b></a>",
    ],
)
def test_value_is_found_whatever_its_name(inside: str) -> None:
    """The one value is the reply, in each style, under any name, and by reference (SOAP 1.1, 7.1 and 5.4.1)."""
    assert read(envelope(inside)) == Reply(value="I7I5")


@pytest.mark.parametrize("before", ["", "\ufeff", "\r\n \t", '<?xml version="1.0" encoding="utf-8"?>'])
def test_what_stands_before_the_envelope_is_framing(before: str) -> None:
    """A byte order mark, blanks and a declaration in front do not matter."""
    assert read(envelope("<r>Queued</r>", before=before)).value == "Queued"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ID:I7I5",
        b"<html><body>Bad gateway</body></html>",
        b"<br />\n<b>Warning</b>: x<br />\n" + envelope("<r>I7I5</r>"),
        envelope("<r>I7I5</r>")[:-20],
        b"<Envelope><Body><r>I7I5</r></Body></Envelope>",
        envelope("<r>I7I5</r>").replace(b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope"),
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Header/></s:Envelope>'.encode(),
        b'<?xml version="1.0" encoding="klingon"?>' + envelope("<r>I7I5</r>"),
        b'<?xml version="1.0" encoding="shift_jis"?>' + envelope("<r>I7I5</r>"),
        envelope("<r>I7I5</r>", before="<!DOCTYPE x>"),
        envelope("<r>&a;</r>", before='<!DOCTYPE x [<!ENTITY a "I7I5">]>'),
        envelope("<r>&a;</r>", before='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'),
    ],
)
def test_what_is_no_envelope_has_a_problem(body: bytes) -> None:
    """Anything that is no SOAP 1.1 envelope, and anything with a document type, has neither value nor fault."""
    reply = read(body)

    assert (reply.value, reply.fault) == (None, None)
    assert "no SOAP 1.1 envelope" in str(not_understood(reply))


@pytest.mark.parametrize(
    "inside",
    [
        "<r><id>I7I5</id><status>OK</status></r>",
        "<r>Warning<id>I7I5</id></r>",
        '<r href="#1"/><m id="1"><n href="#1"/></m>',
        "<a>" * (DEEPEST + 1) + "I7I5" + "</a>" * (DEEPEST + 1),
    ],
)
def test_more_than_one_value_is_none(inside: str) -> None:
    """Where the way to the value forks, or leads in a circle, there is no value."""
    reply = read(envelope(inside))

    assert reply.value is None
    assert "not one value" in str(not_understood(reply))


@pytest.mark.parametrize("inside", ["", "<sendResponse/>", "<sendResponse><return/></sendResponse>"])
def test_nothing_is_no_id(inside: str) -> None:
    """An empty answer is a value that is no id and no state."""
    assert read(envelope(inside)).value == ""
    with pytest.raises(errors.ProtocolError):
        message_id("")


@pytest.mark.parametrize("sentence", ErrorSentence)
@pytest.mark.parametrize("spelling", ["{}", " \n{}\t", "Error: {}", "SOAP-ERROR:{}", "a: b:\u00a0{}"])
def test_documented_sentence_is_its_error(sentence: str, spelling: str) -> None:
    """Every documented sentence is known as a fault, however it is spaced and labelled."""
    told = spelling.format(sentence.replace(" ", "  \r\n"))
    error = documented(told)

    assert error is not None
    assert sentence in str(error)


@pytest.mark.parametrize(
    "told", ["", "No recipients", "No recipients. Really.", "Sent. No recipients.", "no recipients.", "Internal error"]
)
def test_other_sentences_are_not_documented(told: str) -> None:
    """A sentence that is not to the letter a documented one means nothing."""
    assert documented(told) is None


def test_fault_is_told() -> None:
    """The faultstring is the fault, in a namespace or none; a fault without one is still a fault."""
    assert (
        read(envelope("<s:Fault><faultcode>x</faultcode><faultstring>No &amp;</faultstring></s:Fault>")).fault == "No &"
    )
    assert read(envelope("<s:Fault><s:faultstring>No</s:faultstring></s:Fault>")).told == "No"
    assert read(envelope("<s:Fault/>")) == Reply(fault="")


def test_fault_is_quoted_short_and_without_numbers() -> None:
    """What an error quotes is cut, on one line, and has no phone number in it."""
    told = str(not_understood(Reply(fault="306912345678\n is bad " + "x" * 100)))

    assert "'3069•••678 is bad xx" in told
    assert told.count("x") == soap_replies.MAX_QUOTED - len("3069•••678 is bad ")


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_id_comes_back_as_it_is(identity: str) -> None:
    """Any id is text, with or without the mark that it has over HTTP."""
    assert message_id(identity) == message_id(f"ID: {identity}") == identity
