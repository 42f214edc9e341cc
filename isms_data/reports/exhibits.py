"""A picture and its table, made in the terms that hold throughout a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isms_data.reports.pages import Exhibit
from isms_data.reports.svg import WIDTH, as_svg

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from isms_data.reports.pages import Table
    from isms_data.reports.wording import Language


@dataclass(frozen=True)
class Terms:
    """Language, confidence of the intervals, and whose clock."""

    speak: Language
    confidence: float
    timezone: str


def exhibit(
    name: str, table: Table, terms: Terms, draw: Callable[[Axes], Axes], *, height: float, width: float = WIDTH
) -> Exhibit:
    """An exhibit of what a function draws; its heading is the picture's title."""
    describe = f"{table.caption}. {terms.speak.say('report_seen_below')}"
    heading, svg = as_svg(draw, height=height, width=width, name=name, describe=describe)
    return Exhibit(name, heading, table, svg)
