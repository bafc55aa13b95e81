"""The private parts of aiokafka's fetcher that let one partition fail without the others; see `private_aiokafka`.

The contract is `tests/connectors/kafka/test_stalled_partitions.py`: run it with a new version before adding that one to
`CHECKED`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError
from aiokafka.structs import TopicPartition

from connectors.kafka.private_aiokafka import is_checked
from connectors.kafka.private_answers import MOVED, hold_refused
from connectors.kafka.private_closing import close_in_any_state


def state_of(consumer: aiokafka.AIOKafkaConsumer, partition: TopicPartition) -> Any:
    """The object that lives as long as the consumer's assignment of this partition; None without one."""
    subscription = getattr(getattr(consumer, "_subscription", None), "subscription", None)
    assignment = getattr(subscription, "assignment", None)
    return None if assignment is None else assignment.state_value(partition)


def readable_end(state: Any, highwater: int) -> int:
    """The end of what a consumer of committed records can read of a partition: where the first open transaction begins.

    `state` is that of `state_of`. A broker without transactions may answer with any offset there, which is not used.
    """
    stable: int | None = state.lso
    return highwater if stable is None or stable < state.position else min(stable, highwater)


def reads_committed(consumer: aiokafka.AIOKafkaConsumer) -> bool:
    """Whether a consumer waits for open transactions; False if this aiokafka was not checked."""
    return is_checked() and getattr(consumer, "_isolation_level", "") == "read_committed"


def group_error_of(consumer: aiokafka.AIOKafkaConsumer) -> Exception | None:
    """The error for which a consumer cannot be in its group, until its next `getmany` raises it; None without one.

    None also if this aiokafka was not checked.
    """
    coordinator = getattr(consumer, "_coordinator", None) if is_checked() else None
    error: Exception | None = getattr(coordinator, "_pending_exception", None)
    return error


def hold_failures(
    failed: Callable[[Any, TopicPartition, Exception], None],
    passed: Callable[[Any], None],
    denied: Callable[[str], None],
    retry_s: float,
) -> bool:
    """Make a partition that cannot be read wait by itself; False if this aiokafka was not checked.

    `getmany` of every consumer then returns what it has of the others, instead of raising. The failed partition gives
    what comes before the failure, is left alone for `retry_s`, and is then fetched again. `failed` is called with its
    state (`state_of`), itself and the error, and `passed` with its state when records were read; `denied` is called
    with a topic that may not be described.
    """
    if not is_checked():
        return False
    holding = _holding(fetcher.FetchResult, failed, passed, retry_s)
    fetcher.FetchResult = holding
    fetcher.MemoryRecords = partial(_CheckedBatches, fetcher.MemoryRecords)
    set_error: Any = fetcher.Fetcher._set_error

    def set_or_hold(reader: Any, partition: TopicPartition, error: Exception) -> None:
        if not isinstance(error, TopicAuthorizationFailedError):
            set_error(reader, partition, error)  # about the position: the caller of `getmany` chooses another one
            return
        hold(reader, reader._subscriptions.subscription.assignment, partition, error)

    def hold(reader: Any, assignment: Any, partition: TopicPartition, error: Exception) -> None:
        held = holding(partition, assignment=assignment, partition_records=None, backoff=0)
        reader._records[partition] = held
        held.hold(error, reader._retry_backoff if isinstance(error, MOVED) else None)

    fetcher.Fetcher._set_error = set_or_hold
    hold_refused(hold, denied, retry_s)
    close_in_any_state()
    return True


def _holding(original: Any, failed: Callable[..., None], passed: Callable[..., None], retry_s: float) -> Any:
    class Holding(original):  # type: ignore[misc]  # aiokafka is untyped
        """A fetch that is kept, without records, for a while after it failed. So nothing of it is fetched meanwhile."""

        _partition_records: Any
        held_until = 0.0

        def hold(self, error: Exception, moved_s: float | None = None) -> None:
            self._partition_records = None
            self.held_until = time.monotonic() + (retry_s if moved_s is None else moved_s)
            if moved_s is not None:
                return  # no fault of the partition: its leader has moved
            failed(self._assignment.state_value(self._topic_partition), self._topic_partition, error)

        def has_more(self) -> bool:
            return time.monotonic() < self.held_until or bool(super().has_more())

        def getall(self, max_records: int | None = None) -> list[Any]:
            if self._partition_records is None or not self.check_assignment(self._topic_partition):
                return []
            found: list[Any] = []
            try:
                for record in self._partition_records:
                    found.append(record)
                    if len(found) == max_records:
                        self._update_position()
                        break
                else:
                    self._update_position()
                    self._partition_records = None
            except Exception as error:  # of any kind: it is about this partition only
                self._update_position()  # the failure was at the first record that is not in `found`
                self.hold(error)
                return found
            if found:
                passed(self._assignment.state_value(self._topic_partition))
            return found

        def getone(self) -> Any:
            return next(iter(self.getall(1)), None)

    return Holding


class _CheckedBatches:
    """The batches of a fetch. Bytes that are no batches raise an error when they are read, and not before.

    aiokafka would end the consumer at once, or take them for a record that is too large and skip an offset.
    """

    def __init__(self, read: Callable[[bytes], Any], data: bytes) -> None:
        self._batches: Any = None
        self._error: Exception | None = None
        try:
            self._batches = read(data)
            if data and not self._batches.has_next():
                self._error = CorruptRecordException("the size of the first batch is not that of its bytes")
        except Exception as error:  # from the compiled parser too, of any kind
            self._error = error

    def has_next(self) -> bool:
        return self._error is not None or bool(self._batches.has_next())

    def next_batch(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._batches.next_batch()

    def size_in_bytes(self) -> int:
        return 0 if self._batches is None else int(self._batches.size_in_bytes())
