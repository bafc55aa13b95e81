"""The records of the journal, and their codec.

Everything that can affect a rollout is a record in `gate-journal`: what ingest counted (`Partials`), how far it has
read and what time it is (`Progress`), and what operators ordered and actuators reported (`Start`, `Control`, `Ack`).
Operators and actuators write the last three to topics of their own; the sequencer adds their `origin` and appends them
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec
import orjson

from streams.cells import CellRecord, SourcePartition

BUNDLE_BYTES = 262_144
"""Partials for one journal partition share a record up to this size: a record for each would cost more than its
content."""

CHUNK_RULE = "4096.10000"
"""How ingest cuts chunks: OFFSETS.MILLISECONDS, a cut at each multiple of this number of offsets and of this number of
milliseconds of record time. Versions of chunks with another rule overlap these, so their counts would be added twice;
they are refused. A record without a rule has this one."""

FREEZES_SCHEMA = "sluicegate.freezes/v1"
"""The schema of the message that answers a `Freeze`."""

Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A number from outside. JSON allows larger ones, which snapshots and metrics cannot hold."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How event time moves, in milliseconds. A start in the journal includes it, so that a replay needs no settings.

    The watermark trails the newest event by `out_of_orderness`. A source partition is left out once it has caught up
    and been silent for `idle_timeout`, or has made no headway for `stall_timeout`.
    """

    out_of_orderness: int = 2_000
    idle_timeout: int = 5_000
    stall_timeout: int = 30_000


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Topic, partition and offset of a message that was copied to another topic; it identifies the message there.

    `topic_id` is the id of the topic: one that is made again has other messages at the same offsets. It is empty where
    the broker has no ids, and in records of older builds.
    """

    topic: str
    partition: int
    offset: int
    topic_id: str = ""


class Signed(msgspec.Struct, frozen=True, array_like=True):
    """The verified signature of an order: its key, the order's id, and when the order expires (wall-clock ms)."""

    key: str
    id: str
    expires_at: int


class Partial(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.partial/v1", omit_defaults=True
):
    """A version of a chunk: the counts of one rollout in one piece of a source partition so far.

    The chunk begins at offset `start`. All counts are cumulative: they count everything before offset `upto`. `refused`
    are, by cohort, the users' requests that are in no cell of their cohort, for lack of room; under "" are those of
    further cohorts, which have neither a cell nor an entry. `topic_id` identifies the topic of the source
    (`streams.topic_identity`).
    """

    rollout: str
    source: SourcePartition
    start: int
    upto: int
    final: bool
    cells: list[CellRecord]
    rule: str = CHUNK_RULE
    refused: dict[str, int] = {}
    topic_id: str = ""

    def names(self, cohort: str) -> bool:
        """Whether a cohort has a cell or an entry among the refused."""
        return cohort in self.refused or any(cell.cohort == cohort for cell in self.cells)

    def without_cells(self) -> Partial:
        """The same version for a journal that does not take it: all its users' requests are refused."""
        refused = dict(self.refused)
        for cell in self.cells:
            if not cell.synthetic:
                refused[cell.cohort] = refused.get(cell.cohort, 0) + cell.events
        return msgspec.structs.replace(self, cells=[], refused=refused)


class Partials(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.partials/v1"):
    """The partials of one flush for one journal partition."""

    partials: list[Partial]


class SourceProgress(msgspec.Struct, frozen=True, array_like=True):
    """A worker's position in a source partition: its next offset and newest event time (ms; None without an event).

    `refused` are the requests since its last report that are of rollouts for which a chunk had no room: they may be of
    any rollout. Everything from the offset `since` on, up to `position`, was counted and journaled; when the worker
    began there, the log began at the offset `begins`. Both are None in reports of older builds. `topic_id` is that of
    `Partial`.
    """

    source: SourcePartition
    position: int
    newest: int | None
    caught_up: bool
    refused: int = 0
    since: int | None = None
    begins: int | None = None
    topic_id: str = ""


class Progress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.progress/v1", omit_defaults=True
):
    """What a worker has journaled so far, and its wall clock (ms). This is the only way that time enters the system.

    `partitions` is the number of partitions of each source topic, so that one that no worker reads is missed. It is
    None in records of older builds, and where the worker has not learned of a topic yet, the topic is left out.

    `broker` is the time now by the clock of the broker (ms), as the worker has it from the record times that the broker
    gave to what it wrote before; None as long as it has none.

    `settings` are those of its settings that all workers must share (`Settings.shared`); not every report has them.
    """

    worker: str
    wall: int
    sources: list[SourceProgress]
    rule: str = CHUNK_RULE
    partitions: dict[str, int] | None = None
    broker: Int64 | None = None
    settings: dict[str, int] | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.start/v1"):
    """An operator's order to start a rollout by a policy; `at` is the operator's wall clock (ms).

    The sequencer adds its own wall clock (`sequenced_at`), the number of the rules of judging (`gates.rules`), the
    timing, the origin and the verified signature. Without a number the rules are those of the first releases.

    `confirmed`: it may take traffic from a promoted candidate. `replace`: owner and cohorts may differ from those of
    the rollout that has the name. `override_freeze`: it is carried out while the rollout is frozen.
    """

    rollout: str
    policy: dict[str, Any]
    by: str
    reason: str = ""
    at: Int64
    sequenced_at: int | None = None
    rules: int = 1
    confirmed: bool = False
    replace: bool = False
    override_freeze: bool = False
    timing: Timing | None = None
    origin: Origin | None = None
    signed: Signed | None = None


ControlName = Literal["pause", "resume", "approve", "advance", "rollback", "promote"]
OF_A_STAGE: frozenset[ControlName] = frozenset(("approve", "advance"))
"""Controls that name the stage that they are about."""


class Control(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.control/v1"):
    """An operator's order for a running rollout; `epoch` None means the current epoch.

    An approval and an advance name the stage that they are about: a copy of one never has an effect on another stage.
    `confirmed` is needed to roll back what was promoted more than an hour ago, `override_freeze` to advance or promote
    while the rollout is frozen.
    """

    rollout: str
    control: ControlName
    by: str
    reason: str = ""
    at: Int64
    epoch: Int64 | None = None
    stage: str | None = None
    confirmed: bool = False
    override_freeze: bool = False
    origin: Origin | None = None
    signed: Signed | None = None


class Freeze(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.freeze/v1"):
    """An operator's order that nothing starts, advances or is promoted, or (`frozen` false) the end of that order.

    It is about the rollouts whose policy has the `label` (KEY=VALUE), or about all without one, and lasts until the
    event time `until` (ms), or until an order with the same label ends it. The sequencer writes it to every journal
    partition, and adds their number (`partitions`).
    """

    frozen: bool
    label: str | None = None
    by: str
    reason: str = ""
    until: Int64 | None = None
    at: Int64
    partitions: int | None = None
    origin: Origin | None = None
    signed: Signed | None = None


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.ack/v1"):
    """An actuator's report on a decision; `weights` are the observed weights by cohort, in per cent.

    `instance` is another one for each process of the actuator, by which two of one name are noticed.
    """

    id: str
    rollout: str
    epoch: Int64
    sequence: Int64
    actuator: str
    status: Literal["applied", "rejected", "expired", "failed"]
    weights: dict[str, float]
    reason: str = ""
    at: Int64
    instance: str | msgspec.UnsetType = msgspec.UNSET
    origin: Origin | None = None


Record = Partials | Partial | Progress | Start | Control | Freeze | Ack
SequencedRecord = Start | Control | Freeze | Ack
"""The records that the sequencer appends."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    """The message value of a journal record."""
    if isinstance(record, Partials):
        return _bundle(map(encode, record.partials))
    return _encoder.encode(record)


NO_COUNTS = b'{"schema":"sluicegate.partials/v1","partials":[]}'
"""A record that has no effect: its ack shows the broker's time."""


def bundled(values: Iterable[bytes]) -> Iterator[bytes]:
    """Message values of `Partials` with these encoded ones, in order: each below `BUNDLE_BYTES`, or of one partial."""
    waiting: list[bytes] = []
    size = 0
    for value in values:
        if waiting and size + len(value) > BUNDLE_BYTES:  # else the message could be larger than a message may be
            yield _bundle(waiting)
            waiting, size = [], 0
        waiting.append(value)
        size += len(value)
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
        msgspec.DecodeError: the value is malformed, or its schema is unknown.
    """
    try:
        return _decoder.decode(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def encode_document(document: object) -> bytes:
    """The message value of any other document: decisions, commands, statuses."""
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
