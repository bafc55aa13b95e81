"""Journal partitions that lack what a judge needs: nobody judges them, and everybody is told.

Health, metrics and the log tell whoever runs the workers; people who watch a rollout see it in its status, which then
says that it is held, and why. Nothing is decided by that, and no weights change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiokafka.partitioner import DefaultPartitioner

from connectors.kafka.topic_reader import read_to_end
from gates.machine.transitions import ENDED, Phase
from streams.runtime import metrics
from streams.runtime.health import Pulse
from streams.runtime.settings import Settings

Document = Mapping[str, Any]


def held(status: Document, why: str) -> dict[str, object]:
    """The status of a rollout that nobody judges any more: as it was, but held, for a reason that no decision has.

    >>> held({"phase": "baking", "weights": {"canary": 10}, "reason": "started", "decision": "r:1:1"}, "no journal")
    {'phase': 'held', 'weights': {'canary': 10}, 'reason': 'no journal', 'decision': None}
    """
    return {**status, "phase": Phase.HELD.value, "reason": why, "decision": None}


class Truncation:
    """The truncated partitions among those that are ours, each with the reason, and who is still to be told."""

    def __init__(self, settings: Settings, pulse: Pulse) -> None:
        self._settings = settings
        self._pulse = pulse
        self._why: dict[int, str] = {}
        self._untold: set[int] = set()

    def __contains__(self, partition: int) -> bool:
        """Whether this partition was truncated."""
        return partition in self._why

    def found(self, partition: int, why: str) -> None:
        """Judge this partition no more."""
        self._why[partition] = why
        self._untold.add(partition)
        self._say()

    def release(self, partition: int) -> None:
        """Another judge has the partition now, and will see for itself."""
        self._why.pop(partition, None)
        self._untold.discard(partition)
        self._say()

    def _say(self) -> None:
        self._pulse.trouble = "; ".join(why for _, why in sorted(self._why.items()))
        metrics.JOURNAL_TRUNCATED.set(len(self._why))

    @property
    def untold(self) -> frozenset[int]:
        """The partitions of whose rollouts nothing was said yet."""
        return frozenset(self._untold)

    def told(self, partitions: frozenset[int]) -> None:
        """What `statuses` gave of these was acknowledged."""
        self._untold -= partitions

    async def statuses(self, partitions: frozenset[int], homes: set[int]) -> list[tuple[str, dict[str, object]]]:
        """What is to be said of the rollouts of these partitions, out of `homes`, all that the journal has.

        They are those that `gate-status` knows: whatever a snapshot holds was published there before.
        """
        latest: dict[str, Document] = {}
        async for record in read_to_end(self._settings, self._settings.topics.status):
            if record.key is not None and record.value is not None:
                latest[record.key.decode()] = orjson.loads(record.value)
        every, choose = sorted(homes), DefaultPartitioner()
        found = []
        for name, status in latest.items():
            home = choose(name.encode(), every, every)
            why = self._why.get(home)
            if home in partitions and why is not None and status["phase"] not in ENDED:
                found.append((name, held(status, why)))
        return found
