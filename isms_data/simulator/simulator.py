"""The sandbox as a state machine: a call goes in, a reply comes out, and the ledger knows it. No sockets."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from isms_data.simulator.accounts import DEMO_SMPP_PASSWORD, Account, Amount, exact
from isms_data.simulator.dlr import ReportSettings
from isms_data.simulator.faults import Faults, Rates
from isms_data.simulator.ledger import Ledger, Message, Request
from isms_data.simulator.pages import PAGES, Call, Refused
from isms_data.simulator.responses import Response, error_page, plain_page
from isms_data.simulator.smsc_desk import Smsc
from isms_data.simulator.smsc_faults import SmscFaults
from isms_data.simulator.smsc_settings import SmscSettings
from isms_data.simulator.soap_wsdl import SoapSettings
from isms_data.simulator.world import World
from isms_data.vocabulary import ERROR_MARK, ErrorSentence, Transport

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
    soap : SoapSettings
        How the SOAP API is described.
    log_limit : int
        How many requests the ledger keeps in full.
    clock : callable
        The time, in seconds since 1970.
    **smpp
        How the SMSC behaves: the fields of `SmscSettings`, each with `smpp_` before its name, and `smpp_faults`, given
        as `faults` is (or as SmscFaults).

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
        soap: SoapSettings | None = None,
        # how it is watched
        log_limit: int = LOG_LIMIT,
        clock: Callable[[], float] = time.time,
        **smpp: Any,
    ) -> None:
        self.ledger = Ledger(requests=deque(maxlen=log_limit))
        self.world = World(seed=seed, median_latency_s=median_latency_s, ledger=self.ledger)
        self.faults = faults if isinstance(faults, Faults) else Faults(faults, seed=seed)
        self.reports = reports or ReportSettings()
        self.soap = soap or SoapSettings()
        self.clock = clock
        self.username = username
        self.password = password
        self.accounts: dict[str, Account] = {}
        self._requests = count(1)
        self._lock = threading.Lock()
        smpp_faults = smpp.pop("smpp_faults", 0.0)
        self.smsc = Smsc(
            self.world,
            self.accounts,
            settings=SmscSettings.of(smpp),
            faults=smpp_faults if isinstance(smpp_faults, SmscFaults) else SmscFaults(smpp_faults, seed=seed),
            clock=clock,
            numbers=self._requests,
            lock=self._lock,
        )
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
        smpp_password: str = DEMO_SMPP_PASSWORD,
    ) -> Account:
        """Open an account, or put a new one in the place of one that has this name."""
        account = Account(
            username=username,
            password=password,
            credits=exact(credits),
            price_per_segment=exact(price_per_segment),
            price_per_lookup=exact(price_per_lookup),
            smpp_password=smpp_password,
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
            reply = self._carry_out(request, params.get("password"), Transport.HTTP)
            self.ledger.record(replace(request, carried_out=True, http_status=200, reply=reply))
        return reply

    def respond(
        self,
        page: str,
        params: Mapping[str, str],
        *,
        transport: Transport = Transport.HTTP,
        dressed: Callable[[str], Response] = plain_page,
    ) -> Response:
        """Answer a call as it comes over the wire, with the fault that is due; `dressed` makes a page of a reply."""
        with self._lock:
            request = self._arrival(page, params, method="GET" if transport is Transport.HTTP else "POST")
            fault = self.faults.draw(page)
            carried_out = fault is None or fault.carried_out
            reply = self._carry_out(request, params.get("password"), transport) if carried_out else ""
            whole = dressed(reply)
            response = self.faults.spoil(fault, whole, request.at) if fault else whole
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

    def turn_away(self, status: int, page: str, *, method: str = "GET", response: Response | None = None) -> Response:
        """Answer a request that reaches no page: with 404, 405, 414 or 415, or with a response of its own."""
        response = response or error_page(status)
        with self._lock:
            request = self._arrival(page, {}, method=method)
            self.ledger.record(replace(request, http_status=status, reply=response.body))
        return response

    def due_reports(self) -> list[Message]:
        """The messages that have become final and want to be reported; each is named once."""
        with self._lock:
            return self.world.due_reports(self.clock())

    def _arrival(self, page: str, params: Mapping[str, str], *, method: str = "GET") -> Request:
        public = {name: value for name, value in params.items() if name != "password"}
        return Request(next(self._requests), self.clock(), method, page, public)

    def _carry_out(self, request: Request, password: str | None, transport: Transport) -> str:
        carry_out = PAGES[request.page]
        account = self.accounts.get(request.params.get("username", ""))
        if account is None or account.password != password:
            return f"{ERROR_MARK} {ErrorSentence.AUTHENTICATION}"
        try:
            return carry_out(Call(self.world, account, request.params, request.number, request.at, transport))
        except Refused as refusal:
            return f"{ERROR_MARK} {refusal.sentence}"
