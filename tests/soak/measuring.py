"""Samples the processes of a soak run again and again, and prints the table."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from connectors.kafka import clients
from connectors.kafka.topic_reader import partitions_of
from tests.faults.post import Post
from tests.faults.trial import Trial
from tests.soak.samples import HEADINGS, Sample, cells, line, memory_and_handles

LAGS = {"ingest": "sluicegate_ingest_lag_records{", "journal": "sluicegate_journal_lag_records{"}


class Measuring:
    """The samples of a run of this many minutes; `steady` is the worker that nobody kills."""

    def __init__(self, trial: Trial, steady: Post, others: Sequence[Post], minutes: float) -> None:
        self._trial, self._steady, self._others, self._minutes = trial, steady, others, minutes
        self._began = time.monotonic()
        self._letters = 0
        self.samples: list[Sample] = []
        self.judged_after = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the begin of the run."""
        return time.monotonic() - self._began

    async def keep(self) -> None:
        """Sample without end: some 200 times in a run, of which every tenth is printed."""
        print(line(HEADINGS), flush=True)  # noqa: T201
        topics = self._trial.site.topics
        async with clients.consumer(self._trial.site.settings) as consumer:
            letters = await partitions_of(self._trial.site.settings, topics.dead_letters)
            while True:
                with contextlib.suppress(KafkaError, TimeoutError):
                    self._letters = sum((await consumer.end_offsets(letters)).values())
                with contextlib.suppress(OSError):  # the actuator is being started again
                    self.samples.append(await asyncio.to_thread(self._sample))
                    if len(self.samples) % 10 == 1:
                        print(line(cells(self.samples[-1])), flush=True)  # noqa: T201
                await asyncio.sleep(self._minutes * 60 / 200)

    def _sample(self) -> Sample:
        assert self._trial.carrier is not None
        largest, lags = 0.0, dict.fromkeys(LAGS, 0.0)
        for post in (self._steady, *self._others):
            with contextlib.suppress(OSError):
                largest = max(largest, memory_and_handles(post.worker.process.pid)[0])
                for sample in post.worker.get("/metrics").splitlines():
                    for name, prefix in LAGS.items():
                        if sample.startswith(prefix):
                            lags[name] += float(sample.rsplit(" ", 1)[1])
        steady = memory_and_handles(self._steady.worker.process.pid)
        actuator = memory_and_handles(self._trial.carrier.process.pid)
        return Sample(
            minutes=self.elapsed / 60,
            events=self._trial.sent,
            deaths=len(self._trial.exits),
            largest_mib=largest,
            steady_mib=steady[0],
            steady_handles=steady[1],
            actuator_mib=actuator[0],
            actuator_handles=actuator[1],
            ingest_lag=lags["ingest"],
            journal_lag=lags["journal"],
            dead_letters=self._letters,
            judged_after_s=self.judged_after,
        )
