"""Whether a demo went as its scenario promises. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streams.demo.scenario import Promise
from streams.demo.scene import Scene

WATCHED_MS: Final = 2_000
"""So long nothing may reach the canary after the rollback, and so long an undecided rollout is watched."""

UNDECIDED_FOR_MS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end: whether the promise was kept, and in words."""

    kept: bool
    words: str


@dataclass(frozen=True, slots=True)
class Measured:
    """How long the rollback took, in seconds since the first bad answer: until decided, until nothing was sent."""

    decided_s: float
    zero_s: float


def outcome(scene: Scene, now: int) -> Outcome | None:
    """How it ended; None while it has not. `now` is wall-clock milliseconds."""
    match scene.scenario.promise:
        case Promise.PROMOTED:
            return _promoted(scene)
        case Promise.ROLLED_BACK:
            return _rolled_back(scene, now)
        case Promise.OUTAGE_HELD:
            return _outage_held(scene)
        case Promise.UNDECIDED:
            return _undecided(scene, now)


def _promoted(scene: Scene) -> Outcome | None:
    if scene.first("rollback"):
        return Outcome(False, "a healthy canary was rolled back")
    return Outcome(True, "the canary was promoted") if scene.first("promote") else None


def _rolled_back(scene: Scene, now: int) -> Outcome | None:
    rollback = scene.first("rollback")
    if scene.first("promote"):
        return Outcome(False, "a bad canary was promoted")
    if rollback is None:
        return None
    if scene.fault_at is None or rollback.at < scene.fault_at:
        return Outcome(False, "the canary was rolled back before anything was wrong with it")
    zero_at, last = scene.account.get("zero_at"), scene.account.get("last_forwarded_at")
    if zero_at is None or now < zero_at + WATCHED_MS:
        return None
    if last is not None and last > zero_at:
        return Outcome(False, "requests still reached the canary after the rollback")
    return Outcome(True, "the bad canary was rolled back")


def _outage_held(scene: Scene) -> Outcome | None:
    if scene.first("rollback"):
        return Outcome(False, "a healthy canary was rolled back because its telemetry was away")
    began, over = scene.fault_at, scene.fault_over_at
    if began is None:
        return None
    for word in ("advance", "promote"):
        moved = scene.first(word, began)
        if moved and (over is None or moved.at < over):
            return Outcome(False, "the rollout went on while nobody could see")
    held = scene.first("hold", began)
    if over is None:
        return None
    if held is None or held.at >= over:
        return Outcome(False, "the rollout was not held while nobody could see")
    resumed = scene.first("resume", over)
    if resumed is None or scene.first("advance", resumed.at) is None:
        return None
    return Outcome(True, "the rollout was held while nobody could see, then resumed and went on")


def _undecided(scene: Scene, now: int) -> Outcome | None:
    for word in ("advance", "promote", "rollback"):
        if scene.first(word):
            return Outcome(False, f"too little was known, and yet: {word}")
    held = scene.first("hold")
    if held is None or now < held.at + UNDECIDED_FOR_MS:
        return None
    return Outcome(True, "too little was known, and so nothing was done but hold")


def measured(scene: Scene) -> Measured | None:
    """How long the rollback took; None where there was none, or no bad answer before it."""
    rollback, bad, zero = scene.first("rollback"), scene.account.get("first_bad_at"), scene.account.get("zero_at")
    if rollback is None or bad is None or zero is None:
        return None
    last = max(zero, scene.account.get("last_forwarded_at") or zero)
    return Measured((rollback.at - bad) / 1000.0, (last - bad) / 1000.0)
