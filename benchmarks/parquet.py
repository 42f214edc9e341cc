"""A lookup's result as Parquet: bytes a row and writing time, against pandas' default in the same run.

    python benchmarks/parquet.py --rows 1000000

The table has the number and all twenty columns of a lookup, text in and text out. IMSIs are random but for the
network's digits, about 17 % of the rows have none, numbers come in the order of a list, and times are those of a run.
Prints the floor too: what the random digits alone need if nothing but they took room.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from isms_data import hlr_result, load_table, save_table, tables

ROUNDS = 4
BATCH = 500
"""Numbers in one call: they share a message id and a time of submission."""

RANGES = ("30697", "30698", "30694", "30693", "306955", "306908", "306991", "306972", "306977", "306945")


def result(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """A lookup's result over made-up numbers."""
    random = np.random.default_rng(seed)
    prefixes = np.array(RANGES, dtype=object)[random.integers(0, len(RANGES), rows)]
    msisdn = pd.Series(prefixes + random.integers(10**7, 10**8, rows).astype(str), dtype="str").str.slice(0, 12)
    lookup = hlr_result.parse_hlr(_replies(rows, random), msisdn=msisdn)
    batch = np.arange(rows) // BATCH
    submitted = pd.Timestamp("2026-11-02T08:00", tz="UTC") + pd.to_timedelta(batch * 700, unit="ms")
    waited = pd.to_timedelta((random.lognormal(1.0, 1.0, rows) * 1e6).astype(np.int64), unit="us")
    ids = np.array([f"I{number:09X}" for number in random.integers(0, 16**9, batch[-1] + 1)], dtype=object)
    provenance = {
        "outcome": np.full(rows, "done", dtype=object),
        "message_id": ids[batch],
        "submitted_at": submitted,
        "resolved_at": submitted + waited,
    }
    for name, values in provenance.items():
        lookup[name] = tables.column("hlr", name, pd.Series(values))
    return pd.concat([msisdn.rename("msisdn"), lookup[list(tables.names("hlr"))]], axis=1)


def _replies(rows: int, random: np.random.Generator) -> pd.Series:
    network = random.choice(4, rows, p=[0.5, 0.28, 0.2, 0.02])
    operator = np.array(["COSMOTE", "VODAFONE", "WIND HELLAS", "NOVA"], dtype=object)[network]
    imsi = np.array(["20201", "20205", "20210", "20209"], dtype=object)[network]
    imsi = imsi + random.integers(10**9, 10**10, rows).astype(str)
    exchanges = np.array([f"3069{number:02d}00000{number % 10}" for number in range(40)], dtype=object)
    exchange = exchanges[random.integers(0, 40, rows)]
    code = random.choice(np.array(["27", "1", "6", "13"], dtype=object), rows, p=[0.6, 0.2, 0.15, 0.05])
    answered = "Delivered;Greece;" + operator + ";" + imsi + ";" + exchange + ";0"
    refused = "Undelivered;Greece;" + operator + ";;;" + code
    return pd.Series(np.where(random.random(rows) < 0.83, answered, refused), dtype="str")


def main() -> None:
    """Print bytes a row and the time of ours against pandas' default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    frame = result(rows)
    plain = frame.astype({name: "str" for name, kind in frame.dtypes.items() if kind == "category"})
    floor = (7 * math.log2(10) + 0.83 * 10 * math.log2(10) + 21) / 8
    with tempfile.TemporaryDirectory() as folder:
        theirs, texts, ours = (Path(folder, name) for name in ("pandas.parquet", "texts.parquet", "ours.parquet"))
        works = (
            ("pandas, words as text", texts, lambda: plain.to_parquet(texts)),
            ("pandas, as it is", theirs, lambda: frame.to_parquet(theirs)),
            ("save_table", ours, lambda: save_table(frame, ours)),
        )
        times = {name: math.inf for name, _, _ in works}
        for _ in range(ROUNDS):
            for name, _, work in works:
                start = time.perf_counter()
                work()
                times[name] = min(times[name], time.perf_counter() - start)
        base = times["pandas, as it is"]
        for name, path, _ in works:
            size = path.stat().st_size / rows
            print(f"{name:22} {size:5.1f} bytes/row   writing takes {times[name] / base:4.2f} of pandas' time")
        print(f"floor of the random digits and times alone: {floor:.1f} bytes/row")
        pd.testing.assert_frame_equal(load_table(ours), frame)


if __name__ == "__main__":
    main()
