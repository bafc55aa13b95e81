"""Decisions and commands as documents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gates.decisions import Action, Command, Decision
from gates.verdicts import Combined

PLAIN = Decision(
    rollout="checkout-v2",
    epoch=2,
    sequence=7,
    action=Action.HOLD,
    stage="tenth",
    weights={"stable": 90, "canary": 10},
    event_time=1_000,
    reason="why",
    checks=(),
    completeness=1.0,
    policy_hash="sha256:0",
    journal=(3, 40),
    cohorts={"baseline": "stable", "candidate": "canary"},
    confidence={"rollback": 0.01, "advance": 0.05},
)


def test_a_decision_as_a_message() -> None:
    """The id is made of rollout, epoch and sequence; whole weights stay whole numbers."""
    assert PLAIN.document() == {
        "schema": "sluicegate.decision/v1",
        "id": "checkout-v2:2:7",
        "rollout": "checkout-v2",
        "epoch": 2,
        "sequence": 7,
        "action": "hold",
        "stage": "tenth",
        "weights": {"stable": 90, "canary": 10},
        "event_time": 1_000,
        "reason": "why",
        "checks": [],
        "confidence": {"rollback": 0.01, "advance": 0.05},
        "completeness": 1.0,
        "policy_hash": "sha256:0",
        "journal": {"partition": 3, "offset": 40},
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "escalate": False,
    }


@pytest.mark.parametrize(
    ("field", "value", "published"),
    [
        ("combined", Combined(2.0, 100.0), {"e_value": 2.0, "threshold": 100.0}),
        ("approved_by", "grace", "grace"),
        ("by", "ada", "ada"),
        ("contact", {"owner": "us"}, {"owner": "us"}),
    ],
)
def test_a_key_is_there_only_where_it_applies(field: str, value: object, published: object) -> None:
    """An absent value has no key, instead of a null that consumers must handle."""
    assert field not in PLAIN.document()
    changed = replace(PLAIN, **{field: value})  # type: ignore[arg-type]
    assert changed.document() == PLAIN.document() | {field: published}


def test_a_command_is_its_decision_with_two_times() -> None:
    """The same fields and the same id under a schema of its own, so that an actuator can drop a repeat."""
    assert Command(PLAIN, deadline=5, expires_at=9).document() == PLAIN.document() | {
        "schema": "sluicegate.command/v1",
        "deadline": 5,
        "expires_at": 9,
    }
