"""What a SOAP reply says: its one value, or its fault. Pure: bytes in, values out.

The provider's WSDL is not known, so replies are read by the standard's own rule and not by names: in a method response
the first accessor is the return value, and neither its name nor that of the struct around it is significant (SOAP 1.1,
7.1); a value may stand elsewhere in the body, referred to by `href` (5.4.1). What is then there must be a documented
word, an id, or a documented sentence: nothing is guessed at. Document types, and with them entities, are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from isms_data import replies
from isms_data.errors import GatewayError, ProtocolError, mask
from isms_data.vocabulary import ERROR_MARK, ID_MARK

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"

DEEPEST: Final = 8
"""How far inside a value may lie; the limit ends references, and types, that lead in a circle."""

MAX_QUOTED: Final = 80
"""How much of a fault an error quotes."""

UNREADABLE: Final = (ParseError, DefusedXmlException, ValueError, LookupError)
"""Not XML, a document type, or an encoding that cannot be read."""

_LONG_NUMBER: Final = re.compile(r"\d{9,}")
_BEFORE_XML: Final = b"\xef\xbb\xbf \t\r\n"


class Reply(NamedTuple):
    """One reply: the text of its value, or that of its fault, or why it has neither."""

    value: str | None = None
    fault: str | None = None
    problem: str = ""

    @property
    def told(self) -> str:
        """What the gateway said, in whichever place."""
        return self.value or self.fault or ""


def read(body: bytes) -> Reply:
    """Read an envelope.

    >>> inside = "<sendResponse><return>I7I5R4HTAA</return></sendResponse>"
    >>> read(f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>{inside}</e:Body></e:Envelope>'.encode()).value
    'I7I5R4HTAA'
    """
    content = _content(body)
    if content is None:
        return Reply(problem=f"{len(body):,} bytes that are no SOAP 1.1 envelope")
    fault = content.find(f"{{{ENVELOPE}}}Fault")
    if fault is not None:
        return Reply(fault="".join(child.text or "" for child in fault if _local(child) == "faultstring"))
    value = _value(content)
    return Reply(value) if value is not None else Reply(problem="an envelope that has not one value in it")


def message_id(value: str) -> str:
    """The id of an accepted message, with or without the `ID:` that it has over HTTP.

    >>> message_id("0000001"), message_id("ID:I7I5R4HTAA")
    ('0000001', 'I7I5R4HTAA')
    """
    return replies.read_id(value if value.startswith(ID_MARK) else ID_MARK + value)


def documented(told: str) -> GatewayError | None:
    r"""The error of a documented sentence, however it is spaced and whatever is in front of its colon; else None.

    >>> documented("SOAP-ERROR:  No\n recipients. ")
    NoRecipients("the gateway says 'No recipients.'. Give at least one number.")
    """
    sentence = " ".join(told.rpartition(":")[2].split())
    return replies.documented_error(f"{ERROR_MARK} {sentence}")


def not_understood(reply: Reply) -> ProtocolError:
    """What to say of a reply that the documentation does not know: a fault, or no envelope at all."""
    masked = _LONG_NUMBER.sub(lambda found: mask(found[0]), " ".join(reply.told.split()))
    quoted = masked if len(masked) <= MAX_QUOTED else masked[:MAX_QUOTED] + "…"
    msg = f"the gateway replied with {reply.problem or f'the fault {quoted!r}, which is not documented'}."
    return ProtocolError(f"{msg} It is not guessed at.")


def _content(body: bytes) -> Element | None:
    """The `Body` of the envelope, None where there is none."""
    try:
        root: Element = fromstring(body.lstrip(_BEFORE_XML), forbid_dtd=True)
    except UNREADABLE:
        return None
    return root.find(f"{{{ENVELOPE}}}Body") if root.tag == f"{{{ENVELOPE}}}Envelope" else None


def _value(content: Element) -> str | None:
    """The text at the end of the way from the body inwards, None where the way forks."""
    independent = {element.get("id"): element for element in content if element.get("id")}
    node = next(iter(content), content)
    for _ in range(DEEPEST):
        node = independent.get(node.get("href", "").removeprefix("#"), node)
        inner = list(node)
        if not inner:
            return (node.text or "").strip()
        if len(inner) > 1 or (node.text or "").strip():
            return None
        node = inner[0]
    return None


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
