"""The newest record of each key, whatever partitions its records are in and in whatever order those are read."""

from __future__ import annotations

from itertools import permutations

from aiokafka.structs import ConsumerRecord

from streams.newest import Newest

Added = tuple[int, int, str | None, tuple[int, ...]]
"""Partition, timestamp, value, rank."""


def record(partition: int, timestamp: int) -> ConsumerRecord[bytes, bytes]:
    """Return a record of this partition."""
    return ConsumerRecord("gate-status", partition, 0, timestamp, 0, b"r", b"", None, 1, 0, ())


def newest(*added: Added) -> str | None:
    """Return what counts after these records."""
    found: Newest[str, str] = Newest()
    for partition, timestamp, value, rank in added:
        if value is None:
            found.remove(record(partition, timestamp), "r")
        else:
            found.add(record(partition, timestamp), "r", value, rank)
    return found.values.get("r")


def in_any_order(*added: Added) -> set[str | None]:
    """Return what counts after these records of different partitions, in every order of reading them."""
    return {newest(*order) for order in permutations(added)}


def test_within_a_partition_the_last_counts() -> None:
    """Its order is the log's."""
    assert newest((0, 9, "old", (2, 9)), (0, 1, "new", (1, 0))) == "new"


def test_of_several_partitions_the_greatest_rank_counts() -> None:
    """Then the time of writing, then the partition that was added later."""
    assert in_any_order((0, 9, "old", (1, 5)), (1, 1, "new", (1, 6)), (2, 3, "older", (0, 99))) == {"new"}
    assert in_any_order((0, 9, "new", (1, 5)), (1, 8, "old", (1, 5))) == {"new"}
    assert in_any_order((0, 9, "old", (1, 5)), (1, 9, "new", (1, 5))) == {"new"}


def test_a_removal_removes_what_is_older() -> None:
    """In its own partition, and what was written before it in others."""
    assert newest((0, 1, "old", (1,)), (0, 1, None, ())) is None
    assert in_any_order((0, 1, "old", (1,)), (1, 2, None, ())) == {None}
    assert in_any_order((0, 3, "new", (1,)), (1, 2, None, ())) == {"new"}
