"""Progress is counted by the run, drawn by the door, and quiet where it is not wanted."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

import isms_data as isms
from isms_data import progress as progress_module
from isms_data.progress import Progress, counted, drawn_here

if TYPE_CHECKING:
    import pytest

    from isms_data.trial import SandboxAccount


def test_progress_shows_numbers_and_credits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has the numbers answered, their total, and the credits spent."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = Progress("hlr", total=2000, done=500, credits=Decimal("12.50"), shown=True)
    progress.draw()
    progress.close()
    told = capsys.readouterr().err

    assert "500/2000" in told
    assert "12.50 credits" in told


def test_progress_of_nothing_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Before there is anything to do, and where it was turned off, no line appears."""
    Progress("hlr", total=0, shown=True).draw()
    Progress("hlr", total=5, shown=False).draw()

    assert capsys.readouterr().err == ""


def test_progress_is_quiet_in_a_log_file(account: SandboxAccount, capsys: pytest.CaptureFixture[str]) -> None:
    """Output that is not a terminal gets no bar."""
    loud = isms.Account(account.username, account.password, base_url=account.base_url, progress=True)
    isms.hlr_lookup(pd.DataFrame({"n": ["306970000001"]}), "n", account=loud)

    assert capsys.readouterr().err == ""


async def test_progress_is_drawn_by_the_door_or_by_the_run() -> None:
    """Inside a door's context the run counts on the door's progress; without one it has its own."""
    with drawn_here() as door:
        async with counted("hlr", shown=False) as inside:
            assert inside is door
    async with counted("hlr", shown=False) as alone:
        await asyncio.sleep(0)
        assert alone is not door


def test_progress_that_cannot_be_drawn_breaks_nothing(
    account: SandboxAccount, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A terminal that is gone takes the bar with it, and not the run."""

    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(progress_module, "_bar", gone)
    caplog.set_level("INFO")
    loud = isms.Account(account.username, account.password, base_url=account.base_url, progress=True)
    account.gateway.simulator.pin("306970000001", latency_s=0.6)
    frame = isms.hlr_lookup(pd.DataFrame({"n": ["306970000001"]}), "n", account=loud)

    assert frame["outcome"].tolist() == ["done"]
    assert "cannot be drawn" in caplog.text
