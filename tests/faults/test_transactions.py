"""Producers that write in transactions: what is aborted never counts, and what stays open holds, and is named."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from connectors.kafka import clients
from tests.faults.test_errors import STOPPED, bad_canary, is_well, rolled_back, shows, until_rolled_back
from tests.faults.times import now_ms
from tests.faults.trial import ROLLOUTS, Trial

pytestmark = [pytest.mark.faults]

WATCHDOG_MS = 15_000


async def begun(trial: Trial) -> AIOKafkaProducer:
    """A producer with a transaction that is open."""
    chosen: dict[str, Any] = clients.client_options(trial.site.settings)
    producer = AIOKafkaProducer(transactional_id=f"{trial.site.settings.topic_prefix}outside", **chosen)
    await producer.start()
    await producer.begin_transaction()
    return producer


def control(rollout: str, word: str) -> bytes:
    """An order of a person."""
    order = {"schema": "sluicegate.control/v1", "rollout": rollout, "control": word, "by": "tester", "at": now_ms()}
    return json.dumps(order | {"reason": "a test"}).encode()


async def test_orders_and_acks_in_transactions(kafka_broker: str) -> None:
    """What is aborted is not carried out; the marker of a transaction at the end of a topic ends no worker."""
    paused, healthy = ROLLOUTS
    async with Trial(kafka_broker, 160) as trial:
        (post,) = await trial.begin((), SLUICEGATE_WATCHDOG_MS=str(WATCHDOG_MS))
        topics = trial.site.topics
        producer = await begun(trial)
        await producer.send_and_wait(topics.controls, control(healthy, "rollback"), key=healthy.encode())
        await producer.send_and_wait(topics.acks, b"{", key=healthy.encode())
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_and_wait(topics.controls, control(paused, "pause"), key=paused.encode())
        await producer.send_and_wait(topics.acks, b"{", key=paused.encode())
        await producer.commit_transaction()
        await producer.stop()
        await asyncio.sleep(2 * WATCHDOG_MS / 1000)
        await is_well(post)
        decisions = await trial.decided()
        assert "pause" in [each["action"] for each in decisions[paused]]
        assert "rollback" not in [each["action"] for each in decisions[healthy]]
        assert trial.exits == []


async def test_a_transaction_that_stays_open(kafka_broker: str) -> None:
    """Nothing advances, its partition is named, and the bad canary in it is rolled back once the transaction ends."""
    async with Trial(kafka_broker, 161) as trial:
        (post,) = await trial.begin(())
        await trial.judged_past(now_ms() + 1_000)
        producer = await begun(trial)
        await producer.send_and_wait(trial.site.topics.events, b"{", partition=2)
        trial.silent_partitions = {2}
        async with bad_canary(trial, 2):
            await shows(
                post, "/healthz", f"cannot read {trial.site.topics.events} partition 2: a transaction stays open"
            )
            assert await rolled_back(trial) == set()
            await producer.abort_transaction()
            await until_rolled_back(trial, set(ROLLOUTS), "a transaction that stayed open has ended: rolled back")
        await producer.stop()
        trial.silent_partitions = set()
        await is_well(post)
        assert {each["action"] for known in (await trial.decided()).values() for each in known} <= STOPPED
        assert trial.exits == []
