"""Rollouts that belong into another journal partition; test_recovery.py has what a judge does about them."""

from __future__ import annotations

from streams.judge.fold import Fold
from streams.judge.misplaced import misplaced, of_fold
from streams.judge.rollout import JudgedRollout


def test_where_a_rollout_belongs() -> None:
    """Its partition follows from its name and the number in use; without a number there is nothing to compare."""
    assert misplaced([("checkout-v2", 2)], 3) == misplaced([("checkout-v2", 7)], None) == ""
    assert "rollout checkout-v2 is in partition 0 and belongs into another of 3" in misplaced([("checkout-v2", 0)], 3)


def test_a_rollout_without_a_policy() -> None:
    """Of a fold, only rollouts that run."""
    fold = Fold(3)
    fold.rollouts["r"] = JudgedRollout()
    assert [*of_fold(fold)] == []
