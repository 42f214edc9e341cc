"""The help of every `isms` command as one page of reStructuredText."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.testing import CliRunner

from isms_data.cli import app

WIDTH: Final = "80"


def page() -> str:
    """A section for each command, with what its `--help` says."""
    return "".join(_section(words) for words in commands(group()))


def group() -> Any:
    """`isms` itself, which holds the commands."""
    return typer.main.get_command(app)


def commands(within: Any, *before: str) -> list[tuple[str, ...]]:
    """The words of every command, those of a group behind it."""
    found: list[tuple[str, ...]] = []
    for name, command in within.commands.items():
        found.append((*before, name))
        if hasattr(command, "commands"):
            found += commands(command, *before, name)
    return found


def _section(words: tuple[str, ...]) -> str:
    told = CliRunner().invoke(app, [*words, "--help"], prog_name="isms", env={"COLUMNS": WIDTH})
    title = f"isms {' '.join(words)}"
    lines = "".join(f"   {line}\n" if line.strip() else "\n" for line in told.output.strip().splitlines())
    return f"\n{title}\n{'-' * len(title)}\n\n.. code-block:: text\n\n{lines}\n"
