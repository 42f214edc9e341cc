"""What became of the messages, as pictures: data in, Axes out. Nothing is shown, saved or restyled here.

Each `plot_x` works out the metric x and draws that; `draw_x` draws one that is worked out already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from isms_data.reports import drawing
from isms_data.reports.costs import delivery_costs
from isms_data.reports.curves import cumulative_delivery
from isms_data.reports.delivery import delivery_funnel, delivery_times
from isms_data.reports.extract import in_few_groups
from isms_data.reports.groups import listed, names_of
from isms_data.reports.merging import MAX_ROWS, few
from isms_data.reports.source import ATHENS
from isms_data.reports.wording import language as language_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from matplotlib.axes import Axes

    from isms_data.reports.stored import Data
    from isms_data.reports.wording import Language

MAX_CURVES: Final = 8
"""More cannot be told apart, whatever their colours."""

MARKERS: Final = "osD^vPX*"


# How far they came


def plot_delivery_funnel(data: Data, *, ax: Axes | None = None, language: str = "en", timezone: str = ATHENS) -> Axes:
    """Draw `delivery_funnel`: a bar for each stage from plan to delivery, with its share of the stage before.

    Parameters
    ----------
    data : DataFrame or path
        As for `delivery_funnel`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered", None], "final": [True, False]})
    >>> plot_delivery_funnel(messages).get_xlabel()
    'messages'
    """
    return draw_funnel(delivery_funnel(data, timezone=timezone), language_of(language), ax=ax)


def draw_funnel(funnel: pd.DataFrame, speak: Language, *, ax: Axes | None = None) -> Axes:
    """Draw what `delivery_funnel` gave without groups."""
    drawn = drawing.axes_for(ax, height=drawing.height_of(len(funnel)))
    stages = funnel["stage"].astype("str").tolist()
    notes = [
        _funnel_note(row, before, speak) for row, before in zip(funnel.itertuples(), [None, *stages], strict=False)
    ]
    colours = [drawing.DELIVERED if stage == "delivered" else drawing.NETWORK for stage in stages]
    seen = funnel["messages"].tolist() if funnel["messages"].any() else []
    drawing.bars(drawn, seen, colours=colours[: len(seen)], notes=notes[: len(seen)], speak=speak)
    drawing.rows_down(drawn, [speak.word(stage) for stage in stages])
    drawing.whole_numbers(drawn.xaxis, speak)
    planned = funnel["messages"].max() if len(funnel) else 0
    return drawing.titled(drawn, speak.say("title_funnel", n=speak.number(planned)), xlabel=speak.say("axis_messages"))


def _funnel_note(row: Any, before: str | None, speak: Language) -> str:
    number = speak.number(row.messages)
    return (
        number
        if before is None
        else f"{number} ({speak.say('of_n', share=speak.share(row.share), n=speak.word(before))})"
    )


# Times


def plot_cumulative_delivery(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    confidence: float = 0.95,
    ax: Axes | None = None,
    language: str = "en",
    timezone: str = ATHENS,
) -> Axes:
    """Draw `cumulative_delivery`: the share delivered by each age, with its interval; a curve for each group.

    More than 8 groups: the seven largest, and one curve for the messages of all others.

    Parameters
    ----------
    data : DataFrame or path
        As for `cumulative_delivery`.
    by : str or list of str
        As for `cumulative_delivery`.
    confidence, timezone
        As for `cumulative_delivery`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        From 0 to 100 %; time is logarithmic. n in the legend are the messages.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered"] * 2, "final": True})
    >>> messages["latency"] = pd.to_timedelta([2, 6], unit="s")
    >>> messages["submitted_at"] = pd.Timestamp("2026-05-04 09:00", tz="UTC")
    >>> plot_cumulative_delivery(messages.assign(resolved_at=messages.submitted_at + messages.latency)).get_ylabel()
    'delivered (%)'
    """
    speak, keys = language_of(language), listed(by)
    with in_few_groups(data, keys, speak, limit=MAX_CURVES, timezone=timezone) as (few_data, few_keys):
        curves = cumulative_delivery(few_data, by=few_keys, confidence=confidence, timezone=timezone)
    return draw_cumulative(curves, speak, by=few_keys, confidence=confidence, ax=ax)


def draw_cumulative(
    curves: pd.DataFrame,
    speak: Language,
    *,
    by: str | Sequence[str] = (),
    confidence: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw what `cumulative_delivery` gave, of not more groups than can be told apart."""
    drawn = drawing.axes_for(ax, height=4.4)
    known = curves[curves["age"].notna()]
    seconds = known["age"].dt.total_seconds()
    least, most = _positive_span(seconds)
    groups = names_of(known, by, speak)
    lines, words = [], []
    for place, group in enumerate(groups.unique()):
        of_group = groups.eq(group).to_numpy()
        rows = known[of_group]
        at = np.concatenate([[least / 2], seconds[of_group].clip(lower=least / 2), [2 * most]])
        colour = drawing.GROUPS[place % len(drawing.GROUPS)]
        stroke = drawing.STROKES[place // 2 % len(drawing.STROKES)]
        (line,) = drawn.step(at, _held(rows["incidence"]), where="post", color=colour, ls=stroke, lw=1.8)
        drawn.fill_between(at, _held(rows["low"]), _held(rows["high"]), step="post", color=colour, alpha=0.15, lw=0)
        lines.append(line)
        words.append(speak.with_n(drawing.label(group), int(rows["at_risk"].iloc[0])))
    drawing.lengths(drawn, speak, least, most)
    drawing.whole_rate(drawn, speak, along="y")
    xlabel = f"{speak.say('axis_age')} ({speak.interval_name(confidence)})"
    n = speak.number(known.groupby(groups, observed=True)["at_risk"].first().sum())
    drawing.titled(drawn, speak.say("title_cumulative", n=n), xlabel=xlabel, ylabel=speak.say("axis_delivered"))
    if lines:
        drawing.legend_below(drawn, lines, words)
    else:
        drawing.nothing(drawn, speak)
    return drawn


def _held(column: pd.Series) -> Any:
    """A curve that starts at nothing and keeps its last value; where its interval is not told there is none."""
    values = 100 * column.to_numpy(np.float64)
    return np.concatenate([[0.0 if column.name == "incidence" else np.nan], values, values[-1:]])


def _positive_span(seconds: pd.Series) -> tuple[float, float]:
    """The least and the largest length above 0, which a logarithmic axis has not."""
    above = seconds[seconds > 0]
    least = float(above.min()) if len(above) else 1.0
    return max(least, 1e-3), max(float(above.max()) if len(above) else 1.0, least)


def plot_delivery_times(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    percentiles: Sequence[float] = (0.5, 0.9, 0.95, 0.99),
    ax: Axes | None = None,
    language: str = "en",
    timezone: str = ATHENS,
) -> Axes:
    """Draw `delivery_times`: for each group the time within which half, 90 %, ... of the delivered ones were there.

    Parameters
    ----------
    data : DataFrame or path
        As for `delivery_times`.
    by, percentiles, timezone
        As for `delivery_times`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        Time is logarithmic. Groups beyond the 20 largest are put together, without percentiles.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered"] * 2, "final": True})
    >>> plot_delivery_times(messages.assign(latency=pd.to_timedelta([2, 6], unit="s"))).get_xlabel()
    'time from leaving to delivery'
    """
    speak, keys = language_of(language), listed(by)
    with in_few_groups(data, keys, speak, limit=MAX_ROWS, timezone=timezone) as (few_data, few_keys):
        times = delivery_times(few_data, by=few_keys, percentiles=percentiles, timezone=timezone)
    return draw_times(times, speak, by=few_keys, ax=ax)


def draw_times(times: pd.DataFrame, speak: Language, *, by: str | Sequence[str] = (), ax: Axes | None = None) -> Axes:
    """Draw what `delivery_times` gave."""
    rows = times.assign(group=names_of(times, by, speak))
    drawn = drawing.axes_for(ax, height=0.4 + drawing.height_of(len(rows)))
    names = percentile_columns(times)
    seconds = {name: rows[name].dt.total_seconds().to_numpy(np.float64) for name in names}
    found = pd.Series(np.concatenate([*seconds.values(), np.array([])]))
    places = np.arange(len(rows))
    least, most = _positive_span(found)
    if names:
        at = {name: np.clip(values, least, None) for name, values in seconds.items()}
        drawn.hlines(places, at[names[0]], at[names[-1]], colors=drawing.UNCERTAIN, lw=3, zorder=1)
        marks = [
            drawn.plot(at[name], places, marker, color=drawing.NETWORK, mfc=fill, ms=7, ls="none")[0]
            for name, marker, fill in zip(names, MARKERS, [drawing.NETWORK, *["white"] * len(names)], strict=False)
        ]
        words = [speak.say("arrived", share=speak.percentile(name)) for name in names]
        drawing.legend_below(drawn, marks, words)
    drawing.rows_down(
        drawn,
        [speak.with_n(drawing.label(group), n) for group, n in zip(rows["group"], rows["delivered"], strict=True)],
    )
    drawing.lengths(drawn, speak, least, most)
    n = speak.number(rows["delivered"].sum())
    drawing.titled(drawn, speak.say("title_times", n=n), xlabel=speak.say("axis_length"))
    if not found.notna().any():
        drawing.nothing(drawn, speak)
    return drawn


def percentile_columns(times: pd.DataFrame) -> list[str]:
    """The columns of percentiles, in rising order."""
    named = [name for name in times.columns if name[:1] == "p" and name[1:].replace(".", "", 1).isdigit()]
    return sorted(named, key=lambda name: float(name[1:]))


# Cost


def plot_delivery_costs(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    credits_per_segment: float | Decimal = 1,
    ax: Axes | None = None,
    language: str = "en",
    timezone: str = ATHENS,
) -> Axes:
    """Draw `delivery_costs`: a bar for each group, as long as a delivered message was dear.

    Parameters
    ----------
    data : DataFrame or path
        As for `delivery_costs`.
    by, credits_per_segment, timezone
        As for `delivery_costs`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        n in the labels are the delivered messages; a group without any has no bar.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered", "Failed"], "final": True})
    >>> plot_delivery_costs(messages.assign(segments=2)).patches[0].get_width()
    np.float64(4.0)
    """
    costs = delivery_costs(data, by=by, credits_per_segment=credits_per_segment, timezone=timezone)
    return draw_costs(costs, language_of(language), by=by, ax=ax)


def draw_costs(costs: pd.DataFrame, speak: Language, *, by: str | Sequence[str] = (), ax: Axes | None = None) -> Axes:
    """Draw what `delivery_costs` gave."""
    rows = few(costs.assign(group=names_of(costs, by, speak)), "group", speak)
    drawn = drawing.axes_for(ax, height=drawing.height_of(len(rows)))
    each = rows["credits_per_delivered"]
    notes = [speak.number(value, 2) for value in each]
    seen = each.fillna(0.0).tolist() if each.notna().any() else []
    drawing.bars(drawn, seen, colours=[drawing.NETWORK] * len(seen), notes=notes[: len(seen)], speak=speak)
    drawing.rows_down(
        drawn,
        [speak.with_n(drawing.label(group), n) for group, n in zip(rows["group"], rows["delivered"], strict=True)],
    )
    n = speak.number(rows["delivered"].sum())
    return drawing.titled(drawn, speak.say("title_costs", n=n), xlabel=speak.say("credits_per_delivered"))
