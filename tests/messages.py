"""Made-up messages as `delivery_status` gives them, and the same rows counted by hand, for the tests of the metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

import isms_data as isms
from isms_data import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NETWORKS = ("Cosmote", "Vodafone", "Ναι & Όχι", None)
OUTCOMES = (
    "accepted",
    "accepted",
    "accepted",
    "already_sent",
    "in_doubt",
    "rejected",
    "not_attempted",
    "skipped",
    None,
)
TEXTS = ("Καλημέρα! " * 9, "Special offer", "Έως -50% σε όλα", None)
ODD = 'στήλη "x", it\'s; a'
"""A name with everything in it that could break SQL."""

START = np.datetime64("2026-10-24T20:00", "us")
"""So that 40 hours hold the night in which Athens' clock goes back."""


def made_up(rows: int, seed: int, *, hours: int = 40) -> pd.DataFrame:
    """Messages with every outcome, with nulls everywhere, and with columns of the caller's own."""
    random = np.random.default_rng(seed)

    def words(table: str, name: str, choices: Sequence[str | None]) -> Any:
        return tables.column(table, name, [choices[each] for each in random.integers(0, len(choices), rows)])

    final = random.choice(3, rows, p=[0.6, 0.3, 0.1])
    left = START + random.integers(0, hours * 3_600, rows).astype("timedelta64[s]").astype("timedelta64[us]")
    took = random.choice([0, 1, 999, 1_000, 12_345_678, 61_000_000, 86_400_000_000], rows) * random.integers(1, 4, rows)
    submitted = pd.Series(left).dt.tz_localize("UTC").mask(random.random(rows) < 0.1)
    later = submitted + pd.to_timedelta(random.integers(0, 4, rows), unit="h")
    latency = pd.Series(took.astype("timedelta64[us]")).mask((final != 0) | (random.random(rows) < 0.1))
    frame = pd.DataFrame(
        {
            "outcome": words("sent", "outcome", OUTCOMES),
            "submitted_at": tables.column("sent", "submitted_at", submitted),
            "scheduled_for": tables.column("sent", "scheduled_for", later.mask(random.random(rows) < 0.7)),
            "status": words("delivery", "status", ("Delivered", "Delivered", "Failed", "Pending", None)),
            "final": pd.array(np.where(final == 2, None, final == 0), dtype="boolean"),
            "resolved_at": tables.column("delivery", "resolved_at", submitted + latency),
            "latency": latency,
            "network": words("delivery", "network", NETWORKS),
            "text": words("plan", "text", TEXTS),
            "segments": pd.array(random.choice([1, 2, 3], rows), dtype="Int32"),
            ODD: pd.array(random.choice([1, 2, None], rows), dtype="Int16"),
            "age": pd.Categorical(random.choice(["young", "old"], rows), categories=["young", "none", "old"]),
        }
    )
    return frame.rename(columns={"age": "Generation"})


def as_stored(frame: pd.DataFrame, folder: Path) -> dict[str, Any]:
    """The same rows as a file, a partitioned folder, and a pattern of two files."""
    isms.save_table(frame, folder / "one.parquet")
    isms.save_table(frame, folder / "parts", partition_by="network")
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), 2)):
        isms.save_table(frame.iloc[rows], folder / f"half-{number}.parquet")
    return {
        "file": folder / "one.parquet",
        "folder": folder / "parts",
        "pattern": str(folder / "half-*.parquet"),
    }


def by_hand(frame: pd.DataFrame, by: Sequence[str], kept: Callable[[dict[str, Any]], bool]) -> dict[Any, list[Any]]:
    """The kept rows of each group, by plain Python."""
    groups: dict[Any, list[Any]] = {}
    for values in frame.astype(object).to_dict("records"):
        row = {name: None if pd.isna(value) else value for name, value in values.items()}
        if kept(row):
            groups.setdefault(tuple(_key(row, name) for name in by), []).append(row)
    return groups if by or groups else {(): []}


def keyed(result: pd.DataFrame, by: Sequence[str]) -> dict[Any, dict[str, Any]]:
    """The rows of a metric by what they are counted by."""
    found = {}
    for row in result.astype(object).to_dict("records"):
        plain = {name: None if pd.isna(value) else value for name, value in row.items()}
        found[tuple(plain.pop(name) for name in by)] = plain
    return found


def is_message(row: dict[str, Any]) -> bool:
    return row["outcome"] in ("accepted", "already_sent")


def is_delivered(row: dict[str, Any]) -> bool:
    return is_message(row) and row["final"] is True and row["status"] == "Delivered"


def left_at(row: dict[str, Any]) -> Any:
    times = [row[name] for name in ("submitted_at", "scheduled_for") if row[name] is not None]
    return max(times, default=None)


def _key(row: dict[str, Any], name: str) -> Any:
    """A column's value, or the bucket of the time at which the message left, on Athens' clock."""
    if name in row:
        return row[name]
    left = left_at(row)
    if left is None:
        return None
    clock = left.to_pydatetime().astimezone(ZoneInfo("Europe/Athens"))
    day = clock.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return {
        "hour": pd.Timestamp(clock.replace(minute=0, second=0, microsecond=0)),
        "day": pd.Timestamp(day),
        "week": pd.Timestamp(day - timedelta(days=clock.weekday())),
        "hour_of_week": clock.weekday() * 24 + clock.hour,
    }[name]
