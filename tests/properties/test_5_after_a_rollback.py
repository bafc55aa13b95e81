"""After a rollback of an epoch nothing raises the candidate's weight in that epoch."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.machine.rollout import Acked
from gates.machine.transitions import Signal
from tests.properties.hand import ByHand, a_policy, journals
from tests.properties.journals import (
    CANDIDATE,
    Episode,
    Script,
    decisions,
    play,
    scripts,
)


@journals
@given(scripts(), st.sampled_from(["pause", "resume", "promote", "rollback"]))
def test_5_after_a_rollback_the_candidate_stays_at_zero(script: Script, word: str) -> None:
    """Whatever is ordered and measured after it, the candidate's weight stays 0 until a new epoch."""
    script = replace(
        script, episodes=(*script.episodes, Episode(3, word="rollback"), Episode(20, word=word), Episode(9))
    )
    ended: set[int] = set()
    for decision in decisions(play(script)):
        if decision.action is Action.ROLLBACK:
            ended.add(decision.epoch)
        if decision.epoch in ended:
            assert decision.weights == {"stable": 100, CANDIDATE: 0}


def test_5_a_rollback_is_confirmed_by_an_observed_zero_only() -> None:
    """An ack without the candidate's weight leaves the rollback unconfirmed, and so re-issued."""
    hand = ByHand(a_policy())
    hand.control(Signal.OPERATOR_ROLLBACK)
    hand.gate.ack(Acked(1, 2, "applied", {}, "x"), hand.moment())
    assert hand.gate.state.pending is not None
