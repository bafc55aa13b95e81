"""Requests of single clients beside the usual ones: which cohort they go to, and how many of them fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.groups import GROUPS
from streams.offline.simulation.episodes import HOUR_MS
from streams.offline.simulation.together import Client


@dataclass(frozen=True, slots=True)
class _Visit:
    """One client from `since` to `until` (ms); it goes to the candidate while the ordered share is above `place`."""

    since: float
    until: float
    rps: float
    error_rate: float
    place: float
    group: int


class ClientTraffic:
    """The clients of one simulated rollout."""

    def __init__(self, clients: tuple[Client, ...], duration_ms: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._visits = [visit for client in clients for visit in _visits(client, duration_ms, rng)]

    def pane(self, since: int, pane_ms: int, weight: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Failures and successes, as two rows by group of users: of the candidate, and of the baseline."""
        both = np.zeros((2, 2, GROUPS), dtype=np.int64)
        for visit in self._visits:
            within = min(visit.until, since + pane_ms) - max(visit.since, since)
            if within > 0.0:
                requests = self._rng.poisson(visit.rps * within / 1_000.0)
                failed = self._rng.binomial(requests, visit.error_rate)
                both[int(visit.place >= weight), :, visit.group] += failed, requests - failed
        return both[0], both[1]


def _visits(client: Client, duration_ms: int, rng: np.random.Generator) -> Iterator[_Visit]:
    if client.at_ms is not None:
        starts = [float(client.at_ms)]
    else:
        span = duration_ms + client.length_ms  # some came before the rollout began
        starts = (rng.random(rng.poisson(client.per_hour * span / HOUR_MS)) * span - client.length_ms).tolist()
    for start in starts:
        rps = client.rps * (1.0 + float(rng.pareto(client.shape))) if client.shape else client.rps
        place = -1.0 if client.to_candidate else float(rng.random())
        yield _Visit(start, start + client.length_ms, rps, client.error_rate, place, int(rng.integers(GROUPS)))
