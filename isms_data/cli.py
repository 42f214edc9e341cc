"""`isms ...` on the command line: arguments and printing; no logic."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager, nullcontext
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
)

File = Annotated[Path, typer.Argument(help="A list: CSV in any encoding, xlsx, xls, ods; or a Parquet file of ours.")]
Column = Annotated[str, typer.Option(help="The column with the numbers.")]
Region = Annotated[str, typer.Option(help="The country of numbers without a country code, ISO 3166 alpha-2.")]
Out = Annotated[Path | None, typer.Option(help="Where to save the result: .parquet or .csv.")]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Use the embedded sandbox: nothing leaves this machine.")]


@app.callback()
def choose_journal(
    *,
    journal: Annotated[
        str | None,
        typer.Option(help="A journal that machines share: postgresql://user:password@host/database (ISMS_JOURNAL)."),
    ] = None,
) -> None:
    """Clean lists of phone numbers, look them up through iSMS.gr, send campaigns, and see what became of them."""
    if journal is not None:
        os.environ["ISMS_JOURNAL"] = journal


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
def plan(
    file: File,
    *,
    text: Annotated[str, typer.Option(help="The text; {name} is the row's value in the column 'name'.")],
    campaign: Annotated[str, typer.Option(help="The campaign's name: at most one message per campaign and number.")],
    sender: Annotated[str, typer.Option(help="At most 11 Latin characters, or digits.")],
    column: Column = "mobile",
    region: Region = "GR",
    greek: Annotated[str, typer.Option(help="keep, capitals or greeklish.")] = "keep",
    coding: Annotated[str, typer.Option(help="auto, GSM or UTF-8.")] = "auto",
    flash: Annotated[bool, typer.Option("--flash", help="Shown at once, and kept by no phone.")] = False,
    suppress: Annotated[Path | None, typer.Option(help="A file of numbers that must not be used.")] = None,
    out: Out = None,
    sandbox: Sandbox = False,
) -> None:
    """Plan a campaign: each row's text, what it costs, and who is left out and why. Sends nothing.

    Example: isms plan clean.parquet --campaign spring --sender MyShop --text "Γεια σου {name}" --out plan.parquet
    """
    _check(out)
    frame = _read(file)
    with _account(sandbox=sandbox) as account:
        planned = isms.plan_messages(
            frame,
            "msisdn" if "msisdn" in frame.columns else column,
            campaign=campaign,
            sender=sender,
            text=text,
            coding=coding,
            greek=greek,
            flash=flash,
            suppress=suppress,
            region=region,
            account=account,
        )
    _show_plan(planned)
    _save(planned, out)


@app.command()
def send(
    file: Annotated[Path, typer.Argument(help="A plan that `isms plan` saved (.parquet).")],
    *,
    transport: Annotated[str, typer.Option(help="http, soap or smpp.")] = "http",
    schedule: Annotated[
        str | None, typer.Option(help="When: '2027-05-11 14:40' (the account's clock), '+1 day'.")
    ] = None,
    quiet_hours: Annotated[str | None, typer.Option(help="When not: '21:00-09:00 sundays defer'.")] = None,
    dlr: Annotated[str | None, typer.Option(help="The public address of your `isms receive`.")] = None,
    max_credits: Annotated[float | None, typer.Option(help="A hard limit of what may be spent.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    out: Out = None,
    sandbox: Sandbox = False,
) -> None:
    """Send a plan, once it was shown and agreed to (paid: each message's segments, each number once).

    Example: isms send plan.parquet --max-credits 50 --transport smpp --out sent.parquet
    """
    _check(out)
    planned = isms.load_table(file)
    _show_plan(planned)
    if not yes:
        typer.confirm("Send these messages?", abort=True)
    limit = None if max_credits is None else Decimal(str(max_credits))
    with _account(sandbox=sandbox) as account:
        sent = isms.send_messages(
            planned,
            transport=transport,
            schedule=schedule,
            quiet_hours=quiet_hours,
            dlr=dlr,
            max_credits=limit,
            account=account,
        )
    typer.echo(_counts(sent["outcome"]))
    _save(sent, out)


@app.command()
def status(
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
    *,
    max_wait: Annotated[str, typer.Option(help="How long to wait for what is not final.")] = "15min",
    out: Out = None,
    sandbox: Sandbox = False,
) -> None:
    """Learn what became of a campaign's messages. Costs nothing.

    Example: isms status spring --max-wait 2min --out delivery.parquet
    """
    _check(out)
    with _account(sandbox=sandbox) as account:
        found = isms.delivery_status(campaign, max_wait=max_wait, account=account)
    typer.echo(_counts(found["status"].astype("str").fillna("not known yet")))
    _save(found, out)


@app.command()
def receive(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8080,
    path: Annotated[str, typer.Option(help="The path under which a proxy hands requests on.")] = "/",
    sandbox: Sandbox = False,
) -> None:
    """Receive delivery reports until Ctrl-C. Its public address is what `isms send --dlr` takes.

    Example: isms receive --port 8080 --path /dlr
    """
    with isms.sandbox() if sandbox else nullcontext() as account:
        receiver = isms.DeliveryReceiver(account=account, host=host, port=port, path=path)
        receiver.run(on_ready=lambda url: typer.echo(f"Receiving delivery reports at {url} until Ctrl-C."))


contacts_app = typer.Typer(
    no_args_is_help=True, help="Save, delete or sync contacts. Example: isms contacts sync people.csv"
)
app.add_typer(contacts_app, name="contacts")
Field = Annotated[str | None, typer.Option(help="A column of the list.")]


@contacts_app.command("save")
def save_contacts(
    file: File,
    *,
    mobile: Column = "msisdn",
    surname: Field = None,
    name: Field = None,
    comments: Field = None,
    sandbox: Sandbox = False,
) -> None:
    """Save the contacts of a list in the account's address book.

    Example: isms contacts save people.parquet --surname surname --name name
    """
    with _account(sandbox=sandbox) as account:
        found = isms.save_contacts(_read(file), mobile, surname=surname, name=name, comments=comments, account=account)
    typer.echo(_counts(found["contact_outcome"]))


@contacts_app.command("delete")
def delete_contacts(file: File, *, mobile: Column = "msisdn", sandbox: Sandbox = False) -> None:
    """Delete the contacts of a list from the account's address book.

    Example: isms contacts delete people.parquet
    """
    with _account(sandbox=sandbox) as account:
        found = isms.delete_contacts(_read(file), mobile, account=account)
    typer.echo(_counts(found["contact_outcome"]))


@contacts_app.command("sync")
def sync_contacts(
    file: File,
    *,
    mobile: Column = "msisdn",
    surname: Field = None,
    name: Field = None,
    comments: Field = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete those that are not in the list any more.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    sandbox: Sandbox = False,
) -> None:
    """Save what has changed since the last sync.

    Example: isms contacts sync people.parquet --surname surname --name name --dry-run
    """
    with _account(sandbox=sandbox) as account:
        found = isms.sync_contacts(
            _read(file),
            mobile,
            surname=surname,
            name=name,
            comments=comments,
            delete=delete,
            dry_run=dry_run,
            account=account,
        )
    typer.echo(_counts(found["contact_outcome"]))


@app.command()
def suppress(
    numbers: Annotated[
        list[str] | None, typer.Argument(help="Numbers, or files of numbers; none: show the list.")
    ] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever asks later.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, '2027-12-31'; by default for ever.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take them off the list instead.")] = False,
) -> None:
    """Keep the lasting list of numbers that no campaign may write to; without a number, show it.

    Example: isms suppress 6970000001 opted_out.csv --reason "asked to stop"
    """
    if not numbers:
        typer.echo(isms.suppressed().to_string(index=False))
        return
    for given in numbers:
        found = isms.unsuppress(given) if remove else isms.suppress(given, reason=reason, until=until)
        typer.echo(found.to_string(index=False))


@app.command()
def settle(
    campaign: Annotated[str | None, typer.Argument(help="A campaign, for its messages; without it, lookups.")] = None,
    *,
    decision: Annotated[str | None, typer.Option(help="resend, skip or balance; none: only show.")] = None,
    sandbox: Sandbox = False,
) -> None:
    """Show the paid calls that are in doubt, or decide what becomes of them.

    Example: isms settle spring --decision balance
    """
    with _account(sandbox=sandbox) as account:
        doubts = isms.settle(campaign, decision=decision, account=account)
    typer.echo("Nothing is in doubt." if doubts.empty else doubts.to_string(index=False))


@app.command()
def report(
    data: Annotated[Path, typer.Argument(help="What `status` or `lookup` saved: a Parquet file, or a folder of them.")],
    *,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Its heading.")] = None,
    language: Annotated[str, typer.Option(help="en or el.")] = "en",
) -> None:
    """Write one HTML page of what was delivered and what the list is worth, with nobody's number in it.

    Example: isms report delivery.parquet --out report.html --title "Spring 2026"
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    typer.echo(f"Wrote {isms.write_report(data, out, title=title, language=language)}.")


journal_app = typer.Typer(
    no_args_is_help=True,
    help="The journal of what was paid for.\n\nExample: isms journal copy .isms postgresql://shop@db.example/journal",
)
app.add_typer(journal_app, name="journal")


@journal_app.command("copy")
def copy_journal(
    folder: Annotated[Path, typer.Argument(help="The folder of the journal, such as .isms.")],
    server: Annotated[str, typer.Argument(help="postgresql://user:password@host/database, with no journal yet.")],
) -> None:
    """Copy the journal of this machine to a server that several machines share; whole or not at all.

    Example: isms journal copy .isms postgresql://shop@db.example/journal
    """
    from isms_data.journal.copying import copy  # noqa: PLC0415 - only this command needs it
    from isms_data.journal.place import ServerAddress  # noqa: PLC0415

    for table, rows in copy(folder, ServerAddress.of(server)).items():
        typer.echo(f"{table:12} {rows:>12,}")
    typer.echo(f"Copied. Set ISMS_JOURNAL from now on, and leave {folder} alone: the two know nothing of each other.")


@app.command(name="sandbox")
def run_sandbox(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Of HTTP and SOAP; 0: any free one.")] = 8025,
    smpp_port: Annotated[int, typer.Option(help="Of SMPP; 0: any free one.")] = 8775,
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
        typer.echo(f"export ISMS_BASE_URL={base_url} ISMS_SMPP={simulator.smsc.url}", nl=False)
        typer.echo(f" ISMS_USERNAME={simulator.username} ISMS_PASSWORD={simulator.password}", nl=False)
        typer.echo("   # the sandbox's own; Ctrl-C ends it")
        sys.stdout.flush()

    serve(simulator, host, port, smpp_port=smpp_port, on_ready=tell)


@app.command()
def demo(
    file: Annotated[Path | None, typer.Argument(help="A list of your own instead of the sample.")] = None,
    *,
    column: Column = "mobile",
    out: Annotated[Path, typer.Option(help="The folder for the files that it makes.")] = Path("out/demo"),
) -> None:
    """Do the main job on the embedded sandbox: a messy list in; a typed list, a sent campaign and its delivery out.

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
    except FileNotFoundError as error:
        typer.echo(f"isms: there is no file {str(error.filename)!r}; paths start in {Path.cwd()}.", err=True)
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


def _show_plan(planned: pd.DataFrame) -> None:
    """What it comes to, who is left out, and what the messages look like."""
    typer.echo(isms.plan_summary(planned).to_string())
    left_out = planned["reason"].dropna()
    if len(left_out):
        typer.echo("\nLeft out:\n" + _counts(left_out))
    texts = planned.loc[planned["action"] == "send", ["segments", "coding", "text"]].drop_duplicates("text").head(3)
    if len(texts):
        typer.echo("\nFor example:\n" + texts.to_string(index=False, max_colwidth=100))


def _counts(words: pd.Series) -> str:
    counted = words.value_counts()
    return counted[counted > 0].to_frame("rows").to_string()


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
