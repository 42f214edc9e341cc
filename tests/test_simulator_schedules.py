"""Scheduling texts: the documented forms mean what PHP makes of them on an Athens clock, others are refused."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.simulator.schedules import ATHENS, scheduled_at

WEDNESDAY = datetime(2026, 3, 25, 15, 30, 20, tzinfo=ATHENS)


def moment(text, now=WEDNESDAY):
    """The moment on an Athens clock, as text."""
    found = scheduled_at(text, now.timestamp())
    return found if found is None else datetime.fromtimestamp(found, ATHENS).isoformat(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-07-17", "2017-07-17 00:00:00+03:00"),
        ("2017-05-11 14:40", "2017-05-11 14:40:00+03:00"),
        ("2017-04-22 17:47:55", "2017-04-22 17:47:55+03:00"),
        ("11 June 2017 11:00:00", "2017-06-11 11:00:00+03:00"),
        ("1 january 2027", "2027-01-01 00:00:00+02:00"),
        ("+1 day", "2026-03-26 15:30:20+02:00"),
        ("+1 week", "2026-04-01 15:30:20+03:00"),
        ("+1 week 2 days 4 hours 2 seconds", "2026-04-03 19:30:22+03:00"),
        ("+90 minutes", "2026-03-25 17:00:20+02:00"),
        ("+10 months +1 year", "2028-01-25 15:30:20+02:00"),
        ("next Thursday", "2026-03-26 00:00:00+02:00"),
        ("next Wednesday", "2026-04-01 00:00:00+03:00"),
        ("last Monday", "2026-03-23 00:00:00+02:00"),
        ("last wednesday", "2026-03-18 00:00:00+02:00"),
    ],
)
def test_schedule_in_a_documented_form(text, expected):
    """Each documented form is understood as PHP's strtotime understands it."""
    assert moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "now", "Thursday", "1 day", "+1 fortnight", "+1", "next", "next June", "2017-7-17",
        "17/07/2017", "2017-07-17T10:00", "2017-07-17 10:00:00+03:00", "2017-02-30", "2017-07-17 24:00",
        "2017-07-17 10:60", "11 Jun 2017 11:00:00", "June 11 2017", "32 June 2017", "+999999999 years",
        "+999999999 weeks", " +1 day", "2017-07-17\n", "0000-01-01", "+1 day2 hours", "٢٠١٧-٠٧-١٧",
    ],
)  # fmt: skip
def test_schedule_in_another_form_is_refused(text):
    """What the provider's page does not show is refused, dates that do not exist included."""
    assert moment(text) is None


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("2026-03-29 03:30", WEDNESDAY, "2026-03-29 04:30:00+03:00"),
        ("2026-10-25 03:30", WEDNESDAY, "2026-10-25 03:30:00+03:00"),
        ("+1 day", datetime(2026, 3, 28, 12, tzinfo=ATHENS), "2026-03-29 12:00:00+03:00"),
        ("+24 hours", datetime(2026, 3, 28, 12, tzinfo=ATHENS), "2026-03-29 13:00:00+03:00"),
        ("+1 month", datetime(2026, 1, 31, 12, tzinfo=ATHENS), "2026-03-03 12:00:00+02:00"),
    ],
)
def test_schedule_across_a_change_of_the_clocks(text, now, expected):
    """A skipped time is an hour later, a doubled one the first; days keep the time of day, hours pass."""
    assert moment(text, now) == expected


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)), st.sampled_from(["iso", "english"]))  # noqa: DTZ001
def test_schedule_of_a_written_date_is_that_date(when, form):
    """A date and time that are written out mean themselves in Athens, to the second."""
    when = when.replace(microsecond=0)
    text = f"{when:%Y-%m-%d %H:%M:%S}" if form == "iso" else f"{when.day} {when:%B %Y %H:%M:%S}"

    assert scheduled_at(text, 0) == when.replace(tzinfo=ATHENS).timestamp()
