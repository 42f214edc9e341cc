"""A local stand-in for the gateway, written from docs/protocol.md and sharing only the vocabulary with the client.

`Simulator` is the gateway without sockets, `SimulatorServer` puts it behind HTTP in a thread, `serve` makes it the
whole work of a process. What it does is for users in docs/sandbox.md.

    chance, networks, subscribers   who answers how
    segments, schedules, pages      what the seven pages do
    accounts, ledger, world         what lasts
    faults, responses, dlr          what goes wrong, what goes out
    simulator                       Simulator: all of the above, no I/O
    smsc, smsc_...                  SMPP: its own port, the same numbers and ledger
    soap, soap_envelopes, soap_wsdl the same calls in envelopes
    gate, control, reporter, server HTTP in, HTTP out
"""

from isms_data.simulator.dlr import ReportSettings
from isms_data.simulator.faults import Fault, Faults
from isms_data.simulator.ledger import Ledger
from isms_data.simulator.server import SimulatorServer, serve
from isms_data.simulator.simulator import Simulator
from isms_data.simulator.smsc_faults import SmscFault, SmscFaults
from isms_data.simulator.soap_wsdl import SoapSettings

__all__ = [
    "Fault",
    "Faults",
    "Ledger",
    "ReportSettings",
    "Simulator",
    "SimulatorServer",
    "SmscFault",
    "SmscFaults",
    "SoapSettings",
    "serve",
]
