"""Policy documents made by hand, changes to them, and their faults."""

from collections.abc import Callable
from typing import Any

from gates.policy import Policy, PolicyError

Document = dict[str, Any]
Change = Callable[[Document], object]


def checkout() -> Document:
    """Return the policy document that most tests start from."""
    return {
        "schema": "sluicegate.policy/v1",
        "rollout": "checkout-v2",
        "owner": "payments",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "pane": "1s",
        "stages": [
            {"name": "canary", "weight": "1%", "bake": "5m"},
            {"name": "tenth", "weight": "10%", "bake": "10m"},
            {"name": "full", "weight": "100%", "bake": "30m"},
        ],
        "checks": {
            "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%", "window": "30s"},
            "p95": {"sli": "latency", "quantile": 0.95, "limit": "800ms", "window": "1m"},
        },
        "min_requests": 200,
        "no_data": {"hold_after": "30s", "pause_after": "5m"},
    }


def put(*way: str | int, value: object) -> Change:
    """Make the change that writes `value` at a place of a document."""

    def change(document: Document) -> None:
        at: Any = document
        for part in way[:-1]:
            at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
        at[way[-1]] = value

    return change


def drop(*way: str | int) -> Change:
    """Make the change that takes a key out of a document."""

    def change(document: Document) -> None:
        at: Any = document
        for part in way[:-1]:
            at = at[part]
        del at[way[-1]]

    return change


def faults_of(document: Any) -> dict[str, str]:
    """Return the faults of a document, message by path; none where it is a policy."""
    try:
        Policy.parse(document)
    except PolicyError as error:
        faults = error.faults
    else:
        return {}
    assert faults
    return {fault.path: fault.message for fault in faults}
