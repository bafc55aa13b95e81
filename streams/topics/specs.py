"""The table of topics: what each carries, who writes and reads it, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.kafka.clients import LARGEST_MESSAGE, LARGEST_SNAPSHOT
from connectors.kafka.topics import TopicNames

DAY_MS = 86_400_000
COMPACTION = {"segment.ms": "600000", "segment.bytes": "67108864"}
"""Only closed segments are compacted. With Kafka's defaults (7 days, 1 GiB) a recovery would read snapshots that were
replaced long ago."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: how it is kept, who writes it and who reads it.

    `short_name` is the property of `TopicNames` that has its name. Without `retention_ms` a topic is compacted. With
    `broker_time` its record times are the broker's, and not what producers write.
    """

    short_name: str
    partitions: int
    retention_ms: int | None
    key: str
    writer: str
    readers: str
    about: str
    largest_bytes: int = LARGEST_MESSAGE
    broker_time: bool = False

    def name(self, names: TopicNames) -> str:
        """Its full name, with the prefix."""
        return str(getattr(names, self.short_name))

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings for it, by Kafka's names."""
        size = {"max.message.bytes": str(self.largest_bytes)}
        if self.broker_time:
            size["message.timestamp.type"] = "LogAppendTime"
        if self.retention_ms is None:
            return {"cleanup.policy": "compact"} | COMPACTION | size
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)} | size


TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(
        "events",
        12,
        DAY_MS,
        "anything",
        "producers",
        "ingest",
        "Requests as their producers saw them, one or many per message.",
        broker_time=True,
    ),
    TopicSpec("policies", 1, None, "rollout", "operators", "sequencer", "Rollouts to start, each with its policy."),
    TopicSpec(
        "controls",
        1,
        30 * DAY_MS,
        "rollout",
        "operators",
        "sequencer",
        "Orders for a running rollout.",
    ),
    TopicSpec("acks", 4, 30 * DAY_MS, "rollout", "actuators", "sequencer", "What actuators report on decisions."),
    TopicSpec(
        "journal",
        4,
        30 * DAY_MS,
        "rollout; none for counts and progress",
        "ingest, sequencer",
        "judge, replay",
        "All that can affect a rollout, in one order. Never compacted: the judge folds every record.",
        broker_time=True,
    ),
    TopicSpec(
        "snapshots",
        4,
        None,
        "rollout",
        "judge",
        "judge",
        "The judge's state, to recover from. Partition n is for journal partition n.",
        LARGEST_SNAPSHOT,
    ),
    TopicSpec(
        "decisions",
        4,
        90 * DAY_MS,
        "rollout",
        "judge",
        "actuators, notifiers, exporters, people; judge, after a restart",
        "What the gate decided, and why; each decision has the whole ordered state.",
    ),
    TopicSpec(
        "commands", 1, 90 * DAY_MS, "rollout", "judge", "actuators", "Rollbacks again, on an urgent path of their own."
    ),
    TopicSpec("status", 1, None, "rollout", "judge", "people, dashboards", "The state of each rollout now."),
    TopicSpec(
        "dead_letters",
        4,
        30 * DAY_MS,
        "the original's",
        "ingest, sequencer, judge, `dlq redrive`",
        "people",
        "Messages that could not be read, unchanged, with the reason in their headers.",
    ),
    TopicSpec(
        "audit",
        1,
        365 * DAY_MS,
        "rollout",
        "audit",
        "people, auditors",
        "What was ordered, decided and done, by whom and why, as a hash chain. Kept longer than the topics it records.",
    ),
)


def specs(partitions: Mapping[str, int] | None = None) -> tuple[TopicSpec, ...]:
    """The table with other numbers of partitions, by short name; `journal` decides for `snapshots` too.

    Raises:
        ValueError: a topic is unknown, a number is below 1, or `audit` or `snapshots` have another number than they
        may.
    """
    wanted = dict(partitions or {})
    known = [spec.short_name for spec in TOPICS]
    for name, number in wanted.items():
        if name not in known:
            raise ValueError(f"no topic {name!r}; topics are {', '.join(known)}")
        if number < 1:
            raise ValueError(f"{name} must have at least 1 partition")
    if wanted.get("audit", 1) != 1:
        raise ValueError("audit must have 1 partition, because it is one hash chain")
    journal = wanted.get("journal")
    if "snapshots" in wanted and wanted["snapshots"] != journal:
        raise ValueError("snapshots always has as many partitions as journal; give the number for journal")
    if journal is not None:
        wanted["snapshots"] = journal
    return tuple(replace(spec, partitions=wanted.get(spec.short_name, spec.partitions)) for spec in TOPICS)
