"""Batches taken whole hold the records that aiokafka gives: same offsets, times, keys and values."""

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from connectors.kafka import record_batches

PARTITION = TopicPartition("request-events", 3)
ABORT = b"\x00\x00\x00\x00"  # a control record's key: version 0, type 0, which aborts
COMMIT = b"\x00\x00\x00\x01"


def batch(
    base: int, values: list[bytes | None], *, codec: int = 0, producer: int = -1, transactional: bool = False
) -> bytearray:
    """Return a record batch (format 2) whose first offset is `base`."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=int(transactional),
        producer_id=producer,
        producer_epoch=0,
        base_sequence=0 if producer >= 0 else -1,
        batch_size=1_000_000,
    )
    for index, value in enumerate(values):
        builder.append(index, timestamp=1_767_225_600_000 + base + index, key=b"k", value=value, headers=[("h", b"1")])
    written = bytearray(builder.build())
    written[0:8] = base.to_bytes(8, "big")  # the checksum does not cover it: brokers write it
    return written


def control(base: int, key: bytes, producer: int) -> bytearray:
    """Return a control batch: the marker that ends a transaction."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, producer, 0, -1, 1_000)
    builder.append(0, timestamp=1_767_225_600_000, key=key, value=b"\x00\x00\x00\x00\x00\x00", headers=[])
    marker = bytearray(builder.build())
    marker[0:8] = base.to_bytes(8, "big")
    marker[22] |= 0x20  # the attribute bit of control batches
    checksum = crc32c(bytes(marker[21:]))
    marker[17:21] = checksum.to_bytes(4, "big")
    return marker


def crc32c(data: bytes) -> int:
    """Return the checksum of record batches (RFC 3720)."""
    from aiokafka.record._crecords.cutil import crc32c_cython

    return int(crc32c_cython(data))


LOGS: dict[str, tuple[bytes, list[tuple[int, int]], int]] = {
    "plain": (bytes(batch(0, [b"a", b"b"]) + batch(2, [b"c"])), [], 0),
    "from the middle of a batch": (bytes(batch(0, [b"a", b"b", b"c"])), [], 1),
    "gzip": (bytes(batch(0, [b"a" * 100] * 50, codec=1)), [], 0),
    "snappy": (bytes(batch(0, [b"a" * 100] * 50, codec=2)), [], 7),
    "lz4": (bytes(batch(0, [b"a" * 100] * 50, codec=3)), [], 0),
    "zstd": (bytes(batch(0, [b"a" * 100] * 50, codec=4)), [], 0),
    "tombstones": (bytes(batch(0, [None, b"a", None])), [], 0),
    "an aborted transaction": (
        bytes(
            batch(0, [b"gone"], producer=7, transactional=True)
            + batch(1, [b"kept"])
            + control(2, ABORT, 7)
            + batch(3, [b"kept too"], producer=7, transactional=True)
            + control(4, COMMIT, 7)
        ),
        [(7, 0)],
        0,
    ),
}


def read(log: bytes, aborted: list[tuple[int, int]], start: int, *, whole: bool) -> tuple[list[Any], int]:
    """Return the records and the position after them, as `getmany` would take them."""
    records = PartitionRecords(PARTITION, MemoryRecords(log), aborted, start, None, None, True, READ_COMMITTED)
    state = SimpleNamespace(paused=False, position=start)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    fetched = FetchResult(PARTITION, assignment=assignment, partition_records=records, backoff=0)
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict()))
    if whole:
        assert record_batches.read_batches(consumer)
    consumer._fetcher._records[PARTITION] = fetched
    return consumer._fetcher._records[PARTITION].getall(), state.position


@pytest.mark.parametrize("name", LOGS)
def test_the_same_records(name: str) -> None:
    """In all respects that ingest looks at, and the position after them too."""
    stock, after = read(*LOGS[name], whole=False)
    given, after_whole = read(*LOGS[name], whole=True)
    found = [record for records in given for record in records]
    assert after == after_whole
    assert stock
    fields = ("offset", "timestamp", "key", "value")
    assert [[getattr(r, f) for f in fields] for r in found] == [[getattr(r, f) for f in fields] for r in stock]
    assert type(found[0]) is not type(stock[0])


def test_another_version_reads_the_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """An aiokafka that nobody tried is left alone."""
    monkeypatch.setattr("aiokafka.__version__", "9.0")
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict()))
    assert not record_batches.read_batches(consumer)
    assert type(consumer._fetcher._records) is OrderedDict


def test_a_changed_inside_reads_the_usual_way() -> None:
    """Where the private attribute is not what it was, nothing is touched."""
    assert not record_batches.read_batches(SimpleNamespace(_fetcher=SimpleNamespace(_records={})))
    assert not record_batches.read_batches(SimpleNamespace())
