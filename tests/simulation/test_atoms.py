"""Latencies with many equal values, as a proxy writes them: equal cohorts pass, and none is rolled back."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from statistics import median

import numpy as np
import pytest

from gates.panes import Cell
from gates.stats.histogram import Histogram
from gates.verdicts import VerdictKind
from tests.gates.pane_builders import cell
from tests.gates.slis.watched import Watched
from tests.simulation.rollouts import LOG, note

pytestmark = pytest.mark.slow

RUNS, MOST_S = 20, 300
ATOMS: dict[str, dict[float, float]] = {
    "whole ms, 1 to 3": {1.0: 0.5, 2.0: 0.3, 3.0: 0.2},
    "97% 1 ms, 3% 2 ms": {1.0: 0.97, 2.0: 0.03},
    "all 1 ms": {1.0: 1.0},
    "99% zeros, rest 5 ms": {0.0: 0.99, 5.0: 0.01},
    "80% zeros, rest 1 to 3 ms": {0.0: 0.8, 1.0: 0.1, 2.0: 0.06, 3.0: 0.04},
}


def drawn(rng: np.random.Generator, requests: int, atoms: dict[float, float]) -> Cell:
    """Requests with these latencies, by their shares."""
    counts = rng.multinomial(requests, list(atoms.values()))
    latencies = [ms for ms, number in zip(atoms, counts, strict=True) for _ in range(number)]
    return replace(cell(requests), latency=Histogram.of(latencies))


def course(rng: np.random.Generator, quantile: float, atoms: dict[float, float]) -> tuple[float, bool]:
    """Seconds to the first PASS, and whether it ever fails within a minute after it."""
    hand = Watched("10%", sli="latency", quantile=quantile, ratio=1.1, limit="1s")
    passed = inf
    for second in range(MOST_S):
        kind = hand.second(drawn(rng, 50, atoms), drawn(rng, 450, atoms)).kind
        if kind is VerdictKind.FAIL:
            return passed, True
        if kind is VerdictKind.PASS:
            passed = min(passed, second + 1)
        if second >= passed + 60:
            break
    return passed, False


@pytest.mark.parametrize("quantile", [0.5, 0.95])
@pytest.mark.parametrize("name", ATOMS)
def test_equal_cohorts_pass(name: str, quantile: float) -> None:
    """Within five minutes, the prior of phi included."""
    rng = np.random.default_rng(9)
    found = [course(rng, quantile, ATOMS[name]) for _ in range(RUNS)]
    failed, passed = sum(wrong for _, wrong in found), sum(at < inf for at, _ in found)
    note(f"{name}, p{100 * quantile:g}: rolled back", failed, RUNS)
    LOG.info("%s, p%g: %d of %d pass, median %g s", name, 100 * quantile, passed, RUNS, median(at for at, _ in found))
    assert failed == 0
    assert passed == RUNS
