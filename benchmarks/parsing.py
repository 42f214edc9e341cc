"""Reply text to typed columns, against pandas' `str.split` on the same column in the same run.

    python benchmarks/parsing.py --rows 1000000

Prints ratios; the seconds beside them mean something on this machine only. The replies are made up: 80 % answers with
all six fields, the rest refusals with an error code, bare statuses, and lines that end in CR.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from isms_data import hlr_fields, hlr_result, tables

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 4


def replies(rows: int, *, seed: int = 1) -> tuple[pd.Series, pd.Series]:
    """Replies as a gateway could give them, and the numbers that they are about."""
    random = np.random.default_rng(seed)
    networks = random.choice(3, rows, p=[0.5, 0.3, 0.2])
    operator = np.array(["COSMOTE", "VODAFONE", "WIND HELLAS"], dtype=object)[networks]
    imsi = np.array(["20201", "20205", "20210"], dtype=object)[networks] + random.integers(10**9, 10**10, rows).astype(
        str
    )
    exchange = np.array([f"3069{number:02d}00000{number % 10}" for number in range(40)], dtype=object)
    code = random.choice(np.array(["1", "6", "13", "27", "34"], dtype=object), rows)
    answered = "Delivered;Greece;" + operator + ";" + imsi + ";" + exchange[random.integers(0, 40, rows)] + ";0"
    refused = "Undelivered;Greece;" + operator + ";;;" + code
    texts = np.where(random.random(rows) < 0.8, answered, refused)
    texts[::50], texts[1::50] = "Pending", "Unknown"
    texts[2::10] += "\r"
    msisdn = (
        "3069" + np.array(["72", "45", "09"], dtype=object)[networks] + random.integers(10**5, 10**6, rows).astype(str)
    )
    return pd.Series(texts, dtype="str"), pd.Series(msisdn, dtype="str")


def six_columns(column: pd.Series) -> pd.DataFrame:
    """Only the six fields, typed as in the table."""
    fields = hlr_fields.split(hlr_result.text_of(column, "replies"))
    typed = hlr_result.six(fields, hlr_result.codes_of(fields, hexadecimal=False))
    return pd.DataFrame({name: tables.column("hlr", name, values) for name, values in typed.items()})


def best(works: list[Callable[[], object]]) -> list[float]:
    """The shortest time of each, the rounds alternating so that a busy moment hits all alike."""
    times = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, seconds in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
    return [min(seconds) for seconds in times]


def main() -> None:
    """Print the three ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    column, msisdn = replies(rows)
    base, fields, derived, ported = best(
        [
            lambda: column.str.split(";", expand=True),
            lambda: six_columns(column),
            lambda: hlr_result.parse_hlr(column),
            lambda: hlr_result.parse_hlr(column, msisdn=msisdn),
        ]
    )
    print(f"{rows:,} replies; pandas str.split: {base:.2f} s = 1.0")
    for name, seconds in (("six typed fields", fields), ("and all derived", derived), ("and ported", ported)):
        print(f"{name:18} {base / seconds:5.1f} x   ({seconds:.2f} s, {rows / seconds / 1e6:.1f} million rows/s)")


if __name__ == "__main__":
    main()
