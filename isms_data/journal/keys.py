"""The secret that signs dlr-urls, where a server keeps the journal: whoever shares the one shares the other."""

from __future__ import annotations

from isms_data.journal.connection import JournalConnection, transaction


class KeyBook(JournalConnection):
    """The journal on a server, opened for its secret."""

    @transaction()
    def secret(self, fresh: bytes | None) -> bytes | None:
        """The secret; where there is none yet, `fresh` from now on, unless that is None."""
        if fresh is not None:
            self._db.execute("UPDATE journal SET dlr_key = ? WHERE dlr_key IS NULL", (fresh,))
        (kept,) = self._db.execute("SELECT dlr_key FROM journal").fetchone()
        return None if kept is None else bytes(kept)
