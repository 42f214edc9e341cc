"""What lasts behind the pages: who is behind each number, what was accepted, and under which id."""

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import count
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from isms_data.simulator.subscribers import MessageFate, Subscriber, message_fate, subscriber
from isms_data.vocabulary import HlrStatus, MessageStatus

if TYPE_CHECKING:
    from isms_data.simulator.ledger import Ledger, Lookup, Message

Key = tuple[str, str, str]
"""Account, id of the call, number as it was written."""

MESSAGE_ID: Final = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 10)
LOOKUP_ID: Final = ("abcdefghijklmnopqrstuvwxyz0123456789", 7)
"""The shapes of the two ids on the provider's page: I7I5R4HTAA, 0adgre1."""


class World:
    """The sandbox without its doors.

    Fates come from the seed. Ids do not: a gateway never gives an id twice, so a sandbox that starts again with the
    same seed must not answer for the ids of the one before.
    """

    def __init__(self, *, seed: int, median_latency_s: float, ledger: Ledger) -> None:
        self.seed = seed
        self.median_latency_s = median_latency_s
        self.ledger = ledger
        self.lookups: dict[Key, Lookup] = {}
        self.messages: dict[Key, Message] = {}
        self._ids: set[str] = set()
        self._random = SystemRandom()
        self._pinned: dict[str, Subscriber] = {}
        self._reports: list[tuple[float, int, Message]] = []
        self._order = count()

    def subscriber(self, msisdn: str) -> Subscriber:
        """Who is behind a number."""
        return self._pinned.get(msisdn) or subscriber(self.seed, msisdn)

    def message_fate(self, msisdn: str) -> MessageFate:
        """What becomes of a message to a number."""
        known = self._pinned.get(msisdn)
        if known is None:
            return message_fate(self.seed, msisdn)
        return MessageFate(known.kind, known.message_status, known.message_latency)

    def pin(self, msisdn: str, *, reply: str | None = None, latency_s: float | None = None) -> None:
        """Settle what a number answers, or after how long, for lookups and messages accepted from now on.

        A message to it is delivered when the reply begins with `Delivered`. The reply is passed on as it is, so that a
        client can be shown what no gateway should say.
        """
        known = self.subscriber(msisdn)
        if reply is not None:
            delivered = reply.startswith(HlrStatus.DELIVERED)
            status = MessageStatus.DELIVERED if delivered else MessageStatus.FAILED
            known = replace(known, reply=reply, message_status=status)
        if latency_s is not None:
            medians = latency_s / self.median_latency_s if self.median_latency_s else 0.0
            known = replace(known, lookup_latency=medians, message_latency=medians)
        self._pinned[msisdn] = known

    def new_id(self, shape: tuple[str, int]) -> str:
        """An id that no other call has."""
        alphabet, length = shape
        while True:
            call_id = "".join(self._random.choices(alphabet, k=length))
            if call_id not in self._ids:
                self._ids.add(call_id)
                return call_id

    def accept_lookup(self, lookup: Lookup) -> None:
        """Keep a lookup, to be asked for."""
        self.ledger.lookups.append(lookup)
        self.lookups[lookup.account, lookup.call_id, lookup.msisdn] = lookup

    def accept_message(self, message: Message) -> None:
        """Keep a message, to be asked for and, where it names a dlr-url, reported."""
        self.ledger.messages.append(message)
        self.messages[message.account, message.call_id, message.msisdn] = message
        if message.dlr_url:
            heapq.heappush(self._reports, (message.final_at, next(self._order), message))

    def due_reports(self, now: float) -> list[Message]:
        """The messages that have become final since the last time and want to be reported, in that order."""
        due = []
        while self._reports and self._reports[0][0] <= now:
            due.append(heapq.heappop(self._reports)[2])
        return due
