"""Is this worker alive, and is it making progress? What /healthz and /readyz answer from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class Pulse:
    """One loop's sign of life: it calls `beat` each round, and sets `ready` once it has joined its group."""

    name: str
    ready: bool = False
    last: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """A round was done."""
        self.last = time.monotonic()

    @property
    def silent(self) -> float:
        """Seconds since the last round."""
        return time.monotonic() - self.last


@dataclass(slots=True)
class Health:
    """The pulses of all loops of this worker."""

    pulses: list[Pulse] = field(default_factory=list)

    def pulse(self, name: str) -> Pulse:
        """A new loop's pulse."""
        self.pulses.append(Pulse(name))
        return self.pulses[-1]

    def alive(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop has made a round within `LONGEST_PAUSE` seconds, and a word for each."""
        words = {
            pulse.name: "ok" if pulse.silent <= LONGEST_PAUSE else f"no progress for {pulse.silent:.0f} s"
            for pulse in self.pulses
        }
        return all(word == "ok" for word in words.values()), words

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every loop has joined its group, and a word for each."""
        words = {pulse.name: "ok" if pulse.ready else "joining its consumer group" for pulse in self.pulses}
        return all(pulse.ready for pulse in self.pulses), words
