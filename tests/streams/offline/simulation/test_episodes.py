"""Storms, stalls and drifts of instances."""

import numpy as np
import pytest

from streams.offline.simulation.episodes import covered, stalled_shares, storm_rates, wander_factors
from streams.offline.simulation.together import Stall, Storm, Wander

SIZE = (200, 1_800, 1_000)
"""Instances, panes, and their length."""


def test_coverage_is_the_overlap_with_each_pane() -> None:
    """Whole panes, parts of panes, from before the first and to after the last, and never more than all."""
    assert covered([500.0], 2_000, 4, 1_000).tolist() == [0.5, 1.0, 0.5, 0.0]
    assert covered([-500.0, 3_700.0], 1_000, 4, 1_000).tolist() == [0.5, 0.0, 0.0, pytest.approx(0.3)]
    assert covered([0.0, 100.0], 1_000, 2, 1_000).tolist() == [1.0, pytest.approx(0.1)]


def test_storms_take_their_part_of_the_time() -> None:
    """12 of 5 s an hour are a sixtieth of it; half of the requests fail in them, and each instance has its own."""
    rates = storm_rates([Storm.model_validate({"per_hour": 12, "length": "5s"})], *SIZE, np.random.default_rng(1))
    assert rates.mean() == pytest.approx(0.5 / 60, rel=0.15)
    assert rates.max() == pytest.approx(0.5)
    assert (rates[:, 0] != rates[:, 1]).any()


def test_stalls_come_once_in_each_period() -> None:
    """A second a minute on every instance, at a second of its own."""
    stall = Stall.model_validate({"every": "1m", "length": "1s", "share": "25%"})
    shares = stalled_shares(stall, *SIZE, np.random.default_rng(1))
    assert shares.sum(axis=0) == pytest.approx(np.full(200, 0.25 * 30), abs=0.26)
    assert len(set(shares.argmax(axis=0).tolist())) > 20


def test_drifts_have_their_deviation_and_their_time() -> None:
    """The logarithms are as wide as written, 37% alike after `time`, and the mean factor is 1."""
    wander = Wander.model_validate({"errors": "30%", "time": "60s"})
    factors = wander_factors(wander.errors, wander, *SIZE, np.random.default_rng(1))
    logs = np.log(factors) + 0.3**2 / 2
    assert factors.mean() == pytest.approx(1.0, abs=0.02)
    assert logs.std() == pytest.approx(0.3, rel=0.1)
    assert logs[0].std() == pytest.approx(0.3, rel=0.2)
    assert np.corrcoef(logs[:-60].ravel(), logs[60:].ravel())[0, 1] == pytest.approx(0.37, abs=0.06)
    assert (wander_factors(0.0, wander, *SIZE, np.random.default_rng(1)) == 1.0).all()
