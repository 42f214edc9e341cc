"""The lasting list of numbers that no message may go to. Source: docs/campaigns.md.

It is of the journal's folder and of no account: whoever asked to be left alone is left alone by every campaign that is
sent from there.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from isms_data import durations, tables
from isms_data.account import journal_place
from isms_data.cleaning.cells import text_cells
from isms_data.cleaning.readings import numbers_in
from isms_data.code_points import TEXT
from isms_data.errors import ConfigurationError, IsmsWarning
from isms_data.journal.suppression import SuppressionList
from isms_data.msisdn import cells_of_file, clean_numbers, known_region
from isms_data.planning import as_msisdns
from isms_data.vocabulary import NumberStatus, words

if TYPE_CHECKING:
    from isms_data.account import Account
    from isms_data.durations import Duration

Numbers = Iterable[Any] | str | os.PathLike[str]
"""One number, several in any spelling, or the path of a file of them."""

CLOCK: Final = ZoneInfo("Europe/Athens")
"""On which a time without a zone is read."""

_SHOWN: Final = 3
"""So many entries that are no numbers are named in the warning."""


class Change(StrEnum):
    """What became of an entry."""

    SUPPRESSED = "suppressed"
    ALREADY_SUPPRESSED = "already_suppressed"
    RELEASED = "released"
    NOT_SUPPRESSED = "not_suppressed"
    NOT_A_NUMBER = "not_a_number"


async def suppress(
    numbers: Numbers,
    *,
    reason: str | None = None,
    until: datetime | date | Duration | None = None,
    region: str = "GR",
    account: Account | None = None,
) -> pd.DataFrame:
    """Put numbers on the lasting list: no campaign writes to them any more.

    Parameters
    ----------
    numbers : str, iterable, Series, or path of a file
        In any spelling; fixed lines too. A text that reads as a number is one, any other is the path of a file. Of a
        file every cell with a digit in it is an entry, the first line included.
    reason : str, optional
        Why; plans show it. A number that is on the list keeps its reason unless a new one is given.
    until : datetime, date, text or timedelta, optional
        Its end: a time (Athens, where it has no zone), a date (that day included) as `"2027-03-31"`, or a length from
        now as `"90d"`. By default for ever. Of two ends of one number the later counts.
    region : str, default "GR"
        ISO 3166 alpha-2: the country whose numbers are written without a calling code.
    account : Account, optional
        Only its journal's folder matters; without one `ISMS_HOME`, else `./.isms`.

    Returns
    -------
    DataFrame
        One row for each entry, one for each number where it has several, under the Series' index::

            given     str        the entry
            msisdn    str        null where it is no number
            outcome   category   suppressed, already_suppressed, not_a_number
            problem   str        why it is no number; null where it is one

    Raises
    ------
    ConfigurationError   numbers is neither a number nor a file, or until or reason cannot be used.
    ListError            the file cannot be read.
    JournalError         the list cannot be written.

    Warns
    -----
    IsmsWarning   entries that are no numbers: how many, and which are the first.

    Notes
    -----
    Cost: none. Repeatable: yes. It is durable when the function returns. Source: docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox() as account:
    ...     isms.suppress(["697 000 0001", "+357 99 123456"], reason="asked by phone", account=account)
                given        msisdn     outcome problem
    0    697 000 0001  306970000001  suppressed     NaN
    1  +357 99 123456   35799123456  suppressed     NaN
    """
    why = _checked_reason(reason)
    end = _end(until)

    def work() -> pd.DataFrame:
        entries = _entries(numbers, region)
        with SuppressionList(journal_place(account)) as kept:
            before = {entry.msisdn for entry in kept.entries()}
            kept.add(_distinct(entries), reason=why, until=end)
        return _told(entries, before, (Change.ALREADY_SUPPRESSED, Change.SUPPRESSED))

    return await asyncio.to_thread(work)


async def unsuppress(numbers: Numbers, *, region: str = "GR", account: Account | None = None) -> pd.DataFrame:
    """Take numbers off the lasting list.

    Parameters
    ----------
    numbers, region, account
        As for `suppress`.

    Returns
    -------
    DataFrame
        As `suppress` gives; outcome is one of released, not_suppressed, not_a_number.

    Raises
    ------
    ConfigurationError, ListError, JournalError   as for `suppress`.

    Warns
    -----
    IsmsWarning   entries that are no numbers.

    Notes
    -----
    Cost: none. Repeatable: yes. It is durable when the function returns. Source: docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox() as account:
    ...     isms.suppress("6970000001", account=account).outcome.tolist()
    ...     isms.unsuppress("6970000001", account=account).outcome.tolist()
    ['suppressed']
    ['released']
    """

    def work() -> pd.DataFrame:
        entries = _entries(numbers, region)
        with SuppressionList(journal_place(account)) as kept:
            before = {entry.msisdn for entry in kept.entries()}
            kept.remove(_distinct(entries))
        return _told(entries, before, (Change.RELEASED, Change.NOT_SUPPRESSED))

    return await asyncio.to_thread(work)


async def suppressed(*, account: Account | None = None) -> pd.DataFrame:
    """The numbers that are on the lasting list now.

    Parameters
    ----------
    account : Account, optional
        As for `suppress`.

    Returns
    -------
    DataFrame
        By number: `msisdn` str, `reason` str (null where none was given), `since` and `until` datetime64[us, UTC]
        (`until` null: for ever).

    Raises
    ------
    JournalError   the list cannot be read.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/campaigns.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox() as account:
    ...     _ = isms.suppress("6970000001", reason="asked by phone", account=account)
    ...     isms.suppressed(account=account)[["msisdn", "reason", "until"]]
             msisdn          reason until
    0  306970000001  asked by phone   NaT
    """

    def work() -> pd.DataFrame:
        with SuppressionList(journal_place(account)) as kept:
            entries = kept.entries()
        columns = {
            "msisdn": tables.column("plan", "msisdn", [str(entry.msisdn) for entry in entries]),
            "reason": tables.column("plan", "reason", [entry.reason for entry in entries]),
            "since": tables.column("sent", "submitted_at", [entry.since for entry in entries]),
            "until": tables.column("sent", "submitted_at", [entry.until for entry in entries]),
        }
        return pd.DataFrame(columns)

    return await asyncio.to_thread(work)


# The entries


def _entries(numbers: Numbers, region: str) -> pd.DataFrame:
    """Each entry with its number, or with why it is none; under the index of a Series."""
    region = known_region(region)
    given = _given(numbers, region)
    texts = pd.Series(TEXT.__from_arrow__(text_cells(given)[0]), name="given")
    cells = as_msisdns(given.reset_index(drop=True), region).to_frame("cell")
    found = clean_numbers(cells, "cell", region=region, split=True)
    further = found["other_msisdns"].dropna().explode().astype("str")
    msisdns = pd.concat([found["msisdn"], further]).sort_index(kind="stable")
    row = msisdns.index.to_numpy()
    columns = {
        "given": texts.array[row],
        "msisdn": msisdns.array,
        "problem": found["number_problem"].mask(found["msisdn"].notna()).array[row],
        "empty": found["number_status"].eq(NumberStatus.EMPTY).to_numpy()[row],
    }
    return pd.DataFrame(columns, index=given.index.take(row))


def _given(numbers: Numbers, region: str) -> pd.Series:
    if isinstance(numbers, os.PathLike) or _is_path(numbers, region):
        cells = cells_of_file(numbers)
        return cells[cells.str.contains(r"\d", na=False)].reset_index(drop=True)
    if isinstance(numbers, str):
        return pd.Series([numbers])
    if isinstance(numbers, pd.Series):
        return numbers
    if isinstance(numbers, Iterable) and not isinstance(numbers, (pd.DataFrame, bytes)):
        return pd.Series(list(numbers), dtype=object)
    msg = f"numbers is a {type(numbers).__name__}. Give a text, a list, a Series of numbers, or a file's path."
    raise ConfigurationError(msg)


def _is_path(numbers: Numbers, region: str) -> bool:
    """A text that reads as a number is one. Any other must be a file: a name with a slip in it is no empty list."""
    if not isinstance(numbers, str) or len(numbers_in(text_cells(pd.Series([numbers]))[0], region)):
        return False
    if os.path.isfile(numbers):  # noqa: PTH113 - says False of a text that no path can be, where Path raises
        return True
    msg = f"numbers={numbers!r} is no phone number that can be read, and there is no file of that name."
    raise ConfigurationError(msg)


def _distinct(entries: pd.DataFrame) -> list[int]:
    return [int(number) for number in entries["msisdn"].dropna().unique()]


def _told(entries: pd.DataFrame, before: set[int], words_for: tuple[Change, Change]) -> pd.DataFrame:
    """The frame for the caller: `words_for` are those for numbers that were on the list before, and that were not."""
    was = entries["msisdn"].isin([str(number) for number in before]).to_numpy()
    read = entries["msisdn"].notna().to_numpy()
    outcome = np.where(read, np.where(was, words_for[0].value, words_for[1].value), Change.NOT_A_NUMBER.value)
    _warn_of(entries[~read & ~entries["empty"].to_numpy()], len(entries))
    told = entries[["given", "msisdn"]]
    return told.assign(outcome=pd.Categorical(outcome, categories=words(Change)), problem=entries["problem"])


def _warn_of(unread: pd.DataFrame, entries: int) -> None:
    if len(unread):
        named = "; ".join(f"label {label!r}: {problem}" for label, problem in unread["problem"].iloc[:_SHOWN].items())
        msg = (
            f"{len(unread):,} of {entries:,} entries are no numbers and were left out ({named}"
            f"{'; ...' if len(unread) > _SHOWN else ''}). The returned frame has them as 'not_a_number'."
        )
        warnings.warn(msg, IsmsWarning, stacklevel=2)


# Reason and end


def _checked_reason(reason: str | None) -> str | None:
    if reason is None or isinstance(reason, str):
        return (reason or "").strip() or None
    msg = f"reason={reason!r} is a {type(reason).__name__}. Write it as text."
    raise ConfigurationError(msg)


def _end(until: datetime | date | Duration | None) -> int | None:
    """Microseconds since 1970."""
    if until is None:
        return None
    now = datetime.now(UTC)
    try:
        end = _moment(until, now)
    except OverflowError:
        msg = f"until={until!r} is beyond the calendar. Leave it out for ever."
        raise ConfigurationError(msg) from None
    if not end > now:
        msg = f"until={until!r} is over already. Give a time to come, or leave it out for ever."
        raise ConfigurationError(msg)
    return int(end.timestamp() * 1_000_000)


def _moment(until: datetime | date | Duration, now: datetime) -> datetime:
    if isinstance(until, str):
        until = _date(until.strip()) or until
    if isinstance(until, datetime) and not pd.isna(until):
        return until if until.tzinfo is not None else until.replace(tzinfo=CLOCK)
    if isinstance(until, date) and not isinstance(until, datetime):
        return datetime.combine(until + timedelta(days=1), time(), CLOCK)
    if isinstance(until, (str, timedelta)):
        return now + timedelta(seconds=durations.seconds(until, name="until"))
    msg = f"until={until!r} is no time. Give a datetime, a date as '2027-03-31', or a length from now as '90d'."
    raise ConfigurationError(msg)


def _date(text: str) -> datetime | date | None:
    """A date, or a date and time, that is written out; None for any other text."""
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    return None
