"""All that is known of a running demo, for the outcome and the screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gates.policy import Policy
from streams.demo.scenario import Scenario

WINDOW_S: Final = 3.0
"""Traffic is shown over the last seconds."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One cohort's traffic over the last seconds: requests a second, and the share that failed (None: none came)."""

    rps: float
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision (as its document) and when it was published, in wall-clock milliseconds."""

    document: Mapping[str, Any]
    at: int

    @property
    def action(self) -> str:
        """What was decided."""
        return str(self.document["action"])


@dataclass(slots=True)
class Scene:
    """The demo so far; times are wall-clock milliseconds, None before it happened.

    `account` is the router's own (see `routing.Account`); `fault_at` and `fault_over_at` are when the scenario's fault
    was switched on and off.
    """

    scenario: Scenario
    policy: Policy
    decisions: list[Decided] = field(default_factory=list)
    status: Mapping[str, Any] = field(default_factory=dict)
    account: Mapping[str, Any] = field(default_factory=dict)
    fault_at: int | None = None
    fault_over_at: int | None = None
    _samples: deque[tuple[float, Mapping[str, Any]]] = field(default_factory=deque)

    def decided(self, document: Mapping[str, Any], at: int) -> Decided | None:
        """Take in a decision; None where it is a repeat."""
        if any(known.document["id"] == document["id"] for known in self.decisions):
            return None
        self.decisions.append(Decided(document, at))
        return self.decisions[-1]

    def first(self, action: str, since: int = 0) -> Decided | None:
        """The first decision of this kind published at `since` or later."""
        return next((one for one in self.decisions if one.action == action and one.at >= since), None)

    def entered(self, stage: int) -> int | None:
        """When the rollout was ordered into this stage."""
        name = self.policy.stages[stage].name
        return next((one.at for one in self.decisions if one.document["stage"] == name), None)

    def routed(self, account: Mapping[str, Any], seconds: float) -> None:
        """Take in the router's account, read at `seconds` of a clock that only goes forward."""
        self.account = account
        self._samples.append((seconds, account["tallies"]))
        while len(self._samples) > 1 and self._samples[1][0] <= seconds - WINDOW_S:
            self._samples.popleft()

    def flows(self) -> dict[str, Flow]:
        """Each cohort's traffic over the last seconds, the baseline first; empty until it can be said."""
        if len(self._samples) < 2:
            return {}
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        flows: dict[str, Flow] = {}
        for cohort in (self.policy.cohorts.baseline, self.policy.cohorts.candidate):
            requests = after[cohort]["requests"] - before[cohort]["requests"]
            errors = after[cohort]["errors"] - before[cohort]["errors"]
            flows[cohort] = Flow(requests / (ended - began), errors / requests if requests else None)
        return flows
