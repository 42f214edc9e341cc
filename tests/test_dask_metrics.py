"""The metrics over dask frames, and dask frames in files and stores: what pandas would give, file by file."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import isms_data as isms
import isms_data.dask as isms_dask
from isms_data.errors import ColumnError, TableError
from tests.messages import made_up
from tests.test_dask_cleaning import REPLIES, in_parts, same
from tests.test_tables import frame as every_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = made_up(400, seed=3, hours=400)
CUTS = [0, 100, 101, 300]
OF_MESSAGES = {
    "delivery_funnel": {"by": "network"},
    "delivery_rates": {"by": ["network", "hour"], "percentiles": [0.5]},
    "delivery_times": {},
    "cumulative_delivery": {"by": "network"},
    "delivery_costs": {"by": "network"},
    "capitals_savings": {},
    "delivery_alerts": {},
    "simulate_alerts": {"runs": 1},
    "compare_rates": {"column": "network", "a": "Cosmote", "b": "Vodafone"},
}
OF_LISTS = ["list_quality", "error_breakdown", "operator_shares", "portability", "roaming_countries", "never_absent"]
OF_OBJECTS = ["lists", "credits", "bytes", "not_a_number", "not_available"]
"""Columns of Python objects whose type or null a part of the rows need not tell."""
OF_TWO = ["list_decay", "list_survival"]


def lookups(seed: int) -> pd.DataFrame:
    """A cleaned list with what its numbers' lookups said."""
    random = np.random.default_rng(seed)
    mobile = pd.Series(6_970_000_000 + random.permutation(150)[:120]).astype("str")
    cleaned = isms.clean_numbers(pd.DataFrame({"mobile": mobile}), "mobile")
    return cleaned.join(
        isms.parse_hlr(pd.Series(random.choice(REPLIES[:5], 120), dtype="str"), msisdn=cleaned["msisdn"])
    )


def named(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return getattr(isms_dask, name), getattr(isms, name)


@pytest.mark.parametrize("name", OF_MESSAGES)
def test_metric_of_messages_is_the_same(name: str, tmp_path: Path) -> None:
    """A metric of a dask frame, or of what it was saved as, is that of the pandas frame."""
    over_dask, over_pandas = named(name)
    isms_dask.save_table(in_parts(ROWS, CUTS), tmp_path / "rows")
    expected = over_pandas(ROWS, **OF_MESSAGES[name])

    same(over_dask(in_parts(ROWS, CUTS), **OF_MESSAGES[name]), expected)
    same(over_dask(tmp_path / "rows", **OF_MESSAGES[name]), expected)


@pytest.mark.parametrize("name", OF_LISTS)
def test_metric_of_lists_is_the_same(name: str) -> None:
    """The metrics of lookups too."""
    over_dask, over_pandas = named(name)

    same(over_dask(in_parts(lookups(1), [50])), over_pandas(lookups(1)))


@pytest.mark.parametrize("name", [*OF_TWO, "explain_change"])
def test_metric_of_two_frames_is_the_same(name: str) -> None:
    """Two frames, one of dask and one of pandas, by position or by name."""
    over_dask, over_pandas = named(name)
    before, after = (ROWS, ROWS.iloc[:200]) if name == "explain_change" else (lookups(1), lookups(2))
    expected = over_pandas(before, after)

    same(over_dask(in_parts(before, [70]), in_parts(after, [3])), expected)
    same(over_dask(before, after=in_parts(after, [3])), expected)


def test_metrics_leave_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary files are gone when a metric has ended, also by an error."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    isms_dask.delivery_rates(in_parts(ROWS, CUTS))
    with pytest.raises(ColumnError, match="no column 'nothing'"):
        isms_dask.delivery_rates(in_parts(ROWS, CUTS), by="nothing")

    assert list(tmp_path.iterdir()) == []


def test_names_are_those_and_no_others() -> None:
    """`__all__` is what there is; an unknown name is an AttributeError."""
    assert dir(isms_dask) == isms_dask.__all__
    with pytest.raises(AttributeError, match="nonsense"):
        isms_dask.nonsense  # noqa: B018 - the access is the test


@pytest.mark.parametrize("name", isms_dask.__all__)
def test_signature_is_that_of_pandas(name: str) -> None:
    """Each function takes what its namesake takes; the paid ones a path besides, and a file's own options are fewer."""
    ours, theirs = (list(inspect.signature(each).parameters) for each in named(name))
    besides, left_out = {"path"} if name in {"hlr_lookup", "send_messages"} else set(), {"partition_by"}

    assert [each for each in ours if each not in besides] == [each for each in theirs if each not in left_out]


def test_every_metric_is_there() -> None:
    """No metric of the reports is missing."""
    metrics = {name for name in isms.__all__ if "reports." in getattr(getattr(isms, name), "__module__", "")}

    assert {name for name in metrics if not name.startswith(("plot_", "write_"))} <= set(isms_dask.__all__)


# Files


@pytest.mark.parametrize("cuts", [[], [1], [0, 1, 2, 3]])
@pytest.mark.parametrize("index", [pd.RangeIndex(5, 11, 2, name="row"), pd.Index(["x", "x", "y"]), None], ids=str)
def test_table_comes_back_from_partitions(tmp_path: Path, index: pd.Index | None, cuts: list[int]) -> None:
    """Saved in partitions and loaded by either function, a frame is what it was: rows, order, index, dtypes."""
    saved = every_kind().drop(columns=OF_OBJECTS)
    saved = saved if index is None else saved.set_axis(index)
    saved.attrs = {"kept": 1}
    isms_dask.save_table(in_parts(saved, cuts), tmp_path / "parts")
    loaded = isms_dask.load_table(tmp_path / "parts")

    same(isms.load_table(tmp_path / "parts"), saved)
    same(loaded.compute(), saved)
    same(loaded._meta, saved.iloc[:0], check_index_type=False)
    assert (loaded.npartitions, loaded.compute().attrs) == (len(cuts) + 1, {"kept": 1})


def test_table_of_partitions_whose_labels_begin_again(tmp_path: Path) -> None:
    """Labels are kept, be they counted in each partition anew, or left over by a filter."""
    saved = in_parts(pd.DataFrame({"n": range(9)}), [3, 6])
    for frame in (dd.concat([saved, saved]), saved[saved["n"] % 4 > 0], saved[saved["n"] < 4]):
        isms_dask.save_table(frame, tmp_path / "parts")

        same(isms.load_table(tmp_path / "parts"), frame.compute())
        same(isms_dask.load_table(tmp_path / "parts").compute(), frame.compute())


def test_table_of_labels_that_are_counted_in_some_partitions_only(tmp_path: Path) -> None:
    """A partition that counts its rows and one that does not are put together."""
    rows = pd.DataFrame({"n": range(9)})
    parts = [rows.iloc[:3], rows.iloc[[7, 4]], rows.iloc[5:6]]
    isms_dask.save_table(dd.from_map(lambda part: part, parts, meta=rows.iloc[:0]), tmp_path / "parts")

    same(isms.load_table(tmp_path / "parts"), pd.concat(parts))
    same(isms_dask.load_table(tmp_path / "parts").compute(), pd.concat(parts))


def test_table_of_an_older_version_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are chosen after an older file has become one of today."""
    isms_dask.save_table(in_parts(ROWS, CUTS), tmp_path / "rows")
    monkeypatch.setattr("isms_data.tables.SCHEMA_VERSION", 2)

    same(isms_dask.load_table(tmp_path / "rows")[["network"]].compute(), ROWS[["network"]])


def test_table_of_words_that_differ_between_partitions(tmp_path: Path) -> None:
    """The words of all partitions are the categories of each, in order where they are in each."""
    parts = [pd.DataFrame({"w": pd.Categorical([word, None])}) for word in "bac"]
    isms_dask.save_table(dd.from_map(lambda part: part, parts, meta=parts[0].iloc[:0]), tmp_path / "parts")
    loaded = isms_dask.load_table(tmp_path / "parts")

    assert isms.load_table(tmp_path / "parts")["w"].cat.categories.tolist() == ["a", "b", "c"]
    assert loaded["w"].cat.categories.tolist() == ["a", "b", "c"]
    assert loaded.compute()["w"].tolist()[::2] == ["b", "a", "c"]


def test_table_that_pandas_saved_is_loaded_in_partitions(tmp_path: Path) -> None:
    """Files of `isms.save_table`: one, a folder by a column, a folder put together by hand; some columns of it."""
    saved = every_kind().drop(columns=OF_OBJECTS)
    isms.save_table(saved, tmp_path / "one.parquet")
    isms.save_table(saved, tmp_path / "by", partition_by="operator")
    for number in (1, 2):
        isms.save_table(saved, tmp_path / "many" / f"{number}.parquet")

    same(isms_dask.load_table(tmp_path / "one.parquet").compute(), saved)
    same(isms_dask.load_table(tmp_path / "by").compute().sort_index()[saved.columns], saved, check_index_type=False)
    same(isms_dask.load_table(tmp_path / "many").compute(), isms.load_table(tmp_path / "many"))
    same(
        isms_dask.load_table(tmp_path / "by")[["operator", "whole"]].compute().sort_index(),
        saved[["operator", "whole"]],
        check_index_type=False,
    )
    assert isms_dask.load_table(tmp_path / "many").divisions == (0, 3, 5)


def test_table_with_a_key_and_without(tmp_path: Path) -> None:
    """A folder is encrypted file by file; without the key nothing is read."""
    key = b"0123456789abcdef"
    isms_dask.save_table(in_parts(ROWS[["network"]], CUTS), tmp_path / "secret", key=key)

    same(isms_dask.load_table(tmp_path / "secret", key=key).compute(), ROWS[["network"]])
    with pytest.raises(TableError, match="is encrypted"):
        isms_dask.load_table(tmp_path / "secret")


def test_table_is_replaced_whole(tmp_path: Path) -> None:
    """When a partition fails, the old folder is as it was; a folder of other things is not replaced."""
    isms_dask.save_table(in_parts(ROWS[["network"]], CUTS), tmp_path / "rows")
    broken = in_parts(ROWS[["network"]], CUTS).map_partitions(fail_on_last, meta=ROWS[["network"]].iloc[:0])
    with pytest.raises(RuntimeError, match="the last one"):
        isms_dask.save_table(broken, tmp_path / "rows")

    same(isms_dask.load_table(tmp_path / "rows").compute(), ROWS[["network"]])
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
    (tmp_path / "rows" / "notes.txt").touch()
    with pytest.raises(TableError, match=r"notes.txt.* is in the way"):
        isms_dask.save_table(in_parts(ROWS, CUTS), tmp_path / "rows")


def fail_on_last(part: pd.DataFrame) -> pd.DataFrame:
    if len(part) and part.index[-1] == ROWS.index[-1]:
        msg = "the last one"
        raise RuntimeError(msg)
    return part


def test_table_of_others_is_loaded_as_dask_does(tmp_path: Path) -> None:
    """Parquet that something else wrote comes as `dask.dataframe.read_parquet` reads it; several levels are refused."""
    ROWS[["network", "segments"]].to_parquet(tmp_path / "theirs.parquet")
    isms.save_table(ROWS.set_index(["network", "segments"]), tmp_path / "levels.parquet")

    assert len(isms_dask.load_table(tmp_path / "theirs.parquet")) == len(ROWS)
    with pytest.raises(TableError, match="several levels"):
        isms_dask.load_table(tmp_path / "levels.parquet")
    with pytest.raises(TableError, match=r"isms\.save_table"):
        isms_dask.save_table(ROWS, tmp_path / "rows")


# Object stores


def test_store_holds_what_a_folder_holds() -> None:
    """In a store too a dataset is saved, replaced by one of fewer files, loaded and measured."""
    for cuts in (CUTS, [7]):
        isms_dask.save_table(in_parts(ROWS, cuts), "memory://dask/rows")

        same(isms.load_table("memory://dask/rows"), ROWS)
        same(isms_dask.load_table("memory://dask/rows").compute(), ROWS)
        same(isms_dask.delivery_rates("memory://dask/rows"), isms.delivery_rates(ROWS))
        assert isms_dask.load_table("memory://dask/rows").npartitions == len(cuts) + 1


# Without dask


def test_missing_dask_is_said_clearly() -> None:
    """Without dask the package works, and its dask functions say what to install."""
    program = "import sys; sys.modules['dask'] = None; import isms_data\ntry: import isms_data.dask\n"
    program += "except isms_data.ConfigurationError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603

    assert "pip install 'isms_data[dask]'" in done.stdout
