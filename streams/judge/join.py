"""The join: from versions of chunks, repeated and interleaved as they may be, to exact sums. Pure.

Per rollout and source partition there is the sum of finished chunks and the latest version of the open one. A version
of an older chunk, or of the open one reaching less far, is known already; one reaching further replaces it; a later
chunk makes the open one final. Duplicates, re-reads after a crash, and zombies all converge to the same sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from gates.panes import NOTHING, Cell
from streams.journal import CellKey, CellRecord, Partial, SourcePartition

Cells = dict[CellKey, Cell]


class _Open(NamedTuple):
    """The latest version of a chunk: its records, and the cells made from them."""

    start: int
    upto: int
    records: dict[CellKey, CellRecord]
    cells: Cells

    @classmethod
    def of(cls, start: int, upto: int, records: list[CellRecord], before: _Open | None = None) -> _Open:
        """A version; most of a chunk is as it was in the version before, and is not made again."""
        by_key = {record.key: record for record in records}
        if before is None:
            return cls(start, upto, by_key, {key: record.cell() for key, record in by_key.items()})
        known, made = before.records, before.cells
        cells = {key: made[key] if known.get(key) == record else record.cell() for key, record in by_key.items()}
        return cls(start, upto, by_key, cells)


class Taken(NamedTuple):
    """What some event time held, by cohort: users' requests, and apart from them the synthetic ones."""

    cells: dict[str, Cell]
    synthetic: dict[str, Cell]


class Join:
    """The cells of one rollout that are not judged yet, whatever way they reached us.

    `closed_until` is the event time judged so far (ms): what arrives for before is never applied, and counts as late if
    it is of `opened_at` or after.
    """

    def __init__(self) -> None:
        self.opened_at = 0
        self.closed_until = 0
        self._folded: Cells = {}
        self._open: dict[SourcePartition, _Open] = {}

    def apply(self, partial: Partial) -> Counter[str]:
        """Take in one version; returns how many users' requests in it are new but late, by cohort."""
        known = self._open.get(partial.source)
        if known is not None and (partial.start, partial.upto) <= (known.start, known.upto):
            return Counter()
        same = known if known is not None and known.start == partial.start else None
        version = _Open.of(partial.start, partial.upto, partial.cells, same)  # raises before anything has changed
        if known is not None and same is None:
            self._fold(known.cells)
        late: Counter[str] = Counter()
        for key, cell in version.cells.items():
            cohort, start, synthetic = key
            if self.opened_at <= start < self.closed_until and not synthetic:
                before = NOTHING if same is None else same.cells.get(key, NOTHING)
                late[cohort] += cell.requests - before.requests
        self._open[partial.source] = version
        return late

    def _fold(self, cells: Cells) -> None:
        for key, cell in cells.items():
            if key[1] >= self.closed_until:
                self._folded[key] = self._folded.get(key, NOTHING).merge(cell)

    def take(self, start: int, end: int) -> Taken:
        """The sums of event time `[start, end)`, as known now; and close it."""
        due = [(key, self._folded.pop(key)) for key in sorted(self._folded) if key[1] < end]
        for source in sorted(self._open):
            due += [pair for pair in self._open[source].cells.items() if self.closed_until <= pair[0][1] < end]
        taken = Taken({}, {})
        for (cohort, at, synthetic), cell in due:
            if at >= start:
                found = taken.synthetic if synthetic else taken.cells
                found[cohort] = found.get(cohort, NOTHING).merge(cell)
        self.closed_until = max(self.closed_until, end)
        return taken

    def next_cell(self) -> int | None:
        """Start of the earliest cell that is not closed yet; None if there is none."""
        starts = [at for _, at, _ in self._folded]
        for version in self._open.values():
            starts += [at for _, at, _ in version.cells if at >= self.closed_until]
        return min(starts, default=None)

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        return {
            "opened_at": self.opened_at,
            "closed_until": self.closed_until,
            "folded": _records(self._folded),
            "open": [
                [source.topic, source.partition, version.start, version.upto, _records(version.cells)]
                for source, version in self._open.items()
            ],
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Join:
        """The join that `dump` described."""
        join = cls()
        join.opened_at, join.closed_until = state["opened_at"], state["closed_until"]
        join._folded = {record.key: record.cell() for record in _read(state["folded"])}
        join._open = {
            SourcePartition(topic, partition): _Open.of(start, upto, _read(cells))
            for topic, partition, start, upto, cells in state["open"]
        }
        return join


def _records(cells: Cells) -> list[object]:
    records = (CellRecord.of(cohort, at, cell, synthetic) for (cohort, at, synthetic), cell in cells.items())
    return [msgspec.to_builtins(record) for record in records]


def _read(rows: list[Any]) -> list[CellRecord]:
    return msgspec.convert(rows, list[CellRecord])
