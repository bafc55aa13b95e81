"""Single arm: evidence that a cohort alone fails more (or less) often than its objective allows.

For where no baseline is left, as at full weight. The e-factor is the exact Bernoulli likelihood ratio, raised to the
boundary of the null `p <= objective` (for advance: `>=`); `a` is the ratio of odds it bets on, and `mixture` weighs a
grid of them and, on wish, the starting times. For a watch without end, the Shiryaev-Roberts form adds a new start at
each tick: the mean run to a false alarm at `c` is at least `c` ticks, and a false alarm within `T` ticks has
probability at most `T / c` (e-detectors: Shin, Ramdas, Rinaldo, NEJSDS 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, log, log1p

from gates.stats.error_share import ADVANCE_EFFECTS, REGRESSION_EFFECTS
from gates.stats.mixture import (
    REMEMBERED,
    EffectMixture,
    finite_exp,
    inverse_root_weights,
    log_add,
    log_mean,
    uniform_weights,
)


def log_factor(errors: float, requests: int, effect: float, objective: float) -> float:
    """Log e-factor of one tick for odds of failing that are `effect` times those of the objective.

    Its expectation is at most 1 where `p <= objective` (`effect` above 1), and where `p >= objective` (below 1).

    >>> round(log_factor(3, 100, 4.0, 0.01), 9)
    1.203002859
    """
    return errors * log(effect) - requests * log1p(objective * (effect - 1.0))


@lru_cache(maxsize=REMEMBERED)
def log_factors(errors: float, requests: int, effects: tuple[float, ...], objective: float) -> tuple[float, ...]:
    """`log_factor` for each effect."""
    return tuple(log_factor(errors, requests, effect, objective) for effect in effects)


def check_objective(objective: float) -> None:
    """Refuse an error rate that nothing can exceed, or that everything does.

    Raises:
        ValueError: the objective is not between 0 and 1.
    """
    if not 0.0 < objective < 1.0:
        raise ValueError(f"an objective of {objective} is not between 0 and 1")


@dataclass(slots=True, kw_only=True)
class SingleArm(EffectMixture):
    """An e-process over panes against `objective`, the error rate that the cohort may have.

    >>> process = SingleArm.regression(0.01)
    >>> for _ in range(4):
    ...     process.update(5, 100)
    >>> round(process.get(), 3)
    2164257.921
    """

    objective: float

    def __post_init__(self) -> None:
        check_objective(self.objective)
        EffectMixture.__post_init__(self)

    @classmethod
    def regression(cls, objective: float, blocks: int | None = None) -> SingleArm:
        """Evidence that the objective is missed: the null is `p <= objective`.

        Raises:
            ValueError: the objective is not between 0 and 1.
        """
        weights = inverse_root_weights(REGRESSION_EFFECTS)
        return cls(effects=REGRESSION_EFFECTS, weights=weights, blocks=blocks, objective=objective)

    @classmethod
    def advance(cls, objective: float) -> SingleArm:
        """Evidence that the objective is kept: the null is `p >= objective`.

        Raises:
            ValueError: the objective is not between 0 and 1.
        """
        return cls(effects=ADVANCE_EFFECTS, weights=uniform_weights(ADVANCE_EFFECTS), objective=objective)

    def update(self, errors: float, requests: int) -> None:
        """Take in one pane; a pane without traffic moves only the clock of the prior."""
        self.bet(log_factors(errors, requests, self.effects, self.objective) if requests else None)


def threshold(ticks: int, alpha: float) -> float:
    """What the watch must reach so that a false alarm within `ticks` has probability at most `alpha`.

    >>> threshold(2_592_000, 0.05)  # thirty days of seconds
    51840000.0

    Raises:
        ValueError: ticks is not positive, or alpha not in (0, 1].
    """
    if ticks < 1 or not 0.0 < alpha <= 1.0:
        raise ValueError(f"{ticks} ticks must be positive and alpha {alpha} in (0, 1]")
    return ticks / alpha


def watched(known: float, log_factor: float) -> float:
    """Log of `(M + 1) * L` from the logarithms of `M` and `L`: one step of Shiryaev and Roberts.

    >>> round(watched(log(2.0), log(0.5)), 9) == round(log(1.5), 9)
    True
    """
    return log_add(known, 0.0) + log_factor


@dataclass(slots=True)
class EndlessWatch:
    """The Shiryaev-Roberts form of `SingleArm.regression`, for a watch that never ends; alarm at `threshold`.

    A tick without traffic is no tick of it: silence makes no evidence. State is log `M` per effect.

    >>> watch = EndlessWatch(0.01)
    >>> for _ in range(4):
    ...     watch.update(5, 100)
    >>> round(watch.get(), 3)
    2205631.552
    """

    objective: float
    log_watched: list[float] = field(default_factory=lambda: [-inf] * len(REGRESSION_EFFECTS))

    def __post_init__(self) -> None:
        check_objective(self.objective)

    def update(self, errors: int, requests: int) -> None:
        """Take in one tick."""
        if requests:
            self.log_watched = [
                watched(known, log_factor(errors, requests, effect, self.objective))
                for known, effect in zip(self.log_watched, REGRESSION_EFFECTS, strict=True)
            ]

    def get(self) -> float:
        """The weighted mean of `M` over the effects: 0 at the start, at most the number of ticks in expectation."""
        return finite_exp(log_mean(_WATCH_WEIGHTS, self.log_watched))

    def dump(self) -> list[float | None]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return [None if known == -inf else known for known in self.log_watched]

    def load(self, state: Sequence[float | None]) -> None:
        """Continue from what `dump` returned."""
        self.log_watched = [-inf if known is None else known for known in state]


_WATCH_WEIGHTS = inverse_root_weights(REGRESSION_EFFECTS)
