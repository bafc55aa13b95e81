"""Whether the broker answers a consumer; a partition that is not fetched because its records wait does not count."""

import time
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchError

from connectors.kafka.consumer_progress import answered

FIRST, SECOND = TopicPartition("request-events", 0), TopicPartition("request-events", 1)


def consumer(ages_ms: dict[TopicPartition, float], fetched: dict[TopicPartition, object]) -> Any:
    """Return as much of a consumer as is asked: when each partition was fetched, and what waits to be taken."""
    now = time.time() * 1000  # noqa: TID251 - the clock that aiokafka reads
    return SimpleNamespace(
        assignment=lambda: set(ages_ms),
        paused=set,
        highwater=lambda partition: 100,
        last_poll_timestamp=lambda partition: now - ages_ms[partition],
        _fetcher=SimpleNamespace(_records=OrderedDict(fetched)),
    )


def test_a_partition_that_was_not_fetched_lately_is_not_answered() -> None:
    """One of two is enough."""
    assert answered(consumer({FIRST: 0.0, SECOND: 0.0}, {}), 10_000)
    assert not answered(consumer({FIRST: 0.0, SECOND: 60_000.0}, {}), 10_000)
    assert answered(consumer({}, {}), 10_000)


def test_records_that_wait_are_no_sign_of_trouble() -> None:
    """A worker with a backlog fetches a partition again once all records fetched before are consumed."""
    assert answered(consumer({FIRST: 0.0, SECOND: 60_000.0}, {SECOND: object()}), 10_000)
    failed = FetchError(error=ConnectionError(), backoff=0)
    assert not answered(consumer({FIRST: 0.0, SECOND: 60_000.0}, {SECOND: failed}), 10_000)
