"""bytewax: a fold over tumbling windows of event time, with one worker; results go to a topic.

Its watermark also moves with the system's clock, so it drops events as late when a stream is read more slowly than the
events' times advance. Here it gets a clock that stands still, so that only event time counts and none is dropped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

from benchmarks.ingest.peers import cells
from benchmarks.ingest.peers.task import WINDOW_MS, Stopwatch, Task

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main(task: Task) -> None:
    """Read all events."""
    watch, left = Stopwatch(), task.events

    def keyed(message: Any) -> list[tuple[str, cells.Event]]:
        watch.record()
        part = f"{message.partition} {message.key.decode()}"
        decoded = [cells.decode(message.value)] if task.per_message == 1 else cells.decode_lines(message.value)
        return [(part, event) for event in decoded]

    def when(event: cells.Event) -> datetime:
        return datetime.fromtimestamp(event.ts / 1_000, UTC)

    def add(cell: cells.Cell, event: cells.Event) -> cells.Cell:
        nonlocal left
        cells.add(cell, event.status, event.latency_ms)
        left -= 1
        if left == 0:
            watch.end()
        return cell

    def record_of(result: tuple[str, tuple[int, cells.Cell]]) -> KafkaSinkMessage:
        key, (_window, cell) = result
        return KafkaSinkMessage(key.encode(), orjson.dumps(cells.summary(cell)))

    flow = Dataflow("cells")
    source = KafkaSource([task.bootstrap], [task.topic], tail=True, batch_size=1_000)
    messages = op.input("events", flow, source)
    events = op.flat_map("decode", messages, keyed)
    windows = win.fold_window(
        "cells",
        events,
        win.EventClock(when, wait_for_system_duration=timedelta(0), now_getter=lambda: EPOCH),
        win.TumblingWindower(length=timedelta(milliseconds=WINDOW_MS), align_to=EPOCH),
        cells.new_cell,
        add,
        lambda one, _other: one,
        ordered=False,
    )
    kop.output("results", op.map("record", windows.down, record_of), brokers=[task.bootstrap], topic=task.output)
    run_main(flow)


if __name__ == "__main__":
    main(Task.given())
