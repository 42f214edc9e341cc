"""Lengths of time as a user writes them: `"90s"`, `"15min"`, `"30d"`, or a timedelta."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from isms_data.errors import ConfigurationError

Duration = str | timedelta
"""A length of time: text like `"90s"`, `"15min"`, `"12h"`, `"30d"`, or a timedelta."""


def seconds(value: Duration, *, name: str) -> float:
    """The length in seconds; `name` is the setting that an error names.

    >>> seconds("15min", name="max_wait"), seconds(timedelta(days=1), name="max_age")
    (900.0, 86400.0)
    """
    if isinstance(value, (str, timedelta)):
        try:
            length = float(pd.Timedelta(value).total_seconds())
        except ValueError:
            length = float("nan")
        if length >= 0:
            return length
    msg = f"{name}={value!r} is not a length of time. Write text like '90s', '15min', '12h', '30d', or a timedelta."
    raise ConfigurationError(msg)
