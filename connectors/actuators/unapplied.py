"""Rollouts whose newest order is not in force, or not known to be: why, for health, and which order to try again."""

from __future__ import annotations

from typing import Final

from connectors.actuators.wanted import Wanted

MOST_NAMED: Final = 3
"""Rollouts that health names with their reasons; of the others it has the number."""
LONGEST_WHY: Final = 300
"""Characters of each reason there."""


class Unapplied:
    """By rollout, the reason and the failed order.

    >>> unapplied = Unapplied()
    >>> unapplied.note("checkout-v2", "checkout-v2:1:2 is not applied: OSError: No space left on device")
    True
    >>> str(unapplied)
    'checkout-v2:1:2 is not applied: OSError: No space left on device'
    """

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._failed: dict[str, Wanted] = {}
        self._acked: dict[str, str] = {}

    def note(self, rollout: str, why: str) -> bool:
        """Keep the reason; whether it is another one than before."""
        before = self._why.get(rollout)
        self._why[rollout] = why
        return why != before

    def fail(self, wanted: Wanted, reason: str) -> bool:
        """Keep an order to be tried again; whether the reason is another one than before."""
        before = self._failed.get(wanted.rollout)
        if before is None or before.token != wanted.token or before.expires_at is not None:
            self._failed[wanted.rollout] = wanted  # else keep the decision: its command expires
        return self.note(wanted.rollout, f"{wanted.id} is not applied: {reason}")

    def failed(self, rollout: str, now: int) -> Wanted | None:
        """The order to try again at `now`, in milliseconds since the epoch; None if there is none."""
        order = self._failed.get(rollout)
        return order if order is not None and (order.expires_at is None or now <= order.expires_at) else None

    def clear(self, rollout: str) -> None:
        """The newest order is in force."""
        self._why.pop(rollout, None)
        self._failed.pop(rollout, None)

    def is_news(self, rollout: str, ack: str) -> bool:
        """Keep the content of an ack; whether it is another one than before."""
        before = self._acked.get(rollout)
        self._acked[rollout] = ack
        return ack != before

    def forget_ack(self, rollout: str) -> None:
        """The next ack is news, whatever it is."""
        self._acked.pop(rollout, None)

    def __str__(self) -> str:
        """What health shows; empty if nothing is wrong."""
        named = [self._why[rollout][:LONGEST_WHY] for rollout in sorted(self._why)[:MOST_NAMED]]
        more = len(self._why) - len(named)
        return "; ".join([*named, *([f"and {more} rollouts more"] if more else [])])
