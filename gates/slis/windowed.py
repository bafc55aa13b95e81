"""What the checks on windows alone have in common: no evidence, no comparison."""

from __future__ import annotations

from collections.abc import Mapping

from gates.comparison.count_evidence import BlockState
from gates.evidence_view import PaneUse
from gates.panes import Pane
from gates.verdicts import NO_INTERVALS, Intervals, Measurement, Verdict, VerdictKind
from gates.windows import CohortWindow


class Windowed:
    """The part of a `Check` that is the same for all of them; a subclass adds `verdict`."""

    def __init__(self, name: str, severity: str = "standard", on_fail: str = "rollback") -> None:
        self.name = name
        self._severity = severity
        self._on_fail = on_fail

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """No evidence: all counts are in the windows."""

    def enter_stage(self) -> None:
        """No evidence to reset."""

    @property
    def worse(self) -> float | None:
        """None: nothing is compared."""
        return None

    @property
    def blocks(self) -> BlockState | None:
        """None: nothing is compared."""
        return None

    def intervals(self, windows: Mapping[str, CohortWindow]) -> Intervals:
        """None to display."""
        return NO_INTERVALS

    @property
    def evidence(self) -> dict[str, object]:
        """None."""
        return {}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...

    def made(
        self,
        found: tuple[VerdictKind, str],
        window: tuple[int, int],
        candidate: Measurement,
        baseline: Measurement,
        *,
        baseline_beyond: bool = False,
    ) -> Verdict:
        """The verdict of an outcome and its reason."""
        outcome, reason = found
        return Verdict(
            self.name,
            outcome,
            f"{self.name}: {reason}",
            window,
            candidate,
            baseline,
            severity=self._severity,
            on_fail=self._on_fail,
            absolute=outcome is VerdictKind.FAIL,
            baseline_beyond=baseline_beyond,
        )
