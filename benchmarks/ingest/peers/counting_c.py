"""A prototype in C that reads, decodes and counts (columns.c): the speed that ingest could have with C in it.

It does the most expensive work of ingest; chunks, flushes, the journal and commits are left out. Only the
benchmarks use it.
"""

from __future__ import annotations

import asyncio
import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka.consumer import fetcher

from benchmarks.ingest.peers import raw_aiokafka
from benchmarks.ingest.peers.task import Task
from gates.panes import CLASSES
from gates.stats.histogram import BUCKETS, bucket_indices

SOURCE = Path(__file__).with_name("columns.c")
LANES = len(CLASSES)
_MOST = 1 << 16  # events and values of one fetch
_SLOTS = 1 << 15  # of the table of cells


class _Columns(ctypes.Structure):
    _fields_ = (
        ("where", ctypes.c_void_p),
        ("latency", ctypes.c_void_p),
        ("left", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("events", "values_left", "cells", "newest", "most")),
        ("table", ctypes.c_void_p),
        ("slots", ctypes.c_int64),
    )


def compiler() -> str | None:
    """The C compiler of this machine, if there is one."""
    return shutil.which("cc") or shutil.which("gcc")


class Counting:
    """Counts the events of fetches: requests by cell and class, latencies by cell and bucket (0.8% wide)."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as folder:
            library = Path(folder) / "columns.so"
            words = [str(compiler()), "-O2", "-march=native", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
            subprocess.run(words, check=True)  # noqa: S603
            self._fetched = ctypes.CDLL(str(library)).fetched
        self._fetched.restype = ctypes.c_int64
        self._where = np.zeros(_MOST, dtype=np.int64)
        self._latency = np.zeros(_MOST)
        self._left = np.zeros(2 * _MOST, dtype=np.int64)
        self._table = ctypes.create_string_buffer(_SLOTS * 288)
        places = (column.ctypes.data for column in (self._where, self._latency, self._left))
        self._columns = _Columns(*places, 0, 0, 0, 0, _MOST, ctypes.addressof(self._table), _SLOTS)
        self.requests = np.zeros((0, LANES), dtype=np.int64)
        self.latencies: dict[int, int] = {}

    def take(self, fetched: bytes, since: int) -> tuple[int, int, list[bytes]]:
        """Count a fetch from offset `since`; returns the next offset, how many events, and the values left to Python.

        Raises:
            ValueError: it holds batches that are compressed, corrupt or of another version.
        """
        into = self._columns
        into.events = into.values_left = 0
        following = self._fetched(ctypes.byref(into), fetched, ctypes.c_int64(len(fetched)), ctypes.c_int64(since))
        if following < 0:
            raise ValueError("a batch that is compressed, corrupt or of another version")
        self._sum(self._where[: into.events], self._latency[: into.events])
        left = self._left[: 2 * into.values_left].reshape(-1, 2).tolist()
        return following, into.events, [fetched[begin : begin + size] for begin, size in left if size >= 0]

    def _sum(self, where: Any, latency: Any) -> None:
        requests = np.bincount(where, minlength=self._columns.cells * LANES).reshape(-1, LANES)
        requests[: len(self.requests)] += self.requests
        self.requests = requests
        places = where // LANES * BUCKETS + bucket_indices(latency / 1000.0)
        for place, number in zip(*(each.tolist() for each in np.unique(places, return_counts=True)), strict=True):
            self.latencies[place] = self.latencies.get(place, 0) + number


def main(task: Task) -> None:
    """Count all events of the topic."""
    counting = Counting()

    class Whole(bytes):
        """A fetch as it was received; aiokafka would split it into batches."""

        def has_next(self) -> bool:
            return len(self) > 0

    class Counted(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
        def _unpack_records(self) -> Iterator[list[None]]:
            reading: Any = self
            reading.next_fetch_offset, events, left = counting.take(reading._records, reading.next_fetch_offset)
            if left:
                sys.exit(f"{len(left)} values are not plain, the first is {left[0][:200]!r}")
            yield [None] * (events // task.per_message)

    class Result(fetcher.FetchResult):  # type: ignore[misc]
        def getall(self, max_records: int | None = None) -> list[None]:
            fetches: list[list[None]] = super().getall(max_records)
            return [message for messages in fetches for message in messages]

    fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult = Whole, Counted, Result
    asyncio.run(raw_aiokafka.main(task, most=None))


if __name__ == "__main__":
    main(Task.given())
