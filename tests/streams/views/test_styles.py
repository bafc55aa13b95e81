"""Colours: every phase, verdict and action has one."""

from rich.style import Style

from gates.decisions import Action
from gates.machine.transitions import Phase
from gates.verdicts import VerdictKind
from streams.views.styles import ACTION_STYLES, PHASE_STYLES, UNKNOWN_STYLE, VERDICT_STYLES


def test_none_is_missing() -> None:
    """A new one must get its colour here."""
    assert set(PHASE_STYLES) == {phase.value for phase in Phase}
    assert set(VERDICT_STYLES) == {kind.value for kind in VerdictKind}
    assert set(ACTION_STYLES) == {action.value for action in Action}


def test_each_is_a_style() -> None:
    """Rich would fail only where it is shown."""
    for style in (*PHASE_STYLES.values(), *VERDICT_STYLES.values(), *ACTION_STYLES.values(), UNKNOWN_STYLE):
        Style.parse(style)
