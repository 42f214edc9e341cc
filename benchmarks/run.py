"""Every benchmark, one after the other, each with its own defaults; they print ratios of one run each.

python benchmarks/run.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run the scripts beside this one."""
    here = Path(__file__)
    for script in sorted(here.parent.glob("*.py")):
        if script.name != here.name:
            print(f"\n== {script.name}", flush=True)
            subprocess.run([sys.executable, str(script)], check=True)  # noqa: S603 - our own scripts


if __name__ == "__main__":
    main()
