"""What each process of the model runs: the real services, on the clients of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, cast

from connectors.actuators.dispatcher import Dispatcher, rank
from connectors.actuators.executor import Executor
from connectors.actuators.orders import Orders
from connectors.actuators.wanted import Wanted
from connectors.kafka.topic_reader import to_end
from connectors.signing.keys import keyring
from streams.ingest.service import Ingest
from streams.judge.service import Judge
from streams.runtime.health import Health
from streams.runtime.settings import Settings
from streams.sequencer.agents import Sequencer
from streams.sequencer.clock import CLOCK_SECONDS, JournalClock
from streams.sequencer.order_topics import ASK_SECONDS, OrderTopics
from tests.model.faust_app import FakeApp
from tests.model.process import Process
from tests.model.world import SETTINGS, SOURCES, TOPICS, Role, World


def settings_of(process: Process) -> Settings:
    """Return the settings of a process: the same for all, but for the name."""
    return SETTINGS.model_copy(update={"worker_id": process.name})


async def ingest(_world: World, process: Process) -> None:
    """Run the real service."""
    service = Ingest(settings_of(process), Health())
    await service.on_start()
    await cast("Any", Ingest._run)(service)


async def judge(_world: World, process: Process) -> None:
    """Run the real service."""
    service = Judge(settings_of(process), Health())
    await service.on_start()
    await cast("Any", Judge._run)(service)


async def sequencer(world: World, process: Process) -> None:
    """Give the real sequencer what its agents read, and run its clock and its watch over topics."""
    settings = settings_of(process)
    producer, consumer = world.producer(settings), world.consumer(settings, group_id=settings.group("sequencer"))
    app: Any = FakeApp(consumer, producer)
    topics = OrderTopics(settings, app)
    health = Health()
    handler = Sequencer(app, settings, topics, health.pulse("sequencer"))
    clock = JournalClock(settings, health, app, handler.waiting)
    for service in (topics, clock):
        await service.on_start()
    write_time = cast("Any", JournalClock._write_time).fun.__wrapped__
    beside = [
        asyncio.create_task(_repeated(partial(write_time, clock), CLOCK_SECONDS)),
        asyncio.create_task(_repeated(topics.ask, ASK_SECONDS)),
    ]
    consumer.subscribe(list(SOURCES), app.consumer)
    await consumer.start()
    while not any(task.done() for task in beside):
        for place, event in await app.consumer.take():
            await handler.take(SOURCES[place.topic], event)
        if world.rng.random() < 0.8:
            await app.consumer.commit()
    for task in beside:
        task.result()


async def _repeated(call: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        await call()
        await asyncio.sleep(seconds)


class Router:
    """What an actuator controls. It remains when the actuator's process ends; `applied` is all that was ever set."""

    name = "router"

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Set the weights, or fail."""
        await asyncio.sleep(self._world.rng.choice((0.0, 0.0, 0.1, 1.0)))
        await self._process.step()
        if self._world.rng.random() < 0.05 and not self._world.calm:
            raise RuntimeError("the router is away")
        self._world.applied.append(wanted)
        return wanted.weights


class LastingRouter(Router):
    """A router that remembers which orders are in force."""

    def last_applied(self) -> Mapping[str, tuple[int, int]]:
        """Return the token of each rollout's order in force."""
        return {wanted.rollout: (wanted.epoch, wanted.sequence) for wanted in self._world.applied}


async def actuator(world: World, process: Process) -> None:
    """Carry out orders by the real dispatcher and executor, as `connectors.actuators.subscription` gives them."""
    settings = settings_of(process)
    source, sink = world.consumer(settings), world.producer(settings)
    source.assign([log.place for topic in (TOPICS.decisions, TOPICS.commands) for log in world.broker.logs[topic]])
    kind = LastingRouter if world.lasting_router else Router
    executor = Executor(kind(world, process), world.broker.now_ms)
    executor._instance = "one"  # random otherwise, and a seed is all that a schedule depends on
    orders = Orders(keyring(settings, "actuator"), None, world.broker.now_ms)
    async with Dispatcher(executor, cast("Any", sink), TOPICS, lambda _: []) as dispatcher:
        newest: dict[str, Wanted] = {}
        async for record in to_end(cast("Any", source)):
            wanted = orders.read(record)
            if wanted is not None and rank(wanted) >= rank(newest.get(wanted.rollout, wanted)):
                newest[wanted.rollout] = wanted
        for wanted in newest.values():
            dispatcher.dispatch(wanted)
        while True:
            for records in (await source.getmany(timeout_ms=500)).values():
                for record in records:
                    if (wanted := orders.read(record)) is not None:
                        dispatcher.dispatch(wanted)
            dispatcher.raise_bugs()


ROLES: Mapping[str, Role] = {"ingest": ingest, "judge": judge, "sequencer": sequencer, "actuator": actuator}
