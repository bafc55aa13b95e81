"""Decompressing up to a limit: what fits is what was compressed, and beyond it nothing is spent."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec

from connectors.kafka.decompression import DECODERS, BatchTooLargeError

ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", codec.gzip_encode),
    "gzip in two members": ("gzip", lambda data: gzip.compress(data[:10]) + gzip.compress(data[10:]) + bytes(3)),
    "snappy of Java": ("snappy", codec.snappy_encode),
    "snappy": ("snappy", lambda data: bytes(codec.snappy_encode(data, xerial_compatible=False))),
    "lz4": ("lz4", codec.lz4_encode),
    "zstd": ("zstd", codec.zstd_encode),
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [1, 70_000, 6_000_000])
def test_what_fits_is_what_was_compressed(name: str, size: int) -> None:
    """Up to the limit itself; one byte more is refused."""
    kind, encode = ENCODERS[name]
    data = random.Random(size).randbytes(size // 2) * 2 + b"x"
    compressed = encode(data)
    assert DECODERS[kind](compressed, len(data)) == data
    with pytest.raises(BatchTooLargeError):
        DECODERS[kind](compressed, len(data) - 1)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_cut_off_is_an_error_of_the_data(name: str) -> None:
    """It is not taken for one that is too large."""
    kind, encode = ENCODERS[name]
    with pytest.raises((cramjam.DecompressionError, EOFError)):
        DECODERS[kind](encode(random.Random(1).randbytes(70_000))[:-30], 100_000)


def test_gzip_of_very_many_members_is_refused() -> None:
    """Each costs as much as kilobytes, and 170,000 fit into a message. Some are read, and padding of any length."""
    member = gzip.compress(b"x")
    assert DECODERS["gzip"](member * 1_000 + bytes(200_000), 1_000) == b"x" * 1_000
    with pytest.raises(ValueError, match="more than 1,000 gzip members"):
        DECODERS["gzip"](member * 1_001, 2_000)


BOUNDED = """
import resource, sys
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from aiokafka.consumer import fetcher
from connectors.kafka.bounded_batches import bound_batches
from tests.bombs import a_bomb

log = a_bomb(1_024, sys.argv[1]) if sys.argv[1] != "snappy" else a_bomb(128, "snappy")
if "bounded" in sys.argv:
    assert bound_batches()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 1_048_576,) * 2)
records = fetcher.PartitionRecords(TopicPartition("t", 0), MemoryRecords(log), [], 0, None, None, True, READ_COMMITTED)
(instead,) = records
assert b"oversized_batch" in instead.value
assert records.next_fetch_offset == 1
print("went on after", len(log), "bytes")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit of memory")
@pytest.mark.parametrize("kind", DECODERS)
def test_a_bomb_is_skipped_in_little_memory(kind: str) -> None:
    """A gigabyte in some KB, with 200 MiB of memory left: the consumer goes on after it. Without the limit it dies."""
    command = [sys.executable, "-c", BOUNDED, kind]
    ended = subprocess.run([*command, "bounded"], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "went on after" in ended.stdout
    if kind == "zstd":
        assert int(ended.stdout.split()[3]) < 100_000
        assert subprocess.run(command, capture_output=True).returncode != 0
