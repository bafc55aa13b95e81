"""The names of the topics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicNames:
    """Every topic by what it carries; `prefix` keeps several installations apart on one cluster."""

    prefix: str = ""

    def __post_init__(self) -> None:
        if any(not (letter.isascii() and (letter.isalnum() or letter in "._-")) for letter in self.prefix):
            raise ValueError(f"topic prefix {self.prefix!r}: write letters, digits, dots, dashes and underscores only")

    @property
    def events(self) -> str:
        """Request events, from producers."""
        return f"{self.prefix}request-events"

    @property
    def policies(self) -> str:
        """Rollouts to start, from operators."""
        return f"{self.prefix}rollout-policies"

    @property
    def controls(self) -> str:
        """Pause, resume, rollback, promote, from operators."""
        return f"{self.prefix}rollout-controls"

    @property
    def acks(self) -> str:
        """What actuators did."""
        return f"{self.prefix}command-acks"

    @property
    def journal(self) -> str:
        """All that can change a rollout's fate, in one order."""
        return f"{self.prefix}gate-journal"

    @property
    def snapshots(self) -> str:
        """The judge's state, to recover from."""
        return f"{self.prefix}gate-snapshots"

    @property
    def decisions(self) -> str:
        """What the gate decided."""
        return f"{self.prefix}gate-decisions"

    @property
    def commands(self) -> str:
        """Rollbacks, on the urgent path."""
        return f"{self.prefix}rollback-commands"

    @property
    def status(self) -> str:
        """Where each rollout stands now."""
        return f"{self.prefix}gate-status"

    @property
    def dead_letters(self) -> str:
        """What could not be read."""
        return f"{self.prefix}dead-letters"

    @property
    def audit(self) -> str:
        """What was ordered, decided and done, in a chain of hashes."""
        return f"{self.prefix}audit-log"
