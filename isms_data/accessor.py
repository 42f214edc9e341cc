"""`frame.isms.hlr_lookup("msisdn")` and `series.isms.parse_hlr()`: the public functions as methods; no logic.

>>> import pandas as pd, isms_data as isms
>>> pd.DataFrame({"mobile": ["6970 000 001"]}).isms.clean_numbers("mobile").msisdn.tolist()
['306970000001']
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_METHODS: Final = (
    "capitals_savings",
    "clean_numbers",
    "compare_rates",
    "compare_renderings",
    "cumulative_delivery",
    "delete_contacts",
    "delivery_alerts",
    "delivery_costs",
    "delivery_funnel",
    "delivery_rates",
    "delivery_status",
    "delivery_times",
    "error_breakdown",
    "hlr_lookup",
    "list_quality",
    "never_absent",
    "operator_shares",
    "plan_messages",
    "plan_summary",
    "plot_cumulative_delivery",
    "plot_delivery_alerts",
    "plot_delivery_costs",
    "plot_delivery_funnel",
    "plot_delivery_rates",
    "plot_delivery_times",
    "plot_error_breakdown",
    "plot_list_quality",
    "plot_operator_shares",
    "plot_portability",
    "plot_roaming_countries",
    "portability",
    "pseudonymise",
    "roaming_countries",
    "save_contacts",
    "save_table",
    "send_messages",
    "simulate_alerts",
    "sync_contacts",
    "write_report",
)
SERIES_METHODS: Final = ("compare_renderings", "parse_hlr", "suppress", "unsuppress")


class Accessor:
    """The functions of `isms_data` whose first argument is this frame or series."""

    _methods: ClassVar[tuple[str, ...]] = ()
    _public: ClassVar[Callable[[str], Any]]
    """Gives a public function by its name; the package hands it in, because it imports this module."""

    def __init__(self, data: pd.DataFrame | pd.Series) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._methods:
            msg = f"{type(self._data).__name__}.isms has no {name!r}. It has: {', '.join(self._methods)}."
            raise AttributeError(msg)
        return _bound(type(self)._public(name), self._data)  # noqa: SLF001 - its own class

    def __dir__(self) -> list[str]:
        return list(self._methods)


class FrameAccessor(Accessor):
    """`DataFrame.isms`."""

    _methods = FRAME_METHODS


class SeriesAccessor(Accessor):
    """`Series.isms`."""

    _methods = SERIES_METHODS


def register(public: Callable[[str], Any]) -> None:
    """Give every DataFrame and Series its `isms`."""
    Accessor._public = staticmethod(public)  # noqa: SLF001 - this module's own class
    pd.api.extensions.register_dataframe_accessor("isms")(FrameAccessor)
    pd.api.extensions.register_series_accessor("isms")(SeriesAccessor)


def _bound(function: Callable[..., Any], data: pd.DataFrame | pd.Series) -> Callable[..., Any]:
    """The function with its first argument given, and the signature and docstring of the rest."""

    @functools.wraps(function)
    def method(*args: Any, **kwargs: Any) -> Any:
        return function(data, *args, **kwargs)

    signature = inspect.signature(function)
    rest = signature.replace(parameters=list(signature.parameters.values())[1:])
    method.__signature__ = rest  # type: ignore[attr-defined]
    return method
