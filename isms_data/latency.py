"""How long answers take: what has been learned of it, and the ages at which it pays to ask.

An answer is there after a time T that nobody tells us; we ask now and then, and each question asked at age b of a
number last found pending at age a is a trial: it survived (T > b) or it ended (a < T <= b). The chances of the
trials multiply, so counts of them are all that has to be kept. Ages lie on a geometric grid; the law is one hazard
per cell h = P(T in the cell | T beyond its start), found by EM: an ended trial is spread over its cells as the law
of the round before has it, and then h = (ended + prior) / (exposed + 1). The prior is what the cells nearby say, each
heard as at most one number, so that far from all evidence it is Pareto's law and not an echo of the last cell seen.
Without that bound a run of silent cells makes the plan believe in silence and leap: of 16 runs of a bimodal law the
worst cost 1.29 of the optimum, with it 1.10. With S(t) = P(T > t), asking at b after a costs c S(a) for the question
and (b - a) S(a) - integral of S over (a, b] for the time that answers wait to be seen: the least sum over all future
questions follows from the last cell to the first (dynamic programming). Grid, evidence and plan change together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]

SHORTEST: Final = 0.05
"""Seconds; nothing is asked sooner, and no answer needs to be known to be faster than that."""
RATIO: Final = 1.04
"""From one age of the grid to the next: an error of 2 % in when to ask costs less than a thousandth."""
LAST_CELL: Final = 440
"""The grid ends at 0.05 s * 1.04**439, 17 days."""
EDGES: Final[Array] = np.concatenate(([0.0], SHORTEST * RATIO ** np.arange(LAST_CELL)))

MEMORY: Final = 8_000
"""Answers remembered: beyond, all evidence is halved, so that a law that changes overnight is followed."""

_LOG_RATIO: Final = math.log(RATIO)
_PRIOR_HAZARD: Final = 1 - RATIO**-2.0
"""Pareto's law with index 2: what is pending at age a is most likely there by 1.4 a."""
_KERNEL: Final[Array] = np.exp(-np.abs(np.arange(-24, 25)) / 6)
"""How much a cell says about those nearby: half as much four cells (17 %) away."""
_ROUNDS: Final = 8
"""Rounds of EM per fit; each fit goes on from the one before, and 12 rounds were no better."""
_MOST_HAZARD: Final = 0.79
"""In one cell; 0.21**440 is still a float, so no chance ever becomes zero."""
_LEAST_HAZARD: Final = 1e-6
_FORGOTTEN: Final = 0.05
"""A trial that counts for less than this is dropped when evidence is halved."""
_TOLERANCE: Final = 0.1
"""Of a question's price: ages that cost so little more than the best are used as well, for what they teach."""
_HARDLY_ANY_YET: Final = 1e-3
_HARDLY_ANY_LEFT: Final = 1e-6
"""Shares of answers for which no plan is computed; what is left in a heavy tail waits long, so its bound is lower."""


def cell(age: float) -> int:
    """The edge of the grid nearest to an age in seconds.

    >>> cell(0.0), cell(0.05), EDGES[cell(60.0)].round(1)
    (0, 1, np.float64(60.5))
    """
    if age <= SHORTEST:
        return int(age * 2 > SHORTEST)
    return min(LAST_CELL, int(math.log(age / SHORTEST) / _LOG_RATIO + 0.5) + 1)


class LatencyLaw:
    """The law of the latency as far as the trials show it; a trial is a pair of edges of the grid.

    Cost: O(1) per trial; `survival` about 1 ms, whatever the number of trials.
    """

    def __init__(self) -> None:
        self.answers = 0.0
        self._ended: defaultdict[tuple[int, int], float] = defaultdict(float)
        self._exposed: Array = np.zeros(LAST_CELL + 1)
        self._hazard: Array = np.full(LAST_CELL, _PRIOR_HAZARD)

    def survived(self, start: int, end: int) -> None:
        """Found pending at `start` and again at `end`."""
        self._exposed[start] += 1
        self._exposed[end] -= 1

    def ended(self, start: int, end: int) -> None:
        """Found pending at `start` and answered at `end`, which is later."""
        self._ended[start, end] += 1
        self.answers += 1

    def survival(self) -> Array:
        """P(T > edge) for each edge of the grid."""
        if self.answers > MEMORY:
            self._forget()
        trials = np.array(list(self._ended), dtype=np.int64).reshape(-1, 2)
        counts = np.array(list(self._ended.values()), dtype=np.float64)
        for _ in range(_ROUNDS):
            ended, exposed = self._expected(trials[:, 0], trials[:, 1], counts)
            prior = _from_nearby(ended, exposed)
            self._hazard = np.clip((ended + prior) / (exposed + 1), _LEAST_HAZARD, _MOST_HAZARD)
        return _survival(self._hazard)

    def median(self, survival: Array) -> float:
        """By this age half of the answers are there that come at all, that is, by four times the latest age so far.

        Numbers that never answer must not count: the price of a question is in medians.
        """
        latest = max(end for _, end in self._ended)
        horizon = cell(4 * float(EDGES[latest]))
        return float(np.interp(-(1 + survival[horizon]) / 2, -survival, EDGES))

    def _forget(self) -> None:
        """Halve all evidence."""
        kept = {trial: count / 2 for trial, count in self._ended.items() if count > _FORGOTTEN}
        self._ended = defaultdict(float, kept)
        self._exposed /= 2
        self.answers /= 2

    def _expected(self, start: Cells, end: Cells, counts: Array) -> tuple[Array, Array]:
        """Per cell: the trials that ended in it and those that came to it, as the present law spreads them."""
        survival = _survival(self._hazard)
        share = counts / (survival[start] - survival[end])
        covering = _covering(start, end, share)
        ended = (survival[:-1] - survival[1:]) * covering
        later = survival[:-1] * covering - _covering(start, end, share * survival[end])
        exposed = np.cumsum(self._exposed)[:-1] + later
        return ended, np.maximum(exposed, ended)


def _survival(hazard: Array) -> Array:
    return np.concatenate(([1.0], np.cumprod(1 - hazard)))


def _covering(start: Cells, end: Cells, weight: Array) -> Array:
    """Per cell the sum of the weights of the trials that contain it."""
    steps = np.bincount(start, weight, LAST_CELL + 1) - np.bincount(end, weight, LAST_CELL + 1)
    return np.maximum(np.cumsum(steps)[:-1], 0)


def _from_nearby(ended: Array, exposed: Array) -> Array:
    """The hazard that the cells nearby suggest, each heard as at most one number."""
    heard = 1 / np.maximum(exposed, 1)
    nearby_ended = np.convolve(ended * heard, _KERNEL, mode="same")
    nearby_exposed = np.convolve(exposed * heard, _KERNEL, mode="same")
    return np.asarray((nearby_ended + _PRIOR_HAZARD) / (nearby_exposed + 1))


def best_windows(survival: Array, price: float) -> tuple[Cells, Cells]:
    """For what is pending at each edge: the first and last edge among the best to ask at next.

    Parameters
    ----------
    survival
        P(T > edge) per edge of the grid, positive and falling.
    price
        What a question costs, in seconds of waiting.

    Notes
    -----
    Cost: about 2 ms. Before nearly any answer is there, the first edge that was planned decides; when nearly none is
    left, the step is two edges (8 %), small because what is left may wait very long.
    """
    waiting = _area_beyond(survival)
    begin = max(0, int(np.searchsorted(-survival, _HARDLY_ANY_YET - 1, side="right")) - 1)
    stop = min(LAST_CELL - 1, int(np.searchsorted(-survival, -_HARDLY_ANY_LEFT)))
    to_go = np.full(LAST_CELL + 1, price)
    first = np.minimum(np.arange(LAST_CELL + 1) + 2, LAST_CELL)
    last = first.copy()
    for at in range(stop, begin - 1, -1):
        later = slice(at + 1, LAST_CELL + 1)
        seen_late = (EDGES[later] - EDGES[at]) * survival[at] - (waiting[at] - waiting[later])
        cost = price + (seen_late + survival[later] * to_go[later]) / survival[at]
        best = int(cost.argmin())
        to_go[at] = cost[best]
        worse = cost > cost[best] + _TOLERANCE * price
        before, after = worse[:best][::-1], worse[best:]
        first[at] = at + 1 + best - (int(before.argmax()) if before.any() else best)
        last[at] = at + best + (int(after.argmax()) if after.any() else len(after))
    first[:begin], last[:begin] = first[begin], last[begin]
    return first, last


def _area_beyond(survival: Array) -> Array:
    """The integral of S from each edge to the end of the grid, summed from the end so that small tails keep digits."""
    slices = (survival[:-1] + survival[1:]) / 2 * np.diff(EDGES)
    return np.concatenate((np.cumsum(slices[::-1])[::-1], [0.0]))
