"""Quiet hours: what is quiet, why, and when it ends, against a calendar written down by hand and brute force."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import ConfigurationError
from isms_data.quiet_hours import QuietHours, holidays

ATHENS = ZoneInfo("Europe/Athens")
EASTERS = ("2021-05-02", "2024-05-05", "2025-04-20", "2026-04-12", "2027-05-02", "2028-04-16", "2030-04-28")
DAYS_OFF = {
    2026: "0101 0106 0223 0325 0410 0412 0413 0501 0601 0815 1028 1225 1226",
    2027: "0101 0106 0315 0325 0430 0502 0503 0501 0621 0815 1028 1225 1226",
}
"""Month and day, from the calendars of these years."""


def policy(text: str) -> QuietHours:
    found = QuietHours.parse(text, timezone="Europe/Athens")
    assert found is not None
    return found


def athens(text: str) -> datetime:
    """A moment by an Athens clock; where that shows it twice, with the offset in the text."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ATHENS)).astimezone(UTC)


def test_quiet_hours_of_an_empty_text() -> None:
    """Nothing said, nothing quiet."""
    assert QuietHours.parse("", timezone="Europe/Athens") is None
    assert QuietHours.parse("  ", timezone="Europe/Athens") is None


def test_quiet_hours_words() -> None:
    """The words switch on what they say; refusing is the default."""
    plain, full = policy("21:00-09:00"), policy(" 22:30-08:15  defer holidays sundays ")

    assert (plain.sundays, plain.holidays, plain.defers) == (False, False, False)
    assert (full.sundays, full.holidays, full.defers) == (True, True, True)
    assert (full.start, full.end) == (time(22, 30), time(8, 15))
    assert policy("21:00-09:00 refuse").defers is False


@pytest.mark.parametrize(
    "text",
    [
        "21-9", "9:00-21:00", "21:00", "21:00-24:00", "21:00-09:60", "21:00\u201309:00", "sundays",
        "sundays 21:00-09:00", "21:00-09:00 Sundays", "21:00-09:00 sunday", "21:00-09:00 defer refuse",
        "21:00-09:00 sundays sundays", "21:00-09:00, sundays", "21:00-09:00-10:00", "off", "٢١:00-09:00",
    ],
)  # fmt: skip
def test_quiet_hours_in_another_form(text: str) -> None:
    """Any other text is refused under the setting's names, with the form."""
    with pytest.raises(ConfigurationError, match=r"quiet_hours=.*ISMS_QUIET_HOURS.*'21:00-09:00'"):
        policy(text)


@pytest.mark.parametrize("text", ["00:00-00:00", "09:00-09:00 defer"])
def test_quiet_hours_that_never_end(text: str) -> None:
    """A policy under which nothing could ever leave is refused when it is read."""
    with pytest.raises(ConfigurationError, match="no minute of any day"):
        policy(text)


@pytest.mark.parametrize(
    ("text", "moment", "quiet"),
    [
        ("21:00-09:00", "2026-11-23 20:59:59.999999", False),
        ("21:00-09:00", "2026-11-23 21:00:00", True),
        ("21:00-09:00", "2026-11-24 08:59:59.999999", True),
        ("21:00-09:00", "2026-11-24 09:00:00", False),
        ("14:00-17:00", "2026-11-24 13:59:59", False),
        ("14:00-17:00", "2026-11-24 14:00:00", True),
        ("14:00-17:00", "2026-11-24 17:00:00", False),
        ("21:00-09:00", "2026-11-22 12:00:00", False),
        ("21:00-09:00 sundays", "2026-11-22 12:00:00", True),
        ("21:00-09:00 holidays", "2026-11-22 12:00:00", False),
        ("21:00-09:00 holidays", "2026-10-28 12:00:00", True),
        ("21:00-09:00 sundays", "2026-10-28 12:00:00", False),
    ],
)
def test_quiet_hours_begin_and_end(text: str, moment: str, quiet: bool) -> None:  # noqa: FBT001
    """The first moment of a span is quiet, its end is not; days off only where the words say so."""
    assert policy(text).is_quiet(athens(moment)) is quiet


def test_quiet_hours_on_the_accounts_clock() -> None:
    """Which hour and which day it is, the account's clock says, whatever zone the moment comes in."""
    saturday_in_utc = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)

    assert policy("01:00-02:00 sundays").is_quiet(saturday_in_utc)
    assert policy("00:00-01:00").is_quiet(saturday_in_utc)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-23 22:10", "it is 22:10 in Athens, and quiet_hours='21:00-09:00 sundays holidays'"),
        ("2026-11-22 12:00", "2026-11-22 is a Sunday, and quiet_hours='21:00-09:00 sundays holidays'"),
        ("2027-05-03 12:00", "2027-05-03 is Easter Monday, and quiet_hours='21:00-09:00 sundays holidays'"),
        ("2027-05-02 23:00", "2027-05-02 is Easter Sunday, and quiet_hours='21:00-09:00 sundays holidays'"),
        ("2026-11-23 12:00", None),
    ],
)
def test_quiet_hours_reason(moment: str, words: str | None) -> None:
    """Why nothing leaves is said in words: the day if it is off, else the hour."""
    assert policy("21:00-09:00  sundays holidays").why(athens(moment)) == words


def test_quiet_hours_reason_where_only_sundays_are_meant() -> None:
    """A holiday that falls on a Sunday is a Sunday to a policy without holidays."""
    assert str(policy("21:00-09:00 sundays").why(athens("2027-05-02 12:00"))).startswith("2027-05-02 is a Sunday")


def test_quiet_hours_need_a_time_zone() -> None:
    """A moment without a time zone is refused, not taken on this machine's clock."""
    with pytest.raises(ConfigurationError, match="no time zone"):
        policy("21:00-09:00").is_quiet(datetime(2026, 11, 23, 22))  # noqa: DTZ001


@pytest.mark.parametrize("year", DAYS_OFF)
def test_holidays_of_a_year(year: int) -> None:
    """The public holidays are those of the printed calendar."""
    assert {f"{day:%m%d}" for day in holidays(year)} == set(DAYS_OFF[year].split())


@pytest.mark.parametrize("easter", EASTERS)
def test_easter_is_the_orthodox_one(easter: str) -> None:
    """Easter Sunday is that of the Orthodox church."""
    day = date.fromisoformat(easter)

    assert holidays(day.year)[day] == "Easter Sunday"


@pytest.mark.parametrize(
    ("text", "moment", "allowed"),
    [
        ("21:00-09:00", "2026-11-23 22:10:30.5", "2026-11-24 09:00"),
        ("21:00-09:00", "2026-11-23 20:59:59", "2026-11-23 20:59:59"),
        ("21:00-09:00", "2026-11-24 08:59:59.5", "2026-11-24 09:00"),
        ("21:00-09:00 sundays", "2026-11-21 21:00", "2026-11-23 09:00"),
        ("21:00-09:00 sundays holidays", "2026-12-24 21:00", "2026-12-28 09:00"),
        ("14:00-17:00 holidays", "2027-04-29 23:59:59", "2027-04-29 23:59:59"),
        ("14:00-17:00 holidays", "2027-04-30 00:00", "2027-05-04 00:00"),  # Good Friday, 1 May, Easter, its Monday
        ("21:00-03:30", "2026-03-29 01:00", "2026-03-29 04:00"),
        ("21:00-03:30", "2026-10-25 01:00", "2026-10-25 03:30+03:00"),
        ("03:30-02:00", "2026-10-25 03:45+03:00", "2026-10-25 03:00+02:00"),
        ("03:30-02:00", "2026-10-25 03:45+02:00", "2026-10-26 02:00"),
        ("04:00-03:00", "2026-03-28 12:00", "2026-03-30 03:00"),
    ],
)
def test_quiet_hours_end(text: str, moment: str, allowed: str) -> None:
    """The first moment that is not quiet, across nights, days off in a row, and changes of the clocks."""
    assert policy(text).next_allowed(athens(moment)) == athens(allowed)


def test_quiet_hours_in_the_hour_that_comes_twice() -> None:
    """Where the clocks go back, quiet is what they show: 03:45 may send, 03:10 after it may not, 03:30 may again."""
    night = policy("21:00-03:30")

    assert not night.is_quiet(athens("2026-10-25 03:45+03:00"))
    assert night.is_quiet(athens("2026-10-25 03:10+02:00"))
    assert night.next_allowed(athens("2026-10-25 03:10+02:00")) == athens("2026-10-25 03:30+02:00")


def is_off(moment: datetime, start: int, end: int, words: str) -> bool:
    """The oracle: minutes of the day and the calendar above."""
    here = moment.astimezone(ATHENS)
    if "sundays" in words and here.isoweekday() == 7:
        return True
    if "holidays" in words and here.strftime("%m%d") in DAYS_OFF[here.year]:
        return True
    minute = here.hour * 60 + here.minute
    return any(start <= m < (end if end > start else end + 1440) for m in (minute, minute + 1440))


MINUTES = st.integers(0, 1439)
MOMENTS = st.datetimes(datetime(2026, 1, 1, 12), datetime(2027, 12, 20), timezones=st.just(UTC))  # noqa: DTZ001
CHANGES = ("2026-03-29 01:00", "2026-10-25 01:00", "2027-03-28 01:00", "2027-10-31 01:00")
NEAR_CHANGES = st.sampled_from(CHANGES).flatmap(
    lambda change: st.integers(-14_400, 14_400).map(
        lambda seconds: datetime.fromisoformat(change).replace(tzinfo=UTC) + timedelta(seconds=seconds)
    )
)


@given(MOMENTS | NEAR_CHANGES, MINUTES, MINUTES, st.sampled_from(["", "sundays", "holidays", "sundays holidays defer"]))
def test_quiet_hours_end_where_brute_force_finds_it(moment: datetime, start: int, end: int, words: str) -> None:
    """The end found is not before the moment, not quiet, and no minute before it is allowed."""
    end = end if end != start else (end + 1) % 1440
    quiet = policy(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02} {words}")
    found, expected = quiet.next_allowed(moment), moment
    while is_off(expected, start, end, words):
        expected = expected.replace(second=0, microsecond=0) + timedelta(minutes=1)

    assert found == expected
    assert quiet.is_quiet(moment) is is_off(moment, start, end, words)
    assert (quiet.why(found), quiet.why(moment) is None) == (None, found == moment)
