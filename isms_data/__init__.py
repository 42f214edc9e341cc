"""pandas in front of the iSMS.gr gateway: clean phone lists, look them up, measure what became of them.

    >>> import isms_data as isms
    >>> people = isms.read_list("data/samples/customers_cp1253.csv")       # any encoding, separator, spreadsheet
    >>> numbers = isms.clean_numbers(people, "mobile", region="GR")        # MSISDNs, and what is wrong with the rest
    >>> with isms.sandbox(median_latency_s=0.01) as account:
    ...     hlr = isms.hlr_lookup(numbers, "msisdn", account=account)      # paid; typed; resumable

The names below are all there is; each is made when it is first used, so that importing this package costs little more
than importing pandas. `isms_data.aio` has the same functions as coroutines, and `frame.isms` has them as methods.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from isms_data import accessor as _accessor
from isms_data import errors as _errors

if TYPE_CHECKING:
    from isms_data import aio as aio
    from isms_data.account import Account as Account
    from isms_data.doors import credits as credits
    from isms_data.doors import delete_contacts as delete_contacts
    from isms_data.doors import delivery_status as delivery_status
    from isms_data.doors import forget as forget
    from isms_data.doors import hlr_lookup as hlr_lookup
    from isms_data.doors import plan_messages as plan_messages
    from isms_data.doors import save_contacts as save_contacts
    from isms_data.doors import send_messages as send_messages
    from isms_data.doors import settle as settle
    from isms_data.doors import suppress as suppress
    from isms_data.doors import suppressed as suppressed
    from isms_data.doors import sync_contacts as sync_contacts
    from isms_data.doors import unsuppress as unsuppress
    from isms_data.errors import AuthenticationError as AuthenticationError
    from isms_data.errors import BudgetExceeded as BudgetExceeded
    from isms_data.errors import ColumnError as ColumnError
    from isms_data.errors import ConfigurationError as ConfigurationError
    from isms_data.errors import ContactFailed as ContactFailed
    from isms_data.errors import GatewayError as GatewayError
    from isms_data.errors import GatewayUnavailable as GatewayUnavailable
    from isms_data.errors import InsufficientCredits as InsufficientCredits
    from isms_data.errors import InvalidMobile as InvalidMobile
    from isms_data.errors import InvalidSchedule as InvalidSchedule
    from isms_data.errors import InvalidSender as InvalidSender
    from isms_data.errors import IsmsError as IsmsError
    from isms_data.errors import IsmsWarning as IsmsWarning
    from isms_data.errors import JournalError as JournalError
    from isms_data.errors import ListError as ListError
    from isms_data.errors import NoMessageId as NoMessageId
    from isms_data.errors import NoMobile as NoMobile
    from isms_data.errors import NoRecipients as NoRecipients
    from isms_data.errors import NoSuchMessage as NoSuchMessage
    from isms_data.errors import ProtocolError as ProtocolError
    from isms_data.errors import ReplyLost as ReplyLost
    from isms_data.errors import TableError as TableError
    from isms_data.errors import TextError as TextError
    from isms_data.greek import compare_renderings as compare_renderings
    from isms_data.hlr_result import parse_hlr as parse_hlr
    from isms_data.lists import read_list as read_list
    from isms_data.msisdn import clean_numbers as clean_numbers
    from isms_data.plans import plan_summary as plan_summary
    from isms_data.pseudonyms import pseudonymise as pseudonymise
    from isms_data.receiver import DeliveryReceiver as DeliveryReceiver
    from isms_data.reports.alerts import delivery_alerts as delivery_alerts
    from isms_data.reports.alerts import simulate_alerts as simulate_alerts
    from isms_data.reports.change import compare_rates as compare_rates
    from isms_data.reports.change import explain_change as explain_change
    from isms_data.reports.costs import capitals_savings as capitals_savings
    from isms_data.reports.costs import delivery_costs as delivery_costs
    from isms_data.reports.curves import cumulative_delivery as cumulative_delivery
    from isms_data.reports.delivery import delivery_funnel as delivery_funnel
    from isms_data.reports.delivery import delivery_rates as delivery_rates
    from isms_data.reports.delivery import delivery_times as delivery_times
    from isms_data.reports.document import write_report as write_report
    from isms_data.reports.figures import plot_cumulative_delivery as plot_cumulative_delivery
    from isms_data.reports.figures import plot_delivery_alerts as plot_delivery_alerts
    from isms_data.reports.figures import plot_delivery_costs as plot_delivery_costs
    from isms_data.reports.figures import plot_delivery_funnel as plot_delivery_funnel
    from isms_data.reports.figures import plot_delivery_rates as plot_delivery_rates
    from isms_data.reports.figures import plot_delivery_times as plot_delivery_times
    from isms_data.reports.figures import plot_error_breakdown as plot_error_breakdown
    from isms_data.reports.figures import plot_list_decay as plot_list_decay
    from isms_data.reports.figures import plot_list_quality as plot_list_quality
    from isms_data.reports.figures import plot_operator_shares as plot_operator_shares
    from isms_data.reports.figures import plot_portability as plot_portability
    from isms_data.reports.figures import plot_roaming_countries as plot_roaming_countries
    from isms_data.reports.list_decay import list_decay as list_decay
    from isms_data.reports.list_decay import list_survival as list_survival
    from isms_data.reports.lists import error_breakdown as error_breakdown
    from isms_data.reports.lists import list_quality as list_quality
    from isms_data.reports.lists import never_absent as never_absent
    from isms_data.reports.lists import operator_shares as operator_shares
    from isms_data.reports.lists import portability as portability
    from isms_data.reports.lists import roaming_countries as roaming_countries
    from isms_data.tables import load_table as load_table
    from isms_data.tables import save_table as save_table
    from isms_data.text_segments import offending as offending
    from isms_data.text_segments import segments as segments
    from isms_data.transports.http import HttpGateway as HttpGateway
    from isms_data.transports.smpp import SmppGateway as SmppGateway
    from isms_data.transports.soap import SoapGateway as SoapGateway
    from isms_data.trial import sandbox as sandbox

__version__ = "0.1.0"

_HOMES: Final = {
    "Account": "account",
    "DeliveryReceiver": "receiver",
    "HttpGateway": "transports.http",
    "SmppGateway": "transports.smpp",
    "SoapGateway": "transports.soap",
    "capitals_savings": "reports.costs",
    "clean_numbers": "msisdn",
    "compare_rates": "reports.change",
    "compare_renderings": "greek",
    "credits": "doors",
    "cumulative_delivery": "reports.curves",
    "delete_contacts": "doors",
    "delivery_alerts": "reports.alerts",
    "delivery_costs": "reports.costs",
    "delivery_funnel": "reports.delivery",
    "delivery_rates": "reports.delivery",
    "delivery_status": "doors",
    "delivery_times": "reports.delivery",
    "error_breakdown": "reports.lists",
    "explain_change": "reports.change",
    "forget": "doors",
    "hlr_lookup": "doors",
    "list_decay": "reports.list_decay",
    "list_quality": "reports.lists",
    "list_survival": "reports.list_decay",
    "load_table": "tables",
    "never_absent": "reports.lists",
    "offending": "text_segments",
    "operator_shares": "reports.lists",
    "parse_hlr": "hlr_result",
    "plan_messages": "doors",
    "plan_summary": "plans",
    "plot_cumulative_delivery": "reports.figures",
    "plot_delivery_alerts": "reports.figures",
    "plot_delivery_costs": "reports.figures",
    "plot_delivery_funnel": "reports.figures",
    "plot_delivery_rates": "reports.figures",
    "plot_delivery_times": "reports.figures",
    "plot_error_breakdown": "reports.figures",
    "plot_list_decay": "reports.figures",
    "plot_list_quality": "reports.figures",
    "plot_operator_shares": "reports.figures",
    "plot_portability": "reports.figures",
    "plot_roaming_countries": "reports.figures",
    "portability": "reports.lists",
    "pseudonymise": "pseudonyms",
    "read_list": "lists",
    "roaming_countries": "reports.lists",
    "sandbox": "trial",
    "save_contacts": "doors",
    "save_table": "tables",
    "segments": "text_segments",
    "send_messages": "doors",
    "settle": "doors",
    "simulate_alerts": "reports.alerts",
    "suppress": "doors",
    "suppressed": "doors",
    "sync_contacts": "doors",
    "unsuppress": "doors",
    "write_report": "reports.document",
}
"""In which module each public name lives; the errors are all in `errors`."""

__all__ = sorted([*_HOMES, *_errors.__all__, "aio"])  # noqa: PLE0605 - from the two sources, so that nothing is missed


def __getattr__(name: str) -> Any:
    if name == "aio":
        return import_module("isms_data.aio")
    if name in _HOMES:
        value = getattr(import_module(f"isms_data.{_HOMES[name]}"), name)
    elif name in _errors.__all__:
        value = getattr(_errors, name)
    else:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


_accessor.register(__getattr__)
