"""Gaps and runs of thin traffic, against what is drawn."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from gates.stats.sparse_traffic import gaps_per_second, share_in_short_gaps, trials_until_run, wait_for_quiet


def test_gaps_are_those_of_a_poisson_process() -> None:
    """How many are long, and how much of the time the short ones have."""
    gaps = np.random.default_rng(1).exponential(10.0, 200_000)
    assert gaps_per_second(0.1, 30.0) == pytest.approx((gaps > 30.0).sum() / gaps.sum(), rel=0.05)
    assert share_in_short_gaps(0.1, 30.0) == pytest.approx(gaps[gaps <= 30.0].sum() / gaps.sum(), rel=0.01)


def test_quiet_is_waited_for() -> None:
    """Until no disturbance has come for so long; forever, where they come too often."""
    rng, waits = np.random.default_rng(2), []
    for _ in range(3_000):
        passed = 0.0
        while (gap := rng.exponential(50.0)) < 100.0:
            passed += gap
        waits.append(passed + 100.0)
    assert wait_for_quiet(0.02, 100.0) == pytest.approx(float(np.mean(waits)), rel=0.05)
    assert wait_for_quiet(1.0, 1_000.0) == inf


@pytest.mark.parametrize(
    ("chance", "length", "expected"), [(1.0, 3, 3.0), (0.5, 1, 2.0), (0.9, 5, 6.935), (0.0, 1, inf)]
)
def test_runs_are_waited_for(chance: float, length: int, expected: float) -> None:
    """As in the theory of runs (Feller, volume 1, XIII.7)."""
    assert trials_until_run(chance, length) == pytest.approx(expected, rel=1e-3)


def test_without_a_disturbance_quiet_takes_its_own_time() -> None:
    """And no longer."""
    assert wait_for_quiet(0.0, 30.0) == 30.0
