"""Is this worker alive, and is it making progress? What /healthz and /readyz answer from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

LONGEST_PAUSE = 60.0
"""Seconds without headway after which a loop is unhealthy."""

LONGEST_UNANSWERED_MS = 10_000.0
"""A consumer whose fetches have not been answered for so long makes no headway, whatever else it does."""


@dataclass(slots=True)
class Pulse:
    """One loop's sign of life: it calls `beat` when it made headway, and sets `ready` once it has joined its group.

    `trouble` is what hinders it for good, if anything does: something for a person, that no restart will mend.
    """

    name: str
    ready: bool = False
    trouble: str = ""
    last: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """There was headway: a round was done, and Kafka answered."""
        self.last = time.monotonic()

    @property
    def silent(self) -> float:
        """Seconds since the last headway."""
        return time.monotonic() - self.last


@dataclass(slots=True)
class Health:
    """The pulses of all loops of this worker."""

    longest_pause: float = LONGEST_PAUSE
    pulses: list[Pulse] = field(default_factory=list)

    def pulse(self, name: str) -> Pulse:
        """A new loop's pulse."""
        self.pulses.append(Pulse(name))
        return self.pulses[-1]

    def alive(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop has made headway within `longest_pause` seconds, and a word for each."""
        words = {pulse.name: pulse.trouble or self._said(pulse) for pulse in self.pulses}
        return all(word == "ok" for word in words.values()), words

    def _said(self, pulse: Pulse) -> str:
        return "ok" if pulse.silent <= self.longest_pause else f"no progress for {pulse.silent:.0f} s"

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop has joined its group, and a word for each."""
        words = {pulse.name: "ok" if pulse.ready else "joining its consumer group" for pulse in self.pulses}
        return all(pulse.ready for pulse in self.pulses), words
