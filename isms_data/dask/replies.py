"""Replies of lookups read over a dask series: what only the whole column tells is found first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dask
import dask.dataframe as dd
import pandas as pd

from isms_data import hlr_result, tables
from isms_data.dask.partitions import fetched, mapped, with_words, words_in
from isms_data.errors import ColumnError
from isms_data.hlr_fields import split
from isms_data.map_errors import is_hexadecimal

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPEN: Final = tuple(
    name
    for name in hlr_result.COLUMNS
    if isinstance(kind := tables.dtype("hlr", name), pd.CategoricalDtype) and kind.categories is None
)
"""Words without a fixed vocabulary: the categories are the words that occur."""


def parse_hlr(
    replies: dd.Series,
    *,
    msisdn: dd.Series | None = None,
    error_codes: pd.DataFrame | None = None,
    hexadecimal: bool | None = None,
) -> dd.DataFrame:
    """Read the replies of lookups: the six fields, typed, and what follows from them.

    As `isms.parse_hlr` of all replies at once: same columns, dtypes, categories and words.

    Parameters
    ----------
    replies, msisdn : dask Series of str
        As for `isms.parse_hlr`; both of the same partitions.
    error_codes : DataFrame, optional
        As for `isms.parse_hlr`.
    hexadecimal : bool, optional
        Whether error codes are hexadecimal; by default, if any of them in the dataset has a letter a-f.

    Returns
    -------
    dask DataFrame
        See `isms.parse_hlr`.

    Raises
    ------
    ColumnError   replies or msisdn is no dask Series of text or has other partitions, or error_codes is no such table.

    Notes
    -----
    Two passes: the first runs at once and finds the words that occur (countries, operators, error names: they are the
    categories of all partitions) and whether codes are hexadecimal; the second is lazy.
    Cost: none. Repeatable: yes. Source: docs/scale.md.

    Examples
    --------
    >>> replies = pd.Series(["Delivered;Greece;WIND HELLAS;202101234567890;306930000000;0", "Undelivered;;;;;27"])
    >>> parse_hlr(dd.from_pandas(replies, npartitions=2)).compute()[["status", "network", "verdict"]]
            status network      verdict
    0    Delivered    Nova  deliverable
    1  Undelivered     NaN  retry_later
    """
    columns = [replies] if msisdn is None else [replies, msisdn]
    _check(columns)
    options: dict[str, Any] = {"error_codes": error_codes, "hexadecimal": hexadecimal}
    meta = _parsed(*(column._meta for column in columns), **options)  # noqa: SLF001 - how dask calls its example
    parts = list(zip(*(column.to_delayed() for column in columns), strict=True))
    if hexadecimal is None:
        options["hexadecimal"] = any(fetched(dask.delayed(_has_letters)(texts) for texts, *_ in parts))
    words = words_in(dask.delayed(_words)(*each, **options) for each in parts)
    return mapped(_conformed, *columns, meta=with_words(meta, words), words=words, **options)


def _check(columns: Sequence[Any]) -> None:
    strange = next((column for column in columns if not isinstance(column, dd.Series)), None)
    if strange is not None:
        msg = f"expected a dask Series of text, got {type(strange).__name__}. For a pandas Series: isms.parse_hlr."
        raise ColumnError(msg)
    if len({column.npartitions for column in columns}) > 1:
        msg = "replies and msisdn have different partitions; take both from one frame."
        raise ColumnError(msg)


def _parsed(replies: pd.Series, msisdn: pd.Series | None = None, **options: Any) -> pd.DataFrame:
    return hlr_result.parse_hlr(replies, msisdn=msisdn, **options)


def _has_letters(replies: pd.Series) -> bool:
    """Whether an error code of this partition says that all are hexadecimal."""
    return is_hexadecimal(split(hlr_result.text_of(replies, "replies")).error_code.texts)


def _words(replies: pd.Series, msisdn: pd.Series | None = None, **options: Any) -> dict[str, list[str]]:
    """The words of a partition, column by column."""
    parsed = _parsed(replies, msisdn, **options)
    return {name: parsed[name].cat.categories.to_list() for name in _OPEN}


def _conformed(
    replies: pd.Series, msisdn: pd.Series | None = None, *, words: dict[str, list[str]], **options: Any
) -> pd.DataFrame:
    """A partition with the words of all."""
    return with_words(_parsed(replies, msisdn, **options), words)
