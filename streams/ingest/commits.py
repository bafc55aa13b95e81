"""Offsets that may be committed once everything that was counted before them is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka.structs import TopicPartition


class Commits:
    """Offsets by the round of writing that they belong to."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, dict[TopicPartition, int]]] = []

    def add(self, number: int, offsets: Mapping[TopicPartition, int]) -> None:
        """These may be committed once this round is written."""
        self._waiting.append((number, dict(offsets)))

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Others may commit these partitions now, and be further."""
        for _, offsets in self._waiting:
            for partition in partitions:
                offsets.pop(partition, None)

    def drain(self, done: int) -> dict[TopicPartition, int]:
        """The offsets to commit when all rounds up to `done` are written."""
        found: dict[TopicPartition, int] = {}
        while self._waiting and self._waiting[0][0] <= done:
            found.update(self._waiting.pop(0)[1])
        return found
