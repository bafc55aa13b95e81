"""Statistics that are continued from snapshots pass the contract; what each computes is tested in a file of its own."""

import random
from typing import Any

from gates.stats.block_dispersion import BlockDispersion
from gates.stats.error_share import ErrorShare, PaneCounts
from gates.stats.exceedance import Exceedance, SlowCounts
from tests.gates.stats.contract import Statistic, StatisticContract


class TestErrorShare(StatisticContract):
    """The e-process of error rates."""

    def make(self) -> Statistic:
        """With a prior over starts, which has the most state."""
        return ErrorShare.regression(1.25, blocks=4)

    def inputs(self, rng: random.Random) -> tuple[Any, ...]:
        """One pane."""
        return (PaneCounts(rng.randrange(5), rng.randrange(5), rng.randrange(5, 50), rng.randrange(5, 500)),)


class TestExceedance(StatisticContract):
    """The e-process of quantiles."""

    def make(self) -> Statistic:
        """With a prior over starts, which has the most state."""
        return Exceedance.regression(0.95, blocks=4)

    def inputs(self, rng: random.Random) -> tuple[Any, ...]:
        """One pane."""
        return (SlowCounts(rng.randrange(5), rng.randrange(5), rng.randrange(5, 50), rng.randrange(5, 500)),)


class TestBlockDispersion(StatisticContract):
    """The dispersion by time."""

    def make(self) -> Statistic:
        """As it is."""
        return BlockDispersion()

    def inputs(self, rng: random.Random) -> tuple[Any, ...]:
        """One block."""
        return rng.randrange(20), rng.randrange(20, 1_000)
