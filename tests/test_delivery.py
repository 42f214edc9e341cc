"""What became of each message: asked for, reported, and never made less certain again; as the sandbox decided it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import isms_data as isms
from isms_data import polling, tables
from isms_data.journal.reports import ReportBook
from isms_data.simulator.faults import Fault, Faults
from isms_data.vocabulary import MessageStatus
from tests.peers import Peer, reply, until
from tests.test_campaigns import personal, plan_of, report
from tests.test_runs import numbers

if TYPE_CHECKING:
    from isms_data.trial import SandboxAccount


def sent(count: int, account: isms.Account, *, campaign: str = "spring", **more: object) -> pd.DataFrame:
    return isms.send_messages(plan_of(count, account, campaign=campaign), account=account, **more)


def statuses(account: SandboxAccount) -> dict[str, str]:
    """What the sandbox decided for each message."""
    return {message.msisdn: message.status.value for message in account.gateway.simulator.ledger.messages}


def test_followed_to_the_end(account: SandboxAccount) -> None:
    """Each message has the status that the sandbox decided; asked again, nothing more is asked of the gateway."""
    sent(200, account)
    first = isms.delivery_status("spring", account=account)
    asked = account.gateway.simulator.ledger.request_counts["query.php"]
    second = isms.delivery_status("spring", account=account)

    assert dict(zip(first["msisdn"], first["status"], strict=True)) == statuses(account)
    assert first["final"].all()
    assert set(first["source"]) == {"poll"}
    assert first["pending_since"].isna().all()
    assert (first["latency"] >= pd.Timedelta(0)).all()
    assert account.gateway.simulator.ledger.request_counts["query.php"] == asked
    pd.testing.assert_frame_equal(second, first)


def test_columns_of_a_campaign(account: SandboxAccount) -> None:
    """Of a named campaign: the number and the columns of sending first, then those of delivery, then what was sent."""
    sending = sent(2, account)
    status = isms.delivery_status("spring", account=account)

    assert list(status.columns[:7]) == ["msisdn", *tables.names("sent")]
    assert list(status.columns[7:15]) == list(tables.names("delivery"))
    shared = ["msisdn", "outcome", "message_id", "submitted_at", "campaign", "sender", "text", "coding", "segments"]
    assert status[shared].astype("str").equals(sending[shared].astype("str"))


def test_frame_keeps_its_rows(account: SandboxAccount) -> None:
    """A frame's rows get their message's state by position, whatever the labels; a row that was skipped has none."""
    people = pd.DataFrame(
        {"msisdn": ["306970000003", None, "306970000001", "306970000003"]}, index=["b", "a", "b", "c"]
    )
    frame = isms.send_messages(plan_of(people, account), account=account)
    other = sent(3, account, campaign="autumn")
    both = pd.concat([frame, other])
    status = isms.delivery_status(both, account=account)
    known = statuses(account)

    assert list(status.index) == [*people.index, 0, 1, 2]
    assert status["status"].astype("str").tolist()[:1] == [known["306970000003"]]
    assert status["final"].isna().tolist() == [False, True, False, True, False, False, False]
    assert "status" not in both.columns
    with pytest.raises(isms.ColumnError, match="'status'"):
        isms.delivery_status(status, account=account)


def test_frame_without_messages(account: SandboxAccount) -> None:
    """A frame that was planned and not sent, or is empty, has nothing to tell; one without a campaign is an error."""
    plan = plan_of(2, account)

    assert isms.delivery_status(plan, account=account)["status"].isna().all()
    assert isms.delivery_status(plan.iloc[:0], account=account).empty
    with pytest.raises(isms.ColumnError, match="'campaign'"):
        isms.delivery_status(numbers(2), account=account)


def test_unknown_campaign(account: SandboxAccount) -> None:
    """A name that the journal does not know is an error that says which it knows."""
    with pytest.raises(isms.ConfigurationError, match="knows none"):
        isms.delivery_status("spring", account=account)
    sent(1, account)
    with pytest.raises(isms.ConfigurationError, match="knows 'spring'"):
        isms.delivery_status("sprnig", account=account)


def test_not_final_yet(account: SandboxAccount) -> None:
    """What has no last word when the wait is over says since when it waits, and what was said so far, also later."""
    account.gateway.simulator.pin("306970000001", latency_s=1000)
    frame = sent(3, account)
    for max_wait in ("1s", "0s"):
        status = isms.delivery_status("spring", max_wait=max_wait, account=account)

        assert status["final"].tolist() == [True, False, True]
        assert status["pending_since"].notna().tolist() == [False, True, False]
        assert status["pending_since"][1] == frame["submitted_at"][1]
        assert status["status"][1] in {"Queued", "Pending"}
        assert status["resolved_at"].isna().tolist() == [False, True, False]


def keep(account: SandboxAccount, *reports: object) -> None:
    with ReportBook(account.journal_place) as book:
        book.keep(list(reports))  # type: ignore[arg-type]


def test_report_ends_the_waiting(account: SandboxAccount) -> None:
    """A report that comes while a message is asked about counts at once; nobody waits for the gateway's own answer."""
    for number in ("306970000000", "306970000001"):
        account.gateway.simulator.pin(number, latency_s=1000)
    sent(2, account, dlr="http://127.0.0.1:1/")
    followed: list[pd.DataFrame] = []
    thread = threading.Thread(target=lambda: followed.append(isms.delivery_status("spring", account=account)))
    thread.start()
    until(lambda: account.gateway.simulator.ledger.request_counts["query.php"] > 1)
    keep(
        account,
        report(account, "306970000000", MessageStatus.DELIVERED),
        report(account, "306970000001", MessageStatus.FAILED),
    )
    thread.join(30)

    assert followed[0]["status"].tolist() == ["Delivered", "Failed"]
    assert followed[0]["source"].tolist() == ["report", "report"]


def test_report_that_cannot_be_read_makes_it_ask(account: SandboxAccount) -> None:
    """A report without a word that is known is a reason to ask: the gateway's answer counts, long before its turn."""
    for place in range(20):
        account.gateway.simulator.pin(f"3069700000{place:02}", latency_s=1000 if place < 19 else 0.001)
    sent(20, account, dlr="http://127.0.0.1:1/")
    keep(account, report(account, "306970000019", None))
    before = isms.delivery_status("spring", max_wait="0s", account=account)
    followed: list[pd.DataFrame] = []
    thread = threading.Thread(
        target=lambda: followed.append(isms.delivery_status("spring", max_wait="3s", account=account))
    )
    thread.start()
    until(lambda: account.gateway.simulator.ledger.request_counts["query.php"] > 8)
    keep(account, report(account, "306970000019", None)._replace(fields="another"))
    thread.join(30)

    assert not before["final"].any()
    assert followed[0]["final"].tolist() == [False] * 19 + [True]
    assert followed[0]["source"][19] == "poll"


@pytest.mark.parametrize("later", [MessageStatus.FAILED, MessageStatus.PENDING, MessageStatus.DELIVERED])
def test_final_is_never_overwritten(later: MessageStatus, account: SandboxAccount) -> None:
    """Whatever a report says later, the last word stays, and so do its time and its source."""
    account.gateway.simulator.pin("306970000000", reply="Delivered;;;;;")
    sent(1, account, dlr="http://127.0.0.1:1/")
    first = isms.delivery_status("spring", account=account)
    keep(account, report(account, "306970000000", later))
    second = isms.delivery_status("spring", account=account)

    assert first["status"].tolist() == ["Delivered"]
    pd.testing.assert_frame_equal(second, first)


def test_report_that_is_not_final(account: SandboxAccount) -> None:
    """A report of a message on its way is shown, and does not end the asking."""
    account.gateway.simulator.pin("306970000000", latency_s=1000)
    sent(1, account, dlr="http://127.0.0.1:1/")
    keep(account, report(account, "306970000000", MessageStatus.QUEUED))
    status = isms.delivery_status("spring", max_wait="0s", account=account)

    assert status[["status", "final", "source"]].iloc[0].tolist() == ["Queued", False, "report"]


@pytest.mark.parametrize("fault", list(Fault))
def test_followed_under_each_fault(fault: Fault, account: SandboxAccount) -> None:
    """With any fault in 20 % of the questions every message gets its true state, and nothing is sent again."""
    frame = isms.send_messages(plan_of(personal(60), account, text="Hello {name}"), account=account)
    account.gateway.simulator.faults = Faults({fault: 0.2}, seed=5, slow_s=0.01, retry_after="none")
    status = isms.delivery_status(frame, account=account)

    assert dict(zip(status["msisdn"], status["status"], strict=True)) == statuses(account)
    assert account.gateway.simulator.ledger.request_counts["send.php"] == 60


def test_message_that_the_gateway_has_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that the gateway does not know any more is asked for no longer: the message is not final, and not lost."""
    monkeypatch.setattr(polling, "UNKNOWN_S", 0.0)

    def answer(target: str) -> bytes:
        if "query.php" in target:
            return reply("Error: No such message or recipient.")
        return reply("ID:I7I5R4HTAA" if "send.php" in target else "Credits:50")

    with Peer(answer) as peer:
        account = isms.Account("u", "p", base_url=peer.base_url)
        status = isms.delivery_status(sent(2, account), account=account)

    assert status["outcome"].tolist() == ["accepted"] * 2
    assert status["final"].tolist() == [False] * 2
    assert status["status"].isna().all()
    assert peer.asked("query.php") == 2 * polling.UNKNOWN_TIMES


def test_refused_account(account: SandboxAccount) -> None:
    """An account that is refused while following ends it at once."""
    sent(2, account)
    account.gateway.simulator.accounts[account.username].password = "changed"
    with pytest.raises(isms.AuthenticationError):
        isms.delivery_status("spring", account=account)


def test_network_of_the_last_lookup(account: SandboxAccount) -> None:
    """The network is that of the number's last lookup; without one it is not known."""
    hlr = isms.hlr_lookup(numbers(5), "msisdn", account=account)
    sent(8, account)
    status = isms.delivery_status("spring", account=account)

    assert status["network"].astype("object").where(status["network"].notna(), None).tolist() == [
        *hlr["network"].astype("object").where(hlr["network"].notna(), None),
        None,
        None,
        None,
    ]
