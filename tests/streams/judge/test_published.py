"""Published decisions against those of a refold: the same at the same place, or a difference that names both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.machine.rollout import Moment, Started
from gates.policy import Policy
from streams.journal import encode_document
from streams.judge.published import Published
from tests.properties.hand import a_policy

T0 = 1_767_225_600_000


def decision(sequence: int = 1, offset: int = 7, partition: int = 0) -> Decision:
    """Return a decision that was made at this place in the journal."""
    moment = Moment(T0, T0, T0, (partition, offset))
    first, *_ = Gate.begin(None, Started(Policy.parse(a_policy()), "ada", ""), moment)[1]
    assert isinstance(first, Decision)
    return replace(first, sequence=sequence)


def published(*decisions: Decision, folded: int = -1) -> Published:
    """Return what these decisions are on `gate-decisions`."""
    found = Published()
    for each in decisions:
        found.add(encode_document(each.document()), 0, {}, folded)
    return found


def test_the_same_again_is_no_difference() -> None:
    """Other texts and figures are none either: no actuator does otherwise by them."""
    found = published(decision(), decision(2, 9))
    again = [replace(decision(), reason="in other words", completeness=0.5)]
    assert [found.differences(offset, again if offset == 7 else []) for offset in (6, 7, 8)] == [[], [], []]
    assert found.differences(9, [decision(2, 9), decision(3, 9)]) == []
    assert found.differences(10, [decision(4, 10)]) == []


def test_one_that_is_sent_again_was_compared_before() -> None:
    """It has the place at which it was made."""
    found = published(decision(), decision(2, 20))
    assert found.differences(7, [decision()]) == []
    assert found.differences(8, [decision()]) == []


def test_other_weights_are_a_difference() -> None:
    """Both are named."""
    before = decision()
    ((name, how, epoch),) = published(before).differences(7, [replace(before, weights={"canary": 20, "stable": 80})])
    assert (name, epoch) == (before.rollout, before.epoch)
    assert how == (
        f"{before.id} was published with weights {dict(before.weights)}, "
        "and would now have weights {'canary': 20, 'stable': 80}"
    )


def test_the_same_at_another_place_is_a_difference() -> None:
    """Earlier than it was made, or never: both are found at once."""
    ((_, how, _),) = published(decision(2, 9)).differences(8, [decision(2, 8)])
    assert how.endswith("was made at journal offset 9, and would now be made at offset 8")
    ((_, how, _),) = published(decision(2, 9)).differences(9, [])
    assert how == f"{decision(2).id} (start) was published and is not decided again"


def test_of_one_record_the_first_difference_counts() -> None:
    """One reason for a rollout is enough."""
    found = published(decision(1), decision(2))
    ((_, how, _),) = found.differences(7, [replace(decision(1), stage="other")])
    assert "stage" in how


def test_the_first_of_one_id_counts() -> None:
    """It is the one that was carried out."""
    assert published(decision(), replace(decision(), stage="other")).differences(7, [decision()]) == []


def test_what_is_in_a_snapshot_is_not_made_again() -> None:
    """Nor is what another partition's judge decided."""
    assert published(decision(), folded=7).differences(7, []) == []
    assert published(decision(partition=1)).differences(7, []) == []


def test_nothing_is_raised_in_hindsight() -> None:
    """Not about records that were judged without it; but where earlier decisions may be deleted, nothing is known."""
    found = Published(judged=10)
    found.add(encode_document(decision().document()), 0, {}, -1)
    made = [replace(decision(2, offset), action=Action.ADVANCE) for offset in (6, 9, 10)]
    rolled_back = replace(made[1], action=Action.ROLLBACK)
    assert found.differences(6, made[:1]) == []
    assert found.differences(7, [decision()]) == []
    assert found.differences(9, [rolled_back]) == []
    ((_, how, _),) = found.differences(9, [made[1]])
    assert how == f"{made[1].id} (advance) would now be made at journal offset 9, which was judged without"
    assert found.differences(10, made[2:]) == []


def test_the_newest_decision_has_the_journal_partition() -> None:
    """Partitions were added to `gate-decisions`, and the old ones are read last."""
    found = Published()
    for each in (decision(2, partition=3), decision(1, partition=0)):
        found.add(encode_document(each.document()), 9, {}, -1)
    assert found.partitions == {decision().rollout: 3}


def test_nothing_is_known_to_be_new_where_not_all_was_read() -> None:
    """It may be in a partition that was not; what was read is compared."""
    found = Published(judged=10)
    found.complete = False
    found.add(encode_document(decision().document()), 0, {}, -1)
    assert found.differences(9, [replace(decision(2, 9), action=Action.ADVANCE)]) == []
    assert len(found.differences(7, [])) == 1


@pytest.mark.parametrize("value", [None, b"", b"no JSON", b"[]", b"{}", b'{"journal": 1}', b'{"journal": {}}'])
def test_what_is_no_decision_is_left_out(value: bytes | None) -> None:
    """Whoever wrote it."""
    found = Published()
    found.add(value, 0, {}, -1)
    assert found.differences(0, []) == []
