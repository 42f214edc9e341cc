"""A run pays once, keeps what was answered, and says of each row what is known: against what the sandbox counted."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import isms_data as isms
from isms_data import polling, replies, submitting
from isms_data.journal import calls as journal_module
from isms_data.journal import file as journal_file
from isms_data.operations import settle as settle_module
from isms_data.simulator.faults import Fault, Faults
from tests.peers import Peer, reply
from tests.postgres import stored

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.journal.place import Place
    from isms_data.trial import SandboxAccount


pytestmark = pytest.mark.usefixtures("place")


def numbers(count: int, first: int = 306970000000) -> pd.DataFrame:
    return pd.DataFrame({"msisdn": [str(first + place) for place in range(count)]}, dtype="str")


def outcomes(frame: pd.DataFrame) -> dict[str, int]:
    return dict(Counter(frame["outcome"].astype("str")))


def assert_right(frame: pd.DataFrame, account: SandboxAccount) -> None:
    """Every answered row says what the sandbox decided for its number; nobody was charged twice."""
    ledger = account.gateway.simulator.ledger
    truth = {lookup.msisdn: replies.read_hlr(lookup.reply) for lookup in ledger.lookups}
    answered = frame[frame["outcome"].isin(["done", "cached"])]

    assert max(ledger.times_charged().values(), default=1) == 1
    for row in answered.itertuples():
        told = truth[row.msisdn]
        assert row.status == told.status
        assert (row.imsi if isinstance(row.imsi, str) else None) == told.imsi
    charged = set(ledger.times_charged())
    assert charged <= set(frame.loc[frame["outcome"].isin(["done", "cached", "pending", "in_doubt"]), "msisdn"])


def test_lookup_of_a_list(account: SandboxAccount) -> None:
    """Each number is paid for once and answered as the sandbox decided; a second call costs nothing."""
    first = isms.hlr_lookup(numbers(300), "msisdn", account=account)
    second = isms.hlr_lookup(numbers(300), "msisdn", account=account)

    assert_right(first, account)
    assert (outcomes(first), outcomes(second)) == ({"done": 300}, {"cached": 300})
    assert account.gateway.simulator.ledger.charged() == 300


def test_lookup_asks_again_when_the_answer_is_old(account: SandboxAccount) -> None:
    """With `max_age` of nothing, every call pays for a new answer."""
    for _ in range(2):
        isms.hlr_lookup(numbers(5), "msisdn", max_age="0s", account=account)

    assert set(account.gateway.simulator.ledger.times_charged().values()) == {2}


@pytest.mark.parametrize("fault", list(Fault))
def test_lookup_under_each_fault(fault: Fault) -> None:
    """With any fault in 5 % of the requests, no number is charged twice, and each that may be charged says so."""
    faults = Faults({fault: 0.05}, seed=11, slow_s=0.02, retry_after="none")
    with isms.sandbox(seed=7, median_latency_s=0.002, faults=faults) as account:
        small = isms.Account(account.username, account.password, base_url=account.base_url, max_per_call=10)
        frame = isms.hlr_lookup(numbers(400), "msisdn", account=small)
        again = isms.hlr_lookup(numbers(400), "msisdn", account=small)

        assert_right(again, account)
        assert set(outcomes(again)) <= {"cached", "done", "in_doubt"}
        assert account.gateway.simulator.ledger.faults
        lost = set(again.loc[again["outcome"] == "in_doubt", "msisdn"])
        assert lost == set(frame.loc[frame["outcome"] == "in_doubt", "msisdn"])
        assert again.loc[again["outcome"] == "in_doubt", "problem"].str.contains("isms.settle").all()


def scripted(fault: str, *, page: str = "hlr.php", times: int = 1) -> Faults:
    faults = Faults(retry_after="none")
    faults.script(fault, page=page, times=times)
    return faults


@pytest.mark.parametrize("fault", ["drop_after_charge", "truncated", "empty", "php_warning", "error_500_after_charge"])
def test_reply_lost_after_the_charge_is_in_doubt(fault: str) -> None:
    """A call that was charged and whose reply did not arrive is not made again, now or in the next call."""
    with isms.sandbox(median_latency_s=0.002, faults=scripted(fault)) as account:
        frames = [isms.hlr_lookup(numbers(3), "msisdn", account=account) for _ in range(2)]

        assert [outcomes(frame) for frame in frames] == [{"in_doubt": 3}, {"in_doubt": 3}]
        assert account.gateway.simulator.ledger.request_counts["hlr.php"] == 1


@pytest.mark.parametrize("fault", ["unavailable_503", "too_many_429"])
def test_refusal_is_tried_again(fault: str) -> None:
    """A refusal charged nothing: the call is made again, and every number is answered in the same run."""
    with isms.sandbox(median_latency_s=0.002, faults=scripted(fault, times=2)) as account:
        frame = isms.hlr_lookup(numbers(3), "msisdn", account=account)

        assert outcomes(frame) == {"done": 3}
        assert account.gateway.simulator.ledger.request_counts["hlr.php"] == 3
        assert_right(frame, account)


def test_retry_after_is_obeyed() -> None:
    """Where the gateway says when to come back, no paid call comes earlier."""
    faults = Faults(retry_after="seconds", retry_after_s=1.0)
    faults.script("unavailable_503", page="hlr.php")
    with isms.sandbox(median_latency_s=0.002, faults=faults) as account:
        isms.hlr_lookup(numbers(3), "msisdn", account=account)
        times = [entry.at for entry in account.gateway.simulator.ledger.requests if entry.page == "hlr.php"]

    assert times[1] - times[0] >= 1.0


def test_line_too_long_halves_the_batch() -> None:
    """A gateway with a shorter limit than ours gets smaller calls, and every number is answered."""
    with isms.sandbox(median_latency_s=0.002) as account:
        long = isms.Account(
            account.username, account.password, base_url=account.base_url, max_line_bytes=20_000, max_per_call=2000
        )
        frame = isms.hlr_lookup(numbers(1500), "msisdn", account=long)

        assert outcomes(frame) == {"done": 1500}
        assert_right(frame, account)


def test_request_lines_stay_within_the_limit(account: SandboxAccount) -> None:
    """A big list is cut so that no line is over 8,190 bytes: the sandbox refuses longer ones, and refused none."""
    frame = isms.hlr_lookup(numbers(1800), "msisdn", account=account)
    calls = Counter(charge.call_id for charge in account.gateway.simulator.ledger.charges)

    assert outcomes(frame) == {"done": 1800}
    assert max(calls.values()) <= 500
    assert not [entry for entry in account.gateway.simulator.ledger.requests if entry.http_status == 414]


def test_max_credits_is_a_hard_stop(account: SandboxAccount) -> None:
    """No more than the limit is spent; the rest is not attempted, with a warning that says what it would take."""
    with pytest.warns(isms.IsmsWarning, match=r"max_credits.*80 numbers.*80 credits more"):
        frame = isms.hlr_lookup(numbers(100), "msisdn", max_credits=20, account=account)

    assert outcomes(frame) == {"done": 20, "not_attempted": 80}
    assert account.gateway.simulator.ledger.charged() == 20


def test_price_is_measured() -> None:
    """A price other than planned is told, and the limit counts with it from the second call on."""
    with (
        isms.sandbox(median_latency_s=0.002, price_per_lookup=2) as account,
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        frame = isms.hlr_lookup(numbers(100), "msisdn", max_credits=20, account=account)

        assert account.gateway.simulator.ledger.charged() <= 20
        assert outcomes(frame) == {"done": 10, "not_attempted": 90}
    assert any("costs 2" in str(warning.message) for warning in told)


def test_balance_ends_the_run() -> None:
    """A balance that covers a part of the list pays for that part; the rest is not attempted."""
    with isms.sandbox(median_latency_s=0.002, credits=30) as account, pytest.warns(isms.IsmsWarning, match="balance"):
        frame = isms.hlr_lookup(numbers(100), "msisdn", account=account)

    assert outcomes(frame) == {"done": 30, "not_attempted": 70}


def test_no_credits_is_the_documented_error() -> None:
    """With an empty account the gateway's own error comes out, with what to do."""
    with isms.sandbox(credits=0) as account, pytest.raises(isms.InsufficientCredits, match="Top up"):
        isms.hlr_lookup(numbers(3), "msisdn", account=account)


def test_credits_that_run_out_keep_what_is_done() -> None:
    """Somebody else spends the credits meanwhile: the run ends with the error, and the next call has the answers."""
    faults = Faults()
    with isms.sandbox(median_latency_s=0.002, credits=1000, faults=faults) as account:
        small = isms.Account(account.username, account.password, base_url=account.base_url, max_per_call=10)
        simulator = account.gateway.simulator
        simulator.accounts[account.username].credits = Decimal(1000)
        isms.hlr_lookup(numbers(10), "msisdn", account=small)
        simulator.accounts[account.username].credits = Decimal(0)
        with pytest.raises(isms.InsufficientCredits):
            isms.hlr_lookup(numbers(30), "msisdn", account=small)
        kept = isms.hlr_lookup(numbers(10), "msisdn", account=small)

    assert outcomes(kept) == {"cached": 10}


def test_wrong_password_ends_the_run(account: SandboxAccount) -> None:
    """A wrong password is the documented error, before anything is claimed."""
    wrong = isms.Account(account.username, "wrong", base_url=account.base_url)
    with pytest.raises(isms.AuthenticationError, match="ISMS_PASSWORD"):
        isms.hlr_lookup(numbers(3), "msisdn", account=wrong)

    assert isms.settle(account=account).empty


def test_gateway_down_is_unavailable() -> None:
    """Where nobody answers at all, the error says what to check, and nothing is in doubt."""
    nobody = isms.Account("shop", "secret", base_url="http://127.0.0.1:9/api/http/")
    with pytest.raises(isms.GatewayUnavailable, match="ISMS_BASE_URL"):
        isms.hlr_lookup(numbers(3), "msisdn", max_wait="0s", account=nobody)


def test_nonsense_gateway_is_not_paid() -> None:
    """A gateway that answers nonsense to the free question for the balance is never asked the paid one."""
    with Peer(lambda _: reply("<html>Welcome</html>")) as peer, pytest.raises(isms.ProtocolError, match="Welcome"):
        isms.hlr_lookup(
            numbers(3), "msisdn", max_wait="0s", account=isms.Account("shop", "secret", base_url=peer.base_url)
        )

    assert peer.asked("hlr.php") == 0


def test_broken_gateway_is_not_paid_for_ever(account: SandboxAccount) -> None:
    """After five paid calls in a row without a usable reply, no more are made."""
    account.gateway.simulator.faults.script("drop_after_charge", page="hlr.php", times=1000)
    small = isms.Account(account.username, account.password, base_url=account.base_url, max_per_call=2)
    with pytest.warns(isms.IsmsWarning, match="in a row"):
        frame = isms.hlr_lookup(numbers(100), "msisdn", account=small)
    calls = account.gateway.simulator.ledger.request_counts["hlr.php"]

    assert submitting.DOUBTS_IN_A_ROW <= calls <= submitting.DOUBTS_IN_A_ROW + submitting.AT_ONCE
    assert outcomes(frame) == {"in_doubt": 2 * calls, "not_attempted": 100 - 2 * calls}


def test_page_that_is_not_there_ends_paying() -> None:
    """A refusal that no later try can change (404) leaves the rest unattempted at once."""
    with (
        Peer(lambda target: reply("Credits:50") if "credits" in target else reply("", status="404 Not Found")) as peer,
        pytest.warns(isms.IsmsWarning, match="404"),
    ):
        frame = isms.hlr_lookup(
            numbers(5), "msisdn", account=isms.Account("s", "p", base_url=peer.base_url, max_per_call=2)
        )

    assert set(outcomes(frame)) == {"failed", "not_attempted"}


def test_waiting_ends_and_goes_on(account: SandboxAccount) -> None:
    """What is not answered within `max_wait` is pending; the next call goes on waiting and pays nothing."""
    account.gateway.simulator.pin("306970000001", latency_s=1.0)
    first = isms.hlr_lookup(numbers(3), "msisdn", max_wait="300ms", account=account)
    second = isms.hlr_lookup(numbers(3), "msisdn", account=account)

    assert first.set_index("msisdn")["outcome"]["306970000001"] == "pending"
    assert "call again" in first.set_index("msisdn")["problem"]["306970000001"]
    assert second["outcome"].isin(["done", "cached"]).all()
    assert account.gateway.simulator.ledger.charged() == 3


def test_id_that_the_gateway_forgot_is_in_doubt(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was accepted, and whose id the gateway does not know any more, was paid for: it is in doubt."""
    monkeypatch.setattr(polling, "UNKNOWN_S", 0.0)
    account.gateway.simulator.pin("306970000000", latency_s=60.0)
    isms.hlr_lookup(numbers(1), "msisdn", max_wait="0s", account=account)
    account.gateway.simulator.world.lookups.clear()
    frame = isms.hlr_lookup(numbers(1), "msisdn", account=account)

    assert outcomes(frame) == {"in_doubt": 1}
    assert "does not know" in frame["problem"].iloc[0]


def test_short_answer_is_confirmed() -> None:
    """A final reply with fields missing looks like one that was cut off: it is believed when it comes twice."""
    answers = iter(["Delivered;GR;Cos", "Delivered;GR;Cosmote;202011234567890;306942190000;0"])

    def answer(target: str) -> bytes:
        if "hlrquery" in target:
            return reply(next(answers))
        return reply("Credits:5" if "credits" in target else "ID:1")

    with Peer(answer) as peer:
        frame = isms.hlr_lookup(numbers(1), "msisdn", account=isms.Account("s", "p", base_url=peer.base_url))

    assert frame["imsi"].tolist() == ["202011234567890"]


def test_two_runs_at_once_share_the_numbers(account: SandboxAccount) -> None:
    """Two runs of the same list pay once, and both end with every answer."""

    async def both() -> list[pd.DataFrame]:
        return await asyncio.gather(*(isms.aio.hlr_lookup(numbers(400), "msisdn", account=account) for _ in range(2)))

    frames = asyncio.run(both())

    for frame in frames:
        assert set(outcomes(frame)) <= {"done", "cached"}
        assert_right(frame, account)
    assert account.gateway.simulator.ledger.charged() == 400


def test_in_doubt_settled_by_the_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The balance shows whether a lost call was charged: charged ones are left, others asked again, after a while."""
    monkeypatch.setattr(settle_module, "UNDER_WAY_S", 0.0)
    for fault, decision, expected in (
        ("drop_after_charge", "skip", {"skipped": 3}),
        ("error_500", "resend", {"done": 3}),
    ):
        with isms.sandbox(median_latency_s=0.002, faults=scripted(fault)) as account:
            isms.hlr_lookup(numbers(3), "msisdn", account=account)
            doubts = isms.settle(decision="balance", account=account)

            assert doubts["decision"].tolist() == [decision] * 3
            assert isms.settle(account=account).empty
            assert outcomes(isms.hlr_lookup(numbers(3), "msisdn", account=account)) == expected


def test_in_doubt_settled_for_some_numbers() -> None:
    """A decision may be for some numbers only; the others stay in doubt."""
    with isms.sandbox(median_latency_s=0.002, faults=scripted("drop_after_charge")) as account:
        isms.hlr_lookup(numbers(3), "msisdn", account=account)
        isms.settle(decision="resend", numbers=["306970000001"], account=account)
        frame = isms.hlr_lookup(numbers(3), "msisdn", account=account)

        assert frame["outcome"].tolist() == ["in_doubt", "done", "in_doubt"]
        with pytest.raises(isms.ConfigurationError, match="resend"):
            isms.settle(decision="perhaps", account=account)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_full_disk_stops_before_the_next_paid_call(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no room in the journal the run ends with a clear error, and the sandbox was asked for nothing paid."""
    monkeypatch.setattr(journal_file, "RESERVE_BYTES", 2**62)
    with pytest.raises(isms.JournalError, match="Make room"):
        isms.hlr_lookup(numbers(3), "msisdn", account=account)

    assert account.gateway.simulator.ledger.request_counts["hlr.php"] == 0


def test_outcome_that_cannot_be_written_is_told(account: SandboxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fills between the call and its outcome, the error gives the id, and the rows are in doubt."""

    def full(*_: object) -> None:
        msg = "the disk is full"
        raise isms.JournalError(msg)

    accepted = journal_module.Journal.accepted
    monkeypatch.setattr(journal_module.Journal, "accepted", full)
    with pytest.raises(isms.JournalError, match=r"accepted as \w+ \(3 numbers\)"):
        isms.hlr_lookup(numbers(3), "msisdn", account=account)
    monkeypatch.setattr(journal_module.Journal, "accepted", accepted)

    assert outcomes(isms.hlr_lookup(numbers(3), "msisdn", account=account)) == {"in_doubt": 3}
    assert account.gateway.simulator.ledger.charged() == 3


def test_interrupt_lets_the_paid_call_come_to_its_end() -> None:
    """A cancelled run waits for the reply of the call that is under way: nothing is in doubt afterwards."""
    under_way, stopped = threading.Event(), threading.Event()

    def answer(target: str) -> bytes:
        if "hlr.php" in target:
            under_way.set()
            stopped.wait(10)
            return reply("ID:1")
        return reply("Credits:50" if "credits" in target else "Delivered;GR;;;;0")

    async def interrupted(account: isms.Account) -> None:
        run = asyncio.create_task(isms.aio.hlr_lookup(numbers(3), "msisdn", account=account))
        await asyncio.to_thread(under_way.wait, 10)
        run.cancel()
        asyncio.get_running_loop().call_later(0.2, stopped.set)
        with pytest.raises(asyncio.CancelledError):
            await run

    with Peer(answer) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url)
        asyncio.run(interrupted(account))
        frame = isms.hlr_lookup(numbers(3), "msisdn", account=account)

    assert outcomes(frame) == {"done": 3}
    assert peer.asked("hlr.php") == 1


def test_run_leaves_no_thread_behind(account: SandboxAccount) -> None:
    """When a run has ended, its journal's thread has too."""
    isms.hlr_lookup(numbers(3), "msisdn", account=account)
    for thread in threading.enumerate():
        if thread.name.startswith("isms_journal"):
            thread.join(5)

    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("isms_journal") and thread.is_alive()
    ]


def test_password_is_written_nowhere(
    account: SandboxAccount,
    place: Place,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a run with faults, the password is in no file of the journal, no output and no log."""
    account.gateway.simulator.faults.set(0.03)
    account.gateway.simulator.faults.set_retry_after("none")
    account.gateway.simulator.faults.slow_s = 0.1
    caplog.set_level(0)
    frame = isms.hlr_lookup(numbers(200), "msisdn", account=account)
    isms.save_table(frame, tmp_path / "hlr.parquet")
    written = b"".join(
        [*(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()), *stored(place).values()]
    )
    printed = "".join(capfd.readouterr()) + caplog.text + frame.to_string()

    assert (
        b"306970000001" in written
        or (306970000001).to_bytes(6, "big") in written
        or (306970000001).to_bytes(8, "little") in written
    )
    assert account.password.encode() not in written
    assert account.password not in printed
