"""Where a rollout stands, for people and dashboards: the message on `gate-status`."""

from __future__ import annotations

from collections.abc import Mapping

from gates.advice.detectability import live_detection, live_passes
from gates.comparison.count_evidence import BlockState
from gates.documents.state import as_document
from gates.evidence.evaluation import RolloutEvidence
from gates.evidence.indicators import Indicators
from gates.machine.rollout import Moment, RolloutState
from gates.machine.transitions import ENDED
from gates.policy.checks import joint_test_of
from gates.telemetry import CohortTelemetry
from gates.verdicts import agreement_document, significant

STATUS_SCHEMA = "sluicegate.status/v1"


def status_document(state: RolloutState, evidence: RolloutEvidence | Indicators, moment: Moment) -> dict[str, object]:
    """Where a rollout stands; of one that has ended, `evidence` is its last indicators."""
    policy, stage, progress, evaluation, last = state.policy, state.stage, state.progress, state.evaluation, state.last
    if isinstance(evidence, RolloutEvidence):
        indicators, joint_test, requests = evidence.indicators(), evidence.joint_test, evidence.eligible()
        blocks = evidence.blocks()
    else:
        indicators, joint_test, requests, blocks = evidence, joint_test_of(policy), {}, {}
    seen = policy, joint_test, progress.index, indicators.rps, evaluation.verdicts, state.judging
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
        "order": _order(state),
        "in_force": as_document(state.in_force),
        "cause": None if state.cause is None else state.cause.value,
        "escalate": last is not None and last.escalate,
        "pause": as_document(state.pause),
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
        "sight": live_detection(*seen),
        "blocks": {name: _block(known) for name, known in blocks.items()},
        "needs": _needs(state, requests, live_passes(*seen)),
        "slis": indicators.document(),
        "completeness": evaluation.completeness,
        "min_completeness": policy.min_completeness,
        "telemetry": {cohort: known.document() for cohort, known in evaluation.telemetry.items()},
        "lately": None if evaluation.lately is None else _lately(*evaluation.lately),
        "cohorts": policy.cohorts.document(),
        "control": as_document(state.control),
        "owner": policy.owner,
        "freeze": as_document(None if state.phase in ENDED else moment.frozen(policy)),
    }


def _needs(state: RolloutState, requests: Mapping[str, int], pass_s: Mapping[str, float | None]) -> dict[str, object]:
    """What a PASS of the stage takes, how many requests there are, and how many seconds the evidence takes by check."""
    policy = state.policy
    return {
        "min_requests": policy.min_requests,
        "pane_ms": policy.pane_ms,
        "requests": requests,
        "pass_s": pass_s,
    }


def _block(known: BlockState) -> dict[str, object]:
    """When the evidence of a check is looked at next, and what makes its blocks as long as they are."""
    return {
        "left_ms": known.left_ms,
        "length_ms": known.length_ms,
        "rho_s": significant(known.rho_s),
        "phi": significant(known.phi),
        "stated": known.stated,
        "settled": known.settled,
        "agreement": agreement_document(known.report.agreement),
    }


def _order(state: RolloutState) -> dict[str, object] | None:
    """The newest order, and what its actuators reported."""
    order = state.order
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


def _lately(cohort: str, events: CohortTelemetry) -> dict[str, object]:
    """A cohort of which too much is missing in the last minute."""
    return {"cohort": cohort, **events.document()}
