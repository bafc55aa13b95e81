"""Bounds the headers of records before objects are made of them: 3 KB of zstd can hold 16 million empty ones.

aiokafka makes a pair of each header, some 75 bytes of two bytes in the batch, for a whole record at once. To count the
headers of each record before costs more than all else about it. So it is done only where there can be many: a short
header has two small bytes, its sizes, and text has none. A batch is measured by how many of its bytes are small, and a
large one by its longest record too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

MOST_HEADERS: Final = 1_000
"""Headers of one record."""

MOST_RECORDS: Final = 100_000
"""Records of a batch whose headers are counted: it takes longer than all else about them."""

BYTES_A_HEADER: Final = 16
"""A batch has at most `MOST_HEADERS`, and one for each of these of its bytes when decompressed."""

NEVER_COUNTED: Final = 1_048_576
"""A batch of no more bytes, decompressed, takes 40 MB at most, until the first record with too many headers is made."""

MEASURED: Final = 4 * 1_048_576
"""In a batch that is larger, decompressed, the size of each record is looked at. Few small bytes are not enough there:
up to 11 times its bytes could still be taken, which is more than all else about it."""

LONG_RECORD: Final = 1_048_576

_MOST_SMALL: Final = 8  # one byte in as many
_SMALL: Final = bytes(range(32))  # as a size: up to 15 bytes
_LONGEST_SHIFT: Final = 63


class TooManyHeadersError(Exception):
    """A record has too many headers, or a batch too many records; the message states how many."""


def counted(data: bytes, records: Iterator[Any]) -> Iterator[Any]:
    """These records, which are read from `data` as they are asked for: each only if its headers are not too many.

    It and the functions below raise TooManyHeadersError, or IndexError or ValueError for what is no record.
    """
    if _is_suspicious(data):
        return (record for _, record in zip(_count(data), records, strict=False))
    return records


def _is_suspicious(data: bytes) -> bool:
    """Whether there can be very many headers in a record."""
    if len(data) <= NEVER_COUNTED:
        return False
    if len(data) - len(data.translate(None, _SMALL)) > len(data) // _MOST_SMALL:
        return True
    return len(data) > MEASURED and _has_long_record(data)


def _has_long_record(data: bytes) -> bool:
    """Whether a record is long, or not what it seems to be."""
    at = 0
    try:
        while at < len(data):
            size = data[at]
            if size > 0x7F:
                size = size & 0x7F | data[at + 1] << 7
                at += 1
                if data[at] > 0x7F:  # 8 KiB or more
                    size, at = _number(data, at - 1)
                    at -= 1
            if size & 1 or size > LONG_RECORD << 1:
                return True
            at += 1 + (size >> 1)
    except (IndexError, ValueError):
        return True
    return False


def check(number: int, most: int = MOST_HEADERS) -> None:
    """Refuse too many headers."""
    if number > most:
        raise TooManyHeadersError(f"{number:,} headers, and {most:,} are allowed")


def _count(data: bytes) -> Iterator[None]:
    """Check each record before its turn. The record before has been read then, so its size is right."""
    left = MOST_HEADERS + len(data) // BYTES_A_HEADER
    at = before = 0
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
        before += 1
        if before > MOST_RECORDS:
            raise TooManyHeadersError(f"more than {MOST_RECORDS:,} records of few bytes before it")
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
