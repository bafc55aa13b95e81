"""What a quantile is taken of: latencies in their histogram, or the values of a metric; larger is always worse.

A metric of which higher is better is mirrored: its buckets change sign, so that the small values become the large ones.
"""

from __future__ import annotations

from typing import Protocol

from gates.panes import Cell
from gates.stats import exceedance
from gates.stats.value_counts import ValueCounts, bucket_of, lower_edge
from gates.windows import CohortWindow


class Scale(Protocol):
    """Values by buckets, of which larger ones are worse: their `quantile`, and two words for a reason.

    `noun` names the values, `beyond` is the comparative of a worse one: "slower", "more".
    """

    quantile: float
    noun: str
    beyond: str

    def total(self, source: Cell | CohortWindow) -> int:
        """How many values."""

    def threshold(self, trailing: CohortWindow, min_tail: int) -> int | None:
        """The bucket at the quantile; None with fewer than `min_tail` values beyond it."""

    def holding(self, trailing: CohortWindow) -> int:
        """The bucket that holds the quantile; there are values."""

    def highest(self, trailing: CohortWindow) -> int:
        """The worst bucket that holds a value; there is one."""

    def at_or_above(self, cell: Cell, bucket: int) -> int:
        """How many values lie in the bucket or are worse."""

    def scaled_up(self, bucket: int, ratio: float) -> int:
        """The bucket at `ratio` times as bad, rounded so that a regression test stays valid."""

    def scaled_down(self, bucket: int, ratio: float) -> int:
        """The same, rounded so that an advance test stays valid."""

    def beyond_limit(self, cell: Cell) -> int:
        """How many values are beyond the absolute limit."""

    def allowance(self, ratio: float, baseline: str) -> str:
        """What the candidate is compared with, in words."""


class Latencies:
    """A `Scale` of latencies."""

    noun = "requests"
    beyond = "slower"

    def __init__(self, quantile: float, limit_ms: int | None) -> None:
        self.quantile = quantile
        self._limit_ms = limit_ms

    def total(self, source: Cell | CohortWindow) -> int:
        """Requests that have a latency."""
        return source.latency.total if isinstance(source, Cell) else source.latencies()

    def threshold(self, trailing: CohortWindow, min_tail: int) -> int | None:
        """The bucket at the quantile."""
        if trailing.requests * (1.0 - self.quantile) < min_tail:
            return None
        return exceedance.threshold(trailing.latency(), self.quantile)

    def holding(self, trailing: CohortWindow) -> int:
        """The bucket that holds the quantile."""
        return exceedance.holding(trailing.latency(), self.quantile)

    def highest(self, trailing: CohortWindow) -> int:
        """The bucket of the slowest request."""
        return trailing.latency().highest()

    def at_or_above(self, cell: Cell, bucket: int) -> int:
        """How many requests took as long or longer."""
        return exceedance.at_or_above(cell.latency, bucket)

    def scaled_up(self, bucket: int, ratio: float) -> int:
        """The bucket at `ratio` times the edge, rounded up."""
        return exceedance.scaled_up(bucket, ratio)

    def scaled_down(self, bucket: int, ratio: float) -> int:
        """The bucket at `ratio` times the edge, rounded down."""
        return exceedance.scaled_down(bucket, ratio)

    def beyond_limit(self, cell: Cell) -> int:
        """How many requests were slower than the limit, to the histogram's resolution."""
        if self._limit_ms is None:
            return 0
        return exceedance.at_or_above(cell.latency, exceedance.bucket_at(self._limit_ms) + 1)

    def allowance(self, ratio: float, baseline: str) -> str:
        """`ratio` times the quantile of the baseline."""
        return f"{ratio:g} times {baseline}'s {ordinal(self.quantile)}"


class MetricValues:
    """A `Scale` of the values of a metric."""

    noun = "values"

    def __init__(self, name: str, quantile: float, limit: float | None, *, higher_is_better: bool) -> None:
        self._sign = -1 if higher_is_better else 1
        self._given = quantile
        self.quantile = 1.0 - quantile if higher_is_better else quantile
        self.beyond = "less" if higher_is_better else "more"
        self._name = name
        self._limit = limit

    def values(self, source: Cell | CohortWindow) -> ValueCounts:
        """The metric's values, mirrored where higher is better."""
        known = source.metric(self._name)
        if self._sign > 0:
            return known
        return ValueCounts(tuple(-bucket for bucket in reversed(known.buckets)), tuple(reversed(known.counts)))

    def total(self, source: Cell | CohortWindow) -> int:
        """How many values."""
        return source.metric(self._name).total

    def threshold(self, trailing: CohortWindow, min_tail: int) -> int | None:
        """The bucket at the quantile."""
        values = self.values(trailing)
        if not values.total or values.total * (1.0 - self.quantile) < min_tail:
            return None
        wanted, (bucket, below, number) = self.quantile * values.total, self._at_quantile(values)
        return bucket + (below + number - wanted <= wanted - below)

    def holding(self, trailing: CohortWindow) -> int:
        """The bucket that holds the quantile."""
        return self._at_quantile(self.values(trailing))[0]

    def _at_quantile(self, values: ValueCounts) -> tuple[int, int, int]:
        """The bucket at the quantile, how many values lie below it, and how many in it."""
        wanted, below, found = self.quantile * values.total, 0, (0, 0, 0)
        for bucket, number in values.items():
            found = bucket, below, number
            below += number
            if below >= wanted:
                break
        return found

    def highest(self, trailing: CohortWindow) -> int:
        """The bucket of the worst value."""
        return self.values(trailing).buckets[-1]

    def at_or_above(self, cell: Cell, bucket: int) -> int:
        """How many values are as bad or worse."""
        return self.values(cell).at_or_above(bucket)

    def scaled_up(self, bucket: int, ratio: float) -> int:
        """The bucket at `ratio` times as bad: of values below zero, that many times nearer to it."""
        wanted = self._wanted(bucket, ratio)
        found = bucket_of(wanted)
        return found if lower_edge(found) >= wanted else found + 1

    def scaled_down(self, bucket: int, ratio: float) -> int:
        """The same, rounded down."""
        wanted = self._wanted(bucket, ratio)
        found = bucket_of(wanted)
        return found - 1 if lower_edge(found) > wanted else found

    def _wanted(self, bucket: int, ratio: float) -> float:
        edge = lower_edge(bucket)
        return edge * ratio if edge > 0.0 else edge / ratio

    def beyond_limit(self, cell: Cell) -> int:
        """How many values are in buckets beyond that of the limit."""
        if self._limit is None:
            return 0
        return self.values(cell).at_or_above(self._sign * bucket_of(self._limit) + 1)

    def allowance(self, ratio: float, baseline: str) -> str:
        """`ratio` times the quantile of the baseline, or 1/`ratio` of it where higher is better."""
        times = f"{ratio:g} times" if self._sign > 0 else f"1/{ratio:g} of"
        return f"{times} {baseline}'s {ordinal(self._given)} of {self._name}"


def ordinal(quantile: float) -> str:
    """p95 for 0.95.

    >>> ordinal(0.95), ordinal(0.999)
    ('p95', 'p99.9')
    """
    return f"p{quantile * 100.0:.6g}"
