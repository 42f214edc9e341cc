"""`schedule_of`: what is said becomes the provider's text, or an error that says what to do.

The oracle is the sandbox's reading of the same texts, which shares no code with ours.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import InvalidSchedule
from isms_data.scheduling import AT_ONCE, Schedule, schedule_of
from isms_data.simulator.schedules import scheduled_at

ATHENS = ZoneInfo("Europe/Athens")
NOW = datetime(2016, 1, 4, 12, tzinfo=UTC)
"""Before every date of the provider's page."""


def scheduled(value: object, now: datetime = NOW) -> Schedule:
    return schedule_of(value, timezone="Europe/Athens", now=now)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("2017-07-17", "2017-07-17 00:00:00"),
        ("2017-05-11 14:40", "2017-05-11 14:40:00"),
        ("2017-04-22 17:47:55", "2017-04-22 17:47:55"),
        ("11 June 2017 11:00:00", "2017-06-11 11:00:00"),
        ("1 january  2017", "2017-01-01 00:00:00"),
        (" 01 DECEMBER 2017 09:05 ", "2017-12-01 09:05:00"),
        (datetime(2017, 7, 17, 9, 30), "2017-07-17 09:30:00"),  # noqa: DTZ001 - on the account's clock
        (datetime(2017, 7, 17, 9, 30, tzinfo=UTC), "2017-07-17 12:30:00"),
        (pd.Timestamp("2017-01-17 09:30"), "2017-01-17 09:30:00"),
        (pd.Timestamp("2017-01-17 09:30", tz="America/New_York"), "2017-01-17 16:30:00"),
    ],
)
def test_schedule_of_a_moment(written: object, text: str) -> None:
    """A date in a documented form, or a datetime, is a moment: on the account's clock in the text, in UTC beside it."""
    found = scheduled(written)

    assert found.text == text
    assert found.moment == datetime.fromisoformat(text).replace(tzinfo=ATHENS)
    assert found.moment.tzinfo is UTC


@pytest.mark.parametrize(
    "phrase",
    [
        "+1 day", "+1 week", "+1 week 2 days 4 hours 2 seconds", "next Thursday", "last Monday",
        "+90 minutes", "+2 months", "+1 Year", "NEXT sunday",
    ],
)  # fmt: skip
def test_schedule_of_a_phrase(phrase: str) -> None:
    """A phrase goes to the gateway as it is, less its spaces, and its moment is left to the gateway's clock."""
    assert scheduled(f"  {phrase.replace(' ', '   ')}\n") == Schedule(phrase, None)
    assert scheduled_at(phrase, NOW.timestamp()) is not None


def test_schedule_of_nothing() -> None:
    """None is at once."""
    assert scheduled(None) == AT_ONCE == Schedule(None, None)


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "tomorrow", "Thursday", "1 day", "+1 fortnight", "+1", "-1 day", "next", "next June", "next Τετάρτη",
        "2017-7-17", "17/07/2017", "2017-07-17T10:00", "2017-07-17 10:00:00+03:00", "11 Jun 2017", "June 11 2017",
        "11 Ιουνίου 2017", "+1 day2 hours", "+1234567890 days", "٢٠١٧-٠٧-١٧", "2017\u201307\u201317", "2017-07-17 9:00",
    ],
)  # fmt: skip
def test_schedule_in_another_form(text: str) -> None:
    """Any other text is refused with the forms that are documented."""
    with pytest.raises(InvalidSchedule, match=r"11 June 2027 11:00:00.*next Thursday"):
        scheduled(text)


@pytest.mark.parametrize(
    "text", ["2017-02-29", "2017-13-01", "31 June 2017", "2017-07-17 24:00", "2017-07-17 10:60", "0000-01-01"]
)
def test_schedule_of_a_date_that_is_none(text: str) -> None:
    """A date in a documented form that no calendar has is refused as such."""
    with pytest.raises(InvalidSchedule, match=f"{text}' does not exist"):
        scheduled(text)


@pytest.mark.parametrize("value", [1_500_000_000, 1.5, date(2017, 7, 17), np.datetime64("2017-07-17"), pd.NA, True, []])
def test_schedule_of_another_type(value: object) -> None:
    """What is neither text nor a datetime is refused with its type."""
    with pytest.raises(InvalidSchedule, match=f"is a {type(value).__name__}.*next Thursday"):
        scheduled(value)


def test_schedule_of_nat() -> None:
    """A missing time is not at once: the message must not leave because a cell was empty."""
    with pytest.raises(InvalidSchedule, match=r"NaT.*None for at once"):
        scheduled(pd.NaT)


@pytest.mark.parametrize(
    "value",
    [
        "+999999999 years",
        "+999999999 weeks",
        datetime.max,  # noqa: DTZ901 - on the account's clock
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))),
        pd.Timestamp(np.datetime64("12000-01-01", "s")),
    ],
)
def test_schedule_beyond_the_calendar(value: object) -> None:
    """A moment that no date can be written for is refused."""
    with pytest.raises(InvalidSchedule, match="year 9999"):
        scheduled(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 6, 1, 9, 0, 0, 1), "2026-06-01 09:00:01"),  # noqa: DTZ001
        (datetime(2026, 6, 1, 9, 59, 59, 999_999, tzinfo=ATHENS), "2026-06-01 10:00:00"),
        (pd.Timestamp("2026-06-01 09:00:00.000000001"), "2026-06-01 09:00:01"),
        (pd.Timestamp("2026-06-01 09:00:00.000000001", tz="UTC"), "2026-06-01 12:00:01"),
        (datetime(2026, 3, 29, 2, 59, 59, 500_000), "2026-03-29 04:00:00"),  # noqa: DTZ001 - the clocks skip 3 to 4
    ],
)
def test_schedule_rounds_up(value: datetime, text: str) -> None:
    """A message leaves not before the moment that was asked for: parts of a second count as a whole one."""
    assert scheduled(value).text == text


@pytest.mark.parametrize("value", ["2016-01-04", "2016-01-04 13:59:59", NOW - timedelta(seconds=1), "1 May 1821"])
def test_schedule_in_the_past(value: object) -> None:
    """What is over is refused, with the time it is now on the account's clock."""
    with pytest.raises(InvalidSchedule, match=r"is in the past: it is 2016-01-04 14:00:00 there"):
        scheduled(value)


def test_schedule_of_this_very_moment() -> None:
    """Now is not the past."""
    assert scheduled(NOW) == Schedule("2016-01-04 14:00:00", NOW)
    assert scheduled("2016-01-04 14:00") == scheduled(NOW)


@pytest.mark.parametrize("value", ["2026-03-29 03:30", "28 March 2027 03:00", datetime(2027, 3, 28, 3, 59, 59)])  # noqa: DTZ001
def test_schedule_in_the_spring_gap(value: object) -> None:
    """A time that the clocks skip is refused, and the one an hour later offered."""
    with pytest.raises(InvalidSchedule, match=r"does not exist in Europe/Athens.*Choose 202\d-03-2\d 04:\d\d:\d\d"):
        scheduled(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-25 03:30",
        "31 October 2027 03:00:00",
        datetime(2027, 10, 31, 3, 59, 59, fold=1),  # noqa: DTZ001
        datetime(2026, 10, 25, 3, 30, tzinfo=ATHENS),
        datetime(2026, 10, 25, 3, 30, tzinfo=ATHENS, fold=1),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 24, 23, 59, 59, 1, tzinfo=UTC),
        pd.Timestamp("2026-10-25 01:30", tz="UTC"),
    ],
)
def test_schedule_in_the_autumn_hour(value: object) -> None:
    """A time that the clocks show twice is refused, with a time zone as well, and the one an hour later offered."""
    with pytest.raises(InvalidSchedule, match=r"comes twice.*time zone does not help.*Choose 202\d-10-\d\d 04:"):
        scheduled(value)


@pytest.mark.parametrize(
    ("text", "hours_ahead_of_utc"),
    [
        ("2026-03-29 02:59:59", 2),
        ("2026-03-29 04:00:00", 3),
        ("2027-03-28 02:59:59", 2),
        ("2026-10-25 02:59:59", 3),
        ("2026-10-25 04:00:00", 2),
        ("2027-10-31 02:59:59", 3),
        ("2027-10-31 04:00:00", 2),
    ],
)
def test_schedule_beside_a_change_of_the_clocks(text: str, hours_ahead_of_utc: int) -> None:
    """The seconds just before and after a change are clear."""
    utc = datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=hours_ahead_of_utc)

    assert scheduled(text) == Schedule(text, utc)


def test_schedule_on_another_clock() -> None:
    """The account's time zone is the clock of the text."""
    found = schedule_of("2026-03-29 03:30", timezone="Asia/Dubai", now=NOW)

    assert found.moment == datetime(2026, 3, 28, 23, 30, tzinfo=UTC)


class _Undecided(tzinfo):
    """A time zone that does not say its offset: Python takes such a datetime as naive."""

    def utcoffset(self, _: datetime | None) -> None:
        return None


def test_schedule_with_a_zone_that_says_nothing() -> None:
    """A datetime whose time zone has no offset is one without a time zone."""
    assert scheduled(datetime(2017, 7, 17, 9, tzinfo=_Undecided())).text == "2017-07-17 09:00:00"


MOMENTS = st.datetimes(datetime(2016, 1, 4, 12), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
IN_OCTOBER = st.datetimes(datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 3), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Athens"]).map(ZoneInfo)


@given(MOMENTS | IN_OCTOBER, ZONES)
def test_schedule_text_means_the_moment(moment: datetime, zone: ZoneInfo) -> None:
    """The text of a moment, as the sandbox and an Athens clock read it, is its full second; or no text can say it."""
    second = moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)
    try:
        found = scheduled(moment.astimezone(zone))
    except InvalidSchedule:
        assert on_the_wall(second) in {on_the_wall(second + timedelta(hours=hours)) for hours in (-1, 1)}
        return

    assert found.moment == second
    assert scheduled_at(str(found.text), 0) == second.timestamp()
    assert datetime.fromisoformat(str(found.text)).replace(tzinfo=ATHENS).astimezone(UTC) == second


def on_the_wall(moment: datetime) -> str:
    return moment.astimezone(ATHENS).strftime("%d %H:%M:%S")


_WORDS = st.sampled_from(
    [
        *("+1", "+12", "2", "0", "99999", "+999999999"),
        *("second", "minutes", "hour", "days", "week", "months", "years", "next", "last", "Monday", "friday"),
        *("2027-03-01", "2027-02-29", "10:00", "23:59:60", "1", "31", "June", "2028"),
    ]
)


@given(st.lists(_WORDS, max_size=5).map(" ".join))
def test_schedule_never_sends_what_is_refused(text: str) -> None:
    """Whatever passes here is a text that the sandbox takes as a date."""
    try:
        found = scheduled(text)
    except InvalidSchedule:
        return

    assert found.text is not None
    assert scheduled_at(found.text, NOW.timestamp()) is not None
