"""Plans, lookups and messages of a dask frame: as in pandas, paid for once, resumed partition by partition."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import pandas as pd
import pytest

import isms_data as isms
import isms_data.dask as isms_dask
from isms_data.dask import paid
from isms_data.errors import ColumnError, InsufficientCredits, IsmsWarning, TableError
from isms_data.plans import PREFIX, SUMMARY
from isms_data.simulator.ledger import ChargeKind
from tests.test_dask_cleaning import in_parts, same

if TYPE_CHECKING:
    from pathlib import Path

    from isms_data.trial import SandboxAccount

PEOPLE = pd.DataFrame(
    {
        "mobile": ["6970000001", "6970000002", "2101234567", "6970000001", None, "6970000003", "6970000002"],
        "name": ["Μαρία", None, "Νίκος", "Άννα", "Ηλίας", "Ελένη", "Γιώργος"],
    }
)
CUTS = [2, 2, 5]


def numbers(*endings: int) -> pd.DataFrame:
    return pd.DataFrame({"msisdn": [f"3069700000{ending:02}" for ending in endings]})


def planned(data: Any, account: SandboxAccount, **options: Any) -> Any:
    """A plan by the function that goes with the data."""
    here = isms_dask if isinstance(data, dd.DataFrame) else isms
    how = {"campaign": "spring", "sender": "MyShop", "text": "Γεια σου {name}", "account": account}
    return here.plan_messages(data, "mobile", **how | options)


def charged(account: SandboxAccount, kind: str) -> dict[str, int]:
    """How often the gateway charged for each number."""
    return dict(account.gateway.simulator.ledger.times_charged(kind=kind))


# Plans


@pytest.mark.parametrize("options", [{}, {"prefix": "plan_"}, {"suppress": ["+306970000003"], "greek": "capitals"}])
def test_plan_is_the_same_in_any_partitions(options: dict[str, Any], account: SandboxAccount) -> None:
    """A number is planned once in the dataset: in the first row that can be sent, as in pandas."""
    isms.suppress(["6970000009"], account=account, reason="asked")
    frame = pd.concat([PEOPLE, PEOPLE.assign(mobile="6970000009").iloc[:2]], ignore_index=True)

    lazy, expected = (planned(data, account, **options) for data in (in_parts(frame, CUTS), frame))

    same(lazy._meta, expected.iloc[:0], check_index_type=False)
    same(lazy.compute(), expected)
    assert lazy.compute().attrs[PREFIX] == expected.attrs[PREFIX]
    pd.testing.assert_series_equal(isms_dask.plan_summary(lazy), isms.plan_summary(expected))


def test_plan_of_a_campaign_that_has_begun(account: SandboxAccount) -> None:
    """What was sent is skipped in every partition, and so is not the first row of a number either."""
    isms.send_messages(planned(PEOPLE.iloc[:1], account), account=account)
    isms.send_messages(planned(PEOPLE.iloc[5:6], account), account=account)

    lazy, expected = (planned(data, account) for data in (in_parts(PEOPLE, CUTS), PEOPLE))

    same(lazy.compute(), expected)
    assert expected["reason"].eq("already sent in this campaign").sum() == 3


def test_plan_keeps_price_and_balance_through_a_file(tmp_path: Path, account: SandboxAccount) -> None:
    """A saved plan knows what it would cost, and can be sent from its path."""
    isms_dask.save_table(planned(in_parts(PEOPLE, CUTS), account), tmp_path / "plan")
    summary = isms_dask.plan_summary(isms_dask.load_table(tmp_path / "plan"))
    sent = isms_dask.send_messages(tmp_path / "plan", tmp_path / "sent", account=account)

    assert summary["balance"] == Decimal("10000.00")
    assert isms_dask.plan_summary(tmp_path / "plan").equals(summary)
    assert isms.load_table(tmp_path / "plan").attrs[SUMMARY]["credits_per_segment"] == "1"
    assert sent.compute()["outcome"].eq("accepted").sum() == summary["recipients"] == 3


def test_plan_without_its_attributes_is_summed_up(account: SandboxAccount) -> None:
    """Where a frame has lost price and balance, the counts are told and the rest is null, as in pandas."""
    plan = planned(PEOPLE, account)
    plan.attrs = {}

    pd.testing.assert_series_equal(isms_dask.plan_summary(in_parts(plan, CUTS)), isms.plan_summary(plan))


# Lookups


def test_lookup_is_the_same_in_any_partitions(tmp_path: Path, account: SandboxAccount) -> None:
    """The answers are those of pandas, dtypes, categories and index too; a number in two partitions is paid once."""
    frame = numbers(1, 2, 3, 1, 4, 2, 1).set_axis(list("aabbccd"), axis=0)
    found = isms_dask.hlr_lookup(in_parts(frame, CUTS), "msisdn", tmp_path / "hlr", account=account)
    expected = isms.hlr_lookup(frame, "msisdn", account=account)
    told = ["outcome", "submitted_at", "resolved_at", "message_id"]

    same(found.compute().drop(columns=told), expected.drop(columns=told))
    same(isms.load_table(tmp_path / "hlr"), found.compute())
    assert found.compute()["outcome"].eq("done").all()
    assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(frame["msisdn"], 1)


def test_lookup_counts_age_from_its_beginning(tmp_path: Path, account: SandboxAccount) -> None:
    """With `max_age="0s"` every number is asked anew, and still once in the call, wherever it stands."""
    frame = numbers(1, 2, 1)
    for times in (1, 2):
        isms_dask.hlr_lookup(in_parts(frame, [1, 2]), "msisdn", tmp_path / "hlr", max_age="0s", account=account)

        assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(frame["msisdn"], times)


def test_lookup_leaves_finished_partitions_alone(tmp_path: Path, account: SandboxAccount) -> None:
    """Calling again asks nothing of partitions that are done; one whose rows have changed is asked again."""
    frame = numbers(1, 2, 3, 4)
    isms_dask.hlr_lookup(in_parts(frame, [2]), "msisdn", tmp_path / "hlr", account=account)
    before = {path.name: path.stat().st_ino for path in tmp_path.glob("hlr/*")}
    changed = frame.assign(msisdn=frame["msisdn"].replace("306970000004", "306970000005"))
    isms_dask.hlr_lookup(in_parts(changed, [2]), "msisdn", tmp_path / "hlr", account=account)
    after = {path.name: path.stat().st_ino for path in tmp_path.glob("hlr/*")}

    assert [after[name] == before[name] for name in sorted(before)] == [True, False]
    assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(numbers(1, 2, 3, 4, 5)["msisdn"], 1)


def test_lookup_goes_on_where_it_was_stopped(
    tmp_path: Path, account: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done before a stop is on disk, and is neither asked nor paid for again."""
    frame, ask = numbers(*range(6)), paid.doors.hlr_lookup
    monkeypatch.setattr(
        paid.doors,
        "hlr_lookup",
        lambda part, *a, **o: interrupt() if "306970000004" in part["msisdn"].tolist() else ask(part, *a, **o),
    )
    with pytest.raises(KeyboardInterrupt):
        isms_dask.hlr_lookup(in_parts(frame, [2, 4]), "msisdn", tmp_path / "hlr", account=account)
    monkeypatch.undo()

    assert len(isms.load_table(tmp_path / "hlr")) == 4
    monkeypatch.setenv("ISMS_PROGRESS", "0")
    found = isms_dask.hlr_lookup(in_parts(frame, [2, 4]), "msisdn", tmp_path / "hlr", account=account)
    assert found.compute()["outcome"].eq("done").all()
    assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(frame["msisdn"], 1)


def test_results_go_on_after_a_killed_writer(tmp_path: Path, account: SandboxAccount) -> None:
    """The half file of a process that was killed while it wrote a result is taken away."""
    (tmp_path / "hlr").mkdir()
    (tmp_path / "hlr" / ".part-00000.parquet.0123.tmp").write_bytes(b"half")
    found = isms_dask.hlr_lookup(in_parts(numbers(1, 2), [1]), "msisdn", tmp_path / "hlr", account=account)

    assert found.compute()["outcome"].eq("done").all()
    assert len(list((tmp_path / "hlr").iterdir())) == 2


def interrupt() -> None:
    raise KeyboardInterrupt


def test_lookup_limit_holds_over_all_partitions(tmp_path: Path, account: SandboxAccount) -> None:
    """`max_credits` is for the whole call; what is over it is not attempted, and a higher limit goes on."""
    frame = in_parts(numbers(*range(9)), [3, 6])
    with pytest.warns(IsmsWarning, match="max_credits is used up") as told:
        found = isms_dask.hlr_lookup(frame, "msisdn", tmp_path / "hlr", max_credits=4, account=account)

    assert found.compute()["outcome"].tolist() == ["done"] * 4 + ["not_attempted"] * 5
    assert [word in str(told[-1].message) for word in ("3 rows of later partitions", "(4 credits spent")] == [True] * 2
    found = isms_dask.hlr_lookup(frame, "msisdn", tmp_path / "hlr", max_credits=5, account=account)
    assert found.compute()["outcome"].isin(["done", "cached"]).all()
    assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(numbers(*range(9))["msisdn"], 1)


def test_lookup_limit_counts_the_price_that_is_charged(tmp_path: Path) -> None:
    """Where a lookup costs more than planned, the limit counts what it costs."""
    with isms.sandbox(seed=7, median_latency_s=0.005, price_per_lookup=2) as account:
        with pytest.warns(IsmsWarning):
            isms_dask.hlr_lookup(
                in_parts(numbers(*range(8)), [2, 4, 6]), "msisdn", tmp_path / "hlr", max_credits=8, account=account
            )

        assert account.gateway.simulator.ledger.charged(kind=ChargeKind.LOOKUP) <= 8


def test_results_never_replace_other_files(tmp_path: Path, account: SandboxAccount) -> None:
    """A folder with anything but results in it, such as the input, is refused, and nothing is paid."""
    isms_dask.save_table(in_parts(numbers(1, 2), [1]), tmp_path / "list")

    with pytest.raises(TableError, match=r"folder of the results.*is none"):
        isms_dask.hlr_lookup(tmp_path / "list", "msisdn", tmp_path / "list", account=account)
    with pytest.raises(ColumnError, match="no column 'phone'"):
        isms_dask.hlr_lookup(tmp_path / "list", "phone", tmp_path / "hlr", account=account)
    assert charged(account, ChargeKind.LOOKUP) == {}


def test_results_of_fewer_partitions_replace_all(tmp_path: Path, account: SandboxAccount) -> None:
    """When the frame has fewer partitions than before, no file of the earlier ones is left."""
    frame = numbers(1, 2, 3)
    for cuts in ([1, 2], [1], []):
        found = isms_dask.hlr_lookup(in_parts(frame, cuts), "msisdn", tmp_path / "hlr", account=account)

        assert found.compute()["msisdn"].tolist() == frame["msisdn"].tolist()
        assert found.npartitions == len(cuts) + 1


def test_lookup_writes_to_an_object_store(account: SandboxAccount) -> None:
    """The folder of the results may lie in a store, and is resumed there too."""
    for cuts in ([1], [1], []):
        frame = in_parts(numbers(1, 2), cuts)
        found = isms_dask.hlr_lookup(frame, "msisdn", "memory://paid/hlr", account=account)

        assert found.npartitions == len(cuts) + 1
        assert found.compute()["outcome"].isin(["done", "cached"]).all()
    assert charged(account, ChargeKind.LOOKUP) == dict.fromkeys(numbers(1, 2)["msisdn"], 1)


# Messages


def test_sending_is_the_same_in_any_partitions(tmp_path: Path, account: SandboxAccount) -> None:
    """Each number of the plan is written to once, and again by no second call."""
    plan = planned(in_parts(PEOPLE, CUTS), account)
    sent = isms_dask.send_messages(plan, tmp_path / "sent", account=account).compute()
    again = isms_dask.send_messages(plan, tmp_path / "again", account=account).compute()
    pandas = isms.send_messages(plan.compute(), account=account)

    same(sent[plan.columns], plan.compute())
    same(again.drop(columns="problem"), pandas.drop(columns="problem"))
    assert sent["outcome"].eq("accepted").sum() == 3
    assert charged(account, ChargeKind.MESSAGE) == dict.fromkeys(numbers(1, 2, 3)["msisdn"], 1)


def test_sending_a_number_in_two_partitions(tmp_path: Path, account: SandboxAccount) -> None:
    """A plan that was put together by hand still sends a number once; the later row says so."""
    plan = planned(PEOPLE.iloc[:1], account)
    twice = dd.concat([in_parts(plan, []), in_parts(plan, [])])

    sent = isms_dask.send_messages(twice, tmp_path / "sent", account=account).compute()

    assert sent["outcome"].tolist() == ["accepted", "already_sent"]
    assert charged(account, ChargeKind.MESSAGE) == {"306970000001": 1}


def test_sending_checks_all_before_the_first(tmp_path: Path, account: SandboxAccount) -> None:
    """Two campaigns, or a text that was changed in the last partition: nothing is sent."""
    plan = planned(PEOPLE, account)
    other = dd.concat([in_parts(plan, []), in_parts(planned(PEOPLE, account, campaign="autumn"), [])])
    changed = plan.assign(text=plan["text"].mask(plan.index == 5, "Longer than it was " * 20))

    with pytest.raises(ColumnError, match="2 campaigns"):
        isms_dask.send_messages(other, tmp_path / "sent", account=account)
    with pytest.raises(ColumnError, match="another text than was planned"):
        isms_dask.send_messages(in_parts(changed, CUTS), tmp_path / "sent", account=account)
    with pytest.raises(ColumnError, match="no plan"):
        isms_dask.send_messages(in_parts(PEOPLE, CUTS), tmp_path / "sent", account=account)
    assert charged(account, ChargeKind.MESSAGE) == {}


def test_sending_limit_holds_over_all_partitions(tmp_path: Path, account: SandboxAccount) -> None:
    """`max_credits` counts segments over all partitions; what is rejected or left is sent by the next call."""
    people = PEOPLE.drop_duplicates("mobile").dropna()
    plan = planned(in_parts(people, [1, 2]), account, text="a" * 200)
    with pytest.warns(IsmsWarning, match="max_credits"):
        isms_dask.send_messages(plan, tmp_path / "sent", max_credits=2, account=account)

    assert account.gateway.simulator.ledger.charged(kind=ChargeKind.MESSAGE) == 2
    sent = isms_dask.send_messages(plan, tmp_path / "sent", account=account).compute()
    assert set(sent["outcome"]) <= {"accepted", "already_sent", "skipped"}


def test_refused_account_ends_the_run_with_what_is_done(tmp_path: Path) -> None:
    """When the credits are gone, the partitions that were paid for are on disk."""
    with isms.sandbox(seed=7, median_latency_s=0.005, credits=2) as account:
        with pytest.raises(InsufficientCredits):
            isms_dask.hlr_lookup(in_parts(numbers(1, 2, 3, 4), [2]), "msisdn", tmp_path / "hlr", account=account)

        assert isms.load_table(tmp_path / "hlr")["outcome"].tolist() == ["done", "done"]
