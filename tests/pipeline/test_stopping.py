"""SIGTERM: what was counted is journaled, what is finished is committed; and it ends in time, whatever Kafka does."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from connectors.kafka.clients import TopicPartition, consumer
from streams import journal
from streams.demo.embedded_broker import EmbeddedBroker
from streams.ingest.cutting import CHUNK_OFFSETS
from streams.runtime.watchdog import EXIT_STUCK
from tests.pipeline.harness import PATIENCE, Site, traffic

EVENTS = 3 * (CHUNK_OFFSETS + 500)
"""Of three partitions: each has a finished chunk, and an open one."""


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"s{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def committed(site: Site, role: str, topic: str, partitions: int) -> list[int | None]:
    """Give what a role's group has committed, by partition."""
    reader = consumer(site.settings, group_id=f"{site.settings.topic_prefix}sluicegate-{role}")
    await reader.start()
    try:
        return [await reader.committed(TopicPartition(topic, number)) for number in range(partitions)]
    finally:
        await reader.stop()


async def test_a_stop_journals_what_was_counted_and_commits_what_is_finished(site: Site) -> None:
    """Though no flush was due: every event is in the journal, and every finished chunk and every order is committed."""
    worker = site.worker(SLUICEGATE_FLUSH_INTERVAL_MS="10000")
    await worker.ready()
    now = int(time.time()) * 1000  # noqa: TID251
    first, *others = (event | {"ts": now} for event in traffic(now, 1, rps=EVENTS))
    await site.send([first])
    async with asyncio.timeout(PATIENCE):
        while not await site.counted():
            await asyncio.sleep(0.1)
    await site.send([others[-1], *others[:-1]])  # a flush has just been: the next is due in ten seconds
    for number in range(3):
        await site.producer.send_and_wait(site.topics.events, b"{", partition=number, timestamp_ms=now)
    await site.start()
    malformed = f'sluicegate_dead_letters_total{{reason="bad_json",topic="{site.topics.events}"}}'
    await worker.shows(malformed, at_least=3)  # so all before them are counted
    async with site.following(site.topics.decisions) as decisions:
        assert (await anext(decisions))["action"] == "start"
    assert (await site.counted()).total() == 1
    assert worker.stop() == 0, worker.log()
    assert await site.counted() == await site.produced()
    assert (await site.counted()).total() == EVENTS
    assert len(await site.read(site.topics.dead_letters)) == 3
    assert await committed(site, "ingest", site.topics.events, 3) == [CHUNK_OFFSETS] * 3
    orders = await committed(site, "sequencer", site.topics.policies, 3)
    assert sum(filter(None, orders)) == 1, orders
    ends = {record.partition: record.offset + 1 for record in await site.read(site.topics.journal)}
    judged = await committed(site, "judge", site.topics.journal, len(ends))
    behind = [
        record
        for record in await site.read(site.topics.journal)
        if record.offset >= (judged[record.partition] or 0) and isinstance(journal.decode(record.value), journal.Start)
    ]
    assert not behind


async def test_a_stop_ends_even_where_kafka_does_not_answer() -> None:
    """Past the deadline the process ends with a code of its own, and logs that; another counts what was left."""
    with EmbeddedBroker() as broker:
        async with Site(broker.bootstrap, "s.") as site:
            worker = site.worker(SLUICEGATE_STOP_TIMEOUT_MS="2000")
            await worker.ready()
            now = int(time.time()) * 1000  # noqa: TID251
            await site.send([event | {"ts": now} for event in traffic(now, 1)])
            assert broker._child is not None
            os.kill(broker._child.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(0.5)
                assert worker.stop() == EXIT_STUCK, worker.log()
            finally:
                os.kill(broker._child.pid, signal.SIGCONT)
            assert "did not stop within 2s; the process ends with exit code 70" in worker.log()
            another = site.worker()
            await another.ready()
            async with asyncio.timeout(PATIENCE):
                while await site.counted() != await site.produced():
                    await asyncio.sleep(0.2)
            assert another.stop() == 0, another.log()
