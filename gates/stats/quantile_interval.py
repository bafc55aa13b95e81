"""The interval of a latency quantile at one look, from bucket counts: what a page shows beside the estimate.

How many of `n` requests lie at or below the true quantile is about normal around `n q`, with the variance of a binomial
count times the design effect phi of the slow requests, because they come together. So the quantile lies between two
order statistics (Conover, Practical Nonparametric Statistics, 1999, section 3.2), and buckets only widen that. It
covers the quantile at this look, not at all looks at once: the window slides, and a reader sees one decision. It is
for display, and no decision rests on it.
"""

from __future__ import annotations

from math import ceil, floor, sqrt
from statistics import NormalDist

import numpy as np

from gates.stats.histogram import BUCKETS, Histogram, lower_edges

COVERAGE = 0.95

_HALF_WIDTH = NormalDist().inv_cdf(0.5 + COVERAGE / 2.0)


def quantile_ranks(total: int, q: float, phi: float = 1.0) -> tuple[int | None, int | None]:
    """The ranks, from 1, of the order statistics between which the q-quantile lies; None where that end is open.

    >>> quantile_ranks(1_000, 0.95), quantile_ranks(1_000, 0.95, phi=9.0), quantile_ranks(20, 0.95)
    ((936, 965), (909, 992), (17, None))

    Raises:
        ValueError: q is not between 0 and 1.
    """
    if not 0.0 < q < 1.0:
        raise ValueError(f"q {q} must be between 0 and 1")
    half = _HALF_WIDTH * sqrt(max(1.0, phi) * total * q * (1.0 - q))
    low, high = floor(total * q - half), ceil(total * q + half) + 1
    return (low if low >= 1 else None), (high if high <= total else None)


def interval(histogram: Histogram, q: float, phi: float = 1.0) -> tuple[float, float | None] | None:
    """The interval, in milliseconds, that covers the q-quantile at this look with probability 95%.

    `phi` is the design effect of the requests beyond the quantile. None without latencies; a lower end of 0, or an
    upper end of None, where the latencies do not bound it.

    >>> low, high = interval(Histogram.of([float(ms) for ms in range(1, 1001)]), 0.5)
    >>> round(low), round(high)
    (469, 539)

    Raises:
        ValueError: q is not between 0 and 1.
    """
    total = histogram.total
    low, high = quantile_ranks(total, q, phi)
    if not total:
        return None
    cumulative = np.cumsum(histogram.counts)
    first = int(histogram.indices[np.searchsorted(cumulative, low)]) if low is not None else 0
    last = int(histogram.indices[np.searchsorted(cumulative, high)]) if high is not None else BUCKETS - 1
    return _edge_ms(first) if first else 0.0, _edge_ms(last + 1) if last < BUCKETS - 1 else None


def _edge_ms(bucket: int) -> float:
    return 1000.0 * float(lower_edges(np.array([bucket], dtype=np.int64))[0])
