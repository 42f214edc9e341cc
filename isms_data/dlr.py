"""The dlr-url: an address of ours that the gateway calls, with a signed token that names the call; pure.

A token is `<reference>.<signature>`. The reference names the call in the journal, and the journal knows the rest (the
campaign, the numbers), so neither a name nor a number stands in an address that proxies log. Who does not have the
secret cannot make a token that is believed. What is signed is in `_signature` and nowhere else; it begins with a
version, so that a later form of token cannot be taken for this one.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Final

from isms_data.errors import ConfigurationError

REFERENCE_BYTES: Final = 9
"""Random: two of a billion references are equal with a probability of one in ten thousand; the journal refuses that."""

SIGNATURE_BYTES: Final = 16
"""Of the 32 of HMAC-SHA256: 128 bits cannot be guessed, and a short address leaves room for numbers in its call."""

_PURPOSE: Final = b"isms_data dlr-url 1\0"
_REFERENCE: Final = r"[A-Za-z0-9_-]{12}"
_TOKEN: Final = re.compile(rf"({_REFERENCE})\.[A-Za-z0-9_-]{{22}}")
_BASE: Final = re.compile(
    r"https?://"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?"
)


def new_reference() -> str:
    """A name for a call that nobody can guess and no other call has.

    >>> len(new_reference()), new_reference() == new_reference()
    (12, False)
    """
    return _text(secrets.token_bytes(REFERENCE_BYTES))


def token(secret: bytes, reference: str) -> str:
    """The reference with its signature.

    >>> token(bytes(32), "cHJvbWlzZWQh")
    'cHJvbWlzZWQh.w3GHm2FKBNMGJmhwOQTNWQ'
    """
    if not re.fullmatch(_REFERENCE, reference):
        msg = "a reference is made by new_reference(); another cannot be signed."
        raise ValueError(msg)
    return f"{reference}.{_signature(secret, reference)}"


def reference_of(secret: bytes, token: str) -> str | None:
    """The reference that a token names, None if anything about the token is wrong; never raises.

    The signature is compared as text, because two texts can stand for the same bytes, and in constant time, so that
    nobody can find it out letter by letter.

    >>> reference_of(bytes(32), token(bytes(32), "cHJvbWlzZWQh"))
    'cHJvbWlzZWQh'
    """
    form = _TOKEN.fullmatch(token)
    if form is None:
        return None
    reference, _, signature = token.partition(".")
    return reference if hmac.compare_digest(signature, _signature(secret, reference)) else None


def url(base: str, token: str) -> str:
    """The address to be called: the token as the last segment of the receiver's public address.

    Raises
    ------
    ConfigurationError   the base is no http(s) address, or has credentials, a query or a fragment in it.

    Examples
    --------
    >>> url("https://example.gr/sms/dlr/", "cHJvbWlzZWQh.w3GHm2FKBNMGJmhwOQTNWQ")
    'https://example.gr/sms/dlr/cHJvbWlzZWQh.w3GHm2FKBNMGJmhwOQTNWQ'
    """
    if not _BASE.fullmatch(base):
        shown = "what is given" if "@" in base else repr(base)  # there may be a password in front of an @
        msg = (
            f"the receiver's public address (dlr) must be like 'https://example.gr/sms/dlr', and {shown} is not: http "
            "or https, a host in Latin letters (a Greek one as 'xn--...'), perhaps a port and a path; no user, "
            "password, query or fragment."
        )
        raise ConfigurationError(msg)
    return f"{base.rstrip('/')}/{token}"


def _signature(secret: bytes, reference: str) -> str:
    digest = hmac.digest(secret, _PURPOSE + reference.encode("ascii"), "sha256")
    return _text(digest[:SIGNATURE_BYTES])


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
