"""Whether there is a baseline to roll back to. A rollback sends all traffic to it, so it must show signs of life."""

from __future__ import annotations

from gates.documents.quantities import format_duration
from gates.machine.rollout import RolloutState
from gates.verdicts import Evaluation

USUAL_GAPS = 5
"""Of gaps between requests at random times, one of 150 is longer than this many times the mean."""

LONGEST_HEARTBEAT_GAP_MS = 120_000
"""Producers choose how often they send heartbeats, often once a minute; one may be lost."""


def baseline_gone(state: RolloutState, evaluation: Evaluation) -> str:
    """Why there is nothing to roll back to: the baseline shows no sign of life; "" if it does, or need not.

    At 100% the baseline has no requests by design, so only heartbeats that ended can show that it is gone.
    """
    alive_at, policy = evaluation.baseline_alive_at, state.policy
    if alive_at is None or policy.rollback_needs_baseline is False or not state.judging.living_baseline:
        return ""
    gone, baseline = evaluation.end - alive_at, policy.cohorts.baseline
    usual_gap, hold_after = _longest_usual_gap(state, evaluation), policy.no_data.hold_after_ms
    if state.stage.weight == 1.0:
        limit, of = max(hold_after, LONGEST_HEARTBEAT_GAP_MS), ""
        what = f"no instance of {baseline} has sent a heartbeat"
    else:
        limit, of = max(hold_after, usual_gap), ", its usual gap" if usual_gap > hold_after else ", hold_after"
        what = f"{baseline} has had no successful request"
    return f"{what} for {format_duration(gone)} (allowed: {format_duration(limit)}{of})" if gone >= limit else ""


def _longest_usual_gap(state: RolloutState, evaluation: Evaluation) -> int:
    """A gap between two requests of the baseline that chance explains: thin traffic must not delay a rollback."""
    baseline = evaluation.telemetry.get(state.policy.cohorts.baseline)
    requests = 0 if baseline is None else baseline.on_time
    gap = 0 if not requests else USUAL_GAPS * (evaluation.end - state.progress.ordered_at) // requests
    # In whole seconds, because it is part of a message. After few requests the mean is no measure: a bound is needed.
    return min(gap - gap % 1_000, state.policy.no_data.pause_after_ms)
