"""Expectations and decisions of a policy test as short texts."""

from __future__ import annotations

from gates.decisions import Decision
from gates.documents.quantities import format_duration
from streams.offline.policy_tests.document import Expectation


def since_start(event_time: int, start_ms: int) -> str:
    """An event time, as the time since the rollout's start.

    >>> since_start(1767225670000, 1767225600000)
    '+1m10s'
    """
    return f"+{format_duration(max(0, event_time - start_ms))}"


def decision_summary(decision: Decision, start_ms: int) -> str:
    """Time, action and stage."""
    return f"{since_start(decision.event_time, start_ms)} {decision.action} at {decision.stage}"


def expectation_summary(expected: Expectation) -> str:
    """Everything that is compared."""
    text = expected.action if expected.stage is None else f"{expected.action} at {expected.stage}"
    if expected.within_ms is not None:
        text += f" within {format_duration(expected.within_ms)}"
    if expected.since_ms is not None:
        text += f" of +{format_duration(expected.since_ms)}"
    if expected.check is not None:
        text += f", {expected.check}"
    return text if expected.reason is None else f"{text}, because {expected.reason}"
