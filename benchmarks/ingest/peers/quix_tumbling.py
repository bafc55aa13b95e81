"""quixstreams: a tumbling window over event time, reduced in its RocksDB store; results go to a topic."""

from __future__ import annotations

import tempfile
from typing import Any

from quixstreams import Application

from benchmarks.ingest.peers import cells
from benchmarks.ingest.peers.task import WINDOW_MS, Stopwatch, Task


def main(task: Task) -> None:
    """Read all events."""
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        commit_interval=1.0,
        state_dir=tempfile.mkdtemp(prefix="sluicegate-quix-"),
        loglevel="ERROR",
    )
    watch, left = Stopwatch(), task.events

    def arrived(value: bytes) -> Any:
        watch.record()
        return cells.decode(value) if task.per_message == 1 else cells.decode_lines(value)

    def first(event: cells.Event) -> cells.Cell:
        return add(cells.new_cell(), event)

    def add(cell: cells.Cell, event: cells.Event) -> cells.Cell:
        nonlocal left
        cells.add(cell, event.status, event.latency_ms)
        left -= 1
        if left == 0:
            watch.end()
        return cell

    events = app.topic(task.topic, key_deserializer="str", value_deserializer="bytes")
    results = app.topic(task.output, value_serializer="json")
    frame = app.dataframe(events).apply(arrived, expand=task.per_message > 1)
    frame = frame.set_timestamp(lambda event, _key, _timestamp, _headers: event.ts)
    frame = frame.tumbling_window(WINDOW_MS).reduce(add, first).final()
    frame.apply(lambda window: cells.summary(window["value"])).to_topic(results)
    app.run()


if __name__ == "__main__":
    main(Task.given())
