"""Quiet hours: when nobody is to be sent a message. A policy of the user's, not a law.

No statute on the hours of marketing SMS was found; that people are left alone at night, on Sundays and on public
holidays is custom. So nothing is quiet unless `Account(quiet_hours=...)` or ISMS_QUIET_HOURS says so:

    21:00-09:00                    each night, on the account's clock
    21:00-09:00 sundays holidays   and all day on Sundays and on the public holidays of Greece
    21:00-09:00 defer              what would fall into them is scheduled for their end, not refused

A span holds its first moment and not its last: at 09:00:00 messages may leave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

from dateutil.easter import EASTER_ORTHODOX, easter  # type: ignore[import-untyped] # comes with pandas, without types

from isms_data.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLOCK: Final = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_SPAN: Final = re.compile(rf"{_CLOCK}-{_CLOCK}")
_WORDS: Final = frozenset({"sundays", "holidays", "refuse", "defer"})
_FORM: Final = (
    "Write a span like '21:00-09:00', then any of the words sundays, holidays, and refuse or defer; or nothing at all "
    "for no quiet hours."
)
_MINUTE: Final = timedelta(minutes=1)

# The days off of law 1157/1981 (public service) and of the private sector: obligatory by royal decree 748/1966 and what
# followed it (law 4468/2017 for 1 May), or customary. That no message goes out on them is policy; no law says so. When
# 1 May falls on a Sunday or into Holy Week the ministry may move it, by a decision of that year: this list does not.
_FIXED: Final = {
    (1, 1): "New Year's Day",
    (1, 6): "Epiphany",
    (3, 25): "Independence Day",
    (5, 1): "Labour Day",
    (8, 15): "the Dormition of the Virgin",
    (10, 28): "Ochi Day",
    (12, 25): "Christmas Day",
    (12, 26): "the second day of Christmas",
}
"""Month and day."""
_MOVABLE: Final = {
    -48: "Clean Monday",
    -2: "Good Friday",
    0: "Easter Sunday",
    1: "Easter Monday",
    50: "Whit Monday",
}
"""Days after Orthodox Easter Sunday."""


@lru_cache(maxsize=16)
def holidays(year: int) -> Mapping[date, str]:
    """The public holidays of Greece in a year, by day.

    >>> holidays(2027)[date(2027, 5, 3)]
    'Easter Monday'
    """
    sunday = easter(year, EASTER_ORTHODOX)
    movable = {sunday + timedelta(days=days): name for days, name in _MOVABLE.items()}
    return movable | {date(year, month, day): name for (month, day), name in _FIXED.items()}


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When no message is to leave; made by `parse`. Moments are datetimes with a time zone.

    >>> night = QuietHours.parse("21:00-09:00 sundays", timezone="Europe/Athens")
    >>> saturday_night = datetime(2026, 11, 21, 22, 10, tzinfo=ZoneInfo("Europe/Athens"))
    >>> night.why(saturday_night)
    "it is 22:10 in Athens, and quiet_hours='21:00-09:00 sundays'"
    >>> print(night.next_allowed(saturday_night).astimezone(night.zone))
    2026-11-23 09:00:00+02:00
    """

    text: str
    zone: ZoneInfo
    start: time
    end: time
    sundays: bool
    holidays: bool
    defers: bool
    """Whether a message is to wait for the end of the quiet hours; otherwise it is refused."""

    @classmethod
    def parse(cls, text: str, *, timezone: str) -> Self | None:
        """The policy that a text says; None for an empty one. `timezone` is the account's clock.

        Raises
        ------
        ConfigurationError   the text is in no known form, or would leave no minute of any day.
        """
        span, *said = text.split() or [""]
        if not span:
            return None
        clocks = _SPAN.fullmatch(span)
        words = set(said)
        if not clocks or not words <= _WORDS or len(words) < len(said) or {"refuse", "defer"} <= words:
            msg = f"quiet_hours={text!r} (ISMS_QUIET_HOURS) is not understood. {_FORM}"
            raise ConfigurationError(msg)
        start, end = time(int(clocks[1]), int(clocks[2])), time(int(clocks[3]), int(clocks[4]))
        if start == end:
            msg = f"quiet_hours={text!r} (ISMS_QUIET_HOURS) would leave no minute of any day to send in. {_FORM}"
            raise ConfigurationError(msg)
        return cls(
            text=" ".join([span, *said]),
            zone=ZoneInfo(timezone),
            start=start,
            end=end,
            sundays="sundays" in words,
            holidays="holidays" in words,
            defers="defer" in words,
        )

    def is_quiet(self, moment: datetime) -> bool:
        """Whether no message is to leave at that moment."""
        here = self._here(moment)
        return self._is_day_off(here.date()) or self._in_span(here.time())

    def why(self, moment: datetime) -> str | None:
        """Why no message is to leave at that moment, in words; None where one may."""
        here = self._here(moment)
        day = here.date()
        if self._is_day_off(day):
            reason = holidays(day.year).get(day) if self.holidays else None
            said = f"{day} is {reason or 'a Sunday'}"
        elif self._in_span(here.time()):
            said = f"it is {here:%H:%M} in {self.zone.key.rpartition('/')[2].replace('_', ' ')}"
        else:
            return None
        return f"{said}, and quiet_hours={self.text!r}"

    def next_allowed(self, moment: datetime) -> datetime:
        """The first moment from that one on that is not quiet, in UTC.

        It walks minute by minute, because quiet ends with a full minute whatever the clocks do: 1 ms for a day.
        """
        moment = moment.astimezone(UTC) if not self.is_quiet(moment) else _full_minute(moment.astimezone(UTC))
        while self.is_quiet(moment):
            moment += _MINUTE
        return moment

    def _here(self, moment: datetime) -> datetime:
        if moment.utcoffset() is None:
            msg = f"{moment} has no time zone, so it is not known when that is. Add one: moment.replace(tzinfo=...)."
            raise ConfigurationError(msg)
        return moment.astimezone(self.zone)

    def _is_day_off(self, day: date) -> bool:
        return (self.sundays and day.weekday() == 6) or (self.holidays and day in holidays(day.year))

    def _in_span(self, clock: time) -> bool:
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def _full_minute(moment: datetime) -> datetime:
    """The full minute at or after a moment."""
    begun = moment.replace(second=0, microsecond=0)
    return begun if begun == moment else begun + _MINUTE
