"""What a pane says of a rollout: one signal, the gravest there is, with its reason in words.

The order of the questions is the order of gravity: a candidate that fails, telemetry that is gone, a baseline that is
unwell, cohorts that are silent, data that is incomplete or doubtful, weights that nobody confirmed; then the stage.
"""

from __future__ import annotations

from gates.documents.quantities import format_duration
from gates.machine.rollout import Pending, RolloutState
from gates.machine.transitions import Signal
from gates.policy import Stage
from gates.text import percent, shortfall, silence
from gates.verdicts import Evaluation, Outcome

GONE: dict[Signal | None, str] = {
    Signal.BASELINE_BURNING: "the baseline is well again",
    Signal.FAIL_HOLDS: "no check fails any longer",
    Signal.DOUBTED: "the traffic is split as ordered",
    Signal.BROKEN: "telemetry is back",
    Signal.SILENT: "requests are back",
    Signal.INCOMPLETE: "telemetry is complete again",
    Signal.UNCONFIRMED: "the weights are confirmed",
}
"""What to say when the cause of a hold is gone."""


def read(state: RolloutState, given: Evaluation, *, fresh: bool) -> tuple[Signal, str]:
    """What the pane says, the gravest first, and in words; `fresh` if it brought news of every cohort."""
    policy, failing = state.policy, _failing(given)
    if failing is not None and failing[0] in (Signal.FAILING, Signal.SHARED_CAUSE, Signal.FAIL_PAUSES):
        return failing
    if given.broken:
        return Signal.BROKEN, "telemetry source broken: nobody reports; nothing can be judged"
    if given.silent_ms >= policy.no_data.pause_after_ms:
        return Signal.SILENT_LONG, f"{silence(given.silent_cohorts, given.silent_ms)}; waiting for an operator"
    if failing is not None:
        return failing
    if given.silent_ms >= policy.no_data.hold_after_ms:
        return Signal.SILENT, silence(given.silent_cohorts, given.silent_ms)
    if given.untrusted_ms >= policy.no_data.hold_after_ms:
        return Signal.INCOMPLETE, _incomplete(given)
    if given.doubts:
        return Signal.DOUBTED, f"data not to be trusted: {'; '.join(given.doubts)}"
    if state.pending is not None and state.pending.rounds > 0:
        return Signal.UNCONFIRMED, unconfirmed(state, state.pending)
    return _read_stage(state, given, fresh=fresh)


def _failing(given: Evaluation) -> tuple[Signal, str] | None:
    """What the FAILs come to, the gravest first.

    Where the baseline breaks a limit too, the cause is likely shared: then only a candidate that breaks a limit which
    the baseline keeps, or that is far worse than the baseline as well, is rolled back.
    """
    fails = [verdict for verdict in given.required if verdict.outcome is Outcome.FAIL]
    burning = [verdict.name for verdict in given.required if verdict.baseline_beyond]
    if not fails and not burning:
        return None
    rolling = [verdict for verdict in fails if verdict.on_fail == "rollback"]
    beyond = [verdict for verdict in rolling if verdict.absolute]
    own = [verdict for verdict in beyond if verdict.rejected or not verdict.baseline_beyond]
    sure = rolling if not burning else own
    shared = f"the baseline breaks the limit of {' and '.join(burning)} too"
    for signal, found, prefix in (
        (Signal.FAILING, sure, ""),
        (Signal.SHARED_CAUSE, beyond, f"shared cause, {shared}: "),
        (Signal.FAIL_PAUSES, [verdict for verdict in fails if verdict.on_fail == "pause"], ""),
        (Signal.BASELINE_BURNING, rolling if burning else [], f"{shared}, so nothing is put down to the candidate: "),
        (Signal.FAIL_HOLDS, [verdict for verdict in fails if verdict.on_fail == "hold"], ""),
    ):
        if found:
            return signal, prefix + "; ".join(verdict.reason for verdict in found)
    return (Signal.BASELINE_BURNING, f"{shared}: nothing can be put down to the candidate") if burning else None


def _read_stage(state: RolloutState, given: Evaluation, *, fresh: bool) -> tuple[Signal, str]:
    """Where telemetry is sound and nothing fails: whether the stage is baked, and passed."""
    stage = state.policy.stages[state.stage]
    late = stage.timeout_ms is not None and given.end - state.timed_from >= stage.timeout_ms
    so_far = format_duration(state.baked_ms)
    if state.baked_ms < stage.bake_ms:
        if late:
            return Signal.TIMED_OUT, f"{stage.name} is not baked {_late(stage)}: {so_far} so far"
        return Signal.STEADY, f"{GONE.get(state.cause, 'all is well')}: {stage.name} bakes on"
    lacking = missing(state, given, fresh=fresh) or _too_few_passes(state, stage)
    awaiting = stage.approval and state.approved_by is None
    if late and (lacking or awaiting):
        return Signal.TIMED_OUT, f"{stage.name} has not passed {_late(stage)}: {lacking or 'nobody approved it'}"
    if lacking:
        return Signal.UNDECIDED, f"{stage.name} baked {so_far}, but {lacking}"
    passed = "; ".join(verdict.reason for verdict in given.required)
    if awaiting:
        return Signal.AWAITING, f"{stage.name} baked {so_far} and waits for a person's approval: {passed}"
    if state.approved_by is not None:
        passed = f"approved by {state.approved_by}; {passed}"
    if state.stage + 1 < len(state.policy.stages):
        return Signal.PASSED, f"{stage.name} baked {so_far}: {passed}"
    return Signal.PASSED_LAST, f"{stage.name} baked {so_far}, the last stage: {passed}"


def _too_few_passes(state: RolloutState, stage: Stage) -> str:
    return f"passed {state.passes} of {stage.passes} panes in a row" if state.passes < stage.passes else ""


def _late(stage: Stage) -> str:
    return f"within its timeout of {format_duration(stage.timeout_ms or 0)}"


def missing(state: RolloutState, given: Evaluation, *, fresh: bool) -> str:
    """What a baked stage still lacks to be passed; empty if nothing."""
    if not_passed := shortfall(given.required):
        return not_passed
    if not given.trusted:
        return _incomplete(given)
    if state.confirmed_at is None:
        return "no actuator has confirmed its weights"
    return "" if fresh else silence(given.silent_cohorts, given.silent_ms)


def _incomplete(given: Evaluation) -> str:
    return f"telemetry is incomplete: {percent(given.completeness)} of the stage judged in time"


def unconfirmed(state: RolloutState, pending: Pending) -> str:
    """That nobody acknowledged an order, in words."""
    order = f"{state.policy.rollout}:{state.epoch}:{pending.sequence}"
    return f"escalate: no actuator acknowledged {order} in {state.policy.commands.tries} tries"
