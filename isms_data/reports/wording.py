"""The words, numbers and dates of figures and reports, in English and in Greek. Pure.

Every word that a reader sees stands in `isms_data/data/report_words.csv`, once: a key, and what it is in each of
`LANGUAGES`. Gaps in braces are filled by `say`. Names that the data bring along (networks, campaigns, columns of the
caller's own) are no words of ours and stay as they are.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from isms_data.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LANGUAGES: Final = ("en", "el")

NOTHING: Final = "–"
"""Stands where there is no value."""

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_UNITS: Final = (
    (_DAY, "unit_day", "unit_hour"),
    (_HOUR, "unit_hour", "unit_minute"),
    (_MINUTE, "unit_minute", "unit_s"),
)
"""A length from so many seconds on is told in this unit and the next."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Written out here: what a locale of the machine calls them is not for a report to depend on."""


@cache
def _words() -> dict[str, dict[str, str]]:
    """The table of words: each key with what it is in each language."""
    text = resources.files("isms_data").joinpath("data/report_words.csv").read_text(encoding="utf-8")
    return {row.pop("key"): row for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True)
class Language:
    """One of `LANGUAGES`; make it with `language`."""

    code: str

    def say(self, key: str, **gaps: object) -> str:
        """The words under a key, its gaps filled."""
        return _words()[key][self.code].format(**gaps)

    def word(self, name: str) -> str:
        """A word of our vocabulary, a column or a state; any other as it is, with blanks for underscores."""
        found = _words().get(name, {}).get(self.code, "{")
        return name.replace("_", " ") if "{" in found else found

    def number(self, value: float, digits: int = 0) -> str:
        """A number with its thousands apart.

        >>> language("en").number(1234567), language("el").number(1234.5, 2)
        ('1,234,567', '1.234,50')
        """
        return self._signs(f"{value:,.{digits}f}") if _is_told(value) else NOTHING

    def with_n(self, name: str, n: int) -> str:
        """A name and how many are behind it."""
        return self.say("with_n", name=name, n=self.number(n))

    def share(self, value: float, digits: int = 1) -> str:
        """A share in percent; what is not quite all or nothing does not look so.

        >>> language("en").share(0.9345), language("el").share(0.9345), language("en").share(0.99996)
        ('93.5%', '93,5%', '>99.9%')
        """
        if not _is_told(value):
            return NOTHING
        least = 10.0**-digits
        if 0 < value < 1 and not least / 200 <= value <= 1 - least / 200:
            sign, edge = ("<", least) if value < least else (">", 100 - least)
            return self._signs(f"{sign}{edge:.{digits}f}%")
        return self._signs(f"{100 * value:.{digits}f}%")

    def interval(self, low: float, high: float) -> str:
        """From where to where a share may be.

        >>> language("en").interval(0.91, 0.957)
        '91.0% to 95.7%'
        """
        if not _is_told(low):
            return NOTHING
        return self.say("from_to", low=self.share(low), high=self.share(high))

    def interval_name(self, confidence: float) -> str:
        """What an interval is called, by how sure it is.

        >>> language("en").interval_name(0.95)
        '95% interval'
        """
        return self.say("legend_interval", confidence=self.confidence(confidence))

    def confidence(self, confidence: float) -> str:
        """How sure an interval is, with no more digits than it takes."""
        return self.share(confidence, 0 if round(100 * confidence, 6).is_integer() else 1)

    def percentile(self, name: str) -> str:
        """A column of percentiles as the share that it is of.

        >>> language("en").percentile("p95"), language("el").percentile("p99.9")
        ('95%', '99,9%')
        """
        return self.confidence(float(name[1:]) / 100)

    def length(self, value: pd.Timedelta | None) -> str:
        """A length of time, in the two units that matter.

        >>> language("en").length(pd.Timedelta("0.35s")), language("en").length(pd.Timedelta("3min 20s"))
        ('0.35 s', '3 min 20 s')
        >>> language("el").length(pd.Timedelta("26h"))
        '1 ημ. 2 ώρ.'
        """
        if value is None or pd.isna(value):
            return NOTHING
        seconds = value.total_seconds()
        if seconds < _MINUTE - 0.5:
            digits = 2 if seconds < 1 else 1 if seconds < 10 else 0
            text = f"{seconds:.{digits}f}"
            return f"{self._signs(text.rstrip('0').rstrip('.') if '.' in text else text)} {self.say('unit_s')}"
        return self._in_two_units(round(seconds))

    def _in_two_units(self, seconds: int) -> str:
        size, unit, below = next(each for each in _UNITS if seconds >= each[0])
        smaller = {"unit_hour": _HOUR, "unit_minute": _MINUTE, "unit_s": 1}[below]
        whole, rest = divmod(round(seconds / smaller) * smaller, size)
        first = f"{self.number(whole)} {self.say(unit)}"
        return f"{first} {rest // smaller} {self.say(below)}" if rest else first

    def day(self, value: pd.Timestamp) -> str:
        """A date as it is written.

        >>> language("en").day(pd.Timestamp("2026-05-01")), language("el").day(pd.Timestamp("2026-05-01"))
        ('1 May 2026', '1/5/2026')
        """
        if self.code == "el":
            return f"{value.day}/{value.month}/{value.year}"
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"

    def moment(self, value: pd.Timestamp) -> str:
        """A date and the time, as the clock of its zone shows it."""
        return f"{self.day(value)} {value:%H:%M}"

    def short_day(self, value: datetime) -> str:
        """A date without its year, for an axis."""
        return f"{value.day}/{value.month}" if self.code == "el" else f"{value.day} {_MONTHS[value.month - 1]}"

    def short_moment(self, value: datetime) -> str:
        """A date without its year, and the time, for an axis."""
        return f"{self.short_day(value)}\n{value:%H:%M}"

    def month(self, value: datetime) -> str:
        """A month, for an axis."""
        return f"{value.month}/{value.year}" if self.code == "el" else f"{_MONTHS[value.month - 1]} {value.year}"

    def hour_of_week(self, hour: int) -> str:
        """An hour counted from Monday 00:00.

        >>> language("en").hour_of_week(25)
        'Tue 01:00'
        """
        return f"{self.weekdays[hour // 24]} {hour % 24:02d}:00"

    @property
    def weekdays(self) -> Sequence[str]:
        """From Monday on, shortened."""
        return self.say("weekdays").split()

    def value(self, value: Any) -> str:
        """A value of a column to count by, whatever it is."""
        if value is None or value is pd.NaT or (not isinstance(value, str) and pd.isna(value)):
            return self.say("not_told")
        if isinstance(value, pd.Timestamp):
            return self.day(value) if value.tzinfo is None and value == value.normalize() else self.moment(value)
        if isinstance(value, pd.Timedelta):
            return self.length(value)
        return self.word(str(value).lower()) if isinstance(value, (bool, np.bool_)) else str(value)

    def _signs(self, text: str) -> str:
        """Greek has the comma where English has the point, and the other way round."""
        return text.translate(_SWAPPED) if self.code == "el" else text


_SWAPPED: Final = str.maketrans(",.", ".,")


def language(code: str) -> Language:
    """The language of that code.

    Raises
    ------
    ConfigurationError   it is none of `LANGUAGES`.
    """
    if code not in LANGUAGES:
        msg = f"language={code!r} is not one of {', '.join(map(repr, LANGUAGES))}."
        raise ConfigurationError(msg)
    return Language(code)


def _is_told(value: float) -> bool:
    return not (pd.isna(value) or math.isinf(value))
