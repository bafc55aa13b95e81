"""Sets a rollout aside where the fold decides otherwise than was published, and keeps back what it decided. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gates.decisions import Command, Decision
from streams.judge.fold import Fold
from streams.judge.outputs import AckedBy, Acknowledged, FoldOutput, LateEvents, RolloutStatus
from streams.judge.published import Published
from streams.judge.set_aside import differing


def as_published(fold: Fold, published: Published, offset: int, outputs: Sequence[FoldOutput]) -> Sequence[FoldOutput]:
    """The outputs of the record at this offset without those of rollouts that are set aside by it."""
    decisions = [output for output in outputs if isinstance(output, Decision)]
    found = [each for each in published.differences(offset, decisions) if each.rollout not in fold.set_aside]
    if not found:
        return outputs
    names = {each.rollout for each in found}
    kept = [output for output in outputs if _rollout_of(output) not in names]
    return [*kept, *(fold.put_aside(each.rollout, differing(each.how, each.epoch)) for each in found)]


def _rollout_of(output: FoldOutput) -> str | None:
    match output:
        case Command():
            return output.decision.rollout
        case Decision() | RolloutStatus() | AckedBy() | Acknowledged() | LateEvents():
            return output.rollout
    return None
