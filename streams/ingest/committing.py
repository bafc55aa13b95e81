"""Ingest's commits, and the dead letters that must be accepted before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import TopicPartition

from streams.runtime import failpoints
from streams.runtime.letter_box import LetterBox

LONGEST_HELD_S: Final = 60.0
"""How long dead letters that their topic does not accept hold back commits.

The next worker sends such letters again, but it must also catch up with everything since the commit."""

log = logging.getLogger(__name__)


class Committer:
    """Commits the offsets of `owned` partitions: the newest of each, once all `letters` are accepted."""

    def __init__(self, letters: LetterBox, owned: Container[TopicPartition]) -> None:
        self.letters = letters
        self._owned = owned
        self._due: dict[TopicPartition, int] = {}
        self._held_since: float | None = None

    def forget(self, partition: TopicPartition) -> None:
        """Commit nothing of this partition: it is read again, or has moved."""
        self._due.pop(partition, None)

    async def commit(self, consumer: AIOKafkaConsumer[bytes, bytes], offsets: Mapping[TopicPartition, int]) -> None:
        """Commit these offsets, and those that were held back, unless letters hold them back."""
        self._due |= offsets
        if not self._due or not await self._letters_accepted():
            return
        mine = {partition: offset for partition, offset in self._due.items() if partition in self._owned}
        self._due.clear()
        if not mine:
            return
        failpoints.reached("ingest: before commit")
        try:
            await consumer.commit(mine)
            failpoints.reached("ingest: committed")
        except (CommitFailedError, IllegalStateError) as error:
            log.info("the commit was refused because partitions moved to another worker: %s", error)

    async def _letters_accepted(self) -> bool:
        """Whether letters hold back no commit."""
        if await self.letters.settle():
            self._held_since = None
            return True
        now = asyncio.get_running_loop().time()
        if self._held_since is None:
            self._held_since = now
        return now - self._held_since > LONGEST_HELD_S
