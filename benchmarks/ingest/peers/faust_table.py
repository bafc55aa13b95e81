"""A Faust agent with a windowed table over event time, in memory with its changelog topic."""

from __future__ import annotations

import tempfile
from typing import Any

import faust
from faust.worker import Worker

from benchmarks.ingest.peers import cells
from benchmarks.ingest.peers.task import WINDOW_MS, Stopwatch, Task


def build(task: Task) -> faust.App:
    """An app that reads all events. A table's windows have the unit that `relative_to` returns: here milliseconds."""
    app = faust.App(
        task.group,
        broker=f"kafka://{task.bootstrap}",
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="sluicegate-faust-"),
        autodiscover=False,
        topic_partitions=task.partitions,
        topic_disable_leader=True,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    topic = app.topic(task.topic, key_serializer="raw", value_serializer="raw")
    watch, left, now_ms = Stopwatch(), task.events, 0
    table = app.Table("cells", default=cells.new_cell, partitions=task.partitions)
    tumbling: Any = table.tumbling(WINDOW_MS, expires=60 * WINDOW_MS)
    windows = tumbling.relative_to(lambda _event=None: now_ms)

    @app.agent(topic)
    async def count(messages: faust.StreamT[bytes]) -> None:
        nonlocal left, now_ms
        async for message in messages:
            watch.record()
            for event in cells.decode_lines(message):
                now_ms = event.ts
                pair = f"{event.rollout}/{event.cohort}"
                cell = windows[pair].value()
                cells.add(cell, event.status, event.latency_ms)
                windows[pair] = cell
                left -= 1
            if left == 0:
                watch.end()

    return app


if __name__ == "__main__":
    worker = Worker(build(Task.given()), loglevel="ERROR", quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it writes to the terminal
    worker.execute_from_commandline()
