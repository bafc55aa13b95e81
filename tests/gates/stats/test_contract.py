"""Statistics that are continued from snapshots pass the contract; what each computes is tested in a file of its own."""

import random
from collections.abc import Sequence
from typing import Any

from gates.stats.block_dispersion import BlockDispersion
from gates.stats.error_share import ErrorShare
from gates.stats.exceedance import Exceedance
from gates.stats.halves_dispersion import HalfCounts, HalvesDispersion
from gates.stats.mixture import Mixture
from gates.stats.pane_counts import PaneCounts
from gates.stats.sample_ratio import SampleRatio
from gates.stats.statistic import Statistic
from tests.gates.stats.contract import StatisticContract


class TestErrorShare(StatisticContract):
    """The e-process of error rates."""

    def make(self) -> Statistic[Any, Any, Any]:
        """With a prior over starts, which has the most state."""
        return ErrorShare.regression(1.25, blocks=4)

    def observation(self, rng: random.Random) -> PaneCounts:
        """One pane."""
        return PaneCounts(rng.randrange(5), rng.randrange(5), rng.randrange(5, 50), rng.randrange(5, 500))


class TestExceedance(StatisticContract):
    """The e-process of quantiles."""

    def make(self) -> Statistic[Any, Any, Any]:
        """With a prior over starts, which has the most state."""
        return Exceedance.regression(0.95, blocks=4)

    def observation(self, rng: random.Random) -> PaneCounts:
        """One pane."""
        return PaneCounts(rng.randrange(5), rng.randrange(5), rng.randrange(5, 50), rng.randrange(5, 500))


class TestMixture(StatisticContract):
    """What the e-processes over panes are built on."""

    def make(self) -> Statistic[Any, Any, Any]:
        """With a prior over starts, which has the most state."""
        return Mixture((0.5, 0.5), blocks=2)

    def observation(self, rng: random.Random) -> Sequence[float] | None:
        """Two log factors, or a pane without evidence."""
        return None if rng.randrange(4) == 0 else (rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.0))


class TestSampleRatio(StatisticContract):
    """The e-process of the split of traffic."""

    def make(self) -> Statistic[Any, Any, Any]:
        """For a candidate with a tenth of the traffic."""
        return SampleRatio((9, 1))

    def observation(self, rng: random.Random) -> Sequence[int]:
        """Units by cohort, sometimes none."""
        return rng.randrange(20), rng.randrange(3)


class TestHalvesDispersion(StatisticContract):
    """The dispersion by users."""

    def make(self) -> Statistic[Any, Any, Any]:
        """As it is."""
        return HalvesDispersion()

    def observation(self, rng: random.Random) -> HalfCounts:
        """One block, sometimes without errors."""
        return HalfCounts(rng.randrange(3), rng.randrange(3), rng.randrange(5, 50), rng.randrange(5, 50))


class Blocks(BlockDispersion):
    """The dispersion by time, which takes in two numbers, with both as one observation.

    >>> blocks = Blocks()
    >>> blocks.update((1, 10))
    >>> blocks.get() is None
    True
    """

    def update(self, block: tuple[int, int]) -> None:
        """Take in the errors and the requests of the next block."""
        self.add_block(*block)


class TestBlockDispersion(StatisticContract):
    """The dispersion by time."""

    def make(self) -> Statistic[Any, Any, Any]:
        """As it is."""
        return Blocks()

    def observation(self, rng: random.Random) -> tuple[int, int]:
        """One block."""
        return rng.randrange(20), rng.randrange(20, 1_000)
