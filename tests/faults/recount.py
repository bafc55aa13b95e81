"""A recount of the events topic by other means than ingest's: plain JSON, dicts, and the bounds of docs/events.md.

It shares no code with what it checks: where both are right they agree, to the request.
"""

import json
from collections import Counter
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LARGEST = 1_048_576
AHEAD_MS = 60_000
CHUNK, SLOT_MS = 4_096, 10_000
ROLLOUTS, COHORTS, SECONDS = 10_000, 16, 2_048

Requests = Counter[tuple[str, str, int]]
"""Requests by rollout, cohort and second."""


@dataclass
class Recount:
    """What the topic holds: requests that count, events beyond the bounds, and dead letters by reason."""

    requests: Requests = field(default_factory=Counter)
    refused: int = 0
    dead: Counter[str] = field(default_factory=Counter)


@dataclass
class _Chunk:
    """What one chunk of a partition has named so far."""

    start: int
    slot: int
    rollouts: dict[str, tuple[set[str], set[tuple[str, int]]]] = field(default_factory=dict)


async def recount(records: AsyncIterable[Any], malformed: Mapping[bytes, str]) -> Recount:
    """Count again what these Kafka records hold; messages and lines that are `malformed` have their reasons there."""
    found = Recount()
    chunks: dict[int, _Chunk] = {}
    async for record in records:
        chunk, slot = chunks.get(record.partition), record.timestamp // SLOT_MS
        if chunk is None or record.offset // CHUNK != chunk.start // CHUNK or slot > chunk.slot:
            chunk = chunks[record.partition] = _Chunk(record.offset, slot)
        if len(record.value) > LARGEST:
            found.dead["oversized"] += 1
        elif record.value in malformed:
            found.dead[malformed[record.value]] += 1
        else:
            _count_lines(found, chunk, record, malformed)
    return found


def _count_lines(found: Recount, chunk: _Chunk, record: Any, malformed: Mapping[bytes, str]) -> None:
    without_cohort = []
    for line in record.value.splitlines():
        if line in malformed:
            found.dead[malformed[line]] += 1
            continue
        event = json.loads(line)
        if "cohort" in event:
            _count(found, chunk, event, record.timestamp)
        else:
            found.dead["missing_field"] += 1
            without_cohort.append(event | {"cohort": ""})
    for event in without_cohort:
        _count(found, chunk, event, record.timestamp)


def _count(found: Recount, chunk: _Chunk, event: dict[str, Any], recorded: int) -> None:
    rollout, cohort, at = event["rollout"], event["cohort"], event["ts"]
    if at > recorded + AHEAD_MS:
        at = recorded
    second = at // 1000 * 1000
    if rollout not in chunk.rollouts:
        if len(chunk.rollouts) == ROLLOUTS:
            found.refused += 1
            return
        chunk.rollouts[rollout] = (set(), set())
    cohorts, seconds = chunk.rollouts[rollout]
    if cohort and cohort not in cohorts:
        if len(cohorts) < COHORTS:
            cohorts.add(cohort)
        else:
            cohort = ""
    if (cohort, second) not in seconds and len(seconds) == SECONDS:
        found.refused += 1
        return
    seconds.add((cohort, second))
    found.requests[rollout, cohort, second] += 1
