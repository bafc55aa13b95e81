"""A topic that refuses every write: what is for it waits, and a bad canary is rolled back, by the gate and by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.kafka import clients
from streams import journal
from tests.faults.line import Line
from tests.faults.refuser import Refuser
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.topics import set_topic
from tests.faults.trial import policy
from tests.pipeline.harness import Site, Worker, traffic

pytestmark = [pytest.mark.faults]

GATE, HAND = "checkout-v2", "search-v2"
"""The rollout that the gate rolls back, and the one that an operator does; each in a journal partition of its own."""


@pytest.fixture
async def site(kafka_broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(kafka_broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def requests(site: Site, bad: list[float]) -> None:
    """Send requests of both rollouts; the canary of the first fails as often as `bad` has it at the time."""
    while True:
        now = now_ms()
        events = [event | {"ts": now} for event in traffic(now, 1, rps=100, bad=bad[0])]
        events += [event | {"ts": now, "rollout": HAND} for event in traffic(now, 1, rps=100)]
        await site.send(events)
        await asyncio.sleep(0.25)


async def acknowledge(site: Site) -> None:
    """Acknowledge each decision and command, as an actuator that has applied it."""
    reader = clients.consumer(site.settings, site.topics.decisions, site.topics.commands)
    await reader.start()
    try:
        while True:
            await site.acknowledge(json.loads((await reader.getone()).value))
    finally:
        await reader.stop()


async def junk(site: Site) -> None:
    """Send a record that cannot be read to each topic whose dead letters a role sends."""
    names = site.topics
    for topic in (names.events, names.controls, names.acks, names.journal):
        await site.producer.send_and_wait(topic, b"{", key=b"k")


async def rolled_back(site: Site, topics: list[str]) -> dict[str, float]:
    """Wait until both rollouts are rolled back, by whichever of these topics; by rollout, when that was."""
    found: dict[str, float] = {}
    async with asyncio.timeout(PATIENCE):
        while set(found) != {GATE, HAND}:
            for topic in topics:
                for record in await site.read(topic):
                    message = json.loads(record.value)
                    assert message["action"] not in ("advance", "promote")
                    if message["action"] == "rollback":
                        found.setdefault(message["rollout"], time.time())  # noqa: TID251
            await asyncio.sleep(0.2)
    return found


async def health(worker: Worker) -> tuple[bool, dict[str, str]]:
    """What /healthz answers."""
    try:
        answer = json.loads(await worker.page("/healthz"))
    except TimeoutError:
        return False, {}
    return answer["ok"], answer["loops"]


async def shown(worker: Worker, names: list[str]) -> None:
    """Wait until health shows trouble with exactly these topics."""
    async with asyncio.timeout(PATIENCE):
        while True:
            good, loops = await health(worker)
            states = " ".join(loops.values())
            if good == (not names) and all(name in states for name in names):
                return
            await asyncio.sleep(0.2)


NOT_ENOUGH_REPLICAS = 19
SIDES = ["snapshots", "status", "dead_letters"]


@pytest.mark.parametrize(
    "refusing",
    [["snapshots"], ["status"], ["dead_letters"], ["decisions"], ["commands"], SIDES],
    ids=["snapshots", "status", "dead letters", "decisions", "commands", "all sides"],
)
async def test_a_topic_that_refuses_writes(site: Site, refusing: list[str]) -> None:
    """The rollbacks go out; health names the topic, and is good once it accepts again, and then has all of it."""
    async with rollouts(site, site.worker()) as bad:
        for topic in refusing:
            await set_topic(site, topic, **{"max.message.bytes": "64"})
        await both_rolled_back(site, bad, refusing)
        for topic in refusing:
            await set_topic(site, topic)
        await shown(site.workers[0], [])
        await complete(site)


async def test_topics_that_lack_replicas(refusing_line: Line[Refuser]) -> None:
    """The client tries such writes again by itself, for 40 s; health shows it after 5 s, and nothing else waits."""
    async with (
        Site(refusing_line.direct, f"t{uuid.uuid4().hex[:8]}.") as site,
        rollouts(site, site.worker(**refusing_line.worker)) as bad,
    ):
        proxy = refusing_line.proxy
        proxy.topics = frozenset(getattr(site.topics, name) for name in SIDES)
        proxy.error, proxy.share = NOT_ENOUGH_REPLICAS, 1.0
        await both_rolled_back(site, bad, SIDES)
        proxy.share = 0.0
        await shown(site.workers[0], [])
        await complete(site)


@contextlib.asynccontextmanager
async def rollouts(site: Site, worker: Worker) -> AsyncIterator[list[float]]:
    """Two rollouts that are judged; yields what `requests` takes."""
    await worker.ready()
    for name in (GATE, HAND):
        await site.start(policy(name, bake="10m"))
    bad = [0.0]
    load = [asyncio.create_task(requests(site, bad)), asyncio.create_task(acknowledge(site))]
    try:
        await judged(site)
        yield bad
        assert worker.process.poll() is None
    finally:
        for task in load:
            task.cancel()
        await asyncio.gather(*load, return_exceptions=True)
        print(worker.log()[-6000:])  # noqa: T201


async def both_rolled_back(site: Site, bad: list[float], refusing: list[str]) -> None:
    """Let the canary fail, order a rollback, and wait for both and for what health then shows."""
    await junk(site)
    await asyncio.sleep(3)
    began = time.time()  # noqa: TID251
    bad[0] = 0.5
    await order_rollback(site)
    topics = {"decisions": site.topics.decisions, "commands": site.topics.commands}
    took = await rolled_back(site, [topic for name, topic in topics.items() if name not in refusing])
    note(f"refused: {', '.join(refusing)}: by gate", took[GATE] - began)
    note(f"refused: {', '.join(refusing)}: by hand", took[HAND] - began)
    await shown(site.workers[0], [getattr(site.topics, name) for name in refusing])


async def judged(site: Site) -> None:
    """Wait until both rollouts are judged."""
    seen: set[str] = set()
    async with site.following(site.topics.status) as statuses:
        async for status in statuses:
            if status.get("confirmed"):
                seen.add(status["rollout"])
            if seen == {GATE, HAND}:
                return


async def order_rollback(site: Site) -> None:
    """Order the rollback of the second rollout, as an operator does."""
    order = journal.Control(rollout=HAND, control="rollback", by="tester", reason="a test", at=now_ms())
    await site.producer.send_and_wait(site.topics.controls, journal.encode(order), key=HAND.encode())


async def complete(site: Site) -> None:
    """Wait until each topic has all: both rollbacks and their statuses, the dead letters, and no gap in decisions."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while await missing(site):
                await asyncio.sleep(0.2)
    assert await missing(site) == []
    by_rollout: dict[str, list[int]] = {}
    for value in (await site.decisions()).values():
        decision = json.loads(value)
        by_rollout.setdefault(decision["rollout"], []).append(decision["sequence"])
    assert {name: found == list(range(1, len(found) + 1)) for name, found in by_rollout.items()} == {
        GATE: True,
        HAND: True,
    }


async def missing(site: Site) -> list[str]:
    """What is not there yet."""
    statuses: dict[str, Any] = {}
    for record in await site.read(site.topics.status):
        if not record.key.startswith(b"\0"):
            statuses[record.key.decode()] = json.loads(record.value)
    lacking = [f"status of {name}" for name in (GATE, HAND) if statuses[name]["phase"] != "rolled_back"]
    for topic in (site.topics.decisions, site.topics.commands):
        messages = [json.loads(record.value) for record in await site.read(topic)]
        back = {message["rollout"] for message in messages if message["action"] == "rollback"}
        lacking += [f"{topic}: rollback of {name}" for name in {GATE, HAND} - back]
    letters = {dict(record.headers)["topic"] for record in await site.read(site.topics.dead_letters)}
    wanted = {site.topics.events, site.topics.controls, site.topics.acks, site.topics.journal}
    return lacking + [f"dead letter of {topic}" for topic in wanted if topic.encode() not in letters]
