"""The pace at which messages leave: never more than the account's rate in any second, evenly spread, no burst.

A gateway that takes 700 a second counts them as they arrive, and over whichever second it likes. Two things make more
arrive in one of its seconds than a plain interval of 1/700 s would: what is sent late is caught up with, and what is
sent evenly arrives unevenly. `CATCH_UP_S` bounds the first, `SLACK_S` allows for the second, and the interval is so
much longer that both fit: N messages never take less than a second and `SLACK_S`, beyond N there is always one more
interval. At 700 a second that is 688.

The rule is the generic cell rate algorithm (ITU-T I.371, annex A) in its form with a theoretical arrival time: each
message moves that time on by one interval, and may leave up to the tolerance before it.
"""

from __future__ import annotations

import math
from typing import Final

CATCH_UP_S: Final = 0.005
"""What a late wake-up of the event loop may lose and win back: timers there are exact to a millisecond or two."""

SLACK_S: Final = 0.012
"""How much less time messages may take to arrive than they took to leave."""

SLOWER: Final = 0.7
"""What a throttling answer leaves of the pace."""

ONE_CAUSE_S: Final = 1.0
"""Throttling answers so close to one another have one cause: the gateway's second has to pass first."""

FASTER_A_SECOND: Final = 0.02
"""Of the full pace, what is won back in a second without throttling."""

SLOWEST: Final = 0.01
"""Of the full pace; below this it is not the pace that the gateway refuses."""


class Pace:
    """How many messages may leave now, over all binds of an account.

    Times are seconds of any clock that does not go back, the same in every call.

    >>> pace = Pace(700)
    >>> pace.take(100, now=10.0)
    4
    >>> round(pace.due() - 10.0, 5)
    0.00081
    >>> pace.take(100, now=10.0), pace.take(100, now=10.001)
    (0, 1)
    """

    def __init__(self, rate: float) -> None:
        self._interval = (1.0 + CATCH_UP_S + SLACK_S) / rate
        self._arrival = float("-inf")
        """The theoretical arrival time of the next message."""
        self._share = 1.0
        """Of the full pace, what was left at `_slowed_at`."""
        self._slowed_at = float("-inf")
        self._sure_until = math.inf
        self._is_closed = False
        """Whether nothing may leave until there is a new limit."""

    def limit(self, rate: float, sure_until: float = math.inf) -> None:
        """Keep to this rate from now on, 0 for nothing at all; and to nothing once that time has come."""
        self._interval = (1.0 + CATCH_UP_S + SLACK_S) / rate if rate > 0 else math.inf
        self._sure_until = sure_until
        self._is_closed = rate <= 0

    def take(self, wanted: int, now: float) -> int:
        """How many of so many may leave now; they count as gone."""
        if now >= self._sure_until:
            self._is_closed = True
        if self._is_closed:
            return 0
        interval = self._interval / self.share(now)
        arrival = max(self._arrival, now)
        early = now + CATCH_UP_S - arrival
        if early < 0 or wanted <= 0:
            return 0
        count = min(wanted, int(early / interval) + 1)
        self._arrival = arrival + count * interval
        return count

    def due(self) -> float:
        """When the next message may leave; in the past where it is late, never where there must be a limit first."""
        return math.inf if self._is_closed else self._arrival - CATCH_UP_S

    def throttled(self, now: float) -> None:
        """The gateway said that this was too fast."""
        if now - self._slowed_at >= ONE_CAUSE_S:
            self._share = max(SLOWEST, self.share(now) * SLOWER)
            self._slowed_at = now

    def share(self, now: float) -> float:
        """Of the full pace, how much is used: what throttling left of it, and what was won back since."""
        return min(1.0, self._share + FASTER_A_SECOND * (now - self._slowed_at))
