"""When a message is to leave: what a caller may say, and the text that goes into send.php's `schedule`.

The provider reads `schedule` on a clock on the wall: the text has no place for an offset. So a moment is checked here
before it is sent as such a text: one that the clocks skip in spring does not exist, one that they show twice in autumn
is two moments, and no text says which. Phrases such as `+1 day` count from the gateway's clock, when the call arrives;
what moment that is, is not guessed here.

Words are English, whatever the locale says, as in the documentation's examples (docs/protocol.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd

from isms_data.errors import InvalidSchedule

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS: Final = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_DAYS: Final = {
    "second": 1 / 86_400,
    "minute": 1 / 1_440,
    "hour": 1 / 24,
    "day": 1,
    "week": 7,
    "month": 31,
    "year": 366,
}
"""The units of a phrase, and how many days each is at most."""
_UNIT: Final = "|".join(_DAYS)

_TIME: Final = r"(?: (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?"
_ISO: Final = re.compile(rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}}){_TIME}")
_ENGLISH: Final = re.compile(rf"(?P<day>[0-9]{{1,2}}) (?P<month>{'|'.join(_MONTHS)}) (?P<year>[0-9]{{4}}){_TIME}")
_STEPS: Final = re.compile(rf"\+[0-9]{{1,9}} (?:{_UNIT})s?(?: [0-9]{{1,9}} (?:{_UNIT})s?)*")
_STEP: Final = re.compile(rf"([0-9]+) ({_UNIT})")
_WEEKDAY: Final = re.compile(rf"(?:next|last) (?:{_WEEKDAYS})")

FORMS: Final = (
    "a datetime (without a time zone it is taken on the account's clock), or text like '2027-07-17', "
    "'2027-05-11 14:40', '2027-04-22 17:47:55', '11 June 2027 11:00:00', '+1 day', '+1 week 2 days 4 hours 2 seconds' "
    "or 'next Thursday'"
)
"""What may be said, for error messages."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a message is to leave.

    `text` is what goes into `schedule`, None for at once. `moment` is the same in UTC, in whole seconds; None for at
    once, and for a phrase that counts from the gateway's clock.
    """

    text: str | None
    moment: datetime | None


AT_ONCE: Final = Schedule(None, None)


def schedule_of(value: datetime | str | None, *, timezone: str, now: datetime) -> Schedule:
    """Check when a message is to leave, and put it in the provider's words.

    Parameters
    ----------
    value : datetime, Timestamp, str or None
        None is at once. A datetime without a time zone, and a date in a text, are on the account's clock; a date
        without a time is its midnight. Parts of a second are rounded up.
    timezone : str
        The account's clock, `Account.timezone`.
    now : datetime
        With a time zone.

    Raises
    ------
    InvalidSchedule   none of the documented forms, no such date, in the past, or a time that the change of the clocks
                      skips or repeats.

    Examples
    --------
    >>> noon = datetime(2026, 11, 23, 10, tzinfo=UTC)
    >>> schedule_of("24 December 2026 18:30", timezone="Europe/Athens", now=noon)
    Schedule(text='2026-12-24 18:30:00', moment=datetime.datetime(2026, 12, 24, 16, 30, tzinfo=datetime.timezone.utc))
    >>> schedule_of("next Thursday", timezone="Europe/Athens", now=noon)
    Schedule(text='next Thursday', moment=None)
    """
    zone = ZoneInfo(timezone)
    if value is None:
        return AT_ONCE
    if isinstance(value, str):
        phrase = " ".join(value.split())
        if _counts_from_now(phrase, now):
            return Schedule(phrase, None)
        value = _written(phrase)
    elif not isinstance(value, datetime):
        msg = f"schedule={value!r} is a {type(value).__name__}. Give {FORMS}."
        raise InvalidSchedule(msg)
    elif pd.isna(value):
        msg = "schedule is NaT, no time at all. Say None for at once, or leave the row out."
        raise InvalidSchedule(msg)
    try:
        return _at(_in_utc(value, zone), zone, now)
    except OverflowError:
        msg = f"schedule={str(value)!r} is beyond the calendar, which ends with the year 9999."
        raise InvalidSchedule(msg) from None


def _counts_from_now(phrase: str, now: datetime) -> bool:
    """Whether it is a phrase that the gateway reads from its own clock."""
    lowered = phrase.lower()
    if not _STEPS.fullmatch(lowered):
        return _WEEKDAY.fullmatch(lowered) is not None
    try:
        now + timedelta(days=sum(int(count) * _DAYS[unit] for count, unit in _STEP.findall(lowered)))
    except OverflowError:
        msg = f"schedule={phrase!r} leads beyond the calendar, which ends with the year 9999."
        raise InvalidSchedule(msg) from None
    return True


def _written(phrase: str) -> datetime:
    """The date that is written out, on a clock without a time zone."""
    lowered = phrase.lower()
    found = _ISO.fullmatch(lowered) or _ENGLISH.fullmatch(lowered)
    if not found:
        msg = f"schedule={phrase!r} is in none of the documented forms. Give {FORMS}; None for at once."
        raise InvalidSchedule(msg)
    month = _MONTHS.index(found["month"]) + 1 if found["month"] in _MONTHS else int(found["month"])
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    try:
        return datetime(int(found["year"]), month, int(found["day"]), hour, minute, second)  # noqa: DTZ001 - its zone comes next
    except ValueError as error:
        msg = f"schedule={phrase!r} does not exist: {error}."
        raise InvalidSchedule(msg) from None


def _in_utc(value: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC, in whole seconds: a started second counts as full."""
    rest = value.microsecond or getattr(value, "nanosecond", 0)
    plain = _to_datetime(value).replace(microsecond=0)
    if plain.utcoffset() is None:
        wall = plain.replace(tzinfo=None)
        _refuse_skipped_or_repeated(wall, zone)
        plain = wall.replace(tzinfo=zone)
    return plain.astimezone(UTC) + timedelta(seconds=1 if rest else 0)


def _to_datetime(value: datetime) -> datetime:
    """A Timestamp as the datetime that it stands for; it may lie beyond the years of a datetime."""
    if not isinstance(value, pd.Timestamp):
        return value
    try:
        return value.to_pydatetime(warn=False)
    except ValueError as error:
        raise OverflowError from error


def _at(moment: datetime, zone: ZoneInfo, now: datetime) -> Schedule:
    wall = moment.astimezone(zone).replace(tzinfo=None)
    _refuse_skipped_or_repeated(wall, zone)
    if moment < now:
        msg = (
            f"schedule={_shown(wall)} ({zone.key}) is in the past: it is {_shown(now.astimezone(zone))} there. "
            "Choose a time to come, or None for at once."
        )
        raise InvalidSchedule(msg)
    return Schedule(_shown(wall), moment)


def _refuse_skipped_or_repeated(wall: datetime, zone: ZoneInfo) -> None:
    """A time that the clocks skip has the smaller offset first, one that they repeat the larger (PEP 495)."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    clear = _shown(wall + abs(first - second))
    if first < second:
        msg = (
            f"schedule={_shown(wall)} does not exist in {zone.key}: the clocks are put forward over it. Choose "
            f"{clear}, or a time before the change."
        )
        raise InvalidSchedule(msg)
    if first > second:
        msg = (
            f"schedule={_shown(wall)} comes twice in {zone.key}, when the clocks are put back. The gateway is told the "
            "time on the wall and could take it for either, so a datetime with a time zone does not help. Choose "
            f"{clear}, or a time before the repeated hour."
        )
        raise InvalidSchedule(msg)


def _shown(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`, as the documentation writes it; `strftime` would not fill the year in everywhere."""
    return moment.replace(tzinfo=None, microsecond=0).isoformat(" ")
