"""Paid calls for a dask frame: in this process, partition by partition, through the journal; never in a task.

Tasks only work the partitions out. Each is then handed to the ordinary function (`isms.hlr_lookup`,
`isms.send_messages`), which pays for a number once whatever happens, and its result is written as one file of a folder,
whole or not at all. So stopping costs nothing, and calling again goes on.

What is known of a partition that is done lies in its file: a digest of its rows and of what was asked of them, and
whether each row has its last word. Where both still hold, the file stays and nobody is asked; where not, the partition
is taken up again, and the journal tells what of it is paid for already.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import dask
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from isms_data import columns, doors, durations, plans, tables
from isms_data.account import resolve
from isms_data.budget import credit_limit
from isms_data.dask.datasets import about_file, file_name, load_table, write_part
from isms_data.dask.partitions import Frame, fetched, frame_of, streamed
from isms_data.errors import ColumnError, IsmsWarning, TableError
from isms_data.operations.send import checked_plan
from isms_data.parquet import datasets
from isms_data.parquet.places import below, place
from isms_data.parquet.safe_files import clear_unfinished
from isms_data.vocabulary import Outcome, SendOutcome

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import dask.dataframe as dd

    from isms_data.account import Account
    from isms_data.durations import Duration
    from isms_data.parquet.places import Place

ASKED: Final = "asked"
"""In a result file's description: the digest of what was asked. Only a folder of such files is written to."""

_SINCE: Final = "last_words_since"
"""In a result file's description: since when each row has its last word, in microseconds; null where one has none."""

_LAST_WORDS: Final = (
    *(Outcome.DONE, Outcome.CACHED, Outcome.SKIPPED),
    *(SendOutcome.ACCEPTED, SendOutcome.ALREADY_SENT, SendOutcome.SKIPPED),
)


def hlr_lookup(
    frame: Frame,
    column: str,
    path: str | os.PathLike[str],
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
) -> dd.DataFrame:
    """Ask the HLR about the numbers of a dask frame, and save the answers as a folder of Parquet files.

    As `isms.hlr_lookup` of all rows: one row in, one row out, same order and index; a number that stands in several
    partitions is paid for once and gets the same answer in each.

    Parameters
    ----------
    frame : dask DataFrame or path
        The path of Parquet files stands for `load_table(path)`.
    column : str
        MSISDNs as text; clean first with `clean_numbers`.
    path : str or path
        The folder of the result, also in an object store: one file for each partition. Calling again with the same
        folder goes on: a partition whose rows are the same, and all answered within `max_age`, is left as it is.
    max_age, max_wait, all_rows, label, prefix, replace, account
        As for `isms.hlr_lookup`; `max_wait` counts for each partition.
    max_credits : number, optional
        A hard limit in credits over all partitions; the rows beyond it are `not_attempted`, with a warning.

    Returns
    -------
    dask DataFrame
        `load_table(path)`; see `isms.hlr_lookup` for the columns.

    Raises
    ------
    TableError   the folder holds something else than results of this function.
    Others       as `isms.hlr_lookup`; the partitions that are done are kept.

    Notes
    -----
    Runs at once and here: paid work is in no task. In memory are a few partitions. A partition has its answers before
    the next is asked, so partitions of some 100,000 numbers keep the gateway busier than small ones. Working a
    partition out must not need all others: save a frame that was sorted or joined first.
    Cost: one lookup per distinct number without a fresh answer or an open question. Repeatable: yes, it resumes.
    Source: docs/scale.md, docs/guarantees.md.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import dask.dataframe as dd, isms_data as isms
    >>> numbers = pd.DataFrame({"msisdn": ["306970000001", None, "306970000001"]})
    >>> with isms.sandbox(median_latency_s=0.01) as account, TemporaryDirectory() as folder:
    ...     hlr = hlr_lookup(dd.from_pandas(numbers, npartitions=3), "msisdn", f"{folder}/hlr", account=account)
    ...     hlr.compute().outcome.tolist(), isms.credits(account)
    (['done', 'skipped', 'done'], Decimal('9999.00'))
    """
    data, account = frame_of(frame), resolve(account)
    names = columns.new_names(data._meta, tables.names("hlr"), prefix=prefix, replace=replace)  # noqa: SLF001 - how dask calls its example
    columns.pick(data._meta, column)  # noqa: SLF001
    wanted: dict[str, Any] = {"column": column, "all_rows": all_rows, "prefix": prefix, "replace": replace}
    began, age = _now(), round(durations.seconds(max_age, name="max_age") * 1_000_000)

    def ask(part: pd.DataFrame, **limits: Any) -> pd.DataFrame:
        since = timedelta(microseconds=age + _now() - began)  # what this call has paid for is fresh throughout
        found = doors.hlr_lookup(
            part, max_age=since, max_wait=max_wait, label=label, account=account, **wanted, **limits
        )
        here = found[names["outcome"]].eq(Outcome.CACHED) & found[names["resolved_at"]].ge(_moment(began))
        return found.assign(**{names["outcome"]: found[names["outcome"]].mask(here, Outcome.DONE.value)})

    def paid(found: pd.DataFrame, since: int) -> int:
        return found.loc[found[names["submitted_at"]].ge(_moment(since)), column].nunique()

    errand = _Errand("hlr_lookup", wanted | {"account": account.label}, ask, paid, names, fresh_since=began - age)
    purse = _Purse(account, Decimal(account.credits_per_lookup), credit_limit(max_credits))
    return _carried_out(data, path, errand, purse)


def send_messages(
    plan: Frame,
    path: str | os.PathLike[str],
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
) -> dd.DataFrame:
    """Send the messages of a dask plan, and save what became of them as a folder of Parquet files.

    As `isms.send_messages` of all rows: at most one message to each number of a campaign, for ever, whatever happens.

    Parameters
    ----------
    plan : dask DataFrame or path
        Of `plan_messages`, whole or a part of it; the path of Parquet files stands for `load_table(path)`.
    path : str or path
        The folder of the result, also in an object store: one file for each partition. Calling again with the same
        folder goes on: a partition whose rows are the same, and all sent, is left as it is.
    transport, schedule, quiet_hours, dlr, prefix, replace, account
        As for `isms.send_messages`. A `schedule` must be far enough ahead for the last partition too.
    max_credits : number, optional
        A hard limit in credits over all partitions; the rows beyond it are `not_attempted`, with a warning.

    Returns
    -------
    dask DataFrame
        `load_table(path)`; see `isms.send_messages` for the columns.

    Raises
    ------
    ColumnError   the frame is no plan, was changed since it was planned, or is of several campaigns; nothing was sent.
    TableError    the folder holds something else than results of this function.
    Others        as `isms.send_messages`; the partitions that are done are kept.

    Notes
    -----
    Runs at once and here: paid work is in no task. Each partition is checked before the first message leaves.
    Cost: the segments of each row with action `send`, once for each number. Repeatable: yes, it resumes.
    Source: docs/scale.md, docs/guarantees.md.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import dask.dataframe as dd, isms_data as isms
    >>> from isms_data.dask.planning import plan_messages
    >>> people = dd.from_pandas(pd.DataFrame({"msisdn": ["306970000001", "306970000002"]}), npartitions=2)
    >>> with isms.sandbox(median_latency_s=0.01) as account, TemporaryDirectory() as folder:
    ...     plan = plan_messages(people, "msisdn", campaign="spring", sender="MyShop", text="Hello", account=account)
    ...     send_messages(plan, f"{folder}/sent", account=account).compute().outcome.tolist()
    ['accepted', 'accepted']
    """
    data, account = frame_of(plan), resolve(account)
    planned = plans.plan_columns(data._meta)  # noqa: SLF001 - how dask calls its example
    _check_one_campaign(data)
    names = {name: prefix + name for name in tables.names("sent")}
    ask = partial(
        doors.send_messages,
        transport=transport,
        schedule=schedule,
        quiet_hours=quiet_hours,
        dlr=dlr,
        prefix=prefix,
        replace=replace,
        account=account,
    )

    def paid(sent: pd.DataFrame, since: int) -> int:
        return int(sent.loc[sent[names["submitted_at"]].ge(_moment(since)), planned["segments"]].sum())

    wanted = {"prefix": prefix, "replace": replace, "account": account.label}
    errand = _Errand("send_messages", wanted, ask, paid, names)
    purse = _Purse(account, Decimal(account.credits_per_segment), credit_limit(max_credits))
    return _carried_out(data, path, errand, purse)


def _check_one_campaign(plan: dd.DataFrame) -> None:
    """Nothing may be wrong with the last partition when the messages of the first leave."""
    told = fetched(dask.delayed(_campaigns)(part) for part in plan.to_delayed())
    campaigns = sorted(set().union(*told))
    if len(campaigns) > 1:
        msg = f"the plan is of {len(campaigns)} campaigns ({', '.join(map(repr, campaigns[:3]))}); send one at a time."
        raise ColumnError(msg)


def _campaigns(part: pd.DataFrame) -> set[str]:
    return set(checked_plan(part)["campaign"].dropna())


# Partition by partition


@dataclass(frozen=True)
class _Errand:
    """What is asked of each partition."""

    name: str
    wanted: dict[str, Any]
    """What decides what the result looks like."""
    ask: Callable[..., pd.DataFrame]
    paid: Callable[[pd.DataFrame, int], int]
    """How many units of a result were paid for since a moment, at most."""
    names: dict[str, str]
    """The result's columns."""
    fresh_since: int = 0
    """A last word from before then is none, in microseconds."""


@dataclass
class _Purse:
    """What the call may still spend: what a partition took is what it paid for at the planned price, or more."""

    account: Account
    price: Decimal
    limit: Decimal | None
    spent: Decimal = Decimal(0)
    not_attempted: int = 0
    """Rows of the partitions that came when nothing was left."""
    _balance: Decimal = field(init=False, default=Decimal(0))

    def open(self) -> None:
        """Read the balance, to see what a unit really costs."""
        if self.limit is not None:
            self._balance = doors.credits(self.account)

    @property
    def left(self) -> Decimal | None:
        """None where there is no limit."""
        return None if self.limit is None else max(self.limit - self.spent, Decimal(0))

    @property
    def empty(self) -> bool:
        """Whether not one more unit can be paid for."""
        return self.left is not None and self.left < self.price

    def count(self, units: int) -> None:
        """So many units were paid for."""
        if self.limit is not None and units:
            before, self._balance = self._balance, doors.credits(self.account)
            self.spent += max(self.price * units, before - self._balance)


def _carried_out(frame: dd.DataFrame, path: str | os.PathLike[str], errand: _Errand, purse: _Purse) -> dd.DataFrame:
    folder = place(path).resolve()
    _check_results(folder)
    folder.mkdir(parents=True, exist_ok=True)
    purse.open()
    for number, part in enumerate(streamed(frame)):
        _take_up(part, number, folder / file_name(number), errand, purse)
    kept = {file_name(number) for number in range(frame.npartitions)}
    for file in below(folder, "*.parquet"):
        if file.name not in kept:
            file.unlink()
    if purse.not_attempted:
        msg = (
            f"max_credits is used up: besides what was told before, {purse.not_attempted:,} rows of later partitions "
            f"were not attempted ({purse.spent:f} credits spent in this call). Call again with a higher limit."
        )
        warnings.warn(msg, IsmsWarning, stacklevel=3)
    return load_table(path)


def _take_up(part: pd.DataFrame, number: int, file: Place, errand: _Errand, purse: _Purse) -> None:
    """One partition: left as it is, or asked, and its result written."""
    digest = _digest(part, errand)
    about = about_file(file) if file.exists() else {}
    since = about.get(_SINCE)
    if about.get(ASKED) == digest and since is not None and since >= errand.fresh_since:
        return
    began = _now()
    if purse.empty:
        found = _without_paying(part, errand)
        purse.not_attempted += int(found[errand.names["outcome"]].eq(Outcome.NOT_ATTEMPTED).sum())
    else:
        found = errand.ask(part, max_credits=purse.left)
    write_part(found, file, number, more={ASKED: digest, _SINCE: _last_words_since(found, errand.names)})
    purse.count(errand.paid(found, began))


def _without_paying(part: pd.DataFrame, errand: _Errand) -> pd.DataFrame:
    """What is known of a partition; that nothing is left was told once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsmsWarning)
        return errand.ask(part, max_credits=0)


def _last_words_since(found: pd.DataFrame, names: dict[str, str]) -> int | None:
    """Since when each row has its last word; None where one has none."""
    if not found[names["outcome"]].isin(_LAST_WORDS).all():
        return None
    first = found[names["resolved_at"]].min() if "resolved_at" in names else pd.NaT
    return _now() if pd.isna(first) else (first - _moment(0)) // pd.Timedelta("1us")


def _digest(part: pd.DataFrame, errand: _Errand) -> str:
    """The same for the same rows, asked the same: made of their values as Parquet spells them."""
    table, about = tables.described(part)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(None), sink, store_schema=False, use_dictionary=False, compression="none"
    )
    asked = json.dumps([errand.name, errand.wanted, about["layout"]], sort_keys=True)
    return hashlib.blake2b(sink.getvalue(), key=hashlib.blake2b(asked.encode()).digest(), digest_size=16).hexdigest()


def _check_results(folder: Place) -> None:
    """Refuse a folder with anything in it that is no result: perhaps it is the input."""
    clear_unfinished(folder)
    datasets.check_replaceable(folder)
    strange = next((file for file in below(folder, "*.parquet") if ASKED not in about_file(file)), None)
    if strange is not None:
        msg = (
            f"{str(folder)!r} is to become the folder of the results, and {str(strange)!r} is none. Take another path."
        )
        raise TableError(msg)


def _now() -> int:
    """Microseconds since 1970, as the journal counts them."""
    return time.time_ns() // 1_000


def _moment(microseconds: int) -> pd.Timestamp:
    return pd.Timestamp(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds))
