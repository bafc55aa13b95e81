"""Logs of source partitions, as tests need them: records at random, and how ingest takes them."""

from __future__ import annotations

import itertools
import random
from typing import Any

from connectors.decoders import RequestEvent, Unreadable
from streams.ingest.chunks import MAX_FUTURE_MS, Chunker, SourceRecord
from streams.ingest.cutting import CHUNK_OFFSETS

T0 = 1_767_225_600_000
ROLLOUTS = ("checkout", "search")
COHORTS = ("stable", "canary")


def take(chunker: Chunker, records: list[SourceRecord]) -> None:
    """Take records as ingest does: runs of one event each together where they can be, the others one by one."""
    for single, group in itertools.groupby(records, lambda record: len(record.events) == 1 and not record.unreadable):
        run = list(group)
        if single:
            chunker.count_run(run, [event for record in run for event in record.events])
        else:
            chunker.count_records(run)


def a_log(rng: random.Random, size: int) -> list[SourceRecord]:
    """Return a log: offsets with gaps, close to a chunk's end; time moves on, stands still, moves back a little."""
    offset, now, log = CHUNK_OFFSETS - rng.randint(0, size), T0 + rng.randint(0, 20_000), []
    for _ in range(size):
        offset += rng.choice([1, 1, 1, 2, 7])
        now += rng.choice([0, 5, 80, 400, 3_000])
        events = [an_event(rng, now) for _ in range(rng.choice([0, 1, 1, 1, 3]))]
        unreadable = [an_unreadable(rng, now) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
        log.append(SourceRecord(offset, now + rng.randint(-1_000, 0), events, unreadable))
    return log


def an_unreadable(rng: random.Random, now: int) -> Unreadable:
    """Return an event that cannot be read, as old as the others, far ahead, or without a time."""
    ts_ms = rng.choice([None, now - rng.randint(0, 3_000), now + MAX_FUTURE_MS + rng.randint(1, 9_000)])
    return Unreadable(rng.choice(ROLLOUTS), rng.choice(COHORTS), ts_ms, synthetic=rng.random() < 0.1)


def an_event(rng: random.Random, now: int) -> RequestEvent:
    """Return an event up to 3 s old or far ahead, by a status or an outcome, with optional fields; or a beat."""
    known: dict[str, Any] = {"status": rng.choice([200, 204, 302, 404, 429, 503])}
    if rng.random() < 0.2:
        known = {"outcome": rng.choice(["ok", "error"])}
    if rng.random() < 0.3:
        known = rng.choice([{}, {"status": 200}, known]) | {"grpc_status": rng.choice([0, 8, 13, 14])}
    known |= {
        "user": rng.choice([None, "", *(f"user-{number}" for number in range(60))]),
        "success": rng.choice([None, None, True, False]),
        "metrics": rng.choice([None, {}, {"cost": rng.lognormvariate(0, 2)}, {"score": rng.gauss(0, 1), "lag": 0.0}]),
        "emitter": rng.choice([None, "", "pod-1", "pod-2"]),
    }
    if rng.random() < 0.1:
        known = {"heartbeat": True, "emitter": f"pod-{rng.randint(1, 9)}"}
    ahead = rng.choice([0] * 29 + [MAX_FUTURE_MS + 5_000])  # further than the record's time allows
    return RequestEvent(
        ts_ms=now - rng.randint(0, 3_000) + ahead,
        rollout=rng.choice(ROLLOUTS),
        cohort=rng.choice(COHORTS),
        latency_ms=rng.choice([0.0, 1.5, 80.0, 799.0, 300_000.0]),
        synthetic=True if rng.random() < 0.05 else None,
        **known,
    )
