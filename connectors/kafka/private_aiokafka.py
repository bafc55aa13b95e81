"""The only module that uses private parts of aiokafka. Each use is limited to the versions it was checked with.

Each function states what happens with another version: either it reports that the private part is not available, or
there is a fallback. `tests/connectors/kafka/test_private_aiokafka.py` is the contract: run it with a new version before
adding that version to `CHECKED`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.structs import TopicPartition

CHECKED: Final = ("0.12.", "0.13.", "0.14.")
"""The versions of aiokafka that the private parts were checked with."""

Fetched = OrderedDict[TopicPartition, Any]


def is_checked() -> bool:
    """Whether the installed aiokafka is one of the versions checked."""
    return str(aiokafka.__version__).startswith(CHECKED)


def fetched_by(consumer: aiokafka.AIOKafkaConsumer) -> Fetched | None:
    """The fetches of a started consumer that `getmany` has not returned yet, by partition.

    None if the version was not checked or the consumer has no such dictionary.
    """
    found = getattr(getattr(consumer, "_fetcher", None), "_records", None)
    return found if is_checked() and isinstance(found, OrderedDict) else None


def replace_fetched(consumer: aiokafka.AIOKafkaConsumer, fetched: Fetched) -> None:
    """Make the consumer keep its fetches in this dictionary. Call only if `fetched_by` returned the one before."""
    consumer._fetcher._records = fetched


def iterate_batches(fetch: Any, wrap: Callable[[Any], Any], convert: Callable[[Any, int], Any]) -> None:
    """Make a fetch iterate over what `wrap` makes of its batches; `convert(item, start)` makes the records returned.

    `start` is the offset that the fetch was asked for. A fetch that failed has no records and is left as it is.
    """
    records = getattr(fetch, "_partition_records", None)
    if records is None:
        return
    start = records.next_fetch_offset
    records._records = wrap(records._records)
    records._consumer_record = lambda _, item: convert(item, start)


@cache
def date_fetches_by_sending() -> bool:
    """Make every consumer's `last_poll_timestamp` the time at which the fetch was sent that was answered last.

    aiokafka notes when it reads the answer. A process that was stopped reads an old answer when it continues, and would
    take the end of the partition in it for the present one. False if this aiokafka was not checked: it stays so then.
    """
    if not is_checked():
        return False
    process: Any = Fetcher._proc_fetch_request

    @wraps(process)
    async def dated(fetcher: Any, assignment: Any, node_id: Any, request: Any) -> Any:
        sent_at = int(time.time() * 1000)  # noqa: TID251 - aiokafka's clock
        needs_wakeup = await process(fetcher, assignment, node_id, request)  # nothing runs between its note and ours
        for topic, partitions in request.topics:
            for partition, *_ in partitions:
                state = assignment.state_value(TopicPartition(topic, partition))
                if state is not None and state.timestamp is not None:
                    state.timestamp = min(state.timestamp, sent_at)
        return needs_wakeup

    Fetcher._proc_fetch_request = dated
    return True


async def send_request(client: AIOKafkaAdminClient, request: Any) -> Any:
    """The broker's response to a request that the admin client has no method for.

    Raises:
        NotImplementedError: the broker does not know this version of the request, or this aiokafka was not checked.
        aiokafka.errors.KafkaError: the request failed.
    """
    if not is_checked():
        raise NotImplementedError(f"aiokafka {aiokafka.__version__} was not checked")
    return await client._send_request(request)
