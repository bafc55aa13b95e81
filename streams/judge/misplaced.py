"""Rollouts that are in another journal partition than their name gives: the number of partitions in use was changed.

Their orders and counts would go to a partition that has no record of them, where their epochs would begin again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.kafka.clients import partition_for
from streams.judge.fold import Fold

WAY_OUT = (
    "partitions were added to gate-journal and gate-snapshots; make gate-snapshots again with as many as gate-journal "
    "had before (docs/operations.md#partitions-of-the-journal)"
)


def misplaced(found: Iterable[tuple[str, int]], used: int | None) -> str:
    """Why these rollouts, each with its partition, cannot be where they are; "" if they can.

    >>> misplaced([("checkout-v2", partition_for("checkout-v2", 4))], 4), misplaced([("checkout-v2", 9)], None)
    ('', '')
    """
    for name, partition in found:
        if used is not None and partition_for(name, used) != partition:
            return f"rollout {name} is in partition {partition} and belongs into another of {used}: {WAY_OUT}"
    return ""


def of_fold(fold: Fold) -> Iterator[tuple[str, int]]:
    """The rollouts of a fold that run. One that has ended may have been started again elsewhere since."""
    running = (name for name, rollout in fold.rollouts.items() if rollout.gate is not None and not rollout.ended)
    return ((name, fold.partition) for name in running)
