"""Pseudonyms: the same for the same number and key, nobody's without the key, and nothing else in the frame changes."""

from __future__ import annotations

import hmac
import re
import warnings
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import ColumnError, ConfigurationError, IsmsWarning
from isms_data.msisdn import clean_numbers
from isms_data.pseudonyms import pseudonymise

KEY = b"a key that is long enough"
A, B, C = "306970000001", "306970000002", "35799000001"
LISTS = pd.ArrowDtype(pa.list_(pa.string()))
NUMBERS = st.lists(st.none() | st.from_regex(r"\A[1-9][0-9]{4,14}\Z"))


def in_column(values: Any, *, dtype: Any = "str", key: bytes | str = KEY) -> list[Any]:
    frame = pseudonymise(pd.DataFrame({"n": pd.array(values, dtype=dtype)}), "n", key)
    return frame["n"].astype(object).where(frame["n"].notna(), None).tolist()


def test_pseudonym_is_the_keyed_hash() -> None:
    """The pseudonym is BLAKE2b under the key, spelt in base 32: an independent reckoning bit by bit gives the same."""
    digest = blake2b(A.encode(), key=KEY, digest_size=15, person=b"isms_data number").digest()
    bits = f"{int.from_bytes(digest, 'big'):0120b}"
    letters = "".join("abcdefghijklmnopqrstuvwxyz234567"[int(bits[at : at + 5], 2)] for at in range(0, 120, 5))

    assert in_column([A]) == [f"p_{letters}"]


@given(numbers=NUMBERS)
def test_equal_numbers_and_only_they_have_equal_pseudonyms(numbers: list[str | None]) -> None:
    """Within a column pseudonyms are equal just where numbers are, null just where they are null, all of one form."""
    found = in_column(numbers)

    assert [one == two for one in found for two in found] == [one == two for one in numbers for two in numbers]
    assert all(value is None or re.fullmatch(r"p_[a-z2-7]{24}", value) for value in found)


@given(numbers=NUMBERS)
def test_no_pseudonym_is_read_as_a_number(numbers: list[str | None]) -> None:
    """A pseudonym that gets into a list by mistake is nobody's number."""
    cleaned = clean_numbers(pd.DataFrame({"n": pd.array(in_column(numbers), dtype="str")}), "n")

    assert cleaned["msisdn"].isna().all()


def test_frames_can_still_be_joined() -> None:
    """Two frames under one key meet in the same rows as before, whatever dtype each column has."""
    one = pd.DataFrame({"msisdn": [A, B, None], "x": [1, 2, 3]})
    two = pd.DataFrame({"mobile": pd.Categorical([C, B]), "y": [4, 5]})
    joined = pseudonymise(one, "msisdn", KEY).merge(
        pseudonymise(two, ["mobile"], KEY.decode()), left_on="msisdn", right_on="mobile"
    )

    assert joined[["x", "y"]].to_numpy().tolist() == [[2, 5]]


def test_another_key_gives_others() -> None:
    """Under another key nothing agrees, not even where one key begins like the other or is longer than a block."""
    keys = [KEY, KEY + b"\0", KEY * 5, KEY * 6, KEY[::-1]]

    assert len({in_column([A], key=key)[0] for key in keys}) == len(keys)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([A, None, A], dtype="str"),
        pd.Series([A, None, A], dtype="string"),
        pd.Series([A, None, A], dtype=object),
        pd.Series([A, np.nan, A], dtype="category"),
        pd.Series([A, None, A], dtype=pd.ArrowDtype(pa.string())),
        pd.Series([[A, None], None, []], dtype=LISTS),
        pd.Series([None, None, None], dtype="str"),
        pd.Series([None, None, None], dtype=object),
        pd.Series([np.nan, np.nan, np.nan]),
        pd.Series([None, None, None], dtype=LISTS),
    ],
    ids=lambda values: f"{values.dtype}-{values.notna().sum()}",
)
@pytest.mark.parametrize("rows", [slice(None), slice(1), slice(0)], ids=["all", "one", "none"])
def test_rows_index_and_dtypes_stay(values: pd.Series, rows: slice) -> None:
    """Any column of text, words or lists keeps dtype and nulls under duplicated labels; the caller's frame stays."""
    index = pd.MultiIndex.from_arrays([["x", "x", "y"], [1, 1, 2]], names=["a", None])
    frame = pd.DataFrame({"before": [1, 2, 3], "n": values, "after": ["α", "β", None]}).set_axis(index).iloc[rows]
    frame.attrs = {"note": "kept"}
    copy = frame.copy(deep=True)
    found = pseudonymise(frame, "n", KEY)

    pd.testing.assert_frame_equal(frame, copy)
    pd.testing.assert_frame_equal(found.drop(columns="n"), frame.drop(columns="n"))
    assert list(found.columns) == ["before", "n", "after"]
    assert found["n"].isna().tolist() == frame["n"].isna().tolist()
    assert found["n"].dtype == frame["n"].dtype or isinstance(found["n"].dtype, pd.CategoricalDtype)
    assert found.attrs == {"note": "kept"}


def test_words_do_not_tell_the_order_of_the_numbers() -> None:
    """The categories are the pseudonyms that occur, sorted: they tell neither who is lower nor who is absent."""
    words = pd.DataFrame({"n": pd.Categorical([B, A], categories=[A, B, C])})
    found = pseudonymise(words, "n", KEY)["n"]

    assert found.cat.categories.tolist() == sorted(found)
    assert found.tolist() == in_column([B, A])


def test_lists_have_the_pseudonyms_of_their_numbers() -> None:
    """Further numbers of a cell get the pseudonyms that they have anywhere else; nulls and empty lists stay."""
    found = in_column([[A, B], None, [], [None, A]], dtype=LISTS)
    one, two = in_column([A, B])

    assert [each if each is None else list(each) for each in found] == [[one, two], None, [], [None, one]]


def test_part_of_a_longer_column_of_lists() -> None:
    """A slice of a column is pseudonymised as if it were the whole."""
    frame = pd.DataFrame({"n": pd.array([[A], [B, C], None, [C]], dtype=LISTS)})

    assert pseudonymise(frame.iloc[1:], "n", KEY)["n"].tolist()[0] == in_column([B, C])


@pytest.mark.parametrize("name", ["imsi", "hlr_imsi"])
def test_imsi_is_cut_to_its_network(name: str) -> None:
    """What is left of an IMSI is its country and network, by tables; where they do not know, nothing."""
    values = ["202011234567890", "310260123456789", "40400", "99999", "", None, "202011234567890"]
    found = pseudonymise(pd.DataFrame({name: values}), name, KEY)[name]

    assert found.fillna("-").tolist() == ["20201", "310260", "40400", "-", "-", "-", "20201"]


def test_exchange_is_cut_to_its_calling_code() -> None:
    """What is left of an exchange's address is the calling code, as words or text."""
    frame = pd.DataFrame(
        {"serving_msc": pd.Categorical(["306942190000", "35799000000", "77011", "14165550123", "999", None])}
    )
    found = pseudonymise(frame, "serving_msc", KEY)["serving_msc"]

    assert found.astype("str").fillna("-").tolist() == ["30", "357", "7", "1", "-", "-"]


def test_other_spellings_are_remarked_upon() -> None:
    """A number in another spelling gets another pseudonym, so values that are no MSISDNs are counted in a warning."""
    with pytest.warns(IsmsWarning, match=r"3 of 4 distinct values in column 'n' are no MSISDNs.*clean_numbers") as told:
        found = in_column([A, f"+{A}", "697 000 0001", "Μαρία", A])

    assert len(set(found)) == 4
    assert A not in str(told[0].message)
    assert told[0].filename == __file__


def test_columns_that_were_not_named_are_remarked_upon() -> None:
    """A frame that still has numbers, IMSIs or exchanges is not taken for pseudonymous."""
    frame = pd.DataFrame(
        {"msisdn": [A], "other_msisdns": pd.array([[B]], dtype=LISTS), "imsi": ["20201"], "text": ["Hi"]}
    )
    with pytest.warns(IsmsWarning, match="left with their personal data: other_msisdns, imsi. ") as told:
        pseudonymise(frame, "msisdn", KEY)

    assert told[0].filename == __file__
    with pytest.warns(IsmsWarning, match="personal data: imsi. "):
        pseudonymise(frame, ["msisdn", "other_msisdns"], KEY)
    with warnings.catch_warnings(action="error"):
        pseudonymise(frame, ["msisdn", "other_msisdns", "imsi"], KEY)


@pytest.mark.parametrize("key", [b"", "", b"fifteen bytes..", "δεκα", 5, None, bytearray(KEY)])
def test_key_that_cannot_be_used(key: Any) -> None:
    """A key that is short or no key is an error that does not quote it."""
    with pytest.raises(ConfigurationError, match=r"key (has \d+ bytes, fewer than 16|is a)") as caught:
        pseudonymise(pd.DataFrame({"n": [A]}), "n", key)

    assert not key or str(key) not in str(caught.value)


def test_key_is_nowhere_in_the_result() -> None:
    """Neither attributes nor values nor names of the frame have the key, in bytes, text or hexadecimal."""
    found = pseudonymise(pd.DataFrame({"n": [A]}), "n", KEY)
    shown = f"{found!r}{found.attrs!r}{found.to_dict()!r}"

    assert not any(
        secret in shown for secret in (KEY.decode(), KEY.hex(), hmac.new(KEY, A.encode(), "sha256").hexdigest())
    )


@pytest.mark.parametrize(
    ("frame", "column", "words"),
    [
        (pd.DataFrame({"n": [A]}), "m", "there is no column 'm'"),
        (pd.DataFrame([[A, B]], columns=["n", "n"]), "n", "2 columns are called 'n'"),
        (pd.DataFrame({"n": [306970000001]}), "n", "holds int64, so numbers may have lost digits"),
        (pd.DataFrame({"n": [A, 5]}, dtype=object), "n", "holds a int among its texts"),
        (pd.DataFrame({"n": pd.array([[5]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))}), "n", "lists of int64"),
        (pd.Series([A]), "n", "expected a pandas DataFrame"),
    ],
)
def test_column_that_cannot_be_used(frame: Any, column: str, words: str) -> None:
    """A column that is missing, meant twice or no text is an error that says what to do."""
    with pytest.raises(ColumnError, match=re.escape(words)):
        pseudonymise(frame, column, KEY)
