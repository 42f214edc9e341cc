"""The sandbox as a state machine: a call goes in, a reply comes out, and the ledger knows it. No sockets."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from isms_data.simulator.accounts import Account, Amount, exact
from isms_data.simulator.dlr import ReportSettings
from isms_data.simulator.faults import Faults, Rates
from isms_data.simulator.ledger import Ledger, Message, Request
from isms_data.simulator.pages import PAGES, Call, Refused
from isms_data.simulator.responses import Response, error_page
from isms_data.simulator.world import World
from isms_data.vocabulary import ERROR_MARK, ErrorSentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEMO_USERNAME: Final = "demo"
DEMO_PASSWORD: Final = "sandbox-password"  # noqa: S105 - of the sandbox's own account, on this machine only

LOG_LIMIT: Final = 100_000
"""So many requests are kept in full; the ledger of a run of a million polls would fill the memory otherwise."""


class Simulator:
    """The gateway: accounts, numbers, messages, lookups, contacts, faults, and the ledger of it all.

    Parameters
    ----------
    seed : int
        Decides the fate of every number, and when faults come.
    username, password, credits
        The first account; `add_account` makes others.
    price_per_segment, price_per_lookup
        In credits.
    median_latency_s : float
        Half of the answers are there after so many seconds; the slowest take 60 times as long
        (messages to absent subscribers 300 times).
    faults : mapping of kind to rate, one rate for every kind, or Faults
    reports : ReportSettings
        What a delivery report looks like.
    log_limit : int
        How many requests the ledger keeps in full.
    clock : callable
        The time, in seconds since 1970.

    Examples
    --------
    >>> gateway = Simulator(seed=7, median_latency_s=0)
    >>> who = {"username": "demo", "password": "sandbox-password"}
    >>> reply = gateway.handle("hlr.php", who | {"mobiles": "306970000004"})
    >>> gateway.handle("hlrquery.php", who | {"mid": reply.removeprefix("ID:"), "mobile": "306970000004"})
    'Delivered;Greece;COSMOTE;202017064858369;306970019890;0'
    >>> gateway.handle("credits.php", who), gateway.ledger.charged()
    ('Credits:9999.00', Decimal('1'))
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        # the first account
        username: str = DEMO_USERNAME,
        password: str = DEMO_PASSWORD,
        credits: Amount = 10_000,
        price_per_segment: Amount = 1,
        price_per_lookup: Amount = 1,
        # how it behaves
        median_latency_s: float = 2.0,
        faults: Rates | Faults = 0.0,
        reports: ReportSettings | None = None,
        # how it is watched
        log_limit: int = LOG_LIMIT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = Ledger(requests=deque(maxlen=log_limit))
        self.world = World(seed=seed, median_latency_s=median_latency_s, ledger=self.ledger)
        self.faults = faults if isinstance(faults, Faults) else Faults(faults, seed=seed)
        self.reports = reports or ReportSettings()
        self.clock = clock
        self.username = username
        self.password = password
        self.accounts: dict[str, Account] = {}
        self._requests = 0
        self._lock = threading.Lock()
        self.add_account(
            username,
            password,
            credits=credits,
            price_per_segment=price_per_segment,
            price_per_lookup=price_per_lookup,
        )

    def add_account(
        self,
        username: str,
        password: str,
        *,
        credits: Amount,
        price_per_segment: Amount = 1,
        price_per_lookup: Amount = 1,
    ) -> Account:
        """Open an account, or put a new one in the place of one that has this name."""
        account = Account(
            username=username,
            password=password,
            credits=exact(credits),
            price_per_segment=exact(price_per_segment),
            price_per_lookup=exact(price_per_lookup),
        )
        self.accounts[username] = account
        return account

    def pin(self, msisdn: str, *, reply: str | None = None, latency_s: float | None = None) -> None:
        """Settle what a number answers, or after how many seconds; see `World.pin`."""
        self.world.pin(msisdn, reply=reply, latency_s=latency_s)

    def handle(self, page: str, params: Mapping[str, str]) -> str:
        """Carry out a call, without faults; the text of the reply.

        Raises
        ------
        KeyError   there is no such page.
        """
        with self._lock:
            request = self._arrival(page, params)
            reply = self._carry_out(request, params.get("password"))
            self.ledger.record(replace(request, carried_out=True, http_status=200, reply=reply))
        return reply

    def respond(self, page: str, params: Mapping[str, str]) -> Response:
        """Answer a call as it comes over the wire, with the fault that is due."""
        with self._lock:
            request = self._arrival(page, params)
            fault = self.faults.draw(page)
            carried_out = fault is None or fault.carried_out
            reply = self._carry_out(request, params.get("password")) if carried_out else ""
            response = self.faults.spoil(fault, reply, request.at) if fault else Response(200, reply)
            self.ledger.record(
                replace(
                    request,
                    carried_out=carried_out,
                    fault=fault,
                    http_status=response.http_status,
                    reply=response.body,
                )
            )
        return response

    def turn_away(self, status: int, page: str, *, method: str = "GET") -> Response:
        """Answer a request that reaches no page: 404, 405 or 414."""
        response = error_page(status)
        with self._lock:
            request = self._arrival(page, {}, method=method)
            self.ledger.record(replace(request, http_status=status, reply=response.body))
        return response

    def due_reports(self) -> list[Message]:
        """The messages that have become final and want to be reported; each is named once."""
        with self._lock:
            return self.world.due_reports(self.clock())

    def _arrival(self, page: str, params: Mapping[str, str], *, method: str = "GET") -> Request:
        self._requests += 1
        public = {name: value for name, value in params.items() if name != "password"}
        return Request(self._requests, self.clock(), method, page, public)

    def _carry_out(self, request: Request, password: str | None) -> str:
        carry_out = PAGES[request.page]
        account = self.accounts.get(request.params.get("username", ""))
        if account is None or account.password != password:
            return f"{ERROR_MARK} {ErrorSentence.AUTHENTICATION}"
        try:
            return carry_out(Call(self.world, account, request.params, request.number, request.at))
        except Refused as refusal:
            return f"{ERROR_MARK} {refusal.sentence}"
