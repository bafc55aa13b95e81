"""One hostile record on any topic that a role reads: it is set aside, and the worker with all roles goes on."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest

from tests.pipeline.harness import PATIENCE, POLICY, Site
from tests.pipeline.test_operators import sluicegate

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
        for time in TIMES:
            await site.producer.send_and_wait(topic, b"junk", key=b"k", partition=0, timestamp_ms=time)
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
