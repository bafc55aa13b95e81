"""What is shown as done is done: confirmations are acks of the newest order, never of an older one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.documents.readers import MOST_ACTUATORS
from gates.machine.rollout import Acked
from streams.journal import Progress
from streams.judge.outputs import Acknowledged
from tests.properties.actuators import ANSWERS, USUALLY, Actuator, Answer
from tests.properties.confirmation import NewestOrder, status_of, watched
from tests.properties.hand import ByHand, a_policy, journals, raised_by_the_gate
from tests.properties.journals import CALM, CANDIDATE, ROLLOUT, Episode, Script, play, policies, scripts


def needed_by(script: Script) -> frozenset[str]:
    """The actuators that must confirm, by the policy."""
    return frozenset(script.policy["commands"].get("actuators", ()))


@st.composite
def contested(draw: st.DrawFn) -> Script:
    """Draw a script of healthy traffic, whose orders are answered in every way by the named actuators and by others."""
    policy = {**draw(policies()), "checks": a_policy()["checks"]}
    needed = draw(st.sampled_from([(), (), ("eu",), ("eu", "us")]))
    policy["commands"] = {"ack_within": "2s", "tries": 2} | ({"actuators": list(needed)} if needed else {})
    answers = st.lists(USUALLY, min_size=1, max_size=4).map(tuple)
    names = [*(needed or ("eu",)), *draw(st.lists(st.sampled_from(["us", "stray"]), max_size=1))]
    found = tuple(Actuator(name, draw(answers), draw(st.integers(0, 3))) for name in dict.fromkeys(names))
    words = st.sampled_from([None, "pause", "resume", "rollback", "promote", "start", "approve s0"])
    episodes = draw(st.lists(st.builds(replace, CALM, word=words), min_size=2, max_size=5))
    return Script(policy, tuple(episodes), found)


@journals
@given(st.one_of(scripts(), contested()))
def test_10_the_status_is_about_the_newest_order(script: Script) -> None:
    """Whether it is confirmed, by whom, who is missing, and what is in force: as a recount of the acks has it."""
    for step, newest in watched(play(script), needed_by(script)):
        for decision in step.decisions:
            newest.publish(decision)
        status = status_of(step)
        if status is None or newest.order is None:
            continue
        order = status["order"]
        assert (order["id"], order["weights"]) == (newest.order.id, newest.order.weights)
        assert status["confirmed"] == order["confirmed"] == newest.confirmed
        assert set(order["confirmed_by"]) == newest.agreeing()
        assert set(order["waiting_for"]) == needed_by(script) - newest.agreeing()
        in_force = status["in_force"]
        if newest.in_force is None:
            assert not status["confirmed"]
            assert in_force is None
        else:
            assert in_force["weights"] == newest.in_force.weights


@journals
@given(st.one_of(scripts(), contested()))
def test_10_only_a_confirmed_stage_is_left(script: Script) -> None:
    """The gate's own advance or promotion follows a confirmation of the order of the stage that it leaves."""
    for step, newest in watched(play(script), needed_by(script)):
        for decision in step.decisions:
            if raised_by_the_gate(decision) and (decision.epoch, decision.sequence) not in newest.repeats:
                assert newest.confirmed
            newest.publish(decision)


@journals
@given(st.one_of(scripts(), contested()))
def test_10_an_order_is_sent_until_it_is_confirmed(script: Script) -> None:
    """Without its acks it goes out again and again, at most twice as late each time; and never after them."""
    script = replace(script, episodes=(*script.episodes, Episode(30)))
    wall, since, sent = 0, 0, 0
    newest = NewestOrder(frozenset())
    for step, newest in watched(play(script), needed_by(script)):
        wall = step.record.wall if isinstance(step.record, Progress) else wall
        for decision in step.decisions:
            assert not (newest.confirmed and decision.id == newest.last)
            since = wall if newest.order is None or newest.confirmed else since  # the first without its acks
            newest.publish(decision)
            sent = wall
    assert newest.confirmed or wall - sent <= 10_000 + (sent - since)


@journals
@given(st.one_of(scripts(), contested()))
def test_10_one_ack_of_an_order_completes_it(script: Script) -> None:
    """The time that a confirmation took is reported once an order, by the ack that completed it."""
    done: set[str] = set()
    for step, newest in watched(play(script), needed_by(script)):
        took = [each for each in step.outcomes if isinstance(each, Acknowledged) and each.took_ms is not None]
        if took:
            assert newest.order is not None
            assert newest.confirmed
            assert newest.order.id not in done
            done.add(newest.order.id)
        for decision in step.decisions:
            newest.publish(decision)


@pytest.mark.parametrize("answer", [each for each in ANSWERS if each not in ("applied", "twice")])
def test_10_no_other_answer_confirms(answer: Answer) -> None:
    """A rollback that an actuator answers in any other way is never shown as done."""
    episodes = (Episode(3), Episode(8, errors=(1.0, 0.0)))
    steps = list(play(Script(a_policy(), episodes, (Actuator("router", ("applied", answer, answer)),))))
    statuses = [status for step in steps if (status := status_of(step)) is not None]
    ended = next(at for at, status in enumerate(statuses) if status["phase"] == "rolled_back")
    assert [status["confirmed"] for status in statuses[ended - 1 : ended + 2]] == [True, False, False]
    assert [status["order"]["id"] for status in statuses[ended : ended + 2]] == [f"{ROLLOUT}:1:2"] * 2


def test_10_the_weights_of_before_confirm_no_small_step() -> None:
    """From 0.5% to 1%: an actuator that still observes 0.5% has not carried it out, although it is half a point off."""
    stages = [{"name": "half", "weight": "0.5%", "bake": "5s"}, {"name": "one", "weight": "1%", "bake": "5s"}]
    hand = ByHand(a_policy(stages=stages))
    while Action.ADVANCE not in hand.second():
        pass
    for observed, confirmed in ((0.5, False), (0.75, False), (1.2, True)):
        weights = {"stable": 100 - observed, CANDIDATE: observed}
        hand.gate.ack(Acked(1, 2, "applied", weights, "router"), hand.moment())
        assert hand.gate.status(hand.moment())["confirmed"] == confirmed


def test_10_many_names_that_fail_do_not_keep_out_the_one_that_applies() -> None:
    """An actuator with a new name at each restart: its reports are bounded, and its success still confirms."""
    hand = ByHand(a_policy(), acked=False)
    for restart in range(100):
        hand.gate.ack(Acked(1, 1, "failed", {}, f"pod-{restart}", "timed out"), hand.moment())
    hand.gate.ack(Acked(1, 1, "applied", {"stable": 90, CANDIDATE: 10}, "pod-100"), hand.moment())
    status = hand.gate.status(hand.moment())
    assert status["confirmed"]
    for stranger in range(100):
        hand.gate.ack(Acked(1, 1, "applied", {"stable": 90, CANDIDATE: 10}, f"stranger-{stranger}"), hand.moment())
    order = hand.gate.state.order
    assert order is not None
    assert len(order.reports) == MOST_ACTUATORS
