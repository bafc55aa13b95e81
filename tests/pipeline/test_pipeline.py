"""Events in, decisions out, through real processes and a real broker."""

import asyncio
import json
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.pipeline.harness import PATIENCE, POLICY, SLUICEGATE, Site, metric, traffic

START = int(time.time()) * 1000 - 120_000  # noqa: TID251


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def _first(site: Site, action: str) -> dict[str, Any]:
    """The first decision of this kind; each decision before it is acknowledged."""
    async with site.following(site.topics.decisions) as decisions:
        async for decision in decisions:
            await site.acknowledge(decision)
            if decision["action"] == action:
                return decision
    raise AssertionError


async def _steady(site: Site, seconds: int, bad: float = 0.0) -> None:
    """Traffic as it happens."""
    for _ in range(seconds * 5):
        now = int(time.time() * 1000)  # noqa: TID251
        await site.send([event | {"ts": now} for event in traffic(now, 1, rps=100, bad=bad)])
        await asyncio.sleep(0.2)


async def _all_counted(site: Site) -> None:
    """Wait until the journal has what a recount of the topic gives, once nothing more is sent."""
    await site.producer.flush()
    produced = await site.produced()
    async with asyncio.timeout(PATIENCE):
        while await site.counted() != produced:
            await asyncio.sleep(0.3)


async def test_a_bad_canary_is_rolled_back(site: Site) -> None:
    """A canary that fails is rolled back, on both topics, with the reason and the numbers; its counts are exact."""
    worker = site.worker()
    await worker.ready()
    await site.start()
    load = asyncio.create_task(_steady(site, 40, bad=0.25))
    decision = await _first(site, "rollback")
    load.cancel()
    assert decision["weights"] == {"stable": 100, "canary": 0}
    assert decision["checks"][0]["verdict"] == "FAIL"
    assert "canary" in decision["reason"]
    async with site.following(site.topics.commands) as commands:
        command = await anext(commands)
    assert command["id"] == decision["id"]
    assert command["deadline"] < command["expires_at"]
    await _all_counted(site)
    await worker.shows('sluicegate_decisions_total{action="rollback",rollout="checkout-v2"}', at_least=1)
    await worker.shows('sluicegate_verdict{check="errors",rollout="checkout-v2",verdict="FAIL"}', at_least=1)
    await worker.shows('sluicegate_command_acks_total{rollout="checkout-v2",status="applied"}', at_least=2)
    assert json.loads(worker.get("/healthz"))["ok"]
    assert worker.stop() == 0, worker.log()


async def test_a_healthy_canary_is_promoted_and_the_journal_replays_to_the_byte(site: Site) -> None:
    """Whoever folds the journal again gets the very decisions that were published."""
    worker = site.worker()
    await worker.ready()
    await site.start()
    load = asyncio.create_task(_steady(site, 55))
    decision = await _first(site, "promote")
    load.cancel()
    assert decision["stage"] == "half"
    assert worker.stop() == 0, worker.log()
    published = await site.decisions()
    replayed = await site.replayed()
    assert replayed == list(published.values())
    command = [SLUICEGATE, "replay", "--journal", "--json"]
    command += ["--bootstrap", site.settings.bootstrap, "--topic-prefix", site.settings.topic_prefix]
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    assert shown.stdout.splitlines() == list(published.values())


async def test_what_is_malformed_is_kept_and_stops_nothing(site: Site) -> None:
    """Each bad message becomes a dead letter with its place and the reason; good events beside it count."""
    good = list(traffic(START, 2))
    bad: list[tuple[bytes | None, str]] = [
        (b"{", "bad_json"),
        (None, "empty"),
        (b'{"ts": 1767225600123}', "missing_field"),
        (json.dumps(good[0] | {"status": 999}).encode(), "wrong_field"),
        (json.dumps(good[0] | {"cohort": None}).encode(), "wrong_field"),  # which counts all the same
        (json.dumps(good[0] | {"latency_ms": -1}).encode(), "wrong_field"),
        (json.dumps(good[0] | {"latency_ms": float("nan")}).encode(), "bad_json"),
        (b"x" * 1_100_000, "oversized"),
        (json.dumps([good[0], {"ts": 1}, good[1]]).encode(), "bad_timestamp"),
    ]
    for value, _ in bad:
        await site.producer.send_and_wait(site.topics.events, value, key=b"k", partition=0, timestamp_ms=START)
    await site.send(good)
    worker = site.worker("ingest", SLUICEGATE_MAX_EVENT_BYTES="1048576")
    await worker.ready()
    async with asyncio.timeout(PATIENCE):
        while len(await site.read(site.topics.dead_letters)) < len(bad):
            await asyncio.sleep(0.2)
    found = [dict(record.headers) for record in await site.read(site.topics.dead_letters)]
    assert sorted(letter["reason"].decode() for letter in found) == sorted(reason for _, reason in bad)
    assert {(letter["topic"].decode(), letter["partition"], letter["key"]) for letter in found} == {
        (site.topics.events, b"0", b"k")
    }
    assert {int(letter["offset"]) for letter in found} == set(range(len(bad)))
    await _all_counted(site)
    assert sum((await site.produced()).values()) == len(good) + 3
    page = worker.get("/metrics")
    assert metric(page, f'sluicegate_dead_letters_total{{reason="oversized",topic="{site.topics.events}"}}') == 1
    assert worker.stop() == 0, worker.log()


async def test_counts_are_exact_though_workers_are_killed(site: Site) -> None:
    """Kill -9 of the only ingest worker, again and again: every event is counted once."""
    events = list(traffic(START, 60, rps=500))
    await site.send(events[:10_000])
    worker = site.worker("ingest")
    await worker.ready()
    for part in range(1, 3):
        await asyncio.sleep(0.3 * part)
        worker.kill()
        worker = site.worker("ingest")
        await site.send(events[part * 10_000 : (part + 1) * 10_000])
        await worker.ready()
    await _all_counted(site)
    assert sum((await site.produced()).values()) == len(events)
    assert worker.stop() == 0, worker.log()


async def test_a_killed_judge_goes_on_where_it_was(site: Site) -> None:
    """Kill -9 of the judge in mid-rollout: the decisions go on without a gap, and no id is used for two of them."""
    site.worker("ingest")
    judge, sequencer = site.worker("judge"), site.worker("sequencer")
    for worker in site.workers:
        await worker.ready()
    await site.start()
    load = asyncio.create_task(_steady(site, 60))
    await _first(site, "advance")
    await asyncio.sleep(2)
    judge.kill()
    await asyncio.sleep(1)
    judge = site.worker("judge")
    await _first(site, "promote")
    load.cancel()
    decisions = [json.loads(value) for value in (await site.decisions()).values()]
    assert [decision["sequence"] for decision in decisions] == list(range(1, len(decisions) + 1))
    assert [d["action"] for d in decisions if d["action"] not in ("hold", "resume")] == ["start", "advance", "promote"]
    assert "judging from offset 0" not in judge.log()
    assert [worker.stop() for worker in (judge, sequencer)] == [0, 0]
    replayed = await site.replayed()
    assert replayed == list((await site.decisions()).values())


async def test_a_telemetry_outage_neither_advances_nor_rolls_back(site: Site) -> None:
    """Traffic stops while the stage bakes: the rollout is held with a reason, and resumes when the traffic is back."""
    policy: dict[str, Any] = POLICY.document() | {"no_data": {"hold_after": "3s", "pause_after": "5m"}}
    policy["stages"][0]["bake"] = "30s"
    worker = site.worker(SLUICEGATE_IDLE_TIMEOUT_MS="1000")
    await worker.ready()
    await site.start(type(POLICY).parse(policy))
    load = asyncio.create_task(_steady(site, 5))
    hold = await _first(site, "hold")
    await load
    assert "had no requests" in hold["reason"]
    load = asyncio.create_task(_steady(site, 20))
    await _first(site, "resume")
    load.cancel()
    actions = [json.loads(value)["action"] for value in (await site.decisions()).values()]
    assert actions == ["start", "hold", "resume"]
    assert worker.stop() == 0, worker.log()
