"""Faults on request: what can go wrong between a client and a gateway, at a rate or by script, by seed.

A fault is decided before the call is carried out. `Fault.carried_out` says which ones happen after it: the call was
done and charged, and the client cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from enum import StrEnum
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Final, Literal, get_args

from isms_data.simulator.responses import Ending, Response, error_page
from isms_data.vocabulary import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable


class Fault(StrEnum):
    """The kinds of faults."""

    ERROR_500 = "error_500"
    BAD_GATEWAY_502 = "bad_gateway_502"
    UNAVAILABLE_503 = "unavailable_503"
    TOO_MANY_429 = "too_many_429"
    RESET_BEFORE = "reset_before"
    ERROR_500_AFTER_CHARGE = "error_500_after_charge"
    BAD_GATEWAY_502_AFTER_CHARGE = "bad_gateway_502_after_charge"
    GATEWAY_TIMEOUT_504 = "gateway_timeout_504"
    DROP_AFTER_CHARGE = "drop_after_charge"
    SLOW = "slow"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    PHP_WARNING = "php_warning"

    @property
    def carried_out(self) -> bool:
        """Whether the call is carried out and charged although its reply is spoilt."""
        return self not in _BEFORE


_BEFORE: Final = frozenset(
    {Fault.ERROR_500, Fault.BAD_GATEWAY_502, Fault.UNAVAILABLE_503, Fault.TOO_MANY_429, Fault.RESET_BEFORE}
)

HTTP_STATUS: Final = {
    Fault.ERROR_500: 500,
    Fault.ERROR_500_AFTER_CHARGE: 500,
    Fault.BAD_GATEWAY_502: 502,
    Fault.BAD_GATEWAY_502_AFTER_CHARGE: 502,
    Fault.GATEWAY_TIMEOUT_504: 504,
    Fault.UNAVAILABLE_503: 503,
    Fault.TOO_MANY_429: 429,
}
PHP_WARNING_TEXT: Final = (
    "<br />\n<b>Warning</b>:  mysqli_connect(): Headers and client library minor version mismatch in "
    "<b>/var/www/api/http/db.php</b> on line <b>12</b><br />\n"
)
RetryAfter = Literal["seconds", "date", "none", "mixed"]
"""How 503 and 429 say when to come back; `mixed`: any of the others, by seed."""

Rates = Mapping[str, float] | float
"""A rate for each kind that is named, or one rate for every kind."""


@dataclass(slots=True)
class _Script:
    kind: Fault
    page: str | None
    times: int


class Faults:
    """The faults to come: rates, and a script that goes before them.

    Parameters
    ----------
    rates : mapping of kind to share, or one share for every kind
        Shares of the requests, between 0 and 1, together at most 1.
    pages : iterable of page names, optional
        Where the rates hold; everywhere by default. A script names its own page.
    seed : int
        The n-th draw is the same for the same seed. Which request is the n-th is for the client to say.
    slow_s : float
        How long a `slow` reply takes, in seconds; the call is carried out at once.
    retry_after, retry_after_s
        What 503 and 429 say in Retry-After.

    Raises
    ------
    ValueError   a kind, page or form that does not exist, or shares that are no shares.

    Examples
    --------
    >>> faults = Faults()
    >>> faults.script("drop_after_charge", page="hlr.php")
    >>> faults.draw("send.php"), faults.draw("hlr.php"), faults.draw("hlr.php")
    (None, <Fault.DROP_AFTER_CHARGE: 'drop_after_charge'>, None)
    """

    def __init__(
        self,
        rates: Rates = 0.0,
        *,
        pages: Iterable[str] | None = None,
        seed: int = 0,
        slow_s: float = 5.0,
        retry_after: RetryAfter = "mixed",
        retry_after_s: float = 1.0,
    ) -> None:
        self._random = Random(f"{seed}/faults")
        self._scripts: list[_Script] = []
        self.slow_s = slow_s
        self.set(rates, pages=pages)
        self.set_retry_after(retry_after, retry_after_s)

    def set(self, rates: Rates, *, pages: Iterable[str] | None = None) -> None:
        """Put other rates in place of those that hold."""
        shares = rates if isinstance(rates, Mapping) else dict.fromkeys(Fault, rates)
        checked = {_kind(kind): float(share) for kind, share in shares.items()}
        if not all(0 <= share <= 1 for share in checked.values()) or sum(checked.values()) > 1 + 1e-9:
            msg = f"fault rates are shares of the requests, each and together between 0 and 1, not {dict(shares)!r}"
            raise ValueError(msg)
        self.pages = None if pages is None else frozenset(map(_page, pages))
        self.rates = checked

    def set_retry_after(self, form: RetryAfter, seconds: float = 1.0) -> None:
        """Choose what 503 and 429 say in Retry-After."""
        if form not in get_args(RetryAfter):
            msg = f"retry_after={form!r} is none of {', '.join(get_args(RetryAfter))}"
            raise ValueError(msg)
        self.retry_after: RetryAfter = form
        self.retry_after_s = seconds

    def script(self, kind: str, *, page: str | None = None, times: int = 1) -> None:
        """Do this to the next so many calls, of one page where named. Scripts for the same page follow each other."""
        self._scripts.append(_Script(_kind(kind), None if page is None else _page(page), times))

    def clear(self) -> None:
        """No more faults: neither rates nor scripts."""
        self._scripts.clear()
        self.set(0.0)

    def settings(self) -> dict[str, object]:
        """What holds now, as JSON knows it; scripts are not among it."""
        return {
            "rates": {kind.value: share for kind, share in self.rates.items()},
            "pages": None if self.pages is None else sorted(self.pages),
            "slow_s": self.slow_s,
            "retry_after": self.retry_after,
            "retry_after_s": self.retry_after_s,
        }

    def draw(self, page: str) -> Fault | None:
        """The fault for the next call of a page, if there is to be one."""
        scripted = next((s for s in self._scripts if s.times > 0 and s.page in {None, page}), None)
        if scripted:
            scripted.times -= 1
            return scripted.kind
        if self.pages is not None and page not in self.pages:
            return None
        mark = self._random.random()
        for kind, share in self.rates.items():
            if mark < share:
                return kind
            mark -= share
        return None

    def spoil(self, kind: Fault, whole: Response, now: float) -> Response:
        """What goes out in place of a whole reply."""
        if kind in HTTP_STATUS:
            status = HTTP_STATUS[kind]
            waits = status in {429, 503}
            return error_page(status, retry_after=self._retry_after(now) if waits else None)
        spoilt = {
            Fault.RESET_BEFORE: replace(whole, ending=Ending.RESET),
            Fault.DROP_AFTER_CHARGE: replace(whole, ending=Ending.DROPPED),
            Fault.TRUNCATED: replace(whole, ending=Ending.CUT_SHORT),
            Fault.SLOW: replace(whole, delay_s=self.slow_s),
            Fault.EMPTY: replace(whole, body=""),
            Fault.PHP_WARNING: replace(whole, body=PHP_WARNING_TEXT + whole.body, content_type="text/html"),
        }
        return spoilt[kind]

    def _retry_after(self, now: float) -> str | None:
        form = self.retry_after
        if form == "mixed":
            form = self._random.choice(("seconds", "date", "none"))
        if form == "none":
            return None
        if form == "seconds":
            return str(ceil(self.retry_after_s))
        return formatdate(ceil(now + self.retry_after_s), usegmt=True)


def _kind(word: str) -> Fault:
    try:
        return Fault(word)
    except ValueError:
        msg = f"{word!r} is no fault of the sandbox; there are {', '.join(Fault)}"
        raise ValueError(msg) from None


def _page(name: str) -> str:
    pages = [call.page for call in CALLS]
    if name not in pages:
        msg = f"{name!r} is no page of the gateway; there are {', '.join(pages)}"
        raise ValueError(msg)
    return name
