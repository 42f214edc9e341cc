"""A connection to the journal, whichever engine keeps it: whole transactions, that tasks may share."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from isms_data.journal import file
from isms_data.journal.database import NotCommitted
from isms_data.journal.place import ServerAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from isms_data.journal.database import Database
    from isms_data.journal.place import Place

P = ParamSpec("P")
T = TypeVar("T")
J = TypeVar("J", bound="JournalConnection")


class JournalConnection:
    """One connection to the journal; each public method of its classes is one transaction, and blocks.

    Use it from one thread only.
    """

    def __init__(self, place: Place) -> None:
        self._db = _opened(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def now(self) -> int:
        """The time by the journal's clock, in microseconds since 1970; from any thread."""
        return self._db.now()

    def together(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Do several of this journal's tasks in one transaction, that they share its flush; what each gave or raised.

        A task that fails takes back what it wrote itself; where the transaction fails, none of them is done.
        """
        return self._whole(lambda: [self._apart(task) for task in tasks], durable=True)

    def _apart(self, task: Callable[[], Any]) -> Any:
        self._db.execute("SAVEPOINT apart")
        try:
            done = task()
        except NotCommitted:
            raise
        except Exception as error:  # noqa: BLE001 - raised where the task is awaited
            self._db.execute("ROLLBACK TO apart")
            done = error
        self._db.execute("RELEASE apart")
        return done

    def _whole(self, task: Callable[[], T], *, durable: bool) -> T:
        """The task as one transaction, made again where a server was lost on the way; within another, part of it."""

        def once() -> T:
            with self._transaction(durable=durable):
                return task()

        return self._db.repeated(once)

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[None]:
        """All of it or nothing; within another transaction, a part of that one. Durable: it outlives a power cut."""
        with self._db.clear_errors():
            if self._db.in_transaction:
                yield
                return
            try:
                self._db.begin(durable=durable)
                yield
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise


def transaction(*, durable: bool = True) -> Callable[[Callable[Concatenate[J, P], T]], Callable[Concatenate[J, P], T]]:
    """Make a method one transaction. It may be run more than once, so it must keep nothing outside the journal."""

    def decorate(method: Callable[Concatenate[J, P], T]) -> Callable[Concatenate[J, P], T]:
        @wraps(method)
        def whole(self: J, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return self._whole(partial(method, self, *args, **kwargs), durable=durable)

        return whole

    return decorate


def _opened(place: Place) -> Database:
    if not isinstance(place, ServerAddress):
        return file.opened(Path(place))
    from isms_data.journal import server  # noqa: PLC0415 - its driver is an optional extra

    return server.opened(place)
