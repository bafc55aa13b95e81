"""Expectations and decisions of a policy test in a few words each."""

from __future__ import annotations

from gates.decisions import Decision
from gates.documents.quantities import format_duration
from streams.offline.policy_tests.document import Expectation


def since_start(event_time: int, start_ms: int) -> str:
    """A moment, as long after the rollout's start.

    >>> since_start(1767225670000, 1767225600000)
    '+1m10s'
    """
    return f"+{format_duration(max(0, event_time - start_ms))}"


def decision_in_words(decision: Decision, start_ms: int) -> str:
    """When, what and where."""
    return f"{since_start(decision.event_time, start_ms)} {decision.action} at {decision.stage}"


def expectation_in_words(expected: Expectation) -> str:
    """All that is compared."""
    words = expected.action if expected.stage is None else f"{expected.action} at {expected.stage}"
    if expected.within_ms is not None:
        words += f" within {format_duration(expected.within_ms)}"
    if expected.since_ms is not None:
        words += f" of +{format_duration(expected.since_ms)}"
    if expected.check is not None:
        words += f", {expected.check}"
    return words if expected.reason is None else f"{words}, because {expected.reason}"


def verdict_of(decision: Decision, check: str) -> str:
    """What a check said in a decision; `nothing` where it had not been judged."""
    return next((each.kind.value for each in decision.checks if each.name == check), "nothing")
