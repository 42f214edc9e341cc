"""Who answers how: the fate of every number there is, decided by the seed and the number alone.

A number is first placed in its range (mobile or not, and whose), then it gets a kind by the shares below, then the
answer that its kind gives. docs/sandbox.md has the shares as a table; change both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from isms_data.simulator.chance import Lot, choose, latency_in_medians
from isms_data.simulator.networks import Network, abroad, destinations, range_of
from isms_data.vocabulary import HlrStatus, MessageStatus

if TYPE_CHECKING:
    from isms_data.simulator.networks import NumberRange


class Kind(StrEnum):
    """What is the matter with a number."""

    REACHABLE = "reachable"
    ROAMING = "roaming"
    ABSENT = "absent"
    BARRED = "barred"
    NO_SMS_SERVICE = "no_sms_service"
    DEAD = "dead"
    SYSTEM_FAILURE = "system_failure"
    NO_VERDICT = "no_verdict"
    NOT_MOBILE = "not_mobile"
    NONSENSE = "nonsense"


SHARES: Final[dict[Kind, float]] = {
    Kind.REACHABLE: 0.74,
    Kind.ROAMING: 0.04,
    Kind.ABSENT: 0.09,
    Kind.DEAD: 0.06,
    Kind.NO_VERDICT: 0.025,
    Kind.BARRED: 0.015,
    Kind.NO_SMS_SERVICE: 0.015,
    Kind.SYSTEM_FAILURE: 0.015,
}
"""Of the mobile numbers of any country."""

PORTED_SHARE: Final = 0.17
"""Of the mobile numbers whose country has another network to go to."""

DELIVERED_SHARES: Final[dict[Kind, float]] = {
    Kind.REACHABLE: 0.985,
    Kind.ROAMING: 0.95,
    Kind.ABSENT: 0.4,
    Kind.SYSTEM_FAILURE: 0.8,
    Kind.NO_VERDICT: 0.8,
}
"""Of the messages to a number of that kind; to the kinds that are not listed nothing is ever delivered."""

ABSENT_WAIT: Final = 5.0
"""A message to an absent subscriber takes so many times as long to become final."""

STATUS_AND_ERROR: Final[dict[Kind, tuple[HlrStatus, str]]] = {
    Kind.REACHABLE: (HlrStatus.DELIVERED, "0"),
    Kind.ROAMING: (HlrStatus.DELIVERED, "0"),
    Kind.ABSENT: (HlrStatus.UNDELIVERED, "27"),
    Kind.BARRED: (HlrStatus.UNDELIVERED, "13"),
    Kind.NO_SMS_SERVICE: (HlrStatus.UNDELIVERED, "11"),
    Kind.DEAD: (HlrStatus.FAILED, "1"),
    Kind.SYSTEM_FAILURE: (HlrStatus.FAILED, "34"),
}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Everything about one number: what a lookup answers, what becomes of a message, and how long each takes.

    `ported` is None where the sandbox does not know whose range it is. The latencies are in medians.
    """

    msisdn: str
    kind: Kind
    network: Network | None
    ported: bool | None
    reply: str
    lookup_latency: float
    message_status: MessageStatus
    message_latency: float


class MessageFate(NamedTuple):
    """What becomes of a message to a number of some kind; the latency is in medians."""

    kind: Kind
    status: MessageStatus
    latency: float


def subscriber(seed: int, msisdn: str) -> Subscriber:
    """The subscriber behind a number, the same at every call.

    >>> subscriber(7, "306970000004").reply
    'Delivered;Greece;COSMOTE;202017064858369;306970019890;0'
    >>> subscriber(7, "6970000001").kind, subscriber(7, "6970000001").reply
    (<Kind.NONSENSE: 'nonsense'>, 'Unknown;;;;;')
    """
    lot = Lot(seed, msisdn)
    place = range_of(msisdn)
    kind = _kind(lot, place)
    network, ported = _network(lot, place) if place and place.mobile else (None, None)
    fate = _message_fate(lot, kind)
    return Subscriber(
        msisdn=msisdn,
        kind=kind,
        network=network,
        ported=ported,
        reply=_reply(lot, kind, place, network),
        lookup_latency=latency_in_medians(lot.share("lookup latency")),
        message_status=fate.status,
        message_latency=fate.latency,
    )


def message_fate(seed: int, msisdn: str) -> MessageFate:
    """That part of the subscriber which a message needs, in a third of the time.

    >>> message_fate(7, "306970000004").status is subscriber(7, "306970000004").message_status
    True
    """
    lot = Lot(seed, msisdn)
    return _message_fate(lot, _kind(lot, range_of(msisdn)))


def _message_fate(lot: Lot, kind: Kind) -> MessageFate:
    wait = ABSENT_WAIT if kind is Kind.ABSENT else 1.0
    delivered = lot.share("message") < DELIVERED_SHARES.get(kind, 0.0)
    status = MessageStatus.DELIVERED if delivered else MessageStatus.FAILED
    return MessageFate(kind, status, wait * latency_in_medians(lot.share("message latency")))


def _kind(lot: Lot, place: NumberRange | None) -> Kind:
    if place is None:
        return Kind.NONSENSE
    return choose(SHARES, lot.share("kind")) if place.mobile else Kind.NOT_MOBILE


def _network(lot: Lot, place: NumberRange) -> tuple[Network | None, bool | None]:
    """The network that serves a mobile number today, and whether it came there by porting."""
    if place.holder and lot.share("ported") >= PORTED_SHARE:
        return place.holder, False
    goals = {network: weight for network, weight in destinations(place.country).items() if network != place.holder}
    if not goals:
        return place.holder, False
    return choose(goals, lot.share("network")), True if place.holder else None


def _reply(lot: Lot, kind: Kind, place: NumberRange | None, network: Network | None) -> str:
    """The six fields of hlrquery.php, semicolons between them."""
    if place is None or network is None:
        return _reply_of_no_mobile(lot, place)
    operator = network.spellings[int(lot.share("spelling") * len(network.spellings))]
    if network.portability_only:
        return f"{HlrStatus.DELIVERED};{place.country};{operator};{network.codes[0]}{'0' * 10};;0"
    if kind in {Kind.NO_VERDICT, Kind.DEAD} and lot.share("no name") < 0.5:
        operator = ""
    if kind is Kind.NO_VERDICT:
        return f"{HlrStatus.UNKNOWN};{place.country};{operator};;;"
    status, error = STATUS_AND_ERROR[kind]
    if kind is Kind.DEAD:
        return f"{status};{place.country};{operator};;;{error}"
    if error == "0" and lot.share("no error code") < 0.15:
        error = ""
    imsi = _imsi(lot, network)
    return f"{status};{place.country};{operator};{imsi};{_serving_msc(lot, kind, network)};{error}"


def _reply_of_no_mobile(lot: Lot, place: NumberRange | None) -> str:
    country = place.country if place else ""
    if lot.share("verdict") < 0.5:
        return f"{HlrStatus.FAILED};{country};;;;1"
    return f"{HlrStatus.UNKNOWN};{country};;;;"


def _imsi(lot: Lot, network: Network) -> str:
    """Fifteen digits: MCC, MNC (nine in ten under the network's usual one), subscriber."""
    usual = lot.share("code") < 0.9
    code = network.codes[0] if usual else network.codes[-1]
    return code + lot.digits("imsi", 15 - len(code))


def _serving_msc(lot: Lot, kind: Kind, network: Network) -> str:
    """The global title of the switch that serves the phone; for an absent phone now and then the last one known."""
    if kind is Kind.ROAMING:
        network = choose(abroad(network.country), lot.share("visited"))
    known = kind in {Kind.REACHABLE, Kind.ROAMING} or (kind is Kind.ABSENT and lot.share("last msc") < 0.3)
    if not known:
        return ""
    free = network.gt_digits - len(network.gt_prefix)
    return network.gt_prefix + lot.digits("msc", free)
