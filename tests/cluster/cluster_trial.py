"""A trial on three nodes, with a canary that fails during each fault."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError

from tests.cluster.nodes import Nodes
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.trial import EVENTS_PER_TICK, ROLLOUTS, TICK, WAITING, Trial, policy
from tests.pipeline.harness import PARTITIONS

FAILING = ("cart-v2", "images-v2", "payments-v2")
"""Rollouts whose canary fails half of its requests; in both journal partitions."""

LATE = 100_000
"""Time goes on while a partition has no leader: what was sent then may come after its pane was judged."""

DEFAULT_SESSIONS = {"SLUICEGATE_SESSION_TIMEOUT_MS": "10000"}


class ClusterTrial(Trial):
    """Two healthy rollouts as in every trial, and `FAILING`, each of which a fault is to begin with.

    A stage of these takes a few seconds: where its failures were lost, such a rollout would be promoted.
    """

    def __init__(self, nodes: Nodes, seed: int) -> None:
        super().__init__(nodes.bootstrap, seed)
        self.site.replication = 3
        self.rollouts += FAILING
        self.mangle = self._spoil

    def _spoil(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["rollout"] in FAILING and event["cohort"] == "canary" and self.rng.random() < 0.5:
            event["status"] = 500
        return event

    async def _load(self) -> None:
        """Traffic to each partition on its own: one without a leader does not stop that of the others."""
        await asyncio.gather(*[self._load_partition(number) for number in range(PARTITIONS["events"])])

    async def _load_partition(self, number: int) -> None:
        while True:
            began, now = time.monotonic(), now_ms()
            count = EVENTS_PER_TICK // PARTITIONS["events"]
            with contextlib.suppress(KafkaError):
                await asyncio.gather(*[await self.send(self.event(now), now, number) for _ in range(count)])
                self._loading.set()
            await asyncio.sleep(max(0.0, TICK - (time.monotonic() - began)))

    async def release(self, rollout: str) -> None:
        """Start one of `FAILING`."""
        await self.site.start(policy(rollout, bake="5s"))

    async def fail_over(self, nodes: Nodes, fault: str, topic: str, strike: Callable[[int], None]) -> int:
        """Let the fault strike the leader of a partition of the topic, and wait until all since then is judged.

        Noted are the seconds that Kafka took to elect other leaders, and those after that, which are ours. Returns the
        former leader.
        """
        leader, since = await nodes.leader(topic, 0), now_ms()
        await asyncio.to_thread(strike, leader)
        electing = asyncio.create_task(nodes.elected_without(leader))
        took = await self.recovered(fault, since)
        election = await electing - since / 1000
        note(f"{fault}, until Kafka elected others", election)
        note(f"{fault}, from the election on", took - election)
        return leader

    async def rolled_back(self, rollout: str) -> None:
        """Wait until the rollout is rolled back."""
        async with asyncio.timeout(PATIENCE):
            while "rollback" not in await self._actions(rollout):
                await asyncio.sleep(0.5)

    async def _actions(self, rollout: str) -> list[str]:
        known = [json.loads(value) for value in (await self.site.decisions()).values()]
        return [each["action"] for each in known if each["rollout"] == rollout]

    async def unharmed(self, *released: str) -> None:
        """Check what must hold after the faults: the promises, and that no process has ended by itself."""
        assert self.exits == []
        assert self.carrier is not None
        assert self.carrier.deaths == 0
        for rollout in released:
            assert set(await self._actions(rollout)) <= WAITING | {"pause", "rollback"}
        self.rollouts = ROLLOUTS + released
        await self.holds(late=LATE)
