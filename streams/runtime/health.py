"""Whether a worker is alive and makes headway: what /healthz and /readyz show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

LONGEST_PAUSE = 60.0
"""Seconds without headway after which a loop is unhealthy, where the settings give no other number."""

LONGEST_UNANSWERED_MS = 10_000.0
"""A consumer whose fetches were not answered for this long makes no headway, even if its loop still turns: it may be
cut off from Kafka without an error."""

TROUBLED_S = 30.0
"""Seconds without a failure after which a loop that had one is healthy again. One good round is not enough: the next
may fail at the same record as before."""
SPARE = "no partition: a spare"
"""The state of a loop whose group has no partition for it; it gets one when another worker leaves."""


@dataclass(slots=True)
class Pulse:
    """One loop's heartbeat: the loop calls `beat` when it makes headway, and `join` once its group assigned it work.

    `trouble` is a lasting problem that needs a person, `unapplied` are orders that an actuator could not put into
    force, `topics` are topics that do not accept what the loop writes to them, `stalled` names partitions that cannot
    be read, and `failed` is why the role does not run, or fails in each round. They fail /healthz and not the watchdog:
    a restart would not help.
    """

    name: str
    ready: bool = False
    waiting: str = "joining its consumer group"
    trouble: str = ""
    unapplied: str = ""
    stalled: str = ""
    failed: str = ""
    last: float = field(default_factory=time.monotonic)
    failed_at: float = float("-inf")
    topics: dict[str, str] = field(default_factory=dict)

    def beat(self) -> None:
        """Record headway: a round was done, and Kafka answered."""
        self.last = time.monotonic()

    def fail(self, why: str) -> None:
        """Record a failure that repeats until someone puts it right."""
        self.trouble, self.failed_at = why, time.monotonic()

    def recover(self, trouble: str = "") -> None:
        """Record a round without a failure; `trouble` replaces the last failure once that is long enough ago."""
        if time.monotonic() - self.failed_at > TROUBLED_S:
            self.trouble = trouble

    def join(self, partitions: int) -> None:
        """The group assigned this many partitions to the loop; without any it is a spare, which is not ready."""
        self.ready = partitions > 0
        self.waiting = SPARE

    @property
    def troubles(self) -> str:
        """All that is wrong at present; empty if nothing is.

        >>> Pulse("judge", trouble="truncated", topics={"gate-status": "gate-status refuses"}).troubles
        'truncated; gate-status refuses'
        """
        return "; ".join(filter(None, (self.trouble, self.unapplied, *(why for _, why in sorted(self.topics.items())))))

    @property
    def silent(self) -> float:
        """Seconds since the last headway."""
        return time.monotonic() - self.last


@dataclass(slots=True)
class Health:
    """The pulses of all loops of a worker."""

    longest_pause: float = LONGEST_PAUSE
    pulses: list[Pulse] = field(default_factory=list)

    def pulse(self, name: str) -> Pulse:
        """The pulse of a loop; one that is started again keeps its pulse."""
        found = next((pulse for pulse in self.pulses if pulse.name == name), None)
        if found is None:
            found = Pulse(name)
            self.pulses.append(found)
        return found

    def alive(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop made headway within `longest_pause` seconds, and the state of each."""
        states = {pulse.name: self._state(pulse) for pulse in self.pulses}
        return all(state == "ok" for state in states.values()), states

    def _state(self, pulse: Pulse) -> str:
        silent = "" if pulse.silent <= self.longest_pause else f"no progress for {pulse.silent:.0f}s"
        return "; ".join(filter(None, (pulse.failed, pulse.troubles, pulse.stalled))) or silent or "ok"

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop has joined its group and has a partition, and the state of each."""
        states = {pulse.name: pulse.failed or ("ok" if pulse.ready else pulse.waiting) for pulse in self.pulses}
        return all(pulse.ready and not pulse.failed for pulse in self.pulses), states
