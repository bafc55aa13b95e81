"""Evidence from shares: that it is an e-process for fractions too, divided or not, and alone at full traffic."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from math import exp, prod

import numpy as np
import pytest

from gates.comparison.dispersion import Dispersion
from gates.comparison.rates import RateComparison
from gates.comparison.single_events import SingleEvents
from gates.evidence_view import PaneUse
from gates.panes import NOTHING, Cell, Pane
from gates.policy import Cohorts
from gates.slis.error_rate import ErrorRateFigure
from gates.slis.metric import MetricCheck, MetricMean
from gates.stats import single_arm
from gates.stats.error_share import ADVANCE_EFFECTS, REGRESSION_EFFECTS, ErrorShare, log_factor
from gates.stats.pane_counts import PaneCounts
from tests.gates.pane_builders import BASELINE, CANDIDATE, cell, pane, policy

COHORTS = Cohorts(baseline=BASELINE, candidate=CANDIDATE)
TINY = 1e-9
ALONE = PaneUse(compared=False)


def real(given: Pane, cohort: str) -> Cell:
    """Users' requests."""
    return given.cells.get(cohort, NOTHING)


def evidence(objective: float | None = 0.1, dispersion: float = 1.0, ratio: float = 1.25) -> RateComparison:
    """A comparison of error rates."""
    definition = policy({"e": {"sli": "error_rate", "ratio": ratio, "limit": "10%"}}).checks["e"]
    figure = ErrorRateFigure(definition)  # type: ignore[arg-type]
    worse, new_good = ErrorShare.regression(ratio, 4), partial(ErrorShare.advance, ratio)
    evidence = SingleEvents(worse, new_good, Dispersion((), dispersion))
    return RateComparison(COHORTS, figure, real, objective, evidence)


# (value, chance): distributions on [0, 1], of the same three shapes for both cohorts
Distribution = tuple[tuple[float, float], ...]
SHAPES: dict[str, Callable[[float], Distribution]] = {
    "coin": lambda mean: ((0.0, 1.0 - mean), (1.0, mean)),
    "constant": lambda mean: ((mean, 1.0),),
    "three": lambda mean: ((0.0, 1.0 - 1.5 * mean), (0.5, mean), (1.0, 0.5 * mean)),
}


def expectation(
    shapes: tuple[str, str],
    means: tuple[float, float],
    sizes: tuple[int, int],
    ratio: float,
    effect: float,
    margin: float,
) -> float:
    """The exact expectation of the e-factor of one pane, over every outcome of every request."""
    candidate = itertools.product(SHAPES[shapes[0]](means[0]), repeat=sizes[0])
    total = 0.0
    for drawn in candidate:
        for base in itertools.product(SHAPES[shapes[1]](means[1]), repeat=sizes[1]):
            counts = PaneCounts(sum(v for v, _ in drawn), sum(v for v, _ in base), *sizes)
            chance = prod(p for _, p in drawn) * prod(p for _, p in base)
            total += chance * exp(log_factor(counts, effect * ratio, ratio, margin))
    return total


@pytest.mark.parametrize("shapes", list(itertools.product(SHAPES, repeat=2)), ids="-".join)
@pytest.mark.parametrize("base", [0.01, 0.2, 0.45])
def test_a_bounded_mean_on_the_boundary_is_a_fair_bet(shapes: tuple[str, str], base: float) -> None:
    """Coins, constants and three-point values in [0, 1], exactly at `ratio` times: E[L] <= 1, for each effect."""
    for effect in (*REGRESSION_EFFECTS[::6], REGRESSION_EFFECTS[-1]):
        for sizes in ((1, 1), (2, 1), (1, 3)):
            assert expectation(shapes, (1.25 * base, base), sizes, 1.25, effect, 0.0) <= 1.0 + TINY
    for effect in (*ADVANCE_EFFECTS[::6], ADVANCE_EFFECTS[-1]):
        for sizes in ((1, 1), (2, 1), (1, 3)):
            assert expectation(shapes, (1.25 * base + 0.005, base), sizes, 1.25, effect, 0.005) <= 1.0 + TINY


def test_the_bet_can_be_won() -> None:
    """A candidate that is worse makes the expectation exceed 1: the property above is not empty."""
    assert expectation(("three", "three"), (0.5, 0.1), (2, 2), 1.25, 3.0, 0.0) > 1.05


@pytest.mark.parametrize("mean", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("shape", SHAPES)
def test_alone_a_bounded_mean_at_the_objective_is_a_fair_bet(shape: str, mean: float) -> None:
    """The single arm, for values in [0, 1] whose mean is the objective: E[L] <= 1 in both directions."""
    for effect in (*REGRESSION_EFFECTS, *ADVANCE_EFFECTS):
        found = sum(
            prod(p for _, p in drawn) * exp(single_arm.log_factor(sum(v for v, _ in drawn), 3, effect, mean))
            for drawn in itertools.product(SHAPES[shape](mean), repeat=3)
        )
        assert found <= 1.0 + TINY


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_the_tally_of_a_metric_lies_between_none_and_all(better: str) -> None:
    """Values below 0 and beyond the ceiling are cut off, whichever way is good; each weighs from 0 to 1."""
    fields = {"sli": "metric", "metric": "m", "ratio": 1.2, "limit": 5, "ceiling": 10, "better": better}
    figure = MetricMean(MetricCheck.model_validate(fields))
    for values, share in (([-3.0, 0.0], 0.0), ([10.0, 1e9], 1.0), ([0.0, 10.0], 0.5)):
        bad, all_of = figure.tally(cell(2, metrics={"m": values}))
        assert all_of == 2
        assert bad / 2 == pytest.approx(share if better == "lower" else 1.0 - share, abs=0.01)


def test_dispersion_takes_the_root() -> None:
    """With phi the evidence of every pane is its phi-th root; the product over panes is so for each effect."""
    plain, divided = evidence(), evidence(dispersion=4.0)
    given = pane(0, cell(100, 30), cell(900, 40))
    for each in (plain, divided):
        each.observe(given, PaneUse())
    logs = [np.array(each.dump()["worse"][1]) for each in (plain, divided)]
    start = logs[0] - [log_factor(PaneCounts(30, 40, 100, 900), 1.25 * effect, 1.25) for effect in REGRESSION_EFFECTS]
    assert (logs[1] - start) * 4.0 == pytest.approx(logs[0] - start, abs=1e-9)
    assert 1.0 < divided.worse < plain.worse


def test_a_warm_up_is_no_evidence() -> None:
    """What comes while caches are cold moves the clock of the prior, and nothing else."""
    known = evidence()
    for second in range(20):
        known.observe(pane(second, cell(100, 90), cell(900, 0)), PaneUse(eligible=False, warming=True))
    assert known.worse == pytest.approx(1.0)
    assert known.found().good == 1.0
    known.observe(pane(20, cell(100, 90), cell(900, 0)), PaneUse())
    assert known.worse > 100.0


def test_at_full_traffic_the_same_process_goes_on() -> None:
    """What was gathered beside a baseline is kept at 100 %, and grows or shrinks there by the limit."""
    known = evidence(objective=0.1)
    known.observe(pane(0, cell(100, 12), cell(900, 50)), PaneUse())
    before = known.worse
    known.enter_stage()
    assert known.worse == before
    known.observe(pane(1, cell(1_000, 300), None), ALONE)
    assert known.worse > 100.0 * before
    assert known.found().good < 1.0
    good = evidence(objective=0.1)
    for second in range(20):
        good.observe(pane(second, cell(100, 2), None), ALONE)
    assert good.found().good > 20.0
    assert good.worse < 1.0


def test_at_full_traffic_without_an_objective_there_is_no_evidence() -> None:
    """No limit, no baseline: no evidence, whatever comes; nor is there from a pane without requests."""
    known = evidence(objective=None)
    known.observe(pane(0, cell(100, 100), None), ALONE)
    assert known.worse == pytest.approx(1.0)
    assert known.found().good == 1.0
    idle = evidence()
    idle.observe(pane(0, None, None), ALONE)
    assert idle.worse == pytest.approx(1.0)
    assert idle.found().good == 1.0


def test_one_error_probability_for_the_whole_rollout() -> None:
    """Healthy beside the baseline and then alone at the limit: over many rollouts the threshold is reached rarely."""
    rng, reached, runs = np.random.default_rng(11), 0, 200
    for _ in range(runs):
        known = evidence(objective=0.1)
        highest = 0.0
        for second in range(120):
            if second < 60:
                given = pane(second, cell(20, int(rng.binomial(20, 0.1))), cell(80, int(rng.binomial(80, 0.08))))
                known.observe(given, PaneUse())
            else:
                known.observe(pane(second, cell(100, int(rng.binomial(100, 0.1))), None), ALONE)
            highest = max(highest, known.worse)
        reached += highest >= 20.0
    assert reached <= 0.05 * runs


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, at any pane: the same figures ever after."""
    rng = np.random.default_rng(2)
    known = evidence(dispersion=1.7)
    for second in range(40):
        other = evidence(dispersion=1.7)
        other.load(json.loads(json.dumps(known.dump())))
        given = pane(second, cell(50, int(rng.integers(0, 5))), cell(50, int(rng.integers(0, 5))))
        for each in (known, other):
            each.observe(given, PaneUse() if second < 30 else ALONE)
        assert other.dump() == known.dump()
        assert other.interval() == known.interval()
