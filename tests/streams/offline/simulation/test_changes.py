"""What a change does to a cohort, and when."""

import pytest

from streams.offline.simulation.changes import DOWN, NO_EFFECT, Change, CohortTraffic, Effect
from streams.offline.simulation.latencies import LatencyProfile

USUAL = CohortTraffic(0.02, LatencyProfile())


def test_no_effect() -> None:
    """It leaves a cohort as it is."""
    assert NO_EFFECT.applied_to(USUAL) == USUAL
    assert not NO_EFFECT.worsens(USUAL)


def test_error_rates_are_multiplied_or_set() -> None:
    """And never more than 1."""
    assert Effect(error_ratio=3).applied_to(USUAL).error_rate == pytest.approx(0.06)
    assert Effect(error_rate=0.5, error_ratio=3).applied_to(USUAL).error_rate == 0.5
    assert Effect(error_ratio=900).applied_to(USUAL).error_rate == 1.0
    assert DOWN.applied_to(USUAL).error_rate == 1.0


def test_latencies_are_multiplied() -> None:
    """Effects after each other multiply."""
    slow = Effect(latency_factor=2)
    twice = slow.applied_to(slow.applied_to(USUAL))
    assert twice.latency.factor == pytest.approx(4 * USUAL.latency.factor)
    assert Effect(tail_factor=1_000).applied_to(USUAL).latency.tail <= 1.0


@pytest.mark.parametrize(
    ("effect", "worse"),
    [
        (Effect(error_ratio=1.1), True),
        (Effect(error_ratio=0.5, latency_factor=1.1), True),
        (Effect(latency_factor=0.5), False),
        (Effect(error_rate=0.01), False),
    ],
)
def test_what_worsens_a_cohort(effect: Effect, worse: bool) -> None:
    """More errors or longer latencies do, even if the other is better."""
    assert effect.worsens(USUAL) is worse


def test_a_change_is_active_from_its_start_until_before_its_end() -> None:
    """Without an end it stays."""
    change = Change.model_validate({"at": "5s", "until": "7s"})
    assert [change.is_active(ms) for ms in (4_999, 5_000, 6_999, 7_000)] == [False, True, True, False]
    assert Change.model_validate({"at": "5s"}).is_active(10**9)
    with pytest.raises(ValueError, match="must end after it begins"):
        Change.model_validate({"at": "5s", "until": "5s"})
