"""Whether a submit_sm is taken: field by field in the order of the PDU, each with the refusal that the standard has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.simulator.accounts import is_sender
from isms_data.simulator.smsc_codec import Rejected, Status
from isms_data.simulator.smsc_text import UDH_INDICATOR, Content, moment, read_content

if TYPE_CHECKING:
    from isms_data.simulator.smsc_codec import Submit

SERVICE_TYPES: Final = frozenset({"", "CMT", "CPT", "VMN", "VMA", "WAP", "USSD"})
"""5.2.11."""

TONS: Final = frozenset(range(7))
"""5.2.5."""

NPIS: Final = frozenset({0, 1, 3, 4, 6, 8, 9, 10, 14, 18})
"""5.2.6."""

UNKNOWN: Final = 0
INTERNATIONAL: Final = 1
ALPHANUMERIC: Final = 5

RECIPIENT_DIGITS: Final = range(8, 16)
SHORTEST_INTERNATIONAL: Final = 7
"""So many digits a sender has at least that calls itself an international number; no country has shorter ones."""
LONGEST_ALPHANUMERIC: Final = 11

STORE_AND_FORWARD: Final = frozenset({0x00, 0x03})
"""The messaging modes (5.2.12) that wait for an absent phone: the default one, and the same by name."""

WHAT_IS_ASKED: Final = 0b11
FAILURE_ONLY: Final = 0b10
INTERMEDIATE: Final = 0b1_0000
"""registered_delivery (5.2.17): the final receipt, only of a failure, and a note on the way."""


class Order(NamedTuple):
    """A submit_sm that may be taken: what to show, when to send it and how long to try (None: at once, as usual)."""

    content: Content
    scheduled_for: float | None
    expires_at: float | None


def order(submit: Submit, now: float) -> Order:
    """What a submit_sm asks for.

    Raises
    ------
    Rejected   a field that is refused.
    """
    if submit.service_type not in SERVICE_TYPES:
        raise Rejected(Status.ESME_RINVSERTYP)
    refusal = sender_refusal(submit.source_ton, submit.source_npi, submit.source) or _refused_recipient(submit)
    if refusal:
        raise Rejected(refusal)
    if submit.esm_class & ~UDH_INDICATOR not in STORE_AND_FORWARD:
        raise Rejected(Status.ESME_RINVESMCLASS)
    if submit.priority > 3:
        raise Rejected(Status.ESME_RINVPRTFLG)
    scheduled_for = _ahead(submit.schedule, now, now, Status.ESME_RINVSCHED)
    expires_at = _ahead(submit.validity, now, scheduled_for or now, Status.ESME_RINVEXPIRY)
    refusal = _refused_flags(submit)
    if refusal:
        raise Rejected(refusal)
    return Order(read_content(submit), scheduled_for, expires_at)


@lru_cache(maxsize=1024)
def sender_refusal(ton: int, npi: int, text: str) -> Status | None:
    """Why a sender is refused: only alphanumeric ones (5) have letters, and international ones (1) have a country.

    >>> sender_refusal(5, 0, "MyShop"), sender_refusal(1, 1, "MyShop"), sender_refusal(9, 1, "306900000001")
    (None, <Status.ESME_RINVSRCADR: 10>, <Status.ESME_RINVSRCTON: 72>)
    """
    if ton not in TONS:
        return Status.ESME_RINVSRCTON
    if npi not in NPIS:
        return Status.ESME_RINVSRCNPI
    if not is_sender(text):
        return Status.ESME_RINVSRCADR
    fits = len(text) <= LONGEST_ALPHANUMERIC if ton == ALPHANUMERIC else text.isdecimal()
    if ton == INTERNATIONAL and len(text) < SHORTEST_INTERNATIONAL:
        fits = False
    return None if fits else Status.ESME_RINVSRCADR


def _refused_recipient(submit: Submit) -> Status | None:
    """A recipient is an international number: as the provider writes it, digits only, the country's first."""
    if submit.dest_ton not in {UNKNOWN, INTERNATIONAL}:
        return Status.ESME_RINVDSTTON
    if submit.dest_npi not in {UNKNOWN, INTERNATIONAL}:
        return Status.ESME_RINVDSTNPI
    digits = submit.destination
    if not (digits.isascii() and digits.isdecimal() and len(digits) in RECIPIENT_DIGITS):
        return Status.ESME_RINVDSTADR
    return None


def _ahead(text: str, now: float, after: float, fault: Status) -> float | None:
    """The moment that a time field names; one that is not ahead of `after` is refused."""
    if not text:
        return None
    named = moment(text, now)
    if named is None or named < after:
        raise Rejected(fault)
    return named


def _refused_flags(submit: Submit) -> Status | None:
    """Replacing a message and predefined ones are not offered."""
    if submit.registered_delivery & ~0b1_1111 or submit.registered_delivery & WHAT_IS_ASKED == 0b11:
        return Status.ESME_RINVREGDLVFLG
    if submit.replace_if_present:
        return Status.ESME_RINVREPFLAG
    return Status.ESME_RINVDFTMSGID if submit.default_message else None
