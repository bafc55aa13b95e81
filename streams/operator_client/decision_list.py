"""The decisions of one rollout in the order in which they were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

MOST_DECISIONS = 1_000
"""Decisions kept per rollout, the latest ones; `gate-decisions` has 90 days of them."""


class DecisionList:
    """Decisions, added in any order: a rollout's may be in several partitions, which are read in any order."""

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[int, int, Document]] = {}

    def add(self, decision: Document) -> None:
        """Add a decision; one may be published again, with the same id and bytes.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        place = int(decision["epoch"]), int(decision["sequence"])
        self._by_id.setdefault(str(decision["id"]), (*place, decision))
        if len(self._by_id) > 2 * MOST_DECISIONS:
            self._by_id = dict(self._ordered()[-MOST_DECISIONS:])

    def latest(self) -> list[Document]:
        """Each once, by epoch and sequence, the oldest first."""
        return [decision for _, (_, _, decision) in self._ordered()[-MOST_DECISIONS:]]

    def _ordered(self) -> list[tuple[str, tuple[int, int, Document]]]:
        return sorted(self._by_id.items(), key=lambda item: item[1][:2])
