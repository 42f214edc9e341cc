"""One account at the gateway: its address, its credentials, its limits, and our readings of what is not documented.

Each reading of docs/protocol.md that a user may have to change is one field here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from isms_data.errors import ConfigurationError
from isms_data.journal.place import ServerAddress
from isms_data.quiet_hours import QuietHours
from isms_data.transports.smpp_settings import SmppSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from isms_data.journal.place import Place

DEFAULT_BASE_URL: Final = "https://cp.isms.gr/api/http/"

MAX_LINE_BYTES: Final = 8190
"""Apache's default limit of a whole request line (LimitRequestLine); every call is a GET, so this bounds a batch."""

NO_ACCOUNT: Final = (
    "no account is set. Set ISMS_USERNAME and ISMS_PASSWORD (in the environment or in a .env file beside your "
    "script), or pass account=isms.Account(username, password). To try without an account: "
    "`with isms.sandbox() as account:`, or `isms demo` on the command line."
)


@dataclass(frozen=True)
class Account:
    """The credentials and settings of one account; immutable, and its repr shows no password.

    Parameters
    ----------
    username, password : str
        As for the web panel of the provider.
    base_url : str
        Where the seven pages live; ends in `/api/http/`.
    allow_plaintext : bool
        Plain `http://` or `smpp://` to another machine sends the password readable through the network: refused unless
        set.
    soap_wsdl : str, optional
        Address or path of the WSDL of the SOAP API; by default one that comes with this package.
    smpp : str, optional
        Address of the SMPP API: `smpps://user:password@host:port`, or `smpp://` where there is no TLS; with settings
        such as `?binds=2&window=100&rate=700` behind it (docs/transports.md).
    timezone : str
        The clock on which the provider reads scheduling dates.
    credits_per_segment, credits_per_lookup : Decimal
        The prices that a plan counts with, in credits; not documented, so a run measures them.
    max_per_call, max_line_bytes : int
        How many numbers share a call at most, and how long its request line may be, in bytes.
    max_in_flight : int
        How many calls are under way at once at most.
    timeout_s, connect_timeout_s : float
        How long a reply, or a connection, may take, in seconds.
    home : path, optional
        The folder of the journal; by default `ISMS_HOME`, else `./.isms`.
    journal : str, optional
        Where several machines share one journal: `postgresql://user:password@host/database` (ISMS_JOURNAL), instead of
        the file in `home`.
    quiet_hours : str
        When no message is to leave, such as `"21:00-09:00 sundays defer"` (docs/scheduling.md); empty for none.
    progress : bool, optional
        Whether runs draw a progress bar; by default unless `ISMS_PROGRESS=0`.

    Raises
    ------
    ConfigurationError   a setting cannot be used; the message names it.

    Examples
    --------
    >>> Account("shop", "secret")
    Account(username='shop', base_url='https://cp.isms.gr/api/http/')
    """

    username: str
    password: str = field(repr=False)
    base_url: str = field(default=DEFAULT_BASE_URL, kw_only=True)
    allow_plaintext: bool = field(default=False, kw_only=True, repr=False)
    soap_wsdl: str | None = field(default=None, kw_only=True, repr=False)
    smpp: str | None = field(default=None, kw_only=True, repr=False)
    timezone: str = field(default="Europe/Athens", kw_only=True, repr=False)
    credits_per_segment: Decimal | float = field(default=Decimal(1), kw_only=True, repr=False)
    credits_per_lookup: Decimal | float = field(default=Decimal(1), kw_only=True, repr=False)
    max_per_call: int = field(default=500, kw_only=True, repr=False)
    max_line_bytes: int = field(default=MAX_LINE_BYTES, kw_only=True, repr=False)
    max_in_flight: int = field(default=64, kw_only=True, repr=False)
    timeout_s: float = field(default=30.0, kw_only=True, repr=False)
    connect_timeout_s: float = field(default=10.0, kw_only=True, repr=False)
    home: str | Path | None = field(default=None, kw_only=True, repr=False)
    journal: str | None = field(default=None, kw_only=True, repr=False)
    quiet_hours: str = field(default="", kw_only=True, repr=False)
    progress: bool | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not self.username or not self.password:
            raise ConfigurationError(NO_ACCOUNT)
        object.__setattr__(self, "base_url", _checked_base_url(self.base_url, plaintext=self.allow_plaintext))
        for name in ("credits_per_segment", "credits_per_lookup"):
            object.__setattr__(self, name, _price(name, getattr(self, name)))
        for name in ("max_per_call", "max_line_bytes", "max_in_flight", "timeout_s", "connect_timeout_s"):
            if not getattr(self, name) > 0:
                msg = f"Account({name}={getattr(self, name)!r}) must be more than 0."
                raise ConfigurationError(msg)
        if self.smpp is not None:
            SmppSettings.of(self.smpp, plaintext=self.allow_plaintext)
        if self.journal is not None:
            ServerAddress.of(self.journal)
        _check_timezone(self.timezone)
        QuietHours.parse(self.quiet_hours, timezone=self.timezone)

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """The account of the environment variables `ISMS_…` and of a `.env` file in the working folder.

        A variable of the environment wins over the file; a keyword given here wins over both. The variables are
        ISMS_USERNAME, ISMS_PASSWORD, ISMS_BASE_URL, ISMS_ALLOW_PLAINTEXT, ISMS_SOAP_WSDL, ISMS_SMPP, ISMS_HOME,
        ISMS_JOURNAL, ISMS_MAX_PER_CALL, ISMS_QUIET_HOURS and ISMS_PROGRESS.

        Raises
        ------
        ConfigurationError   no user name or password is set; the message says how to set them.
        """
        found = {}
        for name, (variable, read) in _VARIABLES.items():
            if value := _variable(variable):
                found[name] = read(value)
        merged = {**found, **settings}
        if not merged.get("username") or not merged.get("password"):
            raise ConfigurationError(NO_ACCOUNT)
        return cls(**merged)

    @property
    def label(self) -> str:
        """What the journal calls this account: user and host, never the password; loopback with its port."""
        address = urlsplit(self.base_url)
        host = address.netloc if _is_loopback(address.hostname or "") else address.hostname
        return f"{self.username}@{host}"

    @property
    def journal_place(self) -> Place:
        """Where the journal is: a server, or a folder."""
        return journal_place(self)

    @property
    def shows_progress(self) -> bool:
        """Whether runs draw a progress bar."""
        return self.progress if self.progress is not None else _flag(_variable("ISMS_PROGRESS") or "1")


def resolve(account: Account | None) -> Account:
    """The account that was given, or the one of the environment."""
    return account if account is not None else Account.from_env()


def journal_place(account: Account | None) -> Place:
    """Where the journal is, which is there without an account too: `ISMS_JOURNAL`, else `ISMS_HOME`, else `./.isms`."""
    if server := (account and account.journal) or _variable("ISMS_JOURNAL"):
        return ServerAddress.of(server)
    return Path((account and account.home) or _variable("ISMS_HOME") or ".isms")


def _checked_base_url(url: str, *, plaintext: bool) -> str:
    address = _split(url)
    if address.username is not None or address.password is not None or address.query or address.fragment:
        msg = "base_url (ISMS_BASE_URL) must be a bare address such as https://host/api/http/, with no user, password, "
        msg += "query or fragment in it; the credentials are settings of their own."
        raise ConfigurationError(msg)
    if address.scheme not in {"https", "http"} or not address.hostname:
        shown = "what is set" if "@" in url else repr(url)  # there may be a password in front of an @
        msg = f"base_url (ISMS_BASE_URL) must be an address like {DEFAULT_BASE_URL!r}, and {shown} is none."
        raise ConfigurationError(msg)
    if address.scheme == "http" and not plaintext and not _is_loopback(address.hostname):
        msg = (
            f"base_url={url!r} (ISMS_BASE_URL) is plain http: the password would travel readable in every request. "
            "Use https://, or, if your account has no https, set allow_plaintext=True (ISMS_ALLOW_PLAINTEXT=1) as well."
        )
        raise ConfigurationError(msg)
    return url if url.endswith("/") else url + "/"


def _split(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        address.port  # noqa: B018 - the property is what checks the port
    except ValueError:
        msg = "base_url (ISMS_BASE_URL) is not an address that can be read."
        raise ConfigurationError(msg) from None
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _price(name: str, value: object) -> Decimal:
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal(-1)
    if price.is_finite() and price >= 0:
        return price
    msg = f"Account({name}={value!r}) is not a price in credits."
    raise ConfigurationError(msg)


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        msg = f"Account(timezone={name!r}) is not a time zone. Write one like 'Europe/Athens'."
        raise ConfigurationError(msg) from None


def _variable(name: str) -> str | None:
    """The variable from the environment, else from `.env`; taken as it stands, with no `$` expansion."""
    return os.environ.get(name) or _dotenv().get(name)


def _dotenv() -> Mapping[str, str | None]:
    from dotenv import dotenv_values  # noqa: PLC0415 - only where an account is made from the environment

    return dotenv_values(".env", interpolate=False)


def _flag(text: str) -> bool:
    return text.strip().lower() not in {"", "0", "no", "false", "off"}


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        msg = f"ISMS_MAX_PER_CALL={text!r} is not a whole number."
        raise ConfigurationError(msg) from None


_VARIABLES: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "username": ("ISMS_USERNAME", str),
    "password": ("ISMS_PASSWORD", str),
    "base_url": ("ISMS_BASE_URL", str),
    "allow_plaintext": ("ISMS_ALLOW_PLAINTEXT", _flag),
    "soap_wsdl": ("ISMS_SOAP_WSDL", str),
    "smpp": ("ISMS_SMPP", str),
    "home": ("ISMS_HOME", Path),
    "journal": ("ISMS_JOURNAL", str),
    "max_per_call": ("ISMS_MAX_PER_CALL", _whole),
    "quiet_hours": ("ISMS_QUIET_HOURS", str),
    "progress": ("ISMS_PROGRESS", _flag),
}
