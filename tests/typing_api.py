"""What a typed program may write; mypy checks it, nothing runs it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, assert_type

import pandas as pd

import isms_data as isms

if TYPE_CHECKING:
    from isms_data.replies import HlrReply
    from isms_data.vocabulary import MessageStatus


def plain(people: pd.DataFrame, account: isms.Account) -> None:
    numbers = isms.clean_numbers(people, "mobile", region="GR", split=True)
    assert_type(numbers, pd.DataFrame)
    assert_type(isms.hlr_lookup(numbers, "msisdn", max_age="30d", max_credits=50, account=account), pd.DataFrame)
    assert_type(isms.parse_hlr(people["reply"]), pd.DataFrame)
    assert_type(isms.list_quality(numbers), pd.DataFrame)
    assert_type(isms.settle(decision="balance"), pd.DataFrame)
    assert_type(isms.credits(), Decimal)
    plan = isms.plan_messages(numbers, "msisdn", campaign="c", sender="MyShop", text="Γεια {name}", account=account)
    assert_type(plan, pd.DataFrame)
    assert_type(isms.plan_summary(plan), pd.Series)
    assert_type(isms.send_messages(plan, schedule="+1 day", max_credits=Decimal(5), account=account), pd.DataFrame)
    assert_type(isms.delivery_status("c", max_wait="1min"), pd.DataFrame)
    assert_type(isms.suppress(numbers["msisdn"], reason="asked to stop"), pd.DataFrame)
    assert_type(isms.sync_contacts(numbers, mobile="msisdn", surname="last", dry_run=True), pd.DataFrame)
    isms.save_table(numbers, "out/numbers.parquet")


async def asynchronous(people: pd.DataFrame) -> None:
    assert_type(await isms.aio.hlr_lookup(people, "msisdn"), pd.DataFrame)
    assert_type(await isms.aio.clean_numbers(people, "mobile"), pd.DataFrame)
    assert_type(await isms.aio.credits(), Decimal)
    assert_type(await isms.aio.send_messages(people), pd.DataFrame)
    assert_type(await isms.aio.delivery_status(people), pd.DataFrame)


async def low_level() -> HlrReply:
    with isms.sandbox(seed=7) as account:
        async with isms.HttpGateway(account) as gateway:
            message_id = await gateway.hlr(["306970000001"])
            return await gateway.hlr_query(message_id, "306970000001")


async def other_transports() -> MessageStatus:
    with isms.sandbox(seed=7) as account:
        async with isms.SmppGateway(account) as smpp:
            assert_type(await smpp.send("MyShop", "306970000001", "hello"), tuple[str, ...])
        async with isms.SoapGateway(account) as soap:
            return await soap.query(await soap.send("MyShop", ["306970000001"], "hello"), "306970000001")


def set_up() -> isms.Account:
    return isms.Account("shop", "secret", credits_per_lookup=1, credits_per_segment=0.5, max_per_call=100)
