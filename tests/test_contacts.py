"""Contacts: rows out are rows in, the gateway's own record holds what they say, and a sync sends only what changed.

What the other side has is read from its ledger. ISMS_CONTACTS says how many contacts go through the faults.
"""

from __future__ import annotations

import asyncio
import dataclasses
import multiprocessing
import os
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import isms_data as isms
from isms_data import tables
from isms_data.address_book import TRIES
from isms_data.operations import contacts
from isms_data.simulator.faults import Fault
from tests.peers import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from isms_data.trial import SandboxAccount

A, B, C = "306970000001", "306970000002", "306970000003"
FIXED_LINE = "302101234567"
PAGES = ["savecontact.php", "deletecontact.php"]
UNDER_FAULTS = int(os.environ.get("ISMS_CONTACTS", "100"))
MANY, SOME = 2000, 600


@pytest.fixture
def account() -> Iterator[SandboxAccount]:
    """An account whose gateway, when it is told to fail, does so quickly."""
    with isms.sandbox(seed=7) as account:
        account.gateway.simulator.faults.slow_s = 0.02
        account.gateway.simulator.faults.set_retry_after("seconds", 0)
        yield account


def people(*rows: tuple[str | None, ...], index: object = None) -> pd.DataFrame:
    """A frame of (number, surname, name, comments); what is left out is null."""
    full = [(*row, *[None] * (4 - len(row))) for row in rows]
    frame = pd.DataFrame(full, columns=["mobile", "surname", "name", "comments"], dtype="str")
    if index is not None:
        frame.index = index  # type: ignore[assignment]
    return frame


def crowd(count: int, comments: str = "") -> pd.DataFrame:
    return people(*((str(306970000000 + place), "Δοκιμή", f"Αριθμός {place}", comments) for place in range(count)))


TEXTS = {"surname": "surname", "name": "name", "comments": "comments"}


def save(frame: pd.DataFrame, account: isms.Account, **keywords: object) -> pd.DataFrame:
    return isms.save_contacts(frame, mobile="mobile", **TEXTS, account=account, **keywords)


def sync(frame: pd.DataFrame, account: isms.Account, **keywords: object) -> pd.DataFrame:
    return isms.sync_contacts(frame, mobile="mobile", **TEXTS, account=account, **keywords)


def at_gateway(account: SandboxAccount) -> dict[str, tuple[str, str, str]]:
    """The address book by the gateway's own record."""
    entries = account.gateway.simulator.ledger.entries("contacts")
    return {each.mobile: (each.surname, each.name, each.comments) for each in entries}


def said(frame: pd.DataFrame) -> dict[str, tuple[str, str, str]]:
    """The address book as a frame without gaps wants it."""
    return {mobile: tuple(texts) for mobile, *texts in frame[["mobile", *TEXTS]].itertuples(index=False)}


def asked(account: SandboxAccount) -> int:
    """How many calls about contacts reached the gateway."""
    return sum(account.gateway.simulator.ledger.request_counts[page] for page in PAGES)


def outcomes(frame: pd.DataFrame) -> list[str]:
    return list(frame["contact_outcome"])


# Rows in, rows out


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["x", "x", "x", "x"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2), ("a", 1)], names=["shop", "row"]),
        pd.RangeIndex(8, 0, -2),
    ],
)
def test_save_keeps_rows_under_any_index(account: SandboxAccount, index: pd.Index) -> None:
    """Repeated labels mix nothing up, the caller's frame stays as it is, our two columns come last."""
    frame = people(
        (A, "Άλφα", "Άννα"), (None, "x", "y"), (FIXED_LINE, "Βήτα", "Βίκυ"), (B, "Γάμμα", "Γιώργος"), index=index
    )
    before = frame.copy()
    result = save(frame, account)

    pd.testing.assert_frame_equal(frame, before)
    assert list(result.columns) == [*before.columns, "contact_outcome", "problem"]
    assert result.index.equals(index)
    assert outcomes(result) == ["saved", "skipped", "failed", "saved"]
    assert at_gateway(account) == {A: ("Άλφα", "Άννα", ""), B: ("Γάμμα", "Γιώργος", "")}


@pytest.mark.parametrize("rows", [[], [(A, "x", "y")], [(A, "x", "y"), (B, "x", "y")], [(None,), (None,)]])
def test_contact_dtypes_are_the_same_for_any_rows(account: SandboxAccount, rows: list[tuple[str | None, ...]]) -> None:
    """For no row, one, many, and none with a number, each function's columns have the dtypes of the schema."""
    frame = people(*rows)
    for result in (sync(frame, account), save(frame, account), isms.delete_contacts(frame, "mobile", account=account)):
        assert result["contact_outcome"].dtype == tables.dtype("contacts", "contact_outcome")
        assert result["problem"].dtype == tables.dtype("contacts", "problem")
        assert len(result) == len(rows)


def test_contacts_without_a_number_ask_nothing(account: SandboxAccount) -> None:
    """A row without a number is skipped with the reason, and nothing is asked."""
    frame = people((None, "x"), ("0306970000001", "x"), ("+306970000001", "x"), ("", "x"))
    result = save(frame, account)

    assert outcomes(result) == ["skipped"] * 4
    assert result["problem"].str.contains("no number").tolist() == [True, False, False, True]
    assert result["problem"].str.contains("clean_numbers").tolist() == [False, True, True, False]
    assert asked(account) == 0


def test_save_of_equal_numbers(account: SandboxAccount) -> None:
    """A number is one contact: the first row counts, the same again is the same, something else is skipped."""
    frame = people(
        (None, "?"), (A, "Άλφα", "Άννα"), (A, "Άλφα", "Άννα"), (A, "Άλφα", "Άννα", "VIP"), (B, "Βήτα", "Βίκυ")
    )
    result = save(frame, account)

    assert outcomes(result) == ["skipped", "saved", "saved", "skipped", "saved"]
    assert result["problem"].iloc[3] == "row 1 has this number with other texts, and the first row counts"
    assert at_gateway(account)[A] == ("Άλφα", "Άννα", "")
    assert asked(account) == 2


@pytest.mark.parametrize("dtype", ["object", "string", "category", "string[pyarrow]"])
def test_save_takes_many_kinds_of_text(account: SandboxAccount, dtype: str) -> None:
    """Text held as object, string with NA, Arrow or categories is all the same; NA is an empty text."""
    frame = people((A, "Ο’Νιλ & Υιοί", "Ζωή 💌", None), (None, None, None, None)).astype(dtype)
    result = save(frame, account)

    assert outcomes(result) == ["saved", "skipped"]
    assert at_gateway(account) == {A: ("Ο’Νιλ & Υιοί", "Ζωή 💌", "")}


def test_save_of_half_a_character(account: SandboxAccount) -> None:
    """A text that no encoding has is skipped with the reason; the next row with that number counts."""
    frame = people((A, "Άλφα", None), (A, "Άλφα", "Άννα")).astype(object)
    frame.loc[0, "name"] = "\ud83d"
    result = save(frame, account)

    assert outcomes(result) == ["skipped", "saved"]
    assert "half a character" in result["problem"].iloc[0]
    assert at_gateway(account) == {A: ("Άλφα", "Άννα", "")}


def test_save_without_a_name(account: SandboxAccount) -> None:
    """The gateway's bare FAILED comes with what it probably means."""
    result = isms.save_contacts(people((A, "Άλφα")), mobile="mobile", surname="surname", account=account)

    assert outcomes(result) == ["failed"]
    assert "surname or name is empty" in result["problem"].iloc[0]


def test_save_of_a_number_that_is_no_mobile(account: SandboxAccount) -> None:
    """What the gateway refuses is failed, with its sentence."""
    result = save(people((FIXED_LINE, "Άλφα", "Άννα")), account)

    assert outcomes(result) == ["failed"]
    assert "Invalid mobile number." in result["problem"].iloc[0]


def test_save_of_texts_too_long_for_a_call(account: SandboxAccount) -> None:
    """The longest texts that fit the request line are saved, one letter more is skipped before anything is asked."""
    room = account.max_line_bytes - len(f"GET /api/http/savecontact.php?username={account.username}&password=")
    room -= len(f"{account.password}&surname=x&name=y&mobile={A}&comments= HTTP/1.1")
    fits, over = (
        save(people((A, "x", "y", "c" * room)), account),
        save(people((B, "x", "y", "c" * (room + 1))), account),
    )

    assert outcomes(fits) == ["saved"]
    assert outcomes(over) == ["skipped"]
    assert "1 bytes too long" in over["problem"].iloc[0]
    assert asked(account) == 1


def test_contact_name_taken_is_found_before_asking(account: SandboxAccount) -> None:
    """A column in the way is an error before anything is sent; prefix and replace resolve it."""
    frame = people((A, "Άλφα", "Άννα")).assign(problem="mine")
    with pytest.raises(isms.ColumnError, match="'problem'"):
        save(frame, account)

    assert asked(account) == 0
    assert save(frame, account, prefix="book_")["book_contact_outcome"].tolist() == ["saved"]
    assert save(frame, account, replace=True)["problem"].isna().all()


@pytest.mark.parametrize("column", ["surname", "name", "comments"])
def test_contact_column_that_is_missing_or_no_text(account: SandboxAccount, column: str) -> None:
    """A column that is not there, or holds numbers, is an error that names it."""
    with pytest.raises(isms.ColumnError, match="'nonsense'"):
        isms.sync_contacts(people((A,)), "mobile", **{column: "nonsense"}, account=account)
    with pytest.raises(isms.ColumnError, match=f"'{column}' holds float64"):
        isms.save_contacts(people((A,)).assign(**{column: 1.5}), "mobile", **{column: column}, account=account)


def test_contacts_through_parquet(account: SandboxAccount, tmp_path: Path) -> None:
    """A result comes back from Parquet as it was."""
    result = sync(people((A, "Άλφα", "Άννα"), (None,)), account)
    isms.save_table(result, tmp_path / "contacts.parquet")

    pd.testing.assert_frame_equal(isms.load_table(tmp_path / "contacts.parquet"), result)


# What the gateway does


@pytest.mark.usefixtures("place")
def test_save_through_every_fault(account: SandboxAccount) -> None:
    """A call that is refused for now, or whose reply is lost, is made again until the contact is there."""
    for fault in Fault:
        account.gateway.simulator.faults.script(fault, page="savecontact.php")
    frame = crowd(len(Fault))
    result = save(frame, account)

    assert set(outcomes(result)) == {"saved"}
    assert at_gateway(account) == said(frame)
    assert asked(account) == 2 * len(Fault) - 1  # a slow reply is a reply


def test_delete_through_every_fault(account: SandboxAccount) -> None:
    """A FAILED behind a lost reply means that the first call had deleted it: it is deleted, as was asked."""
    frame = crowd(len(Fault))
    save(frame, account)
    for fault in Fault:
        account.gateway.simulator.faults.script(fault, page="deletecontact.php")
    result = isms.delete_contacts(frame, "mobile", account=account)

    assert set(outcomes(result)) == {"deleted"}
    assert at_gateway(account) == {}


def test_save_waits_as_long_as_the_gateway_asks(account: SandboxAccount) -> None:
    """A Retry-After is obeyed by every call that had not left yet, not only by the one that was refused."""
    faults = account.gateway.simulator.faults
    faults.set_retry_after("seconds", 1)
    faults.slow_s = 0.3  # so that the refusal is there before the other call has its reply
    faults.script("too_many_429", page="savecontact.php")
    faults.script("slow", page="savecontact.php")
    result = save(crowd(4), dataclasses.replace(account, max_in_flight=2))
    first, _, third, *_ = account.gateway.simulator.ledger.entries("requests")

    assert outcomes(result) == ["saved"] * 4
    assert third.at - first.at >= 0.95  # two clocks


def test_save_leaves_alone_a_gateway_that_asks_for_long(account: SandboxAccount) -> None:
    """Where the gateway asks for an hour, the run ends with the rest not attempted, and a warning."""
    one_at_a_time = dataclasses.replace(account, max_in_flight=1)
    account.gateway.simulator.faults.set_retry_after("seconds", 3600)
    account.gateway.simulator.faults.script("unavailable_503", page="savecontact.php")
    with pytest.warns(isms.IsmsWarning, match="2 contacts were not attempted"):
        result = save(crowd(3), one_at_a_time)

    assert outcomes(result) == ["failed", "not_attempted", "not_attempted"]
    assert asked(account) == 1
    assert outcomes(sync(crowd(3), account)) == ["saved"] * 3


def test_save_with_a_wrong_password(account: SandboxAccount) -> None:
    """An account that is refused ends the run at once."""
    with pytest.raises(isms.AuthenticationError):
        save(crowd(100), dataclasses.replace(account, password="wrong", max_in_flight=4))

    assert asked(account) < 10


def test_sync_under_many_faults(account: SandboxAccount) -> None:
    """With 5 % of each fault, what is called saved is saved, and calling again brings the rest; so with deleting."""
    account.gateway.simulator.faults.set(0.05, pages=PAGES)
    frame, half = crowd(UNDER_FAULTS), crowd(UNDER_FAULTS // 2)
    for _ in range(12):
        result = sync(frame, account)
        kept = at_gateway(account)
        there = result[result["contact_outcome"].isin(["saved", "unchanged"])]
        assert said(there).items() <= kept.items()
        assert set(outcomes(result)) <= {"saved", "unchanged", "failed"}
    account.gateway.simulator.faults.clear()

    assert set(outcomes(sync(frame, account))) <= {"saved", "unchanged"}
    assert at_gateway(account) == said(frame)
    for fault in Fault:
        account.gateway.simulator.faults.script(fault, page="deletecontact.php")
    assert sync(half, account, delete=True).attrs["sync_contacts"]["to_delete"] == UNDER_FAULTS - len(half)
    assert at_gateway(account) == said(half)


def test_sync_of_many_contacts(account: SandboxAccount) -> None:
    """Two thousand contacts are saved with one call each, and a second sync asks nothing."""
    frame = crowd(MANY)
    first, calls = sync(frame, account), asked(account)
    second = sync(frame, account)

    assert set(outcomes(first)) == {"saved"}
    assert calls == asked(account) == MANY
    assert set(outcomes(second)) == {"unchanged"}
    assert at_gateway(account) == said(frame)


# Deleting


def test_delete_of_contacts(account: SandboxAccount) -> None:
    """Equal numbers are deleted once; one that is not there is failed, with what that probably means."""
    save(people((A, "Άλφα", "Άννα"), (C, "Γάμμα", "Γιώργος")), account)
    result = isms.delete_contacts(people((A,), (B,), (A,), (None,)), "mobile", account=account)

    assert outcomes(result) == ["deleted", "failed", "deleted", "skipped"]
    assert "no contact with this number" in result["problem"].iloc[1]
    assert set(at_gateway(account)) == {C}


# What is remembered


@pytest.mark.usefixtures("place")
def test_sync_sends_only_what_changed(account: SandboxAccount) -> None:
    """A second sync asks for the changed and the new row, and for no other."""
    sync(people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ")), account)
    before = asked(account)
    result = sync(people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ", "VIP"), (C, "Γάμμα", "Γιώργος")), account)

    assert outcomes(result) == ["unchanged", "saved", "saved"]
    assert asked(account) - before == 2
    assert at_gateway(account)[B] == ("Βήτα", "Βίκυ", "VIP")


def test_sync_dry_run_asks_nothing(account: SandboxAccount) -> None:
    """A dry run shows what would be saved and counts what would be deleted, and the gateway hears nothing."""
    sync(people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ")), account)
    before, calls = at_gateway(account), asked(account)
    changed = people((A, "Άλφα", "Άννα"), (C, "Γάμμα", "Γιώργος"))
    result = sync(changed, account, delete=True, dry_run=True)

    assert outcomes(result) == ["unchanged", "to_save"]
    assert result.attrs["sync_contacts"] == {"to_delete": 1, "deleted": 0}
    assert (at_gateway(account), asked(account)) == (before, calls)
    assert outcomes(sync(changed, account)) == ["unchanged", "saved"]


@pytest.mark.usefixtures("place")
def test_sync_deletes_what_has_left_the_frame(account: SandboxAccount) -> None:
    """With delete=True contacts without a row are deleted and counted; a row that is skipped for its texts stays."""
    sync(people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ"), (C, "Γάμμα", "Γιώργος")), account)
    frame = people((A, "Άλφα", "Άννα"), (B, "Βήτα", "x")).astype(object)
    frame.loc[1, "name"] = "\ud83d"
    kept = sync(frame, account)
    result = sync(frame, account, delete=True)

    assert kept.attrs["sync_contacts"] == {"to_delete": 0, "deleted": 0}
    assert result.attrs["sync_contacts"] == {"to_delete": 1, "deleted": 1}
    assert set(at_gateway(account)) == {A, B}
    assert outcomes(sync(people((C, "Γάμμα", "Γιώργος")), account)) == ["saved"]


def test_sync_warns_of_what_it_could_not_delete(account: SandboxAccount) -> None:
    """A contact without a row that remains is told in a warning; where it was gone already, there is nothing to do."""
    sync(people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ")), account)
    account.gateway.simulator.handle(
        "deletecontact.php", {"username": account.username, "password": account.password, "mobile": B}
    )
    with pytest.warns(isms.IsmsWarning, match="1 of 1 contacts that the frame does not have were not deleted"):
        result = sync(people((A, "Άλφα", "Άννα")), account, delete=True)

    assert result.attrs["sync_contacts"] == {"to_delete": 1, "deleted": 0}
    assert sync(people((A, "Άλφα", "Άννα")), account, delete=True).attrs["sync_contacts"]["to_delete"] == 0


@pytest.mark.parametrize("frame", [people(), people((None, "x")), people(("6970000001 ή άλλο", "x"))])
def test_sync_refuses_to_delete_everything(account: SandboxAccount, frame: pd.DataFrame) -> None:
    """A frame without a single number does not empty the address book."""
    sync(people((A, "Άλφα", "Άννα")), account)
    with pytest.raises(isms.ConfigurationError, match="delete all 1 contacts"):
        sync(frame, account, delete=True)

    assert set(at_gateway(account)) == {A}


@pytest.mark.usefixtures("place")
def test_sync_knows_what_the_other_functions_did(account: SandboxAccount) -> None:
    """What was saved need not be synced, what was deleted must be, and accounts are kept apart."""
    frame = people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ"))
    account.gateway.simulator.add_account("other", "secret", credits=0)
    save(frame, account)
    isms.delete_contacts(people((B,)), "mobile", account=account)
    other = sync(frame, dataclasses.replace(account, username="other", password="secret"), dry_run=True)

    assert outcomes(sync(frame, account, dry_run=True)) == ["unchanged", "to_save"]
    assert outcomes(other) == ["to_save", "to_save"]


def test_sync_believes_no_change_whose_reply_was_lost(account: SandboxAccount) -> None:
    """A change that failed may have been carried out all the same: going back to the old texts sends them."""
    old, new = people((A, "Άλφα", "Άννα")), people((A, "Άλφα", "Άννα", "VIP"))
    sync(old, account)
    account.gateway.simulator.faults.script("drop_after_charge", page="savecontact.php", times=TRIES)
    failed = sync(new, account)

    assert outcomes(failed) == ["failed"]
    assert f"{TRIES} of {TRIES} tries" in failed["problem"].iloc[0]
    assert asked(account) == 1 + TRIES
    assert at_gateway(account) == said(new)
    assert outcomes(sync(old, account)) == ["saved"]
    assert at_gateway(account) == {A: ("Άλφα", "Άννα", "")}


@pytest.mark.usefixtures("place")
def test_sync_that_was_refused_forgets_nothing(account: SandboxAccount) -> None:
    """A contact whose change the gateway refused is still known as there, and deleted when its row has gone."""
    sync(people((A, "Άλφα", "Άννα"), (B, "Βήτα", "Βίκυ")), account)
    refused = sync(people((A, "Άλφα", None), (B, "Βήτα", "Βίκυ")), account)
    gone = sync(people((B, "Βήτα", "Βίκυ")), account, delete=True)

    assert outcomes(refused) == ["failed", "unchanged"]
    assert gone.attrs["sync_contacts"] == {"to_delete": 1, "deleted": 1}
    assert set(at_gateway(account)) == {B}


def sync_in_process(username: str, password: str, base_url: str, home: Path) -> None:
    """The whole work of a process that will be killed."""
    sync(crowd(SOME), isms.Account(username, password, base_url=base_url, home=home, progress=False, max_in_flight=8))


def test_sync_after_a_kill(account: SandboxAccount, tmp_path: Path) -> None:
    """What a killed process saved and remembered is not sent again; what it did not remember is, and does no harm."""
    arguments = (account.username, account.password, account.base_url, tmp_path)
    process = multiprocessing.get_context("forkserver").Process(target=sync_in_process, args=arguments)
    process.start()
    until(lambda: asked(account) >= 200)
    process.kill()
    process.join()
    home = dataclasses.replace(account, home=tmp_path)
    result, before = sync(crowd(SOME), home), asked(account)

    assert set(outcomes(result)) == {"saved", "unchanged"}
    assert before <= SOME + 2 * 8  # under way, and answered while the disk was busy
    assert at_gateway(account) == said(crowd(SOME))
    assert set(outcomes(sync(crowd(SOME), home))) == {"unchanged"}


async def test_sync_after_a_stop(account: SandboxAccount) -> None:
    """A run that is stopped remembers what was answered, and the next goes on from there."""
    running = asyncio.create_task(contacts.sync_contacts(crowd(SOME), "mobile", **TEXTS, account=account))
    await asyncio.to_thread(until, lambda: asked(account) >= 200)
    running.cancel()
    await asyncio.wait([running])
    result = await contacts.sync_contacts(crowd(SOME), "mobile", **TEXTS, account=account)

    assert running.cancelled()
    assert outcomes(result).count("unchanged") >= 200 - account.max_in_flight
    assert asked(account) <= SOME + account.max_in_flight
    assert at_gateway(account) == said(crowd(SOME))
