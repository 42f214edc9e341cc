"""The journal on a PostgreSQL server, where several machines share it.

What must change together. Each transaction takes one lock of the whole journal (an advisory one, given back by its
end), so that it has the journal to itself as SQLite's writer has its file; all promises rest on that, and on
`synchronous_commit`, which is on for whatever must be durable. A connection may be lost at any moment. What had not
been committed by then is certain not to have happened, and is done again over a new connection. Where the answer to the
COMMIT itself was lost, nobody here knows; the server does, by the number of the transaction (`pg_xact_status`), and is
asked. Only where it cannot say is a JournalError raised: nothing is paid for then, and what was intended is in doubt.

Times are the server's, because the clocks of machines differ: each transaction reads its clock as it begins.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from isms_data.errors import ConfigurationError, JournalError
from isms_data.journal.database import NotCommitted
from isms_data.journal.migrations import MIGRATIONS
from isms_data.leases import machine

try:
    import psycopg
    from psycopg import pq, sql
    from psycopg.adapt import Dumper
except ImportError as missing:
    _MISSING = "a journal on PostgreSQL (ISMS_JOURNAL) needs its driver: pip install 'isms_data[postgres]'."
    raise ConfigurationError(_MISSING) from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from isms_data.journal.place import ServerAddress

T = TypeVar("T")

BUSY_S: Final = 30.0
"""How long a transaction of another run is waited for."""

IDLE_S: Final = 20.0
"""After so long without a word in the middle of a transaction, the server ends it: its machine is gone or asleep, and
others wait."""

CONNECT_S: Final = 10
"""How long a server may take to let us in, in whole seconds."""

SILENCE_S: Final = 15
"""A server that is not heard of for so long, though it should have answered, is lost."""

PATIENCE_S: Final = 25.0
"""How long a server that was lost is tried again: less than a lease lasts, and longer than a restart takes."""

FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 2.0
"""Between two tries; doubled each time."""

PLANS_S: Final = 1.0
"""How long the server keeps to how it does a statement: that depends on the size of the tables, and they grow fast."""

_SETTINGS: Final = (
    "plan_cache_mode = force_generic_plan",
    "enable_seqscan = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "enable_material = off",
    "join_collapse_limit = 1",
    "jit = off",
    "client_min_messages = warning",
)
"""Tables are joined in the order in which they stand and through their indexes, as our statements mean it: new tables
have no statistics, from which the server could find out by itself. To plan each statement anew takes longer than to do
it."""

BATCH: Final = 10_000
"""Rows of a large table that are fetched together."""

LOCK: Final = 0x69734D53
"""The first half of the key of the journal's lock, the second being its schema; others' locks have other keys."""

_PASSING: Final = frozenset({"40001", "40P01", "25P03", "57P01", "57P02", "57P03", "57P05", "53300"})
"""SQLSTATEs of what may be made again: serialization failure, deadlock, idle too long in a transaction, the server is
shut down, has crashed, is starting, was idle, has too many connections for the moment."""

_BEGIN: Final = (
    "BEGIN; {wait}SELECT pg_advisory_xact_lock({lock}, {schema}), {number}, "
    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
)
"""The clock is read when the lock is held; all of it is one message to the server."""

_REFERENCES: Final = re.compile(r" REFERENCES \w+ \(\w+\)")

log = logging.getLogger("isms_data")


class _Clock(NamedTuple):
    """What the server's clock said, and ours for intervals at that moment."""

    server_us: int
    ticks_ns: int


class _Flag(Dumper):
    """Python's booleans as the whole numbers that the tables have."""

    oid = 20  # int8

    def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - the driver's signature
        return b"1" if obj else b"0"


class _Word(Dumper):
    """Texts and our words; PostgreSQL has no room for NUL, which a gateway may send."""

    def dump(self, obj: str) -> bytes:
        return obj.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()


class ServerDatabase:
    """One connection to the journal on a server (`database.Database`)."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._here = machine()
        self._begun = False
        self._number: int | None = None
        """Of the transaction that is open, where its end must be certain."""
        self._clock = _Clock(0, 0)
        self._plans_until = 0.0
        self._schema = 0
        self._connection = self.repeated(self._connected_first)
        try:
            self.repeated(self._prepare)
        except BaseException:
            self.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether one is open, as far as this side has said."""
        return self._begun

    def execute(self, words: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        """Do it; rows are fetched whole."""
        return self._connection.execute(_translated(words), values or None)

    def executemany(self, words: str, rows: Iterable[Sequence[Any]], /) -> None:
        """Do it for each, without waiting for each."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(words), rows)

    def load(self, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Put many rows into a table at once."""
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def among(self, values: Sequence[Any], /) -> str:  # noqa: ARG002 - as every engine
        """One list: the server reads thousands of parameters one by one."""
        return "= ANY (?)"

    def given(self, values: Sequence[Any], /) -> Sequence[Any]:
        """The list."""
        return (list(values),)

    @contextmanager
    def stream(self, words: str, /) -> Iterator[Iterable[Any]]:
        """Through a cursor of the server."""
        with self._connection.cursor(name="stream") as cursor:
            cursor.itersize = BATCH
            yield cursor.execute(_translated(words))

    def begin(self, *, durable: bool) -> None:
        """Take the journal's lock; others wait."""
        self._be_connected()
        self._begun = True
        wait = "" if durable else "SET LOCAL synchronous_commit = off; "
        if time.monotonic() > self._plans_until:
            self._plans_until = time.monotonic() + PLANS_S
            wait = f"DISCARD PLANS; {wait}"
        number = "pg_current_xact_id()::text::bigint" if durable else "NULL"
        self._number, server_us = self._taken(wait, number)
        self._clock = _Clock(server_us, time.monotonic_ns())

    def _taken(self, wait: str, number: str) -> tuple[int | None, int]:
        words = _BEGIN.format(wait=wait, lock=LOCK, schema=self._schema, number=number)
        cursor = self._connection.execute(words, prepare=False)
        while cursor.nextset():
            pass
        _, taken, server_us = _only(cursor)
        return taken, server_us

    def commit(self) -> None:
        """Make it lasting; where the answer is lost, find out."""
        try:
            ended = self._connection.execute("COMMIT").statusmessage
        except psycopg.OperationalError as error:
            if not self._is_lost:
                raise
            self._begun = False
            self._find_out(error)
        else:
            self._begun = False
            if ended != "COMMIT":
                msg = "a transaction that had failed could not be ended well"
                raise psycopg.InternalError(msg)

    def _find_out(self, error: psycopg.Error) -> None:
        """Whether the transaction whose COMMIT had no answer has happened: return if so, else raise why not."""
        number = self._number
        if number is None:  # what need not be durable may be done twice
            raise NotCommitted from error
        log.info("the connection to the journal was lost with an answer on its way; the server is asked")
        said = self.repeated(lambda: self._status(number))
        if said == "aborted":
            raise NotCommitted from error
        if said != "committed":
            msg = f"the connection was lost, and whether the last transaction has happened is not known ({said})"
            raise psycopg.InternalError(msg) from error

    def _status(self, number: int) -> str | None:
        self._be_connected()
        with self.clear_errors():
            (said,) = self._row("SELECT pg_xact_status(?::text::xid8)", (str(number),))
        if said == "in progress":
            raise NotCommitted  # the server has not noticed yet that we are gone
        return said if said is None else str(said)

    def rollback(self) -> None:
        """Take it back; a server that is lost does so by itself."""
        self._begun = False
        with suppress(psycopg.Error):
            self._connection.execute("ROLLBACK")

    def repeated(self, transaction: Callable[[], T], /) -> T:
        """Do it until it is done, for `PATIENCE_S` at most."""
        if self._begun:
            return transaction()
        wait, deadline = FIRST_WAIT_S, time.monotonic() + PATIENCE_S
        while True:
            try:
                return transaction()
            except NotCommitted as lost:
                if time.monotonic() + wait > deadline:
                    raise self._error(lost.__cause__) from lost.__cause__
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    def check(self, *, room: bool) -> None:
        """The server looks after its tables and its disk."""

    def now(self) -> int:
        """The server's time."""
        clock = self._clock
        return clock.server_us + (time.monotonic_ns() - clock.ticks_ns) // 1000

    def here(self) -> str:
        """A name that no other machine has."""
        return self._here

    def overwrite_deleted(self) -> None:
        """PostgreSQL cannot; `compact` does it."""

    def compact(self) -> None:
        """Write the tables anew; copies of the server's log, standbys and backups are beyond our reach."""
        with self.clear_errors():
            self._be_connected()
            tables = (
                "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
            )
            for (table,) in self.execute(tables).fetchall():
                self._connection.execute(sql.SQL("VACUUM FULL {}").format(sql.Identifier(table)))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def clear_errors(self) -> AbstractContextManager[None]:
        """The driver's errors, in words without the password."""
        return self._clear_errors()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if self._is_lost or error.sqlstate in _PASSING:
                raise NotCommitted from error
            raise self._error(error) from error

    # Connections

    @property
    def _is_lost(self) -> bool:
        return self._connection.info.status != pq.ConnStatus.OK

    def _connected(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._address.url,
            autocommit=True,
            connect_timeout=CONNECT_S,
            keepalives_idle=SILENCE_S // 3,
            keepalives_interval=SILENCE_S // 3,
            keepalives_count=2,
            tcp_user_timeout=SILENCE_S * 1000,
            application_name="isms_data",
        )
        connection.adapters.register_dumper(bool, _Flag)
        for words in (str, StrEnum):
            connection.adapters.register_dumper(words, _Word)
        timeouts = (
            f"lock_timeout = {int(BUSY_S * 1000)}",
            f"idle_in_transaction_session_timeout = {int(IDLE_S * 1000)}",
        )
        connection.execute("; ".join(f"SET {setting}" for setting in (*timeouts, *_SETTINGS)))
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        self._session = connection.execute(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
        return connection

    def _connected_first(self) -> psycopg.Connection[Any]:
        """A server that is not there is told at once: the address may be wrong."""
        try:
            return self._connected()
        except psycopg.Error as error:
            if error.sqlstate in _PASSING:
                raise NotCommitted from error
            raise self._error(error) from error

    def _be_connected(self) -> None:
        """Connect again where the connection was lost, and end what is left of it on the server: it may hold the lock.

        Raises
        ------
        NotCommitted   the server is not there.
        """
        if not self._is_lost:
            return
        self._connection.close()
        before = self._session
        try:
            self._connection = self._connected()
            self._connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s", before
            )
        except psycopg.OperationalError as error:
            if error.sqlstate is not None and error.sqlstate not in _PASSING:
                raise self._error(error) from error
            raise NotCommitted from error
        log.info("connected again to the journal (%s)", self._address)

    # Tables

    def _prepare(self) -> None:
        """Bring the tables up to date; and learn the second half of the lock's key."""
        with self.clear_errors():
            self._be_connected()
            (self._schema,) = self._row("SELECT hashtext(coalesce(current_schema(), ''))")
            if self._version() == len(MIGRATIONS):
                return
            try:
                self.begin(durable=True)
                self._migrate()
                self.commit()
            except BaseException:
                self.rollback()
                raise

    def _row(self, words: str, values: Sequence[Any] = ()) -> Any:
        """The one row that there is."""
        return _only(self.execute(words, values))

    def _version(self) -> int:
        (there,) = self._row("SELECT to_regclass('journal') IS NOT NULL")
        if not there:
            return 0
        (version,) = self.execute("SELECT version FROM journal").fetchone() or (0,)
        if version > len(MIGRATIONS):
            msg = f"it is of version {version}, made by a newer isms_data; this one knows {len(MIGRATIONS)}. Update it"
            raise psycopg.ProgrammingError(msg)
        return int(version)

    def _migrate(self) -> None:
        self.execute("CREATE TABLE IF NOT EXISTS journal (version BIGINT NOT NULL, dlr_key BYTEA)")
        if self.execute("SELECT version FROM journal").fetchone() is None:  # nobody was quicker while we waited
            self.execute("INSERT INTO journal (version) VALUES (0)")
        version = self._version()
        for step in MIGRATIONS[version:]:
            for statement in filter(str.strip, step.split(";")):
                self._connection.execute(_as_here(statement))
        self.execute("UPDATE journal SET version = ?", (len(MIGRATIONS),))

    def _error(self, error: BaseException | None) -> JournalError:
        told = str(error).strip() if error is not None else "the server is not there"
        for secret in self._address.secrets:
            told = told.replace(secret, "•••")
        return JournalError(
            f"the journal ({self._address}) cannot be used: {told}. Nothing is paid for without it, and what is in it "
            "is kept. See that the server runs and lets you in (ISMS_JOURNAL), then call again."
        )


def opened(address: ServerAddress) -> ServerDatabase:
    """The journal on this server, of the newest version."""
    return ServerDatabase(address)


def _only(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    if row is None:
        msg = "a question that always has an answer had none"
        raise psycopg.InternalError(msg)
    return row


@lru_cache(maxsize=256)
def _translated(words: str) -> str:
    """With the driver's marks for values."""
    return words.replace("%", "%%").replace("?", "%s")


def _as_here(statement: str) -> str:
    """A step of `migrations` in the words of PostgreSQL. References are left out, because SQLite does not check them.

    A whole number has 64 bits in both; ids are counted by us.
    """
    words = {"INTEGER": "BIGINT", "BLOB": "BYTEA", " WITHOUT ROWID": ""}
    for theirs, ours in words.items():
        statement = statement.replace(theirs, ours)
    return _REFERENCES.sub("", statement)
