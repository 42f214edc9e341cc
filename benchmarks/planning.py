"""Planning a campaign of 1,000,000 personalised rows, against the loops that one would write instead.

    python benchmarks/planning.py                    rows a second and ratios, a Latin and a Greek text

Only the ratios mean anything: all ways work on the same rows in the same run, and take turns. The loops are timed on a
sample, since they cost the same for each row. `plan_messages` does all of it, with a journal and the sandbox's balance:
numbers cleaned and typed, texts filled, segments and offending characters, duplicates, suppression, what was sent
before. The loops do less: nothing of the last three.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import pandas as pd
import phonenumbers
import smsutil

import isms_data as isms
from isms_data.templates import Template, fill
from isms_data.text_segments import count_segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from isms_data.account import Account

SAMPLE: Final = 10_000
"""Rows that the loops are timed on."""

NAMES: Final = {
    "Latin": ("Maria", "Giorgos", "Eleni", "Kostas", "Katerina", "Nikos", "Thanasis", "Despina"),
    "Greek": ("Μαρία", "Γιώργος", "Ελένη", "Κώστας", "Κατερίνα", "Νίκος", "Θανάσης", "Δέσποινα"),
}
TEXTS: Final = {
    "Latin": "Hello {name}, your order {order} is ready. Collect it until 31 May. https://shop.gr/{order}",
    "Greek": "Γεια σου {name}, η παραγγελία {order} είναι έτοιμη. Παραλαβή έως 31 Μαΐου. https://shop.gr/{order}",
}


def customers(rng: random.Random, kind: str, rows: int) -> pd.DataFrame:
    """Distinct mobiles, one row in a hundred without a name, and no two texts alike."""
    names = [rng.choice(NAMES[kind]) if row % 100 else None for row in range(rows)]
    return pd.DataFrame(
        {
            "mobile": pd.Series([f"69{70_000_000 + row}" for row in range(rows)], dtype="str"),
            "name": pd.Series(names, dtype="str"),
            "order": range(1_000_000, 1_000_000 + rows),
        }
    )


def plan(frame: pd.DataFrame, text: str, account: Account) -> pd.DataFrame:
    """The whole plan."""
    return isms.plan_messages(frame, "mobile", campaign="spring", sender="MyShop", text=text, account=account)


def texts_only(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """Of the plan the texts and what they cost."""
    return count_segments(pd.Series(fill(frame, Template.of(text)).texts.to_pandas()))


def format_and_split(frame: pd.DataFrame, text: str) -> list[int | None]:
    """Texts by `str.format` in a loop, segments by `smsutil`."""
    rows = zip(frame["name"].tolist(), frame["order"].tolist(), strict=True)
    return [
        None if pd.isna(name) else len(smsutil.split(text.format(name=name, order=order)).parts) for name, order in rows
    ]


def apply_rows(frame: pd.DataFrame, text: str) -> pd.Series:
    """The same as a frame's `apply`."""
    return frame.apply(
        lambda row: None if pd.isna(row["name"]) else len(smsutil.split(text.format(**row)).parts), axis=1
    )


def numbers_too(frame: pd.DataFrame, text: str) -> list[tuple[str, bool, int | None]]:
    """The loop of `format_and_split` with the numbers read by `phonenumbers`."""
    found = []
    for mobile, segments in zip(frame["mobile"].tolist(), format_and_split(frame, text), strict=True):
        number = phonenumbers.parse(mobile, "GR")
        is_mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
        found.append((phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), is_mobile, segments))
    return found


def rows_a_second(work: Callable[[], object], rows: int) -> float:
    """The rate of one run."""
    started = time.perf_counter()
    work()
    return rows / (time.perf_counter() - started)


def measure(rows: int, rounds: int, seed: int, account: Account) -> None:
    """Print rates and ratios; the ways take turns."""
    print(f"{rows:,} rows; the loops on {SAMPLE:,} of them; medians of {rounds} alternating runs; rows a second")
    for kind, text in TEXTS.items():
        frame = customers(random.Random(seed), kind, rows)
        sample = frame.head(SAMPLE)
        summary = isms.plan_summary(plan(frame, text, account))
        print(f"{kind}: {summary['recipients']:,} recipients, {summary['segments']:,} segments")
        ways: dict[str, tuple[Callable[[], object], int]] = {
            "plan_messages": (partial(plan, frame, text, account), rows),
            "  with greek='capitals'": (partial(capitals, frame, text, account), rows),
            "  texts and segments only": (partial(texts_only, frame, text), rows),
            "phonenumbers, str.format, smsutil": (partial(numbers_too, sample, text), len(sample)),
            "str.format, smsutil": (partial(format_and_split, sample, text), len(sample)),
            "apply(str.format), smsutil": (partial(apply_rows, sample, text), len(sample)),
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (work, worked) in ways.items():
                rates[way].append(rows_a_second(work, worked))
        for way, found in rates.items():
            ratio = statistics.median(ours / own for ours, own in zip(rates["plan_messages"], found, strict=True))
            print(f"  {way:36} {statistics.median(found):>11,.0f}   plan_messages is {ratio:5.1f} x as fast")


def capitals(frame: pd.DataFrame, text: str, account: Account) -> pd.DataFrame:
    """The whole plan, in capitals."""
    return isms.plan_messages(
        frame, "mobile", campaign="spring", sender="MyShop", text=text, greek="capitals", account=account
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with isms.sandbox(credits=10_000_000) as account:
        measure(chosen.rows, chosen.rounds, chosen.seed, account)


if __name__ == "__main__":
    main()
