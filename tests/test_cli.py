"""The command line does what it says, and its errors are one line without a traceback or a password."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import isms_data as isms
from tests import postgres
from tests.peers import until

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

LIST = "name;mobile\nΆννα;6970000001\nΝίκος;697 000 0002\nΕλένη;2101234567\n"


def run(
    *arguments: str, account: isms.Account | None = None, folder: Path, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ISMS_")}
    environment |= {"ISMS_PROGRESS": "0", "ISMS_HOME": str(folder / "home"), "PYTHONWARNINGS": "error"}
    if account is not None:
        environment |= {"ISMS_USERNAME": account.username, "ISMS_PASSWORD": account.password}
        environment |= {"ISMS_BASE_URL": account.base_url}
        environment |= {} if account.smpp is None else {"ISMS_SMPP": account.smpp}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "isms_data", *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(LIST, encoding="cp1253")
    return path


COMMANDS = (
    *("credits", "clean", "lookup", "plan", "send", "status", "receive", "suppress", "settle", "report"),
    *("sandbox", "demo", "journal copy"),
    *("contacts", "contacts save", "contacts delete", "contacts sync"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, tmp_path: Path) -> None:
    """Each command explains itself with an example."""
    done = run(*command.split(), "--help", folder=tmp_path)

    assert done.returncode == 0
    assert f"Example: isms {command}" in done.stdout


def test_credits(account: SandboxAccount, tmp_path: Path) -> None:
    """The balance of the environment's account is shown."""
    assert run("credits", account=account, folder=tmp_path).stdout == "10000.00 credits\n"


def test_clean_and_lookup_to_files(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """A list is cleaned to CSV and looked up to Parquet; the second lookup costs nothing."""
    cleaned = run("clean", str(people), "--out", "out/clean.csv", account=account, folder=tmp_path)
    looked_up = [run("lookup", str(people), "--out", "out/hlr.parquet", account=account, folder=tmp_path) for _ in "12"]
    result = isms.load_table(tmp_path / "out/hlr.parquet")

    assert (cleaned.returncode, looked_up[0].returncode, looked_up[1].returncode) == (0, 0, 0)
    assert "Άννα" in (tmp_path / "out/clean.csv").read_text(encoding="utf-8-sig")
    assert result["outcome"].tolist() == ["cached", "cached", "skipped"]
    assert account.gateway.simulator.ledger.charged() == 2


def test_lookup_of_a_cleaned_table(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """A Parquet file that was cleaned before is looked up as it is."""
    run("clean", str(people), "--out", "clean.parquet", account=account, folder=tmp_path)
    done = run("lookup", "clean.parquet", "--max-credits", "1", account=account, folder=tmp_path)

    assert done.returncode == 0
    assert account.gateway.simulator.ledger.charged() == 1


def test_sandbox_option_needs_no_account(people: Path, tmp_path: Path) -> None:
    """With --sandbox nothing has to be set."""
    assert "10000.00" in run("credits", "--sandbox", folder=tmp_path).stdout
    assert "deliverable" in run("lookup", str(people), "--sandbox", folder=tmp_path).stdout


def test_settle_shows_and_decides(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """What is in doubt is listed, and decided on request."""
    account.gateway.simulator.faults.script("drop_after_charge", page="hlr.php")
    run("lookup", str(people), account=account, folder=tmp_path)
    shown = run("settle", account=account, folder=tmp_path)
    run("settle", "--decision", "balance", account=account, folder=tmp_path)

    assert "306970000001" in shown.stdout
    assert run("settle", account=account, folder=tmp_path).stdout == "Nothing is in doubt.\n"


PLAN = (
    "plan",
    "people.csv",
    "--campaign",
    "spring",
    "--sender",
    "MyShop",
    "--text",
    "Hello {name}",
    "--greek",
    "capitals",
)


def test_campaign_from_plan_to_delivery(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """A plan is shown and saved, sent when agreed to, and followed; refused, nothing is sent."""
    planned = run(*PLAN, "--out", "plan.parquet", account=account, folder=tmp_path)
    refused = run("send", "plan.parquet", account=account, folder=tmp_path, stdin="n\n")
    nobody_there = run("send", "plan.parquet", account=account, folder=tmp_path, stdin="")
    charged = account.gateway.simulator.ledger.charged()
    agreed = run("send", "plan.parquet", "--out", "sent.parquet", account=account, folder=tmp_path, stdin="y\n")
    again = run("send", "plan.parquet", "--yes", account=account, folder=tmp_path)
    status = run("status", "spring", "--out", "delivery.csv", account=account, folder=tmp_path)

    assert re.search(r"estimated_credits +2\b", planned.stdout)
    assert "a fixed line, not a mobile" in planned.stdout
    assert "Hello ANNA" in refused.stdout
    assert (refused.returncode, nobody_there.returncode, charged) == (1, 1, 0)
    assert isms.load_table(tmp_path / "sent.parquet")["outcome"].tolist() == ["accepted", "accepted", "skipped"]
    assert "already_sent" in again.stdout
    assert re.search(r"Delivered|Failed", status.stdout)
    assert "306970000001" in (tmp_path / "delivery.csv").read_text(encoding="utf-8-sig")
    told = run("report", "sent.parquet", "--out", "out/report.html", folder=tmp_path)
    assert "status" in told.stderr  # what was sent and not followed has no states to tell of
    run("status", "spring", "--out", "delivery.parquet", account=account, folder=tmp_path)
    assert (
        run("report", "delivery.parquet", "--out", "out/report.html", "--language", "el", folder=tmp_path).returncode
        == 0
    )
    assert '<html lang="el"' in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert agreed.returncode == again.returncode == status.returncode == 0
    assert account.gateway.simulator.ledger.charged() == 2


@pytest.mark.parametrize("transport", ["soap", "smpp"])
def test_send_by_another_transport(transport: str, account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """`--transport` chooses the way; the gateway says by which it came."""
    run(*PLAN, "--out", "plan.parquet", account=account, folder=tmp_path)
    run("send", "plan.parquet", "--yes", "--transport", transport, account=account, folder=tmp_path)
    status = run("status", "spring", account=account, folder=tmp_path)

    messages = account.gateway.simulator.ledger.messages
    assert [message.transport for message in messages] == [transport, transport]
    assert re.search(r"Delivered|Failed", status.stdout)


def test_suppress_shows_adds_and_removes(people: Path, tmp_path: Path) -> None:
    """The lasting list is kept from the command line, without an account, by number or by file."""
    run("suppress", "697 000 0001", str(people), "--reason", "asked to stop", folder=tmp_path)
    shown = run("suppress", folder=tmp_path).stdout
    run("suppress", "6970000001", "--remove", folder=tmp_path)

    assert shown.count("asked to stop") == 3
    assert "306970000001" in shown
    assert "306970000001" not in run("suppress", folder=tmp_path).stdout


def test_contacts_from_the_command_line(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """A dry run changes nothing; a sync saves, a second one has nothing to do; a delete deletes."""
    run("clean", str(people), "--out", "clean.parquet", account=account, folder=tmp_path)
    who = ("clean.parquet", "--surname", "name", "--name", "name")
    dry = run("contacts", "sync", *who, "--dry-run", account=account, folder=tmp_path)
    book = account.gateway.simulator.ledger.contacts

    assert re.search(r"to_save +3", dry.stdout)
    assert book == {}
    assert re.search(r"saved +2\nfailed +1", run("contacts", "sync", *who, account=account, folder=tmp_path).stdout)
    assert {mobile for _, mobile in book} == {"306970000001", "306970000002"}
    assert re.search(r"unchanged +2\nfailed +1", run("contacts", "sync", *who, account=account, folder=tmp_path).stdout)
    assert re.search(r"saved +2\nfailed +1", run("contacts", "save", *who, account=account, folder=tmp_path).stdout)
    run("contacts", "delete", "clean.parquet", account=account, folder=tmp_path)
    assert book == {}


def test_receiver_until_interrupted(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """`isms receive` takes the reports of a campaign until Ctrl-C; they are there afterwards, without asking."""
    run(*PLAN, "--out", "plan.parquet", account=account, folder=tmp_path)
    receiver = subprocess.Popen(
        [sys.executable, "-m", "isms_data", "receive", "--port", "0", "--path", "/dlr"],
        cwd=tmp_path,
        env=os.environ | {"ISMS_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert receiver.stdout is not None
    with receiver:
        url = receiver.stdout.readline().split()[4]
        run("send", "plan.parquet", "--yes", "--dlr", url, account=account, folder=tmp_path)
        reports = account.gateway.simulator.ledger.reports
        until(lambda: [attempt.http_status for attempt in reports].count(200) == 2)
        receiver.send_signal(signal.SIGINT)
        ended = receiver.wait(10)
    run("status", "spring", "--max-wait", "0s", "--out", "status.parquet", account=account, folder=tmp_path)

    assert ended in {0, 130}
    assert set(isms.load_table(tmp_path / "status.parquet")["source"]) == {"report"}
    assert account.gateway.simulator.ledger.request_counts["query.php"] == 0


def test_journal_moves_to_a_server(account: SandboxAccount, people: Path, server: str, tmp_path: Path) -> None:
    """A journal that was copied to a server goes on there: what was looked up is not paid for again."""
    address = postgres.new_journal(server).url
    run("lookup", str(people), account=account, folder=tmp_path)
    charged = account.gateway.simulator.ledger.charged()
    copied = run("journal", "copy", "home", address, folder=tmp_path)
    twice = run("journal", "copy", "home", address, folder=tmp_path)
    again = run("--journal", address, "lookup", str(people), account=account, folder=tmp_path)

    assert re.search(r"items +2\n", copied.stdout)
    assert (twice.returncode, "empty" in twice.stderr) == (1, True)
    assert again.returncode == 0
    assert account.gateway.simulator.ledger.charged() == charged == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "people.csv", "--campaign", "c", "--sender", "s", "--text", "{nobody}", "--sandbox"], "nobody"),
        (["plan", "people.csv", "--campaign", "c", "--sender", "ΜΑΓΑΖΙ", "--text", "x", "--sandbox"], "GREEK"),
        (["status", "spring", "--sandbox"], "knows none"),
        (["send", "people.csv", "--sandbox", "--yes"], "Parquet"),
        (["send", "nothing.parquet", "--sandbox", "--yes"], "no file 'nothing.parquet'"),
        (["credits"], "ISMS_USERNAME"),
        (["clean", "nothing.csv"], "nothing.csv"),
        (["clean", "people.csv", "--column", "phone"], "'mobile'"),
        (["lookup", "people.csv", "--sandbox", "--out", "x.xlsx"], r"\.parquet"),
        (["lookup", "people.csv", "--sandbox", "--max-wait", "soon"], "max_wait"),
    ],
)
def test_error_is_one_line(arguments: list[str], told: str, people: Path, tmp_path: Path) -> None:
    """What goes wrong is said in one line, with no traceback, and the exit code is 1."""
    done = run(*arguments, folder=tmp_path)
    line = done.stderr.strip().splitlines()[-1]

    assert done.returncode == 1
    assert line.startswith("isms: ")
    assert re.search(told, line)
    assert "Traceback" not in done.stderr


def test_wrong_password_is_not_shown(account: SandboxAccount, tmp_path: Path) -> None:
    """A refused password is not repeated on the screen."""
    wrong = isms.Account(account.username, "s3cret-word", base_url=account.base_url)
    done = run("credits", account=wrong, folder=tmp_path)

    assert done.returncode == 1
    assert "s3cret-word" not in done.stdout + done.stderr


def sandbox_process(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "isms_data", "sandbox", "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


def test_sandbox_runs_until_interrupted(tmp_path: Path) -> None:
    """`isms sandbox` says how to reach it, answers, and ends on Ctrl-C."""
    process, line = sandbox_process(tmp_path)
    with process:
        settings = dict(part.split("=", 1) for part in line.split("#")[0].split()[1:])
        account = isms.Account(settings["ISMS_USERNAME"], settings["ISMS_PASSWORD"], base_url=settings["ISMS_BASE_URL"])
        balance = isms.credits(account)
        process.send_signal(signal.SIGINT)

        assert balance == 10_000
        assert process.wait(10) == 0


def test_interrupt_ends_within_ten_seconds(account: SandboxAccount, people: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a lookup ends it soon, says that everything is kept, and running it again goes on."""
    account.gateway.simulator.pin("306970000001", latency_s=60.0)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "isms_data", "lookup", str(people)],
        cwd=tmp_path,
        env=os.environ
        | {"ISMS_USERNAME": account.username, "ISMS_PASSWORD": account.password, "ISMS_BASE_URL": account.base_url}
        | {"ISMS_PROGRESS": "0", "ISMS_HOME": str(tmp_path / "home")},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        until(lambda: account.gateway.simulator.ledger.request_counts["hlrquery.php"])
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        took = time.monotonic() - interrupted

    assert process.returncode == 130
    assert took < 10
    assert "what was done is kept" in told
    run("lookup", str(people), "--max-wait", "0s", account=account, folder=tmp_path)
    assert account.gateway.simulator.ledger.charged() == 2
