"""A table saved with a key comes back with it and only with it; without it nothing in the file can be read."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.parquet import encryption

import isms_data as isms

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"0123456789abcdef0123456789abcdef"
OTHER = b"another key: not the one to use!"


def people() -> pd.DataFrame:
    """Three rows of what is personal, with words, times and a note beside the values."""
    frame = pd.DataFrame(
        {
            "msisdn": pd.array(["306970000001", None, "306970000003"], dtype="str"),
            "network": pd.Categorical(["Cosmote", None, "Nova"]),
            "text": ["Γεια σου Μαρία", "Hello", None],
            "segments": pd.array([1, None, 2], dtype="Int32"),
            "at": pd.to_datetime(["2026-01-01", None, "2026-02-01"], utc=True),
        },
        index=pd.Index(["x", "x", "y"], name="row"),
    )
    frame.attrs = {"note": "a note in the margin"}
    return frame


def in_the_clear(path: Path) -> bytes:
    """Every byte that lies there."""
    return b"".join(each.read_bytes() for each in [path, *path.rglob("*")] if each.is_file())


@pytest.mark.parametrize(
    "key", [KEY, KEY[:24], KEY[:16], secrets.token_bytes(32), secrets.token_hex(16), "16 bytes of text"]
)
@pytest.mark.parametrize("options", [{}, {"partition_by": "network"}])
def test_encrypted_table_comes_back(tmp_path: Path, key: bytes | str, options: dict[str, Any]) -> None:
    """A file and a folder give back the very frame that was saved, with a key of any size that AES has."""
    path = tmp_path / ("folder" if options else "file.parquet")
    isms.save_table(people(), path, key=key, **options)
    loaded = isms.load_table(path, key=key)

    pd.testing.assert_frame_equal(loaded, people())
    assert loaded.attrs == people().attrs


VALUES = st.lists(
    st.tuples(st.none() | st.text(), st.none() | st.integers(-(2**15), 2**15 - 1), st.none() | st.booleans())
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=VALUES, key=st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_whatever_was_encrypted_comes_back(tmp_path: Path, rows: list[Any], key: bytes) -> None:
    """Any values under any key, no row included, are the same after saving and loading."""
    frame = pd.DataFrame(
        {
            "text": pd.array([row[0] for row in rows], dtype="str"),
            "word": pd.Categorical([row[0] for row in rows], categories=sorted({row[0] for row in rows} - {None})),
            "code": pd.array([row[1] for row in rows], dtype="Int16"),
            "flag": pd.array([row[2] for row in rows], dtype="boolean"),
        }
    )
    isms.save_table(frame, tmp_path / "a.parquet", key=key)

    pd.testing.assert_frame_equal(isms.load_table(tmp_path / "a.parquet", key=key), frame)


@pytest.mark.parametrize("options", [{}, {"partition_by": "segments"}])
def test_nothing_of_it_lies_in_the_clear(tmp_path: Path, options: dict[str, Any]) -> None:
    """Neither a value, nor a column's name, nor the metadata, nor the key can be found in the bytes."""
    words = [
        b"306970000001",
        b"msisdn",
        b"Cosmote",
        "Μαρία".encode(),
        b"margin",
        b"isms_data",
        b"pandas",
        KEY,
        KEY.hex().encode(),
    ]
    isms.save_table(people(), tmp_path / "open/", **options)
    isms.save_table(people(), tmp_path / "closed/", key=KEY, **options)

    assert [word in in_the_clear(tmp_path / "closed") for word in words] == [False] * len(words)
    assert all(word in in_the_clear(tmp_path / "open") for word in words[1:-2])


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize(("key", "words"), [(None, "is encrypted. Load it with the key"), (OTHER, "another key")])
def test_missing_or_wrong_key(tmp_path: Path, key: bytes | None, words: str, *, folder: bool) -> None:
    """Without the key, or with another, nothing is loaded and the error says which of the two it is, and no key."""
    path = tmp_path / ("folder/" if folder else "file.parquet")
    isms.save_table(people(), f"{path}/" if folder else path, key=KEY)
    with pytest.raises(isms.TableError, match=words) as caught:
        isms.load_table(path, key=key)

    assert "another key:" not in str(caught.value)
    assert KEY.decode() not in str(caught.value)


def test_key_for_a_file_that_is_not_encrypted(tmp_path: Path) -> None:
    """Who expects an encrypted file is told when it is none: it may have been put in its place."""
    isms.save_table(people(), tmp_path / "a.parquet")

    with pytest.raises(isms.TableError, match=r"is not encrypted.*Without key= it loads"):
        isms.load_table(tmp_path / "a.parquet", key=KEY)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_changed_byte_is_noticed(tmp_path: Path, place: float) -> None:
    """A file in which one bit was turned is refused, not read with another value."""
    path = tmp_path / "a.parquet"
    isms.save_table(people(), path, key=KEY)
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)

    with pytest.raises(isms.TableError, match="another key than the one given, or it is damaged"):
        isms.load_table(path, key=KEY)


def test_same_frame_is_never_the_same_file(tmp_path: Path) -> None:
    """Two files of one frame under one key share no text of their ciphers, so equal lists cannot be told."""
    for name in ("a", "b"):
        isms.save_table(people(), tmp_path / f"{name}.parquet", key=KEY)
    one, two = (in_the_clear(tmp_path / f"{name}.parquet") for name in ("a", "b"))

    assert not {one[at : at + 12] for at in range(4, len(one) - 40)} & {
        two[at : at + 12] for at in range(4, len(two) - 40, 12)
    }


@pytest.mark.parametrize("key", [b"", "", b"short", KEY[:17], KEY + b"!", "α" * 15, 5, bytearray(KEY), ["k"] * 16])
def test_key_that_cannot_be_used(tmp_path: Path, key: Any) -> None:
    """A key of another size or kind is an error that does not quote it, before anything is written or read."""
    for refused in (
        lambda: isms.save_table(people(), tmp_path / "a.parquet", key=key),
        lambda: isms.load_table(tmp_path, key=key),
    ):
        with pytest.raises(isms.ConfigurationError, match=r"key (has \d+ bytes|is a)") as caught:
            refused()
        assert not isinstance(key, (bytes, str)) or not key or repr(key) not in str(caught.value)

    assert list(tmp_path.iterdir()) == []


def test_others_read_it_with_the_key(tmp_path: Path) -> None:
    """It is Parquet's own encryption: Arrow and DuckDB read the file when they are given the same key."""
    path = tmp_path / "a.parquet"
    isms.save_table(people(), path, key=KEY)
    arrow = pq.read_table(path, decryption_properties=encryption.create_decryption_properties(footer_key=KEY))
    database = duckdb.connect()
    database.execute(f"PRAGMA add_parquet_key('ours', '{KEY.decode()}')")
    found = database.execute(
        f"SELECT msisdn FROM read_parquet('{path}', encryption_config = {{footer_key: 'ours'}})"  # noqa: S608 - our path
    ).fetchall()

    assert arrow.column("msisdn").to_pylist() == [row for (row,) in found] == ["306970000001", None, "306970000003"]


def test_encrypted_files_of_others_are_loaded(tmp_path: Path) -> None:
    """An encrypted file or folder that something else wrote is loaded like any other of theirs."""
    table = pa.table({"msisdn": ["306970000001"]})
    (tmp_path / "theirs").mkdir()
    properties = encryption.create_encryption_properties(footer_key=KEY)
    pq.write_table(table, tmp_path / "theirs/a.parquet", encryption_properties=properties)

    for path in (tmp_path / "theirs", tmp_path / "theirs/a.parquet"):
        assert isms.load_table(path, key=KEY)["msisdn"].tolist() == ["306970000001"]
