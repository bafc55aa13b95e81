"""Snapshots of the fold: written every few seconds, to save folding the whole journal after a restart. Pure.

A journal partition has one snapshot per rollout, keyed by its name, and one of the partition itself. The latter is
written last and has an index: the journal offset of each rollout's snapshot. A rollout that did not change keeps its
older snapshot.

A judge that has lost its partition may still write old snapshots after the new ones, so of a key's snapshots the one
with the greatest offset counts, not the last. If compaction has removed that one, the index shows it, and the journal
is folded from its beginning; the same happens where a needed snapshot cannot be read. The digest of the last folded
record shows whether the journal is still the one that the snapshots were made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gates.gate import Gate
from gates.rules import CURRENT
from streams.journal import Timing
from streams.judge.fold import Fold
from streams.judge.freezes import Freezes
from streams.judge.join import Join, JoinState
from streams.judge.replay_guard import ReplayGuard
from streams.judge.rollout import JudgedRollout
from streams.judge.set_aside import SetAside, under_newer_rules
from streams.judge.watermarks import Watermarks

SCHEMA = "sluicegate.snapshot/v4"
"""Raise the version with every change of what is below: snapshots of another version are not read, and the journal is
folded again. A snapshot half understood would decide differently from a replay."""

PARTITION_KEY = b"\x00partition"
"""The key of the partition's own snapshot; no rollout can have this name."""


class RolloutSnapshot(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """A rollout as of a journal offset; `gate` is the document of its gate, null without a policy."""

    rollout: str
    offset: int
    join: JoinState
    gate: Any
    timing: Timing
    seen: dict[str, int]
    replay_guard: ReplayGuard
    late: dict[str, int]
    refused: dict[str, int]

    @classmethod
    def of(cls, name: str, rollout: JudgedRollout, offset: int) -> RolloutSnapshot:
        """The snapshot of a rollout; it shares the rollout's dictionaries, so encode it before the next record."""
        return cls(
            rollout=name,
            offset=offset,
            join=rollout.join.state(),
            gate=None if rollout.gate is None else rollout.gate.dump(),
            timing=rollout.timing,
            seen=rollout.seen,
            replay_guard=rollout.replay_guard,
            late=rollout.late,
            refused=rollout.refused,
        )

    @property
    def rules(self) -> int:
        """The number of the rules that its epoch is judged by; 0 without a policy."""
        try:
            return int(self.gate["rollout"]["rules"])
        except (KeyError, TypeError, ValueError):
            return 0

    def restored(self) -> JudgedRollout:
        """The rollout that this is of.

        Raises:
            Exception: of any kind, where the gate's document has another shape.
        """
        return JudgedRollout(
            join=Join.restored(self.join),
            gate=None if self.gate is None else Gate.load(self.gate),
            timing=self.timing,
            seen=self.seen,
            replay_guard=self.replay_guard,
            late=self.late,
            refused=self.refused,
            snapshot_offset=self.offset,
        )


class PartitionSnapshot(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="schema", tag=SCHEMA):
    """A journal partition as of an offset: its watermarks and freezes, and the offset of each rollout's snapshot.

    A rollout in `set_aside` has no snapshot of this offset, although the index names it: a build that reads no
    `set_aside` must fold the journal again, and not continue without the rollout.
    """

    offset: int
    digest: int
    marks: Watermarks
    freezes: Freezes
    index: dict[str, int]
    set_aside: dict[str, SetAside] = {}


class _Head(msgspec.Struct):
    """What is decoded of every snapshot; the rest only of those that are used, as most are outdated."""

    schema: str
    offset: int


LARGEST = 67_000_000
"""The largest snapshot of a rollout with its key, in bytes: a record of 64 MiB has room for it."""

_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_rollout = msgspec.json.Decoder(RolloutSnapshot).decode
_decode_partition = msgspec.json.Decoder(PartitionSnapshot).decode


def snapshot(fold: Fold) -> list[tuple[bytes, bytes]]:
    """Key and value of each snapshot that is due, in the order to write them; marks them as written in the fold.

    Raises:
        ValueError: a rollout has no snapshot.
    """
    faults: dict[str, str] = {}
    records = [*rollout_snapshots(fold, faults)]
    if faults:
        raise ValueError(f"rollouts without a snapshot: {faults}")
    return [*records, partition_snapshot(fold)]


def partition_snapshot(fold: Fold) -> tuple[bytes, bytes]:
    """Key and value of the partition's own snapshot, once those of all its rollouts are written."""
    index = {name: rollout.snapshot_offset for name, rollout in fold.rollouts.items()}
    index |= dict.fromkeys(fold.set_aside, fold.offset)
    whole = PartitionSnapshot(fold.offset, fold.digest, fold.marks, fold.freezes, index, fold.set_aside)
    return PARTITION_KEY, _encode(whole)


def rollout_snapshots(fold: Fold, faults: dict[str, str], largest: int = LARGEST) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of the snapshot of each rollout that has changed; marks them as written in the fold.

    `faults` gets the rollouts that have no snapshot, each with the reason: it cannot be encoded, or would be larger
    than `largest` bytes. While there are any, do not write the partition's own snapshot: the one before then still
    has what a recovery needs of them.
    """
    for name, rollout in fold.rollouts.items():
        if rollout.changed or rollout.snapshot_offset < 0:
            key = name.encode()
            try:
                value = _encode(RolloutSnapshot.of(name, rollout, fold.offset))
            except Exception as error:  # of any kind: it is this rollout's own
                faults[name] = repr(error)
                continue
            if len(key) + len(value) > largest:
                faults[name] = f"its snapshot of {len(value):,} bytes is larger than {largest:,}"
                continue
            rollout.changed, rollout.snapshot_offset = False, fold.offset
            yield key, value


class SnapshotSet:
    """The snapshots of one partition: `add` each record, the oldest first; it keeps the newest of each key.

    `unusable` has the keys of records that could not be read, each with the reason. Whether the rest suffices is for
    the index to show.
    """

    def __init__(self, partition: int) -> None:
        self.unusable: dict[bytes, str] = {}
        self._partition = partition
        self._newest: dict[bytes, tuple[int, bytes]] = {}  # by key: journal offset and value

    def add(self, key: bytes, value: bytes | None) -> None:
        """Add the next record."""
        if value is None:
            self._newest.pop(key, None)
            return
        try:
            head = _decode_head(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.unusable[key] = str(error)
            return
        if head.schema != SCHEMA:
            self.unusable[key] = f"it is {head.schema}, and this build reads {SCHEMA}"
            return
        offset = head.offset
        # By offset, and of two with the same one the later: compaction keeps that.
        if key not in self._newest or offset >= self._newest[key][0]:
            self._newest[key] = offset, value

    def fold(self) -> Fold:
        """The fold that the snapshots describe; a new one if they do not fit together or cannot be read.

        Continue it with the journal record after its `offset`.
        """
        fold = Fold(self._partition)
        key = PARTITION_KEY
        try:
            if key not in self._newest:
                return fold
            whole = _decode_partition(self._newest[key][1])
            fold.marks, fold.offset, fold.digest = whole.marks, whole.offset, whole.digest
            fold.freezes, fold.set_aside = whole.freezes, whole.set_aside
            if any(aside.is_met() for aside in whole.set_aside.values()):
                return Fold(self._partition)  # this build can judge what that one could not
            for name, needed in whole.index.items():
                if name in whole.set_aside:
                    continue
                key = name.encode()
                offset, value = self._newest.get(key, (-1, b""))
                if offset < needed:
                    return Fold(self._partition)
                rollout = _decode_rollout(value)
                if rollout.rules > CURRENT:
                    fold.set_aside[name] = under_newer_rules(rollout.rules)
                else:
                    fold.rollouts[name] = rollout.restored()
        except Exception as error:  # of any kind: an unreadable snapshot must cost time, not stop every restart
            self.unusable[key] = repr(error)
            return Fold(self._partition)
        return fold
