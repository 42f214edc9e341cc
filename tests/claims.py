"""Claims of one call each, as most tests of the journal make them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from isms_data.journal.records import Asked, Claim
from isms_data.journal.server import ServerDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isms_data.journal.calls import Journal
    from isms_data.journal.connection import JournalConnection
    from isms_data.journal.records import Message
    from isms_data.journal.standing import Scope


def make_read_only(journal: JournalConnection, *, on: bool = True) -> None:
    """Let nothing be written over this connection, as on a full or failing disk."""
    server = isinstance(journal._db, ServerDatabase)
    journal._db.execute(f"SET default_transaction_read_only = {on}" if server else f"PRAGMA query_only = {on}")


def claim(
    journal: Journal,
    numbers: Sequence[int],
    scope: Scope,
    *,
    label: str | None = None,
    units: int = 1,
    message: Message | None = None,
) -> Claim:
    """The claim of one call; where nothing was free, one that took nothing."""
    asked = Asked(numbers, units, message)
    claimed = journal.claim([asked], scope, label=label, price=Decimal(1))
    return claimed.calls[0] if claimed.calls else Claim(0, 0, [], asked)
