"""What is in doubt, shown and decided. Source: docs/guarantees.md."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data import tables
from isms_data.account import resolve
from isms_data.errors import ConfigurationError
from isms_data.journal import SETTLING, AnswerKind, CallState, Doubt, Journal, now
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isms_data.account import Account


class Evidence(StrEnum):
    """What the balance says about the calls in doubt."""

    NOT_CHARGED = "the balance shows that none of it was charged"
    TOO_EARLY = "the balance shows no charge yet, but the call may still be under way; ask again in ten minutes"
    CHARGED = "the balance shows that all of it was charged"
    ACCEPTED = "the gateway accepted it, so it was charged"
    UNCLEAR = "the balance cannot tell"


_BY_EVIDENCE: Final = {
    Evidence.NOT_CHARGED: AnswerKind.RESEND,
    Evidence.CHARGED: AnswerKind.SKIP,
    Evidence.ACCEPTED: AnswerKind.SKIP,
}

UNDER_WAY_S: Final = 600.0
"""A call cut off here may be carried out there a while later; until then no balance shows that it was not."""


async def settle(
    *, decision: str | None = None, numbers: Iterable[str] | None = None, account: Account | None = None
) -> pd.DataFrame:
    """Show the lookups that are in doubt, or decide what becomes of them.

    In doubt is a paid call that went out and whose reply never came: it may have been carried out and charged. It is
    not repeated by itself. Here it is decided, for good.

    Parameters
    ----------
    decision : {"resend", "skip", "balance"}, optional
        None shows only. `"resend"`: the next `hlr_lookup` asks (and pays) again. `"skip"`: leave them; they count as
        answered with nothing until `max_age` is over. `"balance"`: resend what the balance shows was not charged, skip
        what it shows was charged (for a call that may still be under way, only ten minutes after it), and leave the
        rest in doubt.
    numbers : iterable of str, optional
        Only these MSISDNs; by default all that are in doubt.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        One row per lookup in doubt: `msisdn` str, `label` str, `submitted_at` datetime64[us, UTC], `credits` float64
        (what it has cost, if it was charged), `problem` str, `evidence` str, `decision` str (null: still in doubt).

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
    account = resolve(account)
    chosen = None if numbers is None else {int(number) for number in numbers}
    doubts, expected = await asyncio.to_thread(_read, account)
    by_balance = await _evidence(account, doubts, expected)
    evidence = [Evidence.ACCEPTED if _was_accepted(doubt) else by_balance for doubt in doubts]
    kinds = [_BY_EVIDENCE.get(told) if decision == "balance" else _DECISIONS.get(decision) for told in evidence]
    rows = [row for row in zip(doubts, evidence, kinds, strict=True) if chosen is None or row[0].msisdn in chosen]
    decided = [(doubt, kind) for doubt, _, kind in rows if kind is not None]
    if decided:
        await asyncio.to_thread(_write, account, decided)
    return _frame(rows)


_DECISIONS: Final[dict[str | None, AnswerKind]] = {"resend": AnswerKind.RESEND, "skip": AnswerKind.SKIP}


def _was_accepted(doubt: Doubt) -> bool:
    return doubt.state == CallState.ACCEPTED


def _read(account: Account) -> tuple[list[Doubt], Decimal | None]:
    """What is in doubt, and what the account should have if none of the lost calls was charged."""
    with Journal(account.journal_folder, account.label, SETTLING) as journal:
        doubts = journal.doubts()
        lost = [doubt.call_id for doubt in doubts if not _was_accepted(doubt)]
        return doubts, journal.expected_balance(min(lost)) if lost else None


def _write(account: Account, decided: list[tuple[Doubt, AnswerKind]]) -> None:
    with Journal(account.journal_folder, account.label, SETTLING) as journal:
        journal.answer([(doubt.lookup_id, kind, now(), None) for doubt, kind in decided], durable=True)


async def _evidence(account: Account, doubts: list[Doubt], expected: Decimal | None) -> Evidence:
    """Compare what the account should have, were nothing in doubt charged, with what it has."""
    if expected is None:
        return Evidence.UNCLEAR
    async with HttpGateway(account) as gateway:
        missing = expected - await gateway.credits()
    lost = [doubt for doubt in doubts if not _was_accepted(doubt)]
    if missing == 0:
        youngest = max(doubt.intended_at for doubt in lost)
        settled = now() - youngest > UNDER_WAY_S * 1_000_000
        return Evidence.NOT_CHARGED if settled else Evidence.TOO_EARLY
    return Evidence.CHARGED if missing == sum(Decimal(doubt.price) for doubt in lost) else Evidence.UNCLEAR


def _frame(rows: list[tuple[Doubt, Evidence, AnswerKind | None]]) -> pd.DataFrame:
    doubts = [doubt for doubt, _, _ in rows]
    return pd.DataFrame(
        {
            "msisdn": pd.array([str(doubt.msisdn) for doubt in doubts], dtype="str"),
            "label": pd.array([doubt.label for doubt in doubts], dtype="str"),
            "submitted_at": tables.column("hlr", "submitted_at", [doubt.intended_at for doubt in doubts]),
            "credits": pd.array([float(doubt.price) for doubt in doubts], dtype="float64"),
            "problem": pd.array([doubt.problem for doubt in doubts], dtype="str"),
            "evidence": pd.array([evidence.value for _, evidence, _ in rows], dtype="str"),
            "decision": pd.array([kind.value if kind else None for _, _, kind in rows], dtype="str"),
        }
    )
