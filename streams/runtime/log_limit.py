"""Log lines that would come once for each of very many messages: one a second is logged, with how many there were."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final

EVERY_S: Final = 1.0


class LogLimit:
    """Lines that are alike, by their kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[Hashable, float] = {}
        self._since: Counter[Hashable] = Counter()

    def due(self, kind: Hashable, number: int = 1) -> int:
        """Whether to log a line of this kind, about as many more messages: how many since the last one, or 0.

        >>> limit = LogLimit(clock=iter([10.0, 10.1, 10.9, 11.0]).__next__)
        >>> [limit.due("refused") for _ in range(4)]
        [1, 0, 0, 3]
        """
        self._since[kind] += number
        now = self._clock()
        if now - self._logged_at.get(kind, -EVERY_S) < EVERY_S:
            return 0
        self._logged_at[kind] = now
        return self._since.pop(kind)
