"""Orders: leaving a stage by hand, and which orders are refused with what words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gates.decisions import Action, Decision
from gates.machine.controls import CONFIRM_AFTER
from gates.machine.rollout import Acked, Controlled, Ticked
from gates.machine.transitions import Phase, Signal
from gates.verdicts import VerdictKind
from tests.gates.machine.test_step import LAST, STAGE, Hand, limit, verdict


def advance(hand: Hand, stage: str | None = "tenth", by: str = "grace") -> list[Decision]:
    """An order to leave the stage."""
    return hand.take(Controlled(Signal.OPERATOR_ADVANCE, by, "because", stage=stage))


def refusal(hand: Hand) -> str:
    """Why the last order was refused."""
    outcome = hand.state.control
    assert outcome is not None
    assert not outcome.accepted
    return outcome.reason


def test_a_stage_is_left_by_hand() -> None:
    """With the author, and all that was overridden, in the reason."""
    hand = Hand([{**STAGE, "approval": True}, LAST])
    hand.second(verdict("a", VerdictKind.INCONCLUSIVE), verdict("b"))
    (decision,) = advance(hand)
    assert (decision.action, decision.stage, decision.by) == (Action.ADVANCE, "half", "grace")
    assert decision.weights == {"stable": 50, "canary": 50}
    assert decision.reason == (
        "grace ordered advance from stage tenth, overriding its bake (1s of 3s done), a (INCONCLUSIVE), "
        "its approval (missing) (reason: because)"
    )
    assert (hand.state.phase, hand.state.progress.index, hand.state.progress.baked_ms) == (Phase.BAKING, 1, 0)


def test_a_stage_that_is_not_judged_or_confirmed_is_left_by_hand() -> None:
    """What nobody has seen is named as such."""
    hand = Hand(acked=False)
    (decision,) = advance(hand)
    assert decision.reason == (
        "grace ordered advance from stage tenth, overriding its bake (0s of 3s done), its checks (no pane of the stage "
        "has been judged yet), its weights' confirmation (missing) (reason: because)"
    )


def test_nothing_is_overridden_where_nothing_was_missing() -> None:
    """A stage that passes on the next pane anyway."""
    hand = Hand()
    hand.second()
    hand.state = replace(hand.state, progress=replace(hand.state.progress, baked_ms=3_000), phase=Phase.BAKING)
    (decision,) = advance(hand)
    assert decision.reason == "grace ordered advance from stage tenth (reason: because)"


@pytest.mark.parametrize(("phase", "word"), [(Phase.HELD, "hold"), (Phase.PAUSED, "pause")])
def test_a_hold_and_a_pause_are_overridden(phase: Phase, word: str) -> None:
    """The rollout goes on at the next stage, and the reason has that of the hold or pause."""
    hand = Hand()
    hand.second(limit(on_fail=word))
    assert hand.state.phase is phase
    (decision,) = advance(hand)
    assert f"overriding the {word} (a: FAIL), its bake (1s of 3s done), a (FAIL) (reason" in decision.reason
    assert hand.state.phase is Phase.BAKING


def test_a_repeated_advance_skips_nothing() -> None:
    """The copy names the stage that was left."""
    hand = Hand([STAGE, LAST, {"name": "all", "weight": "100%", "bake": "3s"}])
    assert [decision.stage for decision in advance(hand)] == ["half"]
    assert advance(hand) == []
    assert refusal(hand) == "advance refused: it names stage tenth, the rollout is at stage half"
    assert advance(hand, None) == []
    assert refusal(hand) == "advance refused: it names no stage, the rollout is at stage half"


def test_the_last_stage_is_left_by_a_promotion_only() -> None:
    """An advance by hand never ends a rollout."""
    hand = Hand()
    advance(hand)
    assert advance(hand, "half") == []
    assert refusal(hand) == "advance refused: half is the last stage; promote the rollout instead"


@pytest.mark.parametrize("end", [Signal.OPERATOR_ROLLBACK, Signal.OPERATOR_PROMOTE])
def test_an_ended_rollout_is_not_advanced(end: Signal) -> None:
    """Whatever stage it names."""
    hand = Hand()
    hand.say(end)
    hand.ack()
    ended: Any = hand.state.phase
    assert advance(hand) == []
    assert refusal(hand) == f"advance refused: the rollout is {ended.value.replace('_', ' ')}"


@pytest.mark.parametrize(
    ("end", "order", "name"),
    [(Signal.OPERATOR_ROLLBACK, "rollback", "rollback"), (Signal.OPERATOR_PROMOTE, "promote", "promotion")],
)
def test_an_end_that_is_not_confirmed_is_not_shown_as_done(end: Signal, order: str, name: str) -> None:
    """An order that is repeated meanwhile: which try it is, who failed and with what words."""
    hand = Hand()
    hand.say(end)
    hand.say(end)
    known = f"{order} refused: the {name} is ordered and not confirmed"
    assert refusal(hand) == f"{known} (try 1 of 5; no actuator has reported); it is sent again"
    last = hand.state.last
    assert last is not None
    hand.take(Acked(1, last.sequence, "failed", {}, "haproxy", "connection refused"))
    for _ in range(2):
        pending = hand.state.pending
        assert pending is not None
        hand.now = pending.due
        hand.take(Ticked())
    hand.say(end)
    assert refusal(hand) == f"{known} (try 3 of 5; haproxy failed: connection refused); it is sent again"
    for _ in range(3):
        hand.now += 600_000
        hand.take(Ticked())
    hand.say(end)
    assert refusal(hand).startswith(f"{known} (5 tries used up; ")
    hand.ack()
    hand.say(end)
    assert refusal(hand) == f"{order} refused: the rollout is {hand.state.phase.value.replace('_', ' ')}"


def rollback(hand: Hand, *, confirmed: bool = False) -> list[Action]:
    """An order to roll back."""
    order = Controlled(Signal.OPERATOR_ROLLBACK, "grace", "", confirmed=confirmed)
    return [decision.action for decision in hand.take(order)]


def test_a_late_rollback_of_a_promotion_is_confirmed() -> None:
    """An hour after it the old version may be gone: the refusal names what would happen to the traffic."""
    hand = Hand()
    hand.say(Signal.OPERATOR_PROMOTE)
    hand.now += CONFIRM_AFTER + 125_000
    assert rollback(hand) == []
    assert refusal(hand) == (
        "rollback refused: r was promoted 1h2m ago; a rollback moves all traffic from canary to stable, "
        "which may not be running any more; add --confirm to do so"
    )
    assert rollback(hand, confirmed=True) == [Action.ROLLBACK]


def test_a_prompt_rollback_of_a_promotion_needs_nothing() -> None:
    """Up to an hour after it, and of a rollout that still runs at any time."""
    hand = Hand()
    hand.say(Signal.OPERATOR_PROMOTE)
    hand.now += CONFIRM_AFTER
    assert rollback(hand) == [Action.ROLLBACK]
    running = Hand()
    running.now += CONFIRM_AFTER + 1
    assert rollback(running) == [Action.ROLLBACK]


def test_an_epoch_of_the_first_rules_needs_no_confirmation() -> None:
    """Its journal folds to the decisions that were published."""
    hand = Hand()
    hand.say(Signal.OPERATOR_PROMOTE)
    hand.state = replace(hand.state, rules=1)
    hand.now += CONFIRM_AFTER + 1
    assert rollback(hand) == [Action.ROLLBACK]
