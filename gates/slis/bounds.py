"""The absolute bounds of definitions, as far as they matter to what a plan foresees of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WindowBound:
    """A largest share of bad events in a sliding window, on at least `min_events` of them.

    `key` is the key of the definition that sets it. `of_errors` is true where the bad events are failing requests, of
    which the baseline's share can be stated; how many requests are slow, or values high, is not known in advance.
    """

    key: str
    share: float
    window_ms: int
    min_events: int
    of_errors: bool


@dataclass(frozen=True, slots=True)
class SpendBound:
    """A largest share `spend` of a 30-day error budget, on at least `min_events` errors of the whole rollout."""

    key: str
    slo: float
    spend: float
    min_events: int


Bound = WindowBound | SpendBound
