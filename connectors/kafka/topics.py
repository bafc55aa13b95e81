"""The names of the topics."""

from __future__ import annotations

from dataclasses import dataclass


def is_topic_prefix(text: str) -> bool:
    """Whether topics may have this prefix.

    >>> is_topic_prefix("team-a."), is_topic_prefix("a b")
    (True, False)
    """
    return all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in text)


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The name of each topic; `prefix` separates several installations on one cluster."""

    prefix: str = ""

    def __post_init__(self) -> None:
        if not is_topic_prefix(self.prefix):
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
        """Acks, from actuators."""
        return f"{self.prefix}command-acks"

    @property
    def journal(self) -> str:
        """Everything that can affect a rollout, in one order."""
        return f"{self.prefix}gate-journal"

    @property
    def snapshots(self) -> str:
        """Snapshots of the judge, to recover from."""
        return f"{self.prefix}gate-snapshots"

    @property
    def decisions(self) -> str:
        """Decisions, from the gate."""
        return f"{self.prefix}gate-decisions"

    @property
    def commands(self) -> str:
        """Rollback commands: the urgent path to actuators."""
        return f"{self.prefix}rollback-commands"

    @property
    def status(self) -> str:
        """The current status of each rollout."""
        return f"{self.prefix}gate-status"

    @property
    def dead_letters(self) -> str:
        """Messages that could not be read."""
        return f"{self.prefix}dead-letters"

    @property
    def audit(self) -> str:
        """Orders, decisions and acks, in a chain of hashes."""
        return f"{self.prefix}audit-log"
