"""Batches that hold a gigabyte in some KB: a worker of little memory sets them aside and goes on."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid

import pytest

from streams.clock import wall_ms
from tests.bombs import a_bomb, send_batch
from tests.pipeline.harness import SLUICEGATE, Site, metric, traffic

MOST_MEMORY = 1_400 * 1_048_576
"""Bytes of address space: what a worker reserves, and much less than the gigabyte of a bomb beside it."""

LIMITED = (
    sys.executable,
    "-c",
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2); "
    "os.execv(sys.argv[2], sys.argv[2:])",
    str(MOST_MEMORY),
    SLUICEGATE,
)


async def test_the_sequencer_goes_on_after_bombs(broker: str) -> None:
    """One on each of its topics becomes a dead letter by its place; orders behind and before it are carried out."""
    async with Site(broker, f"b{uuid.uuid4().hex[:8]}.") as site:
        worker = site.worker_of(LIMITED, ("sequencer", "judge"), {})
        await worker.ready()
        bomb = a_bomb(1_024, timestamp=wall_ms())
        topics = (site.topics.policies, site.topics.controls, site.topics.acks)
        for topic in topics:
            await send_batch(site.producer, topic, bomb, partition=0)
        await site.start()
        async with site.following(site.topics.status) as statuses:
            assert (await anext(statuses))["rollout"] == "checkout-v2"
        async with asyncio.timeout(30):
            while len(letters := await site.read(site.topics.dead_letters)) < len(topics):
                await asyncio.sleep(0.2)
        values = [json.loads(letter.value) for letter in letters]
        assert sorted((each["topic"], each["reason"]) for each in values) == sorted(
            (topic, "oversized_batch") for topic in topics
        )
        assert worker.process.poll() is None, worker.log()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
async def test_a_worker_goes_on_after_bombs(broker: str) -> None:
    """Each is a dead letter by its place, its record is missing, and all events around it are counted."""
    async with Site(broker, f"b{uuid.uuid4().hex[:8]}.") as site:
        worker = site.worker_of(LIMITED, ("ingest",), {})
        await worker.ready()
        events = list(traffic(wall_ms() - 4_000, 4))
        await site.send(events[:200])
        bomb = a_bomb(1_024, timestamp=wall_ms())
        for partition in (0, 1, 1):
            await send_batch(site.producer, site.topics.events, bomb, partition=partition)
        await site.send(events[200:])
        async with asyncio.timeout(30):
            while (await site.counted()).total() < len(events):
                assert worker.process.poll() is None, worker.log()
                await asyncio.sleep(0.2)
        assert (await site.counted()).total() == len(events)
        letters = [dict(record.headers) for record in await site.read(site.topics.dead_letters)]
        assert sorted((each["reason"], each["partition"]) for each in letters) == [
            (b"oversized_batch", b"0"),
            (b"oversized_batch", b"1"),
            (b"oversized_batch", b"1"),
        ]
        assert all(b"was not read" in each["detail"] for each in letters)
        page = await asyncio.to_thread(worker.get, "/metrics")
        assert metric(page, f'sluicegate_skipped_batches_total{{topic="{site.topics.events}"}}') == 3
        assert await asyncio.to_thread(worker.get, "/healthz")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
async def test_a_bad_canary_is_rolled_back_between_bombs(broker: str) -> None:
    """Bombs come every second on all partitions: half of the canary's requests fail, and it is never promoted."""
    async with Site(broker, f"b{uuid.uuid4().hex[:8]}.") as site:
        worker = site.worker_of(LIMITED, (), {})
        await worker.ready()
        await site.start()

        async def load() -> None:
            for tick in range(600):
                await site.send(list(traffic(wall_ms() - 100, 1, rps=20, bad=0.5, share=0.5)))
                if tick % 10 == 0:
                    bomb = a_bomb(512, timestamp=wall_ms())
                    await send_batch(site.producer, site.topics.events, bomb, partition=tick // 10 % 3)
                await asyncio.sleep(0.1)

        loading = asyncio.create_task(load())
        try:
            async with site.following(site.topics.decisions) as decisions:
                async for decision in decisions:
                    await site.acknowledge(decision)
                    assert decision["action"] in {"start", "hold", "resume", "rollback"}
                    if decision["action"] == "rollback":
                        break
        finally:
            loading.cancel()
        assert worker.process.poll() is None, worker.log()
        page = await asyncio.to_thread(worker.get, "/metrics")
        assert metric(page, f'sluicegate_skipped_batches_total{{topic="{site.topics.events}"}}') >= 1
