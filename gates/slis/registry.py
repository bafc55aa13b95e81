"""One question a file: (definition, panes) -> verdict."""

from collections.abc import Callable, Mapping

from gates.comparison.compared import Compared, Figure
from gates.comparison.dispersion import Dispersion
from gates.comparison.distributions import Latencies, MetricValues, Scale
from gates.comparison.evidence import ComparisonEvidence
from gates.comparison.joint_test import JointResult, JointTest
from gates.comparison.quantiles import TRAILING_MS, QuantileComparison
from gates.comparison.rates import Allowance, CountedFigure, RateComparison
from gates.panes import NOTHING, Cell, Pane
from gates.policy import (
    BurnRateCheck,
    ComparedCheck,
    CoverageCheck,
    ErrorRateCheck,
    LatencyCheck,
    MetricCheck,
    Policy,
    SuccessRateCheck,
    ThroughputShareCheck,
)
from gates.slis.budget import BudgetCap
from gates.slis.burn_rate import BurnRate
from gates.slis.check import Arm, Check, Seen, Thresholds, View
from gates.slis.coverage import Coverage
from gates.slis.latency import Latency
from gates.slis.metric import MetricMean, MetricQuantile
from gates.slis.rates import ErrorRate, SuccessRate
from gates.slis.traffic_share import ThroughputShare
from gates.windows import CohortWindow

__all__ = [
    "TRAILING_MS",
    "Arm",
    "Check",
    "JointResult",
    "JointTest",
    "Seen",
    "Thresholds",
    "View",
    "checks_for",
    "sample_of",
]

BUDGET = "budget"


def sample_of(word: str) -> Callable[[Pane, str], Cell]:
    """How to pick a cohort's cell out of a pane: of users' requests, of synthetic ones, or of both."""
    if word == "synthetic":
        return lambda pane, cohort: pane.synthetic.get(cohort, NOTHING)
    if word == "all":
        return lambda pane, cohort: pane.cell(cohort).merge(pane.synthetic.get(cohort, NOTHING))
    return lambda pane, cohort: pane.cell(cohort)


def checks_for(policy: Policy, start_blocks: int, trailing: Mapping[str, CohortWindow]) -> dict[str, Check]:
    """The checks that answer a policy's definitions, by name.

    `start_blocks` spreads the prior over late starts; `trailing` has, by sample of the traffic, the baseline's last
    `TRAILING_MS` as of the pane before.
    """
    joint_test = JointTest.of(policy)
    checks: dict[str, Check] = {}
    for name, definition in policy.checks.items():
        if isinstance(definition, BurnRateCheck):
            checks[name] = BurnRate(name, definition)
        elif isinstance(definition, CoverageCheck):
            checks[name] = Coverage(name, definition)
        elif isinstance(definition, ThroughputShareCheck):
            checks[name] = ThroughputShare(name, definition)
        else:
            figure, evidence = _compared(policy, definition, start_blocks, trailing)
            thresholds = joint_test.thresholds(name, policy.confidence.advance)
            checks[name] = Compared(name, definition, figure, evidence, thresholds)
    if policy.budget is not None:
        checks[BUDGET] = BudgetCap(BUDGET, policy.budget, policy.cohorts)
    return checks


def _compared(
    policy: Policy,
    definition: ErrorRateCheck | SuccessRateCheck | LatencyCheck | MetricCheck,
    blocks: int,
    trailing: Mapping[str, CohortWindow],
) -> tuple[Figure, ComparisonEvidence | None]:
    """What a check measures, and what it gathers if it compares."""
    if isinstance(definition, ErrorRateCheck):
        errors = ErrorRate(definition)
        return errors, _share(policy, definition, errors, definition.limit, definition.errors, blocks)
    if isinstance(definition, SuccessRateCheck):
        success = SuccessRate(definition)
        objective = None if definition.limit is None else 1.0 - definition.limit
        return success, _share(policy, definition, success, objective, (), blocks)
    if isinstance(definition, LatencyCheck):
        return Latency(definition), _exceeding(policy, definition, Latencies(definition), blocks, trailing)
    if definition.quantile is None:
        mean = MetricMean(definition)
        return mean, _share(policy, definition, mean, mean.objective, (), blocks)
    scale = MetricValues(definition)
    return MetricQuantile(definition, scale), _exceeding(policy, definition, scale, blocks, trailing)


def _share(
    policy: Policy,
    definition: ComparedCheck,
    figure: CountedFigure,
    objective: float | None,
    classes: tuple[str, ...],
    blocks: int,
) -> ComparisonEvidence | None:
    if definition.ratio is None:
        return None
    counts = isinstance(definition, ErrorRateCheck | SuccessRateCheck)
    dispersion = Dispersion(classes, policy.confidence.dispersion, by_time=counts)
    allowance = Allowance(definition.ratio, objective)
    return RateComparison(policy.cohorts, figure, sample_of(definition.traffic), allowance, blocks, dispersion)


def _exceeding(
    policy: Policy, definition: ComparedCheck, scale: Scale, blocks: int, trailing: Mapping[str, CohortWindow]
) -> ComparisonEvidence | None:
    if definition.ratio is None:
        return None
    sample = definition.traffic
    return QuantileComparison(policy.cohorts, scale, sample_of(sample), definition.ratio, blocks, trailing[sample])
