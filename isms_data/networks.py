"""Which network and country a SIM card belongs to, and one name for each operator however it is spelt.

Three tables of this package carry what is known of Greece and Cyprus, each line with its source and date:
`mcc_mnc.csv` (networks), `operator_aliases.csv` (names and brands), `mnc_lengths.csv` (how many digits of an IMSI
are the network code). For the rest of the world `phone-iso3166` (MIT) knows countries and assigned codes. What no
table says stays unknown: the length of a network code is never guessed.

The functions take one value and are cached: call them on the distinct values of a column, never on its rows.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from itertools import takewhile
from typing import Final, NamedTuple

HOME_COUNTRIES: Final = ("GR", "CY")
"""The countries whose operators this package knows by name."""

ELSEWHERE: Final = ""
"""The country of a text that names one, and neither Greece nor Cyprus."""

_COUNTRY_WORDS: Final = {
    "GR": frozenset({"gr", "grc", "greece", "hellas", "ellada", "ελλαδα", "ελλασ"}),
    "CY": frozenset({"cy", "cyp", "cyprus", "kypros", "κυπροσ"}),
}
_LEGAL_WORDS: Final = frozenset({"sa", "ae", "αε", "ltd", "plc", "limited"})
_PLACE_WORDS: Final = frozenset(
    {"gr", "greece", "hellas", "hellenic", "ελλαδα", "ελλαδοσ", "ελλασ", "cy", "cyprus", "κυπρου", "κυπροσ"}
)
_TRADE_WORDS: Final = frozenset({"mobile", "telecom", "telecoms", "telecommunications"})

_DIGITS: Final = "0123456789"
_SHORTEST, _LONGEST = 5, 6
"""Digits that name country and network: three and two, or three and three."""

_UNITED_STATES: Final = frozenset(map(str, range(310, 317)))
"""Their codes are the whole country's; the world table gives some (310-410) to a territory only."""


class HomeNetwork(NamedTuple):
    """Where a SIM card comes from; what is not known is None."""

    mcc: str | None
    mnc: str | None
    country: str | None
    network: str | None


UNKNOWN_HOME: Final = HomeNetwork(None, None, None, None)


@lru_cache(maxsize=65_536)
def home_network(imsi: str) -> HomeNetwork:
    """Country and network of an IMSI; its first six digits are enough, and what follows them may be masked.

    >>> home_network("202051234567890")
    HomeNetwork(mcc='202', mnc='05', country='GR', network='Vodafone')
    >>> home_network("404")
    HomeNetwork(mcc=None, mnc=None, country=None, network=None)
    """
    digits = "".join(takewhile(_DIGITS.__contains__, imsi[:_LONGEST]))
    mcc = digits[:3]
    if len(digits) < _SHORTEST or _countries(mcc) is None:
        return UNKNOWN_HOME
    length = _mnc_length(digits)
    mnc = digits[3 : 3 + length] if length is not None and len(digits) >= 3 + length else None
    country = _country(mcc, mnc)
    return HomeNetwork(mcc, mnc, country, _network(mcc, mnc, country))


@lru_cache(maxsize=65_536)
def brand(operator: str, country: str | None = None) -> str | None:
    """The one name this package uses for an operator, None where its name or brand is not in the table.

    The same word can be another company elsewhere (TIM in Italy, MTN in South Africa), so `country` decides:
    "GR" or "CY"; `ELSEWHERE`, where only a name that is one brand everywhere counts; None where it is not known,
    and the name is read as a Greek or Cypriot one.

    >>> brand("WIND HELLAS"), brand("Cytamobile-Vodafone"), brand("TIM", ELSEWHERE)
    ('Nova', 'Cyta', None)
    """
    where = (country, ELSEWHERE) if country is not None else (ELSEWHERE, *HOME_COUNTRIES)
    for key in _ever_shorter(_plain(operator)):
        found = [_aliases()[key, place] for place in where if (key, place) in _aliases()]
        if found:
            return next((own for own in found if country is None and _plain(own) == key), found[0])
    return None


@lru_cache(maxsize=65_536)
def country_named(text: str) -> str:
    """The code of Greece or Cyprus where the text names one of them, however spelt; otherwise `ELSEWHERE`.

    >>> country_named("Ελλάδα"), country_named("CYPRUS"), country_named("Italy")
    ('GR', 'CY', '')
    """
    named = set(_plain(text).split())
    return next((code for code, names in _COUNTRY_WORDS.items() if named & names), ELSEWHERE)


@cache
def canonical_names() -> frozenset[str]:
    """Every operator name that can be compared: the brands of the two tables."""
    return frozenset(_home_networks().values()) | frozenset(_aliases().values())


def read_table(name: str) -> list[dict[str, str]]:
    """The lines of one of the package's data files, as text."""
    text = resources.files("isms_data").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _ever_shorter(name: str) -> tuple[str, ...]:
    """A name, and the same without the words that it may carry or not; the whole name is tried first."""
    names = [name]
    for fillers in (_LEGAL_WORDS, _PLACE_WORDS, _TRADE_WORDS):
        names.append(" ".join(word for word in names[-1].split() if word not in fillers))
    return tuple(names)


def _plain(text: str) -> str:
    """A name without accents, case and punctuation, its words one space apart."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    joined = re.sub(r"[.'’]", "", bare.replace("ς", "σ"))
    return " ".join(re.findall(r"\w+", joined))


def _mnc_length(digits: str) -> int | None:
    """How many digits of the network code follow the country code, by the longest prefix that the table has."""
    lengths = _mnc_lengths()
    listed = next((digits[:size] for size in (4, 3) if digits[:size] in lengths), None)
    if listed is not None:
        return lengths[listed]
    assigned = [int(mnc) for mcc, mnc in _home_networks() if mcc == digits[:3]] or list(_assigned(int(digits[:3])))
    return 2 if assigned and max(assigned) <= 99 else None


def _countries(mcc: str) -> str | dict[int, str] | None:
    """The country of an MCC, or its countries by MNC where several share it; None where no table has it."""
    from phone_iso3166.e212 import networks  # noqa: PLC0415 - a table of the world, read when a first IMSI comes

    if mcc in _UNITED_STATES:
        return "US"
    found: str | dict[int, str] | None = networks.get(int(mcc)) if len(mcc) == 3 else None
    return found


def _country(mcc: str, mnc: str | None) -> str | None:
    found = _countries(mcc)
    if isinstance(found, dict):
        return found.get(int(mnc)) if mnc is not None else None
    return found


def _network(mcc: str, mnc: str | None, country: str | None) -> str | None:
    """Our own name of the network, or the world table's; the two never mix within a country."""
    if mnc is None or country in HOME_COUNTRIES:
        return _home_networks().get((mcc, mnc or ""))
    listed_in, name = _assigned(int(mcc)).get(int(mnc), (None, None))
    return name if listed_in == country else None


def _assigned(mcc: int) -> dict[int, tuple[str, str]]:
    """The assigned codes of an MCC as the world table has them: MNC as a number -> country, name."""
    from phone_iso3166.e212_names import operators  # noqa: PLC0415 - as in `_countries`

    found: dict[int, tuple[str, str]] = operators.get(mcc, {})
    return found


@cache
def _home_networks() -> dict[tuple[str, str], str]:
    return {(row["mcc"], row["mnc"]): row["network"] for row in read_table("mcc_mnc.csv")}


@cache
def _mnc_lengths() -> dict[str, int | None]:
    return {row["prefix"]: int(row["digits"]) if row["digits"] else None for row in read_table("mnc_lengths.csv")}


@cache
def _aliases() -> dict[tuple[str, str], str]:
    return {(_plain(row["alias"]), row["country"]): row["network"] for row in read_table("operator_aliases.csv")}
