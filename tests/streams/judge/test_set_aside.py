"""Rollouts that a judge must not decide on: which ones, what becomes of orders for them, and how they come back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gates.decisions import Decision
from gates.rules import CURRENT
from streams.journal import Ack, Control, Origin, Record, Signed, Start, decode, encode
from streams.judge.fold import Fold
from streams.judge.outputs import RolloutSetAside, RolloutStatus
from streams.judge.set_aside import SetAside, SetAsideError, differing, of_a_newer_build, unjudgeable
from streams.judge.snapshots import PARTITION_KEY, snapshot
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT
from tests.streams.judge.restarts import restored

T0 = 1_767_225_600_000
KEY = ROLLOUT.encode()


def a_start(at: int = 0, **fields: Any) -> Start:
    """Return a start as the sequencer writes it to the journal."""
    known: dict[str, Any] = {"rollout": ROLLOUT, "policy": a_policy(), "by": "ada", "at": T0}
    return Start(**known | {"origin": Origin("policies", 0, at), "rules": CURRENT} | fields)


def a_control(at: int = 0, **fields: Any) -> Control:
    """Return an order to roll back."""
    return Control(rollout=ROLLOUT, control="rollback", by="ada", at=T0, origin=Origin("controls", 0, at), **fields)


def fold_of(*records: Record) -> Fold:
    """Return the fold of these records."""
    fold = Fold(0)
    for offset, record in enumerate(records):
        fold.apply(record, offset)
    return fold


def test_a_start_under_newer_rules_is_set_aside() -> None:
    """With the rules that are needed; the epoch before it is judged no more, and others are."""
    fold = fold_of(a_start(), a_start(0, rollout="other", policy=a_policy(rollout="other")))
    (output,) = fold.apply(a_start(1, rules=CURRENT + 1), 2)
    assert isinstance(output, RolloutSetAside)
    assert output.why == (
        f"it was started under rules {CURRENT + 1}, and this build has rules up to {CURRENT}: a newer build is needed; "
        "the rollout keeps its weights and is not judged by this one"
    )
    assert list(fold.rollouts) == ["other"]
    assert fold.set_aside[ROLLOUT].needs_another_build


def test_a_policy_of_another_build_is_set_aside() -> None:
    """A sequencer has accepted it; what was written past all sequencers starts nothing."""
    policy = a_policy() | {"horoscope": "lucky"}
    aside = unjudgeable(a_start(policy=policy))
    assert aside is not None
    assert "this build does not accept its policy" in aside.why
    assert unjudgeable(a_start(policy=policy, origin=None)) is None
    assert Fold(0).apply(a_start(policy=policy, origin=None), 0) == []


@pytest.mark.parametrize(
    ("document", "newer"),
    [
        ({"schema": "sluicegate.control/v2"}, True),
        ({"schema": "sluicegate.adjourn/v1"}, True),
        ({"schema": "sluicegate.control/v1"}, False),
        ({"schema": "another.control/v2"}, False),
        ({"schema": 2}, False),
    ],
)
def test_a_record_of_a_newer_build_is_about_one_rollout(document: dict[str, object], newer: bool) -> None:
    """By its schema; any other record that cannot be read is a dead letter and no more."""
    found = of_a_newer_build(orjson.dumps(document | {"rollout": ROLLOUT}))
    assert (found is not None) is newer
    assert of_a_newer_build(orjson.dumps(document)) is None
    if found is not None:
        assert (found[0], found[1].schema) == (ROLLOUT, document["schema"])
        assert not found[1].is_met()


def test_orders_for_it_are_refused_in_words() -> None:
    """Each goes to the dead letters with the reason; counts and acks have no effect."""
    fold = fold_of(a_start(rules=CURRENT + 1))
    for order in (a_control(), a_start(1, confirmed=True)):
        with pytest.raises(SetAsideError, match=f"refused: it was started under rules {CURRENT + 1}"):
            fold.apply(order, 1)
    ack = Ack(id="r:1:1", rollout=ROLLOUT, epoch=1, sequence=1, actuator="a", status="applied", weights={}, at=T0)
    assert fold.apply(ack, 2) == []
    counts = {
        "schema": "sluicegate.partial/v1",
        "rollout": ROLLOUT,
        "source": ["e", 0],
        "start": 0,
        "upto": 1,
        "final": False,
        "cells": [],
    }
    assert fold.apply(decode(orjson.dumps(counts)), 3) == []
    assert fold.rollouts == {}


def differing_fold() -> Fold:
    """Return a fold with a rollout in its second epoch that is set aside; its third was published."""
    fold = fold_of(a_start(), a_control(), a_start(1))
    fold.put_aside(ROLLOUT, differing("checkout-v2:3:1 was published", epoch=3))
    return fold


@pytest.mark.parametrize("restarts", [False, True])
def test_a_confirmed_start_ends_a_difference(restarts: bool) -> None:
    """It begins the epoch after all that were published, so actuators obey it."""
    fold = differing_fold()
    if restarts:
        fold.offset = 2
        fold = restored(0, snapshot(fold))
    with pytest.raises(SetAsideError, match="start the rollout again with --yes"):
        fold.apply(a_start(2), 3)
    assert fold.apply(a_start(1, confirmed=True), 4) == []  # an order from before that the sequencer appends again
    assert ROLLOUT in fold.set_aside
    first, status = fold.apply(a_start(3, confirmed=True), 5)
    assert isinstance(first, Decision)
    assert isinstance(status, RolloutStatus)
    assert (first.id, first.action) == (f"{ROLLOUT}:4:1", "start")
    assert fold.set_aside == {}


def test_a_copy_of_an_order_from_before_starts_nothing() -> None:
    """The ids of signed orders are kept."""
    signed = Signed("k", "one", T0)
    fold = fold_of(a_start(signed=signed))
    fold.put_aside(ROLLOUT, differing("r", epoch=1))
    with pytest.raises(ValueError, match="was seen before"):
        fold.apply(a_start(5, confirmed=True, signed=signed), 1)
    assert ROLLOUT in fold.set_aside
    assert fold.rollouts == {}


def test_its_last_snapshot_stays_and_is_no_longer_enough() -> None:
    """A build that reads nothing of `set_aside` finds an index that does not fit, and folds the journal again."""
    fold = fold_of(a_start())
    fold.offset = 0
    written = snapshot(fold)
    fold.offset = 1
    fold.put_aside(ROLLOUT, differing("r", epoch=1))
    (key, whole), *more = snapshot(fold)
    assert (key, more) == (PARTITION_KEY, [])
    again = restored(0, [*written, (key, whole)])
    assert (again.offset, again.rollouts, list(again.set_aside)) == (1, {}, [ROLLOUT])
    without = {name: part for name, part in orjson.loads(whole).items() if name != "set_aside"}
    assert restored(0, [*written, (key, orjson.dumps(without))]).offset == -1


@pytest.mark.parametrize(
    ("aside", "met"),
    [
        (SetAside(why="w", rules=CURRENT), True),
        (SetAside(why="w", rules=CURRENT + 1), False),
        (SetAside(why="w", schema="sluicegate.start/v1"), True),
        (SetAside(why="w", schema="sluicegate.start/v9"), False),
        (SetAside(why="w", policy=a_policy()), True),
        (SetAside(why="w", policy={}), False),
        (SetAside(why="w"), False),
    ],
)
def test_a_build_that_can_judge_it_folds_the_journal_again(aside: SetAside, met: bool) -> None:
    """Nothing was folded of the rollout meanwhile."""
    fold = Fold(0)
    fold.offset = 9
    fold.put_aside(ROLLOUT, aside)
    assert aside.is_met() is met
    assert restored(0, snapshot(fold)).offset == (-1 if met else 9)


def test_a_snapshot_under_newer_rules_is_that_rollouts_alone() -> None:
    """All others are continued from theirs."""
    fold = fold_of(a_start(), a_start(0, rollout="other", policy=a_policy(rollout="other")))
    fold.offset = 1
    written = dict(snapshot(fold))
    document = orjson.loads(written[KEY])
    document["gate"]["rollout"]["rules"] = CURRENT + 1
    written[KEY] = orjson.dumps(document)
    again = restored(0, written.items())
    assert (again.offset, list(again.rollouts), list(again.set_aside)) == (1, ["other"], [ROLLOUT])
    assert f"rules {CURRENT + 1}" in again.set_aside[ROLLOUT].why


def test_a_rollout_without_a_policy_can_be_set_aside() -> None:
    """Only counts were seen of it; what is kept is about the rest."""
    fold = Fold(0)
    fold.put_aside(ROLLOUT, differing("r", epoch=2))
    assert fold.set_aside[ROLLOUT].epoch == 2
    assert decode(encode(a_control())) == a_control()
