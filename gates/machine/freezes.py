"""Freezes: while one holds, a rollout bakes, pauses and rolls back as always, but it neither starts nor advances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gates.policy import Policy
from gates.policy.freeze import frozen_until
from gates.text import date_time


@dataclass(frozen=True, slots=True)
class Freeze:
    """An operator's freeze of all rollouts, or of those whose policy has the `label` (`KEY=VALUE`).

    It holds before the event time `until` (ms); None: until somebody ends it.
    """

    by: str
    reason: str
    label: str | None = None
    until: int | None = None

    def holds(self, policy: Policy, at: int) -> bool:
        """Whether a rollout by this policy is frozen by it at this event time."""
        if self.until is not None and at >= self.until:
            return False
        if self.label is None:
            return True
        key, _, value = self.label.partition("=")
        return policy.labels.get(key) == value


@dataclass(frozen=True, slots=True)
class Frozen:
    """Why a rollout is frozen, and until when; `by` is None where a freeze window of the policy holds."""

    by: str | None
    reason: str
    label: str | None
    until: int | None

    @property
    def text(self) -> str:
        """Who froze what, until when and why."""
        end = "" if self.until is None else f" until {date_time(self.until)}"
        if self.by is None:
            return f"a freeze window of the policy holds{end}"
        subject = "rollouts" if self.label is None else f"rollouts with label {self.label}"
        reason = f" (reason: {self.reason})" if self.reason else ""
        return f"{subject} are frozen by {self.by}{end}{reason}"


def frozen(policy: Policy, freezes: Iterable[Freeze], at: int) -> Frozen | None:
    """The freeze of a rollout at an event time; of several the one that lasts longest, None without any."""
    found = [
        Frozen(freeze.by, freeze.reason, freeze.label, freeze.until) for freeze in freezes if freeze.holds(policy, at)
    ]
    window = frozen_until(policy.freeze or (), at)
    if window is not None:
        found.append(Frozen(None, "", None, window))
    return max(found, key=lambda each: (each.until is None, each.until or 0), default=None)
