"""Our docstrings as reStructuredText: their sections, their tables of columns, their links.

The shape is the house's own. Parameters are those of numpydoc. What a function returns is a table of columns (name,
dtype, meaning) under the word for the object; what it raises is a line for each error. Prose is prose, an indented
block is shown as it stands, and examples are doctests.

    Returns                                              the section's name, underlined
    -------
    DataFrame                                            what it is
        status   category   Queued, Pending, ...         a row of its table: three columns, at the same places
        final    boolean    whether that is the
                            last word                    goes on in the third column
"""

from __future__ import annotations

import re
from collections import Counter
from enum import EnumType
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Final

import isms_data
from isms_data import tables, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGES: Final = frozenset(path.stem for path in Path(__file__).parents[1].glob("*.md"))
"""The pages that a docstring may name as `docs/….md`."""

_ERROR_LINE: Final = re.compile(r"(?P<names>[A-Z]\w+(?:, [A-Z]\w+)*)(?:\s{2,}(?P<text>\S.*))?")
_NAMED: Final = re.compile(r"(\.\.\.|\w+(, \w+)*)\s+")
_GAP: Final = re.compile(r"\s{2,}(?=\S)")
_BEHIND_KIND: Final = re.compile(r"\s{2,}|(?<=\]), ")
_QUOTED: Final = re.compile(r"(?<!`)`(?P<name>\w+)(?:\(\))?`(?!`)")
_PAGE: Final = re.compile(r"\bdocs/(?P<page>\w+)\.md\b")


def _words() -> frozenset[str]:
    """What stands in quotes and is a column or a word of the protocol, though a function is called so too."""
    columns = {name for schema in tables.SCHEMAS.values() for name in schema.names}
    said = {str(word) for kind in vars(vocabulary).values() if isinstance(kind, EnumType) for word in list[Any](kind)}
    return frozenset(columns | said)


_NO_LINKS: Final = _words() | {"credits"}


def process(_app: Any, _what: str, name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Turn a docstring into reStructuredText, in place, as Sphinx asks for it."""
    lines[:] = converted(lines, own=name.rpartition(".")[2])


def converted(lines: Iterable[str], *, own: str = "") -> list[str]:
    """The lines of a docstring as lines of reStructuredText; `own` is the name that it does not link to."""
    made: list[str] = []
    for title, body in _sections(list(lines)):
        if title:
            made += [f".. rubric:: {title}", ""]
        made += [_linked(line, own) for line in _WRITERS[title](body)] if title in _WRITERS else _prose(body, own)
        made.append("")
    return made


def _sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """The parts of a docstring: what comes first, under no title, then each underlined title with its body."""
    starts = [place for place in range(len(lines) - 1) if re.fullmatch("-{3,}", lines[place + 1]) and lines[place]]
    parts = [("", lines[: [*starts, len(lines)][0]])]
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        parts.append((lines[start], lines[start + 2 : end]))
    return [(title, _trimmed(body)) for title, body in parts]


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _paragraphs(lines: list[str]) -> list[list[str]]:
    return [list(run) for is_text, run in groupby(lines, key=lambda line: bool(line.strip())) if is_text]


def _blocks(lines: list[str]) -> list[tuple[bool, list[str]]]:
    """Runs of lines that are indented, or not; an empty line belongs to the run before it."""
    marked: list[tuple[bool, str]] = []
    for line in lines:
        marked.append((line.startswith(" ") if line.strip() else bool(marked and marked[-1][0]), line))
    return [(mark, [line for _, line in run]) for mark, run in groupby(marked, key=lambda pair: pair[0])]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"   {line}" if line.strip() else "" for line in lines]


def _dedented(lines: list[str]) -> list[str]:
    return dedent("\n".join(lines)).split("\n")


def _prose(lines: list[str], own: str) -> list[str]:
    """Paragraphs, lists and examples as they are; a paragraph that is indented is shown literally."""
    made: list[str] = []
    in_list = False
    for paragraph in _paragraphs(lines):
        if paragraph[0].startswith(" ") and not in_list:
            made += [".. code-block:: text", "", *_indented(_dedented(paragraph)), ""]
        else:
            in_list = paragraph[0].startswith(("- ", "* ")) or (in_list and paragraph[0].startswith(" "))
            is_example = paragraph[0].lstrip().startswith(">>>")
            made += [*(paragraph if is_example else (_linked(line, own) for line in paragraph)), ""]
    return made


def _parameters(lines: list[str]) -> list[str]:
    """A definition list: names and types, what they mean below; names that follow each other share it."""
    made: list[str] = []
    terms: list[str] = []
    for indented, block in _blocks(lines):
        if indented:
            made += ["; ".join(terms), *_indented(_dedented(block)), ""]
            terms = []
        else:
            terms = [_term(line) for line in block]
    return [*made, "; ".join(terms)]


def _term(line: str) -> str:
    names, colon, kind = line.partition(" : ")
    bold = ", ".join(f"**{_escaped(name)}**" for name in names.split(", "))
    return f"{bold}: *{_escaped(kind)}*" if colon else bold


def _escaped(text: str) -> str:
    return text.replace("*", r"\*").replace("|", r"\|")


def _raised(lines: list[str]) -> list[str]:
    """A definition list: the errors, and when they come."""
    made: list[str] = []
    for line in lines:
        found = _ERROR_LINE.fullmatch(line)
        if found:
            names = ", ".join(_exception(name) for name in found["names"].split(", "))
            made += ["", names, f"   {found['text'] or ''}".rstrip()]
        else:
            made.append(f"   {line.strip()}")
    return made


def _exception(name: str) -> str:
    return f":exc:`~isms_data.{name}`" if name in isms_data.__all__ else f"``{name}``"


def _returned(lines: list[str]) -> list[str]:
    """The word for the object, then its description, of which aligned lines are a table."""
    made: list[str] = []
    for indented, block in _blocks(lines):
        if indented:
            made += _described([re.sub("::$", ":", line) for line in _dedented(block)])
        else:
            made += [f"*{_escaped(line)}*" for line in block] + [""]
    return made


def _described(lines: list[str]) -> list[str]:
    """Paragraphs of which some are, or hold, a table."""
    made: list[str] = []
    for paragraph in _paragraphs(lines):
        made += _with_table(_dedented(paragraph))
    return made


def _second_column(lines: list[str]) -> int | None:
    """Where the second column of a table begins; None where the lines are no table."""
    begins = Counter(gap.end() for line in lines if _NAMED.match(line) and (gap := _GAP.search(line)))
    return begins.most_common(1)[0][0] if begins else None


def _with_table(lines: list[str]) -> list[str]:
    """The prose before the table, the table, and the prose behind it."""
    second = _second_column(lines)
    rows: list[list[str]] = []
    before: list[str] = []
    after: list[str] = []
    for line in lines:
        if second is not None and _begins_row(line, second):
            rows.append(_cells(line, second))
        elif rows and line.startswith(" "):
            rows[-1][2] = f"{rows[-1][2]} {line.strip()}".strip()
        else:
            (after if rows else before).append(line)
    return [*before, "", *(_table(rows) if rows else []), "", *after, ""]


def _begins_row(line: str, second: int) -> bool:
    """Whether this is a row: names in the first column, and something where the second begins."""
    return bool(_NAMED.fullmatch(line[:second])) and line[second : second + 1].strip() != ""


def _cells(line: str, second: int) -> list[str]:
    kind, *meaning = _BEHIND_KIND.split(line[second:].strip(), maxsplit=1)
    return [line[:second].strip(), kind, *(meaning or [""])]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [3, 3, 6] if any(row[2] for row in rows) else [1, 1]
    made = [".. list-table::", f"   :widths: {' '.join(map(str, widths))}", "   :class: columns", ""]
    for name, kind, meaning in rows:
        names = name if name == "..." else ", ".join(f"``{each}``" for each in name.split(", "))
        cells = (names, _escaped(kind), meaning)[: len(widths)]
        made += [f"   {' ' if place else '*'} - {cell}" for place, cell in enumerate(cells)]
    return made


def _linked(line: str, own: str) -> str:
    """Names of public functions and of our pages as links."""

    def name_of(found: re.Match[str]) -> str:
        name = found["name"]
        is_public = name in isms_data.__all__ and name not in _NO_LINKS and name != own
        return f":py:obj:`~isms_data.{name}`" if is_public else found[0]

    def page_of(found: re.Match[str]) -> str:
        return f":doc:`/{found['page']}`" if found["page"] in PAGES else found[0]

    return _PAGE.sub(page_of, _QUOTED.sub(name_of, line))


_WRITERS: Final = {
    "Parameters": _parameters,
    "Attributes": _parameters,
    "Returns": _returned,
    "Yields": _returned,
    "Raises": _raised,
    "Warns": _raised,
}
