"""Rows of a metric put together: the small ones, so that nobody is told apart, or many, so that a picture can be read.

Counts add up and what follows from them is worked out again. What does not add up, such as percentiles, is null: it
would take the messages themselves to know it. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from isms_data.reports import statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isms_data.reports.wording import Language

    Marks = NDArray[np.bool_]

FEWEST: Final = 5
"""Smaller groups are not told apart in a report: who knows one of the four could tell what became of the others."""

MAX_ROWS: Final = 20
"""Groups in a picture; the smaller ones are put together in the last row."""

COUNTS: Final = (
    "messages",
    "final",
    "delivered",
    "failed",
    "pending",
    "in_doubt",
    "segments",
    "credits",
    "numbers",
    "absent",
    "expected",
)


def size(rows: pd.DataFrame) -> pd.Series:
    """How many messages or numbers are behind each row; the messages in doubt are some too."""
    if "numbers" in rows:
        return rows["numbers"]
    return rows["messages"] + rows["in_doubt"] if "in_doubt" in rows else rows["messages"]


def too_small(sizes: pd.Series, *, fewest: int = FEWEST) -> Marks:
    """Which groups are of a few, and are put together.

    >>> too_small(pd.Series([50, 2, 9, 0])).tolist()
    [False, True, False, True]
    """
    return sizes.to_numpy(np.int64) < fewest


def too_many(sizes: pd.Series, limit: int) -> Marks:
    """Which groups are left when so many rows are to be shown at most, the last one for all of them.

    >>> too_many(pd.Series([3, 9, 9, 1]), 3).tolist()
    [True, False, False, True]
    """
    marked = np.zeros(len(sizes), np.bool_)
    if len(sizes) > limit:
        order = np.argsort(-sizes.to_numpy(np.int64), kind="stable")
        marked[order[limit - 1 :]] = True
    return marked


def other(groups: int, speak: Language) -> str:
    """What a row of so many groups is called."""
    return speak.say("other_group") if groups == 1 else speak.say("other_groups", n=speak.number(groups))


def together(
    rows: pd.DataFrame, keys: Sequence[str], marked: Marks, *, name: str, confidence: float = 0.95
) -> pd.DataFrame:
    """The rows with the marked ones as one at the end, under that name in the first of the keys, which hold text.

    Marked rows of which there is nothing (all counts 0) make none.
    """
    kept, gone = rows[~marked], rows[marked]
    if not size(gone).sum():
        return kept.reset_index(drop=True)
    one = {column: _one(gone[column]) for column in rows.columns if column not in keys}
    texts = {key: pd.array([name if key == keys[0] else None], dtype="str") for key in keys}
    last = pd.DataFrame({column: texts.get(column, one.get(column)) for column in rows.columns})
    if "share" in rows:
        last["share"] = gone["share"].sum()
    _work_out(last, int(rows["numbers"].sum()) if "numbers" in rows else 0, confidence)
    return last if kept.empty else pd.concat([kept, last], ignore_index=True)


def few(
    rows: pd.DataFrame, key: str, speak: Language, *, limit: int = MAX_ROWS, confidence: float = 0.95
) -> pd.DataFrame:
    """At most so many rows: the largest, and one for all others."""
    marked = too_many(size(rows), limit)
    return together(rows, [key], marked, name=other(int(marked.sum()), speak), confidence=confidence)


def derived_rates(rows: pd.DataFrame, confidence: float) -> dict[str, statistics.Floats]:
    """Rates, intervals and bounds of counts, as `delivery_rates` has them."""
    low, high = statistics.wilson(rows["delivered"], rows["final"], confidence=confidence)
    return {
        "rate": statistics.share(rows["delivered"], rows["final"]),
        "low": low,
        "high": high,
        "rate_if_pending_fail": statistics.share(rows["delivered"], rows["messages"]),
        "rate_if_pending_deliver": statistics.share(rows["delivered"] + rows["pending"], rows["messages"]),
    }


def _one(column: pd.Series) -> pd.Series:
    """A column of the marked rows as one value: their sum, or null."""
    if column.name in COUNTS:
        return pd.Series([column.sum(skipna=False)], dtype=column.dtype)
    return column.iloc[:0].reindex([0])


def _work_out(row: pd.DataFrame, total: int, confidence: float) -> None:
    """What follows from the counts of one row, as the metrics do it."""
    if {"rate", "final", "delivered"} <= set(row):
        for name, values in derived_rates(row, confidence).items():
            row[name] = values
    if "credits_per_delivered" in row:
        row["credits_per_delivered"] = statistics.share(row["credits"], row["delivered"])
    if {"share", "low", "high", "numbers"} <= set(row):
        row["low"], row["high"] = statistics.wilson(row["numbers"], total, confidence=confidence)
