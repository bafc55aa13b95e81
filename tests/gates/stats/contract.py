"""What every statistic must do, as one suite: inherit `StatisticContract`, make yours and give it inputs.

class TestMine(StatisticContract):
    def make(self) -> Statistic:
        return Mine()

    def inputs(self, rng: random.Random) -> tuple[Any, ...]:
        return (rng.randrange(10),)
"""

import doctest
import json
import math
import random
from typing import Any, Protocol

import pytest

INPUTS = 120


class Statistic(Protocol):
    """What the suite uses of a statistic."""

    @property
    def update(self) -> Any:
        """Take in one input; what it is differs."""

    def get(self) -> float | None:
        """The estimate, or None while there is none."""

    def dump(self) -> Any:
        """State as JSON values."""

    @property
    def load(self) -> Any:
        """Continue from what `dump` returned."""


def through_json(state: Any) -> Any:
    """A state as it comes back from a snapshot."""
    return json.loads(json.dumps(state))


class StatisticContract:
    """The suite."""

    def make(self) -> Statistic:
        """A new statistic."""
        raise NotImplementedError

    def inputs(self, rng: random.Random) -> tuple[Any, ...]:
        """The arguments of one update."""
        raise NotImplementedError

    def fed(self, statistic: Statistic, seed: int) -> list[float | None]:
        """Feed inputs; the estimate after each."""
        rng, found = random.Random(seed), []
        for _ in range(INPUTS):
            statistic.update(*self.inputs(rng))
            found.append(statistic.get())
        return found

    def test_it_is_replayable(self) -> None:
        """The same inputs give the same estimates, to the bit."""
        assert self.fed(self.make(), 1) == self.fed(self.make(), 1)

    def test_it_is_finite_or_none(self) -> None:
        """From the first input on, and before any."""
        assert all(value is None or math.isfinite(value) for value in (self.make().get(), *self.fed(self.make(), 2)))

    @pytest.mark.parametrize("cut", [0, 1, INPUTS])
    def test_a_snapshot_continues_bit_for_bit(self, cut: int) -> None:
        """After a dump that went through JSON every later estimate is the same."""
        rng, whole, restored = random.Random(3), self.make(), self.make()
        for _ in range(cut):
            whole.update(*self.inputs(rng))
        restored.load(through_json(whole.dump()))
        assert self.fed(restored, 4) == self.fed(whole, 4)
        assert through_json(restored.dump()) == through_json(whole.dump())

    def test_its_docstring_has_an_example_that_runs(self) -> None:
        """How to use it stands where one looks first."""
        kind = type(self.make())
        found = [test for test in doctest.DocTestFinder().find(kind, kind.__name__) if test.examples]
        assert found
        assert sum(doctest.DocTestRunner().run(test).failed for test in found) == 0
