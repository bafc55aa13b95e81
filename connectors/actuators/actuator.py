"""What an actuator is: it makes wanted weights so, and says what it then observes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from connectors.actuators.wanted import Wanted


class Actuator(Protocol):
    """Makes it so. `name` signs its acks, so it tells one actuator from the others of an installation."""

    @property
    def name(self) -> str:
        """Its name in acks."""

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Make it so, and give the weights then observed: per cent of the traffic by cohort.

        Called with whole wanted states, for one rollout one at a time, and for different rollouts at the same time. The
        same state may come again: after a restart, and after a failure. It is cancelled when it takes too long, and
        must not block the event loop (`asyncio.to_thread` is for that). Whatever it raises says that it failed; the
        gate then orders it again.
        """


@runtime_checkable
class Remembers(Protocol):
    """An actuator that knows across restarts what it applied last; so that nothing older is applied after one."""

    def last_applied(self) -> Mapping[str, tuple[int, int]]:
        """(epoch, sequence) by rollout."""
