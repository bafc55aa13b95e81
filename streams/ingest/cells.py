"""Which cell of a chunk an event counts in, and how many cells a chunk can have. Pure.

The limits bound the memory of a worker and the size of a version, whatever producers send. The log decides which names
come first, so every worker keeps the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

from connectors.decoders import CLASS_INDEX, RequestEvent
from gates.panes import CLASSES
from streams.journal import CELL_MS, CellKey

MOST_ROLLOUTS: Final = 10_000
"""Rollouts of one chunk; events of others are refused."""
MOST_COHORTS: Final = 16
"""Cohorts of one rollout in a chunk; events of others count in the cohort ""."""
MOST_CELLS: Final = 2_048
"""Cells of one rollout in a chunk; events of others are refused. A version with many more would not fit into the
journal, and would stop ingest."""
MOST_REMEMBERED: Final = 1 << 17
"""Combinations of parts whose slot is remembered; others are looked up step by step, which takes longer."""

SLOTS_PER_CELL: Final = len(CLASSES)

CellParts = tuple[str, str, int, bool | None, str | int | None]
"""The parts of an event that decide where it counts: rollout, cohort, second since the epoch, synthetic, outcome."""


class ChunkCell(NamedTuple):
    """One cell of a chunk."""

    rollout: str
    key: CellKey


def slot_of(cell: int, outcome: str | int | None) -> int:
    """The slot of an event in the cell of this number, by its outcome or status (a heartbeat may have neither).

    >>> slot_of(2, 503), slot_of(2, "ok")
    (18, 19)
    """
    return cell * SLOTS_PER_CELL + CLASS_INDEX.get(outcome, 0)


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
        slots = [
            remembered((e.rollout, e.cohort, e.ts_ms // CELL_MS, e.synthetic, e.outcome or e.status)) for e in events
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
        outcome = event.outcome or event.status
        parts = (event.rollout, event.cohort, event.ts_ms // CELL_MS, event.synthetic, outcome)
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
        slot = slot_of(rollout.numbers[key], outcome)
        # Cohorts without a cell of their own are not remembered: there can be one in every event.
        if key == own and len(self._slots) < MOST_REMEMBERED:
            self._slots[parts] = slot
        return slot
