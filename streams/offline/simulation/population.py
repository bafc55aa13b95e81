"""Cells of a cohort whose requests differ by user and by instance: counts are drawn per group, never per request.

Users fall into as many groups, by their hash, as a cell counts. A session belongs to one user on one instance, and its
requests come on top of the others; so do those of a client. The sample of users is drawn as if every request had its
own user.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.groups import GROUPS, halves_of, key_of
from gates.panes import CLASSES, NOTHING, SAMPLE_SIZE, Cell, Detail
from gates.stats.histogram import BUCKETS, Histogram, lower_edges
from gates.stats.value_counts import ValueCounts, bucket_of
from streams.offline.simulation.changes import CohortTraffic
from streams.offline.simulation.episodes import stalled_shares, storm_rates, wander_factors
from streams.offline.simulation.latencies import LatencyProfile, draw, draw_into, draw_waiting
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.sessions import SessionErrors
from streams.offline.simulation.together import Fleet, MetricShape

_GOOD, _BAD = CLASSES.index("2xx"), CLASSES.index("5xx")
_EVEN = [1.0 / GROUPS] * GROUPS
_STEP = 0.02
"""Factors are rounded to this part of themselves, so that few distributions of latencies are computed."""

Counts = NDArray[np.int64]
ALONE = Fleet(candidate=1, baseline=1)
"""The instances where the scenario has none: one that nobody names."""


class Population:
    """One cohort in one simulated rollout of `panes` panes."""

    def __init__(self, scenario: Scenario, instances: int, panes: int, pane_ms: int, rng: np.random.Generator) -> None:
        self._scenario = scenario
        self._fleet = scenario.instances or ALONE
        self._instances = instances
        self._rng = rng
        wander, size = self._fleet.wander, (instances, panes, pane_ms, rng)
        self._storms = storm_rates(self._fleet.storms, *size)
        self._stalls = [(stall, stalled_shares(stall, *size)) for stall in self._fleet.stalls]
        self._factors = {
            figure: wander_factors(deviation, wander, *size)
            for figure, deviation in (("errors", wander.errors), ("latency", wander.latency), ("metric", wander.metric))
        }
        sessions = scenario.broken_sessions
        self._sessions = None if sessions is None else SessionErrors(sessions, instances, pane_ms, rng)
        self._emitters = np.sort(rng.choice(2**32, instances, replace=False))

    def cell(self, traffic: CohortTraffic, requests: int, pane: int, clients: Counts) -> Cell:
        """The cell of pane number `pane`; `clients` has failures and successes of clients by group, as two rows."""
        good, bad = self._outcomes(traffic, requests, pane)
        bad += self._spread_over_instances(clients[0])
        good += self._spread_over_instances(clients[1])
        by_instance = (good + bad).sum(axis=1)
        if not by_instance.any():
            return NOTHING
        return Cell(
            counts=outcomes(int(good.sum()), int(bad.sum())),
            latency=self._latencies(traffic.latency, by_instance, pane),
            detail=self._detail(good, bad, pane),
        )

    def _outcomes(self, traffic: CohortTraffic, requests: int, pane: int) -> tuple[Counts, Counts]:
        """Successes and errors by instance and group, without clients."""
        rng, share = self._rng, [1.0 / self._instances] * self._instances
        asked = rng.multinomial(requests, share)
        rates = np.minimum(1.0, traffic.error_rate * self._factors["errors"][pane])
        if self._sessions is None or traffic.error_rate >= 1.0:
            failed = rng.binomial(asked, rates)
            bad = rng.multinomial(failed, _EVEN)
        else:
            failed = np.zeros_like(asked)
            bad = self._sessions.next_pane(asked * rates / (1.0 - np.minimum(rates, 0.99)))
        stormy = rng.binomial(asked - failed, self._storms[pane])
        bad = bad + rng.multinomial(stormy, _EVEN)
        return rng.multinomial(asked - failed - stormy, _EVEN), bad

    def _spread_over_instances(self, by_group: Counts) -> Counts | int:
        if not by_group.any():
            return 0
        return self._rng.multinomial(by_group, [1.0 / self._instances] * self._instances).T

    def _latencies(self, profile: LatencyProfile, by_instance: Counts, pane: int) -> Histogram:
        waiting = [
            (stall, self._rng.binomial(by_instance, shares[pane]))
            for stall, shares in self._stalls
            if shares[pane].any()
        ]
        if not waiting and not self._fleet.wander.latency:
            return draw(profile, int(by_instance.sum()), self._rng)
        dense = np.zeros(BUCKETS, dtype=np.int64)
        for stall, some in waiting:
            waits = np.minimum(some, by_instance)
            by_instance = by_instance - waits
            longest = float(stall.length_ms if stall.wait_ms is None else stall.wait_ms)
            draw_waiting(dense, profile, int(waits.sum()), longest, self._rng)
        for factor, number in _rounded(self._factors["latency"][pane], by_instance):
            draw_into(dense, replace(profile, factor=profile.factor * factor), number, self._rng)
        return Histogram.from_dense(dense)

    def _detail(self, good: Counts, bad: Counts, pane: int) -> Detail:
        by_instance = (good + bad).sum(axis=1)
        metric = self._scenario.metric
        detail = Detail(metrics={} if metric is None else {metric.name: self._values(metric, by_instance, pane)})
        if self._fleet.reported:
            seen = tuple(self._emitters[by_instance > 0].tolist())
            detail = replace(detail, emitters=seen, emitter_groups=self._emitter_groups(good, bad))
        if self._scenario.users:
            groups = _groups(good.sum(axis=0), bad.sum(axis=0))
            halves, statuses = halves_of(groups)
            users = _sample_of_users(int(by_instance.sum()), self._rng)
            detail = replace(detail, users=users, halves=halves, statuses=statuses, user_groups=groups)
        return detail

    def _emitter_groups(self, good: Counts, bad: Counts) -> dict[int, int]:
        places = self._emitters % GROUPS
        return _groups(*(np.bincount(places, counts.sum(axis=1), GROUPS) for counts in (good, bad)))

    def _values(self, metric: MetricShape, by_instance: Counts, pane: int) -> ValueCounts:
        dense = np.zeros(BUCKETS, dtype=np.int64)
        for factor, number in _rounded(self._factors["metric"][pane], by_instance):
            # A value of 1 stands where a second stands among latencies: both are cut into buckets in the same way.
            profile = LatencyProfile(1_000, metric.spread, 0.0, factor * metric.median, zeros=metric.zeros)
            draw_into(dense, profile, number, self._rng)
        (indices,) = dense.nonzero()
        buckets = [
            bucket_of(float(edge)) if index else 0 for index, edge in zip(indices, lower_edges(indices), strict=True)
        ]
        return ValueCounts(tuple(buckets), tuple(dense[indices].tolist()))


def _rounded(factors: NDArray[np.float64], numbers: Counts) -> list[tuple[float, int]]:
    """Each factor, rounded, with the number of requests that it is for."""
    steps = np.rint(np.log(factors) / _STEP).astype(np.int64)
    if len(steps) and (steps == steps[0]).all():
        return [(exp(float(steps[0]) * _STEP), int(numbers.sum()))]
    return [
        (exp(step * _STEP), number) for step, number in zip(steps.tolist(), numbers.tolist(), strict=True) if number
    ]


def _groups(good: NDArray[Any], bad: NDArray[Any]) -> dict[int, int]:
    """Counts by group as a cell holds them."""
    found = {key_of(_GOOD, group): int(number) for group, number in enumerate(good)}
    found |= {key_of(_BAD, group): int(number) for group, number in enumerate(bad)}
    return {key: number for key, number in found.items() if number}


def outcomes(successes: int, errors: int) -> tuple[int, ...]:
    """The counts of a cell."""
    counts = [0] * len(CLASSES)
    counts[_GOOD], counts[_BAD] = successes, errors
    return tuple(counts)


def _sample_of_users(users: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The smallest of this many uniform hashes: order statistics are sums of exponentials over the sum of all."""
    kept = min(users, SAMPLE_SIZE)
    sums = np.cumsum(rng.standard_exponential(kept))
    total = sums[-1] + rng.standard_gamma(users + 1 - kept)
    return tuple(np.unique((sums / total * 2**32).astype(np.int64)).tolist())
