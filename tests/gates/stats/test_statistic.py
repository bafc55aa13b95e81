"""The suite that each statistic with the shared interface passes. A new one adds a line to `STATISTICS`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gates.stats.error_share import ErrorShare, PaneCounts
from gates.stats.exceedance import Exceedance, SlowCounts
from gates.stats.halves_dispersion import HalfCounts, HalvesDispersion
from gates.stats.mixture import Mixture
from gates.stats.sample_ratio import SampleRatio
from gates.stats.statistic import Statistic

STATISTICS: dict[str, tuple[Callable[[], Statistic[Any, Any, Any]], list[Any]]] = {
    "error_share": (lambda: ErrorShare.regression(1.25, 3), [PaneCounts(3, 5, 100, 900), PaneCounts(0, 0, 0, 7)] * 20),
    "exceedance": (lambda: Exceedance.advance(0.95), [SlowCounts(2, 50, 50, 950), SlowCounts(0, 0, 0, 0)] * 20),
    "halves_dispersion": (HalvesDispersion, [HalfCounts(8, 2, 500, 500), HalfCounts(0, 0, 9, 9)] * 20),
    "mixture": (lambda: Mixture((0.5, 0.5), 2), [(0.1, -0.3), None, (0.2, 0.7)] * 20),
    "sample_ratio": (lambda: SampleRatio((9, 1)), [[9, 2], [0, 0], [70, 8]] * 20),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_to_read_it_changes_nothing(name: str) -> None:
    """A statistic that is read after each observation ends with the bits of one that is read once."""
    make, observations = STATISTICS[name]
    often, once = make(), make()
    for observation in observations:
        often.get()
        often.update(observation)
        once.update(observation)
    assert often.get() == once.get()
    assert often.dump() == once.dump()


@pytest.mark.parametrize("name", STATISTICS)
def test_it_continues_from_a_snapshot(name: str) -> None:
    """Through JSON after each observation, before the first one too: the same bits in the end."""
    make, observations = STATISTICS[name]
    straight, restarted = make(), make()
    for observation in observations:
        fresh = make()
        fresh.load(json.loads(json.dumps(restarted.dump(), allow_nan=False)))
        assert fresh.get() == restarted.get()
        restarted = fresh
        for each in (straight, restarted):
            each.update(observation)
    assert restarted.dump() == straight.dump()
    assert restarted.get() == straight.get()
