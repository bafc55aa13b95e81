"""Dispersion (phi, also called the design effect): the factor by which the log evidence of a comparison is divided.

It is the variance of counts of bad events, divided by the variance that independent ones would have. The e-processes
take bad events for independent. Retries, or a session that fails as a whole, make them come in clusters, and evidence
then grows too fast: with clusters of 2, a test at 5% errs in 19% of rollouts. `log L / phi` is the log of an e-process
for every phi >= 1 that is fixed before the pane (Jensen's inequality), so division keeps the stated error rates.

phi is measured on the baseline: by its users where events carry any, else by time. The policy can state it
(`confidence.dispersion`), which replaces the measurement by time and is a lower bound of the one by users. At first the
prior makes phi large (`gates.stats.cluster_prior`), which delays a decision and never rolls a healthy candidate back.
After five minutes with errors, phi changes only when a stage begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gates.panes import CLASS_POSITION, CLASSES, NO_DETAIL, NO_HALVES, Cell, Pane
from gates.stats.block_dispersion import WINDOW, BlockDispersion
from gates.stats.cluster_prior import PRIOR_DISPERSION, ClusterPrior
from gates.stats.halves_dispersion import HalfCounts, HalvesDispersion
from gates.statuses import CODES

BLOCK_MS = 10_000
"""Length of a block, in event time: long enough to hold a cluster that is spread over some seconds."""

MIN_BLOCKS = 30
"""Blocks with errors after which phi is settled: five minutes where errors are common."""

BLOCKS_PRIOR = ClusterPrior(weight=6, until=MIN_BLOCKS)
"""For blocks of 10 s, and so for users: their sessions fail over minutes, not within a second."""

PANES_PRIOR = ClusterPrior(weight=12, until=WINDOW)
"""For panes shorter than a block: with panes of 1 s and an error in each, it lasts for a minute."""

NO_PRIOR = ClusterPrior(weight=0, until=0)
"""For blocks beside panes, because the panes already have a prior; and for both once phi is settled."""


def prior_for(pane_ms: int) -> ClusterPrior:
    """The prior of an estimate by panes of this length; panes as long as a block get the blocks' prior."""
    return PANES_PRIOR if pane_ms < BLOCK_MS else BLOCKS_PRIOR


class PanePhi(NamedTuple):
    """What to divide the log factors of one pane by."""

    for_rollback: float
    for_advance: float


class Dispersion:
    """phi of one kind of bad event; at least 1, and fixed before the pane that it applies to.

    `outcomes` are those that are bad: classes, and exact statuses as in a policy; empty where users cannot measure it,
    because no outcome is. `stated` is the policy's phi; with None it is measured, by time only if `by_time`.
    """

    def __init__(self, outcomes: Sequence[str | int], stated: float | None, *, by_time: bool = False) -> None:
        self._least = 1.0 if stated is None else stated
        self._by_user = DispersionByUser(outcomes)
        self._by_time = DispersionByTime() if by_time and stated is None else None

    @property
    def _source(self) -> DispersionByUser | DispersionByTime:
        # Users come first: they show which errors belong together, while time only suggests it.
        return self._by_user if self._by_time is None or self._by_user.observed else self._by_time

    @property
    def for_rollback(self) -> float:
        """What to divide the log factors of this pane by for a rollback."""
        return max(self._least, self._source.for_rollback)

    @property
    def for_advance(self) -> float:
        """The same for an advance. It waits for the bake anyway, so by time the estimate is enough, without prior."""
        return max(self._least, self._source.for_advance)

    def observe(self, pane: Pane, baseline: Cell, bad: float, events: int) -> PanePhi:
        """Take in one pane of the baseline, with its `bad` events and all `events`; returns the phi for this pane.

        What is counted in this pane does not change the phi for this pane, but that its events carry users does: the
        prior must hold from that pane on. With phi read first, a simulated gate rolled back 8.8% (phi 5) and 8.1%
        (phi 8) of healthy candidates at a nominal 5%, instead of 0% and 3.1%.
        """
        self._by_user.observe(pane, baseline)
        if self._by_time is not None and not self._by_user.observed:
            self._by_time.observe(pane, int(bad), events)
        return PanePhi(self.for_rollback, self.for_advance)

    def enter_stage(self) -> None:
        """A stage begins: use what has been measured by now."""
        self._by_user.enter_stage()
        if self._by_time is not None:
            self._by_time.enter_stage()

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [self._by_user.dump(), None if self._by_time is None else self._by_time.dump()]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        by_user, by_time = state
        self._by_user.load(by_user)
        if self._by_time is not None:
            self._by_time.load(by_time)


class DispersionByUser:
    """phi from the baseline's users, split by hash into two halves, in blocks of 10 s.

    `observed` is true once an event carried a user, `settled` once phi no longer changes within a stage.
    """

    def __init__(self, outcomes: Sequence[str | int]) -> None:
        self._bad = tuple(outcomes)
        self._positions = [CLASS_POSITION[word] for word in outcomes if word in CLASS_POSITION]
        self._codes = [CODES[word] for word in outcomes if word in CODES]
        self._estimate = HalvesDispersion()
        self._block = 0
        self._halves = list(NO_HALVES)
        self._exact = [0, 0]  # of the halves, the requests that ended in one of the exact statuses
        self.for_rollback = 1.0
        self.observed = False
        self.settled = False

    @property
    def for_advance(self) -> float:
        """The same as for a rollback: with users the prior holds for both."""
        return self.for_rollback

    def observe(self, pane: Pane, baseline: Cell) -> None:
        """Take in one pane of the baseline; what is counted in it changes phi for later panes only."""
        if baseline.detail is NO_DETAIL or not self._bad or not any(baseline.detail.halves):
            return
        if not self.observed:
            self.observed, self.for_rollback = True, PRIOR_DISPERSION
        block = pane.start // BLOCK_MS
        if block != self._block:
            self._close_block()
            self._block = block
        self._halves = [known + number for known, number in zip(self._halves, baseline.detail.halves, strict=True)]
        if statuses := baseline.detail.statuses:
            for half in (0, 1):
                self._exact[half] += sum(statuses.get(2 * code + half, 0) for code in self._codes)

    def _close_block(self) -> None:
        first, second = self._halves[: len(CLASSES)], self._halves[len(CLASSES) :]
        errors_1, errors_2 = (
            exact + sum(half[position] for position in self._positions)
            for exact, half in zip(self._exact, (first, second), strict=True)
        )
        self._estimate.update(HalfCounts(errors_1, errors_2, sum(first), sum(second)))
        self._halves, self._exact = list(NO_HALVES), [0, 0]
        if not self.settled:
            self.enter_stage()

    def enter_stage(self) -> None:
        """A stage begins, or phi is not settled yet: use what has been measured by now."""
        if self.observed:
            blocks = self._estimate.blocks
            self.for_rollback = BLOCKS_PRIOR.dispersion(self._estimate.get(), blocks)
            self.settled = blocks >= MIN_BLOCKS

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        exact = [list(self._exact)] if self._codes else []
        block = self._block, list(self._halves)
        return [self._estimate.dump(), *block, self.for_rollback, self.observed, self.settled, *exact]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        estimate, self._block, halves, self.for_rollback, self.observed, self.settled, *exact = state
        self._estimate.load(estimate)
        self._halves, self._exact = list(halves), list(exact[0]) if exact else [0, 0]


class DispersionByTime:
    """phi from the baseline's bad events in consecutive stretches of time.

    It is measured twice, and the larger value applies: by panes, of which there are soon many, with a prior while they
    are few; and by blocks of 10 s, which catch clusters that are spread over some seconds. `observed` is true once the
    baseline had any events, `settled` once phi no longer changes within a stage.
    """

    def __init__(self) -> None:
        self._panes = BlockDispersion()
        self._blocks = BlockDispersion()
        self._pane = [0, 0]  # bad events and all of the last pane, which counts from the next one on
        self._block = [0, 0, 0]  # which block, its bad events and all
        self._by_blocks = 1.0
        self.for_rollback = 1.0
        self.for_advance = 1.0
        self.observed = False
        self.settled = False

    def observe(self, pane: Pane, bad: int, events: int) -> None:
        """Take in one pane of the baseline; what is counted in it changes phi for later panes only."""
        block = pane.start // BLOCK_MS
        if self.observed:
            self._panes.add_block(*self._pane)
            if block != self._block[0]:
                self._blocks.add_block(*self._block[1:])
                self._block, self._by_blocks = [block, 0, 0], self._estimate_by_blocks()
            if not self.settled:
                self._settle(prior_for(pane.end - pane.start))
        elif events:
            self.observed, self.for_rollback, self._block = True, PRIOR_DISPERSION, [block, 0, 0]
        self._pane = [bad, events]
        self._block = [self._block[0], self._block[1] + bad, self._block[2] + events]

    def _estimate_by_blocks(self) -> float:
        return NO_PRIOR.dispersion(self._blocks.get(), self._blocks.blocks) if self._blocks.blocks else 1.0

    def _settle(self, prior: ClusterPrior) -> None:
        estimate, panes = self._panes.get(), self._panes.blocks
        self.for_rollback = max(prior.dispersion(estimate, panes), self._by_blocks)
        self.for_advance = max(1.0 if estimate is None else NO_PRIOR.dispersion(estimate, panes), self._by_blocks)
        self.settled = self._blocks.blocks >= MIN_BLOCKS

    def enter_stage(self) -> None:
        """A stage begins: use what has been measured by now; a stage that begins early leaves the prior in place."""
        if self.settled:
            self._settle(NO_PRIOR)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        counts = [list(self._pane), list(self._block)]
        phis = [self.for_rollback, self.for_advance]
        return [self._panes.dump(), self._blocks.dump(), *counts, *phis, self.observed, self.settled]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        panes, blocks, pane, block, self.for_rollback, self.for_advance, self.observed, self.settled = state
        self._panes.load(panes)
        self._blocks.load(blocks)
        self._pane, self._block, self._by_blocks = list(pane), list(block), self._estimate_by_blocks()
