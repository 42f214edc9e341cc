"""The functions of the package as coroutines, for programs that have a loop of their own.

What talks to the gateway runs on the caller's loop; what only computes or touches files runs in a thread, so that the
loop goes on meanwhile.

>>> import asyncio, isms_data as isms
>>> with isms.sandbox(credits=3) as account:
...     asyncio.run(isms.aio.credits(account))
Decimal('3.00')
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from isms_data import greek, hlr_result, lists, msisdn, plans, pseudonyms, tables
from isms_data.operations.contacts import delete_contacts, save_contacts, sync_contacts
from isms_data.operations.credits import credits
from isms_data.operations.delivery import delivery_status
from isms_data.operations.forget import forget
from isms_data.operations.hlr import hlr_lookup
from isms_data.operations.plan import plan_messages
from isms_data.operations.send import send_messages
from isms_data.operations.settle import settle
from isms_data.operations.suppression import suppress, suppressed, unsuppress
from isms_data.reports import alerts, change, costs, curves, delivery, document
from isms_data.reports import list_decay as decay
from isms_data.reports import lists as list_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

P = ParamSpec("P")
T = TypeVar("T")


def _in_thread(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    @functools.wraps(function)
    async def coroutine(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(function, *args, **kwargs)

    return coroutine


clean_numbers = _in_thread(msisdn.clean_numbers)
compare_renderings = _in_thread(greek.compare_renderings)
capitals_savings = _in_thread(costs.capitals_savings)
compare_rates = _in_thread(change.compare_rates)
cumulative_delivery = _in_thread(curves.cumulative_delivery)
delivery_alerts = _in_thread(alerts.delivery_alerts)
delivery_costs = _in_thread(costs.delivery_costs)
delivery_funnel = _in_thread(delivery.delivery_funnel)
delivery_rates = _in_thread(delivery.delivery_rates)
delivery_times = _in_thread(delivery.delivery_times)
error_breakdown = _in_thread(list_metrics.error_breakdown)
explain_change = _in_thread(change.explain_change)
list_decay = _in_thread(decay.list_decay)
list_quality = _in_thread(list_metrics.list_quality)
list_survival = _in_thread(decay.list_survival)
never_absent = _in_thread(list_metrics.never_absent)
operator_shares = _in_thread(list_metrics.operator_shares)
portability = _in_thread(list_metrics.portability)
roaming_countries = _in_thread(list_metrics.roaming_countries)
simulate_alerts = _in_thread(alerts.simulate_alerts)
load_table = _in_thread(tables.load_table)
parse_hlr = _in_thread(hlr_result.parse_hlr)
plan_summary = _in_thread(plans.plan_summary)
pseudonymise = _in_thread(pseudonyms.pseudonymise)
read_list = _in_thread(lists.read_list)
save_table = _in_thread(tables.save_table)
write_report = _in_thread(document.write_report)

__all__ = [
    "capitals_savings",
    "clean_numbers",
    "compare_rates",
    "compare_renderings",
    "credits",
    "cumulative_delivery",
    "delete_contacts",
    "delivery_alerts",
    "delivery_costs",
    "delivery_funnel",
    "delivery_rates",
    "delivery_status",
    "delivery_times",
    "error_breakdown",
    "explain_change",
    "forget",
    "hlr_lookup",
    "list_decay",
    "list_quality",
    "list_survival",
    "load_table",
    "never_absent",
    "operator_shares",
    "parse_hlr",
    "plan_messages",
    "plan_summary",
    "portability",
    "pseudonymise",
    "read_list",
    "roaming_countries",
    "save_contacts",
    "save_table",
    "send_messages",
    "settle",
    "simulate_alerts",
    "suppress",
    "suppressed",
    "sync_contacts",
    "unsuppress",
    "write_report",
]
