"""The metrics of delivery: right by hand, the same over a frame and over files, and of one shape whatever the data."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data.errors import ColumnError, ConfigurationError
from isms_data.greek import render_column
from isms_data.reports.costs import capitals_savings, delivery_costs
from isms_data.reports.curves import MAX_AGES, cumulative_delivery
from isms_data.reports.delivery import STAGES, delivery_funnel, delivery_rates, delivery_times
from isms_data.reports.statistics import aalen_johansen, wilson
from isms_data.text_segments import count_segments
from tests.messages import ODD, as_stored, by_hand, is_delivered, is_message, keyed, left_at, made_up

METRICS = (delivery_funnel, delivery_rates, delivery_times, cumulative_delivery, delivery_costs, capitals_savings)
BY: tuple[tuple[str, ...], ...] = (
    (),
    ("network",),
    ("hour",),
    ("network", "day"),
    ("week", ODD),
    ("hour_of_week", "Generation"),
)
frames = st.builds(made_up, st.sampled_from([0, 1, 2, 30, 200]), st.integers(0, 10**6))
some_by = st.sampled_from(BY)


def counts_or_doubt(row: dict[str, Any]) -> bool:
    return is_message(row) or row["outcome"] == "in_doubt"


@settings(max_examples=40, deadline=None)
@given(frame=frames, by=some_by)
def test_rates_are_those_counted_by_hand(frame: pd.DataFrame, by: tuple[str, ...]) -> None:
    """Each group has the counts, the rate and the bounds that plain Python finds in its rows."""
    expected = by_hand(frame, by, counts_or_doubt)

    found = keyed(delivery_rates(frame, by=by), by)

    assert set(found) == set(expected)
    for key, rows in expected.items():
        messages = [row for row in rows if is_message(row)]
        final, delivered = [row for row in messages if row["final"]], sum(map(is_delivered, messages))
        pending = len(messages) - len(final)
        assert found[key]["messages"] == len(messages)
        assert (found[key]["final"], found[key]["pending"]) == (len(final), pending)
        assert (found[key]["delivered"], found[key]["failed"]) == (delivered, len(final) - delivered)
        assert found[key]["in_doubt"] == len(rows) - len(messages)
        assert found[key]["rate"] == (delivered / len(final) if final else None)
        assert found[key]["rate_if_pending_fail"] == (delivered / len(messages) if messages else None)
        assert found[key]["rate_if_pending_deliver"] == ((delivered + pending) / len(messages) if messages else None)


@settings(max_examples=25, deadline=None)
@given(frame=frames, by=some_by)
def test_times_are_numpys_percentiles(frame: pd.DataFrame, by: tuple[str, ...]) -> None:
    """Percentiles are exact: those that numpy finds in the latencies of the delivered messages."""
    expected = by_hand(frame, by, counts_or_doubt)

    found = keyed(delivery_times(frame, by=by, percentiles=[0, 0.5, 0.999]), by)

    assert set(found) == set(expected)
    for key, rows in expected.items():
        delivered = [row["latency"] for row in rows if is_delivered(row)]
        known = [latency // pd.Timedelta(1, "us") for latency in delivered if latency is not None]
        assert found[key]["delivered"] == len(delivered)
        for name, share in (("p0", 0), ("p50", 0.5), ("p99.9", 0.999)):
            micro = round(float(np.quantile(known, share))) if known else None
            assert found[key][name] == (None if micro is None else pd.Timedelta(micro, "us"))


@settings(max_examples=25, deadline=None)
@given(frame=frames, by=some_by)
def test_funnel_counts_how_far_messages_came(frame: pd.DataFrame, by: tuple[str, ...]) -> None:
    """Planned is all but what was skipped; each stage is a part of the one before, and its share is of that."""
    expected = by_hand(frame, by, lambda row: row["outcome"] not in ("skipped", None))

    funnel = delivery_funnel(frame, by=by)

    found = keyed(funnel, (*by, "stage"))
    for key, rows in expected.items():
        sent = [row for row in rows if is_message(row)]
        stages = [len(rows), len(sent), sum(row["final"] is True for row in sent), sum(map(is_delivered, sent))]
        assert [found[(*key, stage)]["messages"] for stage in STAGES] == stages
        for before, stage, count in zip(stages, STAGES[1:], stages[1:], strict=False):
            assert found[(*key, stage)]["share"] == (count / before if before else None)
    assert len(found) == len(STAGES) * len(expected)


@settings(max_examples=25, deadline=None)
@given(frame=frames, by=some_by)
def test_curve_is_the_estimate_of_ages_counted_by_hand(frame: pd.DataFrame, by: tuple[str, ...]) -> None:
    """At the last age of each group the curve is Aalen and Johansen's estimate from its messages' ages."""
    known = frame[["resolved_at", "submitted_at"]].max().max()
    expected = by_hand(frame, by, is_message)

    curve = cumulative_delivery(frame, by=by)

    last = keyed(curve.groupby(list(by), dropna=False, observed=True).tail(1) if by else curve.tail(1), by)
    for key, rows in expected.items():
        aged = [(age, row) for row in rows if (age := _age(row, known)) is not None]
        ages = sorted({age for age, _ in aged})
        at_risk = [sum(other >= age for other, _ in aged) for age in ages]
        delivered = [sum(other == age and is_delivered(row) for other, row in aged) for age in ages]
        final = [sum(other == age and row["final"] is True for other, row in aged) for age in ages]
        estimate = aalen_johansen(at_risk, delivered, np.array(final) - np.array(delivered))
        assert (key in last) == bool(aged)
        if aged:
            assert last[key]["incidence"] == pytest.approx(estimate.incidence[-1])
            assert last[key]["at_risk"] == at_risk[-1]
            assert (last[key]["delivered"], last[key]["failed"]) == (sum(delivered), sum(final) - sum(delivered))


def _age(row: dict[str, Any], known: pd.Timestamp) -> int | None:
    """How long a message was watched, in microseconds, to three digits; None where that is not known."""
    left = left_at(row)
    length = row["latency"] if row["final"] else None if left is None else known - left
    if length is None or length < pd.Timedelta(0):
        return None
    age = int(length // pd.Timedelta(1, "us"))
    unit = 10 ** max(len(str(age)) - 3, 0)
    return (age + unit // 2) // unit * unit


@settings(max_examples=25, deadline=None)
@given(frame=frames, by=some_by)
def test_costs_and_savings_are_those_counted_by_hand(frame: pd.DataFrame, by: tuple[str, ...]) -> None:
    """Credits are the segments of what was sent; savings those of the same texts in capitals."""
    expected = by_hand(frame, by, counts_or_doubt)
    capitals = count_segments(render_column(frame["text"], "capitals"))["segments"]
    cheaper = dict(zip(frame["text"], capitals, strict=True))

    costs = keyed(delivery_costs(frame, by=by, credits_per_segment=Decimal("0.5")), by)
    savings = keyed(capitals_savings(frame, by=by), by)

    assert set(costs) == set(expected)
    for key, rows in expected.items():
        sent = [row for row in rows if is_message(row)]
        told = [row for row in sent if row["text"] is not None]
        delivered = sum(map(is_delivered, sent))
        assert costs[key]["segments"] == sum(row["segments"] for row in sent)
        assert costs[key]["credits"] == costs[key]["segments"] / 2
        assert costs[key]["credits_per_delivered"] == (costs[key]["credits"] / delivered if delivered else None)
        assert (key in savings) == bool(told or not by)
        if key in savings:
            assert savings[key]["segments"] == sum(row["segments"] for row in told)
            assert savings[key]["segments_in_capitals"] == sum(cheaper[row["text"]] for row in told)


@settings(max_examples=25, deadline=None)
@given(metric=st.sampled_from(METRICS), frame=frames, by=some_by)
def test_metric_is_the_same_however_the_rows_are_stored(metric: Any, frame: pd.DataFrame, by: tuple[str, ...]) -> None:
    """A frame, a file, a partitioned folder and several files give equal frames, dtypes included."""
    with TemporaryDirectory() as folder:
        expected = metric(frame, by=by)
        for data in as_stored(frame, Path(folder)).values():
            pd.testing.assert_frame_equal(metric(data, by=by), expected)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("by", [(), ("network", "hour"), ("week", ODD)])
def test_dtypes_do_not_depend_on_the_rows(metric: Any, by: tuple[str, ...]) -> None:
    """None, one, many rows and rows that are null throughout give the same columns in the same dtypes."""
    many = made_up(300, 1)
    of_many = metric(many, by=by).dtypes
    nulls = many.iloc[[0] * 3].reset_index(drop=True)
    nulls = pd.DataFrame({name: pd.Series([None] * 3, dtype=kind) for name, kind in nulls.dtypes.items()})

    for frame in (many.iloc[:0], many.iloc[:1], nulls, nulls.assign(outcome="accepted")):
        pd.testing.assert_series_equal(metric(frame, by=by).dtypes, of_many)


@pytest.mark.parametrize("metric", METRICS)
def test_metric_holds_for_many_operators_and_a_year_of_hours(metric: Any) -> None:
    """Two hundred operators and a year of hours are groups like any others."""
    frame = made_up(3_000, 2, hours=365 * 24)
    frame["network"] = [f"Πάροχος {number % 200}" for number in range(len(frame))]

    assert metric(frame, by="network")["network"].nunique() == 200
    assert metric(frame, by="hour")["hour"].nunique() > 800


def test_rates_carry_wilsons_interval_and_percentiles_in_one_pass() -> None:
    """The interval is the one of `statistics.wilson`; percentiles that are asked for are those of `delivery_times`."""
    frame = made_up(500, 3)

    rates = delivery_rates(frame, by="network", confidence=0.9, percentiles=[0.5, 0.95])

    low, high = wilson(rates["delivered"], rates["final"], confidence=0.9)
    np.testing.assert_array_equal(rates[["low", "high"]].to_numpy().T, [low, high])
    times = delivery_times(frame, by="network", percentiles=[0.5, 0.95])
    pd.testing.assert_frame_equal(rates[["p50", "p95"]], times[["p50", "p95"]])


def test_pending_messages_are_in_no_rate() -> None:
    """With three of four pending the rate is of the one that is final, and the bounds say what may come."""
    frame = pd.DataFrame({"outcome": "accepted", "status": ["Delivered", "Pending", "Queued", None]})
    frame["final"] = frame["status"] == "Delivered"

    rates = delivery_rates(frame).iloc[0]

    assert (rates["rate"], rates["rate_if_pending_fail"], rates["rate_if_pending_deliver"]) == (1, 0.25, 1)


def test_rate_of_nothing_final_is_null() -> None:
    """Where all are pending there is no rate and no interval; the bounds are 0 and 1."""
    frame = pd.DataFrame({"outcome": ["accepted"] * 3, "status": "Pending", "final": False})

    rates = delivery_rates(frame)

    assert rates[["rate", "low", "high"]].isna().all(axis=None)
    assert rates[["rate_if_pending_fail", "rate_if_pending_deliver"]].iloc[0].tolist() == [0, 1]


def test_groups_come_sorted_with_null_last() -> None:
    """Rows are in the order of the categories or of the text, and null is the last group, not a lost one."""
    frame = made_up(300, 4)

    rates = delivery_rates(frame, by=["Generation", "network"])

    assert rates["Generation"].tolist() == sorted(rates["Generation"], reverse=True)
    assert rates["network"].tolist()[:3] == ["Cosmote", "Vodafone", "Ναι & Όχι"]
    assert rates["network"].isna().sum() == 2


def test_curve_is_told_at_few_ages_that_are_on_the_whole_one() -> None:
    """A curve of thousands of ages is told at 200 or fewer, from 0 to the last, without changing a value."""
    frame = pd.DataFrame({"outcome": "accepted", "status": "Delivered", "final": True}, index=range(3_000))
    frame["latency"] = pd.to_timedelta(np.arange(3_000) * 400 + 1, unit="us")
    frame["submitted_at"] = frame["resolved_at"] = pd.Timestamp("2026-11-02", tz="UTC")

    curve = cumulative_delivery(frame)

    assert 150 < len(curve) <= MAX_AGES
    assert curve["age"].is_monotonic_increasing
    assert curve["age"].iloc[[0, -1]].tolist() == [pd.Timedelta(0), pd.Timedelta("1.2s")]
    np.testing.assert_allclose(curve["incidence"], curve["delivered"] / 3_000)


def test_curve_sees_pending_messages_as_watched_so_far() -> None:
    """Of four messages two are delivered at 10 s; the others, sent 5 s before the end, say nothing of 10 s."""
    start = pd.Timestamp("2026-11-02T09:00", tz="UTC")
    frame = pd.DataFrame(
        {"outcome": "accepted", "status": ["Delivered"] * 2 + [None] * 2, "final": [True] * 2 + [False] * 2}
    )
    frame["submitted_at"] = [start, start, start + pd.Timedelta("5s"), start + pd.Timedelta("5s")]
    frame["latency"] = pd.to_timedelta([10, 10, None, None], unit="s")
    frame["resolved_at"] = frame["submitted_at"] + frame["latency"]

    curve = cumulative_delivery(frame)

    assert curve["age"].dt.total_seconds().tolist() == [0, 5, 10]
    assert curve["at_risk"].tolist() == [4, 4, 2]
    assert curve["incidence"].tolist() == [0, 0, 1]


def test_costs_are_null_where_segments_are_not_known() -> None:
    """A message whose segments nobody knows makes the credits of its group null, not smaller."""
    frame = pd.DataFrame({"outcome": ["accepted"] * 2, "status": "Delivered", "final": True})
    frame["segments"] = pd.array([2, None], dtype="Int32")

    costs = delivery_costs(frame)

    assert costs["segments"].tolist() == [2]
    assert costs[["credits", "credits_per_delivered"]].isna().all(axis=None)


def test_savings_count_what_was_never_counted() -> None:
    """A text whose segments were not kept is counted itself."""
    frame = pd.DataFrame({"outcome": ["accepted"], "text": ["Καλημέρα σας! " * 10]})
    frame["segments"] = pd.array([None], dtype="Int32")

    assert capitals_savings(frame).iloc[0].tolist() == [1, 3, 1, 2, pytest.approx(2 / 3)]


@pytest.mark.parametrize("metric", METRICS)
def test_missing_column_is_named_with_what_makes_it(metric: Any) -> None:
    """Without `outcome` each metric says so, and which function makes it."""
    with pytest.raises(ColumnError, match=r"no column 'outcome': isms\.send_messages makes it"):
        metric(made_up(3, 5).drop(columns="outcome"))


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (delivery_funnel, "share"),
        (delivery_rates, "low"),
        (delivery_rates, "final"),
        (delivery_times, "delivered"),
        (cumulative_delivery, "age"),
        (delivery_costs, "credits_per_delivered"),
        (capitals_savings, "saved_share"),
    ],
)
def test_column_called_like_one_of_the_results_is_refused(metric: Any, name: str) -> None:
    """No column to count by is overwritten by the result's own of that name."""
    with pytest.raises(ColumnError, match=f"column '{name}' is to be counted by"):
        metric(made_up(3, 6).assign(**{name: True}), by=["network", name])


def test_percentile_and_confidence_out_of_range_are_refused() -> None:
    """A percentile is from 0 to 1 and a confidence between them; 95 is a slip."""
    with pytest.raises(ConfigurationError, match=r"percentiles names 95"):
        delivery_times(made_up(3, 7), percentiles=[95])
    with pytest.raises(ConfigurationError, match=r"confidence=95 is not between 0 and 1"):
        delivery_rates(made_up(3, 7), confidence=95)
