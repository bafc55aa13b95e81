"""Whether the traffic was split as ordered: what makes the data of a stage untrustworthy, and never the candidate.

Counted since the stage's weights are in force. Users: each once, in the cohort where it was first seen, against the
weights (sample ratio mismatch); and those seen in both cohorts (contamination). Requests: those whose cohort is neither
of the two, or that came without one. Each is a reason not to advance, and never one to roll back.

A cell holds only the smallest hashes of its users (`gates.panes.SAMPLE_SIZE`). Taken in order of hash, each user falls
to a cohort as ordered whatever came before; so counting stops, for both cohorts alike, at the largest hash that a full
sample still holds, which is a stopping time and leaves the test valid. The table of users seen is bounded likewise:
once it is full, only users of smaller hashes than its largest are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from gates.panes import SAMPLE_SIZE, Pane
from gates.policy import Cohorts, DataQuality
from gates.stats.sample_ratio import SampleRatio
from gates.text import count, e_value, percent

MOST_USERS = 4_096
"""So many users of a stage are remembered, those of the smallest hashes."""

MIN_EVENTS = 20
"""Fewer users in both cohorts, or requests of unknown ones, doubt nothing."""

BOTH = 2
"""The cohort of a user that was seen in both."""


class Assignment:
    """The split of one stage at a time; `start` it when its weights are in force."""

    def __init__(self, cohorts: Cohorts, rules: DataQuality, alpha: float) -> None:
        self._names = (cohorts.candidate, cohorts.baseline)
        self._rules = rules
        self._threshold = 1.0 / alpha
        self.start(0.5)

    def start(self, weight: float) -> None:
        """The candidate gets `weight` (0 to 1) of the traffic from here on; what was counted before is forgotten."""
        self._ratio = SampleRatio((weight, 1.0 - weight))
        self._users: dict[int, int] = {}
        self._largest: list[int] = []  # the users' hashes, negative, as a heap
        self._in_both = 0
        self._requests = 0
        self._unknown = 0
        self._compared = weight < 1.0

    def observe(self, pane: Pane) -> None:
        """Take in one pane of the stage."""
        known = sum(pane.cell(name).requests for name in self._names)
        unknown = sum(cell.requests for name, cell in pane.cells.items() if name not in self._names)
        self._requests += known + unknown
        self._unknown += unknown
        if self._compared:
            self._ratio.update(self._new_users(pane))

    def _new_users(self, pane: Pane) -> list[int]:
        """Users seen for the first time, of candidate and baseline."""
        samples = [pane.cell(name).detail.users for name in self._names]
        if not any(samples):
            return [0, 0]
        last = min((sample[-1] for sample in samples if len(sample) >= SAMPLE_SIZE), default=1 << 32)
        new = [0, 0]
        for user, cohort in sorted(_seen(samples, last)):
            before = self._users.get(user)
            if before is None:
                new[cohort] += self._remember(user, cohort)
            elif before not in (cohort, BOTH):
                self._users[user] = BOTH
                self._in_both += 1
        return new

    def _remember(self, user: int, cohort: int) -> bool:
        if len(self._users) >= MOST_USERS:
            if user > -self._largest[0]:
                return False
            self._in_both -= self._users.pop(-heappop(self._largest)) == BOTH
        self._users[user] = cohort
        heappush(self._largest, -user)
        return True

    def doubts(self) -> tuple[str, ...]:
        """Why the data is not to be trusted, in words; empty if it is."""
        return tuple(filter(None, (self._mismatch(), self._contamination(), self._strays())))

    def _mismatch(self) -> str:
        found, units = self._ratio.get(), self._ratio.units
        if not self._rules.sample_ratio or found < self._threshold:
            return ""
        planned = percent(self._ratio.weights[0])
        return (
            f"sample ratio mismatch: {self._names[0]} got {count(units[0])} of {count(sum(units))} users, {planned} "
            f"ordered (e-value {e_value(found)} >= {e_value(self._threshold)})"
        )

    def _contamination(self) -> str:
        users = len(self._users)
        if self._in_both < MIN_EVENTS or self._in_both <= self._rules.contamination * users:
            return ""
        allowed = percent(self._rules.contamination)
        return f"contamination: {count(self._in_both)} of {count(users)} users were in both cohorts, {allowed} allowed"

    def _strays(self) -> str:
        if self._unknown < MIN_EVENTS or self._unknown <= self._rules.unknown_cohorts * self._requests:
            return ""
        allowed = percent(self._rules.unknown_cohorts)
        share = f"{count(self._unknown)} of {count(self._requests)} requests"
        return f"unknown cohorts: {share} were of neither {' nor '.join(self._names)}, {allowed} allowed"

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` takes it back bit for bit."""
        users = sorted(self._users.items())
        return [self._ratio.dump(), users, self._in_both, self._requests, self._unknown, self._compared]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        ratio, users, self._in_both, self._requests, self._unknown, self._compared = state
        self._ratio.load(ratio)
        self._users = dict(users)
        self._largest = [-user for user in sorted(self._users, reverse=True)]


def _seen(samples: Sequence[Sequence[int]], last: int) -> Iterator[tuple[int, int]]:
    """Each user up to the hash `last`, with the cohort's index."""
    return ((user, cohort) for cohort, sample in enumerate(samples) for user in sample if user <= last)
