"""The settings of an SMPP account, as one address says them (`ISMS_SMPP`).

    smpp://user:password@host:2775?binds=2&window=100&rate=700
    smpps://user:password@host:3550                              the same inside TLS

Host, port and credentials come with the account, and so do limits such as the number of binds; what the provider does
not document is a parameter with a default here. An error never shows a value from in front of the `@`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

from isms_data.durations import seconds
from isms_data.errors import ConfigurationError
from isms_data.transports.smpp_text import MAX_RELATIVE, Alphabet, Concatenation, relative_time

if TYPE_CHECKING:
    from collections.abc import Callable

Mode = Literal["transceiver", "transmitter", "receiver"]

_PORTS: Final = {"smpp": 2775, "smpps": 3550}
"""2775 is registered for SMPP (IANA); nothing is for SMPP inside TLS, where 3550 is the custom."""

_ADDRESS: Final = re.compile(
    r"(?P<scheme>smpps?)://"
    r"(?:(?P<user>[^:@/?]+):(?P<password>[^@/?]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^]\[:@/?#]+)"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
    r"(?:\?(?P<query>[^@#]*))?"
)
_FORM: Final = (
    "Write smpp://user:password@host:port, or smpps:// for TLS; in user and password a character such as @ : / ? % is "
    "percent-encoded (%40 %3A %2F %3F %25)."
)
_SHORTEST_S: Final = 0.01
"""Seconds; an event loop cannot keep shorter times."""
_RANGES: Final = {"port": (1, 65_535), "binds": (1, 32), "window": (1, 10_000), "rate": (1, 1_000_000)}
_WORDS: Final = {"mode": get_args(Mode), "alphabet": get_args(Alphabet), "concatenation": get_args(Concatenation)}
_LONGEST: Final = {"user": 15, "password": 8, "system_type": 12}
"""Characters of each text of a bind PDU at most (SMPP 3.4, 4.1.1), less its end mark."""


@dataclass(frozen=True, kw_only=True)
class SmppSettings:
    """Where the SMSC is, how to bind to it, and how fast and in which form to send.

    Parameters
    ----------
    host, port : str, int
    user, password : str
        `system_id` and `password` of the bind: at most 15 and 8 characters.
    tls : bool
        The connection is TLS, with the certificate verified for `host`.
    mode : {"transceiver", "transmitter", "receiver"}
        What the binds are for: both ways, sending only, receipts only.
    binds : int
        How many sessions are held at once.
    window : int
        How many requests of a bind may be unanswered at once.
    rate : int
        How many messages may leave in any second, over all binds; the provider documents 700.
    alphabet : {"gsm", "latin-1"}
        How the SMSC reads data_coding 0: as GSM 03.38, or as Latin-1.
    concatenation : {"udh", "sar", "payload"}
        How the parts of a long message are joined: by a header in each, by optional fields, or sent as one.
    system_type : str
        Names the kind of client, where an SMSC wants it.
    validity : timedelta, optional
        How long the SMSC tries to deliver, at most 31 days; by default as long as it likes.
    enquire_s, timeout_s : float
        Seconds of silence after which the other side is asked whether it is there, and seconds that an answer may take.

    Raises
    ------
    ConfigurationError   a value cannot be used; the message names ISMS_SMPP and the parameter, and no password.

    Examples
    --------
    >>> SmppSettings.of("smpp://shop:secret@127.0.0.1?window=50&validity=2d").window
    50
    """

    host: str
    user: str
    password: str = field(repr=False)
    port: int = _PORTS["smpp"]
    tls: bool = False
    mode: Mode = "transceiver"
    binds: int = 1
    window: int = 100
    rate: int = 700
    alphabet: Alphabet = "gsm"
    concatenation: Concatenation = "udh"
    system_type: str = ""
    validity: timedelta | None = None
    enquire_s: float = 30.0
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        for name, longest in _LONGEST.items():
            _check_text(name, getattr(self, name), longest)
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise _bad(name, getattr(self, name), f"is not from {least:,} to {most:,}.")
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise _bad(name, getattr(self, name), f"is none of {', '.join(map(repr, words))}.")
        for name in ("enquire_s", "timeout_s"):
            if not getattr(self, name) >= _SHORTEST_S:
                raise _bad(name.removesuffix("_s"), getattr(self, name), "is too short; 30s is the default.")
        if self.validity is not None and not timedelta(0) < self.validity <= MAX_RELATIVE:
            msg = f"ISMS_SMPP: validity='{self.validity}' is not a time of up to {MAX_RELATIVE.days} days."
            raise ConfigurationError(msg)

    @classmethod
    def of(cls, url: str, *, plaintext: bool = False) -> Self:
        """Read an address such as `smpp://user:password@host:port?window=50`.

        `plaintext` allows `smpp://` to another machine, which sends the password readable through the network.
        """
        found = _ADDRESS.fullmatch(url)
        if found is None:
            msg = f"ISMS_SMPP is not an address that can be read. {_FORM}"
            raise ConfigurationError(msg)
        scheme, host = found["scheme"], found["host"].strip("[]")
        if not found["user"] or not found["password"]:
            msg = f"ISMS_SMPP names no user or no password. {_FORM}"
            raise ConfigurationError(msg)
        if scheme == "smpp" and not plaintext and not _is_loopback(host):
            msg = (
                f"ISMS_SMPP is plain smpp:// to {host!r}: the password and every message would travel readable. "
                "Use smpps://, or, if your account has no TLS, set allow_plaintext=True (ISMS_ALLOW_PLAINTEXT=1) as "
                "well."
            )
            raise ConfigurationError(msg)
        return cls(
            host=host,
            user=_decoded("user", found["user"]),
            password=_decoded("password", found["password"]),
            port=int(found["port"] or _PORTS[scheme]),
            tls=scheme == "smpps",
            **_parameters(found["query"] or ""),
        )

    @property
    def address(self) -> str:
        """`host:port`, for messages."""
        return f"{self.host}:{self.port}"

    @property
    def validity_period(self) -> str:
        """`validity` as a submit_sm says it; empty where there is none."""
        return "" if self.validity is None else relative_time(self.validity)


def _parameters(query: str) -> dict[str, Any]:
    """The fields that the part behind the `?` sets."""
    found: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in _READ:
            raise _bad(name, value, f"is no parameter. There are {', '.join(_READ)}.")
        target, read = _READ[name]
        if target in found:
            raise _bad(name, value, "is given twice.")
        found[target] = read(name, _decoded(name, value))
    return found


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise _bad(name, value, "is not a whole number.")
    return int(value)


def _seconds(name: str, value: str) -> float:
    return seconds(value, name=f"ISMS_SMPP: {name}")


def _span(name: str, value: str) -> timedelta | None:
    return timedelta(seconds=_seconds(name, value)) if value else None


def _text(_name: str, value: str) -> str:
    return value


_READ: Final[dict[str, tuple[str, Callable[[str, str], Any]]]] = {
    "mode": ("mode", _text),
    "binds": ("binds", _whole),
    "window": ("window", _whole),
    "rate": ("rate", _whole),
    "alphabet": ("alphabet", _text),
    "concatenation": ("concatenation", _text),
    "system_type": ("system_type", _text),
    "validity": ("validity", _span),
    "enquire": ("enquire_s", _seconds),
    "timeout": ("timeout_s", _seconds),
}
"""The parameters, the field that each sets, and how its value is read."""


def _decoded(name: str, value: str) -> str:
    """The value without its percent-encoding: %XX are octets of UTF-8."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", value):
        msg = f"ISMS_SMPP: {name} has a % that is not followed by two hexadecimal digits. Write a plain % as %25."
        raise ConfigurationError(msg)
    octets = re.sub(rb"%(..)", lambda found: bytes.fromhex(found[1].decode()), value.encode("utf-8", "surrogatepass"))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        msg = f"ISMS_SMPP: {name} is not UTF-8 once its percent-encoding is taken off."
        raise ConfigurationError(msg) from None


def _check_text(name: str, value: str, longest: int) -> None:
    if len(value) > longest:
        msg = f"ISMS_SMPP: {name} has {len(value)} characters, and SMPP 3.4 has room for {longest}."
        raise ConfigurationError(msg)
    if not value.isascii() or not value.isprintable():
        msg = f"ISMS_SMPP: {name} has a character that is not printable ASCII, which is all that a bind can carry."
        raise ConfigurationError(msg)


def _bad(name: str, value: object, why: str) -> ConfigurationError:
    return ConfigurationError(f"ISMS_SMPP: {name}={value!r} {why}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
