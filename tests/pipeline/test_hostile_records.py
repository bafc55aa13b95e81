"""One hostile record on any topic that a role reads: it is set aside, and the worker with all roles goes on."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from itertools import product

import pytest

from streams import journal
from streams.runtime.settings import Settings
from tests.pipeline.harness import PARTITIONS, PATIENCE, POLICY, Site, traffic
from tests.pipeline.test_operators import sluicegate
from tests.pipeline.test_topics import create

TIMES = (-(1 << 60), -(10**15), -1, 0)
"""Record times that no clock has; a broker with the producers' times accepts each."""


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def test_junk_of_any_time_ends_no_role(site: Site) -> None:
    """It is a dead letter where it is read, and audited where that is kept; a rollout starts and is audited as well."""
    names = site.topics
    audited = (names.policies, names.controls, names.acks, names.decisions, names.commands)
    read = (names.events, names.policies, names.controls, names.acks, names.journal)
    for topic in {*audited, *read}:
        for at in TIMES:
            await site.producer.send_and_wait(topic, b"junk", key=b"k", partition=0, timestamp_ms=at)
    worker = site.worker("ingest", "judge", "sequencer", "audit")
    await worker.ready()
    await site.start()
    async with site.following(names.status) as statuses:
        await anext(statuses)
    async with asyncio.timeout(PATIENCE):
        while len(letters := await site.read(names.dead_letters)) < len(read) * len(TIMES):
            await asyncio.sleep(0.2)
        while len(await site.read(names.audit)) < (len(audited) * len(TIMES)) + 2:
            await asyncio.sleep(0.2)
    places = {(dict(one.headers)["topic"].decode(), dict(one.headers)["offset"]) for one in letters}
    assert {topic for topic, _ in places} == set(read)
    assert worker.process.poll() is None

    verified = await sluicegate(site, "audit", "verify", "--json")
    assert verified.json()["broken"] is False
    exported = await sluicegate(site, "audit", "export", "--format", "csv")
    assert exported.code == 0
    assert exported.output.count("unreadable") == len(audited) * len(TIMES)
    entries = [json.loads(one.value) for one in await site.read(names.audit)]
    assert any(entry["rollout"] == POLICY.rollout and entry["kind"] == "decision" for entry in entries)
    assert worker.stop() == 0, worker.log()


MINUTE = 60_000

YEAR_5138 = 99_999_999_999_999
"""The latest time that an event may name, in milliseconds."""


async def send_hostile_times(site: Site) -> None:
    """Send events of the year 5138 and of the next hours, in records without a time, or 58 minutes ahead."""
    now = int(time.time() * 1000)  # noqa: TID251
    names = [POLICY.rollout, *(f"nobody-{number}" for number in range(20))]
    for at, ahead in product((-1, 0, now + 58 * MINUTE), (YEAR_5138 - now, 3 * 60 * MINUTE, 59 * MINUTE)):
        for name in names:
            event = {"ts": now + ahead, "rollout": name, "cohort": "stable", "status": 200, "latency_ms": 1}
            value = json.dumps(event).encode()
            await site.producer.send(site.topics.events, value, partition=0, timestamp_ms=at)
    await site.producer.flush()


async def test_a_bad_canary_is_rolled_back_among_hostile_times(broker: str) -> None:
    """Where the topic has the producers' times, as one of before; nothing of a time to come stays anywhere."""
    prefix = f"t{uuid.uuid4().hex[:8]}."
    settings = Settings(bootstrap=broker, topic_prefix=prefix)
    await create(settings, settings.topics.events, PARTITIONS["events"], message_timestamp_type="CreateTime")
    async with Site(broker, prefix) as site:
        worker = site.worker("ingest", "judge", "sequencer", "audit")
        await worker.ready()
        await send_hostile_times(site)
        await site.start()
        load = asyncio.create_task(_traffic(site))
        async with site.following(site.topics.decisions) as decisions:
            async for decision in decisions:
                await site.acknowledge(decision)
                assert decision["action"] not in ("advance", "promote")
                if decision["action"] == "rollback":
                    break
        load.cancel()
        await worker.shows("sluicegate_refused_events_total", at_least=21 * 9)
        latest = int(time.time() * 1000) + 11 * MINUTE  # noqa: TID251
        for record in await site.read(site.topics.journal):
            found = journal.decode(record.value)
            partials = found.partials if isinstance(found, journal.Partials) else []
            assert all(cell.start < latest for partial in partials for cell in partial.cells)
        assert worker.stop() == 0, worker.log()


async def _traffic(site: Site) -> None:
    """Send requests of now, a quarter of the canary's failing."""
    while True:
        now = int(time.time() * 1000)  # noqa: TID251
        await site.send([event | {"ts": now} for event in traffic(now, 1, rps=100, bad=0.25)])
        await asyncio.sleep(0.2)
