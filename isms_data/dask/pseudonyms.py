"""Pseudonyms in place of the numbers of a dask frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask
import pandas as pd

from isms_data import pseudonyms
from isms_data.dask.partitions import Frame, frame_of, mapped, with_words, words_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dask.dataframe as dd


def pseudonymise(frame: Frame, columns: str | Iterable[str], key: bytes | str) -> dd.DataFrame:
    """Put pseudonyms in place of numbers, so that frames can still be joined and nobody can be called.

    As `isms.pseudonymise` of all rows at once; the same number under the same key is the same pseudonym everywhere.

    Parameters
    ----------
    frame : dask DataFrame or path
        The path of Parquet files stands for `load_table(path)`.
    columns, key
        As for `isms.pseudonymise`. The key travels to the workers with the tasks, and is written nowhere.

    Returns
    -------
    dask DataFrame
        Of the same partitions; see `isms.pseudonymise`.

    Raises
    ------
    ConfigurationError   the key is too short, or neither bytes nor text. It is not quoted.
    ColumnError          a column is missing, or holds anything but text.

    Warns
    -----
    IsmsWarning   here: a column of numbers, IMSIs or exchanges was not named. Where a partition is computed, so perhaps
                  in a worker's log: a named column has values that are no MSISDNs.

    Notes
    -----
    Lazy, each partition by itself; but where a named column is one of words, the words that occur are found at once.
    Cost: none. Repeatable: yes. Source: docs/privacy.md.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> frame = dd.from_pandas(pd.DataFrame({"msisdn": ["306970000001", None]}), npartitions=2)
    >>> pseudonymise(frame, "msisdn", key=b"an example of a key").compute()
                           msisdn
    0  p_7dq47vool6f7b5pidrfazjbb
    1                        <NA>
    """
    data = frame_of(frame)
    chosen = [columns] if isinstance(columns, str) else list(columns)
    meta = pseudonyms.pseudonymise(data._meta, chosen, key)  # noqa: SLF001 - how dask calls its example
    of_words = [name for name in chosen if isinstance(meta[name].dtype, pd.CategoricalDtype)]
    told = (dask.delayed(_words)(part, key) for part in data[of_words].to_delayed()) if of_words else ()
    words = words_in(told)
    return mapped(_replaced, data, meta=with_words(meta, words), columns=chosen, key=key, words=words)


def _words(part: pd.DataFrame, key: bytes | str) -> dict[str, list[str]]:
    """The pseudonyms of a partition's columns of words."""
    replaced = pseudonyms.pseudonymise(part, list(part.columns), key)
    return {str(name): replaced[name].dropna().unique().tolist() for name in replaced}


def _replaced(part: pd.DataFrame, *, columns: list[str], key: bytes | str, words: dict[str, list[str]]) -> pd.DataFrame:
    replaced = with_words(pseudonyms.pseudonymise(part[columns], columns, key), words)  # what is left was told once
    return part.assign(**{name: replaced[name] for name in columns})
