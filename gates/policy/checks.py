"""What a policy's definitions become at work: its checks, and the joint test of those that compare."""

from __future__ import annotations

from collections.abc import Mapping

from gates.comparison.joint_test import JointTest
from gates.policy.model import Policy
from gates.rules import JudgingRules
from gates.slis.check_context import CheckContext, Starts
from gates.slis.definition import Check
from gates.windows import CohortWindow

LATE_STARTS = 2
"""The prior over the start of a degradation covers this many times the sum of all bake times."""


def joint_test_of(policy: Policy) -> JointTest:
    """The joint test of the policy's comparisons."""
    comparing = {name: check for name, check in policy.checks.items() if check.comparing}
    return JointTest.of(comparing, policy.confidence.rollback, policy.rollback_on.failing)


def checks_for(policy: Policy, trailing: Mapping[str, CohortWindow], rules: JudgingRules) -> dict[str, Check]:
    """The checks that answer a policy's definitions, by name.

    `trailing` has, by sample of the traffic, the baseline's last
    `TRAILING_MS` as of the pane before.
    """
    joint_test, confidence = joint_test_of(policy), policy.confidence
    thresholds = {name: joint_test.thresholds(name, confidence.advance) for name in policy.checks}
    context = CheckContext(policy.cohorts, thresholds, confidence.dispersion, _starts(policy), trailing, rules)
    return {name: definition.build(name, context) for name, definition in policy.judged.items()}


def _starts(policy: Policy) -> Starts:
    panes = LATE_STARTS * sum(stage.bake_ms for stage in policy.stages) / policy.pane_ms
    return Starts(max(1, round(panes)), policy.pane_ms / 1_000.0, policy.stages[0].weight)
