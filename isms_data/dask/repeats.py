"""Which numbers stand in more than one row of a dataset, and where each stood first; in two passes, without a shuffle.

Rows never move. Each partition tells its distinct numbers and where in it each came first; the numbers are dealt to
buckets by their last digits, so that a bucket sees every partition's rows of its numbers; and each bucket tells every
partition which of its numbers came before, or come again. What a bucket holds is 17 bytes for each distinct number of
each partition, what a partition gets back are its repeated numbers alone.

These are ordinary tasks, so a worker that is lost takes nothing with it: dask works out again what it held. They start
at once, and what they give stays with the workers for as long as a frame uses it. Were both passes one graph, dask
would keep all partitions in memory from the first pass to the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dask.delayed import Delayed

    from isms_data.cleaning.digits import Flags, Ints

MOST_BUCKETS: Final = 64
"""Each bucket means a task's worth of bookkeeping for each partition."""

PARTITIONS_A_BUCKET: Final = 8
"""A bucket holds about as many numbers as so many partitions have rows."""

EMPTY: Final = pd.DataFrame(
    {"number": np.zeros(0, np.int64), "first": np.zeros(0, np.int64), "own": np.zeros(0, np.int64)}
)
"""Of a partition: its repeated numbers, the row of the dataset in which each is first, and which of the partition's own
rows that is, -1 where it is in an earlier one."""


class Standing(NamedTuple):
    """Rows of a partition that have a number, in ascending order."""

    numbers: Ints
    rows: Ints
    length: int
    """All rows of the partition."""


class Firsts(NamedTuple):
    """The distinct numbers of a partition, or those of them that are in one bucket."""

    numbers: Ints
    rows: Ints
    """Where in the partition each is first."""
    again: Flags
    """Whether it comes again there."""


def repeats(frame: dd.DataFrame, standing: Callable[[pd.DataFrame], Standing]) -> dd.DataFrame:
    """For each partition a table like `EMPTY`; `standing` says which rows of a partition count.

    Started at once; the tables stay where they were made.
    """
    parts = frame.to_delayed()
    buckets = min(MOST_BUCKETS, -(-len(parts) // PARTITIONS_A_BUCKET))
    dealt = [list(dask.delayed(_dealt, nout=buckets + 1)(part, standing, buckets)) for part in parts]
    lengths = dask.delayed(list)([length for *_, length in dealt])
    told = [_bucket([firsts[bucket] for firsts in dealt], lengths) for bucket in range(buckets)]
    tables = [dask.delayed(_together)([table[number] for table in told]) for number in range(len(parts))]
    found: dd.DataFrame = dd.from_delayed(dask.persist(*tables), meta=EMPTY, verify_meta=False)
    return found


def repeated(standing: Standing, table: pd.DataFrame) -> tuple[Ints, Ints]:
    """Of a partition's rows those whose number came before in the dataset, and the dataset's row where it did."""
    place = pd.Index(table["number"]).get_indexer(pd.Index(standing.numbers))
    known = np.flatnonzero(place >= 0)
    place, rows = place[known], standing.rows[known]
    again = table["own"].to_numpy()[place] != rows
    return rows[again], table["first"].to_numpy()[place[again]]


def _dealt(part: pd.DataFrame, standing: Callable[[pd.DataFrame], Standing], buckets: int) -> tuple[Any, ...]:
    """The firsts of a partition, bucket by bucket, and its length."""
    numbers, rows, length = standing(part)
    code, distinct = pd.factorize(numbers)
    first = np.empty(len(distinct), np.int64)
    first[code[::-1]] = rows[::-1]
    again = np.bincount(code, minlength=len(distinct)) > 1
    bucket = distinct % buckets
    return (
        *(Firsts(*(each[bucket == number] for each in (distinct, first, again))) for number in range(buckets)),
        length,
    )


def _bucket(firsts: list[Delayed], lengths: Delayed) -> list[Delayed]:
    return list(dask.delayed(_told, nout=len(firsts))(firsts, lengths))


def _told(firsts: Sequence[Firsts], lengths: Sequence[int]) -> list[pd.DataFrame]:
    """For each partition its numbers of this bucket that are repeated somewhere, as a table like `EMPTY`."""
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    numbers, rows, again = (np.concatenate(each) for each in zip(*firsts, strict=True))
    part = np.repeat(np.arange(len(firsts)), [len(each.numbers) for each in firsts])
    first, alone = _firsts(numbers)
    mine = np.flatnonzero(~alone | again)
    first = first[mine]
    own = np.where(mine == first, rows[mine], -1)
    table = pd.DataFrame({"number": numbers[mine], "first": begins[part[first]] + rows[first], "own": own})
    ends = np.searchsorted(part[mine], np.arange(len(firsts)), side="right").tolist()
    return [table.iloc[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _firsts(numbers: Ints) -> tuple[Ints, Flags]:
    """For each place of a list the first one with the same number, and whether it is the only one."""
    order = np.argsort(numbers, kind="stable")
    ascending = numbers[order]
    differs = np.ones(len(numbers) + 1, np.bool_)
    differs[1:-1] = ascending[1:] != ascending[:-1]
    leader = np.maximum.accumulate(np.where(differs[:-1], np.arange(len(numbers)), 0))
    first, alone = np.empty(len(numbers), np.int64), np.empty(len(numbers), np.bool_)
    first[order], alone[order] = order[leader], differs[:-1] & differs[1:]
    return first, alone


def _together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)
