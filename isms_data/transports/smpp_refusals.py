"""What a `command_status` other than ESME_ROK means, for each kind of request.

A response with a status is a refusal: the request was not carried out (SMPP 3.4, 5.1.3), and nothing was charged. Two
statuses say that the same request may go through later; the others name what is wrong with it, or nothing in
particular (ESME_RSYSERR, ESME_RSUBMITFAIL, and what vendors add from 0x400 on). The latter are never repeated by
themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isms_data.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    InvalidMobile,
    InvalidSchedule,
    InvalidSender,
    NoSuchMessage,
)
from isms_data.transports.smpp_pdu import Command, Status, status_name

if TYPE_CHECKING:
    from collections.abc import Mapping

BUSY: Final = frozenset({Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL})
"""More came than the gateway takes: whoever sends slows down."""

WRONG_CREDENTIALS: Final = frozenset({Status.ESME_RINVPASWD, Status.ESME_RINVSYSID})
"""No later bind will do better. ESME_RBINDFAIL may: it also stands for a session that the gateway still holds."""

_Meaning = tuple[type[GatewayError], str]

_SLOWER: Final[_Meaning] = (GatewayUnavailable, "It was not taken; try again later, or lower rate= in ISMS_SMPP.")
_REBIND: Final[_Meaning] = (GatewayUnavailable, "It was not taken; it can go over a new bind.")
_SENDER: Final[_Meaning] = (InvalidSender, "Use a sender that the provider knows for this account.")
_MOBILE: Final[_Meaning] = (InvalidMobile, "Check the number; `clean_numbers` says what may be wrong with it.")
_SCHEDULE: Final[_Meaning] = (InvalidSchedule, "Choose another time, or another validity= in ISMS_SMPP.")
_LOGIN: Final[_Meaning] = (AuthenticationError, "Check user and password in ISMS_SMPP, and from where you may connect.")
_MESSAGE: Final[_Meaning] = (
    NoSuchMessage,
    "Check the message id, and that the sender is the one that it was sent with.",
)
_NOTHING: Final[_Meaning] = (GatewayError, "Ask the provider what it means.")

_ANY: Final[Mapping[int, _Meaning]] = {
    Status.ESME_RTHROTTLED: _SLOWER,
    Status.ESME_RMSGQFUL: _SLOWER,
    Status.ESME_RINVBNDSTS: _REBIND,
    Status.ESME_RINVSRCADR: _SENDER,
    Status.ESME_RINVSRCTON: _SENDER,
    Status.ESME_RINVSRCNPI: _SENDER,
    Status.ESME_RINVDSTADR: _MOBILE,
    Status.ESME_RINVDSTTON: _MOBILE,
    Status.ESME_RINVDSTNPI: _MOBILE,
    Status.ESME_RINVSCHED: _SCHEDULE,
    Status.ESME_RINVEXPIRY: _SCHEDULE,
}
_QUERY: Final[Mapping[int, _Meaning]] = {**_ANY, Status.ESME_RINVMSGID: _MESSAGE, Status.ESME_RQUERYFAIL: _MESSAGE}
_BIND: Final[Mapping[int, _Meaning]] = {
    Status.ESME_RINVPASWD: _LOGIN,
    Status.ESME_RINVSYSID: _LOGIN,
    Status.ESME_RBINDFAIL: _LOGIN,
    Status.ESME_RALYBND: (GatewayUnavailable, "Lower binds= in ISMS_SMPP, or end what else is bound."),
}
_NO_BIND: Final[_Meaning] = (GatewayUnavailable, "Try again later, or ask the provider what it means.")

BINDS: Final = frozenset({Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER})


def refusal(command: int, status: int) -> GatewayError:
    """The error for a request that was refused; its text names the request and the status.

    >>> refusal(Command.SUBMIT_SM, Status.ESME_RINVDSTADR)
    InvalidMobile('the gateway refused submit_sm with ESME_RINVDSTADR. Check the number; `clean_numbers` says what ...
    """
    if command in BINDS:
        kind, advice = _BIND.get(status, _NO_BIND)
    elif command == Command.QUERY_SM:
        kind, advice = _QUERY.get(status, _NOTHING)
    else:
        kind, advice = _ANY.get(status, _NOTHING)
    return kind(f"the gateway refused {request_name(command)} with {status_name(status)}. {advice}")


def request_name(command: int) -> str:
    """The specification's name of a request.

    >>> request_name(Command.SUBMIT_SM)
    'submit_sm'
    """
    return Command(command).name.lower()
