"""The task of the peers: requests, errors and latency percentiles of each pair and second.

A cell is a list, so that any store can keep it: requests, errors, and how many latencies fell in each bucket. The
buckets are 16 to an octave from 1/16 ms up, so percentiles are right to 4.4 %; Sluicegate's are to 0.8 %.
"""

from __future__ import annotations

from math import log2
from typing import Any

import msgspec

PERCENTILES = (0.5, 0.95, 0.99)
_OCTAVE = 16
_LOWEST = 1 / 16
_BUCKETS = 22 * _OCTAVE  # up to 262 s

Cell = list[Any]


class Event(msgspec.Struct, gc=False):
    """The fields that the task needs; the decoder skips the others."""

    ts: int
    rollout: str
    cohort: str
    status: int
    latency_ms: float


decode = msgspec.json.Decoder(Event).decode


def decode_lines(value: bytes) -> list[Event]:
    """The events of a message."""
    return [decode(line) for line in value.split(b"\n")]


def new_cell() -> Cell:
    """A cell without requests."""
    return [0, 0, {}]


def add(cell: Cell, status: int, latency_ms: float) -> None:
    """Count one request."""
    cell[0] += 1
    if status >= 500:
        cell[1] += 1
    bucket = bucket_of(latency_ms)
    buckets = cell[2]
    buckets[bucket] = buckets.get(bucket, 0) + 1


def bucket_of(latency_ms: float) -> str:
    """The bucket's number as text, because keys are text in JSON.

    >>> bucket_of(0.0), bucket_of(1.0), bucket_of(1e9)
    ('0', '64', '351')
    """
    if latency_ms <= _LOWEST:
        return "0"
    return _NAMES[min(int(log2(latency_ms / _LOWEST) * _OCTAVE), _BUCKETS - 1)]


_NAMES = [str(number) for number in range(_BUCKETS)]


def summary(cell: Cell) -> dict[str, float]:
    """The published summary of a cell, once its second is over.

    >>> cell = new_cell()
    >>> for status, latency_ms in ((200, 10.0), (200, 10.1), (503, 100.0)):
    ...     add(cell, status, latency_ms)
    >>> {name: round(value, 1) for name, value in summary(cell).items()}
    {'requests': 3, 'error_rate': 0.3, 'p50': 10.2, 'p95': 100.9, 'p99': 100.9}
    """
    requests, errors, buckets = cell
    ordered = sorted((int(name), number) for name, number in buckets.items())
    found = {"requests": requests, "error_rate": errors / requests}
    for share in PERCENTILES:
        rank = share * requests
        seen = 0
        for bucket, number in ordered:
            seen += number
            if seen >= rank:
                found[f"p{round(share * 100)}"] = _LOWEST * 2 ** ((bucket + 0.5) / _OCTAVE)
                break
    return found
