"""Snapshots of the judge's fold: what is written now and then, and how a fold is rebuilt from it. Pure.

Of a journal partition there is one snapshot per rollout, keyed by its name, and one of the partition itself, written
last, with an index of the offsets that the rollouts' snapshots stand for. A rollout that did not change keeps its older
snapshot. A judge that lost its partition may write old snapshots after new ones: of a key's snapshots the one that
stands for most counts. If compaction has taken that, the index tells, and the journal is folded from its beginning, as
it is where one that is needed cannot be understood. The digest of the last record folded tells a journal that was made
anew from the one that these snapshots are of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
import orjson

from streams.journal import encode_document
from streams.judge.fold import Fold, Rollout
from streams.judge.watermarks import Watermarks

SCHEMA = "sluicegate.snapshot/v3"
PARTITION_KEY = b"\x00partition"  # no rollout's name


class _Head(msgspec.Struct):
    """All that is read of a snapshot before it is known to be its key's newest."""

    schema: Literal["sluicegate.snapshot/v3"]
    offset: int


_head = msgspec.json.Decoder(_Head)


def snapshot(fold: Fold) -> list[tuple[bytes, bytes]]:
    """Key and value of each snapshot record due, in the order to write them; the fold takes them as written."""
    records = []
    for name, rollout in fold.rollouts.items():
        if rollout.changed or rollout.snapshot_offset < 0:
            rollout.changed, rollout.snapshot_offset = False, fold.offset
            document = {"schema": SCHEMA, "rollout": name, "offset": fold.offset, "state": rollout.dump()}
            records.append((name.encode(), encode_document(document)))
    index = {name: rollout.snapshot_offset for name, rollout in fold.rollouts.items()}
    last = {"offset": fold.offset, "digest": fold.digest}
    whole = {"schema": SCHEMA, **last, "marks": fold.marks.dump(), "index": index}
    return [*records, (PARTITION_KEY, encode_document(whole))]


class Found:
    """What a snapshot partition holds, taken in record by record, the oldest first: each key's newest is kept.

    `unread` has the keys of records that are none of ours, or of another build's, each with what is wrong. The index
    tells whether what is left suffices.
    """

    def __init__(self, partition: int) -> None:
        self.unread: dict[bytes, str] = {}
        self._partition = partition
        self._newest: dict[bytes, tuple[int, bytes]] = {}  # by key: the offset it stands for, and the record

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take in the next record."""
        if value is None:
            self._newest.pop(key, None)
            return
        try:
            offset = _head.decode(value).offset
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.unread[key] = str(error)
            return
        if key not in self._newest or offset >= self._newest[key][0]:
            self._newest[key] = offset, value

    def fold(self) -> Fold:
        """The fold that these snapshots describe; a new one if they do not agree, or cannot be understood.

        Fold on from the journal offset after the result's `offset`.
        """
        fold = Fold(self._partition)
        key = PARTITION_KEY
        try:
            if key not in self._newest:
                return fold
            _, value = self._newest[key]
            whole = orjson.loads(value)
            fold.marks = Watermarks.load(whole["marks"])
            fold.offset, fold.digest = whole["offset"], whole.get("digest", 0)
            for name, needed in whole["index"].items():
                key = name.encode()
                offset, value = self._newest.get(key, (-1, b""))
                if offset < needed:
                    return Fold(self._partition)
                fold.rollouts[name] = Rollout.load(orjson.loads(value)["state"])
                fold.rollouts[name].snapshot_offset = offset
        except Exception as error:  # whatever a document of another shape leads to; it must not stop every restart
            self.unread[key] = repr(error)
            return Fold(self._partition)
        return fold


def restore(partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> Fold:
    """The fold that the records of one snapshot partition describe, oldest record first; see `Found.fold`."""
    found = Found(partition)
    for key, value in records:
        found.take(key, value)
    return found.fold()
