"""Where a journal is: a folder with its file, or a PostgreSQL server that several machines share; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from isms_data.errors import ConfigurationError

SCHEMES: Final = ("postgresql", "postgres")

EXPECTED: Final = "postgresql://user:password@host/database"


@dataclass(frozen=True)
class ServerAddress:
    """The address of a journal on a server; what it shows of itself has no password in it.

    >>> ServerAddress.of("postgresql://shop:secret@db.example.com/journal")
    ServerAddress('postgresql://shop@db.example.com/journal')
    """

    url: str = field(repr=False)
    """As libpq takes it, the password included: for the driver only."""

    def __repr__(self) -> str:
        return f"ServerAddress({str(self)!r})"

    def __str__(self) -> str:
        address = urlsplit(self.url)
        user, _, host = address.netloc.rpartition("@")
        shown = f"{user.partition(':')[0]}@{host}" if user else host
        return f"{SCHEMES[0]}://{shown}{address.path}"

    @classmethod
    def of(cls, url: str) -> Self:
        """The address that was set; the text of a wrong one is not repeated, for there may be a password in it.

        Raises
        ------
        ConfigurationError   it is not the address of a PostgreSQL database.
        """
        try:
            address = urlsplit(url)
            address.port  # noqa: B018 - the property is what checks the port
        except ValueError:
            address = urlsplit("")
        named = len(address.path) > 1 or "dbname=" in address.query
        if address.scheme not in SCHEMES or not named:
            msg = f"the journal (ISMS_JOURNAL) must be an address like {EXPECTED}, and what is set is none."
            raise ConfigurationError(msg)
        return cls(url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any message: the password, as it is written and as it is meant."""
        address = urlsplit(self.url)
        spelled = [part.partition("=")[2] for part in address.query.split("&") if part.startswith("password=")]
        spelled += [address.netloc.rpartition("@")[0].partition(":")[2]]
        return tuple(text for each in spelled if each for text in (each, unquote(each)))


Place = PurePath | ServerAddress
"""Where a journal is."""
