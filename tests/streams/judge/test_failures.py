"""A rollout that cannot be judged is paused, and the others of its journal partition go on."""

from __future__ import annotations

import msgspec
import pytest

from gates.decisions import Action
from gates.gate import Gate
from gates.machine.facts import Output
from gates.machine.rollout import Moment
from gates.panes import Pane
from streams.cells import SourcePartition
from streams.journal import Control, Progress, Record, SourceProgress
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput, JudgingFailed, RolloutStatus
from streams.offline.replay import distinct_decisions
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT, T0, a_start, published
from tests.streams.judge.restarts import reloaded

SOURCE = SourcePartition("other", 0)


def test_a_rollout_that_cannot_be_judged_is_paused_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pause pages and is given once; an operator may still roll it back, and a replay gives the same bytes."""
    judged = Gate.pane

    def fail_for_one(gate: Gate, pane: Pane, moment: Moment) -> tuple[Output, ...]:
        if gate.state.policy.rollout == ROLLOUT:
            raise OverflowError("an integer is outside the range")
        return judged(gate, pane, moment)

    monkeypatch.setattr(Gate, "pane", fail_for_one)
    other = msgspec.structs.replace(a_start(a_policy(rollout="other")), rollout="other")
    back = Control(rollout=ROLLOUT, control="rollback", by="ann", at=T0)
    seen = [SourceProgress(SOURCE, at, T0 + at * 1_000, True) for at in range(1, 9)]
    walls = [Progress(worker="w", wall=each.newest or 0, sources=[each]) for each in seen]
    records: list[Record] = [a_start(a_policy()), other, *walls, back]

    straight, restarted = Fold(0), Fold(0)
    found = [output for at, record in enumerate(records) for output in straight.apply(record, at)]
    again: list[FoldOutput] = []
    for at, record in enumerate(records):
        restarted = reloaded(restarted)
        again += restarted.apply(record, at)
    assert published(again) == published(found)

    decisions = [each for each in distinct_decisions(found) if each.rollout == ROLLOUT]
    assert [(each.action, each.escalate) for each in decisions] == [
        (Action.START, False),
        (Action.PAUSE, True),
        (Action.ROLLBACK, False),
    ]
    assert "judging failed: OverflowError" in decisions[1].reason
    assert sum(isinstance(each, JudgingFailed) for each in found) > 1
    others = [each for each in found if isinstance(each, RolloutStatus) and each.rollout == "other"]
    assert len(others) > 3
