"""Execute the notebooks and keep them, with their outputs, as Markdown pages that GitHub and the site show alike.

    python docs/_sphinx/render_notebooks.py [name ...]

Each `notebooks/NN_name.ipynb` becomes `docs/notebooks/NN_name.md`, with its pictures beside it. A table of pandas
becomes a Markdown table, any other output is shown as text. What changes from one run to the next is only what the
notebooks themselves show of the clock and of the sandbox's new ids.
"""

from __future__ import annotations

import base64
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

ROOT: Final = Path(__file__).resolve().parents[2]
NOTEBOOKS: Final = ROOT / "notebooks"
PAGES: Final = ROOT / "docs/notebooks"

TIMEOUT_S: Final = 120
"""A cell that takes longer has gone wrong."""

_LINK: Final = re.compile(r"\]\((\d\d_\w+)\.ipynb\)")


class _Table(HTMLParser):
    """The rows of a table of pandas, cell by cell; how many of them are its head, and what is written below it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.in_head = 0
        self.below = ""
        self._open = ""
        self._hanging: dict[int, int] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self._fill_under_hanging()
            self._hanging[len(self.rows[-1])] = int(told.get("rowspan") or 1) - 1
            self.rows[-1] += [""] * int(told.get("colspan") or 1)
        self._open = tag

    def _fill_under_hanging(self) -> None:
        """Leave empty the places that a cell of a row above reaches down to."""
        while self._hanging.get(len(self.rows[-1]), 0) > 0:
            self._hanging[len(self.rows[-1])] -= 1
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""
        if tag == "thead":
            self.in_head = len(self.rows)

    def handle_data(self, data: str) -> None:
        if self._open in {"td", "th"}:
            self.rows[-1][-1] += data
        elif self._open == "p":
            self.below += data


def page(notebook: nbformat.NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """The Markdown of an executed notebook, and its pictures by file name."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    title = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = _LINK.sub(r"](\1.md)", cell.source)
            title = _heading(text) or title
            parts.append(text)
        elif cell.cell_type == "code":
            parts.append(_fenced("python", cell.source))
            parts += [_output(output, name, title, pictures) for output in _joined(cell.outputs)]
    parts.append(f"---\n\nMade by `make notebooks` from `notebooks/{name}.ipynb`.")
    return "\n\n".join(part for part in parts if part) + "\n", pictures


def _heading(text: str) -> str:
    found = re.findall(r"^#+ (?:\d+\. )?(.+)$", text, re.MULTILINE)
    return found[-1] if found else ""


def _joined(outputs: list[Any]) -> list[Any]:
    """The outputs, with what was printed in several pieces put together."""
    made: list[Any] = []
    for output in outputs:
        if made and output.output_type == "stream" and made[-1].get("name") == output.name:
            made[-1] = made[-1] | {"text": made[-1].text + output.text}
        else:
            made.append(nbformat.from_dict(output))
    return made


def _output(output: Any, name: str, title: str, pictures: dict[str, bytes]) -> str:
    if output.output_type == "stream":
        return _fenced("text", output.text.rstrip("\n"))
    data = output.data
    if "image/png" in data:
        file = f"{name}_{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(data["image/png"])
        return f"![{title}]({file})"
    if "<table" in data.get("text/html", ""):
        return markdown_table(data["text/html"])
    return _fenced("text", data["text/plain"])


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def markdown_table(html: str) -> str:
    """A table of pandas, with one line of headings: pandas gives the names of the index a line of their own."""
    table = _Table(html)
    width = max(map(len, table.rows))
    rows = [row + [""] * (width - len(row)) for row in table.rows]
    head = [
        " ".join(filter(None, (cell.strip() for cell in column))) for column in zip(*rows[: table.in_head], strict=True)
    ]
    lines = [_line(head), "|" + "---|" * width, *map(_line, rows[table.in_head :])]
    return "\n".join(lines) + (f"\n\n{table.below.strip()}" if table.below else "")


def _line(cells: list[str]) -> str:
    shown = (re.sub(r"\s+", " ", cell.strip()) for cell in cells)
    return "| " + " | ".join(re.sub(r"([\\|*`<])", r"\\\1", cell) for cell in shown) + " |"


def render(path: Path, folder: Path) -> None:
    """Execute a notebook and write its page and its pictures into the folder."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=TIMEOUT_S, resources={"metadata": {"path": str(path.parent)}}).execute()
    text, pictures = page(notebook, path.stem)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{path.stem}_*.png"):
        old.unlink()
    (folder / f"{path.stem}.md").write_text(text, encoding="utf-8")
    for file, content in pictures.items():
        (folder / file).write_bytes(content)


def main(names: list[str]) -> None:
    """Render the notebooks that are named, or all."""
    os.environ["ISMS_PROGRESS"] = "0"
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not names or path.stem in names:
            render(path, PAGES)
            sys.stdout.write(f"docs/notebooks/{path.stem}.md\n")


if __name__ == "__main__":
    main(sys.argv[1:])
