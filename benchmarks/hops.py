"""Where the time of a rollback went, hop by hop: each begins where the one before it ends.

All of it is taken afterwards, from times that the records carry anyway: of Kafka's records those at which their
producers made them, of progress records also the worker's wall clock as its flush began.
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
    """A rollback command as the actuator got it, when it was made and when it was read."""

    document: dict[str, Any]
    made: int
    read: int


@dataclass(frozen=True)
class Told:
    """A progress record: when it was made, when its flush began, and when the last partial of it was handed over."""

    made: int
    began: int
    handed: int


@dataclass(frozen=True)
class Hops:
    """Where the time of one rollback went, in milliseconds."""

    watermark: int
    """The evidence is complete but for the wait for stragglers: the last event of the pane was sent, and then the
    first event, in the last source partition, that moves the watermark past the pane."""

    ingest: int
    """That event is sent, read and counted, and its flush begins."""

    flush: int
    """The flush encodes its records, and hands the last of them to the producer."""

    journal: int
    """Kafka acknowledges them all, and the progress record is made that moves the watermark."""

    evaluation: int
    """The judge reads it, and all that lies before it; the pane is evaluated, and the command made."""

    command: int
    """Kafka takes it, and an actuator reads it."""

    @classmethod
    def of(cls, command: Read, sent: Sent, told: Mapping[tuple[int, int], Told]) -> Hops:
        """Where the time of this command went; `told` has the progress records by partition and offset."""
        pane_end, journal = command.document["event_time"], command.document["journal"]
        progress = told[journal["partition"], journal["offset"]]
        completed = sent.last[command.document["rollout"]]
        last = completed[max(second for second in completed if second * 1_000 < pane_end)]
        passing = (pane_end + OUT_OF_ORDERNESS_MS) // 1_000
        later = [[ms for second, ms in first.items() if second >= passing] for first in sent.first.values()]
        moved = max(min(moments) for moments in later if moments)  # nobody waits for a partition that fell silent
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


async def progress_of(site: Installation) -> dict[tuple[int, int], Told]:
    """The progress records in the journal, by partition and offset."""
    found: dict[tuple[int, int], Told] = {}
    handed: dict[int, int] = {}
    async for record in read_to_end(site.settings, site.topics.journal):
        said = decode(record.value or b"")
        if isinstance(said, Partials):
            handed[record.partition] = record.timestamp
        elif isinstance(said, Progress):
            last = handed.get(record.partition, 0)
            found[record.partition, record.offset] = Told(record.timestamp, said.wall, max(said.wall, last))
    return found
