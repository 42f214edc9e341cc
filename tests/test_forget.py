"""Who is forgotten is gone from every byte of the journal and from every table; nobody else is touched; sums stay."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isms_data as isms
from isms_data.cleaning.mentions import Mention, Texts
from isms_data.journal.calls import Journal
from isms_data.journal.contacts import Contact, ContactBook
from isms_data.journal.file import FILE_NAME, now
from isms_data.journal.place import ServerAddress
from isms_data.journal.records import Accepted, Message
from isms_data.journal.reports import Report, ReportBook
from isms_data.journal.standing import AnswerKind, Campaign, Lookups
from isms_data.operations import forget as operation
from isms_data.vocabulary import MessageStatus, Source
from tests.claims import claim
from tests.postgres import rows
from tests.postgres import stored as journal_files

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.journal.place import Place
    from isms_data.trial import SandboxAccount

A, B, C = "306970000001", "306970000002", "306970000003"
IMSI = "202019990001234"
LISTS = pd.ArrowDtype(pa.list_(pa.string()))
SERIAL = itertools.count()


def forget(*arguments: Any, **settings: Any) -> pd.DataFrame:
    return asyncio.run(operation.forget(*arguments, **settings))


@pytest.fixture
def home(place: Place) -> Place:
    """Where the journal is, which the environment names."""
    return place


def lookup(home: Place, *numbers: str, reply: str | None = f"Delivered;GR;Cosmote;{IMSI};306942190000;0") -> None:
    """One paid call that asked about these numbers; all answered, where there is a reply."""
    with Journal(home, "me", "hlr") as journal:
        taken = claim(journal, [int(n) for n in numbers], Lookups(0), label="list")
        journal.accepted([Accepted(taken.call_id, f"lookup-{next(SERIAL)}")])
        if reply is not None:
            ids = range(taken.first_id, taken.first_id + len(taken.taken))
            journal.answer([(item, AnswerKind.FINAL, now(), reply) for item in ids])


def message(
    home: Place,
    *numbers: str,
    text: str = "Hello",
    status: MessageStatus | None = MessageStatus.DELIVERED,
    campaign: str = "spring",
) -> str:
    """One call that sent a text to these numbers; its reference."""
    reference = f"reference-{next(SERIAL)}"
    with Journal(home, "me", "send") as journal:
        sent = Message(reference, "MyShop", text, "GSM", False, None, None, "http")
        taken = claim(journal, [int(n) for n in numbers], Campaign(campaign), label=campaign, units=2, message=sent)
        journal.accepted([Accepted(taken.call_id, f"m-{reference}")])
        if status is not None:
            ids = range(taken.first_id, taken.first_id + len(taken.taken))
            journal.answer([(item, AnswerKind.FINAL, now(), status) for item in ids], source=Source.POLL)
    return reference


def report(home: Place, reference: str, number: str | None, *, fields: list[list[str]]) -> None:
    with ReportBook(home) as book:
        who = None if number is None else int(number)
        book.keep([Report(reference, who, None, MessageStatus.DELIVERED, json.dumps(fields), now())])


def everything(home: Place, *numbers: str) -> None:
    """A journal in which these numbers stand wherever they can."""
    lookup(home, *numbers)
    report(home, message(home, *numbers), numbers[0], fields=[["to", f"+{numbers[0]}"], ["status", "DELIVRD"]])
    for number in numbers:
        reference = message(home, number, text=f"Dear friend of +{number}", campaign="personal")
        report(home, reference, number, fields=[["to", number]])
        report(home, reference, None, fields=[["status", "?"], ["n", number[2:]]])
    with ContactBook(home, "me") as book:
        book.intend(
            [Contact(int(number), "Παππά", "Μαρία", f"call {number[2:5]} {number[5:]}") for number in numbers], []
        )
        book.keep([int(number) for number in numbers], [])
    report(home, "of another journal", None, fields=[["to", number] for number in numbers[:1]])
    isms.suppress(numbers[0], reason=f"{numbers[0]} said so")


def tables(home: Place) -> dict[str, list[tuple[Any, ...]]]:
    if isinstance(home, ServerAddress):
        return rows(home)
    with closing(sqlite3.connect(home / FILE_NAME)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in names}  # noqa: S608


def traces(home: Place, number: str) -> list[str]:
    """Where bytes of the number lie in the files of a journal: its digits, and the integer as the engine writes it."""
    files, integer = journal_files(home), int(number).to_bytes(6, "big")
    if isinstance(home, ServerAddress):
        integer = int(number).to_bytes(8, "little")
    signs = {"digits": number.encode(), "national": number[2:].encode(), "integer": integer}
    kept = [name for name in files if name.startswith("suppressions")] if isinstance(home, ServerAddress) else []
    return [
        f"{name}: {what}"
        for name, content in files.items()
        if name not in kept
        for what, sign in signs.items()
        if sign in content
    ]


def counts(told: pd.DataFrame, number: str = A) -> dict[str, int]:
    own = told[told["msisdn"] == number]
    return dict(zip(own["place"], own["rows"] + own["cells"], strict=True))


def test_journal_holds_no_byte_of_who_is_forgotten(home: Place) -> None:
    """Neither digits nor stored integer of the forgotten lie anywhere in the files afterwards, nor IMSI or name."""
    everything(home, A, B)
    before = traces(home, A)
    told = forget([A, B])

    assert {each.split(": ")[1] for each in before} == {"digits", "national", "integer"}
    assert traces(home, A) == traces(home, B) == []
    assert not any(
        word.encode() in content for content in journal_files(home).values() for word in (IMSI, "Παππά", "friend")
    )
    assert counts(told) == {
        "lookups": 1,
        "messages": 2,
        "reports": 4,
        "contacts": 1,
        "other texts": 0,
        "suppression list": 0,
    }


def test_tables_name_the_forgotten_in_the_suppression_list_only(home: Place) -> None:
    """No row has the number as an integer or in a text, but the entry that keeps it from being written to."""
    everything(home, A, B)
    forget(A)
    found = {
        table
        for table, held in tables(home).items()
        for value in itertools.chain.from_iterable(held)
        if value == int(A) or (isinstance(value, str) and A[2:] in value)
    }

    assert found == {"suppressions"}
    assert isms.suppressed()[["msisdn", "reason"]].to_numpy().tolist() == [[A, "asked to be forgotten"]]


def test_others_are_as_they_were(home: Place) -> None:
    """Every record of the other numbers is byte for byte the same, shared calls and their texts included."""
    everything(home, A, B, C)
    before = tables(home)
    forget(A)
    after = tables(home)
    of_others = {
        "items": [row for row in before["items"] if row[1] != int(A)],
        "answers": [
            row
            for row in before["answers"]
            if row[0] in {item for item, number, _ in before["items"] if number != int(A)}
        ],
        "contacts": [row for row in before["contacts"] if row[1] != int(A)],
        "messages": [row for row in before["messages"] if A not in row[3]],
        "reports": [row for row in before["reports"] if A[2:] not in row[6]],
    }

    after["reports"] = [row for row in after["reports"] if row[3] != "forgotten"]
    assert {name: after[name] for name in of_others} == of_others
    assert after["balances"] == before["balances"]


def test_forgetting_everybody_keeps_the_sums(home: Place) -> None:
    """What calls have cost and how many numbers they had stays, so the balance is reckoned as before."""
    with Journal(home, "me", "hlr") as journal:
        journal.keep_balance(Decimal(100), now())
    everything(home, A, B)
    with Journal(home, "me", "settle") as journal:
        journal._db.execute("UPDATE calls SET measured = 1")
        expected = journal.expected_balance(1)
    forget([A, B])
    with Journal(home, "me", "settle") as journal:
        assert journal.expected_balance(1) == expected == Decimal(100 - 2 - 2 * 2 - 2 * 2)


def test_ids_of_the_forgotten_are_not_used_again(home: Place) -> None:
    """A later call's messages and reports are not taken for those of a call whose last number was forgotten."""
    first = message(home, A, B, C, campaign="first")
    report(home, first, C, fields=[["to", C]])
    forget([B, C])
    lookup(home, "306970000004")
    second = message(home, "306970000005", "306970000006", status=None, campaign="second")
    report(home, second, "306970000005", fields=[["to", "306970000005"]])

    with Journal(home, "me", "settle") as journal:
        assert [sent.msisdn for sent in journal.messages("first")] == [int(A)]
        assert [sent.reply for sent in journal.messages("second")] == ["Delivered", None]
        assert journal.heard_since(2)[1] == [(journal.messages("second")[0].item_id, AnswerKind.FINAL)]


def test_forgetting_twice_finds_nothing(home: Place) -> None:
    """The second time there is nothing left to take out, and the answer says so in the same rows."""
    everything(home, A)
    first = forget(A)
    second = forget(A)

    assert second["place"].tolist() == first["place"].tolist()
    assert second["outcome"].tolist() == [*["nothing_found"] * 5, "already_suppressed"]
    assert second[["rows", "cells"]].to_numpy().sum() == 0


def test_other_accounts_of_the_journal_forget_too(home: Place) -> None:
    """A person is forgotten by every account that the journal serves."""
    with Journal(home, "another", "hlr") as journal:
        taken = claim(journal, [int(A)], Lookups(0))
        journal.refused(taken.call_id, "503")

    assert counts(forget(A))["lookups"] == 1
    assert traces(home, A) == []


def claimed(home: Place) -> tuple[Journal, int]:
    journal = Journal(home, "me", "send").__enter__()
    sent = Message(f"reference-{next(SERIAL)}", "MyShop", "Hello", "GSM", False, None, None, "http")
    taken = claim(journal, [int(A)], Campaign("spring"), label="spring", message=sent)
    return journal, taken.call_id


def cut_off(home: Place) -> None:
    """A run that claims the number and is gone without having written its end."""
    journal, _ = claimed(home)
    journal._db.close()


def lost(home: Place) -> None:
    journal, call_id = claimed(home)
    journal.in_doubt(call_id, "reply lost")
    journal.__exit__()


def unknown(home: Place) -> None:
    """A lookup whose id the gateway does not know any more."""
    lookup(home, A, reply=None)
    with Journal(home, "me", "hlr") as journal:
        item = journal._db.execute("SELECT max(item_id) FROM items").fetchone()[0]
        journal.answer([(item, AnswerKind.LOST, now(), "No such message ID or mobile.")])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda home: lookup(home, A, reply=None), "its lookup has no last word yet.*call hlr_lookup until"),
        (lambda home: message(home, A, status=None), "its message has no last word yet.*call delivery_status until"),
        (cut_off, r"is under way or was cut off: .*isms.settle\('spring'\)"),
        (lost, r"is in doubt: decide it with isms.settle\('spring'\)"),
        (unknown, r"is in doubt: decide it with isms.settle\(\)"),
    ],
)
def test_number_that_may_come_back_is_refused(home: Place, make: Any, words: str) -> None:
    """While an answer may yet come, nothing of the number is touched, the reason is told, and others are forgotten."""
    make(home)
    lookup(home, B)
    before = tables(home)
    with pytest.warns(isms.IsmsWarning, match=f"1 numbers could not be forgotten wholly.*3069•••001: .*{words}"):
        told = forget([A, B])

    assert told.loc[told["outcome"] == "refused", "msisdn"].tolist() == [A]
    assert told.loc[told["outcome"] == "forgotten", "msisdn"].tolist() == [B]
    assert [row for row in before["items"] if row[1] == int(A)] == [
        row for row in tables(home)["items"] if row[1] == int(A)
    ]
    assert set(isms.suppressed()["msisdn"]) == {A, B}


@pytest.mark.parametrize("decision", ["resend", "skip"])
def test_what_was_settled_is_forgotten(home: Place, decision: str, account: SandboxAccount) -> None:
    """A number in doubt can be forgotten once it is decided what becomes of it, whatever that is."""
    with Journal(home, account.label, "send") as journal:
        sent = Message("r", "MyShop", "Hello", "GSM", False, None, None, "http")
        taken = claim(journal, [int(A)], Campaign("spring"), label="spring", message=sent)
        journal.in_doubt(taken.call_id, "reply lost")
    isms.settle("spring", decision=decision, account=account)

    assert counts(forget(A, account=account))["messages"] == 1
    assert traces(home, A) == []


def test_what_never_got_a_last_word_is_forgotten_in_the_end(home: Place) -> None:
    """A message that stays pending for ever is waited for no longer than a week, unless a run goes on."""
    message(home, A, status=None)
    with Journal(home, "me", "settle") as journal:
        journal._db.execute(
            "UPDATE calls SET intended_at = ?", (now() - timedelta(days=8) // timedelta(microseconds=1),)
        )
        with pytest.warns(isms.IsmsWarning, match="while no run goes on"):
            assert "refused" in forget(A)["outcome"].tolist()

    assert counts(forget(A))["messages"] == 1


def test_scheduled_message_counts_from_its_time(home: Place) -> None:
    """A message that leaves next month is under way until then, however long ago it was ordered."""
    message(home, A, status=None)
    with Journal(home, "me", "settle") as journal:
        journal._db.execute("UPDATE calls SET intended_at = 0")
        journal._db.execute("UPDATE messages SET scheduled_for = ?", (now() + 10**12,))

    with pytest.warns(isms.IsmsWarning, match="no last word"):
        assert "refused" in forget(A)["outcome"].tolist()


def test_text_to_somebody_else_is_told_and_left(home: Place) -> None:
    """Where a message to another names the number it is theirs: it stays, and the answer says so."""
    message(home, B, text=f"Your courier: 697 000 0001, {A}")
    with pytest.warns(isms.IsmsWarning, match="texts of the journal that are about others name it"):
        told = forget(A)

    assert told.loc[told["outcome"] == "still_named", ["place", "rows"]].to_numpy().tolist() == [["other texts", 1]]


def test_text_goes_with_the_last_of_those_it_went_to(home: Place) -> None:
    """A shared text stays while one of its numbers is remembered, and goes with the last."""
    message(home, A, B, text="Dear Maria")
    forget(A)
    shared = [row[3] for row in tables(home)["messages"]]
    forget(B)

    assert (shared, tables(home)["messages"]) == (["Dear Maria"], [])
    assert [row[12] for row in tables(home)["calls"]] == [None]


def test_forgotten_number_is_not_written_to_again(home: Place, account: SandboxAccount) -> None:
    """A campaign that has forgotten that it wrote to a number does not do so again, unless so wished."""
    frame = pd.DataFrame({"n": [A]})
    offer = {"campaign": "spring", "sender": "MyShop", "text": "Hello", "account": account}
    isms.send_messages(isms.plan_messages(frame, "n", **offer), account=account)
    isms.delivery_status("spring", account=account)
    told = forget(A, suppress=False, account=account)
    freed = isms.plan_messages(frame, "n", **offer)["action"].tolist()
    forget(A, account=account)

    assert told["outcome"].tolist()[-1] == "nothing_found"
    assert freed == ["send"]
    assert isms.plan_messages(frame, "n", **offer)["reason"].tolist() == [
        "on the suppression list: asked to be forgotten"
    ]
    assert traces(home, A) == []


def test_suppression_that_ends_becomes_one_for_ever(home: Place) -> None:
    """Who was suppressed for a while and asks to be forgotten is not written to when that while is over."""
    isms.suppress(A, reason="holiday", until="1d")
    forget(A)

    assert isms.suppressed()["until"].isna().tolist() == [True]


@pytest.mark.parametrize(
    "numbers", [A, [A], "697 000 0001", ["+30 697-000-0001", 6970000001], pd.Series([A, A], index=[5, 5])]
)
def test_numbers_in_any_spelling(home: Place, numbers: Any) -> None:
    """A number is found however it is given, and counts once."""
    lookup(home, A)
    told = forget(numbers)

    assert counts(told)["lookups"] == 1
    assert len(told) == 6


@pytest.mark.parametrize("numbers", [[A, "Maria Pappa"], [A, None], "stop.csv", 5, b"1", pd.DataFrame()])
def test_entry_that_is_no_number(home: Place, numbers: Any) -> None:
    """A slip is an error and nothing is forgotten: nobody who asked may be missed without notice."""
    lookup(home, A)
    with pytest.raises(
        isms.ConfigurationError, match=r"are no numbers, first of them entry \d|Give a text, a list"
    ) as caught:
        forget(numbers)

    assert "Maria Pappa" not in str(caught.value)
    assert len(tables(home)["items"]) == 1


def test_answer_has_the_same_dtypes_for_any_number(home: Place) -> None:
    """No number, one, and one that was nowhere: the same columns of the same types."""
    frames = [forget([]), forget(A)]

    assert frames[0].dtypes.equals(frames[1].dtypes)
    assert frames[0].empty


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_journal_that_is_being_read_says_so(home: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program reads, the log cannot be emptied: an error says so, and calling again finishes it."""
    everything(home, A)
    monkeypatch.setattr("isms_data.journal.file.BUSY_S", 0.2)
    with closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM items").fetchall()
        with pytest.raises(isms.JournalError, match="in use by another program"):
            forget(A)
        other.execute("COMMIT")
    forget(A)

    assert traces(home, A) == []


# Files


def people() -> pd.DataFrame:
    """Rows of a number, rows that name it otherwise, and rows that have nothing to do with it."""
    rows = 7
    frame = pd.DataFrame(
        {
            "mobile": ["6970000001", "697 000 0001", "6970000002", "+30 697-000-0003", "6.970000001E9", None, "1"],
            "msisdn": pd.array([A, A, B, C, None, B, None], dtype="str"),
            "other_msisdns": pd.array([None, [B], [A, C], [A], None, [], None], dtype=LISTS),
            "text": ["Hi", "Hi", f"Ask {A}.", "Γεια", None, "tel:(697) 0000-001 ok", "96970000001"],
            "network": pd.Categorical(["Nova", None, "Nova", "Cosmote", None, None, None]),
            "called_by": [1, 2, 6970000001, 4, 5, 306970000001, 7],
            "score": [0.5, 1, 2, 306970000001.0, 4, 5, np.nan],
            "at": pd.date_range("2026-01-01", periods=rows, tz="UTC", unit="us"),
            "raw": [None, None, None, A.encode(), None, b"\xff", b"x"],
            "flag": [True] * rows,
        }
    )
    frame.attrs = {"source": "list.csv", "asked": f"by {A}"}
    return frame


def without_a() -> pd.DataFrame:
    """What must be left of `people`, written down by hand."""
    frame = people().iloc[[2, 3, 5, 6]].reset_index(drop=True)
    frame["other_msisdns"] = pd.array([[C], None, [], None], dtype=LISTS)
    frame["text"] = pd.array([None, "Γεια", None, "96970000001"], dtype="str")
    frame["called_by"] = pd.array([None, 4, None, 7], dtype="Int64")
    frame["score"] = [2, np.nan, 5, np.nan]
    frame["raw"] = pd.Series([None, None, b"\xff", b"x"], dtype=object)
    frame.attrs = {"source": "list.csv"}
    return frame


def stored(path: Path) -> list[str]:
    """All that the files say, values and metadata, as texts."""
    files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    tables = [pq.read_table(file, partitioning=None) for file in files]
    values = [str(table.combine_chunks().to_pydict()) + str(table.schema.metadata) for table in tables]
    words = [
        str(column.chunk(0).dictionary)
        for table in tables
        for column in table.columns
        if pa.types.is_dictionary(column.type) and column.num_chunks
    ]
    return values + words + [file.read_bytes().decode("latin-1") for file in files]


@pytest.mark.parametrize("key", [None, secrets.token_bytes(32)])
@pytest.mark.parametrize("options", [{}, {"partition_by": "network"}])
def test_file_is_left_without_the_number(tmp_path: Path, options: dict[str, Any], key: bytes | None) -> None:
    """Rows of the number go, other cells that name it are emptied, and all else comes back as it was saved."""
    path = tmp_path / ("folder" if options else "a.parquet")
    isms.save_table(people(), path, key=key, **options)
    told = forget(A, datasets=path, key=key)

    pd.testing.assert_frame_equal(isms.load_table(path, key=key), without_a())
    row = told[told["place"] == str(path)].iloc[0]
    assert (row["outcome"], row["rows"], row["cells"]) == ("forgotten", 3, 8)
    assert key is not None or not any(A in text or "(697) 0000-001" in text for text in stored(path))


def test_words_of_a_categorical_go_too(tmp_path: Path) -> None:
    """A word that no row has any more, or never had, is in no dictionary and no metadata of the file."""
    frame = pd.DataFrame(
        {"n": pd.Categorical([B, A], categories=[C, B, A]), "m": pd.Categorical([None, None], categories=[A])}
    )
    isms.save_table(frame.iloc[:1], tmp_path / "a.parquet")
    told = forget(A, datasets=[tmp_path / "a.parquet"])

    assert not any(A in text for text in stored(tmp_path / "a.parquet"))
    assert isms.load_table(tmp_path / "a.parquet")["n"].cat.categories.tolist() == [C, B]
    assert counts(told)[str(tmp_path / "a.parquet")] == 2


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([A, B, C], dtype="str", name="msisdn"),
        pd.Index([int(A), 2, 3]),
        pd.MultiIndex.from_arrays([pd.Categorical([A, B, B]), [1, 1, 1]], names=["n", None]),
    ],
    ids=["msisdn", "integers", "levels"],
)
def test_number_in_the_index(tmp_path: Path, index: pd.Index) -> None:
    """A row under the number goes like one that has it in a column."""
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=index)
    isms.save_table(frame, tmp_path / "a.parquet")
    forget(A, datasets=tmp_path / "a.parquet")
    found = isms.load_table(tmp_path / "a.parquet")

    assert found["x"].tolist() == [2, 3]
    assert found.index.tolist() == index[1:].tolist()
    assert not any(A in text for text in stored(tmp_path / "a.parquet"))


def test_number_in_a_value_of_several_parts(tmp_path: Path) -> None:
    """Within records and lists of lists the number is found, and the cell emptied, however deep it stands."""
    record = pd.ArrowDtype(pa.struct([("to", pa.string()), ("all", pa.list_(pa.list_(pa.int64())))]))
    values = [{"to": B, "all": None}, {"to": A, "all": None}, {"to": None, "all": [[1], [2, int(A)]]}, None]
    frame = pd.DataFrame({"msisdn": [B, B, C, C], "record": pd.array(values, dtype=record)})
    isms.save_table(frame, tmp_path / "a.parquet")
    forget(A, datasets=tmp_path / "a.parquet")

    assert isms.load_table(tmp_path / "a.parquet")["record"].isna().tolist() == [False, True, True, True]


def test_file_without_the_number_is_not_touched(tmp_path: Path) -> None:
    """Of a folder only those files are replaced that name the number."""
    frame = pd.DataFrame({"msisdn": [A, B], "network": ["Nova", "Cosmote"]})
    isms.save_table(frame, tmp_path / "folder", partition_by="network")
    files = sorted((tmp_path / "folder").rglob("*.parquet"))
    before = [(file.stat().st_ino, file.read_bytes()) for file in files]
    forget(A, datasets=tmp_path / "folder")
    after = [(file.stat().st_ino, file.read_bytes()) for file in sorted((tmp_path / "folder").rglob("*.parquet"))]

    assert [one == two for one, two in zip(before, after, strict=True)] == [True, False]
    assert list(tmp_path.rglob(".*")) == []


@pytest.mark.parametrize(
    ("save", "error", "words"),
    [
        (lambda path: pq.write_table(pa.table({"msisdn": [A]}), path), isms.TableError, "was not saved by isms_data"),
        (
            lambda path: isms.save_table(pd.DataFrame({A: [1]}), path),
            isms.TableError,
            "in the name of a column or a folder",
        ),
        (
            lambda path: isms.save_table(pd.DataFrame({"msisdn": [A], "x": [1]}), f"{path}/", partition_by="msisdn"),
            isms.TableError,
            "in the name of a column or a folder",
        ),
        (
            lambda path: isms.save_table(pd.DataFrame({"n": pd.Categorical([int(A)])}), path),
            isms.TableError,
            "numbers as categories of another type",
        ),
        (lambda path: isms.save_table(people(), path, key="sixteen bytes, k"), isms.TableError, "is encrypted"),
        (lambda path: path.mkdir(), isms.TableError, "there is no Parquet file"),
        (lambda _: None, FileNotFoundError, "a.parquet"),
    ],
)
def test_dataset_that_cannot_be_cleaned(
    tmp_path: Path, home: Place, save: Any, error: type[Exception], words: str
) -> None:
    """Where one dataset cannot be cleaned nothing at all is taken out, so that it can be seen to first."""
    everything(home, A)
    isms.save_table(people(), tmp_path / "good.parquet")
    save(tmp_path / "a.parquet")
    with pytest.raises(error, match=words) as caught:
        forget(A, datasets=[tmp_path / "good.parquet", tmp_path / "a.parquet"])

    assert A not in str(caught.value)
    assert len(isms.load_table(tmp_path / "good.parquet")) == len(people())
    assert traces(home, A) != []


def test_refused_number_stays_in_datasets(home: Place, tmp_path: Path) -> None:
    """A number goes wholly or stays wholly."""
    lookup(home, A, reply=None)
    isms.save_table(people(), tmp_path / "a.parquet")
    with pytest.warns(isms.IsmsWarning, match="no last word"):
        forget(A, datasets=tmp_path / "a.parquet")

    assert len(isms.load_table(tmp_path / "a.parquet")) == len(people())


@pytest.mark.parametrize(
    "frame",
    [people().iloc[:0], people().iloc[[3]], people()[["at"]], pd.DataFrame()],
    ids=["none", "one", "no texts", "bare"],
)
def test_small_tables(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Tables with no row, one row, or nothing that could name a number are searched like any other."""
    frame.attrs = {}
    isms.save_table(frame, tmp_path / "a.parquet")
    forget(B, datasets=tmp_path / "a.parquet")

    pd.testing.assert_frame_equal(isms.load_table(tmp_path / "a.parquet"), frame)


# How texts name a number


SPELLINGS = [
    "306970000001",
    "+306970000001",
    "00306970000001",
    "6970000001",
    "06970000001",
    "697 000 0001",
    "(697) 000-0001",
]
SPELLINGS += [
    "6970000001.0",
    "6.970000001E9",
    "3.06970000001e+11",
    "+30 (0) 697.000.00.01",
    "６９７００００００１",
    "'6970000001",
]
STRANGERS = [
    "69700000011",
    "96970000001",
    "697000000",
    "306970000002",
    "447970000001",
    "6970x000001",
    "69700    00001",
    "",
    "x",
]


def named(number: str, text: str, region: str = "GR") -> tuple[bool, bool]:
    mention, texts = Mention.of([number], region)[0], Texts.of(pa.array([text], pa.large_string()))
    return bool(mention.within(texts)[0]), bool(mention.alone(texts)[0])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_is_found(spelling: str) -> None:
    """Each spelling is the number where it stands alone, and names it within a sentence."""
    assert named(A, spelling) == (True, True)
    assert named(A, f"Κάλεσε το {spelling}, τώρα") == (True, False)


@pytest.mark.parametrize("text", STRANGERS)
def test_other_numbers_are_not_taken_for_it(text: str) -> None:
    """More digits, fewer digits, other digits, or digits too far apart are not the number."""
    assert named(A, text) == named(A, f"a {text} b") == (False, False)


def test_national_digits_are_a_number_at_home_only() -> None:
    """Eight digits are a Cypriot number in Cyprus; elsewhere they may be anything."""
    assert named("35799123456", "99123456", "CY") == (True, True)
    assert named("35799123456", "99123456", "GR") == (False, False)
    assert named("35799123456", "+357 99 123456", "GR") == (True, True)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    digits=st.from_regex(r"\A69[0-9]{8}\Z"),
    gaps=st.lists(st.sampled_from(["", " ", "-", ".", " - ", "\u00a0"]), min_size=9, max_size=9),
    prefix=st.sampled_from(["", "+30", "0030 ", "30-"]),
)
def test_signs_between_digits_hide_nothing(digits: str, gaps: list[str], prefix: str) -> None:
    """Whatever signs stand between the digits, the number is found, and no neighbour of it."""
    text = prefix + "".join(map("".join, zip(digits, [*gaps, ""], strict=True)))
    neighbour = f"30{(int(digits) + 1) % 10**10:010d}"

    assert named(f"30{digits}", f"tel {text}.") == (True, False)
    assert named(neighbour, f"tel {text}.") == (False, False)


def test_mention_of_many_numbers_by_brute_force() -> None:
    """In random cells the numbers found are those whose digits, taken out of the cell, are the number's."""
    rng = np.random.default_rng(5)
    pool = [f"697000000{digit}" for digit in range(10)]
    cells = [
        f"{rng.choice(['', '+30', '0030', '44', '9'])}{rng.choice(pool)}{rng.choice(['', '0', ' x'])}"
        for _ in range(500)
    ]
    texts = Texts.of(pa.array(cells, pa.large_string()))
    for mention in Mention.of([f"30{each}" for each in pool], "GR"):
        plain = [cell.removesuffix(" x").removeprefix("+30").removeprefix("0030") for cell in cells]
        assert mention.within(texts).tolist() == [each == mention.national for each in plain]


def test_digits_of_texts_are_those_of_python() -> None:
    """The digits that are looked at first are all ASCII digits of a text, and only those."""
    texts = ["a1b2", "１２", "", "x", "٣4", None]
    found = Texts.of(pa.array(texts, pa.large_string())).digits

    assert found.to_pylist() == ["12", "12", "", "", "4", None]
    assert pc.all(pc.string_is_ascii(found)).as_py()
