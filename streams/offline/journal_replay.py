"""The journal folded again, from its topic: the decisions of live rollouts, the same to the byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from aiokafka import ConsumerRecord

from connectors.kafka.clients import KafkaSettings
from connectors.kafka.topic_reader import partitions_of, read_to_end
from gates.decisions import Decision
from streams.journal import Record, decode
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.offline.replay import decisions


@dataclass(slots=True)
class JournalReplay:
    """What folding gave: decisions in order of event time, the rollouts seen, and `notes` on what is amiss."""

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
    found.decisions.sort(key=lambda decision: decision.event_time)  # stable: a rollout's stay in their order
    return found


async def _fold(settings: KafkaSettings, partition: int, found: JournalReplay) -> None:
    fold = Fold(partition)
    outcomes: list[FoldOutput] = []

    def apply(record: Record, offset: int) -> None:
        outcomes.extend(outcome for outcome in fold.apply(record, offset) if isinstance(outcome, Decision))

    found.notes += await apply_partition(settings, partition, apply)
    found.decisions += decisions(outcomes)
    found.rollouts.update(name for name, rollout in fold.rollouts.items() if rollout.gate is not None)


async def apply_partition(settings: KafkaSettings, partition: int, apply: Callable[[Record, int], object]) -> list[str]:
    """Hand each record of a partition of the journal, with its offset, to `apply`, to the end as of now.

    Returns notes on what is amiss: a journal that lacks its beginning, records that are none of ours.

    Raises:
        TopicsMissingError, TimeoutError, aiokafka.errors.KafkaError: see `read_journal`.
    """
    notes: list[str] = []
    read = unread = 0
    async for record in read_to_end(settings, settings.topics.journal, [partition]):
        if not read and record.offset > 0:
            notes.append(_truncated(record))
        read += 1
        try:
            apply(decode(record.value or b""), record.offset)
        except (msgspec.DecodeError, ValueError):
            unread += 1  # the judge put it aside as a dead letter
    if unread:
        notes.append(f"partition {partition}: {unread} records are none of ours")
    return notes


def _truncated(record: ConsumerRecord[bytes, bytes]) -> str:
    return (
        f"journal truncated: partition {record.partition} begins at offset {record.offset}; "
        "rollouts that started before are missing or differ from what was decided live"
    )
