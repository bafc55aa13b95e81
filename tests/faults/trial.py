"""One trial: known traffic, real workers that are kept running, a fault, and what must hold all the same.

What must hold: per pane, cohort and window the counts are those of an independent recount of the events topic;
decisions have no gap and no two of them one id; folding the journal again gives each of them to the byte; and the fault
alone neither advanced nor rolled back anything.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from aiokafka.errors import KafkaError

from connectors import kafka
from gates.gate import Gate
from gates.panes import Pane
from gates.policy import Policy
from gates.rollout import Moment
from streams.faults import VARIABLE
from streams.journal import encode_document
from streams.replay_journal import read_journal
from tests.pipeline.harness import POLICY, SLUICEGATE, Site, Worker

ALTERED = Path(__file__).with_name("altered.py")
PATIENCE = 60.0
TICK = 0.1
EVENTS_PER_TICK = 40
ROLLOUTS = ("checkout-v2", "search-v2")  # one in each journal partition
TIMES = os.environ.get("SLUICEGATE_FAULT_TIMES")
"""A file to add recovery times to, a JSON object a line."""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251


def policy(rollout: str, *, bake: str = "10m", **changes: Any) -> Policy:
    """A policy whose first stage takes this long."""
    document = POLICY.document() | {"rollout": rollout} | changes
    document["stages"] = [dict(stage) | {"bake": bake} for stage in document["stages"]]
    return Policy.parse(document)


def note(fault: str, seconds: float) -> None:
    """Add a recovery time to the file that is asked for."""
    if TIMES:
        with Path(TIMES).open("a") as file:
            file.write(json.dumps({"fault": fault, "seconds": round(seconds, 2)}) + "\n")


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Trial:
    """An installation of its own, two rollouts of healthy traffic, and workers that are started again when they die."""

    def __init__(self, bootstrap: str, seed: int, *, bake: str = "10m", acknowledge: bool = True) -> None:
        self.rng = random.Random(seed)
        self.site = Site(bootstrap, f"f{uuid.uuid4().hex[:8]}.")
        self.policies = {name: policy(name, bake=bake) for name in ROLLOUTS}
        self.exits: list[int] = []
        self.sent = 0
        self.silent_partitions: set[int] = set()
        self.mangle = lambda event: event
        self._acknowledge = acknowledge
        self._tasks: list[asyncio.Task[None]] = []
        self._judged: list[tuple[float, str, int]] = []
        self._requests: Counter[tuple[str, str]] = Counter()
        self._loading = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.site.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self.site.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
        if exc[0] is not None:
            for number, worker in enumerate(self.site.workers):
                print(f"---- worker {number}: {worker.process.poll()}\n{worker.log()[-4000:]}")  # noqa: T201
        await self.site.__aexit__(*exc)

    async def begin(self, *crew: tuple[str, ...], fault: str | None = None, **variables: str) -> list["Post"]:
        """Start a worker for each tuple of roles (() is all), the rollouts and the traffic.

        `fault` is the SLUICEGATE_FAULT of the workers' first lives.
        """
        posts = [self.post(*roles, fault=fault, **variables) for roles in crew or [()]]
        for post in posts:
            if fault is None:
                await post.ready()
        for each in self.policies.values():
            await self.site.start(each)
        self._spawn(self._follow_statuses())
        if self._acknowledge:
            self._spawn(self._actuate())
        self._spawn(self._load())
        await asyncio.wait_for(self._loading.wait(), PATIENCE)
        return posts

    def post(self, *roles: str, fault: str | None = None, altered: tuple[str, ...] = (), **variables: str) -> "Post":
        """A place that some worker fills at any time; `altered` says how it differs from others (altered.py)."""
        post = Post(self, roles, fault, altered, variables)
        self._spawn(post.keep())
        return post

    def _spawn(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _load(self) -> None:
        """Healthy traffic in real time: one request in fifty fails, in each cohort alike."""
        while True:
            began = time.monotonic()
            now = now_ms()
            with contextlib.suppress(KafkaError):
                await asyncio.gather(*[await self.send(self._event(now), now) for _ in range(EVENTS_PER_TICK)])
                self._loading.set()
            await asyncio.sleep(max(0.0, TICK - (time.monotonic() - began)))

    async def send(self, event: Any, now: int) -> Any:
        """Produce one event, or bytes as they are; gives the future of its ack."""
        open_partitions = [number for number in range(3) if number not in self.silent_partitions]
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        partition = self.rng.choice(open_partitions)
        self.sent += 1
        return await self.site.producer.send(self.site.topics.events, value, partition=partition, timestamp_ms=now)

    def _event(self, now: int) -> Any:
        rollout, canary = self.rng.choice(ROLLOUTS), self.rng.random() < 0.3
        cohort = "canary" if canary else "stable"
        self._requests[rollout, cohort] += 1
        return self.mangle(
            {
                "ts": now - self.rng.randrange(200),
                "rollout": rollout,
                "cohort": cohort,
                "status": 500 if self._requests[rollout, cohort] % 50 == 0 else 200,
                "latency_ms": 10 + self.rng.randrange(20),
            }
        )

    async def _follow_statuses(self) -> None:
        async for status in self._following(self.site.topics.status):
            self._judged.append((time.time(), status["rollout"], status["event_time"]))  # noqa: TID251

    async def _actuate(self) -> None:
        async for decision in self._following(self.site.topics.decisions):
            await self.site.acknowledge(decision)

    async def _following(self, topic: str) -> AsyncIterator[dict[str, Any]]:
        reader = kafka.consumer(self.site.settings, topic)
        await reader.start()
        try:
            while True:
                yield json.loads((await reader.getone()).value)
        finally:
            await reader.stop()

    async def judged_past(self, moment_ms: int, patience: float = PATIENCE) -> float:
        """Wait until each rollout is judged past this event time; how many seconds after it that was."""
        async with asyncio.timeout(patience):
            while True:
                first = {
                    name: next((at for at, rollout, until in self._judged if rollout == name and until > moment_ms), 0)
                    for name in ROLLOUTS
                }
                if all(first.values()):
                    return max(first.values()) - moment_ms / 1000
                await asyncio.sleep(0.1)

    async def recovered(self, fault: str, since_ms: int) -> float:
        """Wait until what happened since the fault is judged; the time that took is written down."""
        took = await self.judged_past(since_ms)
        note(fault, took)
        return took

    async def decided(self) -> dict[str, list[dict[str, Any]]]:
        """Decisions by rollout, each once; without a gap, and no two with one id."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for value in (await self.site.decisions()).values():
            decision = json.loads(value)
            found[decision["rollout"]].append(decision)
        for decisions in found.values():
            assert [each["sequence"] for each in decisions] == list(range(1, len(decisions) + 1))
        return found

    async def holds(
        self,
        actions: frozenset[str] = frozenset({"start", "hold", "resume"}),
        *,
        late: int = 0,
        clamped: bool = False,
    ) -> None:
        """Check all that must hold, at the end of a trial.

        `late` is how many events may have come too late; `clamped` says that some came from the future.
        """
        self._tasks, ending = [], self._tasks
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self.site.producer.flush()
        produced = await (self._recount() if clamped else self.site.produced())
        async with asyncio.timeout(PATIENCE):
            while (counted := await self.site.counted()) != produced:
                await asyncio.sleep(0.5)
        assert sum(counted.values()) > 0
        for worker in self.site.workers:
            worker.kill()  # so that the journal stands still
        decided = await self.decided()
        assert {each["action"] for decisions in decided.values() for each in decisions} <= actions
        assert set(decided) == set(ROLLOUTS)
        await self._windows_are(produced, await self._panes_are(produced, late), late)

    async def _recount(self) -> Counter[tuple[str, str, int]]:
        """A recount of the events topic in which events from the future are at the time of their record."""
        found: Counter[tuple[str, str, int]] = Counter()
        for record in await self.site.read(self.site.topics.events):
            for line in record.value.splitlines():
                event = json.loads(line)
                at = event["ts"] if event["ts"] <= record.timestamp + 60_000 else record.timestamp
                found[event["rollout"], event["cohort"], at // 1000 * 1000] += 1
        return found

    async def _panes_are(self, produced: Counter[tuple[str, str, int]], allowed: int) -> dict[str, int]:
        """Fold the journal again: the same decisions, and panes that hold what the recount gives; the first of each."""
        panes: dict[str, list[Pane]] = defaultdict(list)
        observe = Gate.pane

        def spy(gate: Gate, pane: Pane, moment: Moment) -> Any:
            panes[gate.state.policy.rollout].append(pane)
            return observe(gate, pane, moment)

        with patch.object(Gate, "pane", spy):
            replay = await read_journal(self.site.settings)
        assert not replay.notes
        again = {decision.id: encode_document(decision.document()) for decision in replay.decisions}
        published = await self.site.decisions()
        assert published.items() <= again.items()  # a worker killed last may not have published its last ones
        assert len(again) - len(published) <= len(ROLLOUTS)
        late = 0
        for rollout, seen in panes.items():
            assert [pane.start for pane in seen[1:]] == [pane.end for pane in seen[:-1]]
            late += sum(pane.late for pane in seen)
            for pane in seen:
                for cohort in ("stable", "canary"):
                    given = pane.cell(cohort).requests
                    true = produced[rollout, cohort, pane.start]
                    assert given <= true if allowed else given == true, (rollout, cohort, pane)
        assert late <= allowed
        return {rollout: seen[0].start for rollout, seen in panes.items()}

    async def _windows_are(self, produced: Counter[tuple[str, str, int]], opened: dict[str, int], allowed: int) -> None:
        """Each published status tells of its window what the recount gives."""
        for record in await self.site.read(self.site.topics.status):
            status = json.loads(record.value)
            end = status["event_time"]
            for cohort in ("stable", "canary"):
                seconds = range(max(opened.get(status["rollout"], end), end - 10_000), end, 1000)
                true = sum(produced[status["rollout"], cohort, second] for second in seconds)
                given = status["slis"][cohort]["requests"]
                assert given <= true if allowed else given == true, (status["rollout"], cohort, end)


class Post:
    """A place that some worker fills at any time: when one ends, the next begins, without the fault."""

    def __init__(
        self,
        trial: Trial,
        roles: tuple[str, ...],
        fault: str | None,
        altered: tuple[str, ...],
        variables: dict[str, str],
    ) -> None:
        self._trial, self._roles, self._variables = trial, roles, variables
        self._command = (sys.executable, str(ALTERED), *altered, "--") if altered else (SLUICEGATE,)
        self._wanted = True
        self.died_at: int | None = None
        self.worker: Worker = self._start({VARIABLE: fault} if fault else {})

    def _start(self, extra: dict[str, str]) -> Worker:
        return self._trial.site.worker(*self._roles, command=self._command, **(self._variables | extra))

    async def keep(self) -> None:
        """Start a worker whenever the one before has ended."""
        while True:
            if self._wanted and self.worker.process.poll() is not None:
                self.died_at = now_ms()
                self._trial.exits.append(self.worker.process.returncode)
                self.worker = self._start({})
            await asyncio.sleep(0.05)

    async def ready(self) -> None:
        """Wait until the present worker has joined its groups."""
        await self.worker.ready()

    async def died(self) -> int:
        """Wait until a worker died here; when that was."""
        async with asyncio.timeout(PATIENCE):
            while self.died_at is None:
                await asyncio.sleep(0.05)
        died, self.died_at = self.died_at, None
        return died

    def signal(self, number: signal.Signals) -> None:
        """Send the present worker a signal."""
        self.worker.process.send_signal(number)

    async def stopped(self) -> int:
        """Wait until the present worker was stopped by SIGSTOP; when that was."""
        async with asyncio.timeout(PATIENCE):
            while not is_stopped(self.worker.process.pid):
                await asyncio.sleep(0.02)
        return now_ms()

    async def leave(self) -> int:
        """End the worker in good order, and fill the place no more; its exit code."""
        self._wanted = False
        return await asyncio.to_thread(self.worker.stop)
