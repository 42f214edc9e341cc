"""The account's address book at the gateway. Source: docs/protocol.md, savecontact.php and deletecontact.php.

Nothing here costs credits, and saving or deleting twice is the same as once; so a call whose reply is lost is made
again. What the gateway has is remembered (`journal.contacts`), so that a sync sends only what has changed.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from isms_data import columns, tables
from isms_data.account import resolve
from isms_data.address_book import Result, carry_out, remembered
from isms_data.code_points import HALF_CHARACTER
from isms_data.errors import ConfigurationError, IsmsWarning
from isms_data.journal.contacts import Contact, Entry
from isms_data.vocabulary import ContactOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from isms_data.account import Account

_NOT_A_NUMBER: Final = "not an MSISDN (7 to 15 digits, country code first, no + and no 00); use isms.clean_numbers"


async def save_contacts(
    frame: pd.DataFrame,
    mobile: str,
    *,
    surname: str | None = None,
    name: str | None = None,
    comments: str | None = None,
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> pd.DataFrame:
    """Save each row as a contact in the account's address book at the gateway; one that is there is overwritten.

    One row in, one row out, same order and index. Equal numbers are one contact: the first row counts, and a later one
    that says something else is `skipped`.

    Parameters
    ----------
    frame : DataFrame
        Is not changed.
    mobile : str
        The column of MSISDNs: text, digits without "+"; clean first with `clean_numbers`. A null is `skipped`.
    surname, name, comments : str, optional
        Columns of text; a null, or no column, is sent as an empty text. The gateway documents all of them as required
        and may refuse a contact without a surname or a name.
    prefix, replace
        What to do where the frame has one of the new columns already: rename ours, or overwrite.
    account : Account, optional
        By default the one of the environment.

    Returns
    -------
    DataFrame
        The frame with these columns behind its own::

            contact_outcome   category   saved, failed, not_attempted or skipped
            problem           str        why, in words; null where saved

    Raises
    ------
    ColumnError           a column is missing or is not text, or a new column is in the way; nothing was sent.
    ConfigurationError    no account.
    AuthenticationError   the gateway refuses the account; what was saved before is remembered.
    JournalError          the journal cannot be written.

    Notes
    -----
    Cost: none. Repeatable: yes. What was saved is remembered for `sync_contacts`. Where the gateway answers nothing for
    a minute, the rest is `not_attempted`, with a warning. Source: docs/contacts.md, savecontact.php.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> people = pd.DataFrame({"msisdn": ["306970000001", None], "last": ["Δοκιμή", None], "first": ["Άννα", "Ίων"]})
    >>> with isms.sandbox() as account:
    ...     saved = isms.save_contacts(people, mobile="msisdn", surname="last", name="first", account=account)
    >>> saved.contact_outcome.tolist()
    ['saved', 'skipped']
    """
    names = columns.new_names(frame, tables.names("contacts"), prefix=prefix, replace=replace)
    rows = _read(frame, mobile, surname, name, comments)
    results = await carry_out(resolve(account), rows.contacts.values(), ())
    return _attached(frame, names, rows, results)


async def delete_contacts(
    frame: pd.DataFrame, column: str, *, prefix: str = "", replace: bool = False, account: Account | None = None
) -> pd.DataFrame:
    """Delete the contact of each number from the account's address book at the gateway.

    One row in, one row out, same order and index. Equal numbers are deleted once.

    Parameters
    ----------
    frame : DataFrame
        Is not changed.
    column : str
        MSISDNs as text, digits without "+". A null is `skipped`.
    prefix, replace, account
        As for `save_contacts`.

    Returns
    -------
    DataFrame
        The frame with these columns behind its own::

            contact_outcome   category   deleted, failed, not_attempted or skipped
            problem           str        why, in words; null where deleted

        A number that the address book does not have is `failed`: the gateway answers FAILED.

    Raises
    ------
    ColumnError, ConfigurationError, AuthenticationError, JournalError   as `save_contacts`.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/contacts.md, deletecontact.php.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> leaving = pd.DataFrame({"msisdn": ["306970000001"]})
    >>> with isms.sandbox() as account:
    ...     deleted = isms.delete_contacts(leaving, "msisdn", account=account)
    >>> deleted.contact_outcome.tolist()
    ['failed']
    """
    names = columns.new_names(frame, tables.names("contacts"), prefix=prefix, replace=replace)
    rows = _read(frame, column)
    results = await carry_out(resolve(account), (), rows.contacts)
    return _attached(frame, names, rows, results)


async def sync_contacts(
    frame: pd.DataFrame,
    mobile: str,
    *,
    # the other columns
    surname: str | None = None,
    name: str | None = None,
    comments: str | None = None,
    # what is done
    delete: bool = False,
    dry_run: bool = False,
    # how the result looks
    prefix: str = "",
    replace: bool = False,
    account: Account | None = None,
) -> pd.DataFrame:
    """Save the rows that are new or have changed since they were last saved, and leave the others alone.

    One row in, one row out, same order and index. What was saved, the journal remembers for each account; contacts that
    somebody changed elsewhere, in the provider's web panel say, are not noticed.

    Parameters
    ----------
    frame, mobile, surname, name, comments
        As for `save_contacts`.
    delete : bool, default False
        Delete the contacts that the journal remembers as saved and that the frame does not have any more. They have no
        row: `attrs["sync_contacts"]` of the result counts them, and a warning tells of those that remained.
    dry_run : bool, default False
        Send nothing, and show what would be done.
    prefix, replace, account
        As for `save_contacts`.

    Returns
    -------
    DataFrame
        The frame with these columns behind its own::

            contact_outcome   category   saved, unchanged, to_save (dry run), failed, not_attempted or skipped
            problem           str        why, in words

        Its `attrs["sync_contacts"]` is `{"to_delete": ..., "deleted": ...}`, two counts.

    Raises
    ------
    ConfigurationError    no account; or `delete=True` with a frame that has no number at all, so that every contact
                          would be deleted.
    ColumnError, AuthenticationError, JournalError   as `save_contacts`.

    Notes
    -----
    Cost: none. Repeatable: yes: a run that was stopped or killed goes on where it was; what was under way is sent
    again. Source: docs/contacts.md, savecontact.php and deletecontact.php.

    Examples
    --------
    >>> import isms_data as isms, pandas as pd
    >>> people = pd.DataFrame({"msisdn": ["306970000001"], "last": ["Δοκιμή"], "first": ["Άννα"]})
    >>> with isms.sandbox() as account:
    ...     first = isms.sync_contacts(people, "msisdn", surname="last", name="first", account=account)
    ...     again = isms.sync_contacts(people, "msisdn", surname="last", name="first", account=account)
    >>> first.contact_outcome.tolist(), again.contact_outcome.tolist()
    (['saved'], ['unchanged'])
    """
    names = columns.new_names(frame, tables.names("contacts"), prefix=prefix, replace=replace)
    rows = _read(frame, mobile, surname, name, comments)
    account = resolve(account)
    book = await asyncio.to_thread(remembered, account)
    changed = [each for number, each in rows.contacts.items() if book.get(number) != Entry(each, sure=True)]
    leaving = sorted(book.keys() - set(rows.numbers)) if delete else []
    if leaving and not any(rows.numbers):
        msg = (
            f"column {mobile!r} has no number at all, so delete=True would delete all {len(leaving):,} contacts that "
            "were saved. If that is meant, say so with isms.delete_contacts."
        )
        raise ConfigurationError(msg)
    results = dict.fromkeys(rows.contacts, Result(ContactOutcome.UNCHANGED))
    if dry_run:
        results |= {each.mobile: Result(ContactOutcome.TO_SAVE) for each in changed}
    else:
        results |= await carry_out(account, changed, leaving)
    synced = _attached(frame, names, rows, results)
    synced.attrs["sync_contacts"] = {"to_delete": len(leaving), "deleted": _deleted(leaving, results, dry_run=dry_run)}
    return synced


@dataclass
class _Rows:
    """What the rows say: row by row the number and why it is skipped, and each number's contact."""

    numbers: list[int | None] = field(default_factory=list)
    """None where the row has no number."""
    reasons: list[str | None] = field(default_factory=list)
    contacts: dict[int, Contact] = field(default_factory=dict)
    """What the first row of each number says."""


def _read(frame: pd.DataFrame, mobile: str, *others: str | None) -> _Rows:
    """Read the columns of texts; those that are not named are empty."""
    found, first = _Rows(), dict[int, int]()
    texts = [_texts(frame, column) for column in (mobile, *others)] + [[""] * len(frame)] * (3 - len(others))
    for row, (number, *said) in enumerate(zip(*texts, strict=True)):
        msisdn = int(number) if re.fullmatch(columns.MSISDN, number) else None
        reason = None
        if msisdn is None:
            reason = _NOT_A_NUMBER if number else "no number in this row"
        elif any(map(HALF_CHARACTER.search, said)):
            reason = "a text holds half a character, as is left of an emoji that was cut in two"
        elif Contact(msisdn, *said) != found.contacts.setdefault(msisdn, Contact(msisdn, *said)):
            reason = f"row {first[msisdn]} has this number with other texts, and the first row counts"
        elif msisdn not in first:
            first[msisdn] = row
        found.numbers.append(msisdn)
        found.reasons.append(reason)
    return found


def _texts(frame: pd.DataFrame, column: str | None) -> list[str]:
    if column is None:
        return [""] * len(frame)
    return [text if isinstance(text, str) else "" for text in columns.pick_text(frame, column)]


def _attached(
    frame: pd.DataFrame, names: Mapping[str, str], rows: _Rows, results: Mapping[int, Result]
) -> pd.DataFrame:
    told = [
        results[number] if number is not None and reason is None else Result(ContactOutcome.SKIPPED, reason)
        for number, reason in zip(rows.numbers, rows.reasons, strict=True)
    ]
    fresh = {
        "contact_outcome": tables.column("contacts", "contact_outcome", [result.outcome.value for result in told]),
        "problem": tables.column("contacts", "problem", [result.problem for result in told]),
    }
    return columns.attach(frame, fresh, names)


def _deleted(leaving: list[int], results: Mapping[int, Result], *, dry_run: bool) -> int:
    """How many of the contacts without a row were deleted; a warning tells of the others."""
    if dry_run:
        return 0
    left = [results[number] for number in leaving if results[number].outcome is not ContactOutcome.DELETED]
    if left:
        msg = f"{len(left):,} of {len(leaving):,} contacts that the frame does not have were not deleted: "
        warnings.warn(msg + str(left[0].problem), IsmsWarning, stacklevel=2)
    return len(leaving) - len(left)
