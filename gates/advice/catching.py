"""How soon a check catches a bad candidate, by its limit or by comparison, and how often it stops a good one.

All times are seconds from the confirmation of the stage's weights, for a candidate that is bad from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf
from typing import Literal, Protocol

from gates.advice.detectability import EFFECTS, Detectability
from gates.slis.bounds import Bound, SpendBound, WindowBound
from gates.stats.burn_rate import PERIOD_MS
from gates.stats.window_breach import WindowBreach

MEDIAN, MOST = 0.5, 0.95

ALL_BAD = inf
"""Stands, among multiples of the baseline's figure, for a candidate of which every event is bad."""

_SLOWEST = 1e6
"""The multiple of the baseline's latency that stands for "all requests are slower"."""

Means = Literal["limit", "comparison"]


@dataclass(frozen=True, slots=True)
class StageTraffic:
    """The traffic of a stage: `rate` and `before` are the candidate's requests a second in it and in the one before.

    `base` is the baseline's share of failing requests, `spent` the share of an error budget that a healthy candidate
    has spent before the stage, by the budget's SLO.
    """

    rps: float
    weight: float
    before: float
    base: float
    pane_s: float
    spent: Callable[[float], float] = lambda _: 0.0

    @property
    def rate(self) -> float:
        """The candidate's requests a second."""
        return self.rps * self.weight


@dataclass(frozen=True, slots=True)
class Catch:
    """When a candidate `times` as bad as the baseline is caught, by whichever means is the faster; infinite: never."""

    times: float
    median: float
    p95: float
    by: Means | None


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest multiple of the baseline's figure that is caught within the bake, and by which means."""

    times: float
    by: Means


class Breach(Protocol):
    """When an absolute bound is broken."""

    def chance(self, seconds: float) -> float:
        """The chance that it is broken within `seconds` of the stage."""

    def time(self, chance: float) -> float:
        """Seconds of the stage after which it is broken with this chance; infinite for never."""


@dataclass(frozen=True, slots=True)
class SpendBreach:
    """A budget is spent at a steady pace, so that it breaks at one time."""

    at: float

    def chance(self, seconds: float) -> float:
        """Certain from `at` on."""
        return float(seconds >= self.at)

    def time(self, chance: float) -> float:
        """The same for every chance."""
        return self.at


def spent_per_second(traffic: StageTraffic, slo: float, bad: float) -> float:
    """The share of an error budget that a candidate with the bad share `bad` spends a second.

    While the baseline fails beyond the SLO as well, only errors beyond its rate count.
    """
    compared = traffic.weight < 1.0 and traffic.base > 1.0 - slo
    counted = max(0.0, bad - traffic.base) if compared else bad
    return traffic.weight * counted * 1000.0 / (PERIOD_MS * (1.0 - slo))


def breach_of(bound: Bound, traffic: StageTraffic, bad: float) -> Breach:
    """When the bound is broken, by a candidate with the bad share `bad`."""
    if isinstance(bound, WindowBound):
        window_s = bound.window_ms / 1000.0
        healthy = traffic.base if bound.of_errors else 0.0
        return WindowBreach(bound.share, window_s, bound.min_events, traffic.rate, bad, traffic.before, healthy)
    pace = spent_per_second(traffic, bound.slo, bad)
    left = max(0.0, bound.spend - traffic.spent(bound.slo))
    return SpendBreach(max(left / pace, bound.min_events / (traffic.rate * bad)) if pace else inf)


def catches(bound: Bound | None, found: Detectability | None, traffic: StageTraffic) -> tuple[Catch, ...]:
    """When the check catches each of `EFFECTS`, and a candidate of which every event is bad; none if it catches none.

    How many requests are slow, or values high, is not known in advance: a limit on them is foreseen for all of them.
    """
    if bound is None and found is None:
        return ()
    sizes = list(EFFECTS) if found is not None or _of_errors(bound) else []
    if bound is not None or (found is not None and found.of_errors):
        sizes.append(ALL_BAD)
    return tuple(_catch(bound, found, traffic, times) for times in sizes)


def _catch(bound: Bound | None, found: Detectability | None, traffic: StageTraffic, times: float) -> Catch:
    limit = limit_p95 = comparison = comparison_p95 = inf
    if bound is not None and (_of_errors(bound) or times == ALL_BAD):
        breach = breach_of(bound, traffic, bad_share(traffic, times))
        limit, limit_p95 = breach.time(MEDIAN), breach.time(MOST)
    if found is not None:
        comparison, comparison_p95 = found.delay(min(times, 1.0 / traffic.base if found.of_errors else _SLOWEST))
    median = _panes(min(limit, comparison), traffic)
    by: Means = "limit" if _panes(limit, traffic) == median else "comparison"
    p95 = _panes(min(limit_p95, comparison_p95), traffic)
    return Catch(times, median, p95, None if median == inf else by)


def _panes(seconds: float, traffic: StageTraffic) -> float:
    """To the end of a pane: nothing is judged before."""
    return seconds if seconds == inf else max(1, ceil(seconds / traffic.pane_s - 1e-9)) * traffic.pane_s


def bad_share(traffic: StageTraffic, times: float) -> float:
    """The share of bad events of a candidate `times` as bad as the baseline."""
    return min(1.0, traffic.base * times)


def _of_errors(bound: Bound | None) -> bool:
    return isinstance(bound, SpendBound) or (bound is not None and bound.of_errors)


def smallest(
    bound: Bound | None, found: Detectability | None, traffic: StageTraffic, within_s: float
) -> Smallest | None:
    """The smallest multiple of the baseline's figure that is caught within so long; None if there is none."""
    candidates: list[tuple[float, Means]] = []
    if found is not None and (compared := found.smallest(within_s)) is not None:
        candidates.append((compared, "comparison"))
    if bound is not None and _of_errors(bound):
        times = _smallest_by_limit(bound, traffic, within_s)
        if times is not None:
            candidates.append((times, "limit"))
    return Smallest(*min(candidates)) if candidates else None


def _smallest_by_limit(bound: Bound, traffic: StageTraffic, within_s: float) -> float | None:
    """By halving, to a hundredth: what is worse is never caught later."""
    low, high = 1.0, 1.0 / traffic.base
    if breach_of(bound, traffic, bad_share(traffic, high)).chance(within_s) < MEDIAN:
        return None
    while high / low > 1.01:
        middle = (low * high) ** 0.5
        caught = breach_of(bound, traffic, bad_share(traffic, middle)).chance(within_s) >= MEDIAN
        low, high = (low, middle) if caught else (middle, high)
    return high


def below_base(bound: Bound | None, traffic: StageTraffic) -> bool:
    """Whether the bound is a limit below the share of errors that a healthy candidate has."""
    return isinstance(bound, WindowBound) and bound.of_errors and bound.share <= traffic.base


def healthy_breach(bound: Bound | None, traffic: StageTraffic) -> Breach | None:
    """When a candidate like the baseline breaks the bound; None where that is not known in advance."""
    return breach_of(bound, traffic, traffic.base) if bound is not None and _of_errors(bound) else None
