"""What a list of numbers is worth, by its lookups: verdicts, errors, operators, roaming. Frame or Parquet to frame.

Everywhere here the same rows count, each once, and the same words hold:

    answered   the row has a verdict, and is not the repetition of a number (`number_status` duplicate)
    known      what a share is of: what nobody told (no network) is counted in a row of its own, whose value is null,
               and is in no share

A null in a column to count by is a group of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from isms_data.errors import ConfigurationError
from isms_data.reports.source import ATHENS, key_names, opened, refuse_taken
from isms_data.reports.statistics import share, wilson
from isms_data.vocabulary import NumberStatus, Outcome, Verdict, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from isms_data.reports.stored import Data

NO_ANSWER: Final = "no_answer"
"""Stands for a row of which nothing is known, not even why."""

BY: Final = ("verdict", "network")

QUALITY_ORDER: Final = tuple(dict.fromkeys((*words(Verdict), *words(Outcome), *words(NumberStatus), NO_ANSWER)))
"""In which order the states of a row stand in tables and pictures."""

STATUS: Final = {"numbers": ("number_status",)}
"""What tells a repeated number, where the data were cleaned."""

ANSWERED: Final = f"verdict IS NOT NULL AND number_status IS DISTINCT FROM '{NumberStatus.DUPLICATE}'"

ABSENT_CODES: Final = (6, 27)
"""absentSubscriberSM and absentSubscriber: the phone is off or out of reach (3GPP TS 29.002)."""

_TELLS_NOTHING: Final = (Outcome.DONE, Outcome.CACHED, Outcome.SKIPPED)
"""Outcomes that do not say why a row has no verdict."""


def list_quality(data: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Count what a list is worth: its rows by verdict, and the answered ones by network.

    Every row counts once. One with a verdict counts under it; one without counts under the reason: the outcome of its
    lookup (`pending`, `in_doubt`, `failed`, `not_attempted`), else what cleaning said (`invalid`, `empty`,
    `fixed_line`, `duplicate`, ...). What is not known is never counted as good or bad.

    Parameters
    ----------
    data : DataFrame or path
        The result of `hlr_lookup` or `parse_hlr`, or Parquet files of it: needs `verdict` and `network`; `outcome` and
        `number_status` are used where they are there.
    by : str or list of str
        Columns to count by, or "hour", "day", "week", "hour_of_week" of the lookup.
    timezone : str, default "Europe/Athens"
        The clock that these go by.

    Returns
    -------
    DataFrame
        ...      as in the data  the columns of `by`
        by       category        verdict or network
        value    str             the verdict (all seven, also those with no row), reason or network; "unknown": not told
        numbers  int64           rows; a repeated number counts as `duplicate`, and in no network
        share    float64         of all rows (verdict), of the rows with a verdict (network); no rows, no share

    Raises
    ------
    ColumnError   the data have no `verdict` or no `network`, or a column of `by` is not there.

    Notes
    -----
    Cost: none. Repeatable: yes.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> replies = pd.Series(["Delivered;GR;Cosmote;202011234567890;306942190000;0", "Undelivered;GR;;;;1"])
    >>> quality = list_quality(isms.parse_hlr(replies))
    >>> quality[quality.numbers > 0].to_string(index=False).splitlines()  # doctest: +NORMALIZE_WHITESPACE
    ['     by       value  numbers  share',
     'verdict deliverable        1    0.5',
     'verdict        dead        1    0.5',
     'network     Cosmote        1    0.5',
     'network     unknown        1    0.5']
    """
    keys = key_names(by)
    refuse_taken(keys, ("by", "value", "numbers", "share"))
    needs, wants = {"hlr": ("verdict", "network")}, STATUS | {"hlr": ("outcome",)}
    with opened(data, needs=needs, wants=wants, by=by, timezone=timezone) as source:
        quality = source.restored(source.query(_quality_sql(source.keys)))
    position = quality["value"].map({word: place for place, word in enumerate(QUALITY_ORDER)})
    of_verdict = quality["by"].eq("verdict")
    quality["by"] = pd.Categorical(quality["by"], categories=BY)
    quality["value"] = quality["value"].astype("str")
    quality["rank"] = position.where(of_verdict, -quality["numbers"])
    quality = quality.sort_values([*keys, "by", "rank", "value"], ignore_index=True).drop(columns="rank")
    return _shared(quality, within=[*keys, "by"], known=None)


def error_breakdown(data: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Count the errors of the answered numbers by name and class, the most frequent first.

    Parameters
    ----------
    data : DataFrame or path
        What `hlr_lookup` or `parse_hlr` gives; or Parquet files of it: a file, a folder, a pattern.
    by : str or list of str
        Columns to count by, or "hour", "day", "week", "hour_of_week" of the lookup.
    timezone : str, default "Europe/Athens"
        The clock that these go by.

    Returns
    -------
    DataFrame
        one row for each group and error that occurs
        ...          as in the data  the columns of `by`
        error_name   as in the data  null for a code without a name
        error_class  as in the data  permanent, temporary, unknown
        numbers      int64
        share        float64         of the group's answered numbers, those without an error included

    Raises
    ------
    ColumnError   `verdict`, `error_code`, `error_name`, `error_class` or a column of `by` is not there.

    Notes
    -----
    Cost: none. Repeatable: yes. Permanent is the error, not always the subscriber: see docs/results.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> error_breakdown(isms.parse_hlr(pd.Series(["Delivered;GR;;;;0", "Undelivered;GR;;;;27"])))
             error_name error_class  numbers  share
    0  absentSubscriber   temporary        1    0.5
    """
    counts = {"numbers": "count(*) FILTER (WHERE error_code <> 0)", "answered": "count(*)"}
    needs = {"hlr": ("verdict", "error_code", "error_name", "error_class")}
    return _occurring(data, counts, needs=needs, own=("error_name", "error_class"), by=by, timezone=timezone)


def operator_shares(
    data: Data, *, by: str | Sequence[str] = (), confidence: float = 0.95, timezone: str = ATHENS
) -> pd.DataFrame:
    """Count the answered numbers by the network that they are in now, the largest first.

    Parameters
    ----------
    data, by, timezone
        As for `error_breakdown`.
    confidence : float, default 0.95
        Of the interval: how well this list tells the shares among all numbers like those in it.

    Returns
    -------
    DataFrame
        ...        as in the data  the columns of `by`
        network    as in the data  null: not told, as of most dead numbers
        numbers    int64
        share      float64         of the group's numbers whose network is known; null in the row of the others
        low, high  float64         Wilson's interval of the share

    Raises
    ------
    ColumnError          `verdict`, `network` or a column of `by` is not there.
    ConfigurationError   the confidence is not between 0 and 1.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/statistics.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> replies = ["Delivered;GR;Cosmote;202010000000001;;0", "Delivered;GR;Nova;202090000000001;;0", "Failed;;;;;1"]
    >>> operator_shares(isms.parse_hlr(pd.Series(replies))).round(2)
       network  numbers  share   low  high
    0  Cosmote        1    0.5  0.09  0.91
    1     Nova        1    0.5  0.09  0.91
    2      NaN        1    NaN   NaN   NaN
    """
    keys, needs = key_names(by), {"hlr": ("verdict", "network")}
    shares = _counted(data, needs=needs, own=("network",), by=by, timezone=timezone, taken=("share", "low", "high"))
    known = shares["network"].notna()
    shares = _shared(shares, within=list(keys), known=known)
    total = _total(shares["numbers"].where(known, 0), shares, list(keys))
    low, high = wilson(shares["numbers"].where(known), total, confidence=confidence)
    return shares.assign(low=low, high=high)


def portability(data: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Count the answered numbers by who first held their range and by the network that they are in now.

    Parameters
    ----------
    data : DataFrame or path
        What `hlr_lookup` gives of a frame that `clean_numbers` has cleaned; or Parquet files of it.
    by, timezone
        As for `error_breakdown`.

    Returns
    -------
    DataFrame
        one row for each pair that occurs
        ...             as in the data  the columns of `by`
        range_operator  as in the data  null: no table knows the range
        network         as in the data  null: not told
        numbers         int64
        share           float64         of this range operator's numbers whose network is known; null in the row of the
                                        others

    Raises
    ------
    ColumnError   `range_operator` is not there, which `clean_numbers` makes; or `verdict`, `network`, a column of `by`.

    Notes
    -----
    A brand that is hosted in another's network looks ported. Cost: none. Repeatable: yes.

    Examples
    --------
    >>> import isms_data as isms
    >>> numbers = isms.clean_numbers(pd.DataFrame({"mobile": ["6970000001", "6970000002"]}), "mobile")
    >>> replies = pd.Series(["Delivered;GR;Cosmote;202010000000001;;0", "Delivered;GR;Nova;202090000000001;;0"])
    >>> portability(numbers.join(isms.parse_hlr(replies)))
      range_operator  network  numbers  share
    0        Cosmote  Cosmote        1    0.5
    1        Cosmote     Nova        1    0.5
    """
    needs, own = {"numbers": ("range_operator",), "hlr": ("verdict", "network")}, ("range_operator", "network")
    pairs = _counted(data, needs=needs, own=own, by=by, timezone=timezone, taken=("share",))
    return _shared(pairs, within=[*key_names(by), "range_operator"], known=pairs["network"].notna())


def roaming_countries(data: Data, *, by: str | Sequence[str] = (), timezone: str = ATHENS) -> pd.DataFrame:
    """Count the numbers that were abroad, by the country they were in, the most frequent first.

    Parameters
    ----------
    data, by, timezone
        As for `error_breakdown`.

    Returns
    -------
    DataFrame
        one row for each group and country with a number that roams
        ...              as in the data  the columns of `by`
        serving_country  as in the data
        numbers          int64
        share            float64         of the group's answered numbers of which it is known whether they roam

    Raises
    ------
    ColumnError   `verdict`, `roaming`, `serving_country` or a column of `by` is not there.

    Notes
    -----
    Cost: none. Repeatable: yes. A place in the moment of the lookup, and personal data: see docs/privacy.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> replies = ["Delivered;GR;Nova;202090000000001;4917000000;0", "Delivered;GR;Nova;202090000000002;30697;0"]
    >>> roaming_countries(isms.parse_hlr(pd.Series(replies)))
      serving_country  numbers  share
    0              DE        1    0.5
    """
    counts = {"numbers": "count(*) FILTER (WHERE roaming)", "answered": "count(roaming)"}
    needs = {"hlr": ("verdict", "roaming", "serving_country")}
    return _occurring(data, counts, needs=needs, own=("serving_country",), by=by, timezone=timezone)


def never_absent(
    data: Data,
    *,
    by: str | Sequence[str] = (),
    usual: float = 0.01,
    confidence: float = 0.95,
    timezone: str = ATHENS,
) -> pd.DataFrame:
    """Tell of each network whether its numbers ever come back absent; where never, nobody may have looked for them.

    On some networks every number comes back Delivered, because only the portability database was asked. A network of
    real phones always has some that are switched off.

    Parameters
    ----------
    data, by, timezone
        As for `error_breakdown`.
    usual : float, default 0.01
        Of a network's phones at least so many are off at any time. A rule of thumb, not a measurement: yours to set.
    confidence : float, default 0.95
        How sure `upper` is.

    Returns
    -------
    DataFrame
        one row for each network, sorted
        ...      as in the data  the columns of `by`
        network  category        of a number without one, who first held its range, where the data have that
        numbers  int64           answered
        absent   int64           of these, came back absent (error 6 or 27)
        upper    float64         the largest share of absent ones that goes with this count
        checked  boolean         true: some came back absent. False: none, and `upper` is below `usual`, so what they
                                 say of life is not to be relied upon. Null: none, and too few numbers to tell (by
                                 default under 299), or absent numbers without a network that may belong here

    Raises
    ------
    ColumnError          `verdict`, `network`, `error_code` or a column of `by` is not there.
    ConfigurationError   usual is not between 0 and 1, or the confidence not between 0.5 and 1.

    Notes
    -----
    `upper` is one-sided: where none is absent the exact binomial limit, 1 - (1 - confidence)^(1/numbers), otherwise
    Wilson's. Cost: none. Repeatable: yes. Source: docs/statistics.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> replies = ["Delivered;GR;Nova;202090000000001;;0"] * 400 + ["Undelivered;GR;Cosmote;202010000000001;;27"]
    >>> never_absent(isms.parse_hlr(pd.Series(replies))).round(4)
       network  numbers  absent   upper  checked
    0  Cosmote        1       1  1.0000     True
    1     Nova      400       0  0.0075    False
    """
    _check_limits(usual, confidence)
    keys = key_names(by)
    refuse_taken(keys, ("network", "numbers", "absent", "upper", "checked"))
    needs, wants = {"hlr": ("verdict", "network", "error_code")}, {"numbers": ("number_status", "range_operator")}
    with opened(data, needs=needs, wants=wants, by=by, timezone=timezone) as source:
        listed = ", ".join(filter(None, [source.keys, "coalesce(network, range_operator) AS network"]))
        found = source.query(
            f"SELECT {listed}, count(*) AS numbers, count(*) FILTER (WHERE error_code IN {ABSENT_CODES}) AS absent "  # noqa: S608 - our own SQL
            f"FROM rows WHERE {ANSWERED} GROUP BY ALL"
        )
        networks = source.restored(found, then=["network"])
    nowhere = _total(networks["absent"].where(networks["network"].isna(), 0), networks, list(keys)) > 0
    numbers, absent = networks["numbers"], networks["absent"]
    limit = 1 - (1 - confidence) ** (1 / numbers)
    networks["upper"] = limit.where(absent == 0, wilson(absent, numbers, confidence=2 * confidence - 1).high)
    checked = (absent > 0).astype("boolean")
    networks["checked"] = checked.mask((absent == 0) & (nowhere | (networks["upper"] >= usual)))
    networks = networks[networks["network"].notna()].reset_index(drop=True)
    return networks.assign(network=pd.Categorical(networks["network"].astype("str")))


# Counting


def _quality_sql(keys: str) -> str:
    """Rows by state, answered ones by network, and every verdict of every group with none besides."""
    quiet = ", ".join(f"'{outcome}'" for outcome in _TELLS_NOTHING)
    state = (
        f"CASE WHEN number_status = '{NumberStatus.DUPLICATE}' THEN number_status ELSE coalesce(verdict, "
        f"CASE WHEN outcome NOT IN ({quiet}) THEN outcome END, nullif(number_status, '{NumberStatus.MOBILE}'), "
        f"'{NO_ANSWER}') END"
    )
    counted = ", ".join(f"'{word}'" for word in QUALITY_ORDER)
    verdicts = ", ".join(f"('{word}')" for word in words(Verdict))
    comma = f"{keys}, " if keys else ""
    groups = f"(SELECT DISTINCT {keys} FROM rows), " if keys else ""  # noqa: S608 - our own SQL
    return (
        f'SELECT {comma}"by", value, sum(n)::BIGINT AS numbers FROM ('  # noqa: S608 - our own SQL
        f"SELECT {comma}'verdict' AS \"by\", {state} AS value, 1 AS n FROM rows WHERE {state} IN ({counted}) "
        f"UNION ALL SELECT {comma}'network', coalesce(network, '{Verdict.UNKNOWN}'), 1 FROM rows WHERE {ANSWERED} "
        f"UNION ALL SELECT {comma}'verdict', word, 0 FROM {groups}(VALUES {verdicts}) AS verdicts (word)"
        ") GROUP BY ALL"
    )


def _counted(
    data: Data,
    counts: Mapping[str, str] | None = None,
    *,
    needs: Mapping[str, Sequence[str]],
    own: Sequence[str],
    by: str | Sequence[str],
    timezone: str,
    taken: Sequence[str],
) -> pd.DataFrame:
    """Answered numbers by the caller's columns and these of our `own`; within the former the largest first."""
    keys = key_names(by)
    refuse_taken(keys, [*own, *taken])
    with opened(data, needs=needs, wants=STATUS, by=[*keys, *own], timezone=timezone) as source:
        found = source.grouped(counts or {"numbers": "count(*)"}, where=ANSWERED)
    order = [*[True] * len(keys), False]
    return found.sort_values([*keys, "numbers"], ascending=order, kind="stable", ignore_index=True)


def _occurring(
    data: Data,
    counts: Mapping[str, str],
    *,
    needs: Mapping[str, Sequence[str]],
    own: Sequence[str],
    by: str | Sequence[str],
    timezone: str,
) -> pd.DataFrame:
    """What occurs, as a share of all that was `answered`."""
    found = _counted(data, counts, needs=needs, own=own, by=by, timezone=timezone, taken=("share",))
    found["share"] = share(found["numbers"], _total(found.pop("answered"), found, list(key_names(by))))
    return found[found["numbers"] > 0].reset_index(drop=True)


def _shared(table: pd.DataFrame, *, within: Sequence[str], known: pd.Series | None) -> pd.DataFrame:
    """The table with each row's share of the known numbers of its group."""
    numbers = table["numbers"] if known is None else table["numbers"].where(known)
    return table.assign(share=share(numbers, _total(numbers.fillna(0), table, within)))


def _total(numbers: pd.Series, table: pd.DataFrame, within: Sequence[str]) -> pd.Series:
    """The sum of a row's group, for each row."""
    if not within:
        return pd.Series(numbers.sum(), index=numbers.index)
    groups = [table[name] for name in within]
    return numbers.groupby(groups, dropna=False, observed=True).transform("sum")


def _check_limits(usual: float, confidence: float) -> None:
    if not 0 < usual < 1:
        msg = f"usual={usual!r} is not between 0 and 1. Write 0.01 for one phone in a hundred."
        raise ConfigurationError(msg)
    if not 0.5 < confidence < 1:
        msg = f"confidence={confidence!r} is not between 0.5 and 1. Write 0.95 for 95 %."
        raise ConfigurationError(msg)
