"""The candidate's share of the requests, over the last minutes, against its weight.

Over the last minutes, because a router may be wrong at the very end of a stage; a share of the whole stage would hide
that, and would also go on to show a silence of one cohort that is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt

from gates.panes import Pane

DEFAULT_SPLIT = 0.5
"""The share of the smaller cohort's weight by which requests may be off: routers split by user, session or connection,
and some of these have many requests."""

LEAST_TOLERANCE = 0.01
"""Routers split in coarse steps: one percentage point is never a reason to doubt."""

LEAST_AT_ALL = 0.95
"""The share of the requests that the candidate has at least at a weight of 100%: connections to the baseline drain."""

CHANCE = 4.0
"""Standard deviations by which a share may be off by chance, at any of many looks."""

SETTLING_MS = 5_000
"""Requests of the first moments after the confirmation are not held against the weight: routers take it up one by one,
and open connections remain."""

WINDOW_MS = 60_000
"""The share is that of the last one to two windows of this length, longer where fewer requests come."""


@dataclass(slots=True)
class ShareCounts:
    """The candidate's requests and all of both cohorts, and their sums of squares and products over panes."""

    own: int = 0
    all: int = 0
    own_own: int = 0
    own_all: int = 0
    all_all: int = 0

    def add(self, own: int, requests: int) -> None:
        """Add a pane with these requests of the candidate and of both cohorts."""
        self.own += own
        self.all += requests
        self.own_own += own * own
        self.own_all += own * requests
        self.all_all += requests * requests

    def plus(self, other: ShareCounts) -> ShareCounts:
        """Both together."""
        return ShareCounts(
            self.own + other.own,
            self.all + other.all,
            self.own_own + other.own_own,
            self.own_all + other.own_all,
            self.all_all + other.all_all,
        )

    def chance(self, expected: float) -> float:
        """By how much the share may be off by chance.

        Requests come in clusters, as by sessions and connections, so the spread of the panes around what is expected
        counts where it is larger than that of independent requests. A doubt needs 17 panes for it, however far off.
        """
        independent = expected * (1.0 - expected) * self.all
        clustered = self.own_own - 2.0 * expected * self.own_all + expected * expected * self.all_all
        return CHANCE * sqrt(max(independent, clustered)) / self.all


@dataclass(slots=True)
class RequestShare:
    """The share in one stage of this `weight`; a window has at least `least` requests.

    `since` is the start of the first pane, of those that the settling leaves out too; `began` that of the `current`
    window.
    """

    weight: float
    least: int
    since: int | None = None
    began: int = 0
    before: ShareCounts = field(default_factory=ShareCounts)
    current: ShareCounts = field(default_factory=ShareCounts)

    def observe(self, pane: Pane, own: int, requests: int) -> None:
        """Add a pane with these requests of the candidate and of both cohorts."""
        if self.since is None:
            self.since = self.began = pane.start
        if not requests or pane.start < self.since + SETTLING_MS:
            return
        if pane.start - self.began >= WINDOW_MS and self.current.all >= self.least:
            self.began, self.before, self.current = pane.start, self.current, ShareCounts()
        self.current.add(own, requests)

    @property
    def counts(self) -> ShareCounts:
        """Those of the last minutes."""
        return self.before.plus(self.current)

    @property
    def expected(self) -> float:
        """The candidate's share. At 100% the weight has no rest to take a share of, and no spread."""
        return self.weight if self.weight < 1.0 else LEAST_AT_ALL

    @property
    def off(self) -> float:
        """By how much the share differs from that; at 100%, how much is missing. 0 without requests."""
        known = self.counts
        if not known.all:
            return 0.0
        difference = known.own / known.all - self.expected
        return abs(difference) if self.weight < 1.0 else -difference

    def within(self, tolerance: float) -> bool:
        """Whether it differs by no more than this share of the smaller cohort's weight."""
        allowed = max(tolerance * min(self.weight, 1.0 - self.weight), LEAST_TOLERANCE) if self.weight < 1.0 else 0.0
        return self.off <= allowed

    @property
    def beyond_chance(self) -> bool:
        """Whether there are enough requests, and the difference is more than chance explains."""
        known = self.counts
        return known.all >= self.least and self.off > known.chance(self.expected)

    def copy(self) -> RequestShare:
        """An equal one that is not changed with this one."""
        return replace(self, before=replace(self.before), current=replace(self.current))
