"""The comparison of recorded and counterfactual decisions."""

from __future__ import annotations

import pytest

from tests.streams.offline.backtest.journals import changed, compared, limited, recorded


@pytest.mark.parametrize(
    ("bad", "summary"),
    [
        (0.25, "would have been rolled back at stage half, and was promoted at stage half"),
        (0.5, "also rolled back, 1s earlier"),
    ],
)
def test_a_stricter_policy_catches_more_and_sooner(bad: float, summary: str) -> None:
    """The first difference is the rollback that was not; the sentence states what it would have changed."""
    (found,) = compared(recorded(bad=bad, policy=limited("20%")), limited("5%"))
    assert found.pairs[0].same
    assert found.divergence is not None
    first = found.pairs[found.divergence]
    assert (first.recorded, first.instead and first.instead.action) == (None, "rollback")
    assert found.summary == summary


def test_a_laxer_policy_does_not_roll_back() -> None:
    """It stays where it was by the time of the recorded end; what came later is known to come after that."""
    slow = changed(limited("90%"), stages=[{"name": "canary", "weight": "20%", "bake": "1h"}])
    (found,) = compared(recorded(bad=0.25), slow)
    assert found.ended_at is not None
    assert found.summary == "would not have been rolled back: it would still have been baking at stage canary then"
