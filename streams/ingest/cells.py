"""Which cell of a chunk an event counts in, and how many cells a chunk can have. Pure.

The limits bound the memory of a worker and the size of a version, whatever producers send. The log decides which names
come first, so every worker keeps the same ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

from connectors.decoders import CLASS_INDEX, RequestEvent, Unreadable, result_of
from gates.panes import CLASSES
from gates.statuses import CLASS_OF, GRPC
from streams.cells import CELL_MS, CellKey

MOST_ROLLOUTS: Final = 10_000
"""Rollouts of one chunk; events of others are refused, and counted together for all rollouts."""
MOST_COHORTS: Final = 16
"""Cohorts of one rollout in a chunk; events of others count in the cohort ""."""
MOST_REFUSED = 16
"""Further cohorts of one rollout in a chunk whose missing events are counted by name; those of others count as ""."""
MOST_CELLS: Final = 2_048
"""Cells of one rollout in a chunk; events of others are refused. They bound the judge's memory, `streams.ingest.sizes`
the bytes of a version."""
FULL_CELLS: Final = MOST_CELLS // 2
"""Cells of one rollout at which a chunk ends, so that a backfill is counted in pieces: only a message with events of
more than a thousand seconds can have events refused."""
MOST_UNREADABLE_ROLLOUTS: Final = 1_000
MOST_UNREADABLE_CELLS: Final = 256
"""Rollouts of a chunk, and cells of a rollout, beyond the above that only unreadable events open. They have room of
their own, because what cannot be read must not decide where good events count."""
MOST_REMEMBERED: Final = 1 << 17
"""Combinations of parts whose slot is remembered; others are looked up step by step, which takes longer."""

EXACT: Final = tuple(CLASS_OF)
"""The codes of the statuses that are counted one by one: each has a slot of its own behind those of the classes."""
SLOTS_PER_CELL: Final = len(CLASSES) + len(EXACT)

OUTCOME_OF_SLOT: Final = (*range(len(CLASSES)), *EXACT)
"""The outcome by slot within a cell, as `gates.groups` counts it."""

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
    """The cells of one rollout: their numbers by key, and the cohorts that have cells of their own.

    `refused` counts, by cohort, users' requests that are in no cell of their cohort. The cells of `_spare` and the
    cohorts of `_unreadable` have only unreadable events so far.
    """

    __slots__ = ("_cohorts", "_spare", "_unreadable", "numbers", "refused")

    def __init__(self) -> None:
        self.numbers: dict[CellKey, int] = {}
        self.refused: Counter[str] = Counter()
        self._cohorts: set[str] = set()
        self._unreadable: set[str] = set()
        self._spare: set[CellKey] = set()

    def allowed(self, cohort: str, start: int, synthetic: bool) -> CellKey | None:
        """The key of the cell to count in; without room for the cohort that of the cohort ""; None without any room."""
        if cohort not in self._cohorts:
            if cohort and len(self._cohorts) < MOST_COHORTS:
                self._cohorts.add(cohort)
            else:
                cohort = ""
        key = cohort, start, synthetic
        if key not in self.numbers or key in self._spare:
            if len(self.numbers) - len(self._spare) >= MOST_CELLS:
                return None
            self._spare.discard(key)
        return key

    def allowed_unreadable(self, key: CellKey) -> bool:
        """Whether an unreadable event can count in this cell."""
        if key in self.numbers:
            return True
        # Events without a cohort take no name from others.
        if key[0] and key[0] not in self._cohorts | self._unreadable:
            # Once requests were refused under no name, these may be among them: then it gets no name any more.
            if len(self._unreadable) >= MOST_COHORTS or "" in self.refused:
                return False
            self._unreadable.add(key[0])
        if len(self._spare) >= MOST_UNREADABLE_CELLS:
            return False
        self._spare.add(key)
        return True

    def refuse(self, cohort: str) -> None:
        """Count a request that has no room. A cohort with a cell always counts by its name.

        So "" stands for none of those, except where the event's own cohort cannot be read.
        """
        named = cohort in self._cohorts or cohort in self._unreadable or cohort in self.refused
        if not named and len(self.refused) >= 2 * MOST_COHORTS + MOST_REFUSED:
            cohort = ""
        self.refused[cohort] += 1


class ChunkCells:
    """The cells of one chunk. They are numbered 0, 1, 2, ... in the order in which the log needs them.

    `unplaced` counts the events of rollouts for which there was no room.
    """

    def __init__(self) -> None:
        self.unplaced = 0
        self._most = 0  # cells of the rollout that has the most
        self.numbered: list[ChunkCell] = []
        self._rollouts: dict[str, _RolloutCells] = {}
        self._slots: dict[CellParts, int] = {}
        self._refusing: set[str] = set()
        self._unreadable: set[str] = set()  # rollouts that have only unreadable events so far

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
                        e.outcome
                        or (
                            e.status
                            if e.grpc_status is None
                            else GRPC + e.grpc_status
                            if e.grpc_status or e.status is None
                            else result_of(e)
                        ),
                    )
                )
                for e in events
            ]
        if None not in slots:  # most runs: each event is in a cell that is open
            return cast("list[int]", slots), events
        found = [(self._find_slot(e) if slot is None else slot, e) for slot, e in zip(slots, events, strict=True)]
        placed = [(slot, event) for slot, event in found if slot is not None]
        return [slot for slot, _ in placed], [event for _, event in placed]

    def nearly_full(self, events: int) -> bool:
        """Whether one rollout could have `FULL_CELLS` after this number of further events."""
        return self._most + events >= FULL_CELLS

    def numbers_of(self, rollout: str) -> Iterable[int]:
        """The numbers of a rollout's cells, in the order in which they were opened."""
        return self._rollouts[rollout].numbers.values()

    def place_unreadable(self, found: Unreadable, time: int | None) -> int | None:
        """The number of the cell to count an unreadable event in, by its time; None if it is refused."""
        rollout = self._rollouts.get(found.rollout)
        if rollout is None:
            if len(self._unreadable) >= MOST_UNREADABLE_ROLLOUTS:
                self.unplaced += 1
                return None
            self._unreadable.add(found.rollout)
            rollout = self._rollouts[found.rollout] = _RolloutCells()
        if time is not None:
            key = (found.cohort, time - time % CELL_MS, found.synthetic)
            if rollout.allowed_unreadable(key):
                return self._number(found.rollout, rollout, key)
        if not found.synthetic:
            self._refuse(found.rollout, rollout, found.cohort)
        return None

    def refuse(self, event: RequestEvent) -> None:
        """Count an event that is in no cell: a user's request is missing from its cohort."""
        rollout = self._opened(event.rollout)
        if rollout is not None and not (event.synthetic or event.heartbeat):
            self._refuse(event.rollout, rollout, event.cohort)

    def refused_of(self, rollout: str) -> dict[str, int]:
        """How many users' requests of a rollout are in no cell of their cohort, by cohort."""
        return dict(self._rollouts[rollout].refused)

    def drain_refusing(self) -> set[str]:
        """The rollouts that have refused something since the last call."""
        refusing, self._refusing = self._refusing, set()
        return refusing

    def _opened(self, name: str) -> _RolloutCells | None:
        """The cells of a rollout, for one more event; None if there is no room for another rollout."""
        if name not in self._rollouts or name in self._unreadable:
            if len(self._rollouts) - len(self._unreadable) >= MOST_ROLLOUTS:
                self.unplaced += 1
                return None
            self._unreadable.discard(name)
        return self._rollouts.setdefault(name, _RolloutCells())

    def _number(self, name: str, rollout: _RolloutCells, key: CellKey) -> int:
        if key not in rollout.numbers:
            rollout.numbers[key] = len(self.numbered)
            self.numbered.append(ChunkCell(name, key))
            self._most = max(self._most, len(rollout.numbers))
        return rollout.numbers[key]

    def _refuse(self, name: str, rollout: _RolloutCells, cohort: str) -> None:
        rollout.refuse(cohort)
        self._refusing.add(name)

    def _find_slot(self, event: RequestEvent) -> int | None:
        result = result_of(event)
        parts = (event.rollout, event.cohort, event.ts_ms // CELL_MS, event.synthetic, result)
        if parts in self._slots:  # an event before this one in the same run has opened it
            return self._slots[parts]
        rollout = self._opened(event.rollout)
        if rollout is None:
            return None
        own = (event.cohort, event.ts_ms - event.ts_ms % CELL_MS, event.synthetic is True)
        key = rollout.allowed(*own)
        if key != own and event.cohort and not (event.synthetic or event.heartbeat):
            self._refuse(event.rollout, rollout, event.cohort)
        if key is None:
            return None
        slot = slot_of(self._number(event.rollout, rollout, key), result)
        # Cohorts without a cell of their own are not remembered: there can be one in every event.
        if key == own and len(self._slots) < MOST_REMEMBERED:
            self._slots[parts] = slot
        return slot
