"""The sending of a campaign: each number at most once for ever, what became of each; resumed by calling again.

It is the walk over a run, as `lookups` is for lookups: what the journal knows of each number, what must be sent, and
what another process is sending meanwhile. At the end everything is read back from the journal. The free half, asking
what became of the messages, is `deliveries`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from isms_data.carriers import opened_carrier
from isms_data.errors import InvalidSchedule, TextError, mask
from isms_data.journal.file import in_parts
from isms_data.journal.records import Asked, Message
from isms_data.journal.standing import Campaign, Item, Standing, Standings
from isms_data.runs import Run, Terms, opened
from isms_data.scheduling import Schedule, schedule_of
from isms_data.submitting import Paid, Parcel, Submitter, Text
from isms_data.vocabulary import SendOutcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from isms_data.account import Account
    from isms_data.carriers import Carrier
    from isms_data.journal.records import Claim
    from isms_data.quiet_hours import QuietHours
    from isms_data.vocabulary import Transport

WATCH_S: Final = 0.25
"""How often the journal is read for numbers that another process is sending to."""

HELD_S: Final = 120.0
"""How long another process is waited for: its calls end within their time-out, unless it was stopped."""

_LONGEST_SCHEDULE: Final = "2026-12-31 23:59:59"
"""Room for a time is kept in every request line that may have to be deferred."""


@dataclass(frozen=True)
class Order:
    """How the messages of a campaign are to leave."""

    campaign: str
    schedule: Schedule
    quiet_hours: QuietHours | None
    new_reference: Callable[[], str] = field(repr=False)
    """A name for a call, for its dlr-url."""
    transport: Transport
    dlr_url: Callable[[str], str] | None = field(repr=False)
    """The dlr-url of the call with that reference; None where no report is wanted. It knows the secret that signs."""

    @property
    def may_defer(self) -> bool:
        """Whether messages may be given a time because of the quiet hours."""
        return self.quiet_hours is not None and self.quiet_hours.defers

    @property
    def leaves_at(self) -> datetime:
        """When the message of a call that is made now leaves: a schedule may have passed while the run went on."""
        now = datetime.now(UTC)
        return max(self.schedule.moment or now, now)


@dataclass
class Dispatched:
    """What became of each number, in the order of the numbers."""

    outcomes: list[SendOutcome]
    problems: list[str | None]
    message_ids: list[str | None]
    submitted_at: list[int | None]
    scheduled_for: list[int | None]
    transports: list[str | None]


class Dispatch:
    """One walk over the messages of a campaign: `texts` and `segments` say of each number what it is sent."""

    def __init__(self, run: Run, carrier: Carrier, order: Order, texts: Mapping[int, tuple[Text, int]]) -> None:
        self._run, self._carrier, self._order = run, carrier, order
        self.most, self.together, self.paced = carrier.most, carrier.together, carrier.paced
        self.scope, self.label = Campaign(order.campaign), order.campaign
        self._held: set[int] = set()
        self._parcels = self._packed(texts)
        self._submitter = Submitter(run, self)

    def _packed(self, texts: Mapping[int, tuple[Text, int]]) -> dict[int, Parcel]:
        """The parcel of each number, one for each text, those of a text next to each other.

        Raises
        ------
        TextError   the request line of a message would be too long.
        """
        known: dict[Text, Parcel] = {}
        groups: dict[Text, list[int]] = {}
        for number, (text, segments) in texts.items():
            if text not in known:
                known[text] = Parcel(segments, self._room(text), text)
                groups[text] = []
            if known[text].room <= len(str(number)):
                raise self._too_long(number, known[text])
            groups[text].append(number)
        return {number: known[text] for text, numbers in groups.items() for number in numbers}

    def _room(self, text: Text) -> int:
        order = self._order
        return self._carrier.room(
            text,
            schedule=order.schedule.text or (_LONGEST_SCHEDULE if order.may_defer else None),
            dlr_url=order.dlr_url and order.dlr_url(order.new_reference()),
        )

    def _too_long(self, number: int, parcel: Parcel) -> TextError:
        over = len(str(number)) + 1 - parcel.room
        return TextError(
            f"the message to {mask(str(number))} ({parcel.units} segments) does not fit into a request line of "
            f"{self._run.account.max_line_bytes:,} bytes, even alone: it is {over:,} bytes too long. "
            "Nothing was sent. Shorten the text (a Greek letter takes 6 bytes, a Latin one 1)."
        )

    async def carry_out(self) -> Dispatched:
        """Send all of it, or as much as the budget allows; then say what became of each number."""
        run = self._run
        run.progress.total = len(self._parcels)
        await self._take_up(list(self._parcels))
        patience = time.monotonic() + HELD_S
        await self._submitter.drain()
        while self._held and time.monotonic() < patience:
            await asyncio.sleep(WATCH_S)
            await self._take_up(sorted(self._held))
            await self._submitter.drain()
        if self._submitter.stopped:
            run.warn(self._submitter.stopped)
        return await self._dispatched()

    async def _take_up(self, numbers: Sequence[int]) -> None:
        for part in in_parts(numbers):
            self.met(await self._run.standings(part, self.scope))

    # What the submitter asks of its errand

    def parcel(self, number: int) -> Parcel:
        """Messages of one text share calls."""
        return self._parcels[number]

    def why_not(self) -> str | None:
        """Not where its messages would leave in quiet hours, unless these defer."""
        quiet = self._order.quiet_hours
        if quiet is None or quiet.defers:
            return None
        why = quiet.why(self._order.leaves_at)
        return f"{why}: no more is sent. Call again at {_clock(quiet)}, or give a schedule" if why else None

    async def ready(self) -> None:
        """Wait until its transport can take a call."""
        await self._carrier.ready()

    def asked(self, numbers: list[int], parcel: Parcel) -> Asked:
        """What the journal keeps of a call."""
        assert parcel.text is not None  # noqa: S101 - `_packed` makes no other parcels
        text, schedule = parcel.text, self._schedule()
        message = Message(
            reference=self._order.new_reference(),
            sender=text.sender,
            text=text.text,
            coding=text.coding,
            flash=text.flash,
            scheduled_for=None if schedule.moment is None else round(schedule.moment.timestamp()) * 1_000_000,
            schedule=schedule.text,
            transport=self._order.transport,
        )
        return Asked(numbers, parcel.units, message, self._carrier.parts(parcel.units))

    def _schedule(self) -> Schedule:
        """The schedule of a call that is made now; in quiet hours that defer, the end of them."""
        quiet, schedule, moment = self._order.quiet_hours, self._order.schedule, self._order.leaves_at
        if quiet is None or not quiet.defers or not quiet.is_quiet(moment):
            return schedule
        return _deferred(quiet, moment)

    def submit(self, claims: Sequence[Claim]) -> AsyncGenerator[list[Paid], None]:
        """Send the texts of these calls."""
        return self._carrier.submit(claims, self._order.dlr_url)

    def accepted(self, claim: Claim, message_id: str) -> None:  # noqa: ARG002 - it is in the journal
        """Count what has gone."""
        self._run.progress.done += len(claim.taken)
        self._run.progress.credits = self._run.budget.spent

    def met(self, standings: Standings) -> None:
        """Sort numbers by how they stand: to be sent, held by another process, or settled."""
        for number, (standing, _) in standings.items():
            self._held.discard(number)
            if standing is Standing.FREE:
                self._submitter.todo.append(number)
            elif standing is Standing.HELD:
                self._held.add(number)
            else:
                self._run.progress.done += 1

    # What became of it

    async def _dispatched(self) -> Dispatched:
        found = Dispatched([], [], [], [], [], [])
        for part in in_parts(list(self._parcels)):
            for number, (standing, item) in (await self._run.standings(part, self.scope)).items():
                outcome, problem = self._outcome(number, standing, item)
                told = item if outcome in _IN_JOURNAL else None
                found.outcomes.append(outcome)
                found.problems.append(problem)
                found.message_ids.append(told and told.message_id)
                found.submitted_at.append(told and told.intended_at)
                found.scheduled_for.append(told and told.scheduled_for)
                found.transports.append(told and told.transport)
        return found

    def _outcome(self, number: int, standing: Standing, item: Item | None) -> tuple[SendOutcome, str | None]:
        """The word for one number at the end of the run, and why."""
        if standing is Standing.SENT and item is not None:
            mine = item.run_id == self._run.journal.run_id
            return (SendOutcome.ACCEPTED if mine else SendOutcome.ALREADY_SENT), item.problem
        if standing is Standing.IN_DOUBT and item is not None:
            return SendOutcome.IN_DOUBT, f"{item.problem} Not sent again by itself; isms.settle decides"
        if standing in _OTHERWISE:
            return _OTHERWISE[standing]
        if number in self._submitter.refusals:
            return SendOutcome.REJECTED, self._submitter.refusals[number]
        return SendOutcome.NOT_ATTEMPTED, self._submitter.stopped or "the run ended before its turn came; call again"

    @property
    def numbers(self) -> list[int]:
        """The numbers, in the order of `carry_out`'s answer."""
        return list(self._parcels)


_IN_JOURNAL: Final = {SendOutcome.ACCEPTED, SendOutcome.ALREADY_SENT, SendOutcome.IN_DOUBT}
_OTHERWISE: Final = {
    Standing.HELD: (SendOutcome.NOT_ATTEMPTED, "another process is sending it; call again to see what became of it"),
    Standing.SKIPPED: (SendOutcome.SKIPPED, "was in doubt, and was settled by leaving it"),
    Standing.SUPPRESSED: (SendOutcome.SKIPPED, "on the suppression list"),
}


async def dispatch(
    account: Account, order: Order, texts: Mapping[int, tuple[Text, int]], terms: Terms
) -> tuple[list[int], Dispatched]:
    """Send these texts, each to its number at most once in the campaign; the numbers, and what became of each."""
    _check_schedule(order)
    if not texts:
        return [], Dispatched([], [], [], [], [], [])
    phrase = order.schedule.text if order.schedule.moment is None else None
    scheduled = order.schedule.text is not None or order.may_defer
    async with (
        opened(account, Campaign.operation, terms) as run,
        opened_carrier(
            run, order.transport, schedules=scheduled, phrase=phrase, reports=order.dlr_url is not None
        ) as carrier,
    ):
        walk = Dispatch(run, carrier, order, texts)
        return walk.numbers, await walk.carry_out()


def _check_schedule(order: Order) -> None:
    """Refuse a schedule that the quiet hours forbid, before anything is sent."""
    quiet, schedule = order.quiet_hours, order.schedule
    if quiet is None:
        return
    if schedule.text is not None and schedule.moment is None:
        msg = (
            f"schedule={schedule.text!r} counts from the gateway's clock, so it cannot be held against quiet_hours="
            f"{quiet.text!r}. Give a date and a time. Nothing was sent."
        )
        raise InvalidSchedule(msg)
    why = None if quiet.defers else quiet.why(schedule.moment or datetime.now(UTC))
    if why is not None:
        msg = f"{why}. Nothing was sent. The next moment is {_clock(quiet, schedule.moment)}: give it as schedule=."
        raise InvalidSchedule(msg)


def _deferred(quiet: QuietHours, moment: datetime) -> Schedule:
    """The end of the quiet hours; an hour later where the provider's clock shows that moment twice."""
    allowed = quiet.next_allowed(moment)
    try:
        return schedule_of(allowed, timezone=quiet.zone.key, now=datetime.now(UTC))
    except InvalidSchedule:
        return _deferred(quiet, allowed + timedelta(hours=1))


def _clock(quiet: QuietHours, moment: datetime | None = None) -> str:
    """When the quiet hours end, on the account's clock."""
    return f"{quiet.next_allowed(moment or datetime.now(UTC)).astimezone(quiet.zone):%Y-%m-%d %H:%M}"
