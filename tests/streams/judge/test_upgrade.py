"""The last landed build and this one in turns: whatever was decided stays decided, and both read the other's bytes."""

from __future__ import annotations

from itertools import chain
from typing import Any

import orjson
import pytest

from streams.journal import decode
from streams.judge.fold import Fold
from streams.judge.snapshots import snapshot
from tests.streams.judge.build_record import Recorded, Snapshot, Taken, published, recorded_build
from tests.streams.judge.restarts import restored

BUILD = [*recorded_build()]

ADDED_FIELDS = {"phi": 1.0, "blocks": None}
"""Fields that snapshots have since that build, with what they hold in its epochs. It leaves out what it does not know,
so a field may be added; one that was there must keep its name and meaning."""

DETAIL_FIELDS = 7
ADDED_DETAILS: list[list[int]] = [[], []]
"""The same for the details of a cell, which are a list."""


def fold_on(fold: Fold, recorded: Recorded) -> list[Taken]:
    """Fold the rest of the recorded journal, with a snapshot wherever the recorded build took one."""
    found: list[Taken] = []
    for offset in range(fold.offset + 1, len(recorded.taken)):
        known = recorded.taken[offset]
        taken = Taken(known.record, published(fold.apply(decode(known.record), offset)))
        if known.snapshots:
            taken.snapshots = snapshot(fold)
        found.append(taken)
    return found


def snapshots_until(recorded: Recorded, offset: int) -> list[Snapshot]:
    """The snapshots that the recorded build had written by this offset."""
    return [*chain.from_iterable(taken.snapshots for taken in recorded.taken[: offset + 1])]


def known_before(value: Any) -> Any:
    """The part of a snapshot that the build before reads."""
    match value:
        case dict():
            added = ADDED_FIELDS.items()
            return {key: known_before(each) for key, each in value.items() if (key, each) not in added}
        case list() if value[DETAIL_FIELDS:] == ADDED_DETAILS:
            return known_before(value[:DETAIL_FIELDS])
        case list():
            return [known_before(each) for each in value]
    return value


def read_before(taken: list[Taken]) -> list[tuple[list[bytes], list[tuple[bytes, Any]]]]:
    """What was published, and of each snapshot what the build before reads."""
    return [
        (each.published, [(key, known_before(orjson.loads(value))) for key, value in each.snapshots]) for each in taken
    ]


def cases() -> list[object]:
    """Each story with each of its snapshots."""
    return [
        pytest.param(recorded, offset, id=f"{recorded.story}, rules {recorded.rules}, offset {offset}")
        for recorded in BUILD
        for offset, taken in enumerate(recorded.taken)
        if taken.snapshots
    ]


def test_the_build_before_recorded_something() -> None:
    """Stories of all its rules, with snapshots and decisions."""
    assert {recorded.rules for recorded in BUILD} == {1, 2}
    assert len(cases()) > 40
    assert sum(len(taken.published) for recorded in BUILD for taken in recorded.taken) > 30


@pytest.mark.parametrize(("recorded", "offset"), cases())
def test_a_snapshot_of_the_build_before_goes_on_as_it_would(recorded: Recorded, offset: int) -> None:
    """What this build publishes from there is what the other one did, to the byte.

    Its snapshots are the same in all that the build before reads, so that build goes on from them, if it comes back.
    """
    fold = restored(0, snapshots_until(recorded, offset))
    assert fold.offset == offset
    assert read_before(fold_on(fold, recorded)) == read_before(recorded.taken[offset + 1 :])


@pytest.mark.parametrize("recorded", BUILD, ids=lambda each: f"{each.story}, rules {each.rules}")
def test_a_journal_of_the_build_before_folds_as_it_did(recorded: Recorded) -> None:
    """Without a snapshot as well."""
    assert read_before(fold_on(Fold(0), recorded)) == read_before(recorded.taken)
