"""Alarms: as many false ones as were asked for, none for what is not known yet, and bad hours are found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import betabinom, binomtest

import isms_data as isms
from isms_data.errors import ColumnError, ConfigurationError
from isms_data.reports.alerts import Hours, delivery_alerts, simulate_alerts, usual

if TYPE_CHECKING:
    from pathlib import Path

START = pd.Timestamp("2026-11-02", tz="Europe/Athens")
"""A Monday, with no change of the clocks in the weeks behind it."""


def hours_of(weeks: int, *, seed: int, per_hour: float, rate: float, correlation: float, swing: float = 0.3) -> Hours:
    """Hours in which nothing is wrong: a rate for each hour of the week, and more variation than by chance."""
    random = np.random.default_rng(seed)
    of_week = np.arange(168 * weeks) % 168
    mean = rate * np.exp(swing * random.normal(size=168))[of_week]
    if correlation:
        spread = 1 / correlation - 1
        mean = random.beta(mean * spread, (1 - mean) * spread)
    final = random.poisson(per_hour, len(of_week))
    return Hours(final.astype(float), random.binomial(final, mean).astype(float), of_week)


def messages_of(hours: Hours, *, network: str = "Nova", pending: int = 0) -> pd.DataFrame:
    """The same as messages: a row for each, the failed ones first."""
    final, failed = hours.final.astype(int), hours.failed.astype(int)
    hour = np.repeat(np.arange(len(final)), final + pending)
    place = np.arange(len(hour)) - np.repeat(np.cumsum(final + pending) - final - pending, final + pending)
    status = np.where(place < failed[hour], "Failed", np.where(place < final[hour], "Delivered", "Pending"))
    at = (START.tz_convert("UTC") + pd.to_timedelta(hour, unit="h") + pd.to_timedelta(place % 60, unit="min")).as_unit(
        "us"
    )
    frame = pd.DataFrame({"network": network, "outcome": "accepted", "status": status, "submitted_at": at})
    frame["final"] = pd.array(status != "Pending", dtype="boolean")
    return frame


def asked_is_met(alarms: int, judged: int, asked: float) -> bool:
    """Whether that many alarms are no surprise at the rate that was asked for (1 in 1,000 surprises)."""
    return bool(binomtest(alarms, judged, asked).pvalue > 0.001)


LAWS = [
    {"weeks": 8, "per_hour": 200, "rate": 0.08, "correlation": 0.0},
    {"weeks": 8, "per_hour": 200, "rate": 0.08, "correlation": 0.02},
    {"weeks": 4, "per_hour": 300, "rate": 0.05, "correlation": 0.1},
    {"weeks": 2, "per_hour": 200, "rate": 0.08, "correlation": 0.02},
    {"weeks": 1, "per_hour": 200, "rate": 0.08, "correlation": 0.02, "swing": 0.0},
]


@pytest.mark.parametrize("asked", [0.01, 0.05])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law['weeks']} weeks, correlation {law['correlation']}")
def test_false_alarms_are_those_asked_for(law: dict[str, Any], asked: float) -> None:
    """Where nothing is wrong, as many hours raise an alarm as was asked, by binomial chance, overdispersed or not."""
    made = [hours_of(seed=seed, **law) for seed in range(6)]
    frame = pd.concat(
        [messages_of(hours, network=f"N{number}") for number, hours in enumerate(made)], ignore_index=True
    )
    alerts = delivery_alerts(frame, false_alarms=asked)

    assert asked_is_met(int(alerts["alarm"].sum()), int(alerts["alarm"].notna().sum()), asked)
    assert len(alerts) == sum((hours.final > 0).sum() for hours in made)


def test_probability_is_scipys_tail() -> None:
    """The probability is that of more failures by scipy's beta-binomial law, and half that of exactly so many."""
    hours = hours_of(4, seed=3, per_hour=50, rate=0.1, correlation=0.05)
    alerts = delivery_alerts(messages_of(hours))
    law = usual(hours)
    spread = 1 / law.correlation - 1
    known = betabinom(hours.final.astype(int), law.mean * spread, (1 - law.mean) * spread)
    tail = known.sf(hours.failed) + known.pmf(hours.failed) / 2

    assert alerts["probability"].to_numpy() == pytest.approx(tail[hours.final > 0], rel=1e-6, abs=1e-12)
    assert alerts["expected"].to_numpy() == pytest.approx((hours.final * law.mean)[hours.final > 0])


def test_hour_is_not_compared_with_itself() -> None:
    """What is usual for an hour does not change with what happened in it."""
    hours = hours_of(4, seed=5, per_hour=100, rate=0.1, correlation=0.0)
    worse = hours.failed.copy()
    worse[200] = min(worse[200] + 12, hours.final[200])
    before, after = usual(hours), usual(hours._replace(failed=worse))

    assert after.mean[200] == pytest.approx(before.mean[200], rel=1e-2)
    assert after.mean[200 - 168] > before.mean[200 - 168]


@pytest.mark.parametrize("length", [1, 24])
def test_outage_is_found_and_learned_nothing_from(length: int) -> None:
    """Each hour of an outage raises an alarm, and hardly any other hour looks calmer or worse for it."""
    hours = hours_of(6, seed=7, per_hour=100, rate=0.06, correlation=0.01)
    bad = slice(500, 500 + length)
    failed = hours.failed.copy()
    failed[bad] = np.ceil(0.6 * hours.final[bad])
    calm, alerts = (
        delivery_alerts(messages_of(hours._replace(failed=each)))["alarm"].to_numpy(bool)
        for each in (hours.failed, failed)
    )

    assert alerts[bad].all()
    assert (alerts != calm).sum() <= length + 3


def test_pending_messages_are_no_failures() -> None:
    """Messages that are not final change no number but their own count."""
    hours = hours_of(3, seed=9, per_hour=40, rate=0.1, correlation=0.02)
    hours = hours._replace(final=np.maximum(hours.final, 1))
    few, many = delivery_alerts(messages_of(hours)), delivery_alerts(messages_of(hours, pending=25))

    pd.testing.assert_frame_equal(many.drop(columns="messages"), few.drop(columns="messages"))
    assert (many["messages"] - few["messages"]).eq(25).all()


def test_network_is_judged_by_itself() -> None:
    """A network that always fails a lot is no alarm, and does not hide that another one does for the first time."""
    good, poor = (
        hours_of(4, seed=1, per_hour=100, rate=0.02, correlation=0.0),
        hours_of(4, seed=2, per_hour=100, rate=0.4, correlation=0.0),
    )
    failed = good.failed.copy()
    failed[300] = 40
    both = pd.concat(
        [messages_of(good._replace(failed=failed), network="A"), messages_of(poor, network="B")], ignore_index=True
    )
    alerts = delivery_alerts(both, false_alarms=0.001)

    assert START + pd.Timedelta(hours=300) in alerts.loc[alerts["alarm"] & (alerts["network"] == "A"), "hour"].tolist()
    assert alerts.loc[alerts["network"] == "B", "alarm"].mean() < 0.01
    pd.testing.assert_frame_equal(
        alerts[alerts["network"] == "B"].drop(columns="network").reset_index(drop=True),
        delivery_alerts(messages_of(poor), by=[], false_alarms=0.001),
    )


def test_null_group_is_watched_too() -> None:
    """Messages of no known network are a group of their own, the last one."""
    frame = messages_of(hours_of(2, seed=1, per_hour=5, rate=0.1, correlation=0.0))
    frame["network"] = frame["network"].where(frame.index % 2 == 0)
    alerts = delivery_alerts(frame)

    assert alerts["network"].isna().sum() == alerts.loc[alerts["network"].isna(), "hour"].nunique() > 300
    assert alerts["network"].notna().iloc[0]


def test_message_that_was_never_sent_or_has_no_time_is_in_no_hour() -> None:
    """Rows that are no messages, in doubt, or without a time are left out."""
    frame = messages_of(hours_of(1, seed=1, per_hour=5, rate=0.1, correlation=0.0))
    outcomes = ["skipped", "rejected", "not_attempted", "in_doubt", None, "accepted"]
    others = pd.concat([frame.iloc[:1].assign(outcome=each, status="Failed") for each in outcomes[:-1]])
    timeless = frame.iloc[:1].assign(
        submitted_at=pd.DatetimeIndex([None]).as_unit("us").tz_localize("UTC"), status="Failed"
    )

    pd.testing.assert_frame_equal(delivery_alerts(pd.concat([frame, others, timeless])), delivery_alerts(frame))


@pytest.mark.parametrize("by", ["network", [], ["network", "hour"], ["network", "day"]])
def test_frame_and_files_give_the_same(tmp_path: Path, by: Any) -> None:
    """Over files the alarms are those of the frame that was saved, by any columns."""
    frame = pd.concat(
        [
            messages_of(hours_of(2, seed=seed, per_hour=6, rate=0.1, correlation=0.0), network=name)
            for seed, name in enumerate("AB")
        ]
    )
    isms.save_table(frame.sample(frac=1, random_state=1), tmp_path / "data", partition_by="network")

    pd.testing.assert_frame_equal(
        delivery_alerts(tmp_path / "data", by=by), delivery_alerts(frame, by=by), check_categorical=False
    )


def test_dtypes_do_not_depend_on_the_rows() -> None:
    """No message, one, and many give the same dtypes; a single hour has nothing to be compared with."""
    frame = messages_of(hours_of(1, seed=1, per_hour=5, rate=0.1, correlation=0.0))
    tables = [delivery_alerts(frame.iloc[:rows]) for rows in (0, 1, len(frame))]
    simulated = [simulate_alerts(frame.iloc[:rows], runs=1) for rows in (0, 1, len(frame))]

    assert [list(map(str, table.dtypes)) for table in tables] == [list(map(str, tables[2].dtypes))] * 3
    assert [list(map(str, table.dtypes)) for table in simulated] == [list(map(str, simulated[2].dtypes))] * 3
    assert tables[1][["expected", "probability", "alarm"]].isna().to_numpy().all()
    assert simulated[1].iloc[0][["hours", "alarms"]].tolist() == [0, 0]


def test_hours_in_which_nothing_is_final_yet() -> None:
    """All pending: every hour is there, and none is judged."""
    frame = messages_of(hours_of(1, seed=1, per_hour=5, rate=0.1, correlation=0.0)).assign(
        status="Pending", final=False
    )
    alerts = delivery_alerts(frame)

    assert alerts["alarm"].isna().all()
    assert alerts[["final", "failed"]].to_numpy().sum() == 0


@pytest.mark.parametrize("failed", ["Failed", "Delivered"])
def test_all_or_nothing_fails(failed: str) -> None:
    """Where all messages or none of them have always failed, that is usual and no alarm."""
    frame = messages_of(hours_of(2, seed=1, per_hour=5, rate=0.1, correlation=0.0)).assign(status=failed)

    assert not delivery_alerts(frame)["alarm"].any()


def test_hours_are_the_zones() -> None:
    """Hours are moments on the clock that is asked for; the one that is gone through twice in October is two."""
    at = pd.to_datetime(["2026-10-25 00:30", "2026-10-25 01:30"], utc=True)
    frame = pd.DataFrame(
        {"network": "Nova", "outcome": "accepted", "submitted_at": at, "status": "Failed", "final": True}
    )
    hours = delivery_alerts(frame)["hour"]

    assert hours.astype("str").tolist() == ["2026-10-25 03:00:00+03:00", "2026-10-25 03:00:00+02:00"]
    assert str(delivery_alerts(frame, timezone="UTC")["hour"].dt.tz) == "UTC"


def test_simulation_shows_the_rate_that_was_asked_for() -> None:
    """The simulated false alarms are those asked for, the interval is statsmodels', and bad hours are mostly found."""
    frame = pd.concat(
        [
            messages_of(hours_of(4, seed=seed, per_hour=150, rate=0.08, correlation=0.01), network=name)
            for seed, name in enumerate("AB")
        ]
    )
    found = simulate_alerts(frame, worse=3, runs=5)

    assert found["network"].tolist() == ["A", "B"]
    assert found["hours"].tolist() == [5 * 4 * 168] * 2
    assert asked_is_met(found["alarms"].sum(), found["hours"].sum(), 0.01)
    assert found["low"].le(found["rate"]).all()
    assert found["found"].between(0.6, 0.95).all()


def test_simulation_is_the_same_for_the_same_seed() -> None:
    """The seed decides, and a hardly worse hour is hardly found."""
    frame = messages_of(hours_of(2, seed=1, per_hour=50, rate=0.1, correlation=0.05))
    one, two, other = (simulate_alerts(frame, runs=3, seed=seed, worse=1) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)
    assert one["found"].iloc[0] < 0.03


@pytest.mark.parametrize("rate", [0, 1, -0.1, 2, math.nan])
@pytest.mark.parametrize("function", [delivery_alerts, simulate_alerts])
def test_rate_that_cannot_be_asked_for(function: Any, rate: float) -> None:
    """A rate that is none is an error that says how one is written."""
    with pytest.raises(ConfigurationError, match=r"Write 0\.01 for one hour in a hundred"):
        function(pd.DataFrame(), false_alarms=rate)


@pytest.mark.parametrize("setting", [{"runs": 0}, {"worse": -1}])
def test_simulation_that_cannot_be_run(setting: dict[str, Any]) -> None:
    """Without a run, or with less failures than none, there is nothing to simulate."""
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        simulate_alerts(pd.DataFrame(), **setting)


def test_column_that_is_missing_or_in_the_way() -> None:
    """What is needed is named; a column called hour that is no time would be taken for the hour, and is refused."""
    frame = messages_of(hours_of(1, seed=1, per_hour=5, rate=0.1, correlation=0.0))
    with pytest.raises(ColumnError, match=r"no column 'submitted_at': isms\.send_messages makes it"):
        delivery_alerts(frame.drop(columns="submitted_at"))
    with pytest.raises(ColumnError, match="the data have a column 'hour'"):
        delivery_alerts(frame.assign(hour=1))
    with pytest.raises(ColumnError, match="'alarm' is to be counted by"):
        delivery_alerts(frame.assign(alarm=1), by="alarm")
