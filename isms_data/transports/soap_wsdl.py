"""What a WSDL says of the two operations, and the envelopes that follow from it: rpc/encoded, rpc/literal, document.

zeep reads the WSDL and makes the envelopes; it is an optional extra, imported when the first WSDL is read. It never
opens anything itself: `read` hands it the documents that are there, and says which one is missing (`Wanted`). Three
things it leaves undone and `Operation` adds: the list of recipients (zeep cannot write an empty SOAP array and leaves
out `arrayType`, which SOAP 1.1, 5.4.2 demands), the type of each accessor in an encoded call (5.1), and `message`
where the WSDL, like the provider's page, has no parameter for the text.

zeep logs no envelope here: only its own transport does that, and it is not used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from defusedxml.ElementTree import fromstring

from isms_data.errors import ConfigurationError, TextError
from isms_data.transports.soap_replies import DEEPEST, ENVELOPE, UNREADABLE
from isms_data.vocabulary import SEND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

ENCODING: Final = "http://schemas.xmlsoap.org/soap/encoding/"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP: Final = "http://schemas.xmlsoap.org/wsdl/soap/"

SHIPPED: Final = "isms.wsdl"
"""The WSDL of this package, made from the provider's page."""

BUNDLED: Final = {
    "schemas.xmlsoap.org/soap/encoding": "soap_encoding.xsd",
    "schemas.xmlsoap.org/wsdl": "soap_wsdl.xsd",
    "www.w3.org/2001/xml.xsd": "soap_xml.xsd",
}
"""Schemas that WSDLs import from elsewhere, and the files here that stand in for them."""

EXTRA: Final = "SOAP needs the library zeep, which is not installed. Install it with `pip install 'isms_data[soap]'`."

SEND_NAME: Final = "send"
QUERY_NAME: Final = "query"
TO: Final = "to"
MESSAGE: Final = "message"

_NEEDED: Final = {
    SEND_NAME: (*SEND.required, "coding", "flash"),
    QUERY_NAME: ("username", "password", "message_id", "mobile"),
}
"""The documented parameters, without which a WSDL is not that of this service."""

_KNOWN: Final = {SEND_NAME: (*_NEEDED[SEND_NAME], *SEND.optional), QUERY_NAME: _NEEDED[QUERY_NAME]}

_NOTHING: Final[dict[str, dict[str, Any]]] = {
    SEND_NAME: {**dict.fromkeys(_KNOWN[SEND_NAME], ""), TO: ["x"], "flash": False},
    QUERY_NAME: dict.fromkeys(_KNOWN[QUERY_NAME], ""),
}
"""Values for a call that is never made."""

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document can hold, not even escaped (XML 1.0, 2.2)."""

_HEADER_TEXT: Final = re.compile(r"[\x21-\x7e]*")
_SCHEME: Final = re.compile(r"^https?://")


class Wanted(Exception):
    """A document that the WSDL imports and that is not there yet."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class Post(NamedTuple):
    """An envelope as it travels."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """One operation of a WSDL; `found` is zeep's view of it."""

    name: str
    found: Any
    encoded: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name, in the order of the WSDL, as zeep's elements."""
        return dict(self.found.input.body.type.elements)

    def post(self, values: Mapping[str, Any]) -> Post:
        """The envelope of a call.

        Raises
        ------
        TextError   a value has a character that XML cannot hold.
        """
        from lxml import etree  # noqa: PLC0415 - comes with zeep

        check_characters(values)
        made = self.found.create(**self._fitting(values))
        (call,) = made.content.find(f"{{{ENVELOPE}}}Body")
        given = {etree.QName(node).localname: node for node in call}
        if TO in given:
            self._fill(given[TO], list(values[TO]))
        if MESSAGE in values and MESSAGE not in given:
            given[MESSAGE] = _beside(given[TO], MESSAGE, values[MESSAGE])
        if self.encoded:
            self._say_types(call, given)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": made.headers["SOAPAction"]}
        return Post(etree.tostring(made.content, encoding="utf-8", xml_declaration=True), headers)

    def _fitting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values for zeep: no more than the WSDL names; what it demands and is not given is empty."""
        from zeep import xsd  # noqa: PLC0415 - an optional extra

        fitting: dict[str, Any] = {}
        for name, element in self.parameters.items():
            if name == TO:
                fitting[name] = {self._way[0].attr_name: xsd.SkipValue}
            elif name in values:
                fitting[name] = _spelled(values[name], element.type)
            elif not element.is_optional:
                fitting[name] = ""
        return fitting

    @property
    def _way(self) -> list[Any]:
        """From the object `to` inwards: its one property, and on to what is repeated, or is the inside of an array.

        Raises
        ------
        ValueError   the way forks, or has no end.
        """
        kind = self.parameters[TO].type
        way: list[Any] = []
        while not way or not (_is_array(way[-1]) or way[-1].accepts_multiple):
            ((_, element),) = kind.elements
            kind = element.type
            way.append(element)
            if len(way) > DEEPEST:
                raise ValueError(way)
        return way

    def _fill(self, to: Any, numbers: Sequence[str]) -> None:
        """Write the numbers as the type says: repeated elements, or one array, whose items may have any name."""
        from lxml import etree  # noqa: PLC0415 - comes with zeep

        *outer, repeated = self._way
        for element in outer:
            to = etree.SubElement(to, element.qname)
        tag = repeated.qname if not _is_array(repeated) else "item"
        if _is_array(repeated):
            to.set(f"{{{ENCODING}}}arrayType", f"xsd:string[{len(numbers)}]")
        for number in numbers:
            etree.SubElement(to, tag).text = number

    def _say_types(self, call: Any, given: Mapping[str, Any]) -> None:
        call.set(f"{{{ENVELOPE}}}encodingStyle", ENCODING)
        for name, node in given.items():
            kind = self.parameters[name].type.qname if name in self.parameters else None
            if kind is None or kind.namespace == XSD:
                node.set(f"{{{XSI}}}type", f"xsd:{kind.localname if kind else 'string'}")


@dataclass(frozen=True)
class Service:
    """The two operations, and where the WSDL says they are asked."""

    address: str
    operations: Mapping[str, Operation]

    def offers(self, name: str) -> bool:
        """Whether `send` has this parameter, by its name on the wire."""
        return name in self.operations[SEND_NAME].parameters


def read(document: bytes, location: str | None, imported: Mapping[str, bytes]) -> Service:
    """Read a WSDL; blocks for a moment, the first time for as long as importing zeep takes.

    Parameters
    ----------
    document : bytes
        The WSDL.
    location : str or None
        Its address or absolute path, on which relative imports build; None for the shipped one.
    imported : mapping of address to document
        What it imports, as far as that is there; the bundled schemas need not be.

    Raises
    ------
    Wanted               it imports what is neither given nor bundled.
    ConfigurationError   zeep is not installed; the document is no WSDL of this service, or has a document type.

    Examples
    --------
    >>> read(packaged(SHIPPED), None, {}).offers("schedule")
    False
    """
    where = location or SHIPPED
    documents = _Documents(where, imported)
    roots = [documents.checked(document)]
    found, problem = _parsed(document, location, documents)
    if problem:
        msg = f"the WSDL {where!r} cannot be used: {problem}. Check it (ISMS_SOAP_WSDL)."
        raise ConfigurationError(msg)
    roots += documents.roots
    for port in _ports(found):
        operations = {
            name: Operation(name, operation, _is_encoded(roots, port.binding.name.localname, name))
            for name in _NEEDED
            if (operation := port.binding.all().get(name)) is not None
        }
        if len(operations) == len(_NEEDED):
            for operation in operations.values():
                _check(operation, where)
            return Service((port.binding_options or {}).get("address") or "", operations)
    msg = f"the WSDL {where!r} has no SOAP 1.1 port with both operations, 'send' and 'query' (ISMS_SOAP_WSDL)."
    raise ConfigurationError(msg)


def check_characters(values: Mapping[str, Any]) -> None:
    """Refuse what XML cannot hold.

    Raises
    ------
    TextError   the message names the parameter, and of the text the character.
    """
    for name, value in values.items():
        bad = _NO_XML.search("".join(value)) if not isinstance(value, bool) else None
        if bad:
            shown = f"U+{ord(bad[0]):04X}" if name == MESSAGE else "a character"
            msg = f"{name!r} has {shown} in it, which XML cannot hold, so SOAP cannot carry it. Take it out."
            raise TextError(msg)


@cache
def packaged(name: str) -> bytes:
    """A data file of this package."""
    return resources.files("isms_data").joinpath("data", name).read_bytes()


class _Documents:
    """Where zeep gets what a WSDL imports; in the place of its transport, which would ask the network."""

    def __init__(self, where: str, imported: Mapping[str, bytes]) -> None:
        self._where = where
        self._imported = imported
        self.roots: list[Element] = []

    def load(self, url: str) -> bytes:
        """The document at an address."""
        bundled = BUNDLED.get(_SCHEME.sub("", url).rstrip("/"))
        document = packaged(bundled) if bundled else self._imported.get(url)
        if document is None:
            raise Wanted(url)
        self.roots.append(self.checked(document))
        return document

    def checked(self, document: bytes) -> Element:
        """The root of a document that is XML and has no document type; lxml does not get to see another."""
        try:
            root: Element = fromstring(document, forbid_dtd=True)
        except UNREADABLE as error:
            problem = type(error).__name__
        else:
            return root
        msg = (
            f"the WSDL {self._where!r}, or what it imports, is not XML or has a document type, which is refused "
            f"({problem}). Check ISMS_SOAP_WSDL."
        )
        raise ConfigurationError(msg)


def _parsed(document: bytes, location: str | None, documents: _Documents) -> tuple[Any, str]:
    """The WSDL as zeep sees it, or the name of what went wrong."""
    try:
        from zeep import Settings  # noqa: PLC0415 - an optional extra, and 0.2 s
        from zeep.wsdl import Document  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError(EXTRA) from None
    try:
        settings = Settings(forbid_dtd=True, force_https=False)
        found = Document(BytesIO(document), documents, base=location, settings=settings)  # type: ignore[arg-type]
        types: Any = found.types
        for prefix, namespace in (("xsd", XSD), ("xsi", XSI), ("enc", ENCODING)):
            types.set_ns_prefix(prefix, namespace)
    except (Wanted, ConfigurationError):
        raise
    except Exception as error:  # noqa: BLE001 - zeep raises anything at all on a document that it does not expect
        return None, type(error).__name__
    return found, ""


def _ports(found: Any) -> Iterator[Any]:
    """The ports that speak SOAP 1.1."""
    from zeep.wsdl.bindings import Soap11Binding  # noqa: PLC0415 - an optional extra

    for service in found.services.values():
        yield from (port for port in service.ports.values() if isinstance(port.binding, Soap11Binding))


def _is_encoded(roots: Iterable[Element], binding: str, operation: str) -> bool:
    """Whether an operation's input is encoded: zeep forgets it."""
    path = (
        f"{{{WSDL}}}binding[@name='{binding}']/{{{WSDL}}}operation[@name='{operation}']/{{{WSDL}}}input/"
        f"{{{WSDL_SOAP}}}body[@use='encoded']"
    )
    return any(root.find(path) is not None for root in roots)


def _check(operation: Operation, where: str) -> None:
    """Refuse an operation of which no envelope can be made, before anything is paid for."""
    try:
        problem = _problem(operation)
    except Exception as error:  # noqa: BLE001 - zeep's errors are many
        problem = f"has parameters that cannot be filled in ({type(error).__name__})"
    if problem:
        msg = f"the operation {operation.name!r} of the WSDL {where!r} {problem}. Check it (ISMS_SOAP_WSDL)."
        raise ConfigurationError(msg)


def _problem(operation: Operation) -> str:
    """What is wrong with an operation, as far as its names tell; then an envelope is made for nobody."""
    names = operation.parameters
    lacking = [name for name in _NEEDED[operation.name] if name not in names]
    foreign = [name for name in names if name not in _KNOWN[operation.name] and not names[name].is_optional]
    if lacking:
        return f"lacks {', '.join(lacking)}"
    if foreign:
        return f"demands {', '.join(foreign)}, not documented"
    if not _HEADER_TEXT.fullmatch(operation.found.soapaction or ""):
        return "has a soapAction that no header can hold"
    operation.post(_NOTHING[operation.name])
    return ""


def _is_array(element: Any) -> bool:
    """Whether it is what a SOAP array has inside: anything."""
    from zeep import xsd  # noqa: PLC0415 - an optional extra

    return isinstance(element, xsd.Any)


def _spelled(value: Any, kind: Any) -> Any:
    """A flag as the type says: `true` for a boolean, else `1`, as over HTTP."""
    return value if not isinstance(value, bool) or kind.qname.localname == "boolean" else str(int(value))


def _beside(to: Any, name: str, text: str) -> Any:
    """A new element behind `to`, named as that is: in the same namespace, or in none."""
    from lxml import etree  # noqa: PLC0415 - comes with zeep

    made = to.makeelement(etree.QName(etree.QName(to).namespace, name))
    made.text = text
    to.addnext(made)
    return made
