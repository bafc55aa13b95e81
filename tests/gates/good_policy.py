"""A policy without faults and without lints, and changes to it."""

import copy
from typing import Any

from gates.policy import Policy

Document = dict[str, Any]

GOOD: Document = {
    "schema": "sluicegate.policy/v1",
    "rollout": "r",
    "owner": "us",
    "cohorts": {"baseline": "stable", "candidate": "canary"},
    "stages": [
        {"name": "tenth", "weight": "10%", "bake": "10m", "timeout": "1h", "warmup": "30s"},
        {"name": "full", "weight": "100%", "bake": "10m"},
    ],
    "checks": {
        "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%"},
        "p95": {"sli": "latency", "quantile": 0.95, "ratio": 1.2, "limit": "800ms"},
    },
    "not_errors": ["3xx", "4xx"],
}


def changed(changes: Document) -> Policy:
    """The good policy with other values at these places, such as `checks.errors.limit`; None takes a key out."""
    document = copy.deepcopy(GOOD)
    for way, value in changes.items():
        *parts, last = way.split(".")
        at: Any = document
        for part in parts:
            at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
        if value is None:
            del at[last]
        else:
            at[int(last) if isinstance(at, list) else last] = copy.deepcopy(value)
    return Policy.parse(document)
