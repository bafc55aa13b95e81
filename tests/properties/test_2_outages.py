"""Never roll back because telemetry, a broker, a worker or an actuator went away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.machine.missing_telemetry import telemetry_missing
from gates.policy import Policy
from gates.rules import CURRENT
from streams.journal import Partial
from tests.properties.hand import ByHand, a_policy, journals, raised_by_the_gate
from tests.properties.journals import (
    CANDIDATE,
    CHECKS,
    T0,
    Episode,
    Script,
    decisions,
    play,
    scripts,
)

HELD_BACK = ("not rolled back, because", "so nothing was rolled back")
"""In the reason of a decision that keeps back a rollback: the baseline is gone, or the cause is likely shared."""


@journals
@given(scripts(healthy=True, words=("pause", "resume", "promote", "start", "start changed", "bad ack: rejected")))
def test_2_an_outage_is_never_a_rollback(script: Script) -> None:
    """Without an error or a slow request, whatever goes silent, stalls, comes late or stays unanswered: no rollback."""
    assert Action.ROLLBACK not in {decision.action for decision in decisions(play(script))}


@journals
@given(scripts(healthy=True, words=("pause",)), st.integers(20, 60))
def test_2_an_outage_is_never_a_promotion(script: Script, seconds: int) -> None:
    """While no telemetry arrives, nothing advances, not even with good evidence from before."""
    quiet = Episode(seconds, requests=(0, 0), sources=("silent", "silent"))
    hold_after = Policy.parse(script.policy).no_data.hold_after_ms
    steps = list(play(replace(script, episodes=(*script.episodes, quiet))))
    last_events = max((s.record.cells[-1].start for s in steps if isinstance(s.record, Partial)), default=T0)
    for step in steps:
        for decision in step.decisions:
            if raised_by_the_gate(decision):
                assert decision.event_time <= last_events + hold_after + 1_000  # and the pane itself


@journals
@given(scripts(words=("pause", "pause", "resume")), st.sampled_from(["rollback", "resume"]))
def test_2_the_deadline_of_a_pause_never_acts_on_an_outage(script: Script, then: str) -> None:
    """It pages instead, as long as no telemetry is judged or a cohort is silent."""
    pause = {"remind_after": "4s", "deadline": "6s", "then": then}
    for step in play(replace(script, policy={**script.policy, "pause": pause})):
        for decision in step.decisions:
            if step.gate is None or "pause.deadline" not in decision.reason or decision.action is Action.PAUSE:
                continue
            state = step.gate.state
            assert not state.evaluation.broken
            assert not telemetry_missing(state.policy, state.evaluation)
            assert decision.action.value == then


@pytest.mark.parametrize("gap", [3, 4, 5, 6, 9])
def test_a_quiet_night_makes_a_handful_of_decisions_and_does_not_bake(gap: int) -> None:
    """A request each few seconds, about `hold_after` (4s) apart, for two hours; then traffic, and the stage ends."""
    hand = ByHand(a_policy())
    actions = [action for second in range(7_200) for action in hand.second(None if second % gap else (40, 0))]
    assert len(actions) <= 6
    if gap > 5:
        assert hand.gate.state.progress.baked_ms < 5_000
        assert Action.ADVANCE not in actions
        later = [action for _ in range(3_700) for action in hand.second()]
        assert Action.ADVANCE in later


@journals
@given(scripts(), st.integers(5, 20))
def test_2_time_without_requests_is_never_a_rollback(script: Script, seconds: int) -> None:
    """Whatever failed before: a rollback of the gate's own comes with a pane in which the candidate has a request.

    Or it was held back, because the baseline was gone or failed as well, and comes when the baseline is well again.
    """
    quiet = Episode(seconds, requests=(0, 300), errors=(0.0, 0.3))
    episodes = tuple(part for each in script.episodes for part in (replace(each, word=None), quiet))
    policy, last, held_back = Policy.parse(script.policy), 0, False
    for step in play(replace(script, episodes=episodes, rules=CURRENT)):
        if isinstance(step.record, Partial):
            last = max([last, *(cell.start for cell in step.record.cells if cell.cohort == CANDIDATE)])
        for decision in step.decisions:
            if decision.action is Action.ROLLBACK and not decision.escalate:
                assert held_back or decision.event_time - policy.pane_ms <= last
            held_back = any(text in decision.reason for text in HELD_BACK)


def test_2_a_window_in_which_only_bad_requests_are_left_fails_nothing() -> None:
    """The good requests leave the window first; the next request is judged together with the bad ones again."""
    stages = [{"name": "only", "weight": "10%", "bake": "1h"}]
    hand = ByHand(a_policy(stages=stages, checks={"limit": CHECKS["limit"]}))
    assert [hand.second((40, 0)) for _ in range(3)] == [[]] * 3
    assert hand.second((6, 6)) == []
    assert Action.ROLLBACK not in [action for _ in range(4) for action in hand.second(None)]
    assert hand.second((6, 6)) == [Action.ROLLBACK]
