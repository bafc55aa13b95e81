"""Whether traffic was split as ordered. A doubt makes the data of a stage untrustworthy; the candidate is not to blame.

Counted since the stage's weights were confirmed. Users: each once, in the cohort where it was first seen, against the
weights (sample ratio mismatch), and those seen in both cohorts (contamination). Requests: those whose cohort is neither
of the two, or that have none, readable or not; and over the last minutes the candidate's share of both cohorts'
requests, against its weight (`gates.evidence.request_share`). Each doubt holds the rollout, and none rolls it back.

A cell holds only the smallest hashes of its users (`gates.panes.SAMPLE_SIZE`). In order of hash, each user falls to a
cohort as ordered, whatever came before. So counting stops, for both cohorts alike, at the largest hash that a full
sample still holds; that is a stopping time and leaves the test valid. The table of users is bounded in the same way:
once it is full, only users with smaller hashes than its largest are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from gates.evidence.request_share import DEFAULT_SPLIT, RequestShare
from gates.panes import SAMPLE_SIZE, Pane
from gates.policy import Cohorts, DataQuality
from gates.stats.sample_ratio import SampleRatio
from gates.text import count, e_value, percent

MOST_USERS = 4_096
"""Users of a stage that are remembered: those with the smallest hashes."""

MIN_EVENTS = 20
"""Fewer users in both cohorts, or requests of unknown cohorts, are no reason to doubt."""

BOTH = 2
"""Stands for the cohort of a user that was seen in both."""


@dataclass(frozen=True, slots=True)
class SplitState:
    """What a snapshot holds of the split; `users` pairs each user's hash with its cohort."""

    ratio: tuple[float, list[float], list[int]]
    users: list[tuple[int, int]]
    in_both: int
    requests: int
    unknown: int
    shares: RequestShare
    compared: bool


class TrafficSplit:
    """The split of one stage at a time; call `start` when its weights are confirmed."""

    def __init__(self, cohorts: Cohorts, rules: DataQuality, alpha: float, judged_from: int | None = None) -> None:
        """`judged_from` is how many requests the share of the requests is judged from.

        None, as in an epoch of rules 1: it is not judged, and unreadable events do not count.
        """
        self._names = (cohorts.candidate, cohorts.baseline)
        self._rules = rules
        self._threshold = 1.0 / alpha
        self._tolerance = DEFAULT_SPLIT if rules.split is None else rules.split
        self._judged_from = judged_from
        self.start(0.5)

    def start(self, weight: float) -> None:
        """The candidate gets `weight` (0 to 1) of the traffic from here on; earlier counts are dropped."""
        self._ratio = SampleRatio((weight, 1.0 - weight))
        self._users: dict[int, int] = {}
        self._largest: list[int] = []  # the users' hashes, negative, as a heap
        self._in_both = 0
        self._requests = 0
        self._unknown = 0
        self._shares = RequestShare(weight, max(self._judged_from or 0, 1))
        self._compared = weight < 1.0

    def observe(self, pane: Pane) -> None:
        """Add one pane of the stage."""
        cells = [pane.cell(name) for name in self._names]
        known = sum(cell.requests for cell in cells)
        others = [cell for name, cell in pane.cells.items() if name not in self._names]
        unknown = sum(cell.requests + (cell.unreadable if self._judged_from is not None else 0) for cell in others)
        self._requests += known + unknown
        self._shares.observe(pane, cells[0].requests, known)
        self._unknown += unknown
        if self._compared:
            self._ratio.update(self._new_users([cell.detail.users for cell in cells]))

    def _new_users(self, samples: Sequence[Sequence[int]]) -> list[int]:
        """How many users of candidate and baseline were seen for the first time."""
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
        """The reasons to distrust the split; empty if there is none."""
        return tuple(filter(None, (self._mismatch(), self._share(), self._contamination(), self._unknown_cohorts())))

    def _mismatch(self) -> str:
        found, units = self._ratio.get(), self._ratio.units
        if not self._rules.sample_ratio or found < self._threshold:
            return ""
        got = f"{percent(units[0] / sum(units))} of users ({count(units[0])} of {count(sum(units))})"
        ordered, evidence = (
            percent(self._ratio.weights[0]),
            f"e-value {e_value(found)}, limit {e_value(self._threshold)}",
        )
        return (
            f"traffic is not split as ordered: {self._names[0]} has {got}, ordered {ordered} ({evidence}); "
            "check that the router assigns by user"
        )

    def _share(self) -> str:
        text = self.unsettled()
        return f"{text}; check the router and the cohort of the events" if text and self._shares.beyond_chance else ""

    def unsettled(self) -> str:
        """The share of the requests where it is not as ordered, though perhaps by chance; "" where it is.

        It is no reason to hold, but one to wait with an advance: a short stage may end before chance is ruled out.
        """
        if self._judged_from is None or self._tolerance >= 1.0 or self._shares.within(self._tolerance):
            return ""
        known = self._shares.counts
        got = f"{percent(known.own / known.all)} of the requests ({count(known.own)} of {count(known.all)})"
        return f"{self._names[0]} got {got}, ordered {percent(self._shares.weight)} (split)"

    def _contamination(self) -> str:
        users = len(self._users)
        if self._in_both < MIN_EVENTS or self._in_both <= self._rules.contamination * users:
            return ""
        found, allowed = f"{count(self._in_both)} of {count(users)} users", percent(self._rules.contamination)
        return (
            f"{found} were in both cohorts, at most {allowed} allowed (contamination); "
            "check that the router keeps each user in one cohort"
        )

    def _unknown_cohorts(self) -> str:
        if self._unknown < MIN_EVENTS or self._unknown <= self._rules.unknown_cohorts * self._requests:
            return ""
        found, allowed = f"{count(self._unknown)} of {count(self._requests)}", percent(self._rules.unknown_cohorts)
        return (
            f"{found} requests were of neither {' nor '.join(self._names)}, at most {allowed} allowed "
            "(unknown_cohorts); check the cohort of the events"
        )

    def state(self) -> SplitState:
        """Everything, for a snapshot."""
        users = sorted(self._users.items())
        counts = self._in_both, self._requests, self._unknown
        return SplitState(self._ratio.dump(), users, *counts, self._shares.copy(), self._compared)

    def restore(self, state: SplitState) -> None:
        """Continue, bit for bit, from what `state` returned."""
        self._ratio.load(state.ratio)
        self._users = dict(state.users)
        self._largest = [-user for user in sorted(self._users, reverse=True)]
        self._in_both, self._requests, self._unknown = state.in_both, state.requests, state.unknown
        self._shares, self._compared = state.shares.copy(), state.compared


def _seen(samples: Sequence[Sequence[int]], last: int) -> Iterator[tuple[int, int]]:
    """Each user up to the hash `last`, with the cohort's index."""
    return ((user, cohort) for cohort, sample in enumerate(samples) for user in sample if user <= last)
