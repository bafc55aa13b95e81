"""The policy of a rollout: read once, with every fault at once, and frozen."""

from gates.documents.faults import PolicyError, PolicyFault
from gates.policy.checks import (
    AnyCheck,
    Budget,
    BurnRateCheck,
    CheckDefinition,
    ComparedCheck,
    CoverageCheck,
    ErrorRateCheck,
    LatencyCheck,
    MetricCheck,
    SuccessRateCheck,
    ThroughputShareCheck,
)
from gates.policy.model import (
    POLICY_SCHEMA,
    Cohorts,
    Commands,
    Confidence,
    DataQuality,
    NoData,
    Policy,
    RollbackOn,
    Stage,
)

__all__ = [
    "POLICY_SCHEMA",
    "AnyCheck",
    "Budget",
    "BurnRateCheck",
    "CheckDefinition",
    "Cohorts",
    "Commands",
    "ComparedCheck",
    "Confidence",
    "CoverageCheck",
    "DataQuality",
    "ErrorRateCheck",
    "LatencyCheck",
    "MetricCheck",
    "NoData",
    "Policy",
    "PolicyError",
    "PolicyFault",
    "RollbackOn",
    "Stage",
    "SuccessRateCheck",
    "ThroughputShareCheck",
]
