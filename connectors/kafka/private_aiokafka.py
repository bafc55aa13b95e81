"""The only module that uses private parts of aiokafka. Each use is limited to the versions it was checked with.

Each function states what happens with another version: either it reports that the private part is not available, or
there is a fallback. `tests/connectors/kafka/test_private_aiokafka.py` is the contract: run it with a new version before
adding that version to `CHECKED`.
"""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache, partial, wraps
from typing import Any, Final

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError
from aiokafka.structs import TopicPartition

CHECKED: Final = ("0.12.", "0.13.", "0.14.")
"""The versions of aiokafka that the private parts were checked with."""

_DECODING: Final = (
    "aiokafka.record.default_records",
    "aiokafka.record.legacy_records",
    "aiokafka.record._crecords.default_records",
    "aiokafka.record._crecords.legacy_records",
)

Fetched = OrderedDict[TopicPartition, Any]


def is_checked() -> bool:
    """Whether the installed aiokafka is one of the versions checked."""
    return str(aiokafka.__version__).startswith(CHECKED)


def fetched_by(consumer: aiokafka.AIOKafkaConsumer) -> Fetched | None:
    """The fetches of a started consumer that `getmany` has not returned yet, by partition.

    None if the version was not checked or the consumer has no such dictionary.
    """
    found = getattr(getattr(consumer, "_fetcher", None), "_records", None)
    return found if is_checked() and isinstance(found, OrderedDict) else None


def replace_fetched(consumer: aiokafka.AIOKafkaConsumer, fetched: Fetched) -> None:
    """Make the consumer keep its fetches in this dictionary. Call only if `fetched_by` returned the one before."""
    consumer._fetcher._records = fetched


def iterate_batches(fetch: Any, wrap: Callable[[Any], Any], convert: Callable[[Any, int], Any]) -> None:
    """Make a fetch iterate over what `wrap` makes of its batches; `convert(item, start)` makes the records returned.

    `start` is the offset that the fetch was asked for. A fetch that failed has no records and is left as it is.
    """
    records = getattr(fetch, "_partition_records", None)
    if records is None:
        return
    start = records.next_fetch_offset
    records._records = wrap(records._records)
    records._consumer_record = lambda _, item: convert(item, start)


@cache
def date_fetches_by_sending() -> bool:
    """Make every consumer's `last_poll_timestamp` the time at which the fetch was sent that was answered last.

    aiokafka notes when it reads the answer. A process that was stopped reads an old answer when it continues, and would
    take the end of the partition in it for the present one. False if this aiokafka was not checked: it stays so then.
    """
    if not is_checked():
        return False
    process: Any = fetcher.Fetcher._proc_fetch_request

    @wraps(process)
    async def dated(reader: Any, assignment: Any, node_id: Any, request: Any) -> Any:
        sent_at = int(time.time() * 1000)  # noqa: TID251 - aiokafka's clock
        needs_wakeup = await process(reader, assignment, node_id, request)  # nothing runs between its note and ours
        for topic, partitions in request.topics:
            for partition, *_ in partitions:
                _note_sent(assignment, TopicPartition(topic, partition), sent_at)
        return needs_wakeup

    fetcher.Fetcher._proc_fetch_request = dated
    return True


def _note_sent(assignment: Any, partition: TopicPartition, sent_at: int) -> None:
    state = assignment.state_value(partition)
    if state is not None and state.timestamp is not None and state.timestamp > sent_at:
        state.timestamp = sent_at


def replace_decoders(decoders: Mapping[str, Callable[[Any], bytes]]) -> bool:
    """Make all batches be decompressed by these functions, by codec; False if this aiokafka was not checked."""
    if not is_checked():
        return False
    # Compiled and not compiled, formats from magic 2 on and before: each module has imported the functions by name.
    for module in [sys.modules[name] for name in _DECODING if name in sys.modules]:
        for codec, decoder in decoders.items():
            if hasattr(module, name := f"{codec}_decode"):
                setattr(module, name, decoder)
    return True


def wrap_partition_records(wrap: Callable[[TopicPartition, Any], Any]) -> bool:
    """Make each fetch read what `wrap` makes of its partition and batches; False if this aiokafka was not checked."""
    if not is_checked():
        return False
    original: Any = fetcher.PartitionRecords

    class Wrapped(original):  # type: ignore[misc]  # aiokafka is untyped
        def __init__(self, partition: TopicPartition, batches: Any, *others: Any, **options: Any) -> None:
            super().__init__(partition, wrap(partition, batches), *others, **options)

    fetcher.PartitionRecords = Wrapped
    return True


def state_of(consumer: aiokafka.AIOKafkaConsumer, partition: TopicPartition) -> Any:
    """The object that lives as long as the consumer's assignment of this partition; None without one."""
    subscription = getattr(getattr(consumer, "_subscription", None), "subscription", None)
    assignment = getattr(subscription, "assignment", None)
    return None if assignment is None else assignment.state_value(partition)


def group_error_of(consumer: aiokafka.AIOKafkaConsumer) -> Exception | None:
    """The error for which a consumer cannot be in its group, until its next `getmany` raises it; None without one.

    None also if this aiokafka was not checked.
    """
    coordinator = getattr(consumer, "_coordinator", None) if is_checked() else None
    error: Exception | None = getattr(coordinator, "_pending_exception", None)
    return error


def hold_failures(
    failed: Callable[[Any, TopicPartition, Exception], None], passed: Callable[[Any], None], retry_s: float
) -> bool:
    """Make a partition that cannot be read wait by itself; False if this aiokafka was not checked.

    `getmany` of every consumer then returns what it has of the others, instead of raising. The failed partition gives
    what comes before the failure, is left alone for `retry_s`, and is then fetched again. `failed` is called with its
    state (`state_of`), itself and the error, and `passed` with its state when records were read.
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
        assignment = reader._subscriptions.subscription.assignment
        held = holding(partition, assignment=assignment, partition_records=None, backoff=0)
        reader._records[partition] = held
        held.hold(error)

    fetcher.Fetcher._set_error = set_or_hold
    return True


def _holding(original: Any, failed: Callable[..., None], passed: Callable[..., None], retry_s: float) -> Any:
    class Holding(original):  # type: ignore[misc]  # aiokafka is untyped
        """A fetch that is kept, without records, for a while after it failed. So nothing of it is fetched meanwhile."""

        _partition_records: Any
        held_until = 0.0

        def hold(self, error: Exception) -> None:
            self._partition_records, self.held_until = None, time.monotonic() + retry_s
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


async def send_request(client: AIOKafkaAdminClient, request: Any) -> Any:
    """The broker's response to a request that the admin client has no method for.

    Raises:
        NotImplementedError: the broker does not know this version of the request, or this aiokafka was not checked.
        aiokafka.errors.KafkaError: the request failed.
    """
    if not is_checked():
        raise NotImplementedError(f"aiokafka {aiokafka.__version__} was not checked")
    return await client._send_request(request)
