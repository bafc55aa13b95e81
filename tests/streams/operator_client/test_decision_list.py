"""A rollout's decisions in the order in which they were made."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from streams.operator_client.decision_list import MOST_DECISIONS, DecisionList


def a_decision(epoch: int, sequence: int) -> dict[str, Any]:
    """Return as much of a decision as counts here."""
    return {"id": f"r:{epoch}:{sequence}", "epoch": epoch, "sequence": sequence}


def test_the_order_of_reading_does_not_count() -> None:
    """Partitions are read in any order."""
    expected = [a_decision(1, 1), a_decision(1, 2), a_decision(2, 1)]
    for order in permutations(expected):
        found = DecisionList()
        for decision in (*order, *order):
            found.add(decision)
        assert found.latest() == expected


def test_only_the_latest_are_kept() -> None:
    """The latest that were made, not those that were read last."""
    found = DecisionList()
    for sequence in reversed(range(2 * MOST_DECISIONS + 5)):
        found.add(a_decision(1, sequence))
    assert [each["sequence"] for each in found.latest()] == [*range(MOST_DECISIONS + 5, 2 * MOST_DECISIONS + 5)]
    assert len(found._by_id) <= 2 * MOST_DECISIONS
