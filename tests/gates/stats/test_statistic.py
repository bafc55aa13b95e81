"""The interface of statistics: a toy that implements it passes the contract, as a new statistic must."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from math import fsum
from typing import Any

from gates.stats.statistic import Statistic
from tests.gates.stats.contract import StatisticContract


@dataclass(slots=True)
class Mean:
    """The mean of the observations.

    >>> mean = Mean()
    >>> mean.get() is None
    True
    >>> mean.update(3.0)
    >>> mean.get()
    3.0
    """

    seen: list[float] = field(default_factory=list)

    def update(self, observation: float, /) -> None:
        """Take in one observation."""
        self.seen.append(observation)

    def get(self) -> float | None:
        """The mean; None without observations."""
        return fsum(self.seen) / len(self.seen) if self.seen else None

    def dump(self) -> list[float]:
        """State as JSON values."""
        return list(self.seen)

    def load(self, state: list[float], /) -> None:
        """Continue from what `dump` returned."""
        self.seen = list(state)


class TestMean(StatisticContract):
    """The toy."""

    def make(self) -> Statistic[float, float | None, list[float]]:
        """Without observations."""
        return Mean()

    def observation(self, rng: random.Random) -> Any:
        """Any number."""
        return rng.uniform(-1.0, 1.0)
