"""What each role of a worker needs of the broker's access control; docs/security.md has the same as a table."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.kafka.acl import Needs
from connectors.kafka.topics import TopicNames
from streams.runtime.settings import Role, Settings
from streams.topics.specs import TOPICS

READS: dict[Role, tuple[str, ...]] = {
    "ingest": ("events",),
    "judge": ("journal", "snapshots"),
    "sequencer": ("policies", "controls", "acks"),
    "audit": ("audit", "policies", "controls", "decisions", "commands", "acks"),
}
WRITES: dict[Role, tuple[str, ...]] = {
    "ingest": ("journal", "dead_letters"),
    "judge": ("snapshots", "decisions", "commands", "status", "dead_letters"),
    "sequencer": ("journal", "dead_letters"),
    "audit": ("audit",),
}


def needs_of(settings: Settings) -> Needs:
    """What a worker of these roles needs; it looks at all topics, to say which are missing or differ."""
    names = settings.topics
    return Needs(
        read=_named(names, (word for role in settings.roles for word in READS[role])),
        write=_named(names, (word for role in settings.roles for word in WRITES[role])),
        describe=_named(names, (spec.word for spec in TOPICS)),
        groups=[settings.group(role) for role in settings.roles],
    )


def _named(names: TopicNames, words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(getattr(names, word) for word in words))
