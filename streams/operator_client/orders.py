"""Gives an operator's orders, and waits for what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kafka.clients import KafkaSettings, producer
from connectors.signing.keys import keyring
from gates.decisions import Action
from gates.machine.freezes import Freeze as OrderedFreeze
from gates.machine.freezes import Frozen, frozen
from gates.machine.starting import Standing, refusal, refusal_of_frozen, traffic_moved
from gates.machine.transitions import Phase
from gates.policy import Policy
from streams.clock import wall_ms
from streams.journal import OF_A_STAGE, Control, ControlName, Freeze, Start, encode
from streams.operator_client.errors import OrderRefusedError, RunningAlreadyError, UnansweredError
from streams.operator_client.status_view import StatusView, has_ended

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insistence:
    """The flags by which an operator insists on an order that would be refused without them."""

    confirmed: bool = False
    replace: bool = False
    override_freeze: bool = False


NO_FLAGS = Insistence()


def _runs_by(policy: Policy, status: Document) -> bool:
    return not has_ended(status) and bool(status["policy_hash"] == policy.hash)


def _may_be_aside(status: Document) -> bool:
    """Whether the judge may have set the rollout aside, which a confirmed start ends: held without a decision."""
    return status["decision"] is None and bool(status["phase"] == Phase.HELD)


async def start(
    view: StatusView, policy: Policy, *, by: str, reason: str, wait_s: float | None, insists: Insistence = NO_FLAGS
) -> Document | None:
    """Start a rollout by its policy; returns the start decision, or None where `wait_s` is None.

    What the gate would refuse is refused here too, before anything is sent.

    Raises:
        RunningAlreadyError: the rollout is already running with this policy.
        OrderRefusedError: the start lacks a flag.
        UnansweredError: no start decision came within `wait_s`.
    """
    rollout = policy.rollout
    status = view.statuses.get(rollout)
    epoch = 0 if status is None else status["epoch"]
    if status is not None and _runs_by(policy, status) and not (insists.confirmed and _may_be_aside(status)):
        raise RunningAlreadyError(
            f"{rollout} is already running with this policy (epoch {epoch}, stage {status['stage']}); "
            f"watch it with sluicegate rollout watch {rollout}"
        )
    if status is not None and (
        why := refusal(_standing(status), policy, confirmed=insists.confirmed, replace=insists.replace)
    ):
        raise OrderRefusedError(f"start refused: {why}")
    before = None if status is None else status["control"]
    if not insists.override_freeze and (freeze := _frozen_by(view, policy)):
        raise OrderRefusedError(f"start refused: {refusal_of_frozen(freeze)}")
    record = Start(
        rollout=rollout,
        policy=policy.document(),
        by=by,
        reason=reason,
        at=wall_ms(),
        confirmed=insists.confirmed,
        replace=insists.replace,
        override_freeze=insists.override_freeze,
    )
    await _send(view.settings, view.settings.topics.policies, record)
    if wait_s is None:
        return None

    def started() -> Document | OrderRefusedError | None:
        for decision in reversed(view.decisions(rollout)):
            found = (decision["epoch"] > epoch, decision["action"], decision["policy_hash"])
            if found == (True, Action.START, policy.hash):
                return decision
        return _refused(view.statuses.get(rollout), before, "start", by)

    return _answered(await view.wait_for(started, wait_s), "start", wait_s)


def moved_by(view: StatusView, policy: Policy) -> str:
    """What a start by this policy does to the traffic of a promoted rollout; "" if it takes none from it."""
    status = view.statuses.get(policy.rollout)
    return "" if status is None else traffic_moved(_standing(status), policy)


def _standing(status: Document) -> Standing:
    order, in_force = status.get("order"), status.get("in_force")
    return Standing(
        status["phase"],
        status["epoch"],
        status["owner"],
        status["cohorts"],
        confirmed=order is None or order["confirmed"],
        in_force=None if in_force is None else in_force["weights"],
    )


async def order(
    view: StatusView,
    rollout: str,
    control: ControlName,
    *,
    by: str,
    reason: str,
    wait_s: float | None,
    insists: Insistence = NO_FLAGS,
) -> Document | None:
    """Order a rollout to pause, resume, roll back or be promoted, approve its stage, or leave it by hand.

    Returns the decision, or None where `wait_s` is None. An approval is no decision by itself: it returns the last one.

    Raises:
        UnknownRolloutError: there is no such rollout.
        OrderRefusedError: the gate refused the order.
        UnansweredError: neither a decision nor a refusal came within `wait_s`.
    """
    status = view.status(rollout)
    epoch, before = status["epoch"], status["control"]
    seen = {decision["id"] for decision in view.decisions(rollout)}
    record = Control(
        rollout=rollout,
        control=control,
        by=by,
        reason=reason,
        at=wall_ms(),
        epoch=epoch,
        stage=status["stage"] if control in OF_A_STAGE else None,
        confirmed=insists.confirmed,
        override_freeze=insists.override_freeze,
    )
    await _send(view.settings, view.settings.topics.controls, record)
    if wait_s is None:
        return None

    def answer() -> Document | OrderRefusedError | None:
        for decision in view.decisions(rollout):
            if decision["id"] not in seen and (decision["action"], decision.get("by")) == (control, by):
                return decision
        status = view.status(rollout)
        if refused := _refused(status, before, control, by):
            return refused
        return view.decisions(rollout)[-1] if control == "approve" and _is_new(status, before, control, by) else None

    return _answered(await view.wait_for(answer, wait_s), control, wait_s)


async def freeze(view: StatusView, record: Freeze, *, wait_s: float | None) -> list[Document] | None:
    """Freeze rollouts, or end a freeze; returns all freezes that were ordered, or None where `wait_s` is None.

    Raises:
        UnansweredError: not every journal partition has answered within `wait_s`.
    """
    await _send(view.settings, view.settings.topics.controls, record)
    if wait_s is None:
        return None
    order = {"frozen": record.frozen, "label": record.label, "by": record.by, "at": record.at}

    def answered() -> list[Document] | None:
        answers = [each for each in view.freezes.values() if each["order"] == order]
        return list(answers[0]["freezes"]) if answers and len(answers) >= answers[0]["partitions"] else None

    found = await view.wait_for(answered, wait_s)
    if found is None:
        raise UnansweredError(_unanswered("freeze" if record.frozen else "unfreeze", wait_s))
    return found


def _frozen_by(view: StatusView, policy: Policy) -> Frozen | None:
    """The freeze that a start by this policy would meet now, as far as it is known here: the gate decides."""
    known = [OrderedFreeze(**freeze) for answer in view.freezes.values() for freeze in answer["freezes"]]
    return frozen(policy, known, wall_ms())


def _is_new(status: Document, before: Document | None, control: str, by: str) -> bool:
    """Whether the status has the outcome of an order that was given after `before`."""
    latest = status["control"]
    return latest is not None and latest != before and (latest["control"], latest["by"]) == (control, by)


def _refused(status: Document | None, before: Document | None, control: str, by: str) -> OrderRefusedError | None:
    if status is None or not _is_new(status, before, control, by) or status["control"]["accepted"]:
        return None
    return OrderRefusedError(status["control"]["reason"])


def _answered(found: Document | OrderRefusedError | None, order: str, wait_s: float) -> Document:
    """The answer to an order.

    Raises:
        OrderRefusedError: the gate refused the order.
        UnansweredError: there is no answer.
    """
    if isinstance(found, OrderRefusedError):
        raise found
    if found is None:
        raise UnansweredError(_unanswered(order, wait_s))
    return found


def _unanswered(order: str, wait_s: float) -> str:
    return (
        f"{order} was recorded but not answered within {wait_s:g}s; it takes effect when a worker with roles sequencer "
        "and judge runs; if orders must be signed, look in sluicegate dlq list"
    )


async def _send(settings: KafkaSettings, topic: str, record: Start | Control | Freeze) -> None:
    value = encode(record)
    headers = keyring(settings, "operator").sign(topic, value, expires_at=record.at + settings.signature_valid_ms)
    async with producer(settings, linger_ms=0) as sender:
        key = None if isinstance(record, Freeze) else record.rollout.encode()
        await sender.send_and_wait(topic, value, key=key, headers=headers)
