"""How the messages of a campaign leave: one carrier for each of the provider's transports.

A carrier turns claimed calls into calls of its gateway, and what comes back into outcomes; it says before anything is
sent what its transport cannot carry. To add a transport: a gateway in `transports`, and a branch in `opened_carrier`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

from isms_data.errors import ConfigurationError, GatewayError
from isms_data.smpp_carrier import ANY_LENGTH, opened_smpp
from isms_data.submitting import Paid
from isms_data.transports.soap import SoapGateway
from isms_data.vocabulary import Coding, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence

    from isms_data.journal.records import Claim, Parts
    from isms_data.runs import Run
    from isms_data.submitting import Text


class Carrier(Protocol):
    """What a campaign asks of a transport."""

    @property
    def most(self) -> int:
        """How many numbers a call has at most."""

    @property
    def together(self) -> int:
        """How many calls are claimed and made together."""

    @property
    def paced(self) -> bool:
        """Whether its gateway slows down by itself when it is refused something."""

    def room(self, text: Text, *, schedule: str | None, dlr_url: str | None) -> int:
        """The bytes that a call with this text has for numbers, each with a comma; below 0: none.

        Raises
        ------
        TextError   the text cannot be carried.
        """

    async def ready(self) -> None:
        """Wait until a call can be made."""

    def parts(self, units: int) -> Parts | None:
        """Numbers for the parts of a message, to be written down before it leaves; None where it has no parts."""

    def submit(self, claims: Sequence[Claim], dlr_url: Callable[[str], str] | None) -> AsyncGenerator[list[Paid], None]:
        """Make the calls; what became of each."""


class _Sends(Protocol):
    """A gateway whose one call goes to many numbers and has one id."""

    async def send(
        self,
        sender: str,
        to: Iterable[str],
        text: str,
        *,
        coding: Coding,
        flash: bool,
        schedule: str | None,
        dlr_url: str | None,
    ) -> str: ...


class CallCarrier:
    """By HTTP or SOAP: one call for all numbers that get the same text."""

    together: Final = 1
    paced: Final = False

    def __init__(self, run: Run, gateway: _Sends) -> None:
        self._run, self._gateway = run, gateway

    @property
    def most(self) -> int:
        """As the account has it."""
        return self._run.account.max_per_call

    def room(self, text: Text, *, schedule: str | None, dlr_url: str | None) -> int:
        """What the request line leaves over HTTP; a SOAP call is posted, and has no such line."""
        if isinstance(self._gateway, SoapGateway):
            self._gateway.check_text(text.text)
            return ANY_LENGTH
        return self._run.gateway.send_room(
            text.sender, text.text, coding=text.coding, flash=text.flash, schedule=schedule, dlr_url=dlr_url
        )

    async def ready(self) -> None:
        """There is nothing to wait for: each call connects by itself."""

    def parts(self, units: int) -> None:  # noqa: ARG002 - the gateway cuts a long text
        """A call goes out whole."""
        return

    async def submit(
        self, claims: Sequence[Claim], dlr_url: Callable[[str], str] | None
    ) -> AsyncGenerator[list[Paid], None]:
        """Make the one call."""
        (claim,) = claims
        message = claim.asked.message
        assert message is not None  # noqa: S101 - a campaign's claims have one
        try:
            message_id = await self._gateway.send(
                message.sender,
                map(str, claim.taken),
                message.text,
                coding=Coding(message.coding),
                flash=message.flash,
                schedule=message.schedule,
                dlr_url=dlr_url and dlr_url(message.reference),
            )
        except GatewayError as error:
            outcome = Paid(claim, error=error)
        else:
            outcome = Paid(claim, message_id)
        yield [outcome]


@asynccontextmanager
async def opened_carrier(
    run: Run, transport: Transport, *, schedules: bool, phrase: str | None, reports: bool
) -> AsyncIterator[Carrier]:
    """The carrier of a run, its gateway open.

    `schedules` says whether a message may be given a time, `phrase` is a time that only the gateway's clock knows,
    `reports` says whether a dlr-url goes along.

    Raises
    ------
    ConfigurationError, InvalidSchedule   the transport cannot carry that; nothing was sent.
    """
    if transport is Transport.SMPP:
        async with opened_smpp(run, phrase=phrase, reports=reports) as smpp:
            yield smpp
    elif transport is Transport.SOAP:
        async with SoapGateway(run.account) as soap:
            _check_offers(soap, schedules=schedules, reports=reports)
            yield CallCarrier(run, soap)
    else:
        yield CallCarrier(run, run.gateway)


def _check_offers(soap: SoapGateway, *, schedules: bool, reports: bool) -> None:
    for name, asked, what in (("schedule", schedules, "schedule="), ("dlr-url", reports, "dlr=")):
        if asked and not soap.offers(name):
            msg = (
                f"the WSDL of the SOAP API has no {name!r}, so {what} cannot be carried by transport='soap'. Nothing "
                "was sent. Send without it, by transport='http', or set ISMS_SOAP_WSDL to a WSDL that has it."
            )
            raise ConfigurationError(msg)
