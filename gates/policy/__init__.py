"""The policy of a rollout: read once, with every fault at once, and frozen."""

from gates.policy.faults import PolicyError, PolicyFault
from gates.policy.model import (
    POLICY_SCHEMA,
    Check,
    Cohorts,
    Commands,
    Confidence,
    ErrorRateCheck,
    LatencyCheck,
    NoData,
    Policy,
    Stage,
)

__all__ = [
    "POLICY_SCHEMA",
    "Check",
    "Cohorts",
    "Commands",
    "Confidence",
    "ErrorRateCheck",
    "LatencyCheck",
    "NoData",
    "Policy",
    "PolicyError",
    "PolicyFault",
    "Stage",
]
