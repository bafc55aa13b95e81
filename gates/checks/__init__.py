"""One question a file: (definition, panes) -> verdict."""

from gates.checks.check import Arm, Check, Thresholds, View
from gates.checks.error_rate import ErrorRate
from gates.checks.latency import Latency
from gates.policy import ErrorRateCheck, Policy

__all__ = ["Arm", "Check", "View", "checks_for", "thresholds_of"]


def thresholds_of(policy: Policy) -> Thresholds:
    """The e-values at which a policy's comparisons decide: its confidence, shared among them."""
    comparing = sum(definition.ratio is not None for definition in policy.checks.values())
    return Thresholds(max(1, comparing) / policy.confidence.rollback, 1.0 / policy.confidence.advance)


def checks_for(policy: Policy, start_blocks: int) -> dict[str, Check]:
    """The checks that answer a policy's definitions, by name; a new kind is one more line here."""
    thresholds = thresholds_of(policy)
    checks: dict[str, Check] = {}
    for name, definition in policy.checks.items():
        if isinstance(definition, ErrorRateCheck):
            checks[name] = ErrorRate(name, definition, policy.cohorts, start_blocks, thresholds)
        else:
            checks[name] = Latency(name, definition, policy.cohorts, start_blocks, thresholds)
    return checks
