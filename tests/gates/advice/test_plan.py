"""Plans: what each stage catches at a given traffic, and how long it takes when all is well."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from gates.advice.catching import ALL_BAD, Catch, Smallest
from gates.advice.detectability import EFFECTS
from gates.advice.passing import StageWait
from gates.advice.plan import BLIND_ABOVE, CheckPlan, StagePlan, plan
from tests.gates.good_policy import Document, changed

POLICY = changed({})
WAIT = StageWait(0.0, 60.0, 0.0, 1.0, 5.0, 0.0, 0.0, 0.0, 1.0, 50.0)
STOPS = Catch(ALL_BAD, 2.0, 3.0, "limit")


def stage(*checks: CheckPlan, wait: StageWait = WAIT) -> StagePlan:
    """A stage of a minute."""
    return StagePlan("s", 0.1, 60.0, 0.01, wait, checks)


def test_each_stage_has_its_checks() -> None:
    """In the order of the policy; at full traffic their limits are left."""
    tenth, full = plan(POLICY, 1_000.0, 0.01)
    assert [(each.name, each.bake_s, each.compared) for each in (tenth, full)] == [
        ("tenth", 600.0, True),
        ("full", 600.0, False),
    ]
    assert [check.name for check in tenth.checks] == [check.name for check in full.checks] == ["errors", "p95"]
    assert [check.compared for check in full.checks] == [False, False]
    assert all(check.detect.keys() == set(EFFECTS) for check in tenth.checks)
    assert (tenth.blind, full.blind, tenth.broken, full.broken) == ((), (), (), ())


def test_more_traffic_never_detects_later() -> None:
    """And a larger effect is never detected later than a smaller one."""
    slow, fast = (plan(POLICY, rps, 0.01)[0] for rps in (100.0, 1_000.0))
    for less, more in zip(slow.checks, fast.checks, strict=True):
        assert all(more.detect[effect] <= less.detect[effect] for effect in EFFECTS)
        assert list(more.detect.values()) == sorted(more.detect.values(), reverse=True)


def test_a_limit_below_the_baselines_rate_stops_every_healthy_candidate() -> None:
    """Whether its window has events enough to fail, or only never passes."""
    policy = changed({"checks.errors.limit": "0.1%"})
    for rps in (1_000.0, 20.0):
        tenth, full = plan(policy, rps, 0.02)
        assert [check.name for check in tenth.broken] == ["errors"]
        assert (tenth.advance, full.advance) == (inf, inf)
    (broken,) = plan(policy, 1_000.0, 0.02)[0].broken
    assert broken.health.below_base
    assert broken.health.chance == pytest.approx(1.0)
    assert broken.health.after == pytest.approx(10.0, abs=1.0)
    assert (
        plan(changed({"checks.errors.severity": "advisory", "checks.errors.limit": "0.1%"}), 20.0, 0.02)[0].broken == ()
    )


def test_a_budget_adds_up_over_the_stages() -> None:
    """The last stage spends what the first has left."""
    policy = changed({"budget": {"slo": "99%", "spend": "0.012%"}})
    tenth, full = (each.checks[-1] for each in plan(policy, 1_000.0, 0.005))
    assert (tenth.name, tenth.health.chance, full.health.chance) == ("budget", 0.0, 1.0)
    alone = changed(
        {"budget": {"slo": "99%", "spend": "0.012%"}, "stages": [{"name": "f", "weight": "100%", "bake": "1h"}]}
    )
    assert full.health.after < plan(alone, 1_000.0, 0.005)[0].checks[-1].health.after
    endless = changed({"budget": {"slo": "99%", "spend": "1%"}, "checks.errors.limit": "0.1%"})
    assert plan(endless, 1_000.0, 0.005)[1].checks[-1].health.chance == 0.0


@pytest.mark.parametrize(
    ("check", "blind"),
    [
        (CheckPlan("e", (), Smallest(2.0, "comparison"), 5.0), ()),
        (CheckPlan("e", (), Smallest(BLIND_ABOVE + 1.0, "comparison"), 5.0), ("e",)),
        (CheckPlan("e", (), None, 5.0), ("e",)),
        (CheckPlan("e", (), None, 5.0, proof=None), ()),
        (CheckPlan("e", (), None, 5.0, required=False), ()),
        (CheckPlan("e", (), None, 5.0, foreseeable=False), ()),
        (CheckPlan("e", (STOPS,), Smallest(50.0, "limit"), 5.0), ()),
        (CheckPlan("e", (replace(STOPS, median=61.0),), Smallest(50.0, "limit"), 5.0), ("e",)),
        (CheckPlan("e", (replace(STOPS, by="comparison"),), Smallest(50.0, "comparison"), 5.0), ()),
    ],
)
def test_a_stage_is_blind_to_what_it_cannot_detect(check: CheckPlan, blind: tuple[str]) -> None:
    """Where not even ten times the baseline's figure shows within the bake, and what is worse is not caught either."""
    assert stage(check).blind == blind


def test_a_limit_on_errors_stands_in_for_comparisons_of_errors() -> None:
    """And for none of latency."""
    blind = CheckPlan("e", (), None, 5.0)
    limit = CheckPlan("limit", (STOPS,), None, 0.0, proof=None)
    assert stage(blind, limit).blind == ()
    assert stage(replace(blind, counts_errors=False), limit).blind == ("e",)
    assert stage(blind, replace(limit, counts_errors=False)).blind == ("e",)


def test_no_errors_in_the_baseline_do_not_make_all_failures_invisible() -> None:
    """A limit that catches 20 of 20 failures in seconds: not blind, though a tenfold of almost nothing is not seen."""
    (tenth, _) = plan(changed({"stages.0.bake": "50s"}), 100.0, 0.001)
    errors = tenth.checks[0]
    assert tenth.blind == ()
    assert errors.smallest is not None
    assert errors.smallest.times > BLIND_ABOVE
    assert errors.catches[-1] == Catch(ALL_BAD, 2.0, 3.0, "limit")


@pytest.mark.parametrize(("requests", "checks", "expected"), [(1.0, 5.0, 60.0), (90.0, 5.0, 90.0), (1.0, inf, inf)])
def test_a_stage_lasts_as_long_as_its_slowest_condition(requests: float, checks: float, expected: float) -> None:
    """The bake, the requests, or a comparison."""
    assert stage(wait=replace(WAIT, requests=requests, checks=checks)).advance == expected


@pytest.mark.parametrize(
    "changes", [{"checks.errors.severity": "advisory"}, {"checks.errors.traffic": "synthetic"}], ids=str
)
def test_what_is_not_foreseeable_or_required_delays_nothing(changes: Document) -> None:
    """At 20 requests a second errors take longer than the bake."""
    assert plan(POLICY, 20.0, 0.001)[0].advance > 640.0
    assert plan(changed(changes), 20.0, 0.001)[0].advance == pytest.approx(630.0, abs=1.0)


@pytest.mark.parametrize(("rps", "base"), [(0.0, 0.01), (-1.0, 0.01), (float("nan"), 0.01), (1.0, 0.0), (1.0, 1.0)])
def test_a_plan_needs_traffic_and_an_error_share(rps: float, base: float) -> None:
    """Nothing can be planned for none."""
    with pytest.raises(ValueError, match="above 0"):
        plan(POLICY, rps, base)
