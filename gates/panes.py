"""What one cohort did in one pane of event time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from itertools import chain
from operator import add
from types import MappingProxyType
from typing import Any

from gates.stats.histogram import EMPTY, Histogram
from gates.stats.value_counts import ValueCounts
from gates.statuses import CODES, NO_STATUSES, add_statuses

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "ok", "error")
"""The outcomes that are counted separately: HTTP status classes, and the outcome of work that is not HTTP."""

CLASS_POSITION = {word: position for position, word in enumerate(CLASSES)}
"""The position of each word of `CLASSES`."""

NO_COUNTS = (0,) * len(CLASSES)
NO_HALVES = NO_COUNTS * 2

SAMPLE_SIZE = 32
"""Hashes of users that a cell keeps, the smallest: samples of this kind merge exactly."""

MOST_EMITTERS = 128
"""Hashes of emitters that a cell keeps, the smallest."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What a cell holds beyond outcomes and latencies. Only some producers send it.

    `succeeded` and `failed` count the business transactions by `success`. `users` and `emitters` are distinct 32-bit
    hashes of the users and of the reporting instances, ascending, the smallest `SAMPLE_SIZE` and `MOST_EMITTERS` of
    them. `halves` counts outcomes (by `CLASSES`) of the events with a user, first for users with an even hash, then for
    those with an odd one: an A/A split. `statuses` counts the exact statuses of the same events, by twice the code plus
    the lowest bit of the hash, ascending. `metrics` has the values of each named metric. `user_groups` and
    `emitter_groups` count the requests with a user, and those with an emitter, by `gates.groups`; the first make up
    `halves` and `statuses` (of older records they are absent, and of sums with such a record they are a part).
    """

    succeeded: int = 0
    failed: int = 0
    users: tuple[int, ...] = ()
    halves: tuple[int, ...] = NO_HALVES
    metrics: Mapping[str, ValueCounts] = field(default_factory=lambda: MappingProxyType({}))
    emitters: tuple[int, ...] = ()
    statuses: Mapping[int, int] = field(default_factory=lambda: NO_STATUSES)
    user_groups: Mapping[int, int] = field(default_factory=lambda: NO_STATUSES)
    emitter_groups: Mapping[int, int] = field(default_factory=lambda: NO_STATUSES)

    def merge(self, other: Detail) -> Detail:
        """Both together; associative and commutative."""
        if other is NO_DETAIL:
            return self
        if self is NO_DETAIL:
            return other
        names = sorted({*self.metrics, *other.metrics})
        return Detail(
            succeeded=self.succeeded + other.succeeded,
            failed=self.failed + other.failed,
            users=smallest(self.users + other.users),
            halves=tuple(map(add, self.halves, other.halves)),
            metrics={
                name: self.metrics.get(name, NO_VALUES).merge(other.metrics.get(name, NO_VALUES)) for name in names
            },
            emitters=smallest(self.emitters + other.emitters, MOST_EMITTERS),
            statuses=add_statuses(self.statuses, other.statuses),
            user_groups=add_statuses(self.user_groups, other.user_groups),
            emitter_groups=add_statuses(self.emitter_groups, other.emitter_groups),
        )

    def dump(self) -> list[Any]:
        """The details as JSON values."""
        metrics = {name: values.to_lists() for name, values in self.metrics.items()}
        dumped = [self.succeeded, self.failed, list(self.users), list(self.halves), metrics, list(self.emitters)]
        # No mappings, whose keys are texts in JSON. Last and left out where absent, so that builds read one another's.
        groups = self.user_groups, self.emitter_groups
        if any(groups):
            by_group = ([*chain.from_iterable(known.items())] for known in groups)
            return [*dumped, [*self.statuses.items()], *by_group]
        return [*dumped, [*self.statuses.items()]] if self.statuses else dumped

    @classmethod
    def load(cls, state: Sequence[Any]) -> Detail:
        """The details that `dump` described."""
        succeeded, failed, users, halves, metrics, emitters, *rare = state
        known = {name: ValueCounts.from_lists(*lists) for name, lists in metrics.items()}
        codes = dict(rare[0]) if rare and rare[0] else NO_STATUSES
        groups = (dict(zip(pairs[::2], pairs[1::2], strict=True)) if pairs else NO_STATUSES for pairs in rare[1:3])
        return cls(succeeded, failed, tuple(users), tuple(halves), known, tuple(emitters), codes, *groups)


def smallest(hashes: Iterable[int], size: int = SAMPLE_SIZE) -> tuple[int, ...]:
    """The sample kept of these hashes.

    >>> smallest([7, 3, 7, 5])
    (3, 5, 7)
    """
    return tuple(nsmallest(size, set(hashes)))


NO_VALUES = ValueCounts()
NO_DETAIL = Detail()


@dataclass(frozen=True, slots=True)
class Cell:
    """Requests of one cohort in some part of the log and of event time.

    `counts` has one entry per word of `CLASSES`; `latency` holds the latencies of those requests that have one.
    `unreadable` events are no requests of these: only their rollout and cohort could be read. `clamped` is how many of
    the requests count at their record's time, because their own lay too far ahead of it. `statuses` has how many of the
    requests ended in which exact status, by its code (`gates.statuses`), ascending.
    Cells form a commutative monoid under `merge`, with `Cell()` as zero.
    """

    counts: tuple[int, ...] = NO_COUNTS
    latency: Histogram = EMPTY
    detail: Detail = NO_DETAIL
    unreadable: int = 0
    clamped: int = 0
    statuses: Mapping[int, int] = field(default_factory=lambda: NO_STATUSES)
    requests: int = field(init=False, repr=False, compare=False)
    """The number of requests, whatever their outcome."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "requests", sum(self.counts))  # read many times a pane

    def errors(self, outcomes: Iterable[str | int]) -> int:
        """The number of requests that ended in one of `outcomes`: classes, and exact statuses as in a policy."""
        return sum(
            self.counts[CLASS_POSITION[outcome]] if outcome in CLASS_POSITION else self.statuses.get(CODES[outcome], 0)
            for outcome in outcomes
        )

    def metric(self, name: str) -> ValueCounts:
        """The values of a metric."""
        return self.detail.metrics.get(name, NO_VALUES)

    def merge(self, other: Cell) -> Cell:
        """Both together; associative and commutative."""
        return replace(self.merge_without_latency(other), latency=self.latency.merge(other.latency))

    def merge_without_latency(self, other: Cell) -> Cell:
        """The same with the latencies of this cell alone: merging a histogram is the slow part."""
        counts, detail = tuple(map(add, self.counts, other.counts)), self.detail.merge(other.detail)
        unreadable, clamped = self.unreadable + other.unreadable, self.clamped + other.clamped
        statuses = add_statuses(self.statuses, other.statuses) if other.statuses else self.statuses
        return Cell(counts, self.latency, detail, unreadable, clamped, statuses)

    def dump(self) -> list[Any]:
        """The cell as JSON values; the rare ones only where there are any."""
        plain: list[Any] = [list(self.counts), *self.latency.to_lists()]
        detail = None if self.detail == NO_DETAIL else self.detail.dump()
        if self.unreadable or self.clamped or self.statuses:
            return [*plain, detail, self.unreadable, self.clamped, [*map(list, self.statuses.items())]]
        return plain if detail is None else [*plain, detail]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Cell:
        """The cell that `dump` described."""
        counts, indices, buckets, *rare = state
        absent = [None, 0, 0, ()]
        detail, unreadable, clamped, statuses = rare + absent[len(rare) :]
        known = NO_DETAIL if detail is None else Detail.load(detail)
        codes = dict(statuses) if statuses else NO_STATUSES
        return cls(tuple(counts), Histogram.from_lists(indices, buckets), known, unreadable, clamped, codes)


NOTHING = Cell()


@dataclass(frozen=True, slots=True)
class Pane:
    """One step of event time, `[start, end)` in milliseconds since the epoch, over all cohorts.

    `cells` are users' requests by cohort, `synthetic` those of probes; the cohort "" has requests without a cohort.
    `complete` is false where a source of telemetry was left out; `late` counts, by cohort, events of earlier panes that
    arrived too late to be applied, and `refused` those for which ingest had no room; `broken` is true where no ingest
    worker reports at all.
    """

    start: int
    end: int
    cells: Mapping[str, Cell] = field(default_factory=dict)
    complete: bool = True
    late: Mapping[str, int] = field(default_factory=dict)
    broken: bool = False
    synthetic: Mapping[str, Cell] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)

    def cell(self, cohort: str) -> Cell:
        """The cohort's cell of users' requests; the empty one where there were none."""
        return self.cells.get(cohort, NOTHING)

    def synthetic_cell(self, cohort: str) -> Cell:
        """The same of synthetic requests."""
        return self.synthetic.get(cohort, NOTHING)

    def merged_cell(self, cohort: str) -> Cell:
        """The same of both kinds of request."""
        return self.cell(cohort).merge(self.synthetic_cell(cohort))
