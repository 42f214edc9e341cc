"""Faults of the SMSC on request: what can go wrong on an SMPP link, at a rate or by script, by seed.

on the wire                                                  submit_sm accepted and charged
cut_before_accept       the link is cut                                              no
silence_before_accept   no response, the link stays open                             no
refuse                  the response has `refuse_status`                             no
throttle, queue_full    ESME_RTHROTTLED, ESME_RMSGQFUL                               no
generic_nack            generic_nack, ESME_RUNKNOWNERR                               no
drop_after_accept       the link is cut without a response                           yes
silence_after_accept    no response, the link stays open                             yes
half_response           half of the response, then the link is cut                   yes
garbage                 octets that are no PDU in place of the response              yes
huge_length             a header that promises 2 GiB in place of the response        yes
wrong_command           the response has another command_id                          yes
wrong_sequence          a response to a sequence_number that nobody sent comes first yes
twice                   the response comes twice                                     yes
out_of_order            the response comes after the next one, or after `slow_s`     yes
slow                    the response comes after `slow_s`                            yes
fragments               the response comes octet by octet                            yes
glued                   the response comes in one piece between two enquire_links    yes
unbind                  the response, then the server unbinds                        yes
receipt_first           the message is final at once, its receipt comes first        yes
receipt_twice           its receipts come twice                                      yes
receipt_late            its receipts come `late_s` later                             yes
undeliverable           this short message is not delivered, whatever the number     yes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, Final

from isms_data.simulator.smsc_codec import Command, Status


class SmscFault(StrEnum):
    """The kinds of faults; the table above says what each does."""

    CUT_BEFORE_ACCEPT = "cut_before_accept"
    SILENCE_BEFORE_ACCEPT = "silence_before_accept"
    REFUSE = "refuse"
    THROTTLE = "throttle"
    QUEUE_FULL = "queue_full"
    GENERIC_NACK = "generic_nack"
    DROP_AFTER_ACCEPT = "drop_after_accept"
    SILENCE_AFTER_ACCEPT = "silence_after_accept"
    HALF_RESPONSE = "half_response"
    GARBAGE = "garbage"
    HUGE_LENGTH = "huge_length"
    WRONG_COMMAND = "wrong_command"
    WRONG_SEQUENCE = "wrong_sequence"
    TWICE = "twice"
    OUT_OF_ORDER = "out_of_order"
    SLOW = "slow"
    FRAGMENTS = "fragments"
    GLUED = "glued"
    UNBIND = "unbind"
    RECEIPT_FIRST = "receipt_first"
    RECEIPT_TWICE = "receipt_twice"
    RECEIPT_LATE = "receipt_late"
    UNDELIVERABLE = "undeliverable"

    @property
    def carried_out(self) -> bool:
        """Whether the command is carried out and charged although the client may not learn of it."""
        return self not in _BEFORE


_BEFORE: Final = frozenset(
    {
        SmscFault.CUT_BEFORE_ACCEPT,
        SmscFault.SILENCE_BEFORE_ACCEPT,
        SmscFault.REFUSE,
        SmscFault.THROTTLE,
        SmscFault.QUEUE_FULL,
        SmscFault.GENERIC_NACK,
    }
)

COMMANDS: Final = tuple(command.name.lower() for command in Command if command is not Command.GENERIC_NACK)

Rates = Mapping[str, float] | float
"""A rate for each kind that is named, or one rate for every kind."""


@dataclass(slots=True)
class _Script:
    kind: SmscFault
    command: str | None
    times: int
    after: int
    status: int | None


class SmscFaults:
    """The faults to come: rates of the submit_sm, and a script, for any command, that goes before them.

    Parameters
    ----------
    rates : mapping of kind to share, or one share for every kind
        Shares of the submit_sm, between 0 and 1, together at most 1.
    seed : int
        The n-th draw is the same for the same seed.
    refuse_status : int
        The command_status of `refuse`, unless its script names another.
    slow_s, late_s : float
        How long `slow` and `receipt_late` take, in seconds.

    Raises
    ------
    ValueError   a kind or command that does not exist, or shares that are no shares.

    Examples
    --------
    >>> faults = SmscFaults()
    >>> faults.script("drop_after_accept", after=1)
    >>> faults.draw("submit_sm"), faults.draw("submit_sm")
    (None, (<SmscFault.DROP_AFTER_ACCEPT: 'drop_after_accept'>, 8))
    """

    def __init__(
        self,
        rates: Rates = 0.0,
        *,
        seed: int = 0,
        refuse_status: int = Status.ESME_RSYSERR.value,
        slow_s: float = 5.0,
        late_s: float = 5.0,
    ) -> None:
        self._random = Random(f"{seed}/smsc faults")
        self._scripts: list[_Script] = []
        self.refuse_status = refuse_status
        self.slow_s = slow_s
        self.late_s = late_s
        self.set(rates)

    def set(self, rates: Rates) -> None:
        """Put other rates in place of those that hold."""
        shares = rates if isinstance(rates, Mapping) else dict.fromkeys(SmscFault, rates)
        checked = {_kind(kind): float(share) for kind, share in shares.items() if share}
        if not all(0 <= share <= 1 for share in checked.values()) or sum(checked.values()) > 1 + 1e-9:
            msg = f"fault rates are shares of the submit_sm, each and together between 0 and 1, not {dict(shares)!r}"
            raise ValueError(msg)
        self.rates = checked

    def script(
        self,
        kind: str,
        *,
        command: str | None = "submit_sm",
        times: int = 1,
        after: int = 0,
        status: int | None = None,
    ) -> None:
        """Do this to the next so many commands (None: of any name), `after` so many of them have passed unharmed."""
        if command not in {None, *COMMANDS}:
            msg = f"{command!r} is no command of SMPP 3.4; there are {', '.join(COMMANDS)}"
            raise ValueError(msg)
        self._scripts.append(_Script(_kind(kind), command, times, after, status))

    def clear(self) -> None:
        """No more faults: neither rates nor scripts."""
        self._scripts.clear()
        self.set(0.0)

    def settings(self) -> dict[str, Any]:
        """What holds now, as JSON knows it; scripts are not among it."""
        return {
            "rates": {kind.value: share for kind, share in self.rates.items()},
            "refuse_status": int(self.refuse_status),
            "slow_s": self.slow_s,
            "late_s": self.late_s,
        }

    @property
    def pending(self) -> bool:
        """Whether there is any fault to come."""
        return bool(self.rates or self._scripts)

    def draw(self, command: str) -> tuple[SmscFault, int] | None:
        """The fault for the next command of a name, if there is to be one, and the status that it refuses with."""
        script = next((each for each in self._scripts if each.command in {None, command}), None)
        if script:
            return self._scripted(script)
        if command != "submit_sm" or not self.rates:
            return None
        mark = self._random.random()
        for kind, share in self.rates.items():
            if mark < share:
                return kind, self.refuse_status
            mark -= share
        return None

    def octets(self, count: int) -> bytes:
        """So many octets of garbage; the first four are no length of a PDU."""
        return b"\xff" + self._random.randbytes(count - 1)

    def _scripted(self, script: _Script) -> tuple[SmscFault, int] | None:
        if script.after:
            script.after -= 1
            return None
        script.times -= 1
        if script.times <= 0:
            self._scripts.remove(script)
        return script.kind, self.refuse_status if script.status is None else script.status


def _kind(word: str) -> SmscFault:
    try:
        return SmscFault(word)
    except ValueError:
        msg = f"{word!r} is no fault of the sandbox's SMSC; there are {', '.join(SmscFault)}"
        raise ValueError(msg) from None
