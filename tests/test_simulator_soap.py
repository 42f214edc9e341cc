"""The sandbox's SOAP door: strict about envelopes, and behind it the same pages, faults and ledger as over HTTP."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import zeep
from zeep.wsdl import Document

from isms_data.simulator import Simulator, SimulatorServer, SoapSettings
from isms_data.simulator.soap_wsdl import OPTIONAL, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

COSMOTE = "306970000004"
SOAP = 'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
TYPES = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
TO = f'<to><recipients c:arrayType="xsd:string[1]"><item>{COSMOTE}</item></recipients></to>'
WHO = "<username>demo</username><password>sandbox-password</password>"
SEND = f"""<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope {SOAP} {TYPES} xmlns:c="{ENCODING}" xmlns:m="urn:isms"><e:Body><m:send e:encodingStyle="{ENCODING}">
{WHO}<from>MyShop</from>{TO}<message>hello</message><coding>GSM</coding>
<flash xsi:type="xsd:boolean">false</flash></m:send></e:Body></e:Envelope>"""
"""A call in the style rpc/encoded, written by hand after SOAP 1.1, 5.4.2 and 7.1."""

QUERY = f'<e:Envelope {SOAP}><e:Body><m:query xmlns:m="urn:isms">{WHO}{{}}</m:query></e:Body></e:Envelope>'


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    """A sandbox that answers at once."""
    with SimulatorServer(Simulator(seed=7, median_latency_s=0)) as running:
        yield running


def ask(
    server: SimulatorServer, body: str | bytes = "", *, path: str = "/api/soap/", method: str = "POST", **headers: str
) -> tuple[int, str, str]:
    """One request: status, content type, text of the answer. A call is a `send` unless the headers say otherwise."""
    told = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:isms#send"'} | headers
    connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    try:
        raw = body if isinstance(body, bytes) else body.encode()
        connection.request(method, path, body=raw, headers={name: value for name, value in told.items() if value})
        response = connection.getresponse()
        return response.status, str(response.headers["Content-Type"]), response.read().decode()
    finally:
        connection.close()


def query(server: SimulatorServer, fields: str) -> tuple[int, str, str]:
    return ask(server, QUERY.format(fields), SOAPAction='"urn:isms#query"')


def test_call_by_hand_is_carried_out(server: SimulatorServer) -> None:
    """An envelope as the standard has it sends a message, and its id is known to both APIs."""
    status, kind, text = ask(server, SEND)
    message = server.simulator.ledger.messages[0]
    _, _, state = query(server, f"<message_id>{message.call_id}</message_id><mobile>{COSMOTE}</mobile>")
    who = {"username": "demo", "password": "sandbox-password"}

    assert (status, kind) == (200, "text/xml; charset=UTF-8")
    assert re.search(r'<return xsi:type="xsd:string"[^>]*>(\w+)</return>', text)[1] == message.call_id  # type: ignore[index]
    assert ">Delivered<" in state
    assert (message.text, message.flash, message.transport) == ("hello", False, "soap")
    asked = who | {"mid": message.call_id, "mobile": COSMOTE}
    assert server.simulator.handle("query.php", asked) == "Status: Delivered"


class Documents:
    """What plain zeep loads, without asking anybody but the sandbox."""

    def __init__(self, server: SimulatorServer) -> None:
        self._server = server

    def load(self, url: str) -> bytes:
        parts = urlsplit(url)
        return ask(self._server, path=f"{parts.path}?{parts.query}", method="GET")[2].encode()


@pytest.mark.parametrize("style", [Style.RPC_LITERAL, Style.DOCUMENT])
@pytest.mark.parametrize("offers", [OPTIONAL, ("message",)])
def test_ready_made_client_works(style: Style, offers: tuple[str, ...]) -> None:
    """Plain zeep, told nothing but the WSDL, makes calls that the sandbox takes and reads its answers."""
    with SimulatorServer(Simulator(seed=7, median_latency_s=0, soap=SoapSettings(style, offers))) as server:
        document = Document(server.soap_wsdl, Documents(server), settings=zeep.Settings(forbid_dtd=True))  # type: ignore[arg-type]
        port = next(iter(document.services["isms"].ports.values()))
        fields: dict[str, Any] = {"username": "demo", "password": "sandbox-password", "from": "MyShop", "coding": "GSM"}
        fields |= {"to": {"recipients": [COSMOTE]}, "flash": True, **dict.fromkeys(offers, "+1 day")}
        operation = port.binding.get("send")
        envelope = zeep.wsdl.utils.etree_to_string(operation.create(**fields).content)  # type: ignore[attr-defined]
        status, _, text = ask(server, envelope, path=urlsplit(port.binding_options["address"]).path)
        found = operation.process_reply(zeep.loader.parse_xml(text.encode(), None))  # type: ignore[attr-defined]
        messages = server.simulator.ledger.messages

    assert (status, [message.call_id for message in messages]) == (200, [found])
    assert (messages[0].text, messages[0].flash) == ("+1 day", True)
    assert (messages[0].scheduled_for is not None) == ("schedule" in offers)


@pytest.mark.parametrize("place", ["/api/soap/sms.wsdl", "/api/soap/?wsdl", "/api/soap/?wsdl=1"])
def test_wsdl_names_the_address_that_was_asked(server: SimulatorServer, place: str) -> None:
    """The WSDL is where siblings of the provider have it, and names this server; asked in a style, that style."""
    status, kind, text = ask(server, path=place, method="GET")
    other = ask(server, path=f"{place}{'&' if '?' in place else '?'}style=rpc/literal", method="GET")[2]
    address = server.base_url.replace("http/", "soap/")

    assert (status, kind) == (200, "text/xml; charset=UTF-8")
    assert f'<soap:address location="{address}"/>' in text
    assert f'<soap:address location="{address}?style=rpc/literal"/>' in other
    assert ('use="encoded"' in text, 'use="encoded"' in other) == (True, False)


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/api/soap/", "GET", {}, 405),
        ("/api/soap/sms.wsdl", "POST", {}, 405),
        ("/api/soap/?style=other", "POST", {}, 404),
        ("/api/soap/other", "POST", {}, 404),
        ("/api/soap/", "POST", {"Content-Type": "application/soap+xml"}, 415),
        ("/api/soap/", "POST", {"SOAPAction": ""}, 500),
        ("/api/soap/", "POST", {"SOAPAction": "urn:isms#send"}, 500),
        ("/api/soap/", "POST", {"SOAPAction": '"urn:isms#query"'}, 500),
    ],
)
def test_request_that_is_no_call_is_turned_away(
    server: SimulatorServer, path: str, method: str, headers: dict[str, str], status: int
) -> None:
    """Another path, method or content type, and a SOAPAction that is not the operation's, charge nothing."""
    assert ask(server, SEND, path=path, method=method, **headers)[0] == status
    assert server.simulator.ledger.charges == []
    assert len(server.simulator.ledger.requests) == 1


UNSOUND = [
    (SEND[:-9], "Client", "well-formed"),
    ("", "Client", "well-formed"),
    (SEND.replace("UTF-8", "klingon"), "Client", "well-formed"),
    (SEND.replace("<e:Env", "<!DOCTYPE x><e:Env"), "Client", "Document types"),
    (SEND.replace("<e:Env", '<!DOCTYPE x [<!ENTITY a "b">]><e:Env'), "Client", "Document types"),
    (SEND.replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"), "VersionMismatch", "1.1"),
    (SEND.replace("<e:Body>", '<e:Header><x e:mustUnderstand="1"/></e:Header><e:Body>'), "MustUnderstand", "header"),
    (SEND.replace("<e:Body>", "<e:Body/><e:Body>"), "Client", "a Body"),
    (SEND.replace("<e:Body>", "<e:Body><m:send/>"), "Client", "one call"),
    (SEND.replace("m:send", "m:delete"), "Client", "delete"),
    (SEND.replace("urn:isms", "urn:other"), "Client", "urn:other"),
    (SEND.replace(f'encodingStyle="{ENCODING}"', 'encodingStyle="other"'), "Client", "encodingStyle"),
    (SEND.replace("<coding>GSM</coding>", ""), "Client", "Missing parameter coding"),
    (SEND.replace("</coding>", "</coding><campaign/>"), "Client", "in this order"),
    (SEND.replace("</coding>", "</coding><coding/>"), "Client", "twice"),
    (SEND.replace("<message>hello</message>", "").replace("<from>", "<message/><from>"), "Client", "in this order"),
    (SEND.replace("<from>", '<from xmlns="urn:isms">'), "Client", "namespace"),
    (SEND.replace("<from>", '<from xsi:type="xsd:int">'), "Client", "xsd:string"),
    (SEND.replace("<from>", '<from xmlns:xsd="urn:other" xsi:type="xsd:string">'), "Client", "xsd:string"),
    (SEND.replace("MyShop", "<b>MyShop</b>"), "Client", "has elements in it"),
    (SEND.replace(">false<", ">no<"), "Client", "xsd:boolean"),
    (SEND.replace("xsd:boolean", "xsd:string"), "Client", "xsd:boolean"),
    (SEND.replace("string[1]", "string[2]"), "Client", "arrayType"),
    (SEND.replace("xsd:string[1]", "xsd:int[1]"), "Client", "arrayType"),
    (SEND.replace(TO, "<to/>"), "Client", "arrayType"),
    (SEND.replace(TO, f"<to>{COSMOTE}</to>"), "Client", "'recipients'"),
    (SEND.replace(TO, f"<to><number>{COSMOTE}</number></to>"), "Client", "'recipients'"),
]


@pytest.mark.parametrize(("body", "code", "sentence"), UNSOUND)
def test_envelope_that_is_not_to_the_letter_is_a_fault(
    server: SimulatorServer, body: str, code: str, sentence: str
) -> None:
    """What a lenient server would let pass is a fault with the standard's code (4.4.1), and charges nothing."""
    status, kind, text = ask(server, body)

    assert (status, kind) == (500, "text/xml; charset=UTF-8")
    assert f"<faultcode>SOAP-ENV:{code}</faultcode>" in text
    assert sentence in text
    assert server.simulator.ledger.charges == []


@pytest.mark.parametrize("style", [Style.RPC_LITERAL, Style.DOCUMENT])
def test_call_of_another_style_is_a_fault(server: SimulatorServer, style: Style) -> None:
    """An encoded call is none in a literal style."""
    assert ask(server, SEND, path=f"/api/soap/?style={style}")[0] == 500
    assert server.simulator.ledger.charges == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("<message_id/><mobile/>", "No message ID defined."),
        ("<message_id>1</message_id><mobile/>", "No mobile defined."),
        ("<message_id>1</message_id><mobile>1</mobile>", "No such message or recipient."),
    ],
)
def test_documented_faults_are_worded_as_documented(server: SimulatorServer, fields: str, sentence: str) -> None:
    """A page's error sentence is the faultstring, with HTTP 500."""
    status, _, text = query(server, fields)

    assert status == 500
    assert f"<faultcode>SOAP-ENV:Server</faultcode><faultstring>{sentence}</faultstring>" in text


def test_message_is_taken_where_the_wsdl_has_none() -> None:
    """The text is read behind `to` though the WSDL does not name it; what else it does not name is refused."""
    with SimulatorServer(Simulator(soap=SoapSettings(offers=()))) as server:
        taken = ask(server, SEND)[0]
        refused = ask(server, SEND.replace("</flash>", "</flash><schedule>+1 day</schedule>"))[0]
        wsdl = ask(server, path="/api/soap/sms.wsdl", method="GET")[2]
        messages = server.simulator.ledger.messages

    assert (taken, refused, [message.text for message in messages]) == (200, 500, ["hello"])
    assert not re.search('message"|schedule|dlr-url', wsdl.replace('"isms:', ""))


@pytest.mark.parametrize(
    ("kind", "status", "charged"),
    [("unavailable_503", 503, 0), ("gateway_timeout_504", 504, 1), ("empty", 200, 1), ("php_warning", 200, 1)],
)
def test_faults_are_those_of_the_pages(server: SimulatorServer, kind: str, status: int, charged: int) -> None:
    """A fault that is due for send.php meets a SOAP send too, in the one ledger."""
    server.simulator.faults.script(kind, page="send.php")

    assert ask(server, SEND)[0] == status
    assert len(server.simulator.ledger.charges) == charged
    assert [fault.kind for fault in server.simulator.ledger.faults] == [kind]


def test_password_is_in_no_ledger(server: SimulatorServer) -> None:
    """The ledger keeps what was asked, without the password."""
    ask(server, SEND)
    request = server.simulator.ledger.requests[0]

    assert (request.method, request.page) == ("POST", "send.php")
    assert request.params["to"] == COSMOTE
    assert "sandbox-password" not in repr(request)


@pytest.mark.parametrize("settings", [{"style": "document"}, {"offers": ["text"]}])
def test_unknown_setting_is_an_error(settings: dict[str, Any]) -> None:
    """A style or a parameter that there is not is refused."""
    with pytest.raises(ValueError, match=r"document|text"):
        SoapSettings(**settings)
