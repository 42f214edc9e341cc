"""SOAP 1.1 envelopes as the sandbox reads and writes them: to the letter of the WSDL, and suspicious.

What a lenient server would let pass is a fault here: another namespace, another order, a parameter that is not in the
WSDL, a count in `arrayType` that is not that of the items, a document type. `message` alone is taken behind `to`
whether the WSDL names it or not.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from isms_data.simulator.soap_wsdl import ENCODING, NAMESPACE, OPTIONAL, QUERY, SEND, XSD, Style, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

_TYPE: Final = f"{{{XSI}}}type"
_ARRAY_TYPE: Final = f"{{{ENCODING}}}arrayType"
_FLAGS: Final = {"true": "1", "1": "1", "false": "0", "0": "0"}
"""The spellings of an xsd:boolean, and what send.php calls them."""


_REFUSED: Final = {True: "Document types and entities are refused.", False: "Bad request: not well-formed XML."}


class Unsound(Exception):
    """The envelope is no call: `code` is the fault code of SOAP 1.1, 4.4.1."""

    def __init__(self, sentence: str, code: str = "Client") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class SoapCall(NamedTuple):
    """A call, its parameters under their names in the HTTP API."""

    operation: str
    params: dict[str, str]


def need(met: object, sentence: str, code: str = "Client") -> None:
    """Raise `Unsound` where something is not met."""
    if not met:
        raise Unsound(sentence, code)


def read_call(body: bytes, style: Style, offers: frozenset[str]) -> SoapCall:
    """Read an envelope.

    Raises
    ------
    Unsound   anything at all is not as the WSDL of that style says.
    """
    call = _only_call(_parsed(body))
    namespace, _, operation = call.tag.removeprefix("{").rpartition("}")
    need(namespace == NAMESPACE and operation in {SEND, QUERY}, f"Procedure {call.tag!r} is not present.")
    _check_encoding(call, style)
    inside = f"{{{NAMESPACE}}}" if style is Style.DOCUMENT else ""
    given = {child.tag: child for child in call}
    need(len(given) == len(call), "A parameter is there twice.")
    known = [inside + name for name in parameters(operation, offers | {"message"})]
    in_order = [tag for tag in known if tag in given]
    need(list(given) == in_order, f"The parameters are not {', '.join(known)} in this order and namespace.")
    lacking = [tag for tag in known if tag not in given and tag.removeprefix(inside) not in OPTIONAL]
    need(not lacking, f"Missing parameter {', '.join(lacking)}.")
    values = {tag.removeprefix(inside): child for tag, child in given.items()}
    if operation == QUERY:
        texts = {name: _text(child) for name, child in values.items()}
        return SoapCall(QUERY, texts | {"mid": texts.pop("message_id")})
    special = {"to": ",".join(_recipients(values.pop("to"), style)), "flash": _flag(values.pop("flash"))}
    return SoapCall(SEND, {name: _text(child) for name, child in values.items()} | special)


def answer(operation: str, style: Style, value: str) -> str:
    """The envelope of a result."""
    if style is Style.DOCUMENT:
        inside = f'<{operation}Response xmlns="{NAMESPACE}"><return>{escape(value)}</return></{operation}Response>'
    else:
        typed = f' xsi:type="xsd:string" xmlns:xsi="{XSI}" xmlns:xsd="{XSD}"' if style is Style.RPC_ENCODED else ""
        inside = (
            f'<ns1:{operation}Response xmlns:ns1="{NAMESPACE}"><return{typed}>{escape(value)}</return>'
            f"</ns1:{operation}Response>"
        )
    return _envelope(inside)


def fault(sentence: str, code: str = "Server") -> str:
    """The envelope of a fault."""
    return _envelope(
        f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:{code}</faultcode><faultstring>{escape(sentence)}</faultstring>"
        "</SOAP-ENV:Fault>"
    )


def _envelope(inside: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="{ENVELOPE}">'
        f"<SOAP-ENV:Body>{inside}</SOAP-ENV:Body></SOAP-ENV:Envelope>\n"
    )


def _parsed(body: bytes) -> Element:
    """The root, the names of types in it written out as `{namespace}name`."""
    scopes: list[tuple[str, str]] = []
    root: Element | None = None
    try:
        for event, item in iterparse(BytesIO(body), ("start-ns", "end-ns", "start"), forbid_dtd=True):
            if event == "start-ns":
                scopes.append(item)
            elif event == "end-ns":
                scopes.pop()
            else:
                root = item if root is None else root
                for name in {_TYPE, _ARRAY_TYPE} & set(item.attrib):
                    prefix, _, local = item.attrib[name].strip().rpartition(":")
                    item.attrib[name] = f"{{{dict(scopes).get(prefix, '')}}}{local}"
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unsound(_REFUSED[isinstance(error, DefusedXmlException)]) from None
    assert root is not None  # noqa: S101 - XML without a root is a ParseError
    return root


def _only_call(root: Element) -> Element:
    need(root.tag == f"{{{ENVELOPE}}}Envelope", "Wrong version: no SOAP 1.1 envelope.", "VersionMismatch")
    parts = [child.tag.rpartition("}")[2] for child in root if child.tag.startswith(f"{{{ENVELOPE}}}")]
    sound = parts in (["Body"], ["Header", "Body"]) and len(parts) == len(root)
    need(sound, "An envelope has a Header, which may be missing, and a Body.")
    for header in root.iterfind(f"{{{ENVELOPE}}}Header/*"):
        may_be_skipped = header.get(f"{{{ENVELOPE}}}mustUnderstand") != "1"
        need(may_be_skipped, "A header is not understood.", "MustUnderstand")
    calls = root.findall(f"{{{ENVELOPE}}}Body/*")
    need(len(calls) == 1, "The Body has one call.")
    return calls[0]


def _check_encoding(call: Element, style: Style) -> None:
    told = {element.get(f"{{{ENVELOPE}}}encodingStyle") for element in call.iter()} - {None}
    allowed = {ENCODING} if style is Style.RPC_ENCODED else set()
    need(told <= allowed, f"encodingStyle is none of {sorted(allowed)}.")


def _text(element: Element, kind: str = "string") -> str:
    need(not len(element), f"{element.tag} is a text and has elements in it.")
    need(element.get(_TYPE) in {None, f"{{{XSD}}}{kind}"}, f"{element.tag} is no xsd:{kind}.")
    return element.text or ""


def _flag(element: Element) -> str:
    word = _text(element, "boolean").strip()
    need(word in _FLAGS, f"{element.tag} is no xsd:boolean.")
    return _FLAGS[word]


def _recipients(to: Element, style: Style) -> Iterable[str]:
    """The numbers: repeated elements, or one SOAP array (5.4.2), whose items may have any name."""
    tag = f"{{{NAMESPACE}}}recipients" if style is Style.DOCUMENT else "recipients"
    sound = not (to.text or "").strip() and all(child.tag == tag for child in to)
    need(sound, "'to' is an object with the one property 'recipients'.")
    if style is not Style.RPC_ENCODED:
        return [_text(child) for child in to]
    sound = len(to) == 1 and to[0].get(_ARRAY_TYPE) == f"{{{XSD}}}string[{len(to[0])}]"
    need(sound, "'recipients' is one array of so many xsd:string as its arrayType says.")
    return [_text(item) for item in to[0]]
