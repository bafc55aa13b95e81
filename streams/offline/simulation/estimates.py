"""Estimates from a sample of runs: proportions and quantiles, each with its 95% confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, exp, lgamma, log, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0)


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `total`."""

    count: int
    total: int

    @property
    def share(self) -> float:
        """The share; 0 if there are none."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval (JASA 22, 1927), which Brown, Cai and DasGupta (Statist. Sci. 16, 2001) advise.

        It holds the values that a two-sided score test would not reject, and has a width even at shares of 0 and 1.

        >>> [round(end, 4) for end in Proportion(1, 10).interval]
        [0.0179, 0.4042]
        >>> Proportion(0, 0).interval
        (0.0, 1.0)
        """
        if not self.total:
            return 0.0, 1.0
        n, p, zz = self.total, self.share, _Z * _Z
        centre = (p + zz / (2 * n)) / (1 + zz / n)
        half = _Z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n))
        low = centre - half if self.count else 0.0  # exact where rounding would leave 1e-18
        high = centre + half if self.count < n else 1.0
        return low, high

    @property
    def exact_interval(self) -> tuple[float, float]:
        """The interval of Clopper and Pearson (Biometrika 26, 1934): it covers at least what it claims.

        >>> [round(end, 4) for end in Proportion(1, 10).exact_interval]
        [0.0025, 0.445]
        >>> Proportion(0, 0).exact_interval
        (0.0, 1.0)
        """
        n, count, tail = self.total, self.count, (1.0 - CONFIDENCE) / 2.0
        low = _root(lambda p: 1.0 - _at_most(n, count - 1, p) - tail) if count else 0.0
        high = _root(lambda p: tail - _at_most(n, count, p)) if count < n else 1.0
        return low, high


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of times, with its interval if the sample is large enough; `inf` means never."""

    value: float
    interval: tuple[float, float] | None


def quantile(times: Sequence[float], q: float) -> Quantile | None:
    """The q-quantile and its interval between two order statistics; None without times.

    The number of times below the quantile is binomial, whatever their distribution. The interval leaves out as many of
    the smallest as lie below the quantile with a probability of at most 2.5%, and as many of the greatest above it
    (David and Nagaraja, Order Statistics, 2003, section 7.1).

    >>> quantile([3.0, 1.0, 2.0, 5.0, 4.0, float("inf")], 0.5)
    Quantile(value=3.0, interval=(1.0, inf))
    """
    n, known = len(times), sorted(times)
    if not n:
        return None
    value = known[max(0, ceil(q * n) - 1)]
    return Quantile(value, _order_interval(known, q))


def _order_interval(known: Sequence[float], q: float) -> tuple[float, float] | None:
    n, tail = len(known), (1.0 - CONFIDENCE) / 2.0
    at_most = list(accumulate(_binomial(n, below, q) for below in range(n + 1)))
    low = sum(chance <= tail for chance in at_most)
    high = 1 + sum(chance < 1.0 - tail for chance in at_most)
    return (known[low - 1], known[high - 1]) if low >= 1 and high <= n else None


def _at_most(n: int, count: int, p: float) -> float:
    """The probability of at most `count` of n."""
    return sum(_binomial(n, k, p) for k in range(count + 1))


def _root(rising: Callable[[float], float]) -> float:
    """Where a rising function of a share is zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < 0.0 else (low, middle)
    return low


def _binomial(n: int, k: int, q: float) -> float:
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(q) + (n - k) * log(1.0 - q))
