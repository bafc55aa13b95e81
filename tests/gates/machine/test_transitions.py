"""The table of transitions: total, closed on failure, and with no way up after a rollback."""

import itertools

import pytest

from gates.decisions import Action
from gates.machine.transitions import TABLE, Phase, Signal, Transition, lookup

RUNNING = (Phase.BAKING, Phase.HELD, Phase.PAUSED)
ENDED = (Phase.ROLLED_BACK, Phase.PROMOTED)
CONTROLS = (
    Signal.OPERATOR_ROLLBACK,
    Signal.OPERATOR_PROMOTE,
    Signal.OPERATOR_PAUSE,
    Signal.OPERATOR_RESUME,
    Signal.OPERATOR_ADVANCE,
)
RAISING = {Action.START, Action.ADVANCE, Action.PROMOTE}
PAIRS = list(itertools.product(Phase, Signal))


@pytest.mark.parametrize(("phase", "signal"), PAIRS)
def test_every_pair_is_in_the_table_or_fails_closed(phase: Phase, signal: Signal) -> None:
    """A pair the table lacks holds a live rollout and pages; one that has ended, or never began, stays as it is."""
    found = lookup(phase, signal)
    if (phase, signal) in TABLE:
        assert found is TABLE[phase, signal]
    elif phase in RUNNING:
        assert found == Transition(Phase.HELD, Action.HOLD, escalate=True)
    else:
        assert found == Transition(phase)


@pytest.mark.parametrize(("phase", "signal"), list(itertools.product(RUNNING, Signal)))
def test_the_table_names_every_signal_of_a_live_rollout(phase: Phase, signal: Signal) -> None:
    """What happens to a live rollout was decided by a person: no pair of it rests on failing closed."""
    assert (phase, signal) in TABLE


@pytest.mark.parametrize("signal", [signal for signal in Signal if signal is not Signal.START])
def test_nothing_but_a_start_leaves_a_rollback(signal: Signal) -> None:
    """Rolled back is the end of an epoch: no signal but a new start moves it, or raises the candidate."""
    found = lookup(Phase.ROLLED_BACK, signal)
    assert found.phase is Phase.ROLLED_BACK
    assert found.action in (None, Action.ROLLBACK)


@pytest.mark.parametrize("phase", RUNNING)
def test_a_failing_check_rolls_back_from_every_running_phase(phase: Phase) -> None:
    """Baking, held or paused: FAIL leads to rollback."""
    assert lookup(phase, Signal.FAILING) == Transition(Phase.ROLLED_BACK, Action.ROLLBACK)


@pytest.mark.parametrize(("phase", "signal"), PAIRS)
def test_only_a_start_a_pass_or_an_operator_raises_the_candidate(phase: Phase, signal: Signal) -> None:
    """No other signal starts, advances or promotes, or enters the promoted phase."""
    found = lookup(phase, signal)
    if found.action in RAISING and (phase, found.phase) != (Phase.PROMOTED, Phase.PROMOTED):
        operator = (Signal.OPERATOR_PROMOTE, Signal.OPERATOR_ADVANCE)
        assert signal in (Signal.START, Signal.PASSED, Signal.PASSED_LAST, *operator)
    if found.phase is Phase.PROMOTED and phase is not Phase.PROMOTED:
        assert signal in (Signal.PASSED_LAST, Signal.OPERATOR_PROMOTE)


@pytest.mark.parametrize(("phase", "signal"), PAIRS)
def test_only_a_failing_check_or_an_operator_rolls_back(phase: Phase, signal: Signal) -> None:
    """An outage is never a rollback: no signal about telemetry or acks enters the phase."""
    if lookup(phase, signal).phase is Phase.ROLLED_BACK and phase is not Phase.ROLLED_BACK:
        assert signal in (Signal.FAILING, Signal.OPERATOR_ROLLBACK, Signal.PAUSE_ROLLBACK)


ENDS_A_PAUSE = (Signal.START, Signal.FAILING, Signal.PAUSE_ROLLBACK, Signal.PAUSE_RESUME, *CONTROLS)


@pytest.mark.parametrize("signal", [signal for signal in Signal if signal not in ENDS_A_PAUSE])
def test_a_pause_waits_for_a_person(signal: Signal) -> None:
    """Whatever the panes show short of FAIL, a paused rollout stays paused; its policy may set a deadline."""
    assert lookup(Phase.PAUSED, signal).phase is Phase.PAUSED


@pytest.mark.parametrize(("phase", "control"), list(itertools.product((*RUNNING, *ENDED), CONTROLS)))
def test_a_control_is_obeyed_or_refused(phase: Phase, control: Signal) -> None:
    """An operator's word is never dropped without an answer; a refusal changes nothing."""
    found = lookup(phase, control)
    assert found.refused != (found.action is not None)
    if found.refused:
        assert found.phase is phase


def test_a_pair_outside_the_table_holds_and_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a row out of the table: the rollout is held and a person called, never advanced."""
    monkeypatch.delitem(TABLE, (Phase.BAKING, Signal.PASSED))
    assert lookup(Phase.BAKING, Signal.PASSED) == Transition(Phase.HELD, Action.HOLD, escalate=True)


def test_a_paused_pair_outside_the_table_stays_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failing closed never loosens: what waits for a person goes on waiting."""
    monkeypatch.delitem(TABLE, (Phase.PAUSED, Signal.STEADY))
    assert lookup(Phase.PAUSED, Signal.STEADY).phase is Phase.PAUSED
