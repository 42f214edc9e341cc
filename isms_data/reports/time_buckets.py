"""Hours, days and weeks on a zone's clock, as SQL on whole numbers. Pure.

The clock comes from Python's own table of time zones, written out as a search tree over the moments at which the zone's
offset changes. It costs a sixth of what asking DuckDB's calendar row by row costs, and needs no extension of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from isms_data.errors import ConfigurationError

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
"""Lengths in microseconds."""

BUCKETS: Final = ("hour", "day", "week", "hour_of_week")
"""An hour is a moment, so the one that a clock goes through twice is two; days and weeks (from Monday) are dates; hours
of the week count from Monday 00:00."""

_MONDAY: Final = 719_162 * DAY
"""From Monday, 1 January of the year 1, to 1970: counted from there every time is positive and every week whole."""

_YEARS: Final = (1990, 2060)
"""Between these the clock is right; before and after them it stays as it is there. The first SMS was sent in 1992."""


def bucket_sql(bucket: str, moment: str, timezone: str) -> str:
    """The bucket of a moment (microseconds since 1970 UTC) as SQL: times in microseconds, hours of the week as a count.

    >>> bucket_sql("day", "left_at", "Etc/GMT-2")
    '(left_at + 7200000000 + 62135596800000000) // 86400000000 * 86400000000 - 62135596800000000'
    """
    local = f"({moment} + {_offset_sql(moment, timezone)} + {_MONDAY})"
    if bucket == "hour":
        return f"{moment} - {local} % {HOUR}"
    if bucket == "hour_of_week":
        return f"{local} % {WEEK} // {HOUR}"
    length = {"day": DAY, "week": WEEK}[bucket]
    return f"{local} // {length} * {length} - {_MONDAY}"


def bucket_type(bucket: str, timezone: str) -> tuple[pa.DataType, str]:
    """What the numbers of a bucket mean in Arrow, and the pandas dtype of its column.

    >>> bucket_type("hour", "Europe/Athens")[1], bucket_type("week", "Europe/Athens")[1]
    ('datetime64[us, Europe/Athens]', 'datetime64[us]')
    """
    if bucket == "hour":
        return pa.timestamp("us", "UTC"), f"datetime64[us, {timezone}]"
    if bucket == "hour_of_week":
        return pa.int16(), "Int16"
    return pa.timestamp("us"), "datetime64[us]"


def _offset_sql(moment: str, timezone: str) -> str:
    """What the zone's clock is ahead of UTC, in microseconds."""
    first, changes = _changes(timezone)
    return _searched(moment, first, changes)


def _searched(moment: str, before: int, changes: tuple[tuple[int, int], ...]) -> str:
    """A search tree: some seven comparisons for a moment among 140 changes."""
    if not changes:
        return str(before)
    middle = len(changes) // 2
    at, after = changes[middle]
    earlier = _searched(moment, before, changes[:middle])
    later = _searched(moment, after, changes[middle + 1 :])
    return f"CASE WHEN {moment} < {at} THEN {earlier} ELSE {later} END"


@cache
def _changes(timezone: str) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The offset at first, and each moment at which it changes with the new one, in microseconds."""
    zone = _zone(timezone)
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in _YEARS)
    first = last = _offset(start, zone)
    found = []
    while start < end:
        later = start + timedelta(days=7)
        offset = _offset(later, zone)
        if offset != last:
            found.append((_change_between(start, later, zone), offset))
        start, last = later, offset
    return first, tuple(found)


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> int:
    """The second from which on the offset is no longer what it was."""
    before = _offset(early, zone)
    low, high = int(early.timestamp()), int(late.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(datetime.fromtimestamp(middle, UTC), zone) == before else (low, middle)
    return high * SECOND


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        msg = f"timezone={name!r} is not a time zone. Write one like 'Europe/Athens'."
        raise ConfigurationError(msg) from None
