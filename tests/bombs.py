"""Record batches that are small and hold very much: made piece by piece, since no test may need that memory itself."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from typing import Any

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.record._crecords.cutil import crc32c_cython
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import encode_varint

MEBIBYTE = 1_048_576
CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def a_bomb(mebibytes: int, codec: str = "zstd", *, base: int = 0, timestamp: int = 1_767_225_600_000) -> bytes:
    """Return a record batch with one record, whose value is this many MiB of zeros."""
    size = mebibytes * MEBIBYTE
    record = bytearray()
    for number in (0, 0, 0, 1):  # attributes, deltas of time and offset, the size of the key
        encode_varint(number, record.append)
    record += b"k"  # compacted topics take no record without a key
    encode_varint(size, record.append)
    length = bytearray()
    encode_varint(len(record) + size + 1, length.append)
    pieces = [bytes(length + record), *[bytes(MEBIBYTE)] * mebibytes, b"\x00"]  # at the end: no headers
    return in_a_batch(_COMPRESSORS[codec](pieces), codec, base=base, timestamp=timestamp)


def number(value: int) -> bytes:
    """Return an integer as records have it."""
    out = bytearray()
    encode_varint(value, out.append)
    return bytes(out)


def a_record(
    offset: int, headers: int = 0, *, value: bytes = b"{}", header: bytes = b"\x00\x01", more: int = 0
) -> bytes:
    """Return a record with as many of this header; it lacks `more` bytes of its size."""
    fields = b"\x00\x00" + number(offset) + number(1) + b"k" + number(len(value)) + value
    size = len(fields) + len(number(headers)) + len(header) * headers
    return number(size - more) + fields + number(headers) + header * headers


def of_records(records: bytes, count: int = 1, *, codec: str = "zstd", base: int = 0) -> bytes:
    """Return a batch of these records."""
    return in_a_batch(_COMPRESSORS[codec]([records]), codec, base=base, count=count)


def in_a_batch(
    compressed: bytes, codec: str, *, base: int = 0, timestamp: int = 1_767_225_600_000, count: int = 1
) -> bytes:
    """Return a batch of as many records, with these compressed records."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000)
    builder.append(0, timestamp=timestamp, key=None, value=b"", headers=[])
    batch = bytearray(builder.build()[:61]) + compressed
    batch[0:8] = base.to_bytes(8, "big")
    batch[8:12] = (len(batch) - 12).to_bytes(4, "big")
    batch[22] = CODECS[codec]
    batch[23:27] = (count - 1).to_bytes(4, "big")
    batch[57:61] = count.to_bytes(4, "big")
    batch[17:21] = int(crc32c_cython(bytes(batch[21:]))).to_bytes(4, "big")
    return bytes(batch)


async def send_batch(producer: AIOKafkaProducer, topic: str, batch: bytes, *, partition: int) -> Any:
    """Send a batch as it is, and wait for its ack."""
    builder = producer.create_batch()
    builder.append(timestamp=None, key=None, value=b"", headers=[])
    builder.close()
    builder._buffer = bytearray(batch)
    return await (await producer.send_batch(builder, topic, partition=partition))


def _gzip(pieces: list[bytes]) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as zipped:
        for piece in pieces:
            zipped.write(piece)
    return out.getvalue()


def _streamed(compressor: Any) -> Callable[[list[bytes]], bytes]:
    def compress(pieces: list[bytes]) -> bytes:
        stream, out = compressor(), b""
        for piece in pieces:
            stream.compress(piece)
            out += bytes(stream.flush())
        return out + bytes(stream.finish())

    return compress


def _snappy(pieces: list[bytes]) -> bytes:
    out = b"\x82SNAPPY\x00" + (1).to_bytes(4, "big") * 2
    for piece in pieces:
        block = bytes(cramjam.snappy.compress_raw(piece))
        out += len(block).to_bytes(4, "big") + block
    return out


_COMPRESSORS: dict[str, Callable[[list[bytes]], bytes]] = {
    "gzip": _gzip,
    "snappy": _snappy,
    "lz4": _streamed(cramjam.lz4.Compressor),
    "zstd": _streamed(cramjam.zstd.Compressor),
}
