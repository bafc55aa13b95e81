"""What a judge makes of a snapshot partition: the newest of each key, and nothing of what it does not understand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson
import pytest

from gates.gate import Gate
from streams.judge.fold import Fold
from streams.judge.snapshots import PARTITION_KEY, SCHEMA, SnapshotSet, rollout_snapshots, snapshot
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT, Episode, Script, a_start, play
from tests.streams.judge.restarts import restored

KEY = ROLLOUT.encode()
RECORDS = [step.record for step in play(Script(a_policy(), (Episode(9, requests=(20, 40)), Episode(6))))]
HALF = len(RECORDS) // 2

Snapshot = tuple[bytes, bytes | None]


@pytest.fixture
def topic() -> list[Snapshot]:
    """Two snapshots of a fold: one of half of its journal, one of all."""
    fold, found = Fold(0), list[Snapshot]()
    for at, record in enumerate(RECORDS):
        fold.apply(record, at)
        if at in (HALF, len(RECORDS) - 1):
            found += snapshot(fold)
    return found


def altered(change: Callable[[dict[str, Any]], object], key: bytes, topic: list[Snapshot]) -> list[Snapshot]:
    """The topic, with the newest record of a key changed."""
    last = max(at for at, (known, _) in enumerate(topic) if known == key)
    document = orjson.loads(topic[last][1] or b"")
    change(document)
    return [*topic[:last], (key, orjson.dumps(document)), *topic[last + 1 :]]


def test_the_newest_of_each_key_counts(topic: list[Snapshot]) -> None:
    """By the offset that it stands for, wherever a judge that lost the partition wrote its own."""
    half, whole = topic[:2], topic[2:]
    for records in ([*half, *whole], [*whole, *half], [half[0], *whole, half[1]]):
        assert restored(0, records).offset == len(RECORDS) - 1
    assert restored(0, half).offset == HALF


def test_what_is_not_the_newest_is_not_loaded(topic: list[Snapshot], monkeypatch: pytest.MonkeyPatch) -> None:
    """Old versions are many; of each but the offset is read, so what else is in them does not matter."""
    loaded: list[object] = []
    load = Gate.load

    def counting(document: Mapping[str, Any]) -> Gate:
        loaded.append(document)
        return load(document)

    monkeypatch.setattr(Gate, "load", counting)
    old = [(KEY, orjson.dumps({"schema": SCHEMA, "offset": at, "join": "of another shape"})) for at in range(HALF)]
    assert restored(0, [*old, *topic]).offset == len(RECORDS) - 1
    assert len(loaded) == 1


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"not JSON",
        b"\xff",
        b"[]",
        b'{"offset": 1}',
        b'{"schema": "sluicegate.snapshot/v9", "offset": 999}',
        b"[" * 9_999,
    ],
    ids=["empty", "text", "no UTF-8", "a list", "no schema", "a newer schema", "deep"],
)
@pytest.mark.parametrize("key", [KEY, PARTITION_KEY, b"anybody's"])
def test_a_foreign_record_is_left_out_and_named(topic: list[Snapshot], key: bytes, value: bytes) -> None:
    """It stops nobody, and takes nothing away: the index shows whether the rest suffices."""
    found = SnapshotSet(0)
    for record in (*topic, (key, value)):
        found.add(*record)
    assert found.fold().offset == len(RECORDS) - 1
    assert list(found.unusable) == [key]


@pytest.mark.parametrize("key", [KEY, PARTITION_KEY])
def test_what_a_foreign_record_replaced_is_missed(topic: list[Snapshot], key: bytes) -> None:
    """Compaction has taken the record under it: the journal is folded from its beginning."""
    kept = [record for record in topic if record[0] != key]
    assert restored(0, [*kept, (key, b"{}")]).offset == -1


@pytest.mark.parametrize(
    ("key", "change"),
    [
        (KEY, lambda document: document.pop("join")),
        (KEY, lambda document: document.update(seen=[])),
        (KEY, lambda document: document.update(gate={})),
        (KEY, lambda document: document["gate"]["rollout"]["policy"].update(stages=[])),
        (KEY, lambda document: document["gate"]["evidence"].update(windows=None)),
        (KEY, lambda document: document["gate"]["evidence"]["windows"]["cohorts"][0]["panes"]["sizes"].pop()),
        (PARTITION_KEY, lambda document: document.pop("index")),
        (PARTITION_KEY, lambda document: document.update(index=[])),
        (PARTITION_KEY, lambda document: document.update(marks={"sources": None})),
    ],
)
def test_one_half_understood_is_no_snapshot(
    topic: list[Snapshot], key: bytes, change: Callable[[dict[str, Any]], object]
) -> None:
    """Its key is reported, and the journal is folded from its beginning, with nothing of the others."""
    found = SnapshotSet(7)
    for record in altered(change, key, topic):
        found.add(*record)
    fold = found.fold()
    assert (fold.partition, fold.offset, fold.rollouts, fold.marks.wall) == (7, -1, {}, 0)
    assert list(found.unusable) == [key]


def test_a_rollout_without_a_snapshot_holds_back_only_the_partitions_own() -> None:
    """The others have theirs, and a restart from the set before folds what is missing."""
    fold = Fold(0)
    fold.apply(a_start(a_policy()), 0)
    fold.apply(msgspec.structs.replace(a_start(a_policy(rollout="other")), rollout="other"), 1)
    fold.rollouts["other"].late = {"x" * 100_000: 1}
    faults: dict[str, str] = {}
    assert [key for key, _ in rollout_snapshots(fold, faults, 90_000)] == [KEY]
    assert "larger than 90,000" in faults["other"]
    unknown: Any = {"x": object()}
    fold.rollouts["other"].late = unknown
    with pytest.raises(ValueError, match="rollouts without a snapshot"):
        snapshot(fold)
    fold.rollouts["other"].late = {}
    assert [key for key, _ in snapshot(fold)] == [b"other", PARTITION_KEY]
