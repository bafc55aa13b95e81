"""Ends a worker that makes no headway, or does not end when told to, so that whoever supervises it starts another.

Threads of their own, so that an event loop that hangs is noticed too. Nothing is stopped in good order: what hangs
would hang that as well, and a worker may end at any moment anyway (docs/reliability.md).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from mode import Service

from streams.runtime.health import Health

EXIT_STUCK = 70
"""The exit code of a worker that ended itself."""

TICK_SECONDS = 1.0

log = logging.getLogger(__name__)


class Patience:
    """Counts, for each pulse, the looks since its last beat.

    Looks and not seconds: a process that was suspended has not hung, and on waking gets its time to go on.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._seen: dict[str, tuple[float, int]] = {}

    def look(self) -> tuple[int, str]:
        """How many looks the most silent pulse has been silent for, and its name."""
        for pulse in self._health.pulses:
            last, looks = self._seen.get(pulse.name, (pulse.last, 0))
            self._seen[pulse.name] = (pulse.last, looks + 1 if last == pulse.last else 0)
        return max(((looks, name) for name, (_, looks) in self._seen.items()), default=(0, ""))


class Watchdog(Service):
    """Looks every second; after `limit_s` without headway of some loop the process ends with `EXIT_STUCK`."""

    def __init__(self, health: Health, limit_s: float, end: Callable[[int], Any] = os._exit, **options: Any) -> None:
        super().__init__(**options)
        self._patience = Patience(health)
        self._limit_s = limit_s
        self._end = end
        self._over = threading.Event()

    async def on_start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    async def on_stop(self) -> None:
        """The worker ends by itself."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            looks, name = self._patience.look()
            if looks * TICK_SECONDS > self._limit_s:
                log.critical("%s has made no headway for %d s: ending this process (%d)", name, looks, EXIT_STUCK)
                logging.shutdown()
                self._end(EXIT_STUCK)
                return


def end_within(limit_s: float, end: Callable[[int], Any] = os._exit) -> None:
    """End the process with `EXIT_STUCK` after this time, unless it has ended by itself."""

    def late() -> None:
        log.critical("not stopped within %g s: ending this process (%d); no count is lost by that", limit_s, EXIT_STUCK)
        logging.shutdown()
        end(EXIT_STUCK)

    timer = threading.Timer(limit_s, late)
    timer.daemon = True  # a process that ends does not wait for it
    timer.start()
