"""The newest record of each key of a compacted topic whose partitions may have been added to. Pure.

A partitioner that finds more partitions puts a key's next record into another one. The older record stays where it is,
since compaction works within a partition, and partitions are read in any order.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from aiokafka.structs import ConsumerRecord

from connectors.kafka.record_times import record_time

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

Rank = tuple[int, ...]


class _Last(NamedTuple):
    """The last record of a key in one partition; `value` is None where the key was removed."""

    rank: Rank
    written: int
    partition: int
    value: object


class Newest(Generic[K, T]):
    """The newest value of each key, in `values`.

    Within a partition the last record counts. Of several partitions' last ones it is that with the greatest rank, and
    of equal ranks the one that was written last. A removal also removes what was written before it elsewhere.
    """

    def __init__(self) -> None:
        self.values: dict[K, T] = {}
        self._last: dict[K, dict[int, _Last]] = {}

    def add(self, record: ConsumerRecord[bytes, bytes], key: K, value: T, rank: Rank) -> None:
        """Add the next record of its partition."""
        self._put(key, _Last(rank, record_time(record), record.partition, value))

    def remove(self, record: ConsumerRecord[bytes, bytes], key: K) -> None:
        """Add a record without a value."""
        self._put(key, _Last((), record_time(record), record.partition, None))

    def _put(self, key: K, last: _Last) -> None:
        by_partition = self._last.setdefault(key, {})
        by_partition[last.partition] = last
        removed = max((each.written for each in by_partition.values() if each.value is None), default=None)
        left = [
            each
            for each in by_partition.values()
            if each.value is not None and (removed is None or each.written > removed)
        ]
        if left:
            self.values[key] = max(left, key=lambda each: each[:3]).value  # type: ignore[assignment]
        else:
            self.values.pop(key, None)
