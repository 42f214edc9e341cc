"""Sending a plan: each number at most once in a campaign. Source: docs/protocol.md, send.php."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from isms_data import columns, dlr, tables
from isms_data.account import resolve
from isms_data.budget import credit_limit
from isms_data.campaigns import Dispatched, Order, dispatch
from isms_data.dlr_key import secret
from isms_data.errors import ColumnError, ConfigurationError
from isms_data.plans import checked_campaign, plan_columns
from isms_data.quiet_hours import QuietHours
from isms_data.runs import Terms
from isms_data.scheduling import schedule_of
from isms_data.senders import checked_sender
from isms_data.submitting import Text
from isms_data.text_segments import count_segments
from isms_data.vocabulary import Action, Coding, SendOutcome, Transport, words

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionArray

    from isms_data.account import Account


async def send_messages(
    plan: pd.DataFrame,
    *,
    # how it leaves
    transport: str = "http",
    schedule: datetime | str | None = None,
    quiet_hours: str | None = None,
    dlr: str | None = None,
    # what may be spent
    max_credits: float | Decimal | None = None,
    # how the result looks
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> pd.DataFrame:
    """Send the messages of a plan: at most one to each number of a campaign, for ever, whatever happens.

    One row in, one row out, same order and index. Calling it again goes on where the last call ended.

    Parameters
    ----------
    plan : DataFrame
        Of `plan_messages`, whole or a part of it. Is not changed.
    transport : {"http", "soap", "smpp"}
        By which of the provider's APIs (docs/transports.md says which to choose). A number gets one message of the
        campaign at most over all of them.
    schedule : datetime or str, optional
        When the messages are to leave: an aware datetime, a naive one or a date in text (on the account's clock), or a
        phrase such as `"+1 day"`, which counts from the gateway's clock. By default at once.
    quiet_hours : str, optional
        When none may leave, such as `"21:00-09:00 sundays defer"`; by default the account's (`ISMS_QUIET_HOURS`).
    dlr : str, optional
        The public address of your `isms receive`, to which delivery reports are to come.
    max_credits : number, optional
        A hard limit in credits; the rows beyond it are `not_attempted`, with a warning.
    prefix, replace
        What to do where the frame has one of the new columns already: rename ours, or overwrite.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        The plan with these columns behind its own (null where not known)::

            outcome          category            accepted, rejected, in_doubt, not_attempted, already_sent, skipped
            message_id       str                 the provider's id of the call
            submitted_at     datetime64[us, UTC] when the call left
            scheduled_for    datetime64[us, UTC] when the message leaves; null for at once, and for a phrase
            problem          str                 why, for all that is not simply accepted
            transport        category            http, soap, smpp; null where nothing was sent

        Where the frame has the columns of an earlier `hlr_lookup`, those of the same names become `hlr_outcome`, ...

    Raises
    ------
    ColumnError            the frame is no plan, or was changed since it was planned.
    InvalidSender          the gateway would not take the sender, or does not.
    InvalidSchedule        the moment has passed, does not exist, happens twice, or is in quiet hours.
    TextError              a text does not fit into a request line, even for one recipient.
    ConfigurationError     no account, no such transport, something that the transport cannot carry (over SMPP a
                           dlr-url; over SOAP what its WSDL does not name), or a setting that makes no sense.
    AuthenticationError    the gateway refuses the account; what was done is kept.
    InsufficientCredits    the same, for the balance.
    GatewayUnavailable     the gateway does not say the balance, with which paying begins; nothing was sent.
    JournalError           nothing can be written down, so nothing is sent.

    Notes
    -----
    Cost: the segments of each row with `action` send, once for each number. Repeatable: yes, resumes. A call whose
    reply was lost is `in_doubt` and is not sent again by itself; see `settle`. Source: docs/guarantees.md.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> people = pd.DataFrame({"name": ["Άννα", "Νίκος"], "msisdn": ["306970000001", "306970000002"]})
    >>> with isms.sandbox(median_latency_s=0.01) as account:
    ...     plan = isms.plan_messages(
    ...         people, "msisdn", campaign="spring", sender="MyShop", text="Γεια σου {name}", account=account
    ...     )
    ...     sent = isms.send_messages(plan, max_credits=10, account=account)
    ...     again = isms.send_messages(plan, max_credits=10, account=account)
    >>> sent.outcome.tolist(), again.outcome.tolist()
    (['accepted', 'accepted'], ['already_sent', 'already_sent'])
    """
    if transport not in words(Transport):
        msg = f"transport={transport!r} is none of {', '.join(map(repr, words(Transport)))}."
        raise ConfigurationError(msg)
    account = resolve(account)
    planned = checked_plan(plan)
    frame = columns.made_way(plan, tables.names("sent"), tables.names("hlr"), prefix=prefix, replace=replace)
    names = columns.new_names(frame, tables.names("sent"), prefix=prefix, replace=replace)
    order = _order(
        account, planned, transport=Transport(transport), schedule=schedule, quiet_hours=quiet_hours, dlr_base=dlr
    )
    terms = Terms(
        max_wait_s=math.inf, price=Decimal(account.credits_per_segment), max_credits=credit_limit(max_credits)
    )
    to_send = planned[planned["action"] == Action.SEND]
    first = to_send.drop_duplicates("msisdn")
    numbers, found = await dispatch(account, order, _texts(first), terms)
    return columns.attach(frame, _spread(planned, first, numbers, found), names)


def checked_plan(plan: pd.DataFrame) -> pd.DataFrame:
    """The plan's own columns under their own names, by position, checked: what is sent must be what was planned."""
    found = plan_columns(plan)
    planned = pd.DataFrame({name: columns.pick(plan, found[name]).array for name in tables.names("plan")})
    to_send = planned[planned["action"] == Action.SEND]
    _check(to_send["campaign"].notna() & (to_send["campaign"] != ""), "has no campaign", planned)
    _check(to_send["msisdn"].astype("str").str.fullmatch(columns.MSISDN, na=False), "has no MSISDN to send to", planned)
    _check(to_send["sender"].notna() & to_send["flash"].notna(), "has no sender, or no flash", planned)
    _check(to_send["text"].notna() & to_send["coding"].isin(words(Coding)), "has no text, or no coding", planned)
    for coding, rows in to_send.groupby("coding", observed=True):
        counted = count_segments(rows["text"], coding=str(coding))
        same = counted["segments"].eq(rows["segments"]).fillna(value=False).astype(bool)
        _check(same, "has another text than was planned: its segments or its coding are not right", planned)
    return planned


def _check(holds: pd.Series, problem: str, planned: pd.DataFrame) -> None:
    if not holds.all():
        row = holds.index[~holds.to_numpy(dtype=bool)][0]
        msg = (
            f"{(~holds).sum():,} of {len(planned):,} rows cannot be sent as they are: the first, row {row}, {problem}. "
            "Nothing was sent. Make the plan again with isms.plan_messages, and change its action only."
        )
        raise ColumnError(msg)


def _order(
    account: Account,
    planned: pd.DataFrame,
    *,
    transport: Transport,
    schedule: Any,
    quiet_hours: str | None,
    dlr_base: str | None,
) -> Order:
    campaigns = planned["campaign"].dropna().unique().tolist()
    if len(campaigns) > 1:
        msg = f"the plan is of {len(campaigns)} campaigns ({', '.join(map(repr, campaigns[:3]))}); send one at a time."
        raise ColumnError(msg)
    for campaign in campaigns:
        if (planned_as := checked_campaign(campaign)) != campaign:
            msg = (
                f"campaign={campaign!r} is not what a plan calls it, {planned_as!r}. Nothing was sent. "
                "Make the plan again with isms.plan_messages, and change its action only."
            )
            raise ColumnError(msg)
    for sender in planned.loc[planned["action"] == Action.SEND, "sender"].unique():
        checked_sender(sender)
    dlr_url = None if dlr_base is None else partial(_dlr_url, dlr_base, secret(account.journal_place))
    return Order(
        campaign=campaigns[0] if campaigns else "",
        schedule=schedule_of(schedule, timezone=account.timezone, now=datetime.now(UTC)),
        quiet_hours=QuietHours.parse(
            account.quiet_hours if quiet_hours is None else quiet_hours, timezone=account.timezone
        ),
        new_reference=dlr.new_reference,
        transport=transport,
        dlr_url=dlr_url,
    )


def _texts(rows: pd.DataFrame) -> dict[int, tuple[Text, int]]:
    """What each number is sent, and its segments; equal texts are one object."""
    of_a_call = ["sender", "text", "coding", "flash"]
    kinds = rows.groupby(of_a_call, observed=True, sort=False).ngroup().to_numpy()
    distinct = rows[of_a_call].iloc[np.unique(kinds, return_index=True)[1]] if len(rows) else rows[of_a_call]
    texts = [
        Text(str(sender), str(text), Coding(coding), bool(flash))
        for sender, text, coding, flash in distinct.itertuples(index=False)
    ]
    return {
        int(number): (texts[kind], int(segments))
        for number, kind, segments in zip(rows["msisdn"], kinds, rows["segments"], strict=True)
    }


def _spread(
    planned: pd.DataFrame, first: pd.DataFrame, numbers: list[int], found: Dispatched
) -> dict[str, ExtensionArray]:
    """What became of the numbers, brought to the rows by position; a row that was not to be sent says why."""
    place = {number: position for position, number in enumerate(numbers)}
    codes = np.full(len(planned), -1, dtype=np.intp)
    codes[first.index.to_numpy()] = [place[int(number)] for number in first["msisdn"]]
    told = {
        "outcome": found.outcomes,
        "message_id": found.message_ids,
        "submitted_at": found.submitted_at,
        "scheduled_for": found.scheduled_for,
        "problem": found.problems,
        "transport": found.transports,
    }
    spread = {name: tables.column("sent", name, values).take(codes, allow_fill=True) for name, values in told.items()}
    rest = codes < 0
    spread["outcome"][rest] = SendOutcome.SKIPPED.value
    twice = rest & (planned["action"] == Action.SEND).to_numpy()
    reasons = planned["reason"].astype("str").mask(twice, "the same number as in an earlier row of this plan")
    spread["problem"][rest] = reasons[rest].array
    return spread


def _dlr_url(base: str, key: bytes, reference: str) -> str:
    return dlr.url(base, dlr.token(key, reference))
