"""Checks request events before they reach a topic: what ingest would refuse, and what it would count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from connectors.decoders.decoded import MAX_BYTES, Reason
from connectors.decoders.event import RequestEvent
from connectors.decoders.registry import decoder


class LineFault(msgspec.Struct, frozen=True, gc=False):
    """Why a line, or the element at `position` (from 0) of an array on it, is not an event; lines count from 1."""

    line: int
    position: int | None
    reason: Reason
    detail: str


class Summary(msgspec.Struct):
    """What the lines read so far contain; `cohorts` counts events by rollout and cohort, times are in milliseconds."""

    lines: int = 0
    events: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    cohorts: dict[str, Counter[str]] = msgspec.field(default_factory=dict)
    first_ts_ms: int | None = None
    last_ts_ms: int | None = None

    @property
    def rollouts(self) -> dict[str, int]:
        """Events by rollout."""
        return {rollout: cohorts.total() for rollout, cohorts in self.cohorts.items()}

    def count(self, event: RequestEvent) -> None:
        """Count one good event."""
        ts_ms = event.ts_ms
        self.events += 1
        self.cohorts.setdefault(event.rollout, Counter())[event.cohort] += 1
        self.first_ts_ms = ts_ms if self.first_ts_ms is None else min(ts_ms, self.first_ts_ms)
        self.last_ts_ms = ts_ms if self.last_ts_ms is None else max(ts_ms, self.last_ts_ms)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "lines": self.lines,
            "events": self.events,
            "faults": dict(self.faults),
            "rollouts": self.rollouts,
            "cohorts": {rollout: dict(cohorts) for rollout, cohorts in self.cohorts.items()},
            "first_ts_ms": self.first_ts_ms,
            "last_ts_ms": self.last_ts_ms,
        }


def check_lines(
    lines: Iterable[bytes], summary: Summary | None = None, *, max_bytes: int = MAX_BYTES
) -> Iterator[LineFault]:
    """Yield each fault in lines, of which each is a message value; `summary` counts as the lines are read.

    Blank lines are skipped, as in NDJSON. One line is in memory at a time.

    >>> seen = Summary()
    >>> good = b'{"ts":1767225600123,"rollout":"r","cohort":"c","status":200,"latency_ms":1}'
    >>> [(fault.line, fault.reason) for fault in check_lines([good, b"{", good], seen)], seen.events
    ([(2, 'bad_json')], 2)
    """
    summary = Summary() if summary is None else summary
    decode = decoder().decode
    for number, line in enumerate(lines, start=1):
        summary.lines += 1
        if not line.strip(b" \t\r\n"):
            continue
        decoded = decode(line, max_bytes=max_bytes)
        for event in decoded.events:
            summary.count(event)
        for fault in decoded.faults:
            summary.faults[fault.reason] += 1
            position = None if fault.raw is line else fault.index
            yield LineFault(number, position, fault.reason, fault.detail)
