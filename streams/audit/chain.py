"""The chain: entries, each with the hash of the one before, and the rule by which they follow each other.

An entry is canonical JSON (RFC 8785); its hash is the SHA-256 of these bytes as they stand in the topic. It continues
the chain only if it names the hash of the newest entry before it *in the log*. Whatever else stands there is void. So
several writers do no harm: of two that write at once the first in the log counts, and the other sees it and goes on
behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import rfc8785

from streams.journal import Origin

GENESIS = "0" * 64
"""What the first entry names as the hash before it."""

MOST_PARTITIONS = 200_000
"""Of one topic: more than a whole cluster has. Positions are lists, as long as the highest partition's number."""

Kind = Literal["start", "control", "approval", "decision", "command", "ack", "unreadable"]
Positions = Mapping[str, list[int]]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an audited topic, as the audit log keeps it.

    `source` is where it stands, `at` its record's time. Actor, action and reason are read from it; `value` is all of
    it, null where it is no UTF-8 text or larger than 512 KiB, and `sha256` the hash of its bytes, null where it has
    none. `signature` is its header `sluicegate-signature`.
    """

    source: Origin
    at: int
    kind: Kind
    rollout: str | None
    actor: str | None
    action: str | None
    reason: str | None
    id: str | None
    value: str | None
    sha256: str | None
    signature: str | None


class Entry(Said, frozen=True, kw_only=True, tag_field="schema", tag="sluicegate.audit/v1"):
    """An entry of the log: what was said, its place in the chain, who recorded it and when.

    `positions` has for each audited topic, by partition, the offset after the last one in the log: the newest entry
    alone tells a writer where to go on.
    """

    sequence: int
    previous: str
    positions: dict[str, list[int]]
    writer: str
    recorded_at: int


_decode = msgspec.json.Decoder(Entry).decode


def encode(entry: Entry) -> bytes:
    """The message value: canonical JSON."""
    return rfc8785.dumps(msgspec.to_builtins(entry))


def decode(value: bytes | None) -> Entry:
    """The entry in a message value.

    Raises:
        msgspec.DecodeError: it is none.
    """
    try:
        return _decode(value or b"")
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def digest(value: bytes | None) -> str:
    """The SHA-256 of a message value, as text."""
    return hashlib.sha256(value or b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the last entry's sequence and hash, and what is in the chain up to there."""

    sequence: int = 0
    hash: str = GENESIS
    positions: Positions = field(default_factory=dict)

    @classmethod
    def at(cls, entry: Entry, value: bytes | None) -> Head:
        """The head that an entry is, taken as it is."""
        return cls(entry.sequence, digest(value), entry.positions)

    def position(self, topic: str, partition: int) -> int:
        """The offset after the last one that is in the chain; 0 where none is."""
        known = self.positions.get(topic, [])
        return known[partition] if partition < len(known) else 0

    def advanced(self, source: Origin) -> dict[str, list[int]]:
        """The positions once this record is in."""
        row = list(self.positions.get(source.topic, []))
        row += [0] * (source.partition + 1 - len(row))
        row[source.partition] = source.offset + 1
        return {**self.positions, source.topic: row}

    def entry(self, said: Said, writer: str, now: int) -> Entry | None:
        """The entry that records this next; None where it is in the chain already."""
        if said.source.offset < self.position(said.source.topic, said.source.partition):
            return None
        return Entry(
            **msgspec.structs.asdict(said),
            sequence=self.sequence + 1,
            previous=self.hash,
            positions=self.advanced(said.source),
            writer=writer,
            recorded_at=now,
        )

    def follow(self, entry: Entry, value: bytes | None) -> Head | None:
        """The head that this entry makes; None if it does not continue the chain."""
        if entry.previous != self.hash or self.misfit(entry) is not None:
            return None
        return Head.at(entry, value)

    def misfit(self, entry: Entry) -> str | None:
        """What is wrong with an entry that names this head's hash, in words; None if nothing is."""
        source = entry.source
        if source.partition >= MOST_PARTITIONS:
            return f"records a partition that no topic has, {source.partition}"
        if min(source.partition, source.offset) < 0 or source.offset < self.position(source.topic, source.partition):
            return f"records {source.topic} {source.partition}@{source.offset} a second time"
        if entry.sequence != self.sequence + 1:
            return f"has sequence {entry.sequence} after {self.sequence}"
        if entry.positions != self.advanced(source):
            return "has positions that do not follow from those before"
        return None
