"""Orders that are sent twice, late, or in the middle of anything else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action, Decision
from streams.journal import Control, Origin, Progress, decode, encode
from streams.judge.fold import Fold
from tests.properties.hand import journals
from tests.properties.journals import ROLLOUT, Script, render, scripts


def ordered(offset: int, stage: str) -> Control:
    """An order to leave a stage, as the command sends it, in a message of its own each time."""
    origin = Origin("rollout-controls", 1, offset)
    return Control(rollout=ROLLOUT, control="advance", by="ada", at=0, stage=stage, origin=origin)


@journals
@given(scripts(), st.integers(2, 5), st.integers(2, 3))
def test_a_repeated_advance_leaves_one_stage(script: Script, every: int, copies: int) -> None:
    """However often the order for a stage is sent, it leaves that stage at most, and never ends the rollout."""
    fold, sent = Fold(0), 0
    for number, record in enumerate(render(script)):
        fold.apply(decode(encode(record)), fold.offset + 1)
        gate = fold.rollouts[ROLLOUT].gate
        assert gate is not None
        if isinstance(record, Progress) and number % every == 0:
            before, outputs = gate.state, []
            for _ in range(copies):
                sent += 1
                outputs += fold.apply(ordered(sent, before.stage.name), fold.offset + 1)
            assert gate.state.progress.index - before.progress.index in (0, 1)
            assert gate.ended == (before.phase.value in ("rolled_back", "promoted"))
            by_hand = [each for each in outputs if isinstance(each, Decision) and each.by == "ada"]
            assert [each.action for each in by_hand if each.action is not Action.START] in ([], [Action.ADVANCE])
