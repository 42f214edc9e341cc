"""How a list ages: what became of its numbers from one lookup to a later one. Frame or Parquet in, frame out.

Numbers are joined by `msisdn`, each once: of several lookups of a number in the same data the last with a verdict
counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data.reports.source import ATHENS, Source, key_names, opened, refuse_taken
from isms_data.reports.statistics import share, wilson
from isms_data.vocabulary import Verdict, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from isms_data.reports.stored import Data

_NEEDS: Final = {"numbers": ("msisdn",), "hlr": ("verdict",)}
_WANTS: Final = {"hlr": ("resolved_at", "submitted_at")}
_LATER: Final = "later"

_LAST: Final = (
    "max_by(verdict, coalesce(resolved_at, submitted_at, 0)) AS verdict, max(coalesce(resolved_at, submitted_at)) AS at"
)
_KNOWN: Final = "msisdn IS NOT NULL AND verdict IS NOT NULL"


def list_decay(before: Data, after: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Count how verdicts have changed from one lookup of a list to the next.

    Parameters
    ----------
    before, after : DataFrame or path
        What `hlr_lookup` gave then and now; or Parquet files of it: a file, a folder, a pattern.
    by : str or list of str
        Columns of `before` to count by, or "hour", "day", "week", "hour_of_week" of that lookup.
    timezone : str, default "Europe/Athens"
        The clock that these go by.

    Returns
    -------
    DataFrame
        one row for each change that occurs, in the order of the verdicts
        ...             as in `before`          the columns of `by`
        verdict_before  category, fixed order
        verdict_after   category, fixed order   null: not looked up again, or no answer yet
        numbers         int64
        share           float64                 of those with this verdict before that have one after; null in the row
                                                of the others

    Raises
    ------
    ColumnError   `msisdn`, `verdict` or a column of `by` is not there.

    Notes
    -----
    Cost: none. Repeatable: yes. Numbers that only the later lookup has are not counted.

    Examples
    --------
    >>> then = pd.DataFrame({"msisdn": ["306970000001", "306970000002"], "verdict": ["deliverable", "deliverable"]})
    >>> now = pd.DataFrame({"msisdn": ["306970000002", "306970000001"], "verdict": ["dead", "deliverable"]})
    >>> list_decay(then, now)
      verdict_before verdict_after  numbers  share
    0    deliverable   deliverable        1    0.5
    1    deliverable          dead        1    0.5
    """
    keys = key_names(by)
    refuse_taken(keys, ("verdict_before", "verdict_after", "numbers", "share"))
    with opened(before, needs=_NEEDS, wants=_WANTS, by=by, timezone=timezone) as source:
        sql = "earlier.verdict AS verdict_before, later.verdict AS verdict_after, count(*) AS numbers"
        changes = source.restored(_joined(source, after, sql, by="earlier.verdict, later.verdict"))
    for name in ("verdict_before", "verdict_after"):
        changes[name] = pd.Categorical(changes[name], categories=pd.Index(words(Verdict), dtype="str"))
    within = [*keys, "verdict_before"]
    changes = changes.sort_values([*within, "verdict_after"], ignore_index=True)
    numbers = changes["numbers"].where(changes["verdict_after"].notna())
    groups = [changes[name] for name in within]
    total = numbers.fillna(0).groupby(groups, dropna=False, observed=True).transform("sum")
    return changes.assign(share=share(numbers, total))


def list_survival(
    before: Data,
    after: Data,
    *,
    by: str | Sequence[str] = (),
    confidence: float = 0.95,
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Tell how many of the numbers that were deliverable still are.

    Parameters
    ----------
    before, after, by, timezone
        As for `list_decay`.
    confidence : float, default 0.95
        Of the interval.

    Returns
    -------
    DataFrame
        one row for each group, sorted; one row where nothing is counted by
        ...          as in `before`  the columns of `by`
        numbers      int64           deliverable before
        answered     int64           of these, have a verdict after
        deliverable  int64           and it is deliverable
        share        float64         deliverable of answered; null where none is
        low, high    float64         Wilson's interval of the share
        days         float64         median of the days between a number's two lookups; null where no time is known

    Raises
    ------
    ColumnError          `msisdn`, `verdict` or a column of `by` is not there.
    ConfigurationError   the confidence is not between 0 and 1.

    Notes
    -----
    A phone that is off counts as not deliverable, and may be so again tomorrow: `list_decay` tells the dead from the
    absent. Cost: none. Repeatable: yes. Source: docs/statistics.md.

    Examples
    --------
    >>> then = pd.DataFrame({"msisdn": ["306970000001", "306970000002"], "verdict": ["deliverable", "deliverable"]})
    >>> now = pd.DataFrame({"msisdn": ["306970000002", "306970000001"], "verdict": ["dead", "deliverable"]})
    >>> list_survival(then, now).round(2)
       numbers  answered  deliverable  share   low  high  days
    0        2         2            1    0.5  0.09  0.91   NaN
    """
    refuse_taken(key_names(by), ("numbers", "answered", "deliverable", "share", "low", "high", "days"))
    with opened(before, needs=_NEEDS, wants=_WANTS, by=by, timezone=timezone) as source:
        survival = source.restored(
            _joined(source, after, _SURVIVAL, where=f"earlier.verdict = '{Verdict.DELIVERABLE}'")
        )
    survival["share"] = share(survival["deliverable"], survival["answered"])
    interval = wilson(survival["deliverable"], survival["answered"], confidence=confidence)
    return survival.assign(low=interval.low, high=interval.high, days=survival.pop("days"))


_SURVIVAL: Final = (
    "count(*) AS numbers, count(later.verdict) AS answered, "
    f"count(*) FILTER (WHERE later.verdict = '{Verdict.DELIVERABLE}') AS deliverable, "
    "(median(later.at - earlier.at) / 86400000000)::DOUBLE AS days"
)


def _joined(source: Source, after: Data, select: str, *, by: str = "", where: str = "true") -> pa.Table:
    """Each number of the earlier lookup beside its later one, grouped."""
    source.beside(after, name=_LATER, needs=_NEEDS, wants=_WANTS)
    keys = f"{source.keys}, " if source.keys else ""
    grouped = ", ".join(filter(None, [source.keys, by]))
    return source.query(
        f"WITH earlier AS (SELECT {keys}msisdn, {_LAST} FROM rows WHERE {_KNOWN} GROUP BY {keys}msisdn), "  # noqa: S608 - our own SQL
        f"now AS (SELECT msisdn, {_LAST} FROM {_LATER} WHERE {_KNOWN} GROUP BY msisdn) "
        f"SELECT {keys}{select} FROM earlier LEFT JOIN now AS later USING (msisdn) WHERE {where} "
        f"{f'GROUP BY {grouped}' if grouped else ''}"
    )
