"""The functions of the package over dask frames: lists and delivery data that no machine's memory holds.

    >>> import isms_data as isms, pandas as pd
    >>> import dask.dataframe as dd
    >>> import isms_data.dask as isms_dask
    >>> people = dd.from_pandas(pd.DataFrame({"mobile": ["6970000001", "2101234567", "6970000001"]}), npartitions=3)
    >>> isms_dask.clean_numbers(people, "mobile").compute()["number_status"].tolist()
    ['mobile', 'fixed_line', 'duplicate']

Same names, same keyword arguments, same results, dtypes and all: a dask frame in, or the path of a Parquet dataset, and
a dask frame out; a metric gives a pandas frame. What is lazy and what runs at once:

    pseudonymise, load_table                  lazy, each partition by itself
    clean_numbers, parse_hlr, plan_messages   the first pass, over what the whole dataset decides, runs at once (as in
                                              dask's own `set_index`); the frame that it gives is lazy, each
                                              partition by itself
    plan_summary, save_table, the metrics     run at once
    hlr_lookup, send_messages                 run at once, in this process, partition by partition

Paid work is in no task: dask does a task again when a worker is lost.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from isms_data.errors import ConfigurationError

try:
    import dask.dataframe  # noqa: F401 - all modules below need it
except ImportError as error:
    _MISSING = f"dask is not installed, or a part of it ({error}). Install it with `pip install 'isms_data[dask]'`."
    raise ConfigurationError(_MISSING) from None

if TYPE_CHECKING:
    from isms_data.dask.cleaning import clean_numbers as clean_numbers
    from isms_data.dask.datasets import load_table as load_table
    from isms_data.dask.datasets import save_table as save_table
    from isms_data.dask.metrics import capitals_savings as capitals_savings
    from isms_data.dask.metrics import compare_rates as compare_rates
    from isms_data.dask.metrics import cumulative_delivery as cumulative_delivery
    from isms_data.dask.metrics import delivery_alerts as delivery_alerts
    from isms_data.dask.metrics import delivery_costs as delivery_costs
    from isms_data.dask.metrics import delivery_funnel as delivery_funnel
    from isms_data.dask.metrics import delivery_rates as delivery_rates
    from isms_data.dask.metrics import delivery_times as delivery_times
    from isms_data.dask.metrics import error_breakdown as error_breakdown
    from isms_data.dask.metrics import explain_change as explain_change
    from isms_data.dask.metrics import list_decay as list_decay
    from isms_data.dask.metrics import list_quality as list_quality
    from isms_data.dask.metrics import list_survival as list_survival
    from isms_data.dask.metrics import never_absent as never_absent
    from isms_data.dask.metrics import operator_shares as operator_shares
    from isms_data.dask.metrics import portability as portability
    from isms_data.dask.metrics import roaming_countries as roaming_countries
    from isms_data.dask.metrics import simulate_alerts as simulate_alerts
    from isms_data.dask.paid import hlr_lookup as hlr_lookup
    from isms_data.dask.paid import send_messages as send_messages
    from isms_data.dask.planning import plan_messages as plan_messages
    from isms_data.dask.planning import plan_summary as plan_summary
    from isms_data.dask.pseudonyms import pseudonymise as pseudonymise
    from isms_data.dask.replies import parse_hlr as parse_hlr

_HOMES: Final = {
    "capitals_savings": "metrics",
    "clean_numbers": "cleaning",
    "compare_rates": "metrics",
    "cumulative_delivery": "metrics",
    "delivery_alerts": "metrics",
    "delivery_costs": "metrics",
    "delivery_funnel": "metrics",
    "delivery_rates": "metrics",
    "delivery_times": "metrics",
    "error_breakdown": "metrics",
    "explain_change": "metrics",
    "hlr_lookup": "paid",
    "list_decay": "metrics",
    "list_quality": "metrics",
    "list_survival": "metrics",
    "load_table": "datasets",
    "never_absent": "metrics",
    "operator_shares": "metrics",
    "parse_hlr": "replies",
    "plan_messages": "planning",
    "plan_summary": "planning",
    "portability": "metrics",
    "pseudonymise": "pseudonyms",
    "roaming_countries": "metrics",
    "save_table": "datasets",
    "send_messages": "paid",
    "simulate_alerts": "metrics",
}
"""In which module each name lives: made when it is first used, so that a worker loads what its tasks need, no more."""

__all__ = sorted(_HOMES)  # noqa: PLE0605 - from the one source


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
