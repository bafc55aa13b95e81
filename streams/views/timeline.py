"""A decision or a status in one line: for timelines, logs and terminals without colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gates.text import clock_time
from streams.views.orders import confirmation_text
from streams.views.telemetry import incomplete_cohorts, incomplete_names
from streams.views.wording import Document, phase_name, printable, stage_progress, weights_text

EARLIER = 5
"""How many decisions from before the watching began are shown at its start."""


def decision_line(decision: Document) -> str:
    """One decision: event time, action, stage, weights, reason.

    >>> decision_line({
    ...     "event_time": 1767225630000, "action": "rollback", "stage": "canary",
    ...     "weights": {"stable": 100, "canary": 0}, "reason": "errors: canary 4.1%",
    ... })
    '00:00:30Z  rollback  canary  stable 100%, canary 0%  errors: canary 4.1%'
    """
    page = "  [needs a person]" if decision.get("escalate") else ""
    return (
        f"{clock_time(decision['event_time'])}  {printable(decision['action']):<8}  {printable(decision['stage'])}  "
        f"{weights_text(decision['weights'])}  {printable(decision['reason'])}{page}"
    )


def status_line(status: Document) -> str:
    """The state of a rollout: event time, phase, stage, ordered weights with their confirmation, verdicts.

    A cohort whose telemetry is too incomplete to advance comes last, with what is missing.
    """
    verdicts = ", ".join(f"{printable(check['name'])} {printable(check['verdict'])}" for check in status["checks"])
    return (
        f"{clock_time(status['event_time'])}  {phase_name(status)}  {stage_progress(status)}  "
        f"{weights_text(status['weights'])} ({confirmation_text(status)})  {verdicts or 'no verdict yet'}"
        f"{''.join(f'  telemetry of {cohort}' for _, cohort in incomplete_cohorts(status))}"
    )


class Timeline:
    """A rollout as lines, each printed once: its decisions, and its status whenever something in it changed."""

    def __init__(self, decisions: Sequence[Document]) -> None:
        """Begin after `decisions`, of which the last few are still shown."""
        self._shown = {decision["id"] for decision in decisions[:-EARLIER]}
        self._status: object = None

    def new_lines(self, status: Document, decisions: Sequence[Document]) -> Iterator[str]:
        """The lines that were not given before."""
        for decision in decisions:
            if decision["id"] not in self._shown:
                self._shown.add(decision["id"])
                yield decision_line(decision)
        if (current := _compared_parts(status)) != self._status:
            self._status = current
            yield status_line(status)
            if reason := _reason_without_decision(status):
                yield reason


def _compared_parts(status: Document) -> tuple[object, ...]:
    """What of a status is worth a line when it changes; event time and counts change each second and are not."""
    verdicts = tuple((check["name"], check["verdict"]) for check in status["checks"])
    fields = ("epoch", "phase", "stage_index")
    weights = tuple(status["weights"].items())
    order = (status.get("order") or {}).get("id"), confirmation_text(status)
    incomplete = tuple(incomplete_names(status))
    return (*(status[name] for name in fields), weights, order, verdicts, incomplete, _reason_without_decision(status))


def _reason_without_decision(status: Document) -> str:
    """The reason of a status that no decision gives: the gate cannot decide any more."""
    return printable(status["reason"]) if status["decision"] is None else ""
