"""Lengths of time are read as a user writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from isms_data.durations import seconds
from isms_data.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90),
        ("15min", 900),
        ("12h", 43_200),
        ("30d", 2_592_000),
        ("0s", 0),
        ("1h 30min", 5_400),
        ("0.5 s", 0.5),
        ("2w", 1_209_600),
    ],
)
def test_duration_as_text(text: str, length: float) -> None:
    """The units of the documentation mean what they say."""
    assert seconds(text, name="max_age") == length


def test_duration_as_timedelta() -> None:
    """A timedelta is taken as it is."""
    assert seconds(timedelta(minutes=1, seconds=0.5), name="max_age") == 60.5


@pytest.mark.parametrize("value", ["soon", "-3s", "", 30, None, timedelta(seconds=-1), "NaT", "30", "1y", "5 m"])
def test_duration_that_is_none(value: object) -> None:
    """Anything else is refused under the name of its setting: a bare number has no unit."""
    with pytest.raises(ConfigurationError, match=r"max_wait=.*'15min'"):
        seconds(value, name="max_wait")  # type: ignore[arg-type]
