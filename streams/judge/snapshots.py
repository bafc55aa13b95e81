"""Snapshots of the judge's fold: what is written now and then, and how a fold is rebuilt from it. Pure.

Of a journal partition there is one snapshot per rollout, keyed by its name, and one of the partition itself, written
last, with an index of the offsets that the rollouts' snapshots stand for. A rollout that did not change keeps its older
snapshot. A judge that lost its partition may write old snapshots after new ones: of a key's snapshots the one that
stands for most counts. If compaction has taken that, the index tells, and the journal is folded from its beginning. The
digest of the last record folded tells a journal that was made anew from the one that these snapshots are of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from streams.journal import encode_document
from streams.judge.fold import Fold, Rollout
from streams.judge.watermarks import Watermarks

SCHEMA = "sluicegate.snapshot/v1"
PARTITION_KEY = b"\x00partition"  # no rollout's name


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


def restore(partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> Fold:
    """The fold that one snapshot partition describes, oldest record first; a new one if the records do not agree.

    Fold on from the journal offset after the result's `offset`.
    """
    latest: dict[bytes, dict[str, Any]] = {}
    for key, value in records:
        if value is None:
            latest.pop(key, None)
            continue
        document = orjson.loads(value)
        if key not in latest or document["offset"] >= latest[key]["offset"]:
            latest[key] = document
    fold = Fold(partition)
    whole = latest.get(PARTITION_KEY)
    if whole is None:
        return fold
    for name, offset in whole["index"].items():
        found = latest.get(name.encode())
        if found is None or found["offset"] < offset:
            return Fold(partition)
        rollout = fold.rollouts[name] = Rollout.load(found["state"])
        rollout.snapshot_offset = found["offset"]
    fold.marks = Watermarks.load(whole["marks"])
    fold.offset, fold.digest = whole["offset"], whole.get("digest", 0)
    return fold
