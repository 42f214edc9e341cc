"""The embedded sandbox: a local gateway with numbers that behave, for trying and testing without an account."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isms_data.account import Account
from isms_data.simulator.server import SimulatorServer
from isms_data.simulator.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class SandboxAccount(Account):
    """An account at a sandbox; `gateway` is the server, and `gateway.simulator.ledger` what it really charged."""

    gateway: SimulatorServer = field(kw_only=True, repr=False)


@contextmanager
def sandbox(
    *, credits: float | Decimal = 10_000, home: str | Path | None = None, **settings: Any
) -> Iterator[SandboxAccount]:
    """Start a local gateway that behaves as documented, and give an account at it.

    Nothing leaves this machine and nothing costs money. The numbers behave (reachable, absent, dead, ported, roaming)
    the same way each time for the same seed.

    Parameters
    ----------
    credits : number
        What the account has.
    home : path, optional
        The folder of the journal. By default `ISMS_HOME`; where that is not set, a temporary folder that is removed at
        the end. `ISMS_JOURNAL` goes before either. The journal keeps the answers of different gateways apart in any
        case.
    **settings
        As for `isms_data.simulator.simulator.Simulator`: `seed`, `median_latency_s` (seconds), `faults`,
        `price_per_lookup`, `price_per_segment`, ...

    Yields
    ------
    SandboxAccount
        An `Account` for all functions of this package; its `gateway.simulator.ledger` tells what was really charged.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox(seed=7) as account:
    ...     isms.credits(account)
    Decimal('10000.00')
    """
    simulator = Simulator(credits=Decimal(str(credits)), **settings)
    with SimulatorServer(simulator) as server, tempfile.TemporaryDirectory(prefix="isms-sandbox-") as scratch:
        yield SandboxAccount(
            simulator.username,
            simulator.password,
            base_url=server.base_url,
            soap_wsdl=server.soap_wsdl,
            smpp=server.smpp_url,
            home=home or os.environ.get("ISMS_HOME") or Path(scratch),
            gateway=server,
        )
