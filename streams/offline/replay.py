"""The whole pipeline without a broker: events or a journal in, decisions out.

The aggregation, the join, the watermark and the gate are those of the worker. Time is event time alone, so the same
input gives the same bytes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.decoders import RequestEvent, decode, decode_one
from gates.decisions import Decision
from gates.policy import Policy
from streams.cells import CELL_MS, SourcePartition
from streams.ingest.chunks import MAX_FUTURE_MS, Chunker, Decoded
from streams.journal import Ack, Progress, Record, SequencedRecord, SourceProgress, Start, Timing
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput

SOURCE = SourcePartition("events", 0)


@dataclass(slots=True)
class Replay:
    """Request events as NDJSON lines, judged by a policy as if a worker had read them in this order.

    With `acks` every decision is acknowledged at once, else never. After (or while) `run` is consumed, `events` and
    `faults` say how much was read, and how much was not to be read, by reason.
    """

    policy: Policy
    timing: Timing = field(default_factory=Timing)
    acks: bool = True
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    _fold: Fold = field(default_factory=lambda: Fold(0))
    _chunker: Chunker = field(default_factory=lambda: Chunker(SOURCE))
    _offset: int = -1
    _pending: list[Decoded] = field(default_factory=list)
    _flushed_until: int | None = None

    def run(self, lines: Iterable[bytes], said: Iterable[tuple[int, SequencedRecord]] = ()) -> Iterator[FoldOutput]:
        """What is published, in order; `said` are operators' and actuators' words, each with its event time (ms)."""
        words = deque(said)
        for source_offset, (event, time) in enumerate(self._timed(lines)):
            if self._flushed_until is None:
                yield from self._begin(time)
            elif time >= self._flushed_until + CELL_MS:
                yield from self._flush()
                self._flushed_until = time - time % CELL_MS
                while words and words[0][0] <= self._flushed_until:
                    yield from self._apply(words.popleft()[1])
            self._pending.append(Decoded(source_offset, time, [event]))
        if self._flushed_until is not None:
            yield from self._flush(last=True)
        for _, word in words:
            yield from self._apply(word)

    def _timed(self, lines: Iterable[bytes]) -> Iterator[tuple[RequestEvent, int]]:
        """The events, each with the time at which it came: its own, unless it leaps ahead and the next one does not."""
        newest: int | None = None
        for event, following in _with_next(self._decoded(lines)):
            time = event.ts_ms
            if following is not None and time > following.ts_ms + MAX_FUTURE_MS:
                time = following.ts_ms if newest is None else min(time, newest)
            newest = time if newest is None else max(newest, time)
            yield event, time

    def _decoded(self, lines: Iterable[bytes]) -> Iterator[RequestEvent]:
        for line in lines:
            event = decode_one(line)
            if event is not None:
                self.events += 1
                yield event
            elif not line.isspace():
                found = decode(line)
                self.faults.update(fault.reason for fault in found.faults)
                self.events += len(found.events)
                yield from found.counted

    def _begin(self, ts_ms: int) -> Iterator[FoldOutput]:
        self._flushed_until = ts_ms - ts_ms % CELL_MS
        yield from self._apply(
            Start(
                rollout=self.policy.rollout,
                policy=self.policy.document(),
                by="replay",
                at=self._flushed_until,
                timing=self.timing,
            )
        )

    def _flush(self, *, last: bool = False) -> Iterator[FoldOutput]:
        """Journal what came since the last flush, and how far event time has come."""
        self._chunker.take_run(self._pending, [event for record in self._pending for event in record.events])
        self._pending.clear()
        flush = self._chunker.flush()
        for partial in flush.partials:
            yield from self._apply(partial)
        newest = flush.newest or 0
        if last:  # nothing more can come: let the last pane close too
            newest += self.policy.pane_ms + self.timing.out_of_orderness
        report = SourceProgress(SOURCE, flush.position or 0, newest, caught_up=True)
        yield from self._apply(Progress(worker="replay", wall=newest, sources=[report]))

    def _apply(self, record: Record) -> Iterator[FoldOutput]:
        self._offset += 1
        outcomes = self._fold.apply(record, self._offset)
        yield from outcomes
        if self.acks:
            for outcome in outcomes:
                if isinstance(outcome, Decision):
                    yield from self._apply(_acknowledged(outcome))


def _with_next(events: Iterable[RequestEvent]) -> Iterator[tuple[RequestEvent, RequestEvent | None]]:
    before: RequestEvent | None = None
    for event in events:
        if before is not None:
            yield before, event
        before = event
    if before is not None:
        yield before, None


def _acknowledged(decision: Decision) -> Ack:
    return Ack(
        id=decision.id,
        rollout=decision.rollout,
        epoch=decision.epoch,
        sequence=decision.sequence,
        actuator="replay",
        status="applied",
        weights=dict(decision.weights),
        at=decision.event_time,
    )


def decisions(outcomes: Iterable[FoldOutput]) -> Iterator[Decision]:
    """The decisions among what is published, each once: a re-issued one has an id already seen."""
    seen: set[str] = set()
    for outcome in outcomes:
        if isinstance(outcome, Decision) and outcome.id not in seen:
            seen.add(outcome.id)
            yield outcome
