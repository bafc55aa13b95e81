"""The state of a running demo, from which its result and its screen are made. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gates.policy import Policy
from streams.demo.scenario import DemoScenario

WINDOW_S: Final = 3.0
"""Traffic is shown over this many seconds."""


@dataclass(frozen=True, slots=True)
class CohortRate:
    """One cohort's traffic over the last seconds: requests per second, and the share that failed (None: no request)."""

    rps: float
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class PublishedDecision:
    """A decision (as its document) and when it was published, in wall-clock milliseconds."""

    document: Mapping[str, Any]
    at: int

    @property
    def action(self) -> str:
        """The decision's action."""
        return str(self.document["action"])


class Note(NamedTuple):
    """Something that the demo did to the canary or to the telemetry, at a time in wall-clock milliseconds."""

    at: int
    text: str


@dataclass(slots=True)
class DemoState:
    """The demo so far; times are wall-clock milliseconds, None if it has not happened.

    `router` is the router's latest report (see `routing.RouterReport`); `fault_at` and `fault_over_at` are when the
    scenario's fault was switched on and off.
    """

    scenario: DemoScenario
    policy: Policy
    decisions: list[PublishedDecision] = field(default_factory=list)
    status: Mapping[str, Any] = field(default_factory=dict)
    router: Mapping[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    fault_at: int | None = None
    fault_over_at: int | None = None
    _samples: deque[tuple[float, Mapping[str, Any]]] = field(default_factory=deque)

    def add_decision(self, document: Mapping[str, Any], at: int) -> None:
        """Add a decision unless it is there: the gate sends a decision again until it is confirmed."""
        if all(known.document["id"] != document["id"] for known in self.decisions):
            self.decisions.append(PublishedDecision(document, at))

    def first(self, action: str, since: int = 0) -> PublishedDecision | None:
        """The first decision with this action that was published at `since` or later."""
        return next((one for one in self.decisions if one.action == action and one.at >= since), None)

    def entered(self, stage: int) -> int | None:
        """When the rollout was ordered into this stage."""
        name = self.policy.stages[stage].name
        return next((one.at for one in self.decisions if one.document["stage"] == name), None)

    def add_router_report(self, report: Mapping[str, Any], seconds: float) -> None:
        """Add the router's report, read at `seconds` of a monotonic clock."""
        self.router = report
        self._samples.append((seconds, report["tallies"]))
        while len(self._samples) > 1 and self._samples[1][0] <= seconds - WINDOW_S:
            self._samples.popleft()

    def rates(self) -> dict[str, CohortRate]:
        """Each cohort's traffic over the last seconds, the baseline first; empty before the second report."""
        if len(self._samples) < 2:
            return {}
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        rates: dict[str, CohortRate] = {}
        for cohort in (self.policy.cohorts.baseline, self.policy.cohorts.candidate):
            requests = after[cohort]["requests"] - before[cohort]["requests"]
            errors = after[cohort]["errors"] - before[cohort]["errors"]
            rates[cohort] = CohortRate(requests / (ended - began), errors / requests if requests else None)
        return rates
