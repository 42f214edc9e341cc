"""Cleaning, parsing and pseudonyms over a dask frame give what the pandas functions give for all rows at once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isms_data as isms
import isms_data.dask as isms_dask
from isms_data.dask.repeats import Standing, repeated, repeats
from isms_data.errors import ColumnError, ConfigurationError, IsmsWarning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

same = pd.testing.assert_frame_equal
KEY = b"a key for the tests, 32 bytes it"

CELLS = [
    *("6970000001", "+30 697 000 0001", "306970000001", "6970000002.0", "+447911123456"),
    *("2101234567", "6.97E+09", "none", "", None, "6970000001 / 6970000003", "6970000002, 6970000001"),
]
REPLIES = [
    "Delivered;Greece;WIND HELLAS;202101234567890;306930000000;0",
    "Delivered;Cyprus;Cyta;280011234567890;35799000000;0",
    "Undelivered;Greece;Cosmote;202011234567890;;1B",
    "Undelivered;;;;;27",
    "Failed;Greece;Vodafone;;;1",
    "not a reply",
    None,
]


def in_parts(frame: Any, cuts: Sequence[int]) -> Any:
    """The rows as a dask frame of partitions that end at these rows, some of them perhaps empty."""
    ends = [0, *sorted(cuts), len(frame)]
    parts = [frame.iloc[start:end] for start, end in pairwise(ends)]
    with dask.config.set({"dataframe.convert-string": False}):
        return dd.from_map(lambda part: part, parts, meta=frame.iloc[:0])


def cuts_of(rows: list[Any]) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, len(rows)), max_size=9)


@st.composite
def columns_in_parts(draw: st.DrawFn, cells: list[Any]) -> tuple[pd.Series, list[int]]:
    rows = draw(st.lists(st.sampled_from(cells), max_size=30))
    return pd.Series(rows, dtype="str"), draw(cuts_of(rows))


@settings(max_examples=40)
@given(
    column=columns_in_parts(CELLS),
    split=st.booleans(),
    suppress=st.sampled_from([None, ["6970000002"], pd.Series(["+35799123456"])]),
)
def test_cleaning_is_the_same_in_any_partitions(
    *, column: tuple[pd.Series, list[int]], split: bool, suppress: Any
) -> None:
    """Numbers, words and first rows of repeated ones are as for all rows at once, however these are cut up."""
    cells, cuts = column
    frame = pd.DataFrame({"mobile": cells, "more": range(len(cells))})

    lazy = isms_dask.clean_numbers(in_parts(frame, cuts), "mobile", split=split, suppress=suppress)
    expected = isms.clean_numbers(frame, "mobile", split=split, suppress=suppress)

    same(lazy._meta, expected.iloc[:0], check_index_type=False)
    same(lazy.compute(), expected, check_index_type=False)


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]", "object", "category", "int64", "Int64", "float64"])
def test_cleaning_takes_a_column_of_any_dtype(dtype: str) -> None:
    """Text with `<NA>` or NaN, words, whole numbers and floats are cleaned as in pandas."""
    digits = pd.Series([6970000001, 6970000002, 6970000001, 2101234567])
    cells = digits.astype(dtype) if dtype.endswith("64") else digits.astype("str").astype(dtype)
    frame = pd.DataFrame({"mobile": cells}, index=pd.Index(["b", "a", "a", "c"], dtype="str"))

    same(isms_dask.clean_numbers(in_parts(frame, [1, 3]), "mobile").compute(), isms.clean_numbers(frame, "mobile"))


def test_cleaning_of_strings_as_dask_makes_them() -> None:
    """Dask's own strings, whose null is `<NA>`, stay the caller's; ours are as ever."""
    lazy = dd.from_pandas(pd.DataFrame({"mobile": ["6970000001", None, "6970000001"]}), npartitions=2)
    cleaned = isms_dask.clean_numbers(lazy, "mobile").compute()

    same(cleaned, isms.clean_numbers(lazy.compute(), "mobile"))
    assert cleaned["mobile"].dtype.na_value is pd.NA
    assert cleaned["msisdn"].dtype == "str"


def test_cleaning_names_new_columns_as_asked(tmp_path: Path) -> None:
    """A prefix, the replacing of columns, a file of suppressed numbers, and a path in place of a frame."""
    frame = pd.DataFrame({"msisdn": ["6970000001", "6970000002", "6970000001"]})
    (tmp_path / "stop.txt").write_text("6970000002\n")
    isms.save_table(frame, tmp_path / "list.parquet")
    options = {"suppress": tmp_path / "stop.txt", "prefix": "x_"}

    same(
        isms_dask.clean_numbers(tmp_path / "list.parquet", "msisdn", **options).compute(),
        isms.clean_numbers(frame, "msisdn", **options),
    )
    same(
        isms_dask.clean_numbers(in_parts(frame, [2]), "msisdn", replace=True).compute(),
        isms.clean_numbers(frame, "msisdn", replace=True),
    )


def test_cleaning_refuses_at_once() -> None:
    """What is wrong with the call is said before anything is computed."""
    lazy = in_parts(pd.DataFrame({"mobile": ["6970000001"], "msisdn": ["x"]}), [])

    with pytest.raises(ColumnError, match="no column 'phone'"):
        isms_dask.clean_numbers(lazy, "phone", replace=True)
    with pytest.raises(ColumnError, match="already has 'msisdn'"):
        isms_dask.clean_numbers(lazy, "mobile")
    with pytest.raises(ConfigurationError, match="region='XX'"):
        isms_dask.clean_numbers(lazy, "mobile", region="XX")
    with pytest.raises(ColumnError, match=r"expected a dask DataFrame or the path.*isms_data"):
        isms_dask.clean_numbers(pd.DataFrame({"mobile": []}), "mobile")


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(1, 6), max_size=8), min_size=1, max_size=20))
def test_repeated_rows_are_those_that_came_before(parts: list[list[int]]) -> None:
    """A row is repeated if its number stands above it anywhere, and its first row is the topmost."""
    frame = dd.from_map(lambda part: pd.DataFrame({"n": np.array(part, np.int64)}), parts, meta={"n": "int64"})
    tables = repeats(frame, whole).to_delayed()
    flat = [number for part in parts for number in part]
    found, begin = {}, 0
    for part, table in zip(parts, dask.compute(*tables), strict=True):
        rows, first = repeated(whole(pd.DataFrame({"n": np.array(part, np.int64)})), table)
        found |= dict(zip((rows + begin).tolist(), first.tolist(), strict=True))
        begin += len(part)

    assert found == {row: flat.index(each) for row, each in enumerate(flat) if flat.index(each) < row}


def whole(part: pd.DataFrame) -> Standing:
    return Standing(part["n"].to_numpy(), np.arange(len(part)), len(part))


# Replies


@settings(max_examples=25)
@given(column=columns_in_parts(REPLIES), hexadecimal=st.sampled_from([None, True, False]), known=st.booleans())
def test_parsing_is_the_same_in_any_partitions(
    *, column: tuple[pd.Series, list[int]], hexadecimal: bool | None, known: bool
) -> None:
    """Categories are those of all replies, and one code with a letter makes all codes hexadecimal."""
    replies, cuts = column
    numbers = pd.Series(["306970000001"] * len(replies), dtype="str")
    frame = in_parts(pd.DataFrame({"reply": replies, "msisdn": numbers}), cuts)

    lazy = isms_dask.parse_hlr(frame["reply"], msisdn=frame["msisdn"] if known else None, hexadecimal=hexadecimal)
    expected = isms.parse_hlr(replies, msisdn=numbers if known else None, hexadecimal=hexadecimal)

    same(lazy._meta, expected.iloc[:0], check_index_type=False)
    same(lazy.compute(), expected, check_index_type=False)


def test_parsing_with_a_table_of_ones_own() -> None:
    """A table of error codes goes to every partition whole."""
    table = pd.DataFrame({"code": [27, 1], "name": ["away", "gone"], "class": ["temporary", "permanent"]})
    table["verdict"] = ["retry_later", "dead"]
    replies = pd.Series(REPLIES[3:5], dtype="str")

    lazy = isms_dask.parse_hlr(in_parts(replies, [1]), error_codes=table)

    same(lazy.compute(), isms.parse_hlr(replies, error_codes=table))
    assert lazy.compute()["error_name"].tolist() == ["away", "gone"]


def test_parsing_refuses_what_is_no_series_of_dask() -> None:
    """A pandas Series, and numbers in other partitions than the replies, are refused."""
    replies = pd.Series(REPLIES, dtype="str")

    with pytest.raises(ColumnError, match="expected a dask Series"):
        isms_dask.parse_hlr(replies)
    with pytest.raises(ColumnError, match="different partitions"):
        isms_dask.parse_hlr(in_parts(replies, [1]), msisdn=in_parts(replies, []))


# Pseudonyms


@pytest.mark.parametrize("cuts", [[], [0, 2], [1, 2, 3]])
def test_pseudonyms_are_the_same_in_any_partitions(cuts: list[int]) -> None:
    """Numbers, words, lists, IMSIs and exchanges get what they get in pandas, dtypes and categories too."""
    numbers = pd.Series(["306970000001", None, "306970000002", "306970000001"], dtype="str")
    lists = pd.Series(
        [["306970000003"], None, [], ["306970000001"]],
        dtype=isms_dask.clean_numbers(in_parts(pd.DataFrame({"m": numbers}), []), "m", split=True).dtypes[
            "other_msisdns"
        ],
    )
    frame = pd.DataFrame({"msisdn": numbers, "word": numbers.astype("category"), "other_msisdns": lists})
    frame["hlr_imsi"] = pd.Series(["202011234567890", None, "280101234567890", None], dtype="str")
    named = list(frame.columns)

    lazy = isms_dask.pseudonymise(in_parts(frame.assign(kept=1), cuts), named, KEY)
    expected = isms.pseudonymise(frame.assign(kept=1), named, KEY)

    same(lazy._meta, expected.iloc[:0], check_index_type=False)
    same(lazy.compute(), expected)


def test_pseudonyms_remark_on_what_is_left() -> None:
    """Columns of numbers that were not named are told at once; a short key is refused, unquoted."""
    lazy = in_parts(pd.DataFrame({"msisdn": ["306970000001"], "imsi": ["202011234567890"]}), [])

    with pytest.warns(IsmsWarning, match="not named.*imsi"):
        isms_dask.pseudonymise(lazy, "msisdn", KEY)
    with pytest.raises(ConfigurationError, match="key has 5 bytes") as refused:
        isms_dask.pseudonymise(lazy, ["msisdn", "imsi"], b"short")
    assert "short" not in str(refused.value)
