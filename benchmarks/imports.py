"""What importing the package costs, against importing pandas alone: fresh interpreters, one after the other in turn.

    python benchmarks/imports.py [--rounds 9]

The target is a little more than pandas: everything that only some functions need is imported when they are used.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds(module: str) -> float:
    """How long a fresh interpreter takes to import a module and end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)  # noqa: S603 - our own program
    return time.perf_counter() - began


def main() -> None:
    """Import in turn, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    pairs = [(seconds("pandas"), seconds("isms_data")) for _ in range(rounds + 1)][1:]  # the first fills the caches
    pandas, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / pandas for pandas, ours in pairs)
    print(f"import pandas {pandas:.2f} s, import isms_data {ours:.2f} s: {ratio:.2f} times ({rounds} rounds)")


if __name__ == "__main__":
    main()
