"""Decompresses record batches up to a limit: 18 KB of zstd can hold more than a gigabyte.

aiokafka decompresses a batch whole. Brokers do not bound what comes out: `max.message.bytes` is about the compressed
batch. Here the output goes into a buffer of a fixed size, or is asked for piece by piece, and no more than the limit is
ever written. Private parts of aiokafka are in `private_aiokafka`.
"""

from __future__ import annotations

import mmap
import threading
import zlib
from collections.abc import Callable
from typing import Any, Final

import cramjam

LARGEST_BATCH: Final = 32 * 1_048_576
"""Bytes of the records of a batch, decompressed. A topic takes 4 MiB compressed, and JSON shrinks by 5 to 10."""

LARGEST_SNAPSHOTS: Final = 65 * 1_048_576
"""The same for snapshots, of which only the judge writes."""

_KEPT: Final = 4 * 1_048_576  # a buffer that was used beyond it gives its memory back
_GZIP: Final = 31  # what zlib calls gzip with the largest window
_PIECE: Final = 65_536
_MOST_MEMBERS: Final = 1_000
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16


class BatchTooLargeError(Exception):
    """A batch has more than the limit when decompressed."""


class _Buffer:
    """Where output goes. Memory is used only as far as there was output, since pages that nobody wrote do not exist."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages = mmap.mmap(-1, LARGEST_SNAPSHOTS)

    def fill(self, decompress_into: Callable[[Any, Any], int], data: bytes, limit: int) -> bytes:
        """The output of this function, which writes to the buffer that it is given."""
        with self._lock, memoryview(self._pages) as whole, whole[:limit] as part:
            try:
                size = decompress_into(data, part)
                return bytes(part[:size])
            except cramjam.DecompressionError as error:
                size = limit
                # The limit reached is the only error of writing to memory; every other is one of the data.
                if "write whole buffer" in str(error) or "too small" in str(error):
                    raise BatchTooLargeError from error
                raise
            finally:
                if size > _KEPT:
                    self._pages = mmap.mmap(-1, LARGEST_SNAPSHOTS)


_buffer: Final = _Buffer()


def unzstd(data: bytes, limit: int) -> bytes:
    """What zstd compressed.

    Raises:
        BatchTooLargeError: it is more than `limit` bytes. So it is with the other codecs.
    """
    return _buffer.fill(cramjam.zstd.decompress_into, data, limit)


def unlz4(data: bytes, limit: int) -> bytes:
    """What LZ4 compressed, as a frame."""
    return _buffer.fill(cramjam.lz4.decompress_into, data, limit)


def ungzip(data: bytes, limit: int) -> bytes:
    """What gzip compressed, of one member or more.

    Raises:
        BatchTooLargeError: it is more than `limit` bytes.
        ValueError: it has too many members, each of which costs as much as some KB.
    """
    out, at, whole = bytearray(), 0, memoryview(data)
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            piece = whole[at : at + _PIECE]
            if not piece:
                raise EOFError("the gzip data ends early")
            out += member.decompress(piece, limit - len(out) + 1)
            if len(out) > limit:
                raise BatchTooLargeError
            at += len(piece) - len(member.unused_data)  # a copy of what is left of the piece, not of all the data
        at = _after_padding(data, at)
        if at == len(data):
            return bytes(out)
    raise ValueError(f"more than {_MOST_MEMBERS:,} gzip members")


def _after_padding(data: bytes, at: int) -> int:
    """The place of the next byte that is not 0: gzip itself takes zeros between members."""
    while at < len(data):
        piece = data[at : at + _PIECE]
        if rest := piece.lstrip(b"\x00"):
            return at + len(piece) - len(rest)
        at += len(piece)
    return at


def unsnappy(data: bytes, limit: int) -> bytes:
    """What snappy compressed, alone or in the blocks of snappy-java. Each block begins with its size."""
    if not data.startswith(_XERIAL):
        return _snappy_block(data, limit)
    out, at = bytearray(), _XERIAL_HEADER
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        out += _snappy_block(data[at + 4 : at + 4 + size], limit - len(out))
        at += 4 + size
    return bytes(out)


def _snappy_block(data: bytes, limit: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(data) > limit:
        raise BatchTooLargeError
    return bytes(cramjam.snappy.decompress_raw(data))


DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": ungzip,
    "snappy": unsnappy,
    "lz4": unlz4,
    "zstd": unzstd,
}
"""The functions by the names of Kafka's codecs."""
