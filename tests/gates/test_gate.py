"""A gate from its start to its end: evidence follows the machine, and snapshots at any point."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gates.decisions import Action, Command, Decision
from gates.evidence.indicators import Indicators
from gates.gate import Gate
from gates.machine.facts import Output
from gates.machine.rollout import Acked, Controlled, Moment, Started
from gates.machine.transitions import Phase, Signal
from gates.panes import Cell
from tests.gates.pane_builders import T0, cell, pane, policy

ERRORS = {"errors": {"sli": "error_rate", "ratio": 1.25, "limit": "20%", "window": "5s"}}
POLICY = policy(ERRORS, stages=[{"name": "tenth", "weight": "10%", "bake": "10s"}], commands={"ack_within": "2s"})
GOOD, BAD = cell(50, 1), cell(50, 40)


def at(second: int) -> Moment:
    """A second since T0, by every clock."""
    now = T0 + second * 1_000
    return Moment(now, now, now, (0, second))


def acked(gate: Gate, second: int) -> None:
    """Let an actuator confirm the last decision."""
    last = gate.state.last
    assert last is not None
    gate.ack(Acked(last.epoch, last.sequence, "applied", last.weights, "x"), at(second))


def started() -> Gate:
    """A gate whose first stage is confirmed."""
    gate, _ = Gate.begin(None, Started(POLICY, "ada", "new"), at(0))
    acked(gate, 0)
    return gate


def fed(gate: Gate, candidate: Cell, seconds: range) -> list[Output]:
    """What the gate publishes for these seconds."""
    return [output for second in seconds for output in gate.pane(pane(second, candidate, cell(450, 9)), at(second + 1))]


def decisions(outputs: list[Output]) -> list[Action]:
    """The actions among them."""
    return [output.action for output in outputs if isinstance(output, Decision)]


def test_a_failing_candidate_ends_the_rollout() -> None:
    """Rolled back on the first window that is bad enough; from then on no pane is judged."""
    gate = started()
    assert fed(gate, GOOD, range(3)) == []
    outputs = fed(gate, BAD, range(3, 8))
    assert decisions(outputs) == [Action.ROLLBACK]
    assert gate.ended
    assert isinstance(gate.evidence, Indicators)
    assert fed(gate, BAD, range(8, 10)) == []


def test_the_decision_and_its_command_have_the_same_intervals() -> None:
    """Intervals are added after the step, and to all that carries the decision."""
    gate = started()
    outputs = fed(gate, BAD, range(8))
    (decision,) = (output for output in outputs if isinstance(output, Decision))
    (command,) = (output for output in outputs if isinstance(output, Command))
    assert decision.checks[0].intervals.ratio is not None
    assert command.decision == decision == gate.state.last


def test_a_tick_sends_only_what_is_due() -> None:
    """Without a pending order a tick does nothing; an order without an ack is sent again."""
    gate = started()
    assert gate.tick(at(60)) == ()
    gate.control(Controlled(Signal.OPERATOR_ROLLBACK, "ada", "stop"), at(1))
    assert gate.tick(at(1)) == ()
    assert gate.tick(at(4)) != ()


def test_the_next_epoch_follows_the_one_before() -> None:
    """A start after an end is a new epoch, judged on its own evidence."""
    first = started()
    fed(first, BAD, range(8))
    second, outputs = Gate.begin(first, Started(POLICY, "ada", "again"), at(9))
    assert decisions(list(outputs)) == [Action.START]
    assert (second.state.epoch, second.state.phase) == (2, Phase.BAKING)


def test_a_decision_of_a_snapshot_has_the_same_bytes() -> None:
    """It is sent again until it is confirmed, with the blocks that made its evidence."""
    gate = started()
    fed(gate, cell(50, 9), range(20))
    restored = Gate.load(json.loads(json.dumps(gate.dump())))
    documents = [json.dumps(known.state.last.document()) for known in (gate, restored) if known.state.last]
    assert documents[0] == documents[1]
    assert '"blocks": {"number": ' in documents[0]
    assert json.dumps(restored.dump()) == json.dumps(gate.dump())


@pytest.mark.parametrize("seconds", [0, 1, 4, 9])
def test_a_snapshot_continues_bit_for_bit(seconds: int) -> None:
    """At the start, within a stage, and after the end."""
    whole = started()
    fed(whole, BAD, range(seconds))
    restored = Gate.load(json.loads(json.dumps(whole.dump())))
    rest = range(seconds, seconds + 5)
    assert fed(restored, BAD, rest) == fed(whole, BAD, rest)
    assert restored.dump() == whole.dump()
    assert restored.status(at(20)) == whole.status(at(20))


def test_a_snapshot_of_nothing_is_refused() -> None:
    """Neither evidence nor indicators: a gate without them could not judge."""
    document: dict[str, Any] = started().dump()
    with pytest.raises(ValueError, match="neither evidence nor indicators"):
        Gate.load({**document, "evidence": None})


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_gate_that_was_judged_ahead_judges_anew_from_an_earlier_time(confirmed: bool) -> None:
    """The stage bakes again, and a candidate that fails is rolled back: nothing waits for the time judged before."""
    gate = started() if confirmed else Gate.begin(None, Started(POLICY, "ada", "new"), at(0))[0]
    fed(gate, GOOD, range(100_000, 100_006))
    gate.judge_from(T0 + 10_000)
    assert gate.state.progress.baked_ms == 0
    assert (gate.state.progress.confirmed_at == T0 + 10_000) is confirmed
    again = Gate.load(json.loads(json.dumps(gate.dump())))
    outputs = fed(gate, BAD, range(10, 16))
    assert decisions(outputs) == [Action.ROLLBACK]
    assert fed(again, BAD, range(10, 16)) == outputs
    before = gate.state
    gate.judge_from(T0)
    assert gate.state is before
