"""When each journal partition is recovered: one at a time, beside the rounds of judging, however long that takes.

One that cannot be recovered (its snapshots cannot be read, for example) is tried again later, after the others, so it
keeps nobody else from being judged.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError

from connectors.error_text import text_of
from connectors.kafka.topic_reader import TopicsMissingError
from streams.judge.recovery import Recovery
from streams.runtime import metrics

RETRY_SECONDS: Final = 1.0
"""The pause before a partition that could not be recovered is tried again; it doubles, up to the longest."""
LONGEST_RETRY_SECONDS: Final = 16.0

TURN_SECONDS: Final = 0.1
"""How long a round waits for a recovery before it judges what has arrived in other partitions."""

log = logging.getLogger(__name__)


class _Failure(NamedTuple):
    again_at: float
    seconds: float
    why: str


class Attempts:
    """Recovers the partitions that are due."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery
        self._task: asyncio.Task[None] | None = None
        self._failures: dict[int, _Failure] = {}

    @property
    def pending(self) -> bool:
        """Whether a partition is being recovered, or is to be now."""
        return self._task is not None or self._chosen() is not None

    @property
    def failing(self) -> str:
        """The partitions that could not be recovered, and why; empty if there are none."""
        failed = [(number, each.why) for number, each in self._failures.items() if number in self._recovery.due]
        return "; ".join(f"journal partition {number} cannot be recovered: {why}" for number, why in sorted(failed))

    async def proceed(self) -> None:
        """Begin to recover a partition, or go on with it, and give it a moment to end."""
        if self._task is None and (chosen := self._chosen()) is not None:
            self._task = asyncio.create_task(self._try(chosen))
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=TURN_SECONDS)
            self._task = None if self._task.done() else self._task

    async def stop(self) -> None:
        """Recover nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _chosen(self) -> int | None:
        """The partition to recover now: one that failed waits, and comes after the others."""
        now, never = asyncio.get_running_loop().time(), _Failure(0.0, 0.0, "")
        waits = {partition: self._failures.get(partition, never).again_at for partition in self._recovery.readable}
        ready = [(again_at, partition) for partition, again_at in waits.items() if again_at <= now]
        return min(ready)[1] if ready else None

    async def _try(self, partition: int) -> None:
        try:
            await self._recovery.recover(partition)
        except Exception as error:  # of any kind: the other partitions are judged meanwhile
            known = isinstance(error, KafkaError | TimeoutError | TopicsMissingError)
            before = self._failures.get(partition)
            seconds = RETRY_SECONDS if before is None else min(2 * before.seconds, LONGEST_RETRY_SECONDS)
            again_at = asyncio.get_running_loop().time() + seconds
            self._failures[partition] = _Failure(again_at, seconds, type(error).__name__)
            metrics.RECOVERIES_FAILED.labels(partition).inc()
            log.error(
                "journal partition %d cannot be recovered, next try in %g s: %s",
                partition,
                seconds,
                text_of(error),
                exc_info=not known,
            )
        else:
            self._failures.pop(partition, None)
