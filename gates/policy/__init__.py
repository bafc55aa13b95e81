"""The policy of a rollout: read once, with every fault at once, and frozen."""

from gates.documents.faults import PolicyError, PolicyFault
from gates.policy.model import POLICY_SCHEMA, Policy
from gates.policy.parts import Cohorts, Commands, Confidence, DataQuality, NoData, RollbackOn, Stage

__all__ = [
    "POLICY_SCHEMA",
    "Cohorts",
    "Commands",
    "Confidence",
    "DataQuality",
    "NoData",
    "Policy",
    "PolicyError",
    "PolicyFault",
    "RollbackOn",
    "Stage",
]
