"""The rollout as a state machine: `step(state, input, moment)` gives the next state, outputs and facts.

A pure fold. Nothing here reads a clock: event time and wall time arrive with each input. Nothing here computes a
statistic: verdicts arrive as data. This is the only reader of the transition table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gates.decisions import Action, Command, Decision
from gates.machine.controls import ordered_text, refusal
from gates.machine.facts import Decided, Ended, Fact, Output, StageConfirmed, StageEntered, StepResult
from gates.machine.missing_telemetry import silence_of, telemetry_missing
from gates.machine.orders import ActuatorReport, InForce, Order, as_ordered
from gates.machine.pauses import due_in_pause, follow_pause, is_news
from gates.machine.rollout import (
    Acked,
    Controlled,
    ControlOutcome,
    Input,
    Moment,
    Pending,
    RolloutState,
    StageProgress,
    Started,
    Ticked,
)
from gates.machine.signals import gravest_signal, missing, too_few_passes, unconfirmed
from gates.machine.transitions import ENDED, Phase, Signal, Transition, lookup
from gates.policy import Policy
from gates.verdicts import Evaluation

LONGEST_ACK_WAIT_MS = 600_000
"""The longest wait before an order without an ack is sent again."""

LONGEST_BAKED_GAP_MS = 30_000
"""A longer gap between requests is silence, which shows nothing about the candidate, so it does not bake."""


def start(state: RolloutState | None, given: Started, moment: Moment) -> StepResult:
    """Begin a rollout: its first epoch, or the one after that of `state`; `refusal_of_start` is for the caller."""
    fresh = RolloutState(
        policy=given.policy,
        phase=Phase.IDLE if state is None else state.phase,
        epoch=(given.epochs_before if state is None else state.epoch) + 1,
        progress=StageProgress(0, ordered_at=moment.event_time, timed_from=moment.event_time),
        control=None if state is None else state.control,
        rules=given.rules,
    )
    rollout, stage = given.policy.rollout, given.policy.stages[0].name
    if state is None:
        started = f"{given.by} started {rollout}"
    else:
        replaced = "" if state.policy.hash == given.policy.hash else " with a new policy,"
        started = f"{given.by} started epoch {fresh.epoch} of {rollout}{replaced}"
    freeze = moment.frozen(given.policy)
    overriding = "" if freeze is None else f", overriding a freeze ({freeze.text})"
    reason = f"{started} at stage {stage}{overriding}{_because(given.reason)}"
    return _decide(fresh, lookup(fresh.phase, Signal.START), reason, moment, by=given.by)


def step(state: RolloutState, given: Input, moment: Moment) -> StepResult:
    """The next state after one input, what to publish, and what happened."""
    match given:
        case Started():
            return start(state, given, moment)
        case Controlled():
            return _control(state, given, moment)
        case Acked():
            return _ack(state, given, moment)
        case Evaluation():
            return _evaluate(state, given, moment)
        case Ticked():  # pragma: no branch - mypy proves that no input is left
            return _tick(state, moment)


def _control(state: RolloutState, given: Controlled, moment: Moment) -> StepResult:
    found = lookup(state.phase, given.control)
    order = given.control.value.removeprefix("operator_")
    if why := refusal(state, given, found, moment):
        refused = ControlOutcome(order, given.by, False, f"{order} refused: {why}", moment.journal)
        return StepResult(replace(state, control=refused))
    text = ordered_text(state, given, moment)
    state = replace(state, control=ControlOutcome(order, given.by, True, given.reason, moment.journal))
    if given.control is Signal.OPERATOR_APPROVE:
        return StepResult(replace(state, progress=replace(state.progress, approved_by=given.by)))
    return _decide(state, found, text, moment, by=given.by)


def _ack(state: RolloutState, given: Acked, moment: Moment) -> StepResult:
    order = state.order
    # Any decision since the order has the same weights, so an ack of a later one is about the order too; an ack of an
    # earlier one is about other weights.
    if order is None or given.epoch != state.epoch or not order.sequence <= given.sequence <= state.sequence:
        return StepResult(state)
    confirms = given.status == "applied" and _as_ordered(state, given.weights)
    report = ActuatorReport(given.actuator, given.status, given.reason, dict(given.weights), given.at, confirms)
    after = order.add(report)
    state = replace(state, order=after)
    if order.confirmed or not after.confirmed:
        return StepResult(state)
    in_force = InForce(after.weights, tuple(after.confirmed_by), given.at)
    state = replace(state, pending=None, in_force=in_force)
    if state.progress.confirmed_at is not None:
        return StepResult(state)
    # From the next pane after the newest event: requests before it may have met the old weights.
    newest = max(moment.newest, moment.event_time)
    confirmed_at = newest + -newest % state.policy.pane_ms
    state = replace(state, progress=replace(state.progress, confirmed_at=confirmed_at))
    return StepResult(state, facts=(StageConfirmed(confirmed_at),))


def _as_ordered(state: RolloutState, observed: Mapping[str, float]) -> bool:
    candidate, known = state.policy.cohorts.candidate, state.in_force
    before = known.weights[candidate] if known is not None and state.judging.small_steps_are_confirmed else None
    return as_ordered(_weights(state)[candidate], observed.get(candidate), before)


def _evaluate(state: RolloutState, given: Evaluation, moment: Moment) -> StepResult:
    if state.phase not in (Phase.BAKING, Phase.HELD, Phase.PAUSED):
        return StepResult(state)
    before, until = state.progress, state.progress.missing_until
    requests_until = given.end - given.silent_ms
    fresh = requests_until > before.requests_until
    baked = 0
    if fresh and state.phase is Phase.BAKING and before.confirmed_at is not None and given.trusted:
        warm_from = before.confirmed_at + (state.stage.warmup_ms or 0)
        baked = _baked(state, max(before.requests_until, warm_from), requests_until)
    steady = state.judging.steady_holds
    gap = "" if fresh else f"requests: {silence_of(given)}"
    lacking = missing(state, given) or ("" if steady else gap)
    freeze = moment.frozen(state.policy) if moment.freezes or state.policy.freeze else None
    progress = replace(
        before,
        baked_ms=before.baked_ms + baked,
        requests_until=max(requests_until, before.requests_until),
        missing_until=given.end if telemetry_missing(state.policy, given) or (steady and given.doubts) else until,
        passes=0 if lacking else before.passes + (not gap),
        frozen_ms=before.frozen_ms + (0 if freeze is None else given.end - given.start),
    )
    state = replace(state, progress=progress, evaluation=given)
    signal, reason = gravest_signal(state, given, lacking or too_few_passes(state), freeze, gap)
    if state.phase is Phase.PAUSED and not is_news(state, signal):
        return StepResult(state)
    return _decide(state, lookup(state.phase, signal), reason, moment, cause=signal)


def _baked(state: RolloutState, since: int, until: int) -> int:
    """How much of the time between two panes with requests counts as baked: in a long gap, the last pane alone."""
    length, pane_ms = max(0, until - since), state.policy.pane_ms
    most = min(state.policy.no_data.hold_after_ms, LONGEST_BAKED_GAP_MS)
    return min(length, pane_ms) if state.judging.steady_holds and length - pane_ms > most else length


def _tick(state: RolloutState, moment: Moment) -> StepResult:
    due_now = due_in_pause(state, moment.wall)
    if due_now is not None:
        state, signal, reason = due_now
        return _decide(state, lookup(state.phase, signal), reason, moment, cause=state.cause, again=True)
    pending, last = state.pending, state.last
    if pending is None or last is None or moment.wall < pending.due:
        return StepResult(state)
    due = moment.wall + _ack_wait(state.policy, pending.rounds)
    if pending.tries < state.policy.commands.tries:
        again = replace(pending, tries=pending.tries + 1, due=due)
        return StepResult(replace(state, pending=again), _published(last, again))
    reason = unconfirmed(state)
    state = replace(state, pending=replace(pending, tries=0, rounds=pending.rounds + 1, due=due))
    if state.phase is Phase.PAUSED and not is_news(state, Signal.UNCONFIRMED):
        return StepResult(state)
    return _decide(state, lookup(state.phase, Signal.UNCONFIRMED), reason, moment, cause=Signal.UNCONFIRMED)


def _decide(
    state: RolloutState,
    found: Transition,
    reason: str,
    moment: Moment,
    *,
    by: str | None = None,
    cause: Signal | None = None,
    again: bool = False,
) -> StepResult:
    """Move to the transition's phase and publish its decision; the same cause is published once, or `again`."""
    known = found.phase is state.phase and cause is not None and cause is state.cause
    if found.action is None or (known and not again):
        return StepResult(state if found.phase is state.phase else replace(state, phase=found.phase))
    after = replace(
        state,
        phase=found.phase,
        progress=_progress(state, found.action, cause, moment),
        sequence=state.sequence + 1,
        cause=cause if found.phase in (Phase.HELD, Phase.PAUSED) else None,
        pause=follow_pause(state, found, reason, cause, moment.wall) if found.phase is Phase.PAUSED else None,
    )
    decision = replace(
        _decision(after, found.action, reason, moment),
        approved_by=state.progress.approved_by if found.action in (Action.ADVANCE, Action.PROMOTE) else None,
        by=by,
        escalate=found.escalate,
    )
    # A rollback always needs an ack, even if the weights were ordered before: it must be certain to take effect.
    if found.action is Action.ROLLBACK or state.last is None or decision.weights != state.last.weights:
        order = Order(after.sequence, decision.weights, after.policy.commands.actuators or ())
        after = replace(after, order=order, pending=_pending(after, found, moment))
    facts: list[Fact] = [Decided(decision)]
    if found.action is Action.ADVANCE:
        facts.insert(0, StageEntered(after.progress.index, after.progress.ordered_at))
    if found.phase in ENDED and state.phase not in ENDED:
        facts.append(Ended())
    return StepResult(replace(after, last=decision), _published(decision, after.pending), tuple(facts))


def _progress(state: RolloutState, action: Action, cause: Signal | None, moment: Moment) -> StageProgress:
    before = state.progress
    if action is Action.ADVANCE:
        at = moment.event_time
        return StageProgress(before.index + 1, ordered_at=at, timed_from=at, requests_until=before.requests_until)
    if action in (Action.PAUSE, Action.ROLLBACK) and state.judging.approval_of_the_stage:
        return replace(before, approved_by=None)  # what a person approved was the stage as it stood before
    if action is Action.RESUME and cause is not Signal.STEADY:  # by an operator, who gives the stage its time again
        return replace(before, timed_from=moment.event_time, frozen_ms=0)
    if action is Action.HOLD and cause in (Signal.SILENT, Signal.INCOMPLETE, Signal.DOUBTED):
        return replace(before, missing_holds=before.missing_holds + 1)
    return before


def _pending(state: RolloutState, found: Transition, moment: Moment) -> Pending:
    rounds = state.pending.rounds if state.pending is not None and found.escalate else 0
    wait = _ack_wait(state.policy, rounds)
    due = moment.wall + wait
    return Pending(state.sequence, due, moment.wall + wait * (state.policy.commands.tries + 1), due, rounds=rounds)


def _ack_wait(policy: Policy, rounds: int) -> int:
    """How long to wait for an ack: twice as long after each round of tries without one."""
    # The exponent is bounded too: a rollout nobody serves may go through any number of rounds.
    return min(policy.commands.ack_within_ms << min(rounds, 16), LONGEST_ACK_WAIT_MS)


def _published(decision: Decision, pending: Pending | None) -> tuple[Output, ...]:
    if decision.action is not Action.ROLLBACK or pending is None:
        return (decision,)
    return decision, Command(decision, pending.deadline, pending.expires_at)


def _decision(state: RolloutState, action: Action, reason: str, moment: Moment) -> Decision:
    policy, evaluation = state.policy, state.evaluation
    return Decision(
        rollout=policy.rollout,
        epoch=state.epoch,
        sequence=state.sequence,
        action=action,
        stage=state.stage.name,
        weights=_weights(state),
        event_time=moment.event_time,
        reason=reason,
        checks=evaluation.verdicts,
        completeness=evaluation.completeness,
        policy_hash=policy.hash,
        journal=moment.journal,
        cohorts=policy.cohorts.document(),
        confidence={"rollback": policy.confidence.rollback, "advance": policy.confidence.advance},
        combined=evaluation.combined,
        contact=_contact(policy),
    )


def _weights(state: RolloutState) -> dict[str, int | float]:
    """Per cent of the traffic by cohort, whole numbers as integers."""
    share = {Phase.ROLLED_BACK: 0.0, Phase.PROMOTED: 1.0}.get(state.phase, state.stage.weight)
    candidate = round(share * 100.0, 6)  # 0.07 * 100 is 7.000000000000001
    baseline = round(100.0 - candidate, 6)
    cohorts = state.policy.cohorts
    return {cohorts.baseline: _whole(baseline), cohorts.candidate: _whole(candidate)}


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else number


def _contact(policy: Policy) -> dict[str, Any] | None:
    known = {"owner": policy.owner, "runbook": policy.runbook, "labels": dict(policy.labels)}
    return {key: value for key, value in known.items() if value} or None


def _because(reason: str) -> str:
    return f" (reason: {reason})" if reason else ""
