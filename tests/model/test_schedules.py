"""The whole pipeline in one model, thousands of times: real ingest, sequencer, judge and actuator, and no Kafka.

Each schedule runs the services' own loops on an event loop with a time of its own and on a broker in memory
(`broker`, `clients`). Processes crash or are suspended at any call to the broker, and the faults of `chaos` happen.
Then the faults end, the workers catch up, and `promises` checks what docs/reliability.md promises.

A seed is all that a schedule depends on: `SLUICEGATE_SEED=4711 pytest tests/model` runs that one alone.

Not part of the model: the audit, signatures, several actuators, a journal that is truncated or created again
(tests/streams/judge/test_truncation.py, tests/faults/test_lost.py).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaError

from gates.decisions import Action
from tests.model.chaos import Plan
from tests.model.installed import install
from tests.model.promises import Refolded, check, settled
from tests.model.roles import ROLES
from tests.model.traffic import POLICIES, Traffic
from tests.model.world import EPOCH, TOPICS, World

FAULTY_S, CALM_S, REST_S = 9.0, 3.0, 3.0
MOST_WAITS = 40
JUDGED_PAST = EPOCH + int((FAULTY_S + CALM_S) * 1000) - 1_000
GIVEN = os.environ.get("SLUICEGATE_SEED")
BLOCK, BLOCKS, SLOW_BLOCKS = 50, 1 if GIVEN else 4, 200
"""Schedules of a test, tests of the fast suite, and tests of the slow one."""
COMPARED = (TOPICS.journal, TOPICS.decisions, TOPICS.acks, TOPICS.status, TOPICS.snapshots)


class _Bugs(logging.Handler):
    """Collects logged exceptions of other kinds than those by which a broker fails."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[BaseException | str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a log record."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, KafkaError | TimeoutError):
            self.found.append(error)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nobody reads what thousands of faults log, and it takes time; but no exception may be caught that is a bug."""
    root, watch = logging.getLogger(), _Bugs()
    before = list(root.handlers)
    root.handlers[:] = [watch]
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
    root.handlers[:] = before
    assert not watch.found, watch.found


@pytest.fixture(autouse=True)
def _uncollected() -> Iterator[None]:
    """Collecting garbage takes a tenth of the time, and the memory of one test is no more than 100 MB."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def a_traffic(world: World) -> Traffic:
    """Draw the rollouts of a schedule, and how good their candidates and their producers are."""
    rng = world.rng
    names = tuple(POLICIES)[: rng.choice((1, 1, 2))]
    bad = frozenset(name for name in names if rng.random() < 0.4)
    only = rng.choice((None, None, rng.randrange(3)))
    late, junk = rng.choice((0.0, 0.0, 0.05)), rng.choice((0.0, 0.0, 0.1))
    return Traffic(world, names, bad, bad_only=only, late=late, junk=junk)


async def play(world: World, traffic: Traffic, plan: Plan) -> None:
    """Play a schedule to its end."""
    sending = [world.loop.create_task(traffic.produce()), world.loop.create_task(traffic.operate())]
    for role in world.roles:
        world.begin(role)
    plan.arm(world)
    await asyncio.sleep(FAULTY_S)
    world.calm, world.broker.trouble, world.broker.slow = True, None, 0.0
    await asyncio.sleep(CALM_S)
    traffic.flowing = False
    seen = 0
    for _ in range(MOST_WAITS):
        await asyncio.sleep(1.0)
        # Seen twice: a judge that has just begun may still find a newer order in the journal.
        seen = seen + 1 if settled(world, traffic, JUDGED_PAST) else 0
        if seen == 2:
            break
    for process in [*world.alive("ingest"), *world.alive("sequencer")]:
        process.die()  # the journal ends here
    await asyncio.sleep(REST_S)
    for process in world.processes:
        process.die()
    for task in sending:
        await task
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def run(seed: int) -> tuple[World, Refolded]:
    """Play the schedule of a seed and check it; whatever is wrong names the seed."""
    world = World(seed, ROLES)
    traffic = a_traffic(world)
    plan = Plan.drawn(world, FAULTY_S)
    with pytest.MonkeyPatch.context() as patch:
        install(world, patch)
        try:
            world.loop.run_until_complete(play(world, traffic, plan))
            return world, check(world, traffic, JUDGED_PAST, damaged=plan.damages)
        except BaseException as error:
            faults = ", ".join(f"{name} at {at:.2f} s" for at, name in plan.faults)
            error.add_note(f"run it again with SLUICEGATE_SEED={seed}: {faults or 'no fault'}; {traffic.shown()}")
            raise
        finally:
            world.loop.close()


def run_block(seeds: range) -> None:
    """Run schedules; together they must contain what the promises are about."""
    actions: Counter[Action] = Counter()
    for seed in [int(GIVEN)] if GIVEN else seeds:
        _, found = run(seed)
        actions.update(decision.action for decision in found.decisions.values())
    if not GIVEN:
        assert all(actions[each] for each in (Action.ADVANCE, Action.PROMOTE, Action.ROLLBACK, Action.HOLD)), actions


@pytest.mark.parametrize("block", range(BLOCKS))
def test_schedules(block: int) -> None:
    """A few hundred."""
    run_block(range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.slow
@pytest.mark.skipif(GIVEN is not None, reason="one seed is given")
@pytest.mark.parametrize("block", range(SLOW_BLOCKS))
def test_ten_thousand_schedules(block: int) -> None:
    """The same, for as many schedules as are promised."""
    run_block(range(100_000 + block * BLOCK, 100_000 + (block + 1) * BLOCK))


def test_a_seed_is_all_that_a_schedule_depends_on() -> None:
    """Each topic has the same records at the same times when the schedule is run again."""
    for seed in range(5):
        first, second = (
            [(each.topic, each.offset, each.timestamp, each.value) for topic in COMPARED for each in records(topic)]
            for records in (run(seed)[0].broker.records for _ in range(2))
        )
        assert first == second
