"""What an adversary tried on campaigns: each test is one attack, held against what the other side counted.

ISMS_SEND_CANCELS=300 is how often to cancel a campaign at a random turn of the loop (`make proofs`); by default a few.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

import isms_data as isms
from isms_data import campaigns, dlr, dlr_key, runs
from isms_data.journal import calls
from isms_data.journal.calls import Journal
from isms_data.journal.records import Accepted, Message
from isms_data.journal.reports import Report, ReportBook
from isms_data.journal.standing import Campaign, Standing
from isms_data.operations import send
from isms_data.quiet_hours import QuietHours
from isms_data.scheduling import Schedule
from isms_data.submitting import DOUBTS_IN_A_ROW, Text
from isms_data.vocabulary import Coding, MessageStatus, Transport
from tests.claims import claim
from tests.peers import Peer, reply, until
from tests.test_attacks import CancellingLoop, like, within
from tests.test_campaigns import personal, plan_of, quiet_now, report
from tests.test_runs import numbers, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isms_data.trial import SandboxAccount

CANCELS = int(os.environ.get("ISMS_SEND_CANCELS", "20"))
NUMBER = "306970000000"
MESSAGE = Message("r", "MyShop", "hi", "GSM", flash=False, scheduled_for=None, schedule=None, transport="http")
NOWHERE = "http://127.0.0.1:1/dlr"
AT_FIRST = 8
"""So many calls are under way at once before the gateway has shown that it takes more."""

remarks_allowed = pytest.mark.filterwarnings("ignore::isms_data.IsmsWarning")


def at(peer: Peer, **settings: Any) -> isms.Account:
    return isms.Account("shop", "secret", base_url=peer.base_url, **settings)


def gateway(send_page: Callable[[str], bytes], query: Callable[[str], bytes] = reply) -> Callable[[str], bytes]:
    """What a peer answers: `send_page` decides the paid call, the balance is always 5000."""

    def answer(target: str) -> bytes:
        if "send.php" in target:
            return send_page(target)
        return query(target) if "query.php" in target else reply("Credits:5000")

    return answer


def greetings(count: int, account: isms.Account, **more: Any) -> pd.DataFrame:
    """The plan of personal messages."""
    return plan_of(personal(count), account, text="Hello {name}", **more)


def mixed(count: int, account: isms.Account, *, first: int = 306970000000, campaign: str = "spring") -> pd.DataFrame:
    """A plan of which a third is one text for all and the rest is personal."""
    people = numbers(count, first=first)
    people["name"] = ["you" if place % 3 == 0 else f"number {place}" for place in range(count)]
    return plan_of(people, account, text="Hello {name}", campaign=campaign)


def assert_true(frame: pd.DataFrame, account: SandboxAccount) -> None:
    """Of these numbers none got two messages; who got one says that it has or may have, and got the row's text."""
    got = [message for message in account.gateway.simulator.ledger.messages if message.msisdn in set(frame["msisdn"])]
    texts = {message.msisdn: message.text for message in got}
    sent = frame[frame["outcome"].isin(["accepted", "already_sent"])]

    assert len(texts) == len(got)
    assert [texts.get(row.msisdn) for row in sent.itertuples()] == sent["text"].tolist()
    assert set(texts) <= set(frame.loc[frame["outcome"].isin(["accepted", "already_sent", "in_doubt"]), "msisdn"])


# More than `max_credits`


@remarks_allowed
@pytest.mark.parametrize(("price", "limit"), [("1", 1), ("0.5", "0.99"), ("1", 0)])
def test_limit_below_the_first_message_sends_nothing(price: str, limit: Any, account: SandboxAccount) -> None:
    """Where one message of two segments costs more than `max_credits`, none is sent."""
    dear = like(account, credits_per_segment=price)
    sent = isms.send_messages(plan_of(3, dear, text="x" * 200), max_credits=limit, account=dear)

    assert outcomes(sent) == {"not_attempted": 3}
    assert account.gateway.simulator.ledger.charged() == 0


@remarks_allowed
@pytest.mark.parametrize("price", ["0", "0.045", "0.333", "7"])
def test_limit_with_odd_prices(price: str) -> None:
    """Free, fractional or dear: the limit holds to the credit, whatever was planned, once the price can be seen."""
    with isms.sandbox(median_latency_s=0.002, price_per_segment=price, credits=500) as account:
        mine = like(account, credits_per_segment=price, max_per_call=7)
        sent = isms.send_messages(mixed(60, mine), max_credits=10, account=mine)

        assert_true(sent, account)
        assert account.gateway.simulator.ledger.charged() <= 10
        assert price != "0" or outcomes(sent) == {"accepted": 60}


# Two messages to one number


def test_campaign_renamed_in_the_plan_is_refused(account: SandboxAccount) -> None:
    """A name that looks the same and is another key would write to everybody again: it is an error."""
    isms.send_messages(plan_of(2, account), account=account)
    for name in ("spring ", " spring", "spri\u200bng", "spring\n"):
        with pytest.raises((isms.ColumnError, isms.ConfigurationError)):
            isms.send_messages(plan_of(2, account).assign(campaign=name, action="send"), account=account)

    assert set(account.gateway.simulator.ledger.times_charged().values()) == {1}


def test_proven_message_is_not_sent_again_because_of_a_later_doubt(account: SandboxAccount) -> None:
    """A report for the first of two calls in doubt settles the number: no decision about the second sends a third."""
    plan = plan_of(1, account)
    account.gateway.simulator.faults.script("drop_after_charge", page="send.php", times=2)
    isms.send_messages(plan, dlr=NOWHERE, account=account)
    delivered = report(account, NUMBER, MessageStatus.DELIVERED)
    isms.settle("spring", decision="resend", account=account)
    isms.send_messages(plan, dlr=NOWHERE, account=account)
    with ReportBook(account.journal_place) as book:
        book.keep([delivered])
    isms.settle("spring", decision="resend", account=account)
    sent = isms.send_messages(plan, account=account)

    assert outcomes(sent) == {"already_sent": 1}
    assert account.gateway.simulator.ledger.times_charged()[NUMBER] == 2
    assert isms.delivery_status("spring", max_wait="0s", account=account)["status"].tolist() == ["Delivered"]


def test_what_is_free_is_not_resent_by_the_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where messages cost nothing, a balance that has not moved does not show that a message was not sent."""
    monkeypatch.setattr("isms_data.operations.settle.UNDER_WAY_S", 0.0)
    with isms.sandbox(price_per_segment=0, median_latency_s=0.002) as account:
        free = like(account, credits_per_segment=0)
        account.gateway.simulator.faults.script("drop_after_charge", page="send.php")
        isms.send_messages(plan_of(1, free), account=free)
        told = isms.settle("spring", decision="balance", account=free)

        assert told["evidence"].tolist() == ["the balance cannot tell"]
        assert outcomes(isms.send_messages(plan_of(1, free).assign(action="send"), account=free)) == {"in_doubt": 1}


def test_run_is_alive_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that opens the journal while another's run is being registered does not take it for dead."""

    class Interrupted(set[str]):
        again = True

        def add(self, run_id: str) -> None:
            if self.again:
                self.again = False
                with Journal(tmp_path, "a", "settle"):
                    pass
            super().add(run_id)

    monkeypatch.setattr(calls, "LIVE", Interrupted())
    with Journal(tmp_path, "a", "send") as run, Journal(tmp_path, "a", "settle") as other:
        claim(run, [int(NUMBER)], Campaign("x"), label="x", message=MESSAGE)

        assert other.doubts() == []


def test_three_plans_of_one_campaign_at_once(account: SandboxAccount) -> None:
    """Plans that overlap and say different things: each number gets one message, and who sent it has its text right."""
    plans = [
        greetings(80, account),
        plan_of(personal(80).assign(msisdn=numbers(80, first=306970000040)["msisdn"]), account, text="Bye {name}"),
        plan_of(120, account, text="the same for all"),
    ]

    async def all_at_once() -> list[pd.DataFrame]:
        return await asyncio.gather(*(isms.aio.send_messages(plan, account=account) for plan in plans))

    for frame in asyncio.run(all_at_once()):
        assert outcomes(frame).keys() <= {"accepted", "already_sent"}
        assert_true(frame[frame["outcome"] == "accepted"], account)
    status = isms.delivery_status("spring", account=account)
    messages = account.gateway.simulator.ledger.messages

    assert dict(zip(status["msisdn"], status["text"], strict=True)) == {each.msisdn: each.text for each in messages}
    assert len(messages) == 120


def proof(peer: Peer, account: isms.Account, status: MessageStatus | None) -> Report:
    """A report on the message of the last call, as the receiver would hand it to the journal."""
    call = next(target for target in reversed(peer.targets) if "send.php" in target)
    token = parse_qs(urlsplit(call).query)["dlr-url"][0].rpartition("/")[2]
    reference = dlr.reference_of(dlr_key.secret(account.journal_place), token)
    assert reference is not None
    return Report(reference, int(NUMBER), None, status, f"{token} {status}", 1_800_000_000_000_000)


@pytest.mark.parametrize("said", ["ID:LATER", "Error: Invalid sender identity.", "rubbish", "503"])
def test_report_between_claim_and_reply(said: str) -> None:
    """A report that comes before its call's reply proves the message, whatever the reply says then: sent once."""

    def reported_first(_: str) -> bytes:
        with ReportBook(account.journal_place) as book:
            book.keep([proof(peer, account, MessageStatus.DELIVERED)])
        return reply(said) if said != "503" else reply("", status="503 Busy", headers="Retry-After: 0\r\n")

    with Peer(gateway(reported_first)) as peer:
        account = at(peer)
        sent = isms.send_messages(plan_of(1, account), dlr=NOWHERE, account=account)
        again = isms.send_messages(sent, replace=True, account=account)
        status = isms.delivery_status("spring", max_wait="0s", account=account)

    assert (outcomes(sent), outcomes(again)) == ({"accepted": 1}, {"already_sent": 1})
    assert status[["status", "source"]].iloc[0].tolist() == ["Delivered", "report"]
    assert peer.asked("send.php") == 1


# What is not to leave any more


def failing_after_the_first(bad: bytes) -> Callable[[str], bytes]:
    """A gateway that takes one call and answers all others badly, those that are under way together at once."""
    count, together = itertools.count(), threading.Barrier(AT_FIRST)

    def answer(_: str) -> bytes:
        place = next(count)
        if 0 < place <= AT_FIRST:
            together.wait(20)
        return bad if place else reply("ID:A1")

    return answer


BAD = {
    "rubbish": (reply("rubbish"), DOUBTS_IN_A_ROW),
    "a pause beyond all patience": (reply("", status="503 Busy", headers="Retry-After: 3600\r\n"), 0),
}


@remarks_allowed
@pytest.mark.parametrize(("bad", "more"), BAD.values(), ids=BAD)
def test_calls_that_wait_for_their_turn_do_not_leave_after_the_end(bad: bytes, more: int) -> None:
    """When the run has to stop, the calls that are under way are the last ones; those in the line stay at home."""
    with Peer(gateway(failing_after_the_first(bad))) as peer:
        account = at(peer)
        sent = isms.send_messages(greetings(100, account), account=account)

    assert peer.asked("send.php") <= 1 + AT_FIRST + more
    assert outcomes(sent)["not_attempted"] >= 100 - 1 - AT_FIRST - more


def test_failure_ends_a_run_that_is_pausing(account: SandboxAccount) -> None:
    """A refused account ends the run at once, though another call was asked to come back in four minutes."""
    count, journal = itertools.count(), account.journal_place / "journal.sqlite3"

    def refused() -> bool:
        with closing(sqlite3.connect(journal)) as db:
            return db.execute("SELECT 1 FROM calls WHERE state = 'refused'").fetchone() is not None

    def answer(_: str) -> bytes:
        place = next(count)
        if place == 1:
            return reply("", status="503 Busy", headers="Retry-After: 240\r\n")
        if place > 1:
            until(refused)
        return reply("Error: Authentication error." if place else "ID:A1")

    async def run(account: isms.Account) -> bool:
        sending = asyncio.create_task(isms.aio.send_messages(greetings(40, account), account=account))
        return await within(20, sending) and isinstance(sending.exception(), isms.AuthenticationError)

    with Peer(gateway(answer)) as peer:
        assert asyncio.run(run(at(peer)))


@remarks_allowed
def test_schedule_that_passes_in_mid_run_does_not_lead_into_quiet_hours(account: SandboxAccount) -> None:
    """A call made after the scheduled moment leaves at once, so it is now that must not be quiet."""
    quiet = QuietHours.parse(quiet_now(), timezone=account.timezone)
    passed = Schedule("2026-01-01 12:00:00", datetime.now(UTC) - timedelta(hours=3))
    order = campaigns.Order("spring", passed, quiet, dlr.new_reference, Transport.HTTP, None)
    texts = {int(NUMBER): (Text("MyShop", "hi", Coding.GSM, flash=False), 1)}
    _, found = asyncio.run(campaigns.dispatch(account, order, texts, runs.Terms(max_wait_s=10, price=Decimal(1))))

    assert found.outcomes == ["not_attempted"]
    assert account.gateway.simulator.ledger.request_counts["send.php"] == 0


# Rows


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan.astype(object),
        lambda plan: plan.astype({"msisdn": "category", "text": "category", "action": "object"}),
        lambda plan: plan.convert_dtypes(dtype_backend="pyarrow"),
        lambda plan: plan.set_index(pd.MultiIndex.from_product([["a"], [1, 1, 2, 2]], names=["msisdn", "outcome"])),
        lambda plan: plan.assign(campaign=plan["campaign"].cat.add_categories(["autumn", ""])),
        lambda plan: plan.iloc[[2, 0, 3, 1], ::-1],
        lambda plan: plan.assign(msisdn=["1234567", "123456789012345", "306970000002", "306970000003"]),
    ],
    ids=["objects", "categories", "arrow", "names in the index", "unused categories", "order", "lengths"],
)
def test_plan_in_any_form(change: Callable[[pd.DataFrame], pd.DataFrame], account: SandboxAccount) -> None:
    """However the frame holds it, each row's text goes to the row's number, and rows stay where they are."""
    plan = change(mixed(4, account))
    sent = isms.send_messages(plan, account=account)
    status = isms.delivery_status(sent, account=account)

    assert outcomes(sent) == {"accepted": 4}
    assert_true(sent.astype({"msisdn": "str", "text": "str"}), account)
    assert sent.index.equals(plan.index)
    assert status["final"].all()


@pytest.mark.parametrize(
    "number", [None, "", "306970000001\n", "0306970000001", "+306970000001", "306970000001.0", "١٢٣٤٥٦٧"]
)
def test_number_that_is_none(number: str | None, account: SandboxAccount) -> None:
    """A row that is to be sent to what is no MSISDN is an error, and nothing is sent to anybody."""
    plan = plan_of(2, account)
    plan["msisdn"] = pd.Series([NUMBER, number], dtype="str")
    with pytest.raises(isms.ColumnError, match="row 1"):
        isms.send_messages(plan, account=account)

    assert account.gateway.simulator.ledger.request_counts["send.php"] == 0


def test_every_kind_of_character_arrives(account: SandboxAccount) -> None:
    """What the phone gets, the journal keeps and the plan says are one text, whatever is in it."""
    chance = random.Random(3)
    letters = [
        chr(code)
        for code in (*range(1, 0x250), *range(0x370, 0x400), 0x1F469, 0x1F1EC, 0x200D, 0x301, 0xFEFF, 0x2028, 0x202E)
    ]
    texts = ["".join(chance.choices(letters, k=chance.randint(1, 90))) for _ in range(150)]
    texts += ["a\x00b", "&to=1&from=2", "%00%41+", "a,b;c", "=?#/", "Á", "A\u0301", "{not} a gap", "\\N \\x41"]
    plan = plan_of(numbers(len(texts)).assign(word=texts), account, text="<{word}>", max_segments=30)
    sent = isms.send_messages(plan, account=account)
    status = isms.delivery_status("spring", max_wait="0s", account=account).set_index("msisdn")
    to_send = sent[sent["action"] == "send"]

    assert len(to_send) > 150
    assert set(to_send["outcome"]) == {"accepted"}
    assert_true(sent, account)
    assert to_send["text"].tolist() == [f"<{texts[place]}>" for place in to_send.index]
    assert status.loc[to_send["msisdn"], "text"].tolist() == to_send["text"].tolist()


def test_prefixes_to_the_end(account: SandboxAccount) -> None:
    """A plan under a prefix is sent and followed under others; a lookup's own `outcome` is not taken for sending's."""
    people = numbers(3).assign(outcome="skipped", campaign="mine")
    sent = isms.send_messages(plan_of(people, account, prefix="plan_"), prefix="sent_", account=account)
    status = isms.delivery_status(sent, prefix="then_", account=account)

    assert sent["sent_outcome"].tolist() == ["accepted"] * 3
    assert status["then_final"].tolist() == [True] * 3


# Following


def test_clock_put_back_before_following(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that seem to have left tomorrow, because the clock was put back, are asked about today."""
    true_time = time.time_ns
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: true_time() + 86_400 * 10**9)
        isms.send_messages(plan_of(2, account), account=account)
    status = isms.delivery_status("spring", max_wait="20s", account=account)

    assert status["final"].all()
    assert (status["latency"] >= pd.Timedelta(0)).all()


def test_report_that_makes_it_ask_a_silent_gateway() -> None:
    """The wait ends when it should though a report made it ask, and the gateway lets that question hang."""
    spoken, asked, ended = threading.Event(), threading.Event(), threading.Event()

    def silence(_: str) -> bytes:
        asked.set()
        spoken.wait(60)
        return reply("Status: Pending")

    def follow() -> None:
        isms.delivery_status("spring", max_wait="2s", account=account)
        ended.set()

    with Peer(gateway(lambda _: reply("ID:A1"), silence)) as peer:
        account = at(peer, max_in_flight=1)
        isms.send_messages(plan_of(1, account), dlr=NOWHERE, account=account)
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        asked.wait(20)
        with ReportBook(account.journal_place) as book:
            book.keep([proof(peer, account, None)])

        assert ended.wait(15)
        spoken.set()
        thread.join()


# Cancelled, and a journal that fails


def test_cancelled_at_random_turns() -> None:
    """Cancelled anywhere, a campaign ends, leaves no task and no doubt; run again, each number got one message."""
    chance = random.Random(2026)
    with isms.sandbox(median_latency_s=0.003, credits=10**6) as account:
        for attempt in range(CANCELS):
            small = like(account, max_per_call=chance.choice([1, 3, 500]), max_in_flight=chance.choice([1, 2, 8, 64]))
            plan = mixed(24, small, first=306970000000 + 24 * attempt, campaign=f"c{attempt}")
            loop = CancellingLoop()
            limit = chance.choice([None, 10**5])
            run = loop.create_task(isms.aio.send_messages(plan, max_credits=limit, account=small))
            loop.turns_left, loop.victim = chance.randint(1, 500), run

            assert loop.run_until_complete(within(8, run)), f"attempt {attempt} hangs"
            loop.run_until_complete(asyncio.sleep(0))
            assert asyncio.all_tasks(loop) == set()
            loop.close()
            sent = isms.send_messages(plan, account=small)
            assert_true(sent, account)
            assert outcomes(sent).keys() <= {"accepted", "already_sent"}


def test_journal_that_fails_at_any_transaction(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only from the n-th transaction on: nobody gets two messages, and the id of what is in doubt is told."""
    transaction, left = Journal._transaction, [0]

    def failing(journal: Journal, **kwargs: Any) -> Any:
        left[0] -= 1
        journal._db.execute(f"PRAGMA query_only = {int(left[0] < 0)}")
        return transaction(journal, **kwargs)

    monkeypatch.setattr(Journal, "_transaction", failing)
    for count in itertools.count(0, 2):
        left[0] = 2**30
        plan = mixed(12, account, first=306970000000 + 12 * count, campaign=f"c{count}")
        left[0], told = count, ""
        try:
            isms.send_messages(plan, account=account)
        except isms.JournalError as error:
            told = str(error)
        left[0] = 2**30
        sent = isms.send_messages(plan, account=account)
        assert_true(sent, account)
        ids = {each.msisdn: each.call_id for each in account.gateway.simulator.ledger.messages}
        assert all(ids[number] in told for number in sent.loc[sent["outcome"] == "in_doubt", "msisdn"] if number in ids)
        if not told:
            break


def test_claim_without_room_takes_no_outcome_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that the full disk forbids does not take back the outcomes that share its flush."""
    with Journal(tmp_path, "a", "send") as journal:
        claimed = partial(claim, journal, scope=Campaign("x"), label="x", message=MESSAGE)
        call = claimed([int(NUMBER)])
        monkeypatch.setattr("isms_data.journal.file.RESERVE_BYTES", 2**62)
        kept, failed = journal.together(
            [partial(journal.accepted, [Accepted(call.call_id, "A1")]), partial(claimed, [1234567])]
        )
        ((standing, _),) = journal.standings([int(NUMBER), 1234567], Campaign("x")).values()

    assert (kept, standing) == (None, Standing.SENT)
    assert isinstance(failed, isms.JournalError)


# Secrets


def test_key_of_the_reports_is_not_in_a_repr(account: SandboxAccount) -> None:
    """The secret that signs dlr-urls does not show where an order is printed, as tracebacks with locals do."""
    planned = send.checked_plan(plan_of(1, account))
    order = send._order(account, planned, transport=Transport.HTTP, schedule=None, quiet_hours=None, dlr_base=NOWHERE)

    assert repr(dlr_key.secret(account.journal_place))[2:-1] not in repr(order)
