"""Three Apache Kafka 4 nodes, each broker and controller, that fail and return one by one."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from streams.demo.embedded_broker import LOOPBACK, free_port
from tests.brokers import MavenKafka
from tests.faults.times import PATIENCE, now_ms

IDS = (1, 2, 3)

REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "min.insync.replicas": "2",
    "broker.session.timeout.ms": "9000",  # Kafka's own defaults: so long does it take to notice a dead node
    "broker.heartbeat.interval.ms": "2000",
}


class Nodes:
    """The nodes, by id; with data folders and ports that last until `close`."""

    def __init__(self) -> None:
        quorum = {node: f"{LOOPBACK}:{free_port()}" for node in IDS}
        self._nodes = {node: MavenKafka(node=node, quorum=quorum, properties=REPLICATED) for node in IDS}
        self.bootstrap = ",".join(node.bootstrap for node in self._nodes.values())

    def start(self, nodes: Iterable[int] = IDS) -> None:
        """Start these nodes at once, since one alone waits for a majority; returns when all answer."""
        with ThreadPoolExecutor(len(IDS)) as threads:
            for _ in threads.map(lambda node: self._nodes[node].start(), nodes):
                pass

    def stop(self, node: int) -> None:
        """End a node in good order: it hands over what it leads."""
        self._nodes[node].stop()

    def kill(self, node: int) -> None:
        """End a node with SIGKILL."""
        self._nodes[node].kill()

    def suspend(self, node: int) -> None:
        """Stop a node's process: its connections stay open, and nothing answers, as from a machine without power."""
        os.kill(self._nodes[node].pid, signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """Let a suspended node go on."""
        os.kill(self._nodes[node].pid, signal.SIGCONT)

    async def make_topic(self, topic: str, replicas: dict[int, list[int]], **config: str) -> None:
        """Make a topic whose partitions have their replicas on these nodes."""
        async with self._admin() as admin:
            wanted = NewTopic(topic, -1, -1, replica_assignments=replicas, topic_configs=config)
            answer = await admin.create_topics([wanted])
            assert [error[1] for error in answer.topic_errors] == [0], answer

    async def leader(self, topic: str, partition: int) -> int:
        """The node that leads a partition."""
        (described,) = await self._describe([topic])
        return next(int(each["leader"]) for each in described["partitions"] if each["partition"] == partition)

    async def elected_without(self, dead: int) -> float:
        """Wait until Kafka has elected other leaders for all that a dead node leads; when that was."""
        async with asyncio.timeout(PATIENCE), self._admin() as admin:
            while True:
                with contextlib.suppress(KafkaError, TimeoutError):  # a client asks any node, the dead one too
                    described = await asyncio.wait_for(admin.describe_topics(), 1.0)
                    if all(each["leader"] != dead for topic in described for each in topic["partitions"]):
                        return now_ms() / 1000
                await asyncio.sleep(0.05)

    async def repair(self) -> None:
        """Start the nodes that do not run, and wait until each partition is in sync on all nodes."""
        await asyncio.to_thread(self.start, [name for name, node in self._nodes.items() if not node.running])
        async with asyncio.timeout(PATIENCE):
            while any(
                len(partition["isr"]) < len(partition["replicas"])
                for topic in await self._describe()
                for partition in topic["partitions"]
            ):
                await asyncio.sleep(0.2)

    async def _describe(self, topics: list[str] | None = None) -> list[dict[str, Any]]:
        async with self._admin() as admin:
            described: list[dict[str, Any]] = await admin.describe_topics(topics)
            return described

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    def close(self) -> None:
        """Kill the nodes and remove their data."""
        for node in self._nodes.values():
            node.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
