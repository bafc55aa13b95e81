"""How many bytes the versions of a chunk can have, known before they are written. Pure.

A version must fit into a message, so what a chunk counts is bounded by bytes. Encoding after each event would cost more
than counting it. So each event adds the most that it can, and only when these sums are high the cells are encoded. Both
follow from the log alone: every worker ends the chunk after the same record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from connectors.decoders import RequestEvent
from streams.cells import CellRecord
from streams.ingest.cells import ChunkCell

LARGEST_CELLS: Final = 3_670_016
"""Bytes that the cells of a version can have: of the 4 MiB of a message, 512 KiB are left for names, refused and
unreadable events, and the record batch. Compression is not counted on."""

FULL: Final = 2_097_152
"""Bytes of cells of one rollout at which a chunk ends. A chunk below it ends where it always did, so builds from before
this limit cut alike. One message of 1 MiB after that still fits: it adds less than its own size and 2,048 cells."""

STEP: Final = 262_144
"""Bytes that events can add before cells are encoded again, if a chunk is not full: encoding must stay rare."""

_DETAIL: Final = 64  # the lists of details, which an event can add to a cell without any

CELL: Final = 96 + _DETAIL
"""Bytes of a cell without its cohort and what its events add."""

EVENT: Final = 96
"""Bytes that an event adds to a cell at most, without metrics: a digit of each sum, a bucket, an exact status, a user
and an emitter, and their statuses, groups and transactions."""

_METRIC: Final = 26  # a bucket of a metric, without its name

_LONGEST_NAME: Final = 128 * 6 + 2  # characters of a cohort, each escaped

_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=1 << 14)
def encoded_length(name: str) -> int:
    r"""Bytes of a name in JSON.

    >>> encoded_length("a"), encoded_length("\n")
    (3, 4)
    """
    return len(_encode(name))


def cell_growth(cohort: str) -> int:
    """The most bytes that opening a cell adds."""
    return CELL + encoded_length(cohort)


def growth(events: Sequence[RequestEvent]) -> int:
    """The most bytes that events of one class add to cells that are open."""
    has_metrics = events and events[0].has_details
    metrics = sum([_of_metrics(tuple(event.metrics)) for event in events if event.metrics]) if has_metrics else 0
    return len(events) * EVENT + metrics


def full_growth(most: int, events: Sequence[RequestEvent]) -> int:
    """The most bytes that events add if each opens a cell; `most` is their `growth`."""
    return most + sum([cell_growth(event.cohort) for event in events])


def coarse(most: int, events: int) -> int:
    """A quick bound of `full_growth` for this number of events."""
    return most + events * (CELL + _LONGEST_NAME)


@lru_cache(maxsize=1 << 12)
def _of_metrics(names: tuple[str, ...]) -> int:
    return sum([_METRIC + encoded_length(name) for name in names])


class CellSizes:
    """The bytes of a chunk's cells; `cells` are those by number, and grow while this counts.

    No rollout's cells have more bytes than `bound`, which was `measured` when they were encoded last.
    """

    def __init__(self, cells: Sequence[ChunkCell]) -> None:
        self.bound = self.measured = 0
        self._cells = cells
        self._charged = 0  # cells that are in `bound`
        self._changed: set[int] = set()
        self._of_cell: dict[int, int] = {}
        self._of_rollout: dict[str, int] = {}

    def charge(self, most: int) -> None:
        """Add the most bytes that events have added, and the cells that they have opened."""
        opened = self._cells[self._charged :]
        self._charged += len(opened)
        self.bound += most + sum([cell_growth(cell.key[0]) for cell in opened])

    def change(self, cells: Iterable[int]) -> None:
        """These cells have other bytes than when they were encoded."""
        self._changed.update(cells)

    def measure(self, records: Mapping[int, CellRecord]) -> None:
        """Encode the cells that have changed."""
        for number in self._changed:
            record = records[number]
            size = len(_encode(record)) + 1 + (_DETAIL if record.detail is None else 0)
            rollout = self._cells[number].rollout
            self._of_rollout[rollout] = self._of_rollout.get(rollout, 0) + size - self._of_cell.get(number, 0)
            self._of_cell[number] = size
        self._changed.clear()
        self.bound = self.measured = max(self._of_rollout.values(), default=0)
