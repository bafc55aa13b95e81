"""Single arm: evidence that a cohort alone has more (or fewer) bad events than an objective allows.

It is used where no baseline is left to compare with, as in a stage at full weight. The objective is a share (0 to 1).
The e-factor of a pane is the exact likelihood ratio of two Bernoulli models: the odds of a bad event are `effect`
times those of the objective, against exactly the objective (Wald 1945). `gates.stats.mixture` weighs a grid of
effects.
"""

from __future__ import annotations

from functools import lru_cache
from math import log, log1p

from gates.stats.mixture import REMEMBERED


def log_factor(bad: float, events: int, effect: float, objective: float) -> float:
    """Log e-factor of `bad` events among `events`, for odds of a bad event `effect` times those of `objective`.

    Its expectation is at most 1 where `p <= objective` (`effect` above 1), and where `p >= objective` (below 1).

    >>> round(log_factor(3, 100, 4.0, 0.01), 9)
    1.203002859
    """
    return bad * log(effect) - events * log1p(objective * (effect - 1.0))


@lru_cache(maxsize=REMEMBERED)
def log_factors(bad: float, events: int, effects: tuple[float, ...], objective: float) -> tuple[float, ...]:
    """`log_factor` for each effect."""
    return tuple(log_factor(bad, events, effect, objective) for effect in effects)
