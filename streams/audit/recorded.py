"""Which records of the audited topics the chain has, from the entry on at which the check begins."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.audit.chain import Entry, Head
from streams.journal import Origin


@dataclass(slots=True)
class Recorded:
    """The hash of each recorded value, by place; `begin` is the head before the first entry that is checked."""

    begin: Head = field(default_factory=Head)
    _hashes: dict[tuple[str, int], dict[int, str | None]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Add the record of an entry; of two entries for one place the first counts."""
        source = entry.source
        self._hashes.setdefault((source.topic, source.partition), {}).setdefault(source.offset, entry.sha256)

    def has(self, source: Origin) -> bool:
        """Whether a checked entry is for this place."""
        return source.offset in self._hashes.get((source.topic, source.partition), {})

    def matches(self, source: Origin, sha256: str | None) -> bool:
        """Whether a checked entry is for this place and has this hash."""
        return self.has(source) and self._hashes[source.topic, source.partition][source.offset] == sha256

    def is_before(self, source: Origin) -> bool:
        """Whether the record was in the chain before the first entry that is checked."""
        return source.offset < self.begin.position(source.topic, source.partition)


def head_before(entry: Entry) -> Head:
    """The head before an entry, as far as the entry shows it."""
    source = entry.source
    positions = {topic: list(row) for topic, row in entry.positions.items()}
    if source.partition < len(positions.get(source.topic, [])):
        positions[source.topic][source.partition] = source.offset
    return Head(entry.sequence - 1, entry.previous, {} if entry.sequence == 1 else positions)
