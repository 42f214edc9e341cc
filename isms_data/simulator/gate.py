"""The sandbox's door: a raw HTTP request in, the bytes that its answer says out, or their absence."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from aiohttp import web

from isms_data.simulator.control import CONTROL
from isms_data.simulator.responses import Ending, Response
from isms_data.simulator.soap import soap_response
from isms_data.vocabulary import CALLS

if TYPE_CHECKING:
    from isms_data.simulator.simulator import Simulator

BASE_PATH: Final = "/api/http/"

MAX_LINE_BYTES: Final = 8190
"""Apache's default LimitRequestLine: method, target, version and the two spaces between them."""

SERVER_NAME: Final = "isms-sandbox"

_PAGES: Final = {BASE_PATH + call.page: call.page for call in CALLS}

_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""`struct linger`: on, for no time at all, so that closing sends a reset."""


class Gate:
    """The handler of all requests to one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; the ledger counts it as in flight meanwhile, the sandbox's own pages excepted."""
        path, _, query = request.raw_path.partition("?")
        control = CONTROL.get(path)
        if control:
            return await control(request, self._simulator)
        ledger = self._simulator.ledger
        ledger.entered()
        try:
            response = await soap_response(request, self._simulator) or self._answer(request, path, query)
            if response.delay_s:
                await asyncio.sleep(response.delay_s)
            return _put_on_wire(request, response)
        finally:
            ledger.left()

    def _answer(self, request: web.BaseRequest, path: str, query: str) -> Response:
        page = _PAGES.get(path)
        name = page or path
        if _line_bytes(request) > MAX_LINE_BYTES:
            return self._simulator.turn_away(414, name, method=request.method)
        if page is None:
            return self._simulator.turn_away(404, name, method=request.method)
        if request.method != "GET":
            return self._simulator.turn_away(405, name, method=request.method)
        return self._simulator.respond(page, parameters(query))


def parameters(query: str) -> dict[str, str]:
    """The parameters of a query as PHP reads them: `+` and `%20` are spaces, the last of a name wins.

    >>> parameters("to=30690,30691&message=a+b%20c&message=%CE%B1&dlr-url=http%3A%2F%2Flocalhost&flash")
    {'to': '30690,30691', 'message': 'α', 'dlr-url': 'http://localhost', 'flash': ''}
    """
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {_decoded(name): _decoded(value) for name, _, value in pairs}


def _decoded(text: str) -> str:
    """Bytes that are no UTF-8 become U+FFFD."""
    return unquote_to_bytes(text.replace("+", " ").encode(errors="surrogateescape")).decode(errors="replace")


def _line_bytes(request: web.BaseRequest) -> int:
    target = len(request.raw_path.encode(errors="surrogateescape"))
    return len(request.method) + 1 + target + 1 + len("HTTP/1.1")


def _put_on_wire(request: web.BaseRequest, response: Response) -> web.Response:
    """What aiohttp is to send; where the connection is gone already, what it will fail to send."""
    body = response.body.encode()
    if response.ending is not Ending.WHOLE:
        _break_off(request, response.ending, body)
        return web.Response()
    headers = {"Server": SERVER_NAME, "Content-Type": f"{response.content_type}; charset=UTF-8"}
    if response.retry_after:
        headers["Retry-After"] = response.retry_after
    if response.http_status == 405:
        headers["Allow"] = "GET"
    answer = web.Response(status=response.http_status, body=body, headers=headers)
    if response.http_status == 414:
        answer.force_close()
    return answer


def _break_off(request: web.BaseRequest, ending: Ending, body: bytes) -> None:
    """End the connection without an answer, or in the middle of one: two thirds of the promised bytes come."""
    transport = request.transport
    if transport is None:  # the client was faster
        return
    if ending is Ending.CUT_SHORT:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
        transport.write(head.encode() + body[: len(body) * 2 // 3])
        transport.close()
        return
    if ending is Ending.RESET:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
