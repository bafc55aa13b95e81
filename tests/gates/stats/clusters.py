"""Bad events in clusters, drawn second by second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def clustered(rng: np.random.Generator, events: Counts, share: float, phi: float, length_s: int) -> Counts:
    """Bad events in clusters of a geometric size, so that their variance is `phi` times their mean.

    Each cluster is spread over `length_s`. The first `length_s` seconds are left out.
    """
    if phi == 1.0:
        return rng.binomial(events, share)[length_s:]
    size = (phi + 1.0) / 2.0
    found = np.zeros(len(events) + length_s, dtype=np.int64)
    starts = np.repeat(np.arange(len(events)), rng.poisson(events * share / size))
    sizes = rng.geometric(1.0 / size, len(starts))
    np.add.at(found, np.repeat(starts, sizes) + rng.integers(0, length_s, int(sizes.sum())), 1)
    return np.minimum(found[: len(events)], events)[length_s:]
