"""The join: from versions of chunks, repeated and interleaved as they may be, to exact sums. Pure.

Per rollout and source partition there is the sum of finished chunks and the latest version of the open one. A version
of an older chunk, or of the open one reaching less far, is known already; one reaching further replaces it; a later
chunk makes the open one final. Duplicates, re-reads after a crash, and zombies all converge to the same sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from gates.panes import Cell
from streams.journal import CellKey, CellRecord, Partial, SourcePartition, merged


class _Open(NamedTuple):
    """The latest version of a chunk."""

    start: int
    upto: int
    records: list[CellRecord]


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
        self._folded: defaultdict[CellKey, list[CellRecord]] = defaultdict(list)
        self._open: dict[SourcePartition, _Open] = {}

    def apply(self, partial: Partial) -> dict[str, int]:
        """Take in one version; returns how many users' requests in it are new but late, by cohort; nothing of others.

        Raises:
            ValueError: a record is no cell's, and nothing of the version was taken in.
        """
        known = self._open.get(partial.source)
        if known is not None and (partial.start, partial.upto) <= (known.start, known.upto):
            return {}
        same = known is not None and known.start == partial.start
        before = known.records if known is not None and same else []
        records = partial.cells
        news = [record for record, past in zip(records, before, strict=False) if record != past]  # few are
        news += records[len(before) :]
        for record in news:
            record.check()
        late: dict[str, int] = {}
        for record in news:
            if self.opened_at <= record.start < self.closed_until and not record.synthetic:
                known_before = sum(past.requests for past in before if past.key == record.key)
                if record.requests != known_before:
                    late[record.cohort] = late.get(record.cohort, 0) + record.requests - known_before
        if known is not None and not same:
            self._fold(known.records)
        self._open[partial.source] = _Open(partial.start, partial.upto, records)
        return late

    def _fold(self, records: list[CellRecord]) -> None:
        for record in records:
            if record.start >= self.closed_until:
                self._folded[record.key].append(record)

    def take(self, start: int, end: int) -> Taken:
        """The sums of event time `[start, end)`, as known now; and close it."""
        due: defaultdict[tuple[bool, str], list[CellRecord]] = defaultdict(list)
        for key in [key for key in self._folded if key[1] < end]:
            records = self._folded.pop(key)
            if key[1] >= start:
                due[key[2], key[0]] += records
        begin = max(start, self.closed_until)
        for version in self._open.values():
            for record in version.records:
                if begin <= record.start < end:
                    due[record.synthetic, record.cohort].append(record)
        taken = Taken({}, {})
        for (synthetic, cohort), records in due.items():
            (taken.synthetic if synthetic else taken.cells)[cohort] = merged(records)
        self.closed_until = max(self.closed_until, end)
        return taken

    def next_cell(self) -> int | None:
        """Start of the earliest cell that is not closed yet; None if there is none."""
        starts = [at for _, at, _ in self._folded]
        for version in self._open.values():
            starts += [record.start for record in version.records if record.start >= self.closed_until]
        return min(starts, default=None)

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        return {
            "opened_at": self.opened_at,
            "closed_until": self.closed_until,
            "folded": _rows(
                CellRecord.of(cohort, at, merged(records), synthetic)
                for (cohort, at, synthetic), records in self._folded.items()
            ),
            "open": [
                [*msgspec.structs.astuple(source), version.start, version.upto, _rows(version.records)]
                for source, version in self._open.items()
            ],
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Join:
        """The join that `dump` described."""
        join = cls()
        join.opened_at, join.closed_until = state["opened_at"], state["closed_until"]
        for record in _read(state["folded"]):
            join._folded[record.key].append(record)
        join._open = {
            SourcePartition(topic, partition): _Open(start, upto, _read(rows))
            for topic, partition, start, upto, rows in state["open"]
        }
        return join


def _rows(records: Iterable[CellRecord]) -> object:
    return msgspec.to_builtins(list(records))


def _read(rows: list[Any]) -> list[CellRecord]:
    records = msgspec.convert(rows, list[CellRecord])
    for record in records:
        record.check()
    return records
