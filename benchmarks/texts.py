"""Counting and rendering texts, against loops over libraries and over our own function for one text.

    python benchmarks/texts.py                    rows a second and ratios, four kinds of 1,000,000 distinct texts

Only the ratios mean anything: all ways run on the same texts in the same run, and take turns. The loops are timed on
a sample, since they cost the same for each row. They count by encoding (`gsm0338`, else UTF-16) and dividing, or by
cutting (`smsutil`); none of them says which characters offend, as `count_segments` does.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import gsm0338
import pandas as pd
import smsutil

from isms_data.greek import compare_renderings, render_column
from isms_data.text_segments import count_segments, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SAMPLE: Final = 5_000
"""Rows that the loops are timed on."""

LATIN_NAMES: Final = ("Maria", "Giorgos", "Eleni", "Kostas", "Katerina", "Nikos", "Thanasis", "Despina")
GREEK_NAMES: Final = ("Μαρία", "Γιώργος", "Ελένη", "Κώστας", "Κατερίνα", "Νίκος", "Θανάσης", "Δέσποινα")

TEMPLATES: Final = {
    "Latin": "Hello {name}, your order {order} is ready. Collect it until {day} May, {euros} EUR. https://shop.gr",
    "Latin, long, €": (
        "Hello {name}, your order {order} is ready. [Collect it until {day} May for {euros}€, or we send it to you: "
        "5€ more. {{Bring your number}}] https://shop.gr/{order}"
    ),
    "Greek": "Γεια σου {name}, η παραγγελία {order} είναι έτοιμη. Παραλαβή έως {day} Μαΐου, {euros}€. https://shop.gr",
    "Greek, emoji": "Γεια σου {name} 👋🏽, η παραγγελία {order} είναι έτοιμη 🎉. Παραλαβή έως {day} Μαΐου, {euros}€.",
}


def personalised(rng: random.Random, kind: str, rows: int) -> list[str]:
    """Texts of one template, no two alike."""
    template = TEMPLATES[kind]
    names = GREEK_NAMES if kind.startswith("Greek") else LATIN_NAMES
    return [
        template.format(
            name=rng.choice(names), order=1_000_000 + row, day=rng.randint(1, 31), euros=rng.randint(1, 999)
        )
        for row in range(rows)
    ]


def by_codec(texts: Iterable[str]) -> list[int]:
    """Encode with `gsm0338`, else as UTF-16, and divide."""
    codec = gsm0338.Codec()
    counts = []
    for text in texts:
        try:
            units, alone, part = len(codec.encode(text)[0]), 160, 153
        except UnicodeError:
            units, alone, part = len(text.encode("utf-16-be")) // 2, 70, 67
        counts.append(1 if units <= alone else -(-units // part))
    return counts


def by_splitter(texts: Iterable[str]) -> list[int]:
    """Cut with `smsutil`."""
    return [len(smsutil.split(text).parts) for text in texts]


def one_by_one(texts: Iterable[str]) -> list[int]:
    """Our own function for one text."""
    return [segments(text).count for text in texts]


def rows_a_second(work: Callable[[], object], rows: int) -> float:
    """The rate of one run."""
    started = time.perf_counter()
    work()
    return rows / (time.perf_counter() - started)


def measure(rows: int, rounds: int, seed: int) -> None:
    """Print rates and ratios; the ways take turns."""
    print(
        f"{rows:,} distinct texts; the loops on {SAMPLE:,} of them; medians of {rounds} alternating runs; rows a second"
    )
    for kind in TEMPLATES:
        texts = personalised(random.Random(seed), kind, rows)
        column = pd.Series(texts, dtype="str")
        cost = count_segments(column)["segments"].mean()
        print(f"{kind}: {column.str.len().mean():.0f} characters, {cost:.2f} segments")
        ways: dict[str, tuple[Callable[[], object], int]] = {
            "count_segments": (partial(count_segments, column), rows),
            "loop of gsm0338": (partial(by_codec, texts[:SAMPLE]), SAMPLE),
            "loop of smsutil": (partial(by_splitter, texts[:SAMPLE]), SAMPLE),
            "loop of segments": (partial(one_by_one, texts[:SAMPLE]), SAMPLE),
            "capitals": (partial(render_column, column, "capitals"), rows),
            "greeklish": (partial(render_column, column, "greeklish"), rows),
            "compare_renderings": (partial(compare_renderings, column), rows),
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (work, worked) in ways.items():
                rates[way].append(rows_a_second(work, worked))
        for way, found in rates.items():
            ratio = statistics.median(ours / own for ours, own in zip(rates["count_segments"], found, strict=True))
            print(f"  {way:20} {statistics.median(found):>11,.0f}   count_segments is {ratio:5.1f} x as fast")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    measure(chosen.rows, chosen.rounds, chosen.seed)


if __name__ == "__main__":
    main()
