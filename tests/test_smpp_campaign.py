"""Over SMPP, whatever the line and the server do: at most one message to a number, and nothing known is lost.

What counts is the server's own record: its segments, its charges, its messages, and the receipts that it was told are
safe.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import isms_data as isms
from isms_data.journal.receipts import ReceiptBook
from isms_data.simulator.smsc_faults import SmscFault
from isms_data.transports.smpp_text import Receipt
from isms_data.vocabulary import MessageStatus
from tests.peers import until

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

QUICK = "?window=20&rate=2000&timeout=1s"
"""Settings for a server that answers at once, or is not going to."""


def at(account: SandboxAccount, settings: str = QUICK) -> isms.Account:
    return isms.Account(
        account.username,
        account.password,
        base_url=account.base_url,
        smpp=f"{account.smpp}{settings}",
        home=account.journal_place,
        progress=False,
    )


def plan_of(count: int, account: isms.Account) -> pd.DataFrame:
    """Every third message takes three segments."""
    frame = pd.DataFrame({"msisdn": [str(306970000000 + place) for place in range(count)]}, dtype="str")
    frame["body"] = [f"number {place} " + "and more " * 40 * (place % 3 == 0) for place in range(count)]
    return isms.plan_messages(frame, "msisdn", campaign="spring", sender="MyShop", text="{body}", account=account)


def sent_until_done(plan: pd.DataFrame, account: isms.Account) -> pd.DataFrame:
    """Call again as a user would, until nothing is left to be sent."""
    for _ in range(30):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", isms.IsmsWarning)
            sent = isms.send_messages(plan, transport="smpp", account=account)
        if not sent["outcome"].isin(["not_attempted", "rejected"]).any():
            break
    return sent


def numbers(frame: pd.DataFrame, *outcomes: str) -> set[str]:
    return set(frame.loc[frame["outcome"].isin(outcomes), "msisdn"])


def assert_at_most_once(account: SandboxAccount) -> None:
    """No number was charged for two messages, and no segment came twice."""
    ledger = account.gateway.simulator.ledger
    begun = Counter(charge.msisdn for charge in ledger.charges if not charge.continues)

    assert set(begun.values()) <= {1}
    assert not [segment.msisdn for segment in ledger.segments if segment.repeated]
    assert set(Counter(message.msisdn for message in ledger.messages).values()) <= {1}


def assert_told(frame: pd.DataFrame, account: SandboxAccount, plan: pd.DataFrame) -> None:
    """Every message that the server has is accepted or in doubt here; what is accepted here, it has, word for word."""
    ledger = account.gateway.simulator.ledger
    there = {message.msisdn: "".join(message.parts) for message in ledger.messages}
    accepted = numbers(frame, "accepted", "already_sent")

    assert accepted <= set(there)
    assert set(there) <= accepted | numbers(frame, "in_doubt")
    assert there == {number: text for number, text in zip(plan["msisdn"], plan["text"], strict=True) if number in there}


@pytest.mark.parametrize("fault", [fault.value for fault in SmscFault])
def test_fault_in_a_campaign(fault: str) -> None:
    """Each kind of fault, at one message in thirty: once each, doubts are told, and receipts settle them."""
    with isms.sandbox(seed=11, median_latency_s=0.01, smpp_rate=None, smpp_faults={fault: 0.03}) as account:
        mine = at(account)
        plan = plan_of(150, mine)
        sent = sent_until_done(plan, mine)
        assert_at_most_once(account)
        assert_told(sent, account, plan)

        account.gateway.simulator.smsc.faults.clear()
        status = isms.delivery_status("spring", max_wait="20s", account=mine)
        again = isms.send_messages(plan, transport="smpp", account=mine)

        assert_at_most_once(account)
        assert_told(again, account, plan)
        there = {message.msisdn for message in account.gateway.simulator.ledger.messages}
        assert there == numbers(again, "already_sent")  # every message that is there has proven itself by its receipts
        assert status.loc[status["outcome"].eq("accepted"), "final"].all()
        fates = {message.msisdn: message.status for message in account.gateway.simulator.ledger.messages}
        told = status.set_index("msisdn")["status"].astype("str")
        if fault != "undeliverable":
            assert {number: told[number] for number in fates} == fates


@pytest.mark.usefixtures("place")
def test_lost_link_leaves_what_was_not_written_free() -> None:
    """One link lost in the middle: what was written and unanswered is in doubt, all else is sent in the same call."""
    with isms.sandbox(seed=7, median_latency_s=3600, smpp_rate=None) as account:
        mine = at(account)
        plan = plan_of(200, mine)
        account.gateway.simulator.smsc.faults.script("drop_after_accept", times=1)
        sent = isms.send_messages(plan, transport="smpp", account=mine)

        assert 1 <= len(numbers(sent, "in_doubt")) <= 20
        assert numbers(sent, "accepted") | numbers(sent, "in_doubt") == set(plan["msisdn"])
        assert_at_most_once(account)
        doubts = isms.settle("spring", account=mine)
        assert set(doubts["msisdn"]) == numbers(sent, "in_doubt")


@pytest.mark.usefixtures("place")
def test_settled_doubt_is_sent_once_more_and_no_more() -> None:
    """What the user decides to send again is sent again, once."""
    with isms.sandbox(seed=7, median_latency_s=3600, smpp_rate=None) as account:
        mine = at(account)
        plan = plan_of(30, mine)
        account.gateway.simulator.smsc.faults.script("cut_before_accept", times=1)
        sent = isms.send_messages(plan, transport="smpp", account=mine)
        doubtful = numbers(sent, "in_doubt")
        isms.settle("spring", decision="resend", account=mine)
        again = isms.send_messages(plan, transport="smpp", account=mine)

        assert doubtful
        assert numbers(again, "accepted") == doubtful
        assert set(again["outcome"]) == {"accepted", "already_sent"}


@pytest.mark.usefixtures("place")
def test_throttled_messages_are_sent_later() -> None:
    """A server that takes fewer than it is offered gets the rest later; nothing is refused in the end."""
    with isms.sandbox(seed=7, median_latency_s=0.01, smpp_rate=60) as account:
        mine = at(account, "?window=20&rate=200")
        plan = plan_of(90, mine)
        sent = isms.send_messages(plan, transport="smpp", account=mine)

        assert set(sent["outcome"]) == {"accepted"}
        assert account.gateway.simulator.ledger.smpp_statuses["submit_sm ESME_RTHROTTLED"] > 0
        assert_at_most_once(account)
        assert_told(sent, account, plan)


@pytest.mark.usefixtures("place")
def test_long_message_that_is_put_off_in_its_middle() -> None:
    """Of a message of three segments only those that were throttled leave again."""
    with isms.sandbox(seed=7, median_latency_s=0.01, smpp_rate=2) as account:
        mine = at(account)
        plan = plan_of(1, mine)
        sent = isms.send_messages(plan, transport="smpp", account=mine)
        ledger = account.gateway.simulator.ledger

        assert sent["outcome"].tolist() == ["accepted"]
        assert sorted(segment.part for segment in ledger.segments) == [1, 2, 3]
        assert ledger.smpp_statuses["submit_sm ESME_RTHROTTLED"] > 0
        assert_told(sent, account, plan)


def test_long_message_that_is_refused_in_its_middle() -> None:
    """A segment refused for good beside accepted ones leaves the message in doubt: it must not come whole again."""
    with isms.sandbox(seed=7, median_latency_s=3600, smpp_rate=None) as account:
        mine = at(account, "?window=1")
        plan = plan_of(1, mine)
        faults = account.gateway.simulator.smsc.faults
        account.gateway.simulator.smsc.faults.refuse_status = 0x45  # ESME_RSUBMITFAIL
        faults.script("twice", times=1)
        faults.script("refuse", times=1)
        sent = isms.send_messages(plan, transport="smpp", account=mine)

        assert sent["outcome"].tolist() == ["in_doubt"]
        assert "2 of its 3 segments were accepted" in sent["problem"][0]
        assert "ESME_RSUBMITFAIL" in sent["problem"][0]


async def test_stop_ends_soon_though_the_server_is_silent() -> None:
    """Cancelled while nothing answers, a run ends within ten seconds; what had left is in doubt, and can be seen."""
    with isms.sandbox(
        seed=7, median_latency_s=3600, smpp_rate=None, smpp_faults={"silence_after_accept": 1.0}
    ) as account:
        mine = at(account, "?window=20&rate=2000")
        plan = plan_of(200, mine)
        sending = asyncio.create_task(isms.aio.send_messages(plan, transport="smpp", account=mine))
        ledger = account.gateway.simulator.ledger
        await asyncio.to_thread(until, lambda: len(ledger.segments) == 20)
        sending.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([sending])

        assert sending.cancelled()
        doubts = await isms.aio.settle("spring", account=mine)
        assert {segment.msisdn for segment in ledger.segments} <= set(doubts["msisdn"])
        assert_at_most_once(account)


def test_refused_row_says_why_and_the_others_go_on() -> None:
    """A refusal by status is the row's, by its name; the others are sent."""
    with isms.sandbox(seed=7, median_latency_s=0.01, smpp_rate=None) as account:
        mine = at(account)
        account.gateway.simulator.smsc.faults.refuse_status = 0x0B  # ESME_RINVDSTADR
        account.gateway.simulator.smsc.faults.script("refuse", times=1)
        plan = plan_of(30, mine).iloc[1:3]
        sent = isms.send_messages(plan, transport="smpp", account=mine)

        assert sorted(sent["outcome"].astype("str")) == ["accepted", "rejected"]
        assert "ESME_RINVDSTADR" in sent.loc[sent["outcome"].eq("rejected"), "problem"].iloc[0]


@pytest.mark.usefixtures("place")
def test_late_receipts_are_collected_by_a_later_process(tmp_path: Path) -> None:
    """Receipts that come while nobody is bound wait at the server; `delivery_status` fetches them."""
    with isms.sandbox(seed=7, median_latency_s=0.05, smpp_rate=None, home=tmp_path) as account:
        mine = at(account)
        sent = isms.send_messages(plan_of(40, mine), transport="smpp", account=mine)
        known = isms.delivery_status("spring", max_wait="0s", account=mine)
        status = isms.delivery_status(sent, max_wait="60s", account=mine)

        assert not known["final"].all()
        assert status["final"].all()
        assert set(status["source"]) == {"receipt"}
        assert set(status["state_detail"]) <= {"DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED"}
        acknowledged = {each.message_id for each in account.gateway.simulator.ledger.receipts if each.status == 0}
        segments = {each.message_id for each in account.gateway.simulator.ledger.segments}
        assert acknowledged == segments


@pytest.mark.parametrize(
    "form", ["decimal", "hexadecimal", "hex_then_decimal", "decimal_then_hex", "padded", "other_case"]
)
def test_ids_in_every_spelling(form: str) -> None:
    """However the server writes its ids, here and there, each receipt finds its message."""
    with isms.sandbox(seed=7, median_latency_s=0.01, smpp_rate=None, smpp_ids=form) as account:
        mine = at(account)
        isms.send_messages(plan_of(60, mine), transport="smpp", account=mine)
        status = isms.delivery_status("spring", max_wait="20s", account=mine)
        fates = {message.msisdn: message.status for message in account.gateway.simulator.ledger.messages}

        assert dict(zip(status["msisdn"], status["status"].astype("str"), strict=True)) == fates


@pytest.mark.parametrize("settings", ["?concatenation=sar", "?concatenation=payload", "?binds=3", "?alphabet=latin-1"])
def test_other_settings(settings: str) -> None:
    """Other ways of joining, several binds, another alphabet: the same texts arrive, and their receipts are read."""
    with isms.sandbox(seed=7, median_latency_s=0.01, smpp_rate=None) as account:
        mine = at(account, settings)
        plan = plan_of(40, mine)
        sent = isms.send_messages(plan, transport="smpp", account=mine)
        status = isms.delivery_status("spring", max_wait="20s", account=mine)

        assert set(sent["outcome"]) == {"accepted"}
        assert_told(sent, account, plan)
        assert account.gateway.simulator.ledger.charged() == int(plan["segments"].sum())
        assert status["final"].all()


def test_text_that_the_alphabet_lacks_is_refused_before_anything_leaves() -> None:
    """With Latin-1, a GSM text with a Greek capital is an error that names it; nothing was sent."""
    with isms.sandbox(seed=7) as account:
        mine = at(account, "?alphabet=latin-1")
        frame = pd.DataFrame({"msisdn": ["306970000001", "306970000002"], "body": ["plain", "Δ"]}, dtype="str")
        plan = isms.plan_messages(frame, "msisdn", campaign="c", sender="MyShop", text="{body}", account=mine)
        with pytest.raises(isms.TextError, match="Δ"):
            isms.send_messages(plan, transport="smpp", account=mine)

        assert account.gateway.simulator.ledger.charged() == 0


def test_receipt_is_found_without_looking_at_every_message(tmp_path: Path) -> None:
    """A receipt costs the journal as much among three thousand messages as among thirty."""

    def steps(count: int) -> int:
        with isms.sandbox(seed=7, median_latency_s=3600, smpp_rate=None, home=tmp_path / str(count)) as account:
            mine = at(account, "?window=200&rate=100000")
            sent = isms.send_messages(plan_of(count, mine), transport="smpp", account=mine)
            last = sent.iloc[-1]
            counted = 0

            def count_steps() -> int:
                nonlocal counted
                counted += 1
                return 0

            with ReceiptBook(account.journal_place, mine.label) as book:
                book._db.set_progress_handler(count_steps, 10)
                text = f"id:{last['message_id']} stat:DELIVRD"
                book.keep(
                    [
                        Receipt(
                            last["message_id"], last["msisdn"], "DELIVRD", MessageStatus.DELIVERED, None, None, text
                        ),
                        Receipt("FEED", last["msisdn"], "DELIVRD", MessageStatus.DELIVERED, None, 7, "another's"),
                    ]
                )
            return counted

    assert steps(3000) < 2 * steps(30)
