"""How complete each cohort's telemetry is in the stage, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterator

from gates.text import count, missing_events, percent
from streams.views.wording import Document, printable

COUNTED = {"clamped"}
"""Causes whose events are among the counted ones."""


def telemetry_text(counts: Document) -> str:
    """One cohort's completeness, and its missing events by cause.

    >>> telemetry_text({"requests": 100, "late": 0, "unreadable": 300, "completeness": 0.25})
    '25% complete: 300 of 400 events could not be read'
    >>> telemetry_text({"requests": 12_345, "late": 0, "completeness": 1.0})
    '100% complete, 12,345 events'
    """
    complete, missing = f"{percent(counts['completeness'])} complete", _missing_text(counts)
    return f"{complete}: {missing}" if missing else f"{complete}, {count(counts['requests'])} events"


def _missing_text(counts: Document, when: str = "") -> str:
    """How many events are missing and why, whatever causes the status has."""
    missing = {printable(name): counts[name] for name in counts if name not in ("requests", "completeness")}
    events = counts["requests"] + sum(number for name, number in missing.items() if name not in COUNTED)
    return missing_events(missing, events, when)


def incomplete_cohorts(status: Document) -> Iterator[tuple[str, str]]:
    """The cohorts whose telemetry is too incomplete to advance: the name, and a text of it and its missing events."""
    found = {name: (status["telemetry"][name], f"stage {status['stage']}") for name in incomplete_names(status)}
    if lately := status.get("lately"):
        counts = {key: value for key, value in lately.items() if key != "cohort"}
        found.setdefault(lately["cohort"], (counts, "the last minute"))
    for name, (counts, when) in found.items():
        share, needed = percent(counts["completeness"]), percent(status["min_completeness"])
        missing = _missing_text(counts, printable(when))
        yield name, f"{printable(name)}: {share} ({missing}), needs {needed} (min_completeness)"


def incomplete_names(status: Document) -> list[str]:
    """The names of these cohorts, the candidate first.

    The baseline has no traffic to miss where the candidate has all of it.
    """
    needed, known = status.get("min_completeness", 0.0), status.get("telemetry", {})
    compared = status["stages"][status["stage_index"]]["weight"] < 1.0
    names = [status["cohorts"][role] for role in (("candidate", "baseline") if compared else ("candidate",))]
    return [name for name in names if name in known and known[name]["completeness"] < needed]
