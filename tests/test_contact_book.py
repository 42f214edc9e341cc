"""What is remembered of the contacts: nothing is believed that the gateway may not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data.journal.contacts import Contact, ContactBook, Entry

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("place")

A = "306970000001"
RUNS = {"first": Contact(int(A), "Άλφα", "Άννα", ""), "second": Contact(int(A), "Άλφα", "Άννα", "VIP")}


@settings(max_examples=60)
@given(
    st.permutations(["first", "first", "first", "second", "second", "second"]),
    st.sampled_from([None, *RUNS.values()]),
    st.booleans(),
)
def test_book_is_never_sure_of_what_is_not_so(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
    before: Contact | None,
    deletes: bool,  # noqa: FBT001
) -> None:
    """However two runs that change one contact at once interleave, what the book is sure of is what the gateway has."""
    folder, gateway = tmp_path_factory.mktemp("book"), {}
    if before is not None:
        with ContactBook(folder, "shop") as book:
            book.intend([before], [])
            book.keep([before.mobile], [])
        gateway[before.mobile] = before
    books = {name: ContactBook(folder, "shop") for name in RUNS}
    done = dict.fromkeys(RUNS, 0)
    for name in order:
        deleting = deletes and name == "second"
        _step(books[name], done[name], gateway, RUNS[name], deleting=deleting)
        done[name] += 1
    known = books["first"].entries()
    for book in books.values():
        book.__exit__()

    assert all(gateway.get(number) == entry.contact for number, entry in known.items() if entry.sure)
    assert gateway.keys() <= known.keys() or deletes


def _step(book: ContactBook, done: int, gateway: dict[int, Contact], contact: Contact, *, deleting: bool) -> None:
    """The next of a run's three steps: what it means to do is written down, it is done, what came of it is written."""
    saves, numbers = ([] if deleting else [contact]), [contact.mobile]
    if done == 0:
        book.intend(saves, numbers if deleting else [])
    elif done == 1:
        gateway.pop(contact.mobile, None) if deleting else gateway.update({contact.mobile: contact})
    else:
        book.keep([] if deleting else numbers, numbers if deleting else [])


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_book_after_a_run_that_died(tmp_path: Path, steps: int) -> None:
    """A run that dies at any step leaves an entry that is not believed; the next run makes it sure."""
    gateway: dict[int, Contact] = {}
    with ContactBook(tmp_path, "shop") as book:
        for step in range(steps):
            _step(book, step, gateway, RUNS["first"], deleting=False)
    with ContactBook(tmp_path, "shop") as book:
        assert book.entries() == {int(A): Entry(RUNS["first"], sure=steps == 3)}
        for step in range(3):
            _step(book, step, gateway, RUNS["second"], deleting=False)
        assert book.entries() == {int(A): Entry(RUNS["second"], sure=True)}
