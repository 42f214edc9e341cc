"""A SIM card's home comes from tables and never from a guess; an operator has one name however it is spelt."""

from __future__ import annotations

import pytest
from phone_iso3166.e212 import networks as world
from phone_iso3166.e212_names import operators as assigned

from isms_data import networks
from isms_data.networks import ELSEWHERE, HomeNetwork, brand, canonical_names, country_named, home_network, read_table

GREEK_AND_CYPRIOT = {
    "20201": "Cosmote",
    "20202": "Cosmote",
    "20203": "OTE",
    "20204": "OSE",
    "20205": "Vodafone",
    "20207": "AMD Telecom",
    "20209": "Nova",
    "20210": "Nova",
    "20211": "interConnect",
    "20212": "Yuboto",
    "20213": "Compatel",
    "20214": "Cyta Hellas",
    "20215": "BWS",
    "20216": "Inter Telecom",
    "28001": "Cyta",
    "28002": "Cyta",
    "28010": "Epic",
    "28020": "PrimeTel",
    "28022": "Lemontel",
    "28023": "Vectone",
}


def test_home_network_of_greece_and_cyprus_is_complete() -> None:
    """Every assigned code of the two countries gives its network, and no other code does."""
    codes = [f"{mcc}{mnc:02d}" for mcc in (202, 280) for mnc in range(100)]
    found = {code: home_network(code + "1234567890").network for code in codes}

    assert {code: name for code, name in found.items() if name} == GREEK_AND_CYPRIOT


@pytest.mark.parametrize(
    ("imsi", "home"),
    [
        ("202060000000000", HomeNetwork("202", "06", "GR", None)),
        ("20210XXXXXXXXXX", HomeNetwork("202", "10", "GR", "Nova")),
        ("310260123456789", HomeNetwork("310", "260", "US", None)),
        ("208501234567890", HomeNetwork("208", "501", "FR", "Butachimie")),
        ("208011234567890", HomeNetwork("208", "01", "FR", "Orange S.A.")),
        ("405025123456789", HomeNetwork("405", None, "IN", None)),
        ("25501", HomeNetwork("255", "01", "UA", 'PRJSC “VF Ukraine"')),
        ("31026", HomeNetwork("310", None, "US", None)),
        ("46001", HomeNetwork("460", "01", "CN", "China Unicom")),
    ],
)
def test_home_network_reads_as_many_digits_as_the_table_says(imsi: str, home: HomeNetwork) -> None:
    """A table says how many digits the network code has; what follows them may be masked."""
    assert home_network(imsi) == home


@pytest.mark.parametrize("imsi", ["", "2020", "x2020112345", "999991234567890", "٢٠٢٠١١٢٣٤"])
def test_home_network_of_no_imsi(imsi: str) -> None:
    """What does not begin with a known country's code has no home."""
    assert home_network(imsi) == networks.UNKNOWN_HOME


def test_home_network_shared_code_without_its_length() -> None:
    """Where countries share a code and the network's digits are not known, neither is the country."""
    assert home_network("338123").country in {None, "JM", "LC", "TC"}
    assert home_network("25598") == HomeNetwork("255", "98", None, None)


def test_mnc_lengths_never_contradict_an_assigned_code() -> None:
    """A country whose codes are said to have two digits has no assigned code above 99."""
    wrong = {
        mcc: max(codes)
        for mcc, codes in assigned.items()
        if home_network(f"{mcc}999").mnc is not None
        and len(str(home_network(f"{mcc}999").mnc)) == 2
        and max(codes) > 99
    }

    assert set(wrong) <= {208}


def test_home_network_country_is_the_world_tables() -> None:
    """Every country code of the world table gives that table's country, but for the United States, which are one."""
    codes = {
        str(mcc): country for mcc, country in world.items() if isinstance(country, str) and mcc not in range(310, 317)
    }

    assert {mcc: home_network(mcc + "000").country for mcc in codes} == codes


@pytest.mark.parametrize(
    ("text", "country", "name"),
    [
        ("Wind", "GR", "Nova"),
        ("WIND HELLAS S.A.", None, "Nova"),
        ("TIM", None, "Nova"),
        ("Q", "GR", "Nova"),
        ("MTN", "CY", "Epic"),
        ("Cytamobile-Vodafone", "CY", "Cyta"),
        ("Cyta", None, "Cyta"),
        ("Cyta", "GR", "Cyta Hellas"),
        ("CYTA HELLAS AE", None, "Cyta Hellas"),
        ("Κοσμοτέ", None, "Cosmote"),
        ("ΚΟΣΜΟΤΕ ΑΕ", "GR", "Cosmote"),
        ("vodafone  greece", None, "Vodafone"),
        ("Vodafone", ELSEWHERE, "Vodafone"),
        ("What’s Up", None, "Cosmote"),
        ("TIM", ELSEWHERE, None),
        ("MTN", "GR", None),
        ("Telekom", None, None),
        ("", None, None),
        ("Greece", None, None),
    ],
)
def test_brand_is_one_however_spelt(text: str, country: str | None, name: str | None) -> None:
    """Old names, capitals, accents and legal suffixes lead to one name; the country keeps namesakes apart."""
    assert brand(text, country) == name


def test_brand_of_a_canonical_name_is_itself() -> None:
    """Every name this package gives is read back as itself."""
    assert {name: brand(name) for name in canonical_names()} == {name: name for name in canonical_names()}


@pytest.mark.parametrize("text", ["Greece", "GR", "grc", "Ελλάδα", "ΕΛΛΑΣ", "Hellas (GR)"])
def test_country_named_in_any_spelling(text: str) -> None:
    """Greece is found under its names and codes."""
    assert country_named(text) == "GR"


def test_country_named_elsewhere() -> None:
    """Any other text is another country, and nothing is read into parts of words."""
    assert [country_named(text) for text in ("Κύπρος", "Italy", "Greenland", "")] == [
        "CY",
        ELSEWHERE,
        ELSEWHERE,
        ELSEWHERE,
    ]


@pytest.mark.parametrize("name", ["mcc_mnc.csv", "mnc_lengths.csv", "operator_aliases.csv", "map_errors.csv"])
def test_tables_carry_their_sources(name: str) -> None:
    """Every line of data says where it is from and when it was looked at."""
    rows = read_table(name)

    assert rows
    assert all(row["source"] and row["date"].startswith("20") for row in rows)


def test_tables_agree_with_each_other() -> None:
    """Each alias leads to a name, each network of the code table is such a name, and no line stands twice."""
    aliases = read_table("operator_aliases.csv")
    codes = read_table("mcc_mnc.csv")

    assert {row["network"] for row in codes} <= {row["network"] for row in aliases}
    assert len({(row["alias"], row["country"]) for row in aliases}) == len(aliases)
    assert len({(row["mcc"], row["mnc"]) for row in codes}) == len(codes)
