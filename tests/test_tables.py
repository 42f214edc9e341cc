"""What is saved comes back as it was, whatever the frame; a failure leaves the old file; others can read it."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import resource
import stat
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from dateutil.tz import tzoffset
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data import tables
from isms_data.errors import TableError
from isms_data.parquet.safe_files import replaced_file, replaced_folder, swap
from isms_data.tables import column, empty, load_table, migrated, save_table
from isms_data.vocabulary import HlrStatus, Outcome, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIST = pd.ArrowDtype(pa.list_(pa.string()))
RED_BLUE = pd.CategoricalDtype(["red", "green", "blue"], ordered=True)


def frame() -> pd.DataFrame:
    """One column of every kind that a frame of ours or a user's may have."""
    three = {"periods": 3}
    columns = {
        "msisdn": pd.array(["306970000001", None, "00357"], dtype="str"),
        "status": column("hlr", "status", ["Delivered", None, "Failed"]),
        "operator": column("hlr", "operator", ["Wind", None, "Κοσμοτέ"]),
        "error_code": pd.array([27, None, 0], dtype="Int16"),
        "ported": pd.array([True, None, False], dtype="boolean"),
        "others": pd.array([["a"], None, []], dtype=LIST),
        "resolved_at": pd.to_datetime(["2026-01-01T00:00:00.000001", None, "2026-02-01"], utc=True, format="ISO8601"),
        "athens": pd.date_range("2026-03-28", tz="Europe/Athens", **three),
        "offset": pd.date_range("2026-01-01", tz=dt.timezone(dt.timedelta(hours=2)), **three),
        "seconds": pd.date_range("2026-01-01", unit="s", **three),
        "nanoseconds": pd.date_range("2026-01-01", unit="ns", **three),
        "took": pd.to_timedelta([1, None, 3], unit="s"),
        "month": pd.period_range("2026-01", freq="M", **three),
        "band": pd.cut([1, 5, 9], [0, 4, 8, 12]),
        "size": pd.Categorical([3, 1, None], categories=[1, 2, 3]),
        "old": pd.Categorical(["b", None, "a"], categories=pd.Index(["b", "a"], dtype=object)),
        "colour": pd.Categorical(["blue", None, "red"], dtype=RED_BLUE),
        "whole": [1, 2, 3],
        "small": np.array([1, 2, 3], dtype="uint8"),
        "price": [0.1, np.nan, -1e300],
        "half": np.array([1, 2, 3], dtype="float16"),
        "flag": [True, False, True],
        "nullable": pd.array([1.5, None, 2.5], dtype="Float64"),
        "python": pd.array(["a", None, "b"], dtype=pd.StringDtype("python")),
        "arrow": pd.array(["a", None, "b"], dtype=pd.StringDtype("pyarrow")),
        "object": pd.Series(["a", None, "b"], dtype=object),
        "not_a_number": pd.Series(["a", np.nan, "b"], dtype=object),
        "not_available": pd.Series([True, pd.NA, False], dtype=object),
        "nothing": pd.Series([None, None, None], dtype=object),
        "lists": [[1], [2, 3], None],
        "day": [dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)],
        "credits": [Decimal("1.50"), None, Decimal("3948.47")],
        "bytes": [b"a", None, b"\xff"],
    }
    return pd.DataFrame(columns)


INDEXES = [
    pd.RangeIndex(3),
    pd.RangeIndex(5, 11, 2, name="row"),
    pd.Index(["x", "x", None], dtype="str", name="label"),
    pd.Index([7, 7, 7], name=5),
    pd.Index(["a", 1, None], dtype=object).astype("str"),
    pd.Index(["α", "β", "γ"], dtype=object, name="price"),
    pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC", name="at"),
    pd.DatetimeIndex(["2026-01-01", "2026-01-01", None]),
    pd.timedelta_range("1h", periods=3),
    pd.period_range("2026-01", periods=3, freq="M"),
    pd.interval_range(0, 3),
    pd.CategoricalIndex(["blue", "red", "red"], dtype=RED_BLUE),
    pd.MultiIndex.from_arrays([["x", "x", "y"], [1, 1, 2]], names=["a", "a"]),
    pd.MultiIndex.from_arrays(
        [pd.Categorical(["red", "red", "blue"], dtype=RED_BLUE), [None, "b", "b"]], names=["c", None]
    ),
]


def same(saved: pd.DataFrame, path: Path | str, **options: Any) -> pd.DataFrame:
    """Save, load, and require that nothing has changed; gives what was loaded."""
    save_table(saved, path, **options)
    loaded = load_table(path)
    pd.testing.assert_frame_equal(loaded, saved, check_freq=True, check_index_type="exact", check_column_type="exact")
    assert loaded.attrs == saved.attrs
    return loaded


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: f"{type(index).__name__}-{index.name}")
@pytest.mark.parametrize("rows", [slice(None), slice(0), slice(1)], ids=["all", "none", "one"])
def test_table_comes_back_with_any_index(tmp_path: Path, index: pd.Index, rows: slice) -> None:
    """Every kind of column under every kind of index, with three rows, one or none."""
    same(frame().set_axis(index).iloc[rows], tmp_path / "a.parquet")


@pytest.mark.parametrize("name", frame().columns)
def test_table_comes_back_all_null(tmp_path: Path, name: str) -> None:
    """A column without a value keeps its dtype."""
    values = frame()[[name]]
    nulls = values.iloc[[1, 1]] if values[name].isna()[1] else values.iloc[:0]

    same(nulls, tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "odd",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(4)),
        pd.DataFrame(index=["a", "b"]),
        frame()[[]],
        frame().rename_axis(columns="columns"),
        frame().set_axis(frame().columns.astype(object), axis=1),
        frame()[frame().columns[::-1]],
        pd.DataFrame({"mixed": [1, 2.5]}, dtype=object),
    ],
)
def test_table_comes_back_from_odd_frames(tmp_path: Path, odd: pd.DataFrame) -> None:
    """Frames without columns or rows, with names on top, in another order."""
    same(odd, tmp_path / "a.parquet")


values = st.none() | st.sampled_from(["", "a", "0069", "Ελλάδα", "nan", "None", "\ud7ff"])
strings = st.lists(values, max_size=8)


@settings(deadline=None, max_examples=60)
@given(strings, st.permutations(["x", "", "β", "nan", "a"]), st.sampled_from(["str", "category", "object", "string"]))
def test_table_comes_back_with_any_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str | None], categories: list[str], kind: str
) -> None:
    """Text, words in any order of categories, and labels, with empty ones and nulls."""
    dtype = pd.CategoricalDtype(pd.Index(categories, dtype="str")) if kind == "category" else kind
    series = (
        pd.Series(texts, dtype="str").where(lambda s: s.isin(categories)) if kind == "category" else pd.Series(texts)
    )
    saved = pd.DataFrame({"msisdn": series.astype(dtype), "key": pd.array(texts, dtype="str")})

    folder = tmp_path_factory.mktemp("any")
    same(saved.set_index("key"), folder / "a.parquet")
    same(saved, folder / "parts", partition_by=["key"])


def test_attributes_are_kept_but_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What JSON holds comes back; passwords and objects stay out of the file and are named in the log."""
    saved = frame()
    saved.attrs = {
        "read_list": {"path": "α.csv", "rows": 3},
        "a": {"Password": "hunter2"},
        "b": object(),
        "c": (1,),
        4: 1,
    }
    with caplog.at_level(logging.INFO, "isms_data"):
        save_table(saved, tmp_path / "a.parquet")

    assert load_table(tmp_path / "a.parquet").attrs == {"read_list": {"path": "α.csv", "rows": 3}}
    assert b"hunter2" not in (tmp_path / "a.parquet").read_bytes()
    assert "a, b, c, 4" in caplog.text


def test_metadata_says_what_the_file_is(tmp_path: Path) -> None:
    """Tables, versions and time of making are in the metadata, for people and other programs."""
    hlr = pd.DataFrame(empty("hlr", 2))
    save_table(hlr.assign(more=1), tmp_path / "a.parquet")
    about = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"isms_data"])

    assert about["tables"] == ["hlr"]
    assert about["schema_version"] == tables.SCHEMA_VERSION == 1
    assert dt.datetime.fromisoformat(about["created_at"]).utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize("by", ["operator", "error_code", "ported", "whole", ["status", "small"], ["msisdn"], []])
@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0, 0, 1, 2], []], ids=["all", "shuffled", "none"])
def test_dataset_comes_back_in_order(tmp_path: Path, by: str | list[str], rows: list[int]) -> None:
    """A folder of parts gives rows, order and dtypes back, with nulls among the keys and duplicates in the index."""
    same(frame().set_index("athens").iloc[rows], tmp_path / "parts", partition_by=by)
    same(frame().iloc[rows], f"{tmp_path}/parts/", partition_by=by)


def test_dataset_keys_that_no_folder_can_be_called(tmp_path: Path) -> None:
    """Slashes, dots, spaces, null and empty text as keys: one row each, back as they were."""
    keys = ["a/b", "..", "", " ", None, "100%", "α=β", "__HIVE_DEFAULT_PARTITION__"]
    same(pd.DataFrame({"key": pd.array(keys, dtype="str"), "n": range(8)}), tmp_path / "parts", partition_by="key")

    assert all(path.resolve().is_relative_to(tmp_path / "parts") for path in (tmp_path / "parts").rglob("*"))


def test_dataset_is_replaced_whole(tmp_path: Path) -> None:
    """Saving again leaves no part of the old dataset, and saving a file over a folder is refused."""
    same(frame(), tmp_path / "parts", partition_by="whole")
    same(frame().iloc[:1], tmp_path / "parts", partition_by="whole")

    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["whole=1"]
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
    (tmp_path / "b.parquet").mkdir()
    with pytest.raises(TableError, match="is a folder"):
        save_table(frame(), tmp_path / "b.parquet")


def test_dataset_never_replaces_what_is_no_dataset(tmp_path: Path) -> None:
    """A folder with anything else in it, or a file in its place, is left alone."""
    (tmp_path / "home" / "letters").mkdir(parents=True)
    (tmp_path / "note").write_text("mine")

    with pytest.raises(TableError, match=r"letters.*in the way"):
        save_table(frame(), tmp_path / "home")
    with pytest.raises(TableError, match=r"note.*in the way"):
        save_table(frame(), tmp_path / "note", partition_by="flag")
    assert (tmp_path / "home" / "letters").is_dir()
    assert (tmp_path / "note").read_text() == "mine"


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("nobody", "names 'nobody'"),
        ("price", "column 'price' is double"),
        ("others", "is list"),
        ("many", "would make 1025 folders"),
    ],
)
def test_dataset_keys_that_cannot_be(tmp_path: Path, by: str, message: str) -> None:
    """A key that is missing, of a type that no folder can be called by, or of too many values is refused by name."""
    saved = pd.concat([frame()] * 342, ignore_index=True).iloc[:1025].assign(many=range(1025))

    with pytest.raises(TableError, match=message):
        save_table(saved, tmp_path / "parts", partition_by=by)
    assert not any(tmp_path.iterdir())


def test_folder_of_several_files_is_one_table(tmp_path: Path) -> None:
    """An empty and a full file in one folder read as one table, by us and as a plain dataset, words united."""
    hlr = pd.DataFrame(empty("hlr", 1)).assign(
        operator=column("hlr", "operator", ["Wind"]), outcome=column("hlr", "outcome", ["done"])
    )
    for name, rows in (
        ("a", hlr.iloc[:0]),
        ("b", hlr),
        ("c", hlr.assign(operator=column("hlr", "operator", ["Cyta"]))),
    ):
        save_table(rows, tmp_path / f"{name}.parquet")
    loaded = load_table(tmp_path)

    assert loaded["operator"].tolist() == ["Wind", "Cyta"]
    assert loaded.index.tolist() == [0, 1]
    assert {name: str(kind) for name, kind in loaded.dtypes.items()} == {
        name: str(kind) for name, kind in hlr.dtypes.items()
    }
    assert ds.dataset(tmp_path).to_table().num_rows == 2


def test_folder_of_files_that_do_not_fit(tmp_path: Path) -> None:
    """Files of different columns, or categories of another type that differ, are not forced together."""
    save_table(frame()[["whole"]], tmp_path / "a.parquet")
    save_table(frame()[["flag"]], tmp_path / "b.parquet")
    with pytest.raises(TableError, match="do not hold the same columns"):
        load_table(tmp_path)

    for name, sizes in (("a", [1, 2]), ("b", [2, 3])):
        save_table(pd.DataFrame({"size": pd.Categorical(sizes)}), tmp_path / f"{name}.parquet")
    with pytest.raises(TableError, match="differ in the categories"):
        load_table(tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(TableError, match="no Parquet file in"):
        load_table(tmp_path / "nothing")


def test_folder_with_regular_times_that_do_not_continue(tmp_path: Path) -> None:
    """An index that was regular in each file and is not in all together loses its frequency, and nothing else."""
    for name, start in (("a", "2026-01-01"), ("b", "2027-01-01")):
        save_table(pd.DataFrame({"n": [1, 2]}, index=pd.date_range(start, periods=2)), tmp_path / f"{name}.parquet")
    loaded = load_table(tmp_path)

    assert loaded.index.freq is None
    assert loaded.index.year.tolist() == [2026, 2026, 2027, 2027]


def test_foreign_parquet_is_loaded_with_a_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that lost our metadata is loaded as it is; the columns of a complete table get their dtypes back."""
    hlr = pd.DataFrame(empty("hlr", 1)).assign(mine=1.5)
    plain = hlr.astype({"status": "str", "error_code": "float64", "ported": "object", "submitted_at": "object"})
    bare = pa.Table.from_pandas(plain.assign(verdict="lively")).replace_schema_metadata(None)
    pq.write_table(bare, tmp_path / "a.parquet")
    with caplog.at_level(logging.INFO, "isms_data"):
        loaded = load_table(tmp_path / "a.parquet")

    assert "not written by isms_data" in caplog.text
    assert "'lively' is not a word of column 'verdict'" in caplog.text
    assert loaded["verdict"].tolist() == ["lively"]
    assert loaded.drop(columns="verdict").dtypes.equals(hlr.drop(columns="verdict").dtypes)


def test_foreign_numbers_get_their_dtypes(tmp_path: Path) -> None:
    """The table of numbers is known without the column that is there only for split cells."""
    numbers = pd.DataFrame(empty("numbers", 1)).drop(columns="other_msisdns")
    pq.write_table(pa.Table.from_pandas(numbers).replace_schema_metadata(None), tmp_path / "a.parquet")

    pd.testing.assert_frame_equal(load_table(tmp_path / "a.parquet"), numbers)


def test_foreign_folder_is_loaded_as_arrow_does(tmp_path: Path) -> None:
    """A dataset of another program comes with its partition columns."""
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_parquet(tmp_path / "theirs", partition_cols=["b"])

    assert load_table(tmp_path / "theirs").astype({"b": "str"}).to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_others_can_read_our_files(tmp_path: Path) -> None:
    """Plain pandas sees text, words, index and nullable integers; numbers and IMSIs stay text inside the file."""
    saved = frame().set_index("colour")
    save_table(saved, tmp_path / "a.parquet")
    seen = pd.read_parquet(tmp_path / "a.parquet")

    assert seen.index.tolist()[0] == "blue"
    assert str(seen["error_code"].dtype) == "Int16"
    assert pq.read_schema(tmp_path / "a.parquet").field("msisdn").type == pa.large_string()
    pd.testing.assert_series_equal(seen["msisdn"], saved["msisdn"], check_index=False)


def test_older_versions_are_migrated_step_by_step() -> None:
    """A table of version 1 goes through every later step, one of version 2 through those behind it."""
    steps = [lambda t: t.rename_columns(["b"]), lambda t: t.append_column("c", pa.array([2]))]
    table = pa.table({"a": [1]})

    assert migrated(table, 1, steps=steps).to_pydict() == {"b": [1], "c": [2]}
    assert migrated(table, 2, steps=steps).to_pydict() == {"a": [1], "c": [2]}
    assert migrated(table, 3, steps=steps) is table


def test_newer_version_is_refused(tmp_path: Path) -> None:
    """A file of a later version is not half understood: the error says to upgrade."""
    save_table(frame(), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    about = json.loads(table.schema.metadata[b"isms_data"]) | {"schema_version": 2, "isms_data": "9.9"}
    pq.write_table(table.replace_schema_metadata({b"isms_data": json.dumps(about)}), tmp_path / "a.parquet")

    with pytest.raises(TableError, match=r"isms_data 9\.9 with schema version 2.*up to 1.*Upgrade"):
        load_table(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (pd.DataFrame({1: [2]}), r"column 0 is called 1, a int"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column is called 'a'"),
        (pd.DataFrame({"a": ["x", 1]}, index=["p", "q"]), r"column 'a' holds a int .*row 1, label 'q'"),
        (pd.DataFrame({"a": [1, 2**70, 3]}, dtype=object), r"column 'a' holds a int .*row 1, label 1"),
        (pd.DataFrame({"a": [object()]}), r"column 'a' holds a object .*row 0"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([1, 0])}), r"column 'a' holds Sparse"),
        (pd.DataFrame({"a": pd.date_range("2026", periods=1, tz=tzoffset("x", 60))}), "column 'a' holds datetime64"),
        (pd.DataFrame({"a": [1j]}), r"column 'a' holds a complex"),
        (pd.DataFrame({"a": pd.Categorical([1, "1"])}), r"column 'a' has categories that read the same \('1'\)"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name=("x", "y"))), "an index is called .'x', 'y'., a tuple"),
        (pd.Series([1], name="a"), "expected a pandas DataFrame, got Series"),
    ],
)
def test_frames_that_cannot_be_kept(tmp_path: Path, wrong: Any, message: str) -> None:
    """A frame that Parquet cannot give back is refused by column and row, and no file appears."""
    with pytest.raises(TableError, match=message):
        save_table(wrong, tmp_path / "a.parquet")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a;b\n1;2\n" * 50])
def test_load_what_is_no_parquet(tmp_path: Path, content: bytes) -> None:
    """A CSV, an empty file or a torn one is no Parquet, and the error says what reads it; no file is its own error."""
    (tmp_path / "a.parquet").write_bytes(content)

    with pytest.raises(TableError, match=r"no Parquet file.*read_list"):
        load_table(tmp_path / "a.parquet")
    with pytest.raises(FileNotFoundError):
        load_table(tmp_path / "b.parquet")


def test_save_makes_the_folder(tmp_path: Path) -> None:
    """A folder that is not there is made, as deep as it takes; where a file is in its way, the error names the path."""
    frame = pd.DataFrame({"a": [1]})
    for path in (tmp_path / "no" / "such" / "a.parquet", tmp_path / "not" / "parts"):
        save_table(frame, path)
        assert load_table(path).equals(frame)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="could not be written"):
        save_table(frame, tmp_path / "file" / "a.parquet")


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_file_mode_follows_the_umask(tmp_path: Path, mask: int) -> None:
    """Who may read the file is what the user's umask says."""
    before = os.umask(mask)
    try:
        save_table(frame(), tmp_path / "a.parquet")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a.parquet").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("name", ["a.parquet", "parts"])
def test_full_disk_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    """When no more bytes can be written the old file or folder is as it was, alone, and the error is clear."""
    same(frame(), tmp_path / name)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not be written \(.*\). What was there before is unchanged"):
            save_table(frame().iloc[::-1], tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    pd.testing.assert_frame_equal(load_table(tmp_path / name), frame())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("replaced", [replaced_file, replaced_folder])
def test_interrupt_leaves_what_was_there(tmp_path: Path, replaced: Callable[[Path], Any]) -> None:
    """An interrupt in the middle changes nothing and leaves nothing behind."""
    target = tmp_path / "a"
    with replaced(target) as fresh:
        _fill(fresh)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(replaced(target))

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] in (["a"], ["part"])


def _fill(fresh: Path) -> None:
    (fresh / "part" if fresh.is_dir() else fresh).write_bytes(b"old")


def _interrupted(replacing: Any) -> None:
    with replacing as fresh:
        (fresh / "half" if fresh.is_dir() else fresh).write_bytes(b"half")
        raise KeyboardInterrupt


def test_failed_swap_brings_the_old_folder_back(tmp_path: Path) -> None:
    """If the new folder cannot take its place, the old one keeps it, and the new one's place need not exist."""
    for target in (tmp_path / "parts", tmp_path / "never"):
        if target.name == "parts":
            same(frame(), target)
        with pytest.raises(FileNotFoundError):
            swap(tmp_path / "missing", target, tmp_path / "aside")

    pd.testing.assert_frame_equal(load_table(tmp_path / "parts"), frame())
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


def test_symbolic_link_stays_one(tmp_path: Path) -> None:
    """Saving through a link replaces what it leads to."""
    (tmp_path / "a.parquet").symlink_to(tmp_path / "real.parquet")
    same(frame(), tmp_path / "a.parquet")

    assert (tmp_path / "a.parquet").is_symlink()
    assert (tmp_path / "real.parquet").is_file()


def test_column_has_the_dtype_for_any_values() -> None:
    """Lists, Series, Arrow, words in any form and nulls of every kind give the column's own dtype."""
    expected = pd.CategoricalDtype(pd.Index(words(Outcome), dtype="str"))
    forms: list[Any] = [
        [],
        [None, np.nan, pd.NA],
        [Outcome.DONE],
        pd.Series(["done"], dtype="category"),
        pa.array(["done"]),
    ]

    assert [column("hlr", "outcome", form).dtype for form in forms] == [expected] * 5
    assert {str(column("hlr", "submitted_at", form).dtype) for form in ([], [None], [dt.datetime.now(dt.UTC)])} == {
        "datetime64[us, UTC]"
    }
    assert column("hlr", "error_code", [None, 27]).tolist() == [pd.NA, 27]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("status", ["Lost"], "'Lost' is not a word of column 'status'"),
        ("imsi", [202011234567890], "'imsi' is text; it was given int64"),
        ("imsi", [2.0e14], "'imsi' is text; it was given double"),
        ("error_code", [99_999], "'error_code' is int16"),
        ("error_code", ["x"], "'error_code' is int16"),
    ],
)
def test_column_refuses_other_values(name: str, values: list[object], message: str) -> None:
    """A word out of the vocabulary, a number for text, a code too large: refused by column."""
    with pytest.raises(TableError, match=message):
        column("hlr", name, values)


@pytest.mark.parametrize("table", tables.SCHEMAS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_empty_tables_have_the_tables_dtypes(tmp_path: Path, table: str, rows: int) -> None:
    """All-null tables of any length have one schema, in memory and in the file."""
    nulls = pd.DataFrame(empty(table, rows))
    loaded = same(nulls, tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")

    assert tuple(loaded.columns) == tables.names(table)
    assert nulls.isna().all(axis=None)
    assert [field.type for field in schema] == [field.type for field in tables.SCHEMAS[table]]
    assert all(str(nulls[name].dtype) == str(tables.dtype(table, name)) for name in nulls)
    assert tuple(tables.dtype("hlr", "status").categories) == words(HlrStatus)
