"""Slicing, repeating and reordering the input within the lateness allowed changes nothing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action, Decision
from streams.journal import Control, Origin, Record
from streams.judge.fold import Fold
from tests.properties.hand import a_policy, journals
from tests.properties.journals import (
    ROLLOUT,
    T0,
    Script,
    Step,
    a_start,
    play,
    published,
    render,
    scripts,
)


def outputs_of(steps: list[Step]) -> list[bytes]:
    """Return what was published, without the journal's offsets and without repeats."""
    return list(dict.fromkeys(published([o for step in steps for o in step.outcomes], journal=False)))


@journals
@given(scripts(), st.integers(2, 4))
def test_8_slicing_changes_nothing(script: Script, slices: int) -> None:
    """Each second's events in one version of a chunk or in several: the same decisions."""
    assert outputs_of(list(play(script, render(script, slices=slices)))) == outputs_of(list(play(script)))


@journals
@given(scripts())
def test_8_repeating_changes_nothing(script: Script) -> None:
    """Old versions, progress and orders written again, as zombies and retries do: the same decisions."""
    assert outputs_of(list(play(script, render(script, repeats=True)))) == outputs_of(list(play(script)))


@journals
@given(scripts())
def test_8_reordering_changes_nothing(script: Script) -> None:
    """Events that come a second later, of two allowed, and partitions in another order: the same decisions."""
    script = replace(script, episodes=tuple(replace(each, late=0) for each in script.episodes))
    assert outputs_of(list(play(script, render(script, reorder=True)))) == outputs_of(list(play(script)))


def test_8_an_old_order_does_not_count_again() -> None:
    """An order that the sequencer repeats after a new start is the old one's repeat: it does not end the new epoch."""
    fold = Fold(0)
    order = Control(rollout=ROLLOUT, control="rollback", by="ada", at=T0, origin=Origin("rollout-controls", 0, 5))
    records: list[Record] = [a_start(a_policy(), T0, 0), order, a_start(a_policy(), T0, 1), order]
    outcomes = [fold.apply(record, at) for at, record in enumerate(records)]
    actions = [each.action for given in outcomes for each in given if isinstance(each, Decision)]
    assert actions == [Action.START, Action.ROLLBACK, Action.START]
