"""Counts that are larger than a message: cut into pieces, or refused where the journal takes no more."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from typing import Any

import pytest

from connectors.kafka import clients
from streams import journal
from streams.clock import wall_ms
from tests.faults.topics import set_topic
from tests.pipeline.harness import PATIENCE, Site, metric, traffic

HOUR_MS = 3_600_000


def backfill(number: int, at: int) -> dict[str, Any]:
    """Return an event of the hour before, with a user, an emitter and metrics with long names."""
    return {
        "ts": at - HOUR_MS + number % 1_000 * 1_000,
        "rollout": "checkout-v2",
        "cohort": "canary",
        "status": 200 + number % 3,
        "latency_ms": number % 600,
        "user": f"user-{number}",
        "emitter": f"pod-{number % 97}",
        "metrics": {f"{name:02d}-{chr(0x1F6A6) * 61}": number % 9 + 0.5 for name in range(16)},
    }


async def send_large(site: Site, events: list[dict[str, Any]], each: int, at: int) -> int:
    """Send events to one partition, as many in each message, compressed; returns the bytes they had before."""
    size = 0
    async with clients.producer(site.settings, compression_type="zstd") as producer:
        for begin in range(0, len(events), each):
            value = "\n".join(json.dumps(event, ensure_ascii=False) for event in events[begin : begin + each]).encode()
            size += len(value)
            await producer.send_and_wait(site.topics.events, value, partition=0, timestamp_ms=at)
    return size


async def missing(site: Site) -> Counter[str]:
    """Return the refused requests by cohort, from the last version of each chunk."""
    last: dict[tuple[Any, int], journal.Partial] = {}
    for record in await site.read(site.topics.journal):
        message = journal.decode(record.value)
        for partial in message.partials if isinstance(message, journal.Partials) else ():
            key = partial.source, partial.start
            if key not in last or last[key].upto < partial.upto:
                last[key] = partial
    found: Counter[str] = Counter()
    for partial in last.values():
        found.update(partial.refused)
    return found


async def counted_all(site: Site, total: int) -> None:
    """Wait until as many requests are counted or refused."""
    async with asyncio.timeout(PATIENCE):
        while (known := (await site.counted()).total() + (await missing(site)).total()) < total:
            await asyncio.sleep(0.3)
    assert known == total


async def test_a_backfill_gets_through_in_pieces(broker: str) -> None:
    """19 MB of an hour before, in six messages of which each was too much with the one before, and in many."""
    async with Site(broker, f"l{uuid.uuid4().hex[:8]}.") as site:
        worker = site.worker("ingest")
        await worker.ready()
        at = wall_ms()
        events = [backfill(number, at) for number in range(4_600)]
        assert await send_large(site, events[:1_320], 220, at) + await send_large(site, events[1_320:], 20, at) > 19e6
        live = list(traffic(at, 2))
        await site.send(live)
        await counted_all(site, len(events) + len(live))
        assert await missing(site) == {}
        values = [record.value for record in await site.read(site.topics.journal)]
        assert max(map(len, values)) < clients.LARGEST_MESSAGE
        page = await asyncio.to_thread(worker.get, "/metrics")
        assert metric(page, "sluicegate_ingest_resets_total") == 0
        assert await asyncio.to_thread(worker.get, "/healthz")


@pytest.mark.kafka
async def test_a_journal_that_takes_less(kafka_broker: str) -> None:
    """What is too large for it is refused and counted, health shows it, the rest counts.

    A chunk of these events has 2.4 MB, and 25 KB when compressed, which is what Kafka looks at.
    """
    async with Site(kafka_broker, f"l{uuid.uuid4().hex[:8]}.") as site:
        await set_topic(site, "journal", **{"max.message.bytes": "10000"})
        worker = site.worker("ingest")
        await worker.ready()
        at = wall_ms()
        events = [backfill(number, at) for number in range(4_600)]
        await send_large(site, events, 50, at)
        live = list(traffic(at, 2))
        await site.send(live)
        trouble = ""
        async with asyncio.timeout(PATIENCE):
            while "max.message.bytes" not in trouble and "MessageSizeTooLarge" not in trouble:
                trouble = await worker.page("/healthz")
                await asyncio.sleep(0.2)
        await counted_all(site, len(events) + len(live))
        assert (await missing(site))["canary"] > len(events) // 2
        assert (await site.counted()).total() >= len(live) * 2 // 3  # the other partitions have no such chunk
        await worker.shows("sluicegate_oversized_partials_total", at_least=1)
