"""Orders that are sent twice, late, or in the middle of anything else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action, Decision
from streams.journal import Control, Freeze, Origin, Progress, decode, encode
from streams.judge.fold import Fold
from tests.properties.hand import RAISING, journals
from tests.properties.journals import ROLLOUT, Script, render, scripts
from tests.streams.judge.restarts import reloaded


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


@journals
@given(scripts(), st.integers(1, 40), st.booleans())
def test_a_frozen_rollout_never_advances(script: Script, begins: int, restarts: bool) -> None:
    """Neither by itself nor by an order nor by a start, also after a restart; and it ends by a rollback only."""
    fold, frozen = Fold(0), False
    known: list[Decision] = []
    for number, record in enumerate(render(script)):
        if number == begins:
            fold.apply(Freeze(frozen=True, by="ann", at=0), fold.offset + 1)
            frozen = True
            fold = reloaded(fold) if restarts else fold
        gate = fold.rollouts[ROLLOUT].gate if number else None
        before = None if gate is None else (gate.state.epoch, gate.state.progress.index, gate.state.phase.value)
        outputs = fold.apply(decode(encode(record)), fold.offset + 1)
        given = {each.id for each in known}  # a decision without an ack is sent again, and that is no new one
        decided = [each for each in outputs if isinstance(each, Decision) and each.id not in given]
        for decision in decided:
            known.append(decision)
            for ack in (ack for actuator in script.actuators for ack in actuator.acks(known)):
                fold.apply(ack, fold.offset + 1)
        if frozen and before is not None:
            repeated = before[2] == "promoted"  # the end that no actuator confirmed is decided again
            assert not {each.action for each in decided} & {*RAISING, Action.START} or repeated
            gate = fold.rollouts[ROLLOUT].gate
            assert gate is not None
            assert (gate.state.epoch, gate.state.progress.index) == before[:2]
