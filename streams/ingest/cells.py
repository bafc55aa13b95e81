"""Which cell of a chunk an event counts in, and how many cells a chunk can have. Pure.

The limits bound the memory of a worker and the size of a version, whatever producers send. The log decides which names
come first, so every worker keeps the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

from connectors.decoders import CLASS_INDEX, RequestEvent, result_of
from gates.panes import CLASSES
from gates.statuses import CLASS_OF, GRPC
from streams.cells import CELL_MS, CellKey

MOST_ROLLOUTS: Final = 10_000
"""Rollouts of one chunk; events of others are refused."""
MOST_COHORTS: Final = 16
"""Cohorts of one rollout in a chunk; events of others count in the cohort ""."""
MOST_CELLS: Final = 2_048
"""Cells of one rollout in a chunk; events of others are refused. A version with many more would not fit into the
journal, and would stop ingest."""
MOST_REMEMBERED: Final = 1 << 17
"""Combinations of parts whose slot is remembered; others are looked up step by step, which takes longer."""

EXACT: Final = tuple(CLASS_OF)
"""The codes of the statuses that are counted one by one: each has a slot of its own behind those of the classes."""
SLOTS_PER_CELL: Final = len(CLASSES) + len(EXACT)

CLASS_OF_SLOT: Final = (*range(len(CLASSES)), *(CLASSES.index(CLASS_OF[code]) for code in EXACT))
"""The position in `CLASSES` by slot within a cell."""

_SLOT: Final[dict[str | int | None, int]] = {
    **CLASS_INDEX,
    **{code: len(CLASSES) + place for place, code in enumerate(EXACT)},
}
"""The slot within a cell, by what an event counts as."""

CellParts = tuple[str, str, int, bool | None, str | int | None]
"""The parts of an event that decide where it counts: rollout, cohort, second since the epoch, synthetic, result."""


class ChunkCell(NamedTuple):
    """One cell of a chunk."""

    rollout: str
    key: CellKey


def slot_of(cell: int, result: str | int | None) -> int:
    """The slot of an event in the cell of this number, by what it counts as (a heartbeat may have nothing).

    >>> slot_of(0, 200), slot_of(0, "ok"), slot_of(0, 300)
    (1, 5, 7)
    """
    return cell * SLOTS_PER_CELL + _SLOT.get(result, 0)


class _RolloutCells:
    """The cells of one rollout: their numbers by key, and the cohorts that have cells of their own."""

    __slots__ = ("_cohorts", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[CellKey, int] = {}
        self._cohorts: set[str] = set()

    def allowed(self, cohort: str, start: int, synthetic: bool) -> CellKey | None:
        """The key of the cell to count in; without room for the cohort that of the cohort ""; None without any room."""
        if cohort not in self._cohorts:
            if cohort and len(self._cohorts) < MOST_COHORTS:
                self._cohorts.add(cohort)
            else:
                cohort = ""
        key = cohort, start, synthetic
        return key if key in self.numbers or len(self.numbers) < MOST_CELLS else None


class ChunkCells:
    """The cells of one chunk. They are numbered 0, 1, 2, ... in the order in which the log needs them."""

    def __init__(self) -> None:
        self.numbered: list[ChunkCell] = []
        self._rollouts: dict[str, _RolloutCells] = {}
        self._slots: dict[CellParts, int] = {}

    def place(self, events: Sequence[RequestEvent]) -> tuple[list[int], Sequence[RequestEvent]]:
        """The slots of events, opening cells as needed, and the events; without those that there is no room for."""
        remembered = self._slots.get
        if events and not events[0].has_details:  # the usual case: such an event counts as its status
            slots = [remembered((e.rollout, e.cohort, e.ts_ms // CELL_MS, None, e.status)) for e in events]
        else:  # `result_of` written out: a call for each event would cost a hundredth of what counting it does
            slots = [
                remembered(
                    (
                        e.rollout,
                        e.cohort,
                        e.ts_ms // CELL_MS,
                        e.synthetic,
                        e.outcome or (e.status if e.grpc_status is None else GRPC + e.grpc_status),
                    )
                )
                for e in events
            ]
        if None not in slots:  # most runs: each event is in a cell that is open
            return cast("list[int]", slots), events
        found = [(self._find_slot(e) if slot is None else slot, e) for slot, e in zip(slots, events, strict=True)]
        placed = [(slot, event) for slot, event in found if slot is not None]
        return [slot for slot, _ in placed], [event for _, event in placed]

    def numbers_of(self, rollout: str) -> Iterable[int]:
        """The numbers of a rollout's cells, in the order in which they were opened."""
        return self._rollouts[rollout].numbers.values()

    def _find_slot(self, event: RequestEvent) -> int | None:
        result = result_of(event)
        parts = (event.rollout, event.cohort, event.ts_ms // CELL_MS, event.synthetic, result)
        if parts in self._slots:  # an event before this one in the same run has opened it
            return self._slots[parts]
        rollout = self._rollouts.get(event.rollout)
        if rollout is None:
            if len(self._rollouts) >= MOST_ROLLOUTS:
                return None
            rollout = self._rollouts[event.rollout] = _RolloutCells()
        own = (event.cohort, event.ts_ms - event.ts_ms % CELL_MS, event.synthetic is True)
        key = rollout.allowed(*own)
        if key is None:
            return None
        if key not in rollout.numbers:
            rollout.numbers[key] = len(self.numbered)
            self.numbered.append(ChunkCell(event.rollout, key))
        slot = slot_of(rollout.numbers[key], result)
        # Cohorts without a cell of their own are not remembered: there can be one in every event.
        if key == own and len(self._slots) < MOST_REMEMBERED:
            self._slots[parts] = slot
        return slot
