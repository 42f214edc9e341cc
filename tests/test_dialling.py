"""Calling codes and national numbers, as phonenumbers parses them."""

from __future__ import annotations

import random

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest

from isms_data.cleaning.dialling import dial, split_code
from isms_data.cleaning.digits import Digits

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def dialled(numbers: list[str], region: str) -> list[tuple[int, str]]:
    digits = Digits.of(pa.array([number.removeprefix("+") for number in numbers]))
    found = dial(digits, np.array([number.startswith("+") for number in numbers], np.bool_), region)
    return list(zip(found.code.tolist(), found.national.text().to_pylist(), strict=True))


def parsed(number: str, region: str) -> tuple[int | None, str]:
    try:
        found = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return 0, ""
    return found.country_code, phonenumbers.national_significant_number(found)


@pytest.mark.parametrize("region", REGIONS)
def test_dialling_agrees_with_parse(region: str) -> None:
    """Digits dialled from any region, likely or not, part where phonenumbers parts them."""
    rng = random.Random(region)
    code = phonenumbers.country_code_for_region(region)
    starts = (
        "",
        "0",
        "00",
        "011",
        "1",
        "8",
        "06",
        "15",
        "+",
        f"{code}",
        f"+{code}",
        f"+{code}0",
        "00447",
        "0044",
        "+15",
    )
    numbers = [rng.choice(starts) + str(rng.randrange(10 ** rng.randrange(4, 12))) for _ in range(60)]
    example = phonenumbers.example_number(region)
    local = str(example.national_number) if example is not None else "691"
    numbers += [f"{start}{local[cut:]}" for start in starts for cut in (0, 1, 3, 4)]

    for number, ours in zip(numbers, dialled(numbers, region), strict=True):
        theirs = parsed(number, region)
        if theirs != (0, ""):
            assert ours == theirs, number


@pytest.mark.parametrize(
    ("region", "number", "code", "national"),
    [
        ("GR", "306912345678", 30, "6912345678"),
        ("GR", "3069123456", 30, "3069123456"),
        ("GR", "0044791", 44, "791"),
        ("GR", "000691", 30, "000691"),
        ("GR", "+999691", 0, "999691"),
        ("GR", "+00306912345678", 30, "6912345678"),
        ("GR", "00999691", 0, "999691"),
        ("GR", "", 30, ""),
        ("DE", "01512345678", 49, "1512345678"),
        ("US", "01144791", 44, "791"),
        ("US", "12015550123", 1, "2015550123"),
        ("AR", "0111523456789", 54, "91123456789"),
        ("BS", "3571234", 1, "2423571234"),
        ("KZ", "87011234567", 7, "7011234567"),
    ],
)
def test_number_is_dialled(region: str, number: str, code: int, national: str) -> None:
    """International and national prefixes go, or are rewritten where the country says so."""
    assert dialled([number], region) == [(code, national)]


def test_calling_code_is_as_long_as_it_is() -> None:
    """One, two or three digits, or none that exists; a stump of a code is none."""
    digits = Digits.of(pa.array(["1201", "3069", "3579", "9999", "30", "3", "", "7"]))
    found = split_code(digits)

    assert found.code.tolist() == [1, 30, 357, 0, 30, 0, 0, 7]
    assert found.national.text().to_pylist() == ["201", "69", "9", "9999", "", "3", "", ""]
