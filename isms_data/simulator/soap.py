"""The sandbox's SOAP door: envelopes in, carried out by the same pages as over HTTP, envelopes out.

GET  /api/soap/sms.wsdl, /api/soap/?wsdl    the WSDL; `?style=rpc/literal` gives it in another style than is set
POST /api/soap/                             a call; `?style=` as the WSDL of that style says
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote

from isms_data.simulator.responses import Response
from isms_data.simulator.soap_envelopes import Unsound, answer, fault, need, read_call
from isms_data.simulator.soap_wsdl import QUERY, SEND, Style, action, wsdl
from isms_data.vocabulary import ERROR_MARK, ID_MARK, STATUS_MARK, Transport
from isms_data.vocabulary import QUERY as QUERY_PAGE
from isms_data.vocabulary import SEND as SEND_PAGE

if TYPE_CHECKING:
    from aiohttp import web

    from isms_data.simulator.simulator import Simulator

SOAP_PATH: Final = "/api/soap/"
WSDL_PATH: Final = "/api/soap/sms.wsdl"

_PAGES: Final = {SEND: SEND_PAGE.page, QUERY: QUERY_PAGE.page}
_XML: Final = "text/xml"


async def soap_response(request: web.BaseRequest, simulator: Simulator) -> Response | None:
    """What a request for a path of the SOAP API is answered with; None where the path is none of them."""
    path, _, query = request.raw_path.partition("?")
    if path not in {SOAP_PATH, WSDL_PATH}:
        return None
    asked = parse_qs(query, keep_blank_values=True)
    try:
        style = Style(asked.get("style", [simulator.soap.style])[-1])
    except ValueError:
        return simulator.turn_away(404, path, method=request.method)
    if request.method == "GET" and (path == WSDL_PATH or "wsdl" in asked):
        address = f"http://{request.host}{SOAP_PATH}" + (f"?style={quote(style)}" if "style" in asked else "")
        return Response(200, wsdl(style, frozenset(simulator.soap.offers), address), _XML)
    if path == WSDL_PATH or request.method != "POST":
        return simulator.turn_away(405, path, method=request.method)
    if request.content_type != _XML:
        return simulator.turn_away(415, path, method=request.method)
    return _called(await request.read(), request.headers.get("SOAPAction"), style, simulator)


def _called(body: bytes, soap_action: str | None, style: Style, simulator: Simulator) -> Response:
    try:
        call = read_call(body, style, frozenset(simulator.soap.offers))
        need(soap_action == f'"{action(call.operation)}"', "SOAPAction is not that of the operation.")
    except Unsound as problem:
        response = Response(500, fault(problem.sentence, problem.code), _XML)
        return simulator.turn_away(500, SOAP_PATH, method="POST", response=response)
    return simulator.respond(
        _PAGES[call.operation],
        call.params,
        transport=Transport.SOAP,
        dressed=lambda reply: _dressed(reply, call.operation, style),
    )


def _dressed(reply: str, operation: str, style: Style) -> Response:
    """The reply of a page as an envelope: its value alone, or its error sentence as a fault."""
    mark, _, rest = reply.partition(":")
    if f"{mark}:" == ERROR_MARK:
        return Response(500, fault(rest.strip()), _XML)
    value = reply.removeprefix(ID_MARK).removeprefix(STATUS_MARK).strip()
    return Response(200, answer(operation, style, value), _XML)
