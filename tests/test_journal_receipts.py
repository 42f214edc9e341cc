"""Receipts find the parts of messages that they are about, whenever they come, and never those of another."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from isms_data.journal.calls import Journal
from isms_data.journal.receipts import ReceiptBook
from isms_data.journal.records import Accepted, Asked, Claim, Message, Parts
from isms_data.journal.standing import Campaign
from isms_data.transports.smpp_text import Receipt
from isms_data.vocabulary import MessageStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.journal.place import Place
    from isms_data.journal.records import Sent

A, B = 306970000001, 306970000002
SERIAL = itertools.count()
STATES = {
    "DELIVRD": MessageStatus.DELIVERED,
    "UNDELIV": MessageStatus.FAILED,
    "EXPIRED": MessageStatus.FAILED,
    "ENROUTE": MessageStatus.PENDING,
    "ACCEPTD": MessageStatus.PENDING,
    "UNKNOWN": None,
}


def receipt(message_id: str, state: str = "DELIVRD", *, number: str = str(A), reference: int | None = None) -> Receipt:
    return Receipt(message_id, number, state, STATES[state], "000", reference, f"id:{message_id} stat:{state}")


def message() -> Message:
    return Message(f"reference{next(SERIAL):03d}", "MyShop", "hello", "GSM", False, None, None, "smpp")


@contextmanager
def journal_of(place: Place, account: str = "me") -> Iterator[Journal]:
    with Journal(place, account, "send") as journal:
        yield journal


def claimed(journal: Journal, number: int = A, *, parts: int = 1, sequence: int = 1, campaign: str = "spring") -> Claim:
    asked = Asked([number], parts, message(), Parts("session", sequence, parts))
    (claim,) = journal.claim([asked], Campaign(campaign), label=campaign, price=Decimal(1)).calls
    return claim


def accept(journal: Journal, claim: Claim, *part_ids: str) -> None:
    journal.accepted([Accepted(claim.call_id, part_ids[0], part_ids)])


def keep(place: Place, *receipts: Receipt, account: str = "me") -> None:
    with ReceiptBook(place, account) as book:
        book.keep(receipts)


def told(journal: Journal, campaign: str = "spring") -> list[tuple[str | None, str | None, str | None, str | None]]:
    def of(sent: Sent) -> tuple[str | None, str | None, str | None, str | None]:
        return (sent.state, sent.reply, sent.detail, sent.source)

    return [of(sent) for sent in journal.messages(campaign)]


DELIVERED = ("accepted", "Delivered", "DELIVRD", "receipt")


def test_receipt_settles_its_message(place: Place) -> None:
    """A receipt under the id of the response is the last word on the message."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal), "7F")
        keep(place, receipt("7F"))

        assert told(journal) == [DELIVERED]


@pytest.mark.parametrize(("response", "named"), [("1a2b", "6699"), ("6699", "1A2B"), ("0000001A", "26"), ("ab", "AB")])
def test_receipt_spells_the_id_otherwise(place: Place, response: str, named: str) -> None:
    """An id in hexadecimal here and in decimal there, or in other letters, is the same id for the same number only."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal), response)
        keep(place, receipt(named, number=str(B)))
        before = told(journal)
        keep(place, receipt(named))

        assert before == [("accepted", None, None, None)]
        assert told(journal) == [DELIVERED]


def test_id_as_it_is_goes_before_another_spelling(place: Place) -> None:
    """Where "10" is one message's id and another's in hexadecimal, the one that has it as it is gets the receipt."""
    with journal_of(place) as journal:
        accept(
            journal,
            claimed(journal),
            "16",
        )
        accept(journal, claimed(journal, campaign="summer"), "10")
        keep(place, receipt("10"))

        assert told(journal, "summer") == [DELIVERED]
        assert told(journal, "spring") == [("accepted", None, None, None)]


def test_receipt_before_the_response(place: Place) -> None:
    """A receipt that is quicker than the response is kept, and read when the id is known."""
    with journal_of(place) as journal:
        claim = claimed(journal)
        keep(place, receipt("7F"))
        accept(journal, claim, "7F")

        assert told(journal) == [DELIVERED]


def test_early_receipt_in_another_spelling(place: Place) -> None:
    """The same where the early receipt writes the id in decimal."""
    with journal_of(place) as journal:
        claim = claimed(journal)
        keep(place, receipt("255"))
        accept(journal, claim, "FF")

        assert told(journal) == [DELIVERED]


def test_message_is_delivered_when_all_its_parts_are(place: Place) -> None:
    """Of a message of three parts, two delivered ones say nothing final; the third does, in any order."""
    for order in itertools.permutations(["a1", "a2", "a3"]):
        account = "".join(order)
        with journal_of(place, account) as journal:
            accept(journal, claimed(journal, parts=3), "a1", "a2", "a3")
            states = []
            for message_id in order:
                keep(place, receipt(message_id), account=account)
                states += told(journal)

        assert [state[1] for state in states] == ["Pending", "Pending", "Delivered"]


def test_message_has_failed_when_a_part_has(place: Place) -> None:
    """One part that failed is the end of it, and its word is told; what comes later changes nothing."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal, parts=2), "a1", "a2")
        keep(place, receipt("a2", "EXPIRED"))
        keep(place, receipt("a1"))

        assert told(journal) == [("accepted", "Failed", "EXPIRED", "receipt")]


def test_late_state_on_the_way_changes_nothing(place: Place) -> None:
    """ENROUTE after DELIVRD is an old story."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal), "a1")
        keep(place, receipt("a1", "ACCEPTD"))
        before = told(journal)
        keep(place, receipt("a1"), receipt("a1", "ENROUTE"))

        assert before == [("accepted", "Pending", "ACCEPTD", "receipt")]
        assert told(journal) == [DELIVERED]


def test_receipt_that_says_nothing(place: Place) -> None:
    """UNKNOWN is kept, and is no state."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal), "a1")
        keep(place, receipt("a1", "UNKNOWN"))

        assert told(journal) == [("accepted", None, None, None)]


def test_repeated_receipt_changes_nothing(place: Place) -> None:
    """The same receipt three times is one."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal), "a1")
        keep(place, receipt("a1"), receipt("a1"))
        keep(place, receipt("a1"))

        assert journal.last_report() == 1


def test_receipt_proves_what_was_in_doubt(place: Place) -> None:
    """Where the response was lost, number and reference name the part: it was accepted, and delivered."""
    with journal_of(place) as journal:
        claim = claimed(journal, sequence=70_000)
        journal.in_doubt(claim.call_id, "link lost")
        keep(place, receipt("a1", reference=70_000 & 0xFFFF))

        assert told(journal) == [DELIVERED]
        assert journal.messages("spring")[0].message_id == "a1"


@pytest.mark.parametrize(("number", "reference"), [(str(B), 5), (str(A), 6), ("", 5), (str(A), None), ("9" * 20, 5)])
def test_receipt_that_proves_nothing(place: Place, number: str, reference: int | None) -> None:
    """Another number or another reference leaves it in doubt."""
    with journal_of(place) as journal:
        claim = claimed(journal, sequence=5)
        journal.in_doubt(claim.call_id, "link lost")
        keep(place, receipt("a1", number=number, reference=reference))

        assert told(journal) == [("in_doubt", None, None, None)]


def test_receipt_without_an_id_proves_nothing(place: Place) -> None:
    """A receipt that names no id cannot give one to a message in doubt."""
    with journal_of(place) as journal:
        journal.in_doubt(claimed(journal, sequence=5).call_id, "link lost")
        keep(place, receipt("", reference=5))

        assert told(journal) == [("in_doubt", None, None, None)]


def test_two_doubts_that_look_alike_stay_in_doubt(place: Place) -> None:
    """Where two messages to one number have the same reference, a receipt proves neither."""
    with journal_of(place) as journal:
        for campaign in ("spring", "summer"):
            journal.in_doubt(claimed(journal, sequence=5, campaign=campaign).call_id, "link lost")
        keep(place, receipt("a1", reference=5))

        assert told(journal) + told(journal, "summer") == [("in_doubt", None, None, None)] * 2


def test_doubt_of_which_one_part_is_known(place: Place) -> None:
    """A message in doubt is proven when each of its parts is: one by its id, the other by its reference."""
    with journal_of(place) as journal:
        claim = claimed(journal, parts=2, sequence=5)
        journal.in_doubt(claim.call_id, "link lost", ("a1", None))
        keep(place, receipt("a1"))
        half = told(journal)
        keep(place, receipt("a2", reference=6))

        assert [state for state, *_ in half] == ["in_doubt"]
        assert told(journal) == [DELIVERED]


def test_number_without_its_country_code(place: Place) -> None:
    """An id as it is, with the number as it is dialled at home, is believed; with another number it is not."""
    with journal_of(place) as journal:
        accept(journal, claimed(journal), "a1")
        accept(journal, claimed(journal, B), "a2")
        keep(place, receipt("a1", number="6970000001"), receipt("a2", number="6970000003"))

        assert told(journal) == [DELIVERED, ("accepted", None, None, None)]


def test_receipts_of_another_account(place: Place) -> None:
    """Two accounts in one journal may have the same ids; each gets its own receipts."""
    with journal_of(place) as mine, journal_of(place, "other") as other:
        accept(mine, claimed(mine), "a1")
        accept(other, claimed(other), "a1")
        keep(place, receipt("a1"), account="other")

        assert told(mine) == [("accepted", None, None, None)]
        assert told(other) == [DELIVERED]


def test_receipt_is_heard_by_who_follows(place: Place) -> None:
    """A run that follows the campaign hears of the receipt, whoever has kept it."""
    with journal_of(place) as journal:
        claim = claimed(journal)
        accept(journal, claim, "a1")
        before = journal.last_report()
        keep(place, receipt("a1"))

        assert journal.heard_since(before) == (before + 1, [(claim.first_id, "final")])


def test_each_message_to_a_number_is_told_from_the_last(place: Place) -> None:
    """A claim says how many records its number had, so that long messages to it have different references."""
    with journal_of(place) as journal:
        earlier = [claimed(journal, campaign=name).earlier for name in ("a", "b", "c")]

        assert earlier == [0, 1, 2]
        assert claimed(journal, B).earlier == 0
