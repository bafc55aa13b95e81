"""Panes of simulated traffic: counts and latencies are drawn per pane and cohort, never per request.

Requests are a Poisson process, and each goes to the candidate with the candidate's share. Errors are a Poisson number
of clusters, each of a geometric size: a compound Poisson number, whose variance over its mean is `Scenario.clusters`
(E[K^2]/E[K] = 2m - 1 for the mean size m). All errors of a cluster belong to one half of the users; the sample of users
is drawn as if every request had its own user.

The order of the draws is part of the result: the same seed gives the same panes only if no draw is added or moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gates.panes import CLASSES, NO_DETAIL, SAMPLE_SIZE, Cell, Detail, Pane
from gates.policy import Cohorts
from streams.offline.simulation.changes import BASELINE, CANDIDATE, CohortTraffic
from streams.offline.simulation.latencies import draw
from streams.offline.simulation.scenario import Scenario

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

    `weight` is called at each pane and gives the share of the traffic, 0 to 1, that is ordered for the candidate.
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
            name: _cell(scenario, traffic, number, rng)
            for side, (name, traffic, number) in sides.items()
            if number and side in now.reporting and not now.outage
        }
        yield Pane(start=start, end=start + pane_ms, cells=cells, complete=not now.outage, broken=now.outage)


def _cell(scenario: Scenario, traffic: CohortTraffic, requests: int, rng: np.random.Generator) -> Cell:
    even, odd = _errors(requests, traffic.error_rate, scenario.clusters, rng)
    counts = _counts(requests - even - odd, even + odd)
    detail = _detail(requests, even, odd, rng) if scenario.users else NO_DETAIL
    return Cell(counts=counts, latency=draw(traffic.latency, requests, rng), detail=detail)


def _counts(successes: int, errors: int) -> tuple[int, ...]:
    counts = [0] * len(CLASSES)
    counts[_SUCCESS], counts[_ERROR] = successes, errors
    return tuple(counts)


def _errors(requests: int, rate: float, clusters: float, rng: np.random.Generator) -> tuple[int, int]:
    """The errors of users with an even hash, and of those with an odd one."""
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
    even_successes = int(rng.binomial(successes, 0.5))
    halves = (*_counts(even_successes, even), *_counts(successes - even_successes, odd))
    return Detail(users=_smallest(requests, rng), halves=halves)


def _smallest(users: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The smallest of this many uniform hashes: order statistics are sums of exponentials over the sum of all."""
    kept = min(users, SAMPLE_SIZE)
    sums = np.cumsum(rng.standard_exponential(kept))
    total = sums[-1] + rng.standard_gamma(users + 1 - kept)
    return tuple(np.unique((sums / total * _HASHES).astype(np.int64)).tolist())
