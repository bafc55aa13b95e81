"""The last landed build and this one in turns: whatever was decided stays decided, and both read the other's bytes."""

from __future__ import annotations

from itertools import chain, product
from typing import Any

import orjson
import pytest
from msgspec import structs

from gates.rules import RULES
from streams.journal import Record, Start, decode
from streams.judge.comparing import as_published
from streams.judge.fold import Fold
from streams.judge.published import RAISING, Published
from streams.judge.snapshots import snapshot
from tests.streams.judge.build_record import Recorded, Snapshot, Taken, published, recorded_build
from tests.streams.judge.restarts import restored

BUILD = [*recorded_build()]

NOTHING_COVERED: dict[str, object] = {"covered": None, "topic_id": "", "past": []}
ADDED_FIELDS: dict[str, object] = {"coverage": NOTHING_COVERED, "shifts": {}, "counts": {}}
ADDED_FIELDS.update(dict.fromkeys(("holes_until", "skipped", "debt", "named_at", "behind_at"), 0))
ADDED_FIELDS.update(dict.fromkeys(("steady_since", "steady_at"), 0))
"""Fields that snapshots have since that build, with what they hold in its epochs. It leaves out what it does not know,
so a field may be added; one that was there must keep its name and meaning."""

JOIN_FIELDS, CHUNK_FIELDS = 4, 5
"""How many fields a join had, and an open chunk in it, which are lists as well; that build ignores further ones."""


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
            fields = {key: known_before(each) for key, each in value.items() if (key, each) not in added}
            if "join" in fields:
                *others, chunks = fields["join"][:JOIN_FIELDS]
                fields["join"] = [*others, [chunk[:CHUNK_FIELDS] for chunk in chunks]]
            return fields
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
    assert {recorded.rules for recorded in BUILD} == {*RULES}
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


def messages_of(recorded: Recorded) -> Published:
    """What `gate-decisions` has after the build before, which has judged all."""
    found = Published(len(recorded.taken))
    for taken in recorded.taken:
        for value in taken.published:
            found.add(value, 0, {}, -1)
    return found


def judged_otherwise(record: Record, rules: int) -> Record:
    """The record, but a start is judged by other rules than it was: as a build would whose rules are not pinned."""
    return structs.replace(record, rules=rules) if isinstance(record, Start) else record


def orders(published: list[bytes]) -> dict[str, tuple[str, object]]:
    """What was ordered, by id."""
    return {message["id"]: (message["action"], message["weights"]) for message in map(orjson.loads, published)}


@pytest.mark.parametrize("recorded", BUILD, ids=lambda each: f"{each.story}, rules {each.rules}")
def test_what_is_published_agrees_with_a_fold_that_is_the_same(recorded: Recorded) -> None:
    """Without snapshots the journal is folded from its beginning: nothing is set aside, and all is published again."""
    fold, published_before = Fold(0), messages_of(recorded)
    for offset, taken in enumerate(recorded.taken):
        outputs = as_published(fold, published_before, offset, fold.apply(decode(taken.record), offset))
        assert published([*outputs]) == taken.published
    assert fold.set_aside == {}


def test_a_build_that_judges_otherwise_undoes_no_decision() -> None:
    """Actuators get no other weights under an id that was published, and nothing that raises the candidate's later."""
    differing = 0
    for recorded, rules in product(BUILD, RULES):
        fold, published_before = Fold(0), messages_of(recorded)
        ordered = orders([value for taken in recorded.taken for value in taken.published])
        again: list[bytes] = []
        for offset, taken in enumerate(recorded.taken):
            outputs = fold.apply(judged_otherwise(decode(taken.record), rules), offset)
            again += published([*as_published(fold, published_before, offset, outputs)])
        found = orders(again)
        assert all(found[each] == ordered[each] for each in found.keys() & ordered.keys())
        assert not {action for each, (action, _) in found.items() if each not in ordered} & {*RAISING}
        assert fold.set_aside or found.keys() >= ordered.keys()
        differing += bool(fold.set_aside)
    assert differing > 3
