"""Epoch and sequence only grow; two decisions never share an id and differ."""

from __future__ import annotations

from hypothesis import given

from streams.journal import Start
from streams.judge.fold import Fold
from tests.properties.hand import a_policy, journals
from tests.properties.journals import (
    T0,
    Document,
    Script,
    decisions,
    play,
    published,
    scripts,
)


@journals
@given(scripts())
def test_6_the_fencing_token_only_grows(script: Script) -> None:
    """(epoch, sequence) never goes back; an id seen before comes with the very same decision."""
    by_id: dict[str, Document] = {}
    newest = (0, 0)
    for decision in decisions(play(script)):
        token = (decision.epoch, decision.sequence)
        assert token >= newest
        assert (token > newest) == (decision.id not in by_id)
        assert by_id.setdefault(decision.id, decision.document()) == decision.document()
        newest = token


@journals
@given(scripts())
def test_6_two_judges_say_the_same(script: Script) -> None:
    """Two judges of one journal publish the same bytes."""
    records = [step.record for step in play(script)]
    folds = Fold(3), Fold(3)
    outcomes = [[o for at, r in enumerate(records) for o in fold.apply(r, at)] for fold in folds]
    assert published(outcomes[0]) == published(outcomes[1])


def test_6_a_start_speaks_of_its_own_rollout() -> None:
    """A start keyed by one rollout with the policy of another publishes nothing: its ids would be the other's."""
    start = Start(rollout="another", policy=a_policy(), by="ada", at=T0)
    assert Fold(0).apply(start, 0) == []
