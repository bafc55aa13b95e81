"""Journal partitions that lack records a judge needs: their rollouts are no longer judged, and it is reported.

Health, metrics and the log report it to those who run the workers. Those who watch a rollout see its status: held, with
the reason. That is no decision, and no weights change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiokafka.partitioner import DefaultPartitioner

from connectors.kafka.topic_reader import read_to_end
from gates.machine.transitions import ENDED, Phase
from streams.newest import Newest
from streams.runtime import metrics
from streams.runtime.health import Pulse
from streams.runtime.settings import Settings

Document = Mapping[str, Any]


def held(status: Document, why: str) -> dict[str, object]:
    """The status of a rollout that is no longer judged: the last one, but held, for a reason without a decision.

    >>> held({"phase": "baking", "weights": {"canary": 10}, "reason": "started", "decision": "r:1:1"}, "no journal")
    {'phase': 'held', 'weights': {'canary': 10}, 'reason': 'no journal', 'decision': None}
    """
    return {**status, "phase": Phase.HELD.value, "reason": why, "decision": None}


class Truncation:
    """The truncated partitions that this judge owns, each with the reason; `unreported` ones have no statuses yet."""

    def __init__(self, settings: Settings, pulse: Pulse) -> None:
        self._settings = settings
        self._pulse = pulse
        self._why: dict[int, str] = {}
        self._unreported: set[int] = set()

    def __contains__(self, partition: int) -> bool:
        """Whether this partition is truncated."""
        return partition in self._why

    def add(self, partition: int, why: str) -> None:
        """Add a truncated partition."""
        self._why[partition] = why
        self._unreported.add(partition)
        self._show()

    def release(self, partition: int) -> None:
        """Another judge has the partition now, and will check it by itself."""
        self._why.pop(partition, None)
        self._unreported.discard(partition)
        self._show()

    def _show(self) -> None:
        self._pulse.trouble = "; ".join(why for _, why in sorted(self._why.items()))
        metrics.JOURNAL_TRUNCATED.set(len(self._why))

    @property
    def unreported(self) -> frozenset[int]:
        """The partitions whose rollouts have no status yet that reports it."""
        return frozenset(self._unreported)

    def reported(self, partitions: frozenset[int]) -> None:
        """The broker has acknowledged what `statuses` returned for these partitions."""
        self._unreported -= partitions

    async def statuses(self, partitions: frozenset[int], every: set[int]) -> list[tuple[str, dict[str, object]]]:
        """The statuses to publish for the rollouts of these partitions; `every` are all partitions of the journal.

        The rollouts come from `gate-status`: their snapshots may be lost together with the journal, and what a snapshot
        holds was published before.
        """
        return await held_statuses(self._settings, lambda name: self._reason(name, partitions, every))

    def _reason(self, rollout: str, partitions: frozenset[int], every: set[int]) -> str | None:
        partition = partition_of(rollout, every)
        return self._why.get(partition) if partition in partitions else None  # it may be released meanwhile


async def held_statuses(settings: Settings, reason: Callable[[str], str | None]) -> list[tuple[str, dict[str, object]]]:
    """The last status of each rollout that has a `reason` and has not ended, as held for it."""
    latest: Newest[str, Document] = Newest()
    async for record in read_to_end(settings, settings.topics.status):
        # Keys that begin with a zero byte are those of freezes.
        if record.value is not None and record.key is not None and not record.key.startswith(b"\0"):
            status = _status(record.value)
            if status is not None:
                place = status["epoch"], status["event_time"]
                latest.add(record, record.key.decode(errors="replace"), status, place)
    return [
        (name, held(status, why))
        for name, status in latest.values.items()
        if status["phase"] not in ENDED and (why := reason(name)) is not None
    ]


def _status(value: bytes) -> Document | None:
    """The status in a message value; None where it is none: anyone may have written it.

    >>> _status(b'{"phase": "baking", "epoch": 1, "event_time": 7}'), _status(b"junk"), _status(b"[]"), _status(b"{}")
    ({'phase': 'baking', 'epoch': 1, 'event_time': 7}, None, None, None)
    """
    try:
        document = orjson.loads(value)
    except ValueError:
        return None
    kinds = {"phase": str, "epoch": int, "event_time": int}
    if not isinstance(document, dict) or not all(isinstance(document.get(name), kind) for name, kind in kinds.items()):
        return None
    return document


def partition_of(rollout: str, every: set[int]) -> int:
    """The journal partition of a rollout, as the producers' partitioner chooses it from its name.

    >>> partition_of("checkout-v2", {0, 1, 2, 3}) in {0, 1, 2, 3}
    True
    """
    ordered = sorted(every)
    partition: int = DefaultPartitioner()(rollout.encode(), ordered, ordered)
    return partition
