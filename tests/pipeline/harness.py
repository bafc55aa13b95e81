"""Real workers over a real broker: what the pipeline suites share."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from connectors.decoders.registry import decoder
from connectors.kafka import clients
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.topic_reader import read_to_end
from connectors.signing.keys import keyring
from gates.policy import Policy
from streams import journal
from streams.demo.embedded_broker import free_port
from streams.journal import encode_document
from streams.offline.journal_replay import read_journal
from streams.runtime.health import SPARE
from streams.runtime.settings import Settings
from streams.topics.creation import ensure

PATIENCE = 60.0
SLUICEGATE = str(Path(sys.executable).with_name("sluicegate"))
PARTITIONS = {"events": 3, "journal": 2, "snapshots": 2}

POLICY = Policy.parse(
    {
        "schema": "sluicegate.policy/v1",
        "rollout": "checkout-v2",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "stages": [
            {"name": "canary", "weight": "20%", "bake": "5s"},
            {"name": "half", "weight": "50%", "bake": "5s"},
        ],
        "checks": {
            "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "30%", "window": "10s"},
            "p95": {"sli": "latency", "quantile": 0.95, "limit": "800ms", "window": "10s"},
        },
        "min_requests": 50,
        "data_quality": {"split": "100%"},  # the traffic of these tests does not follow the gate's orders
        "confidence": {"dispersion": 1},  # stages of seconds: the evidence is that of errors drawn independently
    }
)


class Site:
    """One installation under a prefix of its own: its topics, a producer, and workers as real processes."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.replication = 1
        self.settings = KafkaSettings(bootstrap=bootstrap, topic_prefix=prefix)
        self.topics = self.settings.topics
        self.workers: list[Worker] = []
        self.producer: AIOKafkaProducer

    async def __aenter__(self) -> Self:
        await ensure(Settings(**self.settings.model_dump()), replication=self.replication, partitions=PARTITIONS)
        self.producer = clients.producer(self.settings, linger_ms=0)
        await self.producer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for worker in self.workers:
            worker.close()
        await self.producer.stop()

    def worker(self, *roles: str, **variables: str) -> "Worker":
        """Start a worker process; it is ended with the site."""
        return self.worker_of((SLUICEGATE,), roles, variables)

    def worker_of(self, command: tuple[str, ...], roles: tuple[str, ...], variables: dict[str, str]) -> "Worker":
        """Start a worker process by another command; it is ended with the site."""
        self.workers.append(Worker(self.settings, roles, variables, command))
        return self.workers[-1]

    async def send(self, events: list[dict[str, Any]]) -> None:
        """Produce events, spread over the partitions by position; the record's time is the first event's time."""
        sent = [
            await self.producer.send(
                self.topics.events, json.dumps(event).encode(), partition=i % 3, timestamp_ms=event["ts"]
            )
            for i, event in enumerate(events)
        ]
        await asyncio.gather(*sent)

    async def start(self, policy: Policy = POLICY, *, at: int | None = None) -> None:
        """Start a rollout as an operator does; signed, if the site's settings have a key."""
        now = int(time.time() * 1000) if at is None else at  # noqa: TID251
        message = journal.Start(rollout=policy.rollout, policy=policy.document(), by="tester", reason="a test", at=now)
        value = journal.encode(message)
        expires_at = now + self.settings.signature_valid_ms
        headers = keyring(self.settings, "operator").sign(self.topics.policies, value, expires_at=expires_at)
        await self.producer.send_and_wait(self.topics.policies, value, key=policy.rollout.encode(), headers=headers)

    async def acknowledge(self, decision: dict[str, Any]) -> None:
        """Acknowledge a decision, as an actuator that has applied its weights."""
        message = journal.Ack(
            id=decision["id"],
            rollout=decision["rollout"],
            epoch=decision["epoch"],
            sequence=decision["sequence"],
            actuator="tester",
            status="applied",
            weights=decision["weights"],
            at=int(time.time() * 1000),  # noqa: TID251
        )
        await self.producer.send_and_wait(self.topics.acks, journal.encode(message), key=decision["rollout"].encode())

    async def read(self, topic: str) -> list[Any]:
        """Every record of a topic as of now."""
        return [record async for record in read_to_end(self.settings, topic)]

    async def replayed(self) -> list[bytes]:
        """The decisions that folding the journal again gives."""
        return [encode_document(decision.document()) for decision in (await read_journal(self.settings)).decisions]

    async def decisions(self) -> dict[str, bytes]:
        """Decisions by id, in order; two that share an id are the same to the byte."""
        found: dict[str, bytes] = {}
        for record in await self.read(self.topics.decisions):
            identity = json.loads(record.value)["id"]
            assert found.setdefault(identity, record.value) == record.value
        return found

    @contextlib.asynccontextmanager
    async def following(
        self, topic: str, *, patience: float = PATIENCE
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The documents of a topic from its beginning, as they come, for at most `patience` seconds."""
        reader = clients.consumer(self.settings, topic)
        await reader.start()

        async def documents() -> AsyncIterator[dict[str, Any]]:
            async with asyncio.timeout(patience):
                while True:
                    yield json.loads((await reader.getone()).value)

        try:
            yield documents()
        finally:
            await reader.stop()

    async def counted(self) -> Counter[tuple[str, str, int]]:
        """The journal's partials, joined: requests by rollout, cohort and second."""
        from streams.judge.join import Join

        joins: dict[str, Join] = {}
        for record in sorted(await self.read(self.topics.journal), key=lambda r: (r.partition, r.offset)):
            message = journal.decode(record.value)
            for partial in message.partials if isinstance(message, journal.Partials) else ():
                if partial.rule == journal.CHUNK_RULE:
                    joins.setdefault(partial.rollout, Join()).apply(partial)
        found: Counter[tuple[str, str, int]] = Counter()
        for rollout, join in joins.items():
            while (start := join.next_cell()) is not None:
                for cohort, cell in join.close(start, start + 1000).cells.items():
                    found[rollout, cohort, start] += cell.requests
        return found

    async def produced(self) -> Counter[tuple[str, str, int]]:
        """An independent recount of the event topic."""
        return Counter(
            (event.rollout, event.cohort, event.ts_ms // 1000 * 1000)
            for record in await self.read(self.topics.events)
            for event in decoder().decode(record.value).counted
        )


class Worker:
    """A `sluicegate worker` process."""

    def __init__(
        self, settings: KafkaSettings, roles: tuple[str, ...], variables: dict[str, str], command: tuple[str, ...]
    ) -> None:
        self.port = free_port()
        descriptor, name = tempfile.mkstemp(prefix="worker-", suffix=".log")
        self._log = Path(name)
        known = {
            "SLUICEGATE_BOOTSTRAP": settings.bootstrap,
            "SLUICEGATE_TOPIC_PREFIX": settings.topic_prefix,
            "SLUICEGATE_SESSION_TIMEOUT_MS": "1000",
            "SLUICEGATE_WEB_PORT": str(self.port),
            "SLUICEGATE_OUT_OF_ORDERNESS_MS": "500",
            "SLUICEGATE_SNAPSHOT_INTERVAL_MS": "500",
        }
        flags = [part for role in roles for part in ("--role", role)]
        self.process = subprocess.Popen(
            [*command, "worker", *flags],
            env=os.environ | known | variables,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
        )
        os.close(descriptor)

    def get(self, path: str) -> str:
        """A page of the worker's web server."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    async def ready(self) -> None:
        """Wait until every loop has joined its group; it may be a spare there."""
        async with asyncio.timeout(PATIENCE):
            while not await self.states() <= {"ok", SPARE}:
                assert self.process.poll() is None, self.log()
                await asyncio.sleep(0.1)

    async def health(self) -> str:
        """Its `/healthz`, or why there is no answer."""
        try:
            return await self.page("/healthz")
        except OSError as error:
            return str(error)

    async def states(self) -> set[str]:
        """The states of its loops, as `/readyz` shows them."""
        try:
            page = await self.page("/readyz")
        except OSError:
            return {"no answer"}
        return set(json.loads(page)["loops"].values())

    async def page(self, path: str) -> str:
        """A page, whatever its status."""
        try:
            return await asyncio.to_thread(self.get, path)
        except urllib.error.HTTPError as answer:
            return answer.read().decode()

    async def shows(self, sample: str, *, at_least: float) -> None:
        """Wait until its metrics have a sample of at least this value."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(AssertionError):
                    if metric(await asyncio.to_thread(self.get, "/metrics"), sample) >= at_least:
                        return
                await asyncio.sleep(0.1)

    def stop(self) -> int:
        """End it in good order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text()

    def close(self) -> None:
        """Kill it if it still runs, and remove its log."""
        self.kill()
        self._log.unlink(missing_ok=True)


def metric(page: str, sample: str) -> float:
    """The value of a sample, given as it stands on a metrics page without its value."""
    for line in page.splitlines():
        if line.startswith(f"{sample} "):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no sample {sample}")


def traffic(
    start_ms: int, seconds: int, *, rps: int = 100, bad: float = 0.0, share: float = 0.2
) -> Iterator[dict[str, Any]]:
    """Steady requests: a `share` of them from the canary, whose requests fail at the rate `bad`."""
    every = round(1 / share)
    failing = round(1 / bad) if bad else 0
    canaries = 0
    for index in range(seconds * rps):
        canary = index % every == 0
        canaries += canary
        fails = canary and failing and canaries % failing == 0
        yield {
            "ts": start_ms + index * 1000 // rps,
            "rollout": "checkout-v2",
            "cohort": "canary" if canary else "stable",
            "status": 500 if fails else 200,
            "latency_ms": 10 + index % 7,
        }
