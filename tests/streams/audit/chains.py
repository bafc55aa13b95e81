"""Logs as a writer makes them."""

from __future__ import annotations

import json

from connectors.kafka.topics import TopicNames
from streams.audit.chain import Head, encode
from streams.audit.records import audit_record, audited
from streams.journal import Origin

NAMES = TopicNames()
NOW = 10_000_000


def message(source: Origin) -> bytes:
    """Return the message at this place."""
    return json.dumps({"rollout": "search", "action": "hold", "control": "pause", "n": source.offset}).encode()


def chain_of(
    choices: list[tuple[str, int]], head: Head | None = None, writer: str = "a", topic_id: str = ""
) -> list[bytes]:
    """Return the log that one writer makes of records from these topics, which have this id, and partitions."""
    values, head = [], head or Head()
    for topic, partition in choices:
        source = Origin(topic, partition, head.position(topic, partition, topic_id), topic_id)
        entry = head.next_entry(audit_record(audited(NAMES)[topic], source, NOW, message(source)), writer, NOW)
        assert entry is not None
        values.append(encode(entry))
        head = Head.at(entry, values[-1])
    return values
