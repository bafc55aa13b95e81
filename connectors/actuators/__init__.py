"""Who makes wanted weights so: write an `apply`, and `serve` does the rest.

An actuator is a name and `async def apply(wanted) -> observed weights`. `run` and `serve` subscribe it to the gate:
they drop what is older than what was seen or has expired, carry out the newest, and acknowledge with what was observed.
"""

from connectors.actuators.actuator import Actuator
from connectors.actuators.file import FileActuator
from connectors.actuators.log import LogActuator
from connectors.actuators.subscription import run, serve
from connectors.actuators.wanted import Wanted

__all__ = ["Actuator", "FileActuator", "LogActuator", "Wanted", "run", "serve"]
