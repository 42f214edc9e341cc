"""The metrics of the reports over dask frames: the same SQL over the same rows.

A metric runs in this process, in DuckDB, over Parquet files larger than its memory. The path of such files is handed on
as it is; a dask frame is fetched, a few partitions at a time, into a folder of temporary files, which is removed in the
end. Whoever asks for several metrics saves the frame first (`save_table`) and gives the path.
"""

from __future__ import annotations

import functools
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

import dask.dataframe as dd

from isms_data.dask.datasets import file_name, write_part
from isms_data.dask.partitions import streamed
from isms_data.reports import alerts, change, costs, curves, delivery, lists
from isms_data.reports import list_decay as decay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from isms_data.reports.stored import Data

    Rows = dd.DataFrame | Data

P = ParamSpec("P")


@contextmanager
def staged(frame: dd.DataFrame) -> Iterator[Path]:
    """The frame's rows in a temporary folder of Parquet files."""
    with TemporaryDirectory(prefix="isms_") as folder:
        for number, part in enumerate(streamed(frame)):
            write_part(part, Path(folder, file_name(number)), number)
        yield Path(folder)


def of_one(metric: Callable[Concatenate[Data, P], pd.DataFrame]) -> Callable[Concatenate[Rows, P], pd.DataFrame]:
    """The metric of one dataset, for a dask frame too."""
    return cast("Callable[Concatenate[Rows, P], pd.DataFrame]", _of_any(metric))


def of_two(
    metric: Callable[Concatenate[Data, Data, P], pd.DataFrame],
) -> Callable[Concatenate[Rows, Rows, P], pd.DataFrame]:
    """The metric of two datasets, for dask frames too."""
    return cast("Callable[Concatenate[Rows, Rows, P], pd.DataFrame]", _of_any(metric))


def _of_any(metric: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    @functools.wraps(metric)
    def over_partitions(*args: Any, **options: Any) -> pd.DataFrame:
        with ExitStack() as folders:
            here = {name: _here(value, folders) for name, value in options.items()}
            return metric(*(_here(value, folders) for value in args), **here)

    return over_partitions


def _here(value: Any, folders: ExitStack) -> Any:
    """A dask frame as the path of its rows; anything else as it is."""
    return folders.enter_context(staged(value)) if isinstance(value, dd.DataFrame) else value


capitals_savings = of_one(costs.capitals_savings)
compare_rates = of_one(change.compare_rates)
cumulative_delivery = of_one(curves.cumulative_delivery)
delivery_alerts = of_one(alerts.delivery_alerts)
delivery_costs = of_one(costs.delivery_costs)
delivery_funnel = of_one(delivery.delivery_funnel)
delivery_rates = of_one(delivery.delivery_rates)
delivery_times = of_one(delivery.delivery_times)
error_breakdown = of_one(lists.error_breakdown)
explain_change = of_two(change.explain_change)
list_decay = of_two(decay.list_decay)
list_quality = of_one(lists.list_quality)
list_survival = of_two(decay.list_survival)
never_absent = of_one(lists.never_absent)
operator_shares = of_one(lists.operator_shares)
portability = of_one(lists.portability)
roaming_countries = of_one(lists.roaming_countries)
simulate_alerts = of_one(alerts.simulate_alerts)
