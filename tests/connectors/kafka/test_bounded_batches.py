"""One record stands in for a batch that is too large when decompressed; the batches around it are read."""

from __future__ import annotations

import json
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from connectors.decoders.registry import decoder
from connectors.kafka import bounded_batches, record_batches
from connectors.kafka.bounded_batches import SkippedBatch, bound_batches
from streams import journal
from streams.sequencer.messages import RecordRefusedError, read_message
from tests.bombs import a_bomb, a_record, in_a_batch, of_records
from tests.connectors.kafka.test_record_batches import batch, crc32c

PARTITION = TopicPartition("request-events", 3)
LOG = bytes(batch(0, [b"a", b"b"], codec=4)) + a_bomb(33, base=2) + bytes(batch(3, [b"c"], codec=4))


@pytest.fixture(autouse=True)
def bounded() -> None:
    """Bound batches, as each consumer does."""
    assert bound_batches()


def a_fetch(log: bytes, start: int = 0, partition: TopicPartition = PARTITION) -> tuple[Any, Any]:
    """Return a fetch as aiokafka makes it, and the state with the consumer's position."""
    # By the module's name, as aiokafka itself does.
    records = fetcher.PartitionRecords(partition, MemoryRecords(log), [], start, None, None, True, READ_COMMITTED)
    state = SimpleNamespace(paused=False, position=start)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    return FetchResult(partition, assignment=assignment, partition_records=records, backoff=0), state


def in_lists(log: bytes, start: int = 0, most: int | None = None) -> tuple[list[Any], int]:
    """Return what ingest gets of a log in one poll, and its position after it."""
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict()))
    assert record_batches.read_batches(consumer)
    fetch, state = a_fetch(log, start)
    consumer._fetcher._records[PARTITION] = fetch
    record_batches.begin_poll()
    return consumer._fetcher._records[PARTITION].getall(most), state.position


def test_any_consumer_goes_on_after_it(caplog: pytest.LogCaptureFixture) -> None:
    """A record has its place, and it is in the log and the metric."""
    fetch, state = a_fetch(LOG)
    before = bounded_batches.SKIPPED.labels("request-events")._value.get()
    first, second, instead, last = fetch.getall()
    assert [(record.offset, record.value) for record in (first, second, last)] == [(0, b"a"), (1, b"b"), (3, b"c")]
    assert (instead.offset, instead.timestamp, instead.key, state.position) == (2, 1_767_225_600_000, None, 4)
    value = json.loads(instead.value)
    assert [value[key] for key in ("topic", "partition", "first", "last")] == ["request-events", 3, 2, 2]
    assert value["reason"] == "oversized_batch"
    assert bounded_batches.SKIPPED.labels("request-events")._value.get() == before + 1
    assert (
        "request-events partition 3: the batch of offsets 2 to 2 was not read: its records are more than 33,554,432 "
        "bytes when decompressed" in caplog.text
    )


def test_ingest_gets_its_place() -> None:
    """As the only one of a list, in order; the position moves on, and a fetch that begins there is the same."""
    lists, position = in_lists(LOG)
    (skipped,) = lists[1]
    assert isinstance(skipped, SkippedBatch)
    assert skipped[:5] == (2, 2, 1_767_225_600_000, 1, "oversized_batch")
    assert ([len(each) for each in lists], position) == ([2, 1, 1], 4)
    again, position = in_lists(LOG, 2)
    assert ([each[0].offset for each in again], position) == ([2, 3], 4)


def test_a_batch_that_cannot_be_decompressed_is_skipped_too() -> None:
    """Its checksum is right, so it would be the same the next time."""
    lists, position = in_lists(in_a_batch(b"no zstd at all", "zstd") + bytes(batch(1, [b"c"])))
    assert (lists[0][0].reason, lists[1][0].value, position) == ("bad_batch", b"c", 2)
    assert "cannot be decompressed (DecompressionError: " in lists[0][0].detail


def test_what_stands_in_is_read_as_no_message() -> None:
    """A journal record, an order or an ack with such a value is refused."""
    fetch, _ = a_fetch(a_bomb(33))
    (instead,) = fetch.getall()
    with pytest.raises(msgspec.DecodeError):
        journal.decode(instead.value)
    for kind in (journal.Start, journal.Control, journal.Ack):
        with pytest.raises(RecordRefusedError):
            read_message(kind, instead.value)
    assert decoder().decode(instead.value).events == []


def test_snapshots_may_be_larger() -> None:
    """They have a limit of their own, because only the judge writes them."""
    fetch, _ = a_fetch(a_bomb(33), partition=TopicPartition("a.gate-snapshots", 0))
    (record,) = fetch.getall()
    assert len(record.value) == 33 * 1_048_576


def test_what_is_not_the_fault_of_the_batch_is_raised() -> None:
    """A codec that is not installed: the batch can be read later."""
    with pytest.raises(UnsupportedCodecError):
        iter(bounded_batches._BoundedBatch(PARTITION, a_batch_with(UnsupportedCodecError, 1)))


def a_batch_with(error: type[Exception], last: int) -> Any:
    """Return a batch of one record that cannot be read."""

    class _Batch:
        next_offset = last + 1

        def __iter__(self) -> Any:
            raise error

    return _Batch()


def test_a_batch_without_enough_memory_is_tried_a_few_times() -> None:
    """Another may have had the memory, so it is not set aside at once; nor is it tried without end."""

    def tried(last: int) -> Any:
        return iter(bounded_batches._BoundedBatch(PARTITION, a_batch_with(MemoryError, last)))

    for last in (1, 1, 2, 2):  # the tries of another batch do not count
        with pytest.raises(MemoryError):
            tried(last)
    (instead,) = tried(2)
    assert (instead.offset, json.loads(instead.value)["reason"]) == (2, "bad_batch")
    with pytest.raises(MemoryError):
        tried(2)


def test_a_record_of_a_wrong_size_is_the_batchs_own_fault() -> None:
    """A client takes it for a damaged fetch; but the checksum is right, so the next would be the same."""
    fetch, state = a_fetch(of_records(a_record(0) + a_record(1, more=1), 2) + bytes(batch(2, [b"c"])))
    first, instead, last = fetch.getall()
    assert (first.offset, instead.offset, last.value, state.position) == (0, 1, b"c", 3)
    assert "CorruptRecordException" in json.loads(instead.value)["detail"]


@pytest.mark.parametrize("codec", [0, 4])
def test_a_record_with_too_many_headers_is_set_aside(codec: int) -> None:
    """In any batch, and what was before it is read."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1_000_000)
    builder.append(0, timestamp=1, key=None, value=b"a", headers=[])
    builder.append(1, timestamp=1, key=None, value=bytes([99]) * 40_000, headers=[("a", b"1")] * 1_001)
    lists, position = in_lists(bytes(builder.build()) + bytes(batch(2, [b"c"])))
    assert ([each[0].offset for each in lists], position) == ([0, 1, 2], 3)
    assert lists[1][0].reason == "oversized_batch"
    assert lists[1][0].detail.endswith("a record in it has 1,001 headers, and 1,000 are allowed")


def test_many_small_records_come_in_several_lists() -> None:
    """So that not all of a batch need be objects at once; a fetch can begin in the middle of any."""
    values: list[bytes | None] = [b"%d" % number for number in range(2_048)]
    log = bytes(batch(0, values, codec=4))
    lists, position = in_lists(log)
    assert ([len(each) for each in lists], position) == ([1_024, 1_024], 2_048)
    assert [record.value for each in lists for record in each] == values
    lists, position = in_lists(log, 1_500)
    assert ([[each[0].offset, len(each)] for each in lists], position) == ([[1_500, 548]], 2_048)
    assert in_lists(log, most=1)[1] == 1_024


def test_one_poll_decompresses_no_more_than_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the fetch is fetched again, from the position after what was read."""
    monkeypatch.setattr(record_batches, "MOST_DECOMPRESSED", 3 * 1_048_576)
    log = b"".join(a_bomb(2, base=base) for base in range(5))
    lists, position = in_lists(log)
    assert ([each[0].offset for each in lists], position) == ([0, 1], 2)
    lists, position = in_lists(log[len(a_bomb(2)) * 2 :], 2)
    assert ([each[0].offset for each in lists], position) == ([2, 3], 4)


def test_another_version_has_no_limit(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An aiokafka that nobody tried is left alone, and the log has it."""
    monkeypatch.setattr("aiokafka.__version__", "9.0")
    before = fetcher.PartitionRecords
    assert not bound_batches.__wrapped__()
    assert fetcher.PartitionRecords is before
    assert "the decompressed size of record batches has no limit" in caplog.text


def misnamed(log: bytes, record: int) -> bytes:
    """Return a log of one batch in which a header of this record has a name that is not UTF-8."""
    patched = bytearray(log)
    place = 60  # the records begin here
    for _ in range(record + 1):
        place = patched.index(b"h", place + 1)
    patched[place] = 0xFF
    patched[17:21] = crc32c(bytes(patched[21:])).to_bytes(4, "big")
    return bytes(patched)


@pytest.mark.parametrize(("bad", "before"), [(0, []), (1, [0]), (2, [0, 1])])
def test_a_record_that_cannot_be_read_ends_no_consumer(bad: int, before: list[int]) -> None:
    """Brokers take any bytes as the name of a header. The rest of its batch is set aside, and the next one is read."""
    log = misnamed(bytes(batch(0, [b"0", b"1", b"2"])), bad) + bytes(batch(3, [b"3"]))
    fetch, state = a_fetch(log)
    *good, instead, last = fetch.getall()
    assert ([record.offset for record in good], instead.offset, last.offset, state.position) == (before, 2, 3, 4)
    assert json.loads(instead.value)["first"] == bad
    lists, position = in_lists(log)
    skipped = next(each for (each,) in lists if isinstance(each, SkippedBatch)) if bad < 2 else lists[-2][0]
    assert skipped[:2] == (bad, 2)
    assert (skipped.records, position) == (3 - bad, 4)
