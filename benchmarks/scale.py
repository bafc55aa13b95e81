"""How many events one worker counts, and two: the same backlog of events, read as fast as they can.

Kafka, the workers and other processes share the cores of one machine, so the figures are by second of wall time and by
second of processor time. Plan with the second (docs/scaling.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.installation import Installation
from benchmarks.measure import Row, Size, cpu_seconds
from connectors.kafka.topic_reader import read_to_end
from streams.cells import SourcePartition
from streams.clock import wall_ms
from streams.journal import Progress, decode

PART = "scale"
ROLLOUTS = 100
PATIENCE_S = 120.0
POLL_S = 0.5
FASTEST = 100_000.0
"""Events a second at which the backlog is produced, if the machine can."""


@dataclass(frozen=True)
class Counted:
    """Events a second of wall time, and of CPU time of all workers together."""

    a_second: float
    a_core: float


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure one worker and two."""
    events = min(size.events, 400_000)
    for workers in (1, 2):
        runs = [asyncio.run(counted(bootstrap, events, workers)) for _ in range(min(size.runs, 3))]
        case = f"{workers} worker{'s' * (workers > 1)}"
        yield Row(PART, "counted", case, "events/s", tuple(one.a_second for one in runs))
        yield Row(PART, "counted, per core", case, "events/s", tuple(one.a_core for one in runs))


async def counted(bootstrap: str, events: int, workers: int) -> Counted:
    """Let this many ingest workers count a backlog of about `events` events.

    They join their group and are stopped (SIGSTOP) while the backlog is produced, so that neither is in the figures.
    """
    async with Installation(bootstrap) as site:
        crew = [site.run_worker("ingest", SLUICEGATE_SESSION_TIMEOUT_MS="60000") for _ in range(workers)]
        await asyncio.gather(*(worker.ready() for worker in crew))
        pids = [worker.process.pid for worker in crew]
        _signal(pids, signal.SIGSTOP)
        async with site.loaded(rate=FASTEST, rollouts=ROLLOUTS, seconds=events / FASTEST) as loading:
            sent = (await loading.ended()).events
        before, began = sum(map(cpu_seconds, pids)), wall_ms()
        _signal(pids, signal.SIGCONT)
        async with asyncio.timeout(PATIENCE_S):
            ended = await _all_counted(site, sent)
        cpu = sum(map(cpu_seconds, pids)) - before
    return Counted(sent / (ended - began) * 1_000.0, sent / cpu)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


async def _all_counted(site: Installation, sent: int) -> int:
    while True:
        ended = await _wall_of(site, sent)
        if ended is not None:
            return ended
        await asyncio.sleep(POLL_S)


async def _wall_of(site: Installation, sent: int) -> int | None:
    """When (ms) the record was written that completed the count of `sent` events; None while it is not complete."""
    reached: dict[SourcePartition, int] = {}
    async with contextlib.aclosing(read_to_end(site.settings, site.topics.journal, [0])) as journal:
        async for record in journal:
            decoded = decode(record.value or b"")
            if isinstance(decoded, Progress):
                for report in decoded.sources:
                    reached[report.source] = max(report.position, reached.get(report.source, 0))
                if sum(reached.values()) >= sent:
                    written: int = record.timestamp
                    return written
    return None
