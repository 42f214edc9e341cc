"""What a list is worth, as tables: frame in, frame out. Pure."""

from __future__ import annotations

from typing import Final

import pandas as pd

from isms_data import columns
from isms_data.vocabulary import NumberStatus, Outcome, Verdict, words

NO_ANSWER: Final = "no_answer"
"""Stands for a row of which nothing is known, not even why."""

BY: Final = ("verdict", "network")

QUALITY_ORDER: Final = tuple(dict.fromkeys((*words(Verdict), *words(Outcome), *words(NumberStatus), NO_ANSWER)))
"""In which order the states of a row stand in tables and pictures."""


def list_quality(frame: pd.DataFrame) -> pd.DataFrame:
    """Count what a list is worth: its rows by verdict, and the answered ones by network.

    Every row counts once. One with a verdict counts under it; one without counts under the reason: the outcome of its
    lookup (`pending`, `in_doubt`, `failed`, `not_attempted`), else what cleaning said (`invalid`, `empty`,
    `fixed_line`, `duplicate`, ...). What is not known is never counted as good or bad.

    Parameters
    ----------
    frame : DataFrame
        The result of `hlr_lookup` or `parse_hlr`: needs `verdict` and `network`; `outcome` and `number_status` are used
        where they are there.

    Returns
    -------
    DataFrame
        by       category   verdict or network
        value    str        the verdict (all seven, also those with no row), reason or network; "unknown": not told
        numbers  int64      rows; a repeated number counts as `duplicate`, and in no network
        share    float64    of all rows (verdict), of the rows with a verdict (network); no rows, no share

    Raises
    ------
    ColumnError   the frame has no `verdict` or no `network`.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> replies = pd.Series(["Delivered;GR;Cosmote;202011234567890;306942190000;0", "Undelivered;GR;;;;1"])
    >>> quality = isms.list_quality(isms.parse_hlr(replies))
    >>> quality[quality.numbers > 0].to_string(index=False).splitlines()  # doctest: +NORMALIZE_WHITESPACE
    ['     by       value  numbers  share',
     'verdict deliverable        1    0.5',
     'verdict        dead        1    0.5',
     'network     Cosmote        1    0.5',
     'network     unknown        1    0.5']
    """
    verdicts, networks = _words_of(frame, "verdict"), _words_of(frame, "network")
    states = _states(frame, verdicts)
    counts = states.value_counts()
    shown = [word for word in QUALITY_ORDER if word in words(Verdict) or word in counts.index]
    by_network = networks[states.eq(verdicts)].fillna(Verdict.UNKNOWN.value).value_counts().sort_index()
    by_network = by_network.sort_values(ascending=False, kind="stable")
    by_verdict = counts.reindex(shown, fill_value=0)
    return pd.concat([_counted("verdict", by_verdict), _counted("network", by_network)], ignore_index=True)


def _states(frame: pd.DataFrame, verdicts: pd.Series) -> pd.Series:
    """One word for each row: its verdict, else why it has none."""
    states = verdicts.reset_index(drop=True)
    if "outcome" in frame.columns:
        outcomes = _words_of(frame, "outcome")
        states = states.fillna(outcomes.mask(outcomes.isin(_TELLS_NOTHING)))
    if "number_status" in frame.columns:
        statuses = _words_of(frame, "number_status")
        states = states.mask(statuses.eq(NumberStatus.DUPLICATE), statuses)
        states = states.fillna(statuses.mask(statuses.eq(NumberStatus.MOBILE)))
    return states.fillna(NO_ANSWER)


_TELLS_NOTHING: Final = (Outcome.DONE, Outcome.CACHED, Outcome.SKIPPED)
"""Outcomes that do not say why a row has no verdict."""


def _words_of(frame: pd.DataFrame, name: str) -> pd.Series:
    return columns.pick(frame, name).astype("str").reset_index(drop=True)


def _counted(by: str, counts: pd.Series) -> pd.DataFrame:
    numbers = counts.astype("int64")
    total = numbers.sum()
    return pd.DataFrame(
        {
            "by": pd.Categorical([by] * len(numbers), categories=BY),
            "value": pd.array(list(numbers.index), dtype="str"),
            "numbers": numbers.array,
            "share": (numbers / total).array if total else pd.array([float("nan")] * len(numbers), dtype="float64"),
        }
    )
