"""Decisions and statuses in one line of plain words each: for timelines, logs and terminals that show no colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gates.documents.quantities import SECOND_MS, format_duration, format_share
from gates.text import clock_time, significant_text


def printable(text: object) -> str:
    r"""The text with whatever would steer a terminal made visible: it may come from anyone who writes to a topic.

    >>> printable("all good\x1b[2J")
    'all good\ufffd[2J'
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))


def weights_in_words(weights: Mapping[str, float]) -> str:
    """Shares of the traffic by cohort.

    >>> weights_in_words({"stable": 99, "canary": 1})
    'stable 99 %, canary 1 %'
    """
    return ", ".join(f"{printable(cohort)} {significant_text(share, 6)} %" for cohort, share in weights.items())


def whole_seconds(ms: int) -> str:
    """A duration to the second, cut downwards.

    >>> whole_seconds(61_900)
    '1m1s'
    """
    return format_duration(max(0, ms) // SECOND_MS * SECOND_MS)


def decision_in_words(decision: Mapping[str, Any]) -> str:
    """One decision: when (event time), what, where, with which weights, why.

    >>> decision_in_words({
    ...     "event_time": 1767225630000, "action": "rollback", "stage": "canary",
    ...     "weights": {"stable": 100, "canary": 0}, "reason": "errors: canary 4.1 %",
    ... })
    '00:00:30Z  rollback  canary  stable 100 %, canary 0 %  errors: canary 4.1 %'
    """
    page = "  [a person is needed]" if decision.get("escalate") else ""
    return (
        f"{clock_time(decision['event_time'])}  {printable(decision['action']):<8}  {printable(decision['stage'])}  "
        f"{weights_in_words(decision['weights'])}  {printable(decision['reason'])}{page}"
    )


def stage_in_words(status: Mapping[str, Any]) -> str:
    """Which stage of how many, and how much of its bake is left.

    >>> stage_in_words({"stage": "tenth", "stage_index": 1, "stages": [{}, {}], "baked_ms": 61_000, "bake_ms": 300_000})
    'stage 2 of 2 (tenth), baked 1m1s of 5m'
    """
    place = f"stage {status['stage_index'] + 1} of {len(status['stages'])} ({printable(status['stage'])})"
    baked = min(status["baked_ms"], status["bake_ms"])
    return f"{place}, baked {whole_seconds(baked)} of {whole_seconds(status['bake_ms'])}"


def status_in_words(status: Mapping[str, Any]) -> str:
    """Where a rollout stands, in one line: phase, stage, weights, verdicts."""
    verdicts = ", ".join(f"{printable(check['name'])} {printable(check['verdict'])}" for check in status["checks"])
    return (
        f"{clock_time(status['event_time'])}  {phase_in_words(status)}  {stage_in_words(status)}  "
        f"{weights_in_words(status['weights'])}  {verdicts or 'nothing judged yet'}"
    )


def phase_in_words(status: Mapping[str, Any]) -> str:
    """The phase as people say it.

    >>> phase_in_words({"phase": "rolled_back"})
    'rolled back'
    """
    return printable(status["phase"]).replace("_", " ")


def share_in_words(share: float) -> str:
    """A share of the traffic, 0 to 1, as policies write it.

    >>> share_in_words(0.125)
    '12.5%'
    """
    return format_share(share)
