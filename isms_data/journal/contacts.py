"""The contacts as the gateway's address book has them, as far as this journal knows.

`synced_at` says how sure an entry is. Above 0: since then the gateway has exactly this. 0 or less: a call was to change
it, and what the gateway has now is not known; so the call is written down before it is made (`intend`), and a run that
is killed leaves nothing that is believed wrongly. A negative one is the mark of the run whose call is under way: where
two runs change the same contact at once, each finds the other's mark, and neither believes that it was the last.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from isms_data.journal.connection import JournalConnection, transaction

if TYPE_CHECKING:
    from collections.abc import Collection

    from isms_data.journal.place import Place


class Contact(NamedTuple):
    """One contact."""

    mobile: int
    surname: str
    name: str
    comments: str


class Entry(NamedTuple):
    """One contact of the book, and whether the gateway is known to have it just so."""

    contact: Contact
    sure: bool


class ContactBook(JournalConnection):
    """One run's connection to what is known of an account's contacts; every change is durable on return."""

    def __init__(self, place: Place, account: str) -> None:
        super().__init__(place)
        self._account = account
        self._mark = -1 - secrets.randbits(62)

    @transaction(durable=False)
    def entries(self) -> dict[int, Entry]:
        """Every contact that the gateway has or may have, by number."""
        rows = self._db.execute(
            "SELECT mobile, surname, name, comments, synced_at > 0 FROM contacts WHERE account = ?",
            (self._account,),
        )
        return {mobile: Entry(Contact(mobile, *texts), bool(sure)) for mobile, *texts, sure in rows}

    @transaction()
    def intend(self, saves: Collection[Contact], deletes: Collection[int]) -> None:
        """Calls that save and delete these will be made: until `keep`, what the gateway has is not known."""
        self._db.executemany(
            "INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, mobile) DO UPDATE SET surname = "
            "excluded.surname, name = excluded.name, comments = excluded.comments, synced_at = excluded.synced_at",
            ((self._account, *contact, self._mark) for contact in saves),
        )
        self._db.executemany(
            "UPDATE contacts SET synced_at = ? WHERE account = ? AND mobile = ?",
            ((self._mark, self._account, mobile) for mobile in deletes),
        )

    @transaction()
    def keep(self, saved: Collection[int], gone: Collection[int]) -> None:
        """The gateway has what was intended of these, and does not have those."""
        absent = [(self._account, mobile) for mobile in gone]
        self._db.executemany(
            "UPDATE contacts SET synced_at = CASE synced_at WHEN ? THEN ? ELSE 0 END WHERE account = ? AND mobile = ?",
            ((self._mark, self._db.now(), self._account, mobile) for mobile in saved),
        )
        self._db.executemany(
            "DELETE FROM contacts WHERE account = ? AND mobile = ? AND synced_at = ?",
            ((*key, self._mark) for key in absent),
        )
        self._db.executemany("UPDATE contacts SET synced_at = 0 WHERE account = ? AND mobile = ?", absent)
