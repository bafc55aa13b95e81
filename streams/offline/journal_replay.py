"""The journal read from its topic and folded again: the decisions of live rollouts, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from connectors.kafka.clients import KafkaSettings
from connectors.kafka.topic_reader import partitions_of, read_to_end
from gates.decisions import Decision
from streams.journal import Record, decode
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.offline.replay import distinct_decisions


@dataclass(slots=True)
class JournalReplay:
    """The result: decisions in order of event time, the rollouts, and `notes` on problems with the journal."""

    decisions: list[Decision] = field(default_factory=list)
    rollouts: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


async def read_journal(settings: KafkaSettings) -> JournalReplay:
    """Fold every partition of the journal to its end as of now.

    Raises:
        TopicsMissingError: there is no journal.
        TimeoutError, aiokafka.errors.KafkaError: the broker does not answer.
    """
    found = JournalReplay()
    for partition in await partitions_of(settings, settings.topics.journal):
        await _fold(settings, partition.partition, found)
    found.decisions.sort(key=lambda decision: decision.event_time)  # stable: those of one rollout keep their order
    return found


async def _fold(settings: KafkaSettings, partition: int, found: JournalReplay) -> None:
    fold = Fold(partition)
    outputs: list[FoldOutput] = []

    def apply(record: Record, offset: int) -> None:
        outputs.extend(output for output in fold.apply(record, offset) if isinstance(output, Decision))

    found.notes += await apply_partition(settings, partition, apply)
    found.decisions += distinct_decisions(outputs)
    found.rollouts.update(name for name, rollout in fold.rollouts.items() if rollout.gate is not None)


async def apply_partition(settings: KafkaSettings, partition: int, apply: Callable[[Record, int], object]) -> list[str]:
    """Call `apply` with each record of a journal partition and its offset, up to the end as of now.

    Returns notes on problems: a journal whose beginning is missing, records that are not valid.

    Raises:
        TopicsMissingError, TimeoutError, aiokafka.errors.KafkaError: see `read_journal`.
    """
    notes: list[str] = []
    read = invalid = 0
    async for record in read_to_end(settings, settings.topics.journal, [partition]):
        if not read and record.offset > 0:
            notes.append(_truncated(record))
        read += 1
        try:
            apply(decode(record.value or b""), record.offset)
        except Exception:  # of any kind
            invalid += 1  # the live judge skipped it, too, as a dead letter
    if invalid:
        notes.append(f"partition {partition}: {invalid} records are not valid journal records")
    return notes


def _truncated(record: ConsumerRecord[bytes, bytes]) -> str:
    return (
        f"journal partition {record.partition} is truncated: offsets before {record.offset} are missing; "
        "rollouts that started there are missing or differ from what was decided live"
    )
