"""The journal keeps intents and outcomes, and lets no number be claimed twice."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import textwrap
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from isms_data.errors import JournalError
from isms_data.journal import calls as journal_module
from isms_data.journal import file as journal_file
from isms_data.journal import server as journal_server
from isms_data.journal.calls import Journal
from isms_data.journal.file import now
from isms_data.journal.place import ServerAddress
from isms_data.journal.records import Accepted, Claim
from isms_data.journal.standing import AnswerKind, Lookups, Standing
from tests import claims

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.journal.place import Place

DAY = 86_400 * 1_000_000
A, B, C = 306970000001, 306970000002, 306970000003


def claim(journal: Journal, *numbers: int) -> Claim:
    return claims.claim(journal, list(numbers), Lookups(now() - DAY), label="list")


def standings(journal: Journal, *numbers: int, max_age: int = DAY) -> list[Standing | None]:
    found = journal.standings(numbers, Lookups(now() - max_age))
    return [found[number][0] if number in found else None for number in numbers]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def in_another_process(place: Place, body: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines with a `journal` of the same account in a process of its own."""
    program = (
        "from decimal import Decimal\nfrom isms_data.account import journal_place\n"
        "from isms_data.journal.calls import Journal\n"
        "from isms_data.journal.standing import Lookups\n"
        f"A, B, C = {A}, {B}, {C}\njournal = Journal(journal_place(None), 'me', 'hlr').__enter__()\n"
        "from isms_data.journal.records import Accepted\n"
        "from tests import claims\n"
        "claim = lambda *n: claims.claim(journal, list(n), Lookups(0))\n"
    )
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program + textwrap.dedent(body)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | ({} if isinstance(place, ServerAddress) else {"ISMS_HOME": str(place)}),
    )


def test_journal_is_private(folder: Path) -> None:
    """Nobody else on the machine can read the folder or the file."""
    with Journal(folder, "me", "hlr"):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / journal_file.FILE_NAME)]

    assert modes == [0o700, 0o600]


def test_journal_in_a_folder_of_the_users(folder: Path) -> None:
    """A folder that holds other things keeps its mode; the journal in it is private all the same."""
    folder.mkdir(mode=0o755)
    (folder / "notes.txt").write_text("")
    with Journal(folder, "me", "hlr"):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.glob("journal*"))]

    assert modes[0] == 0o755
    assert set(modes[1:]) == {0o600}


def test_many_processes_make_the_journal_at_once(place: Place) -> None:
    """Processes that start together on a journal that is not there yet all get it."""
    program = (
        "from isms_data.account import journal_place\nfrom isms_data.journal.calls import Journal\n"
        "Journal(journal_place(None), 'me', 'hlr')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(6)]  # noqa: S603
    told = [process.communicate(timeout=60)[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * 6, told


def test_journal_busy_for_too_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that another program keeps locked is given up after a while, with a clear error."""
    folder.mkdir()
    other = sqlite3.connect(folder / journal_file.FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(journal_file, "BUSY_S", 0.1)
    with pytest.raises(JournalError, match="locked"):
        Journal(folder, "me", "hlr")
    other.close()


def test_claim_takes_free_numbers_once(place: Place) -> None:
    """Of two claims for the same number, one gets it; the other hears that it is held."""
    with Journal(place, "me", "hlr") as first, Journal(place, "me", "hlr") as second:
        one, other = claim(first, A, B), claim(second, B, C)

        assert one.taken == [A, B]
        assert other.taken == [C]
        assert standings(second, B) == [Standing.HELD]


def test_standing_follows_the_call(place: Place) -> None:
    """A number is open once its call is accepted, fresh once it is answered, free again when the answer is old."""
    with Journal(place, "me", "hlr") as journal:
        taken = claim(journal, A)
        journal.accepted([Accepted(taken.call_id, "0adgre1")])
        accepted = standings(journal, A)
        journal.answer([(taken.first_id, AnswerKind.FINAL, now() - 10, "Delivered;;;;;")])

        assert accepted == [Standing.OPEN]
        assert standings(journal, A) == [Standing.FRESH]
        assert standings(journal, A, max_age=5) == [Standing.FRESH]  # its own answer, whatever the clock says
        assert journal.standings([A], Lookups(0))[A][1].reply == "Delivered;;;;;"
    with Journal(place, "me", "hlr") as later:
        assert standings(later, A) + standings(later, A, max_age=5) == [Standing.FRESH, Standing.FREE]


def test_refused_call_frees_its_numbers(place: Place) -> None:
    """After a refusal the number may be claimed again, and an older answer counts again."""
    with Journal(place, "me", "hlr") as journal:
        journal.refused(claim(journal, A).call_id, "503")

        assert standings(journal, A) == [None]
        assert claim(journal, A).taken == [A]


def test_in_doubt_is_never_claimed_again(place: Place) -> None:
    """A number whose call may have been carried out stays in doubt, however old it is."""
    with Journal(place, "me", "hlr") as journal:
        journal.in_doubt(claim(journal, A).call_id, "reply lost")

        assert standings(journal, A, max_age=0) == [Standing.IN_DOUBT]
        assert claim(journal, A).taken == []
        assert [(doubt.msisdn, doubt.problem) for doubt in journal.doubts()] == [(A, "reply lost")]


@pytest.mark.parametrize("kind", [AnswerKind.RESEND, AnswerKind.SKIP])
def test_in_doubt_settled(place: Place, kind: AnswerKind) -> None:
    """Settled by asking again, a number is free; settled by leaving it, it is skipped while that is fresh."""
    with Journal(place, "me", "hlr") as journal:
        taken = claim(journal, A)
        journal.in_doubt(taken.call_id, "reply lost")
        journal.answer([(taken.first_id, kind, now(), None)], durable=True)

        assert journal.doubts() == []
        assert standings(journal, A) == [Standing.FREE if kind is AnswerKind.RESEND else Standing.SKIPPED]
        assert claim(journal, A).taken == ([A] if kind is AnswerKind.RESEND else [])


def test_answer_final_is_not_overwritten(place: Place) -> None:
    """A final answer stays, whatever comes after it; one that was given up is replaced when the answer comes."""
    with Journal(place, "me", "hlr") as journal:
        taken = claim(journal, A, B)
        journal.accepted([Accepted(taken.call_id, "0adgre1")])
        journal.answer(
            [(taken.first_id, AnswerKind.FINAL, 1, "first"), (taken.first_id + 1, AnswerKind.LOST, 1, "lost")]
        )
        journal.answer([(taken.first_id + place, AnswerKind.FINAL, 2, "second") for place in (0, 1)])
        found = journal.standings([A, B], Lookups(0))

        assert [found[number][1].reply for number in (A, B)] == ["first", "second"]


def test_run_that_ended_leaves_doubt(place: Place) -> None:
    """A run that ends without learning what became of a call leaves it in doubt."""
    with Journal(place, "me", "hlr") as journal:
        claim(journal, A)
    with Journal(place, "me", "hlr") as journal:
        assert standings(journal, A) == [Standing.IN_DOUBT]


def test_process_that_died_leaves_doubt(place: Place) -> None:
    """The intents of a killed process are in doubt at once; what it had finished stays."""
    died = in_another_process(
        place,
        "journal.accepted([Accepted(claim(A).call_id, 'ok')])\nclaim(B)\n"
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    )
    with Journal(place, "me", "hlr") as journal:
        assert died.returncode == -9
        assert standings(journal, A, B, C) == [Standing.OPEN, Standing.IN_DOUBT, None]


def test_process_that_lives_holds_its_numbers(place: Place) -> None:
    """What a living process has claimed is held, and is neither claimed nor put in doubt by another."""
    with Journal(place, "me", "hlr") as journal:
        claim(journal, A)
        other = in_another_process(place, "print(claim(A, B).taken, journal.standings([A], Lookups(1))[A][0])")

        assert other.stdout.split() == [f"[{B}]", "held"]


def test_lease_that_ran_out_is_no_life(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of another machine that has not renewed its lease is taken for dead; one that has is not."""
    with Journal(place, "me", "hlr") as far:
        claim(far, A)
        monkeypatch.setattr(journal_module, "LIVE", set())
        monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
        with Journal(place, "me", "hlr") as near:
            held = standings(near, A)
            far._db.execute("UPDATE runs SET lease_end = 1 WHERE run_id = ?", (far.run_id,))

            assert (held, standings(near, A)) == ([Standing.HELD], [Standing.IN_DOUBT])
            far.renew()
            assert not near.alone_since(now())


def test_accounts_do_not_mix(place: Place) -> None:
    """What one account paid for (the sandbox's, say) is no answer for another."""
    with Journal(place, "sandbox", "hlr") as sandbox:
        taken = claim(sandbox, A)
        sandbox.answer([(taken.first_id, AnswerKind.FINAL, now(), "Delivered")])
    with Journal(place, "real", "hlr") as real:
        assert standings(real, A) == [None]
        assert claim(real, A).taken == [A]


def test_open_calls_are_taken_over(place: Place) -> None:
    """A run that goes on with the open calls of one that ended holds them from then on."""
    with Journal(place, "me", "hlr") as first:
        call = claim(first, A).call_id
        first.accepted([Accepted(call, "0adgre1")])
    with Journal(place, "me", "hlr") as second, Journal(place, "me", "hlr") as third:
        second.take_over([call])

        assert standings(second, A) + standings(third, A) == [Standing.OPEN, Standing.HELD]


def test_expected_balance_counts_what_was_accepted(place: Place) -> None:
    """The account should have what it last had, less what was accepted since at measured prices."""
    with Journal(place, "me", "hlr") as journal:
        before = journal.expected_balance(now())
        journal.keep_balance(Decimal("10.50"), now())
        journal.accepted([Accepted(claim(journal, A, B).call_id, "ok")])
        journal.in_doubt(claim(journal, C).call_id, "lost")
        planned = journal.expected_balance(now())
        journal.confirm_price(Decimal("0.5"))

        assert (before, planned, journal.expected_balance(now())) == (None, None, Decimal("9.50"))


def test_migration_from_an_empty_file(folder: Path) -> None:
    """A file of version 0 is brought up to date, and opening it again changes nothing."""
    folder.mkdir()
    sqlite3.connect(folder / journal_file.FILE_NAME).close()
    for _ in range(2):
        with Journal(folder, "me", "hlr") as journal:
            (version,) = journal._db.execute("PRAGMA user_version").fetchone()

            assert version == len(journal_file.MIGRATIONS)


def test_migration_keeps_what_was_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later step of the schema finds the rows of the version before."""
    with Journal(place, "me", "hlr") as journal:
        journal.accepted([Accepted(claim(journal, A).call_id, "0adgre1")])
    later = (*journal_file.MIGRATIONS, "ALTER TABLE calls ADD COLUMN colour TEXT DEFAULT 'blue'")
    for engine in (journal_file, journal_server):
        monkeypatch.setattr(engine, "MIGRATIONS", later)
    with Journal(place, "me", "hlr") as journal:
        assert standings(journal, A) == [Standing.OPEN]
        assert journal._db.execute("SELECT colour FROM calls").fetchall() == [("blue",)]


def test_journal_of_a_newer_version_is_left_alone(folder: Path) -> None:
    """A file from the future is not touched; the error says to update."""
    folder.mkdir()
    db = sqlite3.connect(folder / journal_file.FILE_NAME)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="newer isms_data"):
        Journal(folder, "me", "hlr")


def test_journal_that_is_none(folder: Path) -> None:
    """A file that is not a journal is an error that names it, and stays as it is."""
    folder.mkdir()
    (folder / journal_file.FILE_NAME).write_bytes(b"a list of numbers" * 100)
    with pytest.raises(JournalError, match=journal_file.FILE_NAME):
        Journal(folder, "me", "hlr")

    assert (folder / journal_file.FILE_NAME).read_bytes().startswith(b"a list")


def test_journal_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    """A folder that cannot be made is a clear error before anything is paid."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(JournalError, match=r"ISMS_HOME"):
        Journal(tmp_path / "taken", "me", "hlr")


def test_full_disk_stops_the_claim(folder: Path) -> None:
    """Where the disk (here: the allowed file size) is full, the claim fails before a call could be made."""
    body = f"""
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, {resource.RLIM_INFINITY}))
    for start in range(0, 100_000, 1000):
        claim(*range({A} + start, {A} + start + 1000))
    """
    full = in_another_process(folder, body)

    assert "JournalError" in full.stderr
    assert "Make room" in full.stderr
    with Journal(folder, "me", "hlr") as journal:
        assert standings(journal, A) == [Standing.IN_DOUBT]


def test_nearly_full_disk_stops_the_claim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too little room for the outcome of a call, its intent is not even written."""
    with Journal(folder, "me", "hlr") as journal:
        monkeypatch.setattr(journal_file, "RESERVE_BYTES", 2**62)
        with pytest.raises(JournalError, match="Nothing more was paid for"):
            claim(journal, A)

        assert standings(journal, A) == [None]


def test_read_only_journal_stops_the_claim(place: Place) -> None:
    """A journal that cannot be written lets nothing be paid for."""
    with Journal(place, "me", "hlr") as journal:
        claims.make_read_only(journal)
        with pytest.raises(JournalError, match=r"read-?only"):
            claim(journal, A)
        claims.make_read_only(journal, on=False)
