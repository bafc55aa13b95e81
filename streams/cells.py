"""Cells as journal records: the counts of one cohort in one second of event time, and their exact sums.

`CellRecord` is the form on the wire, `gates.panes.Cell` the form that the gate computes with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import gt

import msgspec

from gates.groups import GroupSums, check_groups, sums_of
from gates.panes import (
    CLASS_POSITION,
    CLASSES,
    MOST_EMITTERS,
    NO_DETAIL,
    NO_HALVES,
    SAMPLE_SIZE,
    Cell,
    Detail,
    smallest,
)
from gates.stats.histogram import Histogram, check_lists
from gates.stats.value_counts import ValueCounts
from gates.statuses import CLASS_OF, NO_STATUSES, add_statuses

CELL_MS = 1_000
"""The event time of one cell. A pane is a whole number of cells, so sums of cells are exact for any pane."""


class SourcePartition(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One partition of a topic that events come from."""

    topic: str
    partition: int


CountsByOutcome = tuple[Sequence[int], Mapping[int, int]]
"""Requests by class (or by half and class), and those of exact statuses by code."""

CellKey = tuple[str, int, bool]
"""Which cell of a rollout: its cohort, its start in milliseconds since the epoch, and whether it is synthetic."""


class DetailRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The fields of `gates.panes.Detail`: what a cell has beside outcomes and latencies.

    The counts by group are lists of keys (`gates.groups`) and numbers in turns. Users' halves could be made of their
    groups, but builds without groups must still read them.
    """

    succeeded: int
    failed: int
    users: list[int]
    halves: list[int]
    metrics: dict[str, tuple[list[int], list[int]]]
    emitters: list[int]
    statuses: list[tuple[int, int]] = []
    user_groups: list[int] = []
    emitter_groups: list[int] = []

    def check(self) -> None:
        """Check what the types do not.

        Raises:
            ValueError: the record is malformed.
        """
        if len(self.halves) != len(NO_HALVES) or min(self.succeeded, self.failed, *self.halves) < 0:
            raise ValueError(f"details must have {len(NO_HALVES)} counts of halves, and no negative count")
        for sample, size in ((self.users, SAMPLE_SIZE), (self.emitters, MOST_EMITTERS)):
            if list(smallest(sample, size)) != sample or not all(0 <= known < 1 << 32 for known in sample):
                raise ValueError(f"a sample must be at most {size} hashes of 32 bits, ascending")
        for lists in self.metrics.values():
            ValueCounts.from_lists(*lists)
        if self.statuses:
            _check_statuses(self.statuses, self.halves, 2)
        if self.user_groups:
            sums = sums_of(check_groups(self.user_groups))
            self._check_groups(sums, (sums.halves, sums.statuses), (self.halves, dict(self.statuses)))

    def check_emitters(self, counts: Sequence[int], statuses: Mapping[int, int]) -> None:
        """Check the counts by group of emitters against the requests of the cell, by class and by exact status.

        Raises:
            ValueError: the record is malformed.
        """
        if self.emitter_groups:
            sums = sums_of(check_groups(self.emitter_groups))
            self._check_groups(sums, (sums.classes, sums.exact), (counts, statuses))

    def _check_groups(self, sums: GroupSums, by_group: CountsByOutcome, known: CountsByOutcome) -> None:
        # More of all groups together than there are would make shares above 100%.
        if any(map(gt, by_group[0], known[0])) or any(
            number > known[1].get(code, 0) for code, number in by_group[1].items()
        ):
            raise ValueError("there must not be more requests by group than requests")
        if sums.succeeded > self.succeeded or sums.failed > self.failed:
            raise ValueError("there must not be more transactions by group than transactions")

    def detail(self) -> Detail:
        """The details of a record that was checked."""
        return Detail.load(msgspec.structs.astuple(self))


class CellRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One cohort in one cell of event time: its counts by `CLASSES` and its sparse latency histogram.

    `unreadable` and `clamped` are those of `gates.panes.Cell`, and `statuses` has, of the exact statuses that occur,
    how many of the `counts` are of them, by code (`gates.statuses`). A record is an array, so what is newer is last:
    older records lack it, and most cells leave it out.
    """

    cohort: str
    start: int
    counts: tuple[int, ...]
    buckets: list[int]
    bucket_counts: list[int]
    synthetic: bool = False
    detail: DetailRecord | None = None
    unreadable: int = 0
    clamped: int = 0
    statuses: dict[int, int] = {}

    @classmethod
    def of(cls, cohort: str, start: int, cell: Cell, synthetic: bool = False) -> CellRecord:
        """The record of a cell that starts at `start` (milliseconds since the epoch)."""
        detail = None if cell.detail == NO_DETAIL else DetailRecord(*cell.detail.dump())
        latency, missing = cell.latency.to_lists(), (cell.unreadable, cell.clamped)
        return cls(cohort, start, cell.counts, *latency, synthetic, detail, *missing, dict(cell.statuses))

    @property
    def key(self) -> CellKey:
        """The cell that these counts are of."""
        return self.cohort, self.start, self.synthetic

    @property
    def requests(self) -> int:
        """The number of requests, whatever their outcome."""
        return sum(self.counts)

    @property
    def events(self) -> int:
        """The number of requests, and of events that cannot be read."""
        return sum(self.counts) + self.unreadable

    def check(self) -> None:
        """Check what the types do not.

        Raises:
            ValueError: the record is malformed.
        """
        if len(self.counts) != len(CLASSES) or min(self.counts) < 0:
            raise ValueError(f"a cell must have {len(CLASSES)} counts, none negative")
        if self.unreadable < 0 or not 0 <= self.clamped <= self.requests:
            raise ValueError("no count of unreadable events may be negative, and each clamped one is a request")
        check_lists(self.buckets, self.bucket_counts)
        if self.detail is not None:
            self.detail.check()
            self.detail.check_emitters(self.counts, self.statuses)
        if self.statuses:
            _check_statuses(list(self.statuses.items()), self.counts, 1)

    def cell(self) -> Cell:
        """The cell.

        Raises:
            ValueError: the record is malformed.
        """
        self.check()
        return merged((self,))


def merged(records: Sequence[CellRecord]) -> Cell:
    """The sum of these records, of which each was checked."""
    counts = tuple(map(sum, zip(*(record.counts for record in records), strict=True)))
    latencies: dict[int, int] = {}
    detail, statuses = NO_DETAIL, NO_STATUSES
    for record in records:
        for bucket, number in zip(record.buckets, record.bucket_counts, strict=True):
            latencies[bucket] = latencies.get(bucket, 0) + number
        if record.detail is not None:
            detail = detail.merge(record.detail.detail())
        statuses = add_statuses(statuses, record.statuses)
    unreadable, clamped = sum(record.unreadable for record in records), sum(record.clamped for record in records)
    return Cell(counts, Histogram.of_counts(latencies), detail, unreadable, clamped, statuses)


def _check_statuses(statuses: Sequence[tuple[int, int]], counts: Sequence[int], parts: int) -> None:
    """Check pairs of code (times `parts`, plus the part) and number, of which `counts` has the classes of each part.

    More requests of a status than of its class would make error rates above 100%.

    Raises:
        ValueError: the pairs are malformed.
    """
    left = list(counts)
    last = -1
    for code, number in statuses:
        word = CLASS_OF.get(code // parts)
        if word is None or code <= last or number < 1:
            raise ValueError("exact statuses must be known and ascending, each with 1 request or more")
        last, place = code, code % parts * len(CLASSES) + CLASS_POSITION[word]
        left[place] -= number
        if left[place] < 0:
            raise ValueError(f"there must not be more requests of the exact statuses of {word} than of {word}")
