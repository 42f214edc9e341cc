"""What a group of a metric is called in figures and tables. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.reports.wording import Language

BETWEEN: Final = " · "


def listed(by: str | Sequence[str]) -> list[str]:
    """The columns to count by, however they were given."""
    return [by] if isinstance(by, str) else list(dict.fromkeys(by))


def spoken(column: pd.Series, speak: Language) -> pd.Series:
    """The values of a column to count by, as text."""
    if column.name == "hour_of_week" and pd.api.types.is_integer_dtype(column.dtype):
        return column.map(lambda hour: speak.value(None) if pd.isna(hour) else speak.hour_of_week(int(hour))).astype(
            "str"
        )
    return pd.Series([speak.value(value) for value in column], index=column.index, name=column.name, dtype="str")


def names_of(rows: pd.DataFrame, by: str | Sequence[str], speak: Language) -> pd.Series:
    """Each row's group in words; where nothing is counted by it is all."""
    columns = [spoken(rows[name], speak) for name in listed(by)]
    if not columns:
        return pd.Series([speak.say("all")] * len(rows), index=rows.index, dtype="str")
    joined = columns[0]
    for column in columns[1:]:
        joined = joined + BETWEEN + column
    return joined
