"""What a list is worth, as pictures: data in, Axes out. Nothing is shown, saved or restyled here.

Each `plot_x` works out the metric x and draws that; `draw_x` draws one that is worked out already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from isms_data.reports import drawing
from isms_data.reports.groups import spoken
from isms_data.reports.list_decay import list_decay
from isms_data.reports.lists import error_breakdown, list_quality, operator_shares, portability, roaming_countries
from isms_data.reports.merging import few, other, size, too_many
from isms_data.reports.wording import language as language_of
from isms_data.vocabulary import ErrorClass, Verdict, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from isms_data.reports.stored import Data
    from isms_data.reports.wording import Language

GAP: Final = 1.4
"""The space between the two groups of bars, in bars."""

MAX_CELLS: Final = 12
"""Rows and columns of a heat map whose cells can still be read."""


def plot_list_quality(data: Data, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw `list_quality`: one bar for each verdict or reason, and below one for each network, with counts and shares.

    Parameters
    ----------
    data : DataFrame or path
        As for `list_quality`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

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
    return draw_quality(list_quality(data), language_of(language), ax=ax)


def draw_quality(quality: pd.DataFrame, speak: Language, *, ax: Axes | None = None) -> Axes:
    """Draw what `list_quality` gave."""
    bars = _few_networks(quality[quality["numbers"] > 0], speak)
    drawn = drawing.axes_for(ax, height=1.4 + drawing.ROW * (len(bars) + GAP))
    on_network = bars["by"].eq("network").tolist()
    places = [place + GAP * below for place, below in enumerate(on_network)]
    drawn.barh(places, 100 * bars["share"], color=list(map(_colour, bars["by"], bars["value"])), height=0.75)
    labels = [_state(by, value, speak) for by, value in zip(bars["by"], bars["value"], strict=True)]
    drawn.set_yticks(places, labels, parse_math=False)
    for place, numbers, share in zip(places, bars["numbers"], bars["share"], strict=True):
        drawing.write(drawn, f"{speak.number(numbers)} ({speak.share(share)})", 100 * share, place)
    if any(on_network):
        answered = speak.number(bars.loc[on_network, "numbers"].sum())
        heading = speak.say("networks_heading", n=answered)
        drawing.write(drawn, heading, 0, places[-sum(on_network)] - (1 + GAP) / 2, style="italic")
    rows = quality.loc[quality["by"] == "verdict", "numbers"].sum()
    drawing.titled(drawn, speak.say("title_quality", n=speak.number(rows)), xlabel=speak.say("axis_share_rows"))
    drawing.percents(drawn.xaxis, speak)
    drawn.set_xlim(0, drawing.ROOM_FOR_NOTES * 100 * max(bars["share"], default=1.0))
    drawn.set_ylim(max(places, default=0) + 0.7, -0.7)
    if bars.empty:
        drawing.nothing(drawn, speak)
    return drawn


def _few_networks(bars: pd.DataFrame, speak: Language) -> pd.DataFrame:
    """At most so many networks; the smaller ones are put together."""
    networks = bars["by"].eq("network")
    shown = few(bars[networks], "value", speak).assign(by="network")
    return pd.concat([bars[~networks].astype({"by": "str"}), shown.astype({"by": "str"})], ignore_index=True)


def _state(by: str, value: str, speak: Language) -> str:
    """A state in words; the name of a network as it is."""
    ours = by == "verdict" or value == Verdict.UNKNOWN
    return speak.word(value) if ours else drawing.label(value)


def _colour(by: str, value: str) -> str:
    """The state's colour; what is not known is grey, be it a verdict or a network."""
    known = by == "network" and value != Verdict.UNKNOWN
    return drawing.NETWORK if known else drawing.COLOURS.get(value, drawing.NOT_KNOWN)


# Why, which network, where


def plot_error_breakdown(data: Data, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw `error_breakdown`: a bar for each error, the most frequent on top, coloured by how long such an error lasts.

    Parameters
    ----------
    data : DataFrame or path
        As for `error_breakdown`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import isms_data as isms
    >>> plot_error_breakdown(isms.parse_hlr(pd.Series(["Undelivered;;;;;27"]))).get_yticklabels()[0].get_text()
    'absentSubscriber'
    """
    return draw_errors(error_breakdown(data), language_of(language), ax=ax)


def draw_errors(errors: pd.DataFrame, speak: Language, *, ax: Axes | None = None) -> Axes:
    """Draw what `error_breakdown` gave."""
    texts = errors.assign(
        error_name=spoken(errors["error_name"], speak), error_class=errors["error_class"].astype("str")
    )
    rows = few(texts, "error_name", speak)
    classes = rows["error_class"].fillna(ErrorClass.UNKNOWN.value)
    colours = [drawing.ERRORS.get(kind, drawing.NOT_KNOWN) for kind in classes]
    drawn = _counted(rows, "error_name", colours, speak, title="title_errors", ax=ax)
    shown = [kind for kind in words(ErrorClass) if kind in set(classes)]
    if shown:
        from matplotlib.patches import Patch  # noqa: PLC0415 - costs as much as pandas, and only drawing needs it

        patches = [Patch(color=drawing.ERRORS.get(kind, drawing.NOT_KNOWN)) for kind in shown]
        drawing.legend_below(drawn, patches, [speak.word(kind) for kind in shown])
    return drawn


def plot_operator_shares(data: Data, *, confidence: float = 0.95, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw `operator_shares`: a bar for each network the numbers are in now, with the interval of its share.

    Parameters
    ----------
    data : DataFrame or path
        As for `operator_shares`.
    confidence : float, default 0.95
        Of the intervals.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import isms_data as isms
    >>> plot_operator_shares(isms.parse_hlr(pd.Series(["Delivered;GR;Nova;;;0"]))).get_yticklabels()[0].get_text()
    'Nova'
    """
    return draw_operators(
        operator_shares(data, confidence=confidence), language_of(language), confidence=confidence, ax=ax
    )


def draw_operators(shares: pd.DataFrame, speak: Language, *, confidence: float = 0.95, ax: Axes | None = None) -> Axes:
    """Draw what `operator_shares` gave."""
    named, told = shares.assign(network=spoken(shares["network"], speak)), shares["share"].notna()
    known = few(named[told], "network", speak, confidence=confidence)
    rows = pd.concat([known, named[~told]], ignore_index=True)
    colours = [drawing.NETWORK] * len(known) + [drawing.NOT_KNOWN] * int((~told).sum())
    drawn = _counted(rows, "network", colours, speak, title="title_operators", ax=ax, behind="high")
    lines = drawn.hlines(range(len(rows)), 100 * rows["low"], 100 * rows["high"], colors=drawing.INK, lw=2)
    if len(rows):
        drawing.legend_below(drawn, [lines], [speak.interval_name(confidence)])
    return drawn


def plot_roaming_countries(data: Data, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw `roaming_countries`: a bar for each country that the phones are in.

    Parameters
    ----------
    data : DataFrame or path
        As for `roaming_countries`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import isms_data as isms
    >>> hlr = isms.parse_hlr(pd.Series(["Delivered;GR;Nova;202101234567890;4917000000;0"]))
    >>> plot_roaming_countries(hlr).get_yticklabels()[0].get_text()
    'DE'
    """
    return draw_roaming(roaming_countries(data), language_of(language), ax=ax)


def draw_roaming(countries: pd.DataFrame, speak: Language, *, ax: Axes | None = None) -> Axes:
    """Draw what `roaming_countries` gave."""
    named = countries.assign(serving_country=spoken(countries["serving_country"], speak))
    rows = few(named, "serving_country", speak)
    colours = [
        drawing.NETWORK if known else drawing.NOT_KNOWN for known in rows["serving_country"].ne(speak.value(None))
    ]
    return _counted(rows, "serving_country", colours, speak, title="title_roaming", ax=ax)


def _counted(
    rows: pd.DataFrame,
    name: str,
    colours: list[str],
    speak: Language,
    *,
    title: str,
    ax: Axes | None,
    behind: str = "share",
) -> Axes:
    """A bar for each row, as long as its share, with its count behind it."""
    drawn = drawing.axes_for(ax, height=0.3 + drawing.height_of(len(rows)))
    shares = (100 * rows["share"].fillna(0)).tolist()
    drawn.barh(range(len(rows)), shares, color=colours, height=0.72)
    for place, (numbers, share, end) in enumerate(zip(rows["numbers"], rows["share"], rows[behind], strict=True)):
        note = speak.number(numbers) if pd.isna(share) else f"{speak.number(numbers)} ({speak.share(share)})"
        drawing.write(drawn, note, 0 if pd.isna(end) else 100 * end, place)
    drawn.set_xlim(0, drawing.ROOM_FOR_NOTES * max(shares, default=100.0))
    drawing.percents(drawn.xaxis, speak)
    drawing.rows_down(drawn, [drawing.label(text) for text in rows[name]])
    if rows.empty:
        drawing.nothing(drawn, speak)
    n = speak.number(rows["numbers"].sum())
    return drawing.titled(drawn, speak.say(title, n=n), xlabel=speak.say("axis_share_numbers"))


# From one to another


def plot_portability(data: Data, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw `portability` as a heat map: from who first held the numbers' range to where they are now, with counts.

    Parameters
    ----------
    data : DataFrame or path
        As for `portability`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        Colours are shares of a row, cells have counts; framed are the numbers that stayed. Beyond 12 networks either
        way the smaller ones are put together.

    Examples
    --------
    >>> import isms_data as isms
    >>> hlr = isms.parse_hlr(pd.Series(["Delivered;GR;Nova;;;0"])).assign(range_operator="Cosmote")
    >>> plot_portability(hlr).get_yticklabels()[0].get_text()
    'Cosmote (n = 1)'
    """
    return draw_portability(portability(data), language_of(language), ax=ax)


def draw_portability(moves: pd.DataFrame, speak: Language, *, ax: Axes | None = None) -> Axes:
    """Draw what `portability` gave."""
    keys = ("range_operator", "network")
    named = moves.assign(**{key: moves[key].astype("str") for key in keys})
    return _draw_crossed(_Crossed(named, keys, speak), "portability", ax=ax)


def plot_list_decay(before: Data, after: Data, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw `list_decay` as a heat map: from each number's verdict in one lookup to that in a later one, with counts.

    Parameters
    ----------
    before, after : DataFrame or path
        As for `list_decay`.
    ax : Axes, optional
        Where to draw; by default on a new figure.
    language : {"en", "el"}
        Of the words and numbers.

    Returns
    -------
    Axes
        Colours are shares of a row, cells have counts; framed are the verdicts that stayed.

    Examples
    --------
    >>> import isms_data as isms
    >>> before = isms.parse_hlr(pd.Series(["Delivered;;;;;"])).assign(msisdn="306970000001")
    >>> after = isms.parse_hlr(pd.Series(["Undelivered;;;;;1"])).assign(msisdn="306970000001")
    >>> plot_list_decay(before, after).get_yticklabels()[0].get_text()
    'deliverable (n = 1)'
    """
    return draw_decay(list_decay(before, after), language_of(language), ax=ax)


def draw_decay(decay: pd.DataFrame, speak: Language, *, ax: Axes | None = None) -> Axes:
    """Draw what `list_decay` gave."""
    keys = ("verdict_before", "verdict_after")
    worded = decay.assign(**{key: decay[key].astype("str").map(speak.word, na_action="ignore") for key in keys})
    order = [speak.word(verdict) for verdict in words(Verdict)]
    return _draw_crossed(_Crossed(worded, keys, speak, order), "decay", ax=ax)


class _Crossed:
    """Counts from one name to another: the largest first, what is too much for a picture together, the unknown last."""

    def __init__(self, rows: pd.DataFrame, keys: tuple[str, str], speak: Language, order: Sequence[str] = ()) -> None:
        self.speak = speak
        named = pd.DataFrame({key: self._few(rows, key) for key in keys}).assign(numbers=rows["numbers"].array)
        counts = named.pivot_table(index=keys[0], columns=keys[1], values="numbers", aggfunc="sum", fill_value=0)
        several = {speak.value(None), speak.say("others_together")}
        self.names = {name for key in keys for name in rows[key].dropna()} - several
        """Those of one group; a row or column of several, or of no name, has another."""
        down, across = (self._ordered(counts.sum(axis=axis), order) for axis in (1, 0))
        self.counts = counts.loc[down, across]

    def _few(self, rows: pd.DataFrame, key: str) -> pd.Series:
        names = spoken(rows[key], self.speak).reset_index(drop=True)
        totals = size(rows).reset_index(drop=True).groupby(names).sum()
        marked = too_many(totals, MAX_CELLS)
        return names.mask(names.isin(totals.index[marked]), other(int(marked.sum()), self.speak))

    def _ordered(self, totals: pd.Series, order: Sequence[str]) -> list[str]:
        place = {name: number for number, name in enumerate(order)}
        unknown = self.speak.value(None)
        return sorted(
            totals.index, key=lambda name: (name == unknown, name not in self.names, place.get(name, 0), -totals[name])
        )

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which columns have a name: shares are of these."""
        return np.array([name != self.speak.value(None) for name in self.counts.columns], np.bool_)

    @property
    def same(self) -> list[tuple[int, int]]:
        """The cells whose row and column are the same group."""
        columns = self.counts.columns.tolist()
        both = set(columns) & self.names
        return [(row, columns.index(name)) for row, name in enumerate(self.counts.index) if name in both]


def _draw_crossed(crossed: _Crossed, name: str, *, ax: Axes | None) -> Axes:
    counts, speak = crossed.counts, crossed.speak
    drawn = drawing.axes_for(ax, height=2.0 + 0.42 * max(len(counts), 2))
    numbers = counts.to_numpy(np.int64)
    if numbers.size:
        of_known = np.maximum(numbers[:, crossed.known].sum(axis=1, keepdims=True), 1)
        shares = np.where(crossed.known & (numbers > 0), 100 * numbers / of_known, np.nan)
        notes = [[speak.number(each) if each else "" for each in line] for line in numbers.tolist()]
        rows = [speak.with_n(drawing.label(row), n) for row, n in zip(counts.index, numbers.sum(axis=1), strict=True)]
        columns = [drawing.label(column) for column in counts.columns]
        image = drawing.heat_map(drawn, shares, notes, rows=rows, columns=columns, limits=(0, 100))
        drawing.turned(drawn, columns)
        drawing.framed(drawn, crossed.same)
        drawing.colour_scale(drawn, image, speak.say(_SHARE_OF[name]), speak)
    else:
        drawn.set(xticks=[], yticks=[])
        drawing.nothing(drawn, speak)
    x, y = _AXES[name]
    title = speak.say(f"title_{name}", n=speak.number(numbers.sum()))
    return drawing.titled(drawn, title, xlabel=speak.say(x), ylabel=speak.say(y))


_SHARE_OF: Final = {"portability": "axis_range_share", "decay": "axis_verdict_share"}
_AXES: Final = {
    "portability": ("axis_network_now", "axis_range_operator"),
    "decay": ("axis_verdict_after", "axis_verdict_before"),
}
