"""The chunk that a source partition is in now: events in, versions out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.decoders import RequestEvent
from streams.ingest.cells import ChunkCells
from streams.ingest.cutting import rule
from streams.ingest.sums import CellSums, Kinds
from streams.journal import CellRecord, Partial, SourcePartition


@dataclass(slots=True)
class OpenChunk:
    """A chunk from the offset `start` up to, and without, `upto`; `latest_slot` is the slot of its first record.

    `put_off` is whether a version of it was left out, which happens once.
    """

    start: int
    latest_slot: int
    upto: int
    put_off: bool = False
    _cells: ChunkCells = field(default_factory=ChunkCells)
    _sums: CellSums = field(init=False)
    _records: dict[int, CellRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Share the list of cells: the sums need it by number."""
        self._sums = CellSums(self._cells.numbered)

    def count(self, events: Sequence[RequestEvent]) -> tuple[int, int]:
        """Count events of one class; returns the numbers of events refused and of metrics dropped, for lack of room."""
        slots, placed = self._cells.place(events)
        return len(events) - len(placed), self._sums.count(slots, placed)

    def versions(self, source: SourcePartition, *, final: bool) -> list[Partial]:
        """A version for each rollout that has changed since the last call: all its cells, as they are now."""
        changed = self._sums.changed_records()
        self._records |= changed
        return [
            Partial(
                rollout=rollout,
                source=source,
                start=self.start,
                upto=self.upto,
                final=final,
                cells=[self._records[number] for number in self._cells.numbers_of(rollout)],
                rule=rule(),
            )
            for rollout in sorted({self._cells.numbered[number].rollout for number in changed})
        ]

    def drain_kinds(self) -> Kinds:
        """The number of events of each kind that the versions since the last call have added."""
        return self._sums.drain_kinds()
