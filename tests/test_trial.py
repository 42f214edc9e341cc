"""The embedded sandbox gives an account that works, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pandas as pd
import pytest

import isms_data as isms

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = pd.DataFrame({"n": [str(306970000000 + place) for place in range(40)]})


def test_sandbox_behaves_the_same_by_seed() -> None:
    """The same seed gives the same answers, another seed others."""
    frames = []
    for seed in (7, 7, 8):
        with isms.sandbox(seed=seed, median_latency_s=0.002) as account:
            frames.append(
                isms.hlr_lookup(NUMBERS, "n", account=account).drop(
                    columns=["message_id", "submitted_at", "resolved_at"]
                )
            )

    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert not frames[0]["imsi"].equals(frames[2]["imsi"])


def test_sandbox_ends_with_its_block() -> None:
    """When the block ends, nobody listens and no thread is left."""
    with isms.sandbox() as account:
        address = urlsplit(account.base_url)

    with pytest.raises(OSError, match="refused"):
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5)
    assert not [thread for thread in threading.enumerate() if "sandbox" in thread.name]


def test_sandbox_journal_is_where_isms_home_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ISMS_HOME set the journal is there; without it, in a folder that goes with the sandbox."""
    with isms.sandbox(median_latency_s=0.002) as account:
        isms.hlr_lookup(NUMBERS.head(1), "n", account=account)
        assert (tmp_path / "home" / "journal.sqlite3").exists()
    monkeypatch.delenv("ISMS_HOME")
    with isms.sandbox(median_latency_s=0.002) as account:
        isms.hlr_lookup(NUMBERS.head(1), "n", account=account)
        folder = account.journal_place
        assert (folder / "journal.sqlite3").exists()

    assert not folder.exists()


def test_sandboxes_do_not_answer_for_each_other() -> None:
    """In one journal, the answers of one sandbox are none of another's."""
    for _ in range(2):
        with isms.sandbox(median_latency_s=0.002) as account:
            assert isms.hlr_lookup(NUMBERS.head(1), "n", account=account)["outcome"].tolist() == ["done"]
