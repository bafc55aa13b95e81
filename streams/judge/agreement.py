"""Whether the workers of this prefix have the same settings, as far as settings decide what is counted and judged.

Two installations that share a prefix by mistake share their topics and groups: what is counted and when a pane closes
then depends on which of their workers has a partition. Each worker reports its settings in its progress, and each judge
compares them with its own. A difference decides nothing: a replay has no settings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from streams.clock import wall_ms
from streams.judge.outputs import WorkerSettings
from streams.runtime import metrics

REPORTED_MS = 60_000
"""How old a report may be: reports come every ten seconds, and a worker with other settings may have gone."""

MOST_DIFFERENT = 100
"""Workers with other settings that are kept; whoever may write to the journal chooses their names."""

log = logging.getLogger(__name__)


class Agreement:
    """Compares the settings that workers report with those of this worker."""

    def __init__(self, own: Mapping[str, int], clock: Callable[[], int] = wall_ms) -> None:
        self._own = own
        self._clock = clock
        self._different: dict[str, WorkerSettings] = {}
        self._shown: set[str] = set()

    def add(self, reported: WorkerSettings) -> None:
        """Compare a report; an old one, read again after a restart, shows nothing about now."""
        if self._is_old(reported):
            return
        before = self._different.pop(reported.worker, None)
        texts = self._texts(reported)
        if texts and len(self._different) < MOST_DIFFERENT:
            self._different[reported.worker] = reported
            if before is None or before.settings != reported.settings:
                log.error(
                    "worker %s shares the prefix and differs in its settings: %s; give all workers the same settings, "
                    "or each installation a SLUICEGATE_TOPIC_PREFIX of its own",
                    reported.worker,
                    "; ".join(texts),
                )
        self._show()

    def differences(self) -> list[str]:
        """What differs now, a line per worker."""
        for worker in [worker for worker, reported in self._different.items() if self._is_old(reported)]:
            del self._different[worker]
        self._show()
        return [f"worker {name} has {'; '.join(self._texts(each))}" for name, each in sorted(self._different.items())]

    def _is_old(self, reported: WorkerSettings) -> bool:
        return reported.wall < self._clock() - REPORTED_MS

    def _texts(self, reported: WorkerSettings) -> list[str]:
        return [
            f"{name} {reported.settings[name]}, here {own}"
            for name, own in self._own.items()
            if reported.settings.get(name, own) != own
        ]

    def _show(self) -> None:
        """Set the gauges: by setting, the number of workers that have another value."""
        for name, own in self._own.items():
            number = sum(reported.settings.get(name, own) != own for reported in self._different.values())
            if number or name in self._shown:
                metrics.SETTINGS_DIFFER.labels(name).set(number)
                self._shown.add(name)
