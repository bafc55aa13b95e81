"""Errors of broken sessions: how many come in each pane, by instance and group of users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gates.groups import GROUPS
from streams.offline.simulation.together import Sessions


class SessionErrors:
    """Draws the sessions of one cohort. Their errors come in the pane of their start and in later ones."""

    def __init__(self, sessions: Sessions, instances: int, pane_ms: int, rng: np.random.Generator) -> None:
        self._sessions = sessions
        self._pane_ms = pane_ms
        self._rng = rng
        ahead = 2 + sessions.spread_ms // pane_ms
        self._due = np.zeros((ahead, instances, GROUPS), dtype=np.int64)  # of the next panes, round and round
        self._now = 0

    def next_pane(self, expected: NDArray[np.float64]) -> NDArray[np.int64]:
        """The errors of the next pane; `expected` is the mean number that begins in it, by instance."""
        starts = self._rng.poisson(expected / self._sessions.errors)
        number = int(starts.sum())
        if number:
            self._begin(np.repeat(np.arange(len(starts)), starts), self._sizes(number))
        found: NDArray[np.int64] = self._due[self._now].copy()
        self._due[self._now] = 0
        self._now = (self._now + 1) % len(self._due)
        return found

    def _begin(self, instances: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        rng, number = self._rng, len(sizes)
        starts, errors = rng.random(number) * self._pane_ms, int(sizes.sum())
        one = self._sessions.of == "one user"
        groups = np.repeat(rng.integers(GROUPS, size=number), sizes) if one else rng.integers(GROUPS, size=errors)
        at = np.repeat(starts, sizes) + rng.random(errors) * self._sessions.spread_ms
        panes = (self._now + (at // self._pane_ms).astype(np.int64)) % len(self._due)
        np.add.at(self._due, (panes, np.repeat(instances, sizes), groups), 1)

    def _sizes(self, number: int) -> NDArray[np.int64]:
        mean = self._sessions.errors
        if self._sessions.sizes == "geometric":
            return self._rng.geometric(1.0 / mean, number)
        if self._sessions.sizes == "even":
            return self._rng.integers(1, round(2.0 * mean), size=number)
        return np.full(number, round(mean), dtype=np.int64)
