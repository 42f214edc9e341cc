"""Two rates beside each other, and where a change of rate came from: right by hand, the same over frame and files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from isms_data.errors import ColumnError
from isms_data.reports.change import compare_rates, explain_change
from isms_data.reports.delivery import delivery_rates
from isms_data.reports.statistics import needed_per_group
from tests.messages import ODD, as_stored, made_up

frames = st.builds(made_up, st.sampled_from([0, 1, 30, 200]), st.integers(0, 10**6))
BY: tuple[list[str], ...] = (["network"], ["network", ODD], ["hour_of_week"], ["Generation"])


def messages(**delivered_and_final: tuple[int, int]) -> pd.DataFrame:
    """So many delivered of so many final messages of each network."""
    rows = [
        (network, "Delivered" if number < delivered else "Failed")
        for network, (delivered, final) in delivered_and_final.items()
        for number in range(final)
    ]
    frame = pd.DataFrame(rows, columns=["network", "status"], dtype="str")
    return frame.assign(outcome="accepted", final=True)


@settings(max_examples=30, deadline=None)
@given(before=frames, after=frames, by=st.sampled_from(BY))
def test_effects_add_up_to_the_change_of_the_rate(before: pd.DataFrame, after: pd.DataFrame, by: list[str]) -> None:
    """Mix and within of all groups together are the change of the whole rate; null where there is no rate."""
    whole = [delivery_rates(frame)["rate"].iloc[0] for frame in (before, after)]

    change = explain_change(before, after, by=by)

    total = change[["mix_effect", "within_effect"]].to_numpy().sum() if len(change) else np.nan
    np.testing.assert_allclose(total, whole[1] - whole[0], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(before=frames, after=frames, by=st.sampled_from(BY))
@example(before=made_up(1, 3), after=made_up(30, 0), by=["network", ODD])  # one that adds words before the known one
def test_change_has_the_rates_of_both(before: pd.DataFrame, after: pd.DataFrame, by: list[str]) -> None:
    """Each group stands once, with its counts and rate before and after; 0 and null where it is not there."""
    rates = {"before": delivery_rates(before, by=by), "after": delivery_rates(after, by=by)}

    change = explain_change(before, after, by=by)

    assert not change.duplicated(by).any()
    for when, expected in rates.items():
        names = [f"{name}_{when}" for name in ("messages", "final", "rate")]
        there = change[change[names[0]] > 0].set_axis(change.columns, axis=1)
        known = expected[expected["messages"] > 0]
        np.testing.assert_array_equal(
            there[names].to_numpy(float), known[["messages", "final", "rate"]].to_numpy(float)
        )
        assert change.loc[change[names[1]] == 0, names[2]].isna().all()


def test_same_rates_in_other_shares_are_mix_only() -> None:
    """If each group does as well as before, all of the change is mix; if each has its share, all is within."""
    before, shifted = messages(Nova=(9, 10), Cyta=(5, 10)), messages(Nova=(9, 10), Cyta=(15, 30))
    worse = messages(Nova=(8, 10), Cyta=(2, 10))

    mix, within = explain_change(before, shifted), explain_change(before, worse)

    assert mix["within_effect"].tolist() == [0, 0]
    assert mix["mix_effect"].sum() == pytest.approx(24 / 40 - 14 / 20)
    assert within["mix_effect"].tolist() == [0, 0]
    assert within["within_effect"].tolist() == pytest.approx([-0.15, -0.05])


def test_group_that_is_new_has_no_change_within() -> None:
    """A network that was not there before explains a change by being there."""
    change = explain_change(messages(Nova=(9, 10)), messages(Nova=(9, 10), Epic=(0, 10))).set_index("network")

    assert change.loc["Epic", "within_effect"] == 0
    assert change["mix_effect"].sum() == pytest.approx(-0.45)
    assert change.loc["Epic", ["messages_before", "messages_after"]].tolist() == [0, 10]


def test_categories_of_both_are_kept_in_order() -> None:
    """Words that one side has only join the categories behind the other's, and the rows are in that order."""
    before = messages(Vodafone=(1, 2), Cosmote=(1, 2)).astype({"network": pd.CategoricalDtype(["Vodafone", "Cosmote"])})
    after = messages(Cosmote=(1, 2), Epic=(1, 2)).astype({"network": "category"})

    change = explain_change(before, after)

    assert change["network"].cat.categories.tolist() == ["Vodafone", "Cosmote", "Epic"]
    assert change["network"].tolist() == ["Vodafone", "Cosmote", "Epic"]


@settings(max_examples=6, deadline=None)
@given(frame=frames, by=st.sampled_from(BY))
def test_change_is_the_same_however_the_rows_are_stored(frame: pd.DataFrame, by: list[str]) -> None:
    """Frames, files and folders, also one of each, give equal frames."""
    expected = explain_change(frame, made_up(50, 1), by=by)

    with TemporaryDirectory() as folder:
        for data in as_stored(frame, Path(folder)).values():
            pd.testing.assert_frame_equal(explain_change(data, made_up(50, 1), by=by), expected)


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_dtypes_of_a_change_do_not_depend_on_the_rows(rows: int) -> None:
    """None, one and many rows give the same columns in the same dtypes."""
    many = explain_change(made_up(300, 1), made_up(300, 2), by=["network", "hour"])

    found = explain_change(made_up(rows, 3), made_up(0, 4), by=["network", "hour"])

    assert found.dtypes.drop("network").equals(many.dtypes.drop("network"))
    assert isinstance(found["network"].dtype, pd.CategoricalDtype)


def test_comparison_agrees_with_statsmodels() -> None:
    """Rates, counts and the interval of their difference are those of statsmodels; the difference is b less a."""
    frame = messages(Nova=(48, 80), Epic=(56, 70))

    found = compare_rates(frame, "network", a="Nova", b="Epic", confidence=0.9)

    low, high = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff", alpha=0.1)
    row: Any = next(found.itertuples())
    assert (row.rate_a, row.n_a, row.rate_b, row.n_b) == (0.6, 80, 0.8, 70)
    assert (row.difference, row.low, row.high) == pytest.approx((0.2, low, high))
    assert row.needed_per_group == needed_per_group(0.6, 0.8, confidence=0.9)


def test_comparison_of_what_is_not_final_is_null_in_the_same_dtypes() -> None:
    """A kind whose messages are all pending has no rate; equal rates need a number that there is not."""
    frame = messages(Nova=(1, 2), Epic=(1, 2))
    pending = frame.assign(final=frame["network"] == "Nova")

    compared = compare_rates(pending, "network", a="Nova", b="Epic")

    assert compared[["rate_b", "difference", "low", "high", "needed_per_group"]].isna().all(axis=None)
    same = compare_rates(frame, "network", a="Nova", b="Epic")
    assert same["needed_per_group"].isna().all()
    pd.testing.assert_series_equal(same.dtypes, compared.dtypes)
    assert same.dtypes.astype(str).tolist() == [*["float64", "int64"] * 2, *["float64"] * 3, "Int64"]


def test_comparison_with_a_value_that_nobody_has_is_refused() -> None:
    """A misspelt value is no group of nothing: the message names some that there are."""
    with pytest.raises(ColumnError, match=r"no message has 'nova' in column 'network'. There are: 'Epic', 'Nova'\."):
        compare_rates(messages(Nova=(1, 2), Epic=(1, 2)), "network", a="nova", b="Epic")


def test_column_called_like_one_of_the_changes_is_refused() -> None:
    """No column to count by is overwritten by the result's own."""
    with pytest.raises(ColumnError, match="'mix_effect' is to be counted by"):
        explain_change(made_up(3, 1), made_up(3, 2), by=["network", "mix_effect"])
