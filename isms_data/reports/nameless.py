"""What keeps persons out of a report: no number in any name, and no group of a few. Pure.

A name that holds a number, in whatever spelling, is not shown: its group goes to the others. So does a group of fewer
than `FEWEST`. The others together may still be few; then they are a few of whom nothing else is said.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from isms_data.reports.groups import spoken
from isms_data.reports.merging import other, size, together, too_many, too_small

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.reports.wording import Language

NUMBER_DIGITS: Final = 8
"""Digits of the shortest number of a subscriber that is dealt with here, a Cypriot one without its country's code."""

_BETWEEN: Final = r"[\W_]{0,3}"
"""What may stand between the digits of a number: blanks, hyphens, brackets, and what nobody sees."""

_RUN: Final = re.compile(rf"\d(?:{_BETWEEN}\d){{{NUMBER_DIGITS - 1},}}")
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d([-/.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d)(?!\d)"
)
HIDDEN: Final = "•••"


def without_numbers(text: str) -> str:
    """A text with every number in it hidden; a date is none.

    >>> without_numbers("sale 2026-05-01"), without_numbers("call +30 (697) 000-0001 now")
    ('sale 2026-05-01', 'call +••• now')
    """
    plain = unicodedata.normalize("NFKC", text)
    dates = [found.group() for found in _DATE.finditer(plain)]
    masked = _DATE.sub("\ue000", plain)
    if not _RUN.search(masked):
        return text
    hidden = _RUN.sub(HIDDEN, masked)
    for date in dates:
        hidden = hidden.replace("\ue000", date, 1)
    return hidden


def holds_number(text: str) -> bool:
    """Whether a name may not be shown, because a number is in it."""
    return without_numbers(text) != text


def shown(
    rows: pd.DataFrame,
    keys: Sequence[str],
    speak: Language,
    *,
    confidence: float = 0.95,
    limit: int | None = None,
) -> pd.DataFrame:
    """The rows of a metric as a report may show them: groups as text, those of a few or with a number together.

    With a limit there are at most so many rows, for a picture. The one row of all messages stays, however few they are.
    """
    if not keys:
        return rows
    texts = rows.assign(**{key: spoken(rows[key], speak) for key in keys})
    numbered = np.zeros(len(rows), np.bool_)
    for key in keys:
        numbered |= texts[key].map(holds_number).to_numpy(np.bool_)
    sizes = size(rows)
    marked = too_small(sizes) | numbered
    if limit is not None:
        marked |= too_many(sizes.mask(marked, 0), limit)
    if not marked.any():
        return texts.reset_index(drop=True)
    seen = marked & sizes.gt(0).to_numpy(np.bool_)
    return together(texts, keys, marked, name=other(int(seen.sum()), speak), confidence=confidence)


def shown_cells(rows: pd.DataFrame, keys: tuple[str, str], speak: Language) -> pd.DataFrame:
    """Counts from one group to another, so that no row, no column and no cell is of a few."""
    texts = pd.DataFrame({key: spoken(rows[key], speak) for key in keys}).assign(numbers=rows["numbers"].array)
    for key in keys:
        texts[key] = _renamed(texts, key, speak)
    cells = _summed(texts, keys)
    parts = [part.assign(**{keys[1]: _renamed(part, keys[1], speak)}) for _, part in cells.groupby(keys[0])]
    return _summed(pd.concat([cells.iloc[:0], *parts]), keys)


def _summed(rows: pd.DataFrame, keys: tuple[str, str]) -> pd.DataFrame:
    return rows.groupby(list(keys))["numbers"].sum().reset_index()


def _renamed(rows: pd.DataFrame, key: str, speak: Language) -> pd.Series:
    """The names of a column, those that may not be shown as those of others."""
    totals = rows.groupby(key)["numbers"].sum()
    told = shown(totals.rename("numbers").reset_index(), [key], speak)[key]
    last = speak.say("others_together")
    return rows[key].where(rows[key].isin(set(told)), last)
