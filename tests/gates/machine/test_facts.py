"""What a step reports: every order that changes the rollout has its facts, in the order in which they happened."""

from __future__ import annotations

import pytest

from gates.decisions import Decision
from gates.machine.facts import Decided, Ended, StepResult
from gates.machine.rollout import Controlled, Moment, RolloutState, Started, Ticked
from gates.machine.step import start, step
from gates.machine.transitions import Signal
from tests.gates.pane_builders import T0, policy

NOW = Moment(T0, T0, T0, (0, 0))


def begun() -> StepResult:
    """A rollout that was just started."""
    return start(None, Started(policy(), "ada", "new"), NOW)


def ordered(state: RolloutState, control: Signal) -> StepResult:
    """The result of an operator's order."""
    return step(state, Controlled(control, "ada", "why"), NOW)


def test_a_result_may_be_the_state_alone() -> None:
    """An input that changes nothing publishes nothing and is no fact."""
    state = begun().state
    assert step(state, Ticked(), NOW) == StepResult(state)


@pytest.mark.parametrize("control", [Signal.OPERATOR_ROLLBACK, Signal.OPERATOR_PROMOTE])
def test_an_end_is_decided_before_it_is_reached(control: Signal) -> None:
    """The evidence is dropped at `Ended`, so the decision must have had its intervals before."""
    first, second = ordered(begun().state, control).facts
    assert isinstance(first, Decided)
    assert second == Ended()


def test_a_pause_is_decided_and_ends_nothing() -> None:
    """The decision of the fact is the one that is published."""
    result = ordered(begun().state, Signal.OPERATOR_PAUSE)
    assert [fact.decision for fact in result.facts if isinstance(fact, Decided)] == [
        output for output in result.outputs if isinstance(output, Decision)
    ]
    assert Ended() not in result.facts
