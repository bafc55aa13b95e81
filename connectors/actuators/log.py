"""The actuator that only says what is wanted; for trying out, and beside others as a record."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from connectors.actuators.wanted import Wanted

_log = logging.getLogger(__name__)


class LogActuator:
    """Logs each wanted state (level info, or warning where people are wanted) and reports it as observed."""

    def __init__(self, name: str = "log") -> None:
        self.name = name

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Log it; give the wanted weights, per cent by cohort."""
        weights = ", ".join(f"{cohort} {weight:g} %" for cohort, weight in wanted.weights.items())
        level = logging.WARNING if wanted.escalate else logging.INFO
        _log.log(level, "%s %s at %s: %s: %s", wanted.id, wanted.action, wanted.stage, weights, wanted.reason)
        return wanted.weights
