"""What is missing of a rollout's telemetry, in words, and whether it has been missing for long enough for a hold."""

from __future__ import annotations

from gates.policy import Policy
from gates.telemetry import CohortTelemetry
from gates.text import count, missing_events, percent, silence
from gates.verdicts import Evaluation


def telemetry_missing(policy: Policy, evaluation: Evaluation) -> bool:
    """Whether requests, or complete telemetry, have been missing for long enough for a hold."""
    return max(evaluation.silent_ms, evaluation.untrusted_ms) >= policy.no_data.hold_after_ms


def silence_of(evaluation: Evaluation) -> str:
    """That cohorts have no requests; and that they sent some that were not counted, if that is so."""
    silent = evaluation.silent_cohorts
    telemetry = [known for name, known in evaluation.telemetry.items() if name in silent]
    uncounted = sum(known.unreadable + known.refused for known in telemetry)
    if evaluation.least_complete is not None:  # None in an epoch of rules 1, whose published reasons stay
        uncounted += sum(known.late for known in telemetry)
    whose = "its" if len(silent) == 1 else "their"
    more = f", and {count(uncounted)} of {whose} events in this stage could not be counted" if uncounted else ""
    return silence(silent, evaluation.silent_ms) + more


def advice(policy: Policy, evaluation: Evaluation) -> str:
    """What to look at: the cause of most of the missing events; without one, a source partition has not reported."""
    cohort = evaluation.least_complete
    if cohort is not None and evaluation.on_time < policy.min_completeness:
        missing = evaluation.telemetry[cohort].missing
    elif evaluation.lately is not None:
        missing = evaluation.lately[1].missing
    else:
        return ADVICE["late"]
    return ADVICE[max(missing, key=missing.__getitem__)]


ADVICE = {
    "late": "check ingest lag and producers' clocks",
    "unreadable": "read the dead letters (sluicegate dlq list)",
    "refused": "check which rollouts, cohorts and times producers name",
    "clamped": "check producers' clocks",
}
"""What to do about missing events, by their cause."""


def untrusted(policy: Policy, stage: str, evaluation: Evaluation) -> str:
    """Why the telemetry of the pane cannot be relied on."""
    needed, cohort = f"needs {percent(policy.min_completeness)} (min_completeness)", evaluation.least_complete
    if evaluation.on_time < policy.min_completeness:
        if cohort is not None:
            return f"{_incomplete_cohort(cohort, evaluation.telemetry[cohort], f'stage {stage}')}, {needed}"
        return f"telemetry is {percent(evaluation.completeness)} complete, {needed}"
    if evaluation.lately is not None:
        return f"{_incomplete_cohort(*evaluation.lately, 'the last minute')}, {needed}"
    return f"telemetry is incomplete: a source partition has not reported ({percent(evaluation.completeness)} so far)"


def _incomplete_cohort(cohort: str, events: CohortTelemetry, when: str) -> str:
    missing = missing_events(events.missing, events.events, when)
    return f"{cohort}'s telemetry is {percent(events.completeness)} complete ({missing})"
