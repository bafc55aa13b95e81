"""How complete each cohort's telemetry is in the stage, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterator

from gates.text import count, percent
from streams.views.wording import Document, printable

CAUSES = {
    "late": "arrived too late",
    "unreadable": "could not be read",
    "refused": "were refused for lack of room",
    "clamped": "had times too far ahead",
}
"""What happened to the events that each count of a cohort is of."""

COUNTED = {"clamped"}
"""Causes whose events are among the counted ones."""


def telemetry_text(counts: Document) -> str:
    """One cohort's completeness, and its missing events by cause.

    >>> telemetry_text({"requests": 100, "late": 0, "unreadable": 300, "completeness": 0.25})
    '25% complete: 300 of 400 events could not be read'
    >>> telemetry_text({"requests": 12_345, "late": 0, "completeness": 1.0})
    '100% complete, 12,345 events'
    """
    missing = {name: number for name, number in _causes(counts).items() if number}
    events = count(counts["requests"] + sum(number for name, number in missing.items() if name not in COUNTED))
    complete = f"{percent(counts['completeness'])} complete"
    if not missing:
        return f"{complete}, {events} events"
    (first, number), *others = missing.items()
    rest = [f"{count(other)} {_happened(name)}" for name, other in others]
    return f"{complete}: {', '.join([f'{count(number)} of {events} events {_happened(first)}', *rest])}"


def _causes(counts: Document) -> dict[str, int]:
    return {name: number for name, number in counts.items() if name not in ("requests", "completeness")}


def _happened(cause: str) -> str:
    return CAUSES.get(cause, f"are missing ({printable(cause)})")


def incomplete_cohorts(status: Document) -> Iterator[str]:
    """The cohorts whose telemetry is too incomplete to advance, the candidate first, each with its missing events.

    The baseline has no traffic to miss where the candidate has all of it.
    """
    needed = status.get("min_completeness")
    known = status.get("telemetry", {})
    compared = status["stages"][status["stage_index"]]["weight"] < 1.0
    for role in ("candidate", "baseline") if compared else ("candidate",):
        name = status["cohorts"][role]
        counts = known.get(name)
        if counts is not None and needed is not None and counts["completeness"] < needed:
            yield f"{printable(name)} {telemetry_text(counts)}; needs {percent(needed)} (min_completeness)"
