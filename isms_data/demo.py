"""The main job, whole, on the embedded sandbox: a messy list in; a typed list, a sent campaign and its delivery out."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from isms_data import doors, tables
from isms_data.errors import ConfigurationError
from isms_data.greek import compare_renderings
from isms_data.lists import read_list
from isms_data.msisdn import clean_numbers
from isms_data.plans import plan_summary
from isms_data.reports.document import write_report
from isms_data.reports.figures import plot_delivery_rates, plot_list_quality
from isms_data.reports.lists import list_quality
from isms_data.trial import sandbox
from isms_data.vocabulary import NumberStatus, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

    from isms_data.account import Account

SAMPLE: Final = Path("data/samples/customers_cp1253.csv")
MEDIAN_LATENCY_S: Final = 0.1
TEXT: Final = "Μόνο για σένα: 20% σε όλα έως το Σάββατο, στα καταστήματα και στο myshop.gr/20. Διαγραφή: 8001"


def demo(path: Path | None, folder: Path, *, column: str = "mobile", say: Callable[[str], None] = print) -> list[Path]:
    """Clean, look up and sum up one list, send it a message, and follow that; the files that it made, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = _cleaned(path, column, say)
    with TemporaryDirectory() as home, sandbox(seed=7, median_latency_s=MEDIAN_LATENCY_S, home=home) as account:
        hlr = _looked_up(numbers, account, say)
        made = _summed_up(hlr, folder, say)
        status = _sent(hlr, account, say)
    made += [folder / "delivery.parquet", folder / "delivery_rates.png", folder / "report.html"]
    tables.save_table(status, made[-3])
    _draw(plot_delivery_rates(status, by="network"), made[-2])
    write_report(status, made[-1], title="The demo's campaign")
    say("6. Saved " + ", ".join(f"{file} ({file.stat().st_size // 1024:,} kB)" for file in made) + ".")
    say(f"   Open {made[-1]} in a browser: the whole report, with nobody's number in it.")
    return made


def _cleaned(path: Path | None, column: str, say: Callable[[str], None]) -> pd.DataFrame:
    people = read_list(path or _sample())
    read = people.attrs["read_list"]
    say(f"1. Read {len(people):,} rows from {read['file']} ({read['encoding']}, separator {read['sep']!r}).\n")
    numbers = clean_numbers(people, column)
    say("2. Cleaned the numbers:\n" + _indented(numbers["number_status"].value_counts().to_frame("rows")))
    say("   for example\n" + _indented(_examples(numbers, column)))
    return numbers


def _looked_up(numbers: pd.DataFrame, account: Account, say: Callable[[str], None]) -> pd.DataFrame:
    before = doors.credits(account)
    hlr = doors.hlr_lookup(numbers, "msisdn", account=account)
    spent = before - doors.credits(account)
    answered = int(hlr["outcome"].eq("done").sum())
    say(f"3. Looked them up through the sandbox gateway: {spent:,} credits for {answered:,} rows.\n")
    say(_indented(hlr.loc[hlr["verdict"].notna(), _SHOWN].head(6)))
    return hlr


def _summed_up(hlr: pd.DataFrame, folder: Path, say: Callable[[str], None]) -> list[Path]:
    say("4. What the list is worth:\n" + _indented(_readable(list_quality(hlr))))
    made = [folder / "hlr.parquet", folder / "list_quality.png"]
    tables.save_table(hlr, made[0])
    _draw(plot_list_quality(hlr), made[1])
    return made


def _draw(axes: Axes, path: Path) -> None:
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.savefig(path, dpi=150)


def _sent(hlr: pd.DataFrame, account: Account, say: Callable[[str], None]) -> pd.DataFrame:
    """A campaign to whoever can be reached: what it would cost in Greek and in capitals, then sent and followed."""
    reachable = hlr[hlr["verdict"] == Verdict.DELIVERABLE]
    costs = compare_renderings(reachable[reachable["number_status"] == NumberStatus.MOBILE], text=TEXT)
    plan = doors.plan_messages(
        reachable, "msisdn", campaign="demo", sender="MyShop", text=TEXT, greek="capitals", account=account
    )
    summary = plan_summary(plan)
    say(f"5. Planned a message to the {summary['recipients']:,} that can be reached. In three renderings:\n")
    say(_indented(costs[["segments", "saved", "example"]].rename_axis("greek")))
    before = doors.credits(account)
    sent = doors.send_messages(plan, max_credits=summary["estimated_credits"], account=account)
    spent = before - doors.credits(account)
    say(f"   Planned {summary['estimated_credits']:,} credits, sent it, and paid {spent:,.0f}. What became of it:\n")
    status = doors.delivery_status(sent, account=account)
    say(_indented(status["status"].value_counts().to_frame("messages")))
    return status


_SHOWN: Final = ["msisdn", "status", "network", "ported", "roaming", "error_name", "verdict"]


def _sample() -> Path:
    """The sample list, seen from the working folder or from a checkout of the project."""
    for folder in (Path(), Path(__file__).resolve().parents[1]):
        if (folder / SAMPLE).exists():
            return folder / SAMPLE
    msg = f"the sample list {SAMPLE} is not here. Run this in a checkout of the project, or name a list of your own."
    raise ConfigurationError(msg)


def _examples(numbers: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row of each status, to show what became of what."""
    shown = [column, "msisdn", "number_status", "number_problem"]
    return numbers.loc[~numbers["number_status"].duplicated(), shown]


def _readable(quality: pd.DataFrame) -> pd.DataFrame:
    return quality.assign(share=quality["share"].map("{:.1%}".format))


def _indented(table: pd.DataFrame) -> str:
    text = table.to_string(index=table.index.name is not None, na_rep="-", max_colwidth=60)
    return "".join(f"   {line}\n" for line in text.splitlines())
