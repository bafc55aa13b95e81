"""Writes the judge's snapshots, and commits the journal offset that they stand for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import TopicPartition

from connectors.kafka import clients
from streams.judge.fold import Fold
from streams.judge.snapshots import partition_snapshot, rollout_snapshots
from streams.runtime import failpoints, metrics
from streams.runtime.settings import Settings

log = logging.getLogger(__name__)


class SnapshotWriter:
    """Writes snapshots of partitions; `folds` is looked up again for each, as partitions are revoked meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._written_at: dict[int, int] = {}  # by partition, wall time in the journal

    async def start(self) -> None:
        """Connect, with a producer of its own: a snapshot may be larger than any other message, and compresses well."""
        self._producer = clients.producer(
            self._settings, compression_type="zstd", max_request_size=clients.LARGEST_SNAPSHOT
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def write_due(self, folds: Mapping[int, Fold], consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Write the partitions whose last snapshot is older than `snapshot_interval_ms`, by the journal's clock."""
        for partition in list(folds):
            fold = folds.get(partition)
            if fold is None:
                continue
            before = self._written_at.setdefault(partition, fold.marks.wall)
            if fold.marks.wall - before >= self._settings.snapshot_interval_ms:
                await self._write(partition, fold, consumer)
                self._written_at[partition] = fold.marks.wall

    async def write_all(self, folds: Mapping[int, Fold], consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Write every partition."""
        for partition in list(folds):
            fold = folds.get(partition)
            if fold is not None:
                await self._write(partition, fold, consumer)

    async def _write(self, partition: int, fold: Fold, consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Write what changed. The partition's own snapshot waits while a rollout of it has none.

        Call it only when all that the fold gave has been acknowledged: a decision that is in a snapshot is not
        published again after a crash.
        """
        failpoints.reached("judge: snapshot due")
        faults: dict[str, str] = {}
        sent = [await self._send(partition, *record) for record in rollout_snapshots(fold, faults)]
        metrics.UNSNAPSHOTTED.labels(partition).set(len(faults))
        for name, why in faults.items():
            log.error("%s has no snapshot, so a restart folds the journal from the snapshots before: %s", name, why)
        if not faults:
            sent.append(await self._send(partition, *partition_snapshot(fold)))
        await asyncio.gather(*sent)
        failpoints.reached("judge: snapshot acknowledged")
        if faults:
            return
        try:
            # Nothing is read from this offset after a restart; it shows people and tools the judge's lag.
            await consumer.commit({TopicPartition(self._settings.topics.journal, partition): fold.offset + 1})
            failpoints.reached("judge: committed")
        except (CommitFailedError, IllegalStateError) as error:
            log.info("commit of journal partition %d refused, another judge has it now: %s", partition, error)

    async def _send(self, partition: int, key: bytes, value: bytes) -> asyncio.Future[Any]:
        metrics.SNAPSHOT_BYTES.inc(len(value))
        topic = self._settings.topics.snapshots
        sent: asyncio.Future[Any] = await self._producer.send(topic, value, key=key, partition=partition)
        failpoints.reached("judge: snapshot sent")
        return sent
