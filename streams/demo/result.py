"""Whether a demo ended as its scenario must. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streams.demo.scenario import ExpectedEnd
from streams.demo.state import DemoState
from streams.views.orders import is_confirmed

QUIET_MS: Final = 2_000
"""After the rollback, no request may reach the canary for this long."""

UNDECIDED_FOR_MS: Final = 8_000
"""A hold without further decisions for this long counts as undecided."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Whether the demo ended as expected, and what happened."""

    as_expected: bool
    text: str


@dataclass(frozen=True, slots=True)
class RollbackTimes:
    """Seconds from the first bad answer to the decision, and to the last request that the canary got."""

    decided_s: float
    zero_s: float


def demo_result(state: DemoState, now: int) -> DemoResult | None:
    """The result; None while the demo has not ended. `now` is wall-clock milliseconds."""
    match state.scenario.expected:
        case ExpectedEnd.PROMOTED:
            return _promoted(state)
        case ExpectedEnd.ROLLED_BACK:
            return _rolled_back(state, now)
        case ExpectedEnd.OUTAGE_HELD:
            return _outage_held(state)
        case ExpectedEnd.UNDECIDED:
            return _undecided(state, now)


def _promoted(state: DemoState) -> DemoResult | None:
    if state.first("rollback"):
        return DemoResult(False, "a healthy canary was rolled back")
    # Decided is not done: the router must have confirmed the newest order, and the status must be of the promotion.
    done = state.first("promote") and state.status.get("phase") == "promoted" and is_confirmed(state.status)
    return DemoResult(True, "the canary was promoted") if done else None


def _rolled_back(state: DemoState, now: int) -> DemoResult | None:
    rollback = state.first("rollback")
    if state.first("promote"):
        return DemoResult(False, "a bad canary was promoted")
    if rollback is None:
        return None
    if state.fault_at is None or rollback.at < state.fault_at:
        return DemoResult(False, "the canary was rolled back before it was bad")
    zero_at, last = state.router.get("zero_at"), state.router.get("last_forwarded_at")
    if zero_at is None or now < zero_at + QUIET_MS:
        return None
    if last is not None and last > zero_at:
        return DemoResult(False, "requests still reached the canary after the rollback")
    return DemoResult(True, "the bad canary was rolled back")


def _outage_held(state: DemoState) -> DemoResult | None:
    if state.first("rollback"):
        return DemoResult(False, "a healthy canary was rolled back because telemetry was missing")
    began, over = state.fault_at, state.fault_over_at
    if began is None:
        return None
    for action in ("advance", "promote"):
        moved = state.first(action, began)
        if moved and (over is None or moved.at < over):
            return DemoResult(False, "the rollout advanced while telemetry was missing")
    held = state.first("hold", began)
    if over is None:
        return None
    if held is None or held.at >= over:
        return DemoResult(False, "the rollout was not held while telemetry was missing")
    resumed = state.first("resume", over)
    if resumed is None or state.first("advance", resumed.at) is None:
        return None
    return DemoResult(True, "the rollout was held while telemetry was missing, then resumed and advanced")


def _undecided(state: DemoState, now: int) -> DemoResult | None:
    for action in ("advance", "promote", "rollback"):
        if state.first(action):
            return DemoResult(False, f"there was too little traffic to judge, but the decision was: {action}")
    held = state.first("hold")
    if held is None or now < held.at + UNDECIDED_FOR_MS:
        return None
    return DemoResult(True, "there was too little traffic to judge, so the rollout was held")


def rollback_times(state: DemoState) -> RollbackTimes | None:
    """How long the rollback took; None without a rollback, or without a bad answer before it."""
    rollback, bad, zero = state.first("rollback"), state.router.get("first_bad_at"), state.router.get("zero_at")
    if rollback is None or bad is None or zero is None:
        return None
    last = max(zero, state.router.get("last_forwarded_at") or zero)
    return RollbackTimes((rollback.at - bad) / 1000.0, (last - bad) / 1000.0)
