"""Cleaning numbers as a user meets it: what comes out of each cell, and that nothing else changes."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from isms_data.cleaning.number_patterns import metadata, regions_of
from isms_data.cleaning.readings import BLOCK
from isms_data.errors import ColumnError, ConfigurationError, ListError
from isms_data.msisdn import NUMBER_COLUMNS, clean_numbers
from isms_data.vocabulary import NumberStatus, words

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "cleaning.py"
AGREEMENT_CASES = 50_000

MOBILE = "306912345678"
OTHER = "306971234567"
FIXED = "302101234567"


def column(*cells: Any, dtype: Any = "str") -> pd.DataFrame:
    return pd.DataFrame({"phone": pd.Series(list(cells), dtype=dtype)})


def cleaned(*cells: Any, dtype: Any = "str", **options: Any) -> pd.DataFrame:
    return clean_numbers(column(*cells, dtype=dtype), "phone", **options)


def one(cell: Any, **options: Any) -> tuple[str | None, str, str | None]:
    """Number, status and problem of a single cell."""
    row = cleaned(cell, dtype=object, **options).iloc[0]
    return tuple(None if pd.isna(row[name]) else row[name] for name in ("msisdn", "number_status", "number_problem"))


SAME_NUMBER = [
    *("6912345678", "+306912345678", "306912345678", "00306912345678", "06912345678", "+30 (0) 691 234 5678"),
    *("691 234 5678", "691-234-5678", "691.234.5678", "(691) 2345678", "+30 691/2345678", "6,912,345,678"),
    *("6912345678.0", "6912345678.00", "6912345678,0", " 6912345678.0 ", "'6912345678", '="6912345678"'),
    *(
        "691\u00a0234\u00a05678",
        "\u200e+30\u202c6912345678",
        "\ufeff6912345678",
        "691\u20112345678",
        "691\u22122345678",
    ),
    *("６９１２３４５６７８", "＋30 ６９１２３４５６７８", "٦٩١٢٣٤٥٦٧٨", "۶۹۱۲۳۴۵۶۷۸", "६९१२३४५६७८", "6️⃣912345678"),
    *("6.912345678E9", "6.912345678e+09", "6,912345678E9", "6912345678E0", "6.912345678000E+09", "3.06912345678E+11"),
    *("69l2345678", "69I2345678", "69Ι2345678"),  # the last is a Greek iota
    *("κιν: 6912345678", "ΚΙΝΗΤΟ 6912345678", "tel:+30-691-234-5678", "Tel. 6912345678", "6912345678 (Μαρία)"),
    *("6912345678 x12", "6912345678 ext. 12", "6912345678;ext=12", "6912345678 εσωτ. 12", "6912345678 #4"),
    *("6912345678/6912345678", "6912345678 / +306912345678"),
]


@pytest.mark.parametrize("cell", SAME_NUMBER)
def test_spelling_gives_the_number(cell: str) -> None:
    """However a mobile is written, the same MSISDN comes out, with nothing wrong about it."""
    assert one(cell) == (MOBILE, "mobile", None)


@pytest.mark.parametrize(
    ("cell", "number"),
    [("69O5O12345", "306905012345"), ("69Ο5ο12345", "306905012345"), ("69О5о12345", "306905012345")],
)
def test_letter_o_is_a_zero(cell: str, number: str) -> None:
    """O and o are zeros in Latin, Greek and Cyrillic, where no other letter stands in the cell."""
    assert one(cell)[:2] == (number, "mobile")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("6.91235E+09", "lost digits: 6.91235E+09 shows 6 of 10 digits"),
        ("6.91234567E9", "lost digits: 6.91234567E9 shows 9 of 10 digits"),
        ("6.9E9", "lost digits: 6.9E9 shows 2 of 10 digits"),
        ("7E9", "lost digits: 7E9 shows 1 of 10 digits"),
        ("6.99307844E9", "lost digits: 6.99307844E9 shows 9 of 10 digits"),
        ("6.9123456785E8", "not a whole number"),
        ("κιν 6.912345678E9", "scientific notation with other text in the cell"),
        ("abc", "no digits in it"),
        ("+", "no digits in it"),
        ("691234567", "9 digits, a Greek mobile has 10"),
        ("69123456789", "11 digits, a Greek mobile has 10"),
        ("6", "1 digit, a Greek mobile has 10"),
        ("+3069123456", "8 digits, a Greek mobile has 10"),
        ("+3579912345", "7 digits, a Cypriot mobile has 8"),
        ("+4915123", "5 digits, a mobile of DE has 10 or 11"),
        ("6811234567", "starts with 681, in no range that Greece uses"),
        ("+49151", "3 digits, a mobile of DE has 10 or 11"),
        ("+8829", "1 digit, a mobile of +882 has 7 or 8 or 9 or 10 or 12"),
        ("+979123", "starts with 123, in no range that +979 uses"),
        ("+999123456", "begins with + or an international prefix, but with no country's calling code"),
        ("447911123456", "12 digits, a Greek mobile has 10; with + in front it is a number of GG"),
        ("69A2345678", "letters or signs between the digits"),
        ("691;2345678", "several groups of digits, none of them a number by itself"),
        ("12/05/2024", "8 digits, a Greek mobile has 10"),
        ("6912345678/79", "a number and other digits in one cell: split=True takes the number"),
        ("6912345678 / 6971234567", "two numbers or more in one cell: split=True takes them apart"),
    ],
)
def test_refused_cell_says_why(cell: str, problem: str) -> None:
    """A cell that gives no number is invalid, gives null, and says in words what is wrong with it."""
    assert one(cell) == (None, "invalid", problem)


@pytest.mark.parametrize("cell", [None, np.nan, pd.NA, pd.NaT, "", "   ", "\u00a0\u200b", "'", "-", "--", "()"])
def test_empty_cell_is_empty(cell: Any) -> None:
    """Nulls of every kind, blanks, invisible marks and bare punctuation are `empty`."""
    assert one(cell) == (None, "empty", "the cell is empty")


@pytest.mark.parametrize(
    ("cell", "number", "status", "problem"),
    [
        ("2101234567", FIXED, "fixed_line", "a fixed line, not a mobile"),
        ("210/1234567", FIXED, "fixed_line", "a fixed line, not a mobile"),
        ("8001234567", "308001234567", "other_type", "a toll-free number, not a mobile"),
        ("9091234567", "309091234567", "other_type", "a premium-rate number, not a mobile"),
        ("7012345678", "307012345678", "other_type", "a personal number that is forwarded, not a mobile"),
        ("6921234567", "306921234567", "other_type", "starts with 692, which is paging in Greece"),
        ("6961234567", "306961234567", "other_type", "starts with 696, which is trunked radio in Greece"),
        ("6861234567", "306861234567", "mobile", None),
        ("+1 201 555 0123", "12015550123", "mobile", None),  # fixed line or mobile, nobody can tell
    ],
)
def test_type_decides_the_status(cell: str, number: str, status: str, problem: str | None) -> None:
    """Any valid number has its MSISDN; what is no mobile says what it is, the regulator's word first."""
    assert one(cell) == (number, status, problem)


@pytest.mark.parametrize("prefix", ["685", "686", "687", "688", "689", *(f"69{n}" for n in range(10))])
def test_greek_mobile_ranges_are_the_regulators(prefix: str) -> None:
    """685-689 and 69x are mobile but for 692 (paging) and 696 (trunked radio)."""
    assert (one(f"{prefix}1234567")[1] == "mobile") == (prefix not in {"692", "696"})


def test_country_and_operator_come_with_the_number() -> None:
    """The country is the number's, and the operator who first held its range; null where not known."""
    frame = cleaned("6971234567", "+35796123456", "+77011234567", "+35794123456", "2101234567", "+870773111632", "x")

    assert frame.country_code.astype(object).where(frame.country_code.notna(), None).tolist() == [
        *("GR", "CY", "KZ", "CY", "GR"),
        *(None, None),
    ]
    assert frame.range_operator[[0, 1]].tolist() == ["Cosmote", "Epic"]
    assert frame.range_operator[3:].isna().all()


def test_first_of_equal_mobiles_stays_mobile() -> None:
    """Later rows of the same mobile are duplicates, keep their MSISDN and name the first row; fixed lines do not."""
    frame = cleaned("6912345678", "2101234567", "+30 691 2345678", "2101234567", "6912345678.0")

    assert frame.number_status.tolist() == ["mobile", "fixed_line", "duplicate", "fixed_line", "duplicate"]
    assert frame.msisdn.tolist() == [MOBILE, FIXED, MOBILE, FIXED, MOBILE]
    assert frame.number_problem[[2, 4]].tolist() == ["the same number as in row 0"] * 2


@pytest.mark.parametrize(
    "suppress",
    [
        ["+30 697 1234567", 302101234567],
        (number for number in (6971234567, "210/1234567")),
        pd.Series(["6971234567; 2101234567"], index=["a"]),
        {OTHER, FIXED},
        np.array([6971234567.0, 2101234567.0]),
    ],
    ids=["list", "generator", "series", "set", "array"],
)
def test_suppressed_number_is_never_mobile(suppress: Any) -> None:
    """A number on the suppression list is `suppressed` in every row, whatever its spelling, type or repetition."""
    frame = cleaned("6912345678", "6971234567", "2101234567", "6971234567", suppress=suppress)

    assert frame.number_status.tolist() == ["mobile", "suppressed", "suppressed", "suppressed"]
    assert frame.number_problem[1] == "on the suppression list"
    assert frame.msisdn.tolist() == [MOBILE, OTHER, FIXED, OTHER]


def test_suppression_takes_our_own_msisdns() -> None:
    """A number of another country is suppressed by its MSISDN too, which has no plus."""
    assert one("+447911123456", suppress=["447911123456"])[1] == "suppressed"


@pytest.mark.parametrize(
    "content",
    [
        "6971234567\n2101234567\n",
        "mobile;name\n6971234567;Α\n+302101234567;Β\n",
        "name,phone\nΑ,697 1234567\nΒ,2101234567\n",
    ],
    ids=["no header", "semicolons", "second column"],
)
def test_suppression_file_counts_every_cell(tmp_path: Path, content: str) -> None:
    """A file of numbers works with and without a header, in any column, and its first line is not lost."""
    file = tmp_path / "stop.csv"
    file.write_text(content, encoding="utf-8")

    for path in (file, str(file)):
        frame = cleaned("6971234567", "2101234567", "6912345678", suppress=path)
        assert frame.number_status.tolist() == ["suppressed", "suppressed", "mobile"]


def test_suppression_that_cannot_be_read_ends_the_run(tmp_path: Path) -> None:
    """A missing file, or something that is no list, is an error and not an empty list."""
    with pytest.raises(ListError):
        cleaned("6971234567", suppress=tmp_path / "missing.csv")
    for wrong in (6971234567, pd.DataFrame({"a": ["6971234567"]}), b"6971234567"):
        with pytest.raises(ConfigurationError, match="suppress"):
            cleaned("6971234567", suppress=wrong)


@pytest.mark.parametrize(
    ("cell", "number", "others"),
    [
        ("6912345678", MOBILE, None),
        ("6912345678 / 6971234567", MOBILE, [OTHER]),
        ("6912345678;6971234567", MOBILE, [OTHER]),
        ("6912345678,6971234567", MOBILE, [OTHER]),
        ("6912345678|6971234567", MOBILE, [OTHER]),
        ("6912345678 & 6971234567", MOBILE, [OTHER]),
        ("6912345678\n6971234567", MOBILE, [OTHER]),
        ("6912345678 και 6971234567", MOBILE, [OTHER]),
        ("6912345678 or 6971234567", MOBILE, [OTHER]),
        ("6912345678 6971234567", MOBILE, [OTHER]),
        ("6912345678-6971234567", MOBILE, [OTHER]),
        ("6912345678+306971234567", MOBILE, [OTHER]),
        ("σπίτι 2101234567 κιν. 6912345678", MOBILE, [FIXED]),
        ("2101234567 / 6912345678 / 6971234567", MOBILE, [FIXED, OTHER]),
        ("6912345678 6971234567 2101234567", MOBILE, [OTHER, FIXED]),
        ("6912345678/79", MOBILE, None),
        ("6912345678 / 6912345678", MOBILE, None),
        ("210/1234567", FIXED, None),
        ("69/12", None, None),
        ("6912345678 / 6980000001", MOBILE, None),  # the second is on the suppression list
    ],
)
def test_split_takes_cells_apart(cell: str, number: str | None, others: list[str] | None) -> None:
    """The first mobile of a cell is the row's, or its first number; the rest are listed, suppressed ones left out."""
    row = cleaned(cell, split=True, suppress=["6980000001"]).iloc[0]

    assert (None if pd.isna(row.msisdn) else row.msisdn) == number
    assert (row.other_msisdns if isinstance(row.other_msisdns, list) else None) == others


FRAMES = {
    "none": column(),
    "one": column("6912345678"),
    "many": column("6912345678", "x", None, "6912345678 / 6971234567"),
    "null": column(None, None),
    "null objects": column(None, np.nan, dtype=object),
    "null floats": column(np.nan, dtype="float64"),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_dtypes_never_change(frame: pd.DataFrame) -> None:
    """No row, one, many, or nothing but nulls: the new columns have the same dtypes, categories included."""
    found = clean_numbers(frame, "phone", split=True).dtypes.drop("phone")

    assert found.tolist() == cleaned("6912345678", split=True).dtypes.drop("phone").tolist()
    assert found["msisdn"] == found["number_problem"] == pd.StringDtype(na_value=np.nan)
    assert found["number_status"].categories.tolist() == list(words(NumberStatus))
    assert found["other_msisdns"] == pd.ArrowDtype(pa.list_(pa.string()))


@pytest.mark.parametrize(
    "index",
    [[7, 7, 7], pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["x", "y"]), ["c", "b", "a"]],
    ids=["repeated", "levels", "texts"],
)
def test_rows_and_index_stay(index: Any) -> None:
    """Rows out are rows in, by position, under the same index; the caller's frame stays as it was."""
    frame = column("x", "6912345678", None).set_axis(index)
    before = frame.copy(deep=True)
    found = clean_numbers(frame, "phone")

    assert found.msisdn.isna().tolist() == [True, False, True]
    pd.testing.assert_index_equal(found.index, before.index)
    pd.testing.assert_frame_equal(frame, before)
    assert found.columns.tolist() == ["phone", *NUMBER_COLUMNS]


def test_taken_names_are_an_error_or_renamed() -> None:
    """A column of ours that the frame has already is an error, unless prefix or replace says what to do."""
    frame = column("6912345678").assign(msisdn="mine")

    with pytest.raises(ColumnError, match="msisdn"):
        clean_numbers(frame, "phone")
    assert clean_numbers(frame, "phone", prefix="gr_")[["msisdn", "gr_msisdn"]].iloc[0].tolist() == ["mine", MOBILE]
    assert clean_numbers(frame, "phone", replace=True).msisdn.tolist() == [MOBILE]


@pytest.mark.parametrize("region", ["XX", "Greece", "", "001", None, 30])
def test_unknown_region_is_named(region: Any) -> None:
    """A region that has no phone numbers is an error that names it."""
    with pytest.raises(ConfigurationError, match="region="):
        cleaned("6912345678", region=region)


def test_region_is_the_home_of_bare_numbers() -> None:
    """A number without calling code is the region's; one with it is its own country's anywhere."""
    assert one("99 123456", region="CY")[0] == "35799123456"
    assert one("0151 23456789", region="de")[0] == "4915123456789"
    assert one("011 44 7911 123456", region="US")[0] == "447911123456"
    assert one("+30 6912345678", region="JP")[0] == MOBILE


@given(st.lists(st.one_of(st.none(), st.text(), st.sampled_from(SAME_NUMBER)), max_size=8), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_row(cells: list[str | None], split: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Whatever stands in the cells, each row has a status, and a number or a reason."""
    frame = cleaned(*cells, dtype=object, split=split)

    assert len(frame) == len(cells)
    assert frame.number_status.notna().all()
    assert (frame.number_problem.isna() == (frame.number_status == "mobile")).all()
    assert frame.msisdn.isna().equals(frame.number_status.isin(["invalid", "empty"]))
    assert frame.msisdn.dropna().str.fullmatch(r"[1-9][0-9]{4,18}").all()


@given(st.lists(st.sampled_from([*SAME_NUMBER, "2101234567", "x", "6971234567 / 6912345678"]), max_size=12))
@settings(max_examples=50, deadline=None)
def test_cleaning_twice_is_cleaning_once(cells: list[str]) -> None:
    """The MSISDNs of the region clean to themselves, with the same status."""
    first = cleaned(*cells, split=True)
    second = clean_numbers(first, "msisdn", prefix="again_")

    assert second.again_msisdn.equals(second.msisdn)
    numbers = second[second.msisdn.notna()]
    assert numbers.again_number_status.tolist() == numbers.number_status.tolist()


def test_rows_alone_and_together_are_the_same() -> None:
    """A cell means the same in a long list as alone, duplicates aside, across the borders of blocks."""
    cells = [*SAME_NUMBER, "x", None, "6912345678 / 6971234567"] * 3
    rng = random.Random(1)
    mixed = [f"69{rng.randrange(10**8):08d}" for _ in range(BLOCK - 100)] + cells
    frame = cleaned(*mixed, dtype=object, split=True).tail(len(cells))
    alone = [one(cell, split=True)[0] for cell in cells]

    assert [None if pd.isna(number) else number for number in frame.msisdn] == alone
    assert frame.other_msisdns.notna().sum() == 3
    assert frame.other_msisdns.dropna().tolist() == [[OTHER]] * 3


def test_a_cell_of_endless_digits_is_refused() -> None:
    """A cell full of digits is read no further than any number goes."""
    assert one("6" * 1_000_000)[2] == "more than 20 digits, a Greek mobile has 10"


def test_numbers_fit_into_integers() -> None:
    """No calling code has a number that the integers inside cannot hold."""
    largest = max(
        int(f"{code}{'9' * max(metadata(code, region).general_desc.possible_length)}")
        for code in COUNTRY_CODE_TO_REGION_CODE
        for region in regions_of(code)
    )

    assert largest < 2**63


def load_benchmark() -> Any:
    """The script that holds the oracle and its cases."""
    spec = importlib.util.spec_from_file_location("cleaning_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_agreement_with_phonenumbers() -> None:
    """On numbers of all regions, forms and spellings the answers are those of phonenumbers, rulings aside."""
    benchmark = load_benchmark()
    made = benchmark.cases(random.Random(2026), AGREEMENT_CASES)
    valid = [answer for answer in benchmark.answers(made[:1000]) if answer.msisdn is not None]

    assert benchmark.disagreements(made) == []
    assert len(valid) > 400
    assert {answer.status for answer in valid} == {"mobile", "fixed_line", "other_type"}
