"""The rollout as a state machine: `step(state, input, moment) -> (state, outputs)`. The only reader of the table.

Nothing here reads a clock: event time and wall time arrive with each input. Nothing here computes a statistic:
verdicts arrive as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gates.decisions import Action, Command, Decision
from gates.machine.rollout import (
    Acked,
    Controlled,
    ControlOutcome,
    Input,
    Moment,
    Pending,
    RolloutState,
    Started,
    Ticked,
)
from gates.machine.signals import missing, read, unconfirmed
from gates.machine.transitions import Phase, Signal, Transition, lookup
from gates.policy import Policy
from gates.verdicts import Evaluation

LONGEST_ACK_WAIT_MS = 600_000
"""However often a command went unacknowledged, it is sent again after at most so long."""


WEIGHT_TOLERANCE = 1.0
"""An actuator that cannot split traffic finer may miss the wanted weight by so many points."""


Output = Decision | Command
Step = tuple[RolloutState, tuple[Output, ...]]


def start(state: RolloutState | None, given: Started, moment: Moment) -> Step:
    """Begin a rollout: epoch 1, or the next epoch of one that `state` tells of."""
    fresh = RolloutState(
        policy=given.policy,
        phase=Phase.IDLE if state is None else state.phase,
        epoch=1 if state is None else state.epoch + 1,
        ordered_at=moment.event_time,
        timed_from=moment.event_time,
        control=None if state is None else state.control,
    )
    opened = f"{given.by} started {given.policy.rollout} at stage {given.policy.stages[0].name}"
    reason = f"{opened}{_replacing(state, given.policy)}{_because(given.reason)}"
    return _decide(fresh, lookup(fresh.phase, Signal.START), reason, moment, by=given.by)


def _replacing(state: RolloutState | None, policy: Policy) -> str:
    if state is None or state.policy.hash == policy.hash:
        return ""
    return f", by a policy that replaces that of epoch {state.epoch}"


def step(state: RolloutState, given: Input, moment: Moment) -> Step:
    """One input in, the next state and what is to be published out."""
    match given:
        case Started():
            return start(state, given, moment)
        case Controlled():
            return _control(state, given, moment)
        case Acked():
            return _ack(state, given, moment), ()
        case Evaluation():
            return _evaluate(state, given, moment)
        case Ticked():
            return _tick(state, moment)


def _control(state: RolloutState, given: Controlled, moment: Moment) -> Step:
    found = lookup(state.phase, given.control)
    stale = given.epoch is not None and given.epoch != state.epoch
    word = given.control.value.removeprefix("operator_")
    if found.refused or stale:
        why = f"epoch is {state.epoch}, not {given.epoch}" if stale else f"the rollout is {_standing(state)}"
        refusal = ControlOutcome(word, given.by, False, f"{word} refused: {why}", moment.journal)
        return replace(state, control=refusal), ()
    if given.control is Signal.OPERATOR_APPROVE:
        return _approve(state, given, moment), ()
    accepted = ControlOutcome(word, given.by, True, given.reason, moment.journal)
    state = replace(state, control=accepted)
    return _decide(state, found, f"{given.by} ordered {word}{_because(given.reason)}", moment, by=given.by)


def _approve(state: RolloutState, given: Controlled, moment: Moment) -> RolloutState:
    stage = state.policy.stages[state.stage]
    reason = given.reason if stage.approval else f"approve refused: stage {stage.name} asks for no approval"
    outcome = ControlOutcome("approve", given.by, stage.approval, reason, moment.journal)
    return replace(state, control=outcome, approved_by=given.by if stage.approval else state.approved_by)


def _standing(state: RolloutState) -> str:
    words = state.phase.value.replace("_", " ")
    if state.phase is Phase.HELD and state.last is not None:
        return f"{words} and resumes by itself when the cause is gone ({state.last.reason})"
    return words


def _ack(state: RolloutState, given: Acked, moment: Moment) -> RolloutState:
    pending = state.pending
    if pending is None or not given.applied or given.epoch != state.epoch:
        return state
    if not pending.sequence <= given.sequence <= state.sequence or not _in_force(state, given.weights):
        return state
    if state.confirmed_at is not None:
        return replace(state, pending=None)
    newest = max(moment.newest, moment.event_time)
    return replace(state, pending=None, confirmed_at=newest + -newest % state.policy.pane_ms)


def _in_force(state: RolloutState, observed: Mapping[str, float]) -> bool:
    """Whether the candidate's observed weight is the one wanted, to a point; nought only where nought is wanted."""
    candidate = state.policy.cohorts.candidate
    wanted, seen = _weights(state.policy, state)[candidate], observed.get(candidate)
    return seen is not None and abs(seen - wanted) <= WEIGHT_TOLERANCE and (seen == 0) == (wanted == 0)


def _evaluate(state: RolloutState, given: Evaluation, moment: Moment) -> Step:
    if state.phase not in (Phase.BAKING, Phase.HELD, Phase.PAUSED):
        return state, ()
    heard_until = given.end - given.silent_ms
    fresh = heard_until > state.heard_until
    baked = 0
    if fresh and state.phase is Phase.BAKING and state.confirmed_at is not None and given.trusted:
        warm_from = state.confirmed_at + (state.policy.stages[state.stage].warmup_ms or 0)
        baked = max(0, heard_until - max(state.heard_until, warm_from))
    state = replace(
        state,
        baked_ms=state.baked_ms + baked,
        heard_until=max(heard_until, state.heard_until),
        checks=tuple(verdict.document() for verdict in given.verdicts),
        combined=None if given.combined is None else given.combined.document(),
        doubts=given.doubts,
        completeness=given.completeness,
        passes=0 if missing(state, given, fresh=fresh) else state.passes + 1,
    )
    signal, reason = read(state, given, fresh=fresh)
    return _decide(state, lookup(state.phase, signal), reason, moment, cause=signal)


def _tick(state: RolloutState, moment: Moment) -> Step:
    pending, last = state.pending, state.last
    if pending is None or last is None or moment.wall < pending.due:
        return state, ()
    wait = _ack_wait(state.policy, pending.rounds)
    if pending.tries < state.policy.commands.tries:
        again = replace(pending, tries=pending.tries + 1, due=moment.wall + wait)
        return replace(state, pending=again), _published(last, again)
    reason = unconfirmed(state, pending)
    state = replace(state, pending=replace(pending, tries=0, rounds=pending.rounds + 1, due=moment.wall + wait))
    return _decide(state, lookup(state.phase, Signal.UNCONFIRMED), reason, moment, cause=Signal.UNCONFIRMED)


def _decide(
    state: RolloutState,
    found: Transition,
    reason: str,
    moment: Moment,
    *,
    by: str | None = None,
    cause: Signal | None = None,
) -> Step:
    """Move to the transition's phase and publish its decision; the same hold is not said twice."""
    if found.action is None or (found.phase is state.phase and cause is not None and cause is state.cause):
        return (state if found.phase is state.phase else replace(state, phase=found.phase)), ()
    if found.action is Action.ADVANCE:
        state = replace(state, stage=state.stage + 1, baked_ms=0, confirmed_at=None, ordered_at=moment.event_time)
        state = replace(state, passes=0)
    if found.action in (Action.ADVANCE, Action.RESUME) and cause is not Signal.STEADY:
        state = replace(state, timed_from=moment.event_time)  # a new stage, or an operator's leave to go on
    state = replace(
        state,
        phase=found.phase,
        sequence=state.sequence + 1,
        cause=cause if found.phase in (Phase.HELD, Phase.PAUSED) else None,
    )
    decision = _decision(state, found, found.action, reason, moment, by)
    before = None if state.last is None else state.last.weights
    advanced = found.action is Action.ADVANCE
    state = replace(state, last=decision, approved_by=None if advanced else state.approved_by)
    if found.action is Action.ROLLBACK or decision.weights != before:
        state = replace(state, pending=_pending(state, found, moment))
    return state, _published(decision, state.pending)


def _pending(state: RolloutState, found: Transition, moment: Moment) -> Pending:
    rounds = state.pending.rounds if state.pending is not None and found.escalate else 0
    wait = _ack_wait(state.policy, rounds)
    due = moment.wall + wait
    return Pending(state.sequence, due, moment.wall + wait * (state.policy.commands.tries + 1), due, rounds=rounds)


def _ack_wait(policy: Policy, rounds: int) -> int:
    """How long to wait for an ack: twice as long after each round of tries that nobody answered."""
    return min(policy.commands.ack_within_ms << min(rounds, 16), LONGEST_ACK_WAIT_MS)


def _published(decision: Decision, pending: Pending | None) -> tuple[Output, ...]:
    if decision.action is not Action.ROLLBACK or pending is None:
        return (decision,)
    return decision, Command(decision, pending.deadline, pending.expires_at)


def _decision(
    state: RolloutState, found: Transition, action: Action, reason: str, moment: Moment, by: str | None
) -> Decision:
    policy = state.policy
    return Decision(
        rollout=policy.rollout,
        epoch=state.epoch,
        sequence=state.sequence,
        action=action,
        stage=policy.stages[state.stage].name,
        weights=_weights(policy, state),
        event_time=moment.event_time,
        reason=reason,
        checks=state.checks,
        completeness=state.completeness,
        policy_hash=policy.hash,
        journal=moment.journal,
        cohorts=policy.cohorts.document(),
        confidence={"rollback": policy.confidence.rollback, "advance": policy.confidence.advance},
        combined=state.combined,
        approved_by=state.approved_by if action in (Action.ADVANCE, Action.PROMOTE) else None,
        by=by,
        escalate=found.escalate,
        contact=_contact(policy),
    )


def _weights(policy: Policy, state: RolloutState) -> dict[str, float]:
    """Per cent of the traffic by cohort, whole numbers as integers."""
    share = {Phase.ROLLED_BACK: 0.0, Phase.PROMOTED: 1.0}.get(state.phase, policy.stages[state.stage].weight)
    candidate = round(share * 100.0, 6)
    baseline = round(100.0 - candidate, 6)
    cohorts = policy.cohorts
    return {cohorts.baseline: _whole(baseline), cohorts.candidate: _whole(candidate)}


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def _contact(policy: Policy) -> dict[str, object] | None:
    known = {"owner": policy.owner, "runbook": policy.runbook, "labels": dict(policy.labels)}
    return {word: value for word, value in known.items() if value} or None


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
