"""Plans: who would get which text, for how much, and who would not, and why. Source: docs/campaigns.md."""

from __future__ import annotations

import asyncio
import warnings
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from isms_data import plans, tables
from isms_data.account import resolve
from isms_data.columns import new_names, pick
from isms_data.errors import GatewayUnavailable, IsmsWarning, ProtocolError, ReplyLost
from isms_data.journal.calls import Journal
from isms_data.journal.file import in_parts
from isms_data.journal.standing import Campaign, Standing
from isms_data.journal.suppression import SuppressionList
from isms_data.planning import MSISDN, SENT_TO, checked_wording, drafted, finished
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import pandas as pd

    from isms_data.account import Account


async def plan_messages(  # noqa: PLR0913 - the contract's; all but the data by name, in groups
    frame: pd.DataFrame,
    column: str,
    *,
    # what is said
    campaign: str,
    sender: str,
    text: str,
    coding: str = "auto",
    greek: str = "keep",
    flash: bool = False,
    # who is left out
    suppress: Iterable[Any] | str | os.PathLike[str] | None = None,
    region: str = "GR",
    max_segments: int = 10,
    only: Iterable[str | None] | str | None = SENT_TO,
    # how the result looks
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> pd.DataFrame:
    """Plan a campaign: each row's text and what it costs, and who is left out, and why. Nothing is sent.

    One row in, one row out, same order and index. Of each number at most one row is to be sent.

    Parameters
    ----------
    frame : DataFrame
        Is not changed.
    column : str
        Its column of numbers, in any spelling. One called `msisdn` holds them in international form, as
        `clean_numbers` makes it.
    campaign : str
        Its name, at most 100 characters; each number gets at most one message of a campaign of that name, ever.
    sender : str
        At most 11 Latin letters and digits, or 16 digits.
    text : str
        `{name}` takes the row's column `name`; `{{` and `}}` are braces.
    coding : {"auto", "GSM", "UTF-8"}
        auto: GSM where its alphabet holds the whole text, else UTF-8.
    greek : {"keep", "capitals", "greeklish"}
        How Greek is written; `compare_renderings` shows what each costs.
    flash : bool
        Shown at once and not kept by the phone.
    suppress : iterable, Series, or path of a file, optional
        Numbers to leave out, in any spelling, besides those on the lasting list (`isms.suppress`).
    region : str, default "GR"
        ISO 3166 alpha-2: the country whose numbers are written without a calling code.
    max_segments : int, default 10
        Longer texts are left out.
    only : words of vocabulary.Verdict, optional
        If the frame has a column `verdict`: those that are written to, None among them for rows without one. By
        default deliverable, retry_later, unknown and None. `only=None`: all.
    prefix, replace
        What to do where the frame has one of the new columns already: rename ours, or overwrite.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        The frame with these columns behind its own (a column `msisdn` that was asked for is cleaned in its place)::

            campaign, sender   category   the same in each row
            msisdn             str        digits with calling code; null where the row has no number
            flash              boolean
            text               str        filled and rendered; null where a value is missing
            coding             category   GSM or UTF-8; null where the text cannot be sent
            segments           Int32      null likewise
            offending          str        the characters that forced UTF-8; null where there are none
            action             category   send, skip
            reason             str        why it is skipped, in words; null where it is sent

        A skipped row keeps its text and what it would have cost. `plan_summary(plan)` sums up what is sent;
        `plan.attrs["plan_summary"]` has the same in values that JSON knows.

    Raises
    ------
    ColumnError           a column is missing, cannot be put in a text, or is in the way.
    TextError             the text is empty or has a brace too many.
    InvalidSender         the sender cannot be used.
    ConfigurationError    no account, or a setting that cannot be used.
    ListError             the file of suppressed numbers cannot be read.
    AuthenticationError   the gateway does not accept the user name or the password.
    JournalError          the journal cannot be read.

    Warns
    -----
    IsmsWarning   the balance could not be asked for, or does not cover the plan.

    Notes
    -----
    Cost: none; the balance is all that is asked for. Repeatable: yes; what was sent meanwhile is skipped. Source:
    docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> people = pd.DataFrame({"mobile": ["6970000001", "2101234567", "6970000002"], "name": ["Μαρία", "Νίκος", None]})
    >>> with isms.sandbox() as account:
    ...     plan = isms.plan_messages(
    ...         people, "mobile", campaign="spring", sender="MyShop", text="Γεια σου {name}!", account=account
    ...     )
    >>> plan[["text", "segments", "action", "reason"]]
                  text  segments action                      reason
    0  Γεια σου Μαρία!         1   send                         NaN
    1  Γεια σου Νίκος!         1   skip  a fixed line, not a mobile
    2              NaN      <NA>   skip   no value in column 'name'
    """
    wording = checked_wording(
        campaign=campaign,
        sender=sender,
        text=text,
        coding=coding,
        greek=greek,
        flash=flash,
        max_segments=max_segments,
        only=only,
    )
    names = names_of(frame, column, prefix=prefix, replace=replace)
    account = resolve(account)

    def work() -> pd.DataFrame:
        draft = drafted(frame, column, wording, region=region, suppress=suppress)
        barred = barred_of(account, wording.campaign, draft.candidates)
        return finished(frame, draft, wording, barred=barred, names=names)

    plan = await asyncio.to_thread(work)
    plan.attrs[plans.PREFIX] = prefix
    summary = plans.summed(plan, price=Decimal(account.credits_per_segment), balance=await balance_of(account))
    plan.attrs[plans.SUMMARY] = plans.kept(summary)
    if summary["balance_after"] is not None and summary["balance_after"] < 0:
        msg = (
            f"the plan would take about {summary['estimated_credits']:,} credits, and the account has "
            f"{summary['balance']:,}: what is over that would not be sent. Buy credits, or plan fewer rows."
        )
        warnings.warn(msg, IsmsWarning, stacklevel=2)
    return plan


def names_of(frame: pd.DataFrame, column: str, *, prefix: str, replace: bool) -> dict[str, str]:
    """The names of the plan's columns in the frame; its numbers may stand where the caller's stood."""
    pick(frame, column)
    own = prefix + MSISDN
    new = [name for name in tables.names("plan") if name != MSISDN or column != own]
    return {**new_names(frame, new, prefix=prefix, replace=replace), MSISDN: own}


_WHY: Final = {
    Standing.SENT: "already sent in this campaign",
    Standing.IN_DOUBT: "in doubt in this campaign: it may have been sent; isms.settle decides",
    Standing.HELD: "another process is sending it",
    Standing.SKIPPED: "was in doubt in this campaign, and was settled by leaving it",
}


def barred_of(account: Account, campaign: str, numbers: list[int]) -> dict[int, str]:
    """Which numbers the journal forbids, and why: these in this campaign, those on the suppression list in any."""
    told: dict[int, str] = {}
    with Journal(account.journal_place, account.label, "plan") as journal:
        begun = campaign in journal.campaigns()  # of a new one, a million numbers need not be asked about
        for part in in_parts(numbers if begun else []):
            standings = journal.standings(part, Campaign(campaign))
            told |= {number: _WHY[standing] for number, (standing, _) in standings.items() if standing in _WHY}
    with SuppressionList(account.journal_place) as suppressed:
        entries = suppressed.entries()
    listed = "on the suppression list"
    return told | {entry.msisdn: f"{listed}: {entry.reason}" if entry.reason else listed for entry in entries}


async def balance_of(account: Account) -> Decimal | None:
    """What the account has; None where the gateway does not say."""
    try:
        async with HttpGateway(account) as gateway:
            return await gateway.credits()
    except (GatewayUnavailable, ReplyLost, ProtocolError) as error:
        msg = f"the balance is not known, and the plan stands without it: {error}"
        warnings.warn(msg, IsmsWarning, stacklevel=2)
    return None
