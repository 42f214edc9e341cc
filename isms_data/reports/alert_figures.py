"""The hours in which more failed than is usual, as a picture: data in, Axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from isms_data.reports import drawing
from isms_data.reports.alerts import delivery_alerts
from isms_data.reports.groups import names_of
from isms_data.reports.source import ATHENS
from isms_data.reports.statistics import share
from isms_data.reports.wording import language as language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from isms_data.reports.stored import Data
    from isms_data.reports.wording import Language

NAMED: Final = 4
"""Alarms that have their hour and count beside them: the least probable ones."""

BEHIND: Final = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}


def plot_delivery_alerts(
    data: Data,
    *,
    by: str | Sequence[str] = "network",
    group: str | None = None,
    false_alarms: float = 0.01,
    ax: Axes | None = None,
    language: str = "en",
    timezone: str = ATHENS,
) -> Axes:
    """Draw `delivery_alerts` of one group: the share that failed in each hour, what was expected, and the alarms.

    Parameters
    ----------
    data : DataFrame or path
        As for `delivery_alerts`.
    by, false_alarms, timezone
        As for `delivery_alerts`.
    group : str, optional
        Which group to draw, called as in the figure; by default the one with the most alarms.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        From 0 to 100 % of the final messages. The four least probable alarms are named.

    Examples
    --------
    >>> left = pd.date_range("2026-03-02", periods=400, freq="h", tz="UTC")
    >>> messages = pd.DataFrame({"network": "Nova", "outcome": "accepted", "submitted_at": left, "final": True})
    >>> plot_delivery_alerts(messages.assign(status="Delivered")).get_title(loc="left")
    'Failures by hour: Nova (n = 400)'
    """
    alerts = delivery_alerts(data, by=by, false_alarms=false_alarms, timezone=timezone)
    return draw_alerts(alerts, language_of(language), by=by, group=group, ax=ax)


def draw_alerts(
    alerts: pd.DataFrame,
    speak: Language,
    *,
    by: str | Sequence[str] = "network",
    group: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what `delivery_alerts` gave of one group, by default the one with the most alarms."""
    names = names_of(alerts, by, speak)
    name = group if group is not None else most_alarming(alerts, names)
    rows = alerts[names.eq(name) & alerts["hour"].notna()].sort_values("hour", kind="stable")
    drawn = drawing.axes_for(ax, height=4)
    at = rows["hour"].dt.tz_localize(None).to_numpy("datetime64[us]")
    failed, usual = (100 * share(rows[column], rows["final"]) for column in ("failed", "expected"))
    alarm = rows["alarm"].fillna(value=False).to_numpy(bool)
    (dots,) = drawn.plot(at[~alarm], failed[~alarm], "o", color=drawing.NOT_KNOWN, ms=2.5, alpha=0.7)
    (line,) = drawn.plot(at, usual, "-", color=drawing.NETWORK, lw=1)
    (alarms,) = drawn.plot(at[alarm], failed[alarm], "D", color=drawing.FAILED, ms=6)
    drawing.whole_rate(drawn, speak, along="y")
    drawing.times(drawn, at, speak)
    title = speak.say("title_alerts", group=drawing.label(name), n=speak.number(rows["final"].sum()))
    drawing.titled(drawn, title, ylabel=speak.say("axis_failed"))
    if not len(rows):
        drawing.nothing(drawn, speak)
        return drawn
    _name_alarms(drawn, rows[alarm], speak)
    counted = speak.say("with_n", name=speak.say("legend_alarm"), n=speak.number(alarm.sum()))
    words = [speak.say("legend_observed"), speak.say("legend_expected"), counted]
    drawing.legend_below(drawn, [dots, line, alarms], words)
    return drawn


def most_alarming(alerts: pd.DataFrame, names: pd.Series) -> str:
    """The group with the most alarms, of several the one with the most messages."""
    totals = pd.DataFrame(
        {"alarms": alerts["alarm"].fillna(value=False).astype("int64"), "messages": alerts["messages"]}
    )
    sums = totals.groupby(names.to_numpy()).sum().sort_values(["alarms", "messages"], ascending=False, kind="stable")
    return str(sums.index[0]) if len(sums) else ""


def _name_alarms(drawn: Axes, alarms: pd.DataFrame, speak: Language) -> None:
    """Hour and count beside the least probable alarms, of which the later ones stand to the left of their dot."""
    from matplotlib import dates  # noqa: PLC0415 - costs as much as pandas, and only drawing needs it

    worst = _apart(alarms.sort_values("probability", kind="stable"))
    middle, day_number = np.mean(drawn.get_xlim()), cast("Callable[[Any], float]", dates.date2num)
    for hour, failed, final in zip(worst["hour"].dt.tz_localize(None), worst["failed"], worst["final"], strict=True):
        counts = speak.say("n_of_n", k=speak.number(failed), n=speak.number(final))
        text = f"{speak.short_moment(hour)}: {counts}".replace("\n", " ")
        at: Any = (hour, 100 * failed / final)
        late = day_number(hour) > middle
        drawn.annotate(
            text, at, xytext=(-7 if late else 7, 0), textcoords="offset points", ha="right" if late else "left",
            va="center", fontsize="small", parse_math=False, bbox=BEHIND,
        )  # fmt: skip


def _apart(alarms: pd.DataFrame) -> pd.DataFrame:
    """The first alarms whose words do not run into each other: each has a line of its own."""
    chosen: list[int] = []
    shares = share(alarms["failed"], alarms["final"])
    for place, height in enumerate(shares):
        if all(abs(shares[other] - height) > LINE for other in chosen):
            chosen.append(place)
    return alarms.iloc[chosen[:NAMED]]


LINE: Final = 0.07
"""How much of the axis a line of words takes."""
