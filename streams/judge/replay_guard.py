"""The replay guard: refuses a copy of a signed order that somebody sent again. Pure.

Anyone who can read an order can also send it again under its valid signature. The ids are part of the fold, so they
survive restarts, and a replay of the journal refuses the same copies.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.journal import Control, Freeze, Start

SLACK_MS = 600_000
"""An id is kept this long after its order expired: the clock that accepted the signature may have been behind."""

MOST_ORDERS = 10_000
"""Ids kept per rollout, so that orders cannot grow a snapshot without bound; beyond it, the first to expire is
dropped."""


class ReplayedError(ValueError):
    """A signed order that was seen before, with another origin."""

    reason = "replayed"


@dataclass(slots=True)
class ReplayGuard:
    """The ids of a rollout's signed orders, each with the wall-clock time (ms) at which the order expires.

    >>> guard = ReplayGuard({"a": 1_000})
    >>> guard.forget(wall=1_000 + SLACK_MS), guard.expires_at
    (None, {'a': 1000})
    >>> guard.forget(wall=1_001 + SLACK_MS), guard.expires_at
    (None, {})
    """

    expires_at: dict[str, int] = field(default_factory=dict)

    def record(self, order: Start | Control | Freeze, wall: int) -> None:
        """Record a signed order; an unsigned one has no id, and anyone who may send one needs no copy.

        Raises:
            ReplayedError: the order was seen before.
        """
        signed = order.signed
        if signed is None:
            return
        if signed.id in self.expires_at:
            subject = "a freeze" if isinstance(order, Freeze) else order.rollout
            raise ReplayedError(f"order {signed.id} of {order.by} for {subject} was seen before")
        self.forget(wall)
        self.expires_at[signed.id] = signed.expires_at
        if len(self.expires_at) > MOST_ORDERS:
            del self.expires_at[min(self.expires_at, key=self.expires_at.__getitem__)]

    def forget(self, wall: int) -> None:
        """Drop the ids of orders that expired more than `SLACK_MS` ago: verification refuses those by itself."""
        self.expires_at = {order: until for order, until in self.expires_at.items() if until + SLACK_MS >= wall}
