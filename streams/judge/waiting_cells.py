"""The cells of finished chunks that are not judged yet, with a bound in bytes. Pure.

Whoever may send events decides which seconds and cohorts they name, and each chunk may name others. Without a bound one
rollout's cells could fill the memory of the judge, and its snapshot outgrow a message.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from streams.cells import CellKey, CellRecord

MOST_BYTES: Final = 32 * 1_048_576
"""Bytes that the waiting cells of a rollout may have, encoded: half of the largest snapshot."""

MOST_UNJUDGED_BYTES: Final = 262_144
"""The same of a rollout without a policy: there may be 1,000 of them in a journal partition."""

_encode = msgspec.json.Encoder().encode


class WaitingCells:
    """Cells by key; `size` is the bytes of all as they were added, `latest` no less than the last one's start.

    Sizes are those of the parts as they were added and not of their sums: a restart restores the sums, and must drop
    exactly what a judge without a restart drops.
    """

    def __init__(self) -> None:
        self.size = 0
        self.latest = 0
        self.records: defaultdict[CellKey, list[CellRecord]] = defaultdict(list)
        self._sizes: dict[CellKey, int] = {}

    def add(self, cell: CellRecord, most_bytes: int = MOST_BYTES) -> bool:
        """Add a cell; returns whether there was room."""
        size = len(_encode(cell))
        if self.size + size > most_bytes:
            return False
        self._keep(cell, size)
        return True

    def _keep(self, cell: CellRecord, size: int) -> None:
        key = cell.key
        self.records[key].append(cell)
        self._sizes[key] = self._sizes.get(key, 0) + size
        self.size += size
        self.latest = max(self.latest, cell.start)

    def take_before(self, end: int) -> dict[CellKey, list[CellRecord]]:
        """Remove and return the cells that start before `end`."""
        return {key: self._take(key) for key in [key for key in self.records if key[1] < end]}

    def drop_from(self, start: int) -> list[CellRecord]:
        """Remove and return the records of cells that start at `start` or later."""
        dropped = [cell for key in [key for key in self.records if key[1] >= start] for cell in self._take(key)]
        self.latest = max((key[1] for key in self.records), default=0)
        return dropped

    def _take(self, key: CellKey) -> list[CellRecord]:
        self.size -= self._sizes.pop(key)
        return self.records.pop(key)

    def sizes(self) -> list[int]:
        """The size of each cell, in the order of `records`."""
        return [self._sizes[key] for key in self.records]

    def restore(self, cells: list[CellRecord], sizes: list[int]) -> None:
        """Add cells from a snapshot; those of an older build have no sizes, and are as large as they are."""
        for cell, size in zip(cells, sizes or [len(_encode(cell)) for cell in cells], strict=True):
            self._keep(cell, size)
