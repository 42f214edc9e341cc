"""What the documents say is so: links lead somewhere, settings exist, commands are there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import isms_data as isms
from isms_data import account as account_module
from isms_data import vocabulary

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Each relative link and picture is a file of the project."""
    targets = re.findall(r"(?:\]\(|src=\")([^)#\s\"]+)", path.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (path.parent / target).exists()]

    assert missing == []


def test_readme_example_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The README's program does what it shows."""
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert program is not None
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(program[1].replace("isms.sandbox()", "isms.sandbox(median_latency_s=0.01)"), names)  # noqa: S102

    assert len(isms.load_table(tmp_path / "out/delivery.parquet")) > 1_000
    assert len(names["hlr"]) == 2000  # type: ignore[arg-type]


def test_readme_commands_are_there() -> None:
    """Each `make` command that the README names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))

    assert {"demo", "test"} <= named
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)


def test_protocol_names_every_call_and_sentence() -> None:
    """The page about the protocol has every call, parameter and error sentence of the vocabulary."""
    page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")

    for call in vocabulary.CALLS:
        assert call.page in page
        assert all(re.search(rf"\b{re.escape(name)}\b", page) for name in (*call.required, *call.optional))
    assert all(sentence in page for sentence in vocabulary.words(vocabulary.ErrorSentence))


def test_every_setting_is_documented() -> None:
    """Each field of Account is in its docstring, each environment variable in that of from_env."""
    told = str(isms.Account.__doc__) + str(isms.Account.from_env.__doc__)

    assert all(re.search(rf"\b{field.name}\b", told) for field in fields(isms.Account))
    assert all(variable in told for variable, _ in account_module._VARIABLES.values())


def test_guarantees_name_every_outcome() -> None:
    """What each outcome means for money is on the page about guarantees."""
    page = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")

    assert all(f"`{word}`" in page for word in vocabulary.words(vocabulary.Outcome))


def test_nothing_names_this_machine_or_a_registry() -> None:
    """No committed text carries a path of a developer's machine or the address of a package registry."""
    hosts = "|".join(["pypi" + r"\.org", "registry" + r"\.npmjs", "deb" + r"\.debian", "/wor" + "k/", "/ro" + "ot/"])
    texts = [path for kind in ("*.py", "*.md", "*.toml", "*.ipynb") for path in ROOT.rglob(kind)]
    found = [
        str(path.relative_to(ROOT))
        for path in [*texts, ROOT / "Makefile", ROOT / ".ci/run"]
        if ".venv" not in path.parts and re.search(hosts, path.read_text(encoding="utf-8"))
    ]

    assert found == []
