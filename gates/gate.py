"""One rollout: its evidence and its state machine, driven together. The judge folds this over the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gates.decisions import Decision
from gates.documents.state import Codec
from gates.evidence.evaluation import EvidenceState, RolloutEvidence
from gates.evidence.indicators import Indicators
from gates.machine.facts import Decided, Ended, Output, StageConfirmed, StageEntered, StepResult
from gates.machine.rollout import (
    Acked,
    Controlled,
    ControlOutcome,
    Input,
    Moment,
    RolloutState,
    StageProgress,
    Started,
    Ticked,
)
from gates.machine.starting import refusal_of_start
from gates.machine.step import start, step
from gates.machine.transitions import ENDED
from gates.panes import Pane
from gates.policy import Policy
from gates.status import status_document
from gates.verdicts import NOT_EVALUATED


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

    def judge_from(self, event_time: int) -> None:
        """Judge from an earlier event time on, because a wrong clock had set the one so far.

        Nothing is known about that time but what was seen by the wrong one, so the evidence begins again and the stage
        bakes again. Orders, approvals, and a hold or pause stay as they are.
        """
        if self.ended:
            return
        before = self.state.progress
        confirmed_at = None if before.confirmed_at is None else event_time
        progress = StageProgress(before.index, event_time, event_time, confirmed_at, approved_by=before.approved_by)
        self.state = replace(self.state, progress=progress, evaluation=NOT_EVALUATED)
        self.evidence = evidence = RolloutEvidence(self.state.policy, event_time, self.state.judging)
        evidence.enter_stage(before.index, event_time)
        if confirmed_at is not None:
            evidence.confirm_stage(confirmed_at)

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
        return status_document(self.state, self.evidence, moment)

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
