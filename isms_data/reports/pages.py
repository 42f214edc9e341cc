"""The parts of a report as values: sections of exhibits, each a picture and a table that can be downloaded. Pure.

A table keeps the values of the metric; `cells` are what a reader sees and `csv` is what a spreadsheet gets.
"""

from __future__ import annotations

import base64
import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.reports.wording import Language

SHARES: Final = frozenset(
    {
        *("share", "rate", "low", "high", "rate_if_pending_fail", "rate_if_pending_deliver"),
        *("incidence", "upper", "saved_share", "probability"),
    }
)
AMOUNTS: Final = frozenset({"credits_per_delivered", "expected"})
FORMULAS: Final = "=+-@＝＋－＠"
"""With one of these in front a spreadsheet takes a text for something to work out."""

LONGEST: Final = 80
"""Signs of a name that a page shows; the CSV has the whole of it."""

LONG_TABLE: Final = 25
"""Tables with more rows are folded away, and are not printed."""

_PERCENTILE: Final = re.compile(r"p\d+(\.\d+)?")


@dataclass(frozen=True)
class Cell:
    """What a reader sees."""

    text: str
    number: bool


@dataclass(frozen=True)
class Table:
    """A metric, under the name that its download has."""

    name: str
    caption: str
    rows: pd.DataFrame
    speak: Language = field(repr=False)

    @property
    def headings(self) -> list[Cell]:
        """The columns in words."""
        return [Cell(self._heading(name), not self._is_text(name)) for name in self.rows.columns]

    @property
    def cells(self) -> list[list[Cell]]:
        """The values in words, row by row."""
        columns = [
            [Cell(self._worded(name, value), not self._is_text(name)) for value in self.rows[name]]
            for name in self.rows.columns
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def is_long(self) -> bool:
        """Whether it is folded away."""
        return len(self.rows) > LONG_TABLE

    @property
    def uri(self) -> str:
        """The table as CSV in a link: UTF-8 with a byte order mark, so that spreadsheets read Greek as Greek."""
        return "data:text/csv;charset=utf-8;base64," + base64.b64encode(self.csv.encode("utf-8-sig")).decode()

    @property
    def csv(self) -> str:
        """The values as a spreadsheet of that language reads them; lengths of time are in seconds.

        A text that would be worked out as a formula has an apostrophe in front.
        """
        greek = self.speak.code == "el"
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";" if greek else ",", lineterminator="\r\n")
        units = {name: " (s)" if self._is_length(name) else "" for name in self.rows.columns}
        writer.writerow([defused(self._heading(name) + unit) for name, unit in units.items()])
        for row in self.rows.itertuples(index=False, name=None):
            writer.writerow([_csv_value(value, comma=greek) for value in row])
        return text.getvalue()

    def _heading(self, name: str) -> str:
        if _PERCENTILE.fullmatch(name):
            return self.speak.say("arrived", share=self.speak.percentile(name))
        return plain(self.speak.word(name))

    def _is_length(self, name: str) -> bool:
        return pd.api.types.is_timedelta64_dtype(self.rows[name].dtype)

    def _is_text(self, name: str) -> bool:
        kind = self.rows[name].dtype
        return not (pd.api.types.is_numeric_dtype(kind) or self._is_length(name)) or pd.api.types.is_bool_dtype(kind)

    def _worded(self, name: str, value: Any) -> str:
        if self._is_text(name):
            text = plain(self.speak.value(value))
            return text if len(text) <= LONGEST else text[:LONGEST] + "…"
        if self._is_length(name):
            return self.speak.length(value)
        if name in SHARES:
            return self.speak.share(value)
        return self.speak.number(value, 2 if name in AMOUNTS else 0)


def plain(text: str) -> str:
    r"""A text without control characters and halves of characters, which no page and no file can hold.

    >>> plain("a\x00b\ud800")
    'a b\ufffd'
    """
    kinds = {"Cc": " ", "Cs": "\ufffd"}
    return "".join(kinds.get(unicodedata.category(sign), sign) for sign in text)


def defused(text: str) -> str:
    r"""A text that a spreadsheet takes for text.

    >>> defused("=1+1"), defused("\t=1"), defused("a=1")
    ("'=1+1", "'\t=1", 'a=1')
    """
    first = text.lstrip()[:1]
    return f"'{text}" if text[:1] in {"\t", "\r", "\n"} or (first and first in FORMULAS) else text


def _csv_value(value: Any, *, comma: bool) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, str):
        return defused(value.encode("utf-8", "replace").decode())
    number = value.total_seconds() if isinstance(value, pd.Timedelta) else value
    text = f"{number:.6f}".rstrip("0").rstrip(".") if isinstance(number, float) else str(number)
    return text.replace(".", ",") if comma else text


@dataclass(frozen=True)
class Exhibit:
    """A picture, where there is one, and the table behind it."""

    name: str
    heading: str
    table: Table
    svg: str = field(default="", repr=False)
    note: str = ""


@dataclass(frozen=True)
class Section:
    """What belongs together: its findings, what is not known, and its exhibits."""

    name: str
    heading: str
    findings: Sequence[str]
    unknown: Sequence[str]
    exhibits: Sequence[Exhibit]
