"""Whether an order is still to be carried out: pure, the clock is passed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from connectors.actuators.wanted import Token


class Ruling(StrEnum):
    """What to do about an order."""

    APPLY = "apply"
    """It is the newest: make it so."""
    REPEAT = "repeat"
    """It is the one in force: say so again, change nothing."""
    STALE = "stale"
    """A newer one is known: reject it."""
    EXPIRED = "expired"
    """It is void by now."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What one rollout's actuator has seen: the newest order at all, and the last that it applied.

    Whatever is older than the newest *seen* is stale, even where that one failed or came too late: after a rollback
    nothing from before it may raise the candidate's weight. The newest itself may be tried until it is applied.

    >>> fence = Fence().after(Token(1, 2), applied=True)
    >>> [fence.rule(Token(1, n), None, 0).value for n in (1, 2, 3)]
    ['stale', 'repeat', 'apply']
    """

    seen: Token | None = None
    applied: Token | None = None

    def rule(self, token: Token, expires_at: int | None, now: int) -> Ruling:
        """What to do about an order at `now`; times are milliseconds since the epoch, `expires_at` None is never."""
        if self.seen is not None and token < self.seen:
            return Ruling.STALE
        if token == self.applied:
            return Ruling.REPEAT
        if expires_at is not None and now > expires_at:
            return Ruling.EXPIRED
        return Ruling.APPLY

    def after(self, token: Token, *, applied: bool) -> Fence:
        """The fence once an order that was not stale has been dealt with."""
        if self.seen is not None and token < self.seen:
            return self
        return replace(self, seen=token, applied=token if applied else self.applied)
