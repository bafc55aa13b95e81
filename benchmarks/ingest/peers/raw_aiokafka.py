"""aiokafka's `getmany` loop alone: where a consumer written by hand begins."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.ingest.peers.task import Stopwatch, Task

FETCH_BYTES = 4 * 1_048_576  # of a partition at once: as Sluicegate's ingest


async def main(task: Task, most: int | None = 10_000) -> None:
    """Count all messages, fetching at most `most` at once."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=task.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    consumer.assign([TopicPartition(task.topic, number) for number in range(task.partitions)])
    watch = Stopwatch()
    watch.begin()
    await consumer.start()
    left = task.partitions * task.messages
    while left > 0:
        for records in (await consumer.getmany(timeout_ms=100, max_records=most)).values():
            left -= len(records)
    watch.end()


if __name__ == "__main__":
    asyncio.run(main(Task.given()))
