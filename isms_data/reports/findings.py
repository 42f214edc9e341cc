"""What a report finds, in sentences: counts with intervals, and what is not known. Metrics in, sentences out. Pure.

Metrics by group come as a report shows them (`nameless.shown`), so that no sentence names a group that its tables do
not; of states, none with fewer than `FEWEST` numbers is told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data.reports.drawing import label
from isms_data.reports.merging import FEWEST
from isms_data.reports.statistics import share, wilson
from isms_data.vocabulary import Verdict, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from isms_data.reports.wording import Language

ENOUGH: Final = 30
"""Final messages that a group must have to be called the highest or the lowest."""

AGES: Final = tuple(pd.Timedelta(text) for text in ("1min", "1h", "1D"))
"""After which it is told how much had been delivered."""

FALSE_ALARMS: Final = 0.01
"""Of `delivery_alerts`, in a report."""


# Delivery


def of_rates(rates: pd.DataFrame, speak: Language, confidence: float) -> list[str]:
    """What was delivered of all messages, from the one row of `delivery_rates`."""
    row = rates.iloc[0]
    if not row["final"]:
        return [speak.say("found_no_rate")]
    return [
        speak.say(
            "found_rate",
            rate=speak.share(row["rate"]),
            delivered=speak.number(row["delivered"]),
            final=speak.number(row["final"]),
            confidence=speak.confidence(confidence),
            interval=speak.interval(row["low"], row["high"]),
        )
    ]


def of_times(times: pd.DataFrame, speak: Language) -> list[str]:
    """How long the delivered ones took, from the one row of `delivery_times`."""
    row = times.iloc[0]
    if pd.isna(row["p50"]):
        return []
    return [speak.say("found_fastest", p50=speak.length(row["p50"]), p95=speak.length(row["p95"]))]


def of_ages(curve: pd.DataFrame, speak: Language, confidence: float) -> list[str]:
    """How much was delivered after an hour, or the longest of `AGES` that was watched before that."""
    watched = [age for age in AGES[:2] if len(curve) and curve["age"].max() >= age]
    if not watched:
        return []
    row = curve[curve["age"] <= watched[-1]].iloc[-1]
    if pd.isna(row["low"]):
        return []
    told = {"share": speak.share(row["incidence"]), "interval": speak.interval(row["low"], row["high"])}
    return [speak.say("found_by_age", age=speak.length(watched[-1]), confidence=speak.confidence(confidence), **told)]


def of_groups(rates: pd.DataFrame, by: str, speak: Language) -> list[str]:
    """The highest and the lowest rate of the groups of which enough is known, and whether they differ."""
    groups = rates[rates["final"] >= ENOUGH].sort_values("rate", kind="stable")
    if len(groups) < 2:
        return []
    worst, best = groups.iloc[0], groups.iloc[-1]
    apart = worst["high"] < best["low"]
    told: dict[str, str] = {}
    for name, row in (("best", best), ("worst", worst)):
        told |= {
            name: label(row[by]),
            f"{name}_rate": speak.share(row["rate"]),
            f"{name}_interval": speak.interval(row["low"], row["high"]),
            f"{name}_n": speak.number(row["final"]),
        }
    verdict = speak.say("found_differ" if apart else "found_overlap")
    return [speak.say("found_apart", by=speak.word(by), verdict=verdict, **told)]


def of_costs(costs: pd.DataFrame, speak: Language) -> list[str]:
    """What the messages cost, from the one row of `delivery_costs`."""
    row = costs.iloc[0]
    if pd.isna(row["credits_per_delivered"]):
        return []
    told = {name: speak.number(row[name]) for name in ("segments", "messages")}
    return [speak.say("found_cost", per=speak.number(row["credits_per_delivered"], 2), **told)]


def of_savings(savings: pd.DataFrame, speak: Language) -> list[str]:
    """What capitals would have saved, where they would have, from the one row of `capitals_savings`."""
    row = savings.iloc[0]
    if not row["saved"] > 0:
        return []
    return [speak.say("found_savings", saved=speak.number(row["saved"]), share=speak.share(row["saved_share"]))]


def of_alerts(alerts: pd.DataFrame, speak: Language) -> list[str]:
    """How many hours were out of the ordinary, and how many would be by chance."""
    watched = int(alerts["alarm"].notna().sum())
    if not watched:
        return []
    alarms, by_chance = int(alerts["alarm"].fillna(value=False).sum()), FALSE_ALARMS * watched
    digits = 1 if by_chance < 10 else 0
    told = {"hours": speak.number(watched), "false": speak.number(by_chance, digits)}
    return [speak.say("found_alarms", alarms=speak.number(alarms), **told)]


def unknown_of_delivery(rates: pd.DataFrame, funnel: pd.DataFrame, unnamed: int | None, speak: Language) -> list[str]:
    """What delivery data do not tell: what is pending, in doubt, was not sent, or is of no known network."""
    row = rates.iloc[0]
    stages = dict(zip(funnel["stage"].astype("str"), funnel["messages"], strict=True))
    unsent = stages.get("planned", 0) - stages.get("sent", 0) - row["in_doubt"]
    bounds = {"low": speak.share(row["rate_if_pending_fail"]), "high": speak.share(row["rate_if_pending_deliver"])}
    told = [
        ("unknown_pending", row["pending"], bounds),
        ("unknown_doubt", row["in_doubt"], {}),
        ("unknown_unsent", unsent, {}),
        ("unknown_network", unnamed or 0, {}),
    ]
    sentences = [speak.say(key, n=speak.number(n), **more) for key, n, more in told if n > 0]
    return [*sentences, speak.say("unknown_cause")]


# Lists


def of_quality(quality: pd.DataFrame, speak: Language, confidence: float) -> list[str]:
    """What the answered numbers are worth, from `list_quality`."""
    numbers = _by_state(quality)
    answered = int(quality.loc[quality["by"].eq("network"), "numbers"].sum())
    if not answered:
        return [speak.say("found_no_answers")]
    good = numbers.get(Verdict.DELIVERABLE.value, 0)
    first = speak.say(
        "found_deliverable",
        n=speak.number(good),
        answered=speak.number(answered),
        confidence=speak.confidence(confidence),
        **_share_of(good, answered, speak, confidence),
    )
    told = [verdict for verdict in (Verdict.DEAD, Verdict.RETRY_LATER) if numbers.get(verdict, 0) >= FEWEST]
    rest = [
        speak.say(
            "found_verdict",
            verdict=_capital(speak.word(verdict)),
            n=speak.number(numbers[verdict]),
            **_share_of(numbers[verdict], answered, speak, confidence),
        )
        for verdict in told
    ]
    return [first, *rest]


def of_operators(shares: pd.DataFrame, speak: Language, confidence: float) -> list[str]:
    """The largest network, from `operator_shares`."""
    known = shares[shares["share"].notna() & shares["low"].notna()]
    if known.empty:
        return []
    row = known.sort_values("numbers", kind="stable").iloc[-1]
    told = {"share": speak.share(row["share"]), "interval": speak.interval(row["low"], row["high"])}
    n = speak.number(known["numbers"].sum())
    return [
        speak.say("found_operator", network=label(row["network"]), n=n, confidence=speak.confidence(confidence), **told)
    ]


def of_portability(moves: pd.DataFrame, speak: Language, confidence: float) -> list[str]:
    """How many are in another network than that of their range, from `portability` as the metric gives it."""
    both = moves[moves["range_operator"].notna() & moves["network"].notna()]
    known = int(both["numbers"].sum())
    if not known:
        return []
    moved = int(both.loc[both["range_operator"].astype("str") != both["network"].astype("str"), "numbers"].sum())
    told = _share_of(moved, known, speak, confidence)
    return [speak.say("found_ported", n=speak.number(moved), known=speak.number(known), **told)]


def of_roaming(countries: pd.DataFrame, speak: Language) -> list[str]:
    """How many are abroad, from `roaming_countries`."""
    if countries.empty:
        return []
    told = {"n": speak.number(countries["numbers"].sum()), "share": speak.share(countries["share"].sum())}
    return [speak.say("found_abroad", **told)]


def unknown_of_list(quality: pd.DataFrame, absent: pd.DataFrame, speak: Language) -> list[str]:
    """What lookups do not tell: rows without a verdict, and networks that nobody may have looked into."""
    numbers = _by_state(quality)
    without = {state: n for state, n in numbers.items() if state not in _ANSWERS and n}
    sentences = []
    if without:
        parts = ", ".join(f"{speak.word(state)} {speak.number(n)}" for state, n in without.items() if n >= FEWEST)
        sentences.append(speak.say("unknown_answer", n=speak.number(sum(without.values())), parts=parts or "…"))
    unchecked = absent[absent["checked"].eq(other=False).fillna(value=False)]
    if len(unchecked):
        networks = ", ".join(map(label, unchecked["network"]))
        sentences.append(speak.say("unknown_life", networks=networks, n=speak.number(unchecked["numbers"].sum())))
    return [*sentences, speak.say("unknown_moment")]


_ANSWERS: Final = frozenset(words(Verdict)) - {Verdict.INVALID.value}
"""What only a lookup says; a number that is no number is called invalid by cleaning, and never asked about."""


def _by_state(quality: pd.DataFrame) -> Mapping[str, int]:
    rows = quality[quality["by"].eq("verdict")]
    return {state: int(n) for state, n in zip(rows["value"], rows["numbers"], strict=True)}


def _share_of(part: int, whole: int, speak: Language, confidence: float) -> dict[str, str]:
    low, high = wilson(part, whole, confidence=confidence)
    return {"share": speak.share(float(share(part, whole))), "interval": speak.interval(float(low), float(high))}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
