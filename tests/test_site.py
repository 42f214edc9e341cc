"""The documentation is whole: pages can be reached, names are explained, notebooks are shown as they run."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import isms_data as isms

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REFERENCE = sorted((DOCS / "reference").glob("*.rst"))


def load(name: str) -> ModuleType:
    """A module that builds the site, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"_sphinx/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docstrings, links, notebooks, command_line = map(
    load, ("docstrings", "check_links", "render_notebooks", "command_line")
)


def cells(path: Path, kind: str) -> list[str]:
    """The sources of a notebook's cells of one kind."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def documented() -> list[str]:
    """The public names that the pages of the reference explain."""
    text = "".join(path.read_text(encoding="utf-8") for path in REFERENCE)
    return re.findall(r"^\.\. auto\w+:: isms_data\.(\w+)$", text, re.MULTILINE)


def test_every_page_is_in_the_table_of_contents() -> None:
    """Each page of the documentation, and each rendered notebook, can be reached from the first one."""
    first = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = " ".join(re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", first, re.DOTALL)).split()
    reached = {page for entry in listed for page in DOCS.glob(f"{entry}.*") if page.suffix in {".md", ".rst"}}

    assert reached | {DOCS / "index.md"} == {*DOCS.rglob("*.md"), *DOCS.rglob("*.rst")}


def test_every_public_name_is_in_the_reference() -> None:
    """Each name of the package is explained on one page of the reference, and nothing else is."""
    modules = {"aio", "accessor", "errors"}

    assert sorted({*documented()} - modules) == sorted({*isms.__all__} - modules)
    assert len(documented()) == len(set(documented()))
    assert modules <= set(documented())


def test_every_command_is_in_the_reference() -> None:
    """The page about the command line shows the help of each command, those of groups too."""
    page = command_line.page()

    assert {("credits",), ("send",), ("contacts", "sync")} <= set(command_line.commands(command_line.group()))
    assert all(f"Usage: isms {' '.join(words)} " in page for words in command_line.commands(command_line.group()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_rendered_notebook_is_the_notebook(path: Path) -> None:
    """The rendered page has the notebook's cells as they stand, in order: it was made from what is stored."""
    page = (DOCS / f"notebooks/{path.stem}.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```python\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ .+$", "\n".join(cells(path, "markdown")), re.MULTILINE)

    assert shown == cells(path, "code")
    assert [line for line in page.splitlines() if line in headings] == headings


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_rendered_notebook_is_clean(path: Path) -> None:
    """A rendered page shows no warning, no error and no folder of a machine, and its pictures are there."""
    page = (DOCS / f"notebooks/{path.stem}.md").read_text(encoding="utf-8")
    pictures = set(re.findall(r"!\[.+\]\((\S+\.png)\)", page))

    assert not re.search(r"Traceback|Warning:|/tmp/|/home/|\x1b", page)
    assert pictures == {picture.name for picture in (DOCS / "notebooks").glob(f"{path.stem}_*.png")}


def test_tutorial_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the tutorial lets a beginner type works as it stands, from the first line to the report."""
    steps = re.findall(r"```python\n(.*?)```", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec("".join(steps).replace("median_latency_s=0.05", "median_latency_s=0.01"), names)  # noqa: S102

    assert len(names["people"]) == 2_000
    assert len(isms.load_table("out/delivery.parquet")) == names["plan"]["action"].eq("send").sum()
    assert (tmp_path / "out/report.html").stat().st_size > 10_000


def test_readme_leads_to_every_rendered_notebook() -> None:
    """Who reads the README is one click away from each notebook with its outputs."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert all(f"](docs/notebooks/{path.stem}.md)" in readme for path in NOTEBOOKS)


def test_site_builds_without_a_warning_and_all_links_lead_somewhere(tmp_path: Path) -> None:
    """`make docs` in small: Sphinx has nothing to complain of, and no page links to what is not there."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-d",
        tmp_path / "seen",
        DOCS,
        tmp_path / "site",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command

    assert done.stderr == ""
    assert done.returncode == 0
    assert links.broken_links(tmp_path / "site") == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    """A page or a part of one that is not there, an address without https, and anything loaded from outside."""
    (tmp_path / "other.html").write_text('<p id="here"></p>', encoding="utf-8")
    good = '<a href="other.html#here"></a><a href="https://example.org/x"></a><img src="data:image/png;base64,AA">'
    bad = ["gone.html", "other.html#gone", "#gone", "http://example.org/", "https:///x"]
    loaded = '<img src="https://example.org/x.png">'
    page = good + "".join(f'<a href="{link}"></a>' for link in bad) + loaded
    (tmp_path / "page.html").write_text(page, encoding="utf-8")

    found = links.broken_links(tmp_path)

    assert [line.split(": ")[1] for line in found] == [*bad, "https://example.org/x.png"]


def test_docstring_of_our_shape_becomes_tables_and_lists() -> None:
    """Columns become a table with the lines that go on joined, errors and parameters lists, names links."""
    text = """Promise.

    Parameters
    ----------
    host : str
    port : int
        Where `save_table` goes. See docs/results.md.

    Returns
    -------
    DataFrame
        one row for each number
        mcc, mnc  str       three digits,
                            or two
        final     boolean

    Raises
    ------
    ColumnError, OSError   it is
                           not there.
    """
    lines = docstrings.converted(re.sub("^ {4}", "", text, flags=re.MULTILINE).splitlines())

    assert "**host**: *str*; **port**: *int*" in lines
    assert "   Where :py:obj:`~isms_data.save_table` goes. See :doc:`/results`." in lines
    assert lines[lines.index("   * - ``mcc``, ``mnc``") :][:3] == [
        "   * - ``mcc``, ``mnc``",
        "     - str",
        "     - three digits, or two",
    ]
    assert lines[lines.index("one row for each number") + 1] == ""
    assert lines[lines.index(":exc:`~isms_data.ColumnError`, ``OSError``") + 1 :][:2] == ["   it is", "   not there."]


def test_docstring_keeps_examples_and_shows_indented_text_as_it_stands() -> None:
    """A doctest is not touched, whatever its output looks like; an indented paragraph is shown literally."""
    example = [">>> plan_summary(`x`)", "   a  b", "0  1  2"]
    lines = docstrings.converted(["Words:", "", "    message   it is `settle`", "", "Examples", "--------", *example])

    assert lines[lines.index(example[0]) :][:3] == example
    assert lines[2:5] == [".. code-block:: text", "", "   message   it is `settle`"]


def test_docstring_links_no_column_to_a_function() -> None:
    """`segments` and `credits` are columns in most docstrings, though functions are called so too."""
    assert docstrings.converted(["`segments` and `settle`"])[0] == "`segments` and :py:obj:`~isms_data.settle`"


@pytest.mark.parametrize("name", isms.__all__)
def test_every_docstring_is_understood(name: str) -> None:
    """Each row of columns in a public docstring comes out as a row: no line of a table is left as prose."""
    text = inspect.getdoc(getattr(isms, name)) or ""
    returned = re.search(r"^Returns\n-+\n(.*?)^\w+\n---", text, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^ +(\w+(?:, \w+)*) {2,}\S", returned[1] if returned else "", re.MULTILINE)
    lines = docstrings.converted(text.splitlines())

    assert set(rows) <= {line[7:].replace("`", "") for line in lines if line.startswith("   * - ")}


def test_table_of_pandas_becomes_one_of_markdown() -> None:
    """The names of an index join the headings, hanging cells leave room, and no cell can break out of its place."""
    html = """<table><thead><tr><th></th><th></th><th>n</th></tr><tr><th>a</th><th>b</th><th></th></tr></thead>
        <tbody><tr><th rowspan="2">x</th><th>1</th><td>p|q</td></tr><tr><th>2</th><td>&lt;NA&gt;</td></tr></tbody>
        </table><p>2 rows</p>"""

    shown = notebooks.markdown_table(html)

    assert shown.splitlines() == [
        "| a | b | n |",
        "|---|---|---|",
        r"| x | 1 | p\|q |",
        r"|  | 2 | \<NA> |",
        "",
        "2 rows",
    ]
