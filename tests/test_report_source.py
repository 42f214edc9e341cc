"""Frames and files as one kind of rows: types, names, differences between files, clocks, and nothing from outside."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isms_data as isms
from isms_data.errors import ColumnError, ConfigurationError, TableError
from isms_data.reports.delivery import delivery_rates
from isms_data.reports.source import opened
from isms_data.reports.time_buckets import BUCKETS
from tests.messages import ODD, as_stored, made_up

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = {"sent": ("outcome",)}
COUNT = {"messages": "count(*)"}


def grouped(data: Any, by: Any = (), **options: Any) -> pd.DataFrame:
    """How many rows each group has."""
    with opened(data, needs=NEEDS, by=by, **options) as source:
        return source.grouped(COUNT)


def values(data: Any, name: str, table: str) -> list[Any]:
    """A column as a metric sees it."""
    with opened(data, needs={table: (name,)}) as source:
        return source.query(f"FROM rows SELECT {name}").column(name).to_pylist()


# Types


@pytest.mark.parametrize(
    ("table", "name", "given_", "seen"),
    [
        ("sent", "outcome", pd.Categorical(["accepted", None]), ["accepted", None]),
        ("sent", "outcome", pd.array(["accepted", None], dtype="str"), ["accepted", None]),
        ("sent", "outcome", np.array(["accepted", None], dtype=object), ["accepted", None]),
        ("delivery", "final", pd.array([True, None], dtype="boolean"), [True, None]),
        ("delivery", "final", np.array([True, False]), [True, False]),
        ("plan", "segments", pd.array([2, None], dtype="Int32"), [2, None]),
        ("plan", "segments", np.array([2, 3], dtype="int64"), [2, 3]),
        ("delivery", "latency", pd.to_timedelta([1.5, None], unit="s").as_unit("us"), [1_500_000, None]),
        ("delivery", "latency", pd.to_timedelta([1.5, None], unit="s").as_unit("ns"), [1_500_000, None]),
        ("delivery", "latency", pd.to_timedelta([2, None], unit="s").as_unit("s"), [2_000_000, None]),
        ("sent", "submitted_at", pd.to_datetime(["1970-01-02", None], utc=True).as_unit("us"), [86_400_000_000, None]),
        ("sent", "submitted_at", pd.to_datetime(["1970-01-02", None], utc=True).as_unit("ns"), [86_400_000_000, None]),
        ("sent", "submitted_at", pd.to_datetime(["1970-01-02", None]).tz_localize("Etc/GMT-2"), [79_200_000_000, None]),
        ("sent", "submitted_at", np.array([None, None], dtype=object), [None, None]),
        ("delivery", "latency", np.array([np.nan, np.nan]), [None, None]),
    ],
)
def test_column_of_any_dtype_is_seen_in_one_type(table: str, name: str, given_: Any, seen: Any, tmp_path: Path) -> None:
    """Words, truth, numbers, times and lengths are the same to a metric from any dtype, frame or file."""
    frame = pd.DataFrame({name: given_})
    isms.save_table(frame, tmp_path / "ours.parquet")
    frame.to_parquet(tmp_path / "theirs.parquet")

    assert values(frame, name, table) == seen
    assert sorted(values(tmp_path / "ours.parquet", name, table), key=str) == sorted(seen, key=str)
    assert sorted(values(tmp_path / "theirs.parquet", name, table), key=str) == sorted(seen, key=str)


@pytest.mark.parametrize(
    ("table", "name", "wrong", "message"),
    [
        ("delivery", "latency", [1.5, 2.0], r"'latency' holds double. It should hold lengths of time"),
        ("plan", "segments", ["1", "2"], r"'segments' holds large_string. It should hold whole numbers"),
        (
            "sent",
            "submitted_at",
            pd.to_datetime(["2026-11-02"] * 2),
            r"'submitted_at' holds timestamp\[us\]. It should",
        ),
        ("delivery", "final", ["yes", "no"], r"'final' holds large_string.* as isms\.delivery_status makes it"),
    ],
)
def test_column_of_the_wrong_type_is_refused(table: str, name: str, wrong: Any, message: str, tmp_path: Path) -> None:
    """A column that holds something else is named, with what it should hold and what makes it; frame or file."""
    frame = pd.DataFrame({name: wrong})
    isms.save_table(frame, tmp_path / "one.parquet")

    for data in (frame, tmp_path / "one.parquet"):
        with pytest.raises(ColumnError, match=message):
            values(data, name, table)


@pytest.mark.parametrize(
    "key",
    [
        pd.array(["β", "α", None], dtype="str"),
        pd.Categorical(["β", None, "α"], categories=["β", "unused", "α"], ordered=True),
        pd.Categorical([3, 1, None], categories=[3, 2, 1]),
        pd.array([2, None, 1], dtype="Int16"),
        np.array([2.5, np.nan, -1.0]),
        pd.array([True, None, False], dtype="boolean"),
        pd.to_datetime(["2026-11-02", None, "2026-11-01"]).as_unit("us"),
        pd.to_datetime(["2026-11-02", None, "2026-11-01"]).tz_localize("Asia/Tokyo").as_unit("us"),
        pd.to_timedelta([3, None, 2], unit="h").as_unit("ms"),
        np.array([date(2026, 11, 2), None, date(2026, 11, 1)], dtype=object),
        np.array([Decimal("1.50"), None, Decimal("0.10")], dtype=object),
        np.array([None, None, None], dtype=object),
    ],
    ids=lambda each: str(getattr(each, "dtype", each))[:40],
)
def test_column_to_count_by_keeps_its_dtype(key: Any, tmp_path: Path) -> None:
    """Groups come back with the dtype and the categories of the column, sorted as pandas sorts, null last."""
    frame = pd.DataFrame({"outcome": "accepted", ODD: key})
    isms.save_table(frame, tmp_path / "one.parquet")

    found = grouped(frame, ODD)

    expected = frame[[ODD]].drop_duplicates().sort_values(ODD, ignore_index=True)
    pd.testing.assert_frame_equal(found[[ODD]], expected)
    pd.testing.assert_frame_equal(grouped(tmp_path / "one.parquet", ODD), found)
    assert grouped(frame.iloc[:0], ODD).dtypes.equals(found.dtypes)


@pytest.mark.parametrize("key", [[["a"], ["b"]], pd.period_range("2026-01", periods=2, freq="M")])
def test_column_that_cannot_be_counted_by_is_refused(key: Any) -> None:
    """Lists and periods are no groups; the message says what to do."""
    with pytest.raises(ColumnError, match=r"column 'key' holds .*, which cannot be counted by\. Make text of it first"):
        grouped(pd.DataFrame({"outcome": "accepted", "key": key}), "key")


# Names


@pytest.mark.parametrize(
    "name", ['a"b', "a'b", "x; DROP VIEW rows", "στήλη", "by_0", "rows", "", "a\nb", "%s", "Outcome"]
)
def test_column_of_any_name_can_be_counted_by(name: str, tmp_path: Path) -> None:
    """A name is only ever a name, also one that differs from another in case only."""
    frame = pd.DataFrame({"outcome": ["accepted"] * 3, name: ["x", "y", "x"]})
    isms.save_table(frame, tmp_path / "it's [1]*.parquet")

    found = grouped(frame, name)

    assert found.to_dict("list") == {name: ["x", "y"], "messages": [2, 1]}
    pd.testing.assert_frame_equal(grouped(tmp_path / "it's [1]*.parquet", name), found)


def test_column_wins_over_a_bucket_of_its_name() -> None:
    """A frame's own column `day` is counted by as it is, and no time is needed for it."""
    frame = pd.DataFrame({"outcome": ["accepted"] * 2, "day": ["Monday", "Sunday"]})

    assert grouped(frame, "day")["day"].tolist() == ["Monday", "Sunday"]


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (
            "operator",
            r"no column 'operator', and a bucket of time is one of hour, day, week, hour_of_week. The columns",
        ),
        ("hour", r"no column 'submitted_at': isms\.send_messages makes it"),
        (["network", 3], r"by names 3, which is no text"),
        ("messages", r"'messages' is to be counted by, and the result has one of that name"),
        ("twice", r"2 columns are called 'twice'"),
    ],
)
def test_name_that_cannot_be_counted_by_is_refused(by: Any, message: str) -> None:
    """What is missing, ambiguous, no text or in the way is named, with what there is."""
    frame = pd.DataFrame([["accepted", "Nova", 1, 2, 3]], columns=["outcome", "network", "messages", "twice", "twice"])

    with pytest.raises(ColumnError, match=message):
        grouped(frame, by)


def test_lookups_are_told_what_makes_their_columns() -> None:
    """Of a lookup's rows the missing time is named with `hlr_lookup`, not with sending."""
    frame = pd.DataFrame({"verdict": ["dead"]})

    with (
        pytest.raises(ColumnError, match=r"no column 'submitted_at': isms\.hlr_lookup makes it"),
        opened(frame, needs={"hlr": ("verdict",)}, by="day"),
    ):
        pass


# Clocks


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2059, 12, 31)), min_size=1, max_size=40),  # noqa: DTZ001
    st.sampled_from(["Europe/Athens", "Asia/Nicosia", "Asia/Kolkata", "America/New_York", "UTC", "Africa/Casablanca"]),
)
def test_buckets_are_those_of_pythons_clock(moments: list[datetime], timezone: str) -> None:
    """Hour, day, week and hour of the week of any moment are those that zoneinfo and the calendar give."""
    frame = pd.DataFrame({"outcome": "accepted", "submitted_at": pd.DatetimeIndex(moments, tz=UTC).as_unit("us")})

    found = grouped(frame, BUCKETS, timezone=timezone)

    clocks = [moment.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)) for moment in moments]
    midnights = [clock.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) for clock in clocks]
    assert set(zip(*(found[name] for name in BUCKETS), strict=True)) == {
        (
            pd.Timestamp(clock) - timedelta(minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond),
            midnight,
            midnight - timedelta(days=clock.weekday()),
            clock.weekday() * 24 + clock.hour,
        )
        for clock, midnight in zip(clocks, midnights, strict=True)
    }


def test_hour_that_comes_twice_is_two_hours() -> None:
    """In the night in which Athens' clock goes back there are two hours from three to four, and one day of 25 hours."""
    hours = pd.date_range("2026-10-24T21:00", "2026-10-25T21:59", freq="h", tz="UTC")
    frame = pd.DataFrame({"outcome": "accepted", "submitted_at": hours})

    assert len(grouped(frame, "hour")) == 25
    assert grouped(frame, "day")["messages"].tolist() == [25]
    assert grouped(frame, "hour_of_week")["messages"].tolist() == [1] * 3 + [2] + [1] * 20


def test_message_leaves_when_it_is_scheduled() -> None:
    """The buckets are of the later of sending and schedule; lookups and frames without a schedule have only the one."""
    times = {"submitted_at": pd.to_datetime(["2026-11-02T10:00"] * 3, utc=True)}
    later = pd.to_datetime(["2026-11-05T10:00", None, "2026-10-01T10:00"], utc=True)
    frame = pd.DataFrame({"outcome": "accepted"} | times)

    assert grouped(frame.assign(scheduled_for=later), "day")["messages"].tolist() == [2, 1]
    assert grouped(frame, "day")["messages"].tolist() == [3]


def test_unknown_time_zone_is_refused() -> None:
    """A zone that there is not is named."""
    with pytest.raises(ConfigurationError, match=r"timezone='Athens' is not a time zone"):
        grouped(made_up(3, 1), "day", timezone="Athens")


# Files


def test_files_with_different_columns_are_read_together(tmp_path: Path) -> None:
    """What a file lacks is null in it; numbers of other widths, text and words, and empty columns go together."""
    new = pd.DataFrame({"outcome": pd.Categorical(["accepted"]), "k": pd.array([7], dtype="Int16"), "extra": ["x"]})
    old = pd.DataFrame({"outcome": ["accepted"], "k": pd.array([8], dtype="Int64")})
    bare = pd.DataFrame({"k": np.array([None], dtype=object), "outcome": ["accepted"]})
    for name, frame in {"a": new, "b": old}.items():
        isms.save_table(frame, tmp_path / f"{name}.parquet")
    bare.to_parquet(tmp_path / "c.parquet")

    found = grouped(tmp_path, ["k", "extra"])

    assert found["k"].tolist() == [7, 8, pd.NA]
    assert found["extra"].fillna("-").tolist() == ["x", "-", "-"]
    assert found["k"].dtype == "Int16"


def test_lengths_in_other_units_are_the_same_lengths(tmp_path: Path) -> None:
    """Files with latencies in seconds and in microseconds are one column of microseconds."""
    for unit in ("s", "us", "ns", "ms"):
        frame = pd.DataFrame({"latency": pd.to_timedelta([3], unit="s").as_unit(unit)})
        isms.save_table(frame, tmp_path / f"{unit}.parquet")

    assert values(tmp_path, "latency", "delivery") == [3_000_000] * 4


def test_files_of_different_types_are_refused(tmp_path: Path) -> None:
    """A column that is text in one file and a number in another is named with both."""
    isms.save_table(pd.DataFrame({"outcome": ["accepted"], "k": [1]}), tmp_path / "a.parquet")
    isms.save_table(pd.DataFrame({"outcome": ["accepted"], "k": ["1"]}), tmp_path / "b.parquet")

    with pytest.raises(ColumnError, match=r"column 'k' is int64 in one file and large_string in another"):
        grouped(tmp_path, "k")


@pytest.mark.parametrize(
    "key",
    [
        pd.array(["α/β=%", None, "", "x y"], dtype="str"),
        pd.array([1, None, 3, -1], dtype="Int16"),
        pd.array([True, None, False, True], dtype="boolean"),
        pd.Categorical(["Nova", None, "Epic", "Nova"], categories=["Nova", "Cyta", "Epic"]),
    ],
)
def test_partitions_come_back_as_they_were(key: Any, tmp_path: Path) -> None:
    """The values in the folders' names, null, empty and Greek ones too, are groups as in the frame, dtype included."""
    frame = pd.DataFrame({"outcome": "accepted", ODD: key, "v": 1})
    isms.save_table(frame, tmp_path / "by one", partition_by=ODD)
    isms.save_table(frame.iloc[:0], tmp_path / "empty", partition_by=ODD)
    isms.save_table(frame, tmp_path / "by two", partition_by=[ODD, "v"])

    expected = grouped(frame, [ODD, "v"])

    pd.testing.assert_frame_equal(grouped(tmp_path / "by one", [ODD, "v"]), expected)
    pd.testing.assert_frame_equal(grouped(tmp_path / "by two", [ODD, "v"]), expected)
    pd.testing.assert_frame_equal(grouped(str(tmp_path / "by two" / "*"), [ODD, "v"]), expected)
    pd.testing.assert_frame_equal(grouped(tmp_path / "empty", [ODD, "v"]), expected.iloc[:0])


def test_dataset_that_something_else_wrote(tmp_path: Path) -> None:
    """Files of Arrow or pandas are read with pandas' dtypes; the folders' names of their datasets are words."""
    table = pa.table({"outcome": ["accepted"] * 3, "n": ["Nova", "Epic", "Nova"], "k": pa.array([1, 2, 1], pa.int8())})
    pq.write_to_dataset(table, tmp_path / "set", partition_cols=["n"])
    pd.DataFrame({"outcome": ["accepted"], "k": pd.array([1], dtype="Int8")}).to_parquet(tmp_path / "one.parquet")

    found = grouped(tmp_path / "set", ["n", "k"])

    assert found["n"].astype(str).tolist() == ["Epic", "Nova"]
    assert found["messages"].tolist() == [1, 2]
    assert (str(found["n"].dtype), str(found["k"].dtype)) == ("category", "int8")
    assert grouped(tmp_path / "one.parquet", "k")["k"].dtype == "Int8"


def test_same_rows_from_every_kind_of_storage(tmp_path: Path) -> None:
    """A file, a folder with partitions and a pattern of files have the rows of the frame."""
    frame = made_up(300, 5)
    by = ["network", "hour", "status"]

    for data in as_stored(frame, tmp_path).values():
        pd.testing.assert_frame_equal(grouped(data, by), grouped(frame, by))


@pytest.mark.parametrize("path", ["nothing.parquet", "no/*.parquet", "empty", "https://example.org/x.parquet"])
def test_path_without_files_is_no_empty_table(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in a path is an error that says what can be given; an address in the web is none that is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    with pytest.raises(FileNotFoundError, match="there is no Parquet file at"):
        grouped(path)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A cut-off file and one of a newer version are refused with their names."""
    whole, cut, newer = (tmp_path / f"{name}.parquet" for name in ("whole", "cut", "newer"))
    isms.save_table(made_up(5, 1), whole)
    cut.write_bytes(whole.read_bytes()[:-50])
    table = pq.read_table(whole)
    about = table.schema.metadata[b"isms_data"].replace(b'"schema_version": 1', b'"schema_version": 99')
    pq.write_table(table.replace_schema_metadata({b"isms_data": about}), newer)

    with pytest.raises(TableError, match=r"cut\.parquet' is no Parquet file, or only a part of one"):
        grouped(cut)
    with pytest.raises(TableError, match=r"newer\.parquet' was written by a newer isms_data"):
        grouped(newer)


def test_encrypted_file_is_to_be_loaded_first(tmp_path: Path) -> None:
    """A file that was saved with a key is named as such, with the way to its rows."""
    isms.save_table(made_up(5, 1), tmp_path / "secret.parquet", key=b"k" * 32)

    with pytest.raises(TableError, match=r"secret\.parquet' is encrypted. Load it with isms\.load_table"):
        grouped(tmp_path / "secret.parquet")


def test_what_is_called_parquet_and_is_none(tmp_path: Path) -> None:
    """A folder of such a name is no file, and a link that leads nowhere is the system's error, with its path."""
    (tmp_path / "a" / "x.parquet").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.parquet").symlink_to("nowhere")

    with pytest.raises(TableError, match=r"x\.parquet' is no Parquet file"):
        grouped(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=r"x\.parquet"):
        grouped(tmp_path / "b")


def test_index_of_a_saved_frame_is_no_column(tmp_path: Path) -> None:
    """What cannot be counted by in the frame cannot be in its file: an index, the order of the rows."""
    frame = pd.DataFrame({"outcome": ["accepted"]}, index=pd.Index(["a"], name="label"))
    isms.save_table(frame, tmp_path / "set/")

    for name in ("label", "__isms_row__"):
        with pytest.raises(ColumnError, match=rf"no column '{name}'.* The columns are: 'outcome'\."):
            grouped(tmp_path / "set", name)


def test_frame_without_any_of_the_columns_is_told_so() -> None:
    """A frame with other columns only, or none, lacks the first that is needed."""
    for frame in (pd.DataFrame({"x": [1]}), pd.DataFrame(), pd.DataFrame({3: [1]})):
        with pytest.raises(ColumnError, match="no column 'outcome'"):
            grouped(frame)


def test_not_a_number_is_null_in_files_too(tmp_path: Path) -> None:
    """A NaN that another program wrote is in the group of the nulls, as pandas has it."""
    table = pa.table({"outcome": ["accepted"] * 3, "k": pa.array([float("nan"), None, 1.0])})
    pq.write_table(table, tmp_path / "one.parquet")

    assert grouped(tmp_path / "one.parquet", "k")["messages"].tolist() == [1, 2]


def test_wrong_column_is_told_in_batches_too() -> None:
    """Reading in batches names the column that holds something else."""
    frame = pd.DataFrame({"text": [1]})

    with opened(frame, needs={"plan": ("text",)}) as source, pytest.raises(ColumnError, match="'text' holds int64"):
        list(source.batches("SELECT text FROM rows"))


def test_data_that_are_neither_frame_nor_path_are_refused() -> None:
    """A Series or a list is named as what it is."""
    with pytest.raises(ColumnError, match=r"expected a pandas DataFrame or the path of Parquet files, got Series"):
        grouped(pd.Series(["accepted"]))


# The machine


def test_groups_go_to_disk_where_memory_is_short_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little memory many groups are counted all the same, by way of a temporary folder that is gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    frame = pd.DataFrame({"outcome": "accepted", "key": pd.Series(range(200_000)).astype("str").str.pad(200)})
    rows, on_disk = 0, 0

    with opened(frame, needs=NEEDS, by="key", memory_limit="30MB", threads=1) as source:
        for batch in source.batches("SELECT by_0, count(*) FROM rows GROUP BY by_0"):
            rows += batch.num_rows
            on_disk = max(on_disk, sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()))

    assert rows == 200_000
    assert on_disk > 1_000_000
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_downloaded_and_no_variable_is_read() -> None:
    """The connection installs and loads no extension, and a name in SQL is never a variable of the caller's."""
    with opened(made_up(3, 1), needs=NEEDS) as source:
        asked = "SELECT value FROM duckdb_settings() WHERE name IN ('autoinstall_known_extensions', "
        off = source.query(
            asked + "'autoload_known_extensions', 'allow_community_extensions', 'python_enable_replacements')"
        )
        assert off.column("value").to_pylist() == ["false"] * 4


def test_further_data_stand_beside_the_rows() -> None:
    """A second frame can be joined in SQL, with its own needed columns."""
    before, after = made_up(20, 1), pd.DataFrame({"outcome": ["accepted"], "network": ["Nova"]})

    with opened(before, needs=NEEDS) as source:
        source.beside(after, name="after", needs={"sent": ("outcome",), "delivery": ("network",)})
        found = source.query("SELECT count(*) AS n, max(network) AS network FROM rows, after").to_pylist()

    assert found == [{"n": 20, "network": "Nova"}]


def test_column_that_is_only_wanted_may_be_missing() -> None:
    """It is null then, in the type that it would have."""
    with opened(pd.DataFrame({"outcome": ["accepted"]}), needs=NEEDS, wants={"plan": ("segments", "text")}) as source:
        found = source.query("SELECT segments, text FROM rows")

    assert found.to_pylist() == [{"segments": None, "text": None}]
    assert found.schema.types == [pa.int64(), pa.string()]


def test_callers_frame_stays_as_it_is() -> None:
    """Neither its values nor its index nor its attributes change, with labels that are there twice."""
    frame = made_up(10, 1).set_index(pd.Index([1] * 10))
    frame.attrs["note"] = "mine"
    kept = frame.copy()

    grouped(frame, ["network", "hour"])

    pd.testing.assert_frame_equal(frame, kept)
    assert frame.attrs == {"note": "mine"}


def test_categories_of_a_file_that_pandas_wrote(tmp_path: Path) -> None:
    """Counted by a category of plain Parquet the groups are right; such a file does not say which words there are."""
    frame = pd.DataFrame({"network": pd.Categorical(["Nova", None, "Cosmote", "Nova"]), "outcome": "accepted"})
    frame = frame.assign(status="Delivered", final=True)
    frame.to_parquet(tmp_path / "plain.parquet")
    rates = delivery_rates(tmp_path / "plain.parquet", by="network")

    assert rates["network"].astype("object").where(rates["network"].notna(), None).tolist() == ["Cosmote", "Nova", None]
    assert rates["delivered"].tolist() == [1, 2, 1]
