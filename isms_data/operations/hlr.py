"""HLR lookups: a column of numbers in, the typed answers out. Source: docs/protocol.md, hlr.php and hlrquery.php."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from isms_data import columns, durations, hlr_result, tables
from isms_data.account import resolve
from isms_data.budget import credit_limit
from isms_data.lookups import Found, look_up
from isms_data.runs import Terms
from isms_data.vocabulary import NumberStatus, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from pandas.api.extensions import ExtensionArray

    from isms_data.account import Account
    from isms_data.durations import Duration

ASKED: Final = (NumberStatus.MOBILE, NumberStatus.DUPLICATE)
"""Of the statuses that `clean_numbers` gives, those that are worth a lookup."""


async def hlr_lookup(
    frame: pd.DataFrame,
    column: str,
    *,
    # what may be spent
    max_age: Duration = "30d",
    max_credits: float | Decimal | None = None,
    max_wait: Duration = "15min",
    all_rows: bool = False,
    # how the result looks, and what the run is called
    label: str | None = None,
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> pd.DataFrame:
    """Ask the HLR whether each number is reachable, and in which network.

    One row in, one row out, same order and index. Equal numbers are asked once and get the same answer.

    Parameters
    ----------
    frame : DataFrame
        Is not changed.
    column : str
        MSISDNs as text, digits without "+"; clean first with `clean_numbers`. A null is `skipped`, and where the frame
        has `number_status`, so is every row that is neither `mobile` nor `duplicate`, unless `all_rows=True`.
    max_age : str or timedelta, default "30d"
        An answer in the journal younger than this is used instead of paying again (`cached`).
    max_credits : number, optional
        A hard limit in credits; the rows beyond it are `not_attempted`, with a warning.
    max_wait : str or timedelta, default "15min"
        How long to wait for answers after the last number was submitted; then the rest is `pending`.
    label : str, optional
        A name for this run in the journal.
    prefix, replace
        What to do where the frame has one of the new columns already: rename ours, or overwrite.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        The frame with these columns behind its own (null where not known)::

            status                       category             word of vocabulary.HlrStatus
            country, operator            category             free text, as received
            imsi, serving_msc            str                  digits
            error_code                   Int16                MAP error, decimal
            mcc, mnc                     str                  3 and 2-3 digits
            network                      category             where the number is now
            ported, roaming              boolean
            serving_country              category             ISO 3166 alpha-2
            error_name, error_class      category
            verdict                      category             deliverable, retry_later, barred, ...
            outcome                      category             done, cached, pending, failed, in_doubt, ...
            problem                      str                  why, in words
            message_id                   str
            submitted_at, resolved_at    datetime64[us, UTC]

    Raises
    ------
    ColumnError           the column is missing or is not text, or a new column is in the way; nothing was paid.
    ConfigurationError    no account, or a setting that cannot be used.
    AuthenticationError, InsufficientCredits   the gateway refuses the account; what is done is kept.
    GatewayUnavailable    the gateway could not be asked at all.
    JournalError          the journal cannot be written; nothing is paid for without it.

    Notes
    -----
    Cost: one lookup per distinct number without a fresh answer or an open question. Repeatable: yes, it resumes:
    calling again asks what is `failed` or `not_attempted`, goes on waiting for what is `pending`, and leaves `in_doubt`
    alone (`settle` decides). Stopping it keeps everything. Source: docs/protocol.md, hlr.php and hlrquery.php.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> numbers = pd.DataFrame({"msisdn": ["306970000001", None, "306970000001"]})
    >>> with isms.sandbox(median_latency_s=0.01) as account:
    ...     hlr = isms.hlr_lookup(numbers, "msisdn", account=account)
    >>> hlr.outcome.tolist()
    ['done', 'skipped', 'done']
    """
    names = columns.new_names(frame, tables.SCHEMAS["hlr"].names, prefix=prefix, replace=replace)
    rows = columns.pick_text(frame, column).astype("str").reset_index(drop=True)
    account = resolve(account)
    terms = Terms(
        max_wait_s=durations.seconds(max_wait, name="max_wait"),
        price=Decimal(account.credits_per_lookup),
        max_credits=credit_limit(max_credits),
    )
    max_age_s = durations.seconds(max_age, name="max_age")
    reasons = _reasons_to_skip(frame, rows, all_rows=all_rows)
    codes, numbers = pd.factorize(rows.where(reasons.isna()))
    found = await look_up(account, [int(number) for number in numbers], terms, max_age_s=max_age_s, label=label)
    return columns.attach(frame, _spread(names, numbers, codes, found, reasons), names)


def _reasons_to_skip(frame: pd.DataFrame, rows: pd.Series, *, all_rows: bool) -> pd.Series:
    """Why a row is not looked up, in words; null where it is. By position."""
    reasons = pd.Series(None, index=rows.index, dtype="str")
    if "number_status" in frame.columns and not all_rows:
        statuses = frame["number_status"].astype("str").reset_index(drop=True)
        refused = statuses.notna() & ~statuses.isin(ASKED)
        reasons = reasons.mask(refused, "number_status is " + statuses + "; all_rows=True asks all the same")
    reasons = reasons.mask(~rows.str.fullmatch(columns.MSISDN, na=False), _NOT_A_NUMBER)
    return reasons.mask(rows.isna(), "no number in this row")


_NOT_A_NUMBER: Final = "not an MSISDN (7 to 15 digits, country code first, no + and no 00); use isms.clean_numbers"


def _spread(
    names: Iterable[str], numbers: pd.Index, codes: np.ndarray, found: Found, reasons: pd.Series
) -> dict[str, ExtensionArray]:
    """The columns of the distinct numbers, brought to the rows by position; a row without a number gets its reason."""
    typed = hlr_result.parse_hlr(pd.Series(found.replies, dtype="str"), msisdn=pd.Series(numbers, dtype="str"))
    told = pd.Series(found.problems, dtype="str")
    kept: dict[str, Any] = {
        "outcome": found.outcomes,
        "problem": told.fillna(typed["problem"]),
        "message_id": found.message_ids,
        "submitted_at": found.submitted_at,
        "resolved_at": found.resolved_at,
    }
    arrays = {name: typed[name].array for name in typed.columns}
    arrays |= {name: tables.column("hlr", name, values) for name, values in kept.items()}
    spread = {name: arrays[name].take(codes, allow_fill=True) for name in names}
    skipped = codes < 0
    spread["outcome"][skipped] = Outcome.SKIPPED.value
    spread["problem"][skipped] = reasons[skipped].array
    return spread
