"""What every statistic must do, as one suite: inherit `StatisticContract`, make yours and give it observations.

class TestMine(StatisticContract):
    def make(self) -> Statistic[Any, Any, Any]:
        return Mine()

    def observation(self, rng: random.Random) -> int:
        return rng.randrange(10)
"""

import doctest
import json
import math
import random
from typing import Any

import pytest

from gates.stats.statistic import Statistic

OBSERVATIONS = 120


def through_json(state: Any) -> Any:
    """A state as it comes back from a snapshot."""
    return json.loads(json.dumps(state, allow_nan=False))


class StatisticContract:
    """The suite."""

    def make(self) -> Statistic[Any, Any, Any]:
        """A new statistic."""
        raise NotImplementedError

    def observation(self, rng: random.Random) -> Any:
        """What one update takes in."""
        raise NotImplementedError

    def fed(self, statistic: Statistic[Any, Any, Any], seed: int) -> list[float | None]:
        """Feed observations; the value after each."""
        rng, found = random.Random(seed), []
        for _ in range(OBSERVATIONS):
            statistic.update(self.observation(rng))
            found.append(statistic.get())
        return found

    def test_it_is_replayable(self) -> None:
        """The same observations give the same values, to the bit."""
        assert self.fed(self.make(), 1) == self.fed(self.make(), 1)

    def test_it_is_finite_or_none(self) -> None:
        """From the first observation on, and before any."""
        assert all(value is None or math.isfinite(value) for value in (self.make().get(), *self.fed(self.make(), 2)))

    def test_to_read_it_changes_nothing(self) -> None:
        """A statistic that is read after each observation ends with the bits of one that is read once."""
        rng, often, once = random.Random(5), self.make(), self.make()
        self.fed(often, 5)
        for _ in range(OBSERVATIONS):
            once.update(self.observation(rng))
        assert (once.get(), once.dump()) == (often.get(), often.dump())

    @pytest.mark.parametrize("cut", [0, 1, OBSERVATIONS])
    def test_a_snapshot_continues_bit_for_bit(self, cut: int) -> None:
        """After a dump that went through JSON every later value is the same."""
        rng, whole, restored = random.Random(3), self.make(), self.make()
        for _ in range(cut):
            whole.update(self.observation(rng))
        restored.load(through_json(whole.dump()))
        assert self.fed(restored, 4) == self.fed(whole, 4)
        assert through_json(restored.dump()) == through_json(whole.dump())

    def test_its_docstring_has_an_example_that_runs(self) -> None:
        """How to use it stands where one looks first."""
        kind = type(self.make())
        found = [test for test in doctest.DocTestFinder().find(kind, kind.__name__) if test.examples]
        assert found
        assert sum(doctest.DocTestRunner().run(test).failed for test in found) == 0
