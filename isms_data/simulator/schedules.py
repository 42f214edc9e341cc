"""`schedule` of send.php: the date texts that the provider's page shows, read as PHP's strtotime reads them.

PHP understands far more. What the page does not show is refused, so that a client that strays from the documented
forms hears of it here and not from the real gateway.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ATHENS: Final = ZoneInfo("Europe/Athens")

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TIME: Final = r"(?: (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?"
_ISO: Final = re.compile(rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}}){_TIME}")
_ENGLISH: Final = re.compile(rf"(?P<day>[0-9]{{1,2}}) (?P<month>{'|'.join(MONTHS)}) (?P<year>[0-9]{{4}}){_TIME}")
_UNIT: Final = "second|minute|hour|day|week|month|year"
_RELATIVE: Final = re.compile(rf"\+[0-9]{{1,9}} (?:{_UNIT})s?(?: \+?[0-9]{{1,9}} (?:{_UNIT})s?)*")
_STEP: Final = re.compile(rf"([0-9]+) ({_UNIT})")
_WEEKDAY: Final = re.compile(rf"(?P<which>next|last) (?P<weekday>{'|'.join(WEEKDAYS)})")


def scheduled_at(text: str, now: float) -> float | None:
    """The moment, in seconds since 1970, that a scheduling text means at `now`; None for a text that is refused.

    Dates and times are Athens time; a time that the spring change skips is an hour later, one that autumn has twice
    is the first. A day without a time is its midnight.

    >>> noon = datetime(2026, 3, 25, 12, tzinfo=ATHENS).timestamp()
    >>> for text in ("2026-04-01 09:30", "11 June 2026 11:00:00", "+1 week 2 days", "next Thursday", "tomorrow"):
    ...     moment = scheduled_at(text, noon)
    ...     print(moment and datetime.fromtimestamp(moment, ATHENS))
    2026-04-01 09:30:00+03:00
    2026-06-11 11:00:00+03:00
    2026-04-03 12:00:00+03:00
    2026-03-26 00:00:00+02:00
    None
    """
    phrase = text.lower()
    try:
        here = datetime.fromtimestamp(now, ATHENS)
        moment = _absolute(phrase) or _weekday(phrase, here) or _relative(phrase, here)
        return moment.timestamp() if moment else None
    except (ValueError, OverflowError):  # a day, month or hour that does not exist, or a year beyond the calendar
        return None


def _absolute(phrase: str) -> datetime | None:
    found = _ISO.fullmatch(phrase) or _ENGLISH.fullmatch(phrase)
    if not found:
        return None
    month = MONTHS.index(found["month"]) + 1 if found["month"] in MONTHS else int(found["month"])
    day = date(int(found["year"]), month, int(found["day"]))
    clock = time(int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0))
    return datetime.combine(day, clock, ATHENS)


def _weekday(phrase: str, here: datetime) -> datetime | None:
    found = _WEEKDAY.fullmatch(phrase)
    if not found:
        return None
    ahead = (WEEKDAYS.index(found["weekday"]) - here.weekday()) % 7
    days = ahead or 7 if found["which"] == "next" else ahead - 7
    return datetime.combine(here.date() + timedelta(days=days), time(), ATHENS)


def _relative(phrase: str, here: datetime) -> datetime | None:
    """Months and years, then days and weeks move the calendar; hours, minutes and seconds pass on the clock."""
    if not _RELATIVE.fullmatch(phrase):
        return None
    total = dict.fromkeys(_UNIT.split("|"), 0)
    for count, unit in _STEP.findall(phrase):
        total[unit] += int(count)
    months = here.month - 1 + total["month"] + 12 * total["year"]
    day = date(here.year + months // 12, months % 12 + 1, 1) + timedelta(days=here.day - 1)
    day += timedelta(days=total["day"], weeks=total["week"])
    elapsed = timedelta(hours=total["hour"], minutes=total["minute"], seconds=total["second"])
    moment = datetime.combine(day, here.timetz())
    return datetime.fromtimestamp(moment.timestamp() + elapsed.total_seconds(), ATHENS)
