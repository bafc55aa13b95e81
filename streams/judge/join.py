"""The join: exact sums of event counts, from versions of chunks that repeat and interleave in any order. Pure.

Per source partition it keeps the latest version of the open chunk; the cells of finished chunks are added up. A version
of an older chunk, or one of the open chunk that reaches less far, adds nothing; one that reaches further replaces what
was there; a version of a later chunk finishes the open one. So duplicates, re-reads after a crash and a second worker
on the same partition all lead to the same sums.

A chunk that reaches further than the open one, and begins before its end, was not cut by the log: somebody moved the
offsets of the group, or the topic has lost the first records of the open chunk. Its counts contain what is counted
already, so none of them is added.

A topic that was made again has other events at the same offsets, so its chunks are others: they are kept apart by the
topic's identity, and what the topic before it had stays counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from gates.panes import Cell
from streams.cells import CellRecord, SourcePartition, merged
from streams.journal import Partial
from streams.judge.waiting_cells import MOST_BYTES, WaitingCells
from streams.topic_identity import is_same, joined

MOST_TOPICS: Final = 2
"""Open chunks of one source partition, each of another topic of that name: a worker may still write the last version of
the topic before. Those of older ones are finished, so that topics made again and again use no more memory."""


class OpenChunk(msgspec.Struct, frozen=True, array_like=True):
    """The latest version of a source partition's newest chunk: its first offset, how far it reaches, its counts.

    If it `overlaps` with the chunk before it, its counts are not added, and all its users' requests are refused.
    `topic_id` is the identity of the topic, as far as it is known.
    """

    source: SourcePartition
    start: int
    upto: int
    cells: list[CellRecord]
    refused: dict[str, int] = {}
    overlaps: bool = False
    topic_id: str = ""

    def has(self, partial: Partial, checked: bool) -> bool:
        """Whether a version adds nothing: it is of this chunk and reaches no further, or of an older one.

        If it is `checked`, an older one that reaches further is not cut by the log either, and does add something.
        """
        if checked:
            return partial.upto <= self.upto
        return (partial.start, partial.upto) <= (self.start, self.upto)


class JoinState(msgspec.Struct, array_like=True):
    """A join as a snapshot has it: the cells of finished chunks, added up, and the open chunks.

    `sizes` has the bytes that each of the finished counts with, `dropped` is that of the join. Older ones lack both.
    """

    opened_at: int
    closed_until: int
    finished: list[CellRecord]
    open: list[OpenChunk]
    sizes: list[int] = []
    dropped: int = 0


class MissingEvents(NamedTuple):
    """Users' requests that a version adds and that no pane will have, by cohort.

    `late` are those for closed event time, `refused` those for which ingest or the join had no room, as in
    `Partial.refused`, and those of a chunk that overlaps with the one before it.
    """

    late: dict[str, int]
    refused: dict[str, int]


class ClosedCells(NamedTuple):
    """The sums of a stretch of event time by cohort: users' requests, and apart from them the synthetic ones."""

    cells: dict[str, Cell]
    synthetic: dict[str, Cell]


class Join:
    """The cells of one rollout that are not judged yet.

    `closed_until` is the event time judged so far (ms). Counts for earlier event time are never added; they are late if
    they are for `opened_at` or after. `dropped` counts the requests that there was no room
    for, until the caller sets it back.
    """

    def __init__(self) -> None:
        self.opened_at = 0
        self.closed_until = 0
        self.dropped = 0
        self._finished = WaitingCells()
        self._open: dict[SourcePartition, list[OpenChunk]] = {}  # the newest topic's last

    def apply(self, partial: Partial, most_bytes: int = MOST_BYTES, *, checked: bool = True) -> MissingEvents:
        """Add one version; returns what of it is new and missing. `most_bytes` bounds the cells of finished chunks.

        Without `checked` a chunk may overlap with the one before it, as it could in older builds.

        Raises:
            ValueError: a count of it is malformed; nothing of the version was added.
        """
        known = _of_topic(self._open.get(partial.source, ()), partial.topic_id)
        if known is not None and known.has(partial, checked):
            return MissingEvents({}, {})
        same = known is not None and known.start == partial.start
        overlaps = known is not None and (known.overlaps if same else checked and partial.start < known.upto)
        before, refused_before = (known.cells, known.refused) if known is not None and same else ([], {})
        cells = [] if overlaps else partial.cells
        all_refused = self._all_of(partial) if overlaps else partial.refused
        # A version repeats most cells of the one before, in the same order: only those that differ are added. All
        # are checked before anything is stored, so that a refused version leaves the sums as they were.
        changed = [cell for cell, past in zip(cells, before, strict=False) if cell != past]
        changed += cells[len(before) :]
        for cell in changed:
            cell.check()
        if min(partial.refused.values(), default=0) < 0:
            raise ValueError("no count of refused requests may be negative")
        refused = {name: number - refused_before.get(name, 0) for name, number in all_refused.items()}
        missing = MissingEvents(self._late(changed, before), {name: new for name, new in refused.items() if new})
        identity = partial.topic_id if known is None else joined(known.topic_id, partial.topic_id)
        of, start, upto = partial.source, partial.start, partial.upto
        opened = OpenChunk(of, start, upto, cells, all_refused, overlaps, identity)
        finished = self._replace(known, opened)
        if finished is not None and not same:
            for cohort, number in self._finish(finished, most_bytes).items():
                missing.refused[cohort] = missing.refused.get(cohort, 0) + number
                self.dropped += number
        return missing

    def _replace(self, known: OpenChunk | None, opened: OpenChunk) -> OpenChunk | None:
        """Put the newest version in place of the one before; returns that, or a chunk for which there is no room."""
        chunks = self._open.setdefault(opened.source, [])
        if known is not None:
            self._open[opened.source] = [opened if chunk is known else chunk for chunk in chunks]
            return known
        chunks.append(opened)
        return chunks.pop(0) if len(chunks) > MOST_TOPICS else None

    def _all_of(self, partial: Partial) -> dict[str, int]:
        """The users' requests of a version that none of its cells will be added for, by cohort."""
        requests = dict(partial.refused)
        for cell in partial.cells:
            cell.check()
            # Also those for before `opened_at`: it moves, and the next version must not have fewer than this one.
            if not cell.synthetic:
                requests[cell.cohort] = requests.get(cell.cohort, 0) + cell.events
        return requests

    def _late(self, changed: list[CellRecord], before: list[CellRecord]) -> dict[str, int]:
        """Events for closed event time, by cohort, less those that an earlier version already had."""
        late: dict[str, int] = {}
        for cell in changed:
            if self.opened_at <= cell.start < self.closed_until and not cell.synthetic:
                known_before = sum(past.events for past in before if past.key == cell.key)
                if cell.events != known_before:
                    late[cell.cohort] = late.get(cell.cohort, 0) + cell.events - known_before
        return late

    def _finish(self, chunk: OpenChunk, most_bytes: int) -> dict[str, int]:
        """Add up the cells of a finished chunk; returns the requests that there is no room for, by cohort."""
        return _requests(
            cell for cell in chunk.cells if cell.start >= self.closed_until and not self._finished.add(cell, most_bytes)
        )

    def reaches(self, time: int) -> bool:
        """Whether cells of finished chunks may start at this time or later."""
        return self._finished.latest >= time

    def drop_from(self, start: int) -> dict[str, int]:
        """Drop the cells of finished chunks from this time on; returns the requests in them, by cohort."""
        return _requests(self._finished.drop_from(start))

    def close(self, start: int, end: int) -> ClosedCells:
        """Close event time up to `end`, and return the sums of `[start, end)` as known now.

        An open chunk is summed as far as it reaches: waiting for its last version could hold back a pane by a whole
        chunk. What a later version adds to a closed pane is late, as it is with any other order of arrival.
        """
        due: defaultdict[tuple[bool, str], list[CellRecord]] = defaultdict(list)
        for key, cells in self._finished.take_before(end).items():
            if key[1] >= start:
                due[key[2], key[0]] += cells
        begin = max(start, self.closed_until)
        for chunk in chain.from_iterable(self._open.values()):
            for cell in chunk.cells:
                if begin <= cell.start < end:
                    due[cell.synthetic, cell.cohort].append(cell)
        closed = ClosedCells({}, {})
        for (synthetic, cohort), cells in due.items():
            (closed.synthetic if synthetic else closed.cells)[cohort] = merged(cells)
        self.closed_until = max(self.closed_until, end)
        return closed

    def next_cell(self) -> int | None:
        """Start of the earliest cell that is not closed yet; None if there is none."""
        starts = [at for _, at, _ in self._finished.records]
        for chunk in chain.from_iterable(self._open.values()):
            starts += [cell.start for cell in chunk.cells if cell.start >= self.closed_until]
        return min(starts, default=None)

    def state(self) -> JoinState:
        """The join for a snapshot. Cells of finished chunks are merged here and not before, to keep `apply` fast."""
        finished = [
            CellRecord.of(cohort, at, merged(cells), synthetic)
            for (cohort, at, synthetic), cells in self._finished.records.items()
        ]
        opened, sizes = [*chain.from_iterable(self._open.values())], self._finished.sizes()
        return JoinState(self.opened_at, self.closed_until, finished, opened, sizes, self.dropped)

    @classmethod
    def restored(cls, state: JoinState) -> Join:
        """The join that has this state.

        Raises:
            ValueError: a cell is malformed.
        """
        join = cls()
        join.opened_at, join.closed_until = state.opened_at, state.closed_until
        join.dropped = state.dropped
        for cell in state.finished:
            cell.check()
        join._finished.restore(state.finished, state.sizes)
        for chunk in state.open:
            for cell in chunk.cells:
                cell.check()
            join._open.setdefault(chunk.source, []).append(chunk)
        return join


def _of_topic(chunks: Sequence[OpenChunk], identity: str) -> OpenChunk | None:
    """The open chunk of the topic with this identity."""
    return next((chunk for chunk in reversed(chunks) if is_same(chunk.topic_id, identity)), None)


def _requests(cells: Iterable[CellRecord]) -> dict[str, int]:
    """Users' requests in these cells, readable or not, by cohort."""
    found: dict[str, int] = {}
    for cell in cells:
        if not cell.synthetic and cell.events:
            found[cell.cohort] = found.get(cell.cohort, 0) + cell.events
    return found
