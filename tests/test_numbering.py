"""Countries, types and first operators, against phonenumbers where it has an answer."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import phonenumbers
import pyarrow as pa
import pytest
from phonenumbers.carrierdata import CARRIER_DATA

from isms_data import networks
from isms_data.cleaning.digits import Digits
from isms_data.cleaning.number_patterns import RULED, Kind, regions, rulings
from isms_data.numbering import (
    country_dtype,
    country_of,
    has_holder,
    is_mobile,
    judge,
    operator_dtype,
    range_operator,
    statuses,
)
from isms_data.vocabulary import NumberStatus, words


def texts(*numbers: str | None) -> pd.Series:
    return pd.Series(list(numbers), dtype="str")


def nothing(series: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else value for value in series]


def any_digits(count: int) -> list[str]:
    rng = random.Random(4)
    codes = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    return [rng.choice(codes) + str(rng.randrange(10 ** rng.randrange(1, 12))) for _ in range(count)]


def test_country_agrees_with_phonenumbers() -> None:
    """Wherever phonenumbers names a country for the digits, it is ours, for whole numbers and stumps alike."""
    numbers = any_digits(20_000)
    found = nothing(country_of(texts(*numbers)))
    for number, country in zip(numbers, found, strict=True):
        try:
            expected = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{number}"))
        except phonenumbers.NumberParseException:
            continue
        if expected is not None:
            assert country == (None if expected == "001" else expected), number


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("7701", "KZ"),
        ("77010000", "KZ"),
        ("7916", "RU"),
        ("1416", "CA"),
        ("14160000000", "CA"),
        ("1212", "US"),
        ("1", "US"),
        ("447", "GB"),
        ("3069", "GR"),
        ("30", "GR"),
        ("3069000000000000000000", "GR"),
        ("357990", "CY"),
        ("8816", None),
        ("999", None),
        ("3", None),
        ("+306912345678", None),
        ("0030691", None),
        ("", None),
        (None, None),
    ],
)
def test_country_of_what_is_no_number(number: str | None, country: str | None) -> None:
    """A switch's address or a stump belongs where numbers begin like it; anything but digits is null."""
    assert nothing(country_of(texts(number))) == [country]


@pytest.mark.parametrize(
    ("number", "operator"),
    [
        ("306971234567", "Cosmote"),
        ("306981234567", "Cosmote"),
        ("306941234567", "Vodafone"),
        ("306950123456", "Vodafone"),
        ("306952212345", "Vodafone"),
        ("306955123456", "Vodafone"),
        ("306931234567", "Nova"),
        ("306906123456", "Nova"),
        ("306990012345", "Nova"),
        ("306991123456", "Nova"),
        ("306912341234", "M-STAT"),
        ("306851812345", None),
        ("306851912345", "Cyta Hellas"),
        ("306911111111", None),
        ("306861234567", None),
        ("35799123456", "Cyta"),
        ("35797123456", "Cyta"),
        ("35796123456", "Epic"),
        ("35795123456", "PrimeTel"),
        ("35794123456", None),
        ("302101234567", None),
        ("30", None),
        ("0030697123456", None),
        ("306971234567306971234567", None),
        ("x", None),
        (None, None),
    ],
)
def test_first_operator_of_greek_and_cypriot_ranges(number: str | None, operator: str | None) -> None:
    """The longest prefix of our own table decides; what it leaves open stays open."""
    assert nothing(range_operator(texts(number))) == [operator]


def test_first_operator_elsewhere_is_libphonenumbers() -> None:
    """Outside Greece and Cyprus the answer is that of libphonenumber's carrier data."""
    rng = random.Random(5)
    prefixes = [prefix for prefix in CARRIER_DATA if not prefix.startswith(("30", "357"))]
    numbers = [f"{rng.choice(prefixes)}{rng.randrange(10**5):05d}"[:15] for _ in range(5_000)]
    longest = max(map(len, CARRIER_DATA))
    expected = [
        next((CARRIER_DATA[n[:k]]["en"] for k in range(longest, 0, -1) if "en" in CARRIER_DATA.get(n[:k], {})), None)
        for n in numbers
    ]

    assert nothing(range_operator(texts(*numbers))) == expected


def test_ranges_are_dated_and_sourced() -> None:
    """Each line of our own tables is a prefix with its source and month; its names are those of the network tables."""
    rows = networks.read_table("ranges.csv")
    strange = {row["operator"] for row in rows} - networks.canonical_names() - {""}

    assert all(row["prefix"].startswith(("30", "357")) and row["source"] and row["date"] for row in rows)
    assert strange <= {"Premium Net International", "SIA NETBALT"}
    assert all(ruling.source and ruling.date and ruling.status in words(NumberStatus) for ruling in rulings())


@pytest.mark.parametrize("function", [country_of, range_operator])
def test_result_keeps_rows_index_and_type(function: object) -> None:
    """A category with the same categories for none, one and many; the Series' index; Arrow arrays too."""
    assert callable(function)
    series = pd.Series(["306971234567", None, "306971234567"], index=["a", "a", "b"], dtype="str")
    found = function(series)
    from_arrow = function(pa.chunked_array([["306971234567"], [None, "306971234567"]]))

    assert found.index.tolist() == ["a", "a", "b"]
    assert found.isna().tolist() == [False, True, False]
    assert from_arrow.tolist()[::2] == found.tolist()[::2]
    assert function(series[:0]).dtype == found.dtype == function(series.astype("category")).dtype
    assert found.dtype in (country_dtype(), operator_dtype())


def judged(*numbers: str, plus: bool = False, region: str = "GR") -> list[tuple[int, str]]:
    digits = Digits.of(pa.array(numbers))
    found = judge(digits, np.full(len(numbers), plus), region)
    return list(
        zip(found.number.tolist(), [regions()[place] if place >= 0 else "" for place in found.region], strict=True)
    )


def test_judging_drops_the_zero_that_nobody_dials() -> None:
    """A zero goes where the country has no national prefix and the number is one without it, and only there."""
    assert judged("06912345678", "0030691", "0069123") == [(306912345678, "GR"), (0, ""), (0, "")]
    assert judged("3006912345678", plus=True) == [(306912345678, "GR")]
    assert judged("390612345678", plus=True) == [(390612345678, "IT")]


def test_judging_can_be_taken_and_put_by_rows() -> None:
    """Rows of one judgement can replace rows of another."""
    digits = Digits.of(pa.array(["6912345678", "2101234567", "1"]))
    found = judge(digits, np.zeros(3, np.bool_), "GR")
    swapped = found.put(np.array([2]), found.take(np.array([0])))

    assert swapped.number.tolist() == [306912345678, 302101234567, 306912345678]
    assert found.number.tolist() == [306912345678, 302101234567, 0]
    assert found.length.tolist() == [12, 12, 0]


def test_kinds_have_statuses() -> None:
    """Every kind, rulings included, has a status; mobiles and pagers have first operators."""
    kinds = np.arange(RULED + len(rulings()))
    status = [words(NumberStatus)[index] for index in statuses(kinds)]

    assert dict(zip(Kind, status, strict=False))[Kind.FIXED_LINE_OR_MOBILE] == "mobile"
    assert status[RULED:] == [ruling.status for ruling in rulings()]
    assert set(status) == {"mobile", "fixed_line", "other_type", "invalid"}
    assert is_mobile(kinds).tolist() == [word == "mobile" for word in status]
    assert has_holder(kinds)[[Kind.PAGER, Kind.FIXED_LINE]].tolist() == [True, False]
