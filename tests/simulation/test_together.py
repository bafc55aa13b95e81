"""The whole gate where errors come together: the rows of docs/judges.md, with fewer runs and other seeds.

A count of false rollbacks or advances is refused where the true rate is above the bound with 99.9 % confidence. The
bounds are those of the simulated rule; 1 % where sessions and storms are short, more where instances differ for longer.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from benchmarks.evidence.cases import Case, all_cases
from gates.decisions import Action
from streams.offline.simulation.engine import simulate
from streams.offline.simulation.run import SimulatedRun
from tests.simulation.rollouts import LOG, false_rollbacks, median_delay_s, more_than, note

pytestmark = pytest.mark.slow

CASES = {f"{case.table}: {case.name}": case for case in all_cases()}
RUNS = 40
SEED = 61
PANE_S = 1.0


def found(name: str, number: int = RUNS, **other: Any) -> tuple[SimulatedRun, ...]:
    """Runs of this row."""
    case: Case = CASES[name]
    return simulate(case.policy, case.traffic, number, seed=SEED, **other)


def advanced_at_s(runs: tuple[SimulatedRun, ...]) -> list[float]:
    """The seconds at which runs advanced."""
    return [taken.at_ms / 1_000 for run in runs for taken in run.actions if taken.action is Action.PROMOTE]


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("errors: sessions of 5 in a second, users known", 0.01),
        ("errors: sessions of 50 in a second", 0.01),
        ("errors: sessions over 15 s", 0.1),
        ("errors: 12 storms of 5 s an hour", 0.02),
        ("instances: p95, a pause of 1 s a minute", 0.01),
        ("clients: 12 an hour for 2 min, 5/s each", 0.02),
    ],
)
def test_healthy_candidates_are_rarely_rolled_back(name: str, bound: float) -> None:
    """Errors of sessions, storms, pauses and clients, of which the candidate has no more than the baseline."""
    wrong = false_rollbacks(found(name))
    note(name, wrong, RUNS)
    assert not more_than(bound, wrong, RUNS)


def test_the_rules_of_before_are_wrong_about_the_same_traffic() -> None:
    """So the suites above would see a bad rule."""
    name = "instances: p95, a pause of 1 s a minute"
    wrong = false_rollbacks(found(name, 20, rules=2))
    note(f"{name}, rules 2", wrong, 20)
    assert more_than(0.05, wrong, 20)


@pytest.mark.parametrize("errors", ["independent errors", "sessions over 15 s"])
def test_a_candidate_on_the_boundary_rarely_advances(errors: str) -> None:
    """After a bake of one minute: at most 5 %."""
    number = 100
    wrong = len(advanced_at_s(found(f"boundary: bake 1 min, {errors}", number)))
    note(f"boundary, {errors}", wrong, number)
    assert not more_than(0.05, wrong, number)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("late: bake 1 min, 3 times from 50 s on", 0.01),
        ("late: bake 5 min, 3 times from 250 s on", 0.02),
        ("late: bake 5 min, 5 times from 250 s on", 0.01),
    ],
)
def test_a_candidate_that_turns_bad_in_the_last_sixth_does_not_advance(name: str, bound: float) -> None:
    """The bake was good until then."""
    wrong = len(advanced_at_s(found(name)))
    note(name, wrong, RUNS)
    assert not more_than(bound, wrong, RUNS)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("passing: 0.1% errors, 5%", 254), ("passing: 0.5% errors, 5%", 180), ("passing: 1% errors, 50%", 68)],
)
def test_a_healthy_candidate_advances_in_time(name: str, seconds: float) -> None:
    """All of them, and half of them within the designed time and a quarter more."""
    times = advanced_at_s(found(name))
    LOG.info("%s: %g s, designed %g s", name, median(times), seconds)
    assert len(times) == RUNS
    assert median(times) <= 1.25 * seconds


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("delays: 2 times 1%", 84),
        ("delays: 5 times 1%", 18),
        ("delays: 20 times 1%", 12),
        ("delays: 100 times 1%", 2),
        ("delays: p95, 1.5 times as slow", 20),
        ("thin: 5/s, 10%, all fail", 16),
    ],
)
def test_bad_candidates_are_rolled_back_in_time(name: str, seconds: float) -> None:
    """The median delay is at most the designed one and a quarter more, or one pane."""
    delay = median_delay_s(found(name, 60))
    LOG.info("%s: %g s, designed %g s", name, delay, seconds)
    assert delay <= max(1.25 * seconds, seconds + PANE_S)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("thin: 1/s in turns, all fail", 90), ("thin: 0.5/s at random, half each, all fail", 200)],
)
def test_thin_traffic_is_judged(name: str, seconds: float) -> None:
    """Every rollout whose candidate fails everything, within this time."""
    runs = found(name)
    assert all(run.delay_ms is not None and run.delay_ms <= 1_000 * seconds for run in runs)
