"""Addresses in an object store work where paths do; without the store's driver it is said what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

import isms_data as isms
from isms_data.errors import ColumnError, ConfigurationError, ListError, TableError
from isms_data.parquet.places import StorePath, place
from isms_data.parquet.safe_files import replaced_file, replaced_folder
from tests.messages import made_up
from tests.test_dask_cleaning import same

ROWS = made_up(60, seed=9)
STORE = fsspec.filesystem("memory")


@pytest.fixture(autouse=True)
def _empty() -> None:
    """Each test has a store of its own."""
    STORE.store.clear()
    STORE.pseudo_dirs[:] = [""]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("memory://out/one.parquet", {}),
        ("memory://out/folder/", {}),
        ("memory://out/by", {"partition_by": ["network", "final"]}),
        ("memory://out/secret.parquet", {"key": "0123456789abcdef"}),
    ],
)
def test_store_gives_tables_back(path: str, options: dict[str, str]) -> None:
    """A file, a folder, partitions and an encrypted file; saved twice, there is one."""
    key = {name: value for name, value in options.items() if name == "key"}
    for _ in range(2):
        isms.save_table(ROWS, path, **options)

        same(isms.load_table(path, **key), ROWS)
    assert not [name for name in STORE.find("/") if ".tmp" in name]


def test_store_is_measured() -> None:
    """Metrics read a file, a folder by partitions, a pattern, and two of them beside each other."""
    isms.save_table(ROWS, "memory://out/one.parquet")
    isms.save_table(ROWS, "memory://out/by", partition_by="network")
    isms.save_table(ROWS, "memory://out/odd [1]*/two.parquet")
    expected = isms.delivery_rates(ROWS, by=["network", "hour"])

    for path in ("one.parquet", "by", "*.parquet", "odd [1]*/two.parquet"):
        same(isms.delivery_rates(f"memory://out/{path}", by=["network", "hour"]), expected)
    same(isms.explain_change("memory://out/by", "memory://out/one.parquet"), isms.explain_change(ROWS, ROWS))
    with pytest.raises(ColumnError, match="no column 'nothing'"):
        isms.delivery_rates("memory://out/by", by="nothing")
    with pytest.raises(FileNotFoundError, match="no Parquet file at 'memory://none"):
        isms.delivery_rates("memory://none/*.parquet")


def test_store_is_reported() -> None:
    """A report is of data in a store as of a file, and may be written to one."""
    isms.save_table(ROWS, "memory://out/one.parquet")
    written = isms.write_report("memory://out/one.parquet", "memory://out/report.html", title="Spring")
    page = STORE.cat_file("/out/report.html").decode()

    assert str(written) == "memory:///out/report.html"
    assert "<title>Spring</title>" in page
    assert "one.parquet" in page


def test_store_gives_lists() -> None:
    """A list is read from a store, and so are suppressed numbers; a missing one is named."""
    STORE.pipe_file("/lists/people.csv", "όνομα;mobile\nΆννα;6970000001\n".encode("windows-1253"))
    people = isms.read_list("memory://lists/people.csv")

    assert people["όνομα"].tolist() == ["Άννα"]
    assert (
        isms.clean_numbers(people, "mobile", suppress="memory://lists/people.csv")["number_status"][0] == "suppressed"
    )
    with pytest.raises(ListError, match=r"memory:///lists/none.csv cannot be read"):
        isms.read_list("memory://lists/none.csv")


def test_store_keeps_the_old_when_writing_fails() -> None:
    """A file or folder that fails leaves what was there, and nothing besides."""
    isms.save_table(ROWS, "memory://out/one.parquet")
    isms.save_table(ROWS, "memory://out/folder/")
    before = STORE.find("/")
    with pytest.raises(RuntimeError), replaced_file(place("memory://out/one.parquet")) as path:
        fail_after_writing(path)
    with pytest.raises(RuntimeError), replaced_folder(place("memory://out/folder")) as folder:
        fail_after_writing(folder)

    assert STORE.find("/") == before
    same(isms.load_table("memory://out/folder"), ROWS)


def fail_after_writing(place: Path | StorePath) -> None:
    if isinstance(place, StorePath):
        with replaced_file(place / "part-0.parquet") as path:
            path.write_bytes(b"whole")
    else:
        place.write_bytes(b"half")
    raise RuntimeError


def test_store_holding_half_a_file() -> None:
    """What another program left unfinished is told as on this machine."""
    STORE.pipe_file("/out/one.parquet", b"half")

    with pytest.raises(TableError, match="no Parquet file, or only a part"):
        isms.load_table("memory://out/one.parquet")


def test_store_keeps_other_things_in_a_folder() -> None:
    """A folder that holds something else is not replaced; a folder is no file."""
    isms.save_table(ROWS, "memory://out/folder.parquet/")
    STORE.pipe_file("/out/folder.parquet/notes.txt", b"")

    with pytest.raises(TableError, match=r"notes.txt.*is in the way"):
        isms.save_table(ROWS, "memory://out/folder.parquet/")
    with pytest.raises(TableError, match="is a folder"):
        isms.save_table(ROWS, "memory://out/folder.parquet")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("s3://bucket/a.parquet", "pip install s3fs"),
        ("gs://bucket/a.parquet", "pip install gcsfs"),
        ("abfs://bucket/a.parquet", "pip install adlfs"),
        ("nonsense://bucket/a.parquet", r"nonsense.*Its driver for fsspec is missing"),
    ],
)
def test_missing_driver_is_named(path: str, told: str) -> None:
    """A store whose driver is not installed is an error that says what to install."""
    with pytest.raises(ConfigurationError, match=told):
        isms.load_table(path)
    with pytest.raises(ConfigurationError, match=told):
        isms.save_table(ROWS, path)


def test_missing_fsspec_is_named() -> None:
    """Without fsspec itself too."""
    program = "import sys; sys.modules['fsspec'] = None; import isms_data\n"
    program += "try: isms_data.load_table('s3://bucket/a.parquet')\n"
    program += "except isms_data.ConfigurationError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603

    assert "pip install s3fs" in done.stdout


def test_path_with_a_scheme_of_this_machine(tmp_path: Path) -> None:
    """`file://` is a path like any other; what only looks like an address is one too."""
    isms.save_table(ROWS, f"file://{tmp_path}/α b.parquet")

    same(isms.load_table(tmp_path / "α b.parquet"), ROWS)
    assert place("C:/a://b") == Path("C:/a://b")


def test_store_path_answers_as_a_path() -> None:
    """The names of its parts are those of a path on this machine."""
    path, here = place("memory://bucket/out/a.parquet"), Path("/bucket/out/a.parquet")

    assert isinstance(path, StorePath)
    assert (path.name, path.suffix, path.parts) == (here.name, here.suffix, here.parts)
    assert str(path.with_name("b").joinpath("c")) == "memory:///bucket/out/b/c"
    assert path.joinpath() == path.resolve() < path / "b"
