"""`hlr_lookup` on frames: rows out are rows in, by position, typed the same whatever is in them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import isms_data as isms
from isms_data import tables

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

A, B = "306970000001", "306970000002"
COLUMNS = tables.SCHEMAS["hlr"].names


def look_up(account: SandboxAccount, values: list[object], index: object = None, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"n": pd.Series(values, dtype="str"), **columns})
    if index is not None:
        frame.index = index  # type: ignore[assignment]
    return isms.hlr_lookup(frame, "n", account=account)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["x", "x", "x", "x"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2), ("a", 1)], names=["shop", "row"]),
        pd.DatetimeIndex(["2026-01-01"] * 4, tz="UTC"),
        pd.RangeIndex(8, 0, -2),
    ],
)
def test_lookup_keeps_rows_under_any_index(account: SandboxAccount, index: pd.Index) -> None:
    """Repeated labels mix nothing up: each row has the answer of its own number."""
    account.gateway.simulator.pin(A, reply="Delivered;Greece;Cosmote;202010000000001;306942190000;0")
    account.gateway.simulator.pin(B, reply="Undelivered;Greece;Vodafone;202050000000002;306942190000;27")
    result = look_up(account, [A, None, B, A], index)

    assert result.index.equals(index)
    assert result["n"].tolist()[::2] == [A, B]
    assert result["imsi"].iloc[[0, 2, 3]].tolist() == ["202010000000001", "202050000000002", "202010000000001"]
    assert result["verdict"].astype("str").iloc[[0, 2]].tolist() == ["deliverable", "retry_later"]
    assert result["outcome"].iloc[1] == "skipped"


def test_lookup_adds_the_columns_of_the_contract(account: SandboxAccount) -> None:
    """The caller's columns come first and unchanged, ours follow in their fixed order; the input is not touched."""
    frame = pd.DataFrame({"κωδικός": [1], "n": [A]})
    before = frame.copy()
    result = isms.hlr_lookup(frame, "n", account=account)

    assert list(result.columns) == ["κωδικός", "n", *COLUMNS]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("values", [[], [A], [A, B, A], [None, None]])
def test_lookup_dtypes_are_the_same_for_any_rows(account: SandboxAccount, values: list[object]) -> None:
    """For no row, one, many, and none with a number, every column has the dtype of the schema."""
    result = look_up(account, values)

    for name in COLUMNS:
        expected = tables.dtype("hlr", name)
        assert type(result[name].dtype) is type(expected), name
        if isinstance(expected, pd.CategoricalDtype) and expected.categories is not None:
            assert result[name].dtype == expected, name


def test_lookup_asks_equal_numbers_once(account: SandboxAccount) -> None:
    """Duplicates get the same answer and cost nothing more."""
    result = look_up(account, [A, A, A])

    assert result["outcome"].tolist() == ["done"] * 3
    assert account.gateway.simulator.ledger.charged() == 1


def test_lookup_skips_what_cleaning_refused(account: SandboxAccount) -> None:
    """Only mobiles and duplicates of a cleaned list are asked, unless all rows are meant."""
    statuses = pd.Categorical(["mobile", "duplicate", "fixed_line", "suppressed"])
    frame = pd.DataFrame({"n": [A, A, "302100000000", B], "number_status": statuses})
    asked = isms.hlr_lookup(frame, "n", account=account)["outcome"].tolist()
    everything = isms.hlr_lookup(frame, "n", all_rows=True, account=account)["outcome"].tolist()

    assert asked == ["done", "done", "skipped", "skipped"]
    assert everything == ["cached", "cached", "done", "done"]


@pytest.mark.parametrize("text", ["+306970000001", "6970 000 001", "00306970000001", "0", "", "λέξη", "3" * 16])
def test_lookup_of_what_is_no_msisdn(account: SandboxAccount, text: str) -> None:
    """A text that is no MSISDN is skipped with what to do, and never asked; the other rows are."""
    result = look_up(account, [text, A])

    assert result["outcome"].tolist() == ["skipped", "done"]
    assert "clean_numbers" in result["problem"].iloc[0]
    assert set(account.gateway.simulator.ledger.times_charged()) == {A}


def test_lookup_takes_numbers_of_many_kinds_of_text(account: SandboxAccount) -> None:
    """Text held as object, string with NA, Arrow or categories is all the same."""
    for dtype in ("object", "string", "category", "string[pyarrow]"):
        frame = pd.DataFrame({"n": pd.Series([A, None], dtype=dtype)})  # type: ignore[call-overload]
        assert isms.hlr_lookup(frame, "n", account=account)["status"].notna().tolist() == [True, False]


def test_lookup_name_taken_is_found_before_paying(account: SandboxAccount) -> None:
    """A column in the way is an error before anything is paid; prefix and replace resolve it."""
    frame = pd.DataFrame({"n": [A], "status": ["gold customer"]})
    with pytest.raises(isms.ColumnError, match="'status'"):
        isms.hlr_lookup(frame, "n", account=account)

    assert account.gateway.simulator.ledger.charged() == 0
    assert isms.hlr_lookup(frame, "n", prefix="hlr_", account=account)["hlr_outcome"].tolist() == ["done"]
    assert isms.hlr_lookup(frame, "n", replace=True, account=account)["status"].tolist() != ["gold customer"]


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"max_age": "long"}, isms.ConfigurationError),
        ({"max_wait": 3}, isms.ConfigurationError),
        ({"max_credits": -1}, isms.ConfigurationError),
        ({"max_credits": float("nan")}, isms.ConfigurationError),
    ],
)
def test_lookup_setting_that_cannot_be_used(
    account: SandboxAccount, keywords: dict[str, object], error: type[Exception]
) -> None:
    """A setting that makes no sense is refused before anything is paid."""
    with pytest.raises(error):
        isms.hlr_lookup(pd.DataFrame({"n": [A]}), "n", account=account, **keywords)  # type: ignore[arg-type]

    assert account.gateway.simulator.ledger.charged() == 0


def test_lookup_through_parquet(account: SandboxAccount, tmp_path: Path) -> None:
    """A result comes back from Parquet as it was: dtypes, index and all."""
    result = look_up(account, [A, None, B], pd.Index(["x", "x", "y"], name="shop"))
    isms.save_table(result, tmp_path / "hlr.parquet")

    pd.testing.assert_frame_equal(isms.load_table(tmp_path / "hlr.parquet"), result)


def test_lookup_times_and_ids(account: SandboxAccount) -> None:
    """An answered row says under which id and when it was asked and answered."""
    ledger = account.gateway.simulator.ledger
    row = look_up(account, [A]).iloc[0]

    assert row["message_id"] == ledger.charges[0].call_id
    assert row["submitted_at"] <= row["resolved_at"] <= pd.Timestamp.now("UTC")
    assert abs(row["submitted_at"].timestamp() - ledger.charges[0].at) < 60


def test_lookup_label_is_kept(account: SandboxAccount) -> None:
    """The name of a run is in the journal, and what is in doubt shows it."""
    account.gateway.simulator.faults.script("drop_after_charge", page="hlr.php")
    isms.hlr_lookup(pd.DataFrame({"n": [A]}), "n", label="spring list", account=account)
    doubts = isms.settle(account=account)

    assert doubts["label"].tolist() == ["spring list"]
    assert doubts["evidence"].str.contains("charged").all()


def test_lookup_limit_may_be_any_number(account: SandboxAccount) -> None:
    """A limit of 0 pays for nothing; a Decimal is as good as a float."""
    with pytest.warns(isms.IsmsWarning):
        none = isms.hlr_lookup(pd.DataFrame({"n": [A]}), "n", max_credits=0, account=account)
    one = isms.hlr_lookup(pd.DataFrame({"n": [A]}), "n", max_credits=Decimal("1.5"), account=account)

    assert [frame["outcome"].iloc[0] for frame in (none, one)] == ["not_attempted", "done"]


def test_lookup_as_a_method_and_as_a_coroutine(account: SandboxAccount) -> None:
    """The accessor and `aio` give what the plain function gives."""
    frame = pd.DataFrame({"n": [A, B]})
    plain = isms.hlr_lookup(frame, "n", account=account)
    plain = isms.hlr_lookup(frame, "n", account=account)

    pd.testing.assert_frame_equal(frame.isms.hlr_lookup("n", account=account), plain)
    pd.testing.assert_frame_equal(asyncio.run(isms.aio.hlr_lookup(frame, "n", account=account)), plain)
