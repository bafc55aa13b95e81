"""What the checks have in common that look at windows alone: nothing is gathered, nothing compared."""

from __future__ import annotations

from gates.panes import Pane
from gates.policy import CheckDefinition
from gates.slis.check import PaneUse
from gates.stats.ratio_interval import Interval
from gates.verdicts import Measurement, Verdict, VerdictKind


class Windowed:
    """The part of a `Check` that is the same for all of them; a subclass adds `verdict`."""

    def __init__(self, name: str, definition: CheckDefinition) -> None:
        self.name = name
        self._severity = definition.severity
        self._on_fail = definition.on_fail

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Nothing to gather: the windows hold it all."""

    def enter_stage(self) -> None:
        """Nothing was gathered."""

    @property
    def worse(self) -> float | None:
        """None: nothing is compared."""
        return None

    def interval(self) -> Interval | None:
        """None: nothing is compared."""
        return None

    @property
    def evidence(self) -> dict[str, object]:
        """Nothing."""
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
        """The verdict of a kind and its reason."""
        kind, reason = found
        return Verdict(
            self.name,
            kind,
            f"{self.name}: {reason}",
            window,
            candidate,
            baseline,
            severity=self._severity,
            on_fail=self._on_fail,
            absolute=kind is VerdictKind.FAIL,
            baseline_beyond=baseline_beyond,
        )
