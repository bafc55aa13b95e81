"""What an actuator is: it puts ordered weights into force, and returns the weights that it then observes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from connectors.actuators.wanted import Wanted


class Actuator(Protocol):
    """Puts orders into force. `name` is in its acks, so it must be unique within an installation."""

    @property
    def name(self) -> str:
        """Its name in acks."""

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Put a state into force, and return the weights then observed: per cent of the traffic by cohort.

        Each call has the whole wanted state. Calls for one rollout come one at a time, calls for different rollouts at
        the same time. The same state may come again, after a restart or a failure. A call that takes too long is
        cancelled. It must not block the event loop (use `asyncio.to_thread`). If it raises, the order has failed: it
        is tried again after some seconds, and the gate repeats it.
        """


@runtime_checkable
class Remembers(Protocol):
    """An actuator that keeps the newest order applied across restarts, so that nothing older is applied after one."""

    def last_applied(self) -> Mapping[str, tuple[int, int]]:
        """The (epoch, sequence) of the last order applied, by rollout."""


@runtime_checkable
class Observes(Protocol):
    """An actuator that can look at the weights in force at any time, so that changes by others are noticed."""

    async def observe(self, wanted: Wanted) -> Mapping[str, float] | None:
        """The weights in force of the rollout of an order that was applied; None if a newer order is in force.

        If nothing is in force for the rollout, they are empty. If it raises, they are unknown.
        """
