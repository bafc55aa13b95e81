"""One question a file: (definition, panes) -> verdict."""

from gates.checks.check import Arm, Check, View
from gates.checks.error_rate import ErrorRate
from gates.checks.latency import Latency
from gates.policy import Cohorts, ErrorRateCheck, LatencyCheck

__all__ = ["Arm", "Check", "View", "check_for"]


def check_for(name: str, definition: ErrorRateCheck | LatencyCheck, cohorts: Cohorts, start_blocks: int) -> Check:
    """The check that answers a policy's definition."""
    if isinstance(definition, ErrorRateCheck):
        return ErrorRate(name, definition, cohorts, start_blocks)
    return Latency(name, definition, cohorts, start_blocks)
