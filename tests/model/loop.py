"""An event loop whose time is the model's own: it passes only where all tasks wait for it, so nothing really waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class _NoSockets:
    """What a loop waits on between its steps: nothing but its own time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        """Let the time of the next timer come."""
        if timeout is None:
            raise RuntimeError("every task waits for another one")
        self._loop.now += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs tasks and timers one after another, in the same order each time. `now` is in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _NoSockets(self)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return the model's time."""
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run what another thread would do at once: a thread would run at any time."""
        done = self.create_future()
        done.set_result(func(*args))
        return done

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """No other thread has to wake the loop."""
