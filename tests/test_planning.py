"""Plans: every row has a text or a reason, no number is written to twice, and the price is known before."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isms_data as isms
from isms_data import tables
from isms_data.journal.calls import Journal
from isms_data.journal.file import now
from isms_data.journal.records import Accepted, Message
from isms_data.journal.standing import AnswerKind, Campaign
from isms_data.planning import as_msisdns, checked_wording, drafted, finished
from isms_data.plans import checked_campaign, plan_columns
from isms_data.text_segments import segments
from tests.claims import claim

from .peers import Peer, reply

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

A, B, C = "306970000001", "306970000002", "306970000003"
PLAN = tables.names("plan")
HELLO = {"campaign": "spring", "sender": "MyShop", "text": "Γεια σου {name}"}
SAME = {"campaign": "spring", "sender": "MyShop", "text": "Hello"}


def people(numbers: list[Any], names: list[Any] | None = None, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"n": pd.Series(numbers, dtype="str"), **columns})
    return frame if names is None else frame.assign(name=pd.Series(names, dtype="str"))


def planned(frame: pd.DataFrame, column: str = "n", *, barred: dict[int, str] | None = None, **say: Any) -> Any:
    """A plan without a journal or a gateway."""
    settings = {"coding": "auto", "greek": "keep", "flash": False, "max_segments": 10, "only": ("deliverable", None)}
    wording = checked_wording(**{**settings, **SAME, **say})
    draft = drafted(frame, column, wording, region="GR", suppress=None)
    return finished(frame, draft, wording, barred=barred or {}, names={name: name for name in PLAN})


def reasons(plan: pd.DataFrame) -> list[str | None]:
    assert plan["reason"].isna().equals(plan["action"].eq("send"))
    return [None if pd.isna(reason) else reason for reason in plan["reason"]]


# Rows, columns, dtypes


def test_plan_adds_the_columns_of_the_contract(account: SandboxAccount) -> None:
    """The caller's columns first and unchanged, the plan's behind them in their order; the input is not touched."""
    frame = people([A, "2101234567"], ["Μαρία", "Νίκος"])
    before = frame.copy()
    plan = isms.plan_messages(frame, "n", account=account, **HELLO)

    assert list(plan.columns) == ["n", "name", *PLAN]
    pd.testing.assert_frame_equal(frame, before)
    assert plan["text"].tolist() == ["Γεια σου Μαρία", "Γεια σου Νίκος"]
    assert plan["msisdn"].tolist() == [A, "302101234567"]
    assert plan[["campaign", "sender", "flash"]].astype(str).drop_duplicates().to_numpy().tolist() == [
        ["spring", "MyShop", "False"]
    ]
    assert reasons(plan) == [None, "a fixed line, not a mobile"]


@pytest.mark.parametrize("text", ["Hello", "Γεια {name}"])
@pytest.mark.parametrize("numbers", [[], [A], [A, A, None], [None, None]])
def test_plan_dtypes_are_the_same_for_any_rows(account: SandboxAccount, numbers: list[Any], text: str) -> None:
    """For no row, one, many, and none to be sent, every column has the dtype of the schema."""
    plan = isms.plan_messages(people(numbers, numbers), "n", account=account, **{**HELLO, "text": text})

    for name in PLAN:
        expected = tables.dtype("plan", name)
        if isinstance(expected, pd.CategoricalDtype) and expected.categories is None:
            expected = pd.CategoricalDtype(pd.Index(["spring" if name == "campaign" else "MyShop"], dtype="str"))
        assert plan[name].dtype == expected, name


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["x", "x", "y"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["shop", "row"]),
        pd.RangeIndex(6, 0, -2),
    ],
)
def test_plan_keeps_rows_under_any_index(account: SandboxAccount, index: pd.Index) -> None:
    """Repeated labels mix nothing up."""
    frame = people([A, B, A], ["Α", "Β", "Γ"]).set_index(index)
    plan = isms.plan_messages(frame, "n", account=account, **HELLO)

    assert plan.index.equals(index)
    assert plan["text"].tolist() == ["Γεια σου Α", "Γεια σου Β", "Γεια σου Γ"]
    assert reasons(plan) == [None, None, "the same number as in row 0"]


def test_plan_through_parquet(account: SandboxAccount, tmp_path: Path) -> None:
    """A plan comes back from Parquet as it was, its summary too."""
    plan = isms.plan_messages(people([A, None, A], ["Μ", "Ν", "Ξ"]), "n", prefix="p_", account=account, **HELLO)
    isms.save_table(plan, tmp_path / "plan.parquet")
    loaded = isms.load_table(tmp_path / "plan.parquet")

    pd.testing.assert_frame_equal(loaded, plan)
    assert isms.plan_summary(loaded).equals(isms.plan_summary(plan))


def test_plan_cleans_the_msisdn_in_its_place(account: SandboxAccount) -> None:
    """A column `msisdn` that is asked for stays where it is, cleaned: null where the cell is no number."""
    frame = pd.DataFrame({"msisdn": ["697 000 0001", "12", None], "name": ["a", "b", "c"]})
    plan = isms.plan_messages(frame, "msisdn", account=account, **HELLO)

    assert list(plan.columns) == ["msisdn", "name", *[name for name in PLAN if name != "msisdn"]]
    assert plan["msisdn"].fillna("-").tolist() == [A, "-", "-"]
    assert frame["msisdn"].iloc[0] == "697 000 0001"


def test_plan_names_in_the_way(account: SandboxAccount) -> None:
    """A column in the way is an error that names it; prefix and replace resolve it, and a plan can be planned again."""
    frame = pd.DataFrame({"msisdn": [A], "mobile": [B], "text": ["x"]})
    with pytest.raises(isms.ColumnError, match="'msisdn', 'text'"):
        isms.plan_messages(frame, "mobile", account=account, **SAME)
    prefixed = isms.plan_messages(frame, "mobile", prefix="p_", account=account, **SAME)
    replaced = isms.plan_messages(frame, "mobile", replace=True, account=account, **{**SAME, "text": "{text}!"})
    again = isms.plan_messages(replaced, "msisdn", replace=True, account=account, **SAME)

    assert (prefixed["msisdn"].iloc[0], prefixed["p_msisdn"].iloc[0], prefixed["text"].iloc[0]) == (A, B, "x")
    assert plan_columns(prefixed) == {name: f"p_{name}" for name in PLAN}
    assert isms.plan_summary(prefixed)["recipients"] == 1
    assert replaced[["msisdn", "text"]].to_numpy().tolist() == [[B, "x!"]]
    assert again["text"].tolist() == ["Hello"]


def test_plan_of_something_else(account: SandboxAccount) -> None:
    """What is no frame, or has no such column, is an error that says so."""
    with pytest.raises(isms.ColumnError, match="DataFrame"):
        isms.plan_messages(pd.Series([A]), "n", account=account, **SAME)  # type: ignore[arg-type]
    with pytest.raises(isms.ColumnError, match="no column 'm'"):
        isms.plan_messages(people([A]), "m", account=account, **SAME)
    with pytest.raises(isms.ColumnError, match="no plan: it lacks 'campaign'"):
        isms.plan_summary(people([A]))
    with pytest.raises(isms.ColumnError, match="no plan"):
        isms.plan_summary(pd.Series([A]))  # type: ignore[arg-type]


# Who is left out


def test_exclusions_in_words() -> None:
    """Each reason for which a row is not sent, and a row's first reason wins."""
    frame = people(
        [None, "12", "2101234567", A, B, C, "306970000004", "306970000005", "306970000006", "306970000007"],
        ["x", "x", None, None, "x", None, "a" * 200, "b\u20ac" * 80, "x", "x"],
        verdict=[None] * 8 + ["dead", "deliverable"],
    )
    frame.loc[9, "name"] = "x"
    plan = planned(frame, text="Hi {name}", barred={int(B): "asked by phone", int(C): "sent"}, max_segments=1)

    assert reasons(plan) == [
        "the cell is empty",
        "2 digits, a Greek mobile has 10",
        "a fixed line, not a mobile",
        "no value in column 'name'",
        "asked by phone",
        "sent",
        "2 segments, and max_segments is 1",
        "2 segments, and max_segments is 1",
        "verdict is dead, and only= names deliverable",
        None,
    ]


def test_skipped_rows_keep_what_they_would_have_cost() -> None:
    """Text, coding and segments of a skipped row are there as far as they are known."""
    plan = planned(people(["12", A, B], ["Ω", None, "ω"]), text="{name}", coding="GSM")

    assert plan["text"].fillna("-").tolist() == ["Ω", "-", "ω"]
    assert plan["segments"].fillna(0).tolist() == [1, 0, 0]
    assert plan["coding"].astype("str").fillna("-").tolist() == ["GSM", "-", "-"]
    assert plan["offending"].fillna("-").tolist() == ["-", "-", "ω"]
    assert reasons(plan)[2] == "not in the GSM alphabet: ω"


def test_half_a_character_is_left_out() -> None:
    """What no encoding has is a row's reason, and stops no other row."""
    frame = people([A, B]).assign(name=pd.Series(["x\ud83d", "x"], dtype=object))

    assert reasons(planned(frame, text="{name}")) == ["half a character in column 'name'", None]


def test_first_row_that_can_be_sent_is_sent() -> None:
    """Where a number's first row has no name, its next one is sent; later ones name the row that is."""
    plan = planned(people([A, "6970000001", A, B, "0030 697 000 0001"], [None, "Μ", "Ν", "Ξ", "Ο"]), text="{name}")

    assert reasons(plan) == [
        "no value in column 'name'",
        None,
        "the same number as in row 1",
        None,
        "the same number as in row 1",
    ]


def by_hand(rows: list[tuple[int, str | None, bool]]) -> list[bool]:
    """Which rows are sent, one after the other."""
    seen: set[int] = set()
    sent = []
    for number, name, suppressed in rows:
        goes = bool(name) and not suppressed and number not in seen
        seen |= {number} if goes else set()
        sent.append(goes)
    return sent


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["Μ", "", None]), st.booleans()), max_size=12))
def test_one_row_of_each_number_is_sent(rows: list[tuple[int, str | None, bool]]) -> None:
    """However rows repeat, lack names or are suppressed: rows stay, and of each number the first good one is sent."""
    frame = people(
        [f"30697000000{number}" for number, _, _ in rows],
        [name for _, name, _ in rows],
        number_status=pd.Series(["suppressed" if gone else "mobile" for _, _, gone in rows], dtype="str"),
    ).set_axis(["label"] * len(rows))
    plan = planned(frame, text="{name}")
    sent = plan[plan["action"] == "send"]

    assert plan.index.equals(frame.index)
    assert plan["n"].tolist() == frame["n"].tolist()
    assert plan["action"].eq("send").tolist() == by_hand(rows)
    assert sent["msisdn"].is_unique


def test_earlier_cleaning_is_obeyed() -> None:
    """What `clean_numbers` said of a row holds: suppressed and the like are skipped, duplicates are judged anew."""
    frame = people([A, B, C], number_status=pd.Categorical(["suppressed", "duplicate", None]))

    assert reasons(planned(frame)) == ["number_status is suppressed", None, None]


@pytest.mark.parametrize("listed", [[A], pd.Series(["697 000 0001"]), iter(["+306970000001"])])
def test_suppress_takes_any_list(account: SandboxAccount, listed: Any) -> None:
    """Numbers given as `suppress=` are left out, in any spelling and form."""
    plan = isms.plan_messages(people([A, B]), "n", suppress=listed, region="gr", account=account, **SAME)

    assert reasons(plan) == ["on the list given as suppress=", None]


def test_suppress_from_a_file(account: SandboxAccount, tmp_path: Path) -> None:
    """The list may be a file."""
    (tmp_path / "stop.csv").write_text("phone\n6970000002\n", encoding="utf-8")
    plan = isms.plan_messages(people([A, B]), "n", suppress=tmp_path / "stop.csv", account=account, **SAME)

    assert plan["action"].tolist() == ["send", "skip"]


def test_numbers_of_other_countries() -> None:
    """A cleaned MSISDN is read as one, whatever the region; a raw number never is guessed to be from abroad."""
    cyprus, britain = "35799123456", "447400123456"
    raw = planned(people([cyprus, "+" + cyprus]))
    plain = planned(pd.DataFrame({"msisdn": [cyprus, britain, "6970000001", "691234567", "x"]}), "msisdn")
    cleaned = isms.clean_numbers(people(["+" + cyprus, "6970000001", "2101234567"]), "n")
    again = planned(cleaned, "msisdn")

    assert raw["action"].tolist() == ["skip", "send"]
    assert plain["msisdn"].fillna("-").tolist() == [cyprus, britain, A, "-", "-"]
    assert again["msisdn"].tolist() == cleaned["msisdn"].tolist()
    assert again["action"].tolist() == ["send", "send", "skip"]


def test_msisdns_that_have_lost_digits_stay_what_they_are() -> None:
    """A column of floats with a fraction among them was never cleaned: nothing is read into it."""
    cells = pd.Series([35799123456.0, 0.5])

    assert as_msisdns(cells, "GR") is cells
    assert as_msisdns(pd.Series([35799123456.0]), "GR").tolist() == ["+35799123456"]


# The verdict


def test_only_by_default() -> None:
    """Without a word on it, dead, invalid, barred and the like are left out, and rows without a verdict are not."""
    verdicts = ["deliverable", "retry_later", "barred", "no_sms_service", "dead", "invalid", "unknown", None]
    frame = people([f"30697000000{row}" for row in range(8)], verdict=pd.Categorical(verdicts))
    sent = planned(frame, only=isms.aio.plan_messages.__kwdefaults__["only"])["action"].eq("send")

    assert [verdict for verdict, goes in zip(verdicts, sent, strict=True) if goes] == [
        "deliverable",
        "retry_later",
        "unknown",
        None,
    ]
    assert planned(frame, only=None)["action"].eq("send").all()


def test_only_names_verdicts() -> None:
    """One word or several; None among them stands for rows without a verdict."""
    frame = people([A, B, C], verdict=["dead", None, "unknown"])

    assert reasons(planned(frame, only="dead")) == [
        None,
        "no verdict, and only= does not name None",
        "verdict is unknown, and only= names dead",
    ]
    assert reasons(planned(frame, only=["unknown", None]))[1:] == [None, None]


def test_only_without_verdicts() -> None:
    """To choose by a verdict that the frame does not have is an error; the default asks for none."""
    with pytest.raises(isms.ColumnError, match="there is no column 'verdict'"):
        planned(people([A]), only=["deliverable"])

    assert planned(people([A]))["action"].tolist() == ["send"]


# Texts


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "C", "Z"]), min_size=1, max_size=90), max_size=6),
    st.sampled_from(["auto", "UTF-8"]),
)
def test_planned_segments_are_those_of_each_text(names: list[str], coding: str) -> None:
    """Coding, segments and offending characters of a row are what `segments` says of its text."""
    plan = planned(people([A] * len(names), names), text="{name} {name}€", coding=coding)
    alone = [segments(f"{name} {name}€", coding=coding) for name in names]

    assert plan["text"].tolist() == [f"{name} {name}€" for name in names]
    assert plan["segments"].tolist() == [each.count for each in alone]
    assert plan["coding"].tolist() == [each.coding for each in alone]
    assert plan["offending"].fillna("").tolist() == [each.offending for each in alone]


def test_greek_is_rendered_before_it_is_counted() -> None:
    """Names are rendered with the rest of the text; what is planned is what is sent."""
    plan = planned(people([A], ["Ελένη"]), text="Γεια σου {name}, " + "ώρα " * 20, greek="capitals")

    assert plan["text"].iloc[0].startswith("ΓEIA ΣOY EΛENH, ΩPA")
    assert plan[["coding", "segments"]].to_numpy().tolist() == [["GSM", 1]]


def test_text_for_everybody_is_in_each_row() -> None:
    """A text without gaps is the same in each row, filled or not."""
    plan = planned(people([A, B, None]), text="5{{€}}" * 40)

    assert plan["text"].tolist() == ["5{€}" * 40] * 3
    assert plan["segments"].tolist() == [segments("5{€}" * 40).count] * 3


# What the caller says


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"campaign": " "}, isms.ConfigurationError, "0 characters"),
        ({"campaign": "a" * 101}, isms.ConfigurationError, "101 characters"),
        ({"campaign": "a\nb"}, isms.ConfigurationError, r"U\+000A at position 1"),
        ({"campaign": "a\u200b"}, isms.ConfigurationError, "cannot be seen"),
        ({"campaign": None}, isms.ConfigurationError, "NoneType"),
        ({"sender": "ΜyShop"}, isms.InvalidSender, "GREEK CAPITAL LETTER MU"),
        ({"text": ""}, isms.TextError, "empty"),
        ({"text": "{"}, isms.TextError, "lone"),
        ({"coding": "UCS-2"}, isms.ConfigurationError, "coding='UCS-2'"),
        ({"greek": "upper"}, isms.ConfigurationError, "greek='upper'"),
        ({"flash": "no"}, isms.ConfigurationError, "flash='no'"),
        ({"max_segments": 0}, isms.ConfigurationError, "max_segments=0"),
        ({"max_segments": True}, isms.ConfigurationError, "max_segments=True"),
        ({"only": ["alive"]}, isms.ConfigurationError, "'alive', which is no verdict"),
        ({"only": []}, isms.ConfigurationError, "lets no message through"),
        ({"region": "XX"}, isms.ConfigurationError, "region='XX'"),
        ({"suppress": 5}, isms.ConfigurationError, "no list"),
        ({"text": "{nme}"}, isms.ColumnError, "Is it 'name'"),
    ],
)
def test_plan_setting_that_cannot_be_used(
    account: SandboxAccount, wrong: dict[str, Any], error: type[Exception], words: str
) -> None:
    """What makes no sense is an error that says what and why, before any row is looked at."""
    with pytest.raises(error, match=words):
        isms.plan_messages(people([A], ["x"]), "n", account=account, **{**HELLO, **wrong})


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029"), min_size=1, max_size=30))
def test_campaign_names_that_look_the_same_are_the_same(name: str) -> None:
    """Blanks at the ends, doubled ones and loose accents make no second campaign; checked twice is checked once."""
    if not name.strip():
        return
    checked = checked_campaign(f" {name}  ")

    assert checked == checked_campaign(name) == checked_campaign(checked)
    assert checked_campaign("Α\u0301νοιξη 2026") == checked_campaign("Άνοιξη\u00a0 2026")


# The summary


def test_summary_counts_what_is_sent(account: SandboxAccount) -> None:
    """Rows, recipients, segments, credits and what the balance would be; the attributes hold the same for JSON."""
    plan = isms.plan_messages(people([A, B, A], ["Μ" * 80, "Ν", "Ξ"]), "n", account=account, **HELLO)
    summary = isms.plan_summary(plan)

    assert summary.to_dict() == {
        "rows": 3,
        "recipients": 2,
        "skipped": 1,
        "segments": 3,
        "credits_per_segment": Decimal(1),
        "estimated_credits": Decimal(3),
        "balance": Decimal("10000.00"),
        "balance_after": Decimal("9997.00"),
    }
    assert json.loads(json.dumps(plan.attrs)) == plan.attrs
    assert plan.attrs["plan_summary"]["balance_after"] == "9997.00"


def test_summary_of_a_part(account: SandboxAccount) -> None:
    """A filtered plan is summed up anew; parts that were put together have lost price and balance."""
    frame = people([A, B], ["Μ", "Ν"])
    frame.attrs["source"] = "list.csv"
    plan = isms.plan_messages(frame, "n", account=account, **HELLO)
    part, nothing = plan[plan["n"] == A], plan.iloc[:0]
    plan_without = pd.concat([plan, part])
    plan_without.attrs = {}

    assert plan.attrs["source"] == "list.csv"
    assert isms.plan_summary(part)[["rows", "estimated_credits"]].tolist() == [1, 1]
    assert isms.plan_summary(part)["balance_after"] == Decimal("9999.00")
    assert isms.plan_summary(nothing)[["rows", "recipients", "segments"]].tolist() == [0, 0, 0]
    assert isms.plan_summary(plan_without)["recipients"] == 3
    assert isms.plan_summary(plan_without)["estimated_credits"] is None


def test_plan_asks_for_nothing_but_the_balance() -> None:
    """Of the gateway only the balance is asked, once; and a price of one's own counts."""
    with Peer(lambda _: reply("Credits: 10.00")) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url, credits_per_segment=0.5)
        plan = isms.plan_messages(people([A, B]), "n", account=account, **SAME)

        assert [target.split("?")[0].rsplit("/", 1)[1] for target in peer.targets] == ["credits.php"]
    assert isms.plan_summary(plan)["estimated_credits"] == Decimal("1.0")


def test_plan_over_the_balance_warns() -> None:
    """A plan that the account cannot pay for stands, with a warning that says what it takes."""
    with isms.sandbox(credits=1) as account, pytest.warns(isms.IsmsWarning, match="2 credits, and the account has 1"):
        plan = isms.plan_messages(people([A, B]), "n", account=account, **SAME)

    assert isms.plan_summary(plan)["balance_after"] == Decimal("-1.00")


@pytest.mark.parametrize("body", ["", "Credits: many", reply("busy", status="503 Busy"), b""])
def test_plan_without_a_balance_stands(body: Any) -> None:
    """Where the gateway does not say what the account has, the plan stands, and a warning says so."""
    with Peer(lambda _: body if isinstance(body, bytes) else reply(body)) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url)
        with pytest.warns(isms.IsmsWarning, match="balance is not known"):
            plan = isms.plan_messages(people([A]), "n", account=account, **SAME)

    assert plan["action"].tolist() == ["send"]
    assert isms.plan_summary(plan)[["balance", "balance_after"]].tolist() == [None, None]
    assert isms.plan_summary(plan)["estimated_credits"] == 1


def test_plan_with_a_wrong_password() -> None:
    """A gateway that does not know the account is an error."""
    with Peer(lambda _: reply("Error: Authentication error.")) as peer:
        account = isms.Account("shop", "secret", base_url=peer.base_url)
        with pytest.raises(isms.AuthenticationError):
            isms.plan_messages(people([A]), "n", account=account, **SAME)


# What the journal knows


def intend(journal: Journal, number: str, campaign: str = "spring") -> tuple[int, int]:
    """A call that is meant to write to the number: its id, and the item's."""
    message = Message(number, "MyShop", "Hello", "GSM", False, None, None, "http")
    taken = claim(journal, [int(number)], Campaign(campaign), label=campaign, message=message)
    return taken.call_id, taken.first_id


def test_campaign_writes_once_to_a_number(account: SandboxAccount) -> None:
    """What was sent, may have been sent, is being sent or was settled is skipped, in this campaign and no other."""
    numbers = [f"30697000000{row}" for row in range(6)]
    with Journal(account.journal_place, account.label, "send") as other:
        sent, doubt, refused, skipped, _ = (intend(other, number) for number in numbers[:5])
        other.accepted([Accepted(sent[0], "ID1")])
        other.in_doubt(doubt[0], "lost")
        other.refused(refused[0], "busy")
        other.in_doubt(skipped[0], "lost")
        other.answer([(skipped[1], AnswerKind.SKIP, now(), None)])
        plan = isms.plan_messages(people(numbers), "n", account=account, **SAME)
        elsewhere = isms.plan_messages(people(numbers), "n", account=account, **{**SAME, "campaign": "autumn"})

    assert reasons(plan) == [
        "already sent in this campaign",
        "in doubt in this campaign: it may have been sent; isms.settle decides",
        None,
        "was in doubt in this campaign, and was settled by leaving it",
        "another process is sending it",
        None,
    ]
    assert reasons(elsewhere) == [None] * 6


def test_plan_as_a_coroutine(account: SandboxAccount) -> None:
    """`aio` gives what the plain function gives."""
    frame = people([A, B], ["Μ", None])
    plain = isms.plan_messages(frame, "n", account=account, **HELLO)

    pd.testing.assert_frame_equal(asyncio.run(isms.aio.plan_messages(frame, "n", account=account, **HELLO)), plain)
