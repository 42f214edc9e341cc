"""The suppression list: who is on it gets nothing, from any campaign, until it ends or the number is taken off."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import isms_data as isms
from isms_data.journal.suppression import SuppressionList

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.journal.place import Place
    from isms_data.trial import SandboxAccount

pytestmark = pytest.mark.usefixtures("place")

A, B, C = "306970000001", "306970000002", "306970000003"
ATHENS = ZoneInfo("Europe/Athens")


def listed() -> list[str]:
    return isms.suppressed()["msisdn"].tolist()


def actions(account: SandboxAccount, campaign: str = "spring") -> list[str]:
    frame = pd.DataFrame({"n": [A, B]})
    plan = isms.plan_messages(frame, "n", campaign=campaign, sender="MyShop", text="Hello", account=account)
    return plan["action"].tolist()


def test_suppressed_number_gets_nothing_from_any_campaign(account: SandboxAccount) -> None:
    """Every plan leaves the number out and says why, until it is taken off the list."""
    isms.suppress("697 000 0001", reason="asked by phone", account=account)
    frame = pd.DataFrame({"n": [A, A, B]})
    plan = isms.plan_messages(frame, "n", campaign="spring", sender="MyShop", text="Hello", account=account)

    assert plan["reason"].fillna("-").tolist() == [*["on the suppression list: asked by phone"] * 2, "-"]
    assert actions(account, "autumn") == ["skip", "send"]
    isms.unsuppress(A, account=account)
    assert actions(account) == ["send", "send"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_list_outlives_the_account(tmp_path: Path) -> None:
    """The list is of the journal's folder: it is there for the next account, and without any."""
    with isms.sandbox(home=tmp_path) as account:
        isms.suppress([A], account=account)
    with isms.sandbox(home=tmp_path) as another:
        assert actions(another) == ["skip", "send"]

    assert listed() == []
    with SuppressionList(tmp_path) as kept:
        assert [str(entry.msisdn) for entry in kept.entries()] == [A]


def test_list_needs_no_account(tmp_path: Path, place: Place) -> None:
    """Without an account the list is in ISMS_HOME, or in ISMS_JOURNAL, for every function."""
    told = isms.suppress([A, "2101234567"])

    assert (tmp_path / "home" / "journal.sqlite3").exists() is isinstance(place, PurePath)
    assert told["outcome"].tolist() == ["suppressed", "suppressed"]
    assert listed() == ["302101234567", A]
    assert isms.unsuppress(["2101234567"])["outcome"].tolist() == ["released"]
    assert listed() == [A]


def test_suppression_ends(tmp_path: Path) -> None:
    """What is over counts no more, in the list as in plans."""
    with isms.sandbox(home=tmp_path / "home") as account:
        with SuppressionList(account.journal_place) as kept:
            kept.add([int(A)], reason="for a while", until=1)
            kept.add([int(B)], reason=None, until=2**60)

        assert actions(account) == ["send", "skip"]
        assert isms.suppressed(account=account)["msisdn"].tolist() == [B]
        assert isms.suppress([A, B], account=account)["outcome"].tolist() == ["suppressed", "already_suppressed"]


def test_suppressed_is_a_typed_frame() -> None:
    """Number, reason, since and until, typed the same for none and for many."""
    empty = isms.suppressed()
    before = datetime.now(UTC)
    isms.suppress([B, A], until="2090-01-01T12:00", reason=" asked ")
    isms.suppress([C])
    full = isms.suppressed()

    assert empty.dtypes.equals(full.dtypes)
    assert full.dtypes.astype(str).tolist() == ["str", "str", "datetime64[us, UTC]", "datetime64[us, UTC]"]
    assert full["msisdn"].tolist() == [A, B, C]
    assert full["reason"].fillna("-").tolist() == ["asked", "asked", "-"]
    assert full["until"].notna().tolist() == [True, True, False]
    assert full["since"].between(before, datetime.now(UTC)).all()


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2090-03-31", datetime(2090, 4, 1, tzinfo=ATHENS)),
        (date(2090, 3, 31), datetime(2090, 4, 1, tzinfo=ATHENS)),
        (" 2090-03-31 18:30", datetime(2090, 3, 31, 18, 30, tzinfo=ATHENS)),
        ("2090-03-31T18:30:00+00:00", datetime(2090, 3, 31, 18, 30, tzinfo=UTC)),
        (datetime(2090, 3, 31, 18), datetime(2090, 3, 31, 18, tzinfo=ATHENS)),  # noqa: DTZ001 - that is the case
        (pd.Timestamp("2090-03-31 18:00", tz="UTC"), datetime(2090, 3, 31, 18, tzinfo=UTC)),
    ],
)
def test_until_a_time(until: Any, end: datetime) -> None:
    """A time without a zone is Athens', and a date lasts to its end."""
    isms.suppress(A, until=until)

    assert isms.suppressed()["until"].iloc[0] == end


@pytest.mark.parametrize("until", ["90d", timedelta(days=90), pd.Timedelta(days=90)])
def test_until_a_length_from_now(until: Any) -> None:
    """A length of time counts from now."""
    before = datetime.now(UTC)
    isms.suppress(A, until=until)
    end = isms.suppressed()["until"].iloc[0]

    assert before + timedelta(days=90) <= end <= datetime.now(UTC) + timedelta(days=90)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"until": "2020-01-01"}, "is over already"),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, "is over already"),
        ({"until": "soon"}, "until='soon'"),
        ({"until": pd.NaT}, "is no time"),
        ({"until": 90}, "is no time"),
        ({"until": "9999999d"}, "beyond the calendar"),
        ({"until": "9999-12-31"}, "beyond the calendar"),
        ({"reason": 5}, "reason=5"),
        ({"region": "XX"}, "region='XX'"),
    ],
)
def test_setting_that_cannot_be_used(settings: dict[str, Any], words: str) -> None:
    """What makes no sense is an error that names it, and changes nothing."""
    with pytest.raises(isms.ConfigurationError, match=words):
        isms.suppress(A, **settings)

    assert listed() == []


def test_later_end_counts() -> None:
    """A number that is suppressed for ever is not freed earlier by being suppressed again for a while."""
    isms.suppress(A, reason="asked")
    isms.suppress(A, until="1d")
    row = isms.suppressed().iloc[0]

    assert (row["reason"], pd.isna(row["until"])) == ("asked", True)


@pytest.mark.parametrize(
    "numbers",
    [
        A,
        "697 000 0001",
        [6970000001],
        [6970000001.0],
        {A},
        lambda: (each for each in [A]),
        pd.Series([A, None]),
        pd.Series(["6970000001"], dtype="category"),
        pd.Series([6970000001.0, np.nan]),
    ],
)
def test_numbers_in_any_form(numbers: Any) -> None:
    """One text, any iterable, a Series of any dtype; a gap is no remark."""
    isms.suppress(numbers() if callable(numbers) else numbers)

    assert listed() == [A]


def test_entries_are_answered_one_by_one() -> None:
    """A row for each entry under the Series' index, a row for each number of an entry with two."""
    entries = pd.Series(["35799123456", "+357 99 123457", "6970000001 / 6970000002", None], index=["a", "a", "b", "c"])
    isms.suppress("6970000002")
    told = isms.suppress(entries)

    assert told.index.tolist() == ["a", "a", "b", "b", "c"]
    assert told["msisdn"].fillna("-").tolist() == ["35799123456", "35799123457", A, B, "-"]
    assert told["given"].fillna("-").tolist() == [*entries.iloc[[0, 1, 2, 2]], "-"]
    assert told["outcome"].tolist() == [*["suppressed"] * 3, "already_suppressed", "not_a_number"]
    assert told["problem"].fillna("-").tolist() == [*["-"] * 4, "the cell is empty"]


def test_entries_have_the_same_dtypes_for_any_number() -> None:
    """No entry, one, many, all empty: the same columns of the same types."""
    frames = [isms.suppress(numbers) for numbers in ([], [A], [None, None])]

    assert [frame.dtypes.equals(frames[0].dtypes) for frame in frames] == [True] * 3
    assert list(frames[0].columns) == ["given", "msisdn", "outcome", "problem"]


def test_entries_that_are_no_numbers_warn() -> None:
    """What cannot be read is not lost silently: it is counted, the first are named, and the frame says why."""
    with pytest.warns(isms.IsmsWarning, match=r"5 of 6 entries are no numbers.*label 1: no digits in it; .*; \.\.\."):
        told = isms.suppress([A, "unknown", "12", "6.91235E+09", "0", "1"])

    assert told["outcome"].tolist() == ["suppressed", *["not_a_number"] * 5]
    assert told["problem"].iloc[3] == "lost digits: 6.91235E+09 shows 6 of 10 digits"
    assert listed() == [A]


@pytest.mark.parametrize("as_text", [True, False])
def test_numbers_from_a_file(tmp_path: Path, *, as_text: bool) -> None:
    """Every cell with a digit in it is an entry, the first line included; names and headings are not."""
    path = tmp_path / "stop 1.csv"
    path.write_text("name;phone\nΜαρία;6970000001\nΝίκος;+30 697 000 0002\n;\n", encoding="cp1253")
    told = isms.suppress(str(path) if as_text else path)

    assert told["outcome"].tolist() == ["suppressed", "suppressed"]
    assert listed() == [A, B]
    assert isms.unsuppress(path)["outcome"].tolist() == ["released", "released"]


@pytest.mark.parametrize("numbers", ["stop.csv", "", "12", "a" * 5_000, "\0", 6970000001, pd.DataFrame(), b"69"])
def test_neither_number_nor_file(numbers: Any) -> None:
    """A text that is no number and names no file is an error: a slip in a file's name is no empty list."""
    with pytest.raises(isms.ConfigurationError, match=r"no phone number.*no file of that name|Give a text"):
        isms.suppress(numbers)


def test_text_that_reads_as_a_number_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number stays a number where a file is called like it; the file is meant by a path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "6970000001").write_text("6970000002\n", encoding="utf-8")
    isms.suppress("6970000001")

    assert listed() == [A]
    isms.suppress(tmp_path / "6970000001")
    assert listed() == [A, B]


def test_unsuppress_what_is_not_listed() -> None:
    """A number that is not on the list is said not to be."""
    isms.suppress([A, B])

    assert isms.unsuppress([B, C])["outcome"].tolist() == ["released", "not_suppressed"]
    assert listed() == [A]


def test_suppression_as_coroutines() -> None:
    """The three are coroutines under `aio`."""

    async def walk() -> list[str]:
        await isms.aio.suppress([A, B])
        await isms.aio.unsuppress(A)
        numbers: list[str] = (await isms.aio.suppressed())["msisdn"].tolist()
        return numbers

    assert asyncio.run(walk()) == [B]
