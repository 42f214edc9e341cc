"""The house stays as docs/architecture.md draws it: pure parts, no circles, complete and documented names."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import isms_data as isms
from isms_data import accessor, aio, tables

PACKAGE = Path(isms.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
DRAWN = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")
PURE = re.findall(r"[\w/]+", " ".join(re.findall(r"^pure: ([\w, /]+?)(?:   .*)?$", DRAWN, re.MULTILINE)))
INPUT_OUTPUT = {
    "aiohttp",
    "asyncio",
    "socket",
    "sqlite3",
    "os",
    "pathlib",
    "shutil",
    "tempfile",
    "urllib",
    "subprocess",
}
SERVER = "isms_data.journal.server"
TESTS = sorted(Path(__file__).parent.glob("test_*.py"))


def imports(path: Path, *, late: bool) -> set[str]:
    """The modules that a file imports; `late` counts those inside functions, never those for type checking only."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    hidden = {id(inner) for block in typing_only for inner in ast.walk(block)}
    for node in ast.walk(tree) if late else tree.body:
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


HOUSE = {
    name: {found for found in imports(path, late=True) if found in MODULES} - {"isms_data"}
    for name, path in MODULES.items()
}


@pytest.mark.parametrize("name", PURE)
def test_pure_module_does_no_input_or_output(name: str) -> None:
    """A module that the architecture calls pure imports nothing that reads, writes, waits or connects."""
    roots = {found.split(".")[0] for found in imports(PACKAGE / f"{name}.py", late=True)}

    assert not roots & INPUT_OUTPUT


def test_no_import_circle() -> None:
    """No module imports itself through others, not even inside a function."""
    reached: dict[str, set[str]] = {}

    def below(name: str, path: tuple[str, ...] = ()) -> set[str]:
        assert name not in path, " -> ".join((*path, name))
        if name not in reached:
            reached[name] = set().union(
                *({child} | below(child, (*path, name)) for child in sorted(HOUSE[name])), set()
            )
        return reached[name]

    for name in HOUSE:
        below(name)


@pytest.mark.parametrize("name", [name for name in MODULES if ".simulator" in name])
def test_sandbox_knows_only_the_vocabulary(name: str) -> None:
    """The sandbox shares words with the client and nothing else, so that the two can disagree."""
    foreign = {found for found in HOUSE[name] if ".simulator" not in found}

    assert foreign <= {"isms_data.vocabulary"}


@pytest.mark.parametrize("name", MODULES)
def test_module_is_drawn_in_the_architecture(name: str) -> None:
    """Every module, or its folder, has its place in docs/architecture.md."""
    parts = name.removeprefix("isms_data").strip(".").split(".")

    assert parts[0] in {"", "__main__"} or re.search(rf"\b{parts[0]}\b", DRAWN)


def test_sql_is_in_the_journal_only() -> None:
    """Nothing but the journal opens a database or speaks its language."""
    database = [name for name, path in MODULES.items() if "sqlite3" in imports(path, late=True)]
    spoken = [name for name, path in MODULES.items() if re.search(r"\bexecute(many)?\(", path.read_text("utf-8"))]

    assert database == ["isms_data.journal.file"]
    assert [name for name, path in MODULES.items() if "psycopg" in imports(path, late=True)] == [SERVER]
    assert all(name.startswith(("isms_data.journal.", "isms_data.reports.")) for name in spoken)  # reports read Parquet


def test_public_names_are_sorted_and_there() -> None:
    """`__all__` is sorted, complete, and each name can be used; an unknown one is an AttributeError."""
    assert list(isms.__all__) == sorted(set(isms.__all__))
    assert all(getattr(isms, name) is not None for name in isms.__all__)
    assert set(isms.__all__) <= set(dir(isms))
    with pytest.raises(AttributeError, match="nonsense"):
        isms.nonsense  # noqa: B018 - the access is the test


def test_public_names_are_typed() -> None:
    """What a type checker is told of the package is what there is."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.asname or alias.name
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert told == set(isms.__all__)


@pytest.mark.parametrize("name", [name for name in isms.__all__ if callable(getattr(isms, name))])
def test_public_name_is_documented(name: str) -> None:
    """Each function explains itself with a runnable example, each class and error in words."""
    thing = getattr(isms, name)

    assert inspect.getdoc(thing)
    assert not inspect.isfunction(thing) or ">>> " in str(thing.__doc__)


@pytest.mark.parametrize("name", [*accessor.FRAME_METHODS, *accessor.SERIES_METHODS])
def test_accessor_has_the_functions_signatures(name: str) -> None:
    """A method of the accessor takes what its function takes, less the frame."""
    data = pd.DataFrame() if name in accessor.FRAME_METHODS else pd.Series(dtype="str")
    method, function = getattr(data.isms, name), getattr(isms, name)

    assert (
        list(inspect.signature(method).parameters.values()) == list(inspect.signature(function).parameters.values())[1:]
    )
    assert name in dir(data.isms)
    with pytest.raises(AttributeError, match="It has"):
        data.isms.nonsense  # noqa: B018 - the access is the test


@pytest.mark.parametrize("name", aio.__all__)
def test_coroutine_has_the_functions_signature(name: str) -> None:
    """A function of `aio` takes what the plain one takes, and is a coroutine."""
    assert inspect.iscoroutinefunction(getattr(aio, name))
    assert inspect.signature(getattr(aio, name)) == inspect.signature(getattr(isms, name))


@pytest.mark.parametrize("name", sorted({name for schema in tables.SCHEMAS.values() for name in schema.names}))
def test_column_is_documented(name: str) -> None:
    """Every column of a table is explained in the docs."""
    docs = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE.parent / "docs").glob("*.md"))

    assert f"`{name}`" in docs


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_test_is_a_promise(path: Path) -> None:
    """Each test says in one sentence what it promises."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    silent = [test.name for test in tests if test.name.startswith("test_") and not ast.get_docstring(test)]

    assert silent == []


def test_import_brings_nothing_heavy() -> None:
    """Importing the package loads none of the libraries that only some functions need."""
    heavy = [
        "aiohttp",
        "matplotlib",
        "phonenumbers",
        "python_calamine",
        "tqdm",
        "typer",
        "sqlite3",
        "uvloop",
        "psycopg",
    ]
    program = f"import sys, isms_data; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.strip() == "[]"


def test_every_module_can_be_imported_alone() -> None:
    """No module relies on another having been imported before it."""
    for name in MODULES:
        if not name.endswith("__main__"):
            importlib.import_module(name)
