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

    `trouble` is a lasting problem that needs a person. It fails /healthz and not the watchdog: a restart would not
    help.
    """

    name: str
    ready: bool = False
    waiting: str = "joining its consumer group"
    trouble: str = ""
    last: float = field(default_factory=time.monotonic)
    failed_at: float = float("-inf")

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
    def silent(self) -> float:
        """Seconds since the last headway."""
        return time.monotonic() - self.last


@dataclass(slots=True)
class Health:
    """The pulses of all loops of a worker."""

    longest_pause: float = LONGEST_PAUSE
    pulses: list[Pulse] = field(default_factory=list)

    def pulse(self, name: str) -> Pulse:
        """Add the pulse of a loop."""
        self.pulses.append(Pulse(name))
        return self.pulses[-1]

    def alive(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop made headway within `longest_pause` seconds, and the state of each."""
        states = {pulse.name: pulse.trouble or self._state(pulse) for pulse in self.pulses}
        return all(state == "ok" for state in states.values()), states

    def _state(self, pulse: Pulse) -> str:
        return "ok" if pulse.silent <= self.longest_pause else f"no progress for {pulse.silent:.0f}s"

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop has joined its group and has a partition, and the state of each."""
        states = {pulse.name: "ok" if pulse.ready else pulse.waiting for pulse in self.pulses}
        return all(pulse.ready for pulse in self.pulses), states
