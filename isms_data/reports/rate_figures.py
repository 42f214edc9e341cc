"""The delivery rate as a picture: by groups, through time, over the week. Data in, Axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from isms_data.reports import drawing
from isms_data.reports.delivery import delivery_rates
from isms_data.reports.groups import listed, names_of
from isms_data.reports.merging import derived_rates, few
from isms_data.reports.source import ATHENS
from isms_data.reports.wording import language as language_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from isms_data.reports.stored import Data
    from isms_data.reports.wording import Language

SLICES: Final = (2, 3, 4, 6, 12, 24, 48, 168)
"""Hours for which many points in time are put together."""

DOTS: Final = 62
"""Points in time that have a dot each: two months of days."""


def plot_delivery_rates(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    confidence: float = 0.95,
    ax: Axes | None = None,
    language: str = "en",
    timezone: str = ATHENS,
) -> Axes:
    """Draw `delivery_rates`: a dot for each group with its interval, and where its pending messages can still move it.

    By one column of times (`by="day"`, `by="hour"`) it is a line through time, by `"hour_of_week"` a map of the week.
    More than 20 groups: the largest, and one for all others.

    Parameters
    ----------
    data : DataFrame or path
        As for `delivery_rates`.
    by, confidence, timezone
        As for `delivery_rates`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        From 0 to 100 %; n in the labels are the messages with a final status.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": ["accepted"] * 2, "status": ["Delivered", "Failed"], "final": True})
    >>> plot_delivery_rates(messages.assign(network="Nova"), by="network").get_yticklabels()[0].get_text()
    'Nova (n = 2)'
    """
    rates = delivery_rates(data, by=by, confidence=confidence, timezone=timezone)
    return draw_rates(rates, language_of(language), by=by, confidence=confidence, timezone=timezone, ax=ax)


def draw_rates(
    rates: pd.DataFrame,
    speak: Language,
    *,
    by: str | Sequence[str] = (),
    confidence: float = 0.95,
    timezone: str = ATHENS,
    ax: Axes | None = None,
) -> Axes:
    """Draw what `delivery_rates` gave: as rows, through time, or over the week."""
    keys = listed(by)
    if len(keys) == 1 and pd.api.types.is_datetime64_any_dtype(rates[keys[0]].dtype):
        return _draw_rates_in_time(rates, speak, keys[0], confidence, ax)
    if keys == ["hour_of_week"] and pd.api.types.is_integer_dtype(rates["hour_of_week"].dtype):
        return draw_week(rates, speak, timezone=timezone, ax=ax)
    return _draw_rates_in_rows(rates, speak, keys, confidence, ax)


def _draw_rates_in_rows(
    rates: pd.DataFrame, speak: Language, keys: list[str], confidence: float, ax: Axes | None
) -> Axes:
    rows = few(rates.assign(group=names_of(rates, keys, speak)), "group", speak, confidence=confidence)
    drawn = drawing.axes_for(ax, height=0.7 + drawing.height_of(len(rows)))
    places = np.arange(len(rows))
    percent = {name: 100 * rows[name].to_numpy(np.float64) for name in _SHARES}
    bounds = drawn.hlines(
        places, percent["rate_if_pending_fail"], percent["rate_if_pending_deliver"], colors=drawing.UNCERTAIN, lw=9
    )
    sure = drawn.hlines(places, percent["low"], percent["high"], colors=drawing.NETWORK, lw=2)
    (dots,) = drawn.plot(percent["rate"], places, "o", color=drawing.NETWORK, ms=6)
    for place, rate in zip(places, rows["rate"], strict=True):
        drawn.annotate(
            speak.share(rate), (1, place), xycoords=("axes fraction", "data"), xytext=(4, 0), va="center",
            textcoords="offset points", fontsize="small",
        )  # fmt: skip
    drawing.rows_down(
        drawn, [speak.with_n(drawing.label(group), n) for group, n in zip(rows["group"], rows["final"], strict=True)]
    )
    drawing.whole_rate(drawn, speak, along="x")
    _end(drawn, rows, keys, speak)
    words = [speak.say("legend_rate"), speak.interval_name(confidence), speak.say("legend_bounds")]
    drawing.legend_below(drawn, [dots, sure, bounds], words, columns=1)
    return drawn


_SHARES: Final = ("rate", "low", "high", "rate_if_pending_fail", "rate_if_pending_deliver")


def _end(drawn: Axes, rows: pd.DataFrame, keys: list[str], speak: Language) -> None:
    n = speak.number(rows["final"].sum())
    by = ", ".join(drawing.label(speak.word(key)) for key in keys)
    title = speak.say("title_rates_by", by=by, n=n) if keys else speak.say("title_rates", n=n)
    drawing.titled(drawn, title, xlabel=speak.say("axis_rate"))
    if not rows["messages"].sum():
        drawing.nothing(drawn, speak)


def _draw_rates_in_time(rates: pd.DataFrame, speak: Language, key: str, confidence: float, ax: Axes | None) -> Axes:
    known = rates[rates[key].notna()]
    wall = known[key].dt.tz_localize(None) if known[key].dt.tz is not None else known[key]
    dots, each = in_slices(known.assign(at=wall), confidence)
    drawn = drawing.axes_for(ax, height=4)
    at = dots["at"].to_numpy("datetime64[us]")
    percent = {name: 100 * dots[name].to_numpy(np.float64) for name in _SHARES}
    bounds = drawn.vlines(
        at, percent["rate_if_pending_fail"], percent["rate_if_pending_deliver"], colors=drawing.UNCERTAIN, lw=6
    )
    sure = drawn.vlines(at, percent["low"], percent["high"], colors=drawing.NETWORK, lw=1.5)
    (line,) = drawn.plot(at, percent["rate"], "o-", color=drawing.NETWORK, ms=4, lw=0.8)
    drawing.whole_rate(drawn, speak, along="y")
    _end(drawn, rates, [key], speak)
    drawn.set_ylabel(speak.say("axis_rate"))
    drawn.set_xlabel("" if each is None else speak.say("axis_slices", length=speak.length(each)))
    drawing.times(drawn, at, speak)
    words = [speak.say("legend_rate"), speak.interval_name(confidence), speak.say("legend_bounds")]
    drawing.legend_below(drawn, [line, sure, bounds], words)
    return drawn


def in_slices(rates: pd.DataFrame, confidence: float) -> tuple[pd.DataFrame, pd.Timedelta | None]:
    """Rates in time with not more dots than can be told apart: slices of so many whole hours, where there are more."""
    if len(rates) <= DOTS:
        return rates, None
    first = rates["at"].min().normalize()
    hours = (rates["at"].max() - first) / pd.Timedelta(hours=DOTS)
    each = pd.Timedelta(hours=next((slice_ for slice_ in SLICES if slice_ >= hours), 24 * np.ceil(hours / 24)))
    counts = ["messages", "final", "delivered", "pending"]
    slices = rates[counts].groupby(first + (rates["at"] - first) // each * each).sum().reset_index()
    return slices.assign(**derived_rates(slices, confidence)), each


def draw_week(rates: pd.DataFrame, speak: Language, *, timezone: str = ATHENS, ax: Axes | None = None) -> Axes:
    """Draw rates by hour of the week as a map with a row for each day; brackets are around what is unsure."""
    drawn = drawing.axes_for(ax, height=4, width=10)
    known = rates[rates["hour_of_week"].notna() & rates["final"].gt(0)]
    values, wide = np.full(168, np.nan), np.zeros(168, np.bool_)
    hours = known["hour_of_week"].to_numpy(np.int64)
    values[hours] = 100 * known["rate"].to_numpy(np.float64)
    wide[hours] = (known["high"] - known["low"]).to_numpy(np.float64) > UNSURE
    notes = [_week_note(value, unsure, speak) for value, unsure in zip(values, wide, strict=True)]
    low = 10 * np.floor(np.nanmin(values) / 10) if len(hours) else 0.0
    image = drawing.heat_map(
        drawn, values.reshape(7, 24), [notes[24 * day : 24 * day + 24] for day in range(7)],
        rows=speak.weekdays, columns=[str(hour) for hour in range(24)], limits=(min(low, 90), 100), fontsize="x-small",
    )  # fmt: skip
    drawing.colour_scale(drawn, image, speak.say("axis_rate"), speak)
    n = speak.number(rates["final"].sum())
    xlabel = f"{speak.say('axis_hour', timezone=timezone)}; (…): {speak.say('legend_few')}"
    drawing.titled(drawn, speak.say("title_week", n=n), xlabel=xlabel)
    if not len(hours):
        drawing.nothing(drawn, speak)
    return drawn


UNSURE: Final = 0.2
"""An interval wider than this, and a rate of an hour says little."""


def _week_note(value: float, unsure: np.bool_, speak: Language) -> str:
    if np.isnan(value):
        return ""
    return f"({speak.number(value)})" if unsure else speak.number(value)
