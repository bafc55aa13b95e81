"""The stories that the demo can tell: what goes wrong when, and what Sluicegate then promises to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, cast

from connectors.policy_files import load
from gates.documents.quantities import format_duration
from gates.policy import Policy

FAST: Final = 0.4
"""With --fast, bakes and the fault's delay take so much of their time."""

SECOND_STAGE: Final = 1
"""Index of the stage in which faults happen."""


class FaultKind(StrEnum):
    """What can go wrong."""

    ERRORS = "errors"
    """The canary answers some requests with HTTP 500."""
    SLOWNESS = "slowness"
    """The canary takes several times as long."""
    SILENCE = "silence"
    """The router emits no events, while it serves as before."""


class Promise(StrEnum):
    """How a scenario must end."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    OUTAGE_HELD = "held during the outage, then resumed"
    UNDECIDED = "held, neither promoted nor rolled back"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, `after_s` seconds into the second stage; for `lasts_s` seconds, or until the end (None)."""

    kind: FaultKind
    after_s: float
    words: str
    lasts_s: float | None = None
    error_rate: float = 0.0
    slowdown: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `rps` is the load in requests a second unless told otherwise; `hold_after` replaces the policy's."""

    name: str
    story: str
    promise: Promise
    fault: Fault | None = None
    rps: float = 300.0
    hold_after: str | None = None


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("healthy", "The new version is as good as the old one.", Promise.PROMOTED),
        Scenario(
            "error-spike",
            "The new version looks fine at first; in the second stage it begins to fail.",
            Promise.ROLLED_BACK,
            Fault(FaultKind.ERRORS, 12.0, "the canary fails 30 % of its requests", error_rate=0.3),
        ),
        Scenario(
            "latency-regression",
            "The new version looks fine at first; in the second stage it becomes six times as slow.",
            Promise.ROLLED_BACK,
            Fault(FaultKind.SLOWNESS, 12.0, "the canary is six times as slow", slowdown=6.0),
        ),
        Scenario(
            "telemetry-outage",
            "The new version is good, but in the second stage no telemetry arrives for a while.",
            Promise.OUTAGE_HELD,
            Fault(FaultKind.SILENCE, 5.0, "the router serves on but emits no events", lasts_s=10.0),
        ),
        Scenario(
            "sparse",
            "There is so little traffic that nothing can be said about the new version.",
            Promise.UNDECIDED,
            rps=2.0,
            hold_after="1m",
        ),
    )
}
"""Every scenario by its name."""


def policy_of(scenario: Scenario, *, pace: float = 1.0) -> Policy:
    """The rollout policy of a scenario, its bakes shortened to `pace` of their length (whole seconds).

    >>> policy_of(SCENARIOS["healthy"], pace=FAST).stages[0].bake_ms
    8000
    """
    source = files("streams.demo") / "policies" / "checkout.yaml"
    document = cast("dict[str, Any]", load(source.read_bytes(), source=source.name).document())
    for stage, parsed in zip(document["stages"], Policy.parse(document).stages, strict=True):
        stage["bake"] = format_duration(round(parsed.bake_ms * pace / 1000.0) * 1000)
    if scenario.hold_after is not None:
        document["no_data"]["hold_after"] = scenario.hold_after
    return Policy.parse(document)
