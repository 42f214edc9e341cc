"""Two rates beside each other: whether one is better, and where a change came from. Frame or Parquet in, frame out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from isms_data.errors import ColumnError
from isms_data.reports.delivery import delivery_rates
from isms_data.reports.source import ATHENS, key_names, refuse_taken
from isms_data.reports.statistics import needed_per_group, newcombe, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.reports.stored import Data

_COUNTS: Final = ("messages", "final", "delivered")
_CHANGE: Final = (
    *(f"{name}_{when}" for when in ("before", "after") for name in ("messages", "final", "rate")),
    *("mix_effect", "within_effect"),
)


def compare_rates(
    data: Data, column: str, *, a: Any, b: Any, confidence: float = 0.95, power: float = 0.8, timezone: str = ATHENS
) -> pd.DataFrame:
    """Tell whether the messages of one kind are delivered more often than those of another: two senders, two texts.

    Parameters
    ----------
    data : DataFrame or path
        What `delivery_status` gives; or Parquet files of it: a file, a folder, a pattern.
    column : str
        Where the kinds stand: `sender`, `text`, `coding`, any other, or a bucket of time as in `delivery_rates`.
    a, b
        The two values of the column.
    confidence : float, default 0.95
        Of the interval.
    power : float, default 0.8
        How probable it should be to tell such a difference.
    timezone : str, default "Europe/Athens"
        The clock that the buckets of time go by.

    Returns
    -------
    DataFrame
        one row
        rate_a, rate_b    float64  delivered of final; null where nothing is final
        n_a, n_b          int64    final messages
        difference        float64  rate_b less rate_a
        low, high         float64  Newcombe's interval of the difference: if 0 is in it, these data do not tell
        needed_per_group  Int64    final messages of each kind that it takes to tell a difference as large as this one;
                                   null where there is none

    Raises
    ------
    ColumnError          the column is not there, or no message has that value.
    ConfigurationError   confidence or power is not between 0 and 1.

    Notes
    -----
    Cost: none. Repeatable: yes. The interval knows chance and nothing else: who got which text should have been drawn
    by lot, or the two differ in more than the text. Source: docs/statistics.md.

    Examples
    --------
    >>> messages = pd.DataFrame({"outcome": "accepted", "final": True, "sender": ["MyShop"] * 80 + ["Shop24"] * 70})
    >>> messages["status"] = ["Delivered"] * 48 + ["Failed"] * 32 + ["Delivered"] * 56 + ["Failed"] * 14
    >>> compare_rates(messages, "sender", a="MyShop", b="Shop24").round(3).T[0].to_list()
    [0.6, 80, 0.8, 70, 0.2, 0.052, 0.334, 82]
    """
    rates = delivery_rates(data, by=column, timezone=timezone)
    of_a, of_b = (_of_value(rates, column, value) for value in (a, b))
    counts = (of_a["delivered"], of_a["final"], of_b["delivered"], of_b["final"])
    compared = pd.DataFrame(
        {"rate_a": of_a["rate"], "n_a": of_a["final"], "rate_b": of_b["rate"], "n_b": of_b["final"]}
        | newcombe(*counts, confidence=confidence)._asdict()
    )
    needed = needed_per_group(of_a["rate"], of_b["rate"], confidence=confidence, power=power)
    return compared.assign(needed_per_group=pd.Series(needed).astype("Int64"))


def explain_change(
    before: Data, after: Data, *, by: str | Sequence[str] = "network", timezone: str = ATHENS
) -> pd.DataFrame:
    """Tell why the delivery rate changed: because groups do better or worse, or because their shares have changed.

    Parameters
    ----------
    before, after : DataFrame or path
        What `delivery_status` gave then and now; or Parquet files of it.
    by : str or list of str, default "network"
        The groups: columns, or buckets of time as in `delivery_rates`.
    timezone : str, default "Europe/Athens"
        The clock that these go by.

    Returns
    -------
    DataFrame
        one row for each group that there was before or after, sorted
        ...                              as in the data  the columns of `by`
        messages_before, messages_after  int64    sent
        final_before, final_after        int64    of these, final
        rate_before, rate_after          float64  delivered of final; null where nothing is final
        mix_effect                       float64  by how much the whole rate changed because the group's share did
        within_effect                    float64  and because its own rate did

        The two effects of all groups together are the change of the whole rate, up to rounding. Null where nothing is
        final before or after.

    Raises
    ------
    ColumnError   a column of `delivery_status` or of `by` is not there, or holds something else.

    Notes
    -----
    Cost: none. Repeatable: yes. Shares are of the final messages. A group that is there only once has no change within.
    An effect is arithmetic, not a cause, and carries no interval: look at `delivery_rates` for how sure each rate is.
    Source: E. M. Kitagawa, Journal of the American Statistical Association 50 (1955), 1168-1194; docs/statistics.md.

    Examples
    --------
    >>> then = pd.DataFrame({"outcome": "accepted", "final": True, "network": ["Nova"] * 2 + ["Cyta"] * 2})
    >>> then["status"] = ["Delivered", "Delivered", "Delivered", "Failed"]
    >>> now = then.iloc[[0, 2, 3, 3]]
    >>> explain_change(then, now)[["network", "rate_before", "rate_after", "mix_effect", "within_effect"]].round(3)
      network  rate_before  rate_after  mix_effect  within_effect
    0    Cyta          0.5       0.333      -0.052         -0.104
    1    Nova          1.0       1.000      -0.094          0.000
    """
    keys = key_names(by)
    refuse_taken(keys, _CHANGE)
    early, late = (delivery_rates(data, by=keys, timezone=timezone)[[*keys, *_COUNTS]] for data in (before, after))
    change = _side_by_side(early, late, keys)
    rates = [share(change[f"delivered_{when}"], change[f"final_{when}"]) for when in ("before", "after")]
    shares = [share(change[name], change[name].sum()) for name in ("final_before", "final_after")]
    change["rate_before"], change["rate_after"] = rates
    change["mix_effect"], change["within_effect"] = _effects(rates, shares)
    return change[[*keys, *_CHANGE]]


def _effects(rates: list[Any], shares: list[Any]) -> tuple[Any, Any]:
    """Kitagawa's two effects of each group; a group that is missing on one side has the other side's rate there."""
    known = [np.where(np.isnan(rate), other, rate) for rate, other in zip(rates, rates[::-1], strict=True)]
    known = [np.nan_to_num(rate) for rate in known]  # a group with nothing final at all has a share of 0
    whole = [np.sum(rate * part) for rate, part in zip(known, shares, strict=True)]
    mix = (shares[1] - shares[0]) * ((known[0] + known[1]) / 2 - (whole[0] + whole[1]) / 2)
    within = (known[1] - known[0]) * (shares[0] + shares[1]) / 2
    return mix, within


def _of_value(rates: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """The one row of that value."""
    found = rates[rates[column].eq(value).to_numpy(dtype=bool, na_value=False)]
    if len(found) == 1:
        return found.reset_index(drop=True)
    some = ", ".join(map(repr, rates[column].dropna().head(5).tolist())) or "none"
    msg = f"no message has {value!r} in column {column!r}. There are: {some}{', ...' if len(rates) > 5 else ''}."
    raise ColumnError(msg)


def _side_by_side(early: pd.DataFrame, late: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The groups of both, each once and sorted, with 0 where one is not there."""
    early, late = early.copy(), late.copy()
    for name in keys:
        early[name], late[name] = _alike(early[name], late[name])
    both = early.merge(late, how="outer", on=list(keys), suffixes=("_before", "_after"))
    both = both.sort_values(list(keys), kind="stable", ignore_index=True)
    counts = [name for name in both.columns if name not in keys]
    return (
        both.astype(dict.fromkeys(counts, "Int64"))
        .fillna(dict.fromkeys(counts, 0))
        .astype(dict.fromkeys(counts, "int64"))
    )


def _alike(early: pd.Series, late: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Two columns of words with one set of categories, sorted if both are; any others as they are."""
    if not all(isinstance(each.dtype, pd.CategoricalDtype) for each in (early, late)):
        return early, late
    known, found = early.cat.categories, late.cat.categories
    words = known.append(found.difference(known))
    in_order = known.is_monotonic_increasing and found.is_monotonic_increasing
    kind = pd.CategoricalDtype(words.sort_values() if in_order else words, ordered=early.cat.ordered)
    return early.astype(kind), late.astype(kind)
