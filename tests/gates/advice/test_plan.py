"""Plans: what each stage detects at a given traffic, and how long it takes when all is well."""

from __future__ import annotations

from math import inf

import pytest

from gates.advice.plan import BLIND_ABOVE, EFFECTS, CheckPlan, StagePlan, p95, plan
from tests.gates.good_policy import changed

POLICY = changed({})


def test_each_stage_has_its_comparisons() -> None:
    """In the order of the policy; at full traffic no baseline is left, and no stage is blind."""
    tenth, full = plan(POLICY, 1_000.0, 0.01)
    assert [(stage.name, stage.bake_s, stage.compared) for stage in (tenth, full)] == [
        ("tenth", 600.0, True),
        ("full", 600.0, False),
    ]
    assert {check.name for check in tenth.checks} == {"errors", "p95"}
    assert all(check.detect.keys() == set(EFFECTS) for check in tenth.checks)
    assert (tenth.blind, full.blind) == ((), ())


def test_more_traffic_never_detects_later() -> None:
    """And a larger effect is never detected later than a smaller one."""
    slow, fast = (plan(POLICY, rps, 0.01)[0] for rps in (100.0, 1_000.0))
    for less, more in zip(slow.checks, fast.checks, strict=True):
        assert all(more.detect[effect] <= less.detect[effect] for effect in EFFECTS)
        assert list(more.detect.values()) == sorted(more.detect.values(), reverse=True)


def test_the_smaller_cohort_needs_longest_for_its_requests() -> None:
    """200 requests at a tenth of 10 a second; at full traffic the candidate has them all."""
    tenth, full = plan(POLICY, 10.0, 0.01)
    assert tenth.enough_requests == pytest.approx(200.0)
    assert full.enough_requests == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("weight", "smallest", "blind"),
    [(0.1, 2.0, ()), (0.1, BLIND_ABOVE + 1.0, ("e",)), (0.1, None, ("e",)), (1.0, None, ())],
)
def test_a_stage_is_blind_to_what_it_cannot_detect(weight: float, smallest: float | None, blind: tuple[str]) -> None:
    """Where not even ten times the baseline's figure shows within the bake."""
    assert StagePlan("s", weight, 60.0, 1.0, (CheckPlan("e", {}, smallest, 5.0),)).blind == blind


@pytest.mark.parametrize(("enough", "advance", "expected"), [(1.0, 5.0, 60.0), (90.0, 5.0, 90.0), (1.0, inf, inf)])
def test_a_stage_lasts_as_long_as_its_slowest_condition(enough: float, advance: float, expected: float) -> None:
    """The bake, the requests, or a comparison."""
    assert StagePlan("s", 0.1, 60.0, enough, (CheckPlan("e", {}, 2.0, advance),)).advance == expected


@pytest.mark.parametrize(("rps", "base"), [(0.0, 0.01), (-1.0, 0.01), (float("nan"), 0.01), (1.0, 0.0), (1.0, 1.0)])
def test_a_plan_needs_traffic_and_an_error_share(rps: float, base: float) -> None:
    """Nothing can be planned for none."""
    with pytest.raises(ValueError, match="above 0"):
        plan(POLICY, rps, base)


def test_the_95th_percentile_is_a_multiple_of_the_median() -> None:
    """Of the waiting time of one crossing."""
    assert p95(10.0) == pytest.approx(23.0, rel=0.05)
