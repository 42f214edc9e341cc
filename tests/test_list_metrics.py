"""The metrics of lookups: each answered number once, what is not told in no share, frame and files alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

import isms_data as isms
from isms_data.errors import ColumnError, ConfigurationError
from isms_data.reports.list_decay import list_decay, list_survival
from isms_data.reports.lists import (
    error_breakdown,
    list_quality,
    never_absent,
    operator_shares,
    portability,
    roaming_countries,
)
from isms_data.tables import column
from isms_data.vocabulary import NumberStatus, Outcome, Verdict, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NETWORKS = ["Cosmote", "Nova", "Vodafone", None]
ERRORS = {
    1: ("unknownSubscriber", "permanent"),
    27: ("absentSubscriber", "temporary"),
    6: ("absentSubscriberSM", "temporary"),
}
ERRORS |= {0: (None, "unknown"), 199: (None, "unknown"), None: (None, None)}
METRICS = [list_quality, error_breakdown, operator_shares, portability, roaming_countries, never_absent]

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "msisdn": st.sampled_from([f"30697000000{digit}" for digit in range(6)]),
            "number_status": st.sampled_from([*words(NumberStatus), *["mobile"] * 6, None]),
            "range_operator": st.sampled_from(NETWORKS),
            "verdict": st.sampled_from([*words(Verdict), *["deliverable"] * 4, None]),
            "network": st.sampled_from(NETWORKS),
            "error_code": st.sampled_from([*ERRORS]),
            "roaming": st.sampled_from([True, False, None]),
            "serving_country": st.sampled_from(["GR", "DE"]),
            "outcome": st.sampled_from([*words(Outcome), "done", "done", None]),
            "shop": st.sampled_from(["Αθήνα", "Πάτρα", None]),
            "day": st.integers(0, 50),
        }
    ),
    max_size=40,
)


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Lookups with the dtypes of the tables; the day of the row is when it was answered."""
    given = {name: [row[name] for row in rows] for name in (rows[0] if rows else FIRST)}
    errors = [ERRORS[code] for code in given["error_code"]]
    numbers = {name: column("numbers", name, given[name]) for name in ("msisdn", "number_status", "range_operator")}
    lookups = {
        name: column("hlr", name, given[name])
        for name in ("verdict", "network", "error_code", "roaming", "serving_country", "outcome")
    }
    named = {"error_name": [name for name, _ in errors], "error_class": [kind for _, kind in errors]}
    typed = {name: column("hlr", name, values) for name, values in named.items()}
    at = [1_780_000_000_000_000 + 86_400_000_000 * day for day in given["day"]]
    times = {name: column("hlr", name, at) for name in ("submitted_at", "resolved_at")}
    frame = pd.DataFrame(numbers | lookups | typed | times)
    frame["shop"] = pd.array(given["shop"], dtype="str")
    return frame


FIRST = dict.fromkeys(
    [
        "msisdn",
        "number_status",
        "range_operator",
        "verdict",
        "network",
        "error_code",
        "roaming",
        "serving_country",
        "outcome",
        "shop",
        "day",
    ]
)


def answered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["verdict"].notna() & (frame["number_status"] != "duplicate").to_numpy(dtype=bool, na_value=True)]


def plain(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Rows as tuples, nulls as None, shares rounded, in any order."""
    rows = [
        tuple(None if pd.isna(value) else round(value, 9) if isinstance(value, float) else value for value in row)
        for row in table.itertuples(index=False)
    ]
    return sorted(rows, key=str)


def by_hand(frame: pd.DataFrame, keys: list[str], own: list[str]) -> dict[tuple[Any, ...], int]:
    """How many rows have each combination of values, counted one by one."""
    counts: dict[tuple[Any, ...], int] = {}
    for row in frame[[*keys, *own]].itertuples(index=False):
        key = tuple(None if pd.isna(value) else value for value in row)
        counts[key] = counts.get(key, 0) + 1
    return counts


def saved(frame: pd.DataFrame, path: Path) -> Path:
    """The frame as a dataset of several files in folders, rows in another order."""
    isms.save_table(frame.sample(frac=1, random_state=3), path, partition_by="shop")
    return path


# Equal results for frames and files


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, by=st.sampled_from([[], ["shop"], ["day"], ["shop", "hour_of_week"]]))
@pytest.mark.parametrize("metric", METRICS)
def test_frame_and_dataset_give_the_same(
    tmp_path: Path, rows: list[Any], by: list[str], metric: Callable[..., pd.DataFrame]
) -> None:
    """A metric over files is the metric over the frame that was saved: values, order and dtypes."""
    frame = frame_of(rows)
    of_frame, of_files = metric(frame, by=by), metric(saved(frame, tmp_path / "data"), by=by)

    pd.testing.assert_frame_equal(of_files, of_frame, check_categorical=False)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("by", [[], ["shop", "day"]])
def test_dtypes_do_not_depend_on_the_rows(metric: Callable[..., pd.DataFrame], by: list[str]) -> None:
    """No row, one row, all null and several: the same columns of the same kinds."""
    one = FIRST | {
        "msisdn": "306970000001",
        "verdict": "dead",
        "network": "Nova",
        "error_code": 27,
        "shop": "x",
        "day": 3,
    }
    several = [one, one | {"shop": None, "network": None, "roaming": True, "serving_country": "DE"}]
    tables = [metric(frame_of(rows), by=by) for rows in ([], [one], [FIRST | {"day": 1}], several)]

    assert [list(table.columns) for table in tables] == [list(tables[0].columns)] * 4
    assert [[str(kind) for kind in table.dtypes] for table in tables] == [[str(kind) for kind in tables[0].dtypes]] * 4


@pytest.mark.parametrize("metric", METRICS)
def test_labels_and_the_callers_frame_do_not_matter(metric: Callable[..., pd.DataFrame]) -> None:
    """Rows count by position under repeated labels of several levels, and the frame stays as it was."""
    one = FIRST | {"msisdn": "306970000001", "verdict": "dead", "network": "Nova", "error_code": 27, "day": 3}
    frame = frame_of([one, one | {"network": "Cosmote"}])
    labelled = frame.set_axis(pd.MultiIndex.from_arrays([["x", "x"], [1, 1]]))
    copy = labelled.copy()

    pd.testing.assert_frame_equal(metric(labelled), metric(frame))
    pd.testing.assert_frame_equal(labelled, copy)


@pytest.mark.parametrize("metric", METRICS)
def test_column_that_is_missing_or_taken(metric: Callable[..., pd.DataFrame]) -> None:
    """A column that is needed and not there is named with what makes it; one called like a result's is refused."""
    with pytest.raises(ColumnError, match=r"no column '\w+': isms.(hlr_lookup|clean_numbers) makes it"):
        metric(pd.DataFrame({"a": [1]}))
    with pytest.raises(ColumnError, match="column 'numbers' is to be counted by, and the result has one of that name"):
        metric(frame_of([]).assign(numbers=1), by="numbers")
    with pytest.raises(ColumnError, match="no column 'town'"):
        metric(frame_of([]), by="town")


# The counts, by hand


@settings(max_examples=15)
@given(rows=ROWS, keys=st.sampled_from([[], ["shop"]]))
def test_errors_by_hand(rows: list[Any], keys: list[str]) -> None:
    """Each error counts the answered numbers that have it, as a share of all answered ones of the group."""
    frame = answered(frame_of(rows))
    wrong = frame[frame["error_code"].fillna(0) != 0]
    totals = by_hand(frame, keys, [])
    expected = [
        (*key, n, round(n / totals[key[: len(keys)]], 9))
        for key, n in by_hand(wrong, keys, ["error_name", "error_class"]).items()
    ]

    assert plain(error_breakdown(frame_of(rows), by=keys)) == sorted(expected, key=str)


@settings(max_examples=15)
@given(rows=ROWS, keys=st.sampled_from([[], ["shop"]]))
def test_operators_by_hand(rows: list[Any], keys: list[str]) -> None:
    """Shares are of the numbers whose network is known, with statsmodels' interval; the others are only counted."""
    frame = answered(frame_of(rows))
    totals = by_hand(frame[frame["network"].notna()], keys, [])
    expected: list[tuple[Any, ...]] = []
    for key, n in by_hand(frame, keys, ["network"]).items():
        total = totals.get(key[:-1], 0)
        interval = proportion_confint(n, total, 0.1, method="wilson") if key[-1] else (None, None)
        share = round(n / total, 9) if key[-1] else None
        expected.append((*key, n, share, *(end if end is None else round(float(end), 9) for end in interval)))

    assert plain(operator_shares(frame_of(rows), by=keys, confidence=0.9)) == sorted(expected, key=str)


@settings(max_examples=15)
@given(rows=ROWS, keys=st.sampled_from([[], ["shop"]]))
def test_portability_by_hand(rows: list[Any], keys: list[str]) -> None:
    """Each pair counts its numbers, as a share of the range operator's whose network is known."""
    frame = answered(frame_of(rows))
    totals = by_hand(frame[frame["network"].notna()], keys, ["range_operator"])
    expected = [
        (*key, n, round(n / totals[key[:-1]], 9) if key[-1] else None)
        for key, n in by_hand(frame, keys, ["range_operator", "network"]).items()
    ]

    assert plain(portability(frame_of(rows), by=keys)) == sorted(expected, key=str)


@settings(max_examples=15)
@given(rows=ROWS, keys=st.sampled_from([[], ["shop"]]))
def test_roaming_by_hand(rows: list[Any], keys: list[str]) -> None:
    """Each country counts the numbers that roam there, as a share of those of which it is known whether they do."""
    frame = answered(frame_of(rows))
    frame = frame[frame["roaming"].notna()]
    totals = by_hand(frame, keys, [])
    away = by_hand(frame[frame["roaming"].astype(bool)], keys, ["serving_country"])
    expected = [(*key, n, round(n / totals[key[:-1]], 9)) for key, n in away.items()]

    assert plain(roaming_countries(frame_of(rows), by=keys)) == sorted(expected, key=str)


@settings(max_examples=15)
@given(rows=ROWS)
def test_quality_by_hand(rows: list[Any]) -> None:
    """Each row counts once, under its verdict or why it has none, duplicates as such; networks of the answered only."""
    frame = frame_of(rows)
    states, networks = [], []
    for row in frame.itertuples():
        if row.number_status == "duplicate":
            states.append("duplicate")
        elif not pd.isna(row.verdict):
            states.append(row.verdict)
            networks.append("unknown" if pd.isna(row.network) else row.network)
        elif not pd.isna(row.outcome) and row.outcome not in {"done", "cached", "skipped"}:
            states.append(row.outcome)
        else:
            states.append(
                "no_answer" if pd.isna(row.number_status) or row.number_status == "mobile" else row.number_status
            )
    quality = list_quality(frame)
    some = quality[quality["numbers"] > 0]

    assert dict(zip(some.loc[some["by"] == "verdict", "value"], some["numbers"], strict=False)) == dict(
        pd.Series(states).value_counts()
    )
    assert (
        some.loc[some["by"] == "network", "numbers"].tolist()
        == pd.Series(networks, dtype="str").value_counts().tolist()
    )
    assert set(words(Verdict)) <= set(quality.loc[quality["by"] == "verdict", "value"])


def test_quality_of_groups_is_that_of_their_rows() -> None:
    """Counted by columns, each group has the rows that its part of the frame would have by itself, null included."""
    rng = np.random.default_rng(2)
    one = FIRST | {"msisdn": "306970000001", "day": 1}
    rows = [
        one
        | {
            "verdict": rng.choice(words(Verdict)),
            "network": rng.choice(NETWORKS[:3]),
            "shop": rng.choice(["a", "b", ""]) or None,
        }
        for _ in range(60)
    ]
    frame = frame_of(rows)
    whole = list_quality(frame, by="shop")

    for shop in ("a", "b", None):
        own = frame[frame["shop"].isna() if shop is None else frame["shop"].eq(shop)]
        part = whole[whole["shop"].isna() if shop is None else whole["shop"].eq(shop)].drop(columns="shop")
        pd.testing.assert_frame_equal(part.reset_index(drop=True), list_quality(own))


def test_largest_come_first() -> None:
    """Within a group the most frequent row is the first, and equal ones are in the order of their names."""
    one = FIRST | {"msisdn": "306970000001", "verdict": "deliverable", "day": 1}
    networks = ["Nova", "Cosmote", "Vodafone", "Vodafone", None, None, None]

    shares = operator_shares(frame_of([one | {"network": each} for each in networks]))

    assert shares["network"].astype("str").fillna("-").tolist() == ["-", "Vodafone", "Cosmote", "Nova"]


# Networks that never answer absent


def lookups(counts: dict[str | None, tuple[int, int]], **more: Any) -> pd.DataFrame:
    """So many numbers of each network, and so many of them absent."""
    one = FIRST | {"msisdn": "306970000001", "verdict": "deliverable", "day": 1} | more
    rows = [
        one | {"network": name, "error_code": 27 if place < absent else 0}
        for name, (n, absent) in counts.items()
        for place in range(n)
    ]
    return frame_of(rows)


def test_network_that_never_answers_absent() -> None:
    """Among enough numbers none absent is no life check; among few it cannot be told; one absent shows that it is."""
    found = never_absent(
        lookups({"AMD Telecom": (400, 0), "Cosmote": (400, 12), "Nova": (298, 0), "Vodafone": (299, 0)})
    )

    assert found["network"].tolist() == ["AMD Telecom", "Cosmote", "Nova", "Vodafone"]
    assert found["absent"].tolist() == [0, 12, 0, 0]
    assert found["checked"].astype(object).fillna("-").tolist() == [False, True, "-", False]


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("numbers", [1, 10, 1000])
def test_upper_limit_of_none_is_the_exact_one(numbers: int, confidence: float) -> None:
    """Where none is absent, the limit is the share at which none would come by chance with one less the confidence."""
    upper = never_absent(lookups({"Nova": (numbers, 0)}), confidence=confidence)["upper"].iloc[0]

    assert binom.cdf(0, numbers, upper) == pytest.approx(1 - confidence)


def test_upper_limit_of_some_is_wilsons() -> None:
    """Where some are absent, the limit is the upper end of statsmodels' Wilson interval, one-sided."""
    upper = never_absent(lookups({"Nova": (50, 3)}), confidence=0.95)["upper"].iloc[0]

    assert upper == pytest.approx(proportion_confint(3, 50, 0.1, method="wilson")[1])


def test_absent_numbers_without_a_network() -> None:
    """An absent number without a network counts for who held its range; if that is not told, nobody is accused."""
    counts: dict[str | None, tuple[int, int]] = {"Nova": (400, 0), None: (3, 3)}

    assert never_absent(lookups(counts))["checked"].isna().all()
    assert never_absent(lookups(counts, range_operator="Nova"))["absent"].tolist() == [3]
    assert never_absent(lookups(counts).drop(columns="range_operator"))["checked"].isna().all()


def test_sandbox_has_a_network_that_was_never_checked(account: Any) -> None:
    """The sandbox's portability-only network is found among its numbers, and no other."""
    numbers = [f"30690555{place:04d}" for place in range(400)] + [f"3069700{place:05d}" for place in range(400)]
    found = never_absent(isms.hlr_lookup(pd.DataFrame({"msisdn": numbers}), "msisdn", account=account))

    assert found.loc[found["checked"].eq(False).fillna(value=False), "network"].tolist() == ["AMD Telecom"]


@pytest.mark.parametrize(
    "settings", [{"usual": 0}, {"usual": 1}, {"usual": math.nan}, {"confidence": 0.5}, {"confidence": 1}]
)
def test_limit_that_cannot_be_used(settings: dict[str, float]) -> None:
    """A share or confidence beyond its range is an error that names it."""
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        never_absent(lookups({}), **settings)


# Decay


def verdicts(frame: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """Of each number the last verdict and its time, by going through the rows."""
    last: dict[str, tuple[str, int]] = {}
    for row in frame.dropna(subset=["verdict"]).sort_values("resolved_at", kind="stable").itertuples():
        last[row.msisdn] = (row.verdict, row.resolved_at)
    return last


def distinct(rows: list[Any]) -> list[Any]:
    """Rows of which no two of one number have one time."""
    return list({(row["msisdn"], row["day"]): row for row in rows}.values())


@settings(max_examples=15)
@given(before=ROWS.map(distinct), after=ROWS.map(distinct))
def test_decay_by_hand(before: list[Any], after: list[Any]) -> None:
    """Each number that had a verdict counts once, under its last ones; what has none after is in no share."""
    then, now = verdicts(frame_of(before)), verdicts(frame_of(after))
    pairs: dict[tuple[str, str | None], int] = {}
    for number, (verdict, _) in then.items():
        pair = (verdict, now[number][0] if number in now else None)
        pairs[pair] = pairs.get(pair, 0) + 1
    totals = {verdict: sum(n for (was, later), n in pairs.items() if was == verdict and later) for verdict, _ in pairs}
    expected = [(*pair, n, round(n / totals[pair[0]], 9) if pair[1] else None) for pair, n in pairs.items()]
    found = list_decay(frame_of(before), frame_of(after))

    assert plain(found) == sorted(expected, key=str)
    assert [str(kind) for kind in found.dtypes] == ["category", "category", "int64", "float64"]
    assert found["verdict_before"].cat.codes.is_monotonic_increasing


@settings(max_examples=15)
@given(before=ROWS.map(distinct), after=ROWS.map(distinct))
def test_survival_by_hand(before: list[Any], after: list[Any]) -> None:
    """The share is of the deliverable that were answered again, with statsmodels' interval; days are the median."""
    then, now = verdicts(frame_of(before)), verdicts(frame_of(after))
    alive = {number: at for number, (verdict, at) in then.items() if verdict == "deliverable"}
    again = [number for number in alive if number in now]
    still = [number for number in again if now[number][0] == "deliverable"]
    days = [(now[number][1] - alive[number]) / pd.Timedelta("1D") for number in again]
    found = list_survival(frame_of(before), frame_of(after)).iloc[0]

    assert found[["numbers", "answered", "deliverable"]].tolist() == [len(alive), len(again), len(still)]
    assert found["days"] == pytest.approx(np.median(days) if days else np.nan, nan_ok=True)
    interval = proportion_confint(len(still), len(again), method="wilson") if again else (np.nan, np.nan)
    assert found[["low", "high"]].tolist() == pytest.approx(interval, nan_ok=True)


@pytest.mark.parametrize("metric", [list_decay, list_survival])
def test_decay_of_files_is_that_of_frames(tmp_path: Path, metric: Callable[..., pd.DataFrame]) -> None:
    """Either side may be files, with equal results, by columns of the earlier one."""
    rng = np.random.default_rng(4)
    one = FIRST | {"network": "Nova"}
    rows = [
        one
        | {
            "msisdn": f"3069700000{place:02d}",
            "verdict": rng.choice(words(Verdict)),
            "shop": rng.choice(["a", "b"]),
            "day": place,
        }
        for place in range(80)
    ]
    then, now = frame_of(rows[:60]), frame_of([row | {"verdict": "dead"} for row in rows[20:]])
    of_frames = metric(then, now, by=["shop", "network"])

    pd.testing.assert_frame_equal(
        metric(saved(then, tmp_path / "a"), saved(now, tmp_path / "b"), by=["shop", "network"]), of_frames
    )
    pd.testing.assert_frame_equal(metric(then, saved(now, tmp_path / "c"), by=["shop", "network"]), of_frames)
    assert set(of_frames["shop"]) == {"a", "b"}


def test_decay_needs_no_times() -> None:
    """Lookups that carry no time are compared all the same; then nothing is said of days."""
    then = pd.DataFrame({"msisdn": ["306970000001"], "verdict": ["deliverable"]})

    assert list_decay(then, then)["numbers"].tolist() == [1]
    assert list_survival(then, then)["days"].isna().all()


def test_decay_of_nothing() -> None:
    """Of no number there is no change, and one row of zeros without a share."""
    empty = frame_of([])

    assert list_decay(empty, empty, by="shop").columns.tolist() == [
        "shop",
        "verdict_before",
        "verdict_after",
        "numbers",
        "share",
    ]
    assert list_survival(empty, empty).fillna(-1).to_numpy().tolist() == [[0, 0, 0, -1, -1, -1, -1]]


@pytest.mark.parametrize("metric", [list_decay, list_survival])
def test_decay_names_what_is_missing(metric: Callable[..., pd.DataFrame]) -> None:
    """A side without numbers or verdicts is refused by the column that is missing."""
    good = frame_of([])
    with pytest.raises(ColumnError, match=r"no column 'msisdn': isms\.clean_numbers makes it"):
        metric(good, good.drop(columns="msisdn"))
    with pytest.raises(ColumnError, match=r"no column 'verdict': isms\.hlr_lookup makes it"):
        metric(good.drop(columns="verdict"), good)
    with pytest.raises(ColumnError, match="'share' is to be counted by"):
        metric(good.assign(share=1), good, by="share")
