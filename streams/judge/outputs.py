"""What the fold returns for a record: messages to publish, and facts for the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gates.decisions import Command, Decision
from streams.journal import Progress
from streams.judge.journal_time import ClockLeap
from streams.judge.sources import SourceHole, SourceMadeAgain


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """The state of a rollout after this record, for `gate-status`."""

    rollout: str
    document: dict[str, object]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An actuator reported on a decision, perhaps an older one; `status` is the status in its ack.

    `action` is that of the newest decision. `took_ms` is set only by the ack that confirmed the newest order:
    milliseconds from the newest decision's event time to the ack.
    """

    rollout: str
    action: str
    status: str
    took_ms: int | None


@dataclass(frozen=True, slots=True)
class AckedBy:
    """The instance of an actuator that acked an order, of this epoch and sequence, at this journal offset."""

    rollout: str
    actuator: str
    instance: str
    order: tuple[int, int]
    offset: int


@dataclass(frozen=True, slots=True)
class LateEvents:
    """Events that arrived after their pane was closed: they were not judged."""

    rollout: str
    events: int


@dataclass(frozen=True, slots=True)
class ForeignCounts:
    """Counts that were refused: they come from a build with another chunk rule, and cannot be joined with ours."""

    rule: str


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The settings that a worker reported at this wall time (ms), of those that all must share."""

    worker: str
    wall: int
    settings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FreezesStatus:
    """The freezes of this journal partition after an order, for `gate-status`."""

    partition: int
    document: dict[str, object]


@dataclass(frozen=True, slots=True)
class JudgingFailed:
    """A rollout could not be judged at this record; the others were. `why` is for the log."""

    rollout: str
    why: str


@dataclass(frozen=True, slots=True)
class RolloutSetAside:
    """A rollout that this judge must not decide on, and why; nothing more is published about it."""

    rollout: str
    why: str


@dataclass(frozen=True, slots=True)
class EventTimeMended:
    """A rollout was judged up to `before`, which a wrong clock had set; it is judged from the event time `after` on."""

    rollout: str
    before: int
    after: int


FoldOutput = (
    Decision
    | Command
    | RolloutStatus
    | FreezesStatus
    | Acknowledged
    | AckedBy
    | LateEvents
    | ForeignCounts
    | JudgingFailed
    | RolloutSetAside
    | SourceHole
    | SourceMadeAgain
    | ClockLeap
    | EventTimeMended
    | WorkerSettings
)


def reported_settings(record: Progress) -> list[WorkerSettings]:
    """The settings in a progress record; not every one has them."""
    return [] if record.settings is None else [WorkerSettings(record.worker, record.wall, record.settings)]
