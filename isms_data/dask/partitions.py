"""Dask frames, partition by partition: taken from the caller, handed to a function, fetched a few at a time."""

from __future__ import annotations

import os
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import dask
import dask.dataframe as dd
import pandas as pd

from isms_data.dask.datasets import load_table
from isms_data.errors import ColumnError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dask.delayed import Delayed

Frame = dd.DataFrame | str | os.PathLike[str]
"""A dask frame, or the path of Parquet files: a file or a folder."""

LOCAL_MOST: Final = 4
"""Without a cluster so many partitions are worked on together, at most: each is in this process's memory."""


def frame_of(data: Frame) -> dd.DataFrame:
    """The dask frame that the caller gave or named.

    Raises
    ------
    ColumnError   it is something else.
    """
    if isinstance(data, dd.DataFrame):
        return data
    if isinstance(data, (str, os.PathLike)):
        return load_table(data)
    msg = (
        f"expected a dask DataFrame or the path of Parquet files, got {type(data).__name__}. For a pandas DataFrame "
        "take the function of that name in isms_data, or make a dask frame of it: dask.dataframe.from_pandas."
    )
    raise ColumnError(msg)


def mapped(
    function: Callable[..., pd.DataFrame], first: Any, *others: Any, meta: pd.DataFrame, **options: Any
) -> dd.DataFrame:
    """The function over the partitions of a frame or series, beside those of others, partition by partition.

    Options are handed on as they are: dask would cut a pandas frame among them into partitions.
    """
    work = partial(function, **options)
    found: dd.DataFrame = first.map_partitions(work, *others, meta=meta, align_dataframes=False, enforce_metadata=False)
    return found


def fetched(parts: Iterable[Delayed]) -> Iterator[Any]:
    """What each of these comes to, in order; as many at a time as can be worked on together."""
    left = iter(parts)
    while some := list(islice(left, together())):
        yield from dask.compute(*some)


def streamed(frame: dd.DataFrame) -> Iterator[pd.DataFrame]:
    """The partitions, in order, a few at a time in memory."""
    return fetched(frame.to_delayed())


def words_in(told: Iterable[Delayed]) -> dict[str, list[str]]:
    """The words of each column over all partitions, sorted; each tells its own."""
    found: dict[str, set[str]] = {}
    for words in fetched(told):
        for name, some in words.items():
            found.setdefault(name, set()).update(some)
    return {name: sorted(words) for name, words in found.items()}


def with_words(frame: pd.DataFrame, words: dict[str, list[str]]) -> pd.DataFrame:
    """The frame with just these words as categories."""
    return frame.astype({name: pd.CategoricalDtype(pd.Index(known, dtype="str")) for name, known in words.items()})


def together() -> int:
    """How many partitions can be worked on at once: the threads of the cluster's workers, or a few here."""
    try:
        from distributed import default_client  # noqa: PLC0415 - takes half a second, and there may be no cluster

        threads: int = sum(default_client().nthreads().values())
    except (ImportError, ValueError):  # it is not installed, or there is no cluster
        return min(LOCAL_MOST, os.cpu_count() or 1)
    return max(1, threads)
