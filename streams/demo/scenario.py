"""The demo's scenarios: what goes wrong when, and how the rollout must end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, cast

from connectors.policy_files import load
from gates.documents.quantities import format_duration
from gates.policy import Policy

FAST: Final = 0.4
"""With --fast, bakes and the fault's delay take this share of their time."""

SECOND_STAGE: Final = 1
"""Index of the stage in which faults happen."""


class FaultKind(StrEnum):
    """What can go wrong."""

    ERRORS = "errors"
    """The canary answers some requests with HTTP 500."""
    SLOWNESS = "slowness"
    """The canary is several times as slow."""
    SILENCE = "silence"
    """The router serves as before but emits no events."""


class ExpectedEnd(StrEnum):
    """How a scenario must end."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    OUTAGE_HELD = "held during the outage, then resumed"
    UNDECIDED = "held, neither promoted nor rolled back"


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that begins `after_s` seconds into the second stage and lasts `lasts_s` seconds, or to the end (None)."""

    kind: FaultKind
    after_s: float
    text: str
    lasts_s: float | None = None
    error_rate: float = 0.0
    slowdown: float = 1.0


@dataclass(frozen=True, slots=True)
class DemoScenario:
    """One scenario. `rps` is the load in requests per second, by default; `hold_after` replaces the policy's."""

    name: str
    story: str
    expected: ExpectedEnd
    fault: InjectedFault | None = None
    rps: float = 300.0
    hold_after: str | None = None


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        DemoScenario("healthy", "The new version is as good as the old one.", ExpectedEnd.PROMOTED),
        DemoScenario(
            "error-spike",
            "The new version is healthy at first; in the second stage it begins to fail.",
            ExpectedEnd.ROLLED_BACK,
            InjectedFault(FaultKind.ERRORS, 12.0, "the canary fails 30% of its requests", error_rate=0.3),
        ),
        DemoScenario(
            "latency-regression",
            "The new version is healthy at first; in the second stage it becomes six times as slow.",
            ExpectedEnd.ROLLED_BACK,
            InjectedFault(FaultKind.SLOWNESS, 12.0, "the canary is six times as slow", slowdown=6.0),
        ),
        DemoScenario(
            "telemetry-outage",
            "The new version is good, but in the second stage telemetry is missing for 10 seconds.",
            ExpectedEnd.OUTAGE_HELD,
            InjectedFault(FaultKind.SILENCE, 5.0, "the router still serves but emits no events", lasts_s=10.0),
        ),
        DemoScenario(
            "sparse",
            "There is too little traffic to judge the new version.",
            ExpectedEnd.UNDECIDED,
            rps=2.0,
            hold_after="1m",
        ),
    )
}
"""Every scenario by its name."""


def policy_of(scenario: DemoScenario, *, pace: float = 1.0) -> Policy:
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
