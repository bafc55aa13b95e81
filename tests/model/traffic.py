"""What producers and operators send in one schedule, and the truth about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from gates.policy import Policy
from streams.journal import Control, Start, encode
from tests.model.broker import Message
from tests.model.world import TOPICS, World

STABLE, CANARY = "stable", "canary"
TICK_S = 0.6
MOST_EVENTS = 8
"""Events of a record."""
PARTITIONS = 2
"""The source's partitions at first."""
WINDOW_MS = 4_000
LEAST_LATE_MS = 1_500
Cell = tuple[str, str, int]
"""Rollout, cohort and second."""
JUNK = b'{"rollout": "checkout", "cohort": "canary"'


def a_policy(rollout: str) -> Policy:
    """Return the policy of a rollout: two stages of a few seconds, and a limit."""
    return Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": rollout,
            "cohorts": {"baseline": STABLE, "candidate": CANARY},
            "pane": "1s",
            "stages": [
                {"name": "canary", "weight": "20%", "bake": "2s"},
                {"name": "half", "weight": "50%", "bake": "2s"},
            ],
            "checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": f"{WINDOW_MS // 1000}s"}},
            "min_requests": 5,
            "data_quality": {"split": "100%"},  # the traffic does not follow the gate's orders
            "confidence": {"dispersion": 1},
        }
    )


POLICIES: Mapping[str, Policy] = {name: a_policy(name) for name in ("checkout", "search")}


class Spot(NamedTuple):
    """A place in the source: partition, topic id and offset."""

    partition: int
    identity: str
    offset: int


@dataclass
class Truth:
    """What the records that were ever written hold: requests and errors by rollout, cohort and second; and junk.

    The errors in a partition that was added a moment ago are not among them: nobody can act on them yet. `placed` has
    the requests by their place, too, and `late` those that are late, by topic id.
    """

    requests: Counter[Cell] = field(default_factory=Counter)
    errors: Counter[Cell] = field(default_factory=Counter)
    placed: Counter[tuple[Cell, Spot]] = field(default_factory=Counter)
    late: Counter[tuple[Cell, str]] = field(default_factory=Counter)
    junk: int = 0


@dataclass
class Traffic:
    """The producers of one schedule. The candidates of `bad` rollouts fail, those of others do not.

    `bad_only` is the partition in which they fail; in all if it is None. `late` is how often an event is late.
    """

    world: World
    rollouts: tuple[str, ...]
    bad: frozenset[str] = frozenset()
    bad_only: int | None = None
    late: float = 0.0
    junk: float = 0.0
    truth: Truth = field(default_factory=Truth)
    flowing: bool = True
    orders: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Let faults that lose orders have the rollouts started again."""
        self.world.start_again = self.start

    def shown(self) -> str:
        """Return what a person needs to see of it."""
        where = "everywhere" if self.bad_only is None else f"in partition {self.bad_only}"
        return f"rollouts {', '.join(self.rollouts)}; bad {where}: {', '.join(sorted(self.bad)) or 'none'}"

    async def produce(self) -> None:
        """Write a record to each partition, twice a second, as long as the traffic flows."""
        world = self.world
        while self.flowing:
            for log in world.broker.logs[TOPICS.events]:
                if world.rng.random() < 0.1 or log.away_until > world.loop.now:
                    continue  # a client that is slow, or cannot write
                if world.rng.random() < self.junk:
                    log.append(Message(JUNK), world.broker.now_ms())
                    self.truth.junk += 1
                lines = [self._event(log.place.partition, log.end) for _ in range(world.rng.randint(2, MOST_EVENTS))]
                recorded = world.broker.now_ms() - world.rng.choice((0, 0, 0, 0, 400, 2_000))
                log.append(Message(b"\n".join(lines)), recorded)
            await asyncio.sleep(TICK_S * world.rng.uniform(0.8, 1.2))

    def _event(self, partition: int, offset: int) -> bytes:
        """Return one request, noted as true."""
        rng = self.world.rng
        rollout, cohort = rng.choice(self.rollouts), rng.choice((STABLE, CANARY))
        age = rng.randrange(300) if rng.random() >= self.late else rng.randrange(LEAST_LATE_MS, 4_000)
        at = self.world.broker.now_ms() - age
        fails = cohort == CANARY and rollout in self.bad and self.bad_only in (None, partition)
        fails = fails and rng.random() < 0.9
        key = rollout, cohort, at // 1000 * 1000
        self.truth.requests[key] += 1
        if partition < PARTITIONS or self.world.loop.now > self.world.unnoticed_until:
            self.truth.errors[key] += fails
        identity = self.world.broker.ids[TOPICS.events]
        self.truth.placed[key, Spot(partition, identity, offset)] += 1
        self.truth.late[key, identity] += age >= LEAST_LATE_MS
        event = {"ts": at, "rollout": rollout, "cohort": cohort, "status": 500 if fails else 200, "latency_ms": 5.0}
        return orjson.dumps(event)

    async def operate(self) -> None:
        """Start the rollouts, and give some orders."""
        world = self.world
        await asyncio.sleep(world.rng.uniform(0.5, 2.0))
        self.start()
        while self.flowing:
            await asyncio.sleep(world.rng.uniform(2.0, 8.0))
            name = world.rng.choice(self.rollouts)
            match world.rng.randrange(6):
                case 0:
                    self._order(TOPICS.controls, name, Control(rollout=name, control="pause", **self._by()))
                    await asyncio.sleep(1.0)
                    self._order(TOPICS.controls, name, Control(rollout=name, control="resume", **self._by()))
                case 1:
                    world.broker.logs[TOPICS.controls][0].append(Message(b"junk", b"\xff"), world.broker.now_ms())
                case 2:
                    self._start(name)
                case 3:
                    world.broker.logs[TOPICS.acks][0].append(Message(b'{"schema": 1}'), -(1 << 60))

    def start(self) -> None:
        """Start all rollouts: those that are running already with this policy go on."""
        for name in self.rollouts:
            self._start(name)

    def _start(self, name: str) -> None:
        self._order(TOPICS.policies, name, Start(rollout=name, policy=POLICIES[name].document(), **self._by()))

    def _by(self) -> dict[str, Any]:
        return {"by": "ada", "at": self.world.broker.now_ms()}

    def _order(self, topic: str, name: str, order: Start | Control) -> None:
        self.orders[name, order.control if isinstance(order, Control) else "start"] += 1
        log = self.world.broker.logs[topic][0]
        log.append(Message(encode(order), name.encode()), self.world.broker.now_ms())
