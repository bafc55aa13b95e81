"""Latency histogram in log-linear buckets cut from the bits of a float64.

Each power of two is cut into 64 equal buckets, so a bucket's representative value is within 1/129 (0.78%) of any
value in it. No logarithm is taken, so equal inputs give equal buckets on every machine. The layout is that of
HdrHistogram and of DDSketch's linearly interpolated mapping (Masson, Rim, Lee: DDSketch, VLDB 2019).
Counts merge and subtract exactly and in any order, which sliding windows and replays rest on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import lt

import numpy as np
from numpy.typing import NDArray

SUB_BUCKET_BITS = 6
LOWEST_EXPONENT = -14  # 2^-14 s = 61 us
OCTAVES = 22  # up to 2^8 s = 256 s
BUCKETS = OCTAVES << SUB_BUCKET_BITS

_SHIFT = 52 - SUB_BUCKET_BITS
_OFFSET = (1023 + LOWEST_EXPONENT) << SUB_BUCKET_BITS

Counts = NDArray[np.int64]


def bucket_indices(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bucket of each latency in seconds; below 61 us the first, from 256 s on the last.

    >>> bucket_indices(np.array([0.001, 0.1, 0.25, 1.0, 1.5])).tolist()
    [257, 678, 768, 896, 928]
    """
    indices: NDArray[np.int64] = (seconds.view(np.int64) >> _SHIFT) - _OFFSET
    np.maximum(indices, 0, out=indices)
    return np.minimum(indices, BUCKETS - 1, out=indices)


def lower_edges(indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """The lower edge, in seconds, of each bucket."""
    return ((indices + _OFFSET) << _SHIFT).view(np.float64)


_EDGES = lower_edges(np.arange(BUCKETS + 1, dtype=np.int64))
_ALL = np.arange(BUCKETS, dtype=np.int64)
_VALUES_MS = 1000.0 * 2.0 * _EDGES[:-1] * _EDGES[1:] / (_EDGES[:-1] + _EDGES[1:])


def _quantile(values_ms: NDArray[np.float64], cumulative: Counts, q: float) -> float | None:
    """The q-quantile in milliseconds, or None without data; `cumulative` counts up to and with each of the values.

    Hyndman and Fan's type 7 (numpy's default): linear between the two order statistics around `(n - 1) q`,
    each known to 0.78%.
    """
    total = int(cumulative[-1]) if len(cumulative) else 0
    if total == 0:
        return None
    rank = (total - 1) * q
    below = int(rank)
    at = cumulative.searchsorted(below, side="right")
    low = float(values_ms[at])
    if rank == below or cumulative[at] > below + 1:
        return low
    after = cumulative.searchsorted(below + 1, side="right")
    return low + (float(values_ms[after]) - low) * (rank - below)


def _frozen(values: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    array = np.asarray(values, dtype=np.int64)
    array.flags.writeable = False
    return array


def check_lists(indices: Sequence[int], counts: Sequence[int]) -> None:
    """Nothing where these are the wire form of a histogram.

    Raises:
        ValueError: lengths differ, a bucket does not exist or repeats, or a count is not positive, or beyond 64 bits.
    """
    if len(indices) != len(counts):
        raise ValueError(f"{len(indices)} bucket indices but {len(counts)} counts")
    if not indices:
        return
    ascend = all(map(lt, indices, indices[1:]))
    if not ascend or indices[0] < 0 or indices[-1] >= BUCKETS or min(counts) <= 0:
        raise ValueError("bucket indices must ascend within the histogram and counts be positive")
    if max(counts) >= 1 << 63:
        raise ValueError("a bucket count beyond 64 bits")


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Latencies as sparse bucket counts: ascending `indices` and the positive `counts` beside them."""

    indices: NDArray[np.int64] = field(default_factory=lambda: _frozen(()))
    counts: Counts = field(default_factory=lambda: _frozen(()))

    @classmethod
    def of(cls, latencies_ms: Sequence[float] | NDArray[np.float64]) -> Histogram:
        """The histogram of finite, non-negative latencies in milliseconds."""
        seconds = np.asarray(latencies_ms, dtype=np.float64) / 1000.0
        return cls.from_dense(np.bincount(bucket_indices(seconds), minlength=BUCKETS))

    @classmethod
    def from_dense(cls, dense: Counts) -> Histogram:
        """From one count per bucket."""
        (indices,) = dense.nonzero()
        return cls(_frozen(indices), _frozen(dense[indices]))

    @classmethod
    def from_lists(cls, indices: Sequence[int], counts: Sequence[int]) -> Histogram:
        """From the wire form of `to_lists`.

        Raises:
            ValueError: they are none; see `check_lists`.
        """
        check_lists(indices, counts)
        return cls(_frozen(indices), _frozen(counts)) if indices else EMPTY

    @classmethod
    def of_counts(cls, counts: Mapping[int, int]) -> Histogram:
        """From positive counts by bucket, in any order."""
        indices = sorted(counts)
        return cls(_frozen(indices), _frozen([counts[index] for index in indices])) if indices else EMPTY

    def to_lists(self) -> tuple[list[int], list[int]]:
        """The wire form: bucket indices and counts."""
        return self.indices.tolist(), self.counts.tolist()

    @property
    def total(self) -> int:
        """How many latencies."""
        return int(self.counts.sum())

    def merge(self, other: Histogram) -> Histogram:
        """Both together; associative and commutative."""
        if not len(other.indices):
            return self
        if not len(self.indices):
            return other
        dense = np.zeros(BUCKETS, dtype=np.int64)
        dense[self.indices] += self.counts
        dense[other.indices] += other.counts
        return Histogram.from_dense(dense)

    def cumulative(self) -> tuple[NDArray[np.int64], Counts]:
        """Ascending buckets, and for each how many latencies lie in it or a lower one."""
        return self.indices, self.counts.cumsum()

    def quantile(self, q: float) -> float | None:
        """The q-quantile in milliseconds, or None without data."""
        return _quantile(_VALUES_MS[self.indices], self.counts.cumsum(), q)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and np.array_equal(self.indices, other.indices)
            and np.array_equal(self.counts, other.counts)
        )

    def __hash__(self) -> int:
        return hash((self.indices.tobytes(), self.counts.tobytes()))


EMPTY = Histogram()


class RunningHistogram:
    """The sum of histograms that come and go, kept dense: what a sliding window needs."""

    __slots__ = ("_cumulative", "_dense", "_quantiles")

    def __init__(self) -> None:
        self._dense: Counts = np.zeros(BUCKETS, dtype=np.int64)
        self._cumulative: Counts | None = None
        self._quantiles: dict[float, float | None] = {}

    def add(self, histogram: Histogram) -> None:
        """Count these latencies in."""
        if len(histogram.indices):
            self._dense[histogram.indices] += histogram.counts
            self._changed()

    def add_all(self, histograms: Sequence[Histogram]) -> None:
        """Count the latencies of all of these in, at once."""
        if histograms:
            indices = np.concatenate([histogram.indices for histogram in histograms])
            np.add.at(self._dense, indices, np.concatenate([histogram.counts for histogram in histograms]))
            self._changed()

    def remove(self, histogram: Histogram) -> None:
        """Take out latencies added before."""
        if len(histogram.indices):
            self._dense[histogram.indices] -= histogram.counts
            self._changed()

    def slide(self, gone: Sequence[Histogram], new: Histogram) -> None:
        """Take out those that leave a window and count in the one that enters it."""
        for histogram in gone:
            self.remove(histogram)
        self.add(new)

    def _changed(self) -> None:
        self._cumulative = None
        self._quantiles.clear()

    def get(self) -> Histogram:
        """What is in it now."""
        return Histogram.from_dense(self._dense)

    def quantile(self, q: float) -> float | None:
        """The q-quantile in milliseconds, or None without data."""
        if q not in self._quantiles:  # asked for several times a pane
            self._quantiles[q] = _quantile(_VALUES_MS, self._up_to(), q)
        return self._quantiles[q]

    def cumulative(self) -> tuple[NDArray[np.int64], Counts]:
        """All buckets, and for each how many latencies lie in it or a lower one."""
        return _ALL, self._up_to()

    def highest(self) -> int:
        """The last bucket that holds a latency, 0 where none does."""
        cumulative = self._up_to()
        return int(cumulative.searchsorted(cumulative[-1]))

    def at_or_above(self, bucket: int) -> int:
        """How many latencies lie in `bucket` or a higher one."""
        cumulative = self._up_to()
        return int(cumulative[-1]) - (int(cumulative[bucket - 1]) if bucket > 0 else 0)

    def _up_to(self) -> Counts:
        """How many latencies lie in each bucket or a lower one; asked for several times a pane."""
        if self._cumulative is None:
            self._cumulative = self._dense.cumsum()
        return self._cumulative
