"""A campaign is the same campaign over HTTP, SOAP and SMPP: equal frames, equal promises, the same texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import isms_data as isms
from isms_data.vocabulary import Transport, words

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

TRANSPORTS = words(Transport)
TEXTS = [
    "20% off: 5€ {today} [only] ~ ^ | \\",
    "Ειδική προσφορά για εσάς",
    "ΚΑΛΗΜΕΡΑ ΣΑΣ, ΔΩΡΑ".translate(str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")),
    "Party 🎉 at eight",
    "a" * 160,
    "a" * 161,
    "x" * 152 + "€" + "y" * 152 + "€" * 3,
    "ω" * 70,
    "Η μεγάλη προσφορά μας. " * 12,
    "ω" * 66 + "😀" + "ψ" * 65 + "😀" * 20,
    "line\nbreak and @ sign",
]
"""Plain GSM with its extension table, UCS-2, Greek capitals, an emoji, and lengths on and beyond each limit."""

OF_THE_TRANSPORT = ["message_id", "submitted_at", "transport", "resolved_at", "latency", "source", "state_detail"]


def people(count: int = len(TEXTS)) -> pd.DataFrame:
    numbers = [str(306970000000 + place) for place in range(count)]
    return pd.DataFrame({"msisdn": numbers, "body": [TEXTS[place % len(TEXTS)] for place in range(count)]}, dtype="str")


def plan_of(
    account: isms.Account, frame: pd.DataFrame, *, campaign: str = "spring", flash: bool = False
) -> pd.DataFrame:
    return isms.plan_messages(
        frame, "msisdn", campaign=campaign, sender="MyShop", text="{body}", flash=flash, account=account
    )


def received(account: SandboxAccount) -> dict[str, Any]:
    """What each phone shows, by the gateway's own record; no phone got two messages."""
    messages = account.gateway.simulator.ledger.messages
    shown = {each.msisdn: ("".join(each.parts), each.sender, each.flash, str(each.coding)) for each in messages}

    assert len(shown) == len(messages)
    return shown


def sent_over(transport: str, *, flash: bool) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any], Any]:
    with isms.sandbox(seed=7, median_latency_s=0.01) as account:
        plan = plan_of(account, people(), flash=flash)
        sent = isms.send_messages(plan, transport=transport, account=account)
        status = isms.delivery_status("spring", max_wait="60s", account=account)
        return sent, status, received(account), account.gateway.simulator.ledger.charged()


@pytest.mark.parametrize("flash", [False, True])
def test_campaign_is_equal_over_every_transport(flash: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Greek, GSM, emoji, long and flash messages: equal frames, equal charges, and the texts that were planned."""
    over = {transport: sent_over(transport, flash=flash) for transport in TRANSPORTS}

    _, _, expected, charged = over["http"]
    planned = people()
    assert {number: text for number, (text, *_) in expected.items()} == dict(
        zip(planned["msisdn"], planned["body"], strict=True)
    )
    for transport, (sent, status, shown, cost) in over.items():
        assert set(sent["outcome"]) == {"accepted"}
        assert set(sent["transport"]) == {transport}
        assert shown == expected
        assert cost == charged == int(sent["segments"].sum())
        assert status["final"].all()
        assert set(status["source"]) == {"receipt" if transport == "smpp" else "poll"}
        assert status["state_detail"].notna().tolist() == [transport == "smpp"] * len(TEXTS)
        for frame, other in ((sent, over["http"][0]), (status, over["http"][1])):
            drop = [name for name in OF_THE_TRANSPORT if name in frame]
            pd.testing.assert_frame_equal(frame.drop(columns=drop), other.drop(columns=drop))
            assert frame.dtypes.astype("str").equals(other.dtypes.astype("str"))


def test_number_gets_one_message_over_all_transports(tmp_path: Path) -> None:
    """A campaign that is sent again by another transport is already sent."""
    with isms.sandbox(seed=7, median_latency_s=0.01, home=tmp_path) as account:
        plan = plan_of(account, people())
        for first, second in zip(TRANSPORTS, [*TRANSPORTS[1:], TRANSPORTS[0]], strict=True):
            part = plan.iloc[TRANSPORTS.index(first) :: 3]
            isms.send_messages(part, transport=first, account=account)
            again = isms.send_messages(part, transport=second, account=account)

            assert set(again["outcome"]) == {"already_sent"}
            assert set(again["transport"]) == {first}
        assert len(received(account)) == len(TEXTS)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_wrong_password_ends_the_run(transport: str) -> None:
    """The same error whichever transport refuses the account; nothing is sent."""
    with isms.sandbox(seed=7) as account:
        plan = plan_of(account, people())
        smpp = account.smpp and account.smpp.replace(":sandbox1@", ":wrong@")
        other = isms.Account(
            account.username,
            account.password if transport == "smpp" else "wrong",
            base_url=account.base_url,
            soap_wsdl=account.soap_wsdl,
            smpp=smpp,
            home=account.home,
        )
        with pytest.raises(isms.AuthenticationError) as error:
            isms.send_messages(plan, transport=transport, account=other)

        assert "wrong" not in str(error.value).replace("wrong password", "")
        assert account.gateway.simulator.ledger.messages == []


def test_smpp_without_an_address() -> None:
    """An account that has no SMPP address says how to give it one."""
    with isms.sandbox(seed=7) as account:
        plan = plan_of(account, people())
        other = isms.Account(account.username, account.password, base_url=account.base_url, home=account.home)
        with pytest.raises(isms.ConfigurationError, match="ISMS_SMPP"):
            isms.send_messages(plan, transport="smpp", account=other)


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"dlr": "https://example.gr/dlr"}, isms.ConfigurationError, "receipts come by themselves"),
        ({"schedule": "+1 day"}, isms.InvalidSchedule, "Give a date"),
        ({"transport": "pigeon"}, isms.ConfigurationError, "none of 'http', 'soap', 'smpp'"),
    ],
)
def test_what_smpp_cannot_carry(settings: dict[str, Any], error: type[Exception], match: str) -> None:
    """What the transport cannot carry is refused before anything is sent."""
    with isms.sandbox(seed=7) as account:
        plan = plan_of(account, people())
        with pytest.raises(error, match=match):
            isms.send_messages(plan, **({"transport": "smpp"} | settings), account=account)

        assert account.gateway.simulator.ledger.charged() == 0


def test_smpp_that_only_receives() -> None:
    """An address that says it is for receipts is not sent by."""
    with isms.sandbox(seed=7) as account:
        plan = plan_of(account, people())
        other = isms.Account(
            account.username,
            account.password,
            base_url=account.base_url,
            smpp=f"{account.smpp}?mode=receiver",
            home=account.home,
        )
        with pytest.raises(isms.ConfigurationError, match="mode=receiver"):
            isms.send_messages(plan, transport="smpp", account=other)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_schedule_arrives(transport: str) -> None:
    """A moment of Athens is the same moment at the gateway, by whichever transport."""
    with isms.sandbox(seed=7) as account:
        plan = plan_of(account, people(3))
        moment = pd.Timestamp.now("Europe/Athens").floor("s") + pd.Timedelta(days=1)
        sent = isms.send_messages(plan, transport=transport, schedule=moment, account=account)

        assert set(sent["scheduled_for"]) == {moment.tz_convert("UTC")}
        assert {each.scheduled_for for each in account.gateway.simulator.ledger.messages} == {moment.timestamp()}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_budget_is_kept(transport: str) -> None:
    """`max_credits` is a hard stop over every transport; the rest is not attempted, and comes with the next call."""
    with isms.sandbox(seed=7, median_latency_s=0.01) as account:
        plan = plan_of(account, people(40).assign(body="hello"))
        with pytest.warns(isms.IsmsWarning, match="max_credits"):
            sent = isms.send_messages(plan, transport=transport, max_credits=15, account=account)
        spent = account.gateway.simulator.ledger.charged()
        rest = isms.send_messages(plan, transport=transport, account=account)

        assert sent["outcome"].value_counts()[["accepted", "not_attempted"]].tolist() == [15, 25]
        assert spent == 15
        assert rest["outcome"].value_counts()[["accepted", "already_sent"]].tolist() == [25, 15]
        assert len(received(account)) == 40
