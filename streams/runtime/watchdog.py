"""Ends a process that makes no headway, or does not stop when it should, so that its supervisor starts another one.

This runs in threads, so that it works while the event loop hangs. It ends the process without an orderly stop: that
would hang too, and a worker may end at any moment without harm (docs/reliability.md).
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
"""The exit code of a worker that ended itself (EX_SOFTWARE)."""

TICK_SECONDS = 1.0

log = logging.getLogger(__name__)


class SilenceCounter:
    """Counts, for each pulse, the calls of `count` since its last beat.

    Calls are counted and not seconds: a suspended process has not hung, and gets its whole time again when it wakes up.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._seen: dict[str, tuple[float, int]] = {}

    def count(self) -> tuple[int, str]:
        """The number of calls that the most silent pulse has been silent for, and its name."""
        for pulse in self._health.pulses:
            last, calls = self._seen.get(pulse.name, (pulse.last, 0))
            self._seen[pulse.name] = (pulse.last, calls + 1 if last == pulse.last else 0)
        return max(((calls, name) for name, (_, calls) in self._seen.items()), default=(0, ""))


def start_watchdog(health: Health, limit_s: float, end: Callable[[int], Any] = os._exit) -> threading.Event:
    """End the process with `EXIT_STUCK` when a loop has made no headway for `limit_s`; set the event to stop."""
    over = threading.Event()
    silence = SilenceCounter(health)

    def watch() -> None:
        while not over.wait(TICK_SECONDS):
            calls, name = silence.count()
            if calls * TICK_SECONDS > limit_s:
                log.critical(
                    "%s has made no headway for %ds; the process ends with exit code %d", name, calls, EXIT_STUCK
                )
                logging.shutdown()
                end(EXIT_STUCK)
                return

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
    return over


class Watchdog(Service):
    """The watchdog as a service of a worker."""

    def __init__(self, health: Health, limit_s: float, end: Callable[[int], Any] = os._exit, **options: Any) -> None:
        super().__init__(**options)
        self._options = health, limit_s, end

    async def on_start(self) -> None:
        """Start the thread."""
        self._over = start_watchdog(*self._options)

    async def on_stop(self) -> None:
        """The worker stops in good order: end the thread."""
        self._over.set()


def end_within(limit_s: float, end: Callable[[int], Any] = os._exit) -> None:
    """End the process with `EXIT_STUCK` after this time, unless it has ended before."""

    def late() -> None:
        log.critical(
            "the worker did not stop within %gs; the process ends with exit code %d, and no counts are lost",
            limit_s,
            EXIT_STUCK,
        )
        logging.shutdown()
        end(EXIT_STUCK)

    timer = threading.Timer(limit_s, late)
    timer.daemon = True  # otherwise a process that has stopped would wait for it
    timer.start()
