"""The journal keeps every report, and believes those that fit the call they name."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from isms_data.errors import JournalError
from isms_data.journal.calls import Journal
from isms_data.journal.file import FILE_NAME, now
from isms_data.journal.records import Accepted, Message
from isms_data.journal.reports import Attributed, Belief, Kept, Report, ReportBook
from isms_data.journal.standing import AnswerKind, CallState, Campaign
from isms_data.vocabulary import MessageStatus, Source
from tests.claims import claim, make_read_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.journal.place import Place

A, B, C = 306970000001, 306970000002, 306970000003
DELIVERED, FAILED, PENDING = MessageStatus.DELIVERED, MessageStatus.FAILED, MessageStatus.PENDING
SERIAL = itertools.count()


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with Journal(place, "me", "send") as journal:
        yield journal


@pytest.fixture
def book(place: Place, journal: Journal) -> Iterator[ReportBook]:
    with ReportBook(place) as book:
        yield book


def sent(journal: Journal, *numbers: int, state: CallState = CallState.ACCEPTED) -> str:
    """One call to these numbers, in that state; its reference. Accepted, it has the id a1."""
    reference = f"reference-{next(SERIAL)}"
    message = Message(reference, "MyShop", "hello", "GSM", False, None, None, "http")
    taken = claim(journal, list(numbers), Campaign("spring"), label="spring", message=message)
    if state is CallState.ACCEPTED:
        journal.accepted([Accepted(taken.call_id, "a1")])
    elif state is CallState.REFUSED:
        journal.refused(taken.call_id, "503")
    elif state is CallState.IN_DOUBT:
        journal.in_doubt(taken.call_id, "reply lost")
    return reference


def report(reference: str, msisdn: int | None = A, *, status: MessageStatus | None = DELIVERED, mid: str | None = None):
    return Report(reference, msisdn, mid, status, f"[{next(SERIAL)}]", now())


def beliefs(book: ReportBook, *reports: Report) -> list[Belief]:
    return [kept.belief for kept in book.keep(reports)]


def words(journal: Journal) -> dict[int, tuple[str, str | None, str | None, str | None]]:
    """What is known of each message."""
    return {m.msisdn: (m.state, m.message_id, m.reply, m.source) for m in journal.messages("spring")}


def stored(book: ReportBook) -> int:
    (count,) = book._db.execute("SELECT count(*) FROM reports").fetchone()
    return int(count)


def test_report_answers_its_message(journal: Journal, book: ReportBook) -> None:
    """What a report says of a number becomes the last word on that message, and on no other."""
    assert beliefs(book, report(sent(journal, A, B), A, mid="a1")) == [Belief.BELIEVED]
    assert words(journal) == {A: ("accepted", "a1", "Delivered", "report"), B: ("accepted", "a1", None, None)}


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_reports_share_one_durable_transaction(journal: Journal, book: ReportBook) -> None:
    """Reports that are kept together cost one flush, and that flush waits for the disk."""
    reference, statements = sent(journal, A, B), []
    book._db.set_trace_callback(statements.append)
    book.keep([report(reference, number) for number in (A, B)])

    spoken = [words for words in statements if words.startswith(("PRAGMA", "BEGIN", "COMMIT"))]
    assert spoken == ["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE", "COMMIT"]


def test_report_that_comes_again(journal: Journal, book: ReportBook) -> None:
    """The same report twice, in one transaction or in two, is kept once and changes nothing the second time."""
    one = report(sent(journal, A))

    assert beliefs(book, one, one) + beliefs(book, one) == [Belief.BELIEVED, Belief.REPEATED, Belief.REPEATED]
    assert stored(book) == 1


@pytest.mark.parametrize("later", [PENDING, MessageStatus.QUEUED, FAILED])
def test_final_word_stands(journal: Journal, book: ReportBook, later: MessageStatus) -> None:
    """A final state is overwritten neither by one that is not final nor by another that is."""
    reference = sent(journal, A)
    book.keep([report(reference), report(reference, status=later)])

    assert words(journal)[A][2] == "Delivered"


def test_reports_out_of_order(journal: Journal, book: ReportBook) -> None:
    """What is not final is replaced by what is, whichever report came first."""
    reference = sent(journal, A, B)
    book.keep([report(reference, A, status=PENDING), report(reference, A, status=FAILED)])
    book.keep([report(reference, B, status=FAILED), report(reference, B, status=PENDING)])

    assert [words(journal)[number][2] for number in (A, B)] == ["Failed", "Failed"]


@pytest.mark.parametrize("state", [CallState.INTENDED, CallState.IN_DOUBT, CallState.REFUSED])
@pytest.mark.parametrize("status", [DELIVERED, PENDING, None])
def test_report_proves_that_the_call_was_accepted(
    journal: Journal, book: ReportBook, state: CallState, status: MessageStatus | None
) -> None:
    """Whatever a report says, its call was accepted, and that of its other numbers with it, under the id it names."""
    book.keep([report(sent(journal, A, B, state=state), A, status=status, mid="b2")])

    assert {number: told[:2] for number, told in words(journal).items()} == {
        A: ("accepted", "b2"),
        B: ("accepted", "b2"),
    }
    assert journal.doubts() == []


def test_report_without_a_number_proves_too(journal: Journal, book: ReportBook) -> None:
    """A report that does not say which of several numbers it is about proves the call and answers none."""
    kept = book.keep([report(sent(journal, A, B, state=CallState.IN_DOUBT), None)])

    assert kept == [Kept(Belief.UNREADABLE)]
    assert set(words(journal).values()) == {("accepted", None, None, None)}


def test_reply_after_the_report(journal: Journal, book: ReportBook) -> None:
    """A report may be quicker than the reply: the reply brings the id, and a lost reply takes nothing back."""
    quick, lost = (sent(journal, number, state=CallState.INTENDED) for number in (A, B))
    book.keep([report(quick, A), report(lost, B)])
    journal.accepted([Accepted(1, "a1")])
    journal.in_doubt(2, "reply lost")

    assert words(journal) == {
        A: ("accepted", "a1", "Delivered", "report"),
        B: ("accepted", None, "Delivered", "report"),
    }
    assert [message.problem for message in journal.messages("spring")] == [None, None]


def test_report_for_a_call_to_one_number_needs_none(journal: Journal, book: ReportBook) -> None:
    """Where the call had one number, the token names it."""
    assert beliefs(book, report(sent(journal, A), None)) == [Belief.BELIEVED]
    assert words(journal)[A][2] == "Delivered"


@pytest.mark.parametrize("state", [CallState.ACCEPTED, CallState.IN_DOUBT])
def test_report_for_a_number_of_another_call(journal: Journal, book: ReportBook, state: CallState) -> None:
    """A right token is no leave to speak of other numbers: kept, not believed, no proof."""
    first, _ = sent(journal, A, state=state), sent(journal, B)

    assert beliefs(book, report(first, B), report(first, C)) == [Belief.DISBELIEVED] * 2
    assert (words(journal)[A][0], words(journal)[B][2]) == (state, None)
    assert stored(book) == 2


def test_report_of_another_id(journal: Journal, book: ReportBook) -> None:
    """A report under another id than the call's is kept and not believed; the gateway is to be asked."""
    kept = book.keep([report(sent(journal, A, B), B, mid="b2")])

    assert kept == [Kept(Belief.DISBELIEVED, Attributed("me", 2, "a1", B))]
    assert words(journal)[B] == ("accepted", "a1", None, None)


def test_report_of_a_call_that_is_not_here(book: ReportBook) -> None:
    """A report of a call that this journal does not have is kept and not believed."""
    assert beliefs(book, report("another")) == [Belief.DISBELIEVED]
    assert stored(book) == 1


def test_report_that_cannot_be_read(journal: Journal, book: ReportBook) -> None:
    """It is kept with the message it is about, and the gateway is to be asked, unless it has said all it will."""
    reference = sent(journal, A, B)
    told = book.keep([report(reference, status=None), report(reference), report(reference, status=None)])

    assert told == [
        Kept(Belief.UNREADABLE, Attributed("me", 1, "a1", A)),
        Kept(Belief.BELIEVED),
        Kept(Belief.UNREADABLE),
    ]
    assert journal.heard_since(0)[1] == [(1, None), (1, AnswerKind.FINAL), (1, None)]


def test_report_that_cannot_be_read_of_an_unknown_id(journal: Journal, book: ReportBook) -> None:
    """Without an id there is nothing to ask by, unless the report names one."""
    reference = sent(journal, A, B, state=CallState.IN_DOUBT)
    told = book.keep([report(reference, status=None), report(reference, status=None, mid="b2")])

    assert [kept.ask for kept in told] == [None, Attributed("me", 1, "b2", A)]


def test_answer_to_the_question_behind_a_report(journal: Journal, book: ReportBook) -> None:
    """What the gateway says is kept as asked for; a final word of a report that came meanwhile stands."""
    reference = sent(journal, A, B)
    one, other = (kept.ask for kept in book.keep([report(reference, number, status=None) for number in (A, B)]))
    assert one
    assert other
    book.keep([report(reference, B)])
    book.answered(one, PENDING)
    pending = words(journal)[A]
    for message in (one, other):
        book.answered(message, FAILED)

    assert (pending[2], words(journal)[A][2:], words(journal)[B][2:]) == (
        "Pending",
        ("Failed", Source.POLL),
        ("Delivered", Source.REPORT),
    )


def test_check_leaves_nothing(journal: Journal, book: ReportBook) -> None:
    """Whether reports can be kept is tried without a trace."""
    book.check()
    book.check()

    assert stored(book) == 0


def test_all_or_none_of_the_reports(journal: Journal, book: ReportBook) -> None:
    """Where one cannot be written, none is, so that all of them may come again."""
    reference = sent(journal, A)
    broken = report(reference)._replace(reference=sent(journal, B), fields=None)
    with pytest.raises(JournalError, match=r"(?i)not.null"):
        book.keep([report(reference), broken])

    assert (stored(book), words(journal)[A][2]) == (0, None)


def test_book_that_cannot_be_written(journal: Journal, book: ReportBook) -> None:
    """A journal that cannot be written keeps no report and says so."""
    make_read_only(book)
    for task in (lambda: book.keep([report("another")]), book.check):
        with pytest.raises(JournalError, match=r"read-?only"):
            task()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("replaced", [True, False])
def test_book_whose_file_was_removed(journal: Journal, book: ReportBook, place: Place, *, replaced: bool) -> None:
    """Nothing is written into a file that is not there any more, where nobody would find it."""
    (place / FILE_NAME).rename(place / "aside")
    if replaced:
        (place / FILE_NAME).touch()
    with pytest.raises(JournalError):
        book.keep([report("another")])
