"""Freezes: nothing starts, advances or is promoted; everything else goes on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gates.decisions import Action, Decision
from gates.machine.freezes import Freeze, Frozen, frozen
from gates.machine.rollout import Controlled, Moment, Started
from gates.machine.starting import refusal_of_start
from gates.machine.step import start
from gates.machine.transitions import Phase, Signal
from gates.verdicts import VerdictKind
from tests.gates.machine.test_step import CHECKS, LAST, STAGE, Hand, limit, verdict
from tests.gates.pane_builders import T0, policy

PEAK = Freeze("ann", "peak sales", until=T0 + 60_000)
TEXT = "rollouts are frozen by ann until 2026-01-01 00:01:00Z (reason: peak sales)"


@dataclass
class FrozenHand(Hand):
    """A machine under these freezes."""

    freezes: tuple[Freeze, ...] = (PEAK,)

    @property
    def moment(self) -> Moment:
        """Now, under the freezes."""
        return Moment(self.now, self.now, self.now, (0, 0), self.freezes)


def order(hand: Hand, signal: Signal, *, override: bool = False) -> list[Decision]:
    """An operator's order, about the present stage."""
    given = Controlled(signal, "grace", "because", stage=hand.state.stage.name, override_freeze=override)
    return hand.take(given)


def test_a_stage_bakes_and_waits_for_the_end_of_the_freeze() -> None:
    """Held once, without a page, and advanced by the first pane after it."""
    hand = FrozenHand()
    decisions = [decision for _ in range(59) for decision in hand.second()]
    assert [(each.action, each.escalate) for each in decisions] == [(Action.HOLD, False)]
    assert decisions[0].reason == (f"stage tenth has passed, but {TEXT}; the rollout goes on when the freeze ends")
    assert hand.state.cause is Signal.FROZEN
    (advance,) = hand.second()
    assert (advance.action, hand.now) == (Action.ADVANCE, T0 + 60_000)


def test_the_last_stage_is_not_promoted_either() -> None:
    """By the gate."""
    hand = FrozenHand([LAST], freezes=(Freeze("ann", ""),))
    decisions = [decision.action for _ in range(9) for decision in hand.second()]
    assert decisions == [Action.HOLD]


def test_a_freeze_stops_no_rollback_and_no_pause() -> None:
    """Guard rails come first."""
    for verdict_of, phase in ((limit(), Phase.ROLLED_BACK), (limit(on_fail="pause"), Phase.PAUSED)):
        hand = FrozenHand()
        hand.second(verdict_of)
        assert hand.state.phase is phase
    hand = FrozenHand()
    order(hand, Signal.OPERATOR_PAUSE)
    assert [each.action for each in order(hand, Signal.OPERATOR_RESUME)] == [Action.RESUME]
    assert [each.action for each in order(hand, Signal.OPERATOR_ROLLBACK)] == [Action.ROLLBACK]


@pytest.mark.parametrize(
    ("signal", "action", "text"),
    [
        (
            Signal.OPERATOR_PROMOTE,
            Action.PROMOTE,
            f"promote, overriding a freeze ({TEXT}) (reason: because)",
        ),
        (
            Signal.OPERATOR_ADVANCE,
            Action.ADVANCE,
            f"advance from stage tenth, overriding a freeze ({TEXT}), ",
        ),
    ],
)
def test_an_order_needs_a_flag(signal: Signal, action: Action, text: str) -> None:
    """What it overrides is recorded."""
    hand = FrozenHand()
    assert order(hand, signal) == []
    outcome = hand.state.control
    name = signal.value.removeprefix("operator_")
    assert outcome is not None
    assert (outcome.accepted, outcome.reason) == (
        False,
        f"{name} refused: {TEXT}; wait for its end, or add --override-freeze",
    )
    (decision,) = order(hand, signal, override=True)
    assert decision.action is action
    assert decision.reason.startswith(f"grace ordered {text}")


def test_a_frozen_start_needs_a_flag() -> None:
    """Also of a rollout that was never started."""
    moment = Moment(T0, T0, T0, (0, 0), (PEAK,))
    plain = Started(policy(CHECKS, stages=[STAGE, LAST]), "ada", "new")
    assert refusal_of_start(None, plain, moment) == f"{TEXT}; wait for its end, or add --override-freeze"
    flagged = Started(plain.policy, "ada", "new", override_freeze=True)
    assert refusal_of_start(None, flagged, moment) == ""
    (decision,) = start(None, flagged, moment).outputs
    assert isinstance(decision, Decision)
    assert decision.reason == f"ada started r at stage tenth, overriding a freeze ({TEXT}) (reason: new)"


def test_the_timeout_does_not_run_during_a_freeze() -> None:
    """Else the first pane after it that lacks something would page; a resume counts from zero again."""
    hand = FrozenHand([{**STAGE, "timeout": "10s"}, LAST])
    weak = verdict("a", VerdictKind.INCONCLUSIVE)
    for _ in range(59):
        hand.second(weak)
    assert hand.state.phase is Phase.HELD
    assert hand.state.progress.frozen_ms == 59_000
    phases = []
    for _ in range(12):
        hand.second(weak)
        phases.append(hand.state.phase)
    assert phases == [Phase.HELD] * 9 + [Phase.PAUSED] * 3
    order(hand, Signal.OPERATOR_RESUME)
    assert hand.state.progress.frozen_ms == 0


def test_a_freeze_by_label() -> None:
    """It holds for the rollouts whose policy has the label with this value."""
    tier = Freeze("ann", "", "tier=1")
    assert not tier.holds(policy(CHECKS, labels={"tier": "2"}), T0)
    assert not tier.holds(policy(CHECKS), T0)
    assert frozen(policy(CHECKS, labels={"tier": "1"}), (tier,), T0) == Frozen("ann", "", "tier=1", None)
    assert Frozen("ann", "", "tier=1", None).text == "rollouts with label tier=1 are frozen by ann"


def test_of_several_freezes_the_longest_is_shown() -> None:
    """Those of the policy's own windows too."""
    frozen_policy = policy(CHECKS, freeze=[{"days": ["thu"]}])  # 1 January 2026
    until = T0 + 86_400_000
    assert frozen(frozen_policy, (PEAK,), T0) == Frozen(None, "", None, until)
    assert frozen(frozen_policy, (Freeze("ann", ""), PEAK), T0) == Frozen("ann", "", None, None)
    assert Frozen(None, "", None, until).text == "a freeze window of the policy holds until 2026-01-02 00:00:00Z"
    assert frozen(policy(CHECKS), (PEAK,), T0 + 60_000) is None
