"""Partitions that cannot be read: each stalls by itself, visibly, and is tried again, while the others go on.

The cause may be a batch with a wrong checksum, a topic that may not be read, a codec that is not installed. With
aiokafka alone `getmany` raises then, for all partitions, and loses what it had already taken of others: their positions
have moved on. Here it returns what it has (`private_fetches.hold_failures`), and `stalled` has what failed. A topic
that may not be described any more is listed too, although a group has no partition of it then (`private_answers`).
So is one in which a transaction stays open, where only committed records are read.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import TopicPartition
from prometheus_client import Counter

from connectors.kafka.private_answers import denied_topics
from connectors.kafka.private_fetches import hold_failures, readable_end, reads_committed, state_of

RETRY_S: Final = 1.0
"""The pause before a partition is fetched again; each time costs the broker a whole fetch."""
FRESH_S: Final = 10.0
"""A partition whose last failure is longer ago is not stalled any more; one without new records shows no success."""
LOG_EVERY_S: Final = 60.0
OPEN_S: Final = 30.0
"""A transaction that keeps a partition from being read for longer is named; honest ones take seconds."""
WHOLE_TOPIC: Final = -1
"""Stands for a partition where a topic may not be described, so that its partitions are not known."""

FAILURES: Final = Counter(
    "sluicegate_read_failures",
    "Attempts to read a partition that failed by a fault of this partition; it is tried again each second",
    ["topic", "partition", "error"],
)

log = logging.getLogger(__name__)


class Stall(NamedTuple):
    """Why a partition cannot be read; `since` and `at` are the times of the first and the last failure."""

    why: str
    since: float
    at: float


_stalls: WeakKeyDictionary[Any, Stall] = WeakKeyDictionary()
_opened: WeakKeyDictionary[Any, tuple[int, float]] = WeakKeyDictionary()
_denied_since: dict[str, float] = {}
_logged_at: dict[TopicPartition, float] = {}


@cache
def hold_stalled_partitions() -> bool:
    """Let partitions of all consumers of this process stall one by one; False if this aiokafka was not checked."""
    if hold_failures(_failed, _passed, _denied, RETRY_S):
        return True
    log.warning("this version of aiokafka was not checked: one partition that cannot be read stops a whole consumer")
    return False


def stalled(consumer: AIOKafkaConsumer) -> dict[TopicPartition, Stall]:
    """The partitions of this consumer that cannot be read now; `WHOLE_TOPIC` for a topic that it may not describe."""
    found: dict[TopicPartition, Stall] = {}
    if _denied_since:
        for topic in denied_topics(consumer):
            found[TopicPartition(topic, WHOLE_TOPIC)] = _denial(topic)
            found |= {one: _denial(topic) for one in consumer.assignment() if one.topic == topic}
    if reads_committed(consumer):
        found |= _behind_transactions(consumer)
    if not _stalls:
        return found
    for partition in consumer.assignment():
        state = state_of(consumer, partition)
        stall = None if state is None else _stalls.get(state)
        if stall is not None and time.monotonic() - stall.at <= FRESH_S:
            found[partition] = stall
    return found


def describe(stalls: dict[TopicPartition, Stall]) -> str:
    """The partitions and why they stall, for a person; empty if there are none."""
    whole = {topic for topic, number in stalls if number == WHOLE_TOPIC}
    listed = [
        f"{topic}{'' if number == WHOLE_TOPIC else f' partition {number}'}: {stall.why}"
        for (topic, number), stall in sorted(stalls.items())
        if number == WHOLE_TOPIC or topic not in whole
    ]
    return f"cannot read {'; '.join(listed)}" if listed else ""


def _behind_transactions(consumer: AIOKafkaConsumer) -> dict[TopicPartition, Stall]:
    found: dict[TopicPartition, Stall] = {}
    now = time.monotonic()
    for partition in consumer.assignment():
        state = state_of(consumer, partition)
        highwater = consumer.highwater(partition)
        if state is None or highwater is None or not state.has_valid_position:
            continue
        if not readable_end(state, highwater) == state.position < highwater:
            _opened.pop(state, None)
            continue
        offset, since = _opened.get(state, (None, now))
        if offset != state.position:
            since = now
        _opened[state] = state.position, since
        if now - since >= OPEN_S:
            found[partition] = Stall(f"a transaction stays open at offset {state.position}", since, now)
    return found


def _denial(topic: str) -> Stall:
    now = time.monotonic()
    return Stall(TopicAuthorizationFailedError.__name__, _denied_since.setdefault(topic, now), now)


def _denied(topic: str) -> None:
    now, place = time.monotonic(), TopicPartition(topic, WHOLE_TOPIC)
    _denied_since.setdefault(topic, now)
    FAILURES.labels(topic, WHOLE_TOPIC, TopicAuthorizationFailedError.__name__).inc()
    if now - _logged_at.get(place, -LOG_EVERY_S) >= LOG_EVERY_S:
        _logged_at[place] = now
        log.error(
            "%s may not be read (TopicAuthorizationFailedError), nor described; it is tried again each %g s, and the "
            "other topics are read",
            topic,
            RETRY_S,
        )


def _failed(state: Any, partition: TopicPartition, error: Exception) -> None:
    now, kind = time.monotonic(), type(error).__name__
    FAILURES.labels(partition.topic, partition.partition, kind).inc()
    where = f" at offset {state.position}" if state.has_valid_position else ""
    before = _stalls.get(state)
    _stalls[state] = Stall(f"{kind}{where}", now if before is None else before.since, now)
    if now - _logged_at.get(partition, -LOG_EVERY_S) >= LOG_EVERY_S:
        _logged_at[partition] = now
        log.error(
            "%s partition %d cannot be read%s (%s: %s); it is tried again each %g s, and the other partitions are read",
            partition.topic,
            partition.partition,
            where,
            kind,
            error,
            RETRY_S,
        )


def _passed(state: Any) -> None:
    if _stalls and _stalls.pop(state, None) is not None:
        log.info("a partition that could not be read is read again")
