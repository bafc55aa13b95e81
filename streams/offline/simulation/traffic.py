"""Panes of simulated traffic: counts and latencies are drawn per pane and cohort, never per request.

Requests are a Poisson process, and each goes to the candidate with the candidate's share. Errors are a Poisson number
of clusters, each of a geometric size: a compound Poisson number, whose variance over its mean is `Scenario.clusters`
(E[K^2]/E[K] = 2m - 1 for the mean size m). Where users or instances matter, `population` draws the cells.

The order of the draws is part of the result: the same seed gives the same panes only if no draw is added or moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gates.panes import Cell, Pane
from gates.policy import Cohorts
from streams.offline.simulation.changes import BASELINE, CANDIDATE, CohortTraffic
from streams.offline.simulation.clients import ClientTraffic
from streams.offline.simulation.latencies import draw
from streams.offline.simulation.population import ALONE, Population, outcomes
from streams.offline.simulation.scenario import Scenario


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
    arrivals, populations = Arrivals(scenario, pane_ms, rng), None
    if scenario.is_structured:
        populations = Populations(scenario, scenario.duration_ms // pane_ms, pane_ms, rng)
    for since in range(0, scenario.duration_ms - pane_ms + 1, pane_ms):
        now, start = scenario.at(since), start_ms + since
        share = min(1.0, weight() * scenario.share_factor)
        candidates, others = arrivals.next_pane(now.rps, share)
        sides = {
            CANDIDATE: (cohorts.candidate, now.candidate, candidates),
            BASELINE: (cohorts.baseline, now.baseline, others),
        }
        reporting = frozenset[str]() if now.outage else now.reporting
        if populations is None:
            cells = {
                name: _cell(scenario, traffic, number, rng)
                for side, (name, traffic, number) in sides.items()
                if number and side in reporting
            }
        else:
            made = populations.next_pane({side: given[1:] for side, given in sides.items()}, share)
            cells = {sides[side][0]: cell for side, cell in made.items() if side in reporting}
        yield Pane(start=start, end=start + pane_ms, cells=cells, complete=not now.outage, broken=now.outage)


class Arrivals:
    """How many requests of each cohort come in a pane: at random, or one after the other at even distances."""

    def __init__(self, scenario: Scenario, pane_ms: int, rng: np.random.Generator) -> None:
        self._even = scenario.arrivals == "even"
        self._pane_ms = pane_ms
        self._rng = rng
        self._come = self._given = 0.0  # requests so far, and those for the candidate, where they are not at random

    def next_pane(self, rps: float, share: float) -> tuple[int, int]:
        """The requests of candidate and baseline."""
        expected = rps * self._pane_ms / 1_000.0
        if not self._even:
            requests = int(self._rng.poisson(expected))
            candidates = int(self._rng.binomial(requests, share))
            return candidates, requests - candidates
        requests = _whole(self._come + expected) - _whole(self._come)
        candidates = _whole(self._given + requests * share) - _whole(self._given)
        self._come, self._given = self._come + expected, self._given + requests * share
        return candidates, requests - candidates


def _whole(summed: float) -> int:
    """The whole part; what rounding may have taken from a sum of many parts is left out."""
    return int(summed + 1e-6)


class Populations:
    """The cells of both cohorts, where requests differ by user, by instance or by metric."""

    def __init__(self, scenario: Scenario, panes: int, pane_ms: int, rng: np.random.Generator) -> None:
        fleet = scenario.instances or ALONE
        sizes = {CANDIDATE: fleet.candidate, BASELINE: fleet.baseline}
        self._cohorts = {side: Population(scenario, size, panes, pane_ms, rng) for side, size in sizes.items()}
        self._clients = ClientTraffic(scenario.clients, scenario.duration_ms, rng)
        self._pane_ms = pane_ms
        self._pane = 0

    def next_pane(self, sides: Mapping[str, tuple[CohortTraffic, int]], share: float) -> dict[str, Cell]:
        """The cell of each cohort that has requests; `share` is the candidate's part of the clients."""
        clients = dict(
            zip(
                (CANDIDATE, BASELINE), self._clients.pane(self._pane * self._pane_ms, self._pane_ms, share), strict=True
            )
        )
        made = {
            side: self._cohorts[side].cell(traffic, number, self._pane, clients[side])
            for side, (traffic, number) in sides.items()
        }
        self._pane += 1
        return {side: cell for side, cell in made.items() if cell.requests}


def _cell(scenario: Scenario, traffic: CohortTraffic, requests: int, rng: np.random.Generator) -> Cell:
    errors = _errors(requests, traffic.error_rate, scenario.clusters, rng)
    return Cell(counts=outcomes(requests - errors, errors), latency=draw(traffic.latency, requests, rng))


def _errors(requests: int, rate: float, clusters: float, rng: np.random.Generator) -> int:
    if clusters == 1.0 or rate == 1.0:
        return int(rng.binomial(requests, rate))
    mean_size = (clusters + 1.0) / 2.0
    sizes = rng.geometric(1.0 / mean_size, rng.poisson(requests * rate / mean_size))
    return min(requests, int(sizes.sum()))
