"""Whether an order may still be carried out. Pure: the clock is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.actuators.wanted import Token


class Ruling(StrEnum):
    """What to do about an order."""

    APPLY = "apply"
    """It is the newest: apply it."""
    REPEAT = "repeat"
    """It is in force already: repeat the ack, change nothing."""
    STALE = "stale"
    """A newer one was seen: reject it."""
    EXPIRED = "expired"
    """Its expiry has passed."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The newest order of one rollout that an actuator has seen, and the last that it applied.

    An order older than the newest *seen* is stale, even if that one failed or came too late: after a rollback nothing
    from before it may raise the candidate's weight. The newest itself may be tried until it is applied. `remembered` is
    whether what was seen is only what the actuator had at its start, and no order has come since.

    >>> fence = Fence().after(Token(1, 2), applied=True)
    >>> [fence.rule(Token(1, n), None, 0).value for n in (1, 2, 3)]
    ['stale', 'repeat', 'apply']
    """

    seen: Token | None = None
    applied: Token | None = None
    remembered: bool = False

    def rule(self, token: Token, expires_at: int | None, now: int) -> Ruling:
        """What to do about an order at `now`; times are in milliseconds since the epoch, None never expires."""
        if self.seen is not None and token < self.seen:
            return Ruling.STALE
        if token == self.applied:
            return Ruling.REPEAT
        if expires_at is not None and now > expires_at:
            return Ruling.EXPIRED
        return Ruling.APPLY

    def after(self, token: Token, *, applied: bool) -> Fence:
        """The fence after an order that was not stale."""
        if self.seen is not None and token < self.seen:
            return self
        return Fence(token, token if applied else self.applied)
