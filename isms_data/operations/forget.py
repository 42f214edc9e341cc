"""A person's numbers taken out of the journal and of saved tables. Source: docs/privacy.md."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd

from isms_data.account import journal_place
from isms_data.cleaning.mentions import Mention
from isms_data.errors import ConfigurationError, IsmsWarning, mask
from isms_data.journal.forgetting import Forgetting, Removed
from isms_data.journal.suppression import SuppressionList
from isms_data.msisdn import clean_numbers, known_region
from isms_data.parquet import erasing, files
from isms_data.planning import as_msisdns
from isms_data.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.account import Account
    from isms_data.parquet.erasing import Erased

REASON: Final = "asked to be forgotten"
"""What the suppression list says of a number that was forgotten."""


class Fate(StrEnum):
    """What became of a number in one place."""

    FORGOTTEN = "forgotten"
    NOTHING_FOUND = "nothing_found"
    STILL_NAMED = "still_named"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    ALREADY_SUPPRESSED = "already_suppressed"


class _Told(NamedTuple):
    """One row of the answer."""

    msisdn: str
    place: str
    outcome: Fate
    rows: int = 0
    cells: int = 0
    problem: str | None = None


async def forget(
    msisdns: Any,
    *,
    datasets: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    suppress: bool = True,
    region: str = "GR",
    key: bytes | str | None = None,
    account: Account | None = None,
) -> pd.DataFrame:
    """Take persons out of the journal and of saved tables, and tell what was taken from where.

    From the journal, of every account in it: lookups and messages with their answers, delivery reports with all that
    they carried, the texts of messages that went to nobody else, what is remembered of contacts. What stays is that a
    call was made, when, and what it cost. From the files: every row of the number, and every cell that names it.

    Parameters
    ----------
    msisdns : str, iterable or Series
        The numbers, in any spelling.
    datasets : path or list of paths, optional
        Files and folders that `save_table` saved. A row goes if its `msisdn` is the number or, where it has none, if a
        cell is nothing but the number. In other rows, a cell that names it in any spelling is emptied, a message's text
        included; a list loses it.
    suppress : bool, default True
        Put the numbers on the suppression list, for ever. The journal does not know any more that they were written
        to, so without that the next campaign may do it again.
    region : str, default "GR"
        ISO 3166 alpha-2: the country whose numbers are written without a calling code.
    key : bytes or str, optional
        What the datasets are encrypted with.
    account : Account, optional
        Only its journal's folder matters; without one `ISMS_HOME`, else `./.isms`.

    Returns
    -------
    DataFrame
        For each number a row for each place::

            msisdn    str        the number
            place     str        lookups, messages, reports, contacts, other texts, suppression list; or a dataset
            outcome   category   forgotten, nothing_found, still_named, refused, suppressed, already_suppressed
            rows      int64      records or rows taken out; of other texts, those that name it still
            cells     int64      cells emptied
            problem   str        why it was refused, or what still names it; null where nothing is to say

    Raises
    ------
    ConfigurationError   an entry is no number. Nothing was taken out.
    FileNotFoundError    there is no such dataset. Nothing was taken out.
    TableError           a dataset was not saved by this package, its key is another, or the number is in a name of its
                         folders or columns. Nothing was taken out.
    JournalError         the journal cannot be written, or another program keeps its log from being emptied.

    Warns
    -----
    IsmsWarning   numbers that could not be forgotten yet, or are still named: how many, and why the first.

    Notes
    -----
    A number with a paid call under way, in doubt, or without a last word is refused wholly until that is settled: what
    comes later would bring it back. It is suppressed all the same.
    Cost: none; the journal is written anew, and datasets are read wholly. Repeatable: yes; a call that was interrupted
    is finished by calling again. The address book at the gateway is another place: `delete_contacts` first.
    Source: docs/privacy.md.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox(median_latency_s=0.01) as account:
    ...     people = pd.DataFrame({"msisdn": ["306970000001", "306970000002"]})
    ...     _ = isms.hlr_lookup(people, "msisdn", account=account)
    ...     told = isms.forget("697 000 0001", account=account)
    >>> told.loc[told["rows"] > 0, ["msisdn", "place", "outcome", "rows"]]
             msisdn    place    outcome  rows
    0  306970000001  lookups  forgotten     1
    """
    mentions = Mention.of(_numbers(msisdns, known_region(region)), region)
    secret = files.checked_key(key)
    paths = [Path(path) for path in ([datasets] if isinstance(datasets, (str, os.PathLike)) else datasets)]

    def work() -> list[_Told]:
        saved = [_Saved(path, erasing.files_of(path), set()) for path in paths]
        for dataset in saved:
            for file in dataset.files:
                dataset.nullable.update(erasing.check(file, mentions, key=secret))
        with SuppressionList(journal_place(account)) as kept:
            listed = _suppressed(kept, mentions, suppress=suppress)
        with Forgetting(journal_place(account)) as journal:
            removed, refused = journal.forget(mentions)
            leaving = [mention for mention in mentions if mention.msisdn in removed]
            erased = {str(dataset.path): _erased(dataset, leaving, secret) for dataset in saved}
            journal.compact()
            named = journal.mentioned(leaving)
        return _told(mentions, removed=removed, refused=refused, erased=erased, named=named, listed=listed)

    told = await asyncio.to_thread(work)
    _warn_of(told)
    return _frame(told)


def _numbers(msisdns: Any, region: str) -> list[str]:
    """Each number once; whoever asks to be forgotten must not be missed for a slip, so every entry must be one."""
    if isinstance(msisdns, str):
        given = pd.Series([msisdns])
    elif isinstance(msisdns, pd.Series):
        given = msisdns.reset_index(drop=True)
    elif isinstance(msisdns, Iterable) and not isinstance(msisdns, (pd.DataFrame, bytes)):
        given = pd.Series(list(msisdns), dtype=object)
    else:
        msg = f"msisdns is a {type(msisdns).__name__}. Give a text, a list or a Series of numbers."
        raise ConfigurationError(msg)
    cells = as_msisdns(given, region).to_frame("cell")
    found = clean_numbers(cells, "cell", region=region)
    unread = found[found["msisdn"].isna()]
    if len(unread):
        entry, problem = str(given.iloc[unread.index[0]]), unread["number_problem"].iloc[0]
        msg = (
            f"{len(unread):,} of {len(found):,} entries are no numbers, first of them entry {unread.index[0]} "
            f"({mask(entry)!r}: {problem}). Nothing was taken out."
        )
        raise ConfigurationError(msg)
    return list(dict.fromkeys(found["msisdn"]))


def _suppressed(kept: SuppressionList, mentions: Sequence[Mention], *, suppress: bool) -> dict[str, Fate]:
    """What the suppression list has to say of the numbers that are on it, or were put there."""
    before = {str(entry.msisdn) for entry in kept.entries()}
    if suppress:
        kept.add([int(mention.msisdn) for mention in mentions], reason=REASON, until=None)
    return {
        mention.msisdn: Fate.ALREADY_SUPPRESSED if mention.msisdn in before else Fate.SUPPRESSED
        for mention in mentions
        if suppress or mention.msisdn in before
    }


class _Saved(NamedTuple):
    """One of the caller's datasets."""

    path: Path
    files: list[Path]
    nullable: set[str]
    """The columns that get a first null when the numbers are taken out."""


def _erased(dataset: _Saved, mentions: Sequence[Mention], key: bytes | None) -> dict[str, Erased]:
    """What was taken from the files of a dataset, for each number."""
    total = dict.fromkeys((mention.msisdn for mention in mentions), erasing.Erased())
    for file in dataset.files if mentions else ():
        done = erasing.erase(file, mentions, key=key, nullable=dataset.nullable)
        for number, erased in zip(total, done, strict=True):
            total[number] = total[number].plus(erased)
    return total


# The answer


def _told(
    mentions: Sequence[Mention],
    *,
    removed: dict[str, Removed],
    refused: dict[str, str],
    erased: dict[str, dict[str, Erased]],
    named: dict[str, int],
    listed: dict[str, Fate],
) -> list[_Told]:
    """A row for each number and place."""
    told: list[_Told] = []
    for number in (mention.msisdn for mention in mentions):
        if number in refused:
            told.append(_Told(number, "journal and datasets", Fate.REFUSED, problem=refused[number]))
        else:
            told += [_counted(number, place, rows) for place, rows in removed[number]._asdict().items()]
            told.append(_other_texts(number, named[number]))
            told += [_counted(number, path, *counts[number]) for path, counts in erased.items()]
        told.append(_Told(number, "suppression list", listed.get(number, Fate.NOTHING_FOUND)))
    return told


def _counted(number: str, place: str, rows: int, cells: int = 0) -> _Told:
    return _Told(number, place, Fate.FORGOTTEN if rows or cells else Fate.NOTHING_FOUND, rows, cells)


def _other_texts(number: str, rows: int) -> _Told:
    if not rows:
        return _Told(number, "other texts", Fate.NOTHING_FOUND)
    return _Told(number, "other texts", Fate.STILL_NAMED, rows, problem=_STILL_NAMED)


_STILL_NAMED: Final = "texts of the journal that are about others name it: a message to them, a campaign, a contact"


def _warn_of(told: Sequence[_Told]) -> None:
    left = [row for row in told if row.problem is not None]
    if left:
        msg = (
            f"{len({row.msisdn for row in left}):,} numbers could not be forgotten wholly, first of them "
            f"{mask(left[0].msisdn)}: {left[0].problem}. The returned frame has them all."
        )
        warnings.warn(msg, IsmsWarning, stacklevel=3)


def _frame(told: Sequence[_Told]) -> pd.DataFrame:
    columns: list[list[Any]] = [list(column) for column in zip(*told, strict=True)] or [[] for _ in _Told._fields]
    frame = pd.DataFrame(dict(zip(_Told._fields, columns, strict=True)))
    kinds = {"msisdn": "str", "place": "str", "rows": "int64", "cells": "int64", "problem": "str"}
    return frame.astype(kinds | {"outcome": pd.CategoricalDtype(pd.Index(words(Fate), dtype="str"))})
