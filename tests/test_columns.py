"""Columns go in and out by position; the caller's frame is left alone."""

from __future__ import annotations

import pandas as pd
import pytest

from isms_data import columns
from isms_data.errors import ColumnError

TEXTS = pd.array(["a", "b"], dtype="str")


def test_pick_missing_column_lists_the_others() -> None:
    """An error about a column that is not there names those that are."""
    with pytest.raises(ColumnError, match=r"no column 'phone'.*'mobile', 'name'"):
        columns.pick(pd.DataFrame(columns=["mobile", "name"]), "phone")


def test_pick_doubled_column() -> None:
    """Two columns of one name are not chosen between."""
    with pytest.raises(ColumnError, match="2 columns are called 'a'"):
        columns.pick(pd.DataFrame([[1, 2]], columns=["a", "a"]), "a")


def test_pick_from_something_else() -> None:
    """What is not a frame is refused by what it is."""
    with pytest.raises(ColumnError, match="Series"):
        columns.pick(pd.Series(["a"]), "a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "where"), [([306970000001.0], "float64.*row 0"), (["306970000001", 5], "int among its texts.*row 1")]
)
def test_pick_text_refuses_numbers(values: list[object], where: str) -> None:
    """Numbers that a spreadsheet made floats are refused, with the first row where it shows."""
    with pytest.raises(ColumnError, match=rf"(?s){where}.*clean"):
        columns.pick_text(pd.DataFrame({"n": values}, index=["x"] * len(values)), "n")


@pytest.mark.parametrize("dtype", ["str", "string", "object", "category"])
def test_pick_text_takes_text_of_any_kind(dtype: str) -> None:
    """Text is text, however pandas holds it."""
    frame = pd.DataFrame({"n": pd.Series(["306970000001", None], dtype=dtype)})

    assert columns.pick_text(frame, "n").iloc[0] == "306970000001"


@pytest.mark.parametrize("values", [[], [None, None], [float("nan")]])
def test_pick_text_takes_nothing_at_all(values: list[object]) -> None:
    """A column with no value in it has no wrong one."""
    assert len(columns.pick_text(pd.DataFrame({"n": values}), "n")) == len(values)


def test_new_names_taken() -> None:
    """A new column that the frame has already is an error that names it and the two ways out."""
    frame = pd.DataFrame(columns=["status"])
    with pytest.raises(ColumnError, match=r"'status'.*prefix=.*replace=True"):
        columns.new_names(frame, ["status", "verdict"])

    assert columns.new_names(frame, ["status"], prefix="hlr_") == {"status": "hlr_status"}
    assert columns.new_names(frame, ["status"], replace=True) == {"status": "status"}


@pytest.mark.parametrize(
    "index", [pd.Index(["x", "x"]), pd.MultiIndex.from_tuples([("a", 1), ("a", 1)]), pd.RangeIndex(5, 7)]
)
def test_attach_by_position(index: pd.Index) -> None:
    """New values keep their rows under any index, and the caller's frame stays as it was."""
    frame = pd.DataFrame({"own": [1, 2]}, index=index)
    result = columns.attach(frame, {"new": TEXTS}, {"new": "new"})

    assert result["new"].tolist() == ["a", "b"]
    assert result.index.equals(index)
    assert list(frame.columns) == ["own"]


def test_attach_replaces_in_place() -> None:
    """An overwritten column stays where it was; the old frame keeps its values."""
    frame = pd.DataFrame({"new": [1, 2], "own": [3, 4]})
    result = columns.attach(frame, {"new": TEXTS}, {"new": "new"})

    assert list(result.columns) == ["new", "own"]
    assert frame["new"].tolist() == [1, 2]
