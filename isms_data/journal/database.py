"""What the journal asks of the engine that it is kept by; `file` and `server` are the two there are.

What must change together. The SQL of the journal is written once, in what SQLite and PostgreSQL have in common, with
`?` for values. Each transaction has the database to itself from its beginning, in both engines: what it reads stays as
it is until it ends, so ids can be counted on from the highest, and of two claims of a number one comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

T = TypeVar("T")


class NotCommitted(Exception):
    """A transaction is certain not to have happened, for a reason that passes: it may be made again, from its start."""


class Rows(Protocol):
    """What came of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows it wrote."""

    def fetchone(self) -> Any:
        """The next row; None where there is none."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """One connection, used from one thread at a time."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Do this statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Do this statement for each of these."""

    def among(self, values: Sequence[Any], /) -> str:
        """The condition that a column is one of these, as SQL; its values are those of `given`."""

    def given(self, values: Sequence[Any], /) -> Sequence[Any]:
        """The values of `among`."""

    def stream(self, sql: str, /) -> AbstractContextManager[Iterable[Any]]:
        """The rows of a large table, never all of them in memory."""

    def begin(self, *, durable: bool) -> None:
        """Begin a transaction, and be alone. Durable: what it writes outlives a power cut."""

    def commit(self) -> None:
        """End it; on return it has happened."""

    def rollback(self) -> None:
        """End it as if it had not been; never an error."""

    def repeated(self, transaction: Callable[[], T], /) -> T:
        """Do it, and as long as that makes sense do it again where it is `NotCommitted`; within another, only do it."""

    def clear_errors(self) -> AbstractContextManager[None]:
        """Turn the engine's errors into JournalError, or into `NotCommitted` where they pass."""

    def check(self, *, room: bool) -> None:
        """See that it is still the journal that was opened; and that it has room for what a paid call will bring.

        Raises
        ------
        JournalError   it is not, or has not.
        """

    def now(self) -> int:
        """The time by the clock that all who share the journal go by: microseconds since 1970, UTC."""

    def here(self) -> str:
        """The name of this machine, by which a run says where its process can be looked for."""

    def overwrite_deleted(self) -> None:
        """Let what is deleted from now on be overwritten at once, where the engine can do that."""

    def compact(self) -> None:
        """Write the tables anew, without what was deleted.

        Raises
        ------
        JournalError   it cannot be done now.
        """

    def close(self) -> None:
        """Hang up."""
