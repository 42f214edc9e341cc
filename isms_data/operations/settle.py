"""What is in doubt, shown and decided. Source: docs/guarantees.md."""

from __future__ import annotations

import asyncio
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data import tables
from isms_data.account import resolve
from isms_data.errors import ConfigurationError, mask
from isms_data.journal.calls import Journal
from isms_data.journal.standing import AnswerKind, CallState, Campaign
from isms_data.plans import checked_campaign
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from isms_data.account import Account
    from isms_data.journal.records import Doubt


class Evidence(StrEnum):
    """What the balance says about the calls in doubt."""

    NOT_CHARGED = "the balance shows that none of it was charged"
    TOO_EARLY = "the balance shows no charge yet, but the call may still be under way; ask again in ten minutes"
    CHARGED = "the balance shows that all of it was charged"
    ACCEPTED = "the gateway accepted it, so it was charged"
    UNCLEAR = "the balance cannot tell"


UNDER_WAY_S: Final = 600.0
"""A call cut off here may be carried out there a while later; until then no balance shows that it was not."""


async def settle(
    campaign: str | None = None,
    *,
    decision: str | None = None,
    numbers: Iterable[str] | str | None = None,
    account: Account | None = None,
) -> pd.DataFrame:
    """Show what is in doubt, or decide what becomes of it.

    In doubt is a paid call that went out and whose reply never came: it may have been carried out and charged. It is
    not repeated by itself. Here it is decided, for good. (A delivery report that comes for such a message settles it
    without you: it proves that the message was sent.)

    Parameters
    ----------
    campaign : str, optional
        Show, and decide about, the messages of this campaign. Without it everything in doubt is shown, and a decision
        is about lookups only.
    decision : {"resend", "skip", "balance"}, optional
        None shows only. `"resend"`: the next `hlr_lookup` or `send_messages` pays again. `"skip"`: leave them; a lookup
        counts as answered with nothing until `max_age` is over, a message as `skipped` for ever. `"balance"`: resend
        what the balance shows was not charged, take what it shows was charged for a lookup without an answer, or for a
        message that was sent (for a call that may still be under way, only ten minutes after it), and leave the rest.
    numbers : str or iterable of str, optional
        Only these MSISDNs; by default all that are in doubt.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        One row for each lookup or message in doubt: `msisdn` str, `operation` str (hlr, send), `label` str (of the
        lookup's run, or the campaign), `submitted_at` datetime64[us, UTC], `credits` float64 (what it has cost, if it
        was charged), `problem` str, `evidence` str, `decision` str (resend, skip, sent; null: still in doubt).

    Raises
    ------
    ConfigurationError   no account, or a decision that is none of the three.

    Notes
    -----
    Cost: none; it asks for the balance. The balance is evidence only when nothing else was paid from the account
    between its two readings but what the journal knows; otherwise it "cannot tell". Source: docs/guarantees.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox() as account:
    ...     isms.settle(account=account).empty
    True
    """
    if decision not in {None, "resend", "skip", "balance"}:
        msg = f"decision={decision!r} is none of 'resend', 'skip', 'balance'; None shows what is in doubt."
        raise ConfigurationError(msg)
    campaign = None if campaign is None else checked_campaign(campaign)
    account = resolve(account)
    chosen = None if numbers is None else _chosen(numbers)
    doubts, expected, now = await asyncio.to_thread(_read, account)
    by_balance = await _evidence(account, doubts, expected, now)
    rows = []
    for doubt in doubts:
        if (chosen is None or doubt.msisdn in chosen) and (campaign is None or _is_of(doubt, campaign)):
            evidence = Evidence.ACCEPTED if _was_accepted(doubt) else by_balance
            rows.append((doubt, evidence, _decided(doubt, evidence, decision, campaign)))
    await asyncio.to_thread(_write, account, rows)
    return _frame(rows)


def _chosen(numbers: Iterable[str] | str) -> set[int]:
    given = [numbers] if isinstance(numbers, str) else list(numbers)
    strange = next((number for number in given if not re.fullmatch(r"[0-9]{7,15}", str(number))), None)
    if strange is not None:
        msg = f"numbers has {mask(str(strange))!r}, which is no MSISDN: digits, country code first. Nothing is decided."
        raise ConfigurationError(msg)
    return {int(number) for number in given}


class Decision(StrEnum):
    """What becomes of one item in doubt."""

    RESEND = "resend"
    SKIP = "skip"
    SENT = "sent"


def _is_of(doubt: Doubt, campaign: str) -> bool:
    return doubt.operation == Campaign.operation and doubt.label == campaign


def _decided(doubt: Doubt, evidence: Evidence, decision: str | None, campaign: str | None) -> Decision | None:
    """What becomes of it; None where it stays in doubt. A message is decided about by its campaign's name only."""
    is_message = doubt.operation == Campaign.operation
    if decision is None or (is_message and campaign is None):
        return None
    if decision != "balance":
        return Decision(decision)
    if evidence is Evidence.NOT_CHARGED:
        return Decision.RESEND
    if evidence in {Evidence.CHARGED, Evidence.ACCEPTED}:
        return Decision.SENT if is_message else Decision.SKIP
    return None


def _was_accepted(doubt: Doubt) -> bool:
    return doubt.state == CallState.ACCEPTED


def _read(account: Account) -> tuple[list[Doubt], Decimal | None, int]:
    """What is in doubt, what the account should have if none of the lost calls was charged, and the time of asking."""
    with Journal(account.journal_place, account.label, "settle") as journal:
        doubts = journal.doubts()
        lost = [doubt.call_id for doubt in doubts if not _was_accepted(doubt)]
        return doubts, journal.expected_balance(min(lost)) if lost else None, journal.now()


def _write(account: Account, rows: list[tuple[Doubt, Evidence, Decision | None]]) -> None:
    decisions = [(doubt.item_id, _KINDS[decided]) for doubt, _, decided in rows if decided in _KINDS]
    sent = {doubt.call_id for doubt, _, decided in rows if decided is Decision.SENT}
    if decisions or sent:
        with Journal(account.journal_place, account.label, "settle") as journal:
            at = journal.now()
            journal.answer([(item_id, kind, at, None) for item_id, kind in decisions], durable=True)
            journal.was_charged(sent, "its reply was lost; the balance showed that it was accepted")


_KINDS: Final[dict[Decision | None, AnswerKind]] = {
    Decision.RESEND: AnswerKind.RESEND,
    Decision.SKIP: AnswerKind.SKIP,
}


async def _evidence(account: Account, doubts: list[Doubt], expected: Decimal | None, now: int) -> Evidence:
    """Compare what the account should have, were nothing in doubt charged, with what it has."""
    if expected is None:
        return Evidence.UNCLEAR
    async with HttpGateway(account) as gateway:
        missing = expected - await gateway.credits()
    lost = [doubt for doubt in doubts if not _was_accepted(doubt)]
    if not all(doubt.cost for doubt in lost):
        return Evidence.UNCLEAR  # what costs nothing leaves no trace in the balance
    if missing == 0:
        youngest = max(doubt.intended_at for doubt in lost)
        settled = now - youngest > UNDER_WAY_S * 1_000_000
        return Evidence.NOT_CHARGED if settled else Evidence.TOO_EARLY
    return Evidence.CHARGED if missing == sum(doubt.cost for doubt in lost) else Evidence.UNCLEAR


def _frame(rows: list[tuple[Doubt, Evidence, Decision | None]]) -> pd.DataFrame:
    doubts = [doubt for doubt, _, _ in rows]
    return pd.DataFrame(
        {
            "msisdn": pd.array([str(doubt.msisdn) for doubt in doubts], dtype="str"),
            "operation": pd.array([doubt.operation for doubt in doubts], dtype="str"),
            "label": pd.array([doubt.label for doubt in doubts], dtype="str"),
            "submitted_at": tables.column("hlr", "submitted_at", [doubt.intended_at for doubt in doubts]),
            "credits": pd.array([float(doubt.cost) for doubt in doubts], dtype="float64"),
            "problem": pd.array([doubt.problem for doubt in doubts], dtype="str"),
            "evidence": pd.array([evidence.value for _, evidence, _ in rows], dtype="str"),
            "decision": pd.array([decided.value if decided else None for _, _, decided in rows], dtype="str"),
        }
    )
