"""Values of a metric in log-linear buckets cut from the bits of a float64, of any size and either sign.

Each power of two is cut into 64 equal buckets, as in `histogram`, but without a lowest and a highest: a cost of a tenth
of a cent, a queue lag of hours and a quality score below zero all keep their first two digits (0.78%). Counts merge
and subtract exactly and in any order; sums of floats would not, and then a replay would differ in the last bit.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import fsum, inf

_SHIFT = 46  # 52 bits of mantissa, 6 of them kept
_TINY = 2.0**-60  # what is smaller counts as zero


def bucket_of(value: float) -> int:
    """The bucket of a finite value: 0 for zero, negative for negative values, and ascending with the value.

    >>> bucket_of(0.0), bucket_of(1.0) < bucket_of(1.5) < bucket_of(2.0), bucket_of(-1.5) == -bucket_of(1.5)
    (0, True, True)
    """
    size = abs(value)
    if size < _TINY:
        return 0
    bucket: int = struct.unpack("<q", struct.pack("<d", size))[0] >> _SHIFT
    return bucket if value > 0.0 else -bucket


def edge_of(bucket: int) -> float:
    """The end of the bucket that is nearer to zero.

    >>> edge_of(bucket_of(1.5)), edge_of(bucket_of(-1.51)), edge_of(0)
    (1.5, -1.5, 0.0)
    """
    size: float = struct.unpack("<d", struct.pack("<q", abs(bucket) << _SHIFT))[0]
    return size if bucket >= 0 else -size


def lower_edge(bucket: int) -> float:
    """The lower end of the bucket: no value in it is smaller.

    >>> lower_edge(bucket_of(1.5)), lower_edge(bucket_of(-1.5)) < -1.5
    (1.5, True)
    """
    return edge_of(bucket) if bucket >= 0 else edge_of(bucket - 1)


def value_of(bucket: int) -> float:
    """The value that stands for a bucket: at most 1/129 (0.78%) from any value in it."""
    if bucket == 0:
        return 0.0
    part = abs(bucket) & 63  # of the 64 into which a power of two is cut
    return edge_of(bucket) * (1.0 + 1.0 / (129 + 2 * part))  # the harmonic mean of both edges, which may be infinite


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """How many values fell into each bucket; `buckets` ascend and `counts` beside them are positive.

    >>> values = ValueCounts.of([1.0, 2.0, 2.0])
    >>> values.total, round(values.mean(), 1), round(values.quantile(0.5), 1)
    (3, 1.7, 2.0)
    """

    buckets: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: Iterable[float]) -> ValueCounts:
        """The counts of finite values."""
        return cls.from_counter(Counter(map(bucket_of, values)))

    @classmethod
    def from_counter(cls, found: Counter[int]) -> ValueCounts:
        """From counts by bucket; those that are zero are left out."""
        known = sorted((bucket, count) for bucket, count in found.items() if count)
        return cls(tuple(bucket for bucket, _ in known), tuple(count for _, count in known))

    @classmethod
    def from_lists(cls, buckets: Iterable[int], counts: Iterable[int]) -> ValueCounts:
        """From the wire form of `to_lists`.

        Raises:
            ValueError: lengths differ, buckets do not ascend or are none, or a count is not positive.
        """
        known = cls(tuple(buckets), tuple(counts))
        if len(known.buckets) != len(known.counts) or min(known.counts, default=1) < 1:
            raise ValueError("as many counts as buckets, and each of them positive")
        if any(low >= high for low, high in zip(known.buckets, known.buckets[1:], strict=False)):
            raise ValueError("buckets must ascend")
        if any(abs(bucket) > _LAST for bucket in known.buckets):
            raise ValueError("a bucket beyond any finite value")
        return known

    def to_lists(self) -> tuple[list[int], list[int]]:
        """The wire form: buckets and counts."""
        return list(self.buckets), list(self.counts)

    @property
    def total(self) -> int:
        """How many values."""
        return sum(self.counts)

    def items(self) -> Iterator[tuple[int, int]]:
        """Each bucket with its count, ascending."""
        return zip(self.buckets, self.counts, strict=True)

    def merge(self, other: ValueCounts) -> ValueCounts:
        """Both together; associative and commutative."""
        if not other.buckets:
            return self
        if not self.buckets:
            return other
        return self.from_counter(Counter(dict(self.items())) + Counter(dict(other.items())))

    def mean(self, ceiling: float | None = None) -> float | None:
        """The mean to 0.78%, or None without values; larger values count as the ceiling.

        >>> round(ValueCounts.of([2.0, 60_000.0]).mean(ceiling=4.0), 1)
        3.0
        """
        if not self.counts:
            return None
        total, most = self.total, inf if ceiling is None else ceiling
        return fsum(min(value_of(bucket), most) * (count / total) for bucket, count in self.items())

    def quantile(self, q: float) -> float | None:
        """The q-quantile to 0.78%: the order statistic at `(n - 1) q`, rounded down; None without values."""
        rank = int((self.total - 1) * q)
        for bucket, count in self.items():
            rank -= count
            if rank < 0:
                return value_of(bucket)
        return None

    def at_or_above(self, bucket: int) -> int:
        """How many values lie in this bucket or a higher one."""
        return sum(count for known, count in self.items() if known >= bucket)


_LAST = bucket_of(1.7976931348623157e308)
