"""The whole pipeline without a broker: events or a journal in, decisions out.

Aggregation, join, watermark and gate are those of the worker. Only the times in the input count, so the same input
gives the same bytes. `streams.offline.event_lines` has what stands for the times of records that a file lacks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gates.decisions import Decision
from gates.policy import Policy
from gates.rules import CURRENT
from streams.cells import CELL_MS, SourcePartition
from streams.ingest.chunks import Chunker, SourceRecord
from streams.journal import Progress, Record, SequencedRecord, SourceProgress, Start, Timing
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.offline.event_lines import EventLines
from streams.offline.stand_in_acks import applied_record, stand_ins

SOURCE = SourcePartition("events", 0)


@dataclass(slots=True)
class Replay:
    """Request events as NDJSON lines, judged by a policy as if a worker had read them in this order.

    With `acks` every decision is acknowledged at once by each actuator that the policy names, else never. `source`
    reads the lines, and counts what it finds while `run` is consumed. `rules` is the number of the rules of judging.
    """

    policy: Policy
    timing: Timing = field(default_factory=Timing)
    acks: bool = True
    source: EventLines = field(default_factory=EventLines)
    rules: int = CURRENT
    _fold: Fold = field(default_factory=lambda: Fold(0))
    _chunker: Chunker = field(default_factory=lambda: Chunker(SOURCE))
    _offset: int = -1
    _pending: list[SourceRecord] = field(default_factory=list)
    _flushed_until: int | None = None

    def run(self, lines: Iterable[bytes], orders: Iterable[tuple[int, SequencedRecord]] = ()) -> Iterator[FoldOutput]:
        """What is published, in order; `orders` come from operators and actuators, each with its event time (ms)."""
        waiting = deque(orders)
        for source_offset, (event, time) in enumerate(self.source.timed(lines)):
            if self._flushed_until is None:
                yield from self._begin(time)
            elif time >= self._flushed_until + CELL_MS:
                yield from self._flush()
                self._flushed_until = time - time % CELL_MS
                while waiting and waiting[0][0] <= self._flushed_until:
                    yield from self._apply(waiting.popleft()[1])
            self._pending.append(SourceRecord(source_offset, time, [event], self.source.drain_unreadable()))
        if self._flushed_until is not None:
            yield from self._flush(last=True)
        for _, order in waiting:
            yield from self._apply(order)

    def _begin(self, ts_ms: int) -> Iterator[FoldOutput]:
        self._flushed_until = ts_ms - ts_ms % CELL_MS
        yield from self._apply(
            Start(
                rollout=self.policy.rollout,
                policy=self.policy.document(),
                by="replay",
                at=self._flushed_until,
                timing=self.timing,
                rules=self.rules,
                override_freeze=True,  # a window of the policy may hold when the events begin
            )
        )

    def _flush(self, *, last: bool = False) -> Iterator[FoldOutput]:
        """Journal the counts since the last flush, and the progress of event time."""
        if any(record.unreadable for record in self._pending):
            self._chunker.count_records(self._pending)
        else:
            self._chunker.count_run(self._pending, [event for record in self._pending for event in record.events])
        self._pending.clear()
        flush = self._chunker.flush()
        for partial in flush.partials:
            yield from self._apply(partial)
        newest = flush.newest or 0
        if last:  # nothing more can come, so the last pane may close, too
            newest += self.policy.pane_ms + self.timing.out_of_orderness
        report = SourceProgress(SOURCE, flush.position or 0, newest, True, flush.limited.unplaced)
        # An event up to a minute ahead of its record counts in its own time, and must not close panes before it comes.
        wall = self.source.newest if self.source.recorded and not last else newest
        yield from self._apply(Progress(worker="replay", wall=wall, sources=[report]))

    def _apply(self, record: Record) -> Iterator[FoldOutput]:
        self._offset += 1
        outputs = self._fold.apply(record, self._offset)
        yield from outputs
        if self.acks:
            for output in outputs:
                if isinstance(output, Decision):
                    for actuator in stand_ins(self.policy, "replay"):
                        yield from self._apply(applied_record(output, actuator))


def distinct_decisions(outputs: Iterable[FoldOutput]) -> Iterator[Decision]:
    """The decisions among what is published, each once: one that is sent again has the same id."""
    seen: set[str] = set()
    for output in outputs:
        if isinstance(output, Decision) and output.id not in seen:
            seen.add(output.id)
            yield output
