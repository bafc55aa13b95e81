"""A rollout that cannot be judged: it is paused, and the others of its journal partition go on. Pure."""

from __future__ import annotations

from dataclasses import replace

from gates.decisions import Decision
from gates.gate import Gate
from gates.machine.rollout import Controlled, Moment
from gates.machine.transitions import Phase, Signal
from streams.judge.outputs import FoldOutput, JudgingFailed, RolloutStatus

BY = "sluicegate"
"""Who orders the pause, as its decision names it."""


def pause_failed(name: str, gate: Gate, moment: Moment, error: Exception) -> list[FoldOutput]:
    """Pause the rollout, and page: its weights stay, and only a person's order moves it.

    Every replay of the journal fails at the same record, so it gives this pause too. The reason has only the kind of
    error: a message of Python may have an address in memory, which would differ.
    """
    outputs: list[FoldOutput] = [JudgingFailed(name, repr(error))]
    if gate.ended or gate.state.phase is Phase.PAUSED:
        return outputs
    given = Controlled(Signal.OPERATOR_PAUSE, BY, f"judging failed: {type(error).__name__}")
    for output in gate.control(given, moment):
        paged = replace(output, escalate=True) if isinstance(output, Decision) else output
        if isinstance(paged, Decision):
            gate.state = replace(gate.state, last=paged)  # it may be sent again, and must not differ then
        outputs.append(paged)
    return [*outputs, RolloutStatus(name, gate.status(moment))]
