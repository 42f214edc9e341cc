"""A campaign goes to each number at most once, and each row says what is known: against what the sandbox charged."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import isms_data as isms
from isms_data import campaigns, dlr, dlr_key
from isms_data.journal.calls import Journal
from isms_data.journal.reports import Report, ReportBook
from isms_data.journal.standing import Campaign
from isms_data.quiet_hours import QuietHours
from isms_data.simulator.faults import Fault, Faults
from isms_data.vocabulary import MessageStatus
from tests.peers import Peer, reply, until
from tests.test_runs import numbers, outcomes

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

pytestmark = pytest.mark.usefixtures("place")

ATHENS = ZoneInfo("Europe/Athens")


def plan_of(
    frame: pd.DataFrame | int, account: isms.Account, *, text: str = "20% off", campaign: str = "spring", **more: object
) -> pd.DataFrame:
    people = numbers(frame) if isinstance(frame, int) else frame
    return isms.plan_messages(people, "msisdn", campaign=campaign, sender="MyShop", text=text, account=account, **more)


def personal(count: int) -> pd.DataFrame:
    return numbers(count).assign(name=[f"name {place}" for place in range(count)])


def assert_once(frame: pd.DataFrame, account: SandboxAccount) -> None:
    """Nobody was charged for twice, and who was charged for says so; the text is the one that was planned."""
    ledger = account.gateway.simulator.ledger
    sent = frame[frame["outcome"].isin(["accepted", "already_sent"])]
    texts = {message.msisdn: message.text for message in ledger.messages}

    assert max(ledger.times_charged(kind="message").values(), default=1) == 1
    assert set(sent["msisdn"]) <= set(texts)
    assert set(texts) <= set(frame.loc[frame["outcome"].isin(["accepted", "already_sent", "in_doubt"]), "msisdn"])
    assert [texts[row.msisdn] for row in sent.itertuples()] == sent["text"].tolist()


def test_campaign_of_one_text(account: SandboxAccount) -> None:
    """Equal texts share calls; a second call sends nothing more and costs nothing."""
    plan = plan_of(1200, account)
    first = isms.send_messages(plan, account=account)
    second = isms.send_messages(plan, account=account)
    ledger = account.gateway.simulator.ledger

    assert_once(second, account)
    assert (outcomes(first), outcomes(second)) == ({"accepted": 1200}, {"already_sent": 1200})
    assert ledger.charged() == 1200 == isms.plan_summary(plan)["estimated_credits"]
    assert ledger.request_counts["send.php"] <= 4  # three full calls, and the first one alone where there is a limit
    assert second[["message_id", "submitted_at"]].equals(first[["message_id", "submitted_at"]])


def test_campaign_of_personal_texts(account: SandboxAccount) -> None:
    """Each number gets its own text, in a call of its own, several at once."""
    sent = isms.send_messages(plan_of(personal(300), account, text="Hello {name}"), account=account)
    ledger = account.gateway.simulator.ledger

    assert outcomes(sent) == {"accepted": 300}
    assert_once(sent, account)
    assert ledger.request_counts["send.php"] == 300


def test_personal_texts_are_sent_side_by_side() -> None:
    """After the first call, which tells the price, eight are under way at once: the gateway answers eight together."""
    together, first = threading.Barrier(8), iter([True])

    def answer(target: str) -> bytes:
        if "send.php" in target and not next(first, False):
            together.wait(20)
        return reply("ID:I7I5R4HTAA" if "send.php" in target else "Credits:50")

    with Peer(answer) as peer:
        account = isms.Account("u", "p", base_url=peer.base_url)
        sent = isms.send_messages(plan_of(personal(17), account, text="Hello {name}"), account=account)

    assert outcomes(sent) == {"accepted": 17}


def test_rows_come_back_as_they_went(account: SandboxAccount) -> None:
    """Rows, order and a duplicated index stay; skipped rows keep their reason; the plan itself is not changed."""
    people = pd.DataFrame(
        {"msisdn": ["306970000003", None, "306970000001", "306970000003", "302101234567"], "n": range(5)},
        index=pd.Index(["b", "a", "b", "c", "a"], name="shop"),
    )
    plan = plan_of(people, account)
    before = plan.copy(deep=True)
    sent = isms.send_messages(plan, account=account)

    assert sent["outcome"].tolist() == ["accepted", "skipped", "accepted", "skipped", "skipped"]
    pd.testing.assert_frame_equal(plan, before)
    pd.testing.assert_frame_equal(sent[plan.columns], before)
    assert sent.loc[sent["outcome"] == "skipped", "problem"].tolist() == plan["reason"].dropna().tolist()
    assert Counter(account.gateway.simulator.ledger.times_charged()) == {"306970000003": 1, "306970000001": 1}


@pytest.mark.parametrize("rows", [0, 1])
def test_dtypes_do_not_depend_on_the_rows(rows: int, account: SandboxAccount, tmp_path: Path) -> None:
    """The new columns have the same dtypes for no row and for one, and go through Parquet."""
    plan = plan_of(rows, account)
    sent = isms.send_messages(plan, account=account)
    status = isms.delivery_status(sent, account=account)

    assert sent.dtypes[["message_id", "submitted_at", "scheduled_for"]].astype(str).tolist() == [
        "str",
        "datetime64[us, UTC]",
        "datetime64[us, UTC]",
    ]
    assert str(status["latency"].dtype) == "timedelta64[us]"
    assert list(status["status"].cat.categories) == ["Queued", "Pending", "Delivered", "Failed"]
    path = tmp_path / "status.parquet"
    isms.save_table(status, path)
    pd.testing.assert_frame_equal(isms.load_table(path), status)


def test_after_a_lookup(account: SandboxAccount) -> None:
    """A frame that was looked up can be planned, sent and followed as it is; the lookup's columns keep their values."""
    hlr = isms.hlr_lookup(numbers(20), "msisdn", account=account)
    plan = plan_of(hlr[hlr["verdict"] == "deliverable"], account)
    status = isms.delivery_status(isms.send_messages(plan, account=account), account=account)

    assert set(status["outcome"]) == {"accepted"}
    assert set(status["hlr_outcome"]) == {"done"}
    assert set(status["hlr_status"]) == set(status["status"]) == {"Delivered"}
    assert status["network"].astype("str").tolist() == status["hlr_network"].astype("str").tolist()
    assert hlr["message_id"].loc[status.index].tolist() == status["hlr_message_id"].tolist()
    with pytest.raises(isms.ColumnError, match="'outcome'"):
        isms.send_messages(status, account=account)


def test_taken_column_is_an_error_before_anything_is_sent(account: SandboxAccount) -> None:
    """A column of the caller's that ours would hide is named, unless ours are renamed or may overwrite it."""
    plan = plan_of(2, account).assign(outcome="mine")
    with pytest.raises(isms.ColumnError, match="'outcome'"):
        isms.send_messages(plan, account=account)

    assert account.gateway.simulator.ledger.request_counts["send.php"] == 0
    assert isms.send_messages(plan, prefix="sms_", account=account)["sms_outcome"].tolist() == ["accepted"] * 2
    assert isms.send_messages(plan, replace=True, account=account)["outcome"].tolist() == ["already_sent"] * 2


@pytest.mark.parametrize(
    "change", [{"text": "another text that is much longer " * 9}, {"coding": None}, {"sender": None}]
)
def test_changed_plan_is_refused(change: dict[str, object], account: SandboxAccount) -> None:
    """What is sent is what was planned: a row changed since is an error, and nothing is sent."""
    plan = plan_of(3, account).assign(**change)
    with pytest.raises(isms.ColumnError, match="Nothing was sent"):
        isms.send_messages(plan, account=account)

    assert account.gateway.simulator.ledger.request_counts["send.php"] == 0


def test_frame_that_is_no_plan(account: SandboxAccount) -> None:
    """A frame without a plan's columns says what it lacks; two campaigns at once are refused."""
    with pytest.raises(isms.ColumnError, match="plan"):
        isms.send_messages(numbers(2), account=account)
    both = pd.concat([plan_of(2, account), plan_of(2, account, campaign="autumn")])
    with pytest.raises(isms.ColumnError, match="2 campaigns"):
        isms.send_messages(both, account=account)


def test_the_same_number_twice_in_a_joined_plan(account: SandboxAccount) -> None:
    """Two plans put together send to a number once, the first row's text."""
    both = pd.concat([plan_of(2, account), plan_of(3, account, text="another")])
    sent = isms.send_messages(both, account=account)

    assert sent["outcome"].tolist() == ["accepted", "accepted", "skipped", "skipped", "accepted"]
    assert [message.text for message in account.gateway.simulator.ledger.messages].count("another") == 1


def test_another_campaign_writes_again(account: SandboxAccount) -> None:
    """The campaign is the key: another one writes to the same numbers."""
    for campaign in ("spring", "autumn"):
        assert outcomes(isms.send_messages(plan_of(3, account, campaign=campaign), account=account)) == {"accepted": 3}


TRICKY = [
    "plain",
    "Άννα & Σία: €5 [όλα] {{μαζί}} ~^|\\",
    "x" * 160,
    "x" * 161,
    "€" * 80 + "x",
    "ω" * 70,
    "ω" * 71,
    "x" * (153 * 3),
    "x" * (153 * 3 + 1),
    "first\r\nsecond\n\tthird %41+%2B&to=1",
    "👩‍👩‍👧‍👦🇬🇷" * 6 + "ψ" * 9,
    "x" * 152 + "€" * 3,
]


def test_planned_is_charged(account: SandboxAccount) -> None:
    """Planned segments and credits are what the sandbox charges, and it has the very texts, for every kind of text."""
    for place, text in enumerate(TRICKY):
        plan = plan_of(2, account, text=text, campaign=f"c{place}")
        isms.send_messages(plan, account=account)
        sent = account.gateway.simulator.ledger.messages[-2:]
        charges = account.gateway.simulator.ledger.charges[-2:]

        assert {message.text for message in sent} == set(plan["text"])
        assert {message.coding for message in sent} == set(plan["coding"])
        assert [charge.amount for charge in charges] == plan["segments"].tolist()


def test_lone_surrogates_are_never_sent(account: SandboxAccount) -> None:
    """Half a character has no place in any coding: the row is left out, and says why."""
    people = numbers(2).assign(word=pd.Series(["whole", "half \ud83d"], dtype=object))
    sent = isms.send_messages(plan_of(people, account, text="{word}"), account=account)

    assert sent["outcome"].tolist() == ["accepted", "skipped"]
    assert [message.text for message in account.gateway.simulator.ledger.messages] == ["whole"]


def test_longest_greek_text_stays_within_the_line(account: SandboxAccount) -> None:
    """The batch shrinks as the text grows, and no request line is over the limit: the sandbox refuses longer ones."""
    plan = plan_of(40, account, text="ω" * 1270, max_segments=20)
    sent = isms.send_messages(plan, dlr="https://reports.example.org/some/where", account=account)
    ledger = account.gateway.simulator.ledger

    assert outcomes(sent) == {"accepted": 40}
    assert max(Counter(message.call_id for message in ledger.messages).values()) < 40
    assert not [entry for entry in ledger.requests if entry.http_status == 414]


def test_text_that_fits_into_no_line(account: SandboxAccount) -> None:
    """A text too long for a request line to one recipient is refused before anything is sent to anybody."""
    people = numbers(3).assign(word=["short", "short", "ω" * 1400])
    plan = plan_of(people, account, text="{word}", max_segments=30)
    with pytest.raises(isms.TextError, match="bytes too long"):
        isms.send_messages(plan, account=account)

    assert account.gateway.simulator.ledger.request_counts["send.php"] == 0


def test_text_that_is_too_long_for_this_gateway(account: SandboxAccount) -> None:
    """A gateway with a shorter line than ours refuses the long text only; the others are sent."""
    people = numbers(3).assign(word=["short", "ω" * 1400, "another"])
    roomy = isms.Account(
        account.username, account.password, base_url=account.base_url, home=account.home, max_line_bytes=20_000
    )
    plan = plan_of(people, roomy, text="{word}", max_segments=30)
    sent = isms.send_messages(plan, account=roomy)

    assert sent["outcome"].tolist() == ["accepted", "rejected", "accepted"]
    assert "shorter text" in sent["problem"][1]


def test_max_credits_is_a_hard_stop(account: SandboxAccount) -> None:
    """No more than the limit is spent, in segments; the rest is not attempted, with a warning of what it would take."""
    plan = plan_of(50, account, text="x" * 200)
    with pytest.warns(isms.IsmsWarning, match=r"max_credits.*40 numbers.*80 credits more"):
        sent = isms.send_messages(plan, max_credits=21, account=account)

    assert outcomes(sent) == {"accepted": 10, "not_attempted": 40}
    assert account.gateway.simulator.ledger.charged() == 20


def test_price_is_measured() -> None:
    """Where a segment costs more than planned, the run says so and keeps the limit by the real price."""
    with isms.sandbox(median_latency_s=0.005, price_per_segment="2.5") as account:
        plan = plan_of(30, account, text="x" * 200)
        with pytest.warns(isms.IsmsWarning) as told:
            sent = isms.send_messages(plan, max_credits=51, account=account)

        assert any("costs 2.50 credits" in str(each.message) for each in told)
        assert outcomes(sent) == {"accepted": 10, "not_attempted": 20}
        assert account.gateway.simulator.ledger.charged() == 50


def test_credits_run_out() -> None:
    """A balance that does not cover the next message ends the run with what was sent kept."""
    with isms.sandbox(median_latency_s=0.005, credits=3) as account:
        with pytest.warns(isms.IsmsWarning, match="the account has 3.00"):
            plan = plan_of(5, account)
        with pytest.warns(isms.IsmsWarning, match="the balance is used up"):
            sent = isms.send_messages(plan, account=account)

        assert outcomes(sent) == {"accepted": 3, "not_attempted": 2}


def test_refused_account(account: SandboxAccount) -> None:
    """A wrong password ends the run at once and is in no message."""
    wrong = isms.Account(account.username, "wr0ng-pass", base_url=account.base_url, home=account.home)
    with pytest.raises(isms.AuthenticationError) as caught:
        isms.send_messages(plan_of(3, account), account=wrong)

    assert "wr0ng-pass" not in str(caught.value)
    assert outcomes(isms.send_messages(plan_of(3, account), account=account)) == {"accepted": 3}


def test_sender_that_the_gateway_refuses() -> None:
    """A documented refusal that is about this call only makes its rows `rejected`; a later call may try again."""
    with Peer(lambda target: reply("Credits:50" if "credits" in target else "Error: Invalid sender identity.")) as peer:
        account = isms.Account("u", "p", base_url=peer.base_url)
        plan = plan_of(3, account)
        frames = [isms.send_messages(plan, account=account) for _ in "12"]

    assert [outcomes(frame) for frame in frames] == [{"rejected": 3}] * 2
    assert frames[0]["problem"].str.contains("Invalid sender").all()
    assert peer.asked("send.php") == 2


@pytest.mark.parametrize("fault", list(Fault))
def test_campaign_under_each_fault(fault: Fault) -> None:
    """With any fault in 5 % of the requests nobody gets two messages, and each that may have gone says so."""
    faults = Faults({fault: 0.05}, seed=11, slow_s=0.02, retry_after="none")
    with isms.sandbox(seed=7, median_latency_s=0.002) as account:
        plan = plan_of(personal(150), account, text="Hello {name}")
        account.gateway.simulator.faults = faults
        sent = sent_to_the_end(plan, account)

        assert account.gateway.simulator.ledger.faults
        assert_once(sent, account)
        assert set(outcomes(sent)) <= {"accepted", "already_sent", "in_doubt"}
        doubts = isms.settle("spring", account=account)
        assert set(doubts["msisdn"]) == set(sent.loc[sent["outcome"] == "in_doubt", "msisdn"])


def sent_to_the_end(plan: pd.DataFrame, account: isms.Account) -> pd.DataFrame:
    """Sent again and again as a user would: five replies lost in a row stop a run, with a warning."""
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", isms.IsmsWarning)
            sent = isms.send_messages(plan, account=account)
        if "not_attempted" not in outcomes(sent):
            return sent


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_campaign_under_all_faults() -> None:
    """With every fault at once, 5 % of each, the same holds."""
    faults = Faults(0.05, seed=3, slow_s=0.02, retry_after="none")
    with isms.sandbox(seed=7, median_latency_s=0.002) as account:
        plan = plan_of(personal(150), account, text="Hello {name}")
        account.gateway.simulator.faults = faults
        sent = sent_to_the_end(plan, account)

        assert_once(sent, account)
        assert set(outcomes(sent)) <= {"accepted", "already_sent", "in_doubt"}
        assert {fault.kind for fault in account.gateway.simulator.ledger.faults} == set(Fault)


@pytest.fixture
def lost(account: SandboxAccount) -> pd.DataFrame:
    """The plan of a campaign whose only call was charged and whose reply was lost."""
    account.gateway.simulator.faults.script("drop_after_charge", page="send.php")
    plan = plan_of(3, account)
    sent = isms.send_messages(plan, dlr="http://127.0.0.1:1/dlr", account=account)
    assert outcomes(sent) == {"in_doubt": 3}
    return plan


def test_in_doubt_is_left_alone(account: SandboxAccount, lost: pd.DataFrame) -> None:
    """Neither sending the same plan again nor planning again sends anything; another campaign is not concerned."""
    again = isms.send_messages(lost, account=account)
    planned_again = isms.send_messages(plan_of(3, account), account=account)

    assert (outcomes(again), outcomes(planned_again)) == ({"in_doubt": 3}, {"skipped": 3})
    assert account.gateway.simulator.ledger.request_counts["send.php"] == 1
    assert isms.settle("autumn", account=account).empty


def test_settled_by_the_user(account: SandboxAccount, lost: pd.DataFrame) -> None:
    """`resend` sends again to the numbers named, `skip` leaves the others for ever; a decision needs the campaign."""
    shown = isms.settle(decision="resend", account=account)
    isms.settle("spring", decision="resend", numbers="306970000001", account=account)
    isms.settle("spring", decision="skip", account=account, numbers=["306970000000", "306970000002"])
    sent = isms.send_messages(lost, account=account)

    assert shown["decision"].isna().all()
    assert (shown["operation"].tolist(), shown["label"].tolist()) == (["send"] * 3, ["spring"] * 3)
    followed = isms.delivery_status("spring", account=account).sort_values("msisdn")

    assert sent["outcome"].tolist() == ["skipped", "accepted", "skipped"]
    assert followed["outcome"].tolist() == ["skipped", "accepted", "skipped"]
    assert isms.settle("spring", account=account).empty
    with pytest.raises(isms.ConfigurationError, match="no MSISDN"):
        isms.settle("spring", decision="skip", numbers=["+30 697"], account=account)


def test_settled_by_the_balance(account: SandboxAccount, lost: pd.DataFrame) -> None:
    """Where the balance shows the charge, the messages were sent, and are not sent again."""
    settled = isms.settle("spring", decision="balance", account=account)
    sent = isms.send_messages(lost, account=account)

    assert settled["evidence"].str.contains("charged").all()
    assert settled["decision"].tolist() == ["sent"] * 3
    assert outcomes(sent) == {"already_sent": 3}
    assert sent["problem"].str.contains("balance").all()
    assert account.gateway.simulator.ledger.charged() == 3


def test_settled_by_the_balance_when_nothing_was_charged(
    account: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no charge shows after a while, the messages may be sent; before, the call may still be under way."""
    account.gateway.simulator.faults.script("error_500", page="send.php")
    plan = plan_of(3, account, text="x" * 200)
    isms.send_messages(plan, account=account)
    early = isms.settle("spring", decision="balance", account=account)
    monkeypatch.setattr("isms_data.operations.settle.UNDER_WAY_S", 0.0)
    late = isms.settle("spring", decision="balance", account=account)

    assert early["decision"].isna().all()
    assert late["decision"].tolist() == ["resend"] * 3
    assert late["credits"].tolist() == [2.0] * 3
    assert outcomes(isms.send_messages(plan, account=account)) == {"accepted": 3}


def report(account: isms.Account, number: str, status: MessageStatus | None, message_id: str | None = None) -> Report:
    """A report on a message of the last call, as the receiver would hand it to the journal."""
    url = account.gateway.simulator.ledger.messages[-1].dlr_url  # type: ignore[attr-defined]
    reference = dlr.reference_of(dlr_key.secret(account.journal_place), url.rpartition("/")[2])
    assert reference is not None
    return Report(reference, int(number), message_id, status, f"{number} {status}", 1_800_000_000_000_000)


def test_settled_by_a_report(account: SandboxAccount, lost: pd.DataFrame) -> None:
    """A delivery report proves that the call was accepted, for all its numbers; its own number's status is known."""
    with ReportBook(account.journal_place) as book:
        book.keep([report(account, "306970000001", MessageStatus.DELIVERED)])
    sent = isms.send_messages(lost, account=account)
    status = isms.delivery_status("spring", max_wait="0s", account=account)

    assert outcomes(sent) == {"already_sent": 3}
    assert sent["problem"].str.contains("report").all()
    assert isms.settle("spring", account=account).empty
    assert status.set_index("msisdn").loc["306970000001", ["status", "source"]].tolist() == ["Delivered", "report"]
    assert status["final"].tolist() == [False, True, False]


def test_report_gives_the_id_that_was_lost(account: SandboxAccount, lost: pd.DataFrame) -> None:
    """With the id that a report names the other numbers of the call can be asked about."""
    message_id = account.gateway.simulator.ledger.messages[-1].call_id
    with ReportBook(account.journal_place) as book:
        book.keep([report(account, "306970000001", MessageStatus.DELIVERED, message_id)])
    status = isms.delivery_status(isms.send_messages(lost, account=account), account=account)

    assert status["final"].all()
    assert status["source"].tolist() == ["poll", "report", "poll"]
    assert status["message_id"].tolist() == [message_id] * 3


def test_suppressed_between_planning_and_sending(account: SandboxAccount) -> None:
    """Who asks to be left alone after the plan was made gets no message, and the row says why."""
    plan = plan_of(3, account)
    isms.suppress(["306970000001"], reason="asked to stop", account=account)
    sent = isms.send_messages(plan, account=account)

    assert sent["outcome"].tolist() == ["accepted", "skipped", "accepted"]
    assert "suppression" in sent["problem"][1]
    assert set(account.gateway.simulator.ledger.times_charged()) == {"306970000000", "306970000002"}


def test_schedule(account: SandboxAccount) -> None:
    """A moment reaches the gateway on the account's clock, and the row has it in UTC."""
    moment = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    sent = isms.send_messages(plan_of(2, account), schedule=moment, account=account)
    message = account.gateway.simulator.ledger.messages[0]

    assert message.scheduled_for == moment.timestamp()
    assert set(sent["scheduled_for"]) == {pd.Timestamp(moment)}
    status = isms.delivery_status("spring", max_wait="0.1s", account=account)
    assert status["final"].tolist() == [False, False]
    assert set(status["pending_since"]) == {pd.Timestamp(moment)}


def test_schedule_in_a_phrase(account: SandboxAccount) -> None:
    """A documented phrase passes through; when that is, only the gateway knows."""
    sent = isms.send_messages(plan_of(1, account), schedule="+1 week 2 days", account=account)

    assert sent["scheduled_for"].isna().all()
    due = account.gateway.simulator.ledger.messages[0].scheduled_for
    assert due is not None
    assert timedelta(days=8.9) < datetime.fromtimestamp(due, UTC) - datetime.now(UTC) < timedelta(days=9.1)
    with pytest.raises(isms.InvalidSchedule):
        isms.send_messages(plan_of(1, account, campaign="late"), schedule="2020-01-01", account=account)


def quiet_now(*, more: str = "") -> str:
    """A policy under which it is quiet just now, for some hours."""
    now = datetime.now(ATHENS)
    return f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M} {more}"


def test_quiet_hours_refuse(account: SandboxAccount) -> None:
    """In quiet hours nothing is sent, and the error says when it may be; a schedule outside them is let through."""
    plan = plan_of(2, account)
    with pytest.raises(isms.InvalidSchedule, match="Nothing was sent"):
        isms.send_messages(plan, quiet_hours=quiet_now(), account=account)
    with pytest.raises(isms.InvalidSchedule, match="gateway's clock"):
        isms.send_messages(plan, quiet_hours=quiet_now(), schedule="+1 day", account=account)

    assert account.gateway.simulator.ledger.request_counts["send.php"] == 0
    later = datetime.now(ATHENS) + timedelta(hours=6)
    sent = isms.send_messages(plan, quiet_hours=quiet_now(), schedule=later, account=account)
    assert outcomes(sent) == {"accepted": 2}


def test_quiet_hours_defer(account: SandboxAccount) -> None:
    """A policy that defers lets the messages leave at the end of the quiet hours, and the rows say when."""
    sent = isms.send_messages(plan_of(2, account), quiet_hours=quiet_now(more="defer"), account=account)
    (due,) = {message.scheduled_for for message in account.gateway.simulator.ledger.messages}

    assert due is not None
    assert set(sent["scheduled_for"]) == {pd.Timestamp(due, unit="s", tz="UTC")}
    assert timedelta(hours=1.9) < datetime.fromtimestamp(due, UTC) - datetime.now(UTC) < timedelta(hours=2.1)


def test_quiet_hours_that_end_in_the_repeated_hour() -> None:
    """Where the provider's clock shows the end of the quiet hours twice, the messages leave an hour later."""
    quiet = QuietHours.parse("21:00-03:30 defer", timezone="Europe/Athens")
    assert quiet is not None
    deferred = campaigns._deferred(quiet, datetime(2030, 10, 26, 20, 0, tzinfo=UTC))

    assert deferred.text == "2030-10-27 04:30:00"


def test_quiet_hours_that_begin_in_mid_run(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the quiet hours begin, no further call is made; the rest is not attempted, and says so."""
    why_not, asked = campaigns.Dispatch.why_not, iter(range(1000))
    monkeypatch.setattr(
        campaigns.Dispatch, "why_not", lambda walk: why_not(walk) if next(asked) < 10 else "it is 21:00 in Athens"
    )
    with pytest.warns(isms.IsmsWarning, match="21:00"):
        sent = isms.send_messages(plan_of(personal(40), account, text="Hello {name}"), account=account)

    assert outcomes(sent) == {"accepted": 10, "not_attempted": 30}
    assert account.gateway.simulator.ledger.charged() == 10


def test_flash(account: SandboxAccount) -> None:
    """A flash message is sent as one."""
    isms.send_messages(plan_of(1, account, flash=True), account=account)

    assert [message.flash for message in account.gateway.simulator.ledger.messages] == [True]


@pytest.mark.parametrize("transport", ["fax", "HTTP"])
def test_unknown_transport(transport: str, account: SandboxAccount) -> None:
    """A transport that there is none of is an error that names those there are."""
    with pytest.raises(isms.ConfigurationError, match="'http'"):
        isms.send_messages(plan_of(1, account), transport=transport, account=account)


def test_two_threads_send_the_same_campaign(account: SandboxAccount) -> None:
    """Two runs at once on one journal end normally, and together send each message once."""
    plan, frames = plan_of(personal(200), account, text="Hello {name}"), []
    threads = [threading.Thread(target=lambda: frames.append(isms.send_messages(plan, account=account))) for _ in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for frame in frames:
        assert_once(frame, account)
        assert set(outcomes(frame)) <= {"accepted", "already_sent"}
    assert sum(outcomes(frame).get("accepted", 0) for frame in frames) == 200
    assert account.gateway.simulator.ledger.charged() == 200


def test_stopped_and_run_again(account: SandboxAccount) -> None:
    """A send that is broken off ends soon, and run again it sends the rest: each number once."""
    plan = plan_of(personal(400), account, text="Hello {name}")

    async def stop_in_the_middle() -> None:
        sending = asyncio.create_task(isms.aio.send_messages(plan, account=account))
        await asyncio.to_thread(until, lambda: account.gateway.simulator.ledger.request_counts["send.php"] > 50)
        sending.cancel()
        await asyncio.wait([sending])
        assert sending.cancelled()

    asyncio.run(stop_in_the_middle())
    before = account.gateway.simulator.ledger.charged()
    sent = isms.send_messages(plan, account=account)

    assert 50 <= before < 400
    assert_once(sent, account)
    assert outcomes(sent) == {"already_sent": int(before), "accepted": 400 - int(before)}


def test_journal_keeps_what_was_sent(account: SandboxAccount) -> None:
    """Who was sent what, by whom and when can be read from the journal afterwards."""
    sent = isms.send_messages(plan_of(personal(2), account, text="Γεια {name}"), account=account)
    with Journal(account.journal_place, account.label, "plan") as journal:
        kept = journal.messages("spring")
        alone = journal.standings([306970000000], Campaign("autumn"))

    assert [(each.sender, each.text, each.coding) for each in kept] == [
        ("MyShop", f"Γεια name {place}", "UTF-8") for place in (0, 1)
    ]
    assert [each.message_id for each in kept] == sent["message_id"].tolist()
    assert alone == {}


def test_credits_are_decimal(account: SandboxAccount) -> None:
    """A limit may be any number or Decimal; what is none is refused before anything is sent."""
    assert outcomes(isms.send_messages(plan_of(1, account), max_credits=Decimal(5), account=account)) == {"accepted": 1}
    with pytest.raises(isms.ConfigurationError, match="max_credits"):
        isms.send_messages(plan_of(1, account, campaign="b"), max_credits=float("nan"), account=account)
