"""Where the time of a rollback went, hop by hop: each hop begins where the one before it ends.

The times are read afterwards from the records themselves: each record carries the time at which its producer made it,
and a progress record also carries the worker's wall clock at the beginning of its flush.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.installation import Installation
from benchmarks.load import Sent
from connectors.kafka.topic_reader import read_to_end
from streams.journal import Partials, Progress, Timing, decode

OUT_OF_ORDERNESS_MS = Timing().out_of_orderness


@dataclass(frozen=True)
class Read:
    """A rollback command as an actuator received it, and when it was made and read (ms)."""

    document: dict[str, Any]
    made: int
    read: int


@dataclass(frozen=True)
class ProgressTimes:
    """When a progress record was made, when its flush began, and when the last partial of it was handed over (ms)."""

    made: int
    began: int
    handed: int


@dataclass(frozen=True)
class Hops:
    """Where the time of one rollback went, in milliseconds."""

    watermark: int
    """From the last event of the pane to the first event, in the slowest source partition, that moves the watermark
    past the pane. This is the time allowed for late events."""

    ingest: int
    """That event is sent, read and counted, until its flush begins."""

    flush: int
    """The flush encodes its records and hands the last of them to the producer."""

    journal: int
    """Kafka acknowledges them all; then the progress record that moves the watermark is made."""

    evaluation: int
    """The judge reads it and everything before it, evaluates the pane and makes the command."""

    command: int
    """Kafka stores it and an actuator reads it."""

    @classmethod
    def of(cls, command: Read, sent: Sent, progress_times: Mapping[tuple[int, int], ProgressTimes]) -> Hops:
        """The hops of this command; `progress_times` is by journal partition and offset."""
        pane_end, journal = command.document["event_time"], command.document["journal"]
        progress = progress_times[journal["partition"], journal["offset"]]
        completed = sent.last[command.document["rollout"]]
        last = completed[max(second for second in completed if second * 1_000 < pane_end)]
        passing = (pane_end + OUT_OF_ORDERNESS_MS) // 1_000
        later = [[ms for second, ms in first.items() if second >= passing] for first in sent.first.values()]
        moved = max(min(moments) for moments in later if moments)  # a silent partition does not hold the watermark
        return cls(
            watermark=moved - last,
            ingest=progress.began - moved,
            flush=progress.handed - progress.began,
            journal=progress.made - progress.handed,
            evaluation=command.made - progress.made,
            command=command.read - command.made,
        )

    @property
    def after_watermark(self) -> int:
        """From the sending of the event that moves the watermark to the reading of the command."""
        return self.ingest + self.flush + self.journal + self.evaluation + self.command

    @property
    def total(self) -> int:
        """From the sending of the event that completes the evidence to the reading of the command."""
        return self.watermark + self.after_watermark


async def progress_of(site: Installation) -> dict[tuple[int, int], ProgressTimes]:
    """The progress records in the journal, by partition and offset."""
    found: dict[tuple[int, int], ProgressTimes] = {}
    handed: dict[int, int] = {}
    async for record in read_to_end(site.settings, site.topics.journal):
        decoded = decode(record.value or b"")
        if isinstance(decoded, Partials):
            handed[record.partition] = record.timestamp
        elif isinstance(decoded, Progress):
            last = handed.get(record.partition, 0)
            found[record.partition, record.offset] = ProgressTimes(
                record.timestamp, decoded.wall, max(decoded.wall, last)
            )
    return found
