"""A judge's restart, as tests need it: snapshots through bytes, and a fold from them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from streams.judge.fold import Fold
from streams.judge.freezes import Freezes
from streams.judge.join import Join, JoinState
from streams.judge.rollout import JudgedRollout
from streams.judge.snapshots import PartitionSnapshot, RolloutSnapshot, SnapshotSet
from streams.judge.watermarks import Watermarks


def restored(partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> Fold:
    """Return the fold that these snapshots describe, the oldest first."""
    found = SnapshotSet(partition)
    for key, value in records:
        found.add(key, value)
    return found.fold()


def rollout_bytes(rollout: JudgedRollout) -> bytes:
    """Return all that a snapshot has of a rollout."""
    return msgspec.json.encode(RolloutSnapshot.of("r", rollout, -1))


def marks_bytes(marks: Watermarks) -> bytes:
    """Return all that a snapshot has of watermarks."""
    return msgspec.json.encode(PartitionSnapshot(0, 0, marks, Freezes(), {}))


def reloaded_marks(marks: Watermarks) -> Watermarks:
    """Return the watermarks after a restart."""
    return msgspec.json.decode(marks_bytes(marks), type=PartitionSnapshot).marks


def reloaded_rollout(rollout: JudgedRollout) -> JudgedRollout:
    """Return the rollout after a restart, as if it had no snapshot yet."""
    return msgspec.json.decode(rollout_bytes(rollout), type=RolloutSnapshot).restored()


def reloaded_join(join: Join) -> Join:
    """Return the join after a restart."""
    return Join.restored(msgspec.json.decode(msgspec.json.encode(join.state()), type=JoinState))


def reloaded(fold: Fold) -> Fold:
    """Return the fold after a restart at this very offset."""
    fresh = Fold(fold.partition)
    fresh.offset = fold.offset
    fresh.marks = reloaded_marks(fold.marks)
    fresh.freezes = msgspec.json.decode(msgspec.json.encode(fold.freezes), type=Freezes)
    fresh.rollouts = {name: reloaded_rollout(rollout) for name, rollout in fold.rollouts.items()}
    return fresh
