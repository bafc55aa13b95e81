"""The interface that statistics with state share: what they take in, their value, and their state for a snapshot.

A statistic whose input or value does not fit (several numbers, an argument of `get`) names its methods itself.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

Observation = TypeVar("Observation", contravariant=True)
Value = TypeVar("Value", covariant=True)
State = TypeVar("State")


class Statistic(Protocol[Observation, Value, State]):
    """A statistic over panes or blocks. Its state depends on the observations alone, never on when it is read."""

    def update(self, observation: Observation, /) -> None:
        """Take in one observation."""

    def get(self) -> Value:
        """The value now; None where there is none, never a number that stands for it."""

    def dump(self) -> State:
        """State as JSON values, for a snapshot."""

    def load(self, state: State, /) -> None:
        """Continue from what `dump` returned, also after JSON, bit for bit."""
