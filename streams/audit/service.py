"""The role `audit`: one of its workers writes the audit log, the others wait.

Whoever the group gives the log's one partition writes. The group is for that alone, and to keep, as its committed
offset, where the newest entry stands: that two never wrote at once is not needed, see `streams.audit.writer`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition
from mode import Service

from connectors.kafka import clients
from connectors.kafka.topic_reader import TopicsMissingError
from streams.audit.writer import AUDIT_PARTITION, Writer
from streams.runtime.health import LONGEST_PAUSE, Health
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0
ROUND_MS = 100
LAST_ROUND_SECONDS = 5.0


class Audit(Service):
    """Writes the audit log while the group says that it is this worker's to write."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._place = TopicPartition(settings.topics.audit, AUDIT_PARTITION)
        self._pulse = health.pulse("audit")
        self._writer: Writer | None = None
        self._turn = asyncio.Lock()  # a round is not interrupted by the end

    async def on_start(self) -> None:
        """Join the group."""
        self._well_at = asyncio.get_running_loop().time()
        self._group = clients.consumer(
            self._settings, group_id=self._settings.group("audit"), **self._settings.membership
        )
        self._group.subscribe([self._place.topic], listener=_Assignment(self))
        await self._group.start()

    async def on_stop(self) -> None:
        """Leave the group."""
        try:
            async with asyncio.timeout(LAST_ROUND_SECONDS), self._turn:
                await self._let_go()
        except TimeoutError:
            self.log.warning("the last round did not end; what it wrote counts or is void")
        finally:
            await self._group.stop()

    def joined(self, assigned: set[TopicPartition]) -> None:
        """The group gave us the log, or nothing; what stands in it is the writer's to read."""
        self._group.pause(*assigned)
        self._pulse.ready = True

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            async with self._turn:
                if not self.should_stop:
                    await self._round()
            await asyncio.sleep(0)

    async def _round(self) -> None:
        """Write what there is, if it is ours to write.

        What fails is told by `/healthz` after a while, and does not end the worker: a judge may be in it.
        """
        await self._group.getmany(timeout_ms=0)  # a sign of life: the partition is paused
        if self._place not in self._group.assignment():
            await self._let_go()
            self._went_well()
            await self.sleep(ROUND_MS / 1000.0)
            return
        try:
            if await self._write():
                self._went_well()
        except (KafkaError, TimeoutError, TopicsMissingError) as error:
            self.log.error("auditing failed, going back to the log: %s", error)
            await self._let_go()
            self._pulse.beat()
            if asyncio.get_running_loop().time() - self._well_at > LONGEST_PAUSE:
                self._pulse.trouble = f"auditing fails: {type(error).__name__}"
            await self.sleep(RETRY_SECONDS)

    def _went_well(self) -> None:
        self._well_at = asyncio.get_running_loop().time()
        self._pulse.trouble = ""
        self._pulse.beat()

    async def _write(self) -> bool:
        """Whether there was headway."""
        if self._writer is None:
            self._writer = Writer(self._settings, self._pulse.beat)
            await self._writer.open(await self._group.committed(self._place))
        if await self._writer.step(ROUND_MS):
            try:
                await self._group.commit({self._place: self._writer.head_offset})
            except (CommitFailedError, IllegalStateError) as error:
                self.log.info("commit refused, another worker writes now: %s", error)
        elif self._writer.outgrown:
            await self._let_go()
            return True
        return self._writer.answered

    async def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Tells the service that the group has decided."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """What it wrote meanwhile counts or is void; it stops at its next round."""

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._audit.joined(assigned)
