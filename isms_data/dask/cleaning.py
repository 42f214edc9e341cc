"""Numbers of a dask frame cleaned, the repeated ones marked over all of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data import msisdn, tables
from isms_data.dask.partitions import Frame, frame_of, mapped
from isms_data.dask.repeats import Standing, repeated, repeats
from isms_data.vocabulary import NumberStatus

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import dask.dataframe as dd

    from isms_data.cleaning.digits import Ints

_COUNTED: Final = (NumberStatus.MOBILE, NumberStatus.DUPLICATE)
_TEXT: Final = pa.large_string()
_SAME: Final = pa.scalar("the same number as in row ", _TEXT)


def clean_numbers(
    frame: Frame,
    column: str,
    *,
    region: str = "GR",
    suppress: Iterable[Any] | str | os.PathLike[str] | None = None,
    split: bool = False,
    # names of the new columns
    prefix: str = "",
    replace: bool = False,
) -> dd.DataFrame:
    """Clean a column of phone numbers, and mark a number that stands anywhere in the dataset before.

    As `isms.clean_numbers` of all rows at once: same columns, dtypes, categories and words. Of equal mobiles the first
    is the first in the order of the partitions, then of the rows; `number_problem` names its row, counted over the
    dataset.

    Parameters
    ----------
    frame : dask DataFrame or path
        The path of Parquet files stands for `load_table(path)`.
    column, region, suppress, split, prefix, replace
        As for `isms.clean_numbers`. A file of suppressed numbers is read here, once.

    Returns
    -------
    dask DataFrame
        Of the same partitions; see `isms.clean_numbers`.

    Raises
    ------
    ColumnError          there is no such column, or a new column's name is taken. That its values are no numbers is
                         said when they are computed.
    ConfigurationError   region is no country that has phone numbers; suppress is no list.
    ListError            the suppression file cannot be read.

    Notes
    -----
    Two passes. The first starts at once and reads the one column: each partition tells its distinct numbers, and what
    comes back is which of them are repeated (24 bytes for each). The second is lazy and needs no other partition.
    Cost: no paid call. Repeatable: yes; a lost worker's part is worked out again. Source: docs/scale.md.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> people = pd.DataFrame({"mobile": ["691 234 5678", "2101234567", "+306912345678"]})
    >>> cleaned = clean_numbers(dd.from_pandas(people, npartitions=2), "mobile")
    >>> cleaned.compute()[["msisdn", "number_status", "number_problem"]]
             msisdn number_status               number_problem
    0  306912345678        mobile                          NaN
    1  302101234567    fixed_line   a fixed line, not a mobile
    2  306912345678     duplicate  the same number as in row 0
    """
    data = frame_of(frame)
    options: dict[str, Any] = {
        "region": msisdn.known_region(region),
        "suppress": listed(suppress, region),
        "split": split,
    }
    naming: dict[str, Any] = {"prefix": prefix, "replace": replace}
    meta = msisdn.clean_numbers(data._meta, column, **options, **naming)  # noqa: SLF001 - how dask calls its example
    counting = partial(_standing_in, column=column, **options)
    again = repeats(data[[column]], counting)
    return mapped(_cleaned, data, again, meta=meta, column=column, **options, **naming)


def listed(suppress: Iterable[Any] | str | os.PathLike[str] | None, region: str) -> pd.Series | None:
    """The numbers that must not be contacted, read once, so that every partition reads the same ones from it."""
    if suppress is None:
        return None
    numbers = msisdn.numbers_of(suppress, msisdn.known_region(region))
    return "+" + pd.Series(numbers).astype("str")


def standing_of(numbers: pd.Series, counted: pd.Series) -> Standing:
    """The rows of a partition that count, by their MSISDNs."""
    rows = np.flatnonzero(counted.to_numpy(dtype=bool))
    known = pa.chunked_array(pa.array(numbers)).cast(pa.int64()).take(pa.array(rows))
    return Standing(known.to_numpy(), rows, len(numbers))


def _standing_in(part: pd.DataFrame, *, column: str, **options: Any) -> Standing:
    found = msisdn.clean_numbers(part, column, **options, replace=True)
    return standing_of(found["msisdn"], found["number_status"].isin(_COUNTED))


def _cleaned(part: pd.DataFrame, table: pd.DataFrame, *, column: str, prefix: str, **options: Any) -> pd.DataFrame:
    """A partition as it is in the whole: of its mobiles those that came before are duplicates."""
    found = msisdn.clean_numbers(part, column, prefix=prefix, **options)
    status, problem = found[f"{prefix}number_status"], found[f"{prefix}number_problem"]
    rows, first = repeated(standing_of(found[f"{prefix}msisdn"], status.isin(_COUNTED)), table)
    statuses = status.array.copy()
    statuses[rows] = NumberStatus.DUPLICATE.value
    problems = tables.column("numbers", "number_problem", with_first_rows(problem, rows, first))
    found[f"{prefix}number_status"], found[f"{prefix}number_problem"] = statuses, problems
    return found


def with_first_rows(texts: pd.Series, rows: Ints, first: Ints) -> pa.ChunkedArray:
    """The texts, which in these rows, in ascending order, say in which row of the dataset the number was first."""
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    named = pc.binary_join_element_wise(_SAME, pa.array(first).cast(_TEXT), pa.scalar("", _TEXT))
    known = pa.chunked_array(pa.array(texts, _TEXT)).combine_chunks()
    return pa.chunked_array([pc.replace_with_mask(known, pa.array(mask), named) if len(rows) else known])
