"""The private parts of aiokafka by which one partition that a broker refuses does not hold up the others.

Four things are missing there. A fetch that is answered by an error it does not list is sent again at once, without a
pause. A partition whose first offset is refused keeps all partitions of its node from being fetched. And a topic that
may not be described any more vanishes from the metadata: a group then has no partition of it, and nobody looks again
for minutes. The commit for a partition that is there no more, after its topic was made again with fewer, is repeated
without end, and the group waits for it. The contract is `tests/connectors/kafka/test_private_answers.py`; see
`private_aiokafka`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import BaseCoordinator, GroupCoordinator
from aiokafka.errors import (
    NoError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import TopicPartition

from connectors.kafka.private_aiokafka import is_checked

LISTED: Final = (NoError, OffsetOutOfRangeError, TopicAuthorizationFailedError)
"""What aiokafka handles for the partition alone."""

MOVED: Final = (NotLeaderForPartitionError, UnknownTopicOrPartitionError)
"""What it answers with a look at the metadata, and with the same fetch at once."""

METADATA_S: Final = 5.0
"""How long a refused commit waits for new metadata before it is tried again."""

Hold = Callable[[Any, Any, TopicPartition, Exception], None]
"""`hold(fetcher, assignment, partition, error)` leaves a partition alone for a while."""


def denied_topics(consumer: aiokafka.AIOKafkaConsumer) -> set[str]:
    """The topics of a consumer of which Kafka answers that it may not read them; empty if aiokafka was not checked."""
    cluster = getattr(getattr(consumer, "_client", None), "cluster", None)
    subscription = getattr(getattr(consumer, "_subscription", None), "subscription", None)
    if not is_checked() or cluster is None or subscription is None:
        return set()
    return set(cluster.unauthorized_topics) & set(subscription.topics)


def hold_refused(hold: Hold, denied: Callable[[str], None], retry_s: float) -> None:
    """Make each refused partition of each consumer wait by itself. Call only if this aiokafka was checked.

    `denied` is called with a topic whenever Kafka answers that it may not be described; this is asked each `retry_s`.
    """
    _hold_refused_fetches(hold)
    _hold_refused_positions(hold)
    _pause_between_metadata(retry_s)
    _ask_again_for_denied(denied, retry_s)
    GroupCoordinator._do_commit_offsets = commit_what_is_there(GroupCoordinator._do_commit_offsets)


def commit_what_is_there(commit: Any) -> Any:
    """Make of the sending of a commit one that leaves out partitions which are there no more: nobody reads them.

    A topic that the metadata lacks may only not be known yet, so its partitions are left out once Kafka has refused a
    commit and the topic is still lacking after that.
    """
    gone: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()

    @wraps(commit)
    async def leaving_out(coordinator: Any, assignment: Any, offsets: Any) -> None:
        numbers = coordinator._client.cluster.partitions_for_topic

        def is_there(at: TopicPartition) -> bool:
            known = numbers(at.topic)
            return at.topic not in gone.get(coordinator, ()) if known is None else at.partition in known

        try:
            await commit(coordinator, assignment, {at: offset for at, offset in offsets.items() if is_there(at)})
        except UnknownTopicOrPartitionError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(METADATA_S):
                    if await coordinator._client.force_metadata_update():
                        gone[coordinator] = {at.topic for at in offsets if numbers(at.topic) is None}
            raise

    return leaving_out


def _hold_refused_fetches(hold: Hold) -> None:
    process: Any = fetcher.Fetcher._proc_fetch_request

    @wraps(process)
    async def held(reader: Any, assignment: Any, node: Any, request: Any) -> bool:
        call = _Call(reader)
        needs_wakeup = bool(await process(call, assignment, node, request))
        moved = False
        for topic, partitions in () if call.answer is None or not assignment.active else call.answer.topics:
            for number, code, *_ in partitions:
                partition, error = TopicPartition(topic, number), for_code(code)
                moved = moved or error in MOVED
                if error not in LISTED + MOVED and partition not in reader._records:
                    hold(reader, assignment, partition, error(f"error code {code}"))
                    reader._client.force_metadata_update()  # the cause may be a leader that is none any more
                    needs_wakeup = True
        if moved:
            with contextlib.suppress(asyncio.CancelledError):  # as aiokafka: its `close` awaits what it cancels
                await asyncio.sleep(reader._retry_backoff)
        return needs_wakeup

    fetcher.Fetcher._proc_fetch_request = held


def _hold_refused_positions(hold: Hold) -> None:
    update: Any = fetcher.Fetcher._update_fetch_positions

    @wraps(update)
    async def held(reader: Any, assignment: Any, node: Any, partitions: Any) -> bool:
        call = _Call(reader)
        needs_wakeup = bool(await update(call, assignment, node, partitions))
        # aiokafka's errors name the partition; those of a connection, which are about all of them, do not.
        refused = call.error.args[0] if call.error is not None and call.error.args else None
        if call.error is not None and refused in partitions and assignment.active and refused not in reader._records:
            hold(reader, assignment, refused, call.error)
            reader._client.force_metadata_update()
            needs_wakeup = True  # a caller that waits for records is who takes the held one away after its pause
        return needs_wakeup

    fetcher.Fetcher._update_fetch_positions = held


class _Call:
    """Stands for a fetcher in one call of one of its methods, and keeps what the broker answered."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._client = SimpleNamespace(send=self._send, force_metadata_update=reader._client.force_metadata_update)
        self.answer: Any = None
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def _send(self, node: Any, request: Any) -> Any:
        self.answer = await self._reader._client.send(node, request)
        return self.answer

    async def _proc_offset_request(self, node: Any, topics: Any) -> Any:
        try:
            return await self._reader._proc_offset_request(node, topics)
        except Exception as error:
            self.error = error
            raise


def _pause_between_metadata(retry_s: float) -> None:
    """Look for the leader of a partition ten times a second at most, and for one that is denied each `retry_s`."""
    actions: Any = fetcher.Fetcher._get_actions_per_node

    @wraps(actions)
    def paused(reader: Any, assignment: Any) -> Any:
        fetches, resets, timeout, invalid, resumed = actions(reader, assignment)
        if invalid:
            now, due = time.monotonic(), getattr(reader, "metadata_due", 0.0)
            if now < due:
                invalid, timeout = False, min(timeout, due - now)
            else:
                reader.metadata_due = now + (
                    retry_s if reader._client.cluster.unauthorized_topics else reader._retry_backoff
                )
        return fetches, resets, timeout, invalid, resumed

    fetcher.Fetcher._get_actions_per_node = paused


def _ask_again_for_denied(denied: Callable[[str], None], retry_s: float) -> None:
    update: Any = BaseCoordinator._handle_metadata_update
    waiting: WeakSet[Any] = WeakSet()

    @wraps(update)
    def looked_at(coordinator: Any, cluster: Any) -> None:
        update(coordinator, cluster)
        subscription = coordinator._subscription.subscription
        topics = set() if subscription is None else cluster.unauthorized_topics & set(subscription.topics)
        for topic in sorted(topics):
            denied(topic)
        if topics and coordinator not in waiting:
            waiting.add(coordinator)
            asyncio.get_running_loop().call_later(retry_s, ask, coordinator)

    def ask(coordinator: Any) -> None:
        waiting.discard(coordinator)
        coordinator._client.force_metadata_update()

    BaseCoordinator._handle_metadata_update = looked_at
