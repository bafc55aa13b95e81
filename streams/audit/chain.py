"""The chain: entries, each with the hash of the one before, and the rule by which they follow each other.

An entry is canonical JSON (RFC 8785); its hash is the SHA-256 of its bytes on the topic. An entry continues the chain
only if it has the hash of the newest entry before it *in the log*; any other record there is void. So several writers
do no harm: of two that write at the same time, the first in the log counts, and the other one reads it and continues
after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import rfc8785

from streams.journal import Origin
from streams.topic_identity import is_same

GENESIS = "0" * 64
"""The hash that the first entry has as the one before."""

MOST_PARTITIONS = 200_000
"""Per topic, more than a cluster can have. Positions are lists as long as the highest partition number, so a forged
entry with a huge one would take all memory."""

MOST_IDS = 20
"""Ids of a topic that are kept. Records of a topic that was deleted come for seconds at most."""

EntryKind = Literal["start", "control", "approval", "freeze", "decision", "command", "ack", "unreadable"]
Positions = Mapping[str, list[int]]


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an audited topic, as the audit log keeps it.

    `source` is its topic, partition and offset, `at` its record time. Actor, action and reason are read from its value.
    `value` is the whole value, null if it is not UTF-8 text or larger than 512 KiB; `sha256` is the hash of its bytes,
    null without a value. `signature` is its header `sluicegate-signature`.
    """

    source: Origin
    at: int
    kind: EntryKind
    rollout: str | None
    actor: str | None
    action: str | None
    reason: str | None
    id: str | None
    value: str | None
    sha256: str | None
    signature: str | None


class Entry(AuditRecord, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.audit/v1"):
    """An entry of the log: an audited record, its place in the chain, who recorded it and when.

    `positions` has for each audited topic, by partition, the offset after the last one in the log. So a writer needs
    only the newest entry to continue. `topic_ids` has the ids of the topics that had this name, the newest last: the
    positions are those of the newest, and records of the others are not added any more. It lacks topics whose broker
    has no ids, and is empty in entries of older builds.
    """

    sequence: int
    previous: str
    positions: dict[str, list[int]]
    writer: str
    recorded_at: int
    topic_ids: dict[str, list[str]] = {}


_decode = msgspec.json.Decoder(Entry).decode


def encode(entry: Entry) -> bytes:
    """The message value: canonical JSON."""
    return rfc8785.dumps(msgspec.to_builtins(entry))


def decode(value: bytes | None) -> Entry:
    """The entry in a message value.

    Raises:
        msgspec.DecodeError: the value is no entry.
    """
    try:
        return _decode(value or b"")
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def digest(value: bytes | None) -> str:
    """The SHA-256 of a message value, in hexadecimal."""
    return hashlib.sha256(value or b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the last entry's sequence and hash, and the positions that are in the chain.

    Positions are of the newest topic of a name, whose id is the last of its ids.
    """

    sequence: int = 0
    hash: str = GENESIS
    positions: Positions = field(default_factory=dict)
    topic_ids: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def at(cls, entry: Entry, value: bytes | None) -> Head:
        """The head after this entry, without checking it."""
        return cls(entry.sequence, digest(value), entry.positions, entry.topic_ids)

    def position(self, topic: str, partition: int, topic_id: str = "") -> int:
        """The offset after the last record that is in the chain; 0 without one."""
        known = self._row(topic, topic_id)
        return known[partition] if partition < len(known) else 0

    def is_known(self, source: Origin) -> bool:
        """Whether a record needs no entry: it has one, or its topic is one that was replaced."""
        is_past = source.topic_id in self.topic_ids.get(source.topic, [])[:-1]
        return is_past or source.offset < self.position(source.topic, source.partition, source.topic_id)

    def _row(self, topic: str, topic_id: str) -> list[int]:
        known = self.topic_ids.get(topic, [""])[-1]
        return self.positions.get(topic, []) if is_same(known, topic_id) else []

    def identified(self, source: Origin) -> dict[str, list[str]]:
        """The ids of topics after this record."""
        known = self.topic_ids.get(source.topic, [])
        if not source.topic_id or source.topic_id in known:
            return dict(self.topic_ids)
        return {**self.topic_ids, source.topic: [*known, source.topic_id][-MOST_IDS:]}

    def advanced(self, source: Origin) -> dict[str, list[int]]:
        """The positions after this record."""
        row = list(self._row(source.topic, source.topic_id))
        row += [0] * (source.partition + 1 - len(row))
        row[source.partition] = source.offset + 1
        return {**self.positions, source.topic: row}

    def next_entry(self, record: AuditRecord, writer: str, now: int) -> Entry | None:
        """The next entry, for this record; None if the record is already in the chain."""
        if self.is_known(record.source):
            return None
        return Entry(
            **msgspec.structs.asdict(record),
            sequence=self.sequence + 1,
            previous=self.hash,
            positions=self.advanced(record.source),
            topic_ids=self.identified(record.source),
            writer=writer,
            recorded_at=now,
        )

    def follow(self, entry: Entry, value: bytes | None) -> Head | None:
        """The head after this entry; None if the entry does not continue the chain."""
        if entry.previous != self.hash or self.misfit(entry) is not None:
            return None
        return Head.at(entry, value)

    def misfit(self, entry: Entry) -> str | None:
        """What is wrong with an entry that has this head's hash; None if nothing is."""
        source = entry.source
        if source.partition >= MOST_PARTITIONS:
            return f"records partition {source.partition}, which no topic can have"
        if min(source.partition, source.offset) < 0 or self.is_known(source):
            return f"records {source.topic} {source.partition}@{source.offset} a second time"
        if entry.sequence != self.sequence + 1:
            return f"has sequence {entry.sequence} after {self.sequence}"
        if entry.positions != self.advanced(source):
            return "has positions that do not follow from those of the entry before"
        if entry.topic_ids and entry.topic_ids != self.identified(source):
            return "has ids of topics that do not follow from those of the entry before"
        return None
