"""A WSDL decides the form of the envelopes; whatever it says is checked before anything is paid for."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from isms_data import errors
from isms_data.simulator.soap_envelopes import read_call
from isms_data.simulator.soap_wsdl import OPTIONAL, Style, wsdl
from isms_data.transports.soap_wsdl import ENCODING, SHIPPED, Wanted, packaged, read

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PLACE = "https://cp.isms.gr/api/soap/sms.wsdl"
NUMBERS = ["306970000001", "306970000002"]
CALL = {
    "username": "shop",
    "password": "p&ss <wörd>",
    "from": "MyShop",
    "to": NUMBERS,
    "message": "Γεια",
    "coding": "GSM",
}
SHIPPED_TEXT = packaged(SHIPPED).decode()
ARRAY = '<xsd:element name="recipients" type="isms:ArrayOfString"/>'

LIST = """
<xsd:element name="recipients"><xsd:complexType><xsd:sequence>
  <xsd:element name="string" type="xsd:string" minOccurs="0" maxOccurs="unbounded"/>
</xsd:sequence></xsd:complexType></xsd:element>
"""


def served(style: Style, *offers: str) -> bytes:
    """A WSDL of the sandbox, which was written by itself."""
    return wsdl(style, frozenset(offers), "https://cp.isms.gr/api/soap/").encode()


def posted(document: bytes | str, operation: str = "send", **values: Any) -> bytes:
    raw = document.encode() if isinstance(document, str) else document
    fields = CALL | {"flash": True} if operation == "send" else {}
    return read(raw, PLACE, {}).operations[operation].post(fields | values).body


def to(envelope: bytes) -> Element:
    found = ET.fromstring(envelope).find(".//to")  # noqa: S314 - our own envelope
    assert found is not None
    return found


def local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("offers", [OPTIONAL, ("message",), ("schedule", "dlr-url"), ()])
@pytest.mark.parametrize("numbers", [[], NUMBERS[:1], NUMBERS])
def test_each_style_is_written_as_its_wsdl_says(style: Style, offers: tuple[str, ...], numbers: list[str]) -> None:
    """In each style, with each set of parameters, a strict reader that knows the WSDL reads what was meant."""
    extra = {name: f"<{name}>" for name in ("schedule", "dlr-url") if name in offers}
    call = read_call(posted(served(style, *offers), to=numbers, **extra), style, frozenset(offers))

    meant = CALL | {"to": ",".join(numbers), "flash": "1"} | extra
    assert (call.operation, call.params) == ("send", meant)


@pytest.mark.parametrize("style", Style)
def test_query_is_written_as_its_wsdl_says(style: Style) -> None:
    """A question about a message has its four texts."""
    who = {"username": "a", "password": "b"}
    body = posted(served(style), "query", **who, message_id="0000001", mobile="")

    assert read_call(body, style, frozenset()).params == who | {"mid": "0000001", "mobile": ""}


@pytest.mark.parametrize("style", Style)
def test_parameters_that_are_not_given_are_empty(style: Style) -> None:
    """A WSDL that demands a schedule gets an empty one, which means none."""
    call = read_call(posted(served(style, *OPTIONAL)), style, frozenset(OPTIONAL))

    assert {call.params.get("schedule", ""), call.params.get("dlr-url", "")} == {""}


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=50
    )
)
def test_text_comes_through_letter_by_letter(text: str) -> None:
    """What XML can hold arrives as it was: blanks at the ends, line ends of every kind, markup."""
    body = posted(packaged(SHIPPED), message=f" {text}\r\n\t\r ")

    assert read_call(body, Style.RPC_ENCODED, frozenset()).params["message"] == f" {text}\r\n\t\r "


@pytest.mark.parametrize(
    ("bad", "shown"), [("\x00", "U+0000"), ("\x0c", "U+000C"), ("\ud800", "U+D800"), ("\ufffe", "U+FFFE")]
)
def test_text_that_xml_cannot_hold_is_an_error(bad: str, shown: str) -> None:
    """A control character, or half a character, is named; in the password it is not."""
    with pytest.raises(errors.TextError, match=re.escape(shown)):
        posted(packaged(SHIPPED), message=f"a{bad}b")
    with pytest.raises(errors.TextError) as caught:
        posted(packaged(SHIPPED), password=f"secret{bad}")

    assert "secret" not in str(caught.value)
    assert shown not in str(caught.value)


def test_encoded_call_says_its_types() -> None:
    """In an encoded call each text says that it is one, the flag that it is a boolean, the array how long it is."""
    body = posted(packaged(SHIPPED)).decode()

    assert body.count('xsi:type="xsd:string"') == len({"username", "password", "from", "message", "coding"})
    assert '<flash xsi:type="xsd:boolean">true</flash>' in body
    assert 'enc:arrayType="xsd:string[2]"' in body
    assert f'soap-env:encodingStyle="{ENCODING}"' in body


@pytest.mark.parametrize("style", [Style.RPC_LITERAL, Style.DOCUMENT])
def test_literal_call_says_no_types(style: Style) -> None:
    """In a literal call there is no word of types."""
    body = posted(served(style)).decode()

    assert not re.search(r"xsi:type=|arrayType=|encodingStyle=", body)


@pytest.mark.parametrize(
    ("recipients", "tags"),
    [
        ('<xsd:element name="recipients" type="xsd:string" maxOccurs="unbounded"/>', ["recipients", "recipients"]),
        ('<xsd:element name="recipients" type="enc:Array"/>', ["recipients", "item", "item"]),
        (ARRAY, ["recipients", "item", "item"]),
        (
            LIST,
            ["recipients", "string", "string"],
        ),
    ],
)
def test_array_has_the_form_of_the_wsdl(recipients: str, tags: list[str]) -> None:
    """Recipients are repeated elements, a SOAP array of either kind, or a wrapped list, as the WSDL has it."""
    document = SHIPPED_TEXT.replace(ARRAY, recipients).replace("xsd:all>", "xsd:sequence>")
    inside = list(to(posted(document)).iter())[1:]

    assert [local(element) for element in inside] == tags
    assert [element.text for element in inside if not len(element)] == NUMBERS


@pytest.mark.parametrize(("kind", "spelled"), [("boolean", "true"), ("int", "1"), ("string", "1")])
def test_flag_has_the_type_of_the_wsdl(kind: str, spelled: str) -> None:
    """A flag that is no boolean in the WSDL is written as over HTTP."""
    document = SHIPPED_TEXT.replace("xsd:boolean", f"xsd:{kind}")

    assert f">{spelled}</flash>" in posted(document).decode()


def test_types_of_the_encoding_are_known() -> None:
    """A WSDL that types its texts as those of the SOAP encoding works without that schema being fetched."""
    document = SHIPPED_TEXT.replace('type="xsd:string"', 'type="enc:string"').replace("xsd:boolean", "enc:boolean")

    assert "<username>shop</username>" in posted(document).decode()


@pytest.mark.parametrize("place", ["http://schemas.xmlsoap.org/soap/encoding/", "https://schemas.xmlsoap.org/wsdl/"])
def test_bundled_schemas_are_not_wanted(place: str) -> None:
    """The schemas that PHP's WSDLs import from elsewhere are here."""
    namespace = place.replace("https", "http")
    imported = f'<xsd:import namespace="{namespace}" schemaLocation="{place}"/>'
    document = re.sub("<xsd:import [^>]*>", imported, SHIPPED_TEXT)

    assert read(document.encode(), PLACE, {}).offers("message")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("types.xsd", "https://cp.isms.gr/api/soap/types.xsd"),
        ("/types.xsd", "https://cp.isms.gr/types.xsd"),
        ("http://evil.example/types.xsd", "http://evil.example/types.xsd"),
        ("file:///etc/hostname", "file:///etc/hostname"),
    ],
)
def test_other_imports_are_wanted(location: str, url: str) -> None:
    """What is imported and not there is named by its address, and used once it is there."""
    imported = f'<xsd:import namespace="urn:other" schemaLocation="{location}"/>'
    document = re.sub("(<xsd:import [^>]*>)", rf"\1{imported}", SHIPPED_TEXT).encode()
    with pytest.raises(Wanted) as caught:
        read(document, PLACE, {})
    schema = b'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other"/>'

    assert caught.value.url == url
    assert read(document, PLACE, {url: schema}).offers("message")


DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
UNUSABLE = [
    ("", "is not XML"),
    ("<html>not here</html>", "send"),
    (re.sub("(<definitions)", rf"{DOCTYPE}\1", SHIPPED_TEXT), "document type"),
    (re.sub("(<definitions)", r'<!DOCTYPE x SYSTEM "http://evil.example/x.dtd">\1', SHIPPED_TEXT), "document type"),
    (SHIPPED_TEXT.replace('name="query"', 'name="ask"'), "both operations"),
    (SHIPPED_TEXT.replace('type="isms:ismsPort"', 'type="isms:nothing"'), "cannot be used"),
    (SHIPPED_TEXT.replace("wsdl/soap/", "wsdl/soap12/"), "SOAP 1.1 port"),
    (SHIPPED_TEXT.replace('<part name="coding" type="xsd:string"/>', ""), "lacks coding"),
    (
        SHIPPED_TEXT.replace('<part name="coding"', '<part name="campaign" type="xsd:string"/><part name="coding"'),
        "campaign",
    ),
    (SHIPPED_TEXT.replace("isms:Recipients", "xsd:anyType"), "cannot be filled in"),
    (SHIPPED_TEXT.replace("isms:Recipients", "xsd:string"), "cannot be filled in"),
    (SHIPPED_TEXT.replace("isms:Recipients", "isms:Unknown"), "both operations"),
    (SHIPPED_TEXT.replace(ARRAY, ARRAY + ARRAY.replace("recipients", "groups")), "cannot be filled in"),
    (SHIPPED_TEXT.replace(ARRAY, ARRAY.replace("isms:ArrayOfString", "xsd:string")), "cannot be filled in"),
    (SHIPPED_TEXT.replace(ARRAY, ARRAY.replace("isms:ArrayOfString", "isms:Recipients")), "cannot be filled in"),
    (SHIPPED_TEXT.replace('"urn:isms#send"', '"urn:isms&#10;X: y"'), "soapAction"),
]


@pytest.mark.parametrize(("document", "problem"), UNUSABLE)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # zeep warns of a part that it cannot resolve
def test_unusable_wsdl_is_an_error_that_says_why(document: str, problem: str) -> None:
    """A WSDL that is not that of this service is refused as a setting, and the message names the setting."""
    with pytest.raises(errors.ConfigurationError, match=problem) as caught:
        read(document.encode(), PLACE, {})

    assert "ISMS_SOAP_WSDL" in str(caught.value)


@pytest.mark.parametrize("style", Style)
@pytest.mark.filterwarnings("ignore:The wsdl:UserWarning")  # zeep's own, of what it cannot resolve
def test_wsdl_with_a_piece_missing_works_or_is_refused(style: Style) -> None:
    """Take any element or any attribute away: either the envelopes can still be made, or it is a setting's error."""
    root = etree.fromstring(served(style, *OPTIONAL))
    outcomes = set()
    for element in [*root.iter()]:
        for name in [*element.attrib]:
            kept = element.attrib.pop(name)
            outcomes.add(outcome(etree.tostring(root)))
            element.set(name, kept)
        for place, child in enumerate([*element]):
            element.remove(child)
            outcomes.add(outcome(etree.tostring(root)))
            element.insert(place, child)

    assert outcomes == {"posted", "refused"}


def outcome(document: bytes) -> str:
    try:
        posted(document)
        posted(document, "query", username="", password="", message_id="", mobile="")
    except errors.ConfigurationError:
        return "refused"
    return "posted"


def test_import_with_a_document_type_is_refused() -> None:
    """What a WSDL imports is as suspect as the WSDL."""
    imported = '<xsd:import namespace="urn:other" schemaLocation="types.xsd"/>'
    document = re.sub("(<xsd:import [^>]*>)", rf"\1{imported}", SHIPPED_TEXT).encode()
    schema = f'{DOCTYPE}<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other"/>'.encode()

    with pytest.raises(errors.ConfigurationError, match="document type"):
        read(document, PLACE, {"https://cp.isms.gr/api/soap/types.xsd": schema})


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without zeep the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "zeep", None)

    with pytest.raises(errors.ConfigurationError, match=re.escape("pip install 'isms_data[soap]'")):
        read(packaged(SHIPPED), None, {})


def test_port_of_soap_11_is_found_among_others() -> None:
    """Where a WSDL has several ports, the one of SOAP 1.1 with both operations is taken, and its address."""
    port = re.search(r"<service.*</service>", SHIPPED_TEXT, re.DOTALL)
    binding = re.search(r"<binding.*</binding>", SHIPPED_TEXT, re.DOTALL)
    assert port is not None
    assert binding is not None
    other = binding[0].replace("ismsBinding", "other").replace("soap:", "soap12:")
    xmlns = 'xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"'
    first = '<port name="other" binding="isms:other"><soap12:address location="http://other.example/"/></port>'
    document = SHIPPED_TEXT.replace(port[0], other + port[0].replace("<port", f"{first}<port", 1))
    service = read(document.replace("<definitions", f"<definitions {xmlns}", 1).encode(), PLACE, {})

    assert service.address == "https://cp.isms.gr/api/soap/"
