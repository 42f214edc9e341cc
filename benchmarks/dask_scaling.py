"""A list cleaned, its repeated numbers found, saved and reported on: dask with one worker and two, and pandas.

    python benchmarks/dask_scaling.py --rows 2000000
    python benchmarks/dask_scaling.py --rows 20000000 --without-pandas

Made-up Greek mobiles in several spellings, a fifth of them repeated, with the verdict and network of an earlier lookup,
in files of half a million rows, as `save_table` writes them. Each run is a process of its own with its workers; the
memory is the most that all of them held at one moment, added up five times a second (what they share counts in each).
All ways must report the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS_IN_FILE = 500_000
REPEATED = 0.2
PREFIXES = np.array([690, 691, 693, 694, 695, 697, 698, 699, 685, 687])
SPELLINGS = ("{}", "+30{}", "0030{}", "30{}", "{}.0", "'{}")
NETWORKS = np.array(["Cosmote", "Vodafone", "Nova", None], dtype=object)
VERDICTS = np.array(["deliverable", "retry_later", "dead", None], dtype=object)
SHOPS = np.array([f"shop {number:02}" for number in range(20)], dtype=object)
SAMPLE_S = 0.2
WORKER_MEMORY = "1.25GiB"


# The data


def make(folder: Path, rows: int) -> None:
    """The list, the same each time."""
    from isms_data import save_table  # noqa: PLC0415 - in the process that uses it

    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, rows, ROWS_IN_FILE)):
        part = people(min(ROWS_IN_FILE, rows - start), whole=rows, seed=number)
        save_table(part, folder / f"part-{number:03}.parquet")


def people(rows: int, *, whole: int, seed: int) -> pd.DataFrame:
    """Some rows of a list of so many in all; numbers are drawn from so few that a fifth of all are repeated."""
    random = np.random.default_rng(seed)
    drawn = random.integers(0, int(whole / (2 * REPEATED)), rows)
    digits = pd.Series(PREFIXES[drawn % len(PREFIXES)] * 10_000_000 + drawn // len(PREFIXES)).astype("str")
    spelling = random.choice(len(SPELLINGS), rows, p=[0.6, 0.15, 0.05, 0.1, 0.06, 0.04])
    mobile = digits.copy()
    for number, text in enumerate(SPELLINGS):
        before, after = text.split("{}")
        mobile = mobile.mask(spelling == number, before + digits + after)
    return pd.DataFrame(
        {
            "mobile": mobile,
            "verdict": pd.Categorical(VERDICTS[random.choice(4, rows, p=[0.8, 0.1, 0.06, 0.04])]),
            "network": pd.Categorical(NETWORKS[random.choice(4, rows, p=[0.5, 0.25, 0.2, 0.05])]),
            "shop": pd.Categorical(SHOPS[random.integers(0, len(SHOPS), rows)]),
        }
    )


# The ways: each cleans the list, saves it, and gives the reports


def by_dask(workers: int) -> Callable[[Path, Path], dict[str, Any]]:
    """With so many workers of one thread each."""

    def work(folder: Path, target: Path) -> dict[str, Any]:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - in the process that uses it

        import isms_data.dask as isms_dask  # noqa: PLC0415

        options = {"n_workers": workers, "threads_per_worker": 1, "memory_limit": WORKER_MEMORY}
        with LocalCluster(**options, dashboard_address=None) as cluster, Client(cluster):
            began = time.perf_counter()
            isms_dask.save_table(isms_dask.clean_numbers(folder, "mobile"), target)
            cleaned = time.perf_counter()
            reports = _reports(isms_dask, target)
            return reports | {"clean_s": cleaned - began, "report_s": time.perf_counter() - cleaned}

    return work


def by_pandas(folder: Path, target: Path) -> dict[str, Any]:
    """All rows at once."""
    import isms_data as isms  # noqa: PLC0415 - in the process that uses it

    began = time.perf_counter()
    frame = isms.clean_numbers(isms.load_table(folder), "mobile")
    isms.save_table(frame, target)
    cleaned = time.perf_counter()
    reports = _reports(isms, frame)
    return reports | {"clean_s": cleaned - began, "report_s": time.perf_counter() - cleaned}


def _reports(metrics: Any, data: Any) -> dict[str, Any]:
    tables = [metrics.list_quality(data, by="shop"), metrics.operator_shares(data), metrics.portability(data)]
    quality = tables[0].groupby("value", observed=True)["numbers"].sum()
    return {"told": [table.to_json() for table in tables], "duplicates": int(quality["duplicate"])}


WAYS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "pandas": by_pandas,
    "dask, 1 worker": by_dask(1),
    "dask, 2 workers": by_dask(2),
}


# Measuring


def one_run(way: str, folder: Path) -> dict[str, Any]:
    """One way in a process of its own: its reports, times, and the most memory of all its processes."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as target:
        command = [sys.executable, __file__, "--run", way, "--folder", str(folder), "--target", f"{target}/out"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this script
            assert process.stdout is not None  # noqa: S101
            peak = _watched(process)
            told = process.stdout.read()
        if process.returncode:
            sys.exit(f"{way}: exit {process.returncode}")
    found: dict[str, Any] = json.loads(told)
    return found | {"peak_gb": peak / 1e9}


def _watched(process: subprocess.Popen[str]) -> int:
    """The most bytes that a process and all below it held at one moment."""
    root, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        held = 0
        for each in [root, *_below(root)]:
            try:
                held += each.memory_info().rss
            except psutil.Error:  # it ended meanwhile
                continue
        peak = max(peak, held)
        time.sleep(SAMPLE_S)
    return peak


def _below(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def measure(folder: Path, rows: int, ways: list[str]) -> None:
    """Print time and memory of each way, and how they compare."""
    print(f"{rows:,} rows in {-(-rows // ROWS_IN_FILE)} files")
    found = {way: one_run(way, folder) for way in ways}
    first = next(iter(found.values()))
    for way, run in found.items():
        assert run["told"] == first["told"], f"{way} reports something else"  # noqa: S101
        ratio = (first["clean_s"] + first["report_s"]) / (run["clean_s"] + run["report_s"])
        print(
            f"{way:16} cleaned and saved in {run['clean_s']:.1f} s ({rows / run['clean_s']:,.0f} rows/s), "
            f"reported in {run['report_s']:.1f} s, {ratio:.2f} x {ways[0]}, at most {run['peak_gb']:.2f} GB; "
            f"{run['duplicates']:,} repeated"
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--without-pandas", action="store_true", help="where all rows do not fit into memory")
    parser.add_argument("--run", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        print(json.dumps(WAYS[chosen.run](chosen.folder, chosen.target)))
        return
    with tempfile.TemporaryDirectory() as folder:
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(Path(folder, "list"), chosen.rows))
        maker.start()
        maker.join()
        ways = [way for way in WAYS if way != "pandas" or not chosen.without_pandas]
        measure(Path(folder, "list"), chosen.rows, ways)


if __name__ == "__main__":
    main()
