"""A candidate that gets slower in the last sixth of its bake does not advance, and a healthy one is not held for it."""

from __future__ import annotations

from math import erf, inf, log, sqrt
from statistics import median

import numpy as np
import pytest

from gates.comparison.blocks import AdvanceBound, Blocks
from gates.comparison.count_evidence import BaselineCounts, CountedPane
from gates.comparison.evidence import SUSPICION
from gates.evidence_view import PaneUse
from gates.panes import NOTHING
from gates.stats.advance_sums import MarginRange
from gates.stats.block_evidence import BlockRule
from gates.stats.pane_counts import PaneCounts
from tests.gates.pane_builders import pane
from tests.simulation.rollouts import LOG, note

pytestmark = pytest.mark.slow

BAKE_S = 300
RUNS = 60


def beyond(latency_ms: float) -> float:
    """The share of slower requests: lognormal around 100 ms, and 3% around 400 ms."""
    body = 0.5 * (1.0 - erf(log(latency_ms / 100.0) / 0.5 / sqrt(2.0)))
    tail = 0.5 * (1.0 - erf(log(latency_ms / 400.0) / 0.4 / sqrt(2.0)))
    return 0.97 * body + 0.03 * tail


def advances(rng: np.random.Generator, quantile: float, ratio: float, slower: float) -> tuple[float, bool]:
    """When it advances, and whether it would without a look at the last panes; slower in the last sixth.

    The exact thresholds are taken, so that the counts are binomial.
    """
    edge = next(ms for ms in np.geomspace(50.0, 2_000.0, 4_000) if beyond(ms) <= 1.0 - quantile)
    usual, bad = beyond(ratio * edge), beyond(ratio * edge / slower)
    rule = BlockRule(1.0, 2 * BAKE_S, 1.0, 0.05, 100.0, catastrophe=False, least_bad=1.0 - quantile)
    evidence, seen = Blocks(rule, AdvanceBound(1.0, MarginRange(0.0, 0.0))), PaneUse(bake_ms=BAKE_S * 1_000)
    without = False
    for second in range(2 * BAKE_S):
        events, base_events = int(rng.poisson(50)), int(rng.poisson(950))
        base_bad = int(rng.binomial(base_events, 1.0 - quantile))
        slow = int(rng.binomial(events, bad if second >= BAKE_S * 5 // 6 else usual))
        counts = PaneCounts(slow, base_bad, events, base_events)
        known = float(rng.binomial(base_bad, usual / (1.0 - quantile)))
        baseline = BaselineCounts(base_bad, base_events, NOTHING)
        where = pane(second, None, None)
        evidence.update(CountedPane(where, seen, baseline, NOTHING, counts, counts, usual=known))
        found = evidence.get()
        if found.worse >= 100.0:
            break
        if second + 1 >= BAKE_S and found.worse < SUSPICION and found.good >= 20.0:
            without = True
            if found.lately_good:
                return second + 1, True
    return inf, without


@pytest.mark.parametrize(
    ("quantile", "ratio", "slower", "most"),
    [(0.95, 1.1, 1.2, 0), (0.95, 1.25, 1.35, 1), (0.95, 1.25, 1.5, 0), (0.5, 1.1, 1.2, 0), (0.99, 1.25, 1.35, 12)],
)
def test_a_candidate_that_turned_slow_does_not_advance(quantile: float, ratio: float, slower: float, most: int) -> None:
    """Of 60; the evidence for a worse candidate alone lets up to all of them pass."""
    rng = np.random.default_rng(5)
    found = [advances(rng, quantile, ratio, slower) for _ in range(RUNS)]
    wrong = sum(at < inf for at, _ in found)
    note(f"p{100 * quantile:g}, ratio {ratio}, {slower} times as slow late", wrong, RUNS)
    note("... without a look at the last panes", sum(without for _, without in found), RUNS)
    assert wrong <= most


@pytest.mark.parametrize(("quantile", "ratio"), [(0.95, 1.1), (0.95, 1.25), (0.5, 1.1), (0.99, 1.25)])
def test_a_healthy_candidate_is_not_held_for_it(quantile: float, ratio: float) -> None:
    """Within 5% of the time that its evidence takes."""
    rng = np.random.default_rng(6)
    when = sorted(advances(rng, quantile, ratio, 1.0)[0] for _ in range(RUNS))
    LOG.info("p%g, ratio %g, healthy: %g / %g s", 100 * quantile, ratio, median(when), when[int(0.95 * RUNS)])
    assert median(when) <= BAKE_S * 1.05
