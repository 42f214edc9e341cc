"""The WSDLs of the sandbox: the two documented operations, in each of the three styles that a provider may have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE: Final = "urn:isms"
ENCODING: Final = "http://schemas.xmlsoap.org/soap/encoding/"
XSD: Final = "http://www.w3.org/2001/XMLSchema"

SEND: Final = "send"
QUERY: Final = "query"
OPTIONAL: Final = ("message", "schedule", "dlr-url")
"""What the page does not list for `send`, and a sibling of the provider has."""


class Style(StrEnum):
    """How the operations are bound (WSDL 1.1, 3.3 to 3.5)."""

    RPC_ENCODED = "rpc/encoded"
    RPC_LITERAL = "rpc/literal"
    DOCUMENT = "document/literal"


@dataclass(frozen=True)
class SoapSettings:
    """How the SOAP API of the sandbox is described.

    Parameters
    ----------
    style : "rpc/encoded", "rpc/literal" or "document/literal"
        How the operations are bound.
    offers : iterable of str
        Which of `message`, `schedule` and `dlr-url` the WSDL has. `message` is taken in any case.

    Raises
    ------
    ValueError   no such style, no such parameter.
    """

    style: str = Style.RPC_ENCODED
    offers: Iterable[str] = OPTIONAL

    def __post_init__(self) -> None:
        object.__setattr__(self, "style", Style(self.style))
        object.__setattr__(self, "offers", frozenset(self.offers))
        if not frozenset(self.offers) <= frozenset(OPTIONAL):
            msg = f"offers={sorted(self.offers)!r} are not among {', '.join(OPTIONAL)}"
            raise ValueError(msg)


def parameters(operation: str, offers: frozenset[str]) -> dict[str, str]:
    """The parameters of an operation in their order, each with its type.

    >>> list(parameters("send", frozenset({"schedule"})))
    ['username', 'password', 'from', 'to', 'coding', 'flash', 'schedule']
    """
    if operation == QUERY:
        return dict.fromkeys(("username", "password", "message_id", "mobile"), "xsd:string")
    names = ("username", "password", "from", "to", "message", "coding", "flash", "schedule", "dlr-url")
    types = {"to": "isms:Recipients", "flash": "xsd:boolean"}
    return {name: types.get(name, "xsd:string") for name in names if name in offers or name not in OPTIONAL}


def action(operation: str) -> str:
    """The SOAPAction of an operation."""
    return f"{NAMESPACE}#{operation}"


def wsdl(style: Style, offers: frozenset[str], address: str) -> str:
    """The WSDL that says `address`."""
    parts = [_messages(operation, style, offers) for operation in (SEND, QUERY)]
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions name="isms" targetNamespace="{NAMESPACE}" xmlns="http://schemas.xmlsoap.org/wsdl/"
 xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:SOAP-ENC="{ENCODING}" xmlns:xsd="{XSD}" xmlns:isms="{NAMESPACE}">
<types>{_schema(style, offers)}</types>
{"".join(parts)}<portType name="port">{_port(SEND)}{_port(QUERY)}</portType>
<binding name="binding" type="isms:port">
<soap:binding style="{style.partition("/")[0]}" transport="http://schemas.xmlsoap.org/soap/http"/>
{_binding(SEND, style)}{_binding(QUERY, style)}</binding>
<service name="isms"><port name="port" binding="isms:binding">
<soap:address location={quoteattr(address)}/></port></service>
</definitions>
"""


def _schema(style: Style, offers: frozenset[str]) -> str:
    form = "qualified" if style is Style.DOCUMENT else "unqualified"
    return f"""
<xsd:schema targetNamespace="{NAMESPACE}" elementFormDefault="{form}">{_RECIPIENTS[style is Style.RPC_ENCODED]}
{_elements(SEND, offers) + _elements(QUERY, offers) if style is Style.DOCUMENT else ""}</xsd:schema>
"""


_RECIPIENTS: Final = {
    True: """
<xsd:import namespace="http://schemas.xmlsoap.org/soap/encoding/"
 schemaLocation="http://schemas.xmlsoap.org/soap/encoding/"/>
<xsd:complexType name="ArrayOfString"><xsd:complexContent><xsd:restriction base="SOAP-ENC:Array">
<xsd:attribute ref="SOAP-ENC:arrayType" wsdl:arrayType="xsd:string[]"/>
</xsd:restriction></xsd:complexContent></xsd:complexType>
<xsd:complexType name="Recipients"><xsd:sequence>
<xsd:element name="recipients" type="isms:ArrayOfString"/>
</xsd:sequence></xsd:complexType>""",
    False: """
<xsd:complexType name="Recipients"><xsd:sequence>
<xsd:element name="recipients" type="xsd:string" minOccurs="0" maxOccurs="unbounded"/>
</xsd:sequence></xsd:complexType>""",
}
"""The object `to`, with a SOAP array (True) or with repeated elements."""


_MAY_LACK: Final = ' minOccurs="0"'


def _elements(operation: str, offers: frozenset[str]) -> str:
    """The wrappers of a call and its answer, as the style `document` has them."""
    fields = "".join(
        f'<xsd:element name="{name}" type="{kind}"{_MAY_LACK if name in OPTIONAL else ""}/>'
        for name, kind in parameters(operation, offers).items()
    )
    return (
        f'<xsd:element name="{operation}"><xsd:complexType><xsd:sequence>{fields}</xsd:sequence></xsd:complexType>'
        f'</xsd:element>\n<xsd:element name="{operation}Response"><xsd:complexType><xsd:sequence>'
        '<xsd:element name="return" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element>\n'
    )


def _messages(operation: str, style: Style, offers: frozenset[str]) -> str:
    if style is Style.DOCUMENT:
        asked = f'<part name="parameters" element="isms:{operation}"/>'
        answered = f'<part name="parameters" element="isms:{operation}Response"/>'
    else:
        fields = parameters(operation, offers).items()
        asked = "".join(f'<part name="{name}" type="{kind}"/>' for name, kind in fields)
        answered = '<part name="return" type="xsd:string"/>'
    return (
        f'<message name="{operation}Request">{asked}</message>\n'
        f'<message name="{operation}Response">{answered}</message>\n'
    )


def _port(operation: str) -> str:
    return (
        f'<operation name="{operation}"><input message="isms:{operation}Request"/>'
        f'<output message="isms:{operation}Response"/></operation>\n'
    )


def _binding(operation: str, style: Style) -> str:
    body = {
        Style.RPC_ENCODED: f'<soap:body use="encoded" namespace="{NAMESPACE}" encodingStyle="{ENCODING}"/>',
        Style.RPC_LITERAL: f'<soap:body use="literal" namespace="{NAMESPACE}"/>',
        Style.DOCUMENT: '<soap:body use="literal"/>',
    }[style]
    return (
        f'<operation name="{operation}"><soap:operation soapAction="{action(operation)}"/>'
        f"<input>{body}</input><output>{body}</output></operation>\n"
    )
