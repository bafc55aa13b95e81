"""Verifies an audit log: whether each entry continues the chain, and whether the chain is complete.

`Verifier` gets the log's records in order, then what the audited topics still hold. It takes the
first entry as given: only a log that still has its beginning, or a hash that was noted earlier (`anchor`), shows that
nothing was removed before that entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from streams.audit.chain import GENESIS, Entry, Head, decode, digest
from streams.audit.recorded import Recorded, head_before
from streams.journal import Origin

GRACE_MS = 60_000
"""A record older than this must have an entry; a newer one may be waiting for the writer."""

FindingKind = Literal["unreadable", "altered", "gap", "misfit", "fork", "repeat", "anchor", "unrecorded", "differs"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault in the log. One that is not `broken` did no harm: the records concerned are in the chain."""

    kind: FindingKind
    detail: str
    offset: int | None = None
    broken: bool = True


class SourceRecord(NamedTuple):
    """A record of an audited topic: its place, its record time, the hash of its value."""

    source: Origin
    at: int
    sha256: str | None


class _StartAt(NamedTuple):
    """The entry at which the check starts (None: the first one), and the hash that it must have."""

    sequence: int | None
    hash: str | None


class Verifier:
    """The chain so far, and the faults found in it."""

    def __init__(self, *, first: int | None = None, anchor: str | None = None, whole: Collection[str] = ()) -> None:
        """Check from entry `first` on, which must have the hash `anchor`; topics in `whole` have every offset."""
        self.findings: list[Finding] = []
        self.head: Head | None = None
        self.entries = 0
        self.pending = 0
        self._start_at, self._whole = _StartAt(first, anchor), frozenset(whole)
        self._reached = first is None
        self._hashes: set[str] = set()
        self._recorded = Recorded()
        self._beside: list[tuple[int, Entry]] = []

    def check(self, offset: int, value: bytes | None) -> Entry | None:
        """Check the next record of the log; returns its entry if it is in the chain."""
        try:
            entry = decode(value)
        except msgspec.DecodeError as error:
            self._find("unreadable", f"not an audit entry: {error}", offset)
            return None
        if self.head is None:
            self._start(offset, entry)
        elif entry.previous != self.head.hash and entry.previous in self._hashes:
            self._find_beside(offset, entry, value)
            return None
        elif entry.previous != self.head.hash:
            self._find_break(offset, entry)
        elif (misfit := self.head.misfit(entry)) is not None:
            self._find("misfit", f"entry {entry.sequence} {misfit}", offset)
        else:
            self._look_for_skipped(offset, entry)
        if entry.sequence == self._start_at.sequence:
            self._restart(offset, entry, value)
        if entry.value is not None and digest(entry.value.encode()) != entry.sha256:
            self._find("altered", f"entry {entry.sequence}: the hash of its value is not its sha256", offset)
        self._accept(entry, value)
        return entry

    def _start(self, offset: int, entry: Entry) -> None:
        self._recorded.begin = head_before(entry)
        self._hashes.add(entry.previous)
        if offset == 0 and (entry.sequence, entry.previous) != (1, GENESIS):
            self._find("gap", f"the log begins with entry {entry.sequence}; the entries before it were removed", offset)

    def _restart(self, offset: int, entry: Entry, value: bytes | None) -> None:
        """Start the check at this entry: findings before it do not count."""
        self.entries, self._reached = 0, True
        self._recorded = Recorded(head_before(entry))
        self.findings.clear()
        self._beside.clear()
        anchor = self._start_at.hash
        if anchor is not None and digest(value) != anchor:
            self._find("anchor", f"entry {entry.sequence} has hash {digest(value)}, not {anchor}", offset)

    def _find_beside(self, offset: int, entry: Entry, value: bytes | None) -> None:
        if digest(value) in self._hashes:
            detail = f"entry {entry.sequence} is there again, byte for byte; a producer sent it twice"
            self._find("repeat", detail, offset, broken=False)
            return
        self._hashes.add(digest(value))
        self._beside.append((offset, entry))

    def _find_break(self, offset: int, entry: Entry) -> None:
        assert self.head is not None  # noqa: S101 - by the caller
        last = self.head.sequence
        if entry.sequence > last + 1:
            missing = (
                f"entry {last + 1}" if entry.sequence == last + 2 else f"entries {last + 1} to {entry.sequence - 1}"
            )
            self._find("gap", f"{missing} missing before entry {entry.sequence}", offset)
        else:
            detail = f"entry {entry.sequence} does not follow entry {last}, which was altered or inserted"
            self._find("altered", detail, offset)

    def _look_for_skipped(self, offset: int, entry: Entry) -> None:
        assert self.head is not None  # noqa: S101 - by the caller
        source = entry.source
        expected = self.head.position(source.topic, source.partition, source.topic_id)
        if source.topic in self._whole and 0 < expected < source.offset:
            detail = f"{source.topic} {source.partition}@{expected} to {source.offset - 1} were never recorded"
            self._find("gap", detail, offset)

    def _accept(self, entry: Entry, value: bytes | None) -> None:
        self.head = Head.at(entry, value)
        self.entries += 1
        self._hashes.add(self.head.hash)
        self._recorded.add(entry)

    def finish(self, sources: Iterable[SourceRecord], now: int) -> None:
        """Compare the chain with what the audited topics hold, and decide about the entries beside the chain."""
        if not self._reached:
            self._find("anchor", f"no entry {self._start_at.sequence} in the log")
            return
        for offset, entry in self._beside:
            self._find_fork(offset, entry)
        for record in sources:
            self._compare(record, now)

    def _find_fork(self, offset: int, entry: Entry) -> None:
        known = self._recorded.matches(entry.source, entry.sha256) or self._recorded.is_before(entry.source)
        harm = "the chain has its record" if known else "the chain lacks its record"
        detail = f"a second entry {entry.sequence} by {entry.writer}: two writers at once; it is void, and {harm}"
        self._find("fork", detail, offset, broken=not known)

    def _compare(self, record: SourceRecord, now: int) -> None:
        source = record.source
        place = f"{source.topic} {source.partition}@{source.offset}"
        if self._recorded.has(source):
            if not self._recorded.matches(source, record.sha256):
                self._find("differs", f"{place} is not what the log recorded")
        elif self._recorded.is_before(source):
            return
        elif (self.head or self._recorded.begin).is_known(source):
            self._find("unrecorded", f"{place} was skipped")
        elif now - record.at > GRACE_MS:
            self._find("unrecorded", f"{place} is not in the log, after {(now - record.at) // 1000} s")
        else:
            self.pending += 1

    def _find(self, kind: FindingKind, detail: str, offset: int | None = None, *, broken: bool = True) -> None:
        self.findings.append(Finding(kind, detail, offset, broken))
