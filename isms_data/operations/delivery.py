"""Delivery: what became of the messages of a campaign. Source: docs/protocol.md, query.php and dlr-url."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from isms_data import columns, durations, hlr_result, tables
from isms_data.account import resolve
from isms_data.deliveries import Followed, follow, left_at
from isms_data.errors import ColumnError, ConfigurationError
from isms_data.journal.calls import Journal
from isms_data.journal.standing import AnswerKind, CallState
from isms_data.plans import PREFIX, checked_campaign
from isms_data.runs import Terms
from isms_data.vocabulary import Action, MessageStatus, SendOutcome, words

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionArray

    from isms_data.account import Account
    from isms_data.durations import Duration
    from isms_data.journal.records import Sent


async def delivery_status(
    campaign: str | pd.DataFrame,
    *,
    max_wait: Duration = "15min",
    # how the result looks
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> pd.DataFrame:
    """Learn what became of the messages of a campaign: ask, and read the reports, until each is final.

    Parameters
    ----------
    campaign : str or DataFrame
        A campaign's name, for all its messages; or a frame with `campaign` and `msisdn`, such as `send_messages`
        gives, for its rows.
    max_wait : str or timedelta, default "15min"
        How long to wait for what is not final; `"0s"` only reads what is known.
    prefix, replace
        Where a frame has one of the new columns already: rename ours, or overwrite.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        For a name one row for each message that went out or may have: `msisdn`, the columns of `send_messages`, these,
        and what was sent (`campaign`, `sender`, `text`, `coding`, `segments`, `flash`). For a frame its rows, in their
        order and under their index, with these behind its own columns (null where nothing was sent)::

            status         category             Queued, Pending, Delivered, Failed; null while nothing was said
            state_detail   category             over SMPP the word of the receipt, such as EXPIRED; else null
            final          boolean              whether that is the last word; null where it is not known to be sent
            resolved_at    datetime64[us, UTC]  when the last word was learned
            latency        timedelta64[us]      from when the message left until then
            pending_since  datetime64[us, UTC]  when the message left, where there is no last word yet
            source         category             poll, report or receipt; how the status was learned
            network        category             from the number's last lookup, where there was one

    Raises
    ------
    ConfigurationError    no account, or no such campaign: the message names those that there are.
    ColumnError           the frame has no campaign or no msisdn, or one of the new columns already.
    AuthenticationError   the gateway refuses the account; what was learned is kept.
    GatewayUnavailable    messages that went by SMPP wait for receipts, and the SMPP server is not there.

    Notes
    -----
    Cost: none. Repeatable: yes; a final status is never asked for again and never overwritten. `latency` is as exact as
    the asking: a report knows it better than a poll. Source: docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> people = pd.DataFrame({"msisdn": ["306970000001", "306970000002"]})
    >>> with isms.sandbox(seed=7, median_latency_s=0.01) as account:
    ...     plan = isms.plan_messages(
    ...         people, "msisdn", campaign="spring", sender="MyShop", text="20% off", account=account
    ...     )
    ...     sent = isms.send_messages(plan, account=account)
    ...     status = isms.delivery_status("spring", account=account)
    >>> status[["msisdn", "status", "final", "source"]]
             msisdn     status  final source
    0  306970000001     Failed   True   poll
    1  306970000002  Delivered   True   poll
    """
    account = resolve(account)
    terms = Terms(max_wait_s=durations.seconds(max_wait, name="max_wait"), price=Decimal(0))
    if isinstance(campaign, str):
        campaign = checked_campaign(campaign)
        await asyncio.to_thread(_check_known, account, campaign)
        followed = await follow(account, [campaign], terms)
        return _of_campaign(campaign, followed)
    frame = columns.made_way(campaign, tables.names("delivery"), tables.names("hlr"), prefix=prefix, replace=replace)
    names = columns.new_names(frame, tables.names("delivery"), prefix=prefix, replace=replace)
    keys = _keys(frame)
    followed = await follow(account, sorted({key[0] for key in keys if key}), terms)
    known = {(name, sent.msisdn): sent for name, each in followed.messages.items() for sent in each}
    messages = [known.get(key) if key else None for key in keys]
    return columns.attach(frame, _learned(messages, followed), names)


def _check_known(account: Account, campaign: str) -> None:
    with Journal(account.journal_place, account.label, "delivery") as journal:
        known = journal.campaigns()
    if campaign not in known:
        named = f"It knows {', '.join(map(repr, known))}" if known else "It knows none"
        msg = f"the journal ({account.journal_place}) knows no campaign {campaign!r} of this account. {named}."
        raise ConfigurationError(msg)


def _keys(frame: pd.DataFrame) -> list[tuple[str, int] | None]:
    """The campaign and the number of each row; None where it has no message: no number, or skipped."""
    campaign, msisdn, action = (frame.attrs.get(PREFIX, "") + name for name in ("campaign", "msisdn", "action"))
    missing = [name for name in (campaign, msisdn) if name not in frame.columns]
    if missing:
        msg = f"the frame has no column {missing[0]!r}: give one of send_messages, or the name of a campaign."
        raise ColumnError(msg)
    numbers = columns.pick_text(frame, msisdn).astype("str")
    usable = numbers.str.fullmatch("[0-9]{1,15}", na=False).to_numpy(dtype=bool, copy=True)
    was_sent = set(tables.names("sent")) <= set(frame.columns)  # else the outcome is that of a lookup
    for name, word in ((action, Action.SKIP), ("outcome", SendOutcome.SKIPPED)):
        if name in frame.columns and (was_sent or name == action):
            usable &= columns.pick(frame, name).astype("str").ne(word).to_numpy(dtype=bool)
    return [
        (str(name), int(number)) if good and isinstance(name, str) else None
        for name, number, good in zip(columns.pick(frame, campaign), numbers, usable, strict=True)
    ]


def _of_campaign(campaign: str, followed: Followed) -> pd.DataFrame:
    messages = followed.messages[campaign]
    sent: dict[str, list[Any]] = {
        "outcome": [_outcome(each) for each in messages],
        "message_id": [each.message_id for each in messages],
        "submitted_at": [each.submitted_at for each in messages],
        "scheduled_for": [each.scheduled_for for each in messages],
        "problem": [each.problem for each in messages],
        "transport": [each.transport for each in messages],
    }
    planned: dict[str, list[Any]] = {
        "campaign": [campaign] * len(messages),
        "sender": [each.sender for each in messages],
        "text": [each.text for each in messages],
        "coding": [each.coding for each in messages],
        "segments": [each.segments for each in messages],
        "flash": [bool(each.flash) for each in messages],
    }
    return pd.DataFrame(
        {"msisdn": tables.column("plan", "msisdn", [str(each.msisdn) for each in messages])}
        | {name: tables.column("sent", name, values) for name, values in sent.items()}
        | _learned(messages, followed)
        | {name: tables.column("plan", name, values) for name, values in planned.items()}
    )


def _outcome(sent: Sent) -> SendOutcome:
    if sent.state == CallState.ACCEPTED:
        return SendOutcome.ACCEPTED
    return SendOutcome.SKIPPED if sent.kind == AnswerKind.SKIP else SendOutcome.IN_DOUBT


def _learned(messages: list[Sent] | list[Sent | None], followed: Followed) -> dict[str, ExtensionArray]:
    """The delivery columns of these messages; all null for a row without one."""
    told = {
        name: tables.column("delivery", name, [each and read(each) for each in messages])
        for name, read in _COLUMNS.items()
    }
    return told | {"network": _networks(messages, followed.hlr_replies)}


def _status(sent: Sent) -> str | None:
    return sent.reply if sent.reply in words(MessageStatus) else None


def _is_final(sent: Sent) -> bool | None:
    return sent.kind == AnswerKind.FINAL if sent.state == CallState.ACCEPTED else None


def _resolved_at(sent: Sent) -> int | None:
    return sent.answered_at if sent.kind == AnswerKind.FINAL else None


def _latency(sent: Sent) -> int | None:
    resolved_at = _resolved_at(sent)
    return None if resolved_at is None else max(0, resolved_at - left_at(sent))


def _pending_since(sent: Sent) -> int | None:
    return left_at(sent) if _is_final(sent) is False else None


def _source(sent: Sent) -> str | None:
    return sent.source if _status(sent) else None


_COLUMNS = {
    "status": _status,
    "state_detail": lambda sent: sent.detail,
    "final": _is_final,
    "resolved_at": _resolved_at,
    "latency": _latency,
    "pending_since": _pending_since,
    "source": _source,
}


def _networks(messages: list[Sent] | list[Sent | None], hlr_replies: dict[int, str]) -> ExtensionArray:
    """Where each number was at its last lookup."""
    replies = pd.Series([each and hlr_replies.get(each.msisdn) for each in messages], dtype="str")
    return tables.column("delivery", "network", hlr_result.parse_hlr(replies)["network"])
