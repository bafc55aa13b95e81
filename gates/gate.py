"""One rollout: its evidence and its state machine, driven together. This is what the judge folds over the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from gates.advice.detectability import live_detection
from gates.decisions import Decision, decision_from
from gates.evidence.evaluation import EvidenceOfRollout
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
from gates.machine.step import Output, start, step
from gates.machine.transitions import Phase, Signal
from gates.panes import Pane
from gates.policy import Policy
from gates.verdicts import Measurement, Outcome, Verdict

STATUS_SCHEMA = "sluicegate.status/v1"
ENDED = frozenset({Phase.ROLLED_BACK, Phase.PROMOTED})


@dataclass(slots=True)
class Gate:
    """A rollout under the gate. Make one with `begin`, or from a snapshot with `load`."""

    state: RolloutState
    evidence: EvidenceOfRollout

    @classmethod
    def begin(cls, before: Gate | None, given: Started, moment: Moment) -> tuple[Gate, tuple[Output, ...]]:
        """Start the rollout's first epoch, or the one after `before`."""
        state, outputs = start(None if before is None else before.state, given, moment)
        return cls(state, EvidenceOfRollout(given.policy, moment.event_time)), outputs

    @property
    def ended(self) -> bool:
        """Rolled back or promoted: panes are no longer judged."""
        return self.state.phase in ENDED

    def pane(self, pane: Pane, moment: Moment) -> tuple[Output, ...]:
        """Judge the next pane."""
        return () if self.ended else self._step(self.evidence.observe(pane), moment)

    def control(self, given: Controlled, moment: Moment) -> tuple[Output, ...]:
        """An operator's word."""
        return self._step(given, moment)

    def ack(self, given: Acked, moment: Moment) -> tuple[Output, ...]:
        """An actuator's report."""
        return self._step(given, moment)

    def tick(self, moment: Moment) -> tuple[Output, ...]:
        """Wall time went on: commands fall due."""
        return self._step(Ticked(), moment) if self.state.pending is not None else ()

    def _step(self, given: Input, moment: Moment) -> tuple[Output, ...]:
        before = self.state
        self.state, outputs = step(before, given, moment)
        if self.state.stage != before.stage:
            self.evidence.enter_stage(self.state.stage, self.state.ordered_at)
        if self.state.confirmed_at is not None and self.state.confirmed_at != before.confirmed_at:
            self.evidence.confirm_stage(self.state.confirmed_at)
        if self.state.last is not before.last and outputs:
            outputs = self._with_intervals(outputs)
        if self.ended and before.phase not in ENDED:
            self.evidence.close()
        return outputs

    def _with_intervals(self, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        """A new decision, with what is shown beside its verdicts and is worked out only for it."""
        last = self.state.last
        if last is None:
            return outputs
        shown = self.evidence.intervals()
        checks = tuple({**check, **shown.get(str(check["name"]), {})} for check in last.checks)
        decision = replace(last, checks=checks)
        self.state = replace(self.state, last=decision)
        return tuple(
            decision if isinstance(output, Decision) else replace(output, decision=decision) for output in outputs
        )

    def status(self, moment: Moment) -> dict[str, object]:
        """Where the rollout stands, for people and dashboards: the message on `gate-status`."""
        state, policy = self.state, self.state.policy
        stage = policy.stages[state.stage]
        last = state.last
        return {
            "schema": STATUS_SCHEMA,
            "rollout": policy.rollout,
            "epoch": state.epoch,
            "policy_hash": policy.hash,
            "phase": state.phase.value,
            "stage": stage.name,
            "stage_index": state.stage,
            "stages": [{"name": each.name, "weight": each.weight, "bake_ms": each.bake_ms} for each in policy.stages],
            "baked_ms": state.baked_ms,
            "bake_ms": stage.bake_ms,
            "confirmed": state.confirmed_at is not None,
            "weights": {} if last is None else dict(last.weights),
            "event_time": moment.event_time,
            "reason": "" if last is None else last.reason,
            "decision": None if last is None else last.id,
            "checks": list(state.checks),
            "combined": None if state.combined is None else dict(state.combined),
            "confidence": {"rollback": policy.confidence.rollback, "advance": policy.confidence.advance},
            "doubts": list(state.doubts),
            "notices": [str(check["reason"]) for check in state.checks if _notifies(check)],
            "passes": {"so_far": state.passes, "needed": stage.passes},
            "approval": {"needed": stage.approval, "by": state.approved_by},
            "sight": live_detection(
                policy, self.evidence.joint_test, state.stage, self.evidence.rps(), _verdicts_of(state.checks)
            ),
            "slis": self.evidence.slis(),
            "completeness": state.completeness,
            "cohorts": policy.cohorts.document(),
            "control": None if state.control is None else asdict(state.control),
            "owner": policy.owner,
        }

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        state = self.state
        return {
            "policy": state.policy.written,
            "phase": state.phase.value,
            "epoch": state.epoch,
            "ordered_at": state.ordered_at,
            "sequence": state.sequence,
            "stage": state.stage,
            "confirmed_at": state.confirmed_at,
            "timed_from": state.timed_from,
            "baked_ms": state.baked_ms,
            "heard_until": state.heard_until,
            "cause": None if state.cause is None else state.cause.value,
            "checks": list(state.checks),
            "combined": None if state.combined is None else dict(state.combined),
            "doubts": list(state.doubts),
            "passes": state.passes,
            "approved_by": state.approved_by,
            "completeness": state.completeness,
            "last": None if state.last is None else state.last.document(),
            "pending": None if state.pending is None else asdict(state.pending),
            "control": None if state.control is None else asdict(state.control),
            "evidence": self.evidence.dump(),
        }

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Gate:
        """The gate that `dump` described."""
        known = dict(document)
        policy = Policy.parse(known.pop("policy"))
        evidence = EvidenceOfRollout(policy, known["ordered_at"])
        evidence.load(known.pop("evidence"))
        state = RolloutState(
            policy=policy, phase=Phase(known["phase"]), epoch=known["epoch"], ordered_at=known["ordered_at"]
        )
        return cls(
            replace(
                state,
                sequence=known["sequence"],
                stage=known["stage"],
                confirmed_at=known["confirmed_at"],
                timed_from=known["timed_from"],
                baked_ms=known["baked_ms"],
                heard_until=known["heard_until"],
                cause=None if known["cause"] is None else Signal(known["cause"]),
                checks=tuple(known["checks"]),
                combined=known["combined"],
                doubts=tuple(known["doubts"]),
                passes=known["passes"],
                approved_by=known["approved_by"],
                completeness=known["completeness"],
                last=_decision(known["last"]),
                pending=None if known["pending"] is None else Pending(**known["pending"]),
                control=_control(known["control"]),
            ),
            evidence,
        )


def _verdicts_of(documents: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """The verdicts of the last pane, as far as detectability needs them, while the state keeps them as documents."""
    nothing = Measurement(0, None)
    return [
        Verdict(
            check["name"],
            Outcome(check["verdict"]),
            check["reason"],
            (check["window"]["start"], check["window"]["end"]),
            nothing,
            Measurement(check["baseline"]["requests"], check["baseline"]["value"]),
        )
        for check in documents
    ]


def _notifies(check: Mapping[str, object]) -> bool:
    """Whether a verdict is a FAIL that a person is to be told of, and nothing else."""
    return check["verdict"] == "FAIL" and check["on_fail"] == "notify" and check["severity"] != "dry_run"


def _decision(document: Mapping[str, Any] | None) -> Decision | None:
    return None if document is None else decision_from(document)


def _control(document: Mapping[str, Any] | None) -> ControlOutcome | None:
    return None if document is None else ControlOutcome(**{**document, "journal": tuple(document["journal"])})
