"""Actuators put ordered weights into force: write an `apply`, and `serve` does the rest.

An actuator is a name and `async def apply(wanted) -> observed weights`. `run` and `serve` subscribe it to the gate:
they refuse orders that are stale or expired, carry out the newest, and send acks with the observed weights.
"""

from connectors.actuators.actuator import Actuator, Observes
from connectors.actuators.file import FileActuator
from connectors.actuators.log import LogActuator
from connectors.actuators.subscription import run, serve
from connectors.actuators.wanted import Wanted

__all__ = ["Actuator", "FileActuator", "LogActuator", "Observes", "Wanted", "run", "serve"]
