"""What a report tells of delivery: metrics, as pictures, tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data.reports import drawing, findings
from isms_data.reports.alert_figures import draw_alerts
from isms_data.reports.alerts import delivery_alerts
from isms_data.reports.costs import capitals_savings, delivery_costs
from isms_data.reports.curves import cumulative_delivery
from isms_data.reports.delivery import delivery_funnel, delivery_rates, delivery_times
from isms_data.reports.delivery_figures import (
    MAX_CURVES,
    draw_costs,
    draw_cumulative,
    draw_funnel,
    draw_times,
)
from isms_data.reports.exhibits import exhibit
from isms_data.reports.extract import in_few_groups
from isms_data.reports.groups import spoken
from isms_data.reports.merging import FEWEST, MAX_ROWS
from isms_data.reports.nameless import shown
from isms_data.reports.pages import Exhibit, Section, Table
from isms_data.reports.rate_figures import draw_rates
from isms_data.reports.svg import WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.reports.exhibits import Terms
    from isms_data.reports.stored import Data

NEEDED: Final = frozenset({"outcome", "status", "final"})
"""With these columns data are of delivery."""

WORDS: Final = ("network", "campaign", "sender")
BUCKETS: Final = ("day", "hour_of_week")
SMALL: Final = ("messages", "final", "delivered", "failed", "pending", "in_doubt", "rate", "low", "high")
"""Of `delivery_rates`, what a table shows besides the bounds."""

READ_AT: Final = tuple(pd.Timedelta(text) for text in ("10s", "1min", "5min", "15min", "1h", "6h", "1D", "3D", "7D"))
"""Ages at which the table reads the curves: a row for each message would tell of persons."""


def delivery_section(data: Data, columns: frozenset[str], terms: Terms) -> Section:
    """Everything that these columns allow to tell."""
    speak = terms.speak
    rates = delivery_rates(data, confidence=terms.confidence)
    funnel = delivery_funnel(data)
    found = findings.of_rates(rates, speak, terms.confidence)
    exhibits = [_funnel(funnel, terms)]
    unnamed = None
    for told, made in _by_word(data, columns, terms):
        found += told
        exhibits.append(made)
    if "network" in columns:
        networks = delivery_rates(data, by="network")
        unnamed = int(networks.loc[networks["network"].isna(), "messages"].sum())
    for told, made in (*_times(data, columns, terms), *_in_time(data, columns, terms), *_costs(data, columns, terms)):
        found += told
        exhibits.append(made)
    unknown = findings.unknown_of_delivery(rates, funnel, unnamed, speak)
    return Section("delivery", speak.say("report_delivery"), found, unknown, exhibits)


def _funnel(funnel: pd.DataFrame, terms: Terms) -> Exhibit:
    speak = terms.speak
    rows = funnel.assign(stage=[speak.word(stage) for stage in funnel["stage"].astype("str")])
    table = Table("funnel", speak.say("caption_funnel"), rows, speak)
    return exhibit("funnel", table, terms, lambda ax: draw_funnel(funnel, speak, ax=ax), height=drawing.height_of(4))


# Rates


def _by_word(data: Data, columns: frozenset[str], terms: Terms) -> Iterator[tuple[list[str], Exhibit]]:
    """Rates by network, and by campaign and sender where there are several."""
    for by in WORDS:
        if by not in columns:
            continue
        rates = delivery_rates(data, by=by, confidence=terms.confidence)
        if len(rates) > 1 or by == "network":
            rows = shown(rates, [by], terms.speak, confidence=terms.confidence)
            told = rows[rows[by].isin(set(rates[by].dropna().astype("str")))]
            yield findings.of_groups(told, by, terms.speak), _rates_exhibit(rates, by, terms)


def _rates_exhibit(rates: pd.DataFrame, by: str, terms: Terms) -> Exhibit:
    """Rates by one column; the picture of a bucket of time leaves out the moments of which a few messages tell."""
    speak = terms.speak
    bucket = by in BUCKETS
    rows, few = (shown(rates, [by], speak, confidence=terms.confidence, limit=limit) for limit in (None, MAX_ROWS))
    drawn = rates[rates["messages"] >= FEWEST] if bucket else few
    columns = [by, *SMALL] if bucket else [by, *SMALL, "rate_if_pending_fail", "rate_if_pending_deliver"]
    table = Table(f"rates_by_{by}", speak.say("caption_rates", by=speak.word(by)), rows[columns], speak)
    height = 3.4 if bucket else 0.7 + drawing.height_of(len(drawn))
    return exhibit(
        f"rates-{by.replace('_', '-')}",
        table,
        terms,
        lambda ax: draw_rates(drawn, speak, by=by, confidence=terms.confidence, timezone=terms.timezone, ax=ax),
        height=height,
        width=8.4 if by == "hour_of_week" else WIDTH,
    )


# In time


def _in_time(data: Data, columns: frozenset[str], terms: Terms) -> Iterator[tuple[list[str], Exhibit]]:
    """Rates by day and hour of the week, and the hours that were out of the ordinary."""
    if "submitted_at" not in columns:
        return
    for bucket in BUCKETS:
        if bucket in columns:  # a column of the caller's wins over a bucket of that name
            continue
        rates = delivery_rates(data, by=bucket, confidence=terms.confidence, timezone=terms.timezone)
        if len(rates) > 1:
            yield [], _rates_exhibit(rates, bucket, terms)
    if "network" in columns and not columns & {"hour", "hour_of_week"}:
        yield from _alerts(data, terms)


def _alerts(data: Data, terms: Terms) -> Iterator[tuple[list[str], Exhibit]]:
    """Alarms of the networks that are shown, in hours of which more than a few messages tell."""
    speak = terms.speak
    rates = shown(delivery_rates(data, by="network"), ["network"], speak)
    found = delivery_alerts(data, false_alarms=findings.FALSE_ALARMS, timezone=terms.timezone)
    named = found.assign(network=spoken(found["network"], speak))
    alerts = named[named["network"].isin(set(rates["network"])) & named["final"].ge(FEWEST)]
    alarms = alerts[alerts["alarm"].fillna(value=False).astype(bool)].sort_values("probability", kind="stable")
    if not alerts["alarm"].notna().any():
        return
    table = Table("alerts", speak.say("caption_alerts"), _alarm_rows(alarms, terms), speak)
    yield (
        findings.of_alerts(alerts, speak),
        exhibit("alerts", table, terms, lambda ax: draw_alerts(alerts, speak, ax=ax), height=3.4),
    )


def _alarm_rows(alarms: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    columns = ["network", "hour", "final", "failed", "expected", "probability"]
    return alarms[columns].assign(hour=spoken(alarms["hour"], terms.speak)).reset_index(drop=True)


def _times(data: Data, columns: frozenset[str], terms: Terms) -> Iterator[tuple[list[str], Exhibit]]:
    """How long it took, of the delivered ones and with those that are pending."""
    speak, by = terms.speak, ["network"] if "network" in columns else []
    if {"latency", "submitted_at", "resolved_at"} <= columns:
        with in_few_groups(data, by, speak, limit=MAX_CURVES, fewest=FEWEST, timezone=terms.timezone) as (few, keys):
            curves = cumulative_delivery(few, by=keys, confidence=terms.confidence, timezone=terms.timezone)
        whole = cumulative_delivery(data, confidence=terms.confidence)
        rows = _read(curves.rename(columns=dict.fromkeys(keys, "network")), by, terms)
        table = Table("cumulative", speak.say("caption_cumulative"), rows, speak)
        yield (
            findings.of_ages(whole, speak, terms.confidence),
            exhibit(
                "cumulative",
                table,
                terms,
                lambda ax: draw_cumulative(curves, speak, by=keys, confidence=terms.confidence, ax=ax),
                height=4.2,
            ),
        )
    if "latency" in columns:
        with in_few_groups(data, by, speak, limit=MAX_ROWS, fewest=FEWEST, timezone=terms.timezone) as (few, keys_):
            times = delivery_times(few, by=keys_)
        rows = times.rename(columns=dict.fromkeys(keys_, "network"))
        rows = rows.assign(**{name: spoken(rows[name], speak) for name in by})
        table = Table("times", speak.say("caption_times"), rows, speak)
        yield (
            findings.of_times(delivery_times(data), speak),
            exhibit(
                "times",
                table,
                terms,
                lambda ax: draw_times(times, speak, by=keys_, ax=ax),
                height=0.4 + drawing.height_of(len(times)),
            ),
        )


def _read(curves: pd.DataFrame, by: list[str], terms: Terms) -> pd.DataFrame:
    """The curves at ages that people know, as far as they go."""
    named = curves.assign(**{name: spoken(curves[name], terms.speak) for name in by})
    groups = [group for _, group in named.groupby(by, sort=False)] if by else [named]
    rows = [
        group[group["age"] <= age].tail(1).assign(age=age) for group in groups for age in READ_AT if len(group)
        and age <= max(group["age"].max(), READ_AT[0])
    ]  # fmt: skip
    kept = [*by, "age", "at_risk", "incidence", "low", "high"]
    return pd.concat([named.iloc[:0], *rows], ignore_index=True)[kept].astype({"age": "timedelta64[us]"})


# Cost


def _costs(data: Data, columns: frozenset[str], terms: Terms) -> Iterator[tuple[list[str], Exhibit]]:
    """What was paid for a delivered message, and what capitals would have saved."""
    speak = terms.speak
    if "segments" not in columns:
        return
    by = ["network"] if "network" in columns else []
    costs = delivery_costs(data, by=by)
    rows, few = (shown(costs, by, speak, limit=limit) for limit in (None, MAX_ROWS))
    table = Table("costs", speak.say("caption_costs"), rows, speak)
    yield (
        findings.of_costs(delivery_costs(data), speak),
        exhibit(
            "costs",
            table,
            terms,
            lambda ax: draw_costs(few, speak, by=by, ax=ax),
            height=drawing.height_of(len(few)),
        ),
    )
    if "text" in columns:
        savings = capitals_savings(data)
        if savings["saved"].gt(0).any():
            told = Table("savings", speak.say("caption_savings"), savings, speak)
            yield findings.of_savings(savings, speak), Exhibit("savings", told.caption, told)
