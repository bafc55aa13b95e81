"""One rollout: its evidence and its state machine, driven together. The judge folds this over the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gates.advice.detectability import live_detection, live_passes
from gates.comparison.joint_test import JointTest
from gates.decisions import Decision
from gates.documents.state import Codec, as_document
from gates.evidence.evaluation import EvidenceState, RolloutEvidence
from gates.evidence.indicators import Indicators
from gates.machine.facts import Decided, Ended, Output, StageConfirmed, StageEntered, StepResult
from gates.machine.rollout import Acked, Controlled, ControlOutcome, Input, Moment, RolloutState, Started, Ticked
from gates.machine.starting import refusal_of_start
from gates.machine.step import start, step
from gates.machine.transitions import ENDED
from gates.panes import Pane
from gates.policy import Policy
from gates.policy.checks import joint_test_of
from gates.telemetry import CohortTelemetry

STATUS_SCHEMA = "sluicegate.status/v1"


@dataclass(frozen=True, slots=True)
class GateState:
    """What a snapshot holds of a gate: its evidence, or once the rollout has ended its last indicators."""

    rollout: RolloutState
    evidence: EvidenceState | None
    indicators: Indicators | None


# A policy is stored as it was written and parsed again, so that a snapshot cannot bypass the policy's rules.
_CODEC = Codec(GateState, written={Policy: lambda policy: policy.written}, read={Policy: Policy.parse})


@dataclass(slots=True)
class Gate:
    """A rollout under the gate. Make one with `begin`, or from a snapshot with `load`.

    Once the rollout has ended, `evidence` is reduced to the last indicators: no further pane is judged.
    """

    state: RolloutState
    evidence: RolloutEvidence | Indicators

    @classmethod
    def begin(cls, before: Gate | None, given: Started, moment: Moment) -> tuple[Gate, tuple[Output, ...]]:
        """Start the rollout's first epoch, or the one after `before`."""
        result = start(None if before is None else before.state, given, moment)
        return cls(result.state, RolloutEvidence(given.policy, moment.event_time, result.state.judging)), result.outputs

    @property
    def ended(self) -> bool:
        """Rolled back or promoted: panes are no longer judged."""
        return self.state.phase in ENDED

    def pane(self, pane: Pane, moment: Moment) -> tuple[Output, ...]:
        """Judge the next pane."""
        if self.ended or isinstance(self.evidence, Indicators):
            return ()
        return self._step(self.evidence.observe(pane), moment)

    def control(self, given: Controlled, moment: Moment) -> tuple[Output, ...]:
        """React to an operator's order."""
        return self._step(given, moment)

    def ack(self, given: Acked, moment: Moment) -> tuple[Output, ...]:
        """React to an actuator's report."""
        return self._step(given, moment)

    def tick(self, moment: Moment) -> tuple[Output, ...]:
        """Wall time passed: send the commands that are due, and end or repeat a pause that is due."""
        return self._step(Ticked(), moment) if self.state.timed else ()

    def _step(self, given: Input, moment: Moment) -> tuple[Output, ...]:
        result = step(self.state, given, moment)
        self.state = result.state
        return self._follow(self.evidence, result) if isinstance(self.evidence, RolloutEvidence) else result.outputs

    def _follow(self, evidence: RolloutEvidence, result: StepResult) -> tuple[Output, ...]:
        """Let the evidence follow what happened, and complete a decision with the intervals shown beside its verdicts.

        In the order of the facts: intervals are those of the stage just entered, and the last figures of a rollout are
        taken before its evidence is dropped.
        """
        outputs = result.outputs
        for fact in result.facts:
            match fact:
                case StageEntered():
                    evidence.enter_stage(fact.index, fact.at)
                case StageConfirmed():
                    evidence.confirm_stage(fact.at)
                case Decided():
                    decision = replace(fact.decision, checks=evidence.with_intervals(fact.decision.checks))
                    self.state = replace(self.state, last=decision)
                    outputs = tuple(
                        decision if isinstance(output, Decision) else replace(output, decision=decision)
                        for output in outputs
                    )
                case Ended():  # pragma: no branch - mypy proves that no fact is left
                    self.evidence = evidence.indicators()
        return outputs

    def status(self, moment: Moment) -> dict[str, object]:
        """Where the rollout stands, for people and dashboards: the message on `gate-status`."""
        state, policy, stage = self.state, self.state.policy, self.state.stage
        progress, evaluation, last = state.progress, state.evaluation, state.last
        if isinstance(self.evidence, RolloutEvidence):
            indicators, joint_test = self.evidence.indicators(), self.evidence.joint_test
        else:
            indicators, joint_test = self.evidence, joint_test_of(policy)
        return {
            "schema": STATUS_SCHEMA,
            "rollout": policy.rollout,
            "epoch": state.epoch,
            "policy_hash": policy.hash,
            "phase": state.phase.value,
            "stage": stage.name,
            "stage_index": progress.index,
            "stages": [{"name": each.name, "weight": each.weight, "bake_ms": each.bake_ms} for each in policy.stages],
            "baked_ms": progress.baked_ms,
            "bake_ms": stage.bake_ms,
            "confirmed": state.order is not None and state.order.confirmed,
            "order": self._order(),
            "in_force": None if state.in_force is None else as_document(state.in_force),
            "cause": None if state.cause is None else state.cause.value,
            "escalate": last is not None and last.escalate,
            "pause": None if state.pause is None else as_document(state.pause),
            "weights": {} if last is None else dict(last.weights),
            "event_time": moment.event_time,
            "reason": "" if last is None else last.reason,
            "decision": None if last is None else last.id,
            "checks": [verdict.document() for verdict in evaluation.verdicts],
            "combined": None if evaluation.combined is None else evaluation.combined.document(),
            "confidence": {"rollback": policy.confidence.rollback, "advance": policy.confidence.advance},
            "doubts": list(evaluation.doubts),
            "notices": [verdict.reason for verdict in evaluation.verdicts if verdict.notifies],
            "passes": {"so_far": progress.passes, "needed": stage.passes},
            "approval": {"needed": stage.approval, "by": progress.approved_by},
            "sight": live_detection(policy, joint_test, progress.index, indicators.rps, evaluation.verdicts),
            "needs": self._needs(joint_test, indicators),
            "slis": indicators.document(),
            "completeness": evaluation.completeness,
            "min_completeness": policy.min_completeness,
            "telemetry": {cohort: known.document() for cohort, known in evaluation.telemetry.items()},
            "lately": None if evaluation.lately is None else _lately(*evaluation.lately),
            "cohorts": policy.cohorts.document(),
            "control": None if state.control is None else as_document(state.control),
            "owner": policy.owner,
            "freeze": None if self.ended or (freeze := moment.frozen(policy)) is None else as_document(freeze),
        }

    def _needs(self, joint_test: JointTest, indicators: Indicators) -> dict[str, object]:
        """What a PASS of the stage takes, and how much of it there is."""
        state, policy = self.state, self.state.policy
        verdicts = state.evaluation.verdicts
        return {
            "min_requests": policy.min_requests,
            "pane_ms": policy.pane_ms,
            "requests": self.evidence.eligible() if isinstance(self.evidence, RolloutEvidence) else {},
            "pass_s": live_passes(policy, joint_test, state.progress.index, indicators.rps, verdicts),
        }

    def _order(self) -> dict[str, object] | None:
        """The newest order, and what its actuators reported."""
        state, order = self.state, self.state.order
        if order is None:
            return None
        return {
            "id": f"{state.policy.rollout}:{state.epoch}:{order.sequence}",
            "weights": dict(order.weights),
            "confirmed": order.confirmed,
            "confirmed_by": order.confirmed_by,
            "waiting_for": order.waiting_for,
            "reports": [as_document(report) for report in order.reports.values()],
            "tries": 0 if state.pending is None else state.pending.tries,
            "of": state.policy.commands.tries,
            "overdue": state.pending is not None and state.pending.rounds > 0,
            "due": None if state.pending is None else state.pending.due,
        }

    def dump(self) -> dict[str, Any]:
        """Everything as JSON values, for a snapshot."""
        if isinstance(self.evidence, Indicators):
            document: dict[str, Any] = _CODEC.encode(GateState(self.state, None, self.evidence))
        else:
            document = _CODEC.encode(GateState(self.state, self.evidence.state(), None))
        return document

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Gate:
        """The gate that `dump` described; it continues bit for bit."""
        known = _CODEC.decode(document)
        if known.indicators is not None:
            return cls(known.rollout, known.indicators)
        if known.evidence is None:
            raise ValueError("a snapshot of a gate has neither evidence nor indicators")
        rollout = known.rollout
        evidence = RolloutEvidence(rollout.policy, rollout.progress.ordered_at, rollout.judging)
        evidence.restore(known.evidence)
        return cls(rollout, evidence)


def refuse_start(gate: Gate, given: Started, moment: Moment) -> bool:
    """Whether the rollout must not be started again by this order; its status then has the reason."""
    why = refusal_of_start(gate.state, given, moment)
    if why:
        refused = ControlOutcome("start", given.by, False, f"start refused: {why}", moment.journal)
        gate.state = replace(gate.state, control=refused)
    return bool(why)


def _lately(cohort: str, events: CohortTelemetry) -> dict[str, object]:
    """A cohort of which too much is missing in the last minute."""
    return {"cohort": cohort, **events.document()}
