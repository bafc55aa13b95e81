"""The table of topics: what each carries, for whom, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.kafka.clients import LARGEST_MESSAGE, LARGEST_SNAPSHOT
from connectors.kafka.topics import TopicNames

DAY_MS = 86_400_000
COMPACTION = {"segment.ms": "600000", "segment.bytes": "67108864"}
"""Only closed segments are compacted: close them early, or recovery reads what was replaced long ago."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: which, how it is kept, and who speaks to whom on it.

    `word` is the property of `TopicNames` that has its name. A topic is compacted where `retention_ms` is None.
    """

    word: str
    partitions: int
    retention_ms: int | None
    key: str
    writer: str
    readers: str
    about: str
    largest_bytes: int = LARGEST_MESSAGE

    def name(self, names: TopicNames) -> str:
        """Its name under a prefix."""
        return str(getattr(names, self.word))

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings for it, as the broker spells them."""
        size = {"max.message.bytes": str(self.largest_bytes)}
        if self.retention_ms is None:
            return {"cleanup.policy": "compact"} | COMPACTION | size
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)} | size


TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(
        "events", 12, DAY_MS, "anything", "producers", "ingest", "Requests as their producers saw them, one or many."
    ),
    TopicSpec("policies", 1, None, "rollout", "operators", "sequencer", "Rollouts to start, each with its policy."),
    TopicSpec("controls", 1, 30 * DAY_MS, "rollout", "operators", "sequencer", "Pause, resume, rollback, promote."),
    TopicSpec("acks", 4, 30 * DAY_MS, "rollout", "actuators", "sequencer", "What actuators did about decisions."),
    TopicSpec(
        "journal",
        4,
        30 * DAY_MS,
        "rollout; none for counts and progress",
        "ingest, sequencer",
        "judge, replay",
        "All that can change a rollout's fate, in one order. Never compacted: the judge folds every record.",
    ),
    TopicSpec(
        "snapshots",
        4,
        None,
        "rollout",
        "judge",
        "judge",
        "The judge's state, to recover from. Partition n is of journal partition n, so both have as many.",
        LARGEST_SNAPSHOT,
    ),
    TopicSpec(
        "decisions",
        4,
        90 * DAY_MS,
        "rollout",
        "judge",
        "actuators, notifiers, exporters, people",
        "What the gate decided, and why; each with the whole wanted state.",
    ),
    TopicSpec(
        "commands", 1, 90 * DAY_MS, "rollout", "judge", "actuators", "Rollbacks once more, alone on the urgent path."
    ),
    TopicSpec("status", 1, None, "rollout", "judge", "people, dashboards", "Where each rollout stands now."),
    TopicSpec(
        "dead_letters",
        4,
        30 * DAY_MS,
        "the original's",
        "ingest, sequencer, judge, `dlq redrive`",
        "people",
        "Messages that could not be read, as they were, with the reason in their headers.",
    ),
    TopicSpec(
        "audit",
        1,
        365 * DAY_MS,
        "rollout",
        "audit",
        "people, auditors",
        "What was ordered, decided and done, by whom and why: a chain of hashes. Kept for longer than what it records.",
    ),
)


def specs(partitions: Mapping[str, int] | None = None) -> tuple[TopicSpec, ...]:
    """The table with other numbers of partitions, by `word`; `journal` decides for `snapshots` too.

    Raises:
        ValueError: no such topic, a number below 1, a second chain, or `snapshots` apart from `journal`.
    """
    wanted = dict(partitions or {})
    known = [spec.word for spec in TOPICS]
    for word, number in wanted.items():
        if word not in known:
            raise ValueError(f"no topic {word!r}; there are {', '.join(known)}")
        if number < 1:
            raise ValueError(f"{word}: a topic has at least 1 partition")
    if wanted.get("audit", 1) != 1:
        raise ValueError("audit has 1 partition: it is one chain")
    journal = wanted.get("journal")
    if "snapshots" in wanted and wanted["snapshots"] != journal:
        raise ValueError("snapshots has as many partitions as journal: say how many journal has")
    if journal is not None:
        wanted["snapshots"] = journal
    return tuple(replace(spec, partitions=wanted.get(spec.word, spec.partitions)) for spec in TOPICS)
