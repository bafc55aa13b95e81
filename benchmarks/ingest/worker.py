"""One run of Sluicegate's ingest: a whole worker, observed through its journal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.ingest.cases import Filled
from benchmarks.ingest.peers.task import Task
from benchmarks.ingest.trial import MEASURED_CORE, ROOT, Took, TrialError
from benchmarks.measure import cpu_seconds, pinned
from streams.demo.embedded_broker import free_port
from streams.journal import Progress, decode
from streams.runtime.settings import Settings

_LONGEST_S = 120.0
_COMMAND = [sys.executable, "-m", "benchmarks.ingest.peers.sluicegate_worker"]


def run_worker(filled: Filled, task: Task) -> Took:
    """Have a worker read the whole topic from the beginning; raises TrialError.

    It has finished when its progress records reach the end of all partitions. By then every event is decoded, checked,
    summed, written to the journal and acknowledged. The group's offsets are committed with each finished chunk.
    """
    return asyncio.run(_run(filled, task))


async def _run(filled: Filled, task: Task) -> Took:
    await _go_back(filled, task)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=task.bootstrap, max_partition_fetch_bytes=16 << 20, fetch_max_wait_ms=20
    )
    async with consumer:
        journal = TopicPartition(filled.topics.journal, 0)
        consumer.assign([journal])
        await consumer.seek_to_end(journal)
        with tempfile.TemporaryFile("w+") as log, _worker(filled, log) as process:
            try:
                return await asyncio.wait_for(_watched(consumer, task, process), _LONGEST_S)
            except (TimeoutError, EOFError) as error:
                log.seek(0)
                raise TrialError(f"the worker has not read {task.topic} to its end:\n{log.read()[-2000:]}") from error


async def _go_back(filled: Filled, task: Task) -> None:
    """Reset the worker's group to the first record."""
    partitions = [TopicPartition(task.topic, number) for number in range(task.partitions)]
    group = Settings.model_validate({"topic_prefix": filled.prefix}).group("ingest")
    async with AIOKafkaConsumer(bootstrap_servers=task.bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))


@contextlib.contextmanager
def _worker(filled: Filled, log: IO[str]) -> Iterator[subprocess.Popen[str]]:
    words = ["worker", "--role", "ingest", "--bootstrap", filled.bootstrap, "--topic-prefix", filled.prefix]
    words += ["--web-port", str(free_port()), "--log-level", "error"]
    with subprocess.Popen(  # noqa: S603
        [*_COMMAND, *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")},
        preexec_fn=pinned(MEASURED_CORE),  # noqa: PLW1509  (it only calls the scheduler)
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20.0)
            except subprocess.TimeoutExpired:
                process.kill()


async def _watched(journal: AIOKafkaConsumer, task: Task, process: subprocess.Popen[str]) -> Took:
    assert process.stdout is not None  # noqa: S101  (by stdout=PIPE)
    line = await asyncio.to_thread(process.stdout.readline)
    if not line:
        raise EOFError
    began = json.loads(line)
    while not await _all_journaled(journal, task):
        if process.poll() is not None:
            raise EOFError
    return Took(task.events, cpu_seconds(process.pid) - began["cpu"], time.monotonic() - began["wall"])


async def _all_journaled(journal: AIOKafkaConsumer, task: Task) -> bool:
    """Whether a new progress record covers the task; each flush writes one to every partition of the journal."""
    found = (await journal.getmany(timeout_ms=1_000)).values()
    progress = (record for records in found for record in records if b"sluicegate.progress/" in record.value)
    return any(_covers(decode(record.value), task) for record in progress)


def _covers(record: object, task: Task) -> bool:
    if not isinstance(record, Progress):
        return False
    read = [source for source in record.sources if source.position >= task.messages]
    return len(read) == task.partitions
