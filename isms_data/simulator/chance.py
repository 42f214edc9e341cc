"""Chance that remembers: the same seed, question and number always draw the same.

Each decision about a number is a question with a name of its own, so a decision that is added later changes none of
the others, and neither the order nor the concurrency of the calls can change any.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

BODY: Final = 0.9
"""The share of answers that a log-normal law describes; the others are the slow tail."""
SIGMA: Final = 0.8
TAIL_EXPONENT: Final = 1.5
TAIL_LIMIT: Final = 60.0
"""In medians: so that a run against the sandbox ends (a median of 0.05 s answers everything in 3 s)."""
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Lot:
    """What a seed has in store for one number.

    >>> Lot(7, "306900000001").share("ported") == Lot(7, "306900000001").share("ported")
    True
    """

    seed: int
    number: str

    def share(self, question: str) -> float:
        """A number in [0, 1) for this question."""
        text = f"{self.seed}/{question}/{self.number}"
        digest = blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    def digits(self, question: str, count: int) -> str:
        """So many decimal digits for this question."""
        return f"{int(self.share(question) * 10**count):0{count}d}"


def choose(weights: Mapping[T, float], share: float) -> T:
    """The item on which `share`, in [0, 1), falls when the items lie side by side, as wide as their weights.

    >>> choose({"heads": 1, "tails": 1}, 0.4), choose({"heads": 1, "tails": 1}, 0.5)
    ('heads', 'tails')
    """
    mark = share * sum(weights.values())
    return next(item for item, edge in zip(weights, accumulate(weights.values()), strict=True) if mark < edge)


def latency_in_medians(share: float) -> float:
    """The quantile function of the time an answer takes: a log-normal body, a Pareto tail, cut at `TAIL_LIMIT`.

    >>> latency_in_medians(0.5)
    1.0
    >>> [round(latency_in_medians(share), 1) for share in (0.1, 0.9, 0.99, 0.9999)]
    [0.4, 2.8, 12.9, 60.0]
    """
    body = exp(SIGMA * _NORMAL.inv_cdf(min(max(share, 1e-9), BODY)))
    if share <= BODY:
        return body
    return min(TAIL_LIMIT, body * float(((1 - BODY) / (1 - share)) ** (1 / TAIL_EXPONENT)))
