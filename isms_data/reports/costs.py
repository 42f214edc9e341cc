"""What messages cost, what each delivered one did, and what cheaper letters would have saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.greek import Rendering, render_column
from isms_data.reports.delivery import DELIVERED, IN_DOUBT, NEEDS, SENT, counted
from isms_data.reports.source import ATHENS, key_names, opened, refuse_taken
from isms_data.reports.statistics import share
from isms_data.text_segments import count_segments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from isms_data.reports.stored import Data

_SAVINGS: Final = ("messages", "segments", "segments_in_capitals", "saved", "saved_share")


def delivery_costs(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    credits_per_segment: float | Decimal = 1,
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Tell what the messages cost, and what each delivered one did.

    Parameters
    ----------
    data, by, timezone
        As for `delivery_rates`.
    credits_per_segment : number, default 1
        The price.

    Returns
    -------
    DataFrame
        one row for each group, sorted; one row where nothing is counted by
        ...                    as in the data  the columns of `by`
        messages               int64    sent; those in doubt are not in here, though they may have been charged
        segments               int64    that they took, as far as known
        credits                float64  segments times price; null where a message's segments are not known
        delivered              int64    so far: while messages are pending, each one looks dearer than it will be
        credits_per_delivered  float64  null where none is delivered

    Raises
    ------
    ColumnError   `outcome`, `status`, `final`, `segments` or a column of `by` is not there, or holds something else.

    Notes
    -----
    Cost: none. Repeatable: yes.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered", "Failed"], "final": True})
    >>> delivery_costs(messages.assign(segments=2))
       messages  segments  credits  delivered  credits_per_delivered
    0         2         4      4.0          1                    4.0
    """
    counts = {
        "messages": counted(SENT),
        "segments": f"coalesce(sum(segments) FILTER (WHERE {SENT}), 0)::BIGINT",
        "credits": counted(f"{SENT} AND segments IS NULL"),
        "delivered": counted(DELIVERED),
    }
    with opened(data, needs=NEEDS | {"plan": ("segments",)}, by=by, timezone=timezone) as source:
        costs = source.grouped(counts, where=f"{SENT} OR {IN_DOUBT}", adding=["credits_per_delivered"])
    known = costs["credits"] == 0
    costs["credits"] = (costs["segments"] * float(credits_per_segment)).where(known)
    costs["credits_per_delivered"] = share(costs["credits"], costs["delivered"])
    return costs


def capitals_savings(data: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Tell what the messages that were sent would have cost in capitals that the GSM alphabet holds.

    Parameters
    ----------
    data : DataFrame or path
        What `delivery_status` gives for a campaign's name; or Parquet files of it.
    by, timezone
        As for `delivery_rates`.

    Returns
    -------
    DataFrame
        one row for each group, sorted; one row where nothing is counted by
        ...                   as in the data  the columns of `by`
        messages              int64    sent, and their text is known
        segments              int64    that they took
        segments_in_capitals  int64    that they would have taken
        saved                 int64    the difference
        saved_share           float64  of the segments; null where there are none

    Raises
    ------
    ColumnError   `outcome`, `text`, `segments` or a column of `by` is not there, or holds something else.

    Notes
    -----
    Cost: none; each distinct text is rendered once. Repeatable: yes. Capitals have no accents and are harder to read:
    see docs/texts.md.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"], "text": ["Καλημέρα σας! Η παραγγελία είναι έτοιμη " * 3]})
    >>> capitals_savings(messages.assign(segments=2))
       messages  segments  segments_in_capitals  saved  saved_share
    0         1         2                     1      1          0.5
    """
    refuse_taken(key_names(by), _SAVINGS)
    with opened(data, needs={"sent": ("outcome",), "plan": ("text", "segments")}, by=by, timezone=timezone) as source:
        keys = f"{source.keys}, " if source.groups else ""
        texts = source.batches(
            f"SELECT {keys} text, segments, count(*) AS messages FROM rows "  # noqa: S608 - our own SQL
            f"WHERE {SENT} AND text IS NOT NULL GROUP BY {keys} text, segments"
        )
        names = [name for name in source.keys.split(", ") if name]
        sums = [_added(_priced(batch, names), names) for batch in texts]
        savings = source.restored(_added(pa.concat_tables(sums), names))
    savings["saved"] = savings["segments"] - savings["segments_in_capitals"]
    savings["saved_share"] = share(savings["saved"], savings["segments"])
    return savings


def _priced(batch: pa.RecordBatch, keys: list[str]) -> pa.Table:
    """Messages and segments of a batch of texts, as they were sent and in capitals."""
    texts = batch.column("text").dictionary_encode()
    distinct = pd.Series(texts.dictionary.to_pylist(), dtype="str")
    which = texts.indices.to_numpy()
    plain, capitals = (
        count_segments(written)["segments"].to_numpy(np.int64, na_value=0)[which]
        for written in (distinct, render_column(distinct, Rendering.CAPITALS))
    )
    messages = batch.column("messages").to_numpy()
    paid = pc.fill_null(batch.column("segments"), -1).to_numpy()
    sums = {
        "messages": messages,
        "segments": messages * np.where(paid < 0, plain, paid),
        "segments_in_capitals": messages * capitals,
    }
    return pa.table({name: batch.column(name) for name in keys} | sums)


def _added(table: pa.Table, keys: list[str]) -> pa.Table:
    """The sums of each group."""
    names = [name for name in table.column_names if name not in keys]
    of_nothing = pc.ScalarAggregateOptions(min_count=0)
    summed = table.group_by(keys).aggregate([(name, "sum", of_nothing) for name in names])
    return summed.rename_columns([name.removesuffix("_sum") for name in summed.column_names])
