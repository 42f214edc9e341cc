"""What a report says in words is what its metrics say, in English and in Greek."""

from __future__ import annotations

import csv
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isms_data as isms
from isms_data.reports import findings
from isms_data.reports.costs import capitals_savings, delivery_costs
from isms_data.reports.curves import cumulative_delivery
from isms_data.reports.delivery import delivery_funnel, delivery_rates, delivery_times
from isms_data.reports.lists import list_quality, never_absent, operator_shares, portability, roaming_countries
from isms_data.reports.wording import LANGUAGES, language
from tests.test_figures import lookups, messages

EN, EL = language("en"), language("el")
NOTHING = messages().iloc[:0]


def table() -> list[dict[str, str]]:
    text = resources.files("isms_data").joinpath("data/report_words.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


# Sentences


def test_rate_is_of_the_final_ones() -> None:
    """The rate has its counts and its interval; pending is in neither."""
    rates = delivery_rates(messages())

    assert findings.of_rates(rates, EN, 0.95) == [
        "Delivery rate: 66.7% (6 of 9 messages with a final status; 95% interval 35.4% to 87.9%)."
    ]
    assert findings.of_rates(delivery_rates(NOTHING), EN, 0.95) == [
        "There is no delivery rate: no message has a final status yet."
    ]


def test_pending_is_said_and_never_failed() -> None:
    """What is pending, in doubt, not sent or of no network is counted in words, with where the rate can end."""
    doubtful = messages().assign(outcome=["in_doubt", "rejected", *["accepted"] * 8])
    told = findings.unknown_of_delivery(delivery_rates(doubtful), delivery_funnel(doubtful), 1, EN)

    assert told[0].startswith("Pending: 1 messages. They are not counted as failed.")
    assert "between 50.0% (all fail) and 62.5% (all are delivered)" in told[0]
    assert [sentence.split(" messages")[0] for sentence in told[1:4]] == [
        "In doubt: 1",
        "Planned and not sent: 1",
        "Network not known: 1",
    ]


def test_nothing_unknown_is_not_told() -> None:
    """Where all is final and known, only the caution about causes is left."""
    done = messages().loc[lambda frame: frame["final"] & frame["network"].notna()]
    told = findings.unknown_of_delivery(delivery_rates(done), delivery_funnel(done), 0, EN)

    assert len(told) == 1


def groups(delivered: list[int], final: list[int]) -> pd.DataFrame:
    frame = pd.DataFrame({"network": list("abc")[: len(final)], "delivered": delivered, "final": final})
    rows = frame.loc[frame.index.repeat(final)].assign(outcome="accepted", final=True)
    place = rows.groupby("network").cumcount()
    return delivery_rates(rows.assign(status=np.where(place < rows["delivered"], "Delivered", "Failed")), by="network")


@pytest.mark.parametrize(("last", "end"), [(10, "are apart."), (88, "may be chance.")])
def test_highest_and_lowest_are_told_with_their_intervals(last: int, end: str) -> None:
    """The highest and the lowest group of which enough is known, and whether their intervals meet."""
    (sentence,) = findings.of_groups(groups([90, 0, last], [100, 5, 100]), "network", EN)

    assert sentence.startswith("By network: highest a, 90.0% (82.6% to 94.5%; n = 100); lowest c, ")
    assert sentence.endswith(end)


def test_one_group_is_not_compared() -> None:
    """One group, or several of which little is known, are no finding."""
    assert findings.of_groups(groups([90], [100]), "network", EN) == []
    assert findings.of_groups(groups([9, 1], [10, 10]), "network", EN) == []


def test_times_are_of_the_delivered() -> None:
    """Half and 95 %, in words; nothing where nothing was delivered."""
    assert findings.of_times(delivery_times(messages()), EN) == [
        "Time to deliver: half of the delivered messages took up to 6 s, 95% of them up to 28 s."
    ]
    assert findings.of_times(delivery_times(NOTHING), EN) == []


def test_share_by_age_needs_to_have_been_watched() -> None:
    """It is told for an hour where some were watched that long, else for a minute; nothing of shorter data."""
    watched = cumulative_delivery(messages())

    assert findings.of_ages(watched, EN, 0.9)[0].startswith("Within 1 h of leaving, ")
    assert "90% interval" in findings.of_ages(watched, EN, 0.9)[0]
    assert findings.of_ages(watched[watched["age"] < pd.Timedelta("10s")], EN, 0.9) == []
    assert findings.of_ages(watched.iloc[:0], EN, 0.9) == []
    assert findings.of_ages(watched.assign(low=np.nan), EN, 0.9) == []


def test_costs_and_savings() -> None:
    """What a delivered message cost, and what capitals would have saved if they would."""
    greek = messages().assign(text="Καλημέρα σας! Η παραγγελία είναι έτοιμη " * 3)

    assert findings.of_costs(delivery_costs(greek), EN) == [
        "Cost: 20 segments for 10 messages, at 1 credit each 3.33 credits for a delivered message."
    ]
    assert findings.of_costs(delivery_costs(greek.iloc[:0]), EN) == []
    assert findings.of_savings(capitals_savings(greek), EN) == [
        "In Greek capitals the same texts would have taken 10 segments less (50.0%)."
    ]
    assert findings.of_savings(capitals_savings(greek.assign(text="sale", segments=1)), EN) == []


def test_alarms_stand_beside_what_chance_gives() -> None:
    """So many alarms, of so many hours, of which so many would be false; nothing where no hour could be judged."""
    alerts = pd.DataFrame({"alarm": pd.array([True, False, False, None] * 100, dtype="boolean")})

    assert findings.of_alerts(alerts, EN) == [
        "Hours with more failures than usual: 100, of 300 watched. Where nothing is wrong, about 3.0 would be expected."
    ]
    assert findings.of_alerts(alerts.iloc[3:4], EN) == []


def test_quality_is_of_the_answered() -> None:
    """What is deliverable is a share of the answered numbers; a state of a few numbers is not told apart."""
    quality = list_quality(pd.concat([lookups()] * 3))

    assert findings.of_quality(quality, EN, 0.95) == [
        "Deliverable: 70.0% of the numbers with an answer (21 of 30; 95% interval 52.1% to 83.3%).",
        "Retry later: 6 (20.0% of those with an answer; 9.5% to 37.3%).",
    ]
    assert findings.of_quality(list_quality(lookups().iloc[:0]), EN, 0.95) == ["No number has an answer yet."]


def test_number_that_is_no_number_has_no_answer() -> None:
    """Invalid is what cleaning says; it counts among what was never answered."""
    unread = pd.DataFrame({"verdict": [None] * 6, "network": None, "number_status": ["invalid"] * 5 + ["empty"]})
    quality = list_quality(pd.concat([lookups(), unread]))
    told = findings.unknown_of_list(quality, never_absent(lookups()).iloc[:0], EN)

    assert "(7 of 10;" in findings.of_quality(quality, EN, 0.95)[0]
    assert told[0] == "Without a verdict: 6 rows (invalid 5). They count neither as good nor as bad."


def test_networks_that_nobody_looked_into_are_named() -> None:
    """A network none of whose many numbers was ever absent is told of; one that was checked is not."""
    replies = ["Delivered;GR;Nova;202090000000001;;0"] * 400 + ["Undelivered;GR;Cosmote;202010000000001;;27"]
    absent = never_absent(isms.parse_hlr(pd.Series(replies)))
    told = findings.unknown_of_list(list_quality(lookups()), absent, EN)

    assert told[0].startswith("Whether anybody uses the numbers of Nova: of 400 numbers none ever came back absent")
    assert len(told) == 2


def test_networks_ported_and_abroad() -> None:
    """The largest network, what was ported, and what is abroad, each with what it is a share of."""
    assert findings.of_operators(operator_shares(lookups()), EN, 0.95)[0].startswith(
        "Largest network: Cosmote with 55.6% of 9 numbers whose network is known"
    )
    assert findings.of_portability(portability(lookups()), EN, 0.95)[0].startswith(
        "In another network than that of their range: 11.1% (1 of 9 numbers"
    )
    assert findings.of_roaming(roaming_countries(lookups()), EN) == [
        "Abroad when they were looked up: 2 numbers (28.6% of those of which it is known)."
    ]


def test_nothing_is_found_in_nothing() -> None:
    """Without lookups there is nothing to say of networks."""
    none = lookups().iloc[:0]

    assert findings.of_operators(operator_shares(none), EN, 0.95) == []
    assert findings.of_portability(portability(none), EN, 0.95) == []
    assert findings.of_roaming(roaming_countries(none), EN) == []


def test_sentences_are_greek_in_greek() -> None:
    """Words and numbers are the Greek way: a comma before decimals, a point between thousands."""
    (sentence,) = findings.of_rates(delivery_rates(pd.concat([messages()] * 1_000)), EL, 0.95)

    assert sentence.startswith("Ποσοστό παράδοσης: 66,7% (6.000 από 9.000 μηνύματα")


# Words


def test_every_word_is_in_both_languages() -> None:
    """Each key stands once, in both languages, with the same gaps."""
    rows = table()

    assert len({row["key"] for row in rows}) == len(rows)
    for row in rows:
        gaps = [sorted(re.findall(r"\{(\w+)\}", row[code])) for code in LANGUAGES]
        assert all(row[code] for code in LANGUAGES), row["key"]
        assert gaps[0] == gaps[1], row["key"]


def test_every_word_that_is_said_is_there() -> None:
    """No picture or report asks for a word that the table has not, and the template neither."""
    folder = Path(isms.__file__).parent / "reports"
    sources = "".join(path.read_text(encoding="utf-8") for path in [*folder.glob("*.py"), *folder.glob("*.j2")])
    said = set(re.findall(r"""\bsay\(\s*["'](\w+)["']""", sources))

    assert said <= {row["key"] for row in table()}
    assert len(said) > 80


@pytest.mark.parametrize(
    ("seconds", "english", "greek"),
    [
        (0.0, "0 s", "0 δευτ."),
        (0.25, "0.25 s", "0,25 δευτ."),
        (9.96, "10 s", "10 δευτ."),
        (59.7, "1 min", "1 λεπ."),
        (3_599.9, "1 h", "1 ώρ."),
        (5_400, "1 h 30 min", "1 ώρ. 30 λεπ."),
        (100_000_000, "1,157 d 10 h", "1.157 ημ. 10 ώρ."),
    ],
)
def test_length_in_words(seconds: float, english: str, greek: str) -> None:
    """A length of time is told in the two units that matter."""
    length = pd.Timedelta(seconds=seconds)

    assert (EN.length(length), EL.length(length)) == (english, greek)


@given(st.floats(0, 1))
def test_share_never_says_all_or_nothing_where_it_is_not(share: float) -> None:
    """0.0 % and 100.0 % are what they say, and nothing but."""
    assert (EN.share(share) == "0.0%") == (share == 0)
    assert (EN.share(share) == "100.0%") == (share == 1)


def test_values_in_words() -> None:
    """Nulls, truth, dates, moments and lengths as groups of a metric; text as it is."""
    athens = pd.Timestamp("2026-05-01 09:30", tz="Europe/Athens")
    values = [
        None,
        pd.NA,
        pd.NaT,
        float("nan"),
        True,
        np.False_,
        pd.Timestamp("2026-05-01"),
        athens,
        pd.Timedelta("1h"),
        7,
    ]

    assert [EN.value(value) for value in values] == [
        *["not known"] * 4,
        "yes",
        "no",
        "1 May 2026",
        "1 May 2026 09:30",
        "1 h",
        "7",
    ]
    assert EL.value(athens) == "1/5/2026 09:30"
    assert EN.value("dead") == "dead"


def test_column_of_the_callers_is_no_sentence() -> None:
    """A column that is called like one of our sentences, or like nothing of ours, keeps its name."""
    assert EN.word("found_rate") == "found rate"
    assert EN.word("my_shop") == "my shop"
    assert EL.word("network") == "δίκτυο"
    assert EN.number(float("nan")) == EN.share(float("inf")) == EN.interval(float("nan"), 1) == EN.length(None) == "–"
