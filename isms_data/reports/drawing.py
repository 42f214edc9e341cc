"""What the figures share: colours, axes, labels, bars, heat maps. Draws on the Axes it is given and nowhere else.

One colour for each state, in every figure (Okabe and Ito's set, which colour-blind readers can tell apart; what is not
known is grey), and other ones for groups (Paul Tol's muted set), so that a curve is never taken for a state.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from isms_data.vocabulary import ErrorClass, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

    from isms_data.reports.wording import Language

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
DELIVERED: Final = COLOURS[Verdict.DELIVERABLE]
FAILED: Final = COLOURS[Verdict.DEAD]
ERRORS: Final = {
    ErrorClass.PERMANENT.value: COLOURS[Verdict.DEAD],
    ErrorClass.TEMPORARY.value: COLOURS[Verdict.RETRY_LATER],
}
GROUPS: Final = ("#332288", "#88CCEE", "#117733", "#CC6677", "#DDCC77", "#882255", "#44AA99", "#AA4499")
STROKES: Final = ("-", "--", "-.", ":")
"""Curves differ in these too: print may have no colours."""
UNCERTAIN: Final = "#D4D4D4"
INK: Final = "#333333"
FRAME: Final = "#D55E00"
SCALE: Final = "cividis"
"""Of a heat map: as light and dark it is the same in every kind of colour vision, and in print."""

STEPS: Final = 20
"""Colours of the scale. So few stay shapes in an SVG, where more would become an image."""

MAX_LABEL: Final = 30
"""Signs of a name from the data; the rest of it would push the picture off the page."""

WIDTH: Final = 8.0
ROW: Final = 0.34
"""Inches: of a new figure, and of a bar in it."""

ROOM_FOR_NOTES: Final = 1.3
"""The axis goes on beyond the longest bar for what is written behind it."""

_UNSEEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

LENGTHS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800)
"""Seconds at which an axis of lengths of time may have a mark."""


def axes_for(ax: Axes | None, *, height: float, width: float = WIDTH) -> Axes:
    """The given axes; without any, those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # noqa: PLC0415 - costs as much as pandas, and only drawing on nothing needs it

    _, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return axes


def height_of(rows: int) -> float:
    """Inches that a figure with so many bars needs."""
    return 1.7 + ROW * max(rows, 1)


def label(name: str) -> str:
    r"""A name from the data as it may stand in a picture: one line, nothing unseen, not too long.

    >>> label("a\u202eb\n" + 40 * "c")
    'ab ccccccccccccccccccccccccccc…'
    """
    spaced = " ".join(name.split())
    shown = "".join(sign for sign in spaced if unicodedata.category(sign) not in _UNSEEN)
    cut = shown if len(shown) <= MAX_LABEL else shown[:MAX_LABEL].rstrip() + "…"
    return f" {cut}" if cut.startswith("_") else cut  # a legend leaves out what begins with an underscore


def titled(drawn: Axes, title: str, *, xlabel: str = "", ylabel: str = "") -> Axes:
    """The axes with their words, and without the frame's upper and right line."""
    drawn.set_title(title, loc="left", fontweight="bold", fontsize="medium", parse_math=False)
    drawn.set_xlabel(xlabel, parse_math=False)
    drawn.set_ylabel(ylabel, parse_math=False)
    drawn.spines[["top", "right"]].set_visible(False)
    return drawn


def nothing(drawn: Axes, speak: Language) -> None:
    """Say in the middle of empty axes that they are empty."""
    words = speak.say("nothing_to_show")
    drawn.text(0.5, 0.5, words, transform=drawn.transAxes, ha="center", va="center", color=INK)


def write(drawn: Axes, text: str, x: float, y: float, *, style: str = "normal") -> None:
    """Text just right of a point, in the middle of its height."""
    drawn.annotate(
        text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", style=style, fontsize="small",
        parse_math=False,
    )  # fmt: skip


def rows_down(drawn: Axes, labels: Sequence[str]) -> None:
    """A row for each label, the first one on top."""
    drawn.set_yticks(range(len(labels)), list(labels), parse_math=False)
    drawn.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    drawn.tick_params(axis="y", length=0)


def percents(axis: Axis, speak: Language) -> None:
    """The marks of an axis as numbers of the language, with the decimals that they need; the axis is in percent."""
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - as in `axes_for`

    axis.set_major_formatter(FuncFormatter(lambda value, _: speak.number(value, _decimals(value))))


def _decimals(value: float) -> int:
    return len(f"{value:.3f}".rstrip("0").partition(".")[2])


def whole_numbers(axis: Axis, speak: Language) -> None:
    """Marks at whole numbers only: there is no half message."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - as in `axes_for`

    axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    percents(axis, speak)


def times(drawn: Axes, at: NDArray[Any], speak: Language) -> None:
    """An axis of times with few marks: hours where they fit on few days, else days."""
    from matplotlib.dates import AutoDateLocator, num2date  # noqa: PLC0415 - as in `axes_for`
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - as in `axes_for`

    if not len(at):
        drawn.set_xticks([])
        return
    room = max(at.max() - at.min(), np.timedelta64(3_600_000_000, "us")) // 40
    drawn.set_xlim(at.min() - room, at.max() + room)
    days = (at.max() - at.min()) / np.timedelta64(1, "D")
    say = speak.short_moment if days < HOURS_SHOWN else speak.short_day if days < DAYS_SHOWN else speak.month
    locator: Any = AutoDateLocator
    moment_of: Any = num2date
    drawn.xaxis.set_major_locator(locator(minticks=2, maxticks=7))
    drawn.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say(moment_of(value))))


HOURS_SHOWN: Final = 4
DAYS_SHOWN: Final = 200
"""Up to so many days an axis shows hours, or days; beyond that months."""


def whole_rate(drawn: Axes, speak: Language, *, along: str) -> None:
    """An axis from 0 to 100 %, with a little room for dots at its ends."""
    getattr(drawn, f"set_{along}lim")(-2, 102)
    axis = drawn.xaxis if along == "x" else drawn.yaxis
    axis.set_ticks(range(0, 101, 20))
    percents(axis, speak)
    axis.grid(visible=True, color="#E8E8E8", linewidth=0.8)
    drawn.set_axisbelow(True)


def lengths(drawn: Axes, speak: Language, least: float, most: float) -> None:
    """A logarithmic axis of seconds with marks at lengths that people know."""
    from matplotlib.ticker import NullLocator  # noqa: PLC0415 - as in `axes_for`
    from pandas import Timedelta  # noqa: PLC0415 - as in `axes_for`

    drawn.set_xscale("log")
    drawn.set_xlim(least / 1.2, most * 1.2)
    inside = [mark for mark in LENGTHS if least / 1.2 <= mark <= most * 1.2]
    ends = [least, most] if least < most else [least]
    chosen = inside[:: max(1, len(inside) // 7 + (len(inside) % 7 > 0))] if len(inside) > 1 else ends
    drawn.set_xticks(chosen, [speak.length(Timedelta(seconds=mark)) for mark in chosen])
    drawn.xaxis.set_minor_locator(NullLocator())


def bars(
    drawn: Axes, values: Sequence[float], *, colours: Sequence[str], notes: Sequence[str], speak: Language
) -> None:
    """A bar for each value in its row, from 0, with a note behind it; `rows_down` names the rows."""
    drawn.barh(range(len(values)), values, color=list(colours), height=0.72)
    for row, (value, note) in enumerate(zip(values, notes, strict=True)):
        write(drawn, note, value, row)
    drawn.set_xlim(0, ROOM_FOR_NOTES * max([*values, 0.0]) or 1)
    if not len(values):
        nothing(drawn, speak)


def legend_below(drawn: Axes, handles: Sequence[Any], labels: Sequence[str], *, columns: int = 2) -> None:
    """A legend under the axis' words, as far from the axes however high they are."""
    legend = drawn.legend(
        handles, list(labels), ncols=columns, frameon=False, fontsize="small",
        loc="upper left", bbox_to_anchor=(0, 0), borderaxespad=4.4,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)


def heat_map(
    drawn: Axes,
    values: NDArray[np.float64],
    notes: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    limits: tuple[float, float],
    fontsize: str | float = "small",
) -> Any:
    """A cell for each value with a note in it, readable on light and dark; what is null stays white."""
    from matplotlib import colormaps  # noqa: PLC0415 - as in `axes_for`

    sides = [np.arange(size + 1) - 0.5 for size in reversed(values.shape)]
    scale = colormaps[SCALE].resampled(STEPS)
    image = drawn.pcolormesh(*sides, np.ma.masked_invalid(values), cmap=scale, vmin=limits[0], vmax=limits[1])
    drawn.invert_yaxis()
    middle = sum(limits) / 2
    for row, line in enumerate(notes):
        for column, note in enumerate(line):
            dark = np.isfinite(values[row, column]) and values[row, column] < middle
            drawn.text(
                column,
                row,
                note,
                ha="center",
                va="center",
                fontsize=fontsize,
                color="white" if dark else "black",
                parse_math=False,
            )
    drawn.set_yticks(range(len(rows)), list(rows), parse_math=False)
    drawn.set_xticks(range(len(columns)), list(columns), parse_math=False)
    drawn.tick_params(length=0)
    return image


def framed(drawn: Axes, cells: Sequence[tuple[int, int]]) -> None:
    """A frame around cells of a heat map, given by row and column."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - as in `axes_for`

    for row, column in cells:
        drawn.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, fill=False, edgecolor=FRAME, linewidth=2))


def turned(drawn: Axes, names: Sequence[str]) -> None:
    """The words under an axis aslant where they would run into each other."""
    if sum(map(len, names)) > SIGNS_IN_A_ROW:
        drawn.tick_params(axis="x", rotation=35)
        for tick in drawn.xaxis.get_major_ticks():
            tick.label1.set_horizontalalignment("right")


SIGNS_IN_A_ROW: Final = 45


def colour_scale(drawn: Axes, image: Any, title: str, speak: Language) -> None:
    """What the colours of a heat map mean, in percent, at its side."""
    figure: Any = drawn.figure
    bar = figure.colorbar(image, ax=drawn, fraction=0.04, pad=0.02)
    bar.set_label(title, fontsize="small", parse_math=False)
    bar.outline.set_visible(False)
    percents(bar.ax.yaxis, speak)
