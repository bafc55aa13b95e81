"""The chunk that a source partition is in now: events in, versions out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connectors.decoders import RequestEvent, Unreadable
from streams.cells import CellRecord, SourcePartition
from streams.ingest.cells import ChunkCells
from streams.ingest.cutting import ChunkSpan, rule
from streams.ingest.sums import CellSums, Kinds
from streams.journal import Partial


@dataclass(slots=True)
class OpenChunk:
    """A chunk up to, and without, the offset `upto`; `span` has where it starts.

    `put_off` is whether a version of it was left out, which happens once.
    """

    span: ChunkSpan
    upto: int
    put_off: bool = False
    _cells: ChunkCells = field(default_factory=ChunkCells)
    _sums: CellSums = field(init=False)
    _records: dict[int, CellRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Share the list of cells: the sums need it by number."""
        self._sums = CellSums(self._cells.numbered)

    def count(self, events: Sequence[RequestEvent], clamped: Iterable[RequestEvent] = ()) -> tuple[int, int]:
        """Count events of one class, of which `clamped` (the same objects) are at their record's time.

        Returns the numbers of events refused and of metrics dropped, for lack of room.
        """
        slots, placed = self._cells.place(events)
        if marked := {id(event) for event in clamped}:
            self._sums.count_clamped(slot for slot, event in zip(slots, placed, strict=True) if id(event) in marked)
        return len(events) - len(placed), self._sums.count(slots, placed)

    def count_unreadable(self, found: Unreadable, time: int | None) -> None:
        """Count an unreadable event at this time; None if it has none."""
        cell = self._cells.place_unreadable(found, time)
        if cell is not None:
            self._sums.count_unreadable(cell)

    def refuse(self, events: Iterable[RequestEvent]) -> None:
        """Count events that are in no cell, whatever room there is."""
        for event in events:
            self._cells.refuse(event)

    def versions(self, source: SourcePartition, *, final: bool) -> list[Partial]:
        """A version for each rollout that has changed since the last call: all its cells, as they are now."""
        numbered, changed = self._cells.numbered, self._sums.changed_records()
        self._records |= changed
        return [
            Partial(
                rollout=rollout,
                source=source,
                start=self.span.start,
                upto=self.upto,
                final=final,
                cells=[self._records[number] for number in self._cells.numbers_of(rollout)],
                rule=rule(),
                refused=self._cells.refused_of(rollout),
            )
            for rollout in sorted(self._cells.drain_refusing().union(numbered[number].rollout for number in changed))
        ]

    def drain_unplaced(self) -> int:
        """The number of events since the last call of rollouts for which the chunk had no room."""
        unplaced, self._cells.unplaced = self._cells.unplaced, 0
        return unplaced

    def drain_kinds(self) -> Kinds:
        """The number of events of each kind that the versions since the last call have added."""
        return self._sums.drain_kinds()
