"""A figure as SVG for a page: its text is text, it has a title and a description, and its ids are its own.

No pyplot and no display are needed: a figure is made, drawn on and dropped. What users have set for figures of their
own does not count here.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

WIDTH: Final = 5.6
"""Inches. Narrow, so that the text can still be read where the page is as wide as a phone."""

_SVG: Final = "{http://www.w3.org/2000/svg}"
_XLINK: Final = "{http://www.w3.org/1999/xlink}"
_LEFT_OUT: Final = {f"{_SVG}metadata"}

STYLE: Final[dict[str, Any]] = {"svg.fonttype": "none", "svg.hashsalt": "isms_data", "font.size": 9.5}


def as_svg(
    draw: Callable[[Axes], Axes], *, height: float, name: str, describe: str, width: float = WIDTH
) -> tuple[str, str]:
    """What a function draws, as SVG for that place of a page, and its title, which is the page's to write."""
    from matplotlib import style  # noqa: PLC0415 - costs as much as pandas
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - as above
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    with style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's browser has others
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        drawn = draw(figure.add_subplot())
        title = drawn.get_title(loc="left")
        drawn.set_title("", loc="left")
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return title, _for_page(written.getvalue(), name, title, describe)


def _for_page(svg: str, name: str, title: str, describe: str) -> str:
    """The picture with what a page needs of it, and nothing that would reach beyond it."""
    root = ET.fromstring(svg)  # noqa: S314 - written by matplotlib a moment ago
    for child in list(root):
        if child.tag in _LEFT_OUT or child.find(f"{_SVG}style") is not None:
            root.remove(child)
    for element in root.iter():
        _make_own(element, name)
    width, height = (root.attrib.pop(side).removesuffix("pt") for side in ("width", "height"))
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
        "stroke-linejoin": "round",
        "class": "broad" if float(width) > 72 * WIDTH + 1 else "narrow",
        "style": f"max-width: {LARGEST * float(width):.0f}pt; aspect-ratio: {width} / {height}",
    }
    for tag, text in (("desc", describe), ("title", title)):
        element = ET.Element(tag, {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(0, element)
    return ET.tostring(root, encoding="unicode")


LARGEST: Final = 1.55
"""A picture grows with the page, up to so many times its size."""


def _make_own(element: ET.Element, name: str) -> None:
    """Ids and references that are this picture's: two pictures of a page share none. HTML names no namespaces."""
    element.tag = element.tag.removeprefix(_SVG)
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.set(key, f"{name}-{value}")
        elif value.startswith("url(#"):
            element.set(key, value.replace("url(#", f"url(#{name}-", 1))
        elif key == f"{_XLINK}href":
            del element.attrib[key]
            element.set("href", value.replace("#", f"#{name}-", 1))
