"""One trial: known traffic, real workers that are kept running, a fault, and what must hold all the same.

What must hold: per pane, cohort and window the counts are those of an independent recount of the events topic;
decisions have no gap and no two of them one id; folding the journal again gives each of them to the byte; the fault
alone neither advanced nor rolled back anything; and the actuator has put in force what was decided last.
"""

import asyncio
import contextlib
import itertools
import json
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from aiokafka.errors import KafkaError

from connectors.kafka import clients
from connectors.kafka.topic_reader import read_to_end
from gates.policy import Policy
from tests.faults import promises
from tests.faults.carrier import Carrier
from tests.faults.post import Post
from tests.faults.recount import Recount, recount
from tests.faults.times import PATIENCE, note, now_ms
from tests.pipeline.harness import PARTITIONS, POLICY, Site

TICK = 0.1
LOGS = 20
"""Of how many workers the logs are shown when a trial fails, the last ones."""
EVENTS_PER_TICK = 40
ROLLOUTS = ("checkout-v2", "search-v2")  # one in each journal partition
WAITING = frozenset({"start", "hold", "resume"})
"""The actions that a fault may cause."""


def policy(rollout: str, *, bake: str = "10m", **changes: Any) -> Policy:
    """A policy whose first stage takes this long."""
    document: dict[str, Any] = POLICY.document() | {"rollout": rollout} | changes
    document["stages"] = [dict(stage) | {"bake": bake} for stage in document["stages"]]
    return Policy.parse(document)


LOGIN = ("SLUICEGATE_SECURITY", "SLUICEGATE_SASL")
"""How variables begin by which a worker logs in; the actuator does so alike."""


class Trial:
    """An installation of its own, two rollouts of healthy traffic, and workers that are started again when they die.

    So is the actuator's process, if there is one (`acknowledge`), but only the trial itself may kill it.

    `rollouts` have traffic over all `partitions`, but for `silent_rollouts`; those that a trial adds, it starts and
    checks itself. All traffic stops while somebody holds `sending`. `changes` are to the policy.
    `mangle` makes of an event what is sent in its place; what of that are no events is in `malformed`, with the reason.
    """

    def __init__(
        self, bootstrap: str, seed: int, *, bake: str = "10m", acknowledge: bool = True, **changes: Any
    ) -> None:
        self.rng = random.Random(seed)
        self.site = Site(bootstrap, f"f{uuid.uuid4().hex[:8]}.")
        self.rollouts: tuple[str, ...] = ROLLOUTS
        self.policies = {name: policy(name, bake=bake, **changes) for name in ROLLOUTS}
        self.exits: list[int] = []
        self.sent = 0
        self.partitions = PARTITIONS["events"]
        self.silent_partitions: set[int] = set()
        self.silent_rollouts: set[str] = set()
        self.is_silent = False
        self.mangle: Callable[[Any], Any] = lambda event: event
        self.malformed: dict[bytes, str] = {}
        self.carrier: Carrier | None = None
        self.carriers: list[Carrier] = []
        self.carrier_variables: dict[str, str] = {}
        self.sending = asyncio.Lock()
        self._acknowledge = acknowledge
        self.tasks: list[asyncio.Task[None]] = []
        self._judged: list[tuple[float, str, int]] = []
        self._requests: Counter[tuple[str, str]] = Counter()
        self._loading = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.site.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self.tasks:
            task.cancel()
        ended_with = await asyncio.gather(*self.tasks, return_exceptions=True)
        broken = [each for each in ended_with if isinstance(each, Exception)]
        for worker in self.site.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
        if exc[0] is not None:
            print(f"---- tasks of the trial itself that failed: {broken}")  # noqa: T201
            for number, worker in list(enumerate(self.site.workers))[-LOGS:]:
                health = await worker.health()
                print(f"---- worker {number}: {worker.process.poll()}, {health}\n{worker.log()[-4000:]}")  # noqa: T201
        ended = [carrier.ended() for carrier in self.carriers]
        for carrier in self.carriers:
            if exc[0] is not None or carrier.ended():
                print(f"---- actuator: {carrier.process.poll()}\n{carrier.log()[-4000:]}")  # noqa: T201
            carrier.close()
        await self.site.__aexit__(*exc)
        if exc[0] is None:
            assert not any(ended), ended

    async def begin(
        self, *crew: tuple[str, ...], fault: str | None = None, altered: str = "", **variables: str
    ) -> list["Post"]:
        """Start a worker for each tuple of roles (() is all), the rollouts and the traffic.

        `fault` is the SLUICEGATE_FAULT of the workers' first lives, `altered` as for a `post`.
        """
        posts = [self.post(*roles, fault=fault, altered=altered, **variables) for roles in crew or [()]]
        for post in posts:
            if fault is None:
                await post.ready()
        for each in self.policies.values():
            await self.site.start(each)
        self._spawn(self._follow_statuses())
        if self._acknowledge:
            bootstrap = variables.get("SLUICEGATE_BOOTSTRAP", self.site.settings.bootstrap)
            self.carrier_variables |= {name: value for name, value in variables.items() if name.startswith(LOGIN)}
            self.carrier = self.carry(bootstrap)
        self._spawn(self._load())
        await asyncio.wait_for(self._loading.wait(), PATIENCE)
        return posts

    def post(self, *roles: str, fault: str | None = None, altered: str = "", **variables: str) -> "Post":
        """A place that some worker fills at any time; `altered` is how it differs from others (altered.py)."""
        post = Post(self.site, self.exits, roles, fault, altered, variables)
        self._spawn(post.keep())
        return post

    def carry(self, bootstrap: str) -> Carrier:
        """Start an actuator; the trial fails if it ends by itself."""
        carrier = Carrier(self.site, bootstrap, self.carrier_variables)
        self.carriers.append(carrier)
        self._spawn(carrier.keep())
        return carrier

    def _spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def _load(self) -> None:
        """Healthy traffic in real time: one request in fifty fails, in each cohort alike."""
        while True:
            began = time.monotonic()
            now = now_ms()
            with contextlib.suppress(KafkaError):
                async with self.sending:
                    number = 0 if self.is_silent else EVENTS_PER_TICK
                    await asyncio.gather(*[await self.send(self.event(now), now) for _ in range(number)])
                self._loading.set()
            await asyncio.sleep(max(0.0, TICK - (time.monotonic() - began)))

    async def send(self, event: Any, now: int, partition: int | None = None) -> Any:
        """Produce one event, or bytes as they are, to a partition or any; gives the future of its ack."""
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        if partition is None:
            partition = self.rng.choice(
                [number for number in range(self.partitions) if number not in self.silent_partitions]
            )
        self.sent += 1
        return await self.site.producer.send(self.site.topics.events, value, partition=partition, timestamp_ms=now)

    def event(self, now: int) -> Any:
        """The next request of the traffic."""
        rollout = self.rng.choice([name for name in self.rollouts if name not in self.silent_rollouts])
        canary = self.rng.random() < 0.3
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
        async for status in self.following(self.site.topics.status):
            self._judged.append((time.time(), status["rollout"], status["event_time"]))  # noqa: TID251

    async def following(self, topic: str) -> AsyncIterator[dict[str, Any]]:
        """The documents of a topic from its beginning, as they come, without end."""
        reader = clients.consumer(self.site.settings, topic)
        await reader.start()
        try:
            while True:
                yield json.loads((await reader.getone()).value)
        finally:
            await reader.stop()

    async def judged_past(
        self, moment_ms: int, patience: float = PATIENCE, rollouts: tuple[str, ...] = ROLLOUTS
    ) -> float:
        """Wait until each rollout is judged past this event time; how many seconds after it that was."""
        async with asyncio.timeout(patience):
            while not all(first := [self._first_past(moment_ms, name) for name in rollouts]):
                await asyncio.sleep(0.1)
        return max(first) - moment_ms / 1000

    @property
    def newest(self) -> dict[str, int]:
        """The event time that each rollout is judged up to."""
        return {rollout: until for _, rollout, until in self._judged}

    def _first_past(self, moment_ms: int, name: str) -> float:
        """When a pane was judged that ends later; 0 while none is.

        The first status has none: its event time is where the first pane begins, up to a second from then.
        """
        known = [(at, until) for at, rollout, until in self._judged if rollout == name]
        begun = known[0][1] if known else 0
        return next((at for at, until in known if until > max(moment_ms, begun)), 0.0)

    async def recovered(self, fault: str, since_ms: int, rollouts: tuple[str, ...] = ROLLOUTS) -> float:
        """Wait until all since the fault is judged, and note how long that took."""
        took = await self.judged_past(since_ms, rollouts=rollouts)
        note(fault, took)
        return took

    async def decided(self) -> dict[str, list[dict[str, Any]]]:
        """Decisions by rollout, each once; without a gap, and no two with one id."""
        return await promises.decided(self.site)

    async def statuses(self) -> list[dict[str, Any]]:
        """All statuses so far."""
        return [json.loads(record.value) for record in await self.site.read(self.site.topics.status)]

    async def recount(self) -> Recount:
        """What the events topic holds as of now."""
        return await recount(read_to_end(self.site.settings, self.site.topics.events), self.malformed)

    async def counted_all(self) -> Recount:
        """Wait until all is counted, while nothing is sent; gives the recount."""
        await self.site.producer.flush()
        true = await self.recount()
        await self._counted(true)
        return true

    async def _counted(self, true: Recount) -> None:
        """Wait until the journal and the dead letters hold what the recount gives, and no more."""
        deadline = time.monotonic() + PATIENCE
        for tries in itertools.count(1):
            counted, dead = await self.site.counted(), await promises.dead_letters(self.site)
            if (counted, dead) == (true.requests, true.dead) or (tries > 2 and time.monotonic() > deadline):
                break
            await asyncio.sleep(0.5)
        assert counted == true.requests, (counted - true.requests, true.requests - counted)
        assert dead == true.dead, (dead - true.dead, true.dead - dead)
        assert counted.total() > 0

    async def holds(self, actions: frozenset[str] = WAITING, *, late: int = 0) -> Recount:
        """Check all that must hold, at the end of a trial; gives the recount.

        `late` is how many events of each rollout may have come too late.
        """
        self.tasks, ending = [], self.tasks
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        true = await self.counted_all()
        for worker in self.site.workers:
            worker.kill()  # so that the journal stands still
        await self.promised(true, actions, late)
        return true

    async def promised(self, true: Recount, actions: frozenset[str], late: int) -> None:
        """Check the promises against what a recount gave, while nothing is sent and no worker runs."""
        decisions = await self.decided()
        assert {each["action"] for name in ROLLOUTS for each in decisions[name]} <= actions
        assert set(decisions) == set(self.rollouts)
        if self.carrier is not None:
            await self.carrier.follows({name: known[-1] for name, known in decisions.items()})
        opened = await promises.panes_hold(self.site, true.requests, len(self.rollouts), late)
        await promises.windows_hold(self.site, true.requests, opened, late)
