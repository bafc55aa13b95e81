"""The broker permissions (ACLs) that each role of a worker needs; docs/security.md has the same as a table."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.kafka.acl import Needs
from connectors.kafka.topics import TopicNames
from streams.runtime.settings import Role, Settings
from streams.topics.specs import TOPICS

READS: dict[Role, tuple[str, ...]] = {
    "ingest": ("events",),
    "judge": ("journal", "snapshots", "decisions", "status"),
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
    """The permissions of a worker with these roles. It describes all topics, to report missing and differing ones."""
    names = settings.topics
    return Needs(
        read=_full_names(names, (name for role in settings.roles for name in READS[role])),
        write=_full_names(names, (name for role in settings.roles for name in WRITES[role])),
        describe=_full_names(names, (spec.short_name for spec in TOPICS)),
        groups=[settings.group(role) for role in settings.roles],
    )


def _full_names(names: TopicNames, short_names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(getattr(names, name) for name in short_names))
