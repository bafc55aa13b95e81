"""Writes the judge's snapshots beside the fold, and commits the journal offset that they stand for.

A topic that does not take snapshots does not stop judging: the next one is tried after the same interval, and a restart
meanwhile folds the journal from the last complete one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition

from connectors.kafka import clients
from connectors.kafka.stopping import stop_client
from streams.judge.fold import Fold
from streams.judge.snapshots import partition_snapshot, rollout_snapshots
from streams.runtime import failpoints, metrics
from streams.runtime.health import Pulse
from streams.runtime.outbox import SLOW_SECONDS
from streams.runtime.settings import Settings

MOST_HELD = clients.LARGEST_SNAPSHOT
"""Bytes of a partition's snapshots that are sent beside the fold; where there are more, it waits for those before."""

LONGEST_WAIT_S = 5.0
"""How long the fold waits for them before it gives the snapshot up, and how long a stop waits for the last ones."""

SETTLE_SECONDS = 1.0
"""How long a snapshot waits for the decisions before it."""

log = logging.getLogger(__name__)

Settle = Callable[[int, float], Awaitable[bool]]
"""Waits until the decisions and commands of a journal partition are accepted; False if they are not in this time."""


class SnapshotWriter:
    """Writes snapshots of partitions; `folds` is looked up again for each, as partitions are revoked meanwhile."""

    def __init__(self, settings: Settings, pulse: Pulse, settle: Settle) -> None:
        self._settings = settings
        self._topic = settings.topics.snapshots
        self._pulse = pulse
        self._settle = settle
        self._tried_at: dict[int, int] = {}  # by partition, wall time in the journal
        self._writing: dict[int, asyncio.Task[None]] = {}
        self._troubles: dict[int, str] = {}

    async def start(self) -> None:
        """Connect, with a producer of its own: a snapshot may be larger than any other message, and compresses well."""
        self._producer = clients.producer(
            self._settings, compression_type="zstd", max_request_size=clients.LARGEST_SNAPSHOT
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        for task in self._writing.values():
            task.cancel()
        await stop_client(self._producer, LONGEST_WAIT_S)

    async def write_due(self, folds: Mapping[int, Fold], consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Begin to write the partitions whose last try is `snapshot_interval_ms` ago, by the journal's clock."""
        for partition in list(folds):
            fold = folds.get(partition)
            if fold is None or partition in self._writing:
                continue
            before = self._tried_at.setdefault(partition, fold.marks.wall)
            if fold.marks.wall - before >= self._settings.snapshot_interval_ms:
                self._tried_at[partition] = fold.marks.wall
                await self._begin(partition, folds, consumer)

    async def write_all(self, folds: Mapping[int, Fold], consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Write every partition, in the time that a stop has."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_S):
                await asyncio.gather(*self._writing.values())
                for partition in list(folds):
                    fold = folds.get(partition)
                    if fold is not None:
                        await self._begin(partition, folds, consumer)
                await asyncio.gather(*self._writing.values())

    def release(self, partition: int) -> None:
        """Another judge has the partition now."""
        self._show(partition, "")

    async def _begin(self, partition: int, folds: Mapping[int, Fold], consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Make the snapshot of what changed, and send it beside the fold.

        A decision that is in a snapshot is not published again after a crash, so all decisions must be accepted first.
        """
        fold = folds[partition]
        # Where the partition moved meanwhile, its decisions were given up, and not accepted.
        if not await self._settle(partition, SETTLE_SECONDS) or folds.get(partition) is not fold:
            return
        failpoints.reached("judge: snapshot due")
        faults: dict[str, str] = {}
        records: list[tuple[bytes, bytes]] = []
        held = 0
        for record in rollout_snapshots(fold, faults):
            records.append(record)
            held += len(record[1])
            if held > MOST_HELD:
                if not await self._all_accepted(partition, fold, records, LONGEST_WAIT_S):
                    return
                records, held = [], 0
        metrics.UNSNAPSHOTTED.labels(partition).set(len(faults))
        for name, why in faults.items():
            log.error("%s has no snapshot, so a restart folds the journal from the snapshots before: %s", name, why)
        whole = None if faults else partition_snapshot(fold, self._settings.used_partitions)
        offset = fold.offset + 1  # now, because the fold goes on while this is sent
        finishing = self._finish(partition, fold, records, whole, offset, consumer)
        self._writing[partition] = asyncio.create_task(finishing)

    async def _finish(
        self,
        partition: int,
        fold: Fold,
        records: list[tuple[bytes, bytes]],
        whole: tuple[bytes, bytes] | None,
        offset: int,
        consumer: AIOKafkaConsumer[bytes, bytes],
    ) -> None:
        """Send the rest, then the partition's own snapshot: its index names those of the rollouts; then commit."""
        try:
            if not await self._all_accepted(partition, fold, records):
                return
            if whole is not None and not await self._all_accepted(partition, fold, [whole]):
                return
            self._show(partition, "")
            failpoints.reached("judge: snapshot acknowledged")
            if whole is not None:
                await self._commit(partition, offset, consumer)
        finally:
            self._writing.pop(partition, None)

    async def _all_accepted(
        self, partition: int, fold: Fold, records: list[tuple[bytes, bytes]], seconds: float | None = None
    ) -> bool:
        """Send these snapshots; whether all are accepted, in this time."""
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._show, partition, "it does not answer")
        sent: list[asyncio.Future[Any]] = []
        refused: BaseException | None = None
        try:
            async with asyncio.timeout(seconds):
                for key, value in records:
                    sent.append(await self._send(partition, key, value))
                answers = await asyncio.gather(*sent, return_exceptions=True)
            refused = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        except (KafkaError, TimeoutError) as error:
            refused = error
            for future in sent:
                future.cancel()
        finally:
            slow.cancel()
        if refused is None:
            return True
        for key, _ in records:
            if (rollout := fold.rollouts.get(key.decode())) is not None:
                rollout.changed = True  # so the next snapshot has it, before any index names it
        self._show(partition, type(refused).__name__)
        return False

    async def _send(self, partition: int, key: bytes, value: bytes) -> asyncio.Future[Any]:
        metrics.SNAPSHOT_BYTES.inc(len(value))
        sent: asyncio.Future[Any] = await self._producer.send(self._topic, value, key=key, partition=partition)
        failpoints.reached("judge: snapshot sent")
        return sent

    async def _commit(self, partition: int, offset: int, consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Commit the offset: it shows people and tools the judge's lag, and a fold from the start what was judged."""
        try:
            await consumer.commit({TopicPartition(self._settings.topics.journal, partition): offset})
            failpoints.reached("judge: committed")
        except (CommitFailedError, IllegalStateError) as error:
            log.info("commit of journal partition %d refused, another judge has it now: %s", partition, error)
        except KafkaError as error:
            log.warning("commit of journal partition %d failed; the next snapshot commits: %r", partition, error)

    def _show(self, partition: int, why: str) -> None:
        """Show by health whether snapshots are written, and log when that changes."""
        before = self._troubles.pop(partition, "")
        if why:
            self._troubles[partition] = why
        if why and not before:
            log.error(
                "%s partition %d does not accept snapshots (%s); judging goes on, a restart folds from the last one",
                self._topic,
                partition,
                why,
            )
        if self._troubles:
            kinds = ", ".join(sorted(set(self._troubles.values())))
            self._pulse.topics[self._topic] = f"{self._topic} does not accept snapshots ({kinds})"
        else:
            self._pulse.topics.pop(self._topic, None)
