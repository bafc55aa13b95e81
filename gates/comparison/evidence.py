"""The two e-processes of an `Evidence`, and how they go on where no baseline is left to compare with."""

from __future__ import annotations

from gates.stats import single_arm
from gates.stats.mixture import EffectMixture


class Betting:
    """What speaks for the candidate being worse than allowed, and for its being good enough."""

    def __init__(self, worse: EffectMixture, good: EffectMixture) -> None:
        self._worse = worse
        self._good = good

    @property
    def worse(self) -> float:
        """The e-value for the candidate being worse than allowed."""
        return self._worse.get()

    @property
    def good(self) -> float:
        """The e-value for the candidate being good enough."""
        return self._good.get()

    def _bet_alone(
        self, bad: float, events: int, objective: float | None, *, eligible: bool, dispersion: float = 1.0
    ) -> None:
        """Take in one pane of the candidate alone, against the share `objective` of bad events; None says nothing."""
        if objective is None or not events:
            self._worse.bet(None)
            return

        self._worse.bet(single_arm.log_factors(bad, events, self._worse.effects, objective), dispersion)
        if eligible:
            self._good.bet(single_arm.log_factors(bad, events, self._good.effects, objective), dispersion)
