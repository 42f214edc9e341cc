"""The networks and number ranges of the sandbox's world, from its own two data files.

Nothing here comes from the tables that the client derives its columns with: the two are meant to be able to disagree.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

LONGEST_PREFIX: Final = 8


@dataclass(frozen=True, slots=True)
class Network:
    """One mobile network: how the providers upstream write it, and what its IMSIs and global titles look like."""

    name: str
    country: str
    codes: tuple[str, ...]
    gt_prefix: str
    gt_digits: int
    weight: int
    portability_only: bool
    spellings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberRange:
    """A range of the numbering plan; `holder` is the network it was first given to, where the sandbox names one."""

    country: str
    lengths: range
    mobile: bool
    holder: Network | None


@cache
def networks() -> dict[str, Network]:
    """Every network by name.

    >>> networks()["Cosmote"].codes
    ('20201', '20202')
    """
    return {
        row["network"]: Network(
            name=row["network"],
            country=row["country"],
            codes=tuple(row["codes"].split("|")),
            gt_prefix=row["gt_prefix"],
            gt_digits=int(row["gt_digits"]),
            weight=int(row["weight"]),
            portability_only=row["portability_only"] == "yes",
            spellings=tuple(row["spellings"].split("|")),
        )
        for row in _rows("sim_networks.csv")
    }


@cache
def destinations(country: str) -> dict[Network, float]:
    """The networks of a country that a ported number may go to, with their weights."""
    return {network: network.weight for network in networks().values() if network.country == country and network.weight}


@cache
def abroad(country: str) -> dict[Network, float]:
    """The networks of all other countries, where a subscriber may roam, with their weights."""
    return {network: network.weight for network in networks().values() if network.country != country and network.weight}


def range_of(msisdn: str) -> NumberRange | None:
    """The range a number is in, None for a number that no numbering plan of the sandbox knows.

    >>> range_of("306970000001").holder.name, range_of("302100000001").mobile
    ('Cosmote', False)
    >>> range_of("+306970000001"), range_of("6970000001"), range_of("30697000000")
    (None, None, None)
    """
    if not (msisdn.isascii() and msisdn.isdecimal()):
        return None
    known = _ranges()
    prefixes = (msisdn[:length] for length in range(LONGEST_PREFIX, 0, -1))
    found = next((known[prefix] for prefix in prefixes if prefix in known), None)
    return found if found and len(msisdn) in found.lengths else None


@cache
def _ranges() -> dict[str, NumberRange]:
    return {row["prefix"]: _number_range(row) for row in _rows("sim_ranges.csv")}


def _number_range(row: dict[str, str]) -> NumberRange:
    least, most = map(int, row["digits"].split("-"))
    return NumberRange(
        country=row["country"],
        lengths=range(least, most + 1),
        mobile=row["kind"] == "mobile",
        holder=networks()[row["network"]] if row["network"] else None,
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("isms_data") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
