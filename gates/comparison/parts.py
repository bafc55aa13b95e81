"""Parts of a cohort that must agree: where users are known, one half of them alone decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gates.panes import CLASS_POSITION, CLASSES, NO_DETAIL, Cell
from gates.statuses import CODES

CARRYING = 0.9
"""The share of the candidate's events in a stage that must carry a user, before its halves must agree."""

USER = "user"


class CandidateParts:
    """Bad events and all events by half of the users; `outcomes` are those that are bad, empty: no parts."""

    def __init__(self, outcomes: Sequence[str | int] = ()) -> None:
        self._known = bool(outcomes)
        self._positions = [CLASS_POSITION[word] for word in outcomes if word in CLASS_POSITION]
        self._codes = [CODES[word] for word in outcomes if word in CODES]
        self._carrying = self._events = 0
        self._seen: set[str] = set()

    def of_candidate(self, cell: Cell) -> dict[str, tuple[float, int]] | None:
        """The candidate's halves in one pane; None where they need not agree."""
        halves = self._halves(cell)
        self._events += cell.requests
        self._carrying += sum(events for _, events in halves.values())
        self._seen.update(name for name, (_, events) in halves.items() if events)
        agreeing = len(self._seen) == len(halves) > 0 and self._carrying >= CARRYING * self._events
        return halves if agreeing else None

    def of_baseline(self, cell: Cell) -> Mapping[str, Mapping[str, tuple[float, int]]]:
        """The baseline's parts by kind, for measuring how bad events hang together."""
        halves = self._halves(cell)
        return {USER: halves} if halves else {}

    def _halves(self, cell: Cell) -> dict[str, tuple[float, int]]:
        if not self._known or cell.detail is NO_DETAIL or not any(cell.detail.halves):
            return {}
        counts, statuses, size = cell.detail.halves, cell.detail.statuses, len(CLASSES)
        found: dict[str, tuple[float, int]] = {}
        for half, part in enumerate((counts[:size], counts[size:])):
            exact = sum(statuses.get(2 * code + half, 0) for code in self._codes)
            found[f"{USER} {half + 1} of 2"] = (exact + sum(part[position] for position in self._positions), sum(part))
        return found

    def enter_stage(self) -> None:
        """Start again to count how many events carry a user."""
        self._carrying = self._events = 0
        self._seen = set()

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [self._carrying, self._events, sorted(self._seen)]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._carrying, self._events, seen = state
        self._seen = set(seen)
