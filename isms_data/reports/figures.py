"""The metrics as pictures, in one place: each `plot_x` works out the metric x and draws that on the given Axes.

Nothing is shown, saved or restyled.
"""

from __future__ import annotations

from isms_data.reports.alert_figures import plot_delivery_alerts
from isms_data.reports.delivery_figures import (
    plot_cumulative_delivery,
    plot_delivery_costs,
    plot_delivery_funnel,
    plot_delivery_times,
)
from isms_data.reports.drawing import COLOURS, NETWORK, NOT_KNOWN
from isms_data.reports.list_figures import (
    plot_error_breakdown,
    plot_list_decay,
    plot_list_quality,
    plot_operator_shares,
    plot_portability,
    plot_roaming_countries,
)
from isms_data.reports.rate_figures import plot_delivery_rates

__all__ = [
    "COLOURS",
    "NETWORK",
    "NOT_KNOWN",
    "plot_cumulative_delivery",
    "plot_delivery_alerts",
    "plot_delivery_costs",
    "plot_delivery_funnel",
    "plot_delivery_rates",
    "plot_delivery_times",
    "plot_error_breakdown",
    "plot_list_decay",
    "plot_list_quality",
    "plot_operator_shares",
    "plot_portability",
    "plot_roaming_countries",
]
