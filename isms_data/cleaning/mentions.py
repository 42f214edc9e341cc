"""Where texts name a number, in whatever spelling: for finding a person's traces, not for reading lists.

A number is named by its digits in international form, or without the calling code where that is the region's own, with
signs between them (`+30 697-000-0001`, `6970000001.0`, `6.970000001E9`), wherever the text has no further digit before
or behind. Of every text first its digits alone are looked at, which is quick and overlooks nothing; the few that could
name the number are then read exactly. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import country_code_for_region

from isms_data.cleaning.dialling import split_code
from isms_data.cleaning.digits import Digits, Flags

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIGN: Final = r"[^\pL\pN]"
"""Anything but letters and digits of any script; the expressions are RE2's, which Arrow uses."""

_BETWEEN: Final = f"{_SIGN}{{0,3}}"
"""What may stand between two digits of one number."""

_DECIMALS: Final = r"(?:\.0+|[eE]\+?[0-9]+)?"
"""What a spreadsheet may have put behind a number."""


class Texts(NamedTuple):
    """Texts, and of each its digits alone."""

    values: pa.Array
    digits: pa.Array

    @classmethod
    def of(cls, values: pa.Array) -> Self:
        """From large text; full-width digits count as digits."""
        plain = values if pc.all(pc.string_is_ascii(values)).as_py() is not False else pc.utf8_normalize(values, "NFKC")
        return cls(plain, pc.replace_substring_regex(plain, "[^0-9]+", ""))


@dataclass(frozen=True)
class Mention:
    """One number, and how texts name it."""

    msisdn: str
    national: str
    """Its digits behind the calling code."""
    named: str
    """The expression for the number inside a text."""

    @classmethod
    def of(cls, msisdns: Iterable[str], region: str) -> list[Self]:
        """How texts name these numbers, in a region whose own numbers they name without the calling code."""
        numbers = list(msisdns)
        codes = map(str, split_code(Digits.of(pa.array(numbers, pa.large_string()))).code.tolist())
        home = str(country_code_for_region(region))
        return [cls._of(msisdn, code, at_home=code == home) for msisdn, code in zip(numbers, codes, strict=True)]

    @classmethod
    def _of(cls, msisdn: str, code: str, *, at_home: bool) -> Self:
        national = msisdn.removeprefix(code)
        abroad = f"(?:0{_BETWEEN}0{_BETWEEN})?{_spaced(code)}{_BETWEEN}"
        zero = f"(?:0{_BETWEEN})?"  # the national prefix of many countries, dialled or in parentheses
        return cls(msisdn, national, f"(?:{abroad}){'?' if at_home else ''}{zero}{_spaced(national)}")

    def within(self, texts: Texts) -> Flags:
        """Which texts name it; a null names nobody."""
        return self._matches(texts, f"(?:^|[^0-9]){self.named}(?:[^0-9]|$)")

    def alone(self, texts: Texts) -> Flags:
        """Which texts are nothing but this number."""
        return self._matches(texts, f"^{_SIGN}*{self.named}{_DECIMALS}{_SIGN}*$")

    def _matches(self, texts: Texts, expression: str) -> Flags:
        found = np.zeros(len(texts.values), np.bool_)
        rows = np.flatnonzero(pc.fill_null(pc.match_substring(texts.digits, self.national), False))
        if len(rows):
            found[rows] = pc.match_substring_regex(texts.values.take(pa.array(rows)), expression)
        return found


def _spaced(digits: str) -> str:
    return _BETWEEN.join(digits)
