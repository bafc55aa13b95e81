"""From definitions to checks at work: one for each, and a joint test of those that compare."""

from __future__ import annotations

from gates.comparison.quantiles import TRAILING_MS
from gates.policy.checks import checks_for, joint_test_of
from gates.rules import CURRENT, RULES
from gates.windows import CohortWindow
from tests.gates.pane_builders import EVERY_KIND, policy

BUDGET = {"slo": "99%", "spend": "50%"}


def test_every_definition_has_its_check() -> None:
    """Under its own name, the budget last."""
    known = policy(budget=BUDGET)
    trailing = {sample: CohortWindow(TRAILING_MS) for sample in ("real", "synthetic", "all")}
    built = checks_for(known, trailing, RULES[CURRENT])
    assert list(built) == [*sorted(EVERY_KIND), "budget"]
    assert {name for name, check in built.items() if check.worse is not None} == {
        name for name, check in known.checks.items() if check.comparing
    }


def test_only_comparisons_that_roll_back_raise_the_threshold() -> None:
    """A limit is no test of a hypothesis: it neither shares the error probability nor is it part of the joint test."""
    one = {"errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%"}}
    alone = joint_test_of(policy(one))
    limited = joint_test_of(policy(one | {"slow": {"sli": "latency", "quantile": 0.9, "limit": "1s"}}))
    two = joint_test_of(policy(one | {"slow": {"sli": "latency", "quantile": 0.9, "limit": "1s", "ratio": 1.2}}))
    assert alone.thresholds("errors", 0.05) == limited.thresholds("errors", 0.05)
    assert two.thresholds("errors", 0.05).rollback > alone.thresholds("errors", 0.05).rollback
