"""An approval is of one stage, as it stood: it is used once, and does not outlive a pause, a rollback or an advance."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.machine.rollout import Controlled
from gates.machine.transitions import Signal
from gates.policy import Policy
from gates.rules import CURRENT
from streams.journal import Control
from tests.properties.hand import ByHand, a_policy, journals, raised_by_the_gate
from tests.properties.journals import CALM, CHECKS, Episode, Script, play, policies, scripts

FORGETS = (Action.START, Action.PAUSE, Action.ROLLBACK, Action.ADVANCE, Action.PROMOTE)


WORDS = ("approve s0", "approve s0", "approve s1", "approve s0 twice", "approve s1 twice", "pause", "pause twice")


@st.composite
def approved(draw: st.DrawFn) -> Script:
    """Draw a script whose stages all need approvals, which come early, late, twice, and for the wrong stage."""
    policy = draw(policies())
    stages = [{**stage, "approval": True} for stage in policy["stages"]]
    checks = {"limit": CHECKS["limit"]}
    short = st.builds(replace, CALM, seconds=st.integers(1, 3), word=st.sampled_from([*WORDS, "resume", "resume"]))
    long = st.builds(replace, CALM, word=st.sampled_from([None, *WORDS]))
    episodes = draw(st.lists(st.one_of(short, short, long), max_size=7))
    # However the rest ends: an approval, which a pause takes away again before the stage can end.
    words = (draw(st.sampled_from(["approve s0", "approve s1"])), "pause", "resume", None)
    end = [Episode(20 if word is None else 1, requests=(200, 300), word=word) for word in words]
    return Script({**policy, "stages": stages, "checks": checks}, (*episodes, *end))


@journals
@given(st.one_of(scripts(), approved()))
def test_1_each_approval_ends_one_stage(script: Script) -> None:
    """A stage that needs approval is left with one that names it, given since it began and since the last pause."""
    policy, given_for, index = Policy.parse(script.policy), set[str](), 0
    seen: set[str] = set()
    for step in play(replace(script, rules=CURRENT)):
        if isinstance(step.record, Control) and step.record.control == "approve" and step.record.stage is not None:
            given_for.add(step.record.stage)
        for decision in step.decisions:
            if decision.id in seen:
                continue
            seen.add(decision.id)
            index = 0 if decision.action is Action.START else index
            stage = policy.stages[index]
            if raised_by_the_gate(decision) and stage.approval:
                assert stage.name in given_for
            if decision.action in FORGETS:
                given_for.clear()
            index += decision.action is Action.ADVANCE


def test_1_an_approval_given_twice_ends_one_stage() -> None:
    """Two orders alike, at once: the second finds its stage gone or approved already, never the next stage."""
    stages = [{"name": f"s{at}", "weight": w, "bake": "5s", "approval": True} for at, w in enumerate(("10%", "50%"))]
    hand = ByHand(a_policy(stages=stages))
    while hand.gate.state.phase.value != "held":
        hand.second()
    actions = []
    for _ in range(20):
        hand.gate.control(Controlled(Signal.OPERATOR_APPROVE, "ada", "", stage="s0"), hand.moment())
        actions += hand.second()
        hand.ack()
    assert actions.count(Action.ADVANCE) == 1
    assert Action.PROMOTE not in actions
