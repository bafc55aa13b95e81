"""The chunk that a source partition is in now: events in, versions out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connectors.decoders import RequestEvent, Unreadable
from streams.cells import CellRecord, SourcePartition
from streams.ingest.cells import ChunkCells
from streams.ingest.cutting import ChunkSpan, rule
from streams.ingest.sizes import EVENT, FULL, LARGEST_CELLS, STEP, CellSizes, coarse, full_growth, growth
from streams.ingest.sums import CellSums, Kinds
from streams.journal import Partial

SLICE = 64
"""Events of a large message that are counted in one go, where the chunk may have no room for all of them."""


@dataclass(slots=True)
class OpenChunk:
    """A chunk up to, and without, the offset `upto`; `span` has where it starts.

    `put_off` is whether a version of it was left out, which happens once. `full` is whether it ends after the record
    that was counted last.
    """

    span: ChunkSpan
    upto: int
    put_off: bool = False
    full: bool = False
    _cells: ChunkCells = field(default_factory=ChunkCells)
    _sums: CellSums = field(init=False)
    _sizes: CellSizes = field(init=False)
    _records: dict[int, CellRecord] = field(default_factory=dict)
    _due: set[str] = field(default_factory=set)  # rollouts that have changed since their last version

    def __post_init__(self) -> None:
        """Share the list of cells: the sums need it by number."""
        self._sums = CellSums(self._cells.numbered)
        self._sizes = CellSizes(self._cells.numbered)

    def has_room_for_run(self, events: int, most: int) -> bool:
        """Whether the chunk is not full after any of these events, the only ones of their records.

        `most` is their `growth`.
        """
        return not (self._sizes.bound + coarse(most, events) >= FULL or self._cells.nearly_full(events))

    def count(
        self, events: Sequence[RequestEvent], clamped: Iterable[RequestEvent] = (), most: int | None = None
    ) -> tuple[int, int]:
        """Count events of one class, of which `clamped` (the same objects) are at their record's time.

        They are those of one record, or of a run that has room; `most` is their `growth`, if known. Returns the
        numbers of events refused and of metrics dropped, for lack of room: no version may be larger than a message.
        """
        most = growth(events) if most is None else most
        if self._sizes.bound + coarse(most, len(events)) <= LARGEST_CELLS:
            return self._add(events, clamped, most)
        refused = dropped = 0
        marked = {id(event) for event in clamped}
        for begin in range(0, len(events), SLICE):
            part = events[begin : begin + SLICE]
            most = growth(part)
            full = full_growth(most, part)
            if self._sizes.bound + full > LARGEST_CELLS:
                self._measure()
            if self._sizes.bound + full > LARGEST_CELLS:
                for event in events[begin:]:
                    self._cells.refuse(event)
                return refused + len(events) - begin, dropped
            more = self._add(part, [event for event in part if id(event) in marked], most)
            refused, dropped = refused + more[0], dropped + more[1]
        return refused, dropped

    def end_record(self) -> None:
        """The events of a record are counted: the chunk may be full now."""
        if self._sizes.bound >= max(FULL, self._sizes.measured + STEP):
            self._measure()
        self.full = self._sizes.measured >= FULL or self._cells.nearly_full(0)

    def _add(self, events: Sequence[RequestEvent], clamped: Iterable[RequestEvent], most: int) -> tuple[int, int]:
        """Count events, which add this number of bytes to open cells at most."""
        slots, placed = self._cells.place(events)
        if marked := {id(event) for event in clamped}:
            self._sums.count_clamped(slot for slot, event in zip(slots, placed, strict=True) if id(event) in marked)
        self._sizes.charge(most)
        return len(events) - len(placed), self._sums.count(slots, placed)

    def count_unreadable(self, found: Unreadable, time: int | None) -> None:
        """Count an unreadable event at this time; None if it has none."""
        cell = self._cells.place_unreadable(found, time)
        if cell is not None:
            self._sums.count_unreadable(cell)
        self._sizes.charge(EVENT)

    def refuse(self, events: Iterable[RequestEvent]) -> None:
        """Count events that are in no cell, whatever room there is."""
        for event in events:
            self._cells.refuse(event)

    def versions(self, source: SourcePartition, *, final: bool, topic_id: str = "") -> list[Partial]:
        """A version for each rollout that has changed since the last call: all its cells, as they are now."""
        self._refresh()
        due, self._due = self._due.union(self._cells.drain_refusing()), set()
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
                topic_id=topic_id,
            )
            for rollout in sorted(due)
        ]

    def drain_unplaced(self) -> int:
        """The number of events since the last call of rollouts for which the chunk had no room."""
        unplaced, self._cells.unplaced = self._cells.unplaced, 0
        return unplaced

    def drain_kinds(self) -> Kinds:
        """The number of events of each kind that the versions since the last call have added."""
        return self._sums.drain_kinds()

    def _measure(self) -> None:
        """Encode the cells, so that their bytes are known and not only bounded."""
        self._refresh()
        self._sizes.measure(self._records)

    def _refresh(self) -> None:
        changed = self._sums.changed_records()
        self._records |= changed
        self._sizes.change(changed)
        self._due |= {self._cells.numbered[number].rollout for number in changed}
