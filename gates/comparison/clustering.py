"""By how much the evidence of clustered errors is tempered: `phi`, at least 1, settled before the pane it applies to.

It is measured on the baseline: by its users where events carry any, else by time, unless the policy says what it is.
While it is hardly known it starts large and comes down to the estimate, a doubt that costs time and no healthy rollout.
Once there are five minutes with errors to measure it by, it changes with each stage only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gates.comparison.split_by_time import SplitByTime
from gates.comparison.split_by_user import SplitByUser
from gates.panes import Cell, Pane


class Clustering:
    """What to divide by for one kind of bad event, whose outcomes are `classes` (empty: users say nothing of it).

    `assumed` is what the policy says; None leaves it to the measurement, by time only if `in_time`.
    """

    def __init__(self, classes: Sequence[str], assumed: float | None, *, in_time: bool = False) -> None:
        self._least = 1.0 if assumed is None else assumed
        self._by_user = SplitByUser(classes)
        self._by_time = SplitByTime() if in_time and assumed is None else None

    @property
    def phi(self) -> float:
        """What to divide the logarithms of the next pane's factors by, for a rollback."""
        if self._by_user.seen or self._by_time is None:
            return max(self._least, self._by_user.phi)
        return self._by_time.phi

    @property
    def phi_to_advance(self) -> float:
        """The same for an advance, which waits for the bake: by time, what is measured so far is enough for it."""
        if self._by_user.seen or self._by_time is None:
            return self.phi
        return self._by_time.estimate

    @property
    def measured(self) -> bool:
        """Whether it is settled until the next stage."""
        if self._by_user.seen or self._by_time is None:
            return self._by_user.measured
        return self._by_time.measured

    def observe(self, pane: Pane, baseline: Cell, bad: float, events: int) -> None:
        """Take in one pane of the baseline, and how many of its events were bad.

        Nothing that is counted in this pane changes the `phi` that it leaves behind, so that may temper the same pane.
        """
        self._by_user.observe(pane, baseline)
        if self._by_time is not None and not self._by_user.seen:
            self._by_time.observe(pane, int(bad), events)

    def freeze(self) -> None:
        """A stage begins: take what is known by now."""
        self._by_user.freeze()
        if self._by_time is not None:
            self._by_time.freeze()

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return [self._by_user.dump(), None if self._by_time is None else self._by_time.dump()]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        by_user, by_time = state
        self._by_user.load(by_user)
        if self._by_time is not None:
            self._by_time.load(by_time)
