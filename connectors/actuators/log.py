"""The actuator that only logs orders: for trying out, and as a record beside another actuator."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from connectors.actuators.wanted import Wanted

_log = logging.getLogger(__name__)


class LogActuator:
    """Logs each wanted state (as info, or as a warning if it pages a person) and reports it as observed."""

    def __init__(self, name: str = "log") -> None:
        self.name = name

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Log the state; return its weights, per cent by cohort."""
        weights = ", ".join(f"{cohort} {weight:g}%" for cohort, weight in wanted.weights.items())
        level = logging.WARNING if wanted.escalate else logging.INFO
        _log.log(level, "%s %s at %s: %s: %s", wanted.id, wanted.action, wanted.stage, weights, wanted.reason)
        return wanted.weights
