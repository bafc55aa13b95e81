"""The statuses and decisions of all rollouts, as an operator sees them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from connectors.kafka.acl import Needs, require
from connectors.kafka.clients import LARGEST_MESSAGE, KafkaSettings
from connectors.kafka.topic_reader import partitions_of, read_added, reader, to_end
from gates.decisions import DECISION_SCHEMA
from gates.machine.transitions import ENDED, Phase
from gates.status import STATUS_SCHEMA
from streams.journal import FREEZES_SCHEMA
from streams.newest import Newest
from streams.operator_client.decision_list import DecisionList
from streams.operator_client.errors import UnknownRolloutError

log = logging.getLogger(__name__)

T = TypeVar("T")
Document = Mapping[str, Any]

_POLL_S = 0.2


class StatusView:
    """A context that has read `gate-status` and `gate-decisions` to their ends once it is entered.

    `statuses` has each rollout's newest status by name, `freezes` the freezes by journal partition. `orders` are topics
    that the caller will write to: they are checked before anything is sent, so that no order gets lost halfway.
    """

    def __init__(self, settings: KafkaSettings, *orders: str) -> None:
        self.settings = settings
        self._statuses: Newest[str, Document] = Newest()
        self._freezes: Newest[int, Document] = Newest()
        self.statuses = self._statuses.values
        self.freezes = self._freezes.values
        self._orders = orders
        self._decisions: dict[str, DecisionList] = {}
        self._foreign: dict[str, tuple[int, int, int]] = {}  # how many of a topic, partition and offset of the last
        self._open: AsyncExitStack
        self._source: AIOKafkaConsumer[bytes, bytes]

    async def __aenter__(self) -> Self:
        """Read to the end.

        Raises:
            AccessError: the broker does not allow us to read the topics, or to write the orders.
            TopicsMissingError: a topic does not exist.
            TimeoutError, aiokafka.errors.KafkaError: the broker does not answer.
        """
        names = self.settings.topics
        await require(self.settings, Needs(read=(names.status, names.decisions), write=self._orders))
        found = await partitions_of(self.settings, names.status, names.decisions, *self._orders)
        read = [partition for partition in found if partition.topic not in self._orders]
        async with AsyncExitStack() as opened:
            consumer = reader(self.settings, read, max_partition_fetch_bytes=LARGEST_MESSAGE)
            self._source = await opened.enter_async_context(consumer)
            async for record in to_end(self._source):
                self.add(record)
            self._report_foreign()
            self._open = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def decisions(self, rollout: str) -> list[Document]:
        """The rollout's decisions, each once, oldest first."""
        found = self._decisions.get(rollout)
        return [] if found is None else found.latest()

    def status(self, rollout: str) -> Document:
        """The rollout's newest status.

        Raises:
            UnknownRolloutError: there is none; the message lists the rollouts that have one.
        """
        found = self.statuses.get(rollout)
        if found is None:
            known = ", ".join(sorted(self.statuses)) or "none"
            raise UnknownRolloutError(f"no rollout {rollout}; known: {known}")
        return found

    async def poll(self, timeout_s: float = _POLL_S) -> bool:
        """Add the records that have arrived, waiting at most this long for one; returns whether there were any."""
        await read_added(self._source)
        batches = await self._source.getmany(timeout_ms=int(timeout_s * 1000))
        for records in batches.values():
            for record in records:
                self.add(record)
        self._report_foreign()
        return bool(batches)

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float) -> T | None:
        """Poll until `look` finds something, and return that; None if time runs out first."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while (found := look()) is None and asyncio.get_running_loop().time() < deadline:
            await self.poll()
        return found

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add a record of `gate-status` or `gate-decisions`; other records are ignored."""
        if record.value is None:
            self._statuses.remove(record, (record.key or b"").decode(errors="replace"))
            return
        try:
            document = orjson.loads(record.value)
            schema = document["schema"]
            if schema == FREEZES_SCHEMA:
                self._freezes.add(record, int(document["partition"]), document, ())
            elif schema == STATUS_SCHEMA:
                place = int(document["epoch"]), int(document["event_time"])
                self._statuses.add(record, str(document["rollout"]), document, place)
            elif schema == DECISION_SCHEMA:
                self._decisions.setdefault(str(document["rollout"]), DecisionList()).add(document)
        except (ValueError, KeyError, TypeError):
            number, *_ = self._foreign.get(record.topic, (0,))
            self._foreign[record.topic] = number + 1, record.partition, record.offset
            return

    def _report_foreign(self) -> None:
        """Log how many records of each topic were ignored, in one line."""
        for topic, (number, partition, offset) in self._foreign.items():
            what = "1 record is none of Sluicegate's" if number == 1 else f"{number:,} records are none of Sluicegate's"
            log.warning("%s: %s, ignored; the last is in partition %d, offset %d", topic, what, partition, offset)
        self._foreign.clear()


def has_ended(status: Document) -> bool:
    """Whether the rollout was promoted or rolled back."""
    return status["phase"] in ENDED


def was_promoted(status: Document) -> bool:
    """Whether the rollout was promoted."""
    return bool(status["phase"] == Phase.PROMOTED)
