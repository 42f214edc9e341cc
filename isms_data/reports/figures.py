"""The metrics as pictures: frame in, Axes out. Nothing is shown, saved or restyled here.

One colour for each state, in every figure (Okabe and Ito's set, which colour-blind readers can tell apart; what is not
known is grey).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isms_data.reports.lists import list_quality
from isms_data.vocabulary import Verdict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS: Final = {
    Verdict.DELIVERABLE.value: "#009E73",
    Verdict.RETRY_LATER.value: "#E69F00",
    Verdict.BARRED.value: "#CC79A7",
    Verdict.NO_SMS_SERVICE.value: "#56B4E9",
    Verdict.DEAD.value: "#D55E00",
    Verdict.INVALID.value: "#7F3B08",
}
NOT_KNOWN: Final = "#9A9A9A"
NETWORK: Final = "#0072B2"
GAP: Final = 1.4
"""The space between the two groups of bars, in bars."""
ROOM_FOR_LABELS: Final = 1.25
"""The axis goes on beyond the longest bar for the figures behind it."""


def plot_list_quality(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `list_quality`: one bar for each verdict or reason, and below one for each network, with counts and shares.

    Parameters
    ----------
    frame : DataFrame
        As for `list_quality`.
    ax : Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        An empty frame gives labelled, empty axes.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> ax = isms.plot_list_quality(isms.parse_hlr(pd.Series(["Delivered;GR;Cosmote;;;0"])))
    >>> ax.get_xlabel()
    'share of rows (%)'
    """
    quality = list_quality(frame)
    bars = quality[quality["numbers"] > 0]
    drawn = ax if ax is not None else _new_axes(len(bars))
    on_network = bars["by"].eq("network").tolist()
    places = [place + GAP * below for place, below in enumerate(on_network)]
    drawn.barh(places, 100 * bars["share"], color=list(map(_colour, bars["by"], bars["value"])), height=0.75)
    drawn.set_yticks(places, [_LABELS.get(value, value.replace("_", " ")) for value in bars["value"]])
    for place, numbers, share in zip(places, bars["numbers"], bars["share"], strict=True):
        _write(drawn, f"{numbers:,} ({share:.1%})", 100 * share, place)
    if any(on_network):
        networks = bars[on_network]
        heading = f"networks of the {networks['numbers'].sum():,} answered numbers (share of these)"
        _write(drawn, heading, 0, places[-len(networks)] - (1 + GAP) / 2, style="italic")
    rows = quality.loc[quality["by"] == "verdict", "numbers"].sum()
    drawn.set_title(f"List quality (n = {rows:,})", loc="left", fontweight="bold")
    drawn.set_xlabel("share of rows (%)")
    drawn.set_xlim(0, ROOM_FOR_LABELS * 100 * max(bars["share"], default=1.0))
    drawn.set_ylim(max(places, default=0) + 0.7, -0.7)
    drawn.spines[["top", "right"]].set_visible(False)
    return drawn


_LABELS: Final = {Verdict.NO_SMS_SERVICE.value: "no SMS service"}


def _colour(by: str, value: str) -> str:
    """The state's colour; what is not known is grey, be it a verdict or a network."""
    known = by == "network" and value != Verdict.UNKNOWN
    return NETWORK if known else COLOURS.get(value, NOT_KNOWN)


def _write(drawn: Axes, text: str, x: float, y: float, *, style: str = "normal") -> None:
    """Text just right of a point, in the middle of its height."""
    drawn.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", style=style)


def _new_axes(bars: int) -> Axes:
    import matplotlib.pyplot as plt  # noqa: PLC0415 - costs as much as pandas, and only drawing on nothing needs it

    _, axes = plt.subplots(figsize=(8, 1.4 + 0.34 * (bars + GAP)), layout="constrained")
    return axes
