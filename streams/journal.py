"""The records of the one log, and their codec.

All that can change a rollout's fate is a record in `gate-journal`: what ingest counted (`Partials`), how far it has
come and what time it is (`Progress`), and what operators and actuators said (`Start`, `Control`, `Ack`). Operators and
actuators write the last three to topics of their own; the sequencer adds their `origin` and appends them here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
import orjson

from gates.panes import CLASSES, MOST_EMITTERS, NO_DETAIL, NO_HALVES, SAMPLE_SIZE, Cell, Detail, smallest
from gates.stats.histogram import Histogram, check_lists

CELL_MS = 1_000
"""How much event time a cell spans; a pane is a whole number of cells."""

BUNDLE_BYTES = 262_144
"""Partials that go to one journal partition share a record up to this size."""

CHUNK_RULE = "4096.10000"
"""How ingest cuts chunks: how many offsets, and of how many milliseconds a slot. Versions of chunks that were cut
otherwise cannot be joined with these; a record that names no rule was cut by this one."""


class SourcePartition(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One partition of a topic that events come from."""

    topic: str
    partition: int


Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A number from outside: JSON has larger ones, at which snapshots and metrics would break."""

CellKey = tuple[str, int, bool]
"""Which cell of a rollout: its cohort, its start in milliseconds since the epoch, and whether it is synthetic."""


class DetailRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a cell holds beyond outcomes and latencies: the fields of `Detail`; of a metric its buckets and counts."""

    succeeded: int
    failed: int
    users: list[int]
    halves: list[int]
    metrics: dict[str, tuple[list[int], list[int]]]
    emitters: list[int]

    def detail(self) -> Detail:
        """The details; ValueError where the record is none."""
        if len(self.halves) != len(NO_HALVES) or min(self.succeeded, self.failed, *self.halves) < 0:
            raise ValueError(f"details have {len(NO_HALVES)} counts of the halves, and no count is negative")
        for sample, size in ((self.users, SAMPLE_SIZE), (self.emitters, MOST_EMITTERS)):
            if list(smallest(sample, size)) != sample or not all(0 <= known < 1 << 32 for known in sample):
                raise ValueError(f"a sample is at most {size} hashes of 32 bits, ascending")
        return Detail.load(msgspec.structs.astuple(self))


class CellRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One cohort in one cell of event time: counts by `CLASSES`, and the latency histogram, sparse.

    `synthetic` and `detail` are at the end, and may be left out: most producers send neither.
    """

    cohort: str
    start: int
    counts: tuple[int, ...]
    buckets: list[int]
    bucket_counts: list[int]
    synthetic: bool = False
    detail: DetailRecord | None = None

    @classmethod
    def of(cls, cohort: str, start: int, cell: Cell, synthetic: bool = False) -> CellRecord:
        """The record of a cell that starts at `start`, milliseconds since the epoch."""
        detail = None if cell.detail == NO_DETAIL else DetailRecord(*cell.detail.dump())
        return cls(cohort, start, cell.counts, *cell.latency.to_lists(), synthetic, detail)

    @property
    def key(self) -> CellKey:
        """Which cell it is."""
        return self.cohort, self.start, self.synthetic

    @property
    def requests(self) -> int:
        """How many requests, whatever their outcome."""
        return sum(self.counts)

    def check(self) -> None:
        """Nothing where the record is a cell's; else ValueError."""
        if len(self.counts) != len(CLASSES) or min(self.counts) < 0:
            raise ValueError(f"a cell has {len(CLASSES)} counts, none negative")
        check_lists(self.buckets, self.bucket_counts)
        if self.detail is not None:
            self.detail.detail()

    def cell(self) -> Cell:
        """The cell; ValueError where the record is none."""
        self.check()
        return merged((self,))


def merged(records: Sequence[CellRecord]) -> Cell:
    """What these hold together, each of them checked."""
    counts = tuple(map(sum, zip(*(record.counts for record in records), strict=True)))
    latencies: dict[int, int] = {}
    detail = NO_DETAIL
    for record in records:
        for bucket, number in zip(record.buckets, record.bucket_counts, strict=True):
            latencies[bucket] = latencies.get(bucket, 0) + number
        if record.detail is not None:
            detail = detail.merge(record.detail.detail())
    return Cell(counts, Histogram.of_counts(latencies), detail)


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How event time moves, in milliseconds; journaled with a rollout's start, so that a replay needs no settings.

    The watermark trails the newest event by `out_of_orderness`. A source partition that has caught up and is silent for
    `idle_timeout`, or that stands still for `stall_timeout`, is left out of it.
    """

    out_of_orderness: int = 2_000
    idle_timeout: int = 5_000
    stall_timeout: int = 30_000


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Where the sequencer found a message; a repeat has an offset that is no greater."""

    topic: str
    partition: int
    offset: int


class Signed(msgspec.Struct, frozen=True, array_like=True):
    """Of an operator's word whose signature was verified: the key, the word's id, until when it holds (ms)."""

    key: str
    id: str
    expires_at: int


class Partial(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.partial/v1", omit_defaults=True
):
    """What one chunk of a source partition holds of one rollout so far.

    The chunk begins at offset `start`; all before offset `upto` is in the cells, which are cumulative.
    """

    rollout: str
    source: SourcePartition
    start: int
    upto: int
    final: bool
    cells: list[CellRecord]
    rule: str = CHUNK_RULE


class Partials(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.partials/v1"):
    """What a flush has for one journal partition: a record for each rollout would cost more than what is in it."""

    partials: list[Partial]


class SourceProgress(msgspec.Struct, frozen=True, array_like=True):
    """How far a worker has come in a source partition: next offset, newest event time (ms, None before the first)."""

    source: SourcePartition
    position: int
    newest: int | None
    caught_up: bool


class Progress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.progress/v1", omit_defaults=True
):
    """What a worker has journaled so far, and its wall clock in milliseconds: the only way time enters the system."""

    worker: str
    wall: int
    sources: list[SourceProgress]
    rule: str = CHUNK_RULE


class Start(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.start/v1"):
    """An operator starts a rollout by its policy; `at` is the operator's wall clock in milliseconds.

    The sequencer adds its own wall clock (`sequenced_at`), the timing, the origin, and who signed it.
    """

    rollout: str
    policy: dict[str, Any]
    by: str
    reason: str = ""
    at: Int64
    sequenced_at: int | None = None
    timing: Timing | None = None
    origin: Origin | None = None
    signed: Signed | None = None


ControlWord = Literal["pause", "resume", "approve", "rollback", "promote"]


class Control(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.control/v1"):
    """An operator's order for a rollout that runs; `epoch` None means whichever is current."""

    rollout: str
    control: ControlWord
    by: str
    reason: str = ""
    at: Int64
    epoch: Int64 | None = None
    origin: Origin | None = None
    signed: Signed | None = None


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.ack/v1"):
    """What an actuator did about a decision; `weights` are per cent by cohort, as it then observed them."""

    id: str
    rollout: str
    epoch: Int64
    sequence: Int64
    actuator: str
    status: Literal["applied", "rejected", "expired", "failed"]
    weights: dict[str, float]
    reason: str = ""
    at: Int64
    origin: Origin | None = None


Record = Partials | Partial | Progress | Start | Control | Ack
Spoken = Start | Control | Ack

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    """The message value of a journal record."""
    if isinstance(record, Partials):
        return _bundle(map(encode, record.partials))
    return _encoder.encode(record)


def bundled(partials: Iterable[Partial]) -> Iterator[bytes]:
    """Message values of `Partials` that hold these, in order; each but for its last one below `BUNDLE_BYTES`."""
    waiting: list[bytes] = []
    size = 0
    for partial in partials:
        waiting.append(encode(partial))
        size += len(waiting[-1])
        if size >= BUNDLE_BYTES:
            yield _bundle(waiting)
            waiting, size = [], 0
    if waiting:
        yield _bundle(waiting)


def _bundle(partials: Iterable[bytes]) -> bytes:
    return b'{"schema":"sluicegate.partials/v1","partials":[%b]}' % b",".join(partials)


def decode(value: bytes) -> Record:
    """The record in a message value.

    Raises:
        msgspec.DecodeError: it is none of ours, or malformed.
    """
    try:
        return _decoder.decode(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def encode_document(document: object) -> bytes:
    """The message value of whatever else is published: decisions, commands, statuses, snapshots."""
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
