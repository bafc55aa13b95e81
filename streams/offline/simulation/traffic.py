"""Panes of simulated traffic: counts and latencies are drawn per pane and cohort, never per request.

Requests come as a Poisson process and each is the candidate's with the candidate's share. Errors come in clusters of
geometric size around a Poisson number of clusters: a compound Poisson number, whose variance over its mean is
`Scenario.clusters` (E[K^2]/E[K] = 2m - 1 for the mean size m). Each cluster falls to one half of the users; the sample
of users is drawn as if every request had a user of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gates.panes import CLASSES, NO_DETAIL, SAMPLE_SIZE, Cell, Detail, Pane
from gates.policy import Cohorts
from streams.offline.simulation.changes import BASELINE, CANDIDATE, Arm, Change, Effect, Latency
from streams.offline.simulation.latencies import draw
from streams.offline.simulation.named import SCENARIOS
from streams.offline.simulation.scenario import Conditions, Drift, Scenario

__all__ = [
    "SCENARIOS",
    "Change",
    "Conditions",
    "Drift",
    "Effect",
    "Latency",
    "Scenario",
    "panes",
]

_SUCCESS, _ERROR = CLASSES.index("2xx"), CLASSES.index("5xx")
_HASHES = 2**32


def panes(
    scenario: Scenario,
    rng: np.random.Generator,
    start_ms: int,
    pane_ms: int,
    weight: Callable[[], float],
    cohorts: Cohorts,
) -> Iterator[Pane]:
    """The scenario's panes from its start to its end; the last one may be cut off.

    `weight` is asked at each pane for the share of the traffic, 0 to 1, that the candidate is to get.
    """
    for since in range(0, scenario.duration_ms - pane_ms + 1, pane_ms):
        now, start = scenario.at(since), start_ms + since
        requests = int(rng.poisson(now.rps * pane_ms / 1_000.0))
        share = min(1.0, weight() * scenario.share_factor)
        candidates = int(rng.binomial(requests, share))
        sides = {
            CANDIDATE: (cohorts.candidate, now.candidate, candidates),
            BASELINE: (cohorts.baseline, now.baseline, requests - candidates),
        }
        cells = {
            name: _cell(scenario, arm, many, rng)
            for side, (name, arm, many) in sides.items()
            if many and side in now.heard and not now.outage
        }
        yield Pane(start=start, end=start + pane_ms, cells=cells, complete=not now.outage, broken=now.outage)


def _cell(scenario: Scenario, arm: Arm, requests: int, rng: np.random.Generator) -> Cell:
    even, odd = _errors(requests, arm.error_rate, scenario.clusters, rng)
    counts = _counts(requests - even - odd, even + odd)
    detail = _detail(requests, even, odd, rng) if scenario.users else NO_DETAIL
    return Cell(counts=counts, latency=draw(arm.latency, requests, rng), detail=detail)


def _counts(successes: int, errors: int) -> tuple[int, ...]:
    counts = [0] * len(CLASSES)
    counts[_SUCCESS], counts[_ERROR] = successes, errors
    return tuple(counts)


def _errors(requests: int, rate: float, clusters: float, rng: np.random.Generator) -> tuple[int, int]:
    """The errors of the users of an even hash, and of those of an odd one."""
    if clusters == 1.0 or rate == 1.0:
        errors = int(rng.binomial(requests, rate))
        even = int(rng.binomial(errors, 0.5))
        return even, errors - even
    mean_size = (clusters + 1.0) / 2.0
    sizes = rng.geometric(1.0 / mean_size, rng.poisson(requests * rate / mean_size))
    errors = min(requests, int(sizes.sum()))
    even = min(errors, int(sizes[rng.random(len(sizes)) < 0.5].sum()))
    return even, errors - even


def _detail(requests: int, even: int, odd: int, rng: np.random.Generator) -> Detail:
    successes = requests - even - odd
    lucky = int(rng.binomial(successes, 0.5))
    halves = (*_counts(lucky, even), *_counts(successes - lucky, odd))
    return Detail(users=_smallest(requests, rng), halves=halves)


def _smallest(users: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The smallest of so many uniform hashes: order statistics are sums of exponentials over the sum of all."""
    kept = min(users, SAMPLE_SIZE)
    sums = np.cumsum(rng.standard_exponential(kept))
    everyone = sums[-1] + rng.standard_gamma(users + 1 - kept)
    return tuple(np.unique((sums / everyone * _HASHES).astype(np.int64)).tolist())
