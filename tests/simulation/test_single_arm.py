"""The evidence against a candidate that has all the traffic: at its objective, under clusters and storms, and bad."""

from __future__ import annotations

from math import inf
from statistics import median

import numpy as np
import pytest

from gates.comparison.blocks import AdvanceBound, Blocks
from gates.comparison.count_evidence import AloneCounts, BaselineCounts, CountedPane
from gates.evidence_view import PaneUse
from gates.panes import NOTHING
from gates.stats.advance_sums import MarginRange
from gates.stats.block_evidence import BlockRule
from gates.stats.pane_counts import PaneCounts
from tests.gates.pane_builders import pane
from tests.gates.stats.clusters import Counts, clustered
from tests.simulation.rollouts import LOG, more_than, note

pytestmark = pytest.mark.slow

OBJECTIVE, RPS = 0.02, 200
RUNS = 60


def stormy(rng: np.random.Generator, events: Counts, length_s: int, an_hour: int) -> Counts:
    """Bad events at half the objective, and in storms at as much as makes it the objective on the whole."""
    part = length_s * an_hour / 3_600
    high = min(1.0, OBJECTIVE / 2 + OBJECTIVE / 2 / part)
    begins = np.flatnonzero(rng.random(len(events)) < an_hour / 3_600)
    storming = np.zeros(len(events), dtype=bool)
    for begin in begins:
        storming[begin : begin + length_s] = True
    return rng.binomial(events, np.where(storming, high, OBJECTIVE / 2))


def rolled_back_after(events: Counts, bad: Counts, before_s: int) -> float:
    """Seconds from the order of 100% to evidence of 100; before it a baseline had the first panes."""
    evidence = Blocks(BlockRule(1.25, 3_600, 1.0, 0.5, 100.0), AdvanceBound(1.25, MarginRange(0.005, 0.005)))
    for second, (number, errors) in enumerate(zip(events.tolist(), bad.tolist(), strict=True)):
        counted = CountedPane(pane(second, None, None), PaneUse(), BaselineCounts(0, 0, NOTHING), NOTHING)
        if second < before_s:
            counts = PaneCounts(0, errors, 0, number)
            evidence.update(counted._replace(baseline=BaselineCounts(errors, number, NOTHING), worse=counts))
            continue
        evidence.update(counted._replace(alone=AloneCounts(errors, number, OBJECTIVE)))
        if evidence.get().worse >= 100.0:
            return second + 1 - before_s
    return inf


@pytest.mark.parametrize("before_s", [0, 300])
@pytest.mark.parametrize(
    ("phi", "length_s", "most"), [(1.0, 1, 0.01), (5.0, 1, 0.02), (10.0, 15, 0.02), (10.0, 60, 0.12)]
)
def test_clusters_at_the_objective(phi: float, length_s: int, most: float, before_s: int) -> None:
    """Twenty minutes; what lasts for a minute is more than rho can measure."""
    rng, wrong = np.random.default_rng(4), 0
    for _ in range(RUNS):
        events = rng.poisson(RPS, before_s + 1_200 + length_s)
        bad = clustered(rng, events, OBJECTIVE, phi, length_s)
        wrong += rolled_back_after(events[length_s:], bad, before_s) < inf
    note(f"alone, clusters of phi {phi:g} over {length_s} s, {before_s} s of a baseline before", wrong, RUNS)
    assert not more_than(most, wrong, RUNS)


@pytest.mark.parametrize("before_s", [0, 300])
@pytest.mark.parametrize(("length_s", "an_hour", "most"), [(5, 12, 0.05), (10, 6, 0.15)])
def test_storms_at_the_objective(length_s: int, an_hour: int, most: float, before_s: int) -> None:
    """The former rule rolled back 73 to 98% of these."""
    rng, wrong = np.random.default_rng(5), 0
    for _ in range(RUNS):
        events = rng.poisson(RPS, before_s + 1_200)
        wrong += rolled_back_after(events, stormy(rng, events, length_s, an_hour), before_s) < inf
    note(f"alone, storms of {length_s} s, {an_hour} an hour, {before_s} s of a baseline before", wrong, RUNS)
    assert not more_than(most, wrong, RUNS)


@pytest.mark.parametrize("before_s", [0, 300])
@pytest.mark.parametrize(("times", "most_s"), [(2, 240), (3, 110), (5, 50), (50, 20)])
def test_a_bad_candidate_alone_is_rolled_back(times: int, most_s: float, before_s: int) -> None:
    """Twenty seconds at half the objective, then this many times the objective: the median delay."""
    rng, delays = np.random.default_rng(6), []
    for _ in range(30):
        events = rng.poisson(RPS, before_s + 900)
        rates = np.where(np.arange(len(events)) < before_s + 20, OBJECTIVE / 2, min(1.0, times * OBJECTIVE))
        delays.append(rolled_back_after(events, rng.binomial(events, rates), before_s) - 20)
    late = sorted(delays)[28]
    LOG.info("alone, %d times the objective, %d s before: %g / %g s", times, before_s, median(delays), late)
    assert 0 < median(delays) <= most_s
