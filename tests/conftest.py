"""What the tests share: a sandbox that answers at once, and a home for journals that is not the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import isms_data as isms
from tests import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from isms_data.journal.place import Place
    from isms_data.trial import SandboxAccount


settings.register_profile("project", deadline=None)  # a busy machine is no failure
settings.load_profile("project")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the environment's account or writes a journal outside its own folder."""
    for variable in (
        "USERNAME",
        "PASSWORD",
        "BASE_URL",
        "ALLOW_PLAINTEXT",
        "SOAP_WSDL",
        "SMPP",
        "JOURNAL",
        "MAX_PER_CALL",
    ):
        monkeypatch.delenv(f"ISMS_{variable}", raising=False)
    monkeypatch.setenv("ISMS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ISMS_PROGRESS", "0")


@pytest.fixture
def account() -> Iterator[SandboxAccount]:
    """An account at a sandbox of its own whose numbers answer within milliseconds."""
    with isms.sandbox(seed=7, median_latency_s=0.005) as account:
        yield account


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server that all tests share."""
    with postgres.running() as running:
        yield running.get_uri()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where the journal of a test is, once in a file and once on a server; the environment names it too."""
    if request.param == "sqlite":
        return tmp_path / "home"
    address = postgres.new_journal(request.getfixturevalue("server"))
    monkeypatch.setenv("ISMS_JOURNAL", address.url)
    return address
