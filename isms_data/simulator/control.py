"""What no gateway has, for tests in other processes: `/sandbox/ledger`, `.../faults`, `.../smpp`, `.../health`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiohttp import web

from isms_data.simulator.faults import Faults
from isms_data.simulator.ledger import KINDS, row
from isms_data.simulator.smsc_faults import SmscFaults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from isms_data.simulator.simulator import Simulator

F = TypeVar("F", Faults, SmscFaults)

SLICE: Final = 1000
"""So many entries are written at a time; between two slices the sandbox answers other requests."""


async def ledger_page(request: web.BaseRequest, simulator: Simulator) -> web.StreamResponse:
    """The ledger as JSON: the summary, then each kind asked for (`?kind=`, all by default) from `since` on."""
    try:
        kinds = _kinds(request)
        since, limit = _whole(request, "since", 0), _whole(request, "limit", sys.maxsize)
    except ValueError as error:
        return web.Response(status=400, text=str(error))
    chosen = {kind: simulator.ledger.entries(kind)[since : since + limit] for kind in kinds}
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(f'{{"summary": {json.dumps(simulator.ledger.summary())}'.encode())
    for kind, entries in chosen.items():
        await response.write(f', "{kind}": ['.encode())
        for start in range(0, len(entries), SLICE):
            rows = json.dumps([row(entry) for entry in entries[start : start + SLICE]])
            await response.write(f"{', ' if start else ''}{rows[1:-1]}".encode())
            await asyncio.sleep(0)
        await response.write(b"]")
    await response.write(b"}")
    await response.write_eof()
    return response


async def faults_page(request: web.BaseRequest, simulator: Simulator) -> web.StreamResponse:
    """GET: the faults in force. PUT: others in place of all of them, scripts included."""
    if request.method == "PUT":
        try:
            simulator.faults = _scripted(Faults, json.loads(await request.read()))
        except (TypeError, ValueError) as error:
            return web.Response(status=400, text=str(error))
    return web.json_response(simulator.faults.settings())


async def smpp_page(request: web.BaseRequest, simulator: Simulator) -> web.StreamResponse:
    """GET: the settings and faults of the SMSC. PUT: other values for the settings that are named, other faults."""
    smsc = simulator.smsc
    if request.method == "PUT":
        try:
            body = json.loads(await request.read())
            smsc.settings.change(body.get("settings", {}))
            if "faults" in body:
                smsc.faults = _scripted(SmscFaults, body["faults"])
        except (AttributeError, TypeError, ValueError) as error:
            return web.Response(status=400, text=str(error))
    return web.json_response({"settings": smsc.settings.shown(), "faults": smsc.faults.settings()})


async def health_page(_request: web.BaseRequest, simulator: Simulator) -> web.StreamResponse:
    """That the sandbox is up, and what its accounts have."""
    balances = {account.username: str(account.balance) for account in simulator.accounts.values()}
    return web.json_response({"status": "ok", "balances": balances})


CONTROL: Final[dict[str, Callable[[web.BaseRequest, Simulator], Awaitable[web.StreamResponse]]]] = {
    "/sandbox/ledger": ledger_page,
    "/sandbox/faults": faults_page,
    "/sandbox/smpp": smpp_page,
    "/sandbox/health": health_page,
}


def _kinds(request: web.BaseRequest) -> list[str]:
    kinds: list[str] = request.query.getall("kind", [*KINDS])
    unknown = [kind for kind in kinds if kind not in {*KINDS, "summary"}]
    if unknown:
        msg = f"kind={unknown[0]} is none of summary, {', '.join(KINDS)}"
        raise ValueError(msg)
    return [kind for kind in kinds if kind != "summary"]


def _whole(request: web.BaseRequest, name: str, otherwise: int) -> int:
    text = request.query.get(name, str(otherwise))
    if not text.isdecimal():
        msg = f"{name}={text} is no number of entries"
        raise ValueError(msg)
    return int(text)


def _scripted(kind: type[F], body: Any) -> F:
    script = body.pop("script", []) if isinstance(body, dict) else []
    faults = kind(**body)
    for entry in script:
        faults.script(**entry)
    return faults
