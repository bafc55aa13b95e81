"""The phases of a rollout, the signals it reacts to, and the one table of what follows.

Nothing here computes. `lookup` is the only reader; a pair that is not in the table fails closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gates.decisions import Action


class Phase(StrEnum):
    """Where a rollout stands."""

    IDLE = "idle"
    BAKING = "baking"
    HELD = "held"
    PAUSED = "paused"
    ROLLED_BACK = "rolled_back"
    PROMOTED = "promoted"


class Signal(StrEnum):
    """What an operator ordered, or the gravest that applies to a pane (see `gates.machine.signals`)."""

    START = "start"
    OPERATOR_ROLLBACK = "operator_rollback"
    OPERATOR_PROMOTE = "operator_promote"
    OPERATOR_PAUSE = "operator_pause"
    OPERATOR_RESUME = "operator_resume"
    OPERATOR_APPROVE = "operator_approve"
    OPERATOR_ADVANCE = "operator_advance"
    PAUSE_REMINDER = "pause_reminder"  # a pause has lasted for pause.remind_after since the last page
    PAUSE_ROLLBACK = "pause_rollback"  # a pause has reached its deadline, and the policy then rolls back
    PAUSE_RESUME = "pause_resume"  # a pause has reached its deadline, and the policy then resumes
    FAILING = "failing"  # a check FAILs whose on_fail is rollback
    BASELINE_GONE = "baseline_gone"  # the same, but the baseline shows no sign of life: nothing to roll back to
    SHARED_CAUSE = "shared_cause"  # the candidate breaks a limit that the baseline breaks too, or is about to
    FAIL_PAUSES = "fail_pauses"  # a check FAILs whose on_fail is pause
    BROKEN = "broken"  # no ingest worker reports telemetry
    SILENT_LONG = "silent_long"  # a cohort without requests past no_data.pause_after
    BASELINE_BURNING = "baseline_burning"  # the baseline breaks a limit: nothing can be attributed to the candidate
    FAIL_HOLDS = "fail_holds"  # a check FAILs whose on_fail is hold
    SILENT = "silent"  # ... past no_data.hold_after
    INCOMPLETE = "incomplete"  # part of the telemetry missing or late past no_data.hold_after
    DOUBTED = "doubted"  # the traffic was not split as ordered
    UNCONFIRMED = "unconfirmed"  # no actuator acknowledged the weights in the allowed tries
    TIMED_OUT = "timed_out"  # the stage has not passed within its timeout
    PASSED_LAST = "passed_last"  # the last stage is baked and every check PASSes
    PASSED = "passed"  # the stage is baked and every check PASSes
    FROZEN = "frozen"  # the stage has passed, but a freeze holds
    AWAITING = "awaiting"  # only a person's approval is missing
    UNDECIDED = "undecided"  # the stage is baked but not every check PASSes on complete data
    STEADY = "steady"  # none of these: the stage bakes


@dataclass(frozen=True, slots=True)
class Transition:
    """The phase that follows and the decision that is published, if any.

    With `refused` the operator's control is refused. With `escalate` the decision pages a person.
    """

    phase: Phase
    action: Action | None = None
    refused: bool = False
    escalate: bool = False


_ACTIVE = (Phase.BAKING, Phase.HELD)
_RUNNING = (*_ACTIVE, Phase.PAUSED)
ENDED = (Phase.ROLLED_BACK, Phase.PROMOTED)
_PANES = tuple(Signal)[tuple(Signal).index(Signal.FAILING) :]

_PAUSING = (Signal.BASELINE_GONE, Signal.SHARED_CAUSE, Signal.FAIL_PAUSES, Signal.SILENT_LONG, Signal.TIMED_OUT)
_ALARMING = (Signal.BROKEN, Signal.BASELINE_BURNING, Signal.FAIL_HOLDS, Signal.DOUBTED, Signal.UNCONFIRMED)
WATCHED = (*_PAUSING[:-1], Signal.BROKEN, Signal.BASELINE_BURNING, Signal.FAIL_HOLDS)
"""What pages once more while the rollout is paused, if it is graver than the causes before."""

_TIMERS = (Signal.PAUSE_REMINDER, Signal.PAUSE_ROLLBACK, Signal.PAUSE_RESUME)
_HOLDING = (Signal.SILENT, Signal.INCOMPLETE, Signal.AWAITING, Signal.FROZEN, Signal.UNDECIDED)

_Table = dict[tuple[Phase, Signal], Transition]


def _rows(phases: tuple[Phase, ...], signals: tuple[Signal, ...], to: Transition) -> _Table:
    return {(phase, signal): to for phase in phases for signal in signals}


def _stay(phases: tuple[Phase, ...], signals: tuple[Signal, ...], *, refused: bool = False) -> _Table:
    return {(phase, signal): Transition(phase, refused=refused) for phase in phases for signal in signals}


TABLE: _Table = {
    # a start begins a new epoch from any phase, also after a rollback
    **_rows(tuple(Phase), (Signal.START,), Transition(Phase.BAKING, Action.START)),
    # signals of panes while the rollout bakes or is held
    **_rows(_RUNNING, (Signal.FAILING,), Transition(Phase.ROLLED_BACK, Action.ROLLBACK)),
    **_rows(_ACTIVE, _PAUSING, Transition(Phase.PAUSED, Action.PAUSE, escalate=True)),
    **_rows(_ACTIVE, _HOLDING, Transition(Phase.HELD, Action.HOLD)),
    **_rows(_ACTIVE, _ALARMING, Transition(Phase.HELD, Action.HOLD, escalate=True)),
    **_rows(_ACTIVE, (Signal.PASSED,), Transition(Phase.BAKING, Action.ADVANCE)),
    **_rows(_ACTIVE, (Signal.PASSED_LAST,), Transition(Phase.PROMOTED, Action.PROMOTE)),
    **_stay((Phase.BAKING,), (Signal.STEADY,)),
    (Phase.HELD, Signal.STEADY): Transition(Phase.BAKING, Action.RESUME),
    # a paused rollout waits for a person; only a failing check moves it (above), and the deadline of its policy
    **_stay((Phase.PAUSED,), tuple(signal for signal in _PANES if signal is not Signal.FAILING)),
    **_rows((Phase.PAUSED,), (*WATCHED, Signal.UNCONFIRMED), Transition(Phase.PAUSED, Action.PAUSE, escalate=True)),
    (Phase.PAUSED, Signal.PAUSE_REMINDER): Transition(Phase.PAUSED, Action.PAUSE, escalate=True),
    (Phase.PAUSED, Signal.PAUSE_ROLLBACK): Transition(Phase.ROLLED_BACK, Action.ROLLBACK),
    (Phase.PAUSED, Signal.PAUSE_RESUME): Transition(Phase.BAKING, Action.RESUME),
    **_stay((*_ACTIVE, *ENDED), _TIMERS),  # they belong to a pause
    # an end that no actuator confirmed is decided again, and pages: traffic may still reach a bad candidate
    (Phase.ROLLED_BACK, Signal.UNCONFIRMED): Transition(Phase.ROLLED_BACK, Action.ROLLBACK, escalate=True),
    (Phase.PROMOTED, Signal.UNCONFIRMED): Transition(Phase.PROMOTED, Action.PROMOTE, escalate=True),
    # operators
    **_rows((*_RUNNING, Phase.PROMOTED), (Signal.OPERATOR_ROLLBACK,), Transition(Phase.ROLLED_BACK, Action.ROLLBACK)),
    **_rows(_RUNNING, (Signal.OPERATOR_PROMOTE,), Transition(Phase.PROMOTED, Action.PROMOTE)),
    # out of one stage, whatever its checks are; a paused rollout goes on by it
    **_rows(_RUNNING, (Signal.OPERATOR_ADVANCE,), Transition(Phase.BAKING, Action.ADVANCE)),
    **_rows(_ACTIVE, (Signal.OPERATOR_PAUSE,), Transition(Phase.PAUSED, Action.PAUSE)),
    (Phase.PAUSED, Signal.OPERATOR_RESUME): Transition(Phase.BAKING, Action.RESUME),
    **_stay(_ACTIVE, (Signal.OPERATOR_APPROVE,)),  # recorded; the stage ends when nothing else is missing
    # controls that do not fit the phase are refused with a reason, and change nothing
    **_stay((Phase.ROLLED_BACK,), (Signal.OPERATOR_ROLLBACK, Signal.OPERATOR_PROMOTE), refused=True),
    **_stay((Phase.PROMOTED,), (Signal.OPERATOR_PROMOTE,), refused=True),
    **_stay((*ENDED, Phase.PAUSED), (Signal.OPERATOR_PAUSE, Signal.OPERATOR_APPROVE), refused=True),
    **_stay((*ENDED, *_ACTIVE), (Signal.OPERATOR_RESUME,), refused=True),
    **_stay(ENDED, (Signal.OPERATOR_ADVANCE,), refused=True),
}


def lookup(phase: Phase, signal: Signal) -> Transition:
    """What follows.

    A pair that is not in the table fails closed: a live rollout is held (a paused one stays paused) and a person paged;
    an ended one stays ended.
    """
    known = TABLE.get((phase, signal))
    if known is not None:
        return known
    if phase in _ACTIVE:
        return Transition(Phase.HELD, Action.HOLD, escalate=True)
    if phase is Phase.PAUSED:
        return Transition(Phase.PAUSED, Action.PAUSE, escalate=True)
    return Transition(phase)
