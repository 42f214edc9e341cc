"""Delivery reports, the calls: the sandbox calls the `dlr-url` of a message that has become final.

It does what reports do elsewhere: it comes twice if told so, and again and again until it is answered with 200.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from yarl import URL

from isms_data.simulator.dlr import is_loopback
from isms_data.simulator.ledger import Message, ReportAttempt

if TYPE_CHECKING:
    from isms_data.simulator.dlr import ReportSettings
    from isms_data.simulator.simulator import Simulator

LOOK_EVERY_S: Final = 0.02
"""How often the reporter looks whether a message has become final; the clock may be one that a test moves by hand."""

REPORT_TIMEOUT_S: Final = 10.0
CONNECTIONS: Final = 16


async def report(simulator: Simulator) -> None:
    """Report every message that becomes final, until cancelled."""
    timeout = ClientTimeout(total=REPORT_TIMEOUT_S)
    async with (
        ClientSession(timeout=timeout, connector=TCPConnector(limit=CONNECTIONS)) as session,
        asyncio.TaskGroup() as group,
    ):
        while True:
            for message in simulator.due_reports():
                for _ in range(simulator.reports.copies):
                    group.create_task(_Report(simulator, session, message).deliver())
            await asyncio.sleep(LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class _Report:
    """One copy of one report on its way."""

    simulator: Simulator
    session: ClientSession
    message: Message

    async def deliver(self) -> None:
        """Call until the answer is 200, or the attempts are used up."""
        if not is_loopback(self.message.dlr_url):
            self.record(0, problem="not called: the sandbox calls loopback addresses only")
            return
        settings = self.simulator.reports
        for attempt in range(1, settings.attempts + 1):
            try:
                status = await self.call(settings)
            except (ClientError, OSError, TimeoutError, ValueError) as error:
                self.record(attempt, problem=type(error).__name__)
            else:
                self.record(attempt, status=status)
                if status == HTTPStatus.OK:
                    return
            await asyncio.sleep(settings.repeat_after_s)

    async def call(self, settings: ReportSettings) -> int:
        """Call once; the status of the answer."""
        fields, url = settings.fields(self.message), self.message.dlr_url
        if settings.method == "GET":
            url += ("&" if "?" in url else "?") + urlencode(fields)
        form = fields if settings.method == "POST" else None
        target = URL(url, encoded=True)
        async with self.session.request(settings.method, target, data=form, allow_redirects=False) as response:
            return response.status

    def record(self, attempt: int, *, status: int | None = None, problem: str = "") -> None:
        """Write the attempt into the ledger."""
        self.simulator.ledger.reports.append(
            ReportAttempt(
                at=self.simulator.clock(),
                call_id=self.message.call_id,
                msisdn=self.message.msisdn,
                url=self.message.dlr_url,
                attempt=attempt,
                http_status=status,
                problem=problem,
            )
        )
