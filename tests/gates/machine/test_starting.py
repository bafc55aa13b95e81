"""Starts that would be a mistake, and the flag that carries each out nevertheless."""

from __future__ import annotations

from typing import Any

import pytest

from gates.machine.rollout import Started
from gates.machine.starting import Standing, refusal, refusal_of_start, traffic_moved
from gates.machine.transitions import Signal
from tests.gates.machine.test_step import CHECKS, LAST, STAGE, Hand
from tests.gates.pane_builders import policy

COHORTS = {"baseline": "stable", "candidate": "canary"}
MOVED = "r is promoted (canary 100%); starting it again sets canary to 10% and stable to 90%"


def standing(phase: str = "baking", owner: str | None = None) -> Standing:
    """A rollout in this phase."""
    return Standing(phase, 3, owner, COHORTS)


def a_policy(**changes: Any) -> Any:
    """A policy whose first stage is at 10%."""
    return policy(CHECKS, **{"stages": [STAGE, LAST], **changes})


@pytest.mark.parametrize("phase", ["baking", "held", "paused", "rolled_back"])
def test_a_start_that_takes_nothing_from_a_promoted_candidate(phase: str) -> None:
    """Only a promoted rollout has all the traffic to lose."""
    assert refusal(standing(phase), a_policy(), confirmed=False, replace=False) == ""


def test_a_promoted_rollout_loses_its_traffic_only_with_a_flag() -> None:
    """The refusal has what would happen."""
    promoted = standing("promoted")
    assert refusal(promoted, a_policy(), confirmed=False, replace=False) == f"{MOVED}; add --yes to do so"
    assert refusal(promoted, a_policy(), confirmed=True, replace=False) == ""
    full = a_policy(stages=[{"name": "all", "weight": "100%", "bake": "3s"}])
    assert traffic_moved(promoted, full) == ""


def test_a_promotion_that_is_not_confirmed_is_not_shown_as_done() -> None:
    """The refusal has what is in force instead."""
    hand = Hand()
    hand.say(Signal.OPERATOR_PROMOTE)
    given, moved = Started(a_policy(), "ada", ""), "starting it again sets canary to 10% and stable to 90%"
    assert refusal_of_start(hand.state, given, hand.moment) == (
        "r is promoted, but the promotion is not confirmed (last confirmed: stable 90%, canary 10%); "
        f"{moved}; add --yes to do so"
    )
    hand = Hand(acked=False)
    hand.say(Signal.OPERATOR_PROMOTE)
    assert "not confirmed (no weights are confirmed in its epoch)" in refusal_of_start(hand.state, given, hand.moment)


def test_another_owner_or_other_cohorts_need_a_flag() -> None:
    """The differing fields are named with both values."""
    others = a_policy(owner="search", cohorts={"baseline": "stable", "candidate": "green"})
    assert refusal(standing(), others, confirmed=True, replace=False) == (
        "the policy differs from that of epoch 3: owner is search, was missing; "
        "cohorts.candidate is green, was canary; choose another name for another rollout, or add --replace"
    )
    assert refusal(standing(), others, confirmed=False, replace=True) == ""
    assert "owner is missing, was payments" in refusal(
        standing(owner="payments"), a_policy(), confirmed=False, replace=False
    )


def test_the_state_decides_under_the_rules_of_the_start() -> None:
    """A start in an old journal was carried out, so it is carried out when the journal is folded again."""
    hand = Hand()
    hand.say(Signal.OPERATOR_PROMOTE)
    hand.ack()
    given = Started(a_policy(owner="search"), "ada", "")
    refused = refusal_of_start(hand.state, given, hand.moment)
    assert refused.startswith("the policy differs from that of epoch 1: owner is search")
    assert refusal_of_start(hand.state, Started(a_policy(), "ada", ""), hand.moment) == f"{MOVED}; add --yes to do so"
    assert refusal_of_start(hand.state, Started(given.policy, "ada", "", rules=1), hand.moment) == ""
