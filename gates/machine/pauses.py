"""What happens while a rollout is paused: pages for graver causes, reminders, and the deadline of the policy.

A pause is timed by the wall clock of the journal's records, not by event time: without telemetry event time may stand
still, and a forgotten pause is then the likeliest. A replay reads the same records, so it decides the same.
"""

from __future__ import annotations

from dataclasses import replace

from gates.documents.quantities import format_duration
from gates.machine.living_baseline import baseline_gone
from gates.machine.missing_telemetry import silence_of, telemetry_missing, untrusted
from gates.machine.rollout import Pause, RolloutState
from gates.machine.signals import gravest_signal
from gates.machine.transitions import WATCHED, Signal, Transition
from gates.policy.parts import PauseRules
from gates.text import clock_time

_GRAVITY = {signal: place for place, signal in enumerate(Signal)}
"""Signals of panes are declared from the gravest to the mildest."""

_NO_RULES = PauseRules()


def is_news(state: RolloutState, signal: Signal) -> bool:
    """Whether a signal may page in a paused rollout.

    Each cause pages once in a pause, and only if it is graver than those before: two causes that take turns must not
    page all night. An order without confirmation is another matter than the checks, so it pages beside any cause.
    """
    if signal is Signal.FAILING:
        return True
    if not state.judging.paused_watch:
        return signal is Signal.UNCONFIRMED
    paged = () if state.pause is None else state.pause.paged
    if signal is Signal.UNCONFIRMED:
        return signal not in paged
    return signal in WATCHED and all(_GRAVITY[signal] < _GRAVITY[before] for before in paged)


def follow_pause(state: RolloutState, found: Transition, reason: str, cause: Signal | None, wall: int) -> Pause | None:
    """The pause after a decision that begins it or goes on with it; `state` is the one before."""
    if not state.judging.paused_watch:
        return None
    going, rules = state.pause, state.policy.pause or _NO_RULES
    if going is not None:
        if cause is None or cause in going.paged:
            return going  # a reminder
        return replace(going, reason=reason, paged=(*going.paged, cause), remind_at=_after(wall, rules.remind_after_ms))
    # An operator who pauses a rollout that is held has been paged for the cause of the hold.
    held_for = state.cause if state.last is not None and state.last.escalate else None
    known = cause if found.escalate else held_for
    return Pause(
        since=wall,
        reason=reason,
        paged=() if known is None else (known,),
        remind_at=_after(wall, rules.remind_after_ms),
        deadline=_after(wall, rules.deadline_ms),
    )


def _after(wall: int, length: int | None) -> int | None:
    return None if length is None else wall + length


def due_in_pause(state: RolloutState, wall: int) -> tuple[RolloutState, Signal, str] | None:
    """What a pause is due for at this wall time: the state with its next times, the signal, and its reason.

    A deadline that cannot be kept, because it would act on an outage, pages, and is tried again after as long.
    """
    pause, rules = state.pause, state.policy.pause
    if pause is None or rules is None:
        return None
    lasted = f"paused for {_rounded(wall - pause.since)}"
    next_page = replace(pause, remind_at=_after(wall, rules.remind_after_ms))
    if pause.deadline is not None and wall >= pause.deadline:
        rule = f"pause.deadline {format_duration(rules.deadline_ms or 0)}, then {rules.then}"
        obstacle = _obstacle(state, wall, rules)
        if not obstacle:
            ends = Signal.PAUSE_ROLLBACK if rules.then == "rollback" else Signal.PAUSE_RESUME
            return state, ends, f"{lasted} ({rule}); it was paused because: {pause.reason}"
        next_try = f"the next try is in {format_duration(rules.deadline_ms or 0)}; resume, roll back or promote"
        after = replace(state, pause=replace(next_page, deadline=_after(wall, rules.deadline_ms)))
        return after, Signal.PAUSE_REMINDER, f"{lasted} ({rule}), and still paused: {obstacle}; {next_try}"
    if pause.remind_at is not None and wall >= pause.remind_at:
        advice = "resume, roll back or promote"
        return replace(state, pause=next_page), Signal.PAUSE_REMINDER, f"still {lasted}: {pause.reason}; {advice}"
    return None


def _obstacle(state: RolloutState, wall: int, rules: PauseRules) -> str:
    """Why the deadline cannot be kept; "" if it can.

    A rollback or a resume that nobody watches needs telemetry that is there and of now. To roll back, the baseline must
    be alive; to resume, no check may fail.
    """
    policy, evaluation = state.policy, state.evaluation
    behind = wall - evaluation.end
    if behind >= policy.no_data.pause_after_ms + policy.pane_ms:
        judged = f"since {clock_time(evaluation.end)} (event time)" if evaluation.end else "since the start"
        return f"no telemetry has been judged {judged}"
    if evaluation.broken:
        return "no ingest worker reports telemetry"
    if telemetry_missing(policy, evaluation):
        if evaluation.silent_ms >= policy.no_data.hold_after_ms:
            return silence_of(evaluation)
        return untrusted(policy, state.stage.name, evaluation)
    if rules.then == "rollback":
        return baseline_gone(state, evaluation)
    signal, reason = gravest_signal(state, evaluation, "")
    return reason if signal is Signal.FAILING or signal in WATCHED else ""


def _rounded(length: int) -> str:
    """A length of time to the second, from an hour on to the minute."""
    return format_duration(length - length % (60_000 if length >= 3_600_000 else 1_000))
