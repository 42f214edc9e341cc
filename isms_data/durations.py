"""Lengths of time as a user writes them: `"90s"`, `"15min"`, `"30d"`, or a timedelta."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from isms_data.errors import ConfigurationError

Duration = str | timedelta
"""A length of time: text like `"90s"`, `"15min"`, `"12h"`, `"30d"`, or a timedelta."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|w)")
_TEXT: Final = re.compile(rf"(?:{_PART.pattern}\s*)+")


def seconds(value: Duration, *, name: str) -> float:
    """The length in seconds; `name` is the setting that an error names.

    >>> seconds("15min", name="max_wait"), seconds(timedelta(days=1), name="max_age")
    (900.0, 86400.0)
    """
    length = -1.0
    if isinstance(value, timedelta):
        length = value.total_seconds()
    elif isinstance(value, str) and _TEXT.fullmatch(value.strip()):
        length = sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(value))
    if length >= 0:
        return length
    msg = f"{name}={value!r} is not a length of time. Write text like '90s', '15min', '12h', '30d', or a timedelta."
    raise ConfigurationError(msg)
