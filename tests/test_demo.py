"""The demo does the main job, and the README shows what it really prints."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import isms_data as isms
from isms_data.demo import SAMPLE, demo

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]


def test_demo_makes_what_the_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output is the README's, line by line (sizes of files aside); its table and its picture are there."""
    monkeypatch.chdir(ROOT)
    told: list[str] = []
    made = demo(None, tmp_path, say=told.append)
    plt.close("all")
    shown = re.search(r"prints of its list:\n\n```\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    printed = "\n".join(told).split("6. Saved")[0]

    assert shown is not None
    assert [line.rstrip() for line in printed.splitlines() if line.strip()] == [
        line for line in shown[1].split("6. Saved")[0].splitlines() if line.strip()
    ]
    assert len(isms.load_table(made[0])) == 2000
    assert made[1].read_bytes().startswith(b"\x89PNG")
    assert isms.load_table(made[2])["final"].all()
    assert made[3].read_bytes().startswith(b"\x89PNG")
    assert "1,287" in made[4].read_text(encoding="utf-8")
    assert "report.html" in told[-1]


def test_demo_of_a_list_of_ones_own(tmp_path: Path) -> None:
    """Any list and column may be named."""
    (tmp_path / "list.csv").write_text("phone\n6970000001\n2101234567\n", encoding="utf-8")
    made = demo(tmp_path / "list.csv", tmp_path / "out", column="phone", say=lambda _: None)
    plt.close("all")

    assert isms.load_table(made[0])["outcome"].tolist() == ["done", "skipped"]
    assert len(isms.load_table(made[2])) == isms.load_table(made[0])["verdict"].eq("deliverable").sum()


def test_demo_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sample is not at hand, the error says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("isms_data.demo.__file__", str(tmp_path / "a" / "b" / "demo.py"))
    with pytest.raises(isms.ConfigurationError, match=str(SAMPLE)):
        demo(None, tmp_path)
