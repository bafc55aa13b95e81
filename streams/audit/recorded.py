"""Which records of the audited topics the chain has, from the entry on at which the check begins."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.audit.chain import Entry, Head
from streams.journal import Origin
from streams.topic_identity import is_same, joined


@dataclass(slots=True)
class Recorded:
    """The hash of each recorded value, by place; `begin` is the head before the first entry that is checked.

    A topic that is made again has other records at the same places, so its ids are numbered.
    """

    begin: Head = field(default_factory=Head)
    _hashes: dict[tuple[str, int, int], dict[int, str | None]] = field(default_factory=dict)
    _ids: dict[str, list[str]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Add the record of an entry; of two entries for one place the first counts."""
        self._of(entry.source).setdefault(entry.source.offset, entry.sha256)

    def has(self, source: Origin) -> bool:
        """Whether a checked entry is for this place."""
        return source.offset in self._of(source)

    def matches(self, source: Origin, sha256: str | None) -> bool:
        """Whether a checked entry is for this place and has this hash."""
        return self.has(source) and self._of(source)[source.offset] == sha256

    def is_before(self, source: Origin) -> bool:
        """Whether the record was in the chain before the first entry that is checked."""
        return self.begin.is_known(source)

    def _of(self, source: Origin) -> dict[int, str | None]:
        ids = self._ids.setdefault(source.topic, [""])
        found = next((number for number, known in enumerate(ids) if known == source.topic_id), len(ids) - 1)
        if is_same(ids[found], source.topic_id):
            ids[found] = joined(ids[found], source.topic_id)
        else:
            found = len(ids)
            ids.append(source.topic_id)
        return self._hashes.setdefault((source.topic, source.partition, found), {})


def head_before(entry: Entry) -> Head:
    """The head before an entry, as far as the entry shows it."""
    source = entry.source
    positions = {topic: list(row) for topic, row in entry.positions.items()}
    if source.partition < len(positions.get(source.topic, [])):
        positions[source.topic][source.partition] = source.offset
    known = {} if entry.sequence == 1 else positions
    return Head(entry.sequence - 1, entry.previous, known, entry.topic_ids)
