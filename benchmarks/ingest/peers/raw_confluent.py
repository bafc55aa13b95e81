"""confluent-kafka's `consume` loop alone: librdkafka, which fetches in its own threads."""

from __future__ import annotations

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.ingest.peers.task import Stopwatch, Task


def main(task: Task) -> None:
    """Count all messages, with their values."""
    watch = Stopwatch()
    watch.begin()
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
        }
    )
    consumer.assign([TopicPartition(task.topic, number, OFFSET_BEGINNING) for number in range(task.partitions)])
    left = task.partitions * task.messages
    while left > 0:
        messages = consumer.consume(10_000, timeout=0.1)
        left -= sum(message.error() is None for message in messages)
    watch.end()


if __name__ == "__main__":
    main(Task.given())
