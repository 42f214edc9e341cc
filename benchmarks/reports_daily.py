"""The daily report over Parquet: rate by operator, day and campaign, with counts and the times to deliver (p50, p95).

    python benchmarks/reports_daily.py --rows 10000000
    python benchmarks/reports_daily.py --rows 50000000

Made-up messages of 60 days in files of a million rows, as `save_table` writes them, in a folder of their own
(`--folder` keeps it for another run). `delivery_rates` against DuckDB SQL written by hand, polars streaming, and pandas
with the columns chosen. Each run is a process of its own, which imports only what it uses; the system tells its peak
memory. Medians of alternating runs; all must give the same numbers.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
ROWS_IN_FILE = 1_000_000
DAYS = 60
NETWORKS = np.array(["Cosmote", "Vodafone", "Nova", "Cyta", "Epic"], dtype=object)
CAMPAIGNS = np.array([f"campaign-{number:02}" for number in range(12)], dtype=object)
BY = ["network", "day", "campaign"]
TAKEN = ["outcome", "status", "final", "latency", "network", "campaign", "submitted_at", "scheduled_for"]


# The data


def make(folder: Path, rows: int) -> None:
    """The messages, the same ones each time, in files of a million."""
    from isms_data import save_table  # noqa: PLC0415 - in the process that uses it

    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, rows, ROWS_IN_FILE)):
        save_table(messages(min(ROWS_IN_FILE, rows - start), seed=number), folder / f"part-{number:03}.parquet")


def messages(rows: int, *, seed: int) -> pd.DataFrame:
    """What `delivery_status` would tell of made-up messages: 84 % delivered, 11 % failed, 5 % pending."""
    from isms_data import tables  # noqa: PLC0415 - in the process that uses it

    random = np.random.default_rng(seed)
    network = random.choice(len(NETWORKS), rows, p=[0.48, 0.27, 0.2, 0.03, 0.02])
    state = random.choice(3, rows, p=[0.84, 0.11, 0.05])
    second = np.sort(random.integers(0, DAYS * 86_400, rows)) * 1_000_000 + 1_772_000_000_000_000
    waited = (random.lognormal(1.5, 1.2, rows) * 1e6).astype(np.int64)
    submitted = pd.Series(second.view("datetime64[us]")).dt.tz_localize("UTC")
    latency = pd.Series(waited.view("timedelta64[us]")).mask(state == 2)
    number = pd.Series(random.integers(6_900_000_000, 6_999_999_999, rows)).astype("str")
    words = {
        "outcome": np.full(rows, "accepted", dtype=object),
        "status": np.array(["Delivered", "Failed", "Pending"], dtype=object)[state],
        "network": NETWORKS[network],
    }
    kinds = {"outcome": "sent", "status": "delivery", "network": "delivery"}
    columns = {name: tables.column(kinds[name], name, values) for name, values in words.items()}
    return pd.DataFrame(
        columns
        | {
            "msisdn": "30" + number,
            "submitted_at": submitted,
            "scheduled_for": tables.column("sent", "scheduled_for", [None] * rows),
            "final": pd.array(state != 2, dtype="boolean"),
            "resolved_at": submitted + latency,
            "latency": latency,
            "campaign": pd.Categorical(CAMPAIGNS[random.integers(0, len(CAMPAIGNS), rows)]),
        }
    )


# The ways: each gives a frame with network, day, campaign, messages, final, rate, p50, p95 (in seconds)


def ours(folder: Path) -> pd.DataFrame:
    """`delivery_rates` over the files."""
    from isms_data.reports.delivery import delivery_rates  # noqa: PLC0415 - in the process that uses it

    rates = delivery_rates(folder, by=BY, percentiles=[0.5, 0.95])
    for name in ("p50", "p95"):
        rates[name] = rates[name].dt.total_seconds()
    return rates[[*BY, "messages", "final", "rate", "p50", "p95"]]


def ours_over_a_frame(folder: Path) -> pd.DataFrame:
    """`delivery_rates` over a frame; reading it is timed too."""
    from isms_data.reports.delivery import delivery_rates  # noqa: PLC0415 - in the process that uses it

    frame = pd.read_parquet(folder, columns=TAKEN)
    rates = delivery_rates(frame, by=BY, percentiles=[0.5, 0.95])
    for name in ("p50", "p95"):
        rates[name] = rates[name].dt.total_seconds()
    return rates[[*BY, "messages", "final", "rate", "p50", "p95"]]


def duckdb_by_hand(folder: Path) -> pd.DataFrame:
    """The SQL that one would write for just this."""
    import duckdb  # noqa: PLC0415 - in the process that uses it

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return (
        connection.sql(
            f"""
        SELECT network, date_trunc('day', greatest(submitted_at, scheduled_for) AT TIME ZONE 'Europe/Athens') AS day,
            campaign, count(*) AS messages, count(*) FILTER (final) AS final,
            count(*) FILTER (status = 'Delivered') / count(*) FILTER (final) AS rate,
            quantile_cont(latency, [0.5, 0.95]) FILTER (status = 'Delivered') AS p
        FROM read_parquet('{folder}/*.parquet')
        WHERE outcome IN ('accepted', 'already_sent')
        GROUP BY ALL
        """  # noqa: S608 - the folder of this script
        )
        .project("* EXCLUDE (p), p[1] / 1e6 AS p50, p[2] / 1e6 AS p95")
        .to_arrow_table()
        .to_pandas()
    )


def polars_streaming(folder: Path) -> pd.DataFrame:
    """Polars' lazy frames with the streaming engine."""
    import polars as pl  # noqa: PLC0415 - in the process that uses it

    left = pl.max_horizontal("submitted_at", "scheduled_for").dt.convert_time_zone("Europe/Athens")
    took = pl.col("latency").cast(pl.Int64).filter(pl.col("status") == "Delivered")
    lazy = (
        pl.scan_parquet(f"{folder}/*.parquet")
        .filter(pl.col("outcome").cast(pl.String).is_in(["accepted", "already_sent"]))
        .with_columns(pl.col("status", "network", "campaign").cast(pl.String))
        .group_by("network", left.dt.replace_time_zone(None).dt.truncate("1d").alias("day"), "campaign")
        .agg(
            pl.len().alias("messages"),
            pl.col("final").sum(),
            ((pl.col("status") == "Delivered").sum() / pl.col("final").sum()).alias("rate"),
            (took.quantile(0.5, "linear") / 1e6).alias("p50"),
            (took.quantile(0.95, "linear") / 1e6).alias("p95"),
        )
    )
    return lazy.collect(engine="streaming").to_arrow().to_pandas()


def pandas_columns_chosen(folder: Path) -> pd.DataFrame:
    """Pandas, reading what it needs."""
    frame = pd.read_parquet(folder, columns=TAKEN)
    frame = frame[frame["outcome"].isin(["accepted", "already_sent"])]
    left = frame[["submitted_at", "scheduled_for"]].max(axis=1)
    frame["day"] = left.dt.tz_convert("Europe/Athens").dt.tz_localize(None).dt.floor("D")
    frame["delivered"] = frame["status"] == "Delivered"
    frame["took"] = frame["latency"].dt.total_seconds().where(frame["delivered"])
    frame["final"] = frame["final"].astype("bool")
    grouped = frame.groupby(BY, observed=True)
    counts = grouped.agg(messages=("final", "size"), final=("final", "sum"), delivered=("delivered", "sum"))
    times = grouped["took"].quantile([0.5, 0.95]).unstack().set_axis(["p50", "p95"], axis=1)  # noqa: PD010 - of a Series
    rate = (counts.pop("delivered") / counts["final"]).rename("rate")
    return pd.concat([counts, rate, times], axis=1).reset_index()


WAYS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "delivery_rates": ours,
    "DuckDB by hand": duckdb_by_hand,
    "polars streaming": polars_streaming,
    "pandas, columns chosen": pandas_columns_chosen,
    "delivery_rates, frame": ours_over_a_frame,
}


# One run in a process of its own, and all of them


def run_one(name: str, folder: Path) -> None:
    """Run one way and print its time, its peak memory, and what it found, for the process that compares."""
    start = time.perf_counter()
    found = WAYS[name](folder)
    took = time.perf_counter() - start
    words = {column: found[column].astype("str") for column in ("network", "campaign")}
    found = found.assign(**words, day=pd.to_datetime(found["day"]).astype("datetime64[us]")).sort_values(BY)
    sums = [float(found[column].sum()) for column in ("messages", "final", "rate", "p50", "p95")]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"took": took, "peak": peak, "found": [len(found), *sums]}))


def compare(folder: Path, ways: list[str], rounds: int) -> None:
    """Alternate the ways, check that they agree, and print time and memory."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name in ways:
            command = [sys.executable, __file__, "--run", name, "--folder", str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this script
            runs[name].append(json.loads(done.stdout))
    found = {name: each[0]["found"] for name, each in runs.items()}
    if not all(np.allclose(each, found[ways[0]], rtol=1e-6) for each in found.values()):
        print("the ways do not agree:", found)
    base = statistics.median(run["took"] for run in runs["DuckDB by hand"])
    print(f"{'':24}{'seconds':>8}  {'of DuckDB':>9}  {'peak GB':>8}")
    for name, each in runs.items():
        took = statistics.median(run["took"] for run in each)
        print(f"{name:24}{took:8.2f}  {took / base:9.2f}  {max(run['peak'] for run in each):8.2f}")


def main() -> None:
    """Make the data where they are not there, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, help="where the data are, or are to be kept; by default a temporary one")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--run", choices=list(WAYS), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        run_one(asked.run, asked.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        if not any(folder.glob("*.parquet")):
            make(folder, asked.rows)
        size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
        print(f"{asked.rows:,} rows, {size / asked.rows:.1f} bytes a row")
        compare(folder, asked.ways, asked.rounds)


if __name__ == "__main__":
    main()
