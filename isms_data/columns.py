"""How every frame function takes its column and gives its new ones back: by position, never by label.

Rows out are rows in, in the same order under the same index; the caller's frame is not changed; a name that is
taken is an error before anything is paid, unless the caller says `prefix=` or `replace=`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data.errors import ColumnError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandas.api.extensions import ExtensionArray

MSISDN: Final = r"[1-9][0-9]{6,14}"
"""A number as the API takes it. E.164: at most 15 digits, the first never 0; under 7 there is no number anywhere."""


def pick(frame: pd.DataFrame, column: str) -> pd.Series:
    """The one column of that name; a clear error if there is none or more than one."""
    if not isinstance(frame, pd.DataFrame):
        msg = f"expected a pandas DataFrame, got {type(frame).__name__}. For a Series use series.to_frame()."
        raise ColumnError(msg)
    found = frame.loc[:, frame.columns == column]
    if found.shape[1] == 1:
        return found.iloc[:, 0]
    if found.shape[1] > 1:
        msg = f"{found.shape[1]} columns are called {column!r}. Rename them so that one is meant."
        raise ColumnError(msg)
    msg = f"there is no column {column!r}. The columns are: {', '.join(map(repr, frame.columns)) or 'none'}."
    raise ColumnError(msg)


def pick_text(frame: pd.DataFrame, column: str) -> pd.Series:
    """The column of that name, which must hold text (or nothing at all): numbers as floats have lost digits."""
    series = pick(frame, column)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if series.isna().all() or pd.api.types.is_string_dtype(series.dropna()):
        return series
    where = next((i for i, value in enumerate(series) if not isinstance(value, str) and not pd.isna(value)), 0)
    if series.dtype == object:
        msg = (
            f"column {column!r} holds a {type(series.iloc[where]).__name__} among its texts (row {where}, "
            f"label {series.index[where]!r}). Clean it first with isms.clean_numbers."
        )
    else:
        msg = (
            f"column {column!r} holds {series.dtype}, so numbers may have lost digits (row {where}, label "
            f"{series.index[where]!r}). Read the file again with dtype='str' and clean it with isms.clean_numbers."
        )
    raise ColumnError(msg)


def new_names(frame: pd.DataFrame, names: Iterable[str], *, prefix: str = "", replace: bool = False) -> dict[str, str]:
    """Our column names under the names they will have in the frame; call it before anything is paid.

    Raises
    ------
    ColumnError   the frame has one of them already and neither `prefix` nor `replace` resolves that.
    """
    renamed = {name: prefix + name for name in names}
    taken = [name for name in renamed.values() if name in frame.columns]
    if taken and not replace:
        msg = (
            f"the frame already has {', '.join(map(repr, taken))}. Say prefix='hlr_' (or another) to rename the new "
            "columns, or replace=True to overwrite the old ones."
        )
        raise ColumnError(msg)
    return renamed


def made_way(
    frame: pd.DataFrame, ours: Iterable[str], earlier: Iterable[str], *, prefix: str = "", replace: bool = False
) -> pd.DataFrame:
    """The frame with the columns of an earlier step under `hlr_…` where a later step's have the same names.

    A campaign follows a lookup, and both say `outcome`, `problem` and so on. That is no mistake of the caller's, as
    long as all columns of the `earlier` step are there: then those in the way are renamed and nothing is lost.
    """
    taken = [name for name in ours if prefix + name in frame.columns]
    done = any(f"hlr_{name}" in frame.columns for name in taken)
    if prefix or replace or not taken or done or not set(earlier) <= set(frame.columns):
        return frame
    return frame.rename(columns={name: f"hlr_{name}" for name in taken})


def attach(frame: pd.DataFrame, columns: Mapping[str, ExtensionArray], names: Mapping[str, str]) -> pd.DataFrame:
    """The frame with the new columns behind its own, row by row in position; the caller's frame stays as it is.

    Its `attrs` stay too.
    """
    kept = frame.copy(deep=False)
    fresh = {names[name]: values for name, values in columns.items()}
    for name in [name for name in fresh if name in kept.columns]:
        kept[name] = fresh.pop(name)
    added = pd.DataFrame(fresh, index=kept.index, copy=False)
    joined = pd.concat([kept, added], axis=1)
    joined.attrs = dict(frame.attrs)
    return joined
