"""Why an order was not carried out; each message is shown to the operator as it is."""

from __future__ import annotations


class OrderError(RuntimeError):
    """An order that was not carried out."""


class UnknownRolloutError(OrderError):
    """No rollout with this name was ever started."""


class RunningAlreadyError(OrderError):
    """The rollout is already running with this policy."""


class OrderRefusedError(OrderError):
    """The gate refused the order: the rollout's state does not allow it."""


class UnansweredError(OrderError):
    """The order is recorded, but was not answered in time."""
