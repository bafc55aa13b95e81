"""A process of the model: it can crash at any of its calls to the broker, or be suspended there and go on later."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

LAG = 0.05
"""How often a call takes a moment, in which others go on."""


class Process:
    """One worker or actuator; `steps` are its calls to the broker so far."""

    def __init__(self, name: str, role: str, rng: random.Random) -> None:
        self.name = name
        self.role = role
        self.dead = False
        self.task: asyncio.Task[None] | None = None
        self._rng = rng
        self._going_on: asyncio.Future[None] | None = None
        self._left = 0
        self._fate: Callable[[], None] | None = None

    @property
    def suspended(self) -> bool:
        """Whether it is stopped for now."""
        return self._going_on is not None

    def meet(self, fate: Callable[[], None], steps: int) -> None:
        """Let this happen at the call after this many more."""
        self._fate, self._left = fate, steps

    def die(self) -> None:
        """Do nothing more: no handler and no `finally` of it has an effect."""
        self.dead = True

    def suspend(self) -> None:
        """Stop at the next call to the broker."""
        if self._going_on is None:
            self._going_on = asyncio.get_running_loop().create_future()

    def go_on(self) -> None:
        """Go on where it was suspended."""
        if self._going_on is not None:
            going_on, self._going_on = self._going_on, None
            going_on.set_result(None)

    async def step(self) -> None:
        """Call the broker."""
        if self._fate is not None:
            self._left -= 1
            if self._left < 0:
                fate, self._fate = self._fate, None
                fate()
        if self._rng.random() < LAG:
            await asyncio.sleep(self._rng.uniform(0.0, 0.3))
        while self._going_on is not None and not self.dead:
            await asyncio.shield(self._going_on)
        if self.dead:
            await asyncio.get_running_loop().create_future()
