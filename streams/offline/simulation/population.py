"""Cells of a cohort whose requests differ by user and by instance: counts are drawn per group, never per request.

Users fall into as many groups, by their hash, as a cell counts. A session belongs to one user on one instance, and its
requests come on top of the others; so do those of a client.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp

import numpy as np
from numpy.typing import NDArray

from gates.panes import CLASSES, NOTHING, SAMPLE_SIZE, Cell, Detail
from gates.stats.histogram import BUCKETS, Histogram, lower_edges
from gates.stats.value_counts import ValueCounts, bucket_of
from streams.offline.simulation.changes import CohortTraffic
from streams.offline.simulation.episodes import stalled_shares, storm_rates, wander_factors
from streams.offline.simulation.latencies import LatencyProfile, draw, draw_into, draw_waiting
from streams.offline.simulation.scenario import Scenario
from streams.offline.simulation.sessions import GROUPS, SessionErrors
from streams.offline.simulation.together import Fleet, MetricShape

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
        self._sessions = (
            None if scenario.sessions is None else SessionErrors(scenario.sessions, instances, pane_ms, rng)
        )
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
            counts=_classes(int(good.sum()), int(bad.sum())),
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
        emitters = self._emitters[by_instance > 0].tolist() if self._fleet.reported else ()
        values = {} if metric is None else {metric.name: self._values(metric, by_instance, pane)}
        if not self._scenario.users:
            return Detail(metrics=values, emitters=tuple(emitters))
        good_by_group, bad_by_group = good.sum(axis=0).tolist(), bad.sum(axis=0).tolist()
        halves = [
            count for half in (0, 1) for count in _classes(sum(good_by_group[half::2]), sum(bad_by_group[half::2]))
        ]
        users = sample_of_users(int(by_instance.sum()), self._rng)
        return Detail(users=users, halves=tuple(halves), metrics=values, emitters=tuple(emitters))

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


def _classes(successes: int, errors: int) -> tuple[int, ...]:
    counts = [0] * len(CLASSES)
    counts[CLASSES.index("2xx")], counts[CLASSES.index("5xx")] = successes, errors
    return tuple(counts)


def sample_of_users(users: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The smallest of this many uniform hashes: order statistics are sums of exponentials over the sum of all."""
    kept = min(users, SAMPLE_SIZE)
    sums = np.cumsum(rng.standard_exponential(kept))
    total = sums[-1] + rng.standard_gamma(users + 1 - kept)
    return tuple(np.unique((sums / total * 2**32).astype(np.int64)).tolist())
