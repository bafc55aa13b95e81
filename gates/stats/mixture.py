"""Mixture of e-processes: over the sizes of an effect and, optionally, over the pane at which it starts.

The effect is unknown, so each of a grid of effects bets for itself and the e-value is the weighted mean of their
wealth (Robbins 1970); by Ville's inequality it passes `1 / alpha` with probability at most alpha, however often one
looks. Mass spread over starting times catches a change that comes late (e-detectors: Shin, Ramdas, Rinaldo, NEJSDS
2024); what has not started yet bets nothing, so the whole still starts at 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, fsum, inf, log, log1p

START_BLOCK = 30
"""Panes between two possible starts of a degradation."""

REMEMBERED = 1 << 14
"""Panes whose log factors each kind of e-process keeps in a cache: thin traffic gives the same counts again."""

LARGEST_LOG = 690.0
"""E-values are reported up to exp(690), so that they stay finite."""


def log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) without overflow.

    >>> log_add(-inf, 0.0)
    0.0
    """
    high, low = (a, b) if a >= b else (b, a)
    return high if low == -inf else high + log1p(exp(low - high))


def log_mean(weights: Sequence[float], logs: Sequence[float], rest: float = 0.0) -> float:
    """Log of `rest` plus the sum of each weight times exp of its logarithm.

    >>> log_mean((0.5, 0.5), (0.0, 0.0))
    0.0
    """
    highest = max(logs, default=-inf)
    if rest > 0.0:
        highest = max(highest, 0.0)
    if highest == -inf:
        return -inf
    total = fsum([weight * exp(known - highest) for weight, known in zip(weights, logs, strict=False)])
    return highest + log(total + (rest * exp(-highest) if rest > 0.0 else 0.0))


def finite_exp(logarithm: float) -> float:
    """exp, up to exp(690), so that what is published stays finite.

    >>> finite_exp(0.0), finite_exp(1e6) < inf
    (1.0, True)
    """
    return exp(min(logarithm, LARGEST_LOG))


def inverse_root_weights(effects: Sequence[float]) -> tuple[float, ...]:
    """Weights that fall with the square root of the effect and sum to 1: small effects need the mass.

    >>> inverse_root_weights((1.0, 4.0))
    (0.6666666666666666, 0.3333333333333333)
    """
    raw = [effect**-0.5 for effect in effects]
    total = fsum(raw)
    return tuple(weight / total for weight in raw)


def uniform_weights(effects: Sequence[float]) -> tuple[float, ...]:
    """The same weight for each effect.

    >>> uniform_weights((0.5, 0.25))
    (0.5, 0.5)
    """
    return (1.0 / len(effects),) * len(effects)


def start_prior(tick: int, blocks: int) -> float:
    """Prior mass that a degradation starts at this tick: half of it at the first, the rest spread over `blocks`.

    >>> start_prior(0, 5), start_prior(1, 5), start_prior(START_BLOCK, 5)
    (0.6, 0.0, 0.1)
    """
    if tick == 0:
        return 0.5 + 0.5 / blocks
    if tick % START_BLOCK == 0 and tick // START_BLOCK < blocks:
        return 0.5 / blocks
    return 0.0


@dataclass(slots=True)
class Mixture:
    """Log wealth of one e-process per weight; `weights` are positive and sum to 1.

    `blocks` None starts all mass at the first pane; else `start_prior` spreads it.

    >>> mixture = Mixture((0.5, 0.5))
    >>> mixture.update([log(3.0), log(0.5)])
    >>> round(mixture.get(), 12)
    1.75
    """

    weights: tuple[float, ...]
    blocks: int | None = None
    tick: int = 0
    log_evidence: list[float] = field(default_factory=list)
    _value: float | None = None

    def update(self, log_factors: Sequence[float] | None) -> None:
        """Take in one pane's log factor per weight; None for a pane without evidence moves only the prior's clock.

        Raises:
            ValueError: not one factor per weight.
        """
        mass = self._mass(self.tick)
        if not self.log_evidence:
            self.log_evidence = [-inf] * len(self.weights)
        if mass > 0.0:
            fresh = log(mass)
            self.log_evidence = [log_add(known, fresh) for known in self.log_evidence]
        if log_factors is not None:
            self.log_evidence = [known + factor for known, factor in zip(self.log_evidence, log_factors, strict=True)]
        if mass > 0.0 or log_factors is not None:
            self._value = None  # what has not started keeps its mass between two possible starts
        self.tick += 1

    def _mass(self, tick: int) -> float:
        if self.blocks is None:
            return 1.0 if tick == 0 else 0.0
        return start_prior(tick, self.blocks)

    def _unstarted(self) -> float:
        """Prior mass on starts that are still to come: it bets nothing and keeps its value."""
        if self.tick == 0:
            return 1.0
        if self.blocks is None:
            return 0.0
        return max(0.0, 0.5 - 0.5 * min((self.tick - 1) // START_BLOCK + 1, self.blocks) / self.blocks)

    def get(self) -> float:
        """The e-value: 1 at the start, large where the null is false; finite."""
        if self._value is None:  # asked for several times a pane
            self._value = finite_exp(log_mean(self.weights, self.log_evidence, self._unstarted()))
        return self._value

    def dump(self) -> tuple[int, list[float | None]]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return self.tick, [None if known == -inf else known for known in self.log_evidence]

    def load(self, state: tuple[int, Sequence[float | None]]) -> None:
        """Continue from what `dump` returned."""
        self.tick, self._value = state[0], None
        self.log_evidence = [-inf if known is None else known for known in state[1]]


@dataclass(slots=True, kw_only=True)
class EffectMixture:
    """What the e-processes over panes have in common: a mixture over `effects`, whose state is theirs.

    `blocks` None starts all mass at the first pane.
    """

    effects: tuple[float, ...]
    weights: tuple[float, ...]
    blocks: int | None = None
    _mixture: Mixture = field(init=False)

    def __post_init__(self) -> None:
        self._mixture = Mixture(self.weights, self.blocks)

    def bet(self, log_factors: Sequence[float] | None, dispersion: float = 1.0) -> None:
        """Take in one pane's log factor for each effect; None for a pane without evidence moves only the prior's clock.

        `dispersion` (phi), at least 1 and fixed before the pane, divides the logarithms: `gates.comparison.dispersion`
        has the reason.
        """
        if log_factors is None or dispersion == 1.0:
            self._mixture.update(log_factors)
        else:
            self._mixture.update([factor / dispersion for factor in log_factors])

    def get(self) -> float:
        """The e-value: 1 at the start, large where the null is false; finite."""
        return self._mixture.get()

    def dump(self) -> tuple[int, list[float | None]]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return self._mixture.dump()

    def load(self, state: tuple[int, Sequence[float | None]]) -> None:
        """Continue from what `dump` returned."""
        self._mixture.load(state)
