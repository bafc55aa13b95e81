"""Bounds the headers of records before objects are made of them: 3 KB of zstd can hold 16 million empty ones.

aiokafka makes a pair of each header, some 75 bytes of two bytes in the batch, for a whole record at once. To count the
headers of each record before costs as much as all else about it. So most batches are only measured by how many of their
bytes are small: a short header has two such bytes, its sizes, and text has none. Where they are many, or the batch is
large, the headers of each record are counted before it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

MOST_HEADERS: Final = 1_000
"""Headers of one record."""

BYTES_A_HEADER: Final = 16
"""A batch has at most `MOST_HEADERS`, and one for each of these of its bytes when decompressed."""

ALWAYS_COUNTED: Final = 4 * 1_048_576
"""A batch that is larger when decompressed is always counted: a part of it could be headers."""

_MOST_SMALL: Final = 8  # one byte in as many
_SMALL: Final = bytes(range(32))  # as a size: up to 15 bytes
_LONGEST_SHIFT: Final = 63


class TooManyHeadersError(Exception):
    """A record has too many headers; the message states how many."""


def counted(data: bytes, records: Iterator[Any]) -> Iterator[Any]:
    """These records, which are read from `data` as they are asked for: each only if its headers are not too many.

    It and the functions below raise TooManyHeadersError, or IndexError or ValueError for what is no record.
    """
    if len(data) <= ALWAYS_COUNTED and len(data) - len(data.translate(None, _SMALL)) <= len(data) // _MOST_SMALL:
        return records
    return (record for _, record in zip(_count(data), records, strict=False))


def check(number: int, most: int = MOST_HEADERS) -> None:
    """Refuse too many headers."""
    if number > most:
        raise TooManyHeadersError(f"{number:,} headers, and {most:,} are allowed")


def _count(data: bytes) -> Iterator[None]:
    """Check each record before its turn. The record before has been read then, so its size is right."""
    left = MOST_HEADERS + len(data) // BYTES_A_HEADER
    at = 0
    while at < len(data):
        size, begin = _number(data, at)
        at = begin
        for _ in range(3):  # attributes, and the differences of time and offset
            _, at = _number(data, at)
        for _ in range(2):  # key and value
            length, at = _number(data, at)
            at += max(0, _signed(length))
        number, at = _number(data, at)
        check(_signed(number), min(left, MOST_HEADERS))
        left -= _signed(number)
        yield
        at = begin + _signed(size)
    while True:  # aiokafka ends, or finds the error
        yield


def _signed(number: int) -> int:
    return number >> 1 if not number & 1 else -(number >> 1) - 1


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, not yet signed, and the place after it."""
    number = shift = 0
    while (byte := data[at]) > 0x7F:
        if shift >= _LONGEST_SHIFT:
            raise ValueError("a number of more than 64 bits")
        number |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    return number | byte << shift, at + 1
