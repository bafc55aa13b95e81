"""How long a healthy candidate takes to pass a stage, and what it waits for."""

from __future__ import annotations

from math import inf

import pytest

from gates.advice.catching import StageTraffic
from gates.advice.detectability import detectability
from gates.advice.passing import StageWait, check_passes, or_never, stage_wait
from gates.stats.power import Traffic
from tests.gates.good_policy import Document, changed

DAY = 86_400.0


def waited(rps: float, changes: Document | None = None, *, checks: float = 0.0, stage: int = 0) -> StageWait:
    """The wait in a stage of the good policy, which bakes for ten minutes."""
    policy = changed(changes or {})
    known = policy.stages[stage]
    return stage_wait(policy, known, StageTraffic(rps, known.weight, 0.0, 0.01, policy.pane_ms / 1000.0), checks)


def passes(name: str, rps: float, base: float, changes: Document | None = None, *, stage: int = 0) -> float:
    """The time until a check of the good policy passes."""
    policy = changed(changes or {})
    definition, weight = policy.checks[name], policy.stages[stage].weight
    found = detectability(policy, name, definition, Traffic(rps, weight), base)
    return check_passes(policy, definition, found, StageTraffic(rps, weight, 0.0, base, 1.0))


def test_plenty_of_traffic_bakes_and_passes() -> None:
    """Then a stage lasts for its warm-up and its bake, or for its slowest check."""
    wait = waited(1_000.0, {"stages.0.warmup": "30s", "stages.0.passes": 3})
    assert (wait.warmup, wait.held, wait.checks, wait.run) == (30.0, 0.0, 2.0, 0.0)
    assert wait.bake == pytest.approx(600.0)
    assert wait.seconds == pytest.approx(630.0)
    assert (wait.holds, wait.pauses, wait.confirm) == (0.0, 0.0, 50.0)
    assert waited(1_000.0, checks=900.0).seconds == pytest.approx(930.0)


def test_a_check_with_a_limit_alone_needs_the_candidate_only() -> None:
    """Otherwise 200 requests of the smaller cohort are needed, which may be the baseline."""
    most = {"stages.0.weight": "90%"}
    alone = most | {"checks.errors.ratio": None, "checks.p95.ratio": None}
    assert waited(10.0).requests == pytest.approx(200.0)
    assert waited(10.0, most).requests == pytest.approx(200.0)
    assert waited(10.0, alone).requests == pytest.approx(200.0 / 9.0)
    assert waited(10.0, stage=1).requests == pytest.approx(20.0)


def test_gaps_stretch_the_bake_and_hold() -> None:
    """At a request each ten seconds some gaps are longer than 30 s: they do not bake, and hold longer each time."""
    wait = waited(1.0)
    assert 600.0 < wait.bake < 900.0
    assert wait.holds == pytest.approx(0.1 * 2.718281828**-3 * wait.bake)
    assert wait.held > 30.0 + 60.0 + 120.0
    assert wait.pauses < 1e-6
    rare = waited(0.01)
    assert (rare.holds, rare.held, rare.pauses, rare.seconds) == (inf, inf, inf, inf)
    assert rare.bake > 6_000.0
    assert waited(0.01, {"no_data": {"hold_after": "30s", "pause_after": "100h"}}).pauses == 0.0


def test_a_stage_that_takes_weeks_more_than_its_bake_never_passes() -> None:
    """A bake of weeks is no delay."""
    assert or_never(40 * DAY, 35 * DAY) == 40 * DAY
    assert or_never(40 * DAY, 600.0) == or_never(inf, 600.0) == inf
    assert waited(1e-6).seconds == inf


def test_passes_in_a_row_need_a_request_in_each_pane() -> None:
    """Five panes in a row of half a request each."""
    wait = waited(5.0, {"stages.0.passes": 5})
    assert 100.0 < wait.run < 300.0
    assert waited(5.0).run < 2.0


def test_one_late_event_counts_until_there_are_a_hundred() -> None:
    """Of the smaller cohort; forever, where none may be late."""
    assert waited(10.0).late == pytest.approx(100.0)
    assert waited(10.0, {"min_completeness": "100%"}).late == inf


def test_comparisons_take_evidence() -> None:
    """A quantile also takes a threshold of ten slow requests of the baseline, in its last minute."""
    assert passes("errors", 1_000.0, 0.001) > passes("errors", 10_000.0, 0.001) > 0.0
    at_once = passes("p95", 1_000_000.0, 0.001)
    assert at_once < 0.1
    assert passes("p95", 10.0, 0.001) < inf
    assert passes("p95", 1.0, 0.001) == inf


def test_alone_a_candidate_passes_by_its_limit() -> None:
    """Where it is not worse than that; how slow it is is not known in advance."""
    assert 0.0 < passes("errors", 100.0, 0.001, stage=1) < 10.0
    assert passes("errors", 1_000.0, 0.06, stage=1) == inf
    assert passes("p95", 100.0, 0.001, stage=1) < 1e-6


def test_a_window_that_is_often_beyond_its_limit_delays() -> None:
    """With 3 requests in it a single error is: too few to fail, and no PASS."""
    only = {"checks.errors.ratio": None}
    often = passes("errors", 1.0, 0.02, only)
    assert 1.0 < often < 30.0
    assert passes("errors", 1_000.0, 0.02, only) < 0.1
    assert passes("errors", 10_000.0, 0.06, only) == inf
    assert passes("pods", 1.0, 0.02, {"checks.pods": {"sli": "coverage", "expected": 3}}) == 0.0
