"""From the evaluation of a pane to one signal: the gravest that applies, with its reason.

Safety depends on the order of `PANE_RULES`. Each rule returns its reason, or "" where it does not apply, and the first
that applies counts. The comment above a group gives the reason for its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gates.decisions import Action
from gates.documents.quantities import format_duration
from gates.machine.freezes import Frozen
from gates.machine.living_baseline import baseline_gone
from gates.machine.missing_telemetry import advice, silence_of, untrusted
from gates.machine.rollout import RolloutState
from gates.machine.transitions import Phase, Signal
from gates.policy import Policy, Stage
from gates.text import clock_time, weights_text
from gates.verdicts import Evaluation, Verdict, VerdictKind

CAUSE_GONE: dict[Signal | None, str] = {
    Signal.BASELINE_BURNING: "the baseline is within its limits again",
    Signal.FAIL_HOLDS: "no check fails any more",
    Signal.DOUBTED: "traffic is split as ordered again",
    Signal.BROKEN: "telemetry is back",
    Signal.SILENT: "requests are back",
    Signal.INCOMPLETE: "telemetry is complete again",
    Signal.UNCONFIRMED: "weights confirmed",
}
"""The reason of a resume, by the cause of the hold."""


@dataclass(frozen=True, slots=True)
class JudgedPane:
    """What the rules read. `lacking` is what a baked stage lacks to be passed, from `missing`.

    `fails` are the FAILs that do something; `baseline_beyond` names the checks whose limit the baseline breaks too, or
    is about to, and is "" if there is none.
    """

    state: RolloutState
    evaluation: Evaluation
    lacking: str
    stage: Stage
    required: tuple[Verdict, ...]
    fails: tuple[Verdict, ...]
    baseline_beyond: str
    frozen: Frozen | None
    gap: str

    @property
    def policy(self) -> Policy:
        """The rollout's policy."""
        return self.state.policy

    def failing(self, on_fail: str) -> list[Verdict]:
        """The FAILs with this reaction."""
        return [verdict for verdict in self.fails if verdict.on_fail == on_fail]

    @property
    def timed_out(self) -> bool:
        """Whether the stage's timeout is over."""
        timeout, progress = self.stage.timeout_ms, self.state.progress
        return timeout is not None and self.evaluation.end - progress.timed_from - progress.frozen_ms >= timeout

    @property
    def baking(self) -> bool:
        """Whether the stage is not baked yet."""
        return self.state.progress.baked_ms < self.stage.bake_ms

    @property
    def awaiting_approval(self) -> bool:
        """Whether a person's approval is missing."""
        return self.stage.approval and self.state.progress.approved_by is None

    @property
    def baked(self) -> str:
        """How long the stage has baked."""
        return format_duration(self.state.progress.baked_ms)


def _rolls_back(pane: JudgedPane) -> str:
    """A check fails that rolls back.

    Where the baseline breaks a limit too, the cause is likely shared. Then only a limit that the baseline keeps, or a
    broken limit together with a comparison that finds the candidate worse, rolls back; with `on_shared_cause: rollback`
    any broken limit does.
    """
    failing = pane.failing("rollback")
    if not pane.baseline_beyond:
        return _reasons(failing)
    broken = [each for each in failing if each.absolute]
    alone = [each for each in broken if each.rejected or not each.baseline_beyond]
    if broken and not alone and pane.policy.on_shared_cause == "rollback":
        return f"{_reasons(broken)}; the cause is likely shared (on_shared_cause rollback)"
    return _reasons(alone)


def _fails(pane: JudgedPane) -> str:
    reason = _rolls_back(pane)
    return "" if reason and baseline_gone(pane.state, pane.evaluation) else reason


def _baseline_gone(pane: JudgedPane) -> str:
    reason = _rolls_back(pane)
    if not reason:
        return ""
    baseline = pane.policy.cohorts.baseline
    advice = f"weights stay; check {baseline}; if it is back while the check still fails, the gate rolls back"
    return f"{reason}; not rolled back, because {baseline_gone(pane.state, pane.evaluation)}; {advice}"


def _shared_cause(pane: JudgedPane) -> str:
    broken = [verdict for verdict in pane.failing("rollback") if verdict.absolute]
    return f"{_reasons(broken)}; the cause is likely shared, so nothing was rolled back" if broken else ""


def _fail_pauses(pane: JudgedPane) -> str:
    return _reasons(pane.failing("pause"))


def _broken(pane: JudgedPane) -> str:
    consequence = "weights stay and nothing is judged; check that workers run and reach Kafka"
    return f"no ingest worker reports telemetry; {consequence}" if pane.evaluation.broken else ""


def _silent_long(pane: JudgedPane) -> str:
    evaluation, limit = pane.evaluation, pane.policy.no_data.pause_after_ms
    if evaluation.silent_ms < limit:
        return ""
    silent, last = silence_of(evaluation), pane.state.last
    began, resumed = evaluation.end - evaluation.silent_ms, pane.state.progress.timed_from
    if last is not None and last.action is Action.RESUME and last.by is not None and began <= resumed:
        judged = f"judged at {clock_time(evaluation.end)}, the silence began before the resume"
        return f"{silent} ({judged}); paused again; resume when why-not no longer lists missing requests"
    advice = "weights stay; check the router and dead letters, then resume, roll back or promote"
    return f"{silent} (pause_after {format_duration(limit)}); {advice}"


def _worse_while_baseline_beyond(pane: JudgedPane) -> str:
    failing = pane.failing("rollback") if pane.baseline_beyond else []
    return f"{_reasons(failing)}; {_baseline_beyond(pane)}" if failing else ""


def _fail_holds(pane: JudgedPane) -> str:
    return _reasons(pane.failing("hold"))


def _baseline_beyond(pane: JudgedPane) -> str:
    if not pane.baseline_beyond:
        return ""
    baseline, candidate = pane.policy.cohorts.baseline, pane.policy.cohorts.candidate
    breach = f"baseline {baseline} breaks the limit of {pane.baseline_beyond}, so the cause is likely not {candidate}"
    # A pause ends by an order, whatever the baseline does.
    paused = pane.state.phase is Phase.PAUSED
    return breach if paused else f"{breach}; the rollout resumes when {baseline} recovers"


def _silent(pane: JudgedPane) -> str:
    evaluation, limit = pane.evaluation, pane.policy.no_data.hold_after_ms
    if evaluation.silent_ms < limit:
        return ""
    silent = silence_of(evaluation)
    return f"{silent} (hold_after {format_duration(limit)}); the rollout resumes when requests return"


def _returning(cause: Signal) -> Callable[[JudgedPane], str]:
    """The hold goes on, with its cause, until what was missing has been back for `resume_after_ms`."""

    def rule(pane: JudgedPane) -> str:
        state, back = pane.state, pane.evaluation.end - pane.state.progress.missing_until
        if state.phase is not Phase.HELD or state.cause is not cause or back >= state.resume_after_ms:
            return ""
        needed = format_duration(state.resume_after_ms)
        if cause is Signal.DOUBTED:
            return f"traffic has been split as ordered for {format_duration(back)}; the rollout resumes after {needed}"
        return f"telemetry has been back for {format_duration(back)}; the rollout resumes after {needed}"

    return rule


def _incomplete(pane: JudgedPane) -> str:
    if pane.evaluation.untrusted_ms < pane.policy.no_data.hold_after_ms:
        return ""
    why = untrusted(pane.policy, pane.stage.name, pane.evaluation)
    return f"{why}; the rollout resumes when it is; {advice(pane.policy, pane.evaluation)}"


def _doubted(pane: JudgedPane) -> str:
    return "; ".join(pane.evaluation.doubts)


def _unconfirmed(pane: JudgedPane) -> str:
    pending = pane.state.pending
    return unconfirmed(pane.state) if pending is not None and pending.rounds > 0 else ""


def _timed_out(pane: JudgedPane) -> str:
    stage = pane.stage
    if not pane.timed_out:
        return ""
    begun = f"stage {stage.name} timed out after {format_duration(stage.timeout_ms or 0)}"
    advice = "resume (this restarts the timeout)"
    if pane.baking:
        return f"{begun}: it has baked {pane.baked} of {format_duration(stage.bake_ms)}; {advice}, roll back or promote"
    if pane.lacking:
        return f"{begun}: it waits for {pane.lacking}; {advice}, roll back or promote"
    if pane.state.judging.approval_of_the_stage:
        return ""  # all that is missing is an approval: it is the person that is late, not the stage
    return f"{begun}: approval is missing; {advice}, then approve" if pane.awaiting_approval else ""


def _steady(pane: JudgedPane) -> str:
    if not pane.baking:
        return ""
    gone = CAUSE_GONE.get(pane.state.cause, "no problem is left")
    return f"{gone}; stage {pane.stage.name} continues to bake"


def _undecided(pane: JudgedPane) -> str:
    return f"stage {pane.stage.name} has baked {pane.baked} and waits for {pane.lacking}" if pane.lacking else ""


def _awaiting(pane: JudgedPane) -> str:
    if not pane.awaiting_approval:
        return ""
    return f"stage {pane.stage.name} has passed and needs approval: sluicegate rollout approve {pane.policy.rollout}"


def _frozen(pane: JudgedPane) -> str:
    if pane.frozen is None:
        return ""
    return f"stage {pane.stage.name} has passed, but {pane.frozen.text}; the rollout goes on when the freeze ends"


def _gap(pane: JudgedPane) -> str:
    return f"stage {pane.stage.name} has baked {pane.baked} and waits for {pane.gap}" if pane.gap else ""


def _gap_while_baking(pane: JudgedPane) -> str:
    return _gap(pane) if pane.state.phase is Phase.BAKING and pane.state.judging.steady_holds else ""


def _passed_last(pane: JudgedPane) -> str:
    return "" if pane.state.progress.index + 1 < len(pane.policy.stages) else _passed(pane)


def _passed(pane: JudgedPane) -> str:
    approver = pane.state.progress.approved_by
    approved = "" if approver is None else f", approved by {approver}"
    return f"stage {pane.stage.name} passed after {pane.baked}{approved}: {_reasons(pane.required)}"


PANE_RULES: tuple[tuple[Signal, Callable[[JudgedPane], str]], ...] = (
    # A failing candidate comes first: nothing about telemetry, timers or approvals may delay or mask a rollback.
    (Signal.FAILING, _fails),
    # After FAILING, which does not apply where the baseline is gone; the other causes matter less than this one.
    (Signal.BASELINE_GONE, _baseline_gone),
    # After FAILING, because one limit that only the candidate breaks is enough to roll back, whatever else is shared.
    (Signal.SHARED_CAUSE, _shared_cause),
    (Signal.FAIL_PAUSES, _fail_pauses),
    # Without telemetry the verdicts below are about old data; and an outage must hold, never pause for a silence that
    # only the outage shows: so before SILENT_LONG.
    (Signal.BROKEN, _broken),
    # Before all holds, because it needs a person, and a hold would resume by itself.
    (Signal.SILENT_LONG, _silent_long),
    # Twice: with a comparison that fails it outranks FAIL_HOLDS, since it explains that failure; alone it does not.
    (Signal.BASELINE_BURNING, _worse_while_baseline_beyond),
    (Signal.FAIL_HOLDS, _fail_holds),
    (Signal.BASELINE_BURNING, _baseline_beyond),
    # Holds that end by themselves, the most specific cause first: without requests completeness and split mean little.
    (Signal.SILENT, _silent),
    (Signal.INCOMPLETE, _incomplete),
    (Signal.DOUBTED, _doubted),
    # Last of the problems: an ack may still arrive, and it must not hide a problem of the candidate.
    (Signal.UNCONFIRMED, _unconfirmed),
    # From here on telemetry is sound and nothing fails. A timeout outranks STEADY, or a stage that never bakes would
    # never time out; it applies only while something is lacking.
    (Signal.TIMED_OUT, _timed_out),
    # After the timeout, which must not wait for telemetry that comes and goes.
    (Signal.SILENT, _returning(Signal.SILENT)),
    (Signal.INCOMPLETE, _returning(Signal.INCOMPLETE)),
    (Signal.DOUBTED, _returning(Signal.DOUBTED)),
    (Signal.STEADY, _steady),
    (Signal.UNDECIDED, _undecided),
    # After UNDECIDED: approval is asked for only once nothing else is missing.
    (Signal.AWAITING, _awaiting),
    # After AWAITING, so that a person may approve during a freeze; before what it must prevent. It hides no problem.
    (Signal.FROZEN, _frozen),
    # Last before a pass, which needs requests: a second without one is no reason to end the hold for an approval or a
    # freeze, nor to begin a hold.
    (Signal.STEADY, _gap_while_baking),
    (Signal.UNDECIDED, _gap),
    (Signal.PASSED_LAST, _passed_last),
    (Signal.PASSED, _passed),
)


def gravest_signal(
    state: RolloutState, evaluation: Evaluation, lacking: str, freeze: Frozen | None = None, gap: str = ""
) -> tuple[Signal, str]:
    """The first rule that applies.

    `lacking` is what `missing` found, `freeze` what holds at the end of the pane. `gap` is not "" if the pane brought
    no request of some cohort: silence must not count as a pass.
    """
    required = evaluation.required
    fails = tuple(verdict for verdict in required if verdict.kind is VerdictKind.FAIL)
    beyond = " and ".join(verdict.name for verdict in required if verdict.baseline_beyond)
    pane = JudgedPane(state, evaluation, lacking, state.stage, required, fails, beyond, freeze, gap)
    return next((signal, reason) for signal, rule in PANE_RULES if (reason := rule(pane)))


def missing(state: RolloutState, evaluation: Evaluation) -> str:
    """What this pane lacks for an advance, to be read after "waits for"; "" if nothing."""
    not_passed = [verdict for verdict in evaluation.required if verdict.kind is not VerdictKind.PASS]
    if not_passed:
        weak = all(verdict.kind is VerdictKind.INCONCLUSIVE for verdict in not_passed)
        return f"{'more evidence' if weak else 'every check to pass'}: {_reasons(not_passed)}"
    if not evaluation.trusted:
        return f"complete telemetry: {untrusted(state.policy, state.stage.name, evaluation)}"
    if state.progress.confirmed_at is None:
        return "an actuator to confirm its weights"
    return f"traffic to be split as ordered: {evaluation.unsettled}" if evaluation.unsettled else ""


def too_few_passes(state: RolloutState) -> str:
    """The passes in a row that the stage still lacks, to be read after "waits for"; "" if none."""
    so_far, needed = state.progress.passes, state.stage.passes
    return f"{needed} passes in a row: {so_far} so far" if so_far < needed else ""


def unconfirmed(state: RolloutState) -> str:
    """That the newest order is not confirmed, and what its actuators reported instead."""
    if state.order is None:
        raise ValueError("only an order can be unconfirmed")
    order = f"order {state.policy.rollout}:{state.epoch}:{state.order.sequence} ({weights_text(state.order.weights)})"
    tries = state.policy.commands.tries
    consequence = "actual weights are unknown; check the actuators and the router"
    return f"{order} is not confirmed after {tries} tries: {state.order.open_text()}; {consequence}"


def _reasons(verdicts: list[Verdict] | tuple[Verdict, ...]) -> str:
    return "; ".join(verdict.reason for verdict in verdicts)
