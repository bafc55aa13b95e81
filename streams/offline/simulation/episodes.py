"""When instances are out of order in one simulated rollout, as one row a pane and one column an instance."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from streams.offline.simulation.together import Stall, Storm, Wander

HOUR_MS = 3_600_000
Matrix = NDArray[np.float64]


def storm_starts(storm: Storm, duration_ms: int, rng: np.random.Generator) -> Matrix:
    """The starts on one instance, in milliseconds; some began before the rollout and last into it."""
    span = duration_ms + storm.length_ms
    return rng.random(rng.poisson(storm.per_hour * span / HOUR_MS)) * span - storm.length_ms


def stall_starts(stall: Stall, duration_ms: int, rng: np.random.Generator) -> Matrix:
    """The starts on one instance, at even distances from a random one on."""
    return np.arange(rng.random() - 1.0, duration_ms / stall.every_ms) * stall.every_ms


def covered(starts: Iterable[float], length_ms: int, panes: int, pane_ms: int) -> Matrix:
    """The share of each pane that lies within `length_ms` from one of the starts on."""
    shares = np.zeros(panes)
    for start in starts:
        first, last = int(max(start, 0.0) // pane_ms), int((start + length_ms) // pane_ms)
        for pane in range(first, min(last, panes - 1) + 1):
            within = min(start + length_ms, (pane + 1) * pane_ms) - max(start, pane * pane_ms)
            shares[pane] = min(1.0, shares[pane] + max(0.0, within) / pane_ms)
    return shares


def storm_rates(storms: Iterable[Storm], instances: int, panes: int, pane_ms: int, rng: np.random.Generator) -> Matrix:
    """The share of each instance's requests that fails in each pane because of storms."""
    spared = np.ones((panes, instances))
    for storm in storms:
        for instance in range(instances):
            starts = storm_starts(storm, panes * pane_ms, rng)
            spared[:, instance] *= 1.0 - storm.error_rate * covered(starts, storm.length_ms, panes, pane_ms)
    return 1.0 - spared


def stalled_shares(stall: Stall, instances: int, panes: int, pane_ms: int, rng: np.random.Generator) -> Matrix:
    """The share of each instance's requests that waits in each pane."""
    starts = (stall_starts(stall, panes * pane_ms, rng) for _ in range(instances))
    return stall.share * np.stack([covered(each, stall.length_ms, panes, pane_ms) for each in starts], axis=1)


def wander_factors(
    deviation: float, wander: Wander, instances: int, panes: int, pane_ms: int, rng: np.random.Generator
) -> Matrix:
    """Each instance's factor in each pane."""
    if not deviation:
        return np.ones((panes, instances))
    kept = exp(-pane_ms / wander.time_ms)
    steps = rng.standard_normal((panes, instances)) * sqrt(1.0 - kept * kept)
    steps[0] /= sqrt(1.0 - kept * kept)  # the first is drawn from all that is usual
    for pane in range(1, panes):
        steps[pane] += kept * steps[pane - 1]
    return np.asarray(np.exp(deviation * steps - deviation * deviation / 2.0))
