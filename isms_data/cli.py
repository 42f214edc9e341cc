"""`isms ...` on the command line: arguments and printing; no logic."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import isms_data as isms
from isms_data.errors import ConfigurationError, IsmsError, IsmsWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from isms_data.account import Account

INTERRUPTED: Final = 130
"""The exit code of a command that Ctrl-C ended, as shells count it; typer makes it of a KeyboardInterrupt."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Clean lists of phone numbers, look them up through iSMS.gr, and see what they are worth.",
)

File = Annotated[Path, typer.Argument(help="A list: CSV in any encoding, xlsx, xls, ods; or a Parquet file of ours.")]
Column = Annotated[str, typer.Option(help="The column with the numbers.")]
Region = Annotated[str, typer.Option(help="The country of numbers without a country code, ISO 3166 alpha-2.")]
Out = Annotated[Path | None, typer.Option(help="Where to save the result: .parquet or .csv.")]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Use the embedded sandbox: nothing leaves this machine.")]


@app.command()
def credits(*, sandbox: Sandbox = False) -> None:
    """Show the balance of the account.

    Example: isms credits --sandbox
    """
    with _account(sandbox=sandbox) as account:
        typer.echo(f"{isms.credits(account):f} credits")


@app.command()
def clean(
    file: File,
    *,
    column: Column = "mobile",
    region: Region = "GR",
    split: Annotated[bool, typer.Option("--split", help="Several numbers in a cell: the first usable one.")] = False,
    suppress: Annotated[Path | None, typer.Option(help="A file of numbers that must not be used.")] = None,
    out: Out = None,
) -> None:
    """Clean the numbers of a list, and say what is wrong with the rest. Costs nothing.

    Example: isms clean data/samples/customers_cp1253.csv --column mobile --out out/clean.parquet
    """
    _check(out)
    frame = isms.clean_numbers(_read(file), column, region=region, split=split, suppress=suppress)
    typer.echo(frame["number_status"].value_counts().to_frame("rows").to_string())
    _save(frame, out)


@app.command()
def lookup(
    file: File,
    *,
    column: Column = "mobile",
    region: Region = "GR",
    max_age: Annotated[str, typer.Option(help="Use answers younger than this instead of paying again.")] = "30d",
    max_credits: Annotated[float | None, typer.Option(help="A hard limit of what may be spent.")] = None,
    max_wait: Annotated[str, typer.Option(help="How long to wait for answers after the last submission.")] = "15min",
    label: Annotated[str | None, typer.Option(help="A name for this run in the journal.")] = None,
    out: Out = None,
    sandbox: Sandbox = False,
) -> None:
    """Clean a list and look its numbers up (paid: one lookup per number without a fresh answer).

    Example: isms lookup data/samples/customers_cp1253.csv --max-credits 2000 --out out/hlr.parquet --sandbox
    """
    _check(out)
    frame = _read(file)
    numbers = frame if "msisdn" in frame.columns else isms.clean_numbers(frame, column, region=region)
    limit = None if max_credits is None else Decimal(str(max_credits))
    with _account(sandbox=sandbox) as account:
        found = isms.hlr_lookup(
            numbers, "msisdn", max_age=max_age, max_credits=limit, max_wait=max_wait, label=label, account=account
        )
    typer.echo(isms.list_quality(found).to_string(index=False, float_format="{:.3f}".format))
    _save(found, out)


@app.command()
def settle(
    *,
    decision: Annotated[str | None, typer.Option(help="resend, skip or balance; none: only show.")] = None,
    sandbox: Sandbox = False,
) -> None:
    """Show the paid calls that are in doubt, or decide what becomes of them.

    Example: isms settle --decision balance
    """
    with _account(sandbox=sandbox) as account:
        doubts = isms.settle(decision=decision, account=account)
    typer.echo("Nothing is in doubt." if doubts.empty else doubts.to_string(index=False))


@app.command(name="sandbox")
def run_sandbox(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8025,
    seed: Annotated[int, typer.Option(help="Decides what every number does.")] = 7,
    median_latency: Annotated[float, typer.Option(help="Half of the answers take so many seconds.")] = 2.0,
    fault_rate: Annotated[float, typer.Option(help="How often each kind of fault happens, 0 to 1.")] = 0.0,
    initial_credits: Annotated[float, typer.Option("--credits", help="What the account has.")] = 10_000,
) -> None:
    """Run the sandbox gateway by itself until Ctrl-C.

    Example: isms sandbox --port 8025
    """
    from isms_data.simulator.server import serve  # noqa: PLC0415 - only this command needs the server
    from isms_data.simulator.simulator import Simulator  # noqa: PLC0415

    simulator = Simulator(
        seed=seed, median_latency_s=median_latency, faults=fault_rate, credits=Decimal(str(initial_credits))
    )

    def tell(base_url: str) -> None:
        typer.echo(f"export ISMS_BASE_URL={base_url} ISMS_USERNAME={simulator.username}", nl=False)
        typer.echo(f" ISMS_PASSWORD={simulator.password}   # the sandbox's own; Ctrl-C ends it")
        sys.stdout.flush()

    serve(simulator, host, port, on_ready=tell)


@app.command()
def demo(
    file: Annotated[Path | None, typer.Argument(help="A list of your own instead of the sample.")] = None,
    *,
    column: Column = "mobile",
    out: Annotated[Path, typer.Option(help="The folder for the files that it makes.")] = Path("out/demo"),
) -> None:
    """Do the main job on the embedded sandbox: a messy list in, a typed Parquet list and a picture out.

    Example: isms demo
    """
    from isms_data.demo import demo as run  # noqa: PLC0415 - brings matplotlib, which no other command needs

    run(file, out, column=column, say=typer.echo)


def main() -> None:
    """The console script: errors and warnings of this package as one line each, without a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    warnings.simplefilter("always", IsmsWarning)
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it needs the first of six arguments
    try:
        app()
    except IsmsError as error:
        typer.echo(f"isms: {error}", err=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("isms: stopped; what was done is kept. Run the same command again to go on.", err=True)
        raise


def _show_warning(message: Warning | str, *_: object) -> None:
    """A warning without the place in the code, which says nothing to a user of the command line."""
    typer.echo(f"isms: {message}", err=True)


@contextmanager
def _account(*, sandbox: bool) -> Iterator[Account]:
    if sandbox:
        with isms.sandbox(median_latency_s=0.1) as account:
            yield account
    else:
        yield isms.Account.from_env()


def _read(file: Path) -> pd.DataFrame:
    return isms.load_table(file) if file.suffix == ".parquet" or file.is_dir() else isms.read_list(file)


def _check(out: Path | None) -> None:
    """Refuse a name that cannot be saved to before anything is paid for."""
    if out is not None and out.suffix not in {".csv", ".parquet", ""}:
        msg = f"--out {out}: save as .parquet or .csv, or to a folder."
        raise ConfigurationError(msg)


def _save(frame: pd.DataFrame, out: Path | None) -> None:
    if out is None:
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".csv":
        frame.to_csv(out, index=False, encoding="utf-8-sig")  # with the mark by which spreadsheets know UTF-8
    else:
        isms.save_table(frame, out)
    typer.echo(f"Saved {len(frame):,} rows to {out}.")
