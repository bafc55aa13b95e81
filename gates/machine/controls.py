"""Operators' controls: why one is refused, and what an advance by hand overrides."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gates.documents.quantities import MINUTE_MS, format_duration
from gates.machine.rollout import Controlled, Moment, RolloutState
from gates.machine.transitions import Phase, Signal, Transition
from gates.verdicts import VerdictKind

CONFIRM_AFTER = 3_600_000
"""A promotion this old (ms) is rolled back only with `confirmed`: by then the old version may be gone, and what looks
like an order for the newest rollout may be one out of an old shell history."""


def refusal(state: RolloutState, given: Controlled, found: Transition, moment: Moment) -> str:
    """Why the control is refused; "" if it is carried out. `found` is its row of the transition table."""
    # An order names the epoch that its operator looked at, so that a late one never ends a newer rollout.
    if given.epoch is not None and given.epoch != state.epoch:
        return f"the current epoch is {state.epoch}, not {given.epoch}"
    if found.refused:
        return unconfirmed_end(state) or f"the rollout is {_standing(state)}"
    rule = _RULES.get(given.control)
    return "" if rule is None else rule(state, given, moment)


def unconfirmed_end(state: RolloutState) -> str:
    """What is known of an end that no actuator has confirmed; "" of one that is confirmed, or of a running rollout.

    An operator who repeats the order must not read from the refusal that the first one was carried out.
    """
    end, order, pending = _ENDS.get(state.phase), state.order, state.pending
    if end is None or order is None or pending is None:
        return ""
    of = state.policy.commands.tries
    # As in the views: a new round begins with tries that are used up, until its first try is counted.
    tries = f"{of} tries used up" if pending.rounds else f"try {pending.tries} of {of}"
    return f"the {end} is ordered and not confirmed ({tries}; {order.open_text()}); it is sent again"


_ENDS = {Phase.ROLLED_BACK: "rollback", Phase.PROMOTED: "promotion"}
"""What was ordered of an ended rollout."""


def _standing(state: RolloutState) -> str:
    phase = state.phase.value.replace("_", " ")
    if state.phase is Phase.HELD and state.last is not None:
        return f"{phase} and resumes by itself when the cause is gone ({state.last.reason})"
    return phase


def _approve(state: RolloutState, given: Controlled, _: Moment) -> str:
    stage = state.stage
    # By name, so that an approval that is sent twice, or late, never approves the stage after the one that was meant.
    if given.stage not in (None, stage.name):
        return f"it names stage {given.stage}, the rollout is at stage {stage.name}"
    return "" if stage.approval else f"stage {stage.name} needs no approval"


def _promote(state: RolloutState, given: Controlled, moment: Moment) -> str:
    freeze = None if given.override_freeze else moment.frozen(state.policy)
    return "" if freeze is None else f"{freeze.text}; wait for its end, or add --override-freeze"


def _advance(state: RolloutState, given: Controlled, moment: Moment) -> str:
    stage = state.stage
    # By name, as for an approval: an order that is sent twice must not skip the stage after the one that was meant.
    if given.stage != stage.name:
        named = "no stage" if given.stage is None else f"stage {given.stage}"
        return f"it names {named}, the rollout is at stage {stage.name}"
    last = state.progress.index + 1 == len(state.policy.stages)
    return f"{stage.name} is the last stage; promote the rollout instead" if last else _promote(state, given, moment)


def _rollback(state: RolloutState, given: Controlled, moment: Moment) -> str:
    if state.phase is not Phase.PROMOTED or given.confirmed or state.last is None or not state.judging.guarded_orders:
        return ""
    # An ended rollout keeps the event time of its end, so its last decision has that of the promotion.
    since = max(moment.event_time, moment.wall) - state.last.event_time
    if since <= CONFIRM_AFTER:
        return ""
    cohorts, age = state.policy.cohorts, format_duration(since // MINUTE_MS * MINUTE_MS)
    return (
        f"{state.policy.rollout} was promoted {age} ago; a rollback moves all traffic from {cohorts.candidate} to "
        f"{cohorts.baseline}, which may not be running any more; add --confirm to do so"
    )


_RULES: dict[Signal, Callable[[RolloutState, Controlled, Moment], str]] = {
    Signal.OPERATOR_ROLLBACK: _rollback,
    Signal.OPERATOR_APPROVE: _approve,
    Signal.OPERATOR_ADVANCE: _advance,
    Signal.OPERATOR_PROMOTE: _promote,
}
"""What a control needs beyond the phase; each rule gives the reason of a refusal, or ""."""


def ordered_text(state: RolloutState, given: Controlled, moment: Moment) -> str:
    """The reason of the decision that carries the control out: who ordered what, what that overrides, and why."""
    ordered = f"{given.by} ordered {given.control.value.removeprefix('operator_')}"
    overridden: list[str] = []
    if given.control in (Signal.OPERATOR_ADVANCE, Signal.OPERATOR_PROMOTE):
        freeze = moment.frozen(state.policy)
        overridden += [] if freeze is None else [f"a freeze ({freeze.text})"]
    if given.control is Signal.OPERATOR_ADVANCE:
        ordered += f" from stage {state.stage.name}"
        overridden += _overridden(state)
    ordered += f", overriding {', '.join(overridden)}" if overridden else ""
    return f"{ordered} (reason: {given.reason})" if given.reason else ordered


def _overridden(state: RolloutState) -> Iterator[str]:
    """What the stage still lacked when it was left by hand."""
    progress, stage, evaluation = state.progress, state.stage, state.evaluation
    if state.phase in (Phase.HELD, Phase.PAUSED) and state.last is not None:
        yield f"the {'pause' if state.phase is Phase.PAUSED else 'hold'} ({state.last.reason})"
    if progress.baked_ms < stage.bake_ms:
        yield f"its bake ({format_duration(progress.baked_ms)} of {format_duration(stage.bake_ms)} done)"
    if evaluation.end <= progress.ordered_at:
        yield "its checks (no pane of the stage has been judged yet)"
    else:
        unpassed = [verdict for verdict in evaluation.required if verdict.kind is not VerdictKind.PASS]
        yield from (f"{verdict.name} ({verdict.kind.value})" for verdict in unpassed)
    if stage.approval and progress.approved_by is None:
        yield "its approval (missing)"
    if progress.confirmed_at is None:
        yield "its weights' confirmation (missing)"
