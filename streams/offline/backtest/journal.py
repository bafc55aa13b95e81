"""The journal of live rollouts, read from its topic and folded twice: as recorded, and with another policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.kafka.clients import KafkaSettings
from connectors.kafka.topic_reader import partitions_of
from gates.policy import Policy
from streams.offline.backtest.counterfactual import Counterfactual, EpochDecisions
from streams.offline.journal_replay import apply_partition


@dataclass(slots=True)
class JournalBacktest:
    """The result over all partitions, see `Counterfactual`; `notes` are problems with the journal."""

    epochs: dict[tuple[str, int], EpochDecisions] = field(default_factory=dict)
    not_judged: dict[tuple[str, int], str] = field(default_factory=dict)
    rollouts: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


async def read_backtest(settings: KafkaSettings, policy: Policy, only: str | None) -> JournalBacktest:
    """Fold every partition of the journal, in both ways, to its end as of now; with `only`, that rollout's records.

    Raises:
        TopicsMissingError: there is no journal.
        TimeoutError, aiokafka.errors.KafkaError: the broker does not answer.
    """
    found = JournalBacktest()
    for partition in await partitions_of(settings, settings.topics.journal):
        both = Counterfactual(policy, partition.partition, only)
        found.notes += await apply_partition(settings, partition.partition, both.apply)
        found.epochs |= both.epochs
        found.not_judged |= both.not_judged
        found.rollouts |= both.rollouts
    return found
